//! Holders by name. Service Catalog tells holders by id, and RAM knows whose id that is.

use std::collections::BTreeSet;

use super::Alibaba;
use super::call::Action;
use super::errors::CallError;
use super::observe::Readable;
use super::wire::{Holder, Input};
use crate::model::{Observation, Subject};
use crate::provider::ProviderError;
use crate::provider::gather::gather;

const ROLE: Action = Action::ram("GetRole");
const USER: Action = Action::ram("GetUser");

impl Alibaba {
    pub(super) async fn principals(&self, names: &BTreeSet<String>) -> Result<Observation, ProviderError> {
        let answers = gather(self.parallelism, names.iter().map(|name| self.principal(name))).await?;
        let mut observation = Observation::default();
        for (name, answer) in names.iter().zip(answers) {
            match answer {
                Ok(holder) => _ = observation.principals.insert(name.clone(), holder),
                Err(why) => _ = observation.unreadable.insert(Subject::Principal(name.clone()), why),
            }
        }
        Ok(observation)
    }

    /// `role/NAME` → `role/ID`. Nothing where RAM has no such name.
    async fn principal(&self, name: &str) -> Result<Readable<Option<String>>, ProviderError> {
        let (action, input, kind) = match name.split_once('/') {
            Some(("role", name)) => (ROLE, Input::new().with("RoleName", name), "role"),
            Some(("user", name)) => (USER, Input::new().with("UserName", name), "user"),
            _ => return Ok(Ok(None)),
        };
        let holder: Holder = match self.client.call(action, input).await {
            Ok(holder) => holder,
            Err(CallError::Refused(refusal)) if refusal.is_not_found() => return Ok(Ok(None)),
            Err(CallError::Refused(refusal)) => {
                return Ok(Err(format!(
                    "RAM does not tell its id ({}); write the id itself, `{kind}/…`, or allow ram:{}",
                    refusal.text(),
                    action.name
                )));
            }
            Err(CallError::Failed(error)) => return Err(error),
        };
        let id = if kind == "role" { &holder.role.role_id } else { &holder.user.user_id };
        Ok(Ok(Some(&**id).filter(|id| !id.is_empty()).map(|id| format!("{kind}/{id}"))))
    }
}

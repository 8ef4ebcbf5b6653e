//! What a service cannot change after launch and the files say all the same: it is compared, and a difference needs a
//! person.

use super::knowledge::Fact;
use super::planner::{Matched, Planner};
use crate::model::ProvisionedProduct;
use crate::problem::Problem;

impl<'a> Planner<'a> {
    /// Whether the owner that the files name is one that the cloud can tell; `None` while that has to be asked. Where
    /// the owner can be changed, the service itself looks at the name.
    pub fn holder(&mut self, m: &Matched<'a>) -> Option<()> {
        let Some(wanted) = &m.spec.owner else { return Some(()) };
        if m.target.cloud.traits().changes_owner || is_id(&wanted.value) {
            return Some(());
        }
        match self.knowledge.principal(&m.target.name, &wanted.value) {
            Fact::Asked => None,
            Fact::Known(Some(_)) => Some(()),
            Fact::Known(None) => {
                self.problems.push(
                    Problem::input(format!("there is no `{}` in account {}", wanted.value, m.target.account))
                        .at(&wanted.place)
                        .hint("correct the name, or write the id: `role/ID` or `user/ID`"),
                );
                None
            }
            Fact::Unreadable(reason) => {
                let problem = Problem::failed(format!("the id of `{}` cannot be looked up: {reason}", wanted.value))
                    .hint("write the id itself (`role/ID` or `user/ID`), or allow ram:GetRole and ram:GetUser to the identity that reads");
                self.finding(&m.spec.address, true, true, problem);
                None
            }
        }
    }

    /// Compares the owner with the one that the files name.
    pub fn asserted_owner(&mut self, m: &Matched<'a>, product: &ProvisionedProduct) {
        let Some(wanted) = &m.spec.owner else { return };
        let id = match is_id(&wanted.value) {
            true => wanted.value.as_str(),
            // Looked up before.
            false => match self.knowledge.principal(&m.target.name, &wanted.value) {
                Fact::Known(Some(id)) => id,
                _ => return,
            },
        };
        if product.owner.as_deref() == Some(id) {
            return;
        }
        let named = if id == wanted.value { id.to_owned() } else { format!("{} ({id})", wanted.value) };
        let owner = product.owner.as_deref().unwrap_or("nobody that the service tells");
        let problem = Problem::failed(format!("{} is owned by {owner}, and the files name {named}", product.id))
            .hint("the service cannot change it: launch anew under the other identity, or name a `steward`");
        self.finding(&m.spec.address, true, true, problem);
    }

    /// The resources cannot move to another region.
    pub fn stack_stays(&mut self, m: &Matched<'a>, product: &ProvisionedProduct) -> Option<()> {
        let (Some(wanted), Some(there)) = (&m.spec.stack_region, &product.stack_region) else { return Some(()) };
        if wanted.value == *there {
            return Some(());
        }
        self.problems.push(
            Problem::input(format!(
                "the resources of `{}` ({}) are in {there} and cannot move to {}",
                m.spec.address, product.id, wanted.value
            ))
            .at(&wanted.place)
            .hint(format!(
                "write a new `name` as well, which launches a replacement and terminates this one, or write `stack_region = \"{there}\"`"
            )),
        );
        None
    }
}

/// `role/ID` or `user/ID`: ids are numbers.
fn is_id(holder: &str) -> bool {
    holder.split_once('/').is_some_and(|(_, id)| !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit()))
}

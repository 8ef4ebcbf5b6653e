//! UpdateProvisionedProductProperties: owner and launch role.

use std::collections::BTreeMap;

use super::access::{ArnKind, identity};
use super::model::{Answer, Millis, Owner, Place, Record, RecordKind, ServiceError, Token, Work};
use super::{Caller, World};

/// How long a change of properties takes.
const PROPERTY_CHANGE: Millis = 5_000;

impl World {
    /// Changes the owner, the launch role, or both at once. Policies cannot narrow this operation below the account, so
    /// the caller need not see the product.
    pub fn change_properties(
        &mut self,
        caller: &Caller,
        id: &str,
        properties: &BTreeMap<String, String>,
        token: &str,
        digest: &str,
    ) -> Answer<Record> {
        let key = Self::token_key(caller, "UpdateProvisionedProductProperties", token);
        let found = self.state.provisioned.get(id).filter(|p| p.place == caller.place && !p.terminated);
        let Some(product) = found.cloned() else {
            return Err(ServiceError::missing(format!("Provisioned product not found: {id}")));
        };
        if let Some(answer) = self.replay(&key, digest)?
            && let Some(record) = self.state.records.get(&answer)
        {
            return Ok(record.as_created());
        }
        let mut owner = None;
        let mut launch_role = None;
        for (property, value) in properties {
            match property.as_str() {
                "OWNER" => owner = Some(self.new_owner(&caller.place, value)?),
                "LAUNCH_ROLE" => launch_role = Some(launch_role_of(&caller.place, value)?),
                other => return Err(ServiceError::invalid(format!("Unknown provisioned product property: {other}"))),
            }
        }
        Self::is_idle(&product, "InvalidStateException")?;
        let work = Work::Properties { owner, launch_role };
        let record = self.begin(product, RecordKind::UpdateProvisionedProduct, work, None, PROPERTY_CHANGE);
        self.put_token(key, Token { request: digest.to_owned(), answer: record.id.clone() });
        Ok(record)
    }

    /// An assumed role's session is owned as the role's, whose path only the role itself knows.
    fn new_owner(&self, place: &Place, arn: &str) -> Answer<Owner> {
        let Some(who) = identity(arn) else {
            return Err(ServiceError::invalid(format!(
                "OWNER must be the ARN of an IAM user, an IAM role or an STS assumed role: {arn}"
            )));
        };
        same_account(place, "OWNER", arn)?;
        if who.kind != ArnKind::AssumedRole {
            return Ok(Owner { arn: arn.to_owned(), session: arn.to_owned() });
        }
        let known = self.catalog.principals.values().map(|p| p.arn.as_str()).find(|known| {
            identity(known).is_some_and(|k| k.kind == ArnKind::Role && k.account == who.account && k.name == who.name)
        });
        let role = known
            .map_or_else(|| format!("arn:{}:iam::{}:role/{}", who.partition, who.account, who.name), str::to_owned);
        Ok(Owner { arn: role, session: arn.to_owned() })
    }
}

fn launch_role_of(place: &Place, arn: &str) -> Answer<String> {
    if identity(arn).is_none_or(|who| who.kind != ArnKind::Role) {
        return Err(ServiceError::invalid(format!("LAUNCH_ROLE must be the ARN of an IAM role: {arn}")));
    }
    same_account(place, "LAUNCH_ROLE", arn)?;
    Ok(arn.to_owned())
}

fn same_account(place: &Place, property: &str, arn: &str) -> Answer<()> {
    match identity(arn) {
        Some(who) if who.account == place.account && who.partition == place.partition() => Ok(()),
        _ => Err(ServiceError::invalid(format!("{property} must be in the account {}: {arn}", place.account))),
    }
}

//! Who a caller is, what it may call and what it may see.

use super::model::{Access, Answer, Owner, Place, Principal, ServiceError};

/// Operations that the end-user policies of the service do not contain: they need account level or a seed's `allow`.
const ADMINISTRATIVE: [&str; 6] = [
    "DescribeProductAsAdmin",
    "DescribeProvisioningArtifact",
    "GetProvisionedProductOutputs",
    "ListProvisioningArtifacts",
    "SearchProductsAsAdmin",
    "UpdateProvisionedProductProperties",
];

/// Operations that change something.
pub const WRITES: [&str; 7] = [
    "CreateProvisionedProductPlan",
    "DeleteProvisionedProductPlan",
    "ExecuteProvisionedProductPlan",
    "ProvisionProduct",
    "TerminateProvisionedProduct",
    "UpdateProvisionedProduct",
    "UpdateProvisionedProductProperties",
];

/// The parts of an ARN that matter for ownership.
#[derive(Debug, PartialEq, Eq)]
pub struct Identity<'a> {
    pub partition: &'a str,
    pub account: &'a str,
    pub kind: ArnKind,
    /// Without the path: an assumed role's ARN does not have it.
    pub name: &'a str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArnKind {
    Role,
    User,
    AssumedRole,
}

/// Reads the ARN of a role, a user or an assumed role; anything else is none of them.
pub fn identity(arn: &str) -> Option<Identity<'_>> {
    let mut parts = arn.splitn(6, ':');
    let (prefix, partition, service) = (parts.next()?, parts.next()?, parts.next()?);
    let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
    let is_account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    if prefix != "arn" || !partition.starts_with("aws") || !region.is_empty() || !is_account {
        return None;
    }
    let (kind, rest) = resource.split_once('/')?;
    let (kind, name) = match (service, kind) {
        ("iam", "role") => (ArnKind::Role, rest.rsplit('/').next()?),
        ("iam", "user") => (ArnKind::User, rest.rsplit('/').next()?),
        ("sts", "assumed-role") => {
            let (role, session) = rest.split_once('/')?;
            if session.len() < 2 || session.len() > 64 || !is_name(session) {
                return None;
            }
            (ArnKind::AssumedRole, role)
        }
        _ => return None,
    };
    (is_name(name) && name.len() <= 64).then_some(Identity { partition, account, kind, name })
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b))
}

/// Who makes a request, and where.
#[derive(Debug, Clone)]
pub struct Caller {
    pub principal: Principal,
    /// What STS calls it: the user, or a session of the role.
    pub session: String,
    pub place: Place,
}

impl Caller {
    /// A caller that signs with the principal's own key.
    pub fn new(principal: &Principal, session_name: &str, place: Place) -> Caller {
        let session = session_arn(&principal.arn, session_name);
        Caller { principal: principal.clone(), session, place }
    }

    /// What it owns when it provisions something.
    pub fn as_owner(&self) -> Owner {
        Owner { arn: self.principal.arn.clone(), session: self.session.clone() }
    }

    /// Refuses what policies would refuse.
    pub fn authorize(&self, operation: &str) -> Answer<()> {
        let principal = &self.principal;
        let denied = principal.deny.contains(operation)
            || (principal.read_only && WRITES.contains(&operation))
            || (ADMINISTRATIVE.contains(&operation)
                && principal.access < Access::Account
                && !principal.allow.contains(operation));
        if denied { Err(self.denied(operation)) } else { Ok(()) }
    }

    /// Refuses a wider look than the principal has.
    pub fn authorize_level(&self, operation: &str, asked: Access) -> Answer<Access> {
        if asked > self.principal.access { Err(self.denied(operation)) } else { Ok(asked) }
    }

    fn denied(&self, operation: &str) -> ServiceError {
        let Place { account, region } = &self.place;
        ServiceError::new(
            "AccessDeniedException",
            format!(
                "User: {} is not authorized to perform: servicecatalog:{operation} on resource: arn:{}:catalog:{region}:{account}:*",
                self.session,
                self.place.partition(),
            ),
        )
    }

    /// Whether something of `owner` shows at `level`.
    pub fn sees(&self, level: Access, owner: &Owner) -> bool {
        match level {
            Access::Account => true,
            Access::Role => same_principal(&owner.arn, &self.principal.arn),
            // A product that was given to a role as such belongs to every session of it.
            Access::User => {
                owner.session == self.session
                    || (owner.session == owner.arn && same_principal(&owner.arn, &self.principal.arn))
            }
        }
    }

    /// Whether it is an administrator of the account's catalog.
    pub fn administers(&self) -> bool {
        self.principal.access == Access::Account
    }

    /// Whether it may act on something of `owner`.
    pub fn reaches(&self, owner: &Owner) -> bool {
        self.sees(self.principal.access, owner)
    }
}

/// The ARN that a session of `arn` has: a role's sessions have their own, a user is itself.
pub fn session_arn(arn: &str, session_name: &str) -> String {
    match identity(arn) {
        Some(Identity { partition, account, kind: ArnKind::Role, name }) => {
            format!("arn:{partition}:sts::{account}:assumed-role/{name}/{session_name}")
        }
        _ => arn.to_owned(),
    }
}

fn same_principal(one: &str, other: &str) -> bool {
    let key = |arn| {
        identity(arn)
            .map(|i| (i.partition.to_owned(), i.account.to_owned(), i.kind == ArnKind::User, i.name.to_owned()))
    };
    one == other || key(one).is_some_and(|k| Some(k) == key(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_three_kinds_and_nothing_else() {
        let kind = |arn| identity(arn).map(|i| i.kind);
        assert_eq!(kind("arn:aws:iam::123456789012:role/a/b/Name"), Some(ArnKind::Role));
        assert_eq!(kind("arn:aws:iam::123456789012:user/me"), Some(ArnKind::User));
        assert_eq!(kind("arn:aws:sts::123456789012:assumed-role/R/session"), Some(ArnKind::AssumedRole));
        for wrong in [
            "arn:aws:iam::123456789012:root",
            "arn:aws:iam::123456789012:group/g",
            "arn:aws:iam::12345:role/R",
            "arn:aws:sts::123456789012:federated-user/x",
            "arn:aws:sts::123456789012:assumed-role/R",
            "arn:aws:iam::123456789012:role/",
            "role/R",
            "",
        ] {
            assert_eq!(kind(wrong), None, "{wrong}");
        }
    }
}

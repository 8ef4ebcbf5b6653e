//! Principals: the ARNs of users, roles and role sessions, how they compare and how they are shortened.

use super::ProvisionedProduct;

/// An ARN in its parts: `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE` on AWS, `acs:SERVICE:REGION:ACCOUNT:RESOURCE`
/// on Alibaba Cloud, which has no partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arn<'a> {
    /// Empty on Alibaba Cloud.
    pub partition: &'a str,
    pub service: &'a str,
    pub region: &'a str,
    pub account: &'a str,
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    /// `None` if a part is missing. The parts themselves are not checked.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.split_once(':')?;
        let (partition, rest) = match scheme {
            "arn" => rest.split_once(':')?,
            "acs" => ("", rest),
            _ => return None,
        };
        let mut parts = rest.splitn(4, ':');
        Some(Arn {
            partition,
            service: parts.next()?,
            region: parts.next()?,
            account: parts.next()?,
            resource: parts.next()?,
        })
    }

    /// The first part of the resource and the rest of it: `role` and `PATH/NAME`.
    #[must_use]
    pub fn kind_and_name(&self) -> (&'a str, &'a str) {
        self.resource.split_once('/').unwrap_or((self.resource, ""))
    }

    /// Whether it is a user, a role or a session of a role.
    fn is_principal(&self) -> bool {
        let (kind, name) = self.kind_and_name();
        let known = match (self.partition, self.service) {
            ("", "ram" | "sts") => matches!(kind, "role" | "user" | "assumed-role"),
            (_, "iam") => matches!(kind, "role" | "user"),
            (_, "sts") => kind == "assumed-role",
            _ => false,
        };
        known && self.region.is_empty() && !name.is_empty()
    }

    /// The name of the AWS role that this is, or is a session of. A session's ARN drops the role's path, so roles
    /// compare by name, which is unique in an account.
    fn role(&self) -> Option<Role<'a>> {
        let (kind, name) = self.kind_and_name();
        let (name, session) = match (self.service, kind) {
            ("iam", "role") => (name.rsplit('/').next().unwrap_or(name), None),
            ("sts", "assumed-role") => {
                let (role, session) = name.split_once('/')?;
                (role, Some(session))
            }
            _ => return None,
        };
        let in_aws = !self.partition.is_empty();
        in_aws.then_some(Role { partition: self.partition, account: self.account, name, session })
    }
}

#[derive(Clone, Copy)]
struct Role<'a> {
    partition: &'a str,
    account: &'a str,
    name: &'a str,
    session: Option<&'a str>,
}

impl Role<'_> {
    fn is_same(&self, other: &Role<'_>) -> bool {
        (self.partition, self.account, self.name) == (other.partition, other.account, other.name)
    }
}

fn role_of(arn: &str) -> Option<Role<'_>> {
    Arn::parse(arn)?.role()
}

/// Whether two ARNs name the same holder. The principal that provisions is known by its session
/// (`sts:…:assumed-role/NAME/SESSION`), and the service then names the role of that session (`iam:…:role/PATH/NAME`).
/// Two roles, and two sessions, are compared as text.
#[must_use]
pub fn same_holder(one: &str, other: &str) -> bool {
    let one_is_session_of_other = || {
        let (one, other) = (role_of(one)?, role_of(other)?);
        Some(one.session.is_some() != other.session.is_some() && one.is_same(&other))
    };
    one == other || one_is_session_of_other().unwrap_or(false)
}

/// Whether the product's owner is `wanted`. A role or user compares with AWS `UserArn`; a session with
/// `UserArnSession` or, where that is missing, with the role that it is a session of.
#[must_use]
pub fn is_owner(wanted: &str, product: &ProvisionedProduct) -> bool {
    let Some(owner) = product.owner.as_deref() else { return false };
    if owner == wanted {
        return true;
    }
    let Some(role) = role_of(wanted).filter(|role| role.session.is_some()) else { return false };
    match product.owner_session.as_deref() {
        Some(session) if session != owner => session == wanted,
        _ => role_of(owner).is_some_and(|owner| owner.session.is_none() && owner.is_same(&role)),
    }
}

/// `role/X`, `user/X` or `assumed-role/R/S` for a principal of `account`; `None` for everything else, which is shown
/// whole.
#[must_use]
pub fn short<'a>(arn: &'a str, account: &str) -> Option<&'a str> {
    let parts = Arn::parse(arn)?;
    (parts.account == account && parts.is_principal()).then_some(parts.resource)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_of_either_cloud_has_all_its_parts() {
        let arn = Arn::parse("arn:aws:iam::123456789012:role/a:b").unwrap();
        assert_eq!((arn.partition, arn.service, arn.account), ("aws", "iam", "123456789012"));
        assert_eq!(arn.kind_and_name(), ("role", "a:b"));
        let arn = Arn::parse("acs:ram::1234567890123456:user/anna").unwrap();
        assert_eq!((arn.partition, arn.service, arn.resource), ("", "ram", "user/anna"));
        for broken in ["", "arn", "arn:aws:iam::123456789012", "acs:ram::1234567890123456", "urn:a:b:c:d:e"] {
            assert_eq!(Arn::parse(broken), None, "{broken}");
        }
    }

    #[test]
    fn a_session_is_held_by_its_role_in_the_same_account_and_partition() {
        let session = "arn:aws:sts::123456789012:assumed-role/Admin/anna";
        assert!(same_holder(session, "arn:aws:iam::123456789012:role/path/Admin"));
        for other in [
            "arn:aws:sts::123456789012:assumed-role/Admin/other",
            "arn:aws:iam::999999999999:role/Admin",
            "arn:aws-cn:iam::123456789012:role/Admin",
            "arn:aws:iam::123456789012:user/Admin",
            "",
        ] {
            assert!(!same_holder(session, other), "{other}");
        }
        let role = |path: &str| format!("arn:aws:iam::123456789012:role/{path}X");
        assert!(!same_holder(&role("a/"), &role("b/")));
    }

    #[test]
    fn only_principals_of_the_account_are_shortened() {
        let own = "123456789012";
        for (whole, name) in [
            ("arn:aws:iam::123456789012:role/NetworkTeam", "role/NetworkTeam"),
            ("arn:aws-cn:iam::123456789012:role/team/net/Team", "role/team/net/Team"),
            ("arn:aws:iam::123456789012:user/alice", "user/alice"),
            ("arn:aws:sts::123456789012:assumed-role/R/S", "assumed-role/R/S"),
            ("acs:ram::123456789012:role/R", "role/R"),
        ] {
            assert_eq!(short(whole, own), Some(name));
        }
        for whole in [
            "arn:aws:iam::210987654321:role/NetworkTeam",
            "arn:aws:iam::123456789012:root",
            "arn:aws:iam::123456789012:group/G",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:s3:::bucket",
            "role/3001",
        ] {
            assert_eq!(short(whole, own), None);
        }
    }
}

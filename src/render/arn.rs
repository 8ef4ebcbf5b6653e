//! ARNs of the target's own account, in short.

use super::safe;

/// `role/X`, `user/X` or `assumed-role/R/S` for a principal of `account`; anything else whole.
#[must_use]
pub fn short(arn: &str, account: Option<&str>) -> String {
    own(arn, account).map_or_else(|| safe::name(arn), safe::name)
}

fn own<'a>(arn: &'a str, account: Option<&str>) -> Option<&'a str> {
    let account = account?;
    let mut parts = arn.splitn(6, ':');
    let (scheme, second, service) = (parts.next()?, parts.next()?, parts.next()?);
    // Alibaba's ARNs have no partition: acs:ram::ACCOUNT:role/NAME.
    let (owner, resource) = match scheme {
        "arn" if matches!(service, "iam" | "sts") => {
            let region = parts.next()?;
            (parts.next().filter(|_| region.is_empty())?, parts.next()?)
        }
        "acs" if second == "ram" && service.is_empty() => (parts.next()?, parts.next()?),
        _ => return None,
    };
    let kind = resource.split('/').next()?;
    let known = matches!(
        (scheme, service, kind),
        ("arn", "iam", "role" | "user") | ("arn", "sts", "assumed-role") | ("acs", _, "role" | "user" | "assumed-role")
    );
    (owner == account && known && resource.len() > kind.len() + 1).then_some(resource)
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn only_principals_of_the_own_account_are_short() {
        let own = Some("123456789012");
        assert_eq!(short("arn:aws:iam::123456789012:role/NetworkTeam", own), "role/NetworkTeam");
        assert_eq!(short("arn:aws-cn:iam::123456789012:role/team/net/Team", own), "role/team/net/Team");
        assert_eq!(short("arn:aws:iam::123456789012:user/alice", own), "user/alice");
        assert_eq!(short("arn:aws:sts::123456789012:assumed-role/R/S", own), "assumed-role/R/S");
        assert_eq!(short("acs:ram::123456789012:role/R", own), "role/R");
        for whole in [
            "arn:aws:iam::210987654321:role/NetworkTeam",
            "arn:aws:iam::123456789012:root",
            "arn:aws:iam::123456789012:group/G",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:s3:::bucket",
            "role/3001",
        ] {
            assert_eq!(short(whole, own), whole);
            assert_eq!(short(whole, None), whole);
        }
    }
}

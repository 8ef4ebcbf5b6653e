//! Whether a product is held by whom the files name.

use crate::model::ProvisionedProduct;

/// Whether the product's owner is `wanted`. A role or user compares with AWS `UserArn`; an assumed role with
/// `UserArnSession` and, because that may be missing, else with the role that it is a session of, by account and name.
#[must_use]
pub fn is_owner(wanted: &str, product: &ProvisionedProduct) -> bool {
    let Some(owner) = product.owner.as_deref() else { return false };
    if owner == wanted {
        return true;
    }
    let Some((account, role, _)) = assumed_role(wanted) else { return false };
    match product.owner_session.as_deref() {
        Some(session) if session != owner => session == wanted,
        _ => role_name(owner) == Some((account, role)),
    }
}

/// Account, role name and session of `arn:P:sts::A:assumed-role/ROLE/SESSION`.
fn assumed_role(arn: &str) -> Option<(&str, &str, &str)> {
    let (account, resource) = split(arn, "sts")?;
    let mut parts = resource.strip_prefix("assumed-role/")?.splitn(2, '/');
    Some((account, parts.next()?, parts.next()?))
}

/// Account and name of `arn:P:iam::A:role/PATH/NAME`; a session's ARN drops the path, so it cannot be compared.
fn role_name(arn: &str) -> Option<(&str, &str)> {
    let (account, resource) = split(arn, "iam")?;
    let name = resource.strip_prefix("role/")?;
    Some((account, name.rsplit('/').next().unwrap_or(name)))
}

fn split<'a>(arn: &'a str, service: &str) -> Option<(&'a str, &'a str)> {
    let mut parts = arn.splitn(6, ':');
    let (_, _, found, _) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    (found == service).then_some((parts.next()?, parts.next()?))
}

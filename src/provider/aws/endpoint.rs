//! Where requests go: service, region, FIPS and dual-stack to a URL. Pure.
//!
//! The rules are those of the services' published endpoint rule sets (botocore `endpoint-rule-set-1.json` of
//! `servicecatalog`, `cloudformation` and `sts`) and of `partitions.json`; the table in the tests was computed from
//! these.

use crate::model::{Endpoint, Target};
use crate::problem::Problem;

/// The services that this provider speaks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Service {
    Catalog,
    CloudFormation,
    Sts,
}

impl Service {
    /// The first label of the host, which is also the name that requests are signed for.
    pub(super) fn name(self) -> &'static str {
        match self {
            Service::Catalog => "servicecatalog",
            Service::CloudFormation => "cloudformation",
            Service::Sts => "sts",
        }
    }
}

/// DNS suffix and dual-stack DNS suffix of a partition (`partitions.json`).
fn suffixes(partition: &str) -> (&'static str, &'static str) {
    match partition {
        "aws-cn" => ("amazonaws.com.cn", "api.amazonwebservices.com.cn"),
        "aws-eusc" => ("amazonaws.eu", "api.amazonwebservices.eu"),
        "aws-iso" => ("c2s.ic.gov", "api.aws.ic.gov"),
        "aws-iso-b" => ("sc2s.sgov.gov", "api.aws.scloud"),
        "aws-iso-e" => ("cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
        "aws-iso-f" => ("csp.hci.ic.gov", "api.aws.hci.ic.gov"),
        _ => ("amazonaws.com", "api.aws"),
    }
}

/// The URL of a service of a target, without a slash at its end.
pub(super) fn url(service: Service, target: &Target) -> Result<String, Problem> {
    match &target.endpoint {
        Endpoint::Url(url) => Ok(url.trim_end_matches('/').to_owned()),
        // The sandbox answers for every host; the real one keeps requests what they would be in the cloud.
        Endpoint::Cloud | Endpoint::Sandbox { .. } => cloud(service, target),
    }
}

fn cloud(service: Service, target: &Target) -> Result<String, Problem> {
    let region = &target.region;
    if region.is_empty() || !region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        return Err(Problem::input(format!("`{region}` is not the name of an AWS region")).at(&target.place));
    }
    let partition = target.partition();
    let (plain, dual) = suffixes(partition);
    let suffix = if target.use_dualstack { dual } else { plain };
    // In GovCloud the ordinary endpoints of these two are the FIPS ones (their rule sets say so).
    let fips_by_itself = partition == "aws-us-gov" && !target.use_dualstack && service != Service::Catalog;
    let fips = if target.use_fips && !fips_by_itself { "-fips" } else { "" };
    Ok(format!("https://{}{fips}.{region}.{suffix}", service.name()))
}

#[cfg(test)]
#[path = "tests/endpoint.rs"]
mod tests;

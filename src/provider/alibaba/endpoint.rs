//! Where requests go. Pure.

use crate::model::{Endpoint, Target};
use crate::problem::Problem;

/// The services that this provider speaks to itself; STS is the credentials' own business.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    Catalog,
    Ram,
}

impl Service {
    pub(super) fn version(self) -> &'static str {
        match self {
            Service::Catalog => "2021-09-01",
            Service::Ram => "2015-05-01",
        }
    }
}

/// The URL of a service of a target, without a slash at its end.
///
/// The SDK has no list of regions: it writes any region into the name of the host. RAM has one endpoint.
pub(super) fn url(service: Service, target: &Target) -> Result<String, Problem> {
    if let Endpoint::Url(url) = &target.endpoint {
        return Ok(url.trim_end_matches('/').to_owned());
    }
    let region = &target.region;
    match service {
        Service::Ram => Ok("https://ram.aliyuncs.com".to_owned()),
        Service::Catalog if is_label(region) => Ok(format!("https://servicecatalog.{region}.aliyuncs.com")),
        Service::Catalog => {
            let problem = Problem::input(format!("target `{}`: `{region}` is not the name of a region", target.name));
            Err(problem.hint("write one such as `cn-hangzhou`").at(&target.place))
        }
    }
}

/// A region becomes part of a host's name, so nothing else may hide in it.
fn is_label(region: &str) -> bool {
    !region.is_empty() && region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

//! Every key that a file may have, table by table. A key that is promised but not built yet stands here too, so that it
//! is refused by name instead of as a slip of the keyboard; a key of one cloud is refused on the other with the reason.

use crate::model::Cloud;
use crate::problem::Problem;

/// One key of a table.
pub(super) struct Key {
    pub name: &'static str,
    /// What to do instead, for a key that is not supported yet.
    pub later: Option<&'static str>,
    /// The one cloud that has it, and why the other has not.
    pub only: Option<(Cloud, &'static str)>,
}

impl Key {
    /// The problem of this key on `cloud`, if it belongs to the other one.
    pub fn foreign(&self, cloud: Cloud) -> Option<Problem> {
        let (home, elsewhere) = self.only.filter(|(home, _)| *home != cloud)?;
        let home = match home {
            Cloud::Aws => "AWS",
            Cloud::Alibaba => "Alibaba Cloud",
        };
        Some(Problem::input(format!("`{}` is for {home} only", self.name)).hint(elsewhere))
    }
}

const fn built(name: &'static str) -> Key {
    Key { name, later: None, only: None }
}

const fn later(name: &'static str, instead: &'static str) -> Key {
    Key { name, later: Some(instead), only: None }
}

const fn aws(name: &'static str, elsewhere: &'static str) -> Key {
    Key { name, later: None, only: Some((Cloud::Aws, elsewhere)) }
}

const fn alibaba(name: &'static str, elsewhere: &'static str) -> Key {
    Key { name, later: None, only: Some((Cloud::Alibaba, elsewhere)) }
}

pub(super) const TOP: &[Key] = &[
    built("include"),
    built("project"),
    built("ledger"),
    built("limits"),
    built("target"),
    built("provisioned_product"),
    later("allow", "lift a limit for one run with `--allow owner_changes=40`"),
    later("variable", "write the value where it is used"),
    later("moved", "leave the block under its present key"),
    later("removed", "keep the block; `tenure destroy --only ADDRESS` terminates one product"),
    later("import", "a product that exists under the `name` of its block is adopted without it"),
];

pub(super) const PROJECT: &[Key] = &[built("name"), built("requires")];

const LOCAL_ONLY: &str = "leave it out; a ledger is a local file in this version";

pub(super) const LEDGER: &[Key] = &[
    built("location"),
    later("region", LOCAL_ONLY),
    later("endpoint", LOCAL_ONLY),
    later("profile", LOCAL_ONLY),
    later("role_arn", LOCAL_ONLY),
];

pub(super) const LIMITS: &[Key] =
    &[built("terminate"), built("change_percent"), built("owner_changes"), built("launch_role_changes")];

const NO_SUCH_ENDPOINT: &str = "leave it out; Alibaba Cloud documents no such endpoint of Service Catalog";

pub(super) const TARGET: &[Key] = &[
    built("provider"),
    built("region"),
    built("account"),
    built("profile"),
    built("role_arn"),
    built("external_id"),
    built("role_session_name"),
    built("read_role_arn"),
    built("access"),
    aws("language", "leave it out; no operation of Alibaba Cloud's Service Catalog takes a language"),
    aws("use_fips", NO_SUCH_ENDPOINT),
    aws("use_dualstack", NO_SUCH_ENDPOINT),
    alibaba("undocumented_reads", "leave it out; on AWS every read is documented"),
    built("endpoint"),
    built("principal"),
    later("labels", "leave it out, and name the target of each product"),
];

pub(super) const PRODUCT: &[Key] = &[
    built("target"),
    built("name"),
    built("product"),
    built("version"),
    built("path"),
    built("owner"),
    aws(
        "launch_role",
        "leave it out; on Alibaba Cloud a product has no launch role of its own: it is the Launch constraint of the portfolio",
    ),
    built("steward"),
    built("depends_on"),
    built("protect"),
    alibaba("stack_region", "leave it out; on AWS the region of the target is where resources go"),
    alibaba(
        "tags_with_next_update",
        "leave it out; on AWS tags and path are updated without waiting for another change",
    ),
    built("timeout"),
    built("parameters"),
    built("tags"),
    later("targets", "write one block for each target, each with its `target`"),
];

pub(super) const PARAMETER: &[Key] = &[built("secret"), built("version"), built("previous")];

//! Every key that a file may have, table by table. A key that is promised but not built yet stands here too, so that it
//! is refused by name instead of as a slip of the keyboard.

/// One key of a table.
pub(super) struct Key {
    pub name: &'static str,
    /// What to do instead, for a key that is not supported yet.
    pub later: Option<&'static str>,
}

const fn built(name: &'static str) -> Key {
    Key { name, later: None }
}

const fn later(name: &'static str, instead: &'static str) -> Key {
    Key { name, later: Some(instead) }
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
    built("language"),
    built("use_fips"),
    built("use_dualstack"),
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
    built("launch_role"),
    built("steward"),
    built("depends_on"),
    built("protect"),
    built("timeout"),
    built("parameters"),
    built("tags"),
    later("targets", "write one block for each target, each with its `target`"),
    later("stack_region", "it is for Alibaba Cloud only; on AWS the region of the target is where resources go"),
];

pub(super) const PARAMETER: &[Key] = &[built("secret"), built("version"), built("previous")];

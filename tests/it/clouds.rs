//! In what the two clouds differ for whoever tests both: names, operations, and how a holder is written.

use std::sync::Arc;

use tenure::model::Cloud;
use tenure::provider::alibaba::Alibaba;
use tenure::provider::aws::Aws;
use tenure::provider::{Connect, Provider};

/// The RAM role that launches in Alibaba Cloud's worlds, as the service tells it.
pub const OPERATOR: &str = "role/330011223344556677";

/// The same test on each cloud, as `aws::NAME` and `alibaba::NAME`.
macro_rules! on_both_clouds {
    ($($(#[$meta:meta])* fn $name:ident($cloud:ident) $body:block)*) => {
        mod aws {
            $(#[test] fn $name() { super::$name(tenure::model::Cloud::Aws); })*
        }
        mod alibaba {
            $(#[test] fn $name() { super::$name(tenure::model::Cloud::Alibaba); })*
        }
        $($(#[$meta])* fn $name($cloud: tenure::model::Cloud) $body)*
    };
}
pub(crate) use on_both_clouds;

pub fn account(cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::Aws => "123456789012",
        Cloud::Alibaba => "1234567890123456",
    }
}

pub fn word(cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::Aws => "aws",
        Cloud::Alibaba => "alibaba",
    }
}

fn region(cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::Aws => "eu-west-1",
        Cloud::Alibaba => "cn-hangzhou",
    }
}

/// The table of a target in the sandbox.
pub fn target(cloud: Cloud, name: &str) -> String {
    format!(
        "[target.{name}]\nprovider = \"{}\"\nregion = \"{}\"\naccount = \"{}\"\nendpoint = \"sandbox:\"\n",
        word(cloud),
        region(cloud),
        account(cloud)
    )
}

/// The beginning of a seed: the account, and who may do everything in it; and on Alibaba Cloud who approves.
pub fn account_seed(cloud: Cloud) -> String {
    let administrator = match cloud {
        Cloud::Aws => format!("[principal.admin]\narn = \"{}\"\naccess_key_id = \"AKIAADMIN\"\n", arn("role/Admin")),
        Cloud::Alibaba => {
            let id = OPERATOR.strip_prefix("role/").unwrap();
            format!(
                "[principal.operator]\narn = \"acs:ram::{}:role/Operator\"\nid = \"{id}\"\naccess_key_id = \"LTAIOPERATOR\"\n",
                account(cloud)
            )
        }
    };
    let approver = match cloud {
        Cloud::Aws => String::new(),
        Cloud::Alibaba => format!(
            "\n[principal.approver]\narn = \"acs:ram::{}:user/boss\"\naccess_key_id = \"LTAIBOSS\"\nsecret_access_key = \"z\"\n",
            account(cloud)
        ),
    };
    format!(
        "\n[account.\"{}\"]\nprovider = \"{}\"\nregions = [\"{}\"]\n\n{administrator}secret_access_key = \"x\"\n{approver}",
        account(cloud),
        word(cloud),
        region(cloud)
    )
}

/// Who administers, by key.
pub fn administrator(cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::Aws => "admin",
        Cloud::Alibaba => "operator",
    }
}

pub fn arn(short: &str) -> String {
    format!("arn:aws:iam::{}:{short}", account(Cloud::Aws))
}

/// A holder as the cloud tells it, from how the files write it.
pub fn holder(cloud: Cloud, written: &str) -> String {
    match (cloud, written) {
        (Cloud::Aws, short) => arn(short),
        (Cloud::Alibaba, "role/Operator") => OPERATOR.to_owned(),
        (Cloud::Alibaba, id) => id.to_owned(),
    }
}

/// The operation that launches.
pub fn launch(cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::Aws => "ProvisionProduct",
        Cloud::Alibaba => "LaunchProduct",
    }
}

/// The folder of the catalog's templates.
pub fn templates(cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::Aws => "templates/cfn",
        Cloud::Alibaba => "templates/ros",
    }
}

/// How the name of a template's file ends.
pub fn template(cloud: Cloud, product: &str) -> String {
    let format = if cloud == Cloud::Alibaba && product == "net" { "json" } else { "yaml" };
    format!("{}/{product}.{format}", templates(cloud))
}

pub fn connect(connect: Connect<'_>) -> Arc<dyn Provider> {
    match connect.target.cloud {
        Cloud::Aws => Arc::new(Aws::connect(connect)),
        Cloud::Alibaba => Arc::new(Alibaba::connect(connect)),
    }
}

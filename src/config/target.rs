//! `[target.NAME]`.

use toml::de::DeValue;

use super::section::{Item, Section};
use super::{alibaba, arn, keys, names};
use crate::model::{Access, Cloud, Endpoint, Target};
use crate::problem::{Place, Problem};

/// A target as far as it could be read; products of a faulty one are not blamed for it.
pub(super) struct Draft {
    pub name: String,
    pub place: Place,
    pub cloud: Option<Cloud>,
    pub target: Option<Target>,
}

pub(super) fn read(item: &Item<'_>) -> Draft {
    let name = item.key().to_owned();
    let named = names::entity(&format!("`{}`", item.label()), &name);
    let named = named.map_err(|problem| item.refuse_key(problem)).is_ok();
    let section = item.section(keys::TARGET);
    let place = section.as_ref().map_or_else(|| item.key_place(), |section| section.place().clone());
    let cloud = section.as_ref().and_then(|section| {
        let item = section.required("provider", "add `provider = \"aws\"` or `provider = \"alibaba\"`")?;
        provider(&item)
    });
    let target = section.and_then(|section| match cloud {
        Some(cloud) => target(&name, &section.of(cloud), Some(cloud)),
        None => target(&name, &section, None),
    });
    Draft { name, place, cloud, target: target.filter(|_| named) }
}

/// Where the cloud is unknown, what the clouds have in common is looked at all the same.
fn target(name: &str, section: &Section<'_>, cloud: Option<Cloud>) -> Option<Target> {
    // Everything is read before anything is given up, so that all problems are reported at once.
    let (region_hint, account_hint) = match cloud {
        Some(Cloud::Alibaba) => (
            "add it, as in `region = \"cn-hangzhou\"`",
            "add it, as in `account = \"1234567890123456\"`; any other account is refused",
        ),
        _ => (
            "add it, as in `region = \"eu-west-1\"`",
            "add it, as in `account = \"123456789012\"`; any other account is refused",
        ),
    };
    let region = section.required("region", region_hint).and_then(|item| {
        let region = item.line()?.value;
        let good = match cloud {
            Some(Cloud::Aws) => names::region(&region),
            Some(Cloud::Alibaba) => alibaba::region("region", &region),
            None => Ok(()),
        };
        item.checked(good).map(|()| region)
    });
    let account = section.required("account", account_hint).and_then(|item| account(&item, cloud));
    let line = |key| section.line(key).map(|text| text.value);
    let checked = |key, check: fn(&str) -> Result<(), Problem>| {
        let item = section.get(key)?;
        let text = item.line()?.value;
        item.checked(check(&text)).map(|()| text)
    };
    let session_name = match cloud {
        Some(Cloud::Alibaba) => alibaba::role_session_name,
        _ => names::role_session_name,
    };
    let target = Target {
        name: name.to_owned(),
        place: section.place().clone(),
        cloud: cloud.unwrap_or(Cloud::Aws),
        region: region.clone().unwrap_or_default(),
        account: account.clone().unwrap_or_default(),
        profile: line("profile"),
        role_arn: line("role_arn"),
        external_id: checked("external_id", names::external_id),
        role_session_name: checked("role_session_name", session_name),
        read_role_arn: line("read_role_arn"),
        access: section.get("access").and_then(|item| access(&item, cloud)).unwrap_or_default(),
        language: section.get("language").and_then(|item| language(&item)),
        use_fips: section.flag("use_fips").unwrap_or(false),
        use_dualstack: section.flag("use_dualstack").unwrap_or(false),
        undocumented_reads: section.flag("undocumented_reads").unwrap_or(false),
        endpoint: endpoint(section),
    };
    needs_a_role(section);
    let known = cloud.is_some() && region.is_some() && account.is_some();
    if known {
        check_roles(section, &target);
    }
    known.then_some(target)
}

fn provider(item: &Item<'_>) -> Option<Cloud> {
    let provider = item.line()?.value;
    match provider.as_str() {
        "aws" => Some(Cloud::Aws),
        "alibaba" => Some(Cloud::Alibaba),
        _ => {
            let problem = Problem::input("`provider` must be \"aws\" or \"alibaba\"");
            item.refuse(match provider.to_lowercase().as_str() {
                "aliyun" | "alicloud" | "alibabacloud" => problem.hint("write `provider = \"alibaba\"`"),
                _ => problem,
            });
            None
        }
    }
}

fn account(item: &Item<'_>, cloud: Option<Cloud>) -> Option<String> {
    if let DeValue::Integer(_) = item.value() {
        let problem = Problem::input("`account` must be a string, not a whole number");
        item.refuse(problem.hint("write it in quotes; as a number it would lose leading zeros"));
        return None;
    }
    let account = item.line()?.value;
    let problem = match cloud {
        Some(Cloud::Aws) if !names::is_account(&account) => Problem::input("`account` is not an AWS account")
            .hint("an AWS account is 12 digits without dashes: \"123456789012\""),
        Some(Cloud::Alibaba) if !alibaba::is_account(&account) => {
            Problem::input("`account` is not an Alibaba Cloud account")
                .hint("an Alibaba Cloud account is 16 digits: \"1234567890123456\"")
        }
        _ => return Some(account),
    };
    item.refuse(problem);
    None
}

fn access(item: &Item<'_>, cloud: Option<Cloud>) -> Option<Access> {
    let problem = match (item.line()?.value.as_str(), cloud) {
        ("account", _) => return Some(Access::Account),
        ("user", _) => return Some(Access::User),
        ("role", Some(Cloud::Alibaba)) => Problem::input("`access = \"role\"` is for AWS only")
            .hint("write \"account\" or \"user\"; Alibaba Cloud lists what the caller launched, or the whole account"),
        ("role", _) => return Some(Access::Role),
        (_, Some(Cloud::Alibaba)) => Problem::input("`access` must be \"account\" or \"user\""),
        _ => Problem::input("`access` must be \"account\", \"role\" or \"user\""),
    };
    item.refuse(problem);
    None
}

fn language(item: &Item<'_>) -> Option<String> {
    let language = item.line()?.value;
    if ["en", "jp", "zh"].contains(&language.as_str()) {
        return Some(language);
    }
    let problem = Problem::input("`language` must be \"en\", \"jp\" or \"zh\"");
    item.refuse(if language == "ja" { problem.hint("AWS says \"jp\" for Japanese") } else { problem });
    None
}

fn endpoint(section: &Section<'_>) -> Endpoint {
    let principal = section.get("principal");
    let written = section.get("endpoint").and_then(|item| Some((item.line()?.value, item)));
    if let Some((text, item)) = written {
        if text == "sandbox:" {
            return Endpoint::Sandbox { principal: principal.and_then(|item| item.line()).map(|text| text.value) };
        }
        if text.starts_with("sandbox:") {
            let problem = Problem::input("`endpoint` has more after `sandbox:`");
            item.refuse(problem.hint("write `endpoint = \"sandbox:\"`, and who to be as `principal`"));
            return Endpoint::Cloud;
        }
        refuse_principal(principal);
        return item.checked(names::endpoint(&text)).map_or(Endpoint::Cloud, Endpoint::Url);
    }
    // A faulty endpoint has been reported; it may have been meant as the sandbox.
    if section.get("endpoint").is_none() {
        refuse_principal(principal);
    }
    Endpoint::Cloud
}

fn refuse_principal(principal: Option<Item<'_>>) {
    if let Some(item) = principal {
        let problem = Problem::input("`principal` is for the sandbox only");
        item.refuse_key(problem.hint("leave it out, or add `endpoint = \"sandbox:\"`"));
    }
}

/// `external_id` and `role_session_name` say how a role is taken on, so there must be one.
fn needs_a_role(section: &Section<'_>) {
    if section.get("role_arn").is_some() || section.get("read_role_arn").is_some() {
        return;
    }
    for item in ["external_id", "role_session_name"].iter().filter_map(|key| section.get(key)) {
        let problem = Problem::input(format!("`{}` needs `role_arn` or `read_role_arn`", item.label()));
        item.refuse_key(problem.hint("add the role that it is for, or leave it out"));
    }
}

fn check_roles(section: &Section<'_>, target: &Target) {
    let written = [("role_arn", &target.role_arn), ("read_role_arn", &target.read_role_arn)];
    for (key, text) in written {
        if let (Some(item), Some(text)) = (section.get(key), text) {
            item.checked(arn::complete(arn::Use::TargetRole(key), text, target));
        }
    }
}

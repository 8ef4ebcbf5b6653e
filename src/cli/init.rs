//! `tenure init`: a starter that plans and applies at once, or a first real target.

use std::path::Path;
use std::sync::Arc;

use super::args::Provider;
use super::{Ended, Outside, Settings, args, print, tidy};
use crate::model::{Access, Cloud, Endpoint, Target};
use crate::problem::{Place, Problem, Problems};
use crate::provider::Connect;
use crate::provider::alibaba::Alibaba;
use crate::provider::aws::Aws;
use crate::render::ui::Ui;

const TENURE_TOML: &str = include_str!("starter/tenure.toml");
const SANDBOX_TOML: &str = include_str!("starter/sandbox.toml");
const TEMPLATE: &str = include_str!("starter/bucket.yaml");
/// The ledger is not in it: it must be kept.
const GITIGNORE: &str = "/.tenure/cache/\n/.tenure/sandbox/\n/tenure.ledger.jsonl.lock\n";

pub async fn run(ui: &mut Ui, settings: &Settings, outside: &Outside, args: &args::Init) -> Ended {
    let dir = settings.root.join(&args.dir);
    let files: Vec<(&str, String)> = match (&args.profile, &args.region) {
        (Some(profile), Some(region)) => {
            let account =
                account(outside, settings, args.provider, profile, region).await.map_err(|problem| vec![problem])?;
            let target = real_target(args.provider, profile, region, &account);
            vec![("tenure.toml", target), (".gitignore", GITIGNORE.to_owned())]
        }
        _ => vec![
            ("tenure.toml", TENURE_TOML.to_owned()),
            ("sandbox.toml", SANDBOX_TOML.to_owned()),
            ("templates/bucket.yaml", TEMPLATE.to_owned()),
            (".gitignore", GITIGNORE.to_owned()),
        ],
    };
    write_all(&dir, &files)?;
    let mut text = String::new();
    for (name, _) in &files {
        text.push_str(&format!("wrote {}\n", tidy(&dir.join(name)).display()));
    }
    let ended = print(ui, &text);
    ui.next(&Settings { root: tidy(&dir), ..settings.clone() }.command(&["plan".to_owned()]));
    ended
}

/// Writes all files or none: a folder that has one of them already is somebody's project.
fn write_all(dir: &Path, files: &[(&str, String)]) -> Result<(), Problems> {
    let taken: Vec<&str> =
        files.iter().map(|(name, _)| *name).filter(|name| *name != ".gitignore" && dir.join(name).exists()).collect();
    if !taken.is_empty() {
        return Err(vec![
            Problem::input(format!("{} has {} already", tidy(dir).display(), taken.join(", ")))
                .hint("init writes into a folder without them: name another one"),
        ]);
    }
    let cannot = |path: &Path, error: std::io::Error| {
        vec![Problem::failed(format!("{} cannot be written: {error}", path.display()))]
    };
    for (name, text) in files {
        let path = dir.join(name);
        if *name == ".gitignore" && path.exists() {
            continue;
        }
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|error| cannot(parent, error))?;
        }
        std::fs::write(&path, text).map_err(|error| cannot(&path, error))?;
    }
    Ok(())
}

/// The account that the profile's credentials are of.
async fn account(
    outside: &Outside,
    settings: &Settings,
    provider: Provider,
    profile: &str,
    region: &str,
) -> Result<String, Problem> {
    let target = Target {
        name: "prod".to_owned(),
        place: Place { file: "tenure.toml".into(), line: 1, column: 1 },
        cloud: match provider {
            Provider::Aws => Cloud::Aws,
            Provider::Alibaba => Cloud::Alibaba,
        },
        region: region.to_owned(),
        account: String::new(),
        profile: Some(profile.to_owned()),
        role_arn: None,
        external_id: None,
        role_session_name: None,
        read_role_arn: None,
        access: Access::Account,
        language: None,
        use_fips: false,
        use_dualstack: false,
        undocumented_reads: false,
        endpoint: Endpoint::Cloud,
    };
    let connect = Connect {
        target: &target,
        transport: Arc::clone(&outside.transport),
        clock: Arc::clone(&outside.clock),
        meter: settings.meter.clone(),
        cache: Arc::new(crate::seam::NoCache),
        world: None,
        fixed: None,
        parallelism: 1,
    };
    let account = match provider {
        Provider::Aws => Aws::connect(connect).account().await,
        Provider::Alibaba => Alibaba::connect(connect).account().await,
    };
    account.map_err(|error| Problem { place: None, ..error.into_problem() })
}

fn real_target(provider: Provider, profile: &str, region: &str, account: &str) -> String {
    let (cloud, product) = match provider {
        Provider::Aws => ("aws", AWS_PRODUCT),
        Provider::Alibaba => ("alibaba", ALIBABA_PRODUCT),
    };
    format!(
        "# What should be. `tenure plan` shows what differs; nothing is changed before you say yes.\n\
         \n\
         [target.prod]\n\
         provider = {cloud:?}\n\
         region   = {region:?}\n\
         account  = {account:?}   # refuse to run as anybody else's account\n\
         profile  = {profile:?}\n\
         \n\
         # One block for each provisioned product. One that exists already under this name is adopted, not launched again.\n\
         #\n\
         {product}"
    )
}

const AWS_PRODUCT: &str = r#"# [provisioned_product.network]
# target      = "prod"
# product     = "VPC baseline"        # name or prod-… id
# version     = "2.1.0"               # name or pa-… id
# owner       = "role/NetworkTeam"
# launch_role = "role/SCLaunch"
# parameters.CidrBlock = "10.0.0.0/16"
"#;

const ALIBABA_PRODUCT: &str = r#"# [provisioned_product.network]
# target  = "prod"
# product = "VPC baseline"            # name or prod-… id
# version = "2.1.0"                   # name or pv-… id
# owner   = "role/NetworkTeam"        # compared: the service cannot change it
# steward = "network-team"            # who answers for it
# parameters.CidrBlock = "10.0.0.0/16"
"#;

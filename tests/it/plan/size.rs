//! How long planning takes: 5,000 products, with nothing to do and with everything to do.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use tenure::model::Live;
use tenure::plan::{Inputs, Options, Outcome, Plan, plan};

use super::world;

const PRODUCTS: usize = 5000;

/// A chain of tens: each product reads an output of the one before it.
fn write(files: &mut String, live: &mut String, ledger: &mut String, version: &str) {
    files.push_str("[target.eu]\nprovider = \"aws\"\nregion = \"eu-west-1\"\naccount = \"123456789012\"\n");
    live.push_str("[product.vpc]\n");
    for version in ["1", "2"] {
        let parameters = "{ Cidr = \"String\", Before = \"String = none\", Size = \"Number = 3\", Zones = \"CommaDelimitedList = a,b\" }";
        writeln!(live, "version.\"{version}\" = {{ outputs = [\"Subnet\"], parameters = {parameters} }}").unwrap();
    }
    for n in 0..PRODUCTS {
        let (reads, before) = match n % 10 {
            0 => (String::new(), "none".to_owned()),
            _ => (
                format!("parameters.Before = \"${{provisioned_product.p{}.outputs.Subnet}}\"\n", n - 1),
                format!("subnet-{}", n - 1),
            ),
        };
        let owner = "arn:aws:iam::123456789012:role/Team";
        write!(
            files,
            "[provisioned_product.p{n}]\ntarget = \"eu\"\nproduct = \"vpc\"\nversion = \"{version}\"\nowner = \"role/Team\"\n\
             launch_role = \"role/Launch\"\ntags.team = \"net\"\nparameters.Cidr = \"10.0.0.0/16\"\n{reads}"
        )
        .unwrap();
        write!(
            live,
            "[pp.p{n}]\nproduct = \"vpc\"\nversion = \"1\"\nowner = \"{owner}\"\n\
             launch_role = \"arn:aws:iam::123456789012:role/Launch\"\ntags.team = \"net\"\n\
             outputs.Subnet = \"subnet-{n}\"\n\
             parameters = {{ Cidr = \"10.0.0.0/16\", Before = \"{before}\", Size = \"3\", Zones = \"a,b\" }}\n"
        )
        .unwrap();
        let needs = if n % 10 == 0 { String::new() } else { format!("needs = [\"p{}@eu\"]\n", n - 1) };
        write!(
            ledger,
            "[ours.\"p{n}@eu\"]\nversion = \"pa-1\"\nowner = \"{owner}\"\ntags.team = \"net\"\n{needs}\
             parameters = {{ Cidr = \"10.0.0.0/16\", Before = \"{before}\" }}\n"
        )
        .unwrap();
    }
}

/// The plan, how many rounds of reading it took, and how long planning alone did.
fn timed(version: &str) -> (Plan, usize, Duration) {
    let (mut files, mut live, mut ledger) = (String::new(), String::new(), String::new());
    write(&mut files, &mut live, &mut ledger, version);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tenure.toml"), files).unwrap();
    let project = tenure::config::load(folder.path()).unwrap();
    let world = world::World::parse(&live);
    let ledger = world::ledger(&ledger, &project);
    let options = Options::default();
    let mut live = Live::new();
    let mut elapsed = Duration::ZERO;
    for round in 0.. {
        let began = Instant::now();
        let outcome = plan(&Inputs::new(&project, &ledger, &live, &options)).unwrap();
        elapsed += began.elapsed();
        match outcome {
            Outcome::Plan(plan) => return (*plan, round, elapsed),
            Outcome::Needs(needs) => {
                for (target, query) in needs {
                    live.entry(target.clone()).or_default().merge(world.answer(&target, &query));
                }
            }
        }
    }
    unreachable!()
}

/// `TENURE_SIZE=1 cargo test --release planning_of -- --nocapture`
#[test]
fn planning_of_many_products() {
    if std::env::var_os("TENURE_SIZE").is_none() {
        return;
    }
    for (version, steps) in [("1", 0), ("2", PRODUCTS)] {
        let (plan, rounds, elapsed) = timed(version);
        assert_eq!(plan.steps.len(), steps);
        println!("{PRODUCTS} products, {steps} steps, {rounds} rounds: {elapsed:?}");
        // Generous, for a busy machine and a build without optimisation; a quadratic planner would take minutes.
        assert!(elapsed.as_secs() < 10, "{elapsed:?}");
    }
}

//! What `apply` does where the clouds do not do as they are told: one case each.
//!
//! A case that is about both clouds runs on both; what only one of them has (an owner that changes, a token) is a case of
//! that one.

use std::collections::BTreeMap;
use std::time::Duration;

use tenure::ledger::MemoryStore;
use tenure::ledger::entry::{Entry, Failure};
use tenure::model::{Address, Cloud, Event, StepKind};
use tenure::plan::Options;

use crate::clouds::{account, account_seed, administrator, arn, launch, on_both_clouds, target, template};
use crate::random::TEMPLATES;
use crate::wire::{Torn, Trouble};
use crate::world::{Ended, SECRET, World, block_on, setting, unlimited};

/// A user of AWS who may change owners, and loses sight of what he gives away.
const USER: &str = r#"
[principal.user]
arn = "arn:aws:iam::123456789012:user/user"
access_key_id = "AKIAUSER"
secret_access_key = "y"
access = "user"
allow = ["UpdateProvisionedProductProperties", "GetProvisionedProductOutputs", "DescribeProvisioningArtifact"]
"#;

/// One portfolio with two products: `net` in two versions, and `web`.
pub fn catalog(cloud: Cloud) -> String {
    let (others, constraints) = match cloud {
        Cloud::Aws => (USER, "{ product = \"net\", type = \"RESOURCE_UPDATE\" }"),
        Cloud::Alibaba => ("", ""),
    };
    let user = if cloud == Cloud::Aws { ", \"user\"" } else { "" };
    let (net, web) = (template(cloud, "net"), template(cloud, "web"));
    format!(
        "seed = 1\n{}{others}
[portfolio.all]
account = \"{}\"
name = \"All\"
principals = [\"{}\"{user}]
constraints = [{constraints}]

[product.net]
portfolios = [\"all\"]
version = [{{ name = \"1\", template = \"{net}\" }}, {{ name = \"2\", template = \"{net}\" }}]

[product.web]
portfolios = [\"all\"]
version = [{{ name = \"1\", template = \"{web}\" }}]
",
        account_seed(cloud),
        account(cloud),
        administrator(cloud),
    )
}

pub fn project(cloud: Cloud, blocks: &str) -> String {
    target(cloud, "prod") + blocks
}

/// A net that is there already, in version 1 and of `owner`.
fn owned(name: &str, owner: &str) -> String {
    format!("\n[provisioned_product.{name}]\nproduct = \"net\"\nversion = \"1\"\nowner = \"{owner}\"\n")
}

pub fn there(cloud: Cloud, name: &str) -> String {
    match cloud {
        Cloud::Aws => owned(name, &arn("role/A")),
        Cloud::Alibaba => owned(name, "role/99"),
    }
}

pub fn net(key: &str, rest: &str) -> String {
    format!("\n[provisioned_product.{key}]\ntarget = \"prod\"\nproduct = \"net\"\nversion = \"1\"\n{rest}\n")
}

pub fn newer(block: &str) -> String {
    block.replace("version = \"1\"", "version = \"2\"")
}

pub fn fault(operation: &str, kind: &str, at: &str) -> String {
    format!("\n[[fault]]\noperation = \"{operation}\"\nkind = \"{kind}\"\nat = [{at}]\n")
}

pub fn world(cloud: Cloud, more: &str, blocks: &str) -> World {
    world_of(cloud, &catalog(cloud), more, blocks)
}

/// The same with another catalog.
pub fn world_of(cloud: Cloud, catalog: &str, more: &str, blocks: &str) -> World {
    let (seed, toml) = (format!("{catalog}{more}"), project(cloud, blocks));
    let mut files = TEMPLATES.to_vec();
    files.extend([("sandbox.toml", seed.as_str()), ("tenure.toml", toml.as_str())]);
    World::new(&files)
}

pub fn address(key: &str) -> Address {
    Address::new(key, "prod")
}

pub fn failures(world: &World) -> Vec<(Address, Failure, String)> {
    let failed = |entry| match entry {
        Entry::Failed { address, reason, message, .. } => Some((address, reason, message)),
        _ => None,
    };
    world.lines().into_iter().filter_map(|line| failed(line.entry)).collect()
}

pub fn count(world: &World, operation: &str) -> u64 {
    world.counts().get(operation).copied().unwrap_or_default()
}

/// Applies until there is nothing left to do, and insists on what always holds.
pub async fn finish(world: &World) {
    for _ in 0..8 {
        if let Ended::Nothing { settled, .. } = world.apply(None).await
            && settled.open == 0
        {
            break;
        }
    }
    let (plan, _) = world.plan(&unlimited()).await.unwrap();
    assert!(!plan.has_changes(), "{:#?}", plan.changes);
    assert_eq!(world.managed().unsettled.len(), 0);
    assert_eq!(world.broken(), Vec::<String>::new());
    assert_eq!(world.launched_twice().await, Vec::<String>::new());
}

on_both_clouds! {
    fn a_launch_that_fails_is_ours_and_goes_only_when_it_is_destroyed(cloud) {
        let mut world = world(
            cloud,
            &fault(launch(cloud), "fail", "1"),
            &(net("a", "") + &net("b", "parameters.Cidr = \"${provisioned_product.a.outputs.Name}\"")),
        );
        block_on(async {
            let report = world.apply(None).await.report();
            assert_eq!((report.failed, report.not_started), (1, 1), "{report:?}");
            let id = world.id("a");
            let writes = world.sent().len();
            let Ended::Nothing { plan, .. } = world.apply(None).await else { panic!("it did something") };
            let finding = plan.findings.iter().find(|finding| finding.address == address("a")).unwrap();
            assert!(finding.blocks && finding.fails);
            assert!(finding.problem.message.contains(&format!("{id} could not be provisioned")), "{}", finding.problem);
            assert!(finding.problem.hint.as_ref().unwrap().contains("tenure destroy --only a@prod"));
            assert_eq!(world.sent().len(), writes);
            world.options = Options { destroy: true, only: Some([address("a")].into()), ..unlimited() };
            world.apply_all().await;
            world.options = unlimited();
            world.apply_all().await;
            assert_ne!(world.id("a"), id);
            assert!(!world.truth().await.products.contains_key(&id));
        });
    }

    fn an_update_that_fails_is_planned_again(cloud) {
        let fault = fault("UpdateProvisionedProduct", "fail", "1");
        // The owner, where it can change, waits for the update.
        let (owner, after, status) = match cloud {
            Cloud::Aws => ("owner = \"role/B\"", vec![StepKind::SetOwner], "TAINTED"),
            Cloud::Alibaba => ("", vec![], "ERROR"),
        };
        let world = world(cloud, &(there(cloud, "a") + &fault), &newer(&net("a", owner)));
        block_on(async {
            let report = world.apply(None).await.report();
            assert_eq!((report.failed, report.not_started as usize), (1, after.len()));
            let truth = world.truth().await;
            assert_eq!(truth.products[&world.id("a")].status.to_string(), status);
            let (plan, _) = world.plan(&unlimited()).await.unwrap();
            let kinds: Vec<StepKind> = plan.steps.iter().map(|step| step.kind).collect();
            assert_eq!(kinds, [vec![StepKind::Update], after].concat());
            world.apply_all().await;
            assert!(!world.plan(&unlimited()).await.unwrap().0.has_changes());
        });
    }

    fn a_throttled_write_is_sent_again(cloud) {
        let world = world(cloud, &fault(launch(cloud), "throttle", "1, 2, 3"), &net("a", ""));
        block_on(world.apply_all());
        assert_eq!(count(&world, launch(cloud)), 4);
    }

    /// At every call and every append of a run that launches, updates, transfers where that is possible, and terminates,
    /// the process dies; the next runs finish, and nothing is done twice.
    fn a_run_that_dies_anywhere_is_continued(cloud) {
        let catalog = there(cloud, "a") + &there(cloud, "gone");
        let first = net("a", "") + &net("gone", "");
        let (own, team) = match cloud {
            Cloud::Aws => ("owner = \"role/B\"\nlaunch_role = \"role/L\"", "owner = \"role/B\"\n"),
            Cloud::Alibaba => ("tags.team = \"b\"\nsteward = \"b\"", "owner = \"role/Operator\"\n"),
        };
        let reads = "parameters.Cidr = \"${provisioned_product.a.outputs.Id}\"";
        let then = newer(&net("a", own)) + &net("b", &format!("{team}{reads}"));
        let deaths = |n: u64| {
            [
                Trouble::DieBeforeCall(n),
                Trouble::DieAfterCall(n),
                Trouble::DieAtAppend(n, Torn::Nothing),
                Trouble::DieAtAppend(n, Torn::Part),
                Trouble::DieAtAppend(n, Torn::Everything),
                Trouble::Interrupt(n),
            ]
        };
        let mut died = BTreeMap::new();
        for (nth, kind) in (1..60).flat_map(|nth| (0..6).map(move |kind| (nth, kind))) {
            let trouble = deaths(nth)[kind];
            // A run that outlives its nth call or append outlives all later ones.
            if died.get(&kind) == Some(&false) {
                continue;
            }
            let world = world(cloud, &catalog, &first);
            block_on(async {
                world.apply_all().await;
                world.write("tenure.toml", &project(cloud, &then));
                let ended = world.apply(Some(trouble)).await;
                let cut = match &ended {
                    Ended::Died => true,
                    Ended::Ran { report, .. } => report.interrupted,
                    _ => false,
                };
                died.insert(kind, cut);
                finish(&world).await;
                // What never arrived where no token tells is found out, and is no failure of anybody.
                let bad: Vec<_> = failures(&world).into_iter().filter(|(_, why, _)| *why != Failure::NotSent).collect();
                assert_eq!(bad, [], "{trouble:?}");
                assert!(cloud == Cloud::Alibaba || failures(&world).is_empty(), "{trouble:?}");
                assert_eq!(world.truth().await.products.len(), 2, "{trouble:?}");
                assert_eq!(ended_entries(&world, trouble, cut), Ok(()));
            });
        }
        assert_eq!(died.len(), 6);
    }

    /// Somebody changes a product while an earlier step runs: the step that was to follow is not sent.
    fn what_somebody_else_changed_meanwhile_is_left_alone(cloud) {
        use tenure::model::Request;
        let second = match cloud {
            Cloud::Aws => net("b", "owner = \"role/B\"\ndepends_on = [\"a\"]"),
            Cloud::Alibaba => newer(&net("b", "depends_on = [\"a\"]")),
        };
        let blocks = newer(&net("a", "")) + &second;
        let world = world(cloud, &(there(cloud, "a") + &there(cloud, "b")), &blocks);
        block_on(async {
            let (plan, _) = world.plan(&unlimited()).await.unwrap();
            let step = plan.steps.iter().find(|step| step.address == address("b")).unwrap();
            let (b, mut meddling) = (step.request.product().to_owned(), step.request.clone());
            match &mut meddling {
                Request::SetOwner { owner, .. } => *owner = arn("role/Meddler"),
                Request::Update { parameters, .. } => {
                    let net = tenure::model::Argument::Value("10.99.0.0/16".to_owned());
                    parameters.insert("Cidr".to_owned(), net);
                }
                other => panic!("{other:?}"),
            }
            let providers = world.providers(&world.project());
            let meddler = async {
                // Before the first update has ended; it takes a minute.
                while count(&world, "UpdateProvisionedProduct") == 0 {
                    tokio::task::yield_now().await;
                }
                providers["prod"].submit(&meddling, "meddler").await
            };
            // The meddler's write is not in our ledger, and the line says so: that is no fault here.
            let (ended, meddled) = tokio::join!(world.apply(None), meddler);
            meddled.unwrap();
            assert_eq!(ended.report().failed, 1, "{ended:?}");
            let failed = failures(&world);
            assert_eq!(failed.len(), 1);
            assert_eq!((&failed[0].0, failed[0].1), (&address("b"), Failure::Moved));
            world.pass(Duration::from_secs(300)).await;
            let now = world.truth().await.products.remove(&b).unwrap();
            match cloud {
                Cloud::Aws => assert_eq!(now.owner, Some(arn("role/Meddler"))),
                Cloud::Alibaba => assert_eq!(now.version_name, "2"),
            }
        });
    }

    /// What an output turns out to be may be what is there already: then nothing is sent, for it would taint the product
    /// or be refused.
    fn an_update_that_changes_nothing_after_all_is_not_sent(cloud) {
        let a = net("a", "parameters.Cidr = \"10.0.0.0/16\"");
        let b = net("b", "parameters.Cidr = \"${provisioned_product.a.outputs.Name}\"");
        let world = world(cloud, "", &(a.clone() + &b));
        block_on(async {
            world.apply_all().await;
            world.write("tenure.toml", &project(cloud, &(newer(&a) + &b)));
            world.apply_all().await;
            assert_eq!(count(&world, "UpdateProvisionedProduct"), 1);
            let already = world.lines().into_iter().any(|line| match line.entry {
                Entry::Succeeded(succeeded) => succeeded.already && succeeded.address == address("b"),
                _ => false,
            });
            assert!(already);
        });
    }

    fn a_step_that_outlives_its_timeout_stays_with_the_cloud(cloud) {
        let world = world(cloud, "", &net("a", "timeout = \"30s\""));
        block_on(async {
            let report = world.apply(None).await.report();
            assert_eq!((report.failed, report.left_running), (0, 1));
            assert!(world.managed().unsettled[&address("a")].submitted.is_some());
            world.pass(Duration::from_secs(60)).await;
            let Ended::Nothing { settled, .. } = world.apply(None).await else { panic!("it planned it again") };
            assert_eq!((settled.failed, settled.open), (0, 0));
            assert!(!settled.wrote);
        });
    }

    /// The cloud that a step was sent to is gone, and another one with the same products is in its place.
    fn a_step_of_another_world_is_given_up_and_planned_anew(cloud) {
        let blocks = newer(&net("a", "timeout = \"30s\"")) + &net("n", "timeout = \"30s\"");
        let one = || world(cloud, &there(cloud, "a"), &blocks);
        let (first, mut second) = (one(), one());
        block_on(async {
            assert_eq!(first.apply(None).await.report().left_running, 2);
            second.ledger = MemoryStore::new(first.ledger.bytes());
            let ended = second.apply(None).await;
            assert_eq!(ended.report().left_running, 2, "{ended:?}");
            let given_up: Vec<_> = failures(&second).into_iter().map(|(address, why, _)| (address.key, why)).collect();
            assert_eq!(given_up, [("a".to_owned(), Failure::Superseded), ("n".to_owned(), Failure::Superseded)]);
            second.pass(Duration::from_secs(60)).await;
            let Ended::Nothing { settled, .. } = second.apply(None).await else { panic!("it planned it again") };
            assert_eq!((settled.failed, settled.open), (0, 0));
        });
    }

    fn on_error_stop_starts_nothing_new(cloud) {
        let blocks = ["a", "b", "c"].map(|key| net(key, "")).concat();
        for stop in [true, false] {
            let mut world = world(cloud, &fault(launch(cloud), "fail", "1"), &blocks);
            (world.stop_on_error, world.parallelism) = (stop, 1);
            let report = block_on(world.apply(None)).report();
            let expected = if stop { (0, 1, 2) } else { (2, 1, 0) };
            assert_eq!((report.succeeded, report.failed, report.not_started), expected);
        }
    }

    fn a_secret_stands_in_the_ledger_as_its_reference_only(cloud) {
        let world = world(cloud, "", &web(1));
        block_on(async {
            world.apply_all().await;
            world.write("tenure.toml", &project(cloud, &web(2)));
            world.apply_all().await;
            finish(&world).await;
            let ledger = String::from_utf8_lossy(&world.ledger.bytes()).into_owned();
            assert!(ledger.contains("env:P") && !ledger.contains(SECRET));
        });
    }

    /// A secret that has a new version since: the old request is not sent again. Without tokens none is ever.
    fn a_secret_that_changed_since_is_not_sent_again(cloud) {
        let world = world(cloud, "", &web(1));
        block_on(async {
            let nth = calls_before(cloud, &world, launch(cloud)).await;
            assert!(matches!(world.apply(Some(Trouble::DieBeforeCall(nth))).await, Ended::Died));
            world.write("tenure.toml", &project(cloud, &web(2)));
            let ended = world.apply(None).await;
            assert!(ended.report().is_complete());
            let expected = if cloud == Cloud::Aws { Failure::Superseded } else { Failure::NotSent };
            assert_eq!(failures(&world).into_iter().map(|(_, reason, _)| reason).collect::<Vec<_>>(), [expected]);
            assert_eq!(world.truth().await.products.len(), 1);
        });
    }

    fn every_step_that_starts_comes_to_an_end_that_is_told(cloud) {
        let (blocks, steps) = match cloud {
            Cloud::Aws => (net("a", "owner = \"role/B\"") + &net("b", "owner = \"role/B\""), 3),
            Cloud::Alibaba => (newer(&net("a", "")) + &net("b", ""), 2),
        };
        let world = world(cloud, &there(cloud, "a"), &blocks);
        block_on(world.apply_all());
        let told = world.told.lock().unwrap();
        let started: Vec<_> = told.iter().filter(|event| matches!(event, Event::Started { .. })).collect();
        let ended: Vec<_> = told.iter().filter(|event| matches!(event, Event::Succeeded { .. })).collect();
        assert_eq!((started.len(), ended.len()), (steps, steps));
    }

    /// What one step costs does not depend on how many there are. `TENURE_COSTS=5000 cargo test --release -- --nocapture
    /// a_step_costs` measures more of them.
    fn a_step_costs_the_same_in_a_large_plan_as_in_a_small_one(cloud) {
        let measure = |count: u64| {
            let names = (0..count).map(|n| format!("n{n}"));
            let there: String = names.clone().map(|name| there(cloud, &name)).collect();
            let change = |name: String| match cloud {
                Cloud::Aws => net(&name, "owner = \"role/B\""),
                Cloud::Alibaba => newer(&net(&name, "")),
            };
            let blocks: String = names.map(change).collect();
            // The service is quick, so that waiting for it costs nothing here.
            let quick = catalog(cloud).replace("name = \"2\",", "name = \"2\", duration = \"1s\",");
            let world = world_of(cloud, &quick, &there, &blocks);
            world.be_careless();
            assert_eq!(u64::from(block_on(world.apply(None)).report().succeeded), count);
            let (time, calls) = *world.cost.lock().unwrap();
            let (micros, calls) = (time.as_micros() as f64 / count as f64, calls as f64 / count as f64);
            println!("{count} steps: {calls:.2} calls and {micros:.0} µs each");
            (micros, calls)
        };
        let large = setting("TENURE_COSTS", 400);
        let ((small_time, small_calls), (large_time, large_calls)) = (measure(100), measure(large));
        // Polls share pages, and a large plan's last look at each product is one of its own.
        assert!(large_calls <= small_calls + 1.5, "{small_calls} calls a step, then {large_calls}");
        if large >= 5_000 {
            assert!(large_time <= small_time * 2.0, "{small_time} µs a step, then {large_time}");
        }
    }
}

/// A web with a secret.
pub fn web(version: u32) -> String {
    format!(
        "\n[provisioned_product.w]\ntarget = \"prod\"\nproduct = \"web\"\nversion = \"1\"\nparameters.Password = {{ secret = \"env:P\", version = {version} }}\n"
    )
}

/// The number of the first call of `operation` in an apply of this world, found on a copy of it.
pub async fn calls_before(cloud: Cloud, world: &World, operation: &str) -> u64 {
    let read = |name: &str| std::fs::read_to_string(world.folder.path().join(name)).unwrap();
    let seed = read("sandbox.toml");
    for nth in 1..200 {
        let mut copy = world_of(cloud, &seed, "", "");
        copy.write("tenure.toml", &read("tenure.toml"));
        copy.principal.clone_from(&world.principal);
        if matches!(copy.apply(Some(Trouble::DieBeforeCall(nth))).await, Ended::Died)
            && copy.sent().iter().any(|sent| sent.operation == operation)
        {
            return nth;
        }
    }
    panic!("{operation} is never called");
}

/// An interrupted run says so in the ledger, and everything that it sent is there as submitted.
fn ended_entries(world: &World, trouble: Trouble, cut: bool) -> Result<(), String> {
    let Trouble::Interrupt(_) = trouble else { return Ok(()) };
    let said = world.lines().iter().any(|line| matches!(line.entry, Entry::Ended { interrupted: true, .. }));
    if said == cut { Ok(()) } else { Err(format!("{trouble:?}: interrupted {cut}, told {said}")) }
}

#[test]
fn a_lost_reply_is_answered_by_the_same_record() {
    let world = world(Cloud::Aws, "", &net("a", ""));
    world.lose("ProvisionProduct", 1, true);
    world.lose("ProvisionProduct", 2, true);
    block_on(async {
        world.apply_all().await;
        assert_eq!(count(&world, "ProvisionProduct"), 3);
        assert_eq!(world.truth().await.products.len(), 1);
    });
}

/// The first copy arrives and its reply is lost; every later one is throttled. That the last answer was a throttle says
/// nothing about the first copy.
#[test]
fn a_throttle_after_a_lost_reply_leaves_the_write_in_doubt() {
    let late = (2..200).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
    let world = world(Cloud::Aws, &fault("ProvisionProduct", "throttle", &late), &net("a", ""));
    world.lose("ProvisionProduct", 1, true);
    block_on(async {
        let report = world.apply(None).await.report();
        assert_eq!((report.failed, report.left_running), (0, 1), "{report:?}");
        assert_eq!(failures(&world), []);
        let mut ended = world.apply(None).await;
        for _ in 0..10 {
            if matches!(&ended, Ended::Nothing { settled, .. } if settled.open == 0) {
                break;
            }
            ended = world.apply(None).await;
        }
        assert_eq!(world.truth().await.products.len(), 1);
        assert!(world.managed().managed.contains_key(&address("a")));
        assert_eq!(failures(&world), []);
    });
}

#[test]
fn a_user_who_gives_a_product_away_cannot_confirm_it() {
    let blocks = net("a", "owner = \"role/Other\"");
    let mut world = world(Cloud::Aws, "", &blocks);
    let toml = project(Cloud::Aws, &blocks).replace("[target.prod]", "[target.prod]\naccess = \"user\"");
    world.write("tenure.toml", &toml);
    world.principal = Some("user".to_owned());
    block_on(async {
        world.apply_all().await;
        let unconfirmed = world.lines().into_iter().any(|line| match line.entry {
            Entry::Succeeded(succeeded) => succeeded.unconfirmed,
            _ => false,
        });
        assert!(unconfirmed);
        let id = world.id("a");
        assert_eq!(world.truth().await.products[&id].owner, Some(arn("role/Other")));
        let (plan, _) = world.plan(&unlimited()).await.unwrap();
        assert!(plan.steps.is_empty());
        assert!(plan.findings.iter().any(|f| f.problem.message.contains("cannot be seen")), "{:?}", plan.findings);
    });
}

/// A SetOwner that was sent by a run that died is confirmed by the product, not by the record alone.
#[test]
fn a_transfer_of_a_dead_run_is_waited_for() {
    // Its record may be told so late that it has ended by then.
    let late = "\n[[fault]]\noperation = \"DescribeRecord\"\nkind = \"delay\"\nevery = 1\nseconds = 300\n";
    for (after_call, late) in [(true, ""), (false, ""), (true, late)] {
        let world = world(Cloud::Aws, &(there(Cloud::Aws, "a") + late), &net("a", "owner = \"role/B\""));
        block_on(async {
            let nth = calls_before(Cloud::Aws, &world, "UpdateProvisionedProductProperties").await;
            let trouble = if after_call { Trouble::DieAfterCall(nth) } else { Trouble::DieBeforeCall(nth) };
            assert!(matches!(world.apply(Some(trouble)).await, Ended::Died));
            assert_eq!(world.managed().unsettled.len(), 1);
            let Ended::Nothing { settled, .. } = world.apply(None).await else { panic!("it planned it again") };
            assert_eq!((settled.failed, settled.open), (0, 0), "{:?}", world.told.lock().unwrap());
            assert_eq!(failures(&world), []);
            assert_eq!(world.truth().await.products[&world.id("a")].owner, Some(arn("role/B")));
        });
    }
}

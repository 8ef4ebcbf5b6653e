//! What `apply` does where the clouds do not do as they are told: one case each.

use std::collections::BTreeMap;
use std::time::Duration;

use tenure::ledger::MemoryStore;
use tenure::ledger::entry::{Entry, Failure};
use tenure::model::{Address, Event, StepKind};
use tenure::plan::Options;

use crate::random::{TEMPLATES, arn};
use crate::world::{ACCOUNT, Ended, SECRET, Torn, Trouble, World, block_on, setting, unlimited};

const CLOUD: &str = r#"
seed = 1

[account."123456789012"]
provider = "aws"
regions  = ["eu-west-1"]

[principal.admin]
arn = "arn:aws:iam::123456789012:role/Admin"
access_key_id = "AKIAADMIN"
secret_access_key = "x"

[principal.user]
arn = "arn:aws:iam::123456789012:user/user"
access_key_id = "AKIAUSER"
secret_access_key = "y"
access = "user"
allow = ["UpdateProvisionedProductProperties", "GetProvisionedProductOutputs", "DescribeProvisioningArtifact"]

[portfolio.all]
account = "123456789012"
name = "All"
principals = ["admin", "user"]
constraints = [{ product = "net", type = "RESOURCE_UPDATE" }]

[product.net]
portfolios = ["all"]
[[product.net.version]]
name = "1"
template = "templates/net.yaml"
[[product.net.version]]
name = "2"
template = "templates/net.yaml"

[product.web]
portfolios = ["all"]
[[product.web.version]]
name = "1"
template = "templates/web.yaml"
"#;

fn project(blocks: &str) -> String {
    format!(
        "[target.prod]\nprovider = \"aws\"\nregion = \"eu-west-1\"\naccount = \"{ACCOUNT}\"\nendpoint = \"sandbox:\"\n{blocks}"
    )
}

/// A net that is there already, in version 1 and of `owner`.
fn there(name: &str, owner: &str) -> String {
    format!("\n[provisioned_product.{name}]\nproduct = \"net\"\nversion = \"1\"\nowner = \"{}\"\n", arn(owner))
}

fn net(key: &str, rest: &str) -> String {
    format!("\n[provisioned_product.{key}]\ntarget = \"prod\"\nproduct = \"net\"\nversion = \"1\"\n{rest}\n")
}

fn world(cloud: &str, blocks: &str) -> World {
    let (seed, toml) = (format!("{CLOUD}{cloud}"), project(blocks));
    let mut files = TEMPLATES.to_vec();
    files.extend([("sandbox.toml", seed.as_str()), ("tenure.toml", toml.as_str())]);
    World::new(&files)
}

fn address(key: &str) -> Address {
    Address::new(key, "prod")
}

fn failures(world: &World) -> Vec<(Address, Failure, String)> {
    let failed = |entry| match entry {
        Entry::Failed { address, reason, message, .. } => Some((address, reason, message)),
        _ => None,
    };
    world.lines().into_iter().filter_map(|line| failed(line.entry)).collect()
}

fn count(world: &World, operation: &str) -> u64 {
    world.counts().get(operation).copied().unwrap_or_default()
}

#[test]
fn a_launch_that_fails_is_ours_and_goes_only_when_it_is_destroyed() {
    let mut world = world(
        "\n[[fault]]\noperation = \"ProvisionProduct\"\nkind = \"fail\"\nat = [1]\n",
        &(net("a", "owner = \"role/A\"") + &net("b", "parameters.Cidr = \"${provisioned_product.a.outputs.Name}\"")),
    );
    block_on(async {
        let report = world.apply(None).await.report();
        assert_eq!((report.failed, report.not_started), (1, 2), "{report:?}");
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

#[test]
fn an_update_that_fails_is_planned_again() {
    let world = world(
        &(there("a", "role/A") + "\n[[fault]]\noperation = \"UpdateProvisionedProduct\"\nkind = \"fail\"\nat = [1]\n"),
        &net("a", "owner = \"role/B\"").replace("version = \"1\"", "version = \"2\""),
    );
    block_on(async {
        let report = world.apply(None).await.report();
        // The owner waits for the update.
        assert_eq!((report.failed, report.not_started), (1, 1));
        let truth = world.truth().await;
        assert_eq!(truth.products[&world.id("a")].status.to_string(), "TAINTED");
        let (plan, _) = world.plan(&unlimited()).await.unwrap();
        let kinds: Vec<StepKind> = plan.steps.iter().map(|step| step.kind).collect();
        assert_eq!(kinds, [StepKind::Update, StepKind::SetOwner]);
        world.apply_all().await;
        assert!(!world.plan(&unlimited()).await.unwrap().0.has_changes());
    });
}

#[test]
fn a_lost_reply_is_answered_by_the_same_record() {
    let world = world("", &net("a", ""));
    world.lose("ProvisionProduct", 1, true);
    world.lose("ProvisionProduct", 2, true);
    block_on(async {
        world.apply_all().await;
        assert_eq!(count(&world, "ProvisionProduct"), 3);
        assert_eq!(world.truth().await.products.len(), 1);
    });
}

#[test]
fn a_throttled_write_is_sent_again() {
    let fault = "\n[[fault]]\noperation = \"ProvisionProduct\"\nkind = \"throttle\"\nat = [1, 2, 3]\n";
    let world = world(fault, &net("a", ""));
    block_on(world.apply_all());
    assert_eq!(count(&world, "ProvisionProduct"), 4);
}

/// The first copy arrives and its reply is lost; every later one is throttled. That the last answer was a throttle says
/// nothing about the first copy.
#[test]
fn a_throttle_after_a_lost_reply_leaves_the_write_in_doubt() {
    let late = (2..200).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
    let fault = format!("\n[[fault]]\noperation = \"ProvisionProduct\"\nkind = \"throttle\"\nat = [{late}]\n");
    let world = world(&fault, &net("a", ""));
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
    let mut world = world("", &net("a", "owner = \"role/Other\""));
    world.write(
        "tenure.toml",
        &project(&net("a", "owner = \"role/Other\"")).replace("[target.prod]", "[target.prod]\naccess = \"user\""),
    );
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
    for after_call in [true, false] {
        let world = world(&there("a", "role/A"), &net("a", "owner = \"role/B\""));
        block_on(async {
            let nth = calls_before(&world, "UpdateProvisionedProductProperties").await;
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

/// The number of the first call of `operation` in an apply of this world, found on a copy of it.
async fn calls_before(world: &World, operation: &str) -> u64 {
    let read = |name: &str| std::fs::read_to_string(world.folder.path().join(name)).unwrap();
    let (seed, toml) = (read("sandbox.toml"), read("tenure.toml"));
    let mut files = TEMPLATES.to_vec();
    files.extend([("sandbox.toml", seed.as_str()), ("tenure.toml", toml.as_str())]);
    for nth in 1..200 {
        let mut copy = World::new(&files);
        copy.principal.clone_from(&world.principal);
        if matches!(copy.apply(Some(Trouble::DieBeforeCall(nth))).await, Ended::Died)
            && copy.sent().iter().any(|sent| sent.operation == operation)
        {
            return nth;
        }
    }
    panic!("{operation} is never called");
}

/// At every call and every append of a run that launches, updates, sets roles, transfers and terminates, the process
/// dies; the next runs finish, and nothing is done twice.
#[test]
fn a_run_that_dies_anywhere_is_continued() {
    let cloud = there("a", "role/A") + &there("gone", "role/A");
    let first = net("a", "") + &net("gone", "");
    let then = net("a", "owner = \"role/B\"\nlaunch_role = \"role/L\"").replace("version = \"1\"", "version = \"2\"")
        + &net("b", "owner = \"role/B\"\nparameters.Cidr = \"${provisioned_product.a.outputs.Id}\"");
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
        let world = world(&cloud, &first);
        block_on(async {
            world.apply_all().await;
            world.write("tenure.toml", &project(&then));
            let ended = world.apply(Some(trouble)).await;
            let cut = match &ended {
                Ended::Died => true,
                Ended::Ran { report, .. } => report.interrupted,
                _ => false,
            };
            died.insert(kind, cut);
            for _ in 0..4 {
                if let Ended::Nothing { settled, .. } = world.apply(None).await
                    && settled.open == 0
                {
                    break;
                }
            }
            let (plan, _) = world.plan(&unlimited()).await.unwrap();
            assert!(!plan.has_changes(), "{trouble:?}: {:#?}", plan.changes);
            assert_eq!(failures(&world), [], "{trouble:?}");
            assert_eq!(world.truth().await.products.len(), 2, "{trouble:?}");
            assert_eq!(world.managed().unsettled.len(), 0, "{trouble:?}");
            assert_eq!(world.broken(), Vec::<String>::new());
            assert_eq!(ended_entries(&world, trouble, cut), Ok(()));
        });
    }
    assert_eq!(died.len(), 6);
}

/// An interrupted run says so in the ledger, and everything that it sent is there as submitted.
fn ended_entries(world: &World, trouble: Trouble, cut: bool) -> Result<(), String> {
    let Trouble::Interrupt(_) = trouble else { return Ok(()) };
    let said = world.lines().iter().any(|line| matches!(line.entry, Entry::Ended { interrupted: true, .. }));
    if said == cut { Ok(()) } else { Err(format!("{trouble:?}: interrupted {cut}, told {said}")) }
}

/// Somebody changes a product while an earlier step runs: the step that was to follow is not sent.
#[test]
fn what_somebody_else_changed_meanwhile_is_left_alone() {
    let blocks = net("a", "").replace("version = \"1\"", "version = \"2\"")
        + &net("b", "owner = \"role/B\"\ndepends_on = [\"a\"]");
    let world = world(&(there("a", "role/A") + &there("b", "role/A")), &blocks);
    block_on(async {
        let (plan, _) = world.plan(&unlimited()).await.unwrap();
        let b = plan.steps.iter().find(|step| step.address == address("b")).unwrap().request.product().to_owned();
        let providers = world.providers(&world.project());
        let meddler = async {
            // Before the first update has ended; it takes a minute.
            let owner = tenure::model::Request::SetOwner { id: b.clone(), owner: arn("role/Meddler") };
            while count(&world, "UpdateProvisionedProduct") == 0 {
                tokio::task::yield_now().await;
            }
            providers["prod"].submit(&owner, "meddler").await
        };
        // The meddler's write is not in our ledger, and the line says so: that is no fault here.
        let (ended, meddled) = tokio::join!(world.apply(None), meddler);
        meddled.unwrap();
        assert_eq!(ended.report().failed, 1, "{ended:?}");
        let failed = failures(&world);
        assert_eq!(failed.len(), 1);
        assert_eq!((&failed[0].0, failed[0].1), (&address("b"), Failure::Moved));
        assert_eq!(world.truth().await.products[&b].owner, Some(arn("role/Meddler")));
    });
}

/// What an output turns out to be may be what is there already: then nothing is sent, for it would taint the product.
#[test]
fn an_update_that_changes_nothing_after_all_is_not_sent() {
    let a = net("a", "parameters.Cidr = \"10.0.0.0/16\"");
    let b = net("b", "parameters.Cidr = \"${provisioned_product.a.outputs.Name}\"");
    let world = world("", &(a.clone() + &b));
    block_on(async {
        world.apply_all().await;
        world.write("tenure.toml", &project(&(a.replace("version = \"1\"", "version = \"2\"") + &b)));
        world.apply_all().await;
        assert_eq!(count(&world, "UpdateProvisionedProduct"), 1);
        let already = world.lines().into_iter().any(|line| match line.entry {
            Entry::Succeeded(succeeded) => succeeded.already && succeeded.address == address("b"),
            _ => false,
        });
        assert!(already);
    });
}

#[test]
fn a_step_that_outlives_its_timeout_stays_with_the_cloud() {
    let world = world("", &net("a", "timeout = \"30s\""));
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
#[test]
fn a_step_of_another_world_is_given_up_and_planned_anew() {
    let blocks =
        net("a", "timeout = \"30s\"").replace("version = \"1\"", "version = \"2\"") + &net("n", "timeout = \"30s\"");
    let (first, mut second) = (world(&there("a", "role/A"), &blocks), world(&there("a", "role/A"), &blocks));
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

#[test]
fn on_error_stop_starts_nothing_new() {
    let blocks = ["a", "b", "c"].map(|key| net(key, "")).concat();
    for stop in [true, false] {
        let fault = "\n[[fault]]\noperation = \"ProvisionProduct\"\nkind = \"fail\"\nat = [1]\n";
        let mut world = world(fault, &blocks);
        (world.stop_on_error, world.parallelism) = (stop, 1);
        let report = block_on(world.apply(None)).report();
        let expected = if stop { (0, 1, 2) } else { (2, 1, 0) };
        assert_eq!((report.succeeded, report.failed, report.not_started), expected);
    }
}

#[test]
fn a_secret_stands_in_the_ledger_as_its_reference_only() {
    let block = "\n[provisioned_product.w]\ntarget = \"prod\"\nproduct = \"web\"\nversion = \"1\"\nparameters.Password = { secret = \"env:P\", version = 1 }\n";
    let world = world("", block);
    block_on(async {
        world.apply_all().await;
        assert_eq!(world.broken(), Vec::<String>::new());
        let ledger = String::from_utf8_lossy(&world.ledger.bytes()).into_owned();
        assert!(ledger.contains("env:P") && !ledger.contains(SECRET));
    });
}

/// A secret that has a new version since: the old request is not sent again.
#[test]
fn a_secret_that_changed_since_is_not_sent_again() {
    let block = |version: u32| {
        format!(
            "\n[provisioned_product.w]\ntarget = \"prod\"\nproduct = \"web\"\nversion = \"1\"\nparameters.Password = {{ secret = \"env:P\", version = {version} }}\n"
        )
    };
    let world = world("", &block(1));
    block_on(async {
        let nth = calls_before(&world, "ProvisionProduct").await;
        assert!(matches!(world.apply(Some(Trouble::DieBeforeCall(nth))).await, Ended::Died));
        world.write("tenure.toml", &project(&block(2)));
        let ended = world.apply(None).await;
        assert!(ended.report().is_complete());
        assert_eq!(
            failures(&world).into_iter().map(|(_, reason, _)| reason).collect::<Vec<_>>(),
            [Failure::Superseded]
        );
        assert_eq!(world.truth().await.products.len(), 1);
    });
}

#[test]
fn every_step_that_starts_comes_to_an_end_that_is_told() {
    let world = world(&there("a", "role/A"), &(net("a", "owner = \"role/B\"") + &net("b", "owner = \"role/B\"")));
    block_on(world.apply_all());
    let told = world.told.lock().unwrap();
    let started: Vec<_> = told.iter().filter(|event| matches!(event, Event::Started { .. })).collect();
    let ended: Vec<_> = told.iter().filter(|event| matches!(event, Event::Succeeded { .. })).collect();
    assert_eq!((started.len(), ended.len()), (3, 3));
}

/// What one step costs does not depend on how many there are. `TENURE_COSTS=5000 cargo test --release -- --nocapture
/// a_step_costs` measures more of them.
#[test]
fn a_step_costs_the_same_in_a_large_plan_as_in_a_small_one() {
    let measure = |count: u64| {
        let names = (0..count).map(|n| format!("n{n}"));
        let cloud: String = names.clone().map(|name| there(&name, "role/A")).collect();
        let blocks: String = names.map(|name| net(&name, "owner = \"role/B\"")).collect();
        let world = world(&cloud, &blocks);
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

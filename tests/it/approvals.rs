//! Changes that take somebody's approval: handed in by one run, carried out by a later one, and never twice.

use std::time::Duration;

use tenure::ledger::entry::{Entry, Failure};
use tenure::model::{Cloud, Event, StepKind};
use tenure::plan::Options;

use crate::bench::Bench;
use crate::clouds::{OPERATOR, account, account_seed, administrator, template};
use crate::random::TEMPLATES;
use crate::runs::{address, count, failures, finish, net, newer, project, there, world_of};
use crate::wire::{Torn, Trouble};
use crate::world::{Ended, World, block_on, unlimited};

const CREATE: &str = "CreateProvisionedProductPlan";
const EXECUTE: &str = "ExecuteProvisionedProductPlan";
const CANCEL: &str = "CancelProvisionedProductPlan";

/// A catalog in which everything that is done with `net` takes approval.
fn catalog() -> String {
    let (cloud, net) = (Cloud::Alibaba, template(Cloud::Alibaba, "net"));
    format!(
        "seed = 1\n{}
[portfolio.all]
account = \"{}\"
name = \"All\"
principals = [\"{}\"]
constraints = [{{ product = \"net\", type = \"APPROVAL\", operations = [\"All\"], approvers = [\"approver\"] }}]

[product.net]
portfolios = [\"all\"]
version = [{{ name = \"1\", template = \"{net}\" }}, {{ name = \"2\", template = \"{net}\" }}]
",
        account_seed(cloud),
        account(cloud),
        administrator(cloud),
    )
}

fn world(more: &str, blocks: &str) -> World {
    world_of(Cloud::Alibaba, &catalog(), more, blocks)
}

fn rewrite(world: &World, blocks: &str) {
    world.write("tenure.toml", &project(Cloud::Alibaba, blocks));
}

/// The one kind of change that a case is about.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Change {
    Launch,
    Update,
    Terminate,
}

const CHANGES: [Change; 3] = [Change::Launch, Change::Update, Change::Terminate];

/// A world in which exactly this is to be done, and nothing was asked yet.
fn about(change: Change) -> World {
    let mut world = match change {
        Change::Launch => world("", &net("a", "")),
        Change::Update => world(&there(Cloud::Alibaba, "a"), &newer(&net("a", ""))),
        Change::Terminate => {
            let world = world(&there(Cloud::Alibaba, "a"), &net("a", ""));
            block_on(world.apply_all());
            world
        }
    };
    if change == Change::Terminate {
        world.options = Options { destroy: true, ..unlimited() };
    }
    world
}

fn assert_done(world: &World, change: Change) {
    let truth = block_on(world.truth());
    let now: Vec<&str> = truth.products.values().map(|product| product.version_name.as_str()).collect();
    let (expected, ours): (&[&str], usize) = match change {
        Change::Launch => (&["1"], 1),
        Change::Update => (&["2"], 1),
        Change::Terminate => (&[], 0),
    };
    assert_eq!(now, expected, "{change:?}");
    let ledger = world.managed();
    assert_eq!((ledger.managed.len(), ledger.unsettled.len(), ledger.prepared.len()), (ours, 0, 0), "{change:?}");
    assert_eq!(world.broken(), Vec::<String>::new());
    assert_eq!(block_on(world.launched_twice()), Vec::<String>::new());
}

async fn statuses(world: &World) -> Vec<String> {
    let plans = world.plans(("AccessLevelFilter", "Account")).await;
    let status = |plan: serde_json::Value| plan["Status"].as_str().unwrap().to_owned();
    plans.into_iter().map(status).collect()
}

/// What a run that did nothing says of `a`.
fn told(ended: &Ended) -> String {
    let Ended::Nothing { plan, .. } = ended else { panic!("it did something: {ended:?}") };
    let finding = plan.findings.iter().find(|finding| finding.address == address("a") && finding.blocks);
    let finding = finding.expect("a finding that blocks");
    assert!(finding.fails, "{}", finding.problem);
    finding.problem.message.clone()
}

/// Runs and yeses until nothing is left to do.
async fn see_through(world: &World) {
    for _ in 0..8 {
        if let Ended::Nothing { settled, plan } = world.apply(None).await
            && settled.open == 0
            && plan.findings.is_empty()
        {
            return;
        }
        world.decide(true).await;
    }
    panic!("it never comes to an end: {:#?}", world.failures_told());
}

#[test]
fn a_change_is_handed_in_and_carried_out_when_it_is_approved() {
    for change in CHANGES {
        let world = about(change);
        block_on(async {
            let report = world.apply(None).await.report();
            assert_eq!((report.waiting, report.failed, report.not_started), (1, 0, 1), "{change:?}: {report:?}");
            assert!(!report.is_complete());
            let waits = |event: &Event| matches!(event, Event::AwaitingApproval { by, .. } if by.starts_with("boss ("));
            assert!(world.told.lock().unwrap().iter().any(waits), "{change:?}");
            // Days pass, and nobody decides.
            for _ in 0..2 {
                world.pass(Duration::from_secs(100_000)).await;
                let ended = world.apply(None).await;
                assert!(
                    told(&ended).starts_with("waiting for approval by boss (plan-"),
                    "{change:?}: {}",
                    told(&ended)
                );
            }
            assert_eq!((count(&world, CREATE), count(&world, EXECUTE)), (1, 0), "{change:?}");
            world.decide(true).await;
            world.apply_all().await;
            assert_eq!((count(&world, CREATE), count(&world, EXECUTE)), (1, 1), "{change:?}");
            assert_eq!(statuses(&world).await, ["ExecuteSuccess"], "{change:?}");
        });
        assert_eq!(failures(&world), []);
        assert_done(&world, change);
    }
}

#[test]
fn a_change_that_is_rejected_has_failed_and_is_handed_in_anew_by_the_next_run() {
    for change in CHANGES {
        let world = about(change);
        block_on(async {
            assert_eq!(world.apply(None).await.report().waiting, 1);
            world.decide(false).await;
            let ended = world.apply(None).await;
            assert_eq!(told(&ended), "the change that was handed in was not approved", "{change:?}");
            let failed = failures(&world);
            assert_eq!(failed.len(), 1, "{change:?}");
            assert_eq!((&failed[0].0, failed[0].1), (&address("a"), Failure::Operation));
            assert!(failed[0].2.contains("rejected by boss"), "{}", failed[0].2);
            assert_eq!(count(&world, CREATE), 1);
            assert_eq!(world.apply(None).await.report().waiting, 1, "{change:?}");
            assert_eq!((count(&world, CREATE), count(&world, EXECUTE)), (2, 0));
            world.decide(true).await;
            world.apply_all().await;
        });
        assert_done(&world, change);
    }
}

/// The files change while somebody thinks, or has thought: what was handed in is cancelled, so that nobody carries it out.
#[test]
fn what_the_files_no_longer_say_is_cancelled_and_the_new_is_handed_in() {
    for (change, approved) in CHANGES.into_iter().flat_map(|change| [(change, false), (change, true)]) {
        if change == Change::Terminate {
            continue;
        }
        let world = about(change);
        block_on(async {
            assert_eq!(world.apply(None).await.report().waiting, 1);
            if approved {
                world.decide(true).await;
            }
            rewrite(&world, &newer(&net("a", "parameters.Size = 7")));
            let report = world.apply(None).await.report();
            assert_eq!((report.waiting, report.failed), (1, 0), "{change:?} {approved}: {report:?}");
            let mut now = statuses(&world).await;
            now.sort_unstable();
            assert_eq!(now, ["ApplicationInProgress", "Canceled"], "{change:?} {approved}");
            world.decide(true).await;
            world.apply_all().await;
            let [plan] = world.truth().await.products.into_values().collect::<Vec<_>>().try_into().unwrap();
            assert_eq!(plan.version_name, "2");
            finish(&world).await;
        });
    }
}

/// The block is deleted before anybody has decided: nothing is left of it but a word to whoever could still carry it out.
#[test]
fn a_change_that_nobody_wants_any_more_is_not_carried_out() {
    let world = about(Change::Launch);
    block_on(async {
        assert_eq!(world.apply(None).await.report().waiting, 1);
        rewrite(&world, "");
        world.decide(true).await;
        for _ in 0..2 {
            world.apply(None).await;
        }
        assert_eq!(count(&world, EXECUTE), 0);
        assert!(world.truth().await.products.is_empty());
    });
}

/// The process dies at every call and append of the run that hands in, and of the one that carries out, or a request or its
/// reply is lost: one plan is made, carried out once.
#[test]
fn an_approval_survives_every_death() {
    let all = |n: u64| {
        vec![
            Trouble::DieAfterCall(n),
            Trouble::Lose(n, true),
            Trouble::DieAtAppend(n, Torn::Part),
            Trouble::DieAtAppend(n, Torn::Everything),
            Trouble::DieBeforeCall(n),
            Trouble::Lose(n, false),
            Trouble::DieAtAppend(n, Torn::Nothing),
        ]
    };
    // What a launch has shown of the ledger and the line need not be shown of the others.
    let some = |n: u64| all(n)[..3].to_vec();
    for second in [false, true] {
        survives(Change::Launch, second, &all);
        survives(Change::Update, second, &some);
        survives(Change::Terminate, second, &some);
    }
}

fn survives(change: Change, second: bool, troubles: &dyn Fn(u64) -> Vec<Trouble>) {
    let mut over = vec![false; troubles(1).len()];
    for (nth, kind) in (1..60).flat_map(|nth| (0..over.len()).map(move |kind| (nth, kind))).collect::<Vec<_>>() {
        if over[kind] {
            continue;
        }
        let (world, trouble) = (about(change), troubles(nth)[kind]);
        let (calls, died) = block_on(async {
            if second {
                world.apply(None).await;
                world.decide(true).await;
            }
            let before = world.counts().values().sum::<u64>();
            let ended = world.apply(Some(trouble)).await;
            let calls = world.counts().values().sum::<u64>() - before;
            see_through(&world).await;
            (calls, matches!(ended, Ended::Died))
        });
        // A run that outlives its nth call or append outlives all later ones.
        over[kind] = if matches!(trouble, Trouble::DieAtAppend(..)) { !died } else { calls < nth };
        assert_done(&world, change);
        assert_eq!(block_on(statuses(&world)), ["ExecuteSuccess"], "{change:?} {trouble:?}: {:?}", failures(&world));
    }
    assert!(over.into_iter().all(|over| over), "{change:?}");
}

#[test]
fn a_lost_cancellation_is_made_good() {
    for reply in [false, true] {
        let world = about(Change::Update);
        block_on(async {
            world.apply(None).await;
            rewrite(&world, &newer(&net("a", "parameters.Size = 7")));
            world.lose(CANCEL, 1, reply);
            world.apply(None).await;
            see_through(&world).await;
            // Where the cancellation never arrived it is deleted.
            let mut now = statuses(&world).await;
            now.sort_unstable();
            assert!(now == ["Canceled", "ExecuteSuccess"] || now == ["ExecuteSuccess"], "reply {reply}: {now:?}");
        });
        assert_done(&world, Change::Update);
    }
}

/// Somebody approves between the look that settles and the one that plans: then this run carries it out.
#[test]
fn an_approval_that_comes_while_a_run_looks_is_taken() {
    // While the list is on its way others have their turn.
    let slow = "\n[[fault]]\noperation = \"ListProvisionedProducts\"\nkind = \"delay\"\nevery = 1\nseconds = 1\n";
    let world = world(&(there(Cloud::Alibaba, "a") + slow), &newer(&net("a", "")));
    block_on(async {
        world.apply(None).await;
        let looks = || world.counts()["GetProvisionedProductPlan"];
        let settled = looks() + 1;
        let boss = async {
            while looks() < settled {
                tokio::task::yield_now().await;
            }
            world.decide(true).await;
        };
        let (ended, ()) = tokio::join!(world.apply(None), boss);
        assert!(ended.report().is_complete(), "{ended:?}");
        assert_eq!((count(&world, CREATE), count(&world, EXECUTE)), (1, 1));
    });
    assert_done(&world, Change::Update);
}

/// Something else is to be done to a product that a change waits for: it is not begun before that has an end.
#[test]
fn nothing_is_begun_while_a_change_of_the_same_product_waits() {
    let one = catalog().replace("operations = [\"All\"]", "operations = [\"TerminateProvisionedProduct\"]");
    let there = there(Cloud::Alibaba, "a");
    let world = world_of(Cloud::Alibaba, &one, &there, &net("a", ""));
    block_on(async {
        world.apply_all().await;
        rewrite(&world, "");
        assert_eq!(world.apply(None).await.report().waiting, 1);
        // It is to stay after all, in another version, and that takes nobody's approval.
        rewrite(&world, &newer(&net("a", "")));
        for _ in 0..2 {
            let ended = world.apply(None).await;
            assert!(told(&ended).contains("was handed in and has not come to an end here"), "{}", told(&ended));
        }
        world.decide(false).await;
        world.apply(None).await;
        finish(&world).await;
    });
    assert_done(&world, Change::Update);
}

/// It was approved, the run had no time for it, and somebody cancels it after all: it is handed in anew.
#[test]
fn an_approval_that_is_cancelled_is_asked_for_again() {
    let world = about(Change::Launch);
    block_on(async {
        world.apply(None).await;
        world.decide(true).await;
        // It learns of the approval, and dies before it begins anything.
        let began = world.lines().len();
        assert!(matches!(world.apply(Some(Trouble::DieAtAppend(2, Torn::Nothing))).await, Ended::Died));
        assert_eq!((world.lines().len() - began, world.managed().prepared.len()), (1, 1));
        let plans = world.plans(("AccessLevelFilter", "Account")).await;
        let cancelled = [("PlanId", plans[0]["PlanId"].as_str().unwrap())];
        world.ask("operator", CANCEL, &cancelled).await.unwrap();
        assert_eq!(world.apply(None).await.report().waiting, 1);
        see_through(&world).await;
    });
    assert_done(&world, Change::Launch);
}

/// What depends on a change that waits is not begun, and goes on with it.
#[test]
fn what_depends_on_an_approval_waits_as_well() {
    let world = world("", &(net("a", "") + &net("b", "parameters.Cidr = \"${provisioned_product.a.outputs.Name}\"")));
    block_on(async {
        let report = world.apply(None).await.report();
        assert_eq!((report.waiting, report.not_started), (1, 3), "{report:?}");
        world.decide(true).await;
        // Now `a` is there, and `b` is asked about.
        let report = world.apply(None).await.report();
        assert_eq!((report.succeeded, report.waiting), (1, 1), "{report:?}");
        world.decide(true).await;
        world.apply_all().await;
        assert_eq!(world.truth().await.products.len(), 2);
        finish(&world).await;
    });
}

/// The program's own words and exit code: nobody has to wait with it.
#[test]
fn the_program_ends_with_who_is_waited_for() {
    let bench = Bench::empty();
    for (name, text) in TEMPLATES {
        bench.write(name, text);
    }
    bench.write("sandbox.toml", catalog());
    let project = project(Cloud::Alibaba, &net("a", ""));
    bench.write("tenure.toml", project.replace("[target.prod]", "[target.prod]\nprincipal = \"operator\""));
    for _ in 0..2 {
        let said = bench.run("tenure apply -y").ended(1);
        let all = format!("{}{}", said.out, said.err);
        assert!(all.contains("waiting for approval by boss (plan-"), "{all}");
    }
    let said = bench.run("tenure plan").ended(0);
    assert!(said.out.contains("waiting for approval by boss (plan-"), "{}", said.out);
}

/// The history has the launch as that of whoever handed it in.
#[test]
fn who_launches_by_approval_is_the_owner() {
    let world = about(Change::Launch);
    block_on(see_through(&world));
    let all = tenure::ledger::history::chronicles(&world.lines());
    assert_eq!(all[0].tenures[0].holder, OPERATOR);
    let kinds: Vec<StepKind> = world
        .lines()
        .into_iter()
        .filter_map(|line| match line.entry {
            Entry::Started(started) => Some(started.kind),
            _ => None,
        })
        .collect();
    assert_eq!(kinds, [StepKind::Prepare, StepKind::Execute]);
}

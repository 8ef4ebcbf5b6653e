//! Requests and replies that are lost. Where no token tells a repetition from a first request, nothing is repeated unseen.

use std::time::Duration;

use tenure::ledger::entry::{Entry, Failure};
use tenure::model::{Cloud, Event};

use crate::clouds::on_both_clouds;
use crate::runs::{address, calls_before, count, failures, fault, finish, net, newer, project, there, world};
use crate::wire::{Lie, Trouble};
use crate::world::{Ended, World, block_on};

const LAUNCH: &str = "LaunchProduct";
const UPDATE: &str = "UpdateProvisionedProduct";
const TERMINATE: &str = "TerminateProvisionedProduct";
/// What does not show for this long was never sent.
const WINDOW: Duration = Duration::from_secs(120);

/// A run that launches, updates and terminates one product each is about to begin.
fn three_changes(cloud: Cloud) -> World {
    let first = net("a", "") + &net("gone", "");
    let world = world(cloud, &(there(cloud, "a") + &there(cloud, "gone")), &first);
    block_on(world.apply_all());
    world.write("tenure.toml", &project(cloud, &(newer(&net("a", "")) + &net("b", ""))));
    world
}

fn assert_three_changes(world: &World) {
    let truth = block_on(world.truth());
    let mut there: Vec<(&str, &str)> =
        truth.products.values().map(|product| (product.name.as_str(), product.version_name.as_str())).collect();
    there.sort_unstable();
    assert_eq!(there, [("a", "2"), ("b", "1")]);
}

on_both_clouds! {
    /// At any point of a run a request or its reply is lost, of a read or of a write; everything is done once all the same.
    fn a_loss_anywhere_is_made_good(cloud) {
        let mut over = [false, false];
        for (reply, nth) in (1..200).flat_map(|nth| [(false, nth), (true, nth)]) {
            if over[usize::from(reply)] {
                continue;
            }
            let world = three_changes(cloud);
            let calls = || world.counts().values().sum::<u64>();
            let before = calls();
            let ended = block_on(world.apply(Some(Trouble::Lose(nth, reply))));
            assert!(matches!(ended, Ended::Ran { .. }), "{nth}: {ended:?}");
            over[usize::from(reply)] = calls() - before < nth;
            block_on(finish(&world));
            assert_three_changes(&world);
            let known = |why| cloud == Cloud::Alibaba && !reply && why == Failure::NotSent;
            assert!(failures(&world).into_iter().all(|(_, why, _)| known(why)), "{nth}: {:?}", failures(&world));
        }
        assert_eq!(over, [true, true]);
    }
}

#[test]
fn a_write_whose_reply_is_lost_is_found_and_never_repeated() {
    for operation in [LAUNCH, UPDATE, TERMINATE] {
        let world = three_changes(Cloud::Alibaba);
        world.lose(operation, 1, true);
        block_on(world.apply_all());
        assert_eq!(count(&world, operation), 1, "{operation}");
        assert_eq!(failures(&world), []);
        block_on(finish(&world));
        assert_three_changes(&world);
    }
}

/// Nothing of it shows for as long as a request can be on its way: then it was never sent, and the next run sends it.
#[test]
fn a_write_that_never_arrives_is_sent_by_the_next_run() {
    for operation in [LAUNCH, UPDATE, TERMINATE] {
        let world = three_changes(Cloud::Alibaba);
        world.lose(operation, 1, false);
        block_on(async {
            let report = world.apply(None).await.report();
            assert_eq!((report.succeeded, report.failed), (2, 1), "{operation}: {report:?}");
            assert_eq!(count(&world, operation), 1, "{operation}");
        });
        let lines = world.lines();
        let failed = lines.iter().rev().find(|line| matches!(line.entry, Entry::Failed { .. })).unwrap();
        let Entry::Failed { reason, message, address, .. } = &failed.entry else { unreachable!() };
        assert_eq!(*reason, Failure::NotSent);
        assert!(message.starts_with("it did not arrive: "), "{message}");
        let began = lines.iter().rev().find(|line| matches!(&line.entry, Entry::Started(s) if s.address == *address));
        let waited = Duration::try_from(failed.at.duration_since(began.unwrap().at)).unwrap();
        assert!(waited >= WINDOW && waited < 2 * WINDOW, "{operation}: {waited:?}");
        block_on(world.apply_all());
        assert_eq!(count(&world, operation), 2, "{operation}");
        block_on(finish(&world));
        assert_three_changes(&world);
    }
}

/// The service says 503 and has done nothing, or says nothing and has done it: the same words, two fates.
#[test]
fn an_answer_that_says_nothing_is_a_doubt() {
    for (kind, launches) in [("error", 2), ("lost-request", 2), ("lost-reply", 1)] {
        let world = world(Cloud::Alibaba, &fault(LAUNCH, kind, "1"), &net("a", ""));
        block_on(async {
            world.apply(None).await;
            finish(&world).await;
            assert_eq!(count(&world, LAUNCH), launches, "{kind}");
            assert_eq!(world.truth().await.products.len(), 1, "{kind}");
        });
    }
}

/// A run that dies in doubt leaves the doubt to the next one, which looks for as long.
#[test]
fn a_doubt_outlives_its_run() {
    for reply in [false, true] {
        let world = world(Cloud::Alibaba, "", &net("a", ""));
        block_on(async {
            let launch = calls_before(Cloud::Alibaba, &world, LAUNCH).await;
            world.lose(LAUNCH, 1, reply);
            // The first look at what became of it.
            assert!(matches!(world.apply(Some(Trouble::DieBeforeCall(launch + 1))).await, Ended::Died));
            assert_eq!(world.managed().unsettled.len(), 1);
            let before = world.sandbox.clock().now();
            let ended = world.apply(None).await;
            let waited = Duration::try_from(world.sandbox.clock().now().duration_since(before)).unwrap();
            assert!(reply || waited >= WINDOW, "{waited:?}");
            assert!(matches!(&ended, Ended::Nothing { .. }) == reply, "{ended:?}");
            assert_eq!(count(&world, LAUNCH), if reply { 1 } else { 2 });
            finish(&world).await;
            assert_eq!(world.truth().await.products.len(), 1);
        });
    }
}

/// Ctrl-C while nobody knows what became of a launch: the step stays open, and the next run finds out.
#[test]
fn an_interrupt_leaves_a_doubt_to_the_next_run() {
    for reply in [false, true] {
        let world = world(Cloud::Alibaba, "", &net("a", ""));
        block_on(async {
            let launch = calls_before(Cloud::Alibaba, &world, LAUNCH).await;
            world.lose(LAUNCH, 1, reply);
            let ended = world.apply(Some(Trouble::Interrupt(launch))).await;
            let report = ended.report();
            assert!(report.interrupted && report.left_running == 1, "{report:?}");
            assert_eq!(world.managed().unsettled.len(), 1);
            finish(&world).await;
            assert_eq!(count(&world, LAUNCH), if reply { 1 } else { 2 });
        });
    }
}

/// Somebody launches under the name that a later step of this run is to launch under.
#[test]
fn a_name_that_is_taken_meanwhile_is_not_launched_again() {
    let blocks = newer(&net("a", "")) + &net("b", "depends_on = [\"a\"]");
    let world = world(Cloud::Alibaba, &there(Cloud::Alibaba, "a"), &blocks);
    block_on(async {
        let (plan, _) = world.plan(&crate::world::unlimited()).await.unwrap();
        let step = plan.steps.iter().find(|step| step.address == address("b")).unwrap();
        let tenure::model::Request::Provision { product_id, version_id, .. } = &step.request else {
            panic!("{step:?}")
        };
        let fields = [
            ("ProductId", product_id.as_str()),
            ("ProductVersionId", version_id),
            ("ProvisionedProductName", "b"),
            ("StackRegionId", "cn-hangzhou"),
        ];
        let stranger = async {
            while count(&world, UPDATE) == 0 {
                tokio::task::yield_now().await;
            }
            world.ask("operator", LAUNCH, &fields).await
        };
        let (ended, launched) = tokio::join!(world.apply(None), stranger);
        let id = launched.unwrap()["ProvisionedProductId"].as_str().unwrap().to_owned();
        assert_eq!((ended.report().succeeded, ended.report().failed), (1, 1), "{ended:?}");
        let failed = failures(&world);
        assert_eq!((&failed[0].0, failed[0].1), (&address("b"), Failure::Moved));
        assert!(failed[0].2.contains(&format!("{id} is named `b` by now")), "{}", failed[0].2);
        assert_eq!(count(&world, LAUNCH), 0);
        // It is there now, and becomes ours.
        world.pass(Duration::from_secs(100)).await;
        world.apply_all().await;
        assert_eq!(world.id("b"), id);
        finish(&world).await;
    });
}

/// A launch waits for room, and what was looked at together with others a moment ago is looked for once more.
#[test]
fn a_name_is_looked_for_at_once_before_its_launch() {
    let others: String = (0..201).map(|number| there(Cloud::Alibaba, &format!("o{number}"))).collect();
    let quick = crate::runs::catalog(Cloud::Alibaba).replace("name = \"1\",", "name = \"1\", duration = \"1s\",");
    let blocks = net("a", "") + &net("b", "") + &net("c", "");
    let mut world = crate::runs::world_of(Cloud::Alibaba, &quick, &others, &blocks);
    world.parallelism = 1;
    block_on(async {
        let (plan, _) = world.plan(&crate::world::unlimited()).await.unwrap();
        let step = plan.steps.iter().find(|step| step.address == address("c")).unwrap();
        let tenure::model::Request::Provision { product_id, version_id, .. } = &step.request else {
            panic!("{step:?}")
        };
        let fields = [
            ("ProductId", product_id.as_str()),
            ("ProductVersionId", version_id),
            ("ProvisionedProductName", "c"),
            ("StackRegionId", "cn-hangzhou"),
        ];
        let stranger = async {
            while count(&world, LAUNCH) < 1 {
                tokio::task::yield_now().await;
            }
            world.ask("operator", LAUNCH, &fields).await
        };
        let (ended, launched) = tokio::join!(world.apply(None), stranger);
        launched.unwrap();
        assert_eq!((ended.report().succeeded, ended.report().failed), (2, 1), "{ended:?}");
        assert_eq!(failures(&world)[0].1, Failure::Moved);
        assert_eq!(count(&world, LAUNCH), 2);
    });
}

/// While a launch is in doubt, something else appears under its name that cannot be its work.
#[test]
fn what_has_the_name_and_is_another_product_is_not_taken_for_ours() {
    let world = world(Cloud::Alibaba, "", &(net("a", "") + &crate::runs::web(1)));
    block_on(async {
        let (plan, _) = world.plan(&crate::world::unlimited()).await.unwrap();
        let of = |key: &str| match &plan.steps.iter().find(|step| step.address == address(key)).unwrap().request {
            tenure::model::Request::Provision { product_id, version_id, .. } => {
                (product_id.clone(), version_id.clone())
            }
            other => panic!("{other:?}"),
        };
        let (product, version) = of("w");
        let fields = [
            ("ProductId", product.as_str()),
            ("ProductVersionId", &version),
            ("ProvisionedProductName", "a"),
            ("StackRegionId", "cn-hangzhou"),
        ];
        world.write("tenure.toml", &project(Cloud::Alibaba, &net("a", "")));
        world.lose(LAUNCH, 1, false);
        let stranger = async {
            while count(&world, LAUNCH) == 0 {
                tokio::task::yield_now().await;
            }
            world.ask("operator", LAUNCH, &fields).await
        };
        let (ended, launched) = tokio::join!(world.apply(None), stranger);
        launched.unwrap();
        assert_eq!(ended.report().failed, 1, "{ended:?}");
        assert_eq!(failures(&world)[0].1, Failure::Superseded, "{:?}", failures(&world));
        assert!(world.managed().managed.is_empty());
        assert_eq!(world.truth().await.products.len(), 1);
    });
}

/// A step that waits to be found tells how it is, and its end.
#[test]
fn a_doubt_comes_to_an_end_that_is_told() {
    let world = world(Cloud::Alibaba, "", &net("a", ""));
    world.lose(LAUNCH, 1, true);
    block_on(world.apply_all());
    let told = world.told.lock().unwrap();
    assert!(told.iter().any(|event| matches!(event, Event::Succeeded { .. })));
    assert!(!told.iter().any(|event| matches!(event, Event::LeftRunning { .. } | Event::Failed { .. })));
}

/// What a proxy may answer, whether or not it has passed the request on.
const LIES: [(u16, &str); 9] = [
    (429, ""),
    (429, "<html>slow down</html>"),
    (429, r#"{"Code":"Throttling.User","Message":"no","RequestId":"r"}"#),
    (503, r#"{"Code":"ServiceUnavailable","Message":"no","RequestId":"r"}"#),
    (502, "<html>bad gateway</html>"),
    (504, ""),
    (200, "<html>sign in</html>"),
    (200, ""),
    (200, "{}"),
];

/// A made-up answer to a launch never makes two products of it, and none is lost: the next run at the latest has it.
#[test]
fn a_lying_answer_to_a_launch_makes_nothing_twice() {
    for cloud in [Cloud::Aws, Cloud::Alibaba] {
        let launch = if cloud == Cloud::Aws { "ProvisionProduct" } else { LAUNCH };
        for (status, body) in LIES {
            for forwarded in [false, true] {
                let told = format!("{cloud:?} {status} {body:?} forwarded: {forwarded}");
                let world = world(cloud, "", &net("a", ""));
                world.lie(launch, 1, Lie { status, body, forwarded });
                block_on(async {
                    world.apply(None).await;
                    for _ in 0..3 {
                        if matches!(world.apply(None).await, Ended::Nothing { .. }) {
                            break;
                        }
                    }
                    assert!(matches!(world.apply(None).await, Ended::Nothing { .. }), "{told}");
                    assert_eq!(world.launched_twice().await, Vec::<String>::new(), "{told}");
                    assert_eq!(world.truth().await.products.len(), 1, "{told}");
                    assert_eq!(world.broken(), Vec::<String>::new(), "{told}");
                });
            }
        }
    }
}

//! What each entry changes.

use super::*;

fn provisioned() -> Vec<Entry> {
    vec![
        began(ADMIN),
        declared("web"),
        started(1, "web", provision()),
        submitted(1, "web", "pp-1"),
        succeeded(1, "web", "pp-1"),
    ]
}

fn then(mut entries: Vec<Entry>, more: impl IntoIterator<Item = Entry>) -> Ledger {
    entries.extend(more);
    fold(entries)
}

#[test]
fn an_empty_ledger_has_the_origin_for_its_head() {
    let ledger = Ledger::default();
    assert_eq!((ledger.head.as_str(), ledger.seq), ("0".repeat(64).as_str(), 0));
}

#[test]
fn a_provision_is_ours_once_it_is_accepted_and_applied_once_it_succeeds() {
    let accepted = fold(provisioned().into_iter().take(4));
    let managed = &accepted.managed[&at("web")];
    assert_eq!((managed.id.as_str(), &managed.applied), ("pp-1", &crate::ledger::Applied::default()));
    assert!(accepted.declared.is_empty());

    let done = fold(provisioned());
    let applied = &done.managed[&at("web")].applied;
    assert_eq!(applied.version_id.as_deref(), Some("pa-1"));
    assert_eq!(applied.path_id.as_deref(), Some("lp-1"));
    assert_eq!(applied.parameters, arguments(&[("Mode", "a"), ("Size", "1")]));
    assert_eq!(applied.operation.as_deref(), Some("rec-1"));
    assert_eq!(applied.at, Some(minute(5)));
    assert!(done.unsettled.is_empty());
}

#[test]
fn a_provision_that_failed_is_ours_only_if_it_was_accepted() {
    let rejected = then(provisioned()[..3].to_vec(), [failed(1, "web", Failure::Rejected)]);
    assert!(rejected.managed.is_empty() && rejected.declared.contains_key(&at("web")));
    let broken = then(provisioned()[..4].to_vec(), [failed(1, "web", Failure::Operation)]);
    assert_eq!(broken.managed[&at("web")].id, "pp-1");
}

#[test]
fn a_provision_that_settling_found_is_ours() {
    let found = then(provisioned()[..3].to_vec(), [succeeded(1, "web", "pp-1")]);
    assert_eq!(found.managed[&at("web")].applied.version_id.as_deref(), Some("pa-1"));
}

#[test]
fn an_update_keeps_what_it_does_not_send() {
    let mut parameters = arguments(&[("Size", "2")]);
    parameters.insert("Mode".to_owned(), Argument::Previous);
    parameters.insert("Unknown".to_owned(), Argument::Previous);
    let ledger = then(provisioned(), [started(1, "web", update("pp-1", parameters)), succeeded(1, "web", "pp-1")]);
    let applied = &ledger.managed[&at("web")].applied;
    let mut expected = arguments(&[("Mode", "a"), ("Size", "2")]);
    expected.insert("Unknown".to_owned(), Argument::Previous);
    assert_eq!(applied.parameters, expected);
    assert_eq!(applied.version_id.as_deref(), Some("pa-2"));
    assert_eq!(applied.path_id.as_deref(), Some("lp-1"));
    assert_eq!(applied.tags["team"], "web");
}

#[test]
fn what_was_sent_wins_over_what_was_asked_for() {
    let sent = Succeeded { sent: arguments(&[("Size", "3")]), ..success(1, "web", "pp-1") };
    let request = update("pp-1", arguments(&[("Size", "2")]));
    let ledger = then(provisioned(), [started(1, "web", request), Entry::Succeeded(sent)]);
    assert_eq!(ledger.managed[&at("web")].applied.parameters, arguments(&[("Size", "3")]));
}

#[test]
fn a_failed_step_leaves_what_was_applied() {
    let before = fold(provisioned()).managed[&at("web")].applied.clone();
    let request = update("pp-1", arguments(&[("Size", "2")]));
    let ledger = then(
        provisioned(),
        [started(2, "web", request), submitted(2, "web", "pp-1"), failed(2, "web", Failure::Operation)],
    );
    let managed = &ledger.managed[&at("web")];
    assert_eq!(managed.applied, before);
    assert_eq!(managed.seen.operation.as_deref(), Some("rec-2"), "our own operation is no news to us");
}

#[test]
fn an_observation_changes_what_was_seen_and_forgets_nothing() {
    let role = Holdings { launch_role: Some(role("Launch")), ..Holdings::default() };
    let ledger = then(provisioned(), [observed("web", "pp-1", owner("x")), observed("web", "pp-1", role.clone())]);
    let managed = &ledger.managed[&at("web")];
    assert_eq!((managed.seen.owner.as_deref(), &managed.seen.launch_role), (Some("x"), &role.launch_role));
    assert_eq!(managed.seen_at, minute(7));
    assert_eq!(managed.applied, fold(provisioned()).managed[&at("web")].applied);
}

#[test]
fn owner_and_launch_role_are_applied_and_seen() {
    let ledger = then(
        provisioned(),
        [
            started(1, "web", set_owner("pp-1", "o")),
            already(1, "web", "pp-1"),
            started(2, "web", set_launch_role("pp-1", "r")),
            succeeded(2, "web", "pp-1"),
        ],
    );
    let managed = &ledger.managed[&at("web")];
    assert_eq!(managed.applied.owner, managed.seen.owner);
    assert_eq!(managed.applied.launch_role.as_deref(), Some("r"));
    assert_eq!(managed.applied.version_id.as_deref(), Some("pa-1"));
}

#[test]
fn a_replacement_keeps_the_old_one_until_it_is_terminated() {
    let replaced = [started(1, "web", provision()), submitted(1, "web", "pp-2"), succeeded(1, "web", "pp-2")];
    let mut entries = provisioned();
    entries.extend(replaced);
    let ledger = fold(entries.clone());
    let managed = &ledger.managed[&at("web")];
    assert_eq!((managed.id.as_str(), managed.former.len()), ("pp-2", 1));
    assert_eq!(ledger.address_of("pp-1"), Some(&at("web")));

    let old_gone = then(entries.clone(), [started(2, "web", terminate("pp-1")), succeeded(2, "web", "pp-1")]);
    assert_eq!(old_gone.managed[&at("web")].former.len(), 0);
    assert_eq!(old_gone.address_of("pp-1"), None);

    let new_gone = then(entries, [started(2, "web", terminate("pp-2")), succeeded(2, "web", "pp-2")]);
    assert_eq!(new_gone.managed[&at("web")].id, "pp-1", "what is left stands for the address again");
}

#[test]
fn a_termination_ends_it() {
    let ledger = then(provisioned(), [started(2, "web", terminate("pp-1")), succeeded(2, "web", "pp-1")]);
    assert!(ledger.managed.is_empty() && ledger.unsettled.is_empty() && ledger.declared.is_empty());
}

#[test]
fn a_move_takes_everything_along() {
    let ledger = then(
        provisioned(),
        [
            needing("app", "web"),
            needing("web", "net"),
            started(3, "web", update("pp-1", BTreeMap::new())),
            moved("web", "shop", "pp-1"),
            moved("shop", "store", "pp-1"),
            succeeded(3, "store", "pp-1"),
        ],
    );
    assert_eq!(ledger.managed.keys().collect::<Vec<_>>(), [&at("store")]);
    assert_eq!(ledger.declared[&at("app")].needs, BTreeSet::from([at("store")]));
    assert_eq!(ledger.managed[&at("store")].declaration.needs, BTreeSet::from([at("net")]));
    assert_eq!(ledger.managed[&at("store")].applied.version_id.as_deref(), Some("pa-2"));
}

#[test]
fn a_move_prefers_what_is_declared_of_the_new_address() {
    let ledger = then(provisioned(), [stewarded("shop", Some("team")), moved("web", "shop", "pp-1")]);
    assert_eq!(ledger.managed[&at("shop")].declaration.steward.as_deref(), Some("team"));
    assert!(ledger.declared.is_empty());
}

#[test]
fn a_run_says_which_targets_are_real() {
    let Entry::Began(mut run) = began(ADMIN) else { unreachable!() };
    run.actors.insert("lab".to_owned(), "x".to_owned());
    run.sandboxed.insert("lab".to_owned());
    let ledger = fold([Entry::Began(run)]);
    assert_eq!(ledger.real, BTreeSet::from(["prod".to_owned()]));
    assert_eq!(ledger.sandboxed, BTreeSet::from(["lab".to_owned()]));
    assert_eq!(ledger.project.as_deref(), Some("tests"));
}

/// Whoever approved something is not asked again because a request was lost on its way.
#[test]
fn what_was_approved_and_not_sent_is_approved_still() {
    let after = |reason: Failure| {
        let change = || Box::new(provision());
        let submitted = Entry::Submitted {
            step: StepId(1),
            address: at("web"),
            operation: "plan-1".to_owned(),
            product: "pp-1".to_owned(),
        };
        let execute = Request::Execute { change: change(), preparation: "plan-1".to_owned() };
        let prepare = Request::Prepare { change: change(), supersedes: None };
        let ledger = fold([
            declared("web"),
            started(1, "web", prepare),
            submitted,
            succeeded(1, "web", "pp-1"),
            started(2, "web", execute),
            failed(2, "web", reason),
        ]);
        ledger.prepared.get(&at("web")).map(|prepared| prepared.id.clone())
    };
    for reason in [Failure::NotSent, Failure::Moved] {
        assert_eq!(after(reason).as_deref(), Some("plan-1"), "{reason:?}");
    }
    for reason in [Failure::Rejected, Failure::Superseded] {
        assert_eq!(after(reason), None, "{reason:?}");
    }
}

#[test]
fn tags_that_were_not_sent_are_not_applied() {
    let tagged = || match update("pp-1", arguments(&[("Size", "2")])) {
        Request::Update { id, product_id, version_id, path_id, parameters, .. } => {
            let tags = Some(BTreeMap::from([("team".to_owned(), "other".to_owned())]));
            Request::Update { id, product_id, version_id, path_id, parameters, tags }
        }
        other => other,
    };
    let team = |end| {
        let ledger = then(provisioned(), [started(2, "web", tagged()), end]);
        ledger.managed[&at("web")].applied.tags["team"].clone()
    };
    assert_eq!(team(succeeded(2, "web", "pp-1")), "other");
    assert_eq!(team(already(2, "web", "pp-1")), "web");
}

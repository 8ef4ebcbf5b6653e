//! Data for the tests of the renderers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use crate::ledger::history::{Cause, Chronicle, Gone, How, Office, Run, Tenure, When};
use crate::model::{Address, Cloud, Event, Request, SecretRef, Step, StepId, StepKind};
use crate::plan::{Action, Change, Counts, Drift, Field, FieldDrift, FieldName, Finding, Plan, Shown};
use crate::problem::{Kind, Place, Problem};

pub(crate) const ACCOUNT: &str = "123456789012";

/// Everything that ever broke a terminal or a comment.
pub(crate) const HOSTILE: &str = "a\u{1b}[2J\u{1b}]0;x\u{7}\r\n```\n</details><!-- @admin #1 | `x` ~~~ \u{202e}\u{9b}31m\u{200b}\\ \" → [a](javascript:x)";

pub(crate) fn address(key: &str) -> Address {
    Address::new(key, "prod")
}

pub(crate) fn role(name: &str) -> Shown {
    Shown::Text(format!("arn:aws:iam::{ACCOUNT}:role/{name}"))
}

pub(crate) fn shown(text: &str) -> Shown {
    Shown::Text(text.to_owned())
}

pub(crate) fn field(action: Action, name: FieldName, before: Shown, after: Shown) -> Field {
    Field::new(action, name, before, after)
}

pub(crate) fn parameter(action: Action, key: &str, before: Shown, after: Shown) -> Field {
    field(action, FieldName::Parameter(key.to_owned()), before, after)
}

pub(crate) fn change(key: &str, actions: &[Action], fields: Vec<Field>) -> Change {
    Change {
        address: address(key),
        product: "VPC baseline".to_owned(),
        id: Some(format!("pp-{key}")),
        actions: actions.to_vec(),
        fields,
        notes: Vec::new(),
    }
}

pub(crate) fn owner_change(key: &str, from: &str, to: &str) -> Change {
    change(key, &[Action::SetOwner], vec![field(Action::SetOwner, FieldName::Owner, role(from), role(to))])
}

pub(crate) fn step(id: u32, key: &str, kind: StepKind, after: &[u32]) -> Step {
    Step {
        id: StepId(id),
        address: address(key),
        kind,
        after: after.iter().map(|id| StepId(*id)).collect(),
        request: match kind {
            StepKind::Terminate => Request::Terminate { id: format!("pp-{key}") },
            _ => Request::SetOwner { id: format!("pp-{key}"), owner: "an ARN".to_owned(), again: false },
        },
        timeout_seconds: 3600,
    }
}

pub(crate) fn empty() -> Plan {
    Plan {
        project: None,
        changes: Vec::new(),
        steps: Vec::new(),
        findings: Vec::new(),
        pending: Vec::new(),
        drift: Vec::new(),
        refusals: Vec::new(),
        warnings: Vec::new(),
        counts: Counts { unchanged: 41, ..Counts::default() },
        accounts: BTreeMap::from([("prod".to_owned(), ACCOUNT.to_owned())]),
        digest: format!("sha256:{}", "6f0c1b2a".repeat(8)),
        unsettled: Vec::new(),
        blocked: BTreeSet::new(),
        records: Vec::new(),
        base: BTreeMap::new(),
        guards: BTreeMap::new(),
        deferred: BTreeMap::new(),
        launch_roles: BTreeMap::new(),
        secrets: BTreeMap::new(),
        declared_last: BTreeMap::new(),
        observed: Vec::new(),
        listed: BTreeMap::new(),
    }
}

pub(crate) fn finding(address: Address, problem: Problem, blocks: bool) -> Finding {
    Finding { address, problem, blocks, fails: blocks }
}

fn network() -> Change {
    let evidence = Some("rec-5kq…, 2026-11-03 02:14Z".to_owned());
    let drift = Some(FieldDrift { last: shown("4"), reverts: true, evidence });
    let update = Action::Update;
    change(
        "network",
        &[update, Action::SetLaunchRole, Action::SetOwner],
        vec![
            field(update, FieldName::Version, shown("2.0.3"), shown("2.1.0")),
            parameter(update, "CidrBlock", shown("10.0.0.0/20"), shown("10.0.0.0/16")),
            Field { drift, ..parameter(update, "Desired", shown("8"), shown("4")) },
            field(Action::SetLaunchRole, FieldName::LaunchRole, role("SCLaunchOld"), role("SCLaunch")),
            field(Action::SetOwner, FieldName::Owner, role("PlatformTeam"), role("NetworkTeam")),
        ],
    )
}

/// The example of the documentation.
pub(crate) fn contract() -> Plan {
    let keys = ["dns", "mail", "proxy", "vault", "web", "worker", "xray", "zone"];
    let mut plan = empty();
    plan.changes = keys.iter().map(|key| owner_change(key, "PlatformTeam", "NetworkTeam")).collect();
    plan.changes.insert(2, network());
    plan.steps = vec![
        step(1, "network", StepKind::SetLaunchRole, &[]),
        step(2, "network", StepKind::Update, &[1]),
        step(3, "network", StepKind::SetOwner, &[2]),
    ];
    plan.steps.extend((4..).zip(keys).map(|(id, key)| step(id, key, StepKind::SetOwner, &[])));
    plan.drift = vec![Drift {
        address: address("db"),
        field: FieldName::Owner,
        before: role("Dba"),
        now: Shown::Text(format!("arn:aws:iam::{ACCOUNT}:user/alice")),
        evidence: Some("after 2026-11-02 09:14Z (last seen)".to_owned()),
    }];
    plan.counts = Counts { update: 1, owners: 9, launch_roles: 1, drifted: 1, unchanged: 41, ..Counts::default() };
    plan
}

fn everything_changes() -> Vec<Change> {
    let (provision, update) = (Action::Provision, Action::Update);
    let policy = |action: &str| {
        shown(&format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{action}","Resource":"*"}}]}}"#
        ))
    };
    let secret = |version| Shown::Secret(SecretRef { source: "env:DB_PASSWORD".to_owned(), version });
    let mut moved = change("network", &[Action::Move], Vec::new());
    moved.fields = vec![field(Action::Move, FieldName::Address, shown("net@prod"), shown("network@prod"))];
    let mut terminated = change("legacy", &[Action::Terminate], Vec::new());
    terminated.fields = vec![field(Action::Terminate, FieldName::Name, shown("legacy"), Shown::Absent)];
    terminated.notes = vec!["its block was deleted from the files".to_owned()];
    vec![
        change(
            "api",
            &[provision, Action::SetLaunchRole, Action::SetOwner],
            vec![
                field(provision, FieldName::Name, Shown::Absent, shown("api")),
                field(provision, FieldName::Version, Shown::Absent, shown("1.0.0")),
                parameter(
                    provision,
                    "SubnetId",
                    Shown::Absent,
                    Shown::KnownAfterApply("${provisioned_product.base.outputs.SubnetId}".to_owned()),
                ),
                parameter(provision, "Password", Shown::Absent, secret(3)),
                parameter(provision, "Size", Shown::Absent, Shown::Default("small".to_owned())),
                field(provision, FieldName::Tag("team".to_owned()), Shown::Absent, shown("network")),
                field(Action::SetLaunchRole, FieldName::LaunchRole, Shown::Absent, role("SCLaunch")),
                field(Action::SetOwner, FieldName::Owner, Shown::Absent, role("ApiTeam")),
            ],
        ),
        change(
            "base",
            &[Action::Adopt, update],
            vec![
                parameter(update, "Policy", policy("s3:GetObject"), policy("s3:*")),
                parameter(update, "Password", Shown::Masked, secret(4)),
                parameter(update, "Size", shown("large"), Shown::Default("small".to_owned())),
                parameter(update, "KeyPair", Shown::Absent, Shown::Previous),
                field(update, FieldName::Tag("old tag".to_owned()), shown("x"), Shown::Absent),
            ],
        ),
        terminated,
        change(
            "old",
            &[Action::Replace],
            vec![
                field(Action::Replace, FieldName::Name, shown("old"), shown("new")),
                field(Action::Replace, FieldName::Version, Shown::Absent, shown("2")),
            ],
        ),
        change("a1", &[Action::Adopt], Vec::new()),
        change("a2", &[Action::Adopt], Vec::new()),
        moved,
        change("gone", &[Action::Forget], Vec::new()),
        change(
            "dns",
            &[Action::Declare],
            vec![
                field(Action::Declare, FieldName::Steward, Shown::Absent, shown("network-team")),
                field(Action::Declare, FieldName::Protect, shown("false"), shown("true")),
            ],
        ),
    ]
}

/// One of everything.
pub(crate) fn everything() -> Plan {
    let mut plan = empty();
    plan.project = Some("platform-baseline".to_owned());
    plan.changes = everything_changes();
    plan.steps = vec![
        step(1, "base", StepKind::Update, &[]),
        step(2, "api", StepKind::Provision, &[1]),
        step(3, "api", StepKind::SetLaunchRole, &[2]),
        step(4, "api", StepKind::SetOwner, &[3]),
        step(5, "old", StepKind::Provision, &[]),
        step(6, "old", StepKind::Terminate, &[1, 2, 3, 5]),
        step(7, "legacy", StepKind::Terminate, &[]),
    ];
    let busy =
        Problem::failed("UNDER_CHANGE: somebody else's operation rec-abc has been running since 2026-11-03 02:14Z")
            .hint("wait for it, then plan again");
    plan.findings = vec![
        finding(address("db"), busy, true),
        finding(address("mail"), Problem::failed("TAINTED, without a difference"), false),
    ];
    plan.blocked = ["db", "app1", "app2", "app3", "app4"].into_iter().map(address).collect();
    plan.drift = contract().drift;
    plan.unsettled = vec!["web@prod  ~ update  rec-123, started 2026-11-03 02:14Z".to_owned()];
    let place = Place { file: "products/net.toml".into(), line: 12, column: 3 };
    plan.warnings = vec![Problem::input("`version` stands under `tags`").at(&place).hint("move it above `[tags]`")];
    plan.refusals = vec![
        Problem::new(Kind::Refused, "2 terminations, and the limit is 0")
            .hint("put the blocks back, or allow exactly these: --allow terminate=2"),
    ];
    plan.counts = Counts {
        reverted: 1,
        overwritten: 0,
        provision: 1,
        update: 1,
        replace: 1,
        terminate: 1,
        owners: 1,
        launch_roles: 1,
        adopt: 3,
        ledger_only: 3,
        drifted: 1,
        blocked: 5,
        unchanged: 41,
        stewards: 1,
    };
    plan
}

/// Hostile text in every place that holds text.
pub(crate) fn hostile() -> Plan {
    let mut plan = everything();
    let text = || HOSTILE.to_owned();
    plan.project = Some(text());
    plan.digest = text();
    plan.unsettled = vec![text()];
    for change in &mut plan.changes {
        change.address = Address::new(format!("{HOSTILE}{}", change.address.key), "prod");
        change.product = text();
        change.id = Some(text());
        change.notes = vec![text()];
        for field in &mut change.fields {
            field.note = Some(text());
            field.name = match &field.name {
                FieldName::Parameter(_) => FieldName::Parameter(text()),
                FieldName::Tag(_) => FieldName::Tag(text()),
                other => other.clone(),
            };
            for side in [&mut field.before, &mut field.after] {
                match side {
                    Shown::Text(value) | Shown::Default(value) | Shown::KnownAfterApply(value) => *value = text(),
                    Shown::Secret(secret) => secret.source = text(),
                    Shown::Absent | Shown::Masked | Shown::Previous => {}
                }
            }
        }
    }
    let problem = Problem::failed(HOSTILE).hint(HOSTILE).at(&Place { file: HOSTILE.into(), line: 1, column: 1 });
    plan.findings[0].problem = problem.clone();
    plan.refusals = vec![problem.clone()];
    plan.warnings = vec![problem];
    plan.drift[0].now = shown(HOSTILE);
    plan.drift[0].evidence = Some(text());
    plan
}

/// As many different updates, owners and steps.
pub(crate) fn many(count: u32) -> Plan {
    let mut plan = empty();
    for n in 0..count {
        let key = format!("product-{n:04}");
        let mut change = owner_change(&key, "PlatformTeam", &format!("Team{}", n % 7));
        change.actions.insert(0, Action::Update);
        change.fields.push(parameter(Action::Update, "Number", shown(&n.to_string()), shown(&(n + 1).to_string())));
        plan.changes.push(change);
        plan.steps.push(step(2 * n + 1, &key, StepKind::Update, &[]));
        plan.steps.push(step(2 * n + 2, &key, StepKind::SetOwner, &[2 * n + 1]));
    }
    plan.counts = Counts { update: count, owners: count, ..Counts::default() };
    plan
}

/// A run in which everything happens that can.
pub(crate) fn events() -> Vec<Event> {
    let seconds = Duration::from_secs;
    let started = |step, key: &str, kind| Event::Started {
        step: StepId(step),
        address: address(key),
        kind,
        timeout: seconds(3600),
    };
    let problem = Problem::failed("rec-abc failed: The subnet \u{1b}[31mis in use")
        .hint("free the subnet, then run the same again");
    let not_started = |step, key: &str| Event::NotStarted {
        step: StepId(step),
        address: address(key),
        kind: StepKind::SetOwner,
        because: "step 2 (update of network@prod) failed".to_owned(),
    };
    vec![
        Event::Waiting { on: "the ledger, held by ci-17 since 2026-11-03 02:14Z".to_owned() },
        Event::Settled { address: address("web"), kind: StepKind::Update, outcome: "succeeded as rec-123".to_owned() },
        Event::Recorded { address: address("dns"), what: "adopt".to_owned() },
        started(1, "network", StepKind::SetLaunchRole),
        Event::Succeeded {
            step: StepId(1),
            address: address("network"),
            kind: StepKind::SetLaunchRole,
            elapsed: seconds(3),
            note: Some("it held before, nothing was sent".to_owned()),
            sent: false,
        },
        started(2, "network", StepKind::Update),
        started(5, "api", StepKind::Provision),
        Event::Progress { step: StepId(2), status: "IN_PROGRESS".to_owned(), elapsed: seconds(30) },
        Event::Progress { step: StepId(5), status: "IN_PROGRESS".to_owned(), elapsed: seconds(90) },
        Event::Failed { step: StepId(2), address: address("network"), kind: StepKind::Update, problem },
        not_started(3, "network"),
        not_started(4, "mail"),
        Event::Interrupted,
        Event::LeftRunning {
            step: StepId(5),
            address: address("api"),
            kind: StepKind::Provision,
            operation: "rec-777".to_owned(),
        },
    ]
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap_or_default()
}

/// The runs of [`chronicles`].
pub(crate) fn runs() -> Vec<Run> {
    let run = |seq: u32, command: &str| Run {
        id: format!("run-{seq}"),
        at: at("2026-01-02T03:00:00Z"),
        command: command.to_owned(),
        actors: BTreeMap::from([("prod".to_owned(), format!("arn:aws:sts::{ACCOUNT}:assumed-role/Ci/main"))]),
        digest: format!("sha256:{}", "6f0c1b2a".repeat(8)),
        approval: "yes".to_owned(),
        commit: Some("4fa1c0de".to_owned()),
        ci_run: None,
        message: Some("ORG-77 | move".to_owned()),
    };
    let mut runs: Vec<Run> = [2, 3, 4, 5, 9].into_iter().map(|seq| run(seq, "apply")).collect();
    runs[2].message = None;
    runs[4].actors.insert("lab".to_owned(), "arn:aws:iam::210987654321:role/Lab".to_owned());
    runs
}

/// Two histories: one that goes on and one that has ended.
pub(crate) fn chronicles() -> Vec<Chronicle> {
    let how = |what, seq| How {
        what,
        run: format!("run-{seq}"),
        actor: Some(format!("arn:aws:sts::{ACCOUNT}:assumed-role/Ci/main")),
        digest: Some(format!("sha256:{}", "6f0c1b2a".repeat(8))),
        approval: Some("yes".to_owned()),
        commit: Some("4fa1c0de".to_owned()),
        message: Some("ORG-77 | move".to_owned()),
        operation: Some("rec-1".to_owned()),
        unconfirmed: seq == 9,
        seq,
    };
    let seen = How { actor: None, digest: None, approval: None, commit: None, message: None, ..how(Cause::Seen, 4) };
    let arn = |name: &str| format!("arn:aws:iam::{ACCOUNT}:{name}");
    let (first, second, third) = (at("2026-01-02T03:04:05Z"), at("2026-02-03T04:05:06Z"), at("2026-03-04T05:06:07Z"));
    let tenure = |office, holder: String, since, until, how| Tenure { office, holder, since, until, how };
    let between = When::Between(first, second);
    let network = Chronicle {
        address: address("network"),
        former_addresses: vec![address("net")],
        name: "network".to_owned(),
        id: "pp-abc123".to_owned(),
        cloud: Cloud::Aws,
        account: ACCOUNT.to_owned(),
        region: "eu-west-1".to_owned(),
        gone: None,
        tenures: vec![
            tenure(Office::Owner, arn("role/Platform"), When::Before(first), Some(between), how(Cause::Adopted, 2)),
            tenure(Office::Owner, arn("user/alice"), between, Some(When::At(third)), seen),
            tenure(Office::Owner, arn("role/NetworkTeam"), When::At(third), None, how(Cause::Transferred, 9)),
            tenure(Office::LaunchRole, arn("role/SCLaunch"), When::At(first), None, how(Cause::Provisioned, 2)),
            tenure(Office::Steward, "network-team".to_owned(), When::At(second), None, how(Cause::Declared, 5)),
        ],
    };
    let gone = Chronicle {
        address: address("legacy"),
        former_addresses: Vec::new(),
        name: "legacy".to_owned(),
        id: "pp-old".to_owned(),
        gone: Some(Gone {
            when: When::At(third),
            why: "terminated".to_owned(),
            run: "run-9".to_owned(),
            step: Some(StepId(3)),
            operation: Some("rec-3".to_owned()),
        }),
        tenures: Vec::new(),
        ..network.clone()
    };
    vec![network, gone]
}

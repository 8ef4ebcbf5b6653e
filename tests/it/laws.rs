//! What holds for every project and every world. `TENURE_CASES=2000` tries more of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use fastrand::Rng;
use proptest::prelude::*;
use tenure::model::{Address, Cloud, Observation, Request, Step, StepId, StepKind};
use tenure::plan::Plan;

use crate::clouds::{account, administrator, arn};
use crate::random::{Files, TEMPLATES};
use crate::wire::touched;
use crate::world::{Ended, World, block_on, is_explained, listed, setting, unlimited};

fn cases() -> ProptestConfig {
    let cases = u32::try_from(setting("TENURE_CASES", 12)).unwrap();
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 32, ..ProptestConfig::default() }
}

/// A random project in a random world.
struct Case {
    files: Files,
    world: World,
    rng: Rng,
}

/// Somebody else who may do everything, and a thing of his.
fn second(cloud: Cloud) -> (String, &'static str) {
    let (arn, stranger) = match cloud {
        Cloud::Aws => (arn("user/second"), "arn:aws:iam::123456789012:role/Z"),
        Cloud::Alibaba => (format!("acs:ram::{}:user/second", account(cloud)), "role/99"),
    };
    (
        format!("\n[principal.second]\narn = \"{arn}\"\naccess_key_id = \"SECOND\"\nsecret_access_key = \"y\"\n"),
        stranger,
    )
}

/// `more` is added to the world.
fn case_with(clouds: &[Cloud], seed: u64, count: usize, more: &str) -> Case {
    let mut rng = Rng::with_seed(seed);
    let files = Files::random(&mut rng, clouds, count);
    let (cloud, administrator) = (clouds[0], administrator(clouds[0]));
    let seed_file = files.seed(&mut rng, &format!("{}{more}", second(cloud).0)).replace(
        &format!("principals = [\"{administrator}\"]"),
        &format!("principals = [\"{administrator}\", \"second\"]"),
    );
    let toml = files.toml(&mut rng);
    let mut all = TEMPLATES.to_vec();
    all.extend([("sandbox.toml", seed_file.as_str()), ("tenure.toml", toml.as_str())]);
    Case { files, world: World::new(&all), rng }
}

impl Case {
    fn plan(&self) -> Plan {
        block_on(self.world.plan(&unlimited())).unwrap_or_else(|problems| panic!("{}", listed(&problems))).0
    }

    fn apply(&self) {
        match block_on(self.world.apply(None)) {
            Ended::Ran { report, .. } => assert!(report.is_complete(), "{:#?}", self.world.failures_told()),
            Ended::Nothing { .. } => {}
            other => panic!("{other:?}"),
        }
    }

    /// Something that is nobody's business here.
    fn stranger(&self) -> String {
        let (product, owner) = match self.world.project().targets.values().next().unwrap().cloud {
            Cloud::Aws => ("net", second(Cloud::Aws).1),
            Cloud::Alibaba => ("ros-net", second(Cloud::Alibaba).1),
        };
        format!("\n[provisioned_product.zzz]\nproduct = \"{product}\"\nversion = \"1\"\nowner = \"{owner}\"\n")
    }

    /// Somebody edits the files.
    fn edit(&mut self) {
        self.files = self.files.edited(&mut self.rng);
        self.write();
    }

    /// The same files, their tables in another order.
    fn write(&mut self) {
        let toml = self.files.toml(&mut self.rng);
        self.world.write("tenure.toml", &toml);
    }
}

fn json(plan: &Plan) -> String {
    serde_json::to_string_pretty(plan).unwrap()
}

/// Every file below a folder, with its bytes.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(contents(&path));
        } else {
            all.insert(path.display().to_string(), std::fs::read(&path).unwrap());
        }
    }
    all
}

/// Everything that must have succeeded before each step, near or far.
fn before(plan: &Plan) -> BTreeMap<StepId, BTreeSet<StepId>> {
    let mut all: BTreeMap<StepId, BTreeSet<StepId>> = BTreeMap::new();
    for step in &plan.steps {
        let far = step.after.iter().flat_map(|near| all[near].clone());
        let both = far.chain(step.after.iter().copied()).collect();
        all.insert(step.id, both);
    }
    all
}

/// Launch role, then update, then owner; a launch before all of them.
fn rank(step: &Step) -> u8 {
    match step.kind {
        StepKind::Prepare | StepKind::Execute | StepKind::Provision => 0,
        StepKind::SetLaunchRole => 1,
        StepKind::Update => 2,
        StepKind::SetOwner => 3,
        StepKind::Terminate => 4,
    }
}

fn check_order(plan: &Plan, files: &Files, needed_before: &BTreeMap<Address, BTreeSet<Address>>) {
    let before = before(plan);
    for (position, step) in plan.steps.iter().enumerate() {
        assert_eq!(step.id.0 as usize, position + 1);
        assert!(step.after.iter().all(|other| *other < step.id), "{step:?}");
    }
    let pairs = || plan.steps.iter().flat_map(|a| plan.steps.iter().map(move |b| (a, b)));
    for (earlier, later) in pairs().filter(|(a, b)| a.address == b.address && rank(a) < rank(b)) {
        assert!(before[&later.id].contains(&earlier.id), "{earlier:?} must come before {later:?}");
    }
    let address = |number: usize| files.blocks[&number].address();
    for block in files.blocks.values() {
        let mine = block.address();
        for needed in [block.reads, block.depends_on].into_iter().flatten().map(address) {
            for (earlier, later) in pairs().filter(|(a, b)| a.address == needed && b.address == mine) {
                let works = |step: &Step| !matches!(step.kind, StepKind::SetOwner | StepKind::Terminate);
                if works(earlier) && works(later) {
                    assert!(before[&later.id].contains(&earlier.id), "{earlier:?} must come before {later:?}");
                }
                // Whoever gives a product away lets everything read it first.
                let reads = matches!(later.kind, StepKind::Provision | StepKind::Update);
                if earlier.kind == StepKind::SetOwner && reads {
                    assert!(before[&earlier.id].contains(&later.id), "{later:?} must come before {earlier:?}");
                }
            }
        }
    }
    for (first, then) in pairs().filter(|(a, b)| a.kind == StepKind::Terminate && b.kind == StepKind::Terminate) {
        if needed_before.get(&first.address).is_some_and(|needs| needs.contains(&then.address)) {
            assert!(before[&then.id].contains(&first.id), "{first:?} must come before {then:?}");
        }
    }
}

/// No id is in two changes, whatever was renamed.
fn check_ids(plan: &Plan) {
    let mut seen = BTreeSet::new();
    for id in plan.changes.iter().filter_map(|change| change.id.as_ref()) {
        assert!(seen.insert(id), "{id} is in two changes");
    }
    let terminated: Vec<&str> =
        plan.steps.iter().filter(|s| s.kind == StepKind::Terminate).map(|s| s.request.product()).collect();
    for step in plan.steps.iter().filter(|step| step.kind != StepKind::Terminate) {
        let id = step.request.product();
        assert!(id.is_empty() || !terminated.contains(&id), "{id} is worked on and terminated");
    }
}

fn foreign(truth: &Observation, ours: &BTreeSet<String>) -> BTreeMap<String, String> {
    let others = truth.products.iter().filter(|(id, _)| !ours.contains(*id));
    others.map(|(id, product)| (id.clone(), format!("{product:?}"))).collect()
}

/// Each law on AWS, on Alibaba Cloud, and on a project with both.
macro_rules! laws {
    ($($(#[$meta:meta])* fn $name:ident($case:ident: $cases:ty) $body:block)*) => {
        laws!(@on aws, &[Cloud::Aws], $($name)*);
        laws!(@on alibaba, &[Cloud::Alibaba], $($name)*);
        laws!(@on both, &[Cloud::Aws, Cloud::Alibaba], $($name)*);
        $($(#[$meta])* fn $name($case: $cases) -> Result<(), TestCaseError> { $body Ok(()) })*
    };
    (@on $module:ident, $clouds:expr, $($name:ident)*) => {
        mod $module {
            use super::*;
            proptest! {
                #![proptest_config(cases())]
                $(#[test] fn $name(seed: u64, count in 1_usize..12) {
                    super::$name(&|more| case_with($clouds, seed, count, more))?;
                })*
            }
        }
    };
}

/// Makes a project and its world anew, with something more in the world.
type Make<'a> = &'a dyn Fn(&str) -> Case;

laws! {
    /// The same files, ledger and live state give the same bytes, in whatever order the files say it; no write is sent,
    /// and no file is changed.
    fn planning_is_deterministic_and_leaves_no_trace(make: Make<'_>) {
        let mut case = make("");
        let before = contents(case.world.folder.path());
        let first = case.plan();
        prop_assert_eq!(json(&first), json(&case.plan()));
        prop_assert_eq!(before, contents(case.world.folder.path()));
        prop_assert!(case.world.sent().is_empty());
        case.write();
        prop_assert_eq!(json(&first), json(&case.plan()));
    }

    /// The digest is over meaning: who asks, when, and what else is in the account make no difference.
    fn the_digest_is_over_meaning(make: Make<'_>) {
        let mut case = make("");
        let digest = case.plan().digest;
        case.world.principal = Some("second".to_owned());
        prop_assert_eq!(&digest, &case.plan().digest);
        block_on(case.world.pass(Duration::from_secs(100_000)));
        prop_assert_eq!(&digest, &case.plan().digest);
        let more = case.stranger();
        prop_assert_eq!(&digest, &make(&more).plan().digest);
    }

    /// Once applied there is nothing left to do; whoever is not ours and not in the files is left alone; what is
    /// needed comes first, and what is given up goes in the opposite order. So also after the files were edited.
    fn a_plan_that_was_applied_is_done(make: Make<'_>) {
        let mut case = make("");
        let names: BTreeSet<String> = case.files.blocks.values().map(|block| block.key.clone()).collect();
        let before = block_on(case.world.truth());
        let ours: BTreeSet<String> =
            before.products.values().filter(|p| names.contains(&p.name)).map(|p| p.id.clone()).collect();
        let others = foreign(&before, &ours);
        for round in 0..2 {
            let needed: BTreeMap<_, _> =
                case.world.managed().managed.into_iter().map(|(a, m)| (a, m.declaration.needs)).collect();
            let plan = case.plan();
            check_order(&plan, &case.files, &needed);
            check_ids(&plan);
            case.apply();
            let left = case.plan();
            prop_assert!(!left.has_changes() && left.steps.is_empty(), "round {}: {:#?}", round, left.changes);
            for finding in &left.findings {
                prop_assert!(is_explained(finding), "round {}: {}", round, finding.problem);
            }
            case.edit();
        }
        let touched = touched(&case.world.sent());
        prop_assert!(others.keys().all(|id| !touched.contains(id)));
        let after = block_on(case.world.truth());
        for (id, product) in others {
            prop_assert_eq!(after.products.get(&id).map(|product| format!("{product:?}")), Some(product));
        }
        prop_assert_eq!(case.world.broken(), Vec::<String>::new());
        prop_assert_eq!(block_on(case.world.launched_twice()), Vec::<String>::new());
    }

    /// A key that is renamed with its name written down is the same product: the ledger moves, the cloud hears nothing.
    fn a_rename_is_a_move(make: Make<'_>) {
        let mut case = make("");
        case.apply();
        let (writes, ours) = (case.world.sent().len(), case.world.managed().managed.len());
        let blocked = case.plan().blocked.len();
        prop_assert!(ours + blocked >= case.files.blocks.len());
        for block in case.files.blocks.values_mut() {
            block.name.get_or_insert_with(|| block.key.clone());
            block.key = format!("{}-renamed", block.key);
        }
        case.write();
        let plan = case.plan();
        prop_assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
        prop_assert!(plan.changes.len() + plan.blocked.len() >= case.files.blocks.len());
        check_ids(&plan);
        case.apply();
        prop_assert_eq!(case.world.sent().len(), writes);
        prop_assert!(!case.plan().has_changes());
    }

    /// Nothing desired: everything of ours goes, those who need before those who are needed, and nothing else.
    fn destroy_takes_everything_of_ours_and_nothing_else(make: Make<'_>) {
        let mut case = make("");
        case.apply();
        let ledger = case.world.managed();
        let ours: BTreeSet<String> = ledger.managed.values().map(|managed| managed.id.clone()).collect();
        let others = foreign(&block_on(case.world.truth()), &ours);
        case.world.options.destroy = true;
        let plan = block_on(case.world.plan(&case.world.options)).unwrap().0;
        let needed = ledger.managed.into_iter().map(|(a, m)| (a, m.declaration.needs)).collect();
        check_order(&plan, &case.files, &needed);
        let goes: BTreeSet<String> = plan
            .steps
            .iter()
            .map(|step| match &step.request {
                Request::Terminate { id } => id.clone(),
                other => panic!("{other:?}"),
            })
            .collect();
        prop_assert_eq!(&goes, &ours);
        case.apply();
        prop_assert!(case.world.managed().managed.is_empty());
        prop_assert_eq!(foreign(&block_on(case.world.truth()), &BTreeSet::new()), others);
    }
}

//! A whole project in this process: its folder, an imaginary cloud or two, the real providers, and a journal; with a
//! [`Wire`] between the two ends.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tenure::apply::settle::Settled;
use tenure::apply::{self, Context, Providers};
use tenure::ledger::entry::Line;
use tenure::ledger::{Journal, Ledger, MemoryStore, Replay};
use tenure::model::{Access, Address, Event, Live, Observation, Project, Query, Report, SecretRef, Target};
use tenure::plan::{Allow, Finding, Options, Plan};
use tenure::problem::Problem;
use tenure::provider::meter::Meter;
use tenure::provider::{Connect, FixedCredentials};
use tenure::run::{self, Origin, Run, read_and_plan};
use tenure::sandbox::Sandbox;
use tenure::seam::{Cache, Transport};

use crate::clouds::{administrator, connect};
use crate::wire::{Lie, Paper, Sent, Trouble, Wire};

/// How every secret's value begins: it must never be seen anywhere.
pub const SECRET: &str = "correct-horse-\"battery\"";

/// Each version has a value of its own; all of them begin with [`SECRET`].
fn secret(reference: &SecretRef) -> String {
    format!("{SECRET}{}", reference.version)
}

/// What is kept from one run to the next and may be lost.
#[derive(Default)]
struct Drawer {
    files: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl Cache for Drawer {
    fn read(&self, name: &str) -> Option<Vec<u8>> {
        self.files.lock().unwrap().get(name).cloned()
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        self.files.lock().unwrap().insert(name.to_owned(), bytes.to_owned());
    }
}

/// How a run ended.
#[derive(Debug)]
pub enum Ended {
    /// The process died; nothing is known but what is in the ledger.
    Died,
    /// The ledger could not be written, or nothing could be planned.
    Stopped(Vec<Problem>),
    /// There was nothing to do.
    Nothing {
        settled: Settled,
        plan: Box<Plan>,
    },
    Ran {
        plan: Box<Plan>,
        report: Report,
    },
}

impl Ended {
    pub fn report(&self) -> Report {
        match self {
            Ended::Ran { report, .. } => *report,
            other => panic!("it did not run: {other:?}"),
        }
    }
}

pub struct World {
    pub folder: TempDir,
    pub sandbox: Sandbox,
    pub ledger: MemoryStore,
    pub wire: Arc<Wire>,
    drawer: Arc<Drawer>,
    /// Who plans and applies, in every account that has somebody of this key; elsewhere its administrator does.
    pub principal: Option<String>,
    pub parallelism: usize,
    pub stop_on_error: bool,
    pub options: Options,
    /// Everything that listeners were told, as text: no secret may be in it.
    pub told: Mutex<Vec<Event>>,
    /// The time and the calls that the last plan took to be carried out.
    pub cost: Mutex<(Duration, u64)>,
}

/// All brakes released: the laws are about what is done, not about what may be.
pub fn unlimited() -> Options {
    let most = Some(1_000_000);
    Options {
        allow: Allow { terminate: most, change_percent: most, owner_changes: most, launch_role_changes: most },
        ..Options::default()
    }
}

impl World {
    /// `files` are the project's, `sandbox.toml` and its templates among them.
    pub fn new(files: &[(&str, &str)]) -> World {
        let folder = TempDir::new().unwrap();
        for (name, text) in files {
            write(folder.path(), name, text);
        }
        let sandbox = Sandbox::open(&folder.path().join("sandbox.toml"), &folder.path().join("state"))
            .unwrap_or_else(|problem| panic!("{problem}"));
        let ledger = MemoryStore::new(Vec::new());
        let wire = Arc::new(Wire::new(sandbox.transport(), ledger.another()));
        World {
            folder,
            sandbox,
            ledger,
            wire,
            drawer: Arc::default(),
            principal: None,
            parallelism: 10,
            stop_on_error: false,
            options: unlimited(),
            told: Mutex::default(),
            cost: Mutex::default(),
        }
    }

    pub fn write(&self, name: &str, text: &str) {
        write(self.folder.path(), name, text);
    }

    pub fn project(&self) -> Project {
        tenure::config::load(self.folder.path()).unwrap_or_else(|problems| panic!("{}", listed(&problems)))
    }

    /// What the run told of steps that did not succeed.
    pub fn failures_told(&self) -> Vec<String> {
        let told = self.told.lock().unwrap();
        let bad =
            |event: &&Event| !matches!(event, Event::Started { .. } | Event::Progress { .. } | Event::Succeeded { .. });
        told.iter().filter(bad).map(|event| format!("{event:?}")).collect()
    }

    /// What a target is signed for with, as `principal` if the account has one of that key.
    pub fn credentials(&self, target: &Target, principal: Option<&str>) -> FixedCredentials {
        let of = |principal: &str| self.sandbox.credentials(&target.account, Some(principal));
        let administrator = administrator(target.cloud);
        let found = of(principal.unwrap_or(administrator)).or_else(|_| of(administrator));
        let credentials = found.unwrap_or_else(|problem| panic!("{problem}"));
        FixedCredentials {
            access_key_id: credentials.access_key_id,
            secret_access_key: credentials.secret_access_key,
            session_token: None,
        }
    }

    /// The real providers, as `principal`, over `transport`.
    fn connect(&self, project: &Project, principal: Option<&str>, transport: &Arc<dyn Transport>) -> Providers {
        let of = |target: &Target| {
            connect(Connect {
                target,
                transport: Arc::clone(transport),
                clock: self.sandbox.clock(),
                meter: meter(),
                cache: Arc::clone(&self.drawer) as Arc<dyn Cache>,
                world: None,
                fixed: Some(self.credentials(target, principal)),
                parallelism: self.parallelism,
            })
        };
        project.targets.values().map(|target| (target.name.clone(), of(target))).collect()
    }

    pub fn providers(&self, project: &Project) -> Providers {
        let wire: Arc<dyn Transport> = Arc::clone(&self.wire) as Arc<dyn Transport>;
        self.connect(project, self.principal.as_deref(), &wire)
    }

    /// The nth call of an operation, from now on, is lost: before it arrives, or after.
    pub fn lose(&self, operation: &str, nth: u64, reply: bool) {
        let mut state = self.wire.state();
        let number = state.counts.get(operation).copied().unwrap_or_default() + nth;
        state.lost.insert((operation.to_owned(), number), reply);
    }

    /// The nth call of an operation, from now on, gets an answer that the service did not give.
    pub fn lie(&self, operation: &str, nth: u64, lie: Lie) {
        let mut state = self.wire.state();
        let number = state.counts.get(operation).copied().unwrap_or_default() + nth;
        state.lies.insert((operation.to_owned(), number), lie);
    }

    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.wire.state().counts.clone()
    }

    /// For measurements: the line counts and does not check.
    pub fn be_careless(&self) {
        self.wire.state().careless = true;
    }

    /// Every write so far.
    pub fn sent(&self) -> Vec<Sent> {
        self.wire.state().sent.clone()
    }

    /// What happened that never may, whatever goes wrong.
    pub fn broken(&self) -> Vec<String> {
        let mut broken = self.wire.state().broken.clone();
        let told = format!("{:?}", self.told.lock().unwrap());
        let quoted = serde_json::to_string(SECRET).unwrap();
        let kept = self.drawer.files.lock().unwrap();
        let texts = kept.values().map(Vec::as_slice).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        for text in texts.chain([told, String::from_utf8_lossy(&self.ledger.bytes()).into_owned()]) {
            if text.contains(SECRET) || text.contains(quoted.trim_matches('"')) {
                broken.push("a secret is in the ledger or in the cache, or was told".to_owned());
            }
        }
        broken
    }

    pub fn replay(&self) -> Replay {
        tenure::ledger::replay(&self.ledger.bytes(), "memory").unwrap_or_else(|problem| panic!("{problem}"))
    }

    pub fn lines(&self) -> Vec<Line> {
        self.replay().lines
    }

    pub fn managed(&self) -> Ledger {
        self.replay().ledger
    }

    pub fn id(&self, key: &str) -> String {
        self.managed().managed[&Address::new(key, "prod")].id.clone()
    }

    /// Plans as `tenure plan` does, and leaves no trace.
    pub async fn plan(&self, options: &Options) -> Result<(Plan, Live), Vec<Problem>> {
        let project = tenure::config::load(self.folder.path())?;
        let providers = self.providers(&project);
        let secrets = |reference: &SecretRef| Ok(secret(reference));
        let planned = read_and_plan(&project, &providers, &self.managed(), options, &secrets).await?;
        Ok((planned.plan, planned.live))
    }

    /// One run of `tenure apply -y`, with at most one trouble.
    pub async fn apply(&self, trouble: Option<Trouble>) -> Ended {
        self.wire.interrupt.send_replace(false);
        {
            let mut state = self.wire.state();
            let (calls, appends) = (state.calls, state.appends);
            state.trouble = trouble.map(|trouble| match trouble {
                Trouble::DieBeforeCall(nth) => Trouble::DieBeforeCall(calls + nth),
                Trouble::DieAfterCall(nth) => Trouble::DieAfterCall(calls + nth),
                Trouble::Interrupt(nth) => Trouble::Interrupt(calls + nth),
                Trouble::Lose(nth, reply) => Trouble::Lose(calls + nth, reply),
                Trouble::DieAtAppend(nth, torn) => Trouble::DieAtAppend(appends + nth, torn),
                Trouble::FullDisk(nth) => Trouble::FullDisk(appends + nth),
            });
        }
        let ended = tokio::select! {
            biased;
            () = self.wire.death.notified() => Ended::Died,
            ended = self.undisturbed() => ended.unwrap_or_else(Ended::Stopped),
        };
        self.wire.state().trouble = None;
        ended
    }

    async fn undisturbed(&self) -> Result<Ended, Vec<Problem>> {
        let one = |problem| vec![problem];
        let project = tenure::config::load(self.folder.path())?;
        let providers = self.providers(&project);
        let clock = self.sandbox.clock();
        let paper = Paper { inner: self.ledger.another(), wire: Arc::clone(&self.wire) };
        let run = format!("run-{:016x}", clock.nonce());
        let mut journal = Journal::open(Box::new(paper), run).await.map_err(one)?;
        let mut tell = |event: &Event| self.told.lock().unwrap().push(event.clone());
        let secrets = |reference: &SecretRef| Ok(secret(reference));
        let context = Context {
            providers: &providers,
            journal: &mut journal,
            clock,
            secrets: &secrets,
            interrupt: self.wire.interrupt.subscribe(),
            tell: &mut tell,
            settings: apply::Settings { parallelism: self.parallelism, stop_on_error: self.stop_on_error },
        };
        let mut run = Run { project: &project, context };
        let settled = run.settle().await.map_err(one)?;
        let refused = settled.refused.clone();
        let options = Options { settled: true, refused, ..self.options.clone() };
        let planned = run.plan(&options).await?;
        let origin = Origin { command: if options.destroy { "destroy" } else { "apply" }, ..Origin::default() };
        let (began, before) = (Instant::now(), self.wire.state().calls);
        let ended = run.carry_out(&planned, &origin, async |_| Ok(Some("auto-approve"))).await?;
        *self.cost.lock().unwrap() = (began.elapsed(), self.wire.state().calls - before);
        let plan = Box::new(planned.plan);
        match ended {
            run::Ended::Refused => Err(plan.refusals),
            run::Ended::NothingToDo => Ok(Ended::Nothing { settled, plan }),
            run::Ended::Done(report) => Ok(Ended::Ran { plan, report }),
            run::Ended::Broken(problem) => Err(vec![problem]),
            run::Ended::Declined => unreachable!("every plan is approved here"),
        }
    }

    /// Applies without trouble and insists that everything was done.
    pub async fn apply_all(&self) -> Plan {
        match self.apply(None).await {
            Ended::Ran { plan, report } if report.is_complete() => *plan,
            other => panic!("{other:?}\n{:#?}", self.failures_told()),
        }
    }

    /// What really is there, seen by each account's administrator past every fault of the line: all products with their
    /// launch roles.
    pub async fn truth(&self) -> Observation {
        let mut project = self.project();
        for target in project.targets.values_mut() {
            target.access = Access::Account;
        }
        let direct = self.sandbox.transport();
        let mut truth = Observation::default();
        for provider in self.connect(&project, None, &direct).values() {
            let list = Query { list: true, ..Query::default() };
            let products = provider.observe(&list).await.unwrap();
            let roles = Query { launch_roles: products.products.keys().cloned().collect(), ..Query::default() };
            truth.merge(products);
            if !roles.is_empty() {
                truth.merge(provider.observe(&roles).await.unwrap());
            }
        }
        truth
    }

    /// Names that two products have, which can only be because something was launched twice: nobody else launches here.
    pub async fn launched_twice(&self) -> Vec<String> {
        let truth = self.truth().await;
        let mut named: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
        for product in truth.products.values() {
            named.entry((&product.product_id, &product.name)).or_default().push(&product.id);
        }
        let twice = named.into_iter().filter(|(_, ids)| ids.len() > 1);
        twice.map(|((_, name), ids)| format!("`{name}` was launched twice: {}", ids.join(", "))).collect()
    }

    /// Lets the cloud finish what it is at.
    pub async fn pass(&self, time: Duration) {
        self.sandbox.clock().sleep(time).await;
    }
}

/// A finding that a run can end with although nothing is left to do.
pub fn is_explained(finding: &Finding) -> bool {
    const KNOWN: [&str; 5] = [
        "cannot be removed",
        "is TAINTED",
        "is Error: ",
        // A cloud that takes tags and path only beside another change; what is blocked by it waits as well.
        "cannot change alone",
        "will change with the next update",
    ];
    KNOWN.iter().any(|known| finding.problem.message.contains(known))
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

pub fn listed(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

/// Runs a future on a runtime of its own.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

/// A number from the environment, for whoever wants more than CI does.
pub fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("{name} is not a number")))
}

/// Counts, and with `TENURE_TRACE` also writes down every request, so that all of them can be held against the models.
pub fn meter() -> Meter {
    std::env::var_os("TENURE_TRACE").map_or_else(Meter::new, |path| Meter::with_trace(path.as_ref()).unwrap())
}

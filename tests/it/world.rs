//! A whole project in this process: its folder, an imaginary cloud, the real AWS provider, and a journal; with a line
//! between the two ends that counts, loses and cuts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use tempfile::TempDir;
use tenure::apply::settle::{Settled, settle};
use tenure::apply::{self, Context, Providers};
use tenure::ledger::entry::{Began, Entry, Line};
use tenure::ledger::memory::Fault;
use tenure::ledger::{Journal, Ledger, MemoryStore, Replay};
use tenure::model::{Access, Address, Event, Live, Observation, Project, Query, Report, SecretRef};
use tenure::plan::{Allow, Inputs, Options, Outcome, Plan, plan};
use tenure::problem::Problem;
use tenure::provider::aws::Aws;
use tenure::provider::meter::Meter;
use tenure::provider::{Connect, FixedCredentials, Provider};
use tenure::sandbox::Sandbox;
use tenure::seam::{Store, StoreError, Transport, TransportError};
use tokio::sync::{Notify, watch};

pub const ACCOUNT: &str = "123456789012";
/// How every secret's value begins: it must never be seen anywhere.
pub const SECRET: &str = "correct-horse-\"battery\"";
const WRITES: [&str; 4] = [
    "ProvisionProduct",
    "UpdateProvisionedProduct",
    "TerminateProvisionedProduct",
    "UpdateProvisionedProductProperties",
];

/// What is to go wrong on the way, counted from the next call or append (the first is 1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Trouble {
    /// The process dies instead of sending its nth request.
    DieBeforeCall(u64),
    /// The process dies when the nth request has been carried out, before its answer is heard.
    DieAfterCall(u64),
    /// The process dies at its nth append: nothing, a part or all of it is written.
    DieAtAppend(u64, Torn),
    /// The ledger cannot be written at the nth append.
    FullDisk(u64),
    /// A person presses Ctrl-C while the nth request is under way.
    Interrupt(u64),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Torn {
    Nothing,
    Part,
    Everything,
}

/// One request as it left the program.
#[derive(Debug, Clone)]
pub struct Sent {
    pub operation: String,
    /// The provisioned product that is written to.
    pub product: Option<String>,
}

#[derive(Default)]
struct State {
    sent: Vec<Sent>,
    calls: u64,
    appends: u64,
    trouble: Option<Trouble>,
    /// By operation: the nth call from now is lost, before or after it is carried out.
    lost: BTreeMap<(String, u64), bool>,
    counts: BTreeMap<String, u64>,
    /// What happened that never may.
    broken: Vec<String>,
    /// Nothing is looked for in the ledger, which takes longer the longer it is.
    careless: bool,
}

/// The line between program and cloud; also what watches that nothing is sent of which the ledger does not know.
pub struct Wire {
    inner: Arc<dyn Transport>,
    ledger: MemoryStore,
    state: Mutex<State>,
    death: Notify,
    interrupt: watch::Sender<bool>,
}

impl Wire {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// How the process ends: whoever waits for this call waits for ever, and the run is dropped.
    async fn die<T>(&self) -> T {
        self.death.notify_one();
        std::future::pending().await
    }

    /// Notes a request, and checks that a write's token is in the ledger already.
    fn note(&self, request: &http::Request<Bytes>) -> (u64, Option<bool>) {
        let sent = read(request);
        let write = WRITES.contains(&sent.operation.as_str());
        let mut state = self.state();
        state.calls += 1;
        let count = state.counts.entry(sent.operation.clone()).or_default();
        *count += 1;
        let key = (sent.operation.clone(), *count);
        let lost = state.lost.remove(&key);
        if write {
            let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
            let token = ["ProvisionToken", "UpdateToken", "TerminateToken", "IdempotencyToken"]
                .iter()
                .find_map(|name| body[name].as_str())
                .unwrap_or("(no token)");
            let ledger = if state.careless { token.as_bytes().to_vec() } else { self.ledger.bytes() };
            if !String::from_utf8_lossy(&ledger).contains(token) {
                state.broken.push(format!("{} was sent before it was in the ledger", sent.operation));
            }
            state.sent.push(sent);
        }
        (state.calls, lost)
    }
}

fn read(request: &http::Request<Bytes>) -> Sent {
    let target = request.headers().get("x-amz-target").and_then(|value| value.to_str().ok());
    let Some(target) = target else {
        let body = String::from_utf8_lossy(request.body()).into_owned();
        let action = body.split('&').find_map(|pair| pair.strip_prefix("Action=")).unwrap_or("?").to_owned();
        return Sent { operation: action, product: None };
    };
    let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap_or_default();
    let text = |name: &str| body[name].as_str().map(str::to_owned);
    Sent { operation: target.rsplit('.').next().unwrap_or_default().to_owned(), product: text("ProvisionedProductId") }
}

#[async_trait]
impl Transport for Wire {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        let (call, lost) = self.note(&request);
        let trouble = self.state().trouble;
        match trouble {
            Some(Trouble::DieBeforeCall(nth)) if nth == call => return self.die().await,
            Some(Trouble::DieAfterCall(nth)) if nth == call => {
                let _ = self.inner.send(request).await;
                return self.die().await;
            }
            Some(Trouble::Interrupt(nth)) if nth == call => _ = self.interrupt.send_replace(true),
            _ => {}
        }
        match lost {
            Some(false) => return Err(TransportError::Lost("lost on the way there".to_owned())),
            Some(true) => {
                let _ = self.inner.send(request).await;
                return Err(TransportError::Lost("lost on the way back".to_owned()));
            }
            None => {}
        }
        self.inner.send(request).await
    }
}

/// A ledger that fails, or dies with its process, at one append.
struct Paper {
    inner: MemoryStore,
    wire: Arc<Wire>,
}

#[async_trait]
impl Store for Paper {
    async fn read(&mut self) -> Result<Vec<u8>, StoreError> {
        self.inner.read().await
    }

    async fn lock(&mut self) -> Result<(), StoreError> {
        self.inner.lock().await
    }

    async fn append(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let (number, trouble) = {
            let mut state = self.wire.state();
            state.appends += 1;
            (state.appends, state.trouble)
        };
        match trouble {
            Some(Trouble::FullDisk(nth)) if nth == number => {
                self.inner.fail(1, Fault::Torn(bytes.len() / 2));
                self.inner.append(bytes).await
            }
            Some(Trouble::DieAtAppend(nth, torn)) if nth == number => {
                let length = match torn {
                    Torn::Nothing => 0,
                    Torn::Part => bytes.len() * 2 / 3,
                    Torn::Everything => bytes.len(),
                };
                self.inner.fail(1, Fault::Torn(length));
                let _ = self.inner.append(bytes).await;
                self.wire.die().await
            }
            _ => self.inner.append(bytes).await,
        }
    }

    async fn set_aside(&mut self, keep_length_bytes: u64) -> Result<(), StoreError> {
        self.inner.set_aside(keep_length_bytes).await
    }

    fn location(&self) -> String {
        self.inner.location()
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
        let (interrupt, _) = watch::channel(false);
        let wire = Arc::new(Wire {
            inner: sandbox.transport(),
            ledger: ledger.another(),
            state: Mutex::default(),
            death: Notify::new(),
            interrupt,
        });
        World {
            folder,
            sandbox,
            ledger,
            wire,
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

    /// The real provider, as `principal`, over `transport`.
    fn connect(&self, project: &Project, principal: Option<&str>, transport: &Arc<dyn Transport>) -> Providers {
        let of = |target: &tenure::model::Target| {
            let credentials = self.sandbox.credentials(&target.account, principal).unwrap();
            let connect = Connect {
                target,
                transport: Arc::clone(transport),
                clock: self.sandbox.clock(),
                meter: meter(),
                cache: Arc::new(tenure::seam::NoCache),
                world: None,
                fixed: Some(FixedCredentials {
                    access_key_id: credentials.access_key_id,
                    secret_access_key: credentials.secret_access_key,
                    session_token: None,
                }),
                parallelism: self.parallelism,
            };
            Arc::new(Aws::connect(connect)) as Arc<dyn Provider>
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
        for text in [told, String::from_utf8_lossy(&self.ledger.bytes()).into_owned()] {
            if text.contains(SECRET) || text.contains(quoted.trim_matches('"')) {
                broken.push("a secret is in the ledger or was told".to_owned());
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
        look(&project, &providers, &self.managed(), options).await
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
        // Another version is another value; all of them begin with `SECRET`.
        let secrets = |reference: &SecretRef| Ok(format!("{SECRET}{}", reference.version));
        let mut context = Context {
            providers: &providers,
            journal: &mut journal,
            clock: Arc::clone(&clock),
            secrets: &secrets,
            interrupt: self.wire.interrupt.subscribe(),
            tell: &mut tell,
            settings: apply::Settings { parallelism: self.parallelism, stop_on_error: self.stop_on_error },
        };
        let settled = settle(&mut context, &project.desired).await.map_err(one)?;
        let options = Options { settled: true, ..self.options.clone() };
        let (plan, live) = look(&project, &providers, context.journal.ledger(), &options).await?;
        let plan = Box::new(plan);
        if !plan.refusals.is_empty() {
            return Err(plan.refusals.clone());
        }
        if !plan.has_changes() {
            return Ok(Ended::Nothing { settled, plan });
        }
        let began = Entry::Began(Began {
            command: if options.destroy { "destroy" } else { "apply" }.to_owned(),
            actors: live.iter().map(|(target, seen)| (target.clone(), seen.caller.clone())).collect(),
            project: project.name.clone(),
            digest: plan.digest.clone(),
            approval: "auto-approve".to_owned(),
            message: None,
            commit: None,
            ci_run: None,
            tenure: "test".to_owned(),
            sandboxed: project.targets.keys().cloned().collect(),
        });
        context.journal.append(clock.now(), [began]).await.map_err(one)?;
        let (began, before) = (Instant::now(), self.wire.state().calls);
        let report = apply::run(&mut context, &plan).await.map_err(one)?;
        *self.cost.lock().unwrap() = (began.elapsed(), self.wire.state().calls - before);
        Ok(Ended::Ran { plan, report })
    }

    /// Applies without trouble and insists that everything was done.
    pub async fn apply_all(&self) -> Plan {
        match self.apply(None).await {
            Ended::Ran { plan, report } if report.is_complete() => *plan,
            other => panic!("{other:?}\n{:#?}", self.failures_told()),
        }
    }

    /// What really is there, seen by the account's administrator past every fault of the line: all products with their
    /// launch roles.
    pub async fn truth(&self) -> Observation {
        let mut project = self.project();
        for target in project.targets.values_mut() {
            target.access = Access::Account;
        }
        let direct = self.sandbox.transport();
        let mut truth = Observation::default();
        for provider in self.connect(&project, Some("admin"), &direct).values() {
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

    /// Lets the cloud finish what it is at.
    pub async fn pass(&self, time: Duration) {
        self.sandbox.clock().sleep(time).await;
    }
}

/// Plans, in as many rounds of reading as that takes.
pub async fn look(
    project: &Project,
    providers: &Providers,
    ledger: &Ledger,
    options: &Options,
) -> Result<(Plan, Live), Vec<Problem>> {
    let mut live = Live::new();
    for _ in 0..8 {
        match plan(&Inputs::new(project, ledger, &live, options))? {
            Outcome::Plan(plan) => return Ok((*plan, live)),
            Outcome::Needs(needs) => {
                for (target, query) in needs {
                    let seen = providers[&target].observe(&query).await.map_err(|e| vec![e.into_problem()])?;
                    live.entry(target).or_default().merge(seen);
                }
            }
        }
    }
    panic!("planning never has enough");
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

/// The ids that writes were sent to.
pub fn touched(sent: &[Sent]) -> BTreeSet<String> {
    sent.iter().filter_map(|sent| sent.product.clone()).collect()
}

/// Counts, and with `TENURE_TRACE` also writes down every request, so that all of them can be held against the models.
fn meter() -> Meter {
    std::env::var_os("TENURE_TRACE").map_or_else(Meter::new, |path| Meter::with_trace(path.as_ref()).unwrap())
}

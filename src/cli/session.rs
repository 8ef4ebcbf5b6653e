//! What a command works with: the project, the clouds and the ledger.

use std::cell::RefCell;
use std::env::VarError;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::args::{Limit, Selection};
use super::cache::FolderCache;
use super::{Outside, Settings, tidy, verbose};
use crate::apply::Providers;
use crate::config;
use crate::ledger::{FileStore, Ledger, Managed};
use crate::model::{Address, Cloud, Endpoint, Project, SecretRef, Target};
use crate::plan::Options;
use crate::problem::{Problem, Problems};
use crate::provider::alibaba::Alibaba;
use crate::provider::aws::Aws;
use crate::provider::meter::Meter;
use crate::provider::{Connect, FixedCredentials, Provider};
use crate::sandbox::Sandbox;
use crate::seam::{Cache, Clock};

/// The name of the note in the cache that says where the ledger is.
const LEDGER_NOTE: &str = "ledger-location";

pub struct Session {
    pub project: Project,
    pub providers: Providers,
    pub clock: Arc<dyn Clock>,
    pub meter: Meter,
    pub sandbox: Option<Sandbox>,
    phases: RefCell<Vec<(&'static str, Duration)>>,
}

impl Session {
    /// Reads the files and connects to every target; nothing is sent yet.
    pub fn open(settings: &Settings, outside: &Outside, selection: &Selection) -> Result<Session, Problems> {
        let began = Instant::now();
        let project = config::load(&settings.root)?;
        refuse_ci(&project, settings)?;
        let sandbox = open_sandbox(&project, selection.seed.as_deref()).map_err(|problem| vec![problem])?;
        // Time is the world's only where every target is in it.
        let all_sandbox = !project.targets.is_empty() && project.targets.values().all(|target| target.is_sandbox());
        let clock = match &sandbox {
            Some(sandbox) if all_sandbox => sandbox.clock(),
            _ => Arc::clone(&outside.clock),
        };
        let meter = settings.meter.clone();
        let cache: Arc<dyn Cache> = Arc::new(self::cache(&project));
        let mut providers = Providers::new();
        let mut problems = Problems::new();
        for target in project.targets.values() {
            let fixed = match (&target.endpoint, &sandbox) {
                (Endpoint::Sandbox { principal }, Some(sandbox)) => {
                    match sandbox.credentials(&target.account, principal.as_deref()) {
                        Ok(credentials) => Some(FixedCredentials {
                            access_key_id: credentials.access_key_id,
                            secret_access_key: credentials.secret_access_key,
                            session_token: credentials.session_token,
                        }),
                        Err(problem) => {
                            problems.push(Problem { place: problem.place.or(Some(target.place.clone())), ..problem });
                            continue;
                        }
                    }
                }
                _ => None,
            };
            let transport = match (&target.endpoint, &sandbox) {
                (Endpoint::Sandbox { .. }, Some(sandbox)) if settings.verbose => {
                    verbose::transport(sandbox.transport())
                }
                (Endpoint::Sandbox { .. }, Some(sandbox)) => sandbox.transport(),
                _ => Arc::clone(&outside.transport),
            };
            let connect = Connect {
                target,
                transport,
                clock: Arc::clone(&clock),
                meter: meter.clone(),
                cache: Arc::clone(&cache),
                world: sandbox.as_ref().filter(|_| target.is_sandbox()).map(Sandbox::identity),
                fixed,
                parallelism: usize::from(selection.parallelism),
            };
            let provider: Arc<dyn Provider> = match target.cloud {
                Cloud::Aws => Arc::new(Aws::connect(connect)),
                Cloud::Alibaba => Arc::new(Alibaba::connect(connect)),
            };
            providers.insert(target.name.clone(), provider);
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let phases = RefCell::new(vec![("files", began.elapsed())]);
        Ok(Session { project, providers, clock, meter, sandbox, phases })
    }

    pub fn phase(&self, name: &'static str, since: Instant) {
        self.took(name, since.elapsed());
    }

    pub fn took(&self, name: &'static str, time: Duration) {
        self.phases.borrow_mut().push((name, time));
    }

    /// `--timings`: calls by operation, retries, time by phase.
    pub fn timings(&self) -> String {
        let mut text = String::from("calls\n");
        let calls = self.meter.calls();
        for (operation, count) in &calls {
            text.push_str(&format!("  {count:>7}  {operation}\n"));
        }
        text.push_str(&format!(
            "  {:>7}  in all, {} of them retries\n",
            calls.values().sum::<u64>(),
            self.meter.retries()
        ));
        text.push_str("time\n");
        for (name, time) in self.phases.borrow().iter() {
            text.push_str(&format!("  {:>7.3} s  {name}\n", time.as_secs_f64()));
        }
        text
    }

    pub fn warnings(&self) -> Problems {
        self.sandbox.as_ref().and_then(Sandbox::warning).map(Problem::failed).into_iter().collect()
    }

    /// The sandbox's world is gone and the ledger that was made in it is not: what it says is of another world.
    pub fn lost_world(&self, ledger: &Ledger) -> Option<Problem> {
        self.sandbox.as_ref().filter(|sandbox| !sandbox.is_kept())?;
        let is_there = |address: &&Address| self.project.targets.get(&address.target).is_some_and(Target::is_sandbox);
        let location = tidy(&self.project.ledger);
        let hint = format!("to start over, delete the ledger as well (rm {}), then apply again", location.display());
        if let Some(open) = ledger.unsettled.keys().find(is_there) {
            return Some(
                Problem::failed(format!(
                    "a step of an earlier run on `{open}` has not ended, and the sandbox's world that it was sent to is gone"
                ))
                .hint(hint),
            );
        }
        let written = |(address, managed): (_, &Managed)| managed.applied.written.then_some(address);
        ledger.managed.iter().filter_map(written).find(is_there)?;
        let message =
            "the sandbox's world is gone, and the ledger that was made in it is not: a new world is compared with it";
        Some(Problem::failed(message).hint(hint))
    }

    /// The addresses that `--only`, `--exclude` and `--reapply` mean, and the limits of `--allow`.
    pub fn options(&self, ledger: &Ledger, selection: &Selection, reapply: &[String]) -> Result<Options, Problems> {
        let known: Vec<Address> = self.project.desired.keys().chain(ledger.managed.keys()).cloned().collect();
        let mut problems = Problems::new();
        let mut select = |flag: &str, patterns: &[String]| {
            let mut all = std::collections::BTreeSet::new();
            for pattern in patterns {
                let matching = config::select(pattern, known.iter());
                if matching.is_empty() {
                    problems.push(no_such_address(flag, pattern, &known));
                }
                all.extend(matching);
            }
            all
        };
        let only = (!selection.only.is_empty()).then(|| select("--only", &selection.only));
        let exclude = select("--exclude", &selection.exclude);
        let reapply = select("--reapply", reapply);
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut options = Options { only, exclude, reapply, ..Options::default() };
        for (limit, count) in &selection.allow {
            let place = match limit {
                Limit::Terminate => &mut options.allow.terminate,
                Limit::ChangePercent => &mut options.allow.change_percent,
                Limit::OwnerChanges => &mut options.allow.owner_changes,
                Limit::LaunchRoleChanges => &mut options.allow.launch_role_changes,
            };
            *place = Some(*count);
        }
        Ok(options)
    }
}

fn no_such_address(flag: &str, pattern: &str, known: &[Address]) -> Problem {
    let names: Vec<String> = known.iter().map(ToString::to_string).collect();
    let keys = known.iter().map(|address| address.key.as_str());
    let near = crate::problem::nearest(pattern, names.iter().map(String::as_str).chain(keys));
    let problem = Problem::input(format!("{flag} `{pattern}` matches no address of the files or the ledger"));
    match near {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None => problem.hint("an address is KEY or KEY@TARGET; globs such as `web-*` work too"),
    }
}

fn open_sandbox(project: &Project, seed: Option<&Path>) -> Result<Option<Sandbox>, Problem> {
    if !project.targets.values().any(|target| target.is_sandbox()) {
        return Ok(None);
    }
    let seed = seed.map_or_else(|| project.root.join("sandbox.toml"), Path::to_path_buf);
    Sandbox::open(&tidy(&seed), &tidy(&sandbox_state(&project.root))).map(Some)
}

pub fn sandbox_state(root: &Path) -> PathBuf {
    root.join(".tenure").join("sandbox")
}

/// A CI machine is new every time: a ledger that is only on it would be lost, and with it what is ours.
fn refuse_ci(project: &Project, settings: &Settings) -> Result<(), Problems> {
    if !settings.ci {
        return Ok(());
    }
    let real = project.targets.values().find(|target| match &target.endpoint {
        Endpoint::Cloud => true,
        Endpoint::Url(url) => !is_loopback(url),
        Endpoint::Sandbox { .. } => false,
    });
    match real {
        None => Ok(()),
        Some(target) => Err(vec![
            Problem::input(format!(
                "target `{}` is real, CI is set, and the ledger is a local file that this machine will not keep",
                target.name
            ))
            .at(&target.place)
            .hint("run it where the ledger is kept (unset CI there); a shared ledger is not supported yet"),
        ]),
    }
}

fn is_loopback(url: &str) -> bool {
    let host = url.split("://").nth(1).unwrap_or(url);
    ["127.", "localhost", "[::1]"].iter().any(|prefix| host.starts_with(prefix))
}

/// The ledger of a project, not yet opened.
///
/// # Errors
/// There is no ledger where the files say, and one where it was before: a new one would forget everything.
pub fn store(project: &Project, clock: &dyn Clock) -> Result<FileStore, Problem> {
    let other = known_ledgers(project).find(|path| *path != project.ledger && path.exists());
    if let Some(other) = other {
        let (here, other) = (tidy(&project.ledger), tidy(&other));
        if !project.ledger.exists() {
            let message = format!(
                "the ledger is to be {}, which does not exist, and this project has one at {}",
                here.display(),
                other.display()
            );
            return Err(Problem::input(message).hint(format!(
                "move it (mv {1} {0}), or set `[ledger] location` back; to begin a new history, move {1} away",
                here.display(),
                other.display()
            )));
        }
        if config::is_default_ledger(project) {
            let message = format!("this project has two ledgers: {} and {}", here.display(), other.display());
            return Err(
                Problem::input(message).hint("keep the one with the history that counts, and move the other away")
            );
        }
    }
    Ok(FileStore::new(tidy(&project.ledger), crate::ledger::holder(clock.now())))
}

/// Where the ledger of a project is by default, was by default in 0.1, and was when it was last applied.
fn known_ledgers(project: &Project) -> impl Iterator<Item = PathBuf> {
    let noted = cache(project).read(LEDGER_NOTE).and_then(|bytes| String::from_utf8(bytes).ok());
    let noted = noted.map(|path| project.root.join(path));
    config::default_ledgers(&project.root).into_iter().chain(noted)
}

/// Notes where the ledger is, so that another `location` is noticed. Deleting the note costs only that.
pub fn note_ledger(project: &Project) {
    if let Ok(path) = project.ledger.strip_prefix(&project.root)
        && !config::is_default_ledger(project)
    {
        cache(project).write(LEDGER_NOTE, path.to_string_lossy().as_bytes());
    }
}

fn cache(project: &Project) -> FolderCache {
    FolderCache { folder: project.root.join(".tenure").join("cache") }
}

/// The value of a secret, at the moment of sending.
pub fn secret(reference: &SecretRef) -> Result<String, Problem> {
    let hint = "set it where `apply` runs; its value is never stored or shown";
    match reference.source.strip_prefix("env:") {
        Some(name) => match std::env::var(name) {
            Ok(value) if !value.is_empty() => Ok(value),
            Ok(_) => Err(Problem::input(format!("the secret `env:{name}` is empty")).hint(hint)),
            Err(VarError::NotPresent) => Err(Problem::input(format!("the secret `env:{name}` is not set")).hint(hint)),
            Err(VarError::NotUnicode(_)) => Err(Problem::input(format!("the secret `env:{name}` is not UTF-8"))
                .hint("encode it, for example as base64: parameters are text")),
        },
        None => {
            Err(Problem::input(format!("`{}` is not a source of secrets", reference.source)).hint("write env:NAME"))
        }
    }
}

//! An imaginary cloud: accounts, catalogs and provisioned products that behave like the real service.
//!
//! The same world answers in this process (`endpoint = "sandbox:"`, in its own virtual time) and on a port
//! ([`serve()`]). In this process time stands still until somebody sleeps on [`Sandbox::clock`]; a 20-minute update
//! takes none. Served, it runs with real time, or faster.
//!
//! | part | does |
//! |---|---|
//! | [`world`] | what exists and what operations do to it; pure |
//! | `aws` | the AWS dialect: signatures, JSON and Query protocols |
//! | `alibaba` | the Alibaba Cloud dialect: signatures, RPC parameters, JSON |
//! | `dialect` | tells the two apart |
//! | [`seed`] | what a world begins with: the format of `sandbox.toml` |
//! | `build`, `populate` | from a seed to a world |
//! | `journal` | the world on disk |
//! | `fault` | seeded faults |
//! | `serve` | HTTP |

pub mod alibaba;
pub mod aws;
mod build;
mod build_ram;
mod codec;
mod dialect;
mod fault;
mod ids;
mod journal;
mod populate;
pub mod seed;
mod serve;
mod session;
pub mod template;
pub mod world;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

use crate::problem::Problem;
use crate::seam::{Clock, Transport, TransportError};
use alibaba::Nonces;
use build::Ingredients;
use dialect::{Call, Surroundings};
use fault::{Faults, Verdict};
use journal::Journal;
use seed::FaultKind;
pub use serve::serve;
use world::World;
use world::model::Millis;

/// A world with its door. Clones share it.
#[derive(Clone)]
pub struct Sandbox {
    shared: Arc<Shared>,
}

struct Shared {
    inner: Mutex<Inner>,
    /// What makes this process's nonces its own.
    origin: u64,
    nonces: AtomicU64,
}

struct Inner {
    world: World,
    journal: Journal,
    faults: Faults,
    calls: BTreeMap<String, u64>,
    sent: u64,
    warning: Option<String>,
    pace: Pace,
    keeps_settlements: bool,
    nonces: Nonces,
    /// What a world that this process begins on disk is told.
    birth: String,
    /// Why the world on disk no longer follows the one in memory. Nothing is answered after that.
    broken: Option<String>,
}

/// How time passes.
#[derive(Debug, Clone, Copy)]
enum Pace {
    /// It stands still until somebody sleeps.
    Virtual,
    /// It runs `scale` times as fast as real time since `since`, when it was `base`.
    Real { since: Instant, base: Millis, scale: f64 },
}

/// What a client signs with.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: Option<String>,
    pub arn: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .field("arn", &self.arn)
            .finish_non_exhaustive()
    }
}

fn real_now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
}

impl Sandbox {
    /// Opens the world kept in `state` or, if there is none, makes one in memory from `seed`. Writes nothing until the
    /// first operation that may change something.
    pub fn open(seed: &Path, state: &Path) -> Result<Sandbox, Problem> {
        let mut ingredients = Ingredients::read(seed)?;
        let faults = Faults::new(ingredients.file.seed.seed, std::mem::take(&mut ingredients.file.seed.fault));
        let (journal, kept) = Journal::open(state)?;
        let (world, warning) = match kept {
            None => (ingredients.build()?, None),
            Some(world) => {
                let changed = world.catalog().origin != ingredients.origin()?;
                let warning = changed.then(|| {
                    format!(
                        "{} or its templates have changed since the sandbox's world was made; the world is used as it is ({})",
                        seed.display(),
                        journal.start_over()
                    )
                });
                (world, warning)
            }
        };
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let own = format!("{nanos}/{}/{}", std::process::id(), journal.sequence());
        let inner = Inner {
            world,
            journal,
            faults,
            calls: BTreeMap::new(),
            sent: 0,
            warning,
            pace: Pace::Virtual,
            keeps_settlements: false,
            nonces: Nonces::default(),
            birth: ids::sha256_hex(own.as_bytes())[..16].to_owned(),
            broken: None,
        };
        let origin = ids::number(inner.world.catalog().seed, "nonce", &own);
        let shared = Shared { inner: Mutex::new(inner), origin, nonces: AtomicU64::new(0) };
        Ok(Sandbox { shared: Arc::new(shared) })
    }

    /// Said when the seed or its templates have changed since the world was made.
    pub fn warning(&self) -> Option<String> {
        self.inner().warning.clone()
    }

    /// What tells this world from every other: a digest of what it was made from and, once it has been begun on disk,
    /// something that no other world has, even one made from the same seed.
    pub fn identity(&self) -> String {
        let inner = self.inner();
        let (origin, birth) = (&inner.world.catalog().origin, inner.journal.birth());
        if birth.is_empty() { origin.clone() } else { format!("{origin}-{birth}") }
    }

    /// Whether the world is on disk: it is from the first write on.
    pub fn is_kept(&self) -> bool {
        self.inner().journal.exists()
    }

    /// Becomes the only writer before the first write, so that whoever would find the world taken learns it before
    /// anything is begun.
    pub fn claim(&self) -> Result<(), Problem> {
        self.inner().become_writer()
    }

    /// Sends requests to this world, in this process.
    pub fn transport(&self) -> Arc<dyn Transport> {
        Arc::new(self.clone())
    }

    /// The world's time.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.clone())
    }

    /// From now on, operations that end because time passes are written down, if the world is on disk already.
    ///
    /// After its first write a process does this anyway. Without either, time that passes is forgotten with the process:
    /// somebody who only reads leaves no trace.
    pub fn keep_settlements(&self) {
        self.inner().keeps_settlements = true;
    }

    /// What `principal` of `account` signs with; without a name that is `admin` if it is of the account, else the
    /// account's only principal.
    pub fn credentials(&self, account: &str, principal: Option<&str>) -> Result<Credentials, Problem> {
        let inner = self.inner();
        let principals = &inner.world.catalog().principals;
        let of_account: Vec<_> = principals.values().filter(|p| p.account == account).collect();
        let names = of_account.iter().map(|p| p.name.as_str()).collect::<Vec<_>>().join(", ");
        let wanted = principal.unwrap_or("admin");
        let found = match of_account.iter().find(|p| p.name == wanted) {
            Some(found) => found,
            None if principal.is_none() && of_account.len() == 1 => of_account[0],
            None if of_account.is_empty() => {
                return Err(Problem::access(format!("the sandbox has no principal of account {account}"))
                    .hint("add a [principal.NAME] with an ARN of this account to sandbox.toml"));
            }
            None if principal.is_some() => {
                return Err(Problem::access(format!("the sandbox has no principal `{wanted}` of account {account}"))
                    .hint(format!("there are: {names}")));
            }
            None => {
                return Err(Problem::access(format!("several principals of the sandbox are of account {account}"))
                    .hint(format!("name one as `principal`: {names}")));
            }
        };
        Ok(Credentials {
            access_key_id: found.access_key_id.clone(),
            secret_access_key: found.secret_access_key.clone(),
            session_token: None,
            arn: found.arn.clone(),
        })
    }

    /// How often each operation has been called in this process.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.inner().calls.clone()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Every change of the world is whole before anything can panic over it.
        self.shared.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call and asks the faults about it.
    fn receive(&self, request: &http::Request<Bytes>) -> Verdict {
        let Ok(call) = Call::read(request) else { return Verdict::default() };
        let mut inner = self.inner();
        *inner.calls.entry(call.operation().to_owned()).or_default() += 1;
        inner.faults.strike(call.operation())
    }

    async fn pass(&self, duration: Duration) {
        let pace = self.inner().pace;
        match pace {
            Pace::Virtual => {
                self.inner().sleep(duration);
                tokio::task::yield_now().await;
            }
            Pace::Real { scale, .. } => tokio::time::sleep(duration.div_f64(scale.max(0.001))).await,
        }
    }
}

impl Inner {
    fn sleep(&mut self, duration: Duration) {
        let length = Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX);
        self.world.advance_to(self.world.now().saturating_add(length));
        if self.broken.is_none()
            && let Err(problem) = self.keep_what_time_did()
        {
            self.broken = Some(problem.to_string());
        }
    }

    /// Lets real time pass, if it is real time that passes here.
    fn tick(&mut self) {
        if let Pace::Real { since, base, scale } = self.pace {
            // A world's time needs no more than milliseconds, and no more than an f64 has.
            #[allow(clippy::cast_possible_truncation)]
            let passed = (since.elapsed().as_secs_f64() * scale * 1000.0) as Millis;
            self.world.advance_to(base.saturating_add(passed));
        }
    }

    fn keep_what_time_did(&mut self) -> Result<(), Problem> {
        if !self.journal.is_locked() {
            if !self.keeps_settlements || !self.journal.exists() || !self.world.has_changes() {
                return Ok(());
            }
            self.become_writer()?;
        }
        self.keep()
    }

    /// Writes down what has changed.
    fn keep(&mut self) -> Result<(), Problem> {
        match self.world.take_changes() {
            Some(delta) => self.journal.append(&delta, &self.world),
            None => Ok(()),
        }
    }

    /// Takes the folder, and the world in it if somebody has changed it meanwhile.
    fn become_writer(&mut self) -> Result<(), Problem> {
        if self.journal.is_locked() {
            return Ok(());
        }
        let now = self.world.now();
        if let Some(newer) = self.journal.lock()? {
            self.world = newer;
            self.world.advance_to(now);
        }
        if !self.journal.exists() {
            self.journal.begin(&self.world, self.birth.clone())?;
            self.world.take_changes();
        }
        Ok(())
    }

    fn perform(
        &mut self,
        request: &http::Request<Bytes>,
        verdict: Verdict,
    ) -> Result<http::Response<Bytes>, TransportError> {
        if let Some(reason) = &self.broken {
            return Err(TransportError::NotSent(reason.clone()));
        }
        self.tick();
        let call = match Call::read(request) {
            Ok(call) => call,
            Err(refusal) => return Ok(*refusal),
        };
        match verdict.kind {
            Some(FaultKind::Throttle) => return Ok(call.throttled()),
            Some(FaultKind::Error) => return Ok(call.broken()),
            Some(FaultKind::LostRequest) => {
                return Err(TransportError::Lost("the connection was closed (sandbox fault)".into()));
            }
            Some(FaultKind::Fail) => self.world.doom_next(),
            Some(FaultKind::Delay | FaultKind::LostReply) | None => {}
        }
        if call.is_write() {
            self.become_writer().map_err(|problem| TransportError::NotSent(problem.to_string()))?;
        }
        self.sent += 1;
        let clocks = match self.pace {
            Pace::Virtual => vec![self.world.now(), real_now()],
            Pace::Real { .. } => vec![real_now()],
        };
        let shuffle = ids::number(self.world.catalog().seed, "shuffle", &self.sent.to_string());
        let mut surroundings = Surroundings { clocks, shuffle, nonces: &mut self.nonces };
        let answer = call.answer(&mut self.world, &mut surroundings);
        self.world.spare();
        if self.journal.is_locked()
            && let Err(problem) = self.keep()
        {
            // It has happened in memory and may be on disk: nobody can say, and nothing more can follow.
            self.broken = Some(problem.to_string());
            return Err(TransportError::Lost(problem.to_string()));
        }
        if verdict.kind == Some(FaultKind::LostReply) {
            return Err(TransportError::Lost("the connection was closed before the reply (sandbox fault)".into()));
        }
        Ok(answer)
    }
}

#[async_trait]
impl Transport for Sandbox {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        let verdict = self.receive(&request);
        if verdict.delay_seconds > 0.0 {
            // Years of delay are as good as for ever.
            self.pass(Duration::from_secs_f64(verdict.delay_seconds.min(1e9))).await;
        }
        self.inner().perform(&request, verdict)
    }
}

#[async_trait]
impl Clock for Sandbox {
    fn now(&self) -> Timestamp {
        let mut inner = self.inner();
        inner.tick();
        Timestamp::from_millisecond(inner.world.now()).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    async fn sleep(&self, duration: Duration) {
        self.pass(duration).await;
    }

    fn nonce(&self) -> u64 {
        let count = self.shared.nonces.fetch_add(1, Ordering::Relaxed);
        ids::number(self.shared.origin, "nonce", &count.to_string())
    }
}

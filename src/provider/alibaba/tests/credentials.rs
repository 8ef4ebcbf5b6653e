//! Sources of credentials, roles and the account guard, against a scripted transport.

use std::collections::BTreeMap;
use std::sync::Mutex as Lock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::environment::Run;
use super::*;
use crate::model::{Access, Cloud, Endpoint, Target};
use crate::problem::{Kind, Place as At};
use crate::provider::meter::Meter;
use crate::seam::{Clock, Transport, TransportError};

#[path = "credentials_chain.rs"]
mod chain;
#[path = "credentials_cli.rs"]
mod cli;
#[path = "credentials_ini.rs"]
mod ini;
#[path = "credentials_metadata.rs"]
mod metadata;
#[path = "credentials_sts.rs"]
mod sts;
#[path = "credentials_wallet.rs"]
mod wallet;

const ACCOUNT: &str = "1234567890123456";
const ARN: &str = "acs:ram::1234567890123456:user/ops";
const NOW: &str = "2026-01-02T03:04:05Z";
const ROLE: &str = "acs:ram::1234567890123456:role/Apply";

type Reply = Result<Response<Bytes>, TransportError>;

/// One request as a service sees it.
#[derive(Debug, Clone)]
struct Ask {
    /// The action of a call, or method and path of another request.
    action: String,
    /// How many requests of this action there have been, this one included.
    nth: usize,
    uri: String,
    headers: http::HeaderMap,
    /// Query and form.
    parameters: BTreeMap<String, String>,
}

impl Ask {
    fn text(&self, name: &str) -> &str {
        self.parameters.get(name).map(String::as_str).unwrap_or_default()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().expect("text")).unwrap_or_default()
    }

    /// The access key id that it was signed with.
    fn key(&self) -> &str {
        let rest = self.header("authorization").split("Credential=").nth(1).unwrap_or_default();
        rest.split(',').next().unwrap_or_default()
    }
}

type Script = Box<dyn Fn(&Ask) -> Option<Reply> + Send + Sync>;

struct Fake {
    script: Script,
    asks: Lock<Vec<Ask>>,
}

impl Fake {
    /// A script that answers `None` is a service that never answers.
    fn new(script: impl Fn(&Ask) -> Option<Reply> + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Fake { script: Box::new(script), asks: Lock::default() })
    }

    fn asks(&self) -> Vec<Ask> {
        self.asks.lock().expect("not poisoned").clone()
    }

    fn actions(&self) -> Vec<String> {
        self.asks().into_iter().map(|ask| ask.action).collect()
    }
}

fn pairs(text: &str) -> impl Iterator<Item = (String, String)> {
    let decode =
        |text: &str| percent_encoding::percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    text.split('&').filter_map(|pair| pair.split_once('=')).map(move |(name, value)| (decode(name), decode(value)))
}

#[async_trait]
impl Transport for Fake {
    async fn send(&self, request: Request<Bytes>) -> Reply {
        let body = String::from_utf8_lossy(request.body()).into_owned();
        let query = request.uri().query().unwrap_or_default();
        let parameters: BTreeMap<_, _> = pairs(&body).chain(pairs(query)).collect();
        let header = request.headers().get("x-acs-action").map(|value| value.to_str().expect("text").to_owned());
        let path = format!("{} {}", request.method(), request.uri().path());
        let action = header.or(parameters.get("Action").cloned()).unwrap_or(path);
        let ask = {
            let mut asks = self.asks.lock().expect("not poisoned");
            let nth = 1 + asks.iter().filter(|ask| ask.action == action).count();
            let (uri, headers) = (request.uri().to_string(), request.headers().clone());
            asks.push(Ask { action, nth, uri, headers, parameters });
            asks.last().expect("just pushed").clone()
        };
        // Others get their turn while this one waits for its answer; what has a time limit has to answer at once,
        // because here a limit is over as soon as it is looked at.
        if ask.headers.contains_key("x-acs-action") {
            tokio::task::yield_now().await;
        }
        match (self.script)(&ask) {
            Some(reply) => reply,
            None => std::future::pending().await,
        }
    }
}

fn status(status: u16, body: &str) -> Reply {
    Ok(Response::builder().status(status).body(Bytes::from(body.to_owned())).expect("a valid response"))
}

fn ok(body: &Value) -> Reply {
    status(200, &body.to_string())
}

fn refuse(code: &str, message: &str) -> Reply {
    status(400, &json!({ "Code": code, "Message": message, "RequestId": "R-1", "HostId": "sts" }).to_string())
}

fn caller_is(account: &str, arn: &str) -> Reply {
    let identity =
        json!({ "IdentityType": "RAMUser", "AccountId": account, "Arn": arn, "PrincipalId": "2715", "UserId": "2715" });
    ok(&identity)
}

fn credentials(key: &str, end: &str) -> Value {
    json!({
        "AccessKeyId": key, "AccessKeySecret": format!("hush-of-{key}"), "SecurityToken": format!("token-of-{key}"),
        "Expiration": end
    })
}

/// An answer of AssumeRole that is valid until `end`.
fn assumed(key: &str, end: &str) -> Reply {
    ok(&json!({ "RequestId": "R", "Credentials": credentials(key, end), "AssumedRoleUser": { "Arn": "…" } }))
}

/// The script with the account guard answered.
fn service(script: impl Fn(&Ask) -> Reply + Send + Sync + 'static) -> Arc<Fake> {
    Fake::new(move |ask| match ask.action.as_str() {
        "GetCallerIdentity" => Some(caller_is(ACCOUNT, ARN)),
        _ => Some(script(ask)),
    })
}

/// A service that only says whose key it is.
fn nothing_else() -> Arc<Fake> {
    service(|ask| Err(TransportError::NotSent(format!("{} was not expected", ask.action))))
}

/// Time that moves only when somebody sleeps.
struct FakeClock {
    now: Lock<Timestamp>,
    nonce: AtomicU64,
}

impl FakeClock {
    fn advance(&self, by: Duration) {
        *self.now.lock().expect("not poisoned") += jiff::SignedDuration::try_from(by).expect("a short time");
    }
}

#[async_trait]
impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().expect("not poisoned")
    }

    async fn sleep(&self, duration: Duration) {
        self.advance(duration);
    }

    fn nonce(&self) -> u64 {
        self.nonce.fetch_add(1, Ordering::SeqCst)
    }
}

/// Commands by their first word; `slow` never ends.
struct Commands(BTreeMap<&'static str, String>);

#[async_trait]
impl Run for Commands {
    async fn run(&self, words: &[String]) -> Result<Vec<u8>, String> {
        match words[0].as_str() {
            "slow" => std::future::pending().await,
            name => {
                self.0.get(name).map(|text| text.clone().into_bytes()).ok_or("it ends with exit status: 3".to_owned())
            }
        }
    }
}

/// A machine and a target, before they are connected.
struct Bench {
    home: tempfile::TempDir,
    target: Target,
    variables: BTreeMap<String, String>,
    commands: BTreeMap<&'static str, String>,
    fixed: Option<Key>,
    clock: Arc<FakeClock>,
    meter: Meter,
}

fn bench() -> Bench {
    let target = Target {
        name: "prod".to_owned(),
        place: At { file: "tenure.toml".into(), line: 3, column: 1 },
        cloud: Cloud::Alibaba,
        region: "cn-hangzhou".to_owned(),
        account: ACCOUNT.to_owned(),
        profile: None,
        role_arn: None,
        external_id: None,
        role_session_name: None,
        read_role_arn: None,
        access: Access::Account,
        language: None,
        use_fips: false,
        use_dualstack: false,
        undocumented_reads: false,
        endpoint: Endpoint::Cloud,
    };
    Bench {
        home: tempfile::tempdir().expect("a folder"),
        target,
        variables: BTreeMap::new(),
        commands: BTreeMap::new(),
        fixed: None,
        clock: Arc::new(FakeClock { now: Lock::new(NOW.parse().expect("a time")), nonce: AtomicU64::new(1) }),
        meter: Meter::new(),
    }
}

impl Bench {
    fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(format!("ALIBABA_CLOUD_{name}"), value.to_owned());
        self
    }

    fn environment_key(self) -> Self {
        self.set("ACCESS_KEY_ID", "env-id").set("ACCESS_KEY_SECRET", "env-hush")
    }

    fn file(self, path: &str, text: &str) -> Self {
        let path = self.home.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, text).expect("written");
        self
    }

    fn at_home(&self, path: &str) -> String {
        self.home.path().join(path).display().to_string()
    }

    fn profiles(self, profiles: &Value) -> Self {
        let current = profiles[0]["name"].clone();
        self.file(".aliyun/config.json", &json!({ "current": current, "profiles": profiles }).to_string())
    }

    fn profile(mut self, name: &str) -> Self {
        self.target.profile = Some(name.to_owned());
        self
    }

    fn target(mut self, change: impl FnOnce(&mut Target)) -> Self {
        change(&mut self.target);
        self
    }

    fn command(mut self, name: &'static str, output: &str) -> Self {
        self.commands.insert(name, output.to_owned());
        self
    }

    fn fixed(mut self) -> Self {
        let (id, hush) = ("fixed-id".to_owned(), "fixed-hush".to_owned());
        self.fixed = Some(Key { access_key_id: id, access_key_secret: hush, security_token: None });
        self
    }

    fn wallet(&self, fake: &Arc<Fake>) -> Wallet {
        let door = Door {
            target: Arc::new(self.target.clone()),
            transport: Arc::clone(fake) as Arc<dyn Transport>,
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            meter: self.meter.clone(),
            environment: Environment {
                variables: self.variables.clone(),
                home: Some(self.home.path().to_owned()),
                commands: Arc::new(Commands(self.commands.clone())),
            },
        };
        Wallet::new(door, self.fixed.clone())
    }

    /// Id, hush and token of the key that writes.
    fn key(&self, fake: &Arc<Fake>) -> (String, String, Option<String>) {
        let session = run(self.wallet(fake).session(Role::Writer)).expect("a key");
        let Key { access_key_id, access_key_secret, security_token } = session.key().clone();
        (access_key_id, access_key_secret, security_token)
    }

    fn problem(&self, fake: &Arc<Fake>) -> Problem {
        let problem = rejected(run(self.wallet(fake).session(Role::Writer)).map(drop).expect_err("no key"));
        assert_eq!(problem.kind, Kind::Access);
        assert_eq!(problem.place.as_ref().map(|place| place.line), Some(3));
        assert!(!problem.to_string().contains("hush"), "{problem}");
        problem
    }
}

fn rejected(error: ProviderError) -> Problem {
    match error {
        ProviderError::Rejected(problem) => problem,
        other => panic!("not rejected: {other:?}"),
    }
}

/// The same as [`Bench::key`] gives.
fn key(id: &str, hush: &str, token: Option<&str>) -> (String, String, Option<String>) {
    (id.to_owned(), hush.to_owned(), token.map(str::to_owned))
}

fn temporary(id: &str) -> (String, String, Option<String>) {
    key(id, &format!("hush-of-{id}"), Some(&format!("token-of-{id}")))
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

//! A scripted service and a clock that does not wait, for the tests of this provider.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Aws, Connect, FixedCredentials};
use crate::model::{Access, Cloud, Endpoint, Target};
use crate::problem::Place;
use crate::provider::meter::Meter;
use crate::seam::{Clock, Transport, TransportError};

pub(super) const ACCOUNT: &str = "123456789012";
pub(super) const ARN: &str = "arn:aws:iam::123456789012:role/Admin";

pub(super) type Reply = Result<Response<Bytes>, TransportError>;

/// One request as the service sees it.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) operation: String,
    /// How many requests of this operation there have been, this one included.
    pub(super) nth: u64,
    pub(super) uri: String,
    pub(super) headers: http::HeaderMap,
    /// The JSON body, or the form as an object.
    pub(super) body: Value,
}

impl Ask {
    pub(super) fn text(&self, member: &str) -> &str {
        self.body.get(member).and_then(Value::as_str).unwrap_or_default()
    }
}

type Script = Box<dyn Fn(&Ask) -> Reply + Send + Sync>;

pub(super) struct Fake {
    script: Script,
    asks: Mutex<Vec<Ask>>,
}

impl Fake {
    pub(super) fn new(script: impl Fn(&Ask) -> Reply + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Fake { script: Box::new(script), asks: Mutex::default() })
    }

    /// Everything that was asked, without the account guard.
    pub(super) fn asks(&self) -> Vec<Ask> {
        let asks = self.asks.lock().expect("not poisoned");
        asks.iter().filter(|ask| ask.operation != "GetCallerIdentity").cloned().collect()
    }

    pub(super) fn all(&self) -> Vec<Ask> {
        self.asks.lock().expect("not poisoned").clone()
    }

    /// The calls by operation, without the account guard.
    pub(super) fn calls(&self) -> BTreeMap<String, u64> {
        let mut calls = BTreeMap::new();
        for ask in self.asks() {
            *calls.entry(ask.operation).or_default() += 1;
        }
        calls
    }
}

#[async_trait]
impl Transport for Fake {
    async fn send(&self, request: Request<Bytes>) -> Reply {
        let text = String::from_utf8_lossy(request.body()).into_owned();
        let target = request.headers().get("x-amz-target").map(|value| value.to_str().expect("text").to_owned());
        let body = match &target {
            Some(_) => serde_json::from_str(&text).expect("a JSON body"),
            None => form(&text),
        };
        let operation = match target {
            Some(target) => target.rsplit('.').next().unwrap_or_default().to_owned(),
            None => body["Action"].as_str().unwrap_or_default().to_owned(),
        };
        let ask = {
            let mut asks = self.asks.lock().expect("not poisoned");
            let nth = 1 + asks.iter().filter(|ask| ask.operation == operation).count() as u64;
            let (uri, headers) = (request.uri().to_string(), request.headers().clone());
            asks.push(Ask { operation, nth, uri, headers, body });
            asks.last().expect("just pushed").clone()
        };
        (self.script)(&ask)
    }
}

fn form(text: &str) -> Value {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    pairs.map(|(key, value)| (key.to_owned(), Value::String(decode(value)))).collect::<serde_json::Map<_, _>>().into()
}

pub(super) fn ok(body: &Value) -> Reply {
    Ok(Response::new(Bytes::from(body.to_string())))
}

pub(super) fn status(status: u16, body: &str) -> Reply {
    Ok(Response::builder().status(status).body(Bytes::from(body.to_owned())).expect("a valid response"))
}

pub(super) fn refuse(code: &str, message: &str) -> Reply {
    status(400, &json!({ "__type": code, "Message": message }).to_string())
}

pub(super) fn xml(result: &str) -> Reply {
    status(200, result)
}

/// Whose account the credentials are of.
pub(super) fn caller_is(account: &str, arn: &str) -> Reply {
    xml(&format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
         <Arn>{arn}</Arn><UserId>AIDA</UserId><Account>{account}</Account></GetCallerIdentityResult>\
         </GetCallerIdentityResponse>"
    ))
}

/// The script with the account guard answered.
pub(super) fn service(script: impl Fn(&Ask) -> Reply + Send + Sync + 'static) -> Arc<Fake> {
    Fake::new(move |ask| match ask.operation.as_str() {
        "GetCallerIdentity" => caller_is(ACCOUNT, ARN),
        _ => script(ask),
    })
}

/// Time that moves only when somebody sleeps.
pub(super) struct FakeClock {
    now: Mutex<Timestamp>,
    nonce: AtomicU64,
    pub(super) sleeps: Mutex<Vec<Duration>>,
}

impl FakeClock {
    pub(super) fn new() -> Arc<Self> {
        let now = "2026-11-22T01:20:56Z".parse().expect("a time");
        Arc::new(FakeClock { now: Mutex::new(now), nonce: AtomicU64::new(1), sleeps: Mutex::default() })
    }

    pub(super) fn advance(&self, by: Duration) {
        let mut now = self.now.lock().expect("not poisoned");
        *now += jiff::SignedDuration::try_from(by).expect("a short time");
    }
}

#[async_trait]
impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().expect("not poisoned")
    }

    async fn sleep(&self, duration: Duration) {
        self.sleeps.lock().expect("not poisoned").push(duration);
        self.advance(duration);
    }

    fn nonce(&self) -> u64 {
        self.nonce.fetch_add(1, Ordering::SeqCst)
    }
}

pub(super) fn target() -> Target {
    Target {
        name: "prod".to_owned(),
        place: Place { file: "tenure.toml".into(), line: 3, column: 1 },
        cloud: Cloud::Aws,
        region: "eu-west-1".to_owned(),
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
    }
}

pub(super) fn fixed() -> FixedCredentials {
    FixedCredentials {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
        session_token: None,
    }
}

pub(super) struct Bench {
    pub(super) aws: Aws,
    pub(super) clock: Arc<FakeClock>,
    pub(super) meter: Meter,
}

/// A connection to a scripted service with a given key.
pub(super) fn bench(fake: &Arc<Fake>, change: impl FnOnce(&mut Target)) -> Bench {
    let mut target = target();
    change(&mut target);
    let (clock, meter) = (FakeClock::new(), meter());
    let aws = Aws::connect(Connect {
        target: &target,
        transport: Arc::clone(fake) as Arc<dyn Transport>,
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        meter: meter.clone(),
        cache: Arc::new(crate::seam::NoCache),
        world: None,
        fixed: Some(fixed()),
        parallelism: 8,
    });
    Bench { aws, clock, meter }
}

/// The same with profiles of a file instead of a given key.
pub(super) fn bench_of_profiles(fake: &Arc<Fake>, profiles: PathBuf, change: impl FnOnce(&mut Target)) -> Bench {
    #[expect(deprecated, reason = "see `Files`")]
    let kind = aws_config::profile::profile_file::ProfileFileKind::Config;
    let files = super::Files::builder().with_file(kind, profiles).build();
    let mut target = target();
    change(&mut target);
    let (clock, meter) = (FakeClock::new(), meter());
    let connect = Connect {
        target: &target,
        transport: Arc::clone(fake) as Arc<dyn Transport>,
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        meter: meter.clone(),
        cache: Arc::new(crate::seam::NoCache),
        world: None,
        fixed: None,
        parallelism: 8,
    };
    Bench { aws: Aws::connect_with(connect, Some(files)), clock, meter }
}

/// With TENURE_TEST_TRACE set, every request of these tests goes into that file, for `tests/clients/check_trace.py`.
fn meter() -> Meter {
    match std::env::var_os("TENURE_TEST_TRACE") {
        Some(path) => Meter::with_trace(std::path::Path::new(&path)).expect("a writable path"),
        None => Meter::new(),
    }
}

pub(super) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

#[test]
fn secrets_are_not_in_debug_output() {
    let text = format!("{:?}", fixed());
    assert!(text.contains("AKIDEXAMPLE") && !text.contains("wJalr"), "{text}");
}

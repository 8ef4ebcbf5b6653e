//! A scripted service, a clock that does not wait and a cache in memory, for the tests of this provider.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::credentials::Environment;
use super::{Alibaba, Connect, FixedCredentials};
use crate::model::{
    Access, Cloud, Endpoint, Operation, OperationState, Pending, ProvisionedProduct, Query, StepKind, Target,
};
use crate::problem::Place;
use crate::provider::meter::Meter;
use crate::seam::{Cache, Clock, Transport, TransportError};

pub(super) const ACCOUNT: &str = "1234567890123456";
pub(super) const ARN: &str = "acs:ram::1234567890123456:user/ops";

pub(super) type Reply = Result<Response<Bytes>, TransportError>;

/// One request as the service sees it.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) action: String,
    /// How many requests of this action there have been, this one included.
    pub(super) nth: u64,
    pub(super) uri: String,
    pub(super) headers: http::HeaderMap,
    pub(super) body: String,
    /// Query and form.
    pub(super) input: BTreeMap<String, String>,
}

impl Ask {
    pub(super) fn text(&self, name: &str) -> &str {
        self.input.get(name).map(String::as_str).unwrap_or_default()
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

    pub(super) fn all(&self) -> Vec<Ask> {
        self.asks.lock().expect("not poisoned").clone()
    }

    /// Everything that was asked, without the account guard.
    pub(super) fn asks(&self) -> Vec<Ask> {
        self.all().into_iter().filter(|ask| ask.action != "GetCallerIdentity").collect()
    }

    /// The calls by action, without the account guard.
    pub(super) fn calls(&self) -> BTreeMap<String, u64> {
        let mut calls = BTreeMap::new();
        for ask in self.asks() {
            *calls.entry(ask.action).or_default() += 1;
        }
        calls
    }
}

#[async_trait]
impl Transport for Fake {
    async fn send(&self, request: Request<Bytes>) -> Reply {
        let body = String::from_utf8(request.body().to_vec()).expect("text");
        let mut input = form(request.uri().query().unwrap_or_default());
        input.extend(form(&body));
        let ask = {
            let mut asks = self.asks.lock().expect("not poisoned");
            let action = request.headers()["x-acs-action"].to_str().expect("text").to_owned();
            let nth = 1 + asks.iter().filter(|ask| ask.action == action).count() as u64;
            let (uri, headers) = (request.uri().to_string(), request.headers().clone());
            asks.push(Ask { action, nth, uri, headers, body, input });
            asks.last().expect("just pushed").clone()
        };
        (self.script)(&ask)
    }
}

fn form(text: &str) -> BTreeMap<String, String> {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned()
    };
    text.split('&').filter_map(|pair| pair.split_once('=')).map(|(key, value)| (decode(key), decode(value))).collect()
}

pub(super) fn ok(body: &Value) -> Reply {
    status(200, &body.to_string())
}

pub(super) fn status(status: u16, body: &str) -> Reply {
    Ok(Response::builder().status(status).body(Bytes::from(body.to_owned())).expect("a valid response"))
}

pub(super) fn refuse(code: &str, message: &str) -> Reply {
    status(400, &json!({ "Code": code, "Message": message, "RequestId": "R-1", "HostId": "h" }).to_string())
}

pub(super) fn no_product() -> Reply {
    refuse("InvalidProvisionedProduct.NotFound", "The provisioned product does not exist.")
}

/// The script with the account guard answered.
pub(super) fn service(script: impl Fn(&Ask) -> Reply + Send + Sync + 'static) -> Arc<Fake> {
    Fake::new(move |ask| match ask.action.as_str() {
        "GetCallerIdentity" => ok(&json!({ "AccountId": ACCOUNT, "Arn": ARN, "IdentityType": "RAMUser" })),
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
    fn new() -> Arc<Self> {
        let now = "2026-01-02T03:04:05Z".parse().expect("a time");
        Arc::new(FakeClock { now: Mutex::new(now), nonce: AtomicU64::new(1), sleeps: Mutex::default() })
    }

    pub(super) fn advance(&self, by: Duration) {
        *self.now.lock().expect("not poisoned") += jiff::SignedDuration::try_from(by).expect("a short time");
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

/// A cache that outlives a connection.
#[derive(Default)]
pub(super) struct Files {
    pub(super) files: Mutex<BTreeMap<String, Vec<u8>>>,
    pub(super) writes: AtomicU64,
}

impl Cache for Files {
    fn read(&self, name: &str) -> Option<Vec<u8>> {
        self.files.lock().expect("not poisoned").get(name).cloned()
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        self.writes.fetch_add(1, Ordering::SeqCst);
        self.files.lock().expect("not poisoned").insert(name.to_owned(), bytes.to_vec());
    }
}

pub(super) fn target() -> Target {
    Target {
        name: "prod".to_owned(),
        place: Place { file: "tenure.toml".into(), line: 3, column: 1 },
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
    }
}

pub(super) struct Bench {
    pub(super) alibaba: Alibaba,
    pub(super) clock: Arc<FakeClock>,
    pub(super) meter: Meter,
}

/// A connection to a scripted service with a given key.
pub(super) fn bench(fake: &Arc<Fake>, change: impl FnOnce(&mut Target)) -> Bench {
    bench_with(fake, &Arc::default(), change)
}

/// The same with a cache that other connections have, too.
pub(super) fn bench_with(fake: &Arc<Fake>, files: &Arc<Files>, change: impl FnOnce(&mut Target)) -> Bench {
    let mut target = target();
    change(&mut target);
    let (clock, meter) = (FakeClock::new(), meter());
    let connect = Connect {
        target: &target,
        transport: Arc::clone(fake) as Arc<dyn Transport>,
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        meter: meter.clone(),
        cache: Arc::clone(files) as Arc<dyn Cache>,
        world: None,
        fixed: Some(FixedCredentials {
            access_key_id: "testid".to_owned(),
            secret_access_key: "testsecret".to_owned(),
            session_token: None,
        }),
        parallelism: 8,
    };
    let mut environment = Environment::of_process();
    environment.variables.clear();
    Bench { alibaba: Alibaba::connect_in(connect, environment), clock, meter }
}

/// With TENURE_TEST_TRACE set, every request of these tests goes into that file, to be held against the SDK's models.
fn meter() -> Meter {
    match std::env::var_os("TENURE_TEST_TRACE") {
        Some(path) => Meter::with_trace(std::path::Path::new(&path)).expect("a writable path"),
        None => Meter::new(),
    }
}

pub(super) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

pub(super) fn list() -> Query {
    Query { list: true, ..Query::default() }
}

/// A provisioned product as a list shows it: `pp-N` of `prod-1`, version `pv-1`, set by `task-N`.
pub(super) fn detail(number: usize) -> Value {
    json!({
        "CreateTime": "2025-01-02T03:04:05Z",
        "LastTaskId": format!("task-{number}"),
        "LastProvisioningTaskId": format!("task-{number}"),
        "LastSuccessfulProvisioningTaskId": format!("task-{number}"),
        "OwnerPrincipalId": "24477111603637",
        "OwnerPrincipalType": "RamUser",
        "PortfolioId": "port-1",
        "ProductId": "prod-1",
        "ProductName": "bucket",
        "ProductVersionId": "pv-1",
        "ProductVersionName": "1.0",
        "ProvisionedProductId": format!("pp-{number}"),
        "ProvisionedProductName": format!("name-{number}"),
        "ProvisionedProductType": "RosStack",
        "StackId": format!("stack-{number}"),
        "StackRegionId": "cn-beijing",
        "Status": "Available",
        "StatusMessage": "",
    })
}

/// The same with other members.
pub(super) fn detail_with(number: usize, members: Value) -> Value {
    merged(detail(number), members)
}

pub(super) fn merged(mut value: Value, members: Value) -> Value {
    let Value::Object(members) = members else { panic!("an object") };
    value.as_object_mut().expect("an object").extend(members);
    value
}

/// `count` products, in pages as they are asked for, or the one of a name.
pub(super) fn page(ask: &Ask, count: usize) -> Reply {
    let number: usize = ask.text("PageNumber").parse().expect("a number");
    let size: usize = ask.text("PageSize").parse().expect("a number");
    let name = ask.input.get("Filters.1.Value");
    let all: Vec<Value> =
        (0..count).filter(|n| name.is_none_or(|name| *name == format!("name-{n}"))).map(detail).collect();
    let shown: Vec<&Value> = all.iter().skip((number - 1) * size).take(size).collect();
    let count = all.len();
    ok(&json!({ "ProvisionedProductDetails": shown, "TotalCount": count, "PageNumber": number, "PageSize": size }))
}

/// The task of that id, which succeeded.
pub(super) fn task(id: &str) -> Value {
    json!({
        "TaskId": id,
        "TaskType": "LaunchProduct",
        "Status": "Succeeded",
        "PortfolioId": "port-1",
        "ProductId": "prod-1",
        "ProductVersionId": "pv-1",
        "ProvisionedProductId": id.replace("task-", "pp-"),
        "Parameters": [{ "ParameterKey": "Size", "ParameterValue": "3" }],
        "Outputs": [{ "OutputKey": "Name", "OutputValue": "bucket-of-it", "Description": "" }],
        "TaskTags": [{ "Key": "team", "Value": "net" }, { "Key": "acs:rm:rgId", "Value": "x" }],
        "UpdateTime": "2025-01-02T03:14:05Z",
    })
}

pub(super) fn template_of(body: &Value) -> Reply {
    ok(&json!({ "TemplateBody": body.to_string() }))
}

/// A template with a parameter of each sort.
pub(super) fn template() -> Reply {
    template_of(&json!({
        "ROSTemplateFormatVersion": "2015-09-01",
        "Parameters": {
            "Size": { "Type": "Number" },
            "Zone": { "Type": "String", "Default": "a" },
            "Password": { "Type": "String", "NoEcho": "true", "Default": "hunter2" },
        },
        "Outputs": { "Name": { "Value": "x" } },
    }))
}

/// A list of `count` products with their tasks and template.
pub(super) fn world(count: usize) -> Arc<Fake> {
    service(move |ask| match ask.action.as_str() {
        "ListProvisionedProducts" => page(ask, count),
        "GetTask" => ok(&json!({ "TaskDetail": task(ask.text("TaskId")) })),
        "GetTemplate" => template(),
        other => refuse("InvalidApi.NotFound", other),
    })
}

/// A product that was observed.
pub(super) fn product(value: Value) -> ProvisionedProduct {
    super::listing::product(serde_json::from_value(value).expect("a detail")).expect("a product")
}

pub(super) fn pending(kind: StepKind, id: &str, product: &str, after: Option<&str>) -> Pending {
    let operation = Operation {
        id: id.to_owned(),
        product_id: product.to_owned(),
        state: OperationState::Running,
        status: "Accepted".to_owned(),
        kind: String::new(),
        version_id: None,
        path_id: None,
        updated: None,
    };
    Pending { kind, operation, after: after.map(str::to_owned) }
}

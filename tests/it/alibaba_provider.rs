//! The Alibaba provider against the sandbox: everything that a run asks of a cloud, over the real signatures.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tenure::model::{
    Access, Argument, Cloud, Endpoint, Lookup, Observation, Operation, OperationState, Pending, Query, Request, Status,
    StepKind, Target, TemplateKey,
};
use tenure::problem::Place;
use tenure::provider::alibaba::Alibaba;
use tenure::provider::meter::Meter;
use tenure::provider::{Connect, FixedCredentials, Provider, ProviderError};
use tenure::sandbox::Sandbox;
use tenure::seam::Cache;

use crate::world::meter;

const ACCOUNT: &str = "1234567890123456";
const SEED: &str = r#"
seed = 5
[account."1234567890123456"]
provider = "alibaba"
regions = ["cn-hangzhou"]
[principal.admin]
arn = "acs:ram::1234567890123456:role/Admin"
id = "300000000000000001"
access_key_id = "LTAIadmin"
secret_access_key = "admin-secret"
[principal.boss]
arn = "acs:ram::1234567890123456:user/boss"
access_key_id = "LTAIboss"
secret_access_key = "boss-secret"
[portfolio.base]
account = "1234567890123456"
region = "cn-hangzhou"
name = "Base"
principals = ["admin", "boss"]
constraints = [
  { product = "guarded", type = "APPROVAL", operations = ["LaunchProduct", "UpdateProvisionedProduct", "TerminateProvisionedProduct"], approvers = ["boss"] },
]
[portfolio.shared]
account = "1234567890123456"
region = "cn-hangzhou"
name = "Shared"
principals = ["admin"]
[product.bucket]
name = "Bucket"
portfolios = ["base"]
[[product.bucket.version]]
name = "1"
template = "bucket.json"
duration = "90s"
[[product.bucket.version]]
name = "2"
template = "bucket.json"
duration = "90s"
[[product.bucket.version]]
name = "bad"
template = "bucket.json"
fail = "No capacity"
[product.guarded]
name = "Guarded"
portfolios = ["base"]
[[product.guarded.version]]
name = "1"
template = "bucket.json"
[[product.guarded.version]]
name = "2"
template = "bucket.json"
[product.module]
name = "Module"
portfolios = ["base", "shared"]
[[product.module.version]]
name = "1"
template = "module.json"
"#;

const BUCKET: &str = r#"{
  "ROSTemplateFormatVersion": "2015-09-01",
  "Parameters": {
    "Size": { "Type": "Number", "MinValue": 1, "MaxValue": 9 },
    "Zone": { "Type": "String", "Default": "a" },
    "Password": { "Type": "String", "NoEcho": true, "Default": "none" }
  },
  "Resources": { "Bucket": { "Type": "ALIYUN::OSS::Bucket", "Properties": { "BucketName": "b" } } },
  "Outputs": { "Size": { "Value": { "Ref": "Size" } } }
}"#;

const MODULE: &str = r#"{
  "ROSTemplateFormatVersion": "2015-09-01",
  "Transform": "Aliyun::Terraform-v1.1",
  "Workspace": { "main.tf": "variable \"name\" {\n  type = string\n}\noutput \"name\" {\n  value = var.name\n}\n" },
  "Outputs": {}
}"#;

#[derive(Default)]
struct Files(Mutex<BTreeMap<String, Vec<u8>>>);

impl Cache for Files {
    fn read(&self, name: &str) -> Option<Vec<u8>> {
        self.0.lock().unwrap().get(name).cloned()
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        self.0.lock().unwrap().insert(name.to_owned(), bytes.to_vec());
    }
}

struct Scene {
    _folder: TempDir,
    sandbox: Sandbox,
    files: Arc<Files>,
    provider: Alibaba,
    meter: Meter,
}

fn scene() -> Scene {
    scene_with("")
}

/// The same with faults.
fn scene_with(faults: &str) -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("sandbox.toml", &format!("{SEED}{faults}"));
    write("bucket.json", BUCKET);
    write("module.json", MODULE);
    let sandbox = Sandbox::open(&folder.path().join("sandbox.toml"), &folder.path().join("world")).unwrap();
    let files = Arc::default();
    let (provider, meter) = connect(&sandbox, &files);
    Scene { _folder: folder, sandbox, files, provider, meter }
}

fn connect(sandbox: &Sandbox, files: &Arc<Files>) -> (Alibaba, Meter) {
    let credentials = sandbox.credentials(ACCOUNT, Some("admin")).unwrap();
    let meter = meter();
    let target = target();
    let connect = Connect {
        target: &target,
        transport: sandbox.transport(),
        clock: sandbox.clock(),
        meter: meter.clone(),
        cache: Arc::clone(files) as Arc<dyn Cache>,
        world: Some(sandbox.identity()),
        fixed: Some(FixedCredentials {
            access_key_id: credentials.access_key_id,
            secret_access_key: credentials.secret_access_key,
            session_token: None,
        }),
        parallelism: 8,
    };
    (Alibaba::connect(connect), meter)
}

fn target() -> Target {
    Target {
        name: "prod".to_owned(),
        place: Place { file: "tenure.toml".into(), line: 1, column: 1 },
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
        endpoint: Endpoint::Sandbox { principal: Some("admin".to_owned()) },
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, Argument> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), Argument::Value((*value).to_owned()))).collect()
}

fn tags() -> BTreeMap<String, String> {
    BTreeMap::from([("team".to_owned(), "net".to_owned())])
}

fn one(text: &str) -> BTreeSet<String> {
    BTreeSet::from([text.to_owned()])
}

impl Scene {
    fn observe(&self, query: &Query) -> Observation {
        run(self.provider.observe(query)).unwrap()
    }

    fn list(&self) -> Observation {
        self.observe(&Query { list: true, ..Query::default() })
    }

    /// The id of a catalog product and of one of its versions.
    fn ids(&self, product: &str, version: &str) -> (String, String) {
        let seen = self.observe(&Query { products: one(product), ..Query::default() });
        let Lookup::Found(found) = &seen.catalog.products[product] else { panic!("{:?}", seen.catalog.products) };
        let version = found.versions.iter().find(|known| known.name == version).unwrap();
        (found.id.clone(), version.id.clone())
    }

    fn launch(&self, product: &str, version: &str, name: &str) -> Request {
        let (product_id, version_id) = self.ids(product, version);
        let parameters = values(&[("Size", "3"), ("Password", "canary-secret")]);
        let (name, path_id, stack_region) = (name.to_owned(), None, None);
        Request::Provision { name, product_id, version_id, path_id, stack_region, parameters, tags: tags() }
    }

    fn update(&self, id: &str, product: &str, version: &str, size: &str) -> Request {
        let (product_id, version_id) = self.ids(product, version);
        let parameters = values(&[("Size", size), ("Zone", "b"), ("Password", "canary-secret")]);
        Request::Update { id: id.to_owned(), product_id, version_id, path_id: None, parameters, tags: Some(tags()) }
    }

    fn submit(&self, request: &Request) -> Operation {
        run(self.provider.submit(request, &"7".repeat(64))).unwrap()
    }

    /// Polls until it has ended, as a run does.
    fn end(&self, kind: StepKind, operation: Operation, after: Option<String>) -> Operation {
        let mut pending = Pending { kind, operation, after };
        for _ in 0..1000 {
            pending.operation = run(self.provider.poll(&[pending.clone()])).unwrap().remove(0);
            if pending.operation.state != OperationState::Running {
                return pending.operation;
            }
            run(self.sandbox.clock().sleep(Duration::from_secs(5)));
        }
        panic!("it does not end: {pending:?}");
    }

    /// What somebody else sends, signed by hand (the steps are those of the gateway's documentation).
    fn as_boss(&self, action: &str, form: &str) -> String {
        let hash = hex::encode(Sha256::digest(form));
        let clock = self.sandbox.clock();
        let date = clock.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let nonce = format!("boss-{}", clock.nonce());
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("host", "servicecatalog.cn-hangzhou.aliyuncs.com"),
            ("x-acs-action", action),
            ("x-acs-content-sha256", &hash),
            ("x-acs-date", &date),
            ("x-acs-signature-nonce", &nonce),
            ("x-acs-version", "2021-09-01"),
        ];
        let names = headers.map(|(name, _)| name).join(";");
        let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let canonical = format!("POST\n/\n\n{lines}\n{names}\n{hash}");
        let text = format!("ACS3-HMAC-SHA256\n{}", hex::encode(Sha256::digest(canonical)));
        let mut mac = Hmac::<Sha256>::new_from_slice(b"boss-secret").unwrap();
        mac.update(text.as_bytes());
        let signature = hex::encode(mac.finalize().into_bytes());
        let mut request = http::Request::post("https://servicecatalog.cn-hangzhou.aliyuncs.com/").header(
            "authorization",
            format!("ACS3-HMAC-SHA256 Credential=LTAIboss,SignedHeaders={names},Signature={signature}"),
        );
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Bytes::from(form.to_owned())).unwrap();
        let answer = run(self.sandbox.transport().send(request)).unwrap();
        assert!(answer.status().is_success(), "{}", String::from_utf8_lossy(answer.body()));
        String::from_utf8(answer.into_body().to_vec()).unwrap()
    }
}

#[test]
fn a_product_from_launch_to_termination() {
    let scene = scene();
    let accepted = scene.submit(&scene.launch("Bucket", "1", "my bucket"));
    assert_eq!(accepted.id, "");
    let id = accepted.product_id.clone();
    let launched = scene.end(StepKind::Provision, accepted, None);
    assert_eq!(launched.state, OperationState::Succeeded, "{launched:?}");
    let product = scene.list().products[&id].clone();
    assert_eq!((product.name.as_str(), product.status), ("my bucket", Status::Available));
    assert_eq!(product.last_successful.as_deref(), Some(launched.id.as_str()));
    assert_eq!(product.owner.as_deref(), Some("role/300000000000000001"));
    assert_eq!(product.kind, "RosStack");

    let query = Query { parameters: vec![product.clone()], outputs: one(&id), ..Query::default() };
    let seen = scene.observe(&query);
    let live = &seen.parameters[&id];
    let shown: BTreeMap<_, _> =
        live.parameters.iter().map(|(k, v)| (k.as_str(), (v.value.as_str(), v.masked))).collect();
    assert_eq!(shown, BTreeMap::from([("Password", ("", true)), ("Size", ("3", false)), ("Zone", ("a", false))]));
    assert_eq!(live.tags, tags());
    assert_eq!(seen.outputs[&id]["Size"], "3");

    let accepted = scene.submit(&scene.update(&id, "Bucket", "2", "4"));
    let updated = scene.end(StepKind::Update, accepted, product.last_operation);
    assert_eq!(updated.state, OperationState::Succeeded, "{updated:?}");
    assert_ne!(updated.id, launched.id);
    assert_eq!(scene.observe(&Query { outputs: one(&id), ..Query::default() }).outputs[&id]["Size"], "4");
    let operations = BTreeSet::from([launched.id, updated.id.clone()]);
    let seen = scene.observe(&Query { operations, ..Query::default() });
    assert_eq!(seen.operations[&updated.id].kind, "UpdateProvisionedProduct");

    let accepted = scene.submit(&Request::Terminate { id: id.clone() });
    let gone = scene.end(StepKind::Terminate, accepted, Some(updated.id));
    assert_eq!(gone.state, OperationState::Succeeded, "{gone:?}");
    let seen = scene.observe(&Query { confirm: one(&id), names: one("my bucket"), ..Query::default() });
    assert!(seen.gone.contains(&id) && seen.products.is_empty());
    assert_eq!(scene.submit(&Request::Terminate { id }).state, OperationState::Succeeded);
    let kept = scene.files.0.lock().unwrap();
    assert!(kept.values().all(|bytes| !String::from_utf8_lossy(bytes).contains("canary-secret")));
}

#[test]
fn a_warm_plan_is_the_list() {
    let scene = scene();
    for number in 0..3 {
        let accepted = scene.submit(&scene.launch("Bucket", "1", &format!("b{number}")));
        scene.end(StepKind::Provision, accepted, None);
    }
    let plan = |provider: &Alibaba| {
        let listed = run(provider.observe(&Query { list: true, ..Query::default() })).unwrap();
        let parameters = listed.products.values().cloned().collect();
        run(provider.observe(&Query { parameters, ..Query::default() })).unwrap().parameters
    };
    let (cold, meter) = connect(&scene.sandbox, &scene.files);
    let first = plan(&cold);
    assert_eq!((first.len(), meter.calls()["GetTask"]), (3, 3));
    let (warm, meter) = connect(&scene.sandbox, &scene.files);
    assert_eq!(plan(&warm), first);
    let calls: Vec<_> = meter.calls().into_iter().collect();
    assert_eq!(calls, [("GetCallerIdentity".to_owned(), 1), ("ListProvisionedProducts".to_owned(), 1)]);
}

#[test]
fn several_at_once_are_polled_by_the_list() {
    let scene = scene();
    let mut running = Vec::new();
    for number in 0..4 {
        let operation = scene.submit(&scene.launch("Bucket", "1", &format!("b{number}")));
        running.push(Pending { kind: StepKind::Provision, operation, after: None });
    }
    assert_eq!(scene.list().products.len(), 4);
    let before = scene.meter.calls()["ListProvisionedProducts"];
    let now = run(scene.provider.poll(&running)).unwrap();
    assert!(now.iter().all(|operation| operation.state == OperationState::Running && !operation.id.is_empty()));
    let calls = scene.meter.calls();
    assert_eq!((calls["ListProvisionedProducts"] - before, calls.get("GetProvisionedProduct")), (1, None));
    for (pending, operation) in running.iter_mut().zip(now) {
        pending.operation = operation;
    }
    run(scene.sandbox.clock().sleep(Duration::from_secs(600)));
    let now = run(scene.provider.poll(&running)).unwrap();
    assert!(now.iter().all(|operation| operation.state == OperationState::Succeeded), "{now:?}");
}

#[test]
fn a_failure_is_told_and_what_ran_before_still_runs() {
    let scene = scene();
    let accepted = scene.submit(&scene.launch("Bucket", "1", "b"));
    let id = accepted.product_id.clone();
    let launched = scene.end(StepKind::Provision, accepted, None);
    let accepted = scene.submit(&scene.update(&id, "Bucket", "bad", "4"));
    let failed = scene.end(StepKind::Update, accepted, Some(launched.id.clone()));
    assert!(matches!(&failed.state, OperationState::Failed(text) if text.contains("No capacity")), "{failed:?}");
    let product = scene.list().products[&id].clone();
    assert_eq!((product.status, product.last_successful.as_ref()), (Status::Error, Some(&launched.id)));
    let seen = scene.observe(&Query { parameters: vec![product], ..Query::default() });
    assert_eq!(seen.parameters[&id].parameters["Size"].value, "3");
}

#[test]
fn a_launch_whose_answer_was_lost_is_found_by_its_name() {
    for (kind, arrived) in [("lost-reply", true), ("lost-request", false)] {
        let scene = scene_with(&format!("[[fault]]\noperation = \"LaunchProduct\"\nkind = \"{kind}\"\nat = [1]\n"));
        let request = scene.launch("Bucket", "1", "b");
        let error = run(scene.provider.submit(&request, "t")).unwrap_err();
        assert!(matches!(error, ProviderError::Unknown(_)), "{error:?}");
        let seen = scene.observe(&Query { names: one("b"), ..Query::default() });
        assert_eq!(seen.products.len(), usize::from(arrived), "{kind}");
        assert_eq!(scene.sandbox.calls()["LaunchProduct"], 1);
        let Some(product) = seen.products.values().next() else { continue };
        let found = Operation {
            id: product.last_operation.clone().unwrap(),
            product_id: product.id.clone(),
            state: OperationState::Running,
            status: String::new(),
            kind: String::new(),
            version_id: None,
            path_id: None,
            updated: None,
        };
        assert_eq!(scene.end(StepKind::Provision, found, None).state, OperationState::Succeeded);
    }
}

#[test]
fn throttling_takes_time_and_nothing_else() {
    let fault = |operation: &str| format!("[[fault]]\noperation = \"{operation}\"\nkind = \"throttle\"\nevery = 2\n");
    let scene = scene_with(&["GetTask", "ListProvisionedProducts", "GetProvisionedProduct"].map(fault).concat());
    let accepted = scene.submit(&scene.launch("Bucket", "1", "b"));
    let id = accepted.product_id.clone();
    assert_eq!(scene.end(StepKind::Provision, accepted, None).state, OperationState::Succeeded);
    let accepted = scene.submit(&scene.update(&id, "Bucket", "2", "4"));
    assert_eq!(scene.end(StepKind::Update, accepted, None).product_id, id);
    assert_eq!(scene.list().products.len(), 1);
    assert!(scene.meter.retries() > 0);
}

#[test]
fn the_catalog_its_templates_and_holders() {
    let scene = scene();
    let products = ["Bucket", "Guarded", "Module", "bucket"].map(str::to_owned).into();
    let principals = ["role/Admin", "user/nobody"].map(str::to_owned).into();
    let seen = scene.observe(&Query { products, principals, ..Query::default() });
    let found = |name: &str| match &seen.catalog.products[name] {
        Lookup::Found(product) => product.clone(),
        other => panic!("{other:?}"),
    };
    assert!(
        matches!(&seen.catalog.products["bucket"], Lookup::Missing { visible } if visible.contains(&"Bucket".to_owned()))
    );
    assert!(found("Bucket").default_path && found("Bucket").paths[0].approvals.is_empty());
    let guarded = BTreeSet::from([StepKind::Provision, StepKind::Update, StepKind::Terminate]);
    assert_eq!(found("Guarded").paths[0].approvals, guarded);
    let module = found("Module");
    assert_eq!((module.default_path, module.paths.len()), (false, 2));
    assert_eq!(seen.principals["role/Admin"].as_deref(), Some("role/300000000000000001"));
    assert_eq!(seen.principals["user/nobody"], None);

    let key = |product: &tenure::model::CatalogProduct| TemplateKey {
        product_id: product.id.clone(),
        version_id: product.versions[0].id.clone(),
        path_id: None,
    };
    let (bucket, module) = (key(&found("Bucket")), key(&module));
    let seen = scene.observe(&Query { templates: [bucket.clone(), module.clone()].into(), ..Query::default() });
    let size = &seen.catalog.templates[&bucket].parameters["Size"];
    assert_eq!((size.kind.as_str(), size.min_value, size.max_value), ("Number", Some(1.0), Some(9.0)));
    assert!(seen.catalog.templates[&bucket].parameters["Password"].no_echo);
    let name = &seen.catalog.templates[&module].parameters["name"];
    assert_eq!((name.kind.as_str(), &name.default), ("String", &None));
    assert_eq!(seen.catalog.templates[&module].outputs, Some(one("name")));
}

impl Scene {
    fn hand_in(&self, change: &Request, supersedes: Option<&str>, token: &str) -> Operation {
        let change = Box::new(change.clone());
        let request = Request::Prepare { change, supersedes: supersedes.map(str::to_owned) };
        let operation = run(self.provider.submit(&request, token)).unwrap();
        assert_eq!((operation.kind.as_str(), &operation.state), (Operation::PREPARATION, &OperationState::Running));
        let waiting = self.end(StepKind::Prepare, operation, None);
        assert_eq!(waiting.state, OperationState::Waiting("boss".to_owned()), "{waiting:?}");
        let found = self.observe(&Query { preparations: one(token), ..Query::default() });
        assert_eq!(found.operations[token].id, waiting.id);
        waiting
    }

    /// Hands a change in, has it approved, and carries it out.
    fn approved(&self, change: Request, token: &str, after: Option<String>) -> Operation {
        let waiting = self.hand_in(&change, None, token);
        let plan = waiting.id.clone();
        self.as_boss("ApproveProvisionedProductPlan", &format!("ApprovalAction=Approve&PlanId={plan}"));
        let ready = self.end(StepKind::Prepare, waiting, after.clone());
        assert_eq!(ready.state, OperationState::Succeeded, "{ready:?}");
        let request = Request::Execute { change: Box::new(change), preparation: plan.clone() };
        let running = run(self.provider.submit(&request, token)).unwrap();
        assert_eq!((running.kind.as_str(), &running.state), (Operation::EXECUTION, &OperationState::Running));
        let seen = self.observe(&Query { operations: one(&plan), ..Query::default() });
        assert_eq!(seen.operations[&plan].kind, Operation::EXECUTION);
        let ended = self.end(StepKind::Execute, running, after);
        assert_eq!(ended.state, OperationState::Succeeded, "{ended:?}");
        ended
    }
}

#[test]
fn a_launch_an_update_and_a_termination_with_approval() {
    let scene = scene();
    let launched = scene.approved(scene.launch("Guarded", "1", "g"), "first", None);
    let product = scene.list().products.into_values().next().unwrap();
    let id = product.id.clone();
    assert_eq!((&launched.product_id, Some(&launched.id)), (&id, product.last_operation.as_ref()));
    let updated = scene.approved(scene.update(&id, "Guarded", "2", "5"), "second", product.last_operation);
    let product = scene.list().products.into_values().next().unwrap();
    assert_eq!((Some(&updated.id), product.status), (product.last_successful.as_ref(), Status::Available));
    let seen = scene.observe(&Query { parameters: vec![product.clone()], ..Query::default() });
    assert_eq!(seen.parameters[&id].parameters["Size"].value, "5");
    scene.approved(Request::Terminate { id: id.clone() }, "third", product.last_operation);
    assert!(scene.observe(&Query { confirm: one(&id), ..Query::default() }).gone.contains(&id));
}

#[test]
fn a_change_that_is_rejected_and_one_that_is_replaced() {
    let scene = scene();
    let launched = scene.approved(scene.launch("Guarded", "1", "g"), "first", None);
    let id = launched.product_id;
    let change = scene.update(&id, "Guarded", "2", "5");
    let waiting = scene.hand_in(&change, None, "second");
    let answer = format!("ApprovalAction=Reject&Comment=too+large&PlanId={}", waiting.id);
    scene.as_boss("ApproveProvisionedProductPlan", &answer);
    let rejected = scene.end(StepKind::Prepare, waiting.clone(), None);
    assert_eq!(rejected.state, OperationState::Failed("rejected by boss: too large".to_owned()));
    // What has ended need not be cancelled, and what waits is.
    let second = scene.hand_in(&change, Some(&waiting.id), "third");
    let third = scene.hand_in(&scene.update(&id, "Guarded", "2", "2"), Some(&second.id), "fourth");
    let operations = BTreeSet::from([second.id.clone(), third.id.clone()]);
    let seen = scene.observe(&Query { operations, ..Query::default() }).operations;
    assert!(
        matches!(&seen[&second.id].state, OperationState::Failed(text) if text.starts_with("cancelled")),
        "{seen:?}"
    );
    assert!(matches!(seen[&third.id].state, OperationState::Waiting(_)));
}

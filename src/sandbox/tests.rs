//! The sandbox as its clients in this process meet it. What the AWS dialect answers is checked from outside as well, by
//! `tests/clients/aws_sandbox.py`.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::Sandbox;
use super::aws::sigv4;
use crate::seam::TransportError;

const SEED: &str = r#"
seed = 3
[account."123456789012"]
provider = "aws"
regions = ["eu-west-1"]
[principal.admin]
arn = "arn:aws:iam::123456789012:role/Admin"
access_key_id = "AKIAADMIN"
secret_access_key = "secret"
[portfolio.networking]
account = "123456789012"
principals = ["admin"]
constraints = [{ product = "vpc", type = "RESOURCE_UPDATE" }]
[product.vpc]
name = "VPC baseline"
portfolios = ["networking"]
[[product.vpc.version]]
name = "1"
template = "vpc.json"
duration = "90s"
[provisioned_product.network]
product = "vpc"
version = "1"
owner = "arn:aws:iam::123456789012:role/PlatformTeam"
parameters = { CidrBlock = "10.0.0.0/16", Secret = "canary-in-the-mine" }
"#;

const TEMPLATE: &str = r#"{
  "Parameters": {
    "CidrBlock": { "Type": "String" },
    "Secret": { "Type": "String", "NoEcho": true, "Default": "x" }
  },
  "Resources": { "Vpc": { "Type": "AWS::EC2::VPC" } },
  "Outputs": { "Cidr": { "Value": { "Ref": "CidrBlock" } } }
}"#;

struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new(seed: &str) -> Bench {
        let bench = Bench { folder: tempfile::tempdir().expect("a folder") };
        bench.write("sandbox.toml", seed);
        bench.write("vpc.json", TEMPLATE);
        bench
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).expect("writable");
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn open(&self) -> Sandbox {
        self.try_open().expect("a sandbox")
    }

    fn try_open(&self) -> Result<Sandbox, crate::problem::Problem> {
        Sandbox::open(&self.folder.path().join("sandbox.toml"), &self.state())
    }

    fn journal(&self) -> PathBuf {
        let files = fs::read_dir(self.state()).expect("a folder");
        let mut files: Vec<PathBuf> = files.map(|f| f.expect("a file").path()).collect();
        files.retain(|f| f.extension().is_some_and(|e| e == "jsonl"));
        assert_eq!(files.len(), 1, "{files:?}");
        files.remove(0)
    }
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

fn try_call(sandbox: &Sandbox, operation: &str, body: &Value) -> Result<(u16, Value), TransportError> {
    let time = sandbox.clock().now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let mut request = http::Request::post("https://servicecatalog.eu-west-1.amazonaws.com/")
        .header("host", "servicecatalog.eu-west-1.amazonaws.com")
        .header("x-amz-date", &time)
        .header("x-amz-target", format!("AWS242ServiceCatalogService.{operation}"))
        .body(Bytes::from(body.to_string()))
        .expect("a request");
    sigv4::sign(&mut request, "AKIAADMIN", "secret", "servicecatalog", &time);
    let response = wait(sandbox.transport().send(request))?;
    let body = serde_json::from_slice(response.body()).expect("JSON");
    Ok((response.status().as_u16(), body))
}

fn call(sandbox: &Sandbox, operation: &str, body: &Value) -> Value {
    let (status, answer) = try_call(sandbox, operation, body).expect("an answer");
    assert_eq!(status, 200, "{operation}: {answer}");
    answer
}

fn sleep(sandbox: &Sandbox, seconds: u64) {
    wait(sandbox.clock().sleep(Duration::from_secs(seconds)));
}

fn network(sandbox: &Sandbox) -> Value {
    let found = call(sandbox, "SearchProvisionedProducts", &json!({ "SortBy": "name" }));
    found["ProvisionedProducts"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|p| p["Name"] == "network")
        .cloned()
        .expect("it")
}

fn own(sandbox: &Sandbox, role: &str, token: &str) -> Result<(u16, Value), TransportError> {
    let owner = format!("arn:aws:iam::123456789012:role/{role}");
    let id = network(sandbox)["Id"].clone();
    let body = json!({ "ProvisionedProductId": id, "ProvisionedProductProperties": { "OWNER": owner }, "IdempotencyToken": token });
    try_call(sandbox, "UpdateProvisionedProductProperties", &body)
}

fn owner(sandbox: &Sandbox) -> String {
    network(sandbox)["UserArn"].as_str().and_then(|arn| arn.rsplit('/').next()).expect("an owner").to_owned()
}

fn update(sandbox: &Sandbox, cidr: &str) {
    let product = network(sandbox);
    let parameters = json!([{ "Key": "CidrBlock", "Value": cidr }, { "Key": "Secret", "UsePreviousValue": true }]);
    let body = json!({
        "ProvisionedProductId": product["Id"], "ProvisioningArtifactName": "1",
        "ProvisioningParameters": parameters, "UpdateToken": cidr.replace(['.', '/'], "-"),
    });
    call(sandbox, "UpdateProvisionedProduct", &body);
}

#[test]
fn reading_and_waiting_leave_no_trace() {
    let bench = Bench::new(SEED);
    let sandbox = bench.open();
    network(&sandbox);
    sleep(&sandbox, 1_000_000);
    assert!(!bench.state().exists());
}

#[test]
fn a_write_survives_and_its_end_follows_in_the_same_process() {
    let bench = Bench::new(SEED);
    let sandbox = bench.open();
    update(&sandbox, "10.1.0.0/16");
    assert_eq!(network(&sandbox)["Status"], "UNDER_CHANGE");
    sleep(&sandbox, 90);
    drop(sandbox);
    assert_eq!(network(&bench.open())["Status"], "AVAILABLE");
}

#[test]
fn an_end_that_only_a_reader_saw_is_forgotten_unless_it_is_kept() {
    let bench = Bench::new(SEED);
    update(&bench.open(), "10.1.0.0/16");
    let before = fs::read(bench.journal()).expect("a journal");
    let reader = bench.open();
    sleep(&reader, 90);
    assert_eq!(network(&reader)["Status"], "AVAILABLE");
    drop(reader);
    assert_eq!(fs::read(bench.journal()).expect("a journal"), before);
    let keeper = bench.open();
    assert_eq!(network(&keeper)["Status"], "UNDER_CHANGE");
    keeper.keep_settlements();
    sleep(&keeper, 90);
    drop(keeper);
    assert_eq!(network(&bench.open())["Status"], "AVAILABLE");
}

#[test]
fn a_journal_cut_anywhere_in_its_last_lines_is_a_world_before_them() {
    let bench = Bench::new(SEED);
    let sandbox = bench.open();
    own(&sandbox, "One", "t1").expect("done");
    sleep(&sandbox, 5);
    own(&sandbox, "Two", "t2").expect("done");
    sleep(&sandbox, 5);
    drop(sandbox);
    let path = bench.journal();
    let whole = fs::read(&path).expect("a journal");
    let lines: Vec<usize> = whole.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(at, _)| at + 1).collect();
    assert_eq!(lines.len(), 4);
    for length in lines[1]..=whole.len() {
        fs::write(&path, &whole[..length]).expect("writable");
        let expected = if length == whole.len() { "Two" } else { "One" };
        assert_eq!(owner(&bench.open()), expected, "cut at {length}");
    }
    // And the next writer goes on from there.
    fs::write(&path, &whole[..lines[2] + 7]).expect("writable");
    let sandbox = bench.open();
    sleep(&sandbox, 5);
    own(&sandbox, "Three", "t3").expect("done");
    sleep(&sandbox, 5);
    drop(sandbox);
    assert_eq!(owner(&bench.open()), "Three");
}

#[test]
fn damage_elsewhere_is_said_with_the_way_out() {
    let bench = Bench::new(SEED);
    let sandbox = bench.open();
    own(&sandbox, "One", "t1").expect("done");
    sleep(&sandbox, 5);
    drop(sandbox);
    let snapshot = bench.state().join("snapshot-1.json");
    for path in [bench.journal(), snapshot] {
        let whole = fs::read(&path).expect("a file");
        let mut damaged = whole.clone();
        damaged[40] ^= 1;
        fs::write(&path, &damaged).expect("writable");
        let problem = bench.try_open().err().expect("a problem");
        assert!(problem.message.contains(&path.display().to_string()), "{problem}");
        assert!(problem.hint.as_deref().is_some_and(|hint| hint.contains("rm -r")), "{problem}");
        fs::write(&path, &whole).expect("writable");
    }
    assert_eq!(owner(&bench.open()), "One");
}

#[test]
fn there_is_one_writer_at_a_time_and_it_sees_what_others_did() {
    let bench = Bench::new(SEED);
    let (one, two) = (bench.open(), bench.open());
    own(&one, "One", "t1").expect("done");
    sleep(&one, 5);
    assert!(matches!(own(&two, "Two", "t2"), Err(TransportError::NotSent(_))));
    drop(one);
    assert_eq!(owner(&two), "PlatformTeam");
    own(&two, "Two", "t2").expect("done");
    assert_eq!(owner(&two), "One");
    sleep(&two, 5);
    assert_eq!(owner(&two), "Two");
}

#[test]
fn a_journal_that_has_grown_becomes_a_snapshot() {
    let bench = Bench::new(SEED);
    let sandbox = bench.open();
    for round in 0..40 {
        own(&sandbox, &format!("Role{round}"), &format!("t{round}")).expect("done");
        sleep(&sandbox, 5);
    }
    drop(sandbox);
    assert!(!bench.state().join("snapshot-1.json").exists());
    let sandbox = bench.open();
    assert_eq!(owner(&sandbox), "Role39");
    let history = json!({ "AccessLevelFilter": { "Key": "Account", "Value": "self" } });
    assert_eq!(call(&sandbox, "ListRecordHistory", &history)["RecordDetails"].as_array().map(Vec::len), Some(20));
}

#[test]
fn nothing_on_disk_can_be_read_that_noecho_hides() {
    let bench = Bench::new(SEED);
    let sandbox = bench.open();
    update(&sandbox, "10.1.0.0/16");
    sleep(&sandbox, 90);
    for file in fs::read_dir(bench.state()).expect("a folder") {
        let bytes = fs::read(file.expect("a file").path()).expect("readable");
        assert!(!String::from_utf8_lossy(&bytes).contains("canary-in-the-mine"));
    }
}

#[test]
fn a_changed_seed_is_said_and_a_changed_fault_is_not() {
    let bench = Bench::new(SEED);
    own(&bench.open(), "One", "t1").expect("done");
    assert_eq!(bench.open().warning(), None);
    bench.write(
        "sandbox.toml",
        &format!("{SEED}\n# a comment\n[[fault]]\noperation = \"*\"\nkind = \"error\"\nat = [1]\n"),
    );
    let sandbox = bench.open();
    assert_eq!(sandbox.warning(), None);
    let (status, _) = try_call(&sandbox, "ScanProvisionedProducts", &json!({})).expect("an answer");
    assert_eq!(status, 500);
    bench.write("sandbox.toml", &SEED.replace("VPC baseline", "VPC"));
    assert!(bench.open().warning().is_some_and(|warning| warning.contains("rm -r")));
    bench.write("sandbox.toml", SEED);
    bench.write("vpc.json", &TEMPLATE.replace("\"Cidr\"", "\"Block\""));
    assert!(bench.open().warning().is_some());
}

#[test]
fn lost_replies_were_done_and_lost_requests_were_not() {
    for (kind, done) in [("lost-reply", true), ("lost-request", false)] {
        let fault =
            format!("[[fault]]\noperation = \"UpdateProvisionedProductProperties\"\nkind = \"{kind}\"\nat = [1]\n");
        let bench = Bench::new(&format!("{SEED}\n{fault}"));
        let sandbox = bench.open();
        assert!(matches!(own(&sandbox, "One", "t1"), Err(TransportError::Lost(_))));
        sleep(&sandbox, 5);
        assert_eq!(owner(&sandbox) == "One", done, "{kind}");
        // The same token again is answered in both cases, and done once.
        own(&sandbox, "One", "t1").expect("an answer");
        assert_eq!(sandbox.calls()["UpdateProvisionedProductProperties"], 2);
    }
}

#[test]
fn other_faults_do_as_they_say() {
    let rule = |kind: &str, rest: &str| {
        format!("[[fault]]\noperation = \"UpdateProvisionedProduct\"\nkind = \"{kind}\"\nevery = 1\n{rest}\n")
    };
    let bench = Bench::new(&format!("{SEED}\n{}{}", rule("delay", "seconds = 60"), rule("fail", "")));
    let sandbox = bench.open();
    let begun = sandbox.clock().now();
    update(&sandbox, "10.1.0.0/16");
    assert_eq!(sandbox.clock().now().duration_since(begun).as_secs(), 60);
    sleep(&sandbox, 90);
    assert_eq!(network(&sandbox)["Status"], "TAINTED");
}

#[test]
fn wrong_seeds_are_refused_with_their_place() {
    let problem = |seed: &str| Bench::new(seed).try_open().err().expect("a problem");
    let unknown = problem(&SEED.replace("portfolios = [\"networking\"]", "portfolios = [\"networkin\"]"));
    assert_eq!(unknown.hint.as_deref(), Some("did you mean `networking`?"));
    assert!(unknown.place.is_some_and(|place| place.line > 15));
    let key = problem(&SEED.replace("duration =", "duratoin ="));
    assert_eq!(
        (key.message.as_str(), key.hint.as_deref()),
        ("unknown key `duratoin`", Some("did you mean `duration`?"))
    );
    assert!(key.place.is_some());
    for (from, to) in [
        ("\"90s\"", "\"90 parsecs\""),
        ("version = \"1\"\nowner", "version = \"9\"\nowner"),
        ("\"vpc.json\"", "\"vcp.json\""),
        ("CidrBlock = ", "Cidr = "),
        ("provider = \"aws\"", "provider = \"azure\""),
        ("role/PlatformTeam", "group/PlatformTeam"),
        ("seed = 3", "seed = 3\nstart = \"soon\""),
    ] {
        let changed = SEED.replace(from, to);
        assert_ne!(changed, SEED, "{from}");
        assert!(problem(&changed).place.is_some(), "{to}");
    }
}

#[test]
fn ids_do_not_depend_on_the_rest_of_the_seed() {
    let more = SEED.replace("[provisioned_product.network]", "[provisioned_product.another]\nproduct = \"vpc\"\nversion = \"1\"\nowner = \"arn:aws:iam::123456789012:user/x\"\nparameters = { CidrBlock = \"10.0.0.0/8\" }\n[provisioned_product.network]");
    let (one, two) = (Bench::new(SEED).open(), Bench::new(&more).open());
    for field in ["Id", "LastRecordId", "ProductId", "ProvisioningArtifactId", "PhysicalId"] {
        assert_eq!(network(&one)[field], network(&two)[field], "{field}");
    }
}

#[test]
fn credentials_are_those_of_admin_or_of_the_only_one() {
    let sandbox = Bench::new(SEED).open();
    assert_eq!(sandbox.credentials("123456789012", None).expect("admin").access_key_id, "AKIAADMIN");
    assert!(sandbox.credentials("123456789012", Some("bob")).is_err());
    assert!(sandbox.credentials("999999999999", None).is_err());
}

#[test]
fn nonces_of_two_runs_differ() {
    let bench = Bench::new(SEED);
    let (one, two) = (bench.open().clock(), bench.open().clock());
    let nonces: std::collections::BTreeSet<u64> = (0..100).flat_map(|_| [one.nonce(), two.nonce()]).collect();
    assert_eq!(nonces.len(), 200);
}

//! Seeds, faults, and the world on disk and at its end.

use std::fs;

use serde_json::{Value, json};

use super::{Bench, Client, SEED, text};
use crate::seam::TransportError;

fn network(client: &Client<'_>) -> Value {
    let all = client.call("ListProvisionedProducts", &[("AccessLevelFilter", "Account"), ("SortOrder", "Asc")]);
    all["ProvisionedProductDetails"][0].clone()
}

#[test]
fn seeded_instances_have_owners_tasks_and_regions() {
    let bench = Bench::new();
    let sandbox = bench.open();
    let admin = bench.client(&sandbox, "admin");
    let instance = network(&admin);
    assert_eq!(instance["ProvisionedProductName"], "network");
    assert_eq!(
        (&instance["OwnerPrincipalType"], &instance["OwnerPrincipalId"]),
        (&json!("RamRole"), &json!("300000000000000009"))
    );
    assert_eq!((&instance["StackRegionId"], &instance["Status"]), (&json!("cn-shanghai"), &json!("Available")));
    let task = admin.task(&text(&instance["LastSuccessfulProvisioningTaskId"]));
    assert_eq!(
        (&task["TaskType"], &task["Parameters"][1]["ParameterValue"]),
        (&json!("LaunchProduct"), &json!("******"))
    );
    assert_eq!(task["TaskTags"], json!([{ "Key": "team", "Value": "network" }]));
    assert_eq!(task["Outputs"][0]["OutputValue"], "10.0.0.0/16");
}

#[test]
fn owners_are_written_in_every_way() {
    for (owner, kind, id) in [
        ("user/42", "RamUser", "42"),
        ("user/alice", "RamUser", "200000000000000002"),
        ("role/Dba", "RamRole", "300000000000000009"),
        ("acs:ram::1234567890123456:role/Admin", "RamRole", "300000000000000001"),
    ] {
        let bench = Bench::of(&SEED.replace("role/300000000000000009", owner));
        let sandbox = bench.open();
        let instance = network(&bench.client(&sandbox, "admin"));
        assert_eq!((&instance["OwnerPrincipalType"], &instance["OwnerPrincipalId"]), (&json!(kind), &json!(id)));
    }
}

#[test]
fn seeded_statuses_and_equal_names() {
    let more = |key: &str, status: &str| {
        format!(
            "[provisioned_product.{key}]\nname = \"twin\"\nproduct = \"vpc\"\nversion = \"1\"\nowner = \"user/1\"\nparameters = {{ CidrBlock = \"10.0.0.0/8\" }}\nstatus = \"{status}\"\n"
        )
    };
    let seed = [SEED, &more("a", "Error"), &more("b", "Tainted"), &more("c", "UnderChange"), &more("d", "Available")];
    let bench = Bench::of(&seed.concat());
    let sandbox = bench.open();
    let admin = bench.client(&sandbox, "admin");
    let twins =
        [("AccessLevelFilter", "Account"), ("Filters.1.Key", "ProvisionedProductName"), ("Filters.1.Value", "TWIN")];
    let all = admin.call("ListProvisionedProducts", &twins)["ProvisionedProductDetails"].clone();
    let mut told: Vec<(String, bool, bool)> = all
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| {
            let succeeded = one["LastSuccessfulProvisioningTaskId"].is_string();
            (text(&one["Status"]), succeeded, one["StackId"].is_string())
        })
        .collect();
    told.sort();
    let told: Vec<(&str, bool, bool)> = told.iter().map(|(status, a, b)| (status.as_str(), *a, *b)).collect();
    assert_eq!(
        told,
        [("Available", true, true), ("Error", false, false), ("Error", true, true), ("UnderChange", true, true)]
    );
}

#[test]
fn wrong_seeds_are_refused_with_their_place() {
    for (from, to, said) in [
        ("\"1234567890123456\"]", "\"123456789012345\"]", "sixteen digits"),
        ("id = \"300000000000000001\"", "id = \"3x\"", "digits"),
        ("id = \"300000000000000001\"", "id = \"300000000000000009\"", "two users or roles"),
        ("role/Admin\"\nid", "group/Admin\"\nid", "ARN of a RAM role or user"),
        ("1234567890123456:role/Dba", "1234567890123457:role/Dba", "not in the seed"),
        (
            "access_key_id = \"AKIAADMIN\"",
            "id = \"3\"\naccess_key_id = \"AKIAADMIN\"",
            "only principals of Alibaba Cloud",
        ),
        ("access = \"user\"\n[principal.boss]", "access = \"role\"\n[principal.boss]", "\"account\" or \"user\""),
        ("approvers = [\"boss\"]", "approvers = [\"bos\"]", "no principal `bos`"),
        (", approvers = [\"boss\"]", "", "needs `operations` and `approvers`"),
        ("\"LaunchProduct\"]", "\"LaunchProducts\"]", "no operation `LaunchProducts`"),
        ("type = \"STACK_REGION\", regions = [\"cn-shanghai\"]", "type = \"STACK_REGION\"", "needs `regions`"),
        (
            "type = \"STACK_REGION\", regions = [\"cn-shanghai\"]",
            "type = \"RESOURCE_UPDATE\"",
            "Alibaba Cloud's constraints",
        ),
        ("name = \"Terraform\"", "name = \"Terraform\"\ntype = \"CFN_STACK\"", "ROS_STACK"),
        ("template = \"terraform.json\"", "template = \"aws.json\"", "ROSTemplateFormatVersion"),
        (
            "template = \"terraform.json\"",
            "template = \"terraform.json\"\nduration = \"2562047788015h\"",
            "at most a year",
        ),
        ("owner = \"role/300000000000000009\"", "owner = \"role/Nobody\"", "no number"),
        ("owner = \"role/300000000000000009\"", "owner = \"group/1\"", "`owner` is"),
        ("owner = \"role/300000000000000009\"", "owner = \"acs:ram::1234567890123457:role/x\"", "another account"),
        ("stack_region = \"cn-shanghai\"", "status = \"AVAILABEL\"", "`status` is one of"),
    ] {
        let changed = SEED.replacen(from, to, 1);
        assert_ne!(changed, SEED, "{from}");
        let bench = Bench::of(&changed);
        bench.write("aws.json", r#"{ "Resources": { "A": { "Type": "AWS::S3::Bucket" } } }"#);
        let problem = bench.try_open().err().unwrap_or_else(|| panic!("{to} is accepted"));
        assert!(problem.message.contains(said), "{to}: {problem}");
        assert!(problem.place.is_some(), "{to}: {problem}");
    }
}

fn fault(operation: &str, kind: &str) -> Bench {
    Bench::of(&format!("{SEED}[[fault]]\noperation = \"{operation}\"\nkind = \"{kind}\"\nat = [1]\nseconds = 60\n"))
}

fn try_launch(admin: &Client<'_>, name: &str) -> Result<super::Said, TransportError> {
    let (product, version) = (admin.product("VPC baseline"), admin.version("VPC baseline", "1"));
    let parameters = [
        ("ProductId", product.as_str()),
        ("ProductVersionId", &version),
        ("ProvisionedProductName", name),
        ("StackRegionId", "cn-shanghai"),
        ("Parameters.1.ParameterKey", "CidrBlock"),
        ("Parameters.1.ParameterValue", "10.0.0.0/8"),
    ];
    admin.try_send(admin.request("2021-09-01", "LaunchProduct", &parameters, true))
}

#[test]
fn faults_strike_in_this_dialect_too() {
    for (kind, status, code) in [("throttle", 400, "Throttling.User"), ("error", 503, "ServiceUnavailable")] {
        let bench = fault("LaunchProduct", kind);
        let sandbox = bench.open();
        let admin = bench.client(&sandbox, "admin");
        let request = admin.request("2021-09-01", "LaunchProduct", &[], true);
        let response = super::wait(sandbox.transport().send(request)).expect("an answer");
        let body: Value = serde_json::from_slice(response.body()).expect("JSON");
        assert_eq!((response.status().as_u16(), &body["Code"]), (status, &json!(code)));
        let waits = response.headers().get("x-acs-retry-after").and_then(|value| value.to_str().ok());
        assert_eq!(waits, (kind == "throttle").then_some("1000"));
        assert_eq!(try_launch(&admin, "n").expect("an answer").0, 200);
        assert_eq!(sandbox.calls()["LaunchProduct"], 2);
    }
    for (kind, done) in [("lost-reply", 1), ("lost-request", 0)] {
        let bench = fault("LaunchProduct", kind);
        let sandbox = bench.open();
        let admin = bench.client(&sandbox, "admin");
        assert!(matches!(try_launch(&admin, "n"), Err(TransportError::Lost(_))));
        assert_eq!(admin.call("ListProvisionedProducts", &[])["TotalCount"], done, "{kind}");
    }
    let bench = fault("LaunchProduct", "fail");
    let sandbox = bench.open();
    let admin = bench.client(&sandbox, "admin");
    let id = text(&try_launch(&admin, "n").expect("an answer").1["ProvisionedProductId"]);
    admin.sleep(90);
    assert_eq!(admin.instance(&id)["Status"], "Error");
    let bench = fault("ListRegions", "delay");
    let sandbox = bench.open();
    let (admin, begun) = (bench.client(&sandbox, "admin"), sandbox.clock().now());
    admin.call("ListRegions", &[]);
    assert_eq!(sandbox.clock().now().duration_since(begun).as_secs(), 60);
}

#[test]
fn everything_survives_and_secrets_are_not_kept() {
    let bench = Bench::new();
    let sandbox = bench.open();
    let admin = bench.client(&sandbox, "admin");
    let id = admin.launched("one");
    let (product, version) = (admin.product("guarded"), admin.version("guarded", "1"));
    let plan = [
        ("PlanName", "p"),
        ("PlanType", "Ros"),
        ("ProductId", product.as_str()),
        ("ProductVersionId", &version),
        ("ProvisionedProductName", "g"),
        ("StackRegionId", "cn-shanghai"),
        ("Parameters.1.ParameterKey", "CidrBlock"),
        ("Parameters.1.ParameterValue", "10.0.0.0/8"),
        ("Parameters.2.ParameterKey", "Secret"),
        ("Parameters.2.ParameterValue", "canary-in-the-mine"),
    ];
    let plan = text(&admin.call("CreateProvisionedProductPlan", &plan)["PlanId"]);
    admin.sleep(10);
    let all = |client: &Client<'_>| {
        let task = client.instance(&id)["LastTaskId"].clone();
        let mut told = vec![
            client.call("ListProvisionedProducts", &[("AccessLevelFilter", "Account")]),
            client.call("ListTasks", &[("ProvisionedProductId", &id)]),
            client.task(&text(&task)),
            client.call("GetProvisionedProductPlan", &[("PlanId", &plan)]),
        ];
        told.iter_mut().for_each(|value| value["RequestId"] = Value::Null);
        told
    };
    let before = all(&admin);
    assert_eq!(before[3]["PlanDetail"]["Status"], "ApplicationInProgress");
    drop(sandbox);
    let sandbox = bench.open();
    assert_eq!(all(&bench.client(&sandbox, "admin")), before);
    for file in fs::read_dir(bench.path().join("state")).expect("a folder") {
        let bytes = fs::read(file.expect("a file").path()).expect("readable");
        assert!(!String::from_utf8_lossy(&bytes).contains("canary-in-the-mine"));
    }
    // A plan that is deleted stays deleted.
    let admin = bench.client(&sandbox, "admin");
    admin.call("DeleteProvisionedProductPlan", &[("PlanId", &plan)]);
    drop(sandbox);
    let sandbox = bench.open();
    let refused = bench.client(&sandbox, "admin").refused("GetProvisionedProductPlan", &[("PlanId", &plan)]);
    assert_eq!(refused, (404, "InvalidPlan.NotFound".into()));
}

#[test]
fn a_world_has_an_identity_of_its_own_once_it_is_on_disk() {
    let bench = Bench::new();
    let begin = || {
        let sandbox = bench.open();
        let fresh = sandbox.identity();
        bench.client(&sandbox, "admin").launched("one");
        assert_ne!(sandbox.identity(), fresh);
        assert!(sandbox.identity().starts_with(&fresh));
        sandbox.identity()
    };
    assert_eq!(bench.open().identity(), bench.open().identity());
    let one = begin();
    assert_eq!(bench.open().identity(), one);
    // It stays the same when a new snapshot is written.
    let sandbox = bench.open();
    let admin = bench.client(&sandbox, "admin");
    for number in 0..30 {
        admin.launched(&format!("n{number}"));
    }
    assert!(!bench.path().join("state").join("snapshot-1.json").exists());
    assert_eq!((sandbox.identity(), bench.open().identity()), (one.clone(), one.clone()));
    drop(sandbox);
    fs::remove_dir_all(bench.path().join("state")).expect("it goes");
    assert_ne!(begin(), one);
}

#[test]
fn at_the_end_of_time_operations_end() {
    let bench = Bench::of(&format!("start = \"9999-12-30T21:59:00Z\"\n{SEED}"));
    let sandbox = bench.open();
    let admin = bench.client(&sandbox, "admin");
    let id = admin.launched("one");
    assert_eq!(sandbox.clock().now().to_string(), "9999-12-30T22:00:00Z");
    assert_eq!(admin.instance(&id)["Status"], "Available");
    admin.sleep(u64::MAX / 2);
    assert_eq!(sandbox.clock().now().to_string(), "9999-12-30T22:00:00Z");
    admin.call("TerminateProvisionedProduct", &[("ProvisionedProductId", &id)]);
    admin.sleep(1);
    assert_eq!(admin.refused("GetProvisionedProduct", &[("ProvisionedProductId", &id)]).0, 404);
}

#[test]
fn many_instances_are_listed_page_by_page() {
    let mut seed = SEED.to_owned();
    for number in 0..500 {
        seed.push_str(&format!(
            "[provisioned_product.p{number}]\nproduct = \"vpc\"\nversion = \"1\"\nowner = \"user/{}\"\nparameters = {{ CidrBlock = \"10.0.0.0/8\" }}\n",
            number % 2
        ));
    }
    let bench = Bench::of(&seed);
    let sandbox = bench.open();
    let admin = bench.client(&sandbox, "admin");
    for order in ["Asc", "Desc"] {
        let (mut ids, mut times) = (std::collections::BTreeSet::new(), Vec::new());
        for page in 1..=6 {
            let page = page.to_string();
            let asked =
                [("AccessLevelFilter", "Account"), ("PageSize", "100"), ("PageNumber", &page), ("SortOrder", order)];
            let found = admin.call("ListProvisionedProducts", &asked);
            assert_eq!(found["TotalCount"], 501);
            for one in found["ProvisionedProductDetails"].as_array().expect("a list") {
                ids.insert(text(&one["ProvisionedProductId"]));
                times.push(text(&one["CreateTime"]));
            }
        }
        assert_eq!((ids.len(), times.len()), (501, 501));
        if order == "Desc" {
            times.reverse();
        }
        assert!(times.is_sorted());
    }
}

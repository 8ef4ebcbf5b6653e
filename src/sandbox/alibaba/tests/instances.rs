//! Launch, update, terminate; lists and tasks; what is refused.

use serde_json::{Value, json};

use super::{Bench, Client, Pairs, text};

const FIELDS: [&str; 18] = [
    "CreateTime",
    "LastProvisioningTaskId",
    "LastSuccessfulProvisioningTaskId",
    "LastTaskId",
    "OwnerPrincipalId",
    "OwnerPrincipalType",
    "PortfolioId",
    "ProductId",
    "ProductName",
    "ProductVersionId",
    "ProductVersionName",
    "ProvisionedProductArn",
    "ProvisionedProductId",
    "ProvisionedProductName",
    "ProvisionedProductType",
    "StackId",
    "StackRegionId",
    "Status",
];

#[test]
fn a_launch_has_a_task_and_its_reply_has_not() {
    let bench = Bench::new();
    let sandbox = bench.open();
    let admin = bench.client(&sandbox, "admin");
    let (product, version) = (admin.product("VPC baseline"), admin.version("VPC baseline", "1"));
    let reply = admin.call(
        "LaunchProduct",
        &[
            ("ProductId", &product),
            ("ProductVersionId", &version),
            ("ProvisionedProductName", "实例 one"),
            ("StackRegionId", "cn-shanghai"),
            ("Parameters.1.ParameterKey", "CidrBlock"),
            ("Parameters.1.ParameterValue", "10.0.0.0/8"),
            ("Parameters.2.ParameterKey", "Secret"),
            ("Parameters.2.ParameterValue", "canary-in-the-mine"),
            ("Tags.1.Key", "team"),
            ("Tags.1.Value", ""),
        ],
    );
    let keys: Vec<&String> = reply.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["ProvisionedProductId", "RequestId"]);
    let id = text(&reply["ProvisionedProductId"]);
    let begun = admin.instance(&id);
    assert_eq!((&begun["Status"], &begun["StackId"]), (&json!("UnderChange"), &Value::Null));
    let task = admin.task(&text(&begun["LastTaskId"]));
    assert_eq!((&task["TaskType"], &task["Status"]), (&json!("LaunchProduct"), &json!("InProgress")));
    admin.sleep(90);
    let done = admin.instance(&id);
    let mut fields: Vec<&str> = done.as_object().expect("an object").keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(fields, FIELDS);
    assert_eq!(done["Status"], "Available");
    assert_eq!(done["OwnerPrincipalId"], "300000000000000001");
    assert_eq!(done["OwnerPrincipalType"], "RamRole");
    let arn = format!("acs:servicecatalog:cn-hangzhou:1234567890123456:provisionedproduct/{id}");
    assert_eq!(done["ProvisionedProductArn"], arn.as_str());
    assert_eq!(done["CreateTime"], "2026-01-05T09:00:00Z");
    let task = admin.task(&text(&done["LastSuccessfulProvisioningTaskId"]));
    assert_eq!(task["Status"], "Succeeded");
    // Only what was entered, and nothing of a secret.
    assert_eq!(
        task["Parameters"],
        json!([
            { "ParameterKey": "CidrBlock", "ParameterValue": "10.0.0.0/8" },
            { "ParameterKey": "Secret", "ParameterValue": "******" },
        ])
    );
    assert_eq!(task["TaskTags"], json!([{ "Key": "team", "Value": "" }]));
    assert_eq!(
        task["Outputs"][0],
        json!({ "OutputKey": "Cidr", "OutputValue": "10.0.0.0/8", "Description": "the block" })
    );
    assert_eq!(task["Outputs"][2]["OutputValue"], "cn-shanghai/2");
    assert!(text(&task["Outputs"][1]["OutputValue"]).starts_with("vpc-"));
    assert_eq!(task["UpdateTime"], "2026-01-05T09:01:30Z");
    let whole = admin.call("GetProvisionedProductForResourceSpec", &[("ProvisionedProductId", &id)]);
    for member in ["Parameters", "Outputs", "TaskTags"] {
        assert_eq!(whole["ProvisionedProductDetail"][member], task[member]);
    }
}

/// Update of an instance to a version of the VPC with some parameters more.
fn update(client: &Client<'_>, id: &str, version: &str, more: &[(&str, &str)]) -> (u16, Value) {
    let (product, version) = (client.product("VPC baseline"), client.version("VPC baseline", version));
    let mut all = vec![("ProvisionedProductId", id), ("ProductId", &product), ("ProductVersionId", &version)];
    all.extend(more);
    client.ask("UpdateProvisionedProduct", &all)
}

const BLOCK: [(&str, &str); 2] =
    [("Parameters.1.ParameterKey", "CidrBlock"), ("Parameters.1.ParameterValue", "10.0.0.0/8")];

#[test]
fn an_update_needs_a_version_or_a_parameter() {
    let bench = Bench::new();
    let sandbox = bench.open();
    let admin = bench.client(&sandbox, "admin");
    let id = admin.launched("one");
    let first = text(&admin.instance(&id)["LastTaskId"]);
    let (status, refusal) =
        update(&admin, &id, "1", &[&BLOCK[..], &[("Tags.1.Key", "a"), ("Tags.1.Value", "b")]].concat());
    assert_eq!((status, &refusal["Code"]), (400, &json!("InvalidParameter.NotChanged")));
    assert_eq!(admin.instance(&id)["LastTaskId"], first.as_str());
    let (status, reply) = update(&admin, &id, "2", &BLOCK);
    assert_eq!((status, &reply["ProvisionedProductId"]), (200, &json!(id)));
    // Nothing more while it is under change.
    assert_eq!(update(&admin, &id, "1", &BLOCK).1["Code"], "InvalidProvisionedProduct.UnderChange");
    let refused = admin.refused("TerminateProvisionedProduct", &[("ProvisionedProductId", &id)]);
    assert_eq!(refused.1, "InvalidProvisionedProduct.UnderChange");
    admin.sleep(90);
    let done = admin.instance(&id);
    assert_eq!(done["ProductVersionName"], "2");
    let task = admin.task(&text(&done["LastTaskId"]));
    assert_eq!(task["TaskType"], "UpdateProvisionedProduct");
    // Tags that were left out stay.
    assert_eq!(task["TaskTags"], json!([{ "Key": "team", "Value": "red" }]));
    assert_eq!(task["Outputs"][1]["OutputValue"], "a-4");
    // A parameter that is left out keeps its value.
    let more = [("Parameters.2.ParameterKey", "Size"), ("Parameters.2.ParameterValue", "7")];
    assert_eq!(update(&admin, &id, "2", &[&BLOCK[..], &more].concat()).0, 200);
    admin.sleep(90);
    assert_eq!(update(&admin, &id, "2", &BLOCK).1["Code"], "InvalidParameter.NotChanged");
    let tasks = admin.call("ListTasks", &[("ProvisionedProductId", &id), ("PageSize", "3"), ("SortOrder", "Asc")]);
    assert_eq!((&tasks["TotalCount"], &tasks["PageNumber"], &tasks["PageSize"]), (&json!(3), &json!(1), &json!(3)));
    assert_eq!(tasks["TaskDetails"][0]["TaskId"], first.as_str());
    assert_eq!(tasks["TaskDetails"][0]["TaskTags"], Value::Null);
}

#[test]
fn a_failed_update_leaves_error_and_the_old_stack() {
    let bench = Bench::new();
    let sandbox = bench.open();
    let admin = bench.client(&sandbox, "admin");
    let id = admin.launched("one");
    let before = admin.instance(&id);
    assert_eq!(update(&admin, &id, "bad", &BLOCK).0, 200);
    admin.sleep(60);
    let after = admin.instance(&id);
    assert_eq!((&after["Status"], &after["StatusMessage"]), (&json!("Error"), &json!("No capacity")));
    for same in ["StackId", "ProductVersionId", "LastSuccessfulProvisioningTaskId"] {
        assert_eq!(after[same], before[same], "{same}");
    }
    let task = admin.task(&text(&after["LastTaskId"]));
    assert_eq!((&task["Status"], &task["StatusMessage"]), (&json!("Failed"), &json!("No capacity")));
    // From Error, the same again is accepted.
    assert_eq!(update(&admin, &id, "1", &BLOCK).0, 200);
    admin.sleep(90);
    assert_eq!(admin.instance(&id)["Status"], "Available");
    // A launch role that cannot do its work fails the task of a launch.
    let (product, version) = (admin.product("broken"), admin.version("broken", "1"));
    let launch = [
        ("ProductId", product.as_str()),
        ("ProductVersionId", &version),
        ("ProvisionedProductName", "x"),
        ("StackRegionId", "cn-beijing"),
    ];
    let id = text(&admin.call("LaunchProduct", &[&launch[..], &BLOCK].concat())["ProvisionedProductId"]);
    admin.sleep(60);
    assert_eq!(admin.instance(&id)["Status"], "Error");
}

#[test]
fn a_termination_ends_at_not_found_and_its_task_can_be_read() {
    let bench = Bench::new();
    let sandbox = bench.open();
    let admin = bench.client(&sandbox, "admin");
    let id = admin.launched("one");
    let reply = admin.call("TerminateProvisionedProduct", &[("ProvisionedProductId", &id)]);
    assert_eq!(reply.as_object().map(serde_json::Map::len), Some(1));
    let task = text(&admin.instance(&id)["LastTaskId"]);
    admin.sleep(90);
    let gone = admin.refused("GetProvisionedProduct", &[("ProvisionedProductId", &id)]);
    assert_eq!(gone, (404, "InvalidProvisionedProduct.NotFound".into()));
    assert_eq!(admin.task(&task)["Status"], "Succeeded");
    assert_eq!(admin.call("ListTasks", &[("ProvisionedProductId", &id)])["TotalCount"], 2);
    assert_eq!(admin.call("ListProvisionedProducts", &[("AccessLevelFilter", "Account")])["TotalCount"], 1);
}

#[test]
fn lists_are_paged_filtered_and_ordered_by_creation() {
    let bench = Bench::new();
    let sandbox = bench.open();
    let (admin, alice) = (bench.client(&sandbox, "admin"), bench.client(&sandbox, "alice"));
    for name in ["Demo", "demo", "other"] {
        admin.launched(name);
    }
    let list = |client: &Client<'_>, more: &[(&str, &str)]| {
        let all = client.call("ListProvisionedProducts", more);
        let details = all["ProvisionedProductDetails"].as_array().expect("a list").clone();
        let names: Vec<String> = details.iter().map(|d| text(&d["ProvisionedProductName"])).collect();
        (names, all["TotalCount"].as_u64().expect("a number"))
    };
    assert_eq!(list(&admin, &[]), (vec!["other".into(), "demo".into(), "Demo".into()], 3));
    let account = [("AccessLevelFilter", "Account"), ("SortBy", "CreateTime"), ("SortOrder", "Asc")];
    assert_eq!(list(&admin, &account).0, ["network", "Demo", "demo", "other"]);
    let second = [&account[..], &[("PageNumber", "2"), ("PageSize", "3")]].concat();
    assert_eq!(list(&admin, &second), (vec!["other".into()], 4));
    let third = [&account[..], &[("PageNumber", "9")]].concat();
    assert_eq!(list(&admin, &third), (vec![], 4));
    let named = [&account[..], &[("Filters.1.Key", "ProvisionedProductName"), ("Filters.1.Value", "DEMO")]].concat();
    assert_eq!(list(&admin, &named), (vec!["Demo".into(), "demo".into()], 2));
    let searched = [&account[..], &[("Filters.1.Key", "FullTextSearch"), ("Filters.1.Value", "E")]].concat();
    assert_eq!(list(&admin, &searched).1, 4);
    assert_eq!(list(&alice, &[]).1, 0);
    alice.launched("hers");
    assert_eq!(list(&alice, &[]), (vec!["hers".into()], 1));
    assert_eq!(list(&admin, &[]).1, 3);
    assert_eq!(alice.refused("ListProvisionedProducts", &account), (403, "NoPermission".into()));
    for wrong in [
        ("PageSize", "0"),
        ("PageSize", "101"),
        ("PageNumber", "0"),
        ("PageNumber", "x"),
        ("SortBy", "Name"),
        ("SortOrder", "asc"),
        ("AccessLevelFilter", "Role"),
    ] {
        let (status, code) = admin.refused("ListProvisionedProducts", &[wrong]);
        assert_eq!((status, code), (400, format!("Invalid{}", wrong.0)), "{wrong:?}");
    }
    let by_id = [("Filters.1.Key", "ProvisionedProductId"), ("Filters.1.Value", "pp-1")];
    assert_eq!(admin.refused("ListProvisionedProducts", &by_id).1, "InvalidFilters");
}

#[test]
fn what_is_somebody_elses_is_not_there_for_an_end_user() {
    let bench = Bench::new();
    let sandbox = bench.open();
    let (admin, alice) = (bench.client(&sandbox, "admin"), bench.client(&sandbox, "alice"));
    let id = admin.launched("one");
    let task = text(&admin.instance(&id)["LastTaskId"]);
    for action in ["GetProvisionedProduct", "TerminateProvisionedProduct", "ListTasks"] {
        let refused = alice.refused(action, &[("ProvisionedProductId", &id)]);
        assert_eq!(refused, (404, "InvalidProvisionedProduct.NotFound".into()), "{action}");
    }
    assert_eq!(alice.refused("GetTask", &[("TaskId", &task)]), (404, "InvalidTask.NotFound".into()));
}

/// The code with which a launch is refused that would be accepted but for these changes; `-` leaves one out.
fn refused_launch(admin: &Client<'_>, changes: Pairs<'_>) -> String {
    let (product, version) = (admin.product("VPC baseline"), admin.version("VPC baseline", "1"));
    let mut all: std::collections::BTreeMap<&str, &str> = [
        ("ProductId", product.as_str()),
        ("ProductVersionId", &version),
        ("ProvisionedProductName", "n"),
        ("StackRegionId", "cn-shanghai"),
    ]
    .into_iter()
    .chain(BLOCK)
    .collect();
    all.extend(changes.iter().copied());
    all.retain(|_, value| *value != "-");
    admin.refused("LaunchProduct", &all.into_iter().collect::<Vec<_>>()).1
}

#[test]
fn documented_refusals() {
    let bench = Bench::new();
    let sandbox = bench.open();
    let admin = bench.client(&sandbox, "admin");
    let (pinned, pinned_version) = (admin.product("pinned"), admin.version("pinned", "1"));
    let (terraform, terraform_version) = (admin.product("Terraform"), admin.version("Terraform", "1"));
    let long = "x".repeat(129);
    let refused = |changes: Pairs<'_>| refused_launch(&admin, changes);
    for name in ["ProductId", "ProductVersionId", "ProvisionedProductName", "StackRegionId"] {
        assert_eq!(refused(&[(name, "-")]), format!("Missing{name}"));
    }
    assert_eq!(refused(&[("ProvisionedProductName", &long)]), "InvalidProvisionedProductName");
    assert_eq!(refused(&[("ProductId", "prod-x")]), "InvalidProduct.NotFound");
    assert_eq!(refused(&[("ProductVersionId", "pv-x")]), "InvalidProductVersion.NotFound");
    let old = admin.version("VPC baseline", "old");
    assert_eq!(refused(&[("ProductVersionId", &old)]), "InvalidProductVersion.NotFound");
    assert_eq!(refused(&[("PortfolioId", "port-x")]), "InvalidPortfolio.NotFound");
    assert_eq!(refused(&[("StackRegionId", "Shanghai")]), "InvalidStackRegionId");
    let elsewhere =
        [("ProductId", pinned.as_str()), ("ProductVersionId", &pinned_version), ("StackRegionId", "cn-beijing")];
    assert_eq!(refused(&elsewhere), "InvalidStackRegionId");
    let several = [("ProductId", terraform.as_str()), ("ProductVersionId", &terraform_version)];
    assert_eq!(refused(&several), "MissingPortfolioId");
    assert_eq!(
        refused(&[("Parameters.2.ParameterKey", "Nope"), ("Parameters.2.ParameterValue", "1")]),
        "InvalidParameter"
    );
    assert_eq!(refused(&[("Parameters.1.ParameterKey", "-")]), "MissingParameters.1.ParameterKey");
    assert_eq!(refused(&[("Parameters.1.ParameterValue", "-")]), "MissingParameters.1.ParameterValue");
    assert_eq!(
        refused(&[("Parameters.2.ParameterKey", "CidrBlock"), ("Parameters.2.ParameterValue", "1")]),
        "InvalidParameters"
    );
    // And nothing of all that was done.
    assert_eq!(admin.call("ListProvisionedProducts", &[])["TotalCount"], 0);
}

#[test]
fn tags_and_parameters_have_limits() {
    let bench = Bench::new();
    let sandbox = bench.open();
    let admin = bench.client(&sandbox, "admin");
    let long = "x".repeat(129);
    let refused = |changes: Pairs<'_>| refused_launch(&admin, changes);
    for key in [&long, "http://x", "a https://x", "acs:x", "aliyun", "aliyun-x"] {
        assert_eq!(refused(&[("Tags.1.Key", key), ("Tags.1.Value", "v")]), "InvalidTags.1.Key", "{key}");
    }
    for value in [&long, "see http://x", "acs:x"] {
        assert_eq!(refused(&[("Tags.1.Key", "k"), ("Tags.1.Value", value)]), "InvalidTags.1.Value", "{value}");
    }
    let twice = [("Tags.1.Key", "k"), ("Tags.1.Value", "v"), ("Tags.2.Key", "k"), ("Tags.2.Value", "w")];
    assert_eq!(refused(&twice), "InvalidTags.2.Key");
    for (list, [key, value], most, code) in [
        ("Tags", ["Key", "Value"], 20, "InvalidTags"),
        ("Parameters", ["ParameterKey", "ParameterValue"], 200, "InvalidParameters"),
    ] {
        let many: Vec<(String, String)> = (1..=most + 1)
            .flat_map(|n| [(format!("{list}.{n}.{key}"), format!("k{n}")), (format!("{list}.{n}.{value}"), "v".into())])
            .collect();
        let many: Vec<(&str, &str)> = many.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(refused(&many), code);
    }
}

#[test]
fn a_value_against_a_rule_fails_the_task_and_not_the_request() {
    let bench = Bench::new();
    let sandbox = bench.open();
    let admin = bench.client(&sandbox, "admin");
    let (product, version) = (admin.product("VPC baseline"), admin.version("VPC baseline", "1"));
    let (status, reply) = admin.ask(
        "LaunchProduct",
        &[
            ("ProductId", &product),
            ("ProductVersionId", &version),
            ("ProvisionedProductName", "n"),
            ("StackRegionId", "cn-shanghai"),
            BLOCK[0],
            ("Parameters.1.ParameterValue", "ten"),
        ],
    );
    assert_eq!(status, 200);
    admin.sleep(90);
    let failed = admin.instance(&text(&reply["ProvisionedProductId"]));
    assert_eq!(failed["Status"], "Error");
    assert!(text(&failed["StatusMessage"]).contains("must match pattern"), "{failed}");
}

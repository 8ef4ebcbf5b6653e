//! Plans: preview, approval, execution.

use serde_json::{Value, json};

use super::{Bench, Client, text};

const BLOCK: [(&str, &str); 2] =
    [("Parameters.1.ParameterKey", "CidrBlock"), ("Parameters.1.ParameterValue", "10.0.0.0/8")];

/// Creates a plan for `product` at `version` and `name`; the plan's and the instance's id.
fn plan(client: &Client<'_>, [product, version, name]: [&str; 3], more: &[(&str, &str)]) -> (String, String) {
    let (product, version) = (client.product(product), client.version(product, version));
    let mut all = vec![
        ("PlanName", "my plan"),
        ("PlanType", "Ros"),
        ("ProductId", &product),
        ("ProductVersionId", &version),
        ("ProvisionedProductName", name),
        ("StackRegionId", "cn-shanghai"),
    ];
    all.extend(BLOCK);
    all.extend(more);
    let reply = client.call("CreateProvisionedProductPlan", &all);
    (text(&reply["PlanId"]), text(&reply["ProvisionedProductId"]))
}

fn whole(client: &Client<'_>, id: &str) -> Value {
    client.call("GetProvisionedProductPlan", &[("PlanId", id)])
}

fn status(client: &Client<'_>, id: &str) -> String {
    text(&whole(client, id)["PlanDetail"]["Status"])
}

#[test]
fn a_launch_is_previewed_and_executed() {
    let bench = Bench::new();
    let sandbox = bench.open();
    let admin = bench.client(&sandbox, "admin");
    let more = [("Description", "why"), ("Tags.1.Key", "team"), ("Tags.1.Value", "red")];
    let (id, instance) = plan(&admin, ["VPC baseline", "2", "one"], &more);
    assert_eq!(status(&admin, &id), "PreviewInProgress");
    assert_eq!(whole(&admin, &id)["ResourceChanges"], json!([]));
    let early = admin.refused("ExecuteProvisionedProductPlan", &[("PlanId", &id)]);
    assert_eq!(early, (400, "InvalidPlan.Status".into()));
    admin.sleep(10);
    let found = whole(&admin, &id);
    let detail = &found["PlanDetail"];
    for (field, value) in [
        ("Status", json!("PreviewSuccess")),
        ("PlanName", json!("my plan")),
        ("PlanType", json!("Ros")),
        ("Description", json!("why")),
        ("OperationType", json!("LaunchProduct")),
        ("OwnerPrincipalId", json!("300000000000000001")),
        ("OwnerPrincipalName", json!("Admin")),
        ("OwnerPrincipalType", json!("RamRole")),
        ("Uid", json!("1234567890123456")),
        ("ProvisionedProductId", json!(instance)),
        ("StackRegionId", json!("cn-shanghai")),
        ("Parameters", json!([{ "ParameterKey": "CidrBlock", "ParameterValue": "10.0.0.0/8" }])),
        ("Tags", json!([{ "Key": "team", "Value": "red" }])),
        ("AssignedApprovers", json!([])),
    ] {
        assert_eq!(detail[field], value, "{field}");
    }
    assert_eq!(found["ProductDetail"]["ProductName"], "VPC baseline");
    assert_eq!(found["ProductVersionDetail"]["ProductVersionName"], "2");
    assert_eq!(
        found["ResourceChanges"],
        json!([
            { "Action": "Add", "LogicalResourceId": "Switch", "ResourceType": "ALIYUN::ECS::VSwitch" },
            { "Action": "Add", "LogicalResourceId": "Vpc", "ResourceType": "ALIYUN::ECS::VPC" },
        ])
    );
    // The instance is not there before.
    assert_eq!(admin.refused("GetProvisionedProduct", &[("ProvisionedProductId", &instance)]).0, 404);
    assert_eq!(admin.call("ExecuteProvisionedProductPlan", &[("PlanId", &id)])["PlanId"], id.as_str());
    assert_eq!(status(&admin, &id), "ExecuteInProgress");
    let refused = admin.refused("DeleteProvisionedProductPlan", &[("PlanId", &id)]);
    assert_eq!(refused.1, "InvalidPlan.Status");
    admin.sleep(90);
    assert_eq!(status(&admin, &id), "ExecuteSuccess");
    let done = admin.instance(&instance);
    assert_eq!((&done["Status"], &done["ProvisionedProductName"]), (&json!("Available"), &json!("one")));
    let task = admin.task(&text(&done["LastTaskId"]));
    assert_eq!((&task["TaskType"], &task["TaskTags"][0]["Key"]), (&json!("LaunchProduct"), &json!("team")));
    admin.call("DeleteProvisionedProductPlan", &[("PlanId", &id)]);
    assert_eq!(admin.call("ListProvisionedProductPlans", &[])["TotalCount"], 0);
}

#[test]
fn updates_and_terminations_name_the_instance_by_its_name() {
    let bench = Bench::new();
    let sandbox = bench.open();
    let admin = bench.client(&sandbox, "admin");
    let instance = admin.launched("one");
    let (id, of) = plan(&admin, ["VPC baseline", "2", "one"], &[("OperationType", "UpdateProvisionedProduct")]);
    assert_eq!(of, instance);
    admin.sleep(10);
    let changes = whole(&admin, &id)["ResourceChanges"].clone();
    assert_eq!((&changes[0]["Action"], &changes[0]["PhysicalResourceId"]), (&json!("Add"), &Value::Null));
    assert_eq!((&changes[1]["Action"], &changes[1]["Replacement"]), (&json!("Modify"), &json!("Conditional")));
    assert!(changes[1]["PhysicalResourceId"].is_string());
    admin.call("ExecuteProvisionedProductPlan", &[("PlanId", &id)]);
    admin.sleep(90);
    assert_eq!(admin.instance(&instance)["ProductVersionName"], "2");
    let terminate = [("OperationType", "TerminateProvisionedProduct")];
    let (id, _) = plan(&admin, ["VPC baseline", "2", "one"], &terminate);
    admin.sleep(10);
    let changes = whole(&admin, &id)["ResourceChanges"].clone();
    assert!(changes.as_array().expect("a list").iter().all(|c| c["Action"] == "Remove"), "{changes}");
    admin.call("ExecuteProvisionedProductPlan", &[("PlanId", &id)]);
    admin.sleep(90);
    assert_eq!(status(&admin, &id), "ExecuteSuccess");
    assert_eq!(admin.refused("GetProvisionedProduct", &[("ProvisionedProductId", &instance)]).0, 404);
}

#[test]
fn under_approval_only_an_approved_plan_is_executed() {
    let bench = Bench::new();
    let sandbox = bench.open();
    let (alice, boss) = (bench.client(&sandbox, "alice"), bench.client(&sandbox, "boss"));
    let (product, version) = (alice.product("guarded"), alice.version("guarded", "1"));
    let direct = [
        ("ProductId", product.as_str()),
        ("ProductVersionId", &version),
        ("ProvisionedProductName", "g"),
        ("StackRegionId", "cn-shanghai"),
    ];
    let direct = [&direct[..], &BLOCK].concat();
    assert_eq!(alice.refused("LaunchProduct", &direct), (400, "OperationDenied.ApprovalRequired".into()));
    let (id, instance) = plan(&alice, ["guarded", "1", "g"], &[]);
    let approve = [("PlanId", id.as_str()), ("ApprovalAction", "Approve"), ("Comment", "fine")];
    assert_eq!(boss.refused("ApproveProvisionedProductPlan", &approve).1, "InvalidPlan.Status");
    alice.sleep(10);
    // The application is made by itself.
    let waiting = whole(&alice, &id)["PlanDetail"].clone();
    assert_eq!(waiting["Status"], "ApplicationInProgress");
    assert_eq!(waiting["AssignedApprovers"], json!([{ "PrincipalName": "boss", "PrincipalType": "RamUser" }]));
    assert_eq!(waiting["ApprovalDetail"]["OperationRecords"][0]["ApprovalAction"], "Submit");
    let todo = &waiting["ApprovalDetail"]["TodoTaskActivities"][0]["Tasks"][0]["Operator"];
    assert_eq!((&todo["PrincipalName"], &todo["PrincipalType"]), (&json!("boss"), &json!("RamUser")));
    assert_eq!(alice.refused("ExecuteProvisionedProductPlan", &[("PlanId", &id)]).1, "InvalidPlan.Status");
    assert_eq!(alice.refused("ApproveProvisionedProductPlan", &approve), (403, "NoPermission".into()));
    let received = boss.call("ListProvisionedProductPlans", &[("ApprovalFilter", "ReceivedRequests")]);
    assert_eq!(received["PlanDetails"][0]["PlanId"], id.as_str());
    assert_eq!(received["PlanDetails"][0]["ProductName"], "guarded");
    assert_eq!(received["PlanDetails"][0]["ApprovalDetail"], Value::Null);
    boss.call("ApproveProvisionedProductPlan", &approve);
    let approved = whole(&alice, &id)["PlanDetail"].clone();
    assert_eq!(approved["Status"], "ApplicationApproved");
    let deed = &approved["ApprovalDetail"]["OperationRecords"][1];
    assert_eq!((&deed["ApprovalAction"], &deed["Comment"]), (&json!("Approve"), &json!("fine")));
    assert_eq!(deed["Operator"]["PrincipalName"], "boss");
    assert_eq!(boss.call("ListProvisionedProductPlans", &[("ApprovalFilter", "ReceivedRequests")])["TotalCount"], 0);
    assert_eq!(boss.call("ListProvisionedProductPlans", &[("ApprovalFilter", "ApprovalHistory")])["TotalCount"], 1);
    // An approver decides and does not act.
    assert_eq!(boss.refused("ExecuteProvisionedProductPlan", &[("PlanId", &id)]), (403, "NoPermission".into()));
    alice.call("ExecuteProvisionedProductPlan", &[("PlanId", &id)]);
    alice.sleep(60);
    assert_eq!(status(&alice, &id), "ExecuteSuccess");
    let done = alice.instance(&instance);
    assert_eq!((&done["Status"], &done["OwnerPrincipalId"]), (&json!("Available"), &json!("200000000000000002")));
    let update = [
        ("ProvisionedProductId", instance.as_str()),
        ("ProductId", &product),
        ("ProductVersionId", &version),
        BLOCK[0],
        ("Parameters.1.ParameterValue", "10.1.0.0/16"),
    ];
    assert_eq!(alice.refused("UpdateProvisionedProduct", &update).1, "OperationDenied.ApprovalRequired");
    // Terminations are not covered by this constraint.
    alice.call("TerminateProvisionedProduct", &[("ProvisionedProductId", &instance)]);
}

#[test]
fn plans_are_rejected_canceled_and_made_again() {
    let bench = Bench::new();
    let sandbox = bench.open();
    let (admin, boss) = (bench.client(&sandbox, "admin"), bench.client(&sandbox, "boss"));
    let (rejected, _) = plan(&admin, ["guarded", "1", "a"], &[]);
    let (canceled, _) = plan(&admin, ["guarded", "1", "b"], &[]);
    admin.sleep(10);
    boss.call("ApproveProvisionedProductPlan", &[("PlanId", &rejected), ("ApprovalAction", "Reject")]);
    assert_eq!(status(&admin, &rejected), "ApplicationRejected");
    assert_eq!(admin.refused("ExecuteProvisionedProductPlan", &[("PlanId", &rejected)]).1, "InvalidPlan.Status");
    assert_eq!(admin.refused("CancelProvisionedProductPlan", &[("PlanId", &rejected)]).1, "InvalidPlan.Status");
    admin.call("CancelProvisionedProductPlan", &[("PlanId", &canceled)]);
    assert_eq!(status(&admin, &canceled), "Canceled");
    let decide = [("PlanId", canceled.as_str()), ("ApprovalAction", "Approve")];
    assert_eq!(boss.refused("ApproveProvisionedProductPlan", &decide).1, "InvalidPlan.Status");
    // A preview that fails can be mended.
    let (failed, _) = plan(
        &admin,
        ["VPC baseline", "1", "c"],
        &[("Parameters.2.ParameterKey", "zone_count"), ("Parameters.2.ParameterValue", "9")],
    );
    admin.sleep(10);
    let found = whole(&admin, &failed);
    assert_eq!(found["PlanDetail"]["Status"], "PreviewFailed");
    assert!(text(&found["PlanDetail"]["StatusMessage"]).contains("not greater than 3"), "{found}");
    let (product, version) = (admin.product("VPC baseline"), admin.version("VPC baseline", "1"));
    let mended = [("PlanId", failed.as_str()), ("ProductId", &product), ("ProductVersionId", &version)];
    let reply = admin.call("UpdateProvisionedProductPlan", &[&mended[..], &BLOCK].concat());
    assert_eq!(reply["PlanId"], failed.as_str());
    assert_eq!(status(&admin, &failed), "PreviewInProgress");
    admin.sleep(10);
    assert_eq!(status(&admin, &failed), "PreviewSuccess");
    // What the version fails with shows only in the execution.
    let (bad, instance) = plan(&admin, ["VPC baseline", "bad", "d"], &[]);
    admin.sleep(10);
    admin.call("ExecuteProvisionedProductPlan", &[("PlanId", &bad)]);
    admin.sleep(60);
    let found = whole(&admin, &bad);
    assert_eq!(found["PlanDetail"]["Status"], "ExecuteFailed");
    assert_eq!(found["PlanDetail"]["StatusMessage"], "No capacity");
    assert_eq!(admin.instance(&instance)["Status"], "Error");
}

#[test]
fn plans_are_listed_by_what_is_asked_of_them() {
    let bench = Bench::new();
    let sandbox = bench.open();
    let (admin, alice, boss) =
        (bench.client(&sandbox, "admin"), bench.client(&sandbox, "alice"), bench.client(&sandbox, "boss"));
    let (guarded, _) = plan(&alice, ["guarded", "1", "a"], &[]);
    let (own, instance) = plan(&admin, ["VPC baseline", "1", "b"], &[]);
    admin.sleep(10);
    let list = |client: &Client<'_>, asked: &[(&str, &str)]| {
        let all = client.call("ListProvisionedProductPlans", asked)["PlanDetails"].clone();
        all.as_array().expect("a list").iter().map(|p| text(&p["PlanId"])).collect::<Vec<_>>().join(" ")
    };
    let account = ("AccessLevelFilter", "Account");
    let filter = |key, value| [account, ("Filters.1.Key", key), ("Filters.1.Value", value)];
    assert_eq!(list(&admin, &[]), own);
    assert_eq!(list(&admin, &[account]).split(' ').count(), 2);
    assert_eq!(list(&admin, &[account, ("ProvisionedProductId", &instance)]), own);
    assert_eq!(list(&admin, &filter("ProvisionedProductPlanStatus", "ApplicationInProgress")), guarded);
    assert_eq!(list(&admin, &filter("ProvisionedProductPlanApprover", "RamUser:boss")), guarded);
    assert_eq!(list(&admin, &filter("ProvisionedProductPlanApproverName", "boss")), guarded);
    assert_eq!(list(&admin, &filter("ProvisionedProductPlanName", "MY PLAN")).split(' ').count(), 2);
    assert_eq!(list(&admin, &filter("FullTextSearch", "PLA")).split(' ').count(), 2);
    assert_eq!(list(&admin, &filter("ProvisionedProductPlanOwnerUid", "1")), "");
    assert_eq!(list(&alice, &[]), guarded);
    assert_eq!(alice.refused("ListProvisionedProductPlans", &[account]), (403, "NoPermission".into()));
    assert_eq!(alice.refused("GetProvisionedProductPlan", &[("PlanId", &own)]).0, 404);
    assert_eq!(text(&whole(&boss, &guarded)["PlanDetail"]["PlanId"]), guarded);
    let approvers = [("ApprovalFilter", "AccountRequests")];
    let query = admin.request("2021-09-01", "ListProvisionedProductPlanApprovers", &approvers, false);
    assert_eq!(admin.send(query).1["Approvers"], json!([{ "PrincipalName": "boss", "PrincipalType": "RamUser" }]));
    assert_eq!(admin.refused("ListProvisionedProductPlanApprovers", &[]).0, 400);
}

#[test]
fn plans_are_refused_as_launches_are() {
    let bench = Bench::new();
    let sandbox = bench.open();
    let admin = bench.client(&sandbox, "admin");
    let instance = admin.launched("one");
    let (product, version) = (admin.product("VPC baseline"), admin.version("VPC baseline", "1"));
    let long = "x".repeat(129);
    let refused = |changes: &[(&str, &str)]| {
        let mut all: std::collections::BTreeMap<&str, &str> = [
            ("PlanName", "p"),
            ("PlanType", "Ros"),
            ("ProductId", product.as_str()),
            ("ProductVersionId", &version),
            ("ProvisionedProductName", "one"),
            ("StackRegionId", "cn-shanghai"),
        ]
        .into_iter()
        .chain(BLOCK)
        .collect();
        all.extend(changes.iter().copied());
        admin.refused("CreateProvisionedProductPlan", &all.into_iter().collect::<Vec<_>>()).1
    };
    for name in ["PlanName", "PlanType", "ProductId", "ProductVersionId", "ProvisionedProductName", "StackRegionId"] {
        assert_eq!(refused(&[(name, "")]), format!("Missing{name}"));
    }
    for name in ["PlanName", "Description", "ProvisionedProductName"] {
        assert_eq!(refused(&[(name, &long)]), format!("Invalid{name}"));
    }
    assert_eq!(refused(&[("PlanType", "CloudFormation")]), "InvalidPlanType");
    assert_eq!(refused(&[("OperationType", "Update")]), "InvalidOperationType");
    let update = ("OperationType", "UpdateProvisionedProduct");
    assert_eq!(refused(&[update]), "InvalidParameter.NotChanged");
    assert_eq!(refused(&[update, ("ProvisionedProductName", "two")]), "InvalidProvisionedProduct.NotFound");
    admin.launched("one");
    assert_eq!(refused(&[update, ("Parameters.1.ParameterValue", "10.1.0.0/16")]), "InvalidProvisionedProductName");
    assert_eq!(admin.instance(&instance)["Status"], "Available");
    for action in [
        "GetProvisionedProductPlan",
        "ExecuteProvisionedProductPlan",
        "CancelProvisionedProductPlan",
        "DeleteProvisionedProductPlan",
    ] {
        assert_eq!(admin.refused(action, &[]).1, "MissingPlanId");
        assert_eq!(admin.refused(action, &[("PlanId", "plan-x")]), (404, "InvalidPlan.NotFound".into()));
    }
}

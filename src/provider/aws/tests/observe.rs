use serde_json::{Value, json};

use super::super::tests::*;
use super::*;
use crate::model::{Access, OperationState, Status};
use crate::problem::Kind;
use crate::provider::Provider;

fn ids(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

fn numbered(number: usize) -> Value {
    json!({ "Id": format!("pp-{number:04}"), "Name": format!("n{number}"), "Status": "AVAILABLE", "Type": "CFN_STACK" })
}

/// A page of Search, with offsets as tokens.
fn page(ask: &Ask, total: usize, size: usize) -> Reply {
    let start: usize = ask.text("PageToken").parse().unwrap_or(0);
    let end = total.min(start + size);
    let products: Vec<Value> = (start..end).map(numbered).collect();
    let mut body = json!({ "ProvisionedProducts": products, "TotalResultsCount": total });
    if end < total {
        body["NextPageToken"] = json!(end.to_string());
    }
    ok(&body)
}

fn listing() -> Query {
    Query { list: true, ..Query::default() }
}

#[test]
fn a_list_takes_one_call_for_a_hundred() {
    for (total, calls) in [(0, 1), (1, 1), (100, 1), (101, 2), (1000, 10)] {
        let fake = service(move |ask| page(ask, total, 100));
        let found = run(bench(&fake, |_| {}).aws.observe(&listing())).expect("a list");
        assert_eq!(found.products.len(), total);
        assert_eq!(fake.calls(), BTreeMap::from([("SearchProvisionedProducts".to_owned(), calls)]), "{total}");
    }
}

#[test]
fn a_list_that_is_short_is_read_once_more_and_both_are_taken_together() {
    let fake = service(|ask| {
        let shown = if ask.nth == 1 { vec![numbered(1), numbered(1)] } else { vec![numbered(2), numbered(3)] };
        ok(&json!({ "ProvisionedProducts": shown, "TotalResultsCount": 3 }))
    });
    let found = run(bench(&fake, |_| {}).aws.observe(&listing())).expect("a list");
    assert_eq!(found.products.into_keys().collect::<Vec<_>>(), ["pp-0001", "pp-0002", "pp-0003"]);
    assert_eq!(fake.calls()["SearchProvisionedProducts"], 2);
}

#[test]
fn a_list_that_never_ends_is_an_error() {
    let fake = service(|_| ok(&json!({ "NextPageToken": "again" })));
    let error = run(bench(&fake, |_| {}).aws.observe(&listing())).expect_err("no end");
    assert!(matches!(error, ProviderError::Rejected(_)));
}

#[test]
fn a_listed_product() {
    let fake = service(|_| {
        ok(&json!({ "TotalResultsCount": 1, "ProvisionedProducts": [{
            "Id": "pp-1", "Name": "network", "Type": "CFN_STACK", "Status": "SOMETHING_NEW", "StatusMessage": "",
            "CreatedTime": 1_577_222_793.362_f64, "LastRecordId": "rec-3", "LastProvisioningRecordId": "rec-2",
            "LastSuccessfulProvisioningRecordId": "rec-1", "PhysicalId": "arn:stack", "ProductId": "prod-1",
            "ProductName": "VPC", "ProvisioningArtifactId": "pa-1", "ProvisioningArtifactName": "2.0",
            "UserArn": "arn:user", "UserArnSession": null, "Tags": [
                { "Key": "team", "Value": "net" },
                { "Key": "aws:servicecatalog:portfolioArn",
                  "Value": "arn:aws:catalog:eu-west-1:123456789012:portfolio/port-1" }] },
            { "Name": "no id" }] }))
    });
    let found = run(bench(&fake, |_| {}).aws.observe(&listing())).expect("a list");
    let product = &found.products["pp-1"];
    assert_eq!(product.status, Status::UnderChange);
    assert_eq!(product.status_message, None);
    assert_eq!(product.portfolio_id.as_deref(), Some("port-1"));
    assert_eq!(product.tags, BTreeMap::from([("team".to_owned(), "net".to_owned())]));
    assert_eq!((product.owner.as_deref(), product.owner_session.as_deref()), (Some("arn:user"), None));
    assert_eq!(product.created.map(|time| time.as_millisecond()), Some(1_577_222_793_362));
    assert_eq!(product.last_operation.as_deref(), Some("rec-3"));
}

#[test]
fn a_list_that_may_not_be_read_is_an_access_problem() {
    let fake = service(|_| refuse("AccessDeniedException", "servicecatalog:SearchProvisionedProducts"));
    let error = run(bench(&fake, |_| {}).aws.observe(&listing())).expect_err("denied");
    let problem = error.into_problem();
    assert_eq!(problem.kind, Kind::Access);
    assert!(problem.message.contains("the given access key may not SearchProvisionedProducts"), "{problem}");
}

#[test]
fn gone_takes_two_looks_at_account_level() {
    let fake = service(|ask| match (ask.operation.as_str(), ask.text("Id")) {
        ("DescribeProvisionedProduct", "pp-late") => ok(&json!({ "ProvisionedProductDetail": { "Id": "pp-late" } })),
        ("DescribeProvisionedProduct", "pp-denied") => refuse("AccessDeniedException", "no"),
        ("DescribeProvisionedProduct", _) => refuse("ResourceNotFoundException", "not found"),
        _ => match ask.body["Filters"]["SearchQuery"][0].as_str() {
            // A search that also shows what only begins like the id.
            Some("id:pp-1") => ok(&json!({ "ProvisionedProducts": [{ "Id": "pp-12" }, { "Id": "pp-1" }] })),
            Some("id:pp-gone") => ok(&json!({ "ProvisionedProducts": [{ "Id": "pp-gone2" }] })),
            _ => ok(&json!({})),
        },
    });
    let query = Query { confirm: ids(&["pp-1", "pp-denied", "pp-gone", "pp-late"]), ..Query::default() };
    let found = run(bench(&fake, |_| {}).aws.observe(&query)).expect("answers");
    assert_eq!(found.products.keys().collect::<Vec<_>>(), ["pp-1"]);
    assert_eq!(found.gone, ids(&["pp-gone"]));
    assert!(found.unreadable[&Subject::Product("pp-late".to_owned())].contains("does not show it"));
    assert!(found.unreadable[&Subject::Product("pp-denied".to_owned())].contains("AccessDeniedException"));
    assert_eq!(fake.calls()["SearchProvisionedProducts"], 4);
    assert_eq!(fake.calls()["DescribeProvisionedProduct"], 3);

    let found = run(bench(&fake, |target| target.access = Access::User).aws.observe(&query)).expect("answers");
    assert!(found.gone.is_empty());
    assert!(
        found.unreadable[&Subject::Product("pp-gone".to_owned())].contains("not visible"),
        "{:?}",
        found.unreadable
    );
    assert_eq!(fake.asks().last().map(|ask| ask.body["AccessLevelFilter"].clone()), Some(Value::Null));
}

fn roles(ask: &Ask) -> Reply {
    let role = |number: usize| json!({ "Id": format!("pp-{number:04}"), "LaunchRoleArn": format!("role-{number}") });
    match ask.operation.as_str() {
        "SearchProvisionedProducts" => page(ask, 60, 100),
        "ScanProvisionedProducts" => {
            let start: usize = ask.text("PageToken").parse().unwrap_or(0);
            // The third product is not in the scan.
            let shown: Vec<Value> = (start..start + 20).filter(|number| *number != 3).map(role).collect();
            ok(&json!({ "ProvisionedProducts": shown, "NextPageToken": (start + 20).to_string() }))
        }
        _ if ask.text("Id") == "pp-0003" => ok(&json!({ "ProvisionedProductDetail": { "Id": "pp-0003" } })),
        _ => ok(&json!({ "ProvisionedProductDetail": { "LaunchRoleArn": "described" } })),
    }
}

#[test]
fn launch_roles_come_from_whichever_is_fewer_calls() {
    // Sixty products are three pages of Scan: three roles are described, four are scanned for, and the one that the
    // scan does not show is described.
    for (asked, scans, describes) in [(3, None, 3), (4, Some(3), 1)] {
        let fake = service(roles);
        let launch_roles: BTreeSet<String> = (0..asked).map(|number| format!("pp-{number:04}")).collect();
        let query = Query { list: true, launch_roles, ..Query::default() };
        let found = run(bench(&fake, |_| {}).aws.observe(&query)).expect("roles");
        let calls = fake.calls();
        assert_eq!(found.launch_roles.len(), asked);
        assert_eq!(calls.get("ScanProvisionedProducts").copied(), scans, "{calls:?}");
        assert_eq!(calls["DescribeProvisionedProduct"], describes, "{calls:?}");
        if asked == 4 {
            assert_eq!(found.launch_roles["pp-0003"], None);
            assert_eq!(found.launch_roles["pp-0001"].as_deref(), Some("role-1"));
        }
    }
}

#[test]
fn outputs_and_records_page_and_say_what_they_cannot_read() {
    let fake = service(|ask| match ask.operation.as_str() {
        "DescribeRecord" if ask.text("Id") == "rec-1" => ok(&json!({ "RecordDetail": {
            "RecordId": "rec-1", "Status": "FAILED", "RecordType": "UPDATE_PROVISIONED_PRODUCT", "PathId": "lpv2-1",
            "ProvisionedProductId": "pp-1", "ProvisioningArtifactId": "pa-1", "UpdatedTime": 1e300,
            "RecordErrors": [{ "Code": "A", "Description": "first" }, { "Description": "second" }] } })),
        "DescribeRecord" => refuse("ResourceNotFoundException", "no record"),
        _ if ask.text("ProvisionedProductId") == "pp-2" => refuse("AccessDeniedException", "no"),
        _ if ask.text("PageToken").is_empty() => ok(&json!({
            "Outputs": [{ "OutputKey": "A", "OutputValue": "1" }], "NextPageToken": "2" })),
        _ => ok(&json!({ "Outputs": [{ "OutputKey": "B", "OutputValue": "2" }] })),
    });
    let query = Query { outputs: ids(&["pp-1", "pp-2"]), operations: ids(&["rec-1", "rec-2"]), ..Query::default() };
    let found = run(bench(&fake, |_| {}).aws.observe(&query)).expect("answers");
    assert_eq!(found.outputs["pp-1"].keys().collect::<Vec<_>>(), ["A", "B"]);
    assert!(found.unreadable[&Subject::Outputs("pp-2".to_owned())].starts_with("its outputs cannot be read"));
    let operation = &found.operations["rec-1"];
    assert_eq!(operation.state, OperationState::Failed("A: first; second".to_owned()));
    assert_eq!((operation.path_id.as_deref(), operation.updated), (Some("lpv2-1"), None));
    assert!(found.unreadable[&Subject::Operation("rec-2".to_owned())].contains("no record"));
    assert_eq!(fake.calls()["GetProvisionedProductOutputs"], 3);
}

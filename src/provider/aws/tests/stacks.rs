use std::collections::BTreeSet;

use serde_json::json;

use super::super::tests::*;
use super::*;
use crate::model::{Query, Status};
use crate::provider::Provider;

fn product(id: &str, kind: &str, physical_id: Option<&str>) -> ProvisionedProduct {
    ProvisionedProduct {
        id: id.to_owned(),
        name: id.to_owned(),
        kind: kind.to_owned(),
        status: Status::Available,
        status_message: None,
        product_id: String::new(),
        product_name: String::new(),
        version_id: String::new(),
        version_name: String::new(),
        tags: BTreeMap::new(),
        portfolio_id: None,
        owner: None,
        owner_session: None,
        physical_id: physical_id.map(str::to_owned),
        stack_region: None,
        created: None,
        last_operation: None,
        last_provisioning: None,
        last_successful: None,
    }
}

fn arn(id: &str) -> String {
    format!("arn:aws:cloudformation:eu-west-1:123456789012:stack/SC-123456789012-{id}/guid")
}

fn member(id: &str) -> String {
    format!(
        "<member><StackId>{}</StackId><StackName>SC-123456789012-{id}</StackName><Parameters><member>\
         <ParameterKey>Id</ParameterKey><ParameterValue>{id}</ParameterValue></member><member><ParameterKey>Pw\
         </ParameterKey><ParameterValue>****</ParameterValue></member></Parameters><Tags><member><Key>aws:a</Key>\
         <Value>b</Value></member><member><Key>team</Key><Value>net</Value></member></Tags><Outputs><member><OutputKey>Vpc\
         </OutputKey><OutputValue>vpc-{id}</OutputValue></member></Outputs></member>",
        arn(id)
    )
}

fn stacks_xml(ids: &[&str], next: Option<&str>) -> Reply {
    let members: String = ids.iter().map(|id| member(id)).collect();
    let next = next.map(|token| format!("<NextToken>{token}</NextToken>")).unwrap_or_default();
    xml(&format!(
        "<DescribeStacksResponse><DescribeStacksResult><Stacks>{members}</Stacks>{next}</DescribeStacksResult>\
         </DescribeStacksResponse>"
    ))
}

fn no_stack() -> Reply {
    status(
        400,
        "<ErrorResponse><Error><Code>ValidationError</Code><Message>Stack with id x does not exist</Message></Error>\
         </ErrorResponse>",
    )
}

#[test]
fn one_stack_is_asked_for_by_name() {
    let fake = service(|_| stacks_xml(&["pp-1"], None));
    let query = Query {
        parameters: vec![product("pp-1", "CFN_STACK", Some(&arn("pp-1")))],
        outputs: BTreeSet::from(["pp-1".to_owned()]),
        ..Query::default()
    };
    let found = run(bench(&fake, |_| {}).aws.observe(&query)).expect("parameters");
    let live = &found.parameters["pp-1"];
    assert_eq!((live.parameters["Id"].value.as_str(), live.parameters["Id"].masked), ("pp-1", false));
    assert!(live.parameters["Pw"].masked);
    assert_eq!(live.tags.keys().collect::<Vec<_>>(), ["team"]);
    assert_eq!(found.outputs["pp-1"]["Vpc"], "vpc-pp-1");
    assert_eq!(found.outputs["pp-1"][STACK_OUTPUT], arn("pp-1"));
    // The outputs came with the stack.
    assert_eq!(fake.calls(), BTreeMap::from([("DescribeStacks".to_owned(), 1)]));
    let asks = fake.asks();
    assert_eq!(
        (asks[0].uri.as_str(), asks[0].text("StackName")),
        ("https://cloudformation.eu-west-1.amazonaws.com/", arn("pp-1").as_str())
    );
}

#[test]
fn several_stacks_are_read_in_bulk_and_the_missing_one_by_one() {
    let fake = service(|ask| match (ask.text("StackName"), ask.text("NextToken")) {
        ("", "") => stacks_xml(&["other", "pp-1"], Some("2")),
        ("", _) => stacks_xml(&["pp-2"], Some("3")),
        ("SC-123456789012-pp-3", _) => no_stack(),
        (name, _) => panic!("{name} was seen in bulk"),
    });
    let query = Query {
        parameters: vec![
            product("pp-1", "CFN_STACK", Some(&arn("pp-1"))),
            product("pp-2", "CFN_STACK", None),
            product("pp-3", "CFN_STACK", None),
            product("pp-4", "TERRAFORM_OPEN_SOURCE", None),
        ],
        ..Query::default()
    };
    // The third page is not read: after two, asking for the one that is missing is no more calls.
    let found = run(bench(&fake, |_| {}).aws.observe(&query)).expect("parameters");
    assert_eq!(fake.calls()["DescribeStacks"], 3);
    assert_eq!(found.parameters.keys().collect::<Vec<_>>(), ["pp-1", "pp-2"]);
    assert!(
        found.unreadable[&Subject::Parameters("pp-3".to_owned())].contains("SC-123456789012-pp-3 does not exist"),
        "{:?}",
        found.unreadable
    );
    assert_eq!(
        found.unreadable[&Subject::Parameters("pp-4".to_owned())],
        "parameters of TERRAFORM_OPEN_SOURCE products cannot be read"
    );
    assert!(found.outputs.is_empty());
}

#[test]
fn bulk_stops_when_all_are_found_and_gives_way_where_it_is_denied() {
    let denied =
        || status(403, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>");
    let query =
        Query { parameters: ["pp-1", "pp-2"].map(|id| product(id, "CFN_STACK", None)).to_vec(), ..Query::default() };
    let fake = service(|_| stacks_xml(&["pp-1", "pp-2"], Some("2")));
    run(bench(&fake, |_| {}).aws.observe(&query)).expect("parameters");
    assert_eq!(fake.calls()["DescribeStacks"], 1);

    let fake = service(move |ask| match ask.text("StackName") {
        "SC-123456789012-pp-1" => stacks_xml(&["pp-1"], None),
        _ => denied(),
    });
    let found = run(bench(&fake, |_| {}).aws.observe(&query)).expect("parameters");
    assert_eq!(found.parameters.keys().collect::<Vec<_>>(), ["pp-1"]);
    assert!(
        found.unreadable[&Subject::Parameters("pp-2".to_owned())].contains("AccessDenied"),
        "{:?}",
        found.unreadable
    );
    assert_eq!(fake.calls()["DescribeStacks"], 3);
}

#[test]
fn a_stack_set_is_asked_for_by_its_name() {
    let fake = service(|ask| match ask.operation.as_str() {
        "DescribeStackSet" => {
            xml("<DescribeStackSetResponse><DescribeStackSetResult><StackSet><StackSetName>SC-1</StackSetName>\
             <StackSetId>SC-1:guid</StackSetId><Parameters><member><ParameterKey>K</ParameterKey><ParameterValue>V\
             </ParameterValue></member></Parameters></StackSet></DescribeStackSetResult></DescribeStackSetResponse>")
        }
        _ => ok(&json!({ "Outputs": [] })),
    });
    let arn = "arn:aws:cloudformation:eu-west-1:123456789012:stackset/SC-1:0e5e1cd5-0000-0000-0000-000000000000";
    let query = Query {
        parameters: vec![product("pp-1", "CFN_STACKSET", Some(arn))],
        outputs: BTreeSet::from(["pp-1".to_owned()]),
        ..Query::default()
    };
    let found = run(bench(&fake, |_| {}).aws.observe(&query)).expect("parameters");
    assert_eq!(found.parameters["pp-1"].parameters["K"].value, "V");
    assert_eq!(fake.asks()[0].text("StackSetName"), "SC-1");
    // A stack set has no outputs of its own, so those of the product are asked for.
    assert_eq!(fake.calls()["GetProvisionedProductOutputs"], 1);
}

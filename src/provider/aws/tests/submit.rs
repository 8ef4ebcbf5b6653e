use serde_json::{Value, json};

use super::super::tests::*;
use super::*;
use crate::model::{Piece, SecretRef};
use crate::provider::Provider;

fn record() -> Reply {
    ok(&json!({ "RecordDetail": {
        "RecordId": "rec-1", "ProvisionedProductId": "pp-1", "Status": "CREATED", "RecordType": "PROVISION_PRODUCT" } }))
}

/// The operation and the body that one request becomes.
fn sent(request: &Request, reply: fn() -> Reply) -> (String, Value, Operation) {
    let fake = service(move |_| reply());
    let operation = run(bench(&fake, |_| {}).aws.submit(request, "token-1")).expect("accepted");
    let asks = fake.asks();
    assert_eq!(asks.len(), 1);
    (asks[0].operation.clone(), asks[0].body.clone(), operation)
}

fn map<V>(pairs: Vec<(&str, V)>) -> BTreeMap<String, V> {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

#[test]
fn provision() {
    let request = Request::Provision {
        name: "network".into(),
        product_id: "prod-1".into(),
        version_id: "pa-1".into(),
        path_id: Some("lpv3-1".into()),
        stack_region: None,
        parameters: map(vec![("Cidr", Argument::Value("10.0.0.0/16".into()))]),
        tags: map(vec![("team", "net".into())]),
    };
    let (operation, body, record) = sent(&request, record);
    assert_eq!(operation, "ProvisionProduct");
    assert_eq!(
        body,
        json!({
            "ProvisionedProductName": "network", "ProductId": "prod-1", "ProvisioningArtifactId": "pa-1",
            "PathId": "lpv3-1", "ProvisioningParameters": [{ "Key": "Cidr", "Value": "10.0.0.0/16" }],
            "Tags": [{ "Key": "team", "Value": "net" }], "ProvisionToken": "token-1",
        })
    );
    assert_eq!((record.id.as_str(), record.product_id.as_str()), ("rec-1", "pp-1"));
}

#[test]
fn update_sends_exactly_one_of_value_and_previous_and_tags_only_when_given() {
    let update = |tags| Request::Update {
        id: "pp-1".into(),
        product_id: "prod-1".into(),
        version_id: "pa-2".into(),
        path_id: None,
        parameters: map(vec![("A", Argument::Value(String::new())), ("B", Argument::Previous)]),
        tags,
    };
    let (operation, body, _) = sent(&update(None), record);
    assert_eq!(operation, "UpdateProvisionedProduct");
    assert_eq!(
        body,
        json!({
            "ProvisionedProductId": "pp-1", "ProductId": "prod-1", "ProvisioningArtifactId": "pa-2",
            "ProvisioningParameters": [{ "Key": "A", "Value": "" }, { "Key": "B", "UsePreviousValue": true }],
            "UpdateToken": "token-1",
        })
    );
    let (_, body, _) = sent(&update(Some(BTreeMap::new())), record);
    assert_eq!(body["Tags"], json!([]));
}

#[test]
fn properties_are_set_one_at_a_time() {
    let reply = || ok(&json!({ "ProvisionedProductId": "pp-1", "RecordId": "rec-9", "Status": "IN_PROGRESS" }));
    let owner = Request::SetOwner { id: "pp-1".into(), owner: "arn:o".into(), again: false };
    let (operation, body, record) = sent(&owner, reply);
    assert_eq!(operation, "UpdateProvisionedProductProperties");
    assert_eq!(
        body,
        json!({
            "ProvisionedProductId": "pp-1", "ProvisionedProductProperties": { "OWNER": "arn:o" },
            "IdempotencyToken": "token-1",
        })
    );
    assert_eq!((record.id.as_str(), record.kind.as_str(), record.state), ("rec-9", OWNER, OperationState::Running));
    let role = Request::SetLaunchRole { id: "pp-1".into(), role: "arn:r".into(), again: false };
    assert_eq!(sent(&role, reply).1["ProvisionedProductProperties"], json!({ "LAUNCH_ROLE": "arn:r" }));
}

#[test]
fn a_product_that_is_gone_is_terminated() {
    let request = Request::Terminate { id: "pp-1".into() };
    let (_, body, operation) = sent(&request, || refuse("ResourceNotFoundException", "not found"));
    assert_eq!(body, json!({ "ProvisionedProductId": "pp-1", "TerminateToken": "token-1" }));
    assert_eq!((operation.state, operation.status.as_str()), (OperationState::Succeeded, NOT_FOUND));
    assert_eq!(operation.product_id, "pp-1");
}

#[test]
fn references_are_never_sent() {
    let secret = Argument::Secret(SecretRef { source: "env:DB".into(), version: 1 });
    let pieces = Argument::Pieces(vec![Piece::Literal("x".into())]);
    for argument in [secret, pieces, Argument::Previous] {
        let fake = service(|_| record());
        let request = Request::Provision {
            name: "n".into(),
            product_id: "prod-1".into(),
            version_id: "pa-1".into(),
            path_id: None,
            stack_region: None,
            parameters: map(vec![("P", argument)]),
            tags: BTreeMap::new(),
        };
        let error = run(bench(&fake, |_| {}).aws.submit(&request, "t")).expect_err("an internal error");
        let ProviderError::Rejected(problem) = error else { panic!("{error:?}") };
        assert!(problem.message.starts_with("internal error") && !problem.message.contains("env:DB"), "{problem}");
        assert!(fake.all().is_empty());
    }
}

#[test]
fn a_refusal_keeps_the_words_and_the_request_id_of_the_service() {
    let fake = service(|_| {
        let body = r#"{"__type":"InvalidParametersException","Message":"Parameters: [X] do not exist"}"#;
        let reply = http::Response::builder().status(400).header("x-amzn-RequestId", "req-7").body(body.into());
        Ok(reply.expect("a response"))
    });
    let request = Request::SetOwner { id: "pp-1".into(), owner: "arn:o".into(), again: false };
    let error = run(bench(&fake, |_| {}).aws.submit(&request, "t")).expect_err("refused");
    let ProviderError::Rejected(problem) = error else { panic!("{error:?}") };
    assert_eq!(
        problem.message,
        "target `prod`: UpdateProvisionedProductProperties: InvalidParametersException: Parameters: [X] do not exist \
         (request req-7)"
    );
}

use serde_json::json;

use super::super::tests::*;
use super::*;
use crate::model::SecretRef;
use crate::provider::Provider;

fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, Argument> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), Argument::Value((*value).to_owned()))).collect()
}

fn launch(path_id: Option<&str>, stack_region: Option<&str>, parameters: BTreeMap<String, Argument>) -> Request {
    Request::Provision {
        name: "my bucket".to_owned(),
        product_id: "prod-1".to_owned(),
        version_id: "pv-1".to_owned(),
        path_id: path_id.map(str::to_owned),
        stack_region: stack_region.map(str::to_owned),
        parameters,
        tags: BTreeMap::from([("team".to_owned(), "net".to_owned())]),
    }
}

fn submitted(fake: &std::sync::Arc<Fake>, request: &Request) -> Result<Operation, ProviderError> {
    run(bench(fake, |_| {}).alibaba.submit(request, "token"))
}

#[test]
fn a_launch() {
    let fake = service(|_| ok(&json!({ "ProvisionedProductId": "pp-1", "RequestId": "R" })));
    let request = launch(Some("port-1"), Some("cn-beijing"), values(&[("A", "1"), ("B", "")]));
    let operation = submitted(&fake, &request).expect("accepted");
    assert_eq!((operation.id.as_str(), operation.product_id.as_str()), ("", "pp-1"));
    assert_eq!((operation.state, operation.kind.as_str()), (OperationState::Running, "LaunchProduct"));
    assert_eq!(
        fake.asks()[0].body,
        "Parameters.1.ParameterKey=A&Parameters.1.ParameterValue=1&Parameters.2.ParameterKey=B&Parameters.2.ParameterValue=\
         &PortfolioId=port-1&ProductId=prod-1&ProductVersionId=pv-1&ProvisionedProductName=my+bucket\
         &StackRegionId=cn-beijing&Tags.1.Key=team&Tags.1.Value=net"
    );
    assert!(!fake.asks()[0].input.values().any(|value| value == "token"));
    submitted(&fake, &launch(None, None, BTreeMap::new())).expect("accepted");
    assert_eq!(
        fake.asks()[1].body,
        "ProductId=prod-1&ProductVersionId=pv-1&ProvisionedProductName=my+bucket&StackRegionId=cn-hangzhou\
         &Tags.1.Key=team&Tags.1.Value=net"
    );
}

#[test]
fn a_launch_without_an_id_may_have_happened() {
    let fake = service(|_| ok(&json!({ "RequestId": "R" })));
    let error = submitted(&fake, &launch(None, None, BTreeMap::new())).expect_err("no id");
    assert!(matches!(error, ProviderError::Unknown(_)), "{error:?}");
}

#[test]
fn an_update_leaves_tags_alone_where_none_are_given() {
    let fake = service(|_| ok(&json!({ "ProvisionedProductId": "pp-1" })));
    let request = Request::Update {
        id: "pp-1".to_owned(),
        product_id: "prod-1".to_owned(),
        version_id: "pv-2".to_owned(),
        path_id: None,
        parameters: values(&[("A", "1")]),
        tags: None,
    };
    let operation = submitted(&fake, &request).expect("accepted");
    assert_eq!(operation.kind, "UpdateProvisionedProduct");
    assert_eq!(operation.version_id.as_deref(), Some("pv-2"));
    assert_eq!(
        fake.asks()[0].body,
        "Parameters.1.ParameterKey=A&Parameters.1.ParameterValue=1&ProductId=prod-1&ProductVersionId=pv-2\
         &ProvisionedProductId=pp-1"
    );
}

#[test]
fn a_termination_of_what_is_gone_has_succeeded() {
    let request = Request::Terminate { id: "pp-1".to_owned() };
    let fake = service(|_| ok(&json!({ "RequestId": "R" })));
    let operation = submitted(&fake, &request).expect("accepted");
    assert_eq!((operation.id.as_str(), operation.state), ("", OperationState::Running));
    assert_eq!(fake.asks()[0].body, "ProvisionedProductId=pp-1");
    let operation = submitted(&service(|_| no_product()), &request).expect("gone");
    assert_eq!((operation.id.as_str(), operation.product_id.as_str()), ("", "pp-1"));
    assert_eq!((operation.state, operation.status.as_str()), (OperationState::Succeeded, NOT_FOUND));
}

#[test]
fn a_refusal_is_passed_on_without_what_was_sent() {
    let fake = service(|_| refuse("InvalidParameter", "The parameter is invalid."));
    let error = submitted(&fake, &launch(None, None, values(&[("Password", "hunter2")]))).expect_err("refused");
    let ProviderError::Rejected(problem) = error else { panic!("{error:?}") };
    assert_eq!(
        problem.message,
        "target `prod`: LaunchProduct: InvalidParameter: The parameter is invalid. (request R-1)"
    );
}

#[test]
fn what_this_cloud_cannot_change_is_refused_here() {
    let fake = service(|_| refuse("x", "y"));
    let owner = Request::SetOwner { id: "pp-1".to_owned(), owner: "user/1".to_owned(), again: false };
    let role = Request::SetLaunchRole { id: "pp-1".to_owned(), role: "r".to_owned(), again: false };
    for (request, what) in [(owner, "the owner"), (role, "the launch role")] {
        let ProviderError::Rejected(problem) = submitted(&fake, &request).expect_err("impossible") else { panic!() };
        assert_eq!(problem.message, format!("Alibaba Cloud has no operation that changes {what}; nothing was sent"));
    }
    assert!(fake.calls().is_empty());
}

#[test]
fn a_reference_never_leaves_as_a_value() {
    let fake = service(|_| refuse("x", "y"));
    let secret = SecretRef { source: "env:X".to_owned(), version: 1 };
    for argument in [Argument::Previous, Argument::Secret(secret), Argument::Pieces(Vec::new())] {
        let parameters = BTreeMap::from([("A".to_owned(), argument)]);
        let ProviderError::Rejected(problem) =
            submitted(&fake, &launch(None, None, parameters)).expect_err("unresolved")
        else {
            panic!()
        };
        assert!(problem.message.starts_with("internal error"), "{problem}");
    }
    assert!(fake.calls().is_empty());
}

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::super::tests::*;
use super::*;
use crate::model::Argument;
use crate::provider::Provider;

fn update() -> Request {
    Request::Update {
        id: "pp-1".to_owned(),
        product_id: "prod-1".to_owned(),
        version_id: "pv-2".to_owned(),
        path_id: Some("port-1".to_owned()),
        parameters: BTreeMap::from([("A".to_owned(), Argument::Value("1".to_owned()))]),
        tags: Some(BTreeMap::from([("k".to_owned(), "v".to_owned())])),
    }
}

fn launch() -> Request {
    Request::Provision {
        name: "new".to_owned(),
        product_id: "prod-1".to_owned(),
        version_id: "pv-1".to_owned(),
        path_id: None,
        stack_region: None,
        parameters: BTreeMap::new(),
        tags: BTreeMap::new(),
    }
}

fn prepare(change: Request, supersedes: Option<&str>) -> Request {
    Request::Prepare { change: Box::new(change), supersedes: supersedes.map(str::to_owned) }
}

fn plan(status: &str) -> Value {
    json!({ "PlanDetail": { "PlanId": "plan-0", "Status": status, "ProvisionedProductId": "pp-1" } })
}

/// A cloud with one product and an older plan; a new one is about `about`.
fn cloud(about: &'static str, older: &'static str, cancel: fn() -> Reply) -> Arc<Fake> {
    service(move |ask| match ask.action.as_str() {
        "GetProvisionedProduct" => ok(&json!({ "ProvisionedProductDetail": detail(1) })),
        "CreateProvisionedProductPlan" => ok(&json!({ "PlanId": "plan-1", "ProvisionedProductId": about })),
        "GetProvisionedProductPlan" => ok(&plan(older)),
        "CancelProvisionedProductPlan" => cancel(),
        "DeleteProvisionedProductPlan" => refuse("InvalidPlanStatus", "no"),
        "ExecuteProvisionedProductPlan" => ok(&json!({ "PlanId": "plan-0" })),
        other => refuse("InvalidApi.NotFound", other),
    })
}

fn fine() -> Reply {
    ok(&json!({ "RequestId": "R" }))
}

fn refused() -> Reply {
    refuse("InvalidPlanStatus", "The plan cannot be cancelled.")
}

fn submitted(fake: &Arc<Fake>, request: &Request) -> Result<Operation, ProviderError> {
    run(bench(fake, |_| {}).alibaba.submit(request, "t0k3n"))
}

fn rejected(answer: Result<Operation, ProviderError>) -> String {
    match answer {
        Err(ProviderError::Rejected(problem)) => problem.message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_update_is_handed_in_by_the_products_name() {
    let fake = cloud("pp-1", "", fine);
    let operation = submitted(&fake, &prepare(update(), None)).expect("accepted");
    assert_eq!((operation.id.as_str(), operation.product_id.as_str()), ("plan-1", "pp-1"));
    assert_eq!((operation.state, operation.kind.as_str()), (OperationState::Running, Operation::PREPARATION));
    assert_eq!(
        fake.asks()[1].body,
        "OperationType=UpdateProvisionedProduct&Parameters.1.ParameterKey=A&Parameters.1.ParameterValue=1\
         &PlanName=tenure-t0k3n&PlanType=Ros&PortfolioId=port-1&ProductId=prod-1&ProductVersionId=pv-2\
         &ProvisionedProductName=name-1&StackRegionId=cn-beijing&Tags.1.Key=k&Tags.1.Value=v"
    );
}

#[test]
fn a_launch_and_a_termination_are_handed_in() {
    let fake = cloud("pp-7", "", fine);
    let operation = submitted(&fake, &prepare(launch(), None)).expect("accepted");
    assert_eq!(operation.product_id, "pp-7");
    assert_eq!(
        fake.asks()[0].body,
        "OperationType=LaunchProduct&PlanName=tenure-t0k3n&PlanType=Ros&ProductId=prod-1&ProductVersionId=pv-1\
         &ProvisionedProductName=new&StackRegionId=cn-hangzhou"
    );
    let fake = cloud("pp-1", "", fine);
    submitted(&fake, &prepare(Request::Terminate { id: "pp-1".to_owned() }, None)).expect("accepted");
    assert_eq!(
        fake.asks()[1].body,
        "OperationType=TerminateProvisionedProduct&PlanName=tenure-t0k3n&PlanType=Ros&PortfolioId=port-1\
         &ProductId=prod-1&ProductVersionId=pv-1&ProvisionedProductName=name-1&StackRegionId=cn-beijing"
    );
}

#[test]
fn a_plan_about_another_product_is_taken_back() {
    let fake = cloud("pp-2", "", fine);
    let message = rejected(submitted(&fake, &prepare(update(), None)));
    assert_eq!(message, "plan-1 was made for pp-1 (`name-1`) and is about pp-2: it was cancelled");
    assert_eq!(fake.asks().last().expect("a call").body, "PlanId=plan-1");
    // A reply that does not say whose it is does not count as a yes either.
    let fake = cloud("", "PreviewSuccess", fine);
    assert!(rejected(submitted(&fake, &prepare(update(), None))).contains("a product that it does not tell"));
}

#[test]
fn what_was_handed_in_before_is_cancelled_first() {
    let fake = cloud("pp-1", "", fine);
    submitted(&fake, &prepare(update(), Some("plan-0"))).expect("accepted");
    let actions: Vec<_> = fake.asks().into_iter().map(|ask| ask.action).collect();
    assert_eq!(actions, ["GetProvisionedProduct", "CancelProvisionedProductPlan", "CreateProvisionedProductPlan"]);
    // One that has ended needs no cancelling.
    for ended in ["Canceled", "ApplicationRejected", "PreviewFailed", "ExecuteSuccess", "ExecuteFailed"] {
        submitted(&cloud("pp-1", ended, refused), &prepare(update(), Some("plan-0"))).expect(ended);
    }
}

#[test]
fn what_cannot_be_cancelled_stops_the_next() {
    for (status, why) in [
        ("ExecuteInProgress", "it is being carried out"),
        (
            "ApplicationApproved",
            "target `prod`: CancelProvisionedProductPlan: InvalidPlanStatus: The plan cannot be cancelled. (request R-1)",
        ),
    ] {
        let fake = cloud("pp-1", status, refused);
        let message = rejected(submitted(&fake, &prepare(update(), Some("plan-0"))));
        assert_eq!(message, format!("plan-0, which this would replace, cannot be cancelled: {why}"));
        assert_eq!(fake.calls().get("CreateProvisionedProductPlan"), None);
    }
    // A cancellation without an answer is looked at, not believed.
    let lost = || Err(crate::seam::TransportError::Lost("reset".to_owned()));
    submitted(&cloud("pp-1", "Canceled", lost), &prepare(update(), Some("plan-0"))).expect("it was cancelled");
}

#[test]
fn what_is_gone_cannot_be_handed_in() {
    let fake = service(|_| no_product());
    assert_eq!(
        rejected(submitted(&fake, &prepare(update(), None))),
        "pp-1 cannot be changed: it does not exist any more"
    );
    let owner = Request::SetOwner { id: "pp-1".to_owned(), owner: "user/1".to_owned(), again: false };
    assert!(rejected(submitted(&cloud("pp-1", "", fine), &prepare(owner, None))).starts_with("internal error"));
}

fn execute(change: Request) -> Request {
    Request::Execute { change: Box::new(change), preparation: "plan-0".to_owned() }
}

#[test]
fn what_was_approved_is_carried_out_once() {
    for status in ["ApplicationApproved", "PreviewSuccess"] {
        let fake = cloud("pp-1", status, fine);
        let operation = submitted(&fake, &execute(update())).expect("accepted");
        assert_eq!((operation.id.as_str(), operation.product_id.as_str()), ("plan-0", "pp-1"));
        assert_eq!((operation.state, operation.kind.as_str()), (OperationState::Running, Operation::EXECUTION));
        assert_eq!(fake.calls()["ExecuteProvisionedProductPlan"], 1);
    }
    let fake = cloud("pp-1", "ExecuteInProgress", fine);
    assert_eq!(submitted(&fake, &execute(launch())).expect("running").state, OperationState::Running);
    assert_eq!(fake.calls().get("ExecuteProvisionedProductPlan"), None);
}

#[test]
fn what_is_not_approved_is_not_carried_out() {
    for (status, why) in [
        ("ApplicationInProgress", "it waits for approval by its approvers"),
        ("ApplicationRejected", "rejected"),
        ("PreviewInProgress", "it is PreviewInProgress"),
    ] {
        let fake = cloud("pp-1", status, fine);
        assert_eq!(rejected(submitted(&fake, &execute(update()))), format!("plan-0 cannot be carried out: {why}"));
        assert_eq!(fake.calls().get("ExecuteProvisionedProductPlan"), None);
    }
    let other = Request::Terminate { id: "pp-2".to_owned() };
    let fake = cloud("pp-1", "ApplicationApproved", fine);
    assert_eq!(rejected(submitted(&fake, &execute(other))), "plan-0 cannot be carried out: it is about pp-1");
}

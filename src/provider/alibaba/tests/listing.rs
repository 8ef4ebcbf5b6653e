use serde_json::{Value, json};

use super::super::tests::*;
use super::super::tests::{list, page, product};
use super::*;
use crate::model::Query;
use crate::provider::Provider;

fn observed(fake: &std::sync::Arc<Fake>, query: &Query) -> Observation {
    run(bench(fake, |_| {}).alibaba.observe(query)).expect("an answer")
}

#[test]
fn a_list_entry_becomes_a_product() {
    let seen = product(detail(7));
    let expected = ProvisionedProduct {
        id: "pp-7".to_owned(),
        name: "name-7".to_owned(),
        kind: "RosStack".to_owned(),
        status: Status::Available,
        status_message: None,
        product_id: "prod-1".to_owned(),
        product_name: "bucket".to_owned(),
        version_id: "pv-1".to_owned(),
        version_name: "1.0".to_owned(),
        tags: BTreeMap::new(),
        portfolio_id: Some("port-1".to_owned()),
        owner: Some("user/24477111603637".to_owned()),
        owner_session: None,
        physical_id: Some("stack-7".to_owned()),
        stack_region: Some("cn-beijing".to_owned()),
        created: Some("2025-01-02T03:04:05Z".parse().expect("a time")),
        last_operation: Some("task-7".to_owned()),
        last_provisioning: Some("task-7".to_owned()),
        last_successful: Some("task-7".to_owned()),
    };
    assert_eq!(seen, expected);
}

#[test]
fn what_is_missing_null_or_of_another_type_is_no_error() {
    let seen = product(json!({ "ProvisionedProductId": "pp-1", "Status": null, "ProductVersionName": 1 }));
    assert_eq!((seen.status, seen.version_name.as_str(), seen.owner), (Status::UnderChange, "1", None));
    assert_eq!((seen.kind.as_str(), seen.created), ("RosStack", None));
    let owner = |kind: &str| product(detail_with(1, json!({ "OwnerPrincipalType": kind }))).owner;
    assert_eq!(owner("RamRole").as_deref(), Some("role/24477111603637"));
    assert_eq!(owner("Account").as_deref(), Some("account/24477111603637"));
    let state = |word: &str| product(detail_with(1, json!({ "Status": word }))).status;
    assert_eq!([state("Error"), state("Melting")], [Status::Error, Status::UnderChange]);
    let time = |text: &str| product(detail_with(1, json!({ "CreateTime": text }))).created;
    assert!(time("2022-05-23T09:46:27.675Z").is_some() && time("yesterday").is_none());
}

#[test]
fn a_list_is_read_a_hundred_at_a_time_and_asked_for_as_the_sdk_does() {
    let fake = service(|ask| page(ask, 250));
    assert_eq!(observed(&fake, &list()).products.len(), 250);
    assert_eq!(fake.calls(), BTreeMap::from([("ListProvisionedProducts".to_owned(), 3)]));
    let mut queries: Vec<String> = fake.asks().into_iter().map(|ask| ask.uri).collect();
    queries.sort();
    let expected = |number| {
        format!(
            "https://servicecatalog.cn-hangzhou.aliyuncs.com/?AccessLevelFilter=Account&PageNumber={number}\
             &PageSize=100&SortBy=CreateTime&SortOrder=Asc"
        )
    };
    assert_eq!(queries, [expected(1), expected(2), expected(3)]);
    let empty = service(|ask| page(ask, 0));
    assert!(observed(&empty, &list()).products.is_empty());
    assert_eq!(empty.calls()["ListProvisionedProducts"], 1);
}

#[test]
fn own_products_are_another_level() {
    let fake = service(|ask| page(ask, 1));
    run(bench(&fake, |target| target.access = Access::User).alibaba.observe(&list())).expect("an answer");
    assert_eq!(fake.asks()[0].text("AccessLevelFilter"), "User");
}

#[test]
fn a_list_that_shifted_is_read_once_more() {
    // In the first reading the last product of page 1 is shown again on page 2, and another one not at all.
    let fake = service(|ask| {
        let second = ask.text("PageNumber") == "2";
        let shown: Vec<Value> = if !second {
            (0..100).map(detail).collect()
        } else if ask.nth <= 2 {
            vec![detail(99)]
        } else {
            vec![detail(100)]
        };
        ok(&json!({ "ProvisionedProductDetails": shown, "TotalCount": 101 }))
    });
    assert_eq!(observed(&fake, &list()).products.len(), 101);
    assert_eq!(fake.calls()["ListProvisionedProducts"], 4);
}

#[test]
fn a_list_that_stays_incomplete_is_a_problem() {
    let fake = service(|_| ok(&json!({ "ProvisionedProductDetails": [detail(1)], "TotalCount": 2 })));
    let error = run(bench(&fake, |_| {}).alibaba.observe(&list())).expect_err("incomplete").into_problem();
    assert_eq!(error.message, "target `prod`: ListProvisionedProducts counts 2 products and shows 1, twice");
    assert!(error.hint.is_some_and(|hint| hint.contains("access = \"user\"")));
}

#[test]
fn a_count_beyond_all_reason_is_not_followed() {
    let fake =
        service(|_| ok(&json!({ "ProvisionedProductDetails": [detail(1)], "TotalCount": "9000000000000000000" })));
    run(bench(&fake, |_| {}).alibaba.observe(&list())).expect_err("incomplete");
    assert_eq!(fake.calls()["ListProvisionedProducts"], 2);
}

#[test]
fn without_a_count_pages_are_read_until_one_is_not_full() {
    let fake = service(|ask| {
        let count = if ask.text("PageNumber") == "3" { 5 } else { 100 };
        let first = 100 * (ask.text("PageNumber").parse::<usize>().expect("n") - 1);
        let shown: Vec<Value> = (first..first + count).map(detail).collect();
        ok(&json!({ "ProvisionedProductDetails": shown }))
    });
    assert_eq!(observed(&fake, &list()).products.len(), 205);
}

#[test]
fn only_an_account_wide_look_says_that_something_is_gone() {
    let fake = service(|ask| match ask.text("ProvisionedProductId") {
        "pp-1" => ok(&json!({ "ProvisionedProductDetail": detail(1) })),
        "pp-2" => refuse("NoPermission", "You are not authorized."),
        "pp-3" => ok(&json!({ "ProvisionedProductDetail": detail(1) })),
        _ => no_product(),
    });
    let ids = ["pp-0", "pp-1", "pp-2", "pp-3"].map(str::to_owned);
    let query = Query { confirm: BTreeSet::from(ids), ..Query::default() };
    let seen = observed(&fake, &query);
    assert_eq!(seen.caller, ARN);
    assert_eq!(seen.products.keys().collect::<Vec<_>>(), ["pp-1"]);
    assert_eq!(seen.gone, BTreeSet::from(["pp-0".to_owned()]));
    assert_eq!(
        seen.unreadable[&Subject::Product("pp-2".to_owned())],
        "it cannot be read: NoPermission: You are not authorized. (request R-1)"
    );
    assert!(seen.unreadable[&Subject::Product("pp-3".to_owned())].starts_with("it cannot be read: EmptyAnswer"));

    let own = run(bench(&fake, |target| target.access = Access::User).alibaba.observe(&query)).expect("an answer");
    assert!(own.gone.is_empty());
    assert!(
        own.unreadable[&Subject::Product("pp-0".to_owned())].contains("sees its own products only"),
        "{:?}",
        own.unreadable
    );
}

#[test]
fn names_are_filtered_by_the_service_and_compared_by_case_here() {
    let fake = service(|ask| {
        let shown = json!([detail(1), detail_with(2, json!({ "ProvisionedProductName": "NAME-1" }))]);
        assert_eq!(ask.text("Filters.1.Key"), "ProvisionedProductName");
        ok(&json!({ "ProvisionedProductDetails": shown, "TotalCount": 2 }))
    });
    let query = Query { names: BTreeSet::from(["name-1".to_owned()]), ..Query::default() };
    assert_eq!(observed(&fake, &query).products.keys().collect::<Vec<_>>(), ["pp-1"]);
    assert_eq!(fake.calls().len(), 1);
}

#[test]
fn many_names_are_one_list() {
    let fake = world(150);
    let bench = bench(&fake, |_| {});
    run(bench.alibaba.observe(&list())).expect("a list");
    let names: BTreeSet<String> = (0..3).map(|number| format!("name-{number}")).collect();
    let seen = run(bench.alibaba.observe(&Query { names, ..Query::default() })).expect("an answer");
    assert_eq!(seen.products.len(), 150);
    assert_eq!(fake.calls(), BTreeMap::from([("ListProvisionedProducts".to_owned(), 4)]));
    let two = BTreeSet::from(["name-1".to_owned(), "name-2".to_owned()]);
    run(bench.alibaba.observe(&Query { names: two, ..Query::default() })).expect("an answer");
    assert_eq!(fake.calls()["ListProvisionedProducts"], 6);
}

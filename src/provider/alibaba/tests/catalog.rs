use serde_json::{Value, json};

use super::super::tests::*;
use super::super::tests::{list, template};
use super::*;
use crate::provider::Provider;

fn summary(id: &str, name: &str) -> Value {
    json!({ "ProductId": id, "ProductName": name, "HasDefaultLaunchOption": id == "prod-1" })
}

fn answer(ask: &Ask) -> Reply {
    match ask.action.as_str() {
        "ListProductsAsEndUser" => {
            let all = [
                summary("prod-1", "bucket"),
                summary("prod-2", "Bucket"),
                summary("prod-3", "twice"),
                summary("prod-4", "twice"),
            ];
            let wanted = ask.text("Filters.1.Value").to_lowercase();
            let shown: Vec<&Value> = all
                .iter()
                .filter(|s| wanted.is_empty() || s["ProductName"].as_str().unwrap().to_lowercase() == wanted)
                .collect();
            ok(&json!({ "ProductSummaries": shown, "TotalCount": shown.len() }))
        }
        "GetProductAsEndUser" if ask.text("ProductId") == "prod-9" => refuse("InvalidProduct.NotFound", "no"),
        "GetProductAsEndUser" => ok(&json!({ "ProductSummary": summary(ask.text("ProductId"), "hidden") })),
        "ListProductVersions" => ok(&json!({ "ProductVersionDetails": [
            { "ProductVersionId": "pv-2", "ProductVersionName": 2, "Active": true, "Guidance": "Latest" },
            { "ProductVersionId": "pv-0", "ProductVersionName": "0.9", "Active": "true", "Guidance": "Deprecated" },
            { "ProductVersionId": "pv-3", "ProductVersionName": "3", "Active": false },
            { "ProductVersionName": "without an id" },
        ] })),
        "ListLaunchOptions" => ok(&json!({ "LaunchOptionSummaries": [
            { "PortfolioId": "port-2", "PortfolioName": "Shared", "ConstraintSummaries": [
                { "ConstraintType": "Launch", "Description": "Launch as local role X" },
                { "ConstraintType": "Approval", "OperationTypes": ["LaunchProduct,TerminateProvisionedProduct"] } ] },
            { "PortfolioId": "port-1", "PortfolioName": "Base", "ConstraintSummaries": null },
            { "PortfolioId": "port-3", "PortfolioName": "Strict", "ConstraintSummaries": [
                { "ConstraintType": "Approval", "OperationTypes": ["All"] } ] },
            { "PortfolioId": "port-4", "PortfolioName": "Silent", "ConstraintSummaries": [{ "ConstraintType": "Approval" }] },
        ] })),
        "ListProvisionedProducts" => page(ask, 1),
        "GetTemplate" => template(),
        other => refuse("InvalidApi.NotFound", other),
    }
}

fn looked_up(wanted: &[&str]) -> (BTreeMap<String, Lookup>, BTreeMap<String, u64>) {
    let fake = service(answer);
    let products = wanted.iter().map(|name| (*name).to_owned()).collect();
    let seen = run(bench(&fake, |_| {}).alibaba.observe(&Query { products, ..Query::default() })).expect("an answer");
    (seen.catalog.products, fake.calls())
}

fn found(lookup: &Lookup) -> &CatalogProduct {
    match lookup {
        Lookup::Found(product) => product,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_product_by_name_takes_three_calls() {
    let (lookups, calls) = looked_up(&["bucket"]);
    let product = found(&lookups["bucket"]);
    assert_eq!((product.id.as_str(), product.name.as_str(), product.default_path), ("prod-1", "bucket", true));
    let versions: Vec<_> = product.versions.iter().map(|v| (v.id.as_str(), v.name.as_str(), v.deprecated)).collect();
    assert_eq!(versions, [("pv-0", "0.9", true), ("pv-2", "2", false)]);
    let path = |name: &str| product.paths.iter().find(|path| path.name == name).expect(name);
    assert_eq!(
        product.paths.iter().map(|path| path.id.as_str()).collect::<Vec<_>>(),
        ["port-1", "port-2", "port-4", "port-3"]
    );
    assert!(path("Base").approvals.is_empty());
    assert_eq!(path("Shared").approvals, BTreeSet::from([StepKind::Provision, StepKind::Terminate]));
    let all = BTreeSet::from([StepKind::Provision, StepKind::Update, StepKind::Terminate]);
    assert_eq!((&path("Strict").approvals, &path("Silent").approvals), (&all, &all));
    assert!(product.paths.iter().all(|path| path.tag_updates == TagUpdates::Allowed));
    assert_eq!(calls.values().sum::<u64>(), 3);
}

#[test]
fn a_product_by_id() {
    let (lookups, calls) = looked_up(&["prod-2", "prod-9"]);
    assert_eq!((found(&lookups["prod-2"]).id.as_str(), found(&lookups["prod-2"]).default_path), ("prod-2", false));
    assert!(matches!(&lookups["prod-9"], Lookup::Missing { .. }));
    assert_eq!(calls["GetProductAsEndUser"], 2);
}

#[test]
fn names_are_compared_by_case_and_need_not_be_unique() {
    let (lookups, _) = looked_up(&["BUCKET", "twice"]);
    let Lookup::Missing { visible } = &lookups["BUCKET"] else { panic!("{lookups:?}") };
    assert_eq!(visible, &["Bucket", "bucket", "twice"]);
    let Lookup::Ambiguous { candidates } = &lookups["twice"] else { panic!("{lookups:?}") };
    assert_eq!(candidates, &["twice (prod-3)", "twice (prod-4)"]);
}

#[test]
fn what_only_its_provisioned_products_show_is_asked_for_by_their_id() {
    let fake = service(|ask| match ask.action.as_str() {
        "ListProductsAsEndUser" => ok(&json!({ "ProductSummaries": [], "TotalCount": 0 })),
        "ListProvisionedProducts" => ok(&json!({
            "ProvisionedProductDetails": [detail_with(1, json!({ "ProductName": "old" }))], "TotalCount": 1
        })),
        _ => answer(ask),
    });
    let query = Query { products: BTreeSet::from(["old".to_owned()]), ..list() };
    let seen = run(bench(&fake, |_| {}).alibaba.observe(&query)).expect("an answer");
    let product = found(&seen.catalog.products["old"]);
    assert_eq!(product.id, "prod-1");
    // The version that runs is not listed any more: its name is known from what runs it.
    let version = product.versions.iter().find(|version| version.id == "pv-1").expect("it runs");
    assert_eq!((version.name.as_str(), version.active), ("1.0", false));
}

#[test]
fn a_version_that_is_not_active_is_shown_where_it_runs() {
    let fake = service(|ask| match ask.action.as_str() {
        "ListProvisionedProducts" => ok(&json!({
            "ProvisionedProductDetails": [detail_with(1, json!({ "ProductVersionId": "pv-3" }))], "TotalCount": 1
        })),
        _ => answer(ask),
    });
    let query = Query { products: BTreeSet::from(["bucket".to_owned()]), ..list() };
    let seen = run(bench(&fake, |_| {}).alibaba.observe(&query)).expect("an answer");
    let product = found(&seen.catalog.products["bucket"]);
    assert!(product.versions.iter().any(|version| version.id == "pv-3" && !version.active));
}

#[test]
fn without_a_permission_the_catalog_is_a_matter_of_access() {
    let fake = service(|_| refuse("NoPermission", "no"));
    let products = BTreeSet::from(["bucket".to_owned()]);
    let error = run(bench(&fake, |_| {}).alibaba.observe(&Query { products, ..Query::default() })).expect_err("denied");
    assert_eq!(error.into_problem().kind, crate::problem::Kind::Access);
}

fn key(version: &str, path: Option<&str>) -> TemplateKey {
    TemplateKey { product_id: "prod-1".to_owned(), version_id: version.to_owned(), path_id: path.map(str::to_owned) }
}

#[test]
fn one_template_serves_every_portfolio_and_the_next_run() {
    let (fake, files) = (service(answer), Arc::default());
    let keys = [key("pv-1", None), key("pv-1", Some("port-1")), key("pv-1", Some("port-2"))];
    let query = Query { templates: keys.into(), ..Query::default() };
    let first = run(bench_with(&fake, &files, |_| {}).alibaba.observe(&query)).expect("an answer");
    assert_eq!(first.catalog.templates.len(), 3);
    assert_eq!(fake.calls()["GetTemplate"], 1);
    let second = run(bench_with(&fake, &files, |_| {}).alibaba.observe(&query)).expect("an answer");
    assert_eq!(second.catalog.templates, first.catalog.templates);
    assert_eq!(fake.calls()["GetTemplate"], 1);
}

#[test]
fn a_template_that_cannot_be_read_is_that_versions_own_trouble() {
    let fake = service(|ask| match ask.text("ProductVersionId") {
        "pv-1" => template(),
        "pv-2" => ok(&json!({ "TemplateBody": "{" })),
        _ => refuse("InvalidTemplate.NotFound", "no"),
    });
    let query =
        Query { templates: [key("pv-1", None), key("pv-2", None), key("pv-3", None)].into(), ..Query::default() };
    let seen = run(bench(&fake, |_| {}).alibaba.observe(&query)).expect("an answer");
    assert_eq!(seen.catalog.templates.len(), 1);
    assert_eq!(
        seen.unreadable
            [&Subject::Template(TemplateKey { product_id: "prod-1".into(), version_id: "pv-2".into(), path_id: None })],
        "its template cannot be understood: it is not JSON (line 1, column 1)"
    );
    assert_eq!(
        seen.unreadable
            [&Subject::Template(TemplateKey { product_id: "prod-1".into(), version_id: "pv-3".into(), path_id: None })],
        "its template cannot be read: InvalidTemplate.NotFound: no (request R-1)"
    );
}

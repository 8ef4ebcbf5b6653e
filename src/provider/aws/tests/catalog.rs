use std::collections::BTreeSet;

use serde_json::json;

use super::super::tests::*;
use super::*;
use crate::problem::Kind;
use crate::provider::Provider;

fn asking(wanted: &[&str]) -> Query {
    Query { products: wanted.iter().map(|name| (*name).to_owned()).collect(), ..Query::default() }
}

fn not_found() -> Reply {
    refuse("ResourceNotFoundException", "not found")
}

fn described() -> Reply {
    ok(&json!({
        "ProductViewSummary": { "Id": "prodview-1", "ProductId": "prod-1", "Name": "VPC baseline" },
        "ProvisioningArtifacts": [
            { "Id": "pa-2", "Name": "2.0", "Guidance": "DEFAULT" },
            { "Id": "pa-1", "Name": "1.0", "Guidance": "DEPRECATED" }],
        "LaunchPaths": [{ "Id": "lpv3-1", "Name": "Networking" }] }))
}

fn found(lookup: &Lookup) -> &CatalogProduct {
    match lookup {
        Lookup::Found(product) => product,
        other => panic!("not found: {other:?}"),
    }
}

#[test]
fn a_product_is_two_calls() {
    let fake = service(|ask| match ask.operation.as_str() {
        "DescribeProduct" => described(),
        _ => ok(&json!({ "LaunchPathSummaries": [
            { "Id": "lpv3-1", "Name": "Networking", "ConstraintSummaries": [{ "Type": "RESOURCE_UPDATE" }] },
            { "Id": "lpv3-0", "Name": "Networking" }] })),
    });
    let answer = run(bench(&fake, |_| {}).aws.observe(&asking(&["VPC baseline"]))).expect("a product");
    let product = found(&answer.catalog.products["VPC baseline"]);
    assert_eq!(product.id, "prod-1");
    let versions: Vec<_> = product.versions.iter().map(|v| (v.id.as_str(), v.deprecated)).collect();
    assert_eq!(versions, [("pa-1", true), ("pa-2", false)]);
    let paths: Vec<_> = product.paths.iter().map(|p| (p.id.as_str(), p.tag_updates)).collect();
    assert_eq!(paths, [("lpv3-0", TagUpdates::NotKnown), ("lpv3-1", TagUpdates::Allowed)]);
    assert_eq!(fake.asks()[0].body, json!({ "Name": "VPC baseline" }));
    assert_eq!(fake.asks()[1].body, json!({ "ProductId": "prod-1", "PageSize": 20 }));
    assert_eq!(fake.asks().len(), 2);

    run(bench(&fake, |_| {}).aws.observe(&asking(&["prod-1"]))).expect("a product");
    assert_eq!(fake.asks()[2].body, json!({ "Id": "prod-1" }));
}

#[test]
fn an_administrator_without_a_launch_path() {
    let fake = service(|ask| match ask.operation.as_str() {
        "DescribeProductAsAdmin" => ok(&json!({
            "ProductViewDetail": { "ProductViewSummary": { "ProductId": "prod-1", "Name": "VPC" } },
            "ProvisioningArtifactSummaries": [{ "Id": "pa-1", "Name": "1.0" }] })),
        "ListProvisioningArtifacts" => ok(&json!({ "ProvisioningArtifactDetails": [
            { "Id": "pa-1", "Name": "1.0", "Active": true, "Guidance": "DEPRECATED" },
            { "Id": "pa-2", "Name": "2.0", "Active": false }] })),
        "ListLaunchPaths" => refuse("ResourceNotFoundException", "No launch paths found for resource: prod-1"),
        _ => not_found(),
    });
    let answer = run(bench(&fake, |_| {}).aws.observe(&asking(&["VPC"]))).expect("a product");
    let product = found(&answer.catalog.products["VPC"]);
    assert!(product.paths.is_empty());
    assert_eq!(product.versions.len(), 1);
    assert!(product.versions[0].deprecated);
    let expected = ["DescribeProduct", "DescribeProductAsAdmin", "ListLaunchPaths", "ListProvisioningArtifacts"];
    assert_eq!(fake.calls().into_keys().collect::<Vec<_>>(), expected);
}

#[test]
fn names_that_are_missing_or_ambiguous_come_with_candidates() {
    let fake = service(|ask| match ask.operation.as_str() {
        "SearchProducts" if ask.text("PageToken").is_empty() => ok(&json!({
            "ProductViewSummaries": [
                { "Id": "prodview-1", "ProductId": "prod-1", "Name": "VPC" },
                { "Id": "prodview-3", "ProductId": "prod-3", "Name": "Bucket" }],
            "NextPageToken": "2" })),
        "SearchProducts" => ok(&json!({ "ProductViewSummaries": [{ "ProductId": "prod-2", "Name": "VPC" }] })),
        _ => refuse("InvalidParametersException", "which one?"),
    });
    let answer = run(bench(&fake, |_| {}).aws.observe(&asking(&["Nothing", "VPC"]))).expect("answers");
    match (&answer.catalog.products["Nothing"], &answer.catalog.products["VPC"]) {
        (Lookup::Missing { visible }, Lookup::Ambiguous { candidates }) => {
            assert_eq!(visible, &["Bucket", "VPC"]);
            assert_eq!(candidates, &["VPC (prod-1)", "VPC (prod-2)"]);
        }
        other => panic!("{other:?}"),
    }
    // The search is shared.
    assert_eq!(fake.calls()["SearchProducts"], 2);
}

#[test]
fn who_may_read_nothing_of_the_catalog_is_told_so() {
    let fake = service(|_| refuse("AccessDeniedException", "not authorized"));
    let error = run(bench(&fake, |_| {}).aws.observe(&asking(&["VPC"]))).expect_err("denied");
    let problem = error.into_problem();
    assert_eq!(problem.kind, Kind::Access);
    assert!(problem.message.contains("may not DescribeProduct"), "{problem}");
}

fn key(version: &str, path: Option<&str>) -> TemplateKey {
    TemplateKey { product_id: "prod-1".into(), version_id: version.into(), path_id: path.map(str::to_owned) }
}

#[test]
fn templates() {
    let fake = service(|ask| match ask.text("ProvisioningArtifactId") {
        "pa-1" => ok(&json!({
            "ProvisioningArtifactParameters": [
                { "ParameterKey": "Size", "ParameterType": "Number", "DefaultValue": "3", "IsNoEcho": false,
                  "ParameterConstraints": { "AllowedValues": null, "MinValue": "1", "MaxValue": "many" } },
                { "ParameterKey": "Password", "ParameterType": "String", "IsNoEcho": true,
                  "ParameterConstraints": { "MinLength": "8", "AllowedPattern": "[a-z]*" } }],
            "ProvisioningArtifactOutputKeys": [{ "Key": "VpcId" }] })),
        "pa-2" => ok(&json!({ "ProvisioningArtifactOutputs": [] })),
        _ => refuse("ResourceNotFoundException", "No launch paths found for resource: prod-1"),
    });
    let (first, second, hidden) = (key("pa-1", Some("lpv3-1")), key("pa-2", None), key("pa-3", Some("lpv3-9")));
    let templates = BTreeSet::from([first.clone(), second.clone(), hidden.clone()]);
    let answer = run(bench(&fake, |_| {}).aws.observe(&Query { templates, ..Query::default() })).expect("templates");
    let template = &answer.catalog.templates[&first];
    let (size, password) = (&template.parameters["Size"], &template.parameters["Password"]);
    assert_eq!((size.kind.as_str(), size.default.as_deref()), ("Number", Some("3")));
    assert_eq!((size.min_value, size.max_value), (Some(1.0), None));
    assert!(password.no_echo && password.default.is_none());
    assert_eq!((password.min_length, password.allowed_pattern.as_deref()), (Some(8), Some("[a-z]*")));
    assert_eq!(template.outputs, Some(BTreeSet::from(["VpcId".to_owned()])));
    assert_eq!(answer.catalog.templates[&second].outputs, None);
    let why = &answer.unreadable[&Subject::Template(hidden)];
    assert!(why.starts_with(&format!("{ARN} cannot see this version through path lpv3-9")), "{why}");
    let body =
        &fake.asks().iter().find(|ask| ask.text("ProvisioningArtifactId") == "pa-1").expect("asked").body.clone();
    assert_eq!(*body, json!({ "ProductId": "prod-1", "ProvisioningArtifactId": "pa-1", "PathId": "lpv3-1" }));
}

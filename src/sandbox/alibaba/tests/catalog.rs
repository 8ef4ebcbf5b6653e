//! Products, versions, launch options, templates and regions; and the Terraform kind.

use serde_json::{Value, json};

use super::{Bench, Client, TERRAFORM_TEMPLATE, text};

#[test]
fn products_are_those_of_the_caller_s_portfolios() {
    let bench = Bench::new();
    let sandbox = bench.open();
    let (admin, boss) = (bench.client(&sandbox, "admin"), bench.client(&sandbox, "boss"));
    let all = admin.call("ListProductsAsEndUser", &[("PageSize", "2")]);
    assert_eq!((&all["TotalCount"], &all["PageSize"]), (&json!(5), &json!(2)));
    assert_eq!(all["ProductSummaries"].as_array().map(Vec::len), Some(2));
    assert_eq!(boss.call("ListProductsAsEndUser", &[])["TotalCount"], 0);
    let id = admin.product("vpc BASELINE");
    let product = admin.call("GetProductAsEndUser", &[("ProductId", &id)])["ProductSummary"].clone();
    let arn = format!("acs:servicecatalog:cn-hangzhou:1234567890123456:product/{id}");
    assert_eq!(
        product,
        json!({
            "ProductId": id,
            "ProductArn": arn,
            "ProductName": "VPC baseline",
            "ProductType": "Ros",
            "ProviderName": "sandbox",
            "Description": "a network",
            "TemplateType": "RosStandardTemplate",
            "CreateTime": "2025-10-07T09:00:00Z",
            "HasDefaultLaunchOption": true,
        })
    );
    assert_eq!(boss.refused("GetProductAsEndUser", &[("ProductId", &id)]), (404, "InvalidProduct.NotFound".into()));
    let found = [("Filters.1.Key", "FullTextSearch"), ("Filters.1.Value", "pin")];
    assert_eq!(admin.call("ListProductsAsEndUser", &found)["ProductSummaries"][0]["ProductName"], "pinned");
}

#[test]
fn versions_tell_whether_they_are_active_and_advised() {
    let bench = Bench::new();
    let sandbox = bench.open();
    let (admin, alice) = (bench.client(&sandbox, "admin"), bench.client(&sandbox, "alice"));
    let id = admin.product("VPC baseline");
    let names = |client: &Client<'_>| {
        let all = client.call("ListProductVersions", &[("ProductId", &id)]);
        let all = all["ProductVersionDetails"].as_array().expect("a list").clone();
        all.iter().map(|v| text(&v["ProductVersionName"])).collect::<Vec<_>>()
    };
    // An inactive version is hidden from end users.
    assert_eq!(names(&admin), ["1", "2", "bad", "old"]);
    assert_eq!(names(&alice), ["1", "2", "bad"]);
    let two = admin.version("VPC baseline", "2");
    let detail = admin.call("GetProductVersion", &[("ProductVersionId", &two)])["ProductVersionDetail"].clone();
    assert_eq!((&detail["Guidance"], &detail["Active"]), (&json!("Recommended"), &json!(true)));
    assert!(text(&detail["TemplateUrl"]).starts_with("oss://"));
    let old = admin.version("VPC baseline", "old");
    assert_eq!(admin.call("GetProductVersion", &[("ProductVersionId", &old)])["ProductVersionDetail"]["Active"], false);
    let refused = alice.refused("GetProductVersion", &[("ProductVersionId", &old)]);
    assert_eq!(refused, (404, "InvalidProductVersion.NotFound".into()));
}

#[test]
fn launch_options_have_their_constraints() {
    let bench = Bench::new();
    let sandbox = bench.open();
    let admin = bench.client(&sandbox, "admin");
    let options = |name: &str| {
        let id = admin.product(name);
        admin.call("ListLaunchOptions", &[("ProductId", &id)])["LaunchOptionSummaries"].clone()
    };
    let vpc = options("VPC baseline");
    assert_eq!(vpc[0]["PortfolioName"], "Networking");
    assert_eq!(
        vpc[0]["ConstraintSummaries"],
        json!([{ "ConstraintType": "Launch", "Description": "Launch as local role Launch" }])
    );
    let guarded = options("guarded");
    let approval = &guarded[0]["ConstraintSummaries"][0];
    assert_eq!(approval["ConstraintType"], "Approval");
    assert_eq!(approval["OperationTypes"], json!(["UpdateProvisionedProduct,LaunchProduct"]));
    assert_eq!(options("pinned")[0]["ConstraintSummaries"][0]["StackRegions"], json!(["cn-shanghai"]));
    assert_eq!(options("Terraform").as_array().map(Vec::len), Some(2));
}

#[test]
fn templates_are_given_as_json() {
    let bench = Bench::new();
    let sandbox = bench.open();
    let admin = bench.client(&sandbox, "admin");
    let body = |product: &str, version: &str| {
        let (product, version) = (admin.product(product), admin.version(product, version));
        let found = admin.call("GetTemplate", &[("ProductId", &product), ("ProductVersionId", &version)]);
        text(&found["TemplateBody"])
    };
    assert_eq!(body("VPC baseline", "1"), super::JSON_TEMPLATE);
    assert_eq!(body("Terraform", "1"), TERRAFORM_TEMPLATE);
    let yaml: Value = serde_json::from_str(&body("VPC baseline", "2")).expect("JSON");
    assert_eq!(yaml["Parameters"]["Size"], json!({ "Type": "Number", "Default": 4 }));
    assert_eq!(yaml["Parameters"]["Secret"]["NoEcho"], true);
    assert_eq!(yaml["Outputs"]["Cidr"]["Value"], json!({ "Ref": "CidrBlock" }));
    assert_eq!(yaml["ROSTemplateFormatVersion"], "2015-09-01");
    let (product, version) = (admin.product("pinned"), admin.version("VPC baseline", "1"));
    let other = [("ProductId", product.as_str()), ("ProductVersionId", &version)];
    assert_eq!(admin.refused("GetTemplate", &other).1, "InvalidProductVersion.NotFound");
}

#[test]
fn regions_are_those_of_the_account() {
    let bench = Bench::new();
    let sandbox = bench.open();
    let regions = bench.client(&sandbox, "alice").call("ListRegions", &[])["Regions"].clone();
    assert_eq!(regions[1]["RegionId"], "cn-hangzhou");
    assert_eq!(regions[1]["RegionEndpoint"], "servicecatalog.cn-hangzhou.aliyuncs.com");
}

#[test]
fn a_terraform_product_has_its_variables_and_outputs() {
    let bench = Bench::new();
    let sandbox = bench.open();
    let admin = bench.client(&sandbox, "admin");
    let (product, version) = (admin.product("Terraform"), admin.version("Terraform", "1"));
    let summary = admin.call("GetProductAsEndUser", &[("ProductId", &product)])["ProductSummary"].clone();
    assert_eq!(summary["TemplateType"], "RosTerraformTemplate");
    assert_eq!(summary["HasDefaultLaunchOption"], false);
    let options = admin.call("ListLaunchOptions", &[("ProductId", &product)])["LaunchOptionSummaries"].clone();
    let portfolio = text(&options[1]["PortfolioId"]);
    let launch = |parameters: &[(&str, &str)]| {
        let mut all = vec![
            ("ProductId", product.as_str()),
            ("ProductVersionId", &version),
            ("PortfolioId", &portfolio),
            ("ProvisionedProductName", "tf"),
            ("StackRegionId", "cn-shanghai"),
        ];
        all.extend(parameters);
        let id = text(&admin.call("LaunchProduct", &all)["ProvisionedProductId"]);
        admin.sleep(60);
        admin.instance(&id)
    };
    let missing = launch(&[]);
    assert_eq!((&missing["Status"], &missing["PortfolioId"]), (&json!("Error"), &json!(portfolio)));
    assert_eq!(missing["StatusMessage"], "Parameters: [size] must have values");
    let size = |value| [("Parameters.1.ParameterKey", "size"), ("Parameters.1.ParameterValue", value)];
    assert_eq!(launch(&size("two"))["StatusMessage"], "Parameter 'size' must be a number");
    let password = [("Parameters.2.ParameterKey", "password"), ("Parameters.2.ParameterValue", "canary")];
    let done = launch(&[size("2"), password].concat());
    let task = admin.task(&text(&done["LastTaskId"]));
    assert_eq!(task["Parameters"][0], json!({ "ParameterKey": "password", "ParameterValue": "******" }));
    let outputs = task["Outputs"].as_array().expect("a list");
    assert!(text(&outputs[0]["OutputValue"]).starts_with("vpc-"), "{task}");
    assert_eq!(outputs[1], json!({ "OutputKey": "title", "OutputValue": "vpc-web", "Description": "its name" }));
    assert_eq!(task["Log"]["TerraformLogs"][0]["Command"], "apply");
}

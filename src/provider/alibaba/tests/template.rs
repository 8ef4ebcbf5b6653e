use std::collections::BTreeSet;

use super::*;

const ROS: &str = r#"{
  "ROSTemplateFormatVersion": "2015-09-01",
  "Parameters": {
    "Size": { "Type": "Number", "Default": 40, "MinValue": 20, "MaxValue": "500", "AllowedValues": [20, 40.5, "60"] },
    "Name": { "Type": "String", "MinLength": 1, "MaxLength": "8", "AllowedPattern": "[a-z]+",
              "ConstraintDescription": { "zh-cn": "小写", "en": "lower case" } },
    "Empty": { "Type": "String", "Default": null },
    "Password": { "NoEcho": true, "Default": "hunter2" },
    "Token": { "NoEcho": "True" },
    "Flag": { "Type": "Boolean", "Default": true },
    "Map": { "Type": "Json", "Default": { "a": [1, null] } },
    "Odd": "not a parameter"
  },
  "Resources": {},
  "Outputs": { "Id": { "Value": { "Ref": "x" } }, "Arn": {} }
}"#;

#[test]
fn a_template_in_json() {
    let template = read(ROS).expect("a template");
    let get = |name: &str| template.parameters[name].clone();
    let size = get("Size");
    assert_eq!((size.kind.as_str(), size.default.as_deref()), ("Number", Some("40")));
    assert_eq!((size.min_value, size.max_value), (Some(20.0), Some(500.0)));
    assert_eq!(size.allowed_values, ["20", "40.5", "60"]);
    let name = get("Name");
    assert_eq!((name.min_length, name.max_length, name.default), (Some(1), Some(8), None));
    assert_eq!(name.allowed_pattern.as_deref(), Some("[a-z]+"));
    assert_eq!(name.constraint_description.as_deref(), Some("lower case"));
    assert_eq!((get("Empty").default, get("Empty").nullable), (None, true));
    assert_eq!((get("Flag").kind, get("Flag").default), ("Boolean".to_owned(), Some("true".to_owned())));
    assert_eq!(get("Map").default.as_deref(), Some(r#"{"a":[1,null]}"#));
    assert_eq!(template.parameters.len(), 7);
    assert_eq!(template.outputs, Some(BTreeSet::from(["Arn".to_owned(), "Id".to_owned()])));
}

#[test]
fn of_a_secret_default_only_its_presence_is_known() {
    let template = read(ROS).expect("a template");
    let password = &template.parameters["Password"];
    assert_eq!((password.no_echo, password.kind.as_str(), password.default.as_deref()), (true, "String", Some("")));
    let token = &template.parameters["Token"];
    assert_eq!((token.no_echo, token.default.as_deref()), (true, None));
    assert!(!format!("{template:?}").contains("hunter2"));
}

#[test]
fn a_template_in_yaml_keeps_scalars_as_they_are_written() {
    let text = "ROSTemplateFormatVersion: '2015-09-01'\nParameters:\n  Code: &p\n    Type: String\n    Default: 0123\n  \
                Ratio: {Type: Number, Default: 1.10}\n  Yes: {Default: yes, NoEcho: false}\n  Nil:\n    Default:\n  \
                Same: *p\nOutputs:\n  Id:\n    Value: !Ref x\n";
    let template = read(text).expect("a template");
    let default = |name: &str| template.parameters[name].default.clone();
    assert_eq!(default("Code").as_deref(), Some("0123"));
    assert_eq!(default("Same").as_deref(), Some("0123"));
    assert_eq!(default("Ratio").as_deref(), Some("1.10"));
    assert_eq!(default("Yes").as_deref(), Some("yes"));
    assert_eq!(default("Nil"), None);
    assert_eq!(template.outputs, Some(BTreeSet::from(["Id".to_owned()])));
}

#[test]
fn a_template_of_the_terraform_type() {
    let template = read(
        r#"{"ROSTemplateFormatVersion":"2015-09-01","Transform":"Aliyun::Terraform-v1.1",
            "Workspace":{"main.tf":"variable \"x\" {}\noutput \"y\" { value = var.x }"},"Outputs":{}}"#,
    )
    .expect("a template");
    assert_eq!(template.parameters.keys().collect::<Vec<_>>(), ["x"]);
    assert_eq!(template.outputs, Some(BTreeSet::from(["y".to_owned()])));
    assert!(read(r#"{"Transform":["Aliyun::Terraform-v1.0"]}"#).is_err());
}

#[test]
fn what_is_no_template_is_an_error_without_a_quote() {
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    let wide = format!("a: &a [{}]\nb: &b [{}]\nc: [{}]\n", "x,".repeat(999), "*a,".repeat(999), "*b,".repeat(999));
    for text in
        ["", "{", "[1]", "a: b: c", "- 1", "\u{1}", "*x", "? [a]\n: b", &deep, &wide, "{\"secret\": \"hunter2\""]
    {
        let error = read(text).expect_err(text);
        assert!(!error.contains("hunter2"), "{error}");
    }
    // Sections of another form are as good as none.
    let template = read(r#"{"Parameters": [1], "Outputs": "x"}"#).expect("lenient");
    assert_eq!(template, Template { outputs: Some(BTreeSet::new()), ..Template::default() });
}

proptest::proptest! {
    /// Whatever stands in a template, it is read or it is an error.
    #[test]
    fn no_text_is_too_odd(text in "[-a-z{}\\[\\]:,\"'&*!|>#%@\\n \\t0-9<=.$]{0,80}") {
        drop(read(&text));
        let files = serde_json::json!({ "Transform": "Aliyun::Terraform-v1.1", "Workspace": { "a.tf": text, "b.tf.json": text } });
        drop(read(&files.to_string()));
    }
}

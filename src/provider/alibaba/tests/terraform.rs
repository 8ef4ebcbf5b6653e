use serde_json::json;

use super::*;

fn module(files: &Value) -> Result<Template, String> {
    read(files.as_object().expect("an object"))
}

const MAIN: &str = r#"
variable "name" {
  type        = string # a comment with { and "
  description = "Braces } and ${not} here"
  validation {
    condition     = length(var.name) > 0
    error_message = "empty"
  }
}
variable "size" {
  type    = number
  default = -1.50
}
variable "on" {
  type    = bool
  default = true
}
variable "zones" {
  type = list(
    string
  )
  default = ["a", "b"]
}
variable "config" {
  type    = object({ a = string, b = optional(number) })
  default = { a = "x", "b" = 1, c = null }
}
variable "password" {
  type      = string
  sensitive = true
  default   = "hunter2"
}
variable "none" { default = null }
variable "text" {
  default = <<EOT
line
EOT
}
locals { variable = "x" }
resource "alicloud_vpc" "variable" {
  name = "variable \"fake\" {}"
}
/* variable "commented" {} */
output "id" { value = alicloud_vpc.variable.id }
"#;

#[test]
fn variables_are_parameters() {
    let template =
        module(&json!({ "main.tf": MAIN, "README.md": "variable \"x\" {}", "modules/a/main.tf": "variable \"y\" {}" }))
            .expect("a module");
    let get = |name: &str| {
        let spec = template.parameters[name].clone();
        (spec.kind, spec.default, spec.no_echo)
    };
    let some = |text: &str| Some(text.to_owned());
    let string = || "String".to_owned();
    assert_eq!(get("name"), (string(), None, false));
    assert_eq!(get("size"), ("Number".to_owned(), some("-1.5"), false));
    assert_eq!(get("on"), ("Boolean".to_owned(), some("true"), false));
    assert_eq!(get("zones"), ("list( string )".to_owned(), some(r#"["a","b"]"#), false));
    let (kind, default, _) = get("config");
    assert!(kind.starts_with("object("), "{kind}");
    assert_eq!(default, some(r#"{"a":"x","b":1,"c":null}"#));
    assert_eq!(get("password"), (string(), some(""), true));
    assert_eq!(get("none"), (string(), None, false));
    assert!(template.parameters["none"].nullable && !template.parameters["text"].nullable);
    assert_eq!(get("text"), (string(), some("line\n"), false));
    assert_eq!(template.parameters.len(), 8);
    assert_eq!(template.outputs, Some(BTreeSet::from(["id".to_owned()])));
}

#[test]
fn files_of_the_json_form_count_as_well() {
    let text = json!({
        "variable": { "a": { "type": "string", "default": "x" }, "b": [{ "type": "number", "default": 3, "sensitive": "true" }] },
        "output": [{ "one": { "value": 1 } }, { "two": {} }],
    });
    let template = module(&json!({ "./v.tf.json": text.to_string(), "m.tf": "variable c {}" })).expect("a module");
    assert_eq!(template.parameters.keys().collect::<Vec<_>>(), ["a", "b", "c"]);
    let b = &template.parameters["b"];
    assert_eq!((b.kind.as_str(), b.default.as_deref(), b.no_echo), ("Number", Some(""), true));
    assert_eq!(template.outputs, Some(BTreeSet::from(["one".to_owned(), "two".to_owned()])));
}

#[test]
fn a_file_that_is_no_terraform_is_named() {
    assert_eq!(
        module(&json!({ "a.tf": "variable {" })).expect_err("HCL"),
        "its file a.tf is not HCL (line 1, column 11)"
    );
    assert_eq!(module(&json!({ "a.tf.json": "[]" })).expect_err("JSON"), "its file a.tf.json is not JSON");
    let deep = format!("a = {}1{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(module(&json!({ "a.tf": deep })).is_err());
    let blocks = "a {\n".repeat(100_000);
    assert!(module(&json!({ "a.tf": blocks })).is_err());
}

//! Real product templates: with each, an existing product is adopted, brought to another version, and then as the files
//! say. The templates are not ours and not here: `TENURE_TEMPLATES` names their folder.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tenure::sandbox::template::{Parameter, Template};

/// Values that some rule or other accepts; the first that a parameter's own rules allow is used.
const CANDIDATES: [&str; 7] =
    ["sample", "10.0.0.0/16", "Sample1", "Passw0rd-of-a-Sample", "subnet-0a1b2c3d", "eu-west-1a", "12"];

#[test]
fn every_template_is_adopted_applied_and_then_as_the_files_say() {
    let Some(folder) = std::env::var_os("TENURE_TEMPLATES").map(PathBuf::from) else {
        println!("skipped: TENURE_TEMPLATES is not set");
        return;
    };
    let mut templates: Vec<PathBuf> = fs::read_dir(&folder)
        .expect("TENURE_TEMPLATES is a folder")
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json" || extension == "yml"))
        .collect();
    templates.sort();
    assert!(!templates.is_empty(), "there is no template in {}", folder.display());
    for template in &templates {
        round(template);
    }
    println!("{} templates", templates.len());
}

fn round(path: &Path) {
    let name = path.file_name().expect("a file").to_string_lossy().into_owned();
    let template = Template::parse(&name, &fs::read(path).expect("a readable template")).expect("a template");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let values: Vec<(&Parameter, String)> = template.parameters.iter().map(|p| (p, value(p))).collect();
    fs::write(folder.path().join("sandbox.toml"), seed(path, &values)).expect("a writable folder");
    fs::write(folder.path().join("tenure.toml"), files(&values)).expect("a writable folder");

    let first = tenure(folder.path(), &["plan", "--detailed-exitcode"]);
    assert_eq!(first.status.code(), Some(2), "{name}: {}", shown(&first));
    assert!(text(&first.stdout).contains("adopt"), "{name}: {}", shown(&first));
    let applied = tenure(folder.path(), &["apply", "-y"]);
    assert_eq!(applied.status.code(), Some(0), "{name}: {}", shown(&applied));
    let second = tenure(folder.path(), &["plan", "--detailed-exitcode"]);
    assert_eq!(second.status.code(), Some(0), "{name}: {}", shown(&second));
    assert!(text(&second.stdout).starts_with("Nothing to do"), "{name}: {}", shown(&second));
}

/// A value that the parameter's own rules allow.
fn value(parameter: &Parameter) -> String {
    if let Some(default) = &parameter.default {
        return default.clone();
    }
    if let Some(first) = parameter.allowed_values.first() {
        return first.clone();
    }
    let length = |text: &Option<String>| text.as_ref().and_then(|text| text.parse::<usize>().ok());
    let (least, most) = (length(&parameter.min_length).unwrap_or(0), length(&parameter.max_length).unwrap_or(4096));
    let pattern = parameter.allowed_pattern.as_ref().map(|p| fancy_regex::Regex::new(&format!("^(?:{p})$")));
    let fits = |candidate: &&str| {
        let matches = match &pattern {
            Some(Ok(pattern)) => pattern.is_match(candidate).unwrap_or(false),
            _ => true,
        };
        matches && (least..=most).contains(&candidate.len())
    };
    let found = CANDIDATES.iter().copied().find(fits);
    found.unwrap_or_else(|| panic!("no candidate suits parameter {}", parameter.name)).to_owned()
}

fn seed(template: &Path, values: &[(&Parameter, String)]) -> String {
    let template = template.canonicalize().expect("an existing template");
    let mut text = format!(
        r#"
seed = 11
[account."123456789012"]
provider = "aws"
regions = ["eu-west-1"]
[principal.admin]
arn = "arn:aws:iam::123456789012:role/Admin"
access_key_id = "AKIASANDBOXADMIN"
secret_access_key = "sandbox-admin-secret"
access = "account"
[portfolio.real]
account = "123456789012"
region = "eu-west-1"
name = "Real"
principals = ["admin"]
[product.real]
name = "Real"
portfolios = ["real"]
[[product.real.version]]
name = "v1"
template = {template:?}
duration = "60s"
[[product.real.version]]
name = "v2"
template = {template:?}
duration = "60s"
[provisioned_product.thing]
product = "real"
version = "v1"
owner = "arn:aws:iam::123456789012:role/Before"
launch_role = "arn:aws:iam::123456789012:role/LaunchBefore"
[provisioned_product.thing.parameters]
"#,
    );
    for (parameter, value) in values {
        writeln!(text, "{} = {value:?}", parameter.name).expect("a string takes everything");
    }
    text
}

fn files(values: &[(&Parameter, String)]) -> String {
    let mut text = String::from(
        r#"
[target.prod]
provider = "aws"
region = "eu-west-1"
account = "123456789012"
endpoint = "sandbox:"
[provisioned_product.thing]
target = "prod"
product = "Real"
version = "v2"
owner = "role/After"
launch_role = "role/LaunchAfter"
"#,
    );
    for (parameter, value) in values {
        let written = if parameter.no_echo { "{ previous = true }".to_owned() } else { format!("{value:?}") };
        writeln!(text, "parameters.{} = {written}", parameter.name).expect("a string takes everything");
    }
    text
}

fn tenure(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tenure"))
        .args(["-C", &folder.to_string_lossy()])
        .args(arguments)
        .output()
        .expect("the program runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn shown(output: &Output) -> String {
    format!("exit {:?}\n{}\n{}", output.status.code(), text(&output.stdout), text(&output.stderr))
}

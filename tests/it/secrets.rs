//! The whole program on a project with secrets in several positions: whatever it says or writes down, none of them is in
//! it, in no encoding. The imaginary cloud's own files are the cloud's.

use std::fmt::Write as _;

use crate::bench::{Bench, Said};

/// With characters that every encoding writes differently.
const OPEN: &str = "p@ss \"w\u{f6}rd\" /+1%x";
const HIDDEN: &str = "hidden=\\of&all>2";
const FAILING: &str = "fail?~[it]'s*gone";

const CLOUD: &str = r#"
seed = 3
[account."123456789012"]
provider = "aws"
regions = ["eu-west-1"]
[principal.admin]
arn = "arn:aws:iam::123456789012:role/Admin"
access_key_id = "AKIAADMIN"
secret_access_key = "x"
access = "account"
[portfolio.all]
account = "123456789012"
name = "All"
principals = ["admin"]
[product.db]
portfolios = ["all"]
[[product.db.version]]
name = "1"
template = "db.yaml"
[product.app]
portfolios = ["all"]
[[product.app.version]]
name = "1"
template = "app.yaml"
"#;

const DB: &str = r#"
Parameters:
  Open: { Type: String }
  Hidden: { Type: String, NoEcho: true }
  Short: { Type: String, MaxLength: 60, Default: x }
Resources:
  Database: { Type: AWS::RDS::DBInstance, Properties: { MasterUserPassword: !Ref Open } }
Outputs:
  Id: { Value: !Ref Database }
  Url: { Value: !Sub "db://user:${Open}@host/" }
  Header: { Value: !Join ["", ["Basic ", { "Fn::Base64": !Sub "u:${Open}" }]] }
  Veiled: { Value: !Ref Hidden }
"#;

const APP: &str = r#"
Parameters:
  Upstream: { Type: String, Default: none }
  Hidden: { Type: String, NoEcho: true, Default: changeme }
Resources:
  Instance: { Type: AWS::EC2::Instance, Properties: { SubnetId: !Ref Upstream } }
Outputs:
  Id: { Value: !Ref Instance }
"#;

const TARGET: &str = "[limits]\nterminate = 9\nchange_percent = 100\n[target.prod]\nprovider = \"aws\"\n\
                      region = \"eu-west-1\"\naccount = \"123456789012\"\nendpoint = \"sandbox:\"\n";

fn db(version: u32) -> String {
    format!(
        "[provisioned_product.db]\ntarget = \"prod\"\nproduct = \"db\"\nversion = \"1\"\n\
         parameters.Open = {{ secret = \"env:OPEN\", version = {version} }}\n\
         parameters.Hidden = {{ secret = \"env:HIDDEN\", version = {version} }}\n"
    )
}

fn app(upstream: &str) -> String {
    format!(
        "[provisioned_product.app]\ntarget = \"prod\"\nproduct = \"app\"\nversion = \"1\"\n\
         parameters.Upstream = {upstream}\nparameters.Hidden = {{ secret = \"env:HIDDEN\", version = 1 }}\n"
    )
}

/// The forms in which a value could have slipped out.
fn forms(secret: &str) -> Vec<String> {
    let bytes = secret.as_bytes();
    let json = serde_json::to_string(secret).unwrap();
    let json = json.trim_matches('"').to_owned();
    let (mut hex, mut percent, mut ascii) = (String::new(), String::new(), String::new());
    for byte in bytes {
        write!(hex, "{byte:02x}").unwrap();
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => percent.push(char::from(*byte)),
            _ => write!(percent, "%{byte:02X}").unwrap(),
        }
    }
    for c in json.chars() {
        if c.is_ascii() { ascii.push(c) } else { write!(ascii, "\\u{:04x}", u32::from(c)).unwrap() }
    }
    let mut forms = vec![secret.to_owned(), json, ascii, hex.to_uppercase(), hex, percent.replace("%20", "+"), percent];
    for before in ["", "u", "u:", "u:", "db://user:"] {
        let text = format!("{before}{secret}");
        // What stands before and behind it decides the digits at the ends.
        let digits = base64(text.as_bytes());
        let from = (before.len() * 8).div_ceil(6);
        let to = (text.len() * 8) / 6;
        forms.extend([digits[from..to].to_owned(), digits[from..to].replace('+', "-").replace('/', "_")]);
    }
    forms
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |chunk: &[u8]| {
        let mut three = [0; 3];
        three[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from(three[0]) << 16 | u32::from(three[1]) << 8 | u32::from(three[2]);
        [18, 12, 6, 0].map(|shift| char::from(DIGITS[(bits >> shift & 63) as usize])).into_iter().collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}

/// A bench whose every word and file is read.
struct Watched {
    bench: Bench,
    forms: Vec<String>,
}

impl Watched {
    fn new() -> Watched {
        let bench = Bench::empty();
        for (name, text) in [("sandbox.toml", CLOUD), ("db.yaml", DB), ("app.yaml", APP)] {
            bench.write(name, text);
        }
        Watched { bench, forms: [OPEN, HIDDEN, FAILING].iter().flat_map(|secret| forms(secret)).collect() }
    }

    fn project(&self, blocks: &[String]) {
        self.bench.write("tenure.toml", TARGET.to_owned() + &blocks.concat());
    }

    #[track_caller]
    fn run(&self, line: &str, code: i32) -> Said {
        self.run_with(line, code, &[("OPEN", OPEN), ("HIDDEN", HIDDEN)])
    }

    #[track_caller]
    fn run_with(&self, line: &str, code: i32, environment: &[(&str, &str)]) -> Said {
        let said = self.bench.run_with(line, environment).ended(code);
        self.look(&format!("{line}: stdout"), said.out.as_bytes());
        self.look(&format!("{line}: stderr"), said.err.as_bytes());
        for (path, bytes) in self.bench.kept() {
            if !path.starts_with(self.bench.path().join(".tenure/sandbox")) {
                self.look(&format!("{line}: {}", path.display()), &bytes);
            }
        }
        said
    }

    #[track_caller]
    fn look(&self, place: &str, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        let found: Vec<&String> = self.forms.iter().filter(|form| text.contains(form.as_str())).collect();
        assert!(found.is_empty(), "{place} has {found:?}:\n{text}");
    }

    #[track_caller]
    fn plans(&self, code: i32) -> String {
        for form in ["json", "markdown"] {
            self.run(&format!("tenure plan --full --format {form}"), code);
        }
        // A review has no secrets.
        self.run_with("tenure plan --json", code, &[]);
        let said = self.run("tenure -v plan --full --timings", code);
        said.out + &said.err
    }
}

#[test]
fn no_secret_is_in_anything_that_is_said_or_written() {
    let watched = Watched::new();
    watched.project(&[db(1), app("\"${provisioned_product.db.outputs.Id}\"")]);
    watched.plans(0);
    watched.run("tenure -v apply -y --timings", 0);
    watched.plans(0);
    // Sent again with another version, and kept beside another change.
    watched.project(&[db(2), app("\"${provisioned_product.db.outputs.Id}-2\"")]);
    watched.plans(0);
    let (open, hidden) = (format!("{OPEN}2"), format!("{HIDDEN}2"));
    watched.run_with("tenure apply -y --json", 0, &[("OPEN", &open), ("HIDDEN", &hidden)]);
    watched.project(&[db(2).replace("version = \"1\"\n", "version = \"1\"\nparameters.Short = \"other\"\n")]);
    watched.run("tenure apply -y", 0);
    // Not named any more, it is shown by nobody.
    let open = watched.bench.read("tenure.toml").replace("{ secret = \"env:OPEN\", version = 2 }", "\"open\"");
    watched.bench.write("tenure.toml", open);
    assert!(watched.plans(0).contains("(secret) → \"open\""));
    watched.run("tenure apply -y", 0);
    for line in ["tenure history", "tenure history --json", "tenure owners", "tenure graph", "tenure destroy -y"] {
        watched.run(line, 0);
    }
}

#[test]
fn an_output_that_repeats_a_secret_is_refused_where_it_is_read() {
    for output in ["Url", "Header"] {
        let watched = Watched::new();
        let reader = app(&format!("\"${{provisioned_product.db.outputs.{output}}}\""));
        // In one plan nobody knows the output before it is there.
        watched.project(&[db(1), reader.clone()]);
        watched.plans(0);
        let said = watched.run("tenure apply -y", 1);
        let message = format!("output `{output}` of `db@prod` repeats the secret of `parameters.Open`");
        assert!(said.out.contains(&message) || said.err.contains(&message), "{}{}", said.out, said.err);
        // Afterwards the plan says so, with the place.
        let said = watched.plans(3);
        assert!(said.contains(&format!("error: tenure.toml:19:23: {message}")), "{said}");
        watched.run("tenure apply -y", 3);
        // Changed together with what it repeats, and without the secret in the environment where it is kept.
        watched.project(&[db(1).replace("\"1\"\n", "\"1\"\nparameters.Short = \"other\"\n"), reader]);
        watched.plans(0);
        watched.run_with("tenure apply -y", 1, &[("HIDDEN", HIDDEN)]);
    }
}

#[test]
fn a_failure_tells_no_secret() {
    let watched = Watched::new();
    // The service's text has it because the template has: the rule is about that very value.
    let rule = format!("Open: {{ Type: String, AllowedPattern: 'a', ConstraintDescription: {:?} }}", FAILING);
    watched.bench.write("db.yaml", DB.replace("Open: { Type: String }", &rule));
    watched.project(&[db(1)]);
    let environment = [("OPEN", FAILING), ("HIDDEN", HIDDEN)];
    let said = watched.run_with("tenure apply -y", 1, &environment);
    assert!(said.out.contains("(secret)"), "{}", said.out);
    let said = watched.run_with("tenure plan", 0, &environment);
    assert!(said.out.contains("(secret)"), "{}", said.out);
    let said = watched.run_with("tenure plan", 0, &[]);
    assert!(said.out.contains("which is not set here"), "{}", said.out);
    // Another run finds out how it ended: as if the first had been killed when it was accepted.
    let whole = watched.bench.read("tenure.ledger.jsonl");
    let accepted = whole.lines().position(|line| line.contains("\"type\":\"submitted\"")).unwrap();
    let cut: String = whole.split_inclusive('\n').take(accepted + 1).collect();
    for (environment, told) in [(&environment[..], "(secret)"), (&[], "is not set here")] {
        watched.bench.write("tenure.ledger.jsonl", &cut);
        watched.run_with("tenure apply -y", 1, environment);
        let kept = watched.bench.read("tenure.ledger.jsonl");
        assert!(kept.contains("\"type\":\"failed\"") && kept.contains(told), "{kept}");
    }
}

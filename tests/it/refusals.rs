//! Exit codes 3, 4, 5 and 7 promise that nothing was sent: whatever is wrong, the world and the ledger stay as they are.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Stdio};

use crate::bench::{Bench, Said};

/// The quickstart after it was applied, with a change waiting.
fn changed() -> Bench {
    let bench = Bench::example("quickstart");
    bench.run("tenure apply -y").ended(0);
    bench.edit("tenure.toml", "Instances  = 2", "Instances  = 3");
    bench
}

/// Runs a command that is refused, and looks at every file that it could have written.
#[track_caller]
fn refused(bench: &Bench, line: &str, code: i32) -> Said {
    // Who held a lock last is noted in it, for whoever comes second.
    let kept = || bench.kept().into_iter().filter(|(path, _)| !path.ends_with("tenure.ledger.jsonl.lock"));
    let before: Vec<_> = kept().collect();
    let said = bench.run(line).ended(code);
    assert!(kept().eq(before), "`{line}` has written something");
    said
}

#[test]
fn nothing_is_written_by_a_run_that_is_refused() {
    let bench = changed();
    for line in [
        "tenure apply",
        "tenure destroy",
        "tenure apply -y --only nothing",
        "tenure apply -y --allow terminate",
        "tenure apply -y --seed nowhere.toml",
        "tenure -C nowhere apply -y",
        "tenure aply",
    ] {
        refused(&bench, line, 3);
    }
    let edits = [
        ("Web service", "Web servise", 3),
        ("1.4.2", "1.4.3", 3),
        ("parameters.Instances", "parameters.Instanzes", 3),
        ("Instances  = 3", "Instances  = 13", 3),
        ("steward     = \"app-team\"", "steward     = ", 3),
        ("outputs.PrivateSubnetId", "outputs.SubnetId", 3),
        ("steward     = \"app-team\"", "path = \"Nowhere\"", 3),
        ("account  = \"123456789012\"", "account  = \"210987654321\"", 4),
    ];
    for (from, to, code) in edits {
        let kept = bench.read("tenure.toml");
        bench.edit("tenure.toml", from, to);
        refused(&bench, "tenure apply -y", code);
        refused(&bench, "tenure plan", code);
        bench.write("tenure.toml", kept);
    }
    bench.run("tenure apply -y").ended(0);
}

#[test]
fn a_plan_writes_nothing() {
    let bench = changed();
    for line in [
        "tenure plan",
        "tenure plan --json",
        "tenure -v plan --full",
        "tenure history",
        "tenure owners",
        "tenure validate",
        "tenure graph",
    ] {
        refused(&bench, line, 0);
    }
    refused(&bench, "tenure plan --detailed-exitcode", 2);
}

#[test]
fn a_ledger_that_somebody_holds_is_7() {
    let bench = changed();
    let lock = std::fs::OpenOptions::new().write(true).open(bench.path().join("tenure.ledger.jsonl.lock")).unwrap();
    lock.lock().unwrap();
    let said = refused(&bench, "tenure apply -y", 7);
    assert!(said.err.contains("the ledger tenure.ledger.jsonl is held by process "), "{}", said.err);
    assert!(said.err.contains("`tenure plan` needs no lease"), "{}", said.err);
    refused(&bench, "tenure destroy -y", 7);
    refused(&bench, "tenure plan", 0);
}

/// Whether there is a program that can give a command a terminal (util-linux); without it there is nothing to test.
fn has_terminals() -> bool {
    let has = crate::bench::has("script");
    if !has {
        println!("skipped: `script` (util-linux) is not there");
    }
    has
}

/// Runs a command in a terminal of its own, with somebody who answers.
fn in_terminal(bench: &Bench, answer: &str, line: &str) -> Said {
    let script = format!("(sleep 1; printf '{answer}\\n') | script -qefc '{line}' /dev/null");
    bench.run_with(&script, &[("TERM", "xterm"), ("SHELL", "/bin/sh"), ("NO_COLOR", "1")])
}

#[test]
fn a_declined_plan_is_1_and_leaves_no_trace() {
    if !has_terminals() {
        return;
    }
    let bench = Bench::example("quickstart");
    for answer in ["no", "y", "YES", ""] {
        let said = in_terminal(&bench, answer, "tenure apply").ended(1);
        assert!(said.out.contains("Apply this plan? Only `yes` is a yes:"), "{}", said.out);
        assert!(said.out.contains("Nothing was changed."), "{}", said.out);
        assert!(!bench.path().join("tenure.ledger.jsonl").exists(), "{answer:?} has written something");
    }
    let said = in_terminal(&bench, "yes", "tenure apply --only dns").ended(0);
    assert!(said.out.contains("Applied: 1 step done."), "{}", said.out);
    assert!(bench.read("tenure.ledger.jsonl").contains(r#""approval":"yes""#));
    in_terminal(&bench, "no", "tenure destroy").ended(1);
}

#[test]
fn a_program_gets_one_document_while_a_person_is_asked() {
    if !has_terminals() {
        return;
    }
    let bench = Bench::example("quickstart");
    for (answer, code) in [("no", 1), ("yes", 0)] {
        let said = in_terminal(&bench, answer, "tenure apply --json --only dns >out.json").ended(code);
        assert!(said.out.contains("# dns@prod") && said.out.contains("Apply this plan?"), "{}", said.out);
        let text = bench.read("out.json");
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(document["plan"]["counts"]["owners"], 1, "{text}");
    }
}

#[test]
fn json_is_one_document_whatever_happens() {
    let bench = Bench::example("guardrails");
    let one = |line: &str, code| {
        let said = bench.run(line).ended(code);
        let documents = serde_json::Deserializer::from_str(&said.out).into_iter::<serde_json::Value>();
        let documents: Vec<_> = documents.collect::<Result<_, _>>().unwrap();
        assert_eq!(documents.len(), 1, "{line}: {}", said.out);
    };
    one("tenure apply --json", 3);
    one("tenure apply -y --json", 0);
    one("tenure apply -y --json", 0);
    one("tenure destroy -y --json", 5);
    one("tenure history --json", 0);
    one("tenure owners --json", 0);
    bench.write("products/buckets.toml", bench.read("steps/3-mass-change.toml"));
    one("tenure apply -y --json", 5);
    bench.write("sandbox.toml", bench.read("sandbox.toml") + FAULT);
    one("tenure apply -y --json --allow change_percent=100", 1);
    // Without a plan there is no result, and the problems are on stderr.
    let said = bench.run("tenure apply -y --json --only nothing").ended(3);
    assert_eq!(said.out, "");
}

const FAULT: &str = "\n[[fault]]\noperation = \"UpdateProvisionedProduct\"\nkind = \"fail\"\nat = [2]\n";

/// A sandbox on a port, which ends with the test.
struct Served(Child, SocketAddr);

impl Served {
    fn of(bench: &Bench) -> Served {
        let mut command = bench.command("exec tenure sandbox --listen 127.0.0.1:0 --state served");
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap().parse().unwrap();
        Served(child, address)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const EXPIRED: &str = "\n[principal.late]\narn = \"arn:aws:iam::123456789012:role/Late\"\naccess_key_id = \"AKIASANDBOXLATE\"\n\
                       secret_access_key = \"late\"\nexpired = true\n\
                       [principal.stranger]\narn = \"arn:aws:iam::210987654321:role/Stranger\"\n\
                       access_key_id = \"AKIASTRANGER\"\nsecret_access_key = \"stranger\"\n\
                       [account.\"210987654321\"]\nprovider = \"aws\"\nregions = [\"eu-west-1\"]\n";

fn keys<'a>(id: &'a str, secret: &'a str) -> [(&'a str, &'a str); 2] {
    [("AWS_ACCESS_KEY_ID", id), ("AWS_SECRET_ACCESS_KEY", secret)]
}

#[test]
fn credentials_that_do_not_serve_are_4() {
    let bench = Bench::example("quickstart");
    bench.write("sandbox.toml", bench.read("sandbox.toml") + EXPIRED);
    let served = Served::of(&bench);
    bench.edit("tenure.toml", "endpoint = \"sandbox:\"", &format!("endpoint = \"http://{}\"", served.1));
    let world = bench.state("served");
    let cases = [
        (keys("AKIASANDBOXLATE", "late"), "expired"),
        (keys("AKIASTRANGER", "stranger"), "210987654321"),
        (keys("AKIASANDBOXADMIN", "wrong"), "signature"),
        (keys("AKIANOBODY", "nobody"), "invalid"),
    ];
    for (keys, word) in cases {
        for line in ["tenure plan", "tenure apply -y"] {
            let said = bench.run_with(line, &keys).ended(4);
            assert!(said.err.starts_with("error: tenure.toml:9:1: target `prod`"), "{}", said.err);
            assert!(said.err.contains(word) && said.err.contains("\n  hint: "), "{word}: {}", said.err);
            assert_eq!(said.out, "");
        }
    }
    assert!(bench.state("served") == world, "something was sent");
    assert!(!bench.path().join(".tenure").exists(), "something was written");
    bench.run_with("tenure plan", &keys("AKIASANDBOXADMIN", "sandbox-admin-secret")).ended(0);
}

#[test]
fn an_endpoint_that_is_no_cloud_is_4() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // Serves the same page to whoever comes, until the test process ends.
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 8192];
            let _ = stream.read(&mut request);
            let page = "<html><body>Welcome to the proxy\u{1b}[2J</body></html>";
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{page}",
                page.len()
            );
        }
    });
    let bench = Bench::example("quickstart");
    bench.edit("tenure.toml", "endpoint = \"sandbox:\"", &format!("endpoint = \"http://{address}\""));
    for line in ["tenure plan", "tenure apply -y"] {
        let said = bench.run_with(line, &keys("AKIASANDBOXADMIN", "sandbox-admin-secret")).ended(4);
        assert!(said.err.contains("target `prod`"), "{}", said.err);
        assert!(!said.err.contains('\u{1b}'), "{}", said.err);
    }
    assert!(!bench.path().join(".tenure").exists(), "something was written");
}

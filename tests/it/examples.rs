//! Every example is planned, applied, planned to nothing and destroyed.

use crate::bench::{Bench, Said};

/// Plans and applies; afterwards nothing is left to do.
fn settle(bench: &Bench) -> Said {
    bench.run("tenure plan --detailed-exitcode").ended(2);
    let mut written = bench.kept();
    written.retain(|(path, _)| !path.components().any(|part| part.as_os_str() == "cache"));
    assert!(written.is_empty(), "plan has written something");
    let said = bench.run("tenure apply -y").ended(0);
    bench.run("tenure plan --detailed-exitcode").ended(0);
    said
}

fn destroy(bench: &Bench) {
    bench.run("tenure destroy -y").ended(0);
    let said = bench.run("tenure owners").ended(0);
    assert_eq!(said.out, "The ledger knows of no such provisioned product.\n");
}

#[test]
fn every_folder_is_a_test_here() {
    let folder = std::path::Path::new(crate::bench::ROOT).join("examples");
    let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["guardrails", "quickstart", "reorganisation", "two-clouds"]);
}

#[test]
fn quickstart() {
    let bench = Bench::example("quickstart");
    let said = settle(&bench);
    assert!(said.out.contains("Applied: 7 steps done."), "{}", said.out);
    destroy(&bench);
}

#[test]
fn reorganisation() {
    let bench = Bench::example("reorganisation");
    bench.edit("tenure.toml", "owner_changes  = 12", "owner_changes  = 11");
    let said = bench.run("tenure plan").ended(5);
    assert!(
        said.out.contains("12 owners and stewards would be changed, and `owner_changes` allows 11"),
        "{}",
        said.out
    );
    bench.edit("tenure.toml", "owner_changes  = 11", "owner_changes  = 12");
    let said = settle(&bench);
    assert!(said.out.contains("Applied: 12 steps done."), "{}", said.out);
    let said = bench.run("tenure owners --holder role/ConnectivityTeam").ended(0);
    assert_eq!(said.out.lines().count(), 13, "{}", said.out);
    destroy(&bench);
}

#[test]
fn two_clouds() {
    let bench = Bench::example("two-clouds");
    let said = settle(&bench);
    assert!(said.out.contains("Applied: 5 steps done."), "{}", said.out);
    // The second cloud keeps what its tasks have said: a plan that finds nothing new asks for none.
    let said = bench.run("tenure plan --timings").ended(0);
    assert!(said.err.contains("1  ListProvisionedProducts") && !said.err.contains("GetTask"), "{}", said.err);
    bench.edit(
        "tenure.toml",
        "parameters.Zone     = \"cn-hangzhou-h\"\ntags.team           = \"data\"",
        "parameters.Zone     = \"cn-hangzhou-h\"\ntags.team           = \"web\"",
    );
    let said = bench.run("tenure apply -y").ended(1);
    assert!(said.out.contains("tag `team` cannot change alone"), "{}", said.out);
    destroy(&bench);
}

#[test]
fn guardrails() {
    let bench = Bench::example("guardrails");
    settle(&bench);
    let (buckets, database) = ("products/buckets.toml", "products/database.toml");
    let steps = [
        (
            "steps/1-line-deleted.toml",
            buckets,
            "",
            "Refused: 1 provisioned product would be terminated or replaced (reports@prod)",
        ),
        (
            "steps/2-protected-block-deleted.toml",
            database,
            "--allow terminate=1",
            "Refused: `database@prod` is protected and would be terminated",
        ),
        ("steps/3-mass-change.toml", buckets, "", "Refused: 10 of 11 provisioned products would be changed (91 %)"),
    ];
    let world = bench.kept();
    for (step, file, flags, message) in steps {
        let kept = bench.read(file);
        bench.write(file, bench.read(step));
        for command in ["plan", "apply -y"] {
            let said = bench.run(&format!("tenure {command} {flags}")).ended(5);
            assert!(said.out.contains(message), "{step}: {}", said.out);
        }
        bench.write(file, kept);
    }
    let said = bench.run("tenure destroy -y").ended(5);
    assert!(said.out.contains("Refused: `database@prod` is protected"), "{}", said.out);
    assert_eq!(bench.state(".tenure/sandbox"), sandbox(&world), "something was sent");

    bench.write(buckets, bench.read("steps/1-line-deleted.toml"));
    bench.run("tenure apply -y --allow terminate=1").ended(0);
    bench.write(database, bench.read("steps/4-unprotected.toml"));
    bench.run("tenure apply -y").ended(0);
    destroy(&bench);
}

fn sandbox(files: &[(std::path::PathBuf, Vec<u8>)]) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    files.iter().filter(|(path, _)| path.components().any(|part| part.as_os_str() == "sandbox")).cloned().collect()
}

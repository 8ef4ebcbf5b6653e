//! What is seen of holders is kept by the next apply, also by one that has nothing to do.

use crate::bench::Bench;

#[test]
fn what_the_files_newly_name_and_what_holds_is_kept_by_an_apply_with_nothing_to_do() {
    let bench = Bench::example("quickstart");
    bench.edit("tenure.toml", "owner       = \"role/NetworkTeam\"\nlaunch_role = \"role/SCLaunch\"\n", "");
    bench.run("tenure apply -y").ended(0);
    bench.edit(
        "tenure.toml",
        "version     = \"2.1.0\"\n",
        "version     = \"2.1.0\"\nlaunch_role = \"role/SCLaunchOld\"\n",
    );
    let ledger = || bench.read("tenure.ledger.jsonl");
    let before = ledger();
    bench.run("tenure plan --detailed-exitcode").ended(0);
    assert_eq!(ledger(), before, "a plan writes nothing");
    // Nobody has to be asked.
    let said = bench.run("tenure apply").ended(0);
    assert!(said.out.contains("Nothing to do"), "{}", said.out);
    assert_eq!(ledger().matches("\"type\":\"observed\"").count(), 1);
    let told = bench.run("tenure history network").ended(0).out;
    let words: Vec<&str> = told.split_whitespace().collect();
    let words = words.join(" ");
    assert!(words.contains("launch role role/SCLaunchOld before") && words.contains("now seen run-"), "{told}");
    assert!(words.contains("approval not needed"), "{told}");
    let kept = ledger();
    bench.run("tenure apply").ended(0);
    assert_eq!(ledger(), kept, "nothing is news twice");
}

/// Who only reads has done nothing.
#[test]
fn a_run_is_by_whom_it_writes_as() {
    let bench = Bench::example("quickstart");
    let role = "arn:aws:iam::123456789012:role/Reader";
    bench.edit(
        "sandbox.toml",
        "[portfolio.baseline]",
        &format!(
            "[principal.reader]\narn = \"{role}\"\naccess_key_id = \"AKIAREADER\"\nsecret_access_key = \"r\"\n\n[portfolio.baseline]"
        ),
    );
    bench.edit("sandbox.toml", "principals = [\"admin\"]", "principals = [\"admin\", \"reader\"]");
    bench.edit(
        "tenure.toml",
        "endpoint = \"sandbox:\"",
        &format!("endpoint = \"sandbox:\"\nprincipal = \"admin\"\nread_role_arn = \"{role}\""),
    );
    bench.run("tenure apply -y").ended(0);
    let ledger = bench.read("tenure.ledger.jsonl");
    let began = ledger.lines().find(|line| line.contains("\"type\":\"began\"")).unwrap();
    assert!(began.contains("assumed-role/Admin/") && !began.contains("assumed-role/Reader/"), "{began}");
}

//! The digest is over the meaning of a plan: what was approved is what runs.

use super::{run, sections};

fn digest(case: &str) -> String {
    let came = run(&sections(case));
    assert_eq!(came.kind, "plan", "{}", came.text);
    came.digest
}

/// Whether the digest is the same when `old` is `new` in the case.
fn same(case: &str, old: &str, new: &str) -> bool {
    assert!(case.contains(old), "{old}");
    digest(case) == digest(&case.replace(old, new))
}

const REVERTS: &str = include_str!("../cases/plan/parameters_reverts.txt");
const PATH: &str = include_str!("../cases/plan/path_changes.txt");
const NEW: &str = include_str!("../cases/plan/table_new.txt");
const SECRETS: &str = include_str!("../cases/plan/secrets.txt");
const ORDER: &str = include_str!("../cases/plan/order_within.txt");

#[test]
fn it_does_not_see_who_looks_or_what_is_only_remarked() {
    // Whose operation it was, and when.
    assert!(same(REVERTS, "rec-9", "rec-10"));
    assert!(same(REVERTS, "02:14:00Z", "03:15:00Z"));
    // Another caller is told other ids of the same paths.
    assert!(same(PATH, "lp-", "lpv2-"));
    // How long a step may take is no part of what it does.
    assert!(same(NEW, "steward =", "timeout = \"5m\"\nsteward ="));
    // Something else in the account.
    assert!(same(PATH, "--- live", "--- live\n[pp.other]\nproduct = \"vpc\"\nversion = \"2.0\"\n"));
    // The order of the tables in the file.
    assert!(same(
        NEW,
        "owner = \"role/New\"\nlaunch_role = \"role/Launch\"",
        "launch_role = \"role/Launch\"\nowner = \"role/New\""
    ));
}

#[test]
fn it_sees_every_difference_that_matters() {
    for (old, new) in [
        ("10.0.0.0/16", "10.0.0.0/8"),
        ("role/New", "role/Newer"),
        ("role/Launch", "role/Launcher"),
        ("tags.team = \"net\"", "tags.team = \"web\""),
        ("steward = \"net\"", "steward = \"web\""),
        ("Number = 3", "Number = 4"),
        ("2.0", "2.1"),
        ("version = \"2.0\"", "version = \"2.0\"\nname = \"other\""),
    ] {
        assert!(!same(NEW, old, new), "{old}");
    }
    assert!(!same(PATH, "Networking", "Network"));
    assert!(!same(SECRETS, "secret = \"env:PW\", version = 2", "secret = \"env:PW\", version = 3"));
    assert!(!same(SECRETS, "secret = \"env:PW\"", "secret = \"env:PASSWORD\""));
    assert!(!same(ORDER, "${provisioned_product.a.outputs.SubnetId}", "x-${provisioned_product.a.outputs.SubnetId}"));
    // The same steps in another order are another plan.
    assert!(!same(NEW, "target = \"eu\"", "target = \"eu\"\nname = \"b\""));
}

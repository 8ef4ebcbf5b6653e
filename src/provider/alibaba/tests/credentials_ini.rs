//! The credentials file.

use super::*;

const FILE: &str = "# a comment\n; another\n[default]\ntype=access_key # of a user\naccess_key_id : ini-id\n  \
                    ACCESS_KEY_SECRET = ini-hush#x\n\n[session]\ntype = sts\naccess_key_id = i\n\
                    access_key_secret = s%x\nsecurity_token = t=\n[role]\ntype = ram_role_arn\naccess_key_id = base-id\n\
                    access_key_secret = s\nrole_arn = acs:ram::1234567890123456:role/Apply\nrole_session_name = me\n\
                    policy = {}\n[pair]\ntype = rsa_key_pair\nprivate_key_file = hush\n[odd]\ntype = magic\n[empty]\n";

fn file() -> Bench {
    bench().file(".alibabacloud/credentials.ini", FILE)
}

#[test]
fn sections_and_types() {
    let fake = service(|_| assumed("STS.1", "2026-01-02T04:04:05Z"));
    assert_eq!(file().key(&fake), key("ini-id", "ini-hush", None));
    assert_eq!(file().set("PROFILE", "session").key(&fake), key("i", "s%x", Some("t=")));
    assert_eq!(file().profile("session").key(&fake), key("i", "s%x", Some("t=")));
    assert_eq!(file().profile("role").key(&fake), temporary("STS.1"));
    let asks = fake.asks();
    let ask = asks.iter().find(|ask| ask.action == "AssumeRole").expect("a role");
    assert_eq!(["RoleArn", "RoleSessionName", "Policy"].map(|name| ask.text(name)), [ROLE, "me", "{}"]);
    assert_eq!(ask.key(), "base-id");
}

#[test]
fn which_file_is_read() {
    let of = |id: &str| format!("[default]\ntype = access_key\naccess_key_id = {id}\naccess_key_secret = s\n");
    let fake = nothing_else();
    let bench = bench().file(".alibabacloud/credentials", &of("go"));
    assert_eq!(bench.key(&fake).0, "go");
    let bench = bench.file(".alibabacloud/credentials.ini", &of("python"));
    assert_eq!(bench.key(&fake).0, "python");
    let bench = bench.file("elsewhere", &of("named"));
    let path = bench.at_home("elsewhere");
    assert_eq!(bench.set("CREDENTIALS_FILE", &path).key(&fake).0, "named");
    let gone = super::bench().set("CREDENTIALS_FILE", "/nowhere/file").set("ECS_METADATA_DISABLED", "true");
    let problem = gone.problem(&fake);
    assert!(problem.message.contains("credentials file: /nowhere/file cannot be read: "), "{problem}");
}

#[test]
fn an_oidc_section_and_a_machine_section() {
    let fake = service(|ask| match ask.action.as_str() {
        "AssumeRoleWithOIDC" => assumed("STS.oidc", "2026-01-02T04:04:05Z"),
        "PUT /latest/api/token" => status(200, "t"),
        "GET /latest/meta-data/ram/security-credentials/Named" => {
            let mut answer = credentials("STS.machine", "2026-01-02T04:04:05Z");
            answer["Code"] = json!("Success");
            ok(&answer)
        }
        other => panic!("{other}"),
    });
    let bench = bench().file("jwt", "the-jwt");
    let text = format!(
        "[o]\ntype = oidc_role_arn\nrole_arn = {ROLE}\noidc_provider_arn = acs:ram::1:oidc-provider/k\n\
         oidc_token_file_path = {}\n[m]\ntype = ecs_ram_role\nrole_name = Named\n",
        bench.at_home("jwt")
    );
    let bench = bench.file(".alibabacloud/credentials.ini", &text);
    assert_eq!(bench.profile("o").key(&fake), temporary("STS.oidc"));
    let bench = super::bench().file(".alibabacloud/credentials.ini", &text).profile("m");
    assert_eq!(bench.key(&fake), temporary("STS.machine"));
}

#[test]
fn what_can_be_wrong_with_a_section() {
    let table = [
        ("pair", "is of the type `rsa_key_pair`, which is not supported", "use an access key or a role"),
        ("odd", "has the type `magic`", "known are access_key, sts, ram_role_arn, ecs_ram_role, oidc_role_arn"),
        ("empty", "has no `type`", "check `profile`"),
        (
            "sesion",
            "neither the CLI's ~/.aliyun/config.json nor the credentials file has it",
            "did you mean `session`?",
        ),
    ];
    for (name, message, hint) in table {
        let problem = file().profile(name).problem(&nothing_else());
        assert!(problem.message.ends_with(message), "{problem}");
        assert!(problem.hint.as_deref().unwrap_or_default().contains(hint), "{problem}");
    }
    let problem = file().set("PROFILE", "sesion").set("ECS_METADATA_DISABLED", "true").problem(&nothing_else());
    assert!(problem.message.contains("credentials.ini has no section `sesion`"), "{problem}");
    assert_eq!(problem.hint.as_deref(), Some("did you mean `session`?"));
}

#[test]
fn lines_that_are_no_such_file() {
    let table = [
        ("[a]\nsecret\n", ":2: this is neither a section nor `key = value`"),
        ("access_key_secret = hush\n", ":1: this stands before the first section"),
        ("[a\n", ":1: a section's name ends with `]`"),
        ("[a]\n[b]\n[a]\n", ":3: this section stands there twice"),
        ("[a]\nx = hush\n\nX = hush\n", ":4: this key stands twice in its section"),
    ];
    for (text, message) in table {
        let problem = bench().file(".alibabacloud/credentials.ini", text).profile("a").problem(&nothing_else());
        assert!(problem.message.ends_with(message), "{problem}");
    }
}

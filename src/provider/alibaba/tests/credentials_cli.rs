//! `~/.aliyun/config.json`: every mode, and what can be wrong with it.

use super::super::environment::Run;
use super::super::external::words;
use super::*;

const UNTIL: &str = "2026-01-02T04:04:05Z";

fn profile(fields: Value) -> Value {
    let mut profile = json!({ "name": "p" });
    profile.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
    json!([profile])
}

/// The key of the one profile with these fields.
fn of(fields: Value, fake: &Arc<Fake>) -> (String, String, Option<String>) {
    bench().profiles(&profile(fields)).key(fake)
}

fn wrong(fields: Value) -> Problem {
    bench().profiles(&profile(fields)).profile("p").problem(&nothing_else())
}

#[test]
fn keys_that_stand_in_the_file() {
    let fake = nothing_else();
    let ak = json!({ "mode": "AK", "access_key_id": "i", "access_key_secret": "s", "sts_token": "", "region_id": "x" });
    assert_eq!(of(ak, &fake), key("i", "s", None));
    let sts = json!({ "mode": "StsToken", "access_key_id": "i", "access_key_secret": "s", "sts_token": "t" });
    assert_eq!(of(sts, &fake), key("i", "s", Some("t")));
}

#[test]
fn a_role_of_the_file() {
    let fake = service(|_| assumed("STS.1", UNTIL));
    let fields = json!({
        "mode": "RamRoleArn", "access_key_id": "base-id", "access_key_secret": "s", "ram_role_arn": ROLE,
        "ram_session_name": "me", "expired_seconds": 900, "external_id": "e", "policy": "{}", "sts_region": "cn-beijing",
        "enable_vpc": true
    });
    assert_eq!(of(fields, &fake), temporary("STS.1"));
    let ask = &fake.asks()[0];
    let told = ["RoleArn", "RoleSessionName", "DurationSeconds", "ExternalId", "Policy"].map(|name| ask.text(name));
    assert_eq!(told, [ROLE, "me", "900", "e", "{}"]);
    assert_eq!((ask.uri.as_str(), ask.key()), ("https://sts-vpc.cn-beijing.aliyuncs.com/", "base-id"));
}

#[test]
fn a_chain_of_roles() {
    let fake = service(|ask| match ask.key() {
        "base-id" => assumed("STS.first", UNTIL),
        "STS.first" => assumed("STS.second", UNTIL),
        other => panic!("{other}"),
    });
    let profiles = json!([
        { "name": "last", "mode": "ChainableRamRoleArn", "source_profile": "middle", "ram_role_arn": "acs:ram::2:role/b" },
        { "name": "middle", "mode": "ChainableRamRoleArn", "source_profile": "base", "ram_role_arn": "acs:ram::1:role/a" },
        { "name": "base", "mode": "AK", "access_key_id": "base-id", "access_key_secret": "s" },
    ]);
    let bench = bench().profiles(&profiles).set("ROLE_SESSION_NAME", "from-env");
    assert_eq!(bench.key(&fake), temporary("STS.second"));
    let asks = fake.asks();
    assert_eq!((asks[0].text("RoleArn"), asks[1].text("RoleArn")), ("acs:ram::1:role/a", "acs:ram::2:role/b"));
    assert_eq!(asks[1].header("x-acs-security-token"), "token-of-STS.first");
    assert_eq!(asks[1].text("RoleSessionName"), "from-env");
}

#[test]
fn a_circle_of_roles() {
    let chained = |name: &str, source: &str| json!({ "name": name, "mode": "ChainableRamRoleArn", "source_profile": source, "ram_role_arn": ROLE });
    let profiles = json!([chained("a", "b"), chained("b", "c"), chained("c", "b")]);
    let bench = bench().profiles(&profiles).profile("a");
    let problem = bench.problem(&nothing_else());
    assert!(problem.message.ends_with("the profiles go in a circle: `a` → `b` → `c` → `b`"), "{problem}");
    let long: Value = (0..1000).map(|n| chained(&n.to_string(), &(n + 1).to_string())).collect();
    let problem = super::bench().profiles(&long).profile("0").problem(&nothing_else());
    assert!(problem.message.contains("the profiles are too long a chain: `0` → `1` → "), "{problem}");
    let problem = bench.profiles(&json!([chained("a", "gone")])).problem(&nothing_else());
    assert!(problem.message.ends_with("has no profile `gone`"), "{problem}");
}

#[test]
fn an_oidc_profile() {
    let fake = service(|_| assumed("STS.oidc", UNTIL));
    let bench = bench().file("jwt", "the-jwt");
    let file = bench.at_home("jwt");
    let profiles =
        profile(json!({ "mode": "OIDC", "ram_role_arn": ROLE, "oidc_provider_arn": "acs:ram::1:oidc-provider/k",
                                   "oidc_token_file": file, "role_session_name": "job" }));
    assert_eq!(bench.profiles(&profiles).key(&fake), temporary("STS.oidc"));
    let ask = &fake.asks()[0];
    assert_eq!((ask.text("OIDCToken"), ask.text("RoleSessionName")), ("the-jwt", "job"));
}

#[test]
fn a_command_that_prints_a_key() {
    let fake = nothing_else();
    let fields = json!({ "mode": "External", "process_command": "helper --for 'some one'" });
    let output =
        |value: &Value| bench().profiles(&profile(fields.clone())).profile("p").command("helper", &value.to_string());
    let good = json!({ "mode": "StsToken", "access_key_id": "i", "access_key_secret": "s", "sts_token": "t", "expiration": UNTIL });
    assert_eq!(output(&good).key(&fake), key("i", "s", Some("t")));
    let table = [
        (json!({ "access_key_id": "i" }), "its output has no `access_key_secret`"),
        (
            json!({ "mode": "StsToken", "access_key_id": "i", "access_key_secret": "hush" }),
            "its output has no `sts_token`",
        ),
        (json!({ "access_key_id": "i", "access_key_secret": "hush", "expiration": "hush" }), "is not a time"),
        (json!({ "access_key_id": "i", "access_key_secret": "hush", "expiration": NOW }), "its key has expired at"),
    ];
    for (value, message) in table {
        let problem = output(&value).problem(&fake);
        assert!(problem.message.starts_with("target `prod`: profile `p`: `process_command`: "), "{problem}");
        assert!(problem.message.contains(message), "{problem}");
    }
    let problem = output(&json!({})).command("helper", "{ hush").problem(&fake);
    assert!(problem.message.ends_with("its output is not JSON (line 1)"), "{problem}");
}

#[test]
fn a_command_that_fails_or_takes_too_long() {
    let of = |command: &str| wrong(json!({ "mode": "External", "process_command": command }));
    let problem = of("broken --password hush");
    assert_eq!(problem.message, "target `prod`: profile `p`: `process_command`: it ends with exit status: 3");
    assert_eq!(problem.hint.as_deref(), Some("run the command by hand to see what it says"));
    assert!(of("slow").message.ends_with("it takes longer than 60s"));
    assert!(of("helper 'open hush").message.ends_with("`process_command` ends inside quotes or with a backslash"));
    assert!(of("  ").message.ends_with("`process_command` is empty"));
}

#[test]
fn commands_are_split_as_a_shell_splits_them() {
    let table: [(&str, &[&str]); 6] = [
        ("a b  c\t'd e'", &["a", "b", "c", "d e"]),
        (r#"a"b c"'d'e"#, &["ab cde"]),
        (r"a\ b \'", &["a b", "'"]),
        (r#""a\"b\\c\n""#, &[r#"a"b\c\n"#]),
        (r"'a\b'", &[r"a\b"]),
        ("a '' \"\"", &["a", "", ""]),
    ];
    for (command, expected) in table {
        assert_eq!(words(command).expect("words"), expected, "{command}");
    }
    for command in ["", " ", "'a", "\"a", "\"a\\", "a\\"] {
        assert!(words(command).is_err(), "{command}");
    }
}

#[test]
fn a_command_is_really_run() {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let commands = Environment::of_process().commands;
    let ask = |line: &[&str]| run(Run::run(commands.as_ref(), &words(line)));
    assert_eq!(ask(&["echo", "a b"]), Ok(b"a b\n".to_vec()));
    assert_eq!(ask(&["sh", "-c", "echo hush >&2; echo hush; exit 3"]), Err("it ends with exit status: 3".to_owned()));
    assert!(ask(&["/nowhere/at-all"]).expect_err("not there").starts_with("it cannot be started: "));
}

#[test]
fn a_key_of_a_sign_in_serves_while_it_lasts() {
    let fake = nothing_else();
    let second = |time: &str| time.parse::<Timestamp>().expect("a time").as_second();
    for mode in ["CloudSSO", "OAuth"] {
        let fields = |end: i64| {
            json!({ "mode": mode, "access_key_id": "i", "access_key_secret": "s", "sts_token": "t", "sts_expiration": end,
                    "access_token": "hush", "oauth_refresh_token": "hush" })
        };
        assert_eq!(of(fields(second(UNTIL)), &fake), key("i", "s", Some("t")));
        let problem = wrong(fields(second(NOW)));
        assert!(problem.message.contains("its key has expired at 2026-01-02T03:04:05Z"), "{problem}");
        let hint = format!("sign in again: `aliyun configure --profile p --mode {mode}`, then run it again");
        assert_eq!(problem.hint.as_deref(), Some(hint.as_str()));
        let problem = wrong(json!({ "mode": mode, "access_token": "hush" }));
        assert!(problem.message.ends_with(&format!("({mode}) holds no key of a sign-in")), "{problem}");
        assert_eq!(problem.hint, Some(hint));
    }
}

#[test]
fn what_can_be_wrong_with_a_profile() {
    let table = [
        (json!({ "mode": "AK", "access_key_id": "hush" }), "has no `access_key_secret`"),
        (json!({ "mode": "StsToken", "access_key_id": "i", "access_key_secret": "hush" }), "has no `sts_token`"),
        (
            json!({ "mode": "AK", "access_key_id": 7, "access_key_secret": "hush" }),
            "has a `access_key_id` that is not text",
        ),
        (json!({ "mode": "RamRoleArn", "access_key_id": "i", "access_key_secret": "s" }), "has no `ram_role_arn`"),
        (
            json!({ "mode": "RamRoleArn", "access_key_id": "i", "access_key_secret": "s", "ram_role_arn": ROLE, "expired_seconds": 60 }),
            "has fewer than 900 `expired_seconds`",
        ),
        (json!({ "mode": "ChainableRamRoleArn", "ram_role_arn": ROLE }), "has no `source_profile`"),
        (json!({ "mode": "OIDC", "ram_role_arn": ROLE }), "has no `oidc_provider_arn`"),
        (json!({ "mode": "External" }), "has no `process_command`"),
        (json!({ "mode": "RsaKeyPair" }), "has the mode `RsaKeyPair`"),
        (json!({}), "has the mode ``"),
    ];
    for (fields, message) in table {
        let problem = wrong(fields);
        assert!(problem.message.starts_with("target `prod`: profile `p`: profile `p` of /"), "{problem}");
        assert!(problem.message.ends_with(message), "{problem}");
    }
    assert_eq!(
        wrong(json!({ "mode": "ak" })).hint.as_deref(),
        Some("known are AK, StsToken, RamRoleArn, ChainableRamRoleArn, EcsRamRole, OIDC, External, CloudSSO, OAuth")
    );
}

#[test]
fn a_file_that_is_not_what_it_should_be() {
    let table = [
        ("{\n \"profiles\": [ \"hush\" hush ]}", ":2:23: this is not JSON"),
        ("", ":1:0: this is not JSON"),
        ("\u{feff}{}", ":1:1: this is not JSON"),
        ("[]", "neither the CLI's ~/.aliyun/config.json nor the credentials file has it"),
        (
            "{\"profiles\": {\"name\": \"p\"}}",
            "neither the CLI's ~/.aliyun/config.json nor the credentials file has it",
        ),
        (
            "{\"profiles\": [7, {\"name\": 7}]}",
            "neither the CLI's ~/.aliyun/config.json nor the credentials file has it",
        ),
    ];
    for (text, message) in table {
        let problem = bench().file(".aliyun/config.json", text).profile("p").problem(&nothing_else());
        assert!(problem.message.ends_with(message), "{text}: {problem}");
    }
    let problem = bench().file(".aliyun/config.json/x", "").profile("p").problem(&nothing_else());
    assert!(problem.message.contains("cannot be read: "), "{problem}");
    let nameless = bench().file(".aliyun/config.json", "{\"current\": \"\"}").set("ECS_METADATA_DISABLED", "true");
    assert!(nameless.problem(&nothing_else()).message.contains("names no `current` profile"));
}

#[test]
fn a_profile_that_is_not_there_has_a_neighbour() {
    let bench = bench()
        .profiles(&json!([{ "name": "production", "mode": "AK" }]))
        .file(".alibabacloud/credentials", "[staging]\ntype = access_key\n");
    let near = |name: &str| {
        let bench = bench.wallet_of(name);
        rejected(run(bench.session(Role::Writer)).map(drop).expect_err("not there")).hint.unwrap_or_default()
    };
    assert_eq!(near("prodution"), "did you mean `production`?");
    assert_eq!(near("stagign"), "did you mean `staging`?");
    assert_eq!(near("xyz"), "make it with `aliyun configure --profile xyz`");
    let problem = bench.set("PROFILE", "productoin").set("ECS_METADATA_DISABLED", "true").problem(&nothing_else());
    assert!(problem.message.contains("config.json has no profile `productoin`"), "{problem}");
    assert_eq!(problem.hint.as_deref(), Some("did you mean `production`?"));
}

impl Bench {
    fn wallet_of(&self, profile: &str) -> Wallet {
        let mut target = self.target.clone();
        target.profile = Some(profile.to_owned());
        let mut wallet = self.wallet(&nothing_else());
        wallet.door.target = Arc::new(target);
        wallet
    }
}

#[test]
fn the_current_profile_is_the_environments_first() {
    let ak = |name: &str| json!({ "name": name, "mode": "AK", "access_key_id": name, "access_key_secret": "s" });
    let bench = bench().profiles(&json!([ak("one"), ak("two")]));
    assert_eq!(bench.key(&nothing_else()).0, "one");
    assert_eq!(bench.set("PROFILE", "two").key(&nothing_else()).0, "two");
}

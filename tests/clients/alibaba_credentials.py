#!/usr/bin/env python3
"""Which key does tenure use, and which one the official Python library, on the same files and in the same environment?

    python3 tests/clients/alibaba_credentials.py [TENURE]

Needs `alibabacloud-credentials` (1.0.12). A small server plays STS, the ECS metadata service and a credentials URI. The
library is asked in a process of its own; its requests are led to the server. tenure is asked as it is: it plans against
`endpoint = "http://127.0.0.1:PORT"`, and the first call that it signs with what it found shows key id and token; its
signature, checked here, shows the secret. The metadata service is reached as an HTTP proxy, since no endpoint replaces
it. Every key `ID` of the set-ups has the secret `secret-of-ID`.

Prints `N passed, M failed`, each failure before it, and the differences with their reasons.
"""

import hashlib
import hmac
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

ACCOUNT = "1234567890123456"
ROLE = f"acs:ram::{ACCOUNT}:role/apply"
OTHER_ROLE = f"acs:ram::{ACCOUNT}:role/other"
PROVIDER = f"acs:ram::{ACCOUNT}:oidc-provider/ci"
NOBODY = None


def secret(key):
    return f"secret-of-{key}"


# --- the services ---------------------------------------------------------------------------------------------------


def temporary(*of):
    """A key that depends on everything that it was asked for with."""
    key = "STS." + hashlib.sha256("|".join(of).encode()).hexdigest()[:16]
    end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    return {"AccessKeyId": key, "AccessKeySecret": secret(key), "SecurityToken": f"token-of-{key}", "Expiration": end}


class Services(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.metadata = None  # None, "v1" or "v2"
        self.identities = []
        self.wrong = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self):
        return self.server_address[1]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, value):
        body = value if isinstance(value, str) else json.dumps(value)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def refuse(self, status, code):
        self.answer(status, {"Code": code, "Message": "as the set-up wants it", "RequestId": "R"})

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        asked = dict(parse_qsl(url.query, keep_blank_values=True)) | dict(parse_qsl(body.decode(), keep_blank_values=True))
        if url.path.startswith("/latest/"):
            return self.of_metadata(url.path)
        if url.path == "/keys":
            return self.answer(200, {"Code": "Success", **temporary("uri", asked.get("for", ""))})
        # tenure signs with version 3, the library with version 1 in the query.
        signed = self.headers.get("Authorization")
        if signed and not self.verifies(signed, url, body):
            self.server.wrong.append(f"the signature of {self.headers.get('x-acs-action')} is wrong")
            return self.refuse(400, "SignatureDoesNotMatch")
        action = self.headers.get("x-acs-action") or asked.get("Action")
        key, token = asked.get("AccessKeyId"), asked.get("SecurityToken", "")
        if signed:
            key, token = credential(signed), self.headers.get("x-acs-security-token", "")
        if action == "GetCallerIdentity":
            self.server.identities.append((key, token))
            arn = f"acs:ram::{ACCOUNT}:user/u"
            return self.answer(200, {"AccountId": ACCOUNT, "Arn": arn, "PrincipalId": "1", "IdentityType": "RAMUser"})
        if action not in ("AssumeRole", "AssumeRoleWithOIDC"):
            return self.refuse(403, "NoPermission")
        if asked.get("RoleArn", "").endswith("/refused"):
            return self.refuse(403, "NoPermission")
        told = [asked.get(name, "") for name in ("RoleArn", "Policy", "ExternalId", "DurationSeconds", "OIDCProviderArn")]
        session = asked.get("RoleSessionName", "")
        # Each has its own name for a session that nobody named.
        session = "" if session == "tenure" or session.startswith("credentials-python-") else session
        credentials = temporary(*told, asked.get("OIDCToken", "").strip(), session, key or "", token)
        return self.answer(200, {"RequestId": "R", "Credentials": credentials})

    do_GET = do_POST = do_PUT = serve

    def of_metadata(self, path):
        kind, roles = self.server.metadata, "/latest/meta-data/ram/security-credentials/"
        if kind is None:
            return self.answer(502, "nobody there")
        if path == "/latest/api/token":
            return self.answer(200, "metadata-token") if kind == "v2" else self.answer(404, "")
        if kind == "v2" and self.headers.get("X-aliyun-ecs-metadata-token") != "metadata-token":
            return self.answer(403, "")
        if path == roles:
            return self.answer(200, "machine")
        return self.answer(200, {"Code": "Success", **temporary(path.removeprefix(roles))})

    def verifies(self, signed, url, body):
        fields = dict(part.split("=", 1) for part in signed.removeprefix("ACS3-HMAC-SHA256 ").split(","))
        pairs = sorted(parse_qsl(url.query, keep_blank_values=True))
        query = "&".join(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in pairs)
        names = fields["SignedHeaders"].split(";")
        headers = "".join(f"{name}:{self.headers[name].strip()}\n" for name in names)
        digest = hashlib.sha256(body).hexdigest()
        canonical = "\n".join([self.command, url.path, query, headers, ";".join(names), digest])
        text = "ACS3-HMAC-SHA256\n" + hashlib.sha256(canonical.encode()).hexdigest()
        expected = hmac.new(secret(credential(signed)).encode(), text.encode(), hashlib.sha256).hexdigest()
        must = {"host"} | {name.lower() for name in self.headers if name.lower().startswith("x-acs-")}
        return fields["Signature"] == expected and must <= set(names) and digest == self.headers["x-acs-content-sha256"]


def credential(signed):
    return signed.split("Credential=")[1].split(",")[0]


# --- the two that are compared --------------------------------------------------------------------------------------


def variables(home, setup, port):
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "SYSTEMROOT") if name in os.environ}
    own = {f"ALIBABA_CLOUD_{name}": value.format(home=home, port=port) for name, value in setup.env.items()}
    return kept | own | {"HOME": home}


def official(home, setup, services):
    """The library's answer, from a process of its own: it reads its environment when it is imported."""
    program = [sys.executable, __file__, "--official", str(services.port), setup.profile or ""]
    done = subprocess.run(program, env=variables(home, setup, services.port), capture_output=True, text=True, timeout=120)
    if done.returncode == 3:
        return NOBODY
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return tuple(json.loads(done.stdout.splitlines()[-1]))


def ask_official(port, profile):
    from Tea.core import TeaCore
    from alibabacloud_credentials.provider.cli_profile import CLIProfileCredentialsProvider
    from alibabacloud_credentials.provider.default import DefaultCredentialsProvider

    def here(request):
        query = f"?{urlencode(request.query)}" if request.query else ""
        return f"http://127.0.0.1:{port}{request.pathname or '/'}{query}"

    TeaCore.compose_url = staticmethod(here)
    try:
        provider = CLIProfileCredentialsProvider(profile_name=profile) if profile else DefaultCredentialsProvider()
        found = provider.get_credentials()
    except Exception as error:  # whatever it is, there is no key
        print(error, file=sys.stderr)
        sys.exit(3)
    key, token = found.get_access_key_id(), found.get_security_token() or ""
    if found.get_access_key_secret() != secret(key):
        key = f"{key} with another secret"
    print(json.dumps([key, token]))


def ours(home, setup, services, tenure):
    """The key of tenure's first signed call; its secret has been checked by the signature."""
    project = os.path.join(home, "project")
    os.makedirs(project)
    profile = f'profile = "{setup.profile}"\n' if setup.profile else ""
    with open(os.path.join(project, "tenure.toml"), "w") as file:
        file.write(
            f'[target.t]\nprovider = "alibaba"\nregion = "cn-hangzhou"\naccount = "{ACCOUNT}"\n{profile}'
            f'endpoint = "http://127.0.0.1:{services.port}"\n\n'
            '[provisioned_product.x]\ntarget = "t"\nproduct = "prod-bp1"\nversion = "pv-bp1"\n'
        )
    proxy = {"http_proxy": f"http://127.0.0.1:{services.port}", "no_proxy": "127.0.0.1"}
    services.identities.clear()
    env = variables(home, setup, services.port) | proxy
    done = subprocess.run([tenure, "-C", project, "plan"], env=env, capture_output=True, text=True, timeout=120)
    output = done.stdout + done.stderr
    if "secret-of-" in output or "token-of-" in output:
        services.wrong.append("a secret is in the output")
    if services.identities:
        return services.identities[0]
    if done.returncode != 4 or "none of these serves" not in output and setup.profile is None:
        raise RuntimeError(f"exit {done.returncode}: {output}")
    return NOBODY


# --- the set-ups ----------------------------------------------------------------------------------------------------


class Setup:
    def __init__(self, name, env=None, cli=None, ini=None, files=None, metadata=None, profile=None, found=None, because=None):
        self.name, self.env, self.profile, self.metadata = name, env or {}, profile, metadata
        # A word (the beginning of a key id), or NOBODY; with a difference: ours and the library's.
        self.found, self.because = found, because
        self.files = dict(files or {})
        if cli is not None:
            text = cli if isinstance(cli, str) else json.dumps({"current": cli[0]["name"], "profiles": cli})
            self.files[".aliyun/config.json"] = text
        if ini is not None:
            self.files[".alibabacloud/credentials.ini"] = ini

    def home(self):
        home = tempfile.mkdtemp()
        for path, text in self.files.items():
            path = os.path.join(home, path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as file:
                file.write(text.replace("{home}", home))
            os.chmod(path, 0o755 if text.startswith("#!") else 0o600)
        return home


def key_of(name, prefix=""):
    return {f"{prefix}access_key_id": name, f"{prefix}access_key_secret": secret(name)}


def ak(name="p", key="cli"):
    return {"name": name, "mode": "AK", **key_of(key)}


def role(**more):
    return {"name": "p", "mode": "RamRoleArn", **key_of("base"), "ram_role_arn": ROLE, **more}


def chained(name, source, arn=ROLE, **more):
    return {"name": name, "mode": "ChainableRamRoleArn", "source_profile": source, "ram_role_arn": arn, **more}


def external(command, name="p"):
    return {"name": name, "mode": "External", "process_command": command}


def section(name="default", kind="access_key", **fields):
    lines = "".join(f"{key} = {value}\n" for key, value in fields.items())
    return f"[{name}]\ntype = {kind}\n{lines}"


def env(key, **more):
    return {"ACCESS_KEY_ID": key, "ACCESS_KEY_SECRET": secret(key), **more}


def printing(**fields):
    return "#!/bin/sh\necho '" + json.dumps(fields) + "'\n"


INI = section(**key_of("ini"))
OIDC = {"ROLE_ARN": ROLE, "OIDC_PROVIDER_ARN": PROVIDER, "OIDC_TOKEN_FILE": "{home}/jwt"}
JWT = {"jwt": "a.b.c"}
URI = {"CREDENTIALS_URI": "http://127.0.0.1:{port}/keys?for=me"}
NO_MACHINE = {"ECS_METADATA_DISABLED": "true"}
SOON = time.time() + 3000
LATER = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(SOON))
FULL = dict(ram_session_name="me", expired_seconds=900, external_id="ext", policy='{"Version":"1"}')

SETUPS = [
    Setup("environment", env("env"), found="env"),
    Setup("environment with a token", env("env", SECURITY_TOKEN="token"), found="env"),
    Setup("environment before everything", env("env") | OIDC | URI, [ak()], INI, JWT, "v2", found="env"),
    Setup("half an environment", {"ACCESS_KEY_ID": "env"}, [ak()], found="cli"),
    Setup("OIDC before the CLI", OIDC, [ak()], files=JWT, found="STS."),
    Setup("OIDC with a session name", OIDC | {"ROLE_SESSION_NAME": "ci"}, files=JWT, found="STS."),
    Setup("OIDC that is refused", OIDC | {"ROLE_ARN": "acs:ram::1:role/refused"}, [ak()], files=JWT, found="cli"),
    Setup("OIDC without its file", OIDC, [ak()], found="cli"),
    Setup("CLI before the file", {}, [ak(), ak("q", "other")], INI, found="cli"),
    Setup("CLI by ALIBABA_CLOUD_PROFILE", {"PROFILE": "q"}, [ak(), ak("q", "other")], found="other"),
    Setup("CLI disabled", {"CLI_PROFILE_DISABLED": "True"}, [ak()], INI, found="ini"),
    Setup("CLI StsToken", {}, [{"name": "p", "mode": "StsToken", **key_of("cli"), "sts_token": "t"}], found="cli"),
    Setup("CLI RamRoleArn", {}, [role()], found="STS."),
    Setup("CLI RamRoleArn with everything", {}, [role(**FULL)], found="STS."),
    Setup("CLI RamRoleArn that is refused", {}, [role(ram_role_arn="acs:ram::1:role/refused")], INI, found="ini"),
    Setup("CLI RamRoleArn for too short", {}, [role(expired_seconds=60)], INI, found="ini"),
    Setup("CLI chain", {}, [chained("p", "q", OTHER_ROLE, **FULL), chained("q", "r"), ak("r", "base")], found="STS."),
    Setup("CLI circle", NO_MACHINE, [chained("p", "q"), chained("q", "p")], found=NOBODY),
    Setup("CLI EcsRamRole", {}, [{"name": "p", "mode": "EcsRamRole", "ram_role_name": "named"}], metadata="v2", found="STS."),
    Setup("CLI OIDC", {}, [{"name": "p", "mode": "OIDC", "ram_role_arn": ROLE, "oidc_provider_arn": PROVIDER,
                            "oidc_token_file": "{home}/jwt", "role_session_name": "ci"}], files=JWT, found="STS."),
    Setup("CLI External", {}, [external("{home}/helper")],
          files={"helper": printing(mode="AK", **key_of("ext"))}, found="ext"),
    Setup("CLI External with quotes and an end", {}, [external("sh \"{home}/a helper\" 'x y'")],
          files={"a helper": printing(mode="StsToken", **key_of("ext"), sts_token="t", expiration=LATER)}, found="ext"),
    Setup("CLI External that fails", {}, [external("sh -c 'exit 3'")], INI, found="ini"),
    Setup("CLI External without a token", {}, [external("{home}/helper")], INI,
          {"helper": printing(mode="StsToken", **key_of("ext"))}, found="ini"),
    Setup("CLI chain on External", {}, [chained("p", "q"), external("{home}/helper", "q")],
          files={"helper": printing(mode="AK", **key_of("ext"))}, found="STS."),
    Setup("CLI OAuth, signed in", {}, [{"name": "p", "mode": "OAuth", "oauth_site_type": "CN", **key_of("oauth"),
                                        "sts_token": "t", "sts_expiration": int(SOON)}], found="oauth"),
    Setup("CLI of an unknown mode", {}, [{"name": "p", "mode": "Magic"}], INI, found="ini"),
    Setup("CLI that is not JSON", {}, '{"current": "p",', INI, found="ini"),
    Setup("profile of the target", env("env"), [ak(), ak("q", "other")], profile="q", found="other"),
    Setup("profile that is not there", env("env"), [ak()], profile="nobody", found=NOBODY),
    Setup("file", {}, ini="# mine\n[default]\ntype = access_key # of me\naccess_key_id : ini\naccess_key_secret=secret-of-ini#x\n",
          found="ini"),
    Setup("file by ALIBABA_CLOUD_CREDENTIALS_FILE", {"CREDENTIALS_FILE": "{home}/keys"}, ini=INI,
          files={"keys": section(**key_of("named"))}, found="named"),
    Setup("file, section by ALIBABA_CLOUD_PROFILE", {"PROFILE": "s"}, ini=INI + section("s", **key_of("s")), found="s"),
    Setup("file ram_role_arn", {}, ini=section(kind="ram_role_arn", **key_of("base"), role_arn=ROLE, role_session_name="me",
                                               policy='{"Version":"1"}'), found="STS."),
    Setup("file oidc_role_arn", {}, ini=section(kind="oidc_role_arn", role_arn=ROLE, oidc_provider_arn=PROVIDER,
                                                oidc_token_file_path="{home}/jwt"), files=JWT, found="STS."),
    Setup("file ecs_ram_role", {}, ini=section(kind="ecs_ram_role", role_name="named"), metadata="v2", found="STS."),
    Setup("machine", {}, metadata="v2", found="STS."),
    Setup("machine, role by ALIBABA_CLOUD_ECS_METADATA", {"ECS_METADATA": "named"}, metadata="v2", found="STS."),
    Setup("machine without tokens", URI, metadata="v1", found="STS."),
    Setup("machine without tokens, forbidden", URI | {"IMDSV1_DISABLED": "true"}, metadata="v1", found="STS."),
    Setup("machine disabled", URI | NO_MACHINE, metadata="v2", found="STS."),
    Setup("URI, last of all", URI, found="STS."),
    Setup("nothing", NO_MACHINE, found=NOBODY),
    # What follows differs, and is meant to.
    Setup("file without .ini", NO_MACHINE, files={".alibabacloud/credentials": INI}, found=("ini", NOBODY),
          because="Go and Node read ~/.alibabacloud/credentials, Python ~/.alibabacloud/credentials.ini; a person has one"),
    Setup("file sts", NO_MACHINE, ini=section(kind="sts", **key_of("ini"), security_token="t"), found=("ini", NOBODY),
          because="a session in the file: Python has no type for it"),
    Setup("file with %", NO_MACHINE, ini=INI + "other = 100%\n", found=("ini", NOBODY),
          because="Python takes % for a reference of configparser; Go and Node do not, and policies hold it"),
    Setup("half a profile and half an environment", NO_MACHINE | {"ACCESS_KEY_ID": "cli"},
          [{"name": "p", "mode": "AK", "access_key_secret": secret("cli")}], found=(NOBODY, "cli"),
          because="a key whose halves are from two places is nobody's intention"),
    Setup("profile without its role", NO_MACHINE | {"ROLE_ARN": ROLE}, [role(ram_role_arn="")], found=(NOBODY, "STS."),
          because="the same: a role from the environment on a key of a profile"),
    Setup("CLI CloudSSO, signed in", NO_MACHINE, [{"name": "p", "mode": "CloudSSO", **key_of("sso"), "sts_token": "t",
                                                   "sts_expiration": int(SOON)}], found=("sso", NOBODY),
          because="the CLI's own last key is used while it lasts; the library exchanges an access token each time"),
    Setup("profile in the file", env("env"), ini=INI + section("s", **key_of("s")), profile="s", found=("s", NOBODY),
          because="a target's `profile` is a section of the file where the CLI has no such profile"),
]


def matches(answer, found):
    return answer is NOBODY if found is NOBODY else answer is not NOBODY and answer[0].startswith(found)


def compare(setup, services, tenure):
    """Yields a sentence for everything that is not as it should be."""
    services.metadata = setup.metadata
    services.wrong.clear()
    answers = []
    for ask in (lambda home: ours(home, setup, services, tenure), lambda home: official(home, setup, services)):
        home = setup.home()
        try:
            answers.append(ask(home))
        except RuntimeError as error:
            yield f"no answer: {error}"
            return
        finally:
            shutil.rmtree(home)
    yield from services.wrong
    expected = setup.found if isinstance(setup.found, tuple) else (setup.found, setup.found)
    for who, answer, found in zip(("tenure", "the library"), answers, expected):
        if not matches(answer, found):
            yield f"{who} has {answer}, expected {found}"
    if setup.because is None and answers[0] != answers[1]:
        yield f"tenure has {answers[0]}, the library {answers[1]}"


def main():
    tenure = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "target/debug/tenure")
    services = Services()
    failed = 0
    for setup in SETUPS:
        wrong = list(compare(setup, services, tenure))
        failed += bool(wrong)
        for sentence in wrong:
            print(f"FAILED  {setup.name}: {sentence}")
        if not wrong and setup.because:
            print(f"differs {setup.name}: {setup.because}")
    print(f"{len(SETUPS) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--official"]:
        ask_official(sys.argv[2], sys.argv[3])
    else:
        main()

#!/usr/bin/env python3
"""Holds every request that tenure sends to Alibaba Cloud against the one that the official SDK sends for the same call.

    alibaba_requests.py TRACE.jsonl          the requests of a trace, as `Meter::with_trace` writes them
    alibaba_requests.py --live TENURE URL    those of a launch, a change and a termination at a served sandbox, with headers

The SDK is given our parameters and sends them to a small server; method, action, version, names, values and their place
(query or body) have to be the same. What the SDK does not check before it sends is in the comments of its code, and held
here too: what is required, and which words are valid.

Prints `N passed, M failed`, each failure before it; exit code 1 when there is one, 2 when nothing was checked.
"""

import hashlib
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import typing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import alibaba_sdk
from alibaba_sdk import CATALOG, STS

# Undocumented; Terraform's provider sends it with nothing but this, in the body (service_alicloud_servicecatalog.go).
UNDOCUMENTED = {"GetProvisionedProductForResourceSpec": ["ProvisionedProductId"]}
# How the signed requests of the credential chain are called in a trace. The SDK sends AssumeRole's parameters in the query;
# the credentials libraries of other languages send them in the body, and the gateway takes both.
CREDENTIALS = "sts.aliyuncs.com"
ANY_PLACE = ("AssumeRole",)
# Headers that tell of the client alone, or belong to the connection.
OWN = {"accept", "accept-encoding", "connection", "content-length", "host", "user-agent", "x-acs-credentials-provider"}


class Sent(typing.NamedTuple):
    version: str
    action: str
    method: str
    query: tuple
    body: tuple
    headers: dict = {}
    raw: bytes = b""


class Recorder(ThreadingHTTPServer):
    """Notes what it is sent; passes it on if there is somebody behind it."""

    daemon_threads = True

    def __init__(self, upstream=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.upstream = upstream
        self.sent = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self):
        return "{}:{}".format(*self.server_address)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def serve(self):
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        pairs = lambda text: tuple(parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text)))
        query, body = pairs(urlsplit(self.path).query), pairs(raw.decode())
        self.server.sent.append(Sent(
            headers.get("x-acs-version"), headers.get("x-acs-action"), self.command, query, body, headers, raw))
        status, answer = self.pass_on(raw) if self.server.upstream else (200, b'{"RequestId":"R"}')
        self.send_response(status)
        self.send_header("Content-Type", "application/json;charset=utf-8")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = serve

    def pass_on(self, raw):
        connection = http.client.HTTPConnection(self.server.upstream, timeout=30)
        # The host name is signed, so it stays ours.
        connection.request(self.command, self.path, raw, dict(self.headers.items()))
        answer = connection.getresponse()
        result = answer.status, answer.read()
        connection.close()
        return result


class Official:
    """The SDK, with a recorder for a cloud."""

    def __init__(self):
        self.recorder = Recorder()
        self.clients = {
            version: alibaba_sdk.client(version, self.recorder.address, "key", "secret") for version in alibaba_sdk.SERVICES}

    def send(self, version, action, parameters):
        self.recorder.sent.clear()
        alibaba_sdk.send(self.clients[version], version, action, parameters)
        return self.recorder.sent[-1]

    def wrong(self, ours):
        """Yields everything in which a request differs from the SDK's."""
        given = ours.query + ours.body
        names = [name for name, _ in given]
        if len(set(names)) != len(names):
            yield "a parameter stands twice"
        if ours.action in UNDOCUMENTED:
            if ours.query or names != UNDOCUMENTED[ours.action] or ours.method != "POST" or ours.version != CATALOG:
                yield f"not as Terraform's provider sends it: {ours.method} {names}"
            return
        sdk = self.clients.get(ours.version)
        if sdk is None or alibaba_sdk.method(sdk, ours.action) is None:
            yield f"the SDK has no such action in version {ours.version}"
            return
        shape = alibaba_sdk.structure(ours.version, f"{ours.action}Request")
        parameters = nested(given)
        if shape is not None:
            yield from typed(shape, parameters, ours.action)
        theirs = self.send(ours.version, ours.action, parameters)
        if ours.action in ANY_PLACE:
            yield from same("parameters", sorted(given), sorted(theirs.query + theirs.body))
        else:
            yield from same("query", sorted(ours.query), sorted(theirs.query))
            yield from same("body", sorted(ours.body), sorted(theirs.body))
        yield from same("method", ours.method, theirs.method)
        if ours.headers:
            yield from headers(ours, theirs)


def nested(pairs):
    """`Tags.1.Key` as an element of a list, which is how the SDK takes it."""
    result = {}
    for name, value in pairs:
        listed = re.fullmatch(r"(\w+)\.(\d+)\.(\w+)", name)
        if listed is None:
            result[name] = value
            continue
        elements = result.setdefault(listed[1], [])
        while len(elements) < int(listed[2]) <= len(pairs):
            elements.append({})
        if int(listed[2]) <= len(elements):
            elements[int(listed[2]) - 1][listed[3]] = value
    return result


def typed(shape, parameters, where):
    """Makes numbers of the text that is to be one. Yields what is missing or not a valid word."""
    known = alibaba_sdk.members(shape)
    for name, member in known.items():
        value = parameters.get(name)
        if member.required and not value:
            yield f"{where}.{name} is required"
        if value is None:
            continue
        yield from alibaba_sdk.valid(member, value, f"{where}.{name}")
        if member.kind is int:
            if re.fullmatch(r"\d+", value):
                parameters[name] = int(value)
            else:
                yield f"{where}.{name} is not a number: {value!r}"
        elif typing.get_origin(member.kind) is list:
            for index, element in enumerate(value):
                yield from typed(typing.get_args(member.kind)[0], element, f"{where}.{name}[{index}]")


def same(what, ours, theirs):
    if ours != theirs:
        yield f"{what}: we send {ours}, the SDK {theirs}"


def headers(ours, theirs):
    names = lambda sent: {name for name in sent.headers if name not in OWN}
    yield from same("headers", sorted(names(ours)), sorted(names(theirs)))
    for name in ("content-type", "x-acs-action", "x-acs-version", "accept"):
        yield from same(name, ours.headers.get(name), theirs.headers.get(name))
    yield from same("x-acs-content-sha256", ours.headers.get("x-acs-content-sha256"), hashlib.sha256(ours.raw).hexdigest())
    for name, form in [("x-acs-date", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), ("x-acs-signature-nonce", r"[0-9a-f]{32}")]:
        for sent in (ours, theirs):
            if not re.fullmatch(form, sent.headers.get(name, "")):
                yield f"{name} is {sent.headers.get(name)!r}"
    signed = r"ACS3-HMAC-SHA256 Credential=[^,]+,SignedHeaders=([a-z0-9;-]+),Signature=[0-9a-f]{64}"
    found = [re.fullmatch(signed, sent.headers.get("authorization", "")) for sent in (ours, theirs)]
    if None in found:
        yield f"Authorization: {ours.headers.get('authorization')}"
        return
    # Accept and the like may be signed, and the SDK does; these must.
    must = {"host"} | {name for name in ours.headers if name == "content-type" or name.startswith("x-acs-")}
    missing = must - set(found[0][1].split(";"))
    if missing:
        yield f"not signed: {sorted(missing)}"


def traced(path):
    """The requests to Alibaba Cloud in a trace. Tokens of OIDC are not in it, nor are other ways to a key."""
    with open(path, encoding="utf-8") as trace:
        for line in trace:
            line = json.loads(line)
            if line.get("cloud") == "alibaba":
                pairs = lambda name: tuple((key, value) for key, value in line[name])
                yield Sent(line["version"], line["action"], line["method"], pairs("query"), pairs("body"))
            elif line.get("service") == CREDENTIALS and line["operation"] != "AssumeRoleWithOIDC":
                body = tuple(parse_qsl(line["body"], keep_blank_values=True))
                yield Sent(STS, line["operation"], "POST", (), body)


PROJECT = """
[target.t]
provider = "alibaba"
region = "cn-hangzhou"
account = "1234567890123456"
endpoint = "http://{address}"
"""
PRODUCT = """
[provisioned_product.live]
target = "t"
product = "ROS VPC"
version = "{version}"
stack_region = "cn-beijing"
parameters = {{ CidrBlock = "10.0.0.0/8", Secret = {{ secret = "env:LIVE", version = 1 }} }}
tags = {{ team = "a b+c&d=é*~" }}
"""


def live(tenure, url):
    """tenure over HTTP, at a served sandbox with a recorder between."""
    recorder = Recorder(url.removeprefix("http://").rstrip("/"))
    with tempfile.TemporaryDirectory() as home:
        keep = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        key = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "LTAISANDBOXADMIN", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "sandbox-ali-admin-secret", "LIVE": "s=1&2"}
        for product in (PRODUCT.format(version="1.0"), PRODUCT.format(version="2.0"), ""):
            with open(os.path.join(home, "tenure.toml"), "w", encoding="utf-8") as file:
                file.write(PROJECT.format(address=recorder.address) + product)
            for command in (["apply", "-y"] + ([] if product else ["--allow", "terminate=1"]), ["plan"]):
                done = subprocess.run([tenure, "-C", home, *command], env=keep | key | {"HOME": home}, capture_output=True,
                                      text=True, timeout=300)
                if done.returncode != 0:
                    raise SystemExit(f"tenure {command[0]} ends with {done.returncode}:\n{done.stdout}{done.stderr}")
    nonces = [sent.headers["x-acs-signature-nonce"] for sent in recorder.sent]
    if len(set(nonces)) != len(nonces):
        raise SystemExit("a nonce was used twice")
    return recorder.sent


def main():
    if len(sys.argv) == 4 and sys.argv[1] == "--live":
        requests = live(sys.argv[2], sys.argv[3])
    elif len(sys.argv) == 2:
        requests = unique(traced(sys.argv[1]))
    else:
        print(__doc__, file=sys.stderr)
        return 2
    official, passed, failed = Official(), 0, 0
    for sent in requests:
        wrong = list(official.wrong(sent))
        for sentence in wrong:
            print(f"{sent.action}: {sentence}")
        passed, failed = (passed, failed + 1) if wrong else (passed + 1, failed)
    print(f"actions: {', '.join(sorted({sent.action for sent in requests}))}")
    print(f"{passed} passed, {failed} failed")
    if passed + failed == 0:
        return 2
    return 1 if failed else 0


def unique(requests):
    """Each request once."""
    return list({tuple(sent[:5]): sent for sent in requests}.values())


if __name__ == "__main__":
    sys.exit(main())

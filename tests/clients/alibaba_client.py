"""Somebody who calls the served sandbox by the official SDKs, and what the scripts beside this count.

Every answer is held against the SDK's own structures, as the SDK drops what it does not know.
"""

import os
import re
import sys
import time
from unittest import mock

from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
from darabonba.core import DaraCore

import alibaba_sdk
from alibaba_sdk import CATALOG

URL = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("SANDBOX_URL", "http://127.0.0.1:4566")
ADDRESS = URL.removeprefix("http://").rstrip("/")
ACCOUNT = "1234567890123456"
KEYS = {
    "admin": ("LTAISANDBOXADMIN", "sandbox-ali-admin-secret"),
    "lin": ("LTAISANDBOXLIN", "sandbox-ali-lin-secret"),
    "boss": ("LTAISANDBOXBOSS", "sandbox-ali-boss-secret"),
    "reader": ("LTAISANDBOXREADER", "sandbox-ali-reader-secret"),
    "expired": ("LTAISANDBOXEXPIRED", "sandbox-ali-expired-secret"),
    "stranger": ("LTAISTRANGER", "nothing"),
    "forger": ("LTAISANDBOXADMIN", "not-the-secret"),
    "aws": ("AKIASANDBOXADMIN", "sandbox-admin-secret"),
}
MASK = "******"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
# What the SDK has and this service never tells: parts of RAM that a catalog has no use for.
UNTOLD = {
    "GetRoleResponseBodyRole": {"AllowConsoleLogin", "IsServiceLinkedRole", "LatestDeletionTask", "RolePrincipalName", "UpdateDate"},
    "GetUserResponseBodyUser": {"Comments", "Email", "LastLoginDate", "MobilePhone", "UpdateDate"},
    "AssumeRoleResponseBody": {"SourceIdentity"},
}
counts = {"passed": 0, "failed": 0}
seen, said = set(), set()
held = []
sent = []


def check(what, ok, detail=""):
    counts["passed" if ok else "failed"] += 1
    if not ok:
        print(f"FAILED  {what}  {detail}")


def equal(what, got, expected):
    check(what, got == expected, f"got {got!r}, expected {expected!r}")


class Client:
    """Somebody who calls one service by its SDK."""

    def __init__(self, who, version=CATALOG, address=ADDRESS, **more):
        key, secret = KEYS.get(who, (None, None))
        self.version = version
        self.sdk = alibaba_sdk.client(version, address, **({"key": key, "secret": secret} | more))

    def __call__(self, action, **parameters):
        """The answer as it came, once the SDK has read it."""
        raw = {}

        def call_api(*arguments):
            raw.update(type(self.sdk).call_api(self.sdk, *arguments))
            return raw

        with mock.patch.object(self.sdk, "call_api", call_api):
            read = alibaba_sdk.send(self.sdk, self.version, action, parameters)
        self.hold(action, raw["body"], read.body)
        return raw["body"]

    def hold(self, action, body, read):
        shape = alibaba_sdk.structure(self.version, f"{action}ResponseBody")
        wrong = list(alibaba_sdk.walk(shape, body, action, seen))
        if full(read.to_map()) != full(body):
            wrong.append(f"{action}: the SDK has read something else")
        wrong += [f"{action}: {name} is {text!r}" for name, text in times(body) if not TIME.fullmatch(text)]
        held.append(action)
        for sentence in wrong:
            if sentence not in said:
                said.add(sentence)
                check("the SDK's structures", False, sentence)

    def refused(self, what, code, action, **parameters):
        try:
            self(action, **parameters)
        except AlibabaCloudException as error:
            equal(what, (error.code, error.status_code), (code, status_of(code)))
            whole = {"Code", "HostId", "Message", "Recommend", "RequestId"} <= set(error.data)
            check("a refusal tells everything", whole and error.data["RequestId"] == error.request_id, str(error.data))
            return error
        check(what, False, "it was not refused")
        return None


def status_of(code):
    if code.endswith(".NotFound") or code.startswith("EntityNotExist."):
        return 404
    return {"NoPermission": 403, "ServiceUnavailable": 503}.get(code, 400)


def times(value):
    """Every member whose name says that it is a time."""
    if isinstance(value, dict):
        for name, member in value.items():
            if name.endswith(("Time", "Date", "Expiration")):
                yield name, member
            else:
                yield from times(member)
    elif isinstance(value, list):
        for element in value:
            yield from times(element)


def full(value):
    """Without the empty lists that the SDK reads in where there is nothing."""
    if isinstance(value, dict):
        return {name: full(member) for name, member in value.items() if member != []}
    return [full(element) for element in value] if isinstance(value, list) else value


def pairs(values, key="ParameterKey", value="ParameterValue"):
    return [{key: name, value: text} for name, text in values.items()]


def tags(**values):
    return pairs(values, "Key", "Value")


def plain(listed, key="ParameterKey", value="ParameterValue"):
    return {one[key]: one[value] for one in listed}


def instance(cat, pp):
    return cat("GetProvisionedProduct", ProvisionedProductId=pp)["ProvisionedProductDetail"]


def until(read, ended, what):
    """Reads until `ended`; what was read last, and every status on the way."""
    statuses = []
    for _ in range(600):
        found = read()
        if found["Status"] not in statuses:
            statuses.append(found["Status"])
        if ended(found["Status"]):
            return found, statuses
        time.sleep(0.05)
    raise SystemExit(f"{what} did not end: {statuses}")


def settled(cat, pp):
    """Waits for an instance's last task, and tells that task."""
    task = instance(cat, pp)["LastTaskId"]
    read = lambda: cat("GetTask", TaskId=task)["TaskDetail"]
    return until(read, lambda status: status in ("Succeeded", "Failed"), f"task {task}")[0]


def gone(cat, pp):
    cat("TerminateProvisionedProduct", ProvisionedProductId=pp)
    task = instance(cat, pp)["LastTaskId"]
    until(lambda: cat("GetTask", TaskId=task)["TaskDetail"], lambda status: status == "Succeeded", f"task {task}")
    cat.refused("terminated is not found", "InvalidProvisionedProduct.NotFound", "GetProvisionedProduct", ProvisionedProductId=pp)
    return task


def named(cat, name):
    filters = tags(ProvisionedProductName=name)
    return cat("ListProvisionedProducts", AccessLevelFilter="Account", Filters=filters)["ProvisionedProductDetails"]


def product(cat, name):
    found = cat("ListProductsAsEndUser", Filters=tags(ProductName=name))["ProductSummaries"]
    return found[0]["ProductId"] if found else None


def versions(cat, of):
    found = cat("ListProductVersions", ProductId=of)["ProductVersionDetails"]
    return {one["ProductVersionName"]: one["ProductVersionId"] for one in found}


class Vpc:
    """The product that most of this is about."""

    def __init__(self, cat):
        self.cat, self.id = cat, product(cat, "ros vpc")
        self.versions = versions(cat, self.id)

    def request(self, version="1.0", name="fresh", **more):
        request = {"ProductId": self.id, "ProductVersionId": self.versions[version], "ProvisionedProductName": name,
                   "StackRegionId": "cn-shanghai", "Parameters": pairs({"CidrBlock": "10.9.0.0/16"})}
        return {key: value for key, value in (request | more).items() if value is not None}

    def launch(self, **more):
        return self.cat("LaunchProduct", **self.request(**more))["ProvisionedProductId"]

    def change(self, pp, version, parameters=None, **more):
        request = self.request(version, name=None, StackRegionId=None, Parameters=pairs(parameters or {}), **more)
        return self.cat("UpdateProvisionedProduct", ProvisionedProductId=pp, **request)


def recorded():
    do_action = DaraCore.do_action

    def record(request, options=None):
        sent.append(request)
        return do_action(request, options)

    return mock.patch.object(DaraCore, "do_action", record)


def coverage():
    """Every member that the SDK has in an answer, the sandbox tells somewhere."""
    shapes = {shape for shape, _ in seen}
    told = lambda shape: {name for of, name in seen if of is shape} | UNTOLD.get(shape.__name__, set())
    for shape in sorted(shapes, key=lambda one: one.__name__):
        left = set(alibaba_sdk.members(shape)) - told(shape)
        check(f"all members of {shape.__name__}", not left, f"never told: {sorted(left)}")

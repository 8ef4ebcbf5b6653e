#!/usr/bin/env python3
"""Drives a served sandbox with Alibaba Cloud's official Python SDKs, which know nothing of it.

    tenure sandbox --listen 127.0.0.1:4566 --seed tests/clients/seed/sandbox.toml --state DIR --time-scale 60 &
    python3 tests/clients/alibaba_sandbox.py http://127.0.0.1:4566

Every answer is held against the SDK's own structures, as the SDK drops what it does not know; and at the end, every member
that those have must have been seen. Needs a fresh world: the seed's faults strike the first calls.
"""

import json
import os
import sys
import tempfile
import time
from unittest import mock

from alibabacloud_credentials.provider import OIDCRoleArnCredentialsProvider, RamRoleArnCredentialsProvider
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException, ServerException, ThrottlingException
from alibabacloud_tea_openapi.utils import Utils
from darabonba.core import DaraCore
from darabonba.exceptions import UnretryableException
from darabonba.policy.retry import RetryOptions
from Tea.core import TeaCore

import alibaba_sdk
from alibaba_sdk import CATALOG, RAM, STS

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
# What the SDK has and this service never tells: parts of RAM that a catalog has no use for.
UNTOLD = {
    "GetRoleResponseBodyRole": {"AllowConsoleLogin", "IsServiceLinkedRole", "LatestDeletionTask", "RolePrincipalName", "UpdateDate"},
    "GetUserResponseBodyUser": {"Comments", "Email", "LastLoginDate", "MobilePhone", "UpdateDate"},
    "AssumeRoleResponseBody": {"SourceIdentity"},
}
counts = {"passed": 0, "failed": 0}
seen = set()
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
        held.append(action)
        for sentence in wrong:
            check("the SDK's structures", False, sentence)

    def refused(self, what, code, action, **parameters):
        try:
            self(action, **parameters)
        except AlibabaCloudException as error:
            equal(what, error.code, code)
            whole = {"Code", "HostId", "Message", "Recommend", "RequestId"} <= set(error.data)
            check("a refusal tells everything", whole and error.data["RequestId"] == error.request_id, str(error.data))
            return error
        check(what, False, "it was not refused")
        return None


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


def faults():
    """First, since the seed counts calls."""
    cat = Client("admin")
    error = cat.refused("an overloaded gateway", "Throttling.User", "ListRegions")
    check("is known to the SDK", isinstance(error, ThrottlingException), repr(error))
    equal("says when to come back", (error.status_code, error.retry_after), (400, 1000))
    again = {"retryable": True, "retryCondition": [{"maxAttempts": 4, "errorCode": ["Throttling.User", "ServiceUnavailable"]}]}
    patient = Client("admin", retry_options=RetryOptions(again))
    began = time.monotonic()
    regions = patient("ListRegions")["Regions"]
    check("the SDK waits for as long", 0.9 < time.monotonic() - began < 5, str(time.monotonic() - began))
    equal("and succeeds", [region["RegionId"] for region in regions], ["cn-hangzhou", "cn-shanghai"])
    equal("with a signed word about it", sent[-1].headers.get("x-acs-retry-attempts"), "1")
    error = cat.refused("a gateway out of order", "ServiceUnavailable", "ListRegions")
    check("is a server's error", isinstance(error, ServerException) and error.status_code == 503, repr(error))
    check("the SDK comes back after it", patient("ListRegions")["Regions"])
    vpc = Vpc(cat)
    for name, there in (("lost-request", 0), ("lost-reply", 1)):
        try:
            vpc.launch(name=name)
            check(f"{name}: no answer", False)
        except UnretryableException:
            check(f"{name}: no answer", True)
        equal(f"{name}: what there is", len(named(cat, name)), there)
    doomed = vpc.launch(name="doomed")
    equal("a launch that fails", settled(cat, doomed)["Status"], "Failed")
    for pp in (doomed, named(cat, "lost-reply")[0]["ProvisionedProductId"]):
        settled(cat, pp)
        gone(cat, pp)


def gone(cat, pp):
    cat("TerminateProvisionedProduct", ProvisionedProductId=pp)
    task = instance(cat, pp)["LastTaskId"]
    until(lambda: cat("GetTask", TaskId=task)["TaskDetail"], lambda status: status == "Succeeded", f"task {task}")
    cat.refused("terminated is not found", "InvalidProvisionedProduct.NotFound", "GetProvisionedProduct", ProvisionedProductId=pp)
    return task


def identities():
    admin, lin = Client("admin", STS)("GetCallerIdentity"), Client("lin", STS)("GetCallerIdentity")
    equal("a role's session", admin["Arn"], f"acs:ram::{ACCOUNT}:assumed-role/Admin/ali-admin")
    equal("its type, role and account", (admin["IdentityType"], admin["RoleId"], admin["AccountId"]),
          ("AssumedRoleUser", "300000000000000001", ACCOUNT))
    equal("a user", (lin["Arn"], lin["IdentityType"]), (f"acs:ram::{ACCOUNT}:user/lin", "RAMUser"))
    equal("a user's number", lin["UserId"], "200000000000000002")
    for service in (CATALOG, STS, RAM):
        action, more = {CATALOG: ("ListProvisionedProducts", {}), STS: ("GetCallerIdentity", {}),
                        RAM: ("GetUser", {"UserName": "lin"})}[service]
        for who, code in [("stranger", "InvalidAccessKeyId.NotFound"), ("forger", "SignatureDoesNotMatch"),
                          ("aws", "InvalidAccessKeyId.NotFound"), ("expired", "InvalidSecurityToken.Expired")]:
            Client(who, service).refused(f"{who} at {service}", code, action, **more)
    ram = Client("admin", RAM)
    equal("GetUser", ram("GetUser", UserName="lin")["User"]["UserId"], "200000000000000002")
    role = ram("GetRole", RoleName="Platform")["Role"]
    equal("GetRole of one that signs nothing", (role["RoleId"], role["Arn"]),
          ("300000000000000009", f"acs:ram::{ACCOUNT}:role/Platform"))
    ram.refused("no such user", "EntityNotExist.User", "GetUser", UserName="nobody")
    ram.refused("no such role", "EntityNotExist.Role", "GetRole", RoleName="lin")
    ram.refused("no such action", "InvalidApi.NotFound", "ListUsers")
    Client("lin", RAM).refused("who may not", "NoPermission", "GetRole", RoleName="Platform")
    sessions()
    libraries()


def sessions():
    sts, role = Client("admin", STS), f"acs:ram::{ACCOUNT}:role/Reader"
    sts.refused("without its external id", "NoPermission", "AssumeRole", RoleArn=role, RoleSessionName="me")
    sts.refused("a role that nobody has", "EntityNotExist.Role", "AssumeRole", RoleArn=f"acs:ram::{ACCOUNT}:role/No", RoleSessionName="me")
    sts.refused("not a role", "InvalidParameter.RoleArn", "AssumeRole", RoleArn=f"acs:ram::{ACCOUNT}:user/lin", RoleSessionName="me")
    sts.refused("a short name", "InvalidParameter.RoleSessionName", "AssumeRole", RoleArn=role, RoleSessionName="m")
    sts.refused("a short session", "InvalidParameter.DurationSeconds", "AssumeRole", RoleArn=role, RoleSessionName="me", DurationSeconds=899)
    answer = sts("AssumeRole", RoleArn=role, RoleSessionName="me", ExternalId="tenure", DurationSeconds=900)
    issued = answer["Credentials"]
    session = {"key": issued["AccessKeyId"], "secret": issued["AccessKeySecret"], "token": issued["SecurityToken"]}
    equal("who the session is", Client(None, STS, **session)("GetCallerIdentity")["Arn"],
          f"acs:ram::{ACCOUNT}:assumed-role/Reader/me")
    equal("as was said", answer["AssumedRoleUser"]["Arn"], f"acs:ram::{ACCOUNT}:assumed-role/Reader/me")
    reader = Client(None, **session)
    some = reader("ListProvisionedProducts", AccessLevelFilter="Account")["ProvisionedProductDetails"]
    check("a session may read", some)
    reader.refused("a reading session may not write", "NoPermission", "TerminateProvisionedProduct",
                   ProvisionedProductId=some[0]["ProvisionedProductId"])
    forged = dict(session, token=session["token"][:-1] + ("0" if session["token"][-1] != "0" else "1"))
    Client(None, **forged).refused("a forged token", "InvalidSecurityToken.Malformed", "ListProvisionedProducts")
    other = dict(session, key="STS.OTHER")
    Client(None, **other).refused("another key's token", "InvalidSecurityToken.MismatchWithAccessKey", "ListProvisionedProducts")
    tokenless = dict(session, token=None)
    Client(None, **tokenless).refused("a session without its token", "InvalidAccessKeyId.NotFound", "ListProvisionedProducts")


def libraries():
    """The credentials library signs AssumeRole in the older way, and AssumeRoleWithOIDC not at all."""
    role = {"role_arn": f"acs:ram::{ACCOUNT}:role/Reader", "role_session_name": "library", "sts_endpoint": ADDRESS}
    do_action = TeaCore.do_action

    def unencrypted(request, options=None):
        request.protocol = "http"
        return do_action(request, options)

    with tempfile.NamedTemporaryFile("w", suffix=".token") as token, mock.patch.object(TeaCore, "do_action", unencrypted):
        token.write("a.b.c")
        token.flush()
        oidc = {"oidc_provider_arn": f"acs:ram::{ACCOUNT}:oidc-provider/ci", "oidc_token_file_path": token.name}
        key, secret = KEYS["admin"]
        signed = {"access_key_id": key, "access_key_secret": secret, "external_id": "tenure"}
        for what, provider in [("AssumeRole", RamRoleArnCredentialsProvider(**signed, **role)),
                               ("AssumeRoleWithOIDC", OIDCRoleArnCredentialsProvider(**oidc, **role))]:
            found = provider.get_credentials()
            session = {"key": found.get_access_key_id(), "secret": found.get_access_key_secret(), "token": found.get_security_token()}
            equal(f"{what} by the credentials library", Client(None, STS, **session)("GetCallerIdentity")["Arn"],
                  f"acs:ram::{ACCOUNT}:assumed-role/Reader/library")
        try:
            RamRoleArnCredentialsProvider(**dict(signed, access_key_secret="wrong"), **role)._refresh_credentials()
            check("the older signature is verified", False)
        except Exception as error:  # noqa: BLE001: the library has no class for it
            check("the older signature is verified", "SignatureDoesNotMatch" in str(error), str(error))


def catalog(cat):
    found = cat("ListProductsAsEndUser", SortBy="CreateTime", SortOrder="Asc", PageSize=100)
    names = sorted(one["ProductName"] for one in found["ProductSummaries"])
    equal("products", names, ["Guarded", "Only in the second", "Pinned", "ROS VPC", "Web"])
    equal("how many", (found["TotalCount"], found["PageNumber"], found["PageSize"]), (5, 1, 100))
    equal("a name is matched whole", product(cat, "ROS"), None)
    some = cat("ListProductsAsEndUser", Filters=tags(FullTextSearch="ros"))["ProductSummaries"]
    equal("a text anywhere", [one["ProductName"] for one in some], ["ROS VPC"])
    vpc, web = product(cat, "ROS VPC"), product(cat, "web")
    one = cat("GetProductAsEndUser", ProductId=vpc)["ProductSummary"]
    equal("one portfolio is the default", (one["HasDefaultLaunchOption"], one["TemplateType"]), (True, "RosStandardTemplate"))
    equal("its ARN", one["ProductArn"], f"acs:servicecatalog:cn-hangzhou:{ACCOUNT}:product/{vpc}")
    other = cat("GetProductAsEndUser", ProductId=web)["ProductSummary"]
    equal("two are none", (other["HasDefaultLaunchOption"], other["TemplateType"]), (False, "RosTerraformTemplate"))
    options = cat("ListLaunchOptions", ProductId=web)["LaunchOptionSummaries"]
    equal("launch options", sorted(option["PortfolioName"] for option in options), ["Networking", "Second"])
    equal("seen by an end user", [option["PortfolioName"] for option in
                                  Client("lin")("ListLaunchOptions", ProductId=web)["LaunchOptionSummaries"]], ["Networking"])
    constraints = cat("ListLaunchOptions", ProductId=product(cat, "Pinned"))["LaunchOptionSummaries"][0]["ConstraintSummaries"]
    by_type = {one["ConstraintType"]: one for one in constraints}
    equal("constraints", sorted(by_type), ["Launch", "StackRegion", "Template"])
    equal("where stacks may be", by_type["StackRegion"]["StackRegions"], ["cn-beijing", "cn-shanghai"])
    equal("as whom", by_type["Launch"]["Description"], "Launch as local role SCBroken")
    guarded = cat("ListLaunchOptions", ProductId=product(cat, "Guarded"))["LaunchOptionSummaries"][0]["ConstraintSummaries"]
    operations = ",".join(guarded[0]["OperationTypes"]).split(",")
    equal("what needs an approval", sorted(operations), ["LaunchProduct", "UpdateProvisionedProduct"])
    listed = versions(cat, vpc)
    equal("versions", sorted(listed), ["1.0", "2.0", "bad", "hidden"])
    equal("end users see no inactive one", sorted(versions(Client("lin"), vpc)), ["1.0", "2.0", "bad"])
    told = cat("GetProductVersion", ProductVersionId=listed["2.0"])["ProductVersionDetail"]
    equal("a version", (told["Guidance"], told["Active"], told["ProductId"]), ("Recommended", True, vpc))
    templates(cat, vpc, listed, web)
    cat.refused("no such product", "InvalidProduct.NotFound", "GetProductAsEndUser", ProductId="prod-nothing")
    cat.refused("no such version", "InvalidProductVersion.NotFound", "GetProductVersion", ProductVersionId="pv-nothing")
    cat.refused("a product of another region", "InvalidProduct.NotFound", "ListProductVersions",
                ProductId=product(Client("admin", address="servicecatalog.cn-shanghai.aliyuncs.com", http_proxy=URL), "Only in Shanghai"))
    lin = Client("lin")
    equal("a product of no portfolio of hers", product(lin, "Only in the second"), None)
    lin.refused("is not there", "InvalidProduct.NotFound", "ListLaunchOptions", ProductId=product(cat, "Only in the second"))


def templates(cat, vpc, listed, web):
    def body(product, version):
        return json.loads(cat("GetTemplate", ProductId=product, ProductVersionId=version)["TemplateBody"])

    written = body(vpc, listed["1.0"])
    equal("a template in JSON", (written["ROSTemplateFormatVersion"], written["Parameters"]["Secret"]["NoEcho"]), ("2015-09-01", True))
    from_yaml = body(vpc, listed["2.0"])
    equal("a template in YAML is told as JSON", from_yaml["Outputs"]["Cidr"]["Value"], {"Ref": "CidrBlock"})
    equal("with its numbers", from_yaml["Parameters"]["Size"]["Default"], 4)
    terraform = body(web, versions(cat, web)["1"])
    equal("Terraform has files", list(terraform["Workspace"]), ["main.tf"])
    cat.refused("a version of another product", "InvalidProductVersion.NotFound", "GetTemplate", ProductId=web, ProductVersionId=listed["1.0"])


def life(cat, vpc):
    given = {"CidrBlock": "10.9.0.0/16", "Secret": "hunter2"}
    pp = vpc.launch(Parameters=pairs(given), Tags=tags(team="a", note="日本 +&=*~", empty=""))
    began = instance(cat, pp)
    equal("a launch is under change", began["Status"], "UnderChange")
    check("and has never succeeded", "LastSuccessfulProvisioningTaskId" not in began, str(began))
    equal("nobody else's", (began["OwnerPrincipalType"], began["OwnerPrincipalId"]), ("RamRole", "300000000000000001"))
    running = cat("GetTask", TaskId=began["LastTaskId"])["TaskDetail"]
    equal("its task", (running["TaskType"], running["Status"]), ("LaunchProduct", "InProgress"))
    for action in ("UpdateProvisionedProduct", "TerminateProvisionedProduct"):
        more = vpc.request("2.0", name=None, StackRegionId=None) if action.startswith("Update") else {}
        cat.refused(f"{action} under change", "InvalidProvisionedProduct.UnderChange", action, ProvisionedProductId=pp, **more)
    done = settled(cat, pp)
    equal("it succeeds", done["Status"], "Succeeded")
    equal("parameters as entered, masked", plain(done["Parameters"]), {"CidrBlock": "10.9.0.0/16", "Secret": MASK})
    equal("tags as entered", plain(done["TaskTags"], "Key", "Value"), {"team": "a", "note": "日本 +&=*~", "empty": ""})
    outputs = plain(done["Outputs"], "OutputKey", "OutputValue")
    equal("outputs", (outputs["Cidr"], outputs["Where"]), ("10.9.0.0/16", "cn-shanghai/2"))
    now = instance(cat, pp)
    equal("the instance", (now["Status"], now["ProvisionedProductType"], now["StackRegionId"]), ("Available", "RosStack", "cn-shanghai"))
    equal("its tasks", {now[key] for key in ("LastTaskId", "LastProvisioningTaskId", "LastSuccessfulProvisioningTaskId")}, {done["TaskId"]})
    equal("its ARN", now["ProvisionedProductArn"], f"acs:servicecatalog:cn-hangzhou:{ACCOUNT}:provisionedproduct/{pp}")
    for hidden in ("Parameters", "Tags", "Outputs"):
        check(f"an instance tells no {hidden}", hidden not in now)
    equal("Get and List tell the same", named(cat, "FRESH"), [now])
    updates(cat, vpc, pp)
    history = cat("ListTasks", ProvisionedProductId=pp, SortBy="CreateTime", SortOrder="Asc", PageSize=100)["TaskDetails"]
    check("a list of tasks has no tags", all("TaskTags" not in one for one in history))
    check("but parameters", all("Parameters" in one for one in history))
    equal("oldest first", history[0]["TaskId"], done["TaskId"])
    check("no secret in any task", "hunter2" not in str(history) and "swordfish" not in str(history))
    last = gone(cat, pp)
    equal("its task can be read", cat("GetTask", TaskId=last)["TaskDetail"]["TaskType"], "TerminateProvisionedProduct")
    equal("and it is in no list", named(cat, "fresh"), [])
    cat.refused("gone is gone", "InvalidProvisionedProduct.NotFound", "TerminateProvisionedProduct", ProvisionedProductId=pp)


def updates(cat, vpc, pp):
    block = {"CidrBlock": "10.9.0.0/16"}
    refused = lambda what, code, version, parameters, **more: cat.refused(
        what, code, "UpdateProvisionedProduct", ProvisionedProductId=pp,
        **vpc.request(version, name=None, StackRegionId=None, Parameters=pairs(parameters), **more))
    before = instance(cat, pp)
    same = dict(block, Secret="hunter2")
    said = refused("nothing changed", "InvalidParameter.NotChanged", "1.0", same)
    check("in the page's words", "If ProductVersionId and Parameters are not changed" in said.message, said.message)
    refused("only tags changed", "InvalidParameter.NotChanged", "1.0", same, Tags=tags(team="b"))
    equal("and nothing happened", instance(cat, pp), before)
    vpc.change(pp, "2.0", dict(block, Secret="swordfish", Size="7"), Tags=tags(team="b"))
    done = settled(cat, pp)
    equal("to the next version", (done["Status"], done["ProductVersionName"], done["TaskType"]), ("Succeeded", "2.0", "UpdateProvisionedProduct"))
    equal("its outputs", plain(done["Outputs"], "OutputKey", "OutputValue")["Text"], "size-7")
    equal("its tags", plain(done["TaskTags"], "Key", "Value"), {"team": "b"})
    vpc.change(pp, "2.0", dict(block, Secret="swordfish"))
    done = settled(cat, pp)
    equal("left out is the template's", plain(done["Outputs"], "OutputKey", "OutputValue")["Text"], "size-4")
    equal("tags that are left out stay", plain(done["TaskTags"], "Key", "Value"), {"team": "b"})
    good = instance(cat, pp)
    vpc.change(pp, "bad", dict(block, Size="1"))
    failed, after = settled(cat, pp), instance(cat, pp)
    equal("a version that fails", (failed["Status"], failed["StatusMessage"]), ("Failed", "No capacity"))
    equal("shows", (after["Status"], after["StatusMessage"]), ("Error", "No capacity"))
    equal("the last good task stays", after["LastSuccessfulProvisioningTaskId"], good["LastSuccessfulProvisioningTaskId"])
    check("and another is the last", after["LastProvisioningTaskId"] == failed["TaskId"] != good["LastTaskId"])
    vpc.change(pp, "2.0", dict(block, Secret="swordfish"))
    equal("the same again heals", settled(cat, pp)["Status"], "Succeeded")
    equal("and is said", instance(cat, pp)["Status"], "Available")


def refusals(cat, vpc):
    before = cat("ListProvisionedProducts", AccessLevelFilter="Account")["TotalCount"]
    refused = lambda what, code, **more: cat.refused(what, code, "LaunchProduct", **vpc.request(**more))
    for name in ("ProductId", "ProductVersionId", "ProvisionedProductName", "StackRegionId"):
        refused(f"no {name}", f"Missing{name}", **{name: None})
    long = "x" * 129
    refused("129 characters", "InvalidProvisionedProductName", ProvisionedProductName=long)
    refused("a product that is not there", "InvalidProduct.NotFound", ProductId="prod-nothing")
    refused("a version that is not there", "InvalidProductVersion.NotFound", ProductVersionId="pv-nothing")
    refused("an inactive version", "InvalidProductVersion.NotFound", version="hidden")
    refused("a portfolio that is not there", "InvalidPortfolio.NotFound", PortfolioId="port-nothing")
    refused("no region's name", "InvalidStackRegionId", StackRegionId="Shanghai")
    web, pinned = product(cat, "Web"), product(cat, "Pinned")
    refused("several portfolios need one named", "MissingPortfolioId", ProductId=web, ProductVersionId=versions(cat, web)["1"])
    refused("a region that the constraint has not", "InvalidStackRegionId", ProductId=pinned,
            ProductVersionId=versions(cat, pinned)["1"], StackRegionId="cn-hangzhou")
    said = refused("an unknown parameter", "InvalidParameter", Parameters=pairs({"CidrBlock": "10.0.0.0/8", "Nope": "value-of-nope"}))
    check("is named, and its value is not", "Nope" in said.message and "value-of-nope" not in said.message, said.message)
    refused("a parameter twice", "InvalidParameters", Parameters=pairs({"CidrBlock": "1"}) * 2)
    refused("a parameter without key", "MissingParameters.1.ParameterKey", Parameters=[{"ParameterValue": "1"}])
    refused("a parameter without value", "MissingParameters.1.ParameterValue", Parameters=[{"ParameterKey": "CidrBlock"}])
    refused("201 parameters", "InvalidParameters", Parameters=pairs({f"p{n}": "v" for n in range(201)}))
    refused("21 tags", "InvalidTags", Tags=tags(**{f"k{n}": "v" for n in range(21)}))
    for key in (long, "http://x", "a https://x", "acs:x", "aliyun", "aliyun-x"):
        refused(f"a tag's key {key[:12]}", "InvalidTags.1.Key", Tags=[{"Key": key, "Value": "v"}])
    for value in (long, "see http://x", "https://", "acs:x"):
        refused(f"a tag's value {value[:12]}", "InvalidTags.1.Value", Tags=[{"Key": "k", "Value": value}])
    refused("a key twice", "InvalidTags.2.Key", Tags=tags(k="v") * 2)
    equal("and nothing of that was done", cat("ListProvisionedProducts", AccessLevelFilter="Account")["TotalCount"], before)
    fits(cat, vpc, pinned)
    cat.refused("no such task", "InvalidTask.NotFound", "GetTask", TaskId="task-nothing")
    cat.refused("no such instance", "InvalidProvisionedProduct.NotFound", "ListTasks", ProvisionedProductId="pp-nothing")
    cat.refused("an action that the sandbox has not", "InvalidApi.NotFound", "ListPortfolios")


def fits(cat, vpc, pinned):
    """What is just within the limits; and what is refused only when the stack is made."""
    most = {f"k{n}": "v" * 128 for n in range(19)} | {"x" * 128: ""}
    pp = vpc.launch(name="名" * 128, Tags=tags(**most))
    task = settled(cat, pp)
    equal("the longest name, the most tags", (task["Status"], len(task["TaskTags"])), ("Succeeded", 20))
    other = vpc.launch(name="名" * 128)
    settled(cat, other)
    equal("names need not be unique", len(named(cat, "名" * 128)), 2)
    for parameters, rule in [({"CidrBlock": "ten"}, "pattern"), ({"CidrBlock": "1", "Tier": "iron"}, "AllowedValues"),
                             ({"CidrBlock": "1", "Zones": "4"}, "MaxValue"), ({}, "no CidrBlock")]:
        try:
            wrong = vpc.launch(name="against", Parameters=pairs(parameters))
        except AlibabaCloudException as error:
            check(f"{rule}: refused at once", error.code == "InvalidParameter" and rule == "no CidrBlock", str(error))
            continue
        equal(f"{rule}: the task fails", settled(cat, wrong)["Status"], "Failed")
        failed = instance(cat, wrong)
        check(f"{rule}: and leaves no stack", failed["Status"] == "Error" and "StackId" not in failed, str(failed))
        gone(cat, wrong)
    broken = vpc.launch(name="broken", ProductId=pinned, ProductVersionId=versions(cat, pinned)["1"])
    equal("a launch role that cannot", settled(cat, broken)["Status"], "Failed")
    gone(cat, pp)
    gone(cat, other)


def terraform(cat):
    web = product(cat, "Web")
    portfolio = {one["PortfolioName"]: one["PortfolioId"] for one in cat("ListLaunchOptions", ProductId=web)["LaunchOptionSummaries"]}
    pp = cat("LaunchProduct", ProductId=web, ProductVersionId=versions(cat, web)["1"], ProvisionedProductName="site",
             StackRegionId="cn-beijing", PortfolioId=portfolio["Second"],
             Parameters=pairs({"size": "3", "password": "hunter3"}))["ProvisionedProductId"]
    task = settled(cat, pp)
    equal("Terraform's variables", plain(task["Parameters"]), {"size": "3", "password": MASK})
    equal("Terraform's outputs", plain(task["Outputs"], "OutputKey", "OutputValue"), {"title": "vpc-web"})
    check("Terraform's words", task["Log"]["TerraformLogs"][0]["Content"])
    equal("the portfolio that was named", instance(cat, pp)["PortfolioId"], portfolio["Second"])
    update = {"ProvisionedProductId": pp, "ProductId": web, "ProductVersionId": versions(cat, web)["1"],
              "Parameters": pairs({"size": "4"})}
    cat.refused("an update needs it too", "MissingPortfolioId", "UpdateProvisionedProduct", **update)
    cat("UpdateProvisionedProduct", PortfolioId=portfolio["Networking"], **update)
    settled(cat, pp)
    equal("and may choose another", instance(cat, pp)["PortfolioId"], portfolio["Networking"])
    gone(cat, pp)


def previewed(cat, plan):
    read = lambda: cat("GetProvisionedProductPlan", PlanId=plan)["PlanDetail"]
    found, statuses = until(read, lambda status: not status.endswith("InProgress") or status == "ApplicationInProgress", f"plan {plan}")
    return found, statuses


def plans(cat, vpc):
    def create(name, version="1.0", operation=None, **more):
        request = vpc.request(version, name, PlanName=f"plan {name}", PlanType="Ros", OperationType=operation, **more)
        return cat("CreateProvisionedProductPlan", **request)

    made = create("planned", Description="why", Tags=tags(team="a"), Parameters=pairs({"CidrBlock": "10.1.0.0/16", "Secret": "hunter4"}))
    plan, pp = made["PlanId"], made["ProvisionedProductId"]
    cat.refused("nothing is there before", "InvalidProvisionedProduct.NotFound", "GetProvisionedProduct", ProvisionedProductId=pp)
    cat.refused("a plan needs its preview", "InvalidPlan.Status", "ExecuteProvisionedProductPlan", PlanId=plan)
    detail, statuses = previewed(cat, plan)
    equal("a preview", statuses, ["PreviewInProgress", "PreviewSuccess"])
    whole = cat("GetProvisionedProductPlan", PlanId=plan)
    equal("adds everything", {(one["LogicalResourceId"], one["Action"]) for one in whole["ResourceChanges"]}, {("Vpc", "Add"), ("Table", "Add")})
    equal("masked", plain(detail["Parameters"])["Secret"], MASK)
    equal("the owner by name too", (detail["OwnerPrincipalName"], detail["OwnerPrincipalType"], detail["Uid"]), ("Admin", "RamRole", ACCOUNT))
    equal("whose product", whole["ProductDetail"]["ProductName"], "ROS VPC")
    equal("whose version", whole["ProductVersionDetail"]["ProductVersionName"], "1.0")
    cat("UpdateProvisionedProductPlan", PlanId=plan, **vpc.request("2.0", name=None, StackRegionId=None, Description="better"))
    detail, _ = previewed(cat, plan)
    equal("a plan can be made again", (detail["Status"], detail["ProductVersionId"], detail["Description"]), ("PreviewSuccess", vpc.versions["2.0"], "better"))
    cat("ExecuteProvisionedProductPlan", PlanId=plan)
    equal("an execution is a task", settled(cat, pp)["TaskType"], "LaunchProduct")
    detail, _ = previewed(cat, plan)
    equal("a plan's end", (detail["Status"], detail["ProvisionedProductId"]), ("ExecuteSuccess", pp))
    cat.refused("is final", "InvalidPlan.Status", "ExecuteProvisionedProductPlan", PlanId=plan)
    cat.refused("is final for changes", "InvalidPlan.Status", "UpdateProvisionedProductPlan", PlanId=plan, **vpc.request("1.0", name=None, StackRegionId=None))
    down = create("planned", "1.0", "UpdateProvisionedProduct")
    equal("an update finds its instance by name", down["ProvisionedProductId"], pp)
    previewed(cat, down["PlanId"])
    changes = {one["LogicalResourceId"]: one for one in cat("GetProvisionedProductPlan", PlanId=down["PlanId"])["ResourceChanges"]}
    equal("what an update changes", {key: one["Action"] for key, one in changes.items()}, {"Vpc": "Modify", "Table": "Add", "Gateway": "Remove"})
    check("with what there is", "PhysicalResourceId" in changes["Vpc"] and "Replacement" in changes["Vpc"], str(changes))
    cat("CancelProvisionedProductPlan", PlanId=down["PlanId"])
    equal("canceled", cat("GetProvisionedProductPlan", PlanId=down["PlanId"])["PlanDetail"]["Status"], "Canceled")
    same = vpc.request("2.0", "planned", PlanName="p", PlanType="Ros", OperationType="UpdateProvisionedProduct")
    cat.refused("a plan of no change", "InvalidParameter.NotChanged", "CreateProvisionedProductPlan", **same)
    cat.refused("no such name", "InvalidProvisionedProduct.NotFound", "CreateProvisionedProductPlan", **dict(same, ProvisionedProductName="nobody"))
    cat.refused("another type", "InvalidPlanType", "CreateProvisionedProductPlan", **dict(same, PlanType="Terraform"))
    for name in ("PlanName", "PlanType", "ProvisionedProductName", "ProductId", "ProductVersionId", "StackRegionId"):
        cat.refused(f"a plan without {name}", f"Missing{name}", "CreateProvisionedProductPlan", **{k: v for k, v in same.items() if k != name})
    wrong = create("against", Parameters=pairs({"CidrBlock": "ten"}))
    detail, _ = previewed(cat, wrong["PlanId"])
    check("a preview that fails", detail["Status"] == "PreviewFailed" and detail.get("StatusMessage"), str(detail))
    cat("DeleteProvisionedProductPlan", PlanId=wrong["PlanId"])
    cat.refused("deleted", "InvalidPlan.NotFound", "GetProvisionedProductPlan", PlanId=wrong["PlanId"])
    end = create("planned", "2.0", "TerminateProvisionedProduct")
    previewed(cat, end["PlanId"])
    ends = cat("GetProvisionedProductPlan", PlanId=end["PlanId"])["ResourceChanges"]
    equal("what a termination changes", {one["Action"] for one in ends}, {"Remove"})
    cat("ExecuteProvisionedProductPlan", PlanId=end["PlanId"])
    detail, _ = previewed(cat, end["PlanId"])
    equal("a planned termination", detail["Status"], "ExecuteSuccess")
    cat.refused("takes it away", "InvalidProvisionedProduct.NotFound", "GetProvisionedProduct", ProvisionedProductId=pp)


def approvals(cat, vpc):
    guarded = product(cat, "Guarded")
    ids = versions(cat, guarded)
    request = vpc.request(name="careful", ProductId=guarded, ProductVersionId=ids["1"])
    cat.refused("a direct launch", "OperationDenied.ApprovalRequired", "LaunchProduct", **request)
    made = cat("CreateProvisionedProductPlan", PlanName="careful", PlanType="Ros", **request)
    plan, pp = made["PlanId"], made["ProvisionedProductId"]
    detail, statuses = previewed(cat, plan)
    equal("waits for somebody", statuses, ["PreviewInProgress", "ApplicationInProgress"])
    equal("namely", detail["AssignedApprovers"], [{"PrincipalName": "boss", "PrincipalType": "RamUser"}])
    cat.refused("not yet approved", "InvalidPlan.Status", "ExecuteProvisionedProductPlan", PlanId=plan)
    cat.refused("not by its owner", "NoPermission", "ApproveProvisionedProductPlan", PlanId=plan, ApprovalAction="Approve")
    boss = Client("boss")
    boss.refused("not by a word unheard of", "InvalidApprovalAction", "ApproveProvisionedProductPlan", PlanId=plan, ApprovalAction="Yes")
    todo = detail["ApprovalDetail"]["TodoTaskActivities"][0]["Tasks"][0]["Operator"]
    equal("who is asked", (todo["PrincipalName"], todo["PrincipalType"]), ("boss", "RamUser"))
    waiting = boss("ListProvisionedProductPlans", ApprovalFilter="ReceivedRequests")["PlanDetails"]
    equal("what the approver sees", [one["PlanId"] for one in waiting], [plan])
    listed(cat, boss, plan, pp)
    boss("ApproveProvisionedProductPlan", PlanId=plan, ApprovalAction="Approve", Comment="fine")
    detail = cat("GetProvisionedProductPlan", PlanId=plan)["PlanDetail"]
    records = detail["ApprovalDetail"]["OperationRecords"]
    equal("what has been done", [(one["ApprovalAction"], one["Operator"]["PrincipalName"], one.get("Comment")) for one in records],
          [("Submit", "Admin", None), ("Approve", "boss", "fine")])
    equal("approved", detail["Status"], "ApplicationApproved")
    boss.refused("who approves does not execute", "NoPermission", "ExecuteProvisionedProductPlan", PlanId=plan)
    equal("nothing is received any more", boss("ListProvisionedProductPlans", ApprovalFilter="ReceivedRequests")["TotalCount"], 0)
    equal("it is history", boss("ListProvisionedProductPlans", ApprovalFilter="ApprovalHistory")["TotalCount"], 1)
    cat("ExecuteProvisionedProductPlan", PlanId=plan)
    equal("executed", settled(cat, pp)["Status"], "Succeeded")
    change = {"ProductId": guarded, "ProductVersionId": ids["2"], "Parameters": pairs({"CidrBlock": "10.9.0.0/16"})}
    cat.refused("a direct update", "OperationDenied.ApprovalRequired", "UpdateProvisionedProduct", ProvisionedProductId=pp, **change)
    made = cat("CreateProvisionedProductPlan", PlanName="more", PlanType="Ros", OperationType="UpdateProvisionedProduct",
               ProvisionedProductName="careful", StackRegionId="cn-shanghai", **change)
    previewed(cat, made["PlanId"])
    boss("ApproveProvisionedProductPlan", PlanId=made["PlanId"], ApprovalAction="Reject")
    equal("rejected", cat("GetProvisionedProductPlan", PlanId=made["PlanId"])["PlanDetail"]["Status"], "ApplicationRejected")
    cat.refused("a rejected one is not executed", "InvalidPlan.Status", "ExecuteProvisionedProductPlan", PlanId=made["PlanId"])
    gone(cat, pp)


def listed(cat, boss, plan, pp):
    """Filters of the list of plans."""
    def found(**more):
        return [one["PlanId"] for one in cat("ListProvisionedProductPlans", **more)["PlanDetails"]]

    equal("plans of an instance", found(ProvisionedProductId=pp), [plan])
    for key, value in [("ProvisionedProductPlanName", "CAREFUL"), ("ProvisionedProductPlanApprover", "RamUser:boss"),
                       ("ProvisionedProductPlanApproverName", "boss"), ("ProvisionedProductPlanStatus", "ApplicationInProgress"),
                       ("FullTextSearch", "care")]:
        equal(f"plans by {key}", found(Filters=tags(**{key: value})), [plan])
        equal(f"no plans by another {key}", found(Filters=tags(**{key: "PreviewFailedX"})), [])
    equal("all plans of the account", found(AccessLevelFilter="Account", ApprovalFilter="AccountRequests", PageSize=100)[0], plan)
    check("by its owner", len(found(Filters=tags(ProvisionedProductPlanOwnerUid=ACCOUNT))) > 1)
    cat.refused("an unknown filter", "InvalidFilters", "ListProvisionedProductPlans", Filters=tags(PlanId=plan))
    approvers = cat("ListProvisionedProductPlanApprovers", AccessLevelFilter="User")["Approvers"]
    equal("approvers, by GET", approvers, [{"PrincipalName": "boss", "PrincipalType": "RamUser"}])
    cat.refused("exactly one of two filters", "InvalidAccessLevelFilter", "ListProvisionedProductPlanApprovers")
    equal("an end user's own plans", Client("lin")("ListProvisionedProductPlans")["TotalCount"], 0)
    Client("lin").refused("and no more", "NoPermission", "ListProvisionedProductPlans", AccessLevelFilter="Account")
    Client("lin").refused("a plan of somebody else", "InvalidPlan.NotFound", "GetProvisionedProductPlan", PlanId=plan)


def access(cat, vpc):
    lin, names = Client("lin"), lambda listed: sorted(one["ProvisionedProductName"] for one in listed["ProvisionedProductDetails"])
    equal("an end user's own", names(lin("ListProvisionedProducts")), ["lin-net"])
    equal("is the usual level", names(lin("ListProvisionedProducts", AccessLevelFilter="User")), ["lin-net"])
    lin.refused("and hers only", "NoPermission", "ListProvisionedProducts", AccessLevelFilter="Account")
    network = named(cat, "network")[0]
    equal("another's, by number", (network["OwnerPrincipalType"], network["OwnerPrincipalId"]), ("RamRole", "300000000000000009"))
    for action in ("GetProvisionedProduct", "TerminateProvisionedProduct", "ListTasks"):
        lin.refused(f"{action} of another's", "InvalidProvisionedProduct.NotFound", action, ProvisionedProductId=network["ProvisionedProductId"])
    lin.refused("a task of another's", "InvalidTask.NotFound", "GetTask", TaskId=network["LastTaskId"])
    task = cat("GetTask", TaskId=network["LastTaskId"])["TaskDetail"]
    equal("seeded parameters, masked", plain(task["Parameters"]), {"CidrBlock": "10.0.0.0/16", "Secret": MASK})
    reader = Client("reader")
    check("a reader reads", reader("GetTask", TaskId=network["LastTaskId"])["TaskDetail"])
    for action, more in [("LaunchProduct", vpc.request()), ("TerminateProvisionedProduct", {"ProvisionedProductId": network["ProvisionedProductId"]}),
                         ("CreateProvisionedProductPlan", vpc.request(PlanName="p", PlanType="Ros"))]:
        error = reader.refused(f"a reader's {action}", "NoPermission", action, **more)
        equal("is forbidden", error.status_code, 403)


def paging(cat):
    lin, vpc = Client("lin"), Vpc(Client("lin"))
    made = [vpc.launch(name=f"page-{n:02}") for n in range(12)]
    for pp in made:
        settled(lin, pp)
    ids = lambda **more: [one["ProvisionedProductId"] for one in cat("ListProvisionedProducts", AccessLevelFilter="Account",
                                                                      Filters=tags(FullTextSearch="PAGE-"), **more)["ProvisionedProductDetails"]]
    equal("ten are a page, the newest first", ids(), made[::-1][:10])
    equal("then the rest", ids(PageNumber=2), made[::-1][10:])
    equal("in order", ids(SortBy="CreateTime", SortOrder="Asc", PageSize=100), made)
    by_pages = [pp for number in (1, 2, 3) for pp in ids(SortBy="CreateTime", SortOrder="Asc", PageSize=5, PageNumber=number)]
    equal("page by page", by_pages, made)
    equal("beyond the last", ids(PageNumber=9), [])
    told = lin("ListProvisionedProducts", PageSize=5, PageNumber=2)
    equal("what a page tells", (told["TotalCount"], told["PageNumber"], told["PageSize"]), (13, 2, 5))
    equal("two filters", [one["ProvisionedProductName"] for one in cat(
        "ListProvisionedProducts", AccessLevelFilter="Account",
        Filters=tags(FullTextSearch="page", ProvisionedProductName="Page-07"))["ProvisionedProductDetails"]], ["page-07"])
    for name, wrong in [("PageSize", 0), ("PageSize", 101), ("PageNumber", 0), ("SortBy", "Name"), ("SortOrder", "asc"),
                        ("AccessLevelFilter", "Role"), ("Filters", tags(ProductId="x"))]:
        cat.refused(f"{name} {wrong}", f"Invalid{name}", "ListProvisionedProducts", **{name: wrong})
    for pp in made:
        lin("TerminateProvisionedProduct", ProvisionedProductId=pp)
    until(lambda: {"Status": ids()}, lambda left: left == [], "the end of a page")


def regions():
    """The real host names, with the sandbox as their proxy."""
    at = lambda host, version=CATALOG: Client("admin", version, address=host, http_proxy=URL)
    names = lambda cat: [one["ProvisionedProductName"] for one in cat("ListProvisionedProducts", AccessLevelFilter="Account")["ProvisionedProductDetails"]]
    equal("another region", names(at("servicecatalog.cn-shanghai.aliyuncs.com")), ["away"])
    check("the first region", "network" in names(at("servicecatalog.cn-hangzhou.aliyuncs.com")))
    check("from within a VPC", "network" in names(at("servicecatalog-vpc.cn-hangzhou.aliyuncs.com")))
    equal("STS", at("sts.aliyuncs.com", STS)("GetCallerIdentity")["AccountId"], ACCOUNT)
    equal("STS of a region", at("sts.cn-beijing.aliyuncs.com", STS)("GetCallerIdentity")["AccountId"], ACCOUNT)
    equal("RAM", at("ram.aliyuncs.com", RAM)("GetUser", UserName="lin")["User"]["UserName"], "lin")
    at("ecs.cn-hangzhou.aliyuncs.com").refused("another product's host", "InvalidProduct.NotFound", "ListProvisionedProducts")
    at("servicecatalog.cn-chengdu.aliyuncs.com").refused("a region of nobody", "InvalidRegionId.NotFound", "ListProvisionedProducts")


def again(request):
    """Sends a recorded request once more, as it is."""
    answer = DaraCore.do_action(request)
    return answer.status_code, json.loads(answer.body)


def signatures(cat, vpc):
    before = cat("ListProvisionedProducts", AccessLevelFilter="Account")["TotalCount"]
    pp = vpc.launch(name="once")
    request = sent[-1]
    status, body = again(request)
    equal("a request sent twice", (status, body["Code"]), (400, "SignatureNonceUsed"))
    equal("is done once", cat("ListProvisionedProducts", AccessLevelFilter="Account")["TotalCount"], before + 1)
    settled(cat, pp)
    gone(cat, pp)
    clock = lambda minutes: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 60 * minutes))
    for minutes, fine in [(-16, False), (16, False), (-14, True), (14, True)]:
        with mock.patch.object(Utils, "get_timestamp", lambda: clock(minutes)):
            if fine:
                check(f"a clock off by {minutes} minutes", cat("ListProvisionedProducts")["RequestId"])
            else:
                cat.refused(f"a clock off by {minutes} minutes", "InvalidTimeStamp.Expired", "ListProvisionedProducts")
    with mock.patch.object(Utils, "get_timestamp", lambda: "yesterday"):
        cat.refused("no time at all", "InvalidTimeStamp.Format", "ListProvisionedProducts")
    changed(cat, vpc)


def changed(cat, vpc):
    """Nothing of a request can be changed on its way."""
    cat("ListProvisionedProducts", AccessLevelFilter="Account", PageSize=3)
    listing = sent[-1]
    cat.refused("a launch that goes wrong", "InvalidPortfolio.NotFound", "LaunchProduct", **vpc.request(PortfolioId="port-nothing"))
    launch = sent[-1]

    def with_headers(request, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        kept = {name: value for name, value in request.headers.items() if name.lower() not in headers}
        request.headers = kept | {name: value for name, value in headers.items() if value is not None}

    def edited(request, **more):
        copy = type(request)()
        copy.__dict__.update(request.__dict__)
        copy.headers, copy.query = dict(request.headers), dict(request.query)
        with_headers(copy, x_acs_signature_nonce="n" + str(time.time()), **more)
        return copy

    mismatch, incomplete = (400, "SignatureDoesNotMatch"), (400, "IncompleteSignature")
    tries = {"its nonce": (edited(listing), mismatch), "its action": (edited(listing, x_acs_action="ListRegions"), mismatch),
             "a header of no signature": (edited(listing, x_acs_more="1"), incomplete),
             "a header left out": (edited(listing, x_acs_date=None), (400, "MissingTimestamp")),
             "no signature": (edited(listing, authorization=None), (400, "MissingAuthorization"))}
    query, body = edited(listing), edited(launch)
    query.query["PageSize"] = "4"
    body.body = body.body.replace(b"port-nothing", b"port-another")
    tries |= {"its query": (query, mismatch), "its body": (body, mismatch)}
    for what, (request, expected) in tries.items():
        status, answer = again(request)
        equal(f"changed: {what}", (status, answer["Code"]), expected)


def hostile():
    import http.client
    host, port = ADDRESS.split(":")
    signed = "ACS3-HMAC-SHA256 Credential=a,SignedHeaders=host,Signature=0"
    common = {"x-acs-action": "GetTask", "x-acs-version": "2021-09-01"}
    for headers, body, query in [
        ({"x-acs-action": "GetTask"}, b"", ""), (common, b"", ""), (common | {"Authorization": "ACS3-"}, b"\xff", ""),
        (common | {"Authorization": signed}, b"", ""), ({"Authorization": signed}, b"", ""),
        (common | {"Authorization": signed.replace("=host", "=;;;")}, b"", "?a=%zz&=&&%"), (common | {"Authorization": "\xe9"}, b"", ""),
        ({"x-acs-version": "2014-05-26", "x-acs-action": "RunInstances", "Authorization": signed}, b"", ""),
        ({}, b"", "?Action=AssumeRole&Version=2015-04-01"), ({}, b"", "?Action=AssumeRole&Version=2015-04-01&Signature=x&AccessKeyId=LTAISANDBOXADMIN"),
        ({}, b"", "?Action=AssumeRoleWithOIDC&Version=2015-04-01&RoleArn=acs:ram::1234567890123456:role/Reader&RoleSessionName=me"),
        ({}, b"", "?Action=ListProvisionedProducts&Version=2021-09-01"),
        (common | {"Authorization": signed, "x-acs-signature-nonce": "n" * 8000, "x-acs-date": "9999-99-99T99:99:99Z"}, b"", ""),
    ]:
        connection = http.client.HTTPConnection(host, int(port), timeout=10)
        connection.request("POST", "/" + query, body, headers)
        answer = connection.getresponse()
        told = json.loads(answer.read())
        check("nonsense is refused", 400 <= answer.status < 500 and "Code" in told, f"{answer.status} {told}")
        connection.close()


def coverage():
    """Every member that the SDK has in an answer, the sandbox tells somewhere."""
    shapes = {shape for shape, _ in seen}
    told = lambda shape: {name for of, name in seen if of is shape} | UNTOLD.get(shape.__name__, set())
    for shape in sorted(shapes, key=lambda one: one.__name__):
        left = set(alibaba_sdk.members(shape)) - told(shape)
        check(f"all members of {shape.__name__}", not left, f"never told: {sorted(left)}")


def recorded():
    do_action = DaraCore.do_action

    def record(request, options=None):
        sent.append(request)
        return do_action(request, options)

    return mock.patch.object(DaraCore, "do_action", record)


def main():
    with recorded():
        faults()
        cat = Client("admin")
        vpc = Vpc(cat)
        identities()
        catalog(cat)
        life(cat, vpc)
        refusals(cat, vpc)
        terraform(cat)
        plans(cat, vpc)
        approvals(cat, vpc)
        access(cat, vpc)
        paging(cat)
        regions()
        signatures(cat, vpc)
        hostile()
    coverage()
    print(f"{len(held)} answers held against the SDKs' structures")
    print(f"{counts['passed']} passed, {counts['failed']} failed")
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())

"""Who asks: signatures, sessions, regions, and requests that nobody should send."""

import http.client
import json
import tempfile
import time
from unittest import mock

from alibabacloud_credentials.provider import OIDCRoleArnCredentialsProvider, RamRoleArnCredentialsProvider
from alibabacloud_tea_openapi.utils import Utils
from darabonba.core import DaraCore
from Tea.core import TeaCore

from alibaba_client import ACCOUNT, ADDRESS, KEYS, URL, Client, check, equal, gone, sent, settled
from alibaba_sdk import CATALOG, RAM, STS


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
    host, port = ADDRESS.split(":")
    signed = "ACS3-HMAC-SHA256 Credential=a,SignedHeaders=host,Signature=0"
    common = {"x-acs-action": "GetTask", "x-acs-version": "2021-09-01"}
    for headers, body, query in [
        ({"x-acs-action": "GetTask"}, b"", ""), (common, b"", ""), (common | {"Authorization": "ACS3-"}, b"\xff", ""),
        (common | {"Authorization": signed}, b"", ""), ({"Authorization": signed}, b"", ""),
        (common | {"Authorization": signed.replace("=host", "=;;;")}, b"", "?a=%zz&=&&%"),
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

#!/usr/bin/env python3
"""Drives a served sandbox with boto3 and the AWS CLI, which know nothing of it.

    tenure sandbox --listen 127.0.0.1:4566 --seed tests/clients/seed/sandbox.toml --state DIR --time-scale 60 &
    python3 tests/clients/aws_sandbox.py http://127.0.0.1:4566

botocore checks the shape of every answer it parses; this checks what the answers say. Needs a fresh world and no faults.
"""

import json
import os
import subprocess
import sys
import time
import uuid

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

URL = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("SANDBOX_URL", "http://127.0.0.1:4566")
REGION = "eu-west-1"
ACCOUNT = "123456789012"
KEYS = {
    "admin": ("AKIASANDBOXADMIN", "sandbox-admin-secret"),
    "alice": ("AKIASANDBOXALICE", "sandbox-alice-secret"),
    "reader": ("AKIASANDBOXREADER", "sandbox-reader-secret"),
    "expired": ("AKIASANDBOXEXPIRED", "sandbox-expired-secret"),
    "stranger": ("AKIASTRANGER", "nothing"),
    "forger": ("AKIASANDBOXADMIN", "not-the-secret"),
}
EVERYTHING = {"Key": "Account", "Value": "self"}
MINE = {"Key": "User", "Value": "self"}
counts = {"passed": 0, "failed": 0}


def check(what, ok, detail=""):
    counts["passed" if ok else "failed"] += 1
    if not ok:
        print(f"FAILED  {what}  {detail}")


def equal(what, got, expected):
    check(what, got == expected, f"got {got!r}, expected {expected!r}")


def client(who, service="servicecatalog", **credentials):
    key, secret = KEYS.get(who, (None, None))
    credentials = credentials or {"aws_access_key_id": key, "aws_secret_access_key": secret}
    config = Config(retries={"max_attempts": 1, "mode": "standard"}, parameter_validation=False)
    return boto3.client(service, region_name=REGION, endpoint_url=URL, config=config, **credentials)


def refused(what, code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        equal(what, error.response["Error"]["Code"], code)
        return error.response["Error"]["Message"]
    check(what, False, "it was not refused")
    return ""


def token():
    return uuid.uuid4().hex


def wait(sc, record, within=60):
    seen = []
    end = time.time() + within
    while time.time() < end:
        answer = sc.describe_record(Id=record)
        status = answer["RecordDetail"]["Status"]
        if status not in seen:
            seen.append(status)
        if status in ("SUCCEEDED", "FAILED"):
            return answer, seen
        time.sleep(0.05)
    raise SystemExit(f"record {record} did not end: {seen}")


def find(sc, product_id):
    found = sc.search_provisioned_products(Filters={"SearchQuery": [f"id:{product_id}"]})["ProvisionedProducts"]
    return found[0] if found else None


def identities():
    equal("GetCallerIdentity of a role", client("admin", "sts").get_caller_identity()["Arn"],
          f"arn:aws:sts::{ACCOUNT}:assumed-role/Admin/admin")
    equal("GetCallerIdentity of a user", client("alice", "sts").get_caller_identity()["Arn"],
          f"arn:aws:iam::{ACCOUNT}:user/alice")
    refused("unknown key, catalog", "UnrecognizedClientException", client("stranger").scan_provisioned_products)
    refused("unknown key, query", "InvalidClientTokenId", client("stranger", "sts").get_caller_identity)
    refused("wrong signature, catalog", "InvalidSignatureException", client("forger").scan_provisioned_products)
    refused("wrong signature, query", "SignatureDoesNotMatch", client("forger", "cloudformation").describe_stacks)
    refused("expired credentials", "ExpiredTokenException", client("expired").scan_provisioned_products)
    sts = client("admin", "sts")
    role = f"arn:aws:iam::{ACCOUNT}:role/Reader"
    refused("AssumeRole without its external id", "AccessDenied", sts.assume_role, RoleArn=role, RoleSessionName="me")
    refused("AssumeRole of nobody", "AccessDenied", sts.assume_role,
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/Nobody", RoleSessionName="me")
    issued = sts.assume_role(RoleArn=role, RoleSessionName="me", ExternalId="tenure")["Credentials"]
    session = {
        "aws_access_key_id": issued["AccessKeyId"],
        "aws_secret_access_key": issued["SecretAccessKey"],
        "aws_session_token": issued["SessionToken"],
    }
    equal("who the session is", client(None, "sts", **session).get_caller_identity()["Arn"],
          f"arn:aws:sts::{ACCOUNT}:assumed-role/Reader/me")
    reader = client(None, **session)
    check("a session may read", reader.scan_provisioned_products(AccessLevelFilter=EVERYTHING)["ProvisionedProducts"])
    refused("a reading session may not write", "AccessDeniedException", reader.terminate_provisioned_product,
            ProvisionedProductName="network", TerminateToken=token())
    forged = dict(session, aws_session_token=issued["SessionToken"][:-1] + "x")
    refused("a forged session token", "UnrecognizedClientException", client(None, **forged).scan_provisioned_products)


def reading(sc, cfn):
    found = sc.search_provisioned_products(SortBy="id", SortOrder="ASCENDING", PageSize=100)
    products = {p["Name"]: p for p in found["ProvisionedProducts"]}
    equal("what Search finds", sorted(products), ["alice-net", "network", "set", "shared-one"])
    equal("TotalResultsCount", found["TotalResultsCount"], 4)
    network = products["network"]
    equal("Search shows the owner", network["UserArn"], f"arn:aws:iam::{ACCOUNT}:role/PlatformTeam")
    check("Search shows no launch role", "LaunchRoleArn" not in network)
    tags = {t["Key"]: t["Value"] for t in network["Tags"]}
    equal("Search shows the user's tags", tags["team"], "network")
    for key in ("productArn", "provisioningPrincipalArn", "provisioningArtifactIdentifier", "portfolioArn",
                "provisionedProductArn"):
        check(f"Search shows aws:servicecatalog:{key}", f"aws:servicecatalog:{key}" in tags)
    detail = sc.describe_provisioned_product(Id=network["Id"])["ProvisionedProductDetail"]
    equal("Describe shows the launch role", detail["LaunchRoleArn"], f"arn:aws:iam::{ACCOUNT}:role/SCLaunch")
    check("Describe shows neither owner nor tags", "UserArn" not in detail and "Tags" not in detail)
    refused("Describe takes not both", "InvalidParametersException", sc.describe_provisioned_product,
            Id=network["Id"], Name="network")
    refused("Describe takes not neither", "InvalidParametersException", sc.describe_provisioned_product)
    scanned = sc.scan_provisioned_products(AccessLevelFilter=EVERYTHING, PageSize=20)["ProvisionedProducts"]
    check("Scan shows launch roles", any(p.get("LaunchRoleArn") for p in scanned))
    equal("Scan is of the user by default", sc.scan_provisioned_products()["ProvisionedProducts"], [])
    refused("Scan has pages of 20", "InvalidParametersException", sc.scan_provisioned_products, PageSize=21)
    refused("Search has pages of 100", "InvalidParametersException", sc.search_provisioned_products, PageSize=101)
    pages, start = [], None
    while True:
        page = sc.search_provisioned_products(SortBy="name", PageSize=1, **({"PageToken": start} if start else {}))
        pages += [p["Name"] for p in page["ProvisionedProducts"]]
        start = page.get("NextPageToken")
        if not start:
            break
    equal("Search by pages, sorted", pages, ["alice-net", "network", "set", "shared-one"])
    orders = {tuple(p["Id"] for p in sc.search_provisioned_products()["ProvisionedProducts"]) for _ in range(20)}
    check("Search without SortBy has no order", len(orders) > 1)
    refused("Search sorts by four fields", "InvalidParametersException", sc.search_provisioned_products, SortBy="status")
    refused("Search knows its fields", "InvalidParametersException", sc.search_provisioned_products,
            Filters={"SearchQuery": ["colour:red"]})
    stack = cfn.describe_stacks(StackName=network["PhysicalId"])["Stacks"][0]
    values = {p["ParameterKey"]: p["ParameterValue"] for p in stack["Parameters"]}
    equal("the stack has the parameters", values["CidrBlock"], "10.0.0.0/16")
    equal("NoEcho is masked", values["DbPassword"], "****")
    equal("the stack's name", stack["StackName"], f"SC-{ACCOUNT}-{network['Id']}")
    equal("the stack by name", cfn.describe_stacks(StackName=stack["StackName"])["Stacks"][0]["StackId"], stack["StackId"])
    equal("all stacks", len(cfn.describe_stacks()["Stacks"]), 3)
    refused("no such stack", "ValidationError", cfn.describe_stacks, StackName="nothing")
    stack_set = cfn.describe_stack_set(StackSetName=f"SC-{ACCOUNT}-{products['set']['Id']}")["StackSet"]
    check("a stack set has parameters", any(p["ParameterKey"] == "Tier" for p in stack_set["Parameters"]))
    summary = cfn.get_template_summary(StackName=stack["StackName"])
    check("GetTemplateSummary knows NoEcho",
          any(p["ParameterKey"] == "DbPassword" and p["NoEcho"] for p in summary["Parameters"]))
    refused("no such operation, query", "InvalidAction", cfn.list_exports)
    refused("no such operation, catalog", "UnknownOperationException", sc.list_portfolios)
    return products


def catalog(sc):
    product = sc.describe_product(Name="VPC baseline")
    vpc = product["ProductViewSummary"]["ProductId"]
    versions = {v["Name"]: v["Id"] for v in product["ProvisioningArtifacts"]}
    equal("versions", sorted(versions), ["1.0.0", "2.0.0", "bad"])
    check("one path is a default path", product["ProductViewSummary"]["HasDefaultPath"])
    paths = sc.list_launch_paths(ProductId=vpc)["LaunchPathSummaries"]
    equal("the path is named like the portfolio", [p["Name"] for p in paths], ["Networking"])
    check("the path tells its constraints", {"LAUNCH", "RESOURCE_UPDATE"} <= {c["Type"] for c in paths[0]["ConstraintSummaries"]})
    shown = sc.describe_provisioning_parameters(ProductId=vpc, ProvisioningArtifactName="1.0.0", PathName="Networking")
    by_key = {p["ParameterKey"]: p for p in shown["ProvisioningArtifactParameters"]}
    check("NoEcho is told", by_key["DbPassword"]["IsNoEcho"])
    equal("AllowedValues are told", by_key["Tier"]["ParameterConstraints"]["AllowedValues"], ["silver", "gold"])
    equal("outputs are told", [o["Key"] for o in shown["ProvisioningArtifactOutputKeys"]], ["Cidr"])
    admin = sc.describe_product_as_admin(Id=vpc)
    equal("a product's status", admin["ProductViewDetail"]["Status"], "CREATED")
    check("artifacts say whether they are active",
          all(v["Active"] for v in sc.list_provisioning_artifacts(ProductId=vpc)["ProvisioningArtifactDetails"]))
    equal("SearchProducts", len(sc.search_products()["ProductViewSummaries"]), 3)
    equal("SearchProductsAsAdmin", len(sc.search_products_as_admin()["ProductViewDetails"]), 3)
    check("DescribeProvisioningArtifact", sc.describe_provisioning_artifact(
        ProductId=vpc, ProvisioningArtifactId=versions["1.0.0"], IncludeProvisioningArtifactParameters=True)
        ["ProvisioningArtifactParameters"])
    alice = client("alice")
    equal("products of a user", len(alice.search_products()["ProductViewSummaries"]), 2)
    refused("a product of nobody's portfolio", "ResourceNotFoundException", alice.describe_product, Name="Everywhere")
    refused("administrators only", "AccessDeniedException", alice.describe_product_as_admin, Name="VPC baseline")
    refused("no such product", "ResourceNotFoundException", sc.describe_product, Name="VPC")
    return vpc, versions


def life(sc, cfn, vpc, versions):
    arguments = {
        "ProductId": vpc, "ProvisioningArtifactId": versions["1.0.0"], "ProvisionedProductName": "fresh",
        "ProvisioningParameters": [{"Key": "CidrBlock", "Value": "10.9.0.0/16"}, {"Key": "DbPassword", "Value": "hunter2"}],
        "Tags": [{"Key": "team", "Value": "a"}, {"Key": "cost", "Value": "1"}], "ProvisionToken": token(),
    }
    first = sc.provision_product(**arguments)["RecordDetail"]
    equal("a request is only CREATED", first["Status"], "CREATED")
    again = sc.provision_product(**arguments)["RecordDetail"]
    equal("a token replays the same answer", again, first)
    refused("a token is for one request", "InvalidParametersException", sc.provision_product,
            **dict(arguments, ProvisionedProductName="other"))
    refused("names are unique", "DuplicateResourceException", sc.provision_product, **dict(arguments, ProvisionToken=token()))
    refused("unknown parameters", "InvalidParametersException", sc.provision_product,
            **dict(arguments, ProvisionToken=token(), ProvisionedProductName="x", ProvisioningParameters=[{"Key": "No", "Value": "1"}]))
    refused("a bad token", "InvalidParametersException", sc.provision_product, **dict(arguments, ProvisionToken="bad token!"))
    refused("51 tags", "InvalidParametersException", sc.provision_product,
            **dict(arguments, ProvisionToken=token(), Tags=[{"Key": f"k{i}", "Value": "v"} for i in range(51)]))
    pp = first["ProvisionedProductId"]
    equal("it is under change", find(sc, pp)["Status"], "UNDER_CHANGE")
    refused("nothing while under change", "InvalidParametersException", sc.update_provisioned_product,
            ProvisionedProductId=pp, ProvisioningArtifactId=versions["2.0.0"], UpdateToken=token())
    refused("no properties while under change", "InvalidStateException", sc.update_provisioned_product_properties,
            ProvisionedProductId=pp, ProvisionedProductProperties={"OWNER": f"arn:aws:iam::{ACCOUNT}:role/X"}, IdempotencyToken=token())
    done, seen = wait(sc, first["RecordId"])
    equal("provisioning succeeds", done["RecordDetail"]["Status"], "SUCCEEDED")
    check("records go by way of IN_PROGRESS", "IN_PROGRESS" in seen, str(seen))
    outputs = {o["OutputKey"]: o["OutputValue"] for o in done["RecordOutputs"]}
    equal("outputs of the record", outputs["Cidr"], "10.9.0.0/16")
    check("the stack's ARN is an output", outputs["CloudformationStackARN"].startswith("arn:aws:cloudformation:"))
    equal("GetProvisionedProductOutputs", sc.get_provisioned_product_outputs(
        ProvisionedProductId=pp, OutputKeys=["Cidr"])["Outputs"][0]["OutputValue"], "10.9.0.0/16")
    found = find(sc, pp)
    equal("the provisioner owns it", found["UserArn"], f"arn:aws:iam::{ACCOUNT}:role/Admin")
    equal("and his session", found["UserArnSession"], f"arn:aws:sts::{ACCOUNT}:assumed-role/Admin/admin")
    equal("the launch role comes from the constraint",
          sc.describe_provisioned_product(Id=pp)["ProvisionedProductDetail"]["LaunchRoleArn"],
          f"arn:aws:iam::{ACCOUNT}:role/SCLaunch")
    updates(sc, cfn, pp, versions)
    properties(sc, pp, versions)
    termination(sc, pp)


def update(sc, pp, version, parameters=(), **more):
    answer = sc.update_provisioned_product(ProvisionedProductId=pp, ProvisioningArtifactId=version,
                                           ProvisioningParameters=list(parameters), UpdateToken=token(), **more)
    return wait(sc, answer["RecordDetail"]["RecordId"])


def values_of(cfn, sc, pp):
    stack = cfn.describe_stacks(StackName=find(sc, pp)["PhysicalId"])["Stacks"][0]
    tags = {t["Key"]: t["Value"] for t in stack["Tags"] if not t["Key"].startswith("aws:")}
    return {p["ParameterKey"]: p["ParameterValue"] for p in stack["Parameters"]}, tags


def tags_of(sc, pp):
    return {t["Key"]: t["Value"] for t in find(sc, pp)["Tags"] if not t["Key"].startswith("aws:")}


def updates(sc, cfn, pp, versions):
    keep = [{"Key": k, "UsePreviousValue": True} for k in ("CidrBlock", "Tier", "DbPassword")]
    message = refused("Value together with UsePreviousValue", "InvalidParametersException", update, sc=sc, pp=pp,
                      version=versions["1.0.0"], parameters=[{"Key": "CidrBlock", "Value": "x", "UsePreviousValue": True}])
    check("and says so", "usePreviousValue as true and non empty value" in message, message)
    done, seen = update(sc, pp, versions["1.0.0"], keep)
    equal("an update that changes nothing fails", done["RecordDetail"]["Status"], "FAILED")
    check("by way of IN_PROGRESS_IN_ERROR", "IN_PROGRESS_IN_ERROR" in seen, str(seen))
    check("with an error", done["RecordDetail"]["RecordErrors"])
    equal("and taints", find(sc, pp)["Status"], "TAINTED")
    done, _ = update(sc, pp, versions["1.0.0"], keep)
    equal("on a tainted product it succeeds", done["RecordDetail"]["Status"], "SUCCEEDED")
    equal("and heals", find(sc, pp)["Status"], "AVAILABLE")
    done, _ = update(sc, pp, versions["1.0.0"], [{"Key": "Tier", "Value": "gold"}])
    equal("omitted parameters are the template's", values_of(cfn, sc, pp)[0], {"CidrBlock": "10.0.0.0/20", "Tier": "gold", "DbPassword": "****"})
    done, _ = update(sc, pp, versions["1.0.0"], [{"Key": "Tier", "Value": "iron"}])
    equal("AllowedValues", done["RecordDetail"]["Status"], "FAILED")
    equal("a failed update leaves the old stack", values_of(cfn, sc, pp)[0]["Tier"], "gold")
    done, _ = update(sc, pp, versions["bad"], Tags=[{"Key": "team", "Value": "b"}, {"Key": "cost", "Value": "1"}])
    equal("a version that fails", done["RecordDetail"]["RecordErrors"][0]["Description"], "No capacity")
    equal("Search has the tags that were asked for", tags_of(sc, pp)["team"], "b")
    equal("the stack has the old ones", values_of(cfn, sc, pp)[1]["team"], "a")
    failed = find(sc, pp)
    check("the last successful record is another", failed["LastSuccessfulProvisioningRecordId"] != failed["LastRecordId"])
    equal("the version is the old one", failed["ProvisioningArtifactId"], versions["1.0.0"])
    done, _ = update(sc, pp, versions["2.0.0"], Tags=[{"Key": "team", "Value": "b"}])
    equal("an update to the next version", done["RecordDetail"]["Status"], "SUCCEEDED")
    equal("a removal alone is ignored", tags_of(sc, pp), {"team": "b", "cost": "1"})
    done, _ = update(sc, pp, versions["2.0.0"], [{"Key": "CidrBlock", "Value": "10.7.0.0/16"}], Tags=[{"Key": "team", "Value": "c"}])
    equal("a removal beside a change is not", tags_of(sc, pp), {"team": "c"})
    equal("and reaches the stack", values_of(cfn, sc, pp)[1], {"team": "c"})
    refused("a parameter the new version has not", "InvalidParametersException", update, sc=sc, pp=pp,
            version=versions["2.0.0"], parameters=[{"Key": "Tier", "UsePreviousValue": True}])
    refused("a wrong path id", "InvalidParametersException", update, sc=sc, pp=pp, version=versions["2.0.0"], PathId="lpv2-nothing")
    shared = sc.search_provisioned_products(Filters={"SearchQuery": ["name:shared-one"]})["ProvisionedProducts"][0]
    message = refused("several paths need one named", "InvalidParametersException", update, sc=sc, pp=shared["Id"],
                      version=shared["ProvisioningArtifactId"])
    check("and says so too", "More than one launch path" in message, message)
    refused("tags need the constraint", "InvalidParametersException", update, sc=sc, pp=shared["Id"],
            version=shared["ProvisioningArtifactId"], PathName="Second", Tags=[{"Key": "a", "Value": "b"}])


def change(sc, pp, **properties):
    answer = sc.update_provisioned_product_properties(ProvisionedProductId=pp, ProvisionedProductProperties=properties, IdempotencyToken=token())
    equal("a property change is only CREATED", answer["Status"], "CREATED")
    return wait(sc, answer["RecordId"])[0]["RecordDetail"]


def properties(sc, pp, versions):
    role = f"arn:aws:iam::{ACCOUNT}:role/"
    for key, value in {
        "OWNER": f"arn:aws:iam::{ACCOUNT}:group/g", "LAUNCH_ROLE": f"arn:aws:iam::{ACCOUNT}:user/u",
    }.items():
        refused(f"{key} of a wrong kind", "InvalidParametersException", sc.update_provisioned_product_properties,
                ProvisionedProductId=pp, ProvisionedProductProperties={key: value}, IdempotencyToken=token())
    for key in ("OWNER", "LAUNCH_ROLE"):
        refused(f"{key} of another account", "InvalidParametersException", sc.update_provisioned_product_properties,
                ProvisionedProductId=pp, ProvisionedProductProperties={key: "arn:aws:iam::999999999999:role/R"}, IdempotencyToken=token())
    refused("an unknown property", "InvalidParametersException", sc.update_provisioned_product_properties,
            ProvisionedProductId=pp, ProvisionedProductProperties={"FOO": "x"}, IdempotencyToken=token())
    before = find(sc, pp)
    change(sc, pp, LAUNCH_ROLE=role + "SCBroken")
    after = find(sc, pp)
    equal("the launch role is another", sc.describe_provisioned_product(Id=pp)["ProvisionedProductDetail"]["LaunchRoleArn"], role + "SCBroken")
    check("LastRecordId has moved", after["LastRecordId"] != before["LastRecordId"])
    equal("LastProvisioningRecordId has not", after["LastProvisioningRecordId"], before["LastProvisioningRecordId"])
    done, _ = update(sc, pp, versions["1.0.0"])
    equal("a broken launch role fails the update", done["RecordDetail"]["Status"], "FAILED")
    change(sc, pp, LAUNCH_ROLE=role + "SCNew")
    update(sc, pp, versions["1.0.0"])
    equal("an update keeps the launch role", sc.describe_provisioned_product(Id=pp)["ProvisionedProductDetail"]["LaunchRoleArn"], role + "SCNew")
    owners(sc, pp)


def owners(sc, pp):
    alice = client("alice")
    refused("a user sees what is his", "ResourceNotFoundException", alice.describe_provisioned_product, Id=pp)
    refused("a user has no account level", "AccessDeniedException", alice.search_provisioned_products)
    refused("a user changes no owner", "AccessDeniedException", alice.update_provisioned_product_properties,
            ProvisionedProductId=pp, ProvisionedProductProperties={"OWNER": f"arn:aws:iam::{ACCOUNT}:user/alice"}, IdempotencyToken=token())
    given = change(sc, pp, OWNER=f"arn:aws:iam::{ACCOUNT}:user/alice")
    equal("alice owns it", find(sc, pp)["UserArn"], f"arn:aws:iam::{ACCOUNT}:user/alice")
    mine = alice.search_provisioned_products(AccessLevelFilter=MINE)["ProvisionedProducts"]
    equal("she sees it", sorted(p["Name"] for p in mine), ["alice-net", "fresh"])
    equal("she describes old records", alice.describe_record(Id=given["RecordId"])["RecordDetail"]["Status"], "SUCCEEDED")
    history = {"Key": "provisionedproduct", "Value": pp}
    hers = alice.list_record_history(SearchFilter=history)["RecordDetails"]
    times = [r["CreatedTime"] for r in hers]
    equal("history is newest first", times, sorted(times, reverse=True))
    answer = alice.update_provisioned_product(ProvisionedProductId=pp, ProvisioningArtifactName="2.0.0", UpdateToken=token())
    held, _ = wait(alice, answer["RecordDetail"]["RecordId"])
    equal("the owner updates", held["RecordDetail"]["Status"], "SUCCEEDED")
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/Admin/admin"
    back = change(sc, pp, OWNER=session)
    found = find(sc, pp)
    equal("a session owns as its role", (found["UserArn"], found["UserArnSession"]), (f"arn:aws:iam::{ACCOUNT}:role/Admin", session))
    refused("the previous owner loses DescribeRecord", "ResourceNotFoundException", alice.describe_record,
            Id=held["RecordDetail"]["RecordId"])
    kept = [r["RecordId"] for r in alice.list_record_history(SearchFilter=history)["RecordDetails"]]
    check("and keeps his history", held["RecordDetail"]["RecordId"] in kept and given["RecordId"] not in kept, str(kept))
    check("up to the hand-over", back["RecordId"] in kept)
    refused("he cannot see it", "ResourceNotFoundException", alice.describe_provisioned_product, Id=pp)


def termination(sc, pp):
    first = sc.terminate_provisioned_product(ProvisionedProductId=pp, TerminateToken="gone-1")["RecordDetail"]
    again = sc.terminate_provisioned_product(ProvisionedProductId=pp, TerminateToken="gone-1")["RecordDetail"]
    equal("a termination's token replays while it runs", again, first)
    wait(sc, first["RecordId"])
    refused("terminated is not found", "ResourceNotFoundException", sc.terminate_provisioned_product,
            ProvisionedProductId=pp, TerminateToken="gone-1")
    refused("nor described", "ResourceNotFoundException", sc.describe_provisioned_product, Id=pp)
    equal("nor found", find(sc, pp), None)
    equal("its records stay", sc.describe_record(Id=first["RecordId"])["RecordDetail"]["RecordType"], "TERMINATE_PROVISIONED_PRODUCT")


def failures(sc, vpc, versions):
    answer = sc.provision_product(ProductName="VPC baseline", ProvisioningArtifactName="bad", PathName="Networking",
                                  ProvisionedProductName="doomed", ProvisionToken=token())["RecordDetail"]
    done, _ = wait(sc, answer["RecordId"])
    equal("a failed first launch", done["RecordDetail"]["Status"], "FAILED")
    doomed = find(sc, answer["ProvisionedProductId"])
    equal("leaves ERROR", doomed["Status"], "ERROR")
    check("and no stack", "PhysicalId" not in doomed)
    done, _ = update(sc, doomed["Id"], versions["1.0.0"])
    equal("an update heals it", find(sc, doomed["Id"])["Status"], "AVAILABLE")


def plans(sc, vpc, versions):
    def create(name, **more):
        arguments = {"PlanName": "p", "PlanType": "CLOUDFORMATION", "ProductId": vpc, "ProvisionedProductName": name,
                     "ProvisioningArtifactId": versions["1.0.0"], "IdempotencyToken": token()}
        return sc.create_provisioned_product_plan(**dict(arguments, **more))

    def settled(plan):
        for _ in range(600):
            answer = sc.describe_provisioned_product_plan(PlanId=plan["PlanId"])
            if not answer["ProvisionedProductPlanDetails"]["Status"].endswith("IN_PROGRESS"):
                return answer
            time.sleep(0.05)
        raise SystemExit("a plan did not end")

    plan = create("planned")
    equal("the new product is PLAN_IN_PROGRESS", find(sc, plan["ProvisionProductId"])["Status"], "PLAN_IN_PROGRESS")
    refused("a plan needs to be ready", "InvalidStateException", sc.execute_provisioned_product_plan,
            PlanId=plan["PlanId"], IdempotencyToken=token())
    refused("one plan per product", "InvalidStateException", create, name="planned")
    ready = settled(plan)
    equal("it is ready", ready["ProvisionedProductPlanDetails"]["Status"], "CREATE_SUCCESS")
    equal("and adds", {c["Action"] for c in ready["ResourceChanges"]}, {"ADD"})
    sc.delete_provisioned_product_plan(PlanId=plan["PlanId"])
    equal("deleting it takes the product away", find(sc, plan["ProvisionProductId"]), None)
    plan = create("planned")
    settled(plan)
    record = sc.execute_provisioned_product_plan(PlanId=plan["PlanId"], IdempotencyToken=token())["RecordDetail"]
    equal("executing provisions", record["RecordType"], "PROVISION_PRODUCT")
    wait(sc, record["RecordId"])
    equal("executed", find(sc, plan["ProvisionProductId"])["Status"], "AVAILABLE")
    equal("and so is the plan", settled(plan)["ProvisionedProductPlanDetails"]["Status"], "EXECUTE_SUCCESS")
    listed = sc.list_provisioned_product_plans(AccessLevelFilter=EVERYTHING)["ProvisionedProductPlans"]
    equal("plans are listed", [p["PlanId"] for p in listed], [plan["PlanId"]])
    other = create("planned", ProvisioningArtifactId=versions["2.0.0"])
    changes = {c["LogicalResourceId"]: c["Action"] for c in settled(other)["ResourceChanges"]}
    equal("what an update changes", changes, {"Vpc": "MODIFY", "Table": "REMOVE", "Gateway": "ADD"})
    sc.delete_provisioned_product_plan(PlanId=other["PlanId"])
    nothing = create("planned")
    equal("a plan without a change fails", settled(nothing)["ProvisionedProductPlanDetails"]["Status"], "CREATE_FAILED")
    equal("and taints", find(sc, plan["ProvisionProductId"])["Status"], "TAINTED")


def cli(*arguments, who="admin"):
    key, secret = KEYS[who]
    environment = dict(os.environ, AWS_ACCESS_KEY_ID=key, AWS_SECRET_ACCESS_KEY=secret, AWS_DEFAULT_REGION=REGION,
                       AWS_ENDPOINT_URL=URL, AWS_PAGER="", AWS_MAX_ATTEMPTS="1")
    done = subprocess.run(["aws", *arguments, "--output", "json"], env=environment, capture_output=True, text=True)
    return done.returncode, (json.loads(done.stdout) if done.stdout.strip() else done.stderr)


def command_line():
    code, answer = cli("sts", "get-caller-identity")
    equal("aws sts get-caller-identity", (code, answer.get("Account")), (0, ACCOUNT))
    code, answer = cli("servicecatalog", "search-provisioned-products", "--sort-by", "name")
    check("aws servicecatalog search-provisioned-products", code == 0 and answer["ProvisionedProducts"])
    code, answer = cli("servicecatalog", "scan-provisioned-products", "--access-level-filter", "Key=Account,Value=self")
    check("aws servicecatalog scan-provisioned-products", code == 0 and answer["ProvisionedProducts"])
    code, answer = cli("cloudformation", "describe-stacks")
    check("aws cloudformation describe-stacks", code == 0 and answer["Stacks"])
    code, answer = cli("servicecatalog", "scan-provisioned-products", who="forger")
    check("aws with a wrong secret", code != 0 and "InvalidSignatureException" in answer, str(answer))


def hostile():
    import http.client
    from urllib.parse import urlparse
    at = urlparse(URL)
    for headers, body in [
        ({}, b""), ({"X-Amz-Target": "x"}, b"{"), ({"Authorization": "AWS4-HMAC-SHA256 Credential=////"}, b"\xff\xfe"),
        ({"Authorization": "AWS4-HMAC-SHA256 Credential=a/b/c/servicecatalog/aws4_request, SignedHeaders=;, Signature="}, b"[]"),
        ({"Authorization": "\xe9"}, b"x" * 100), ({}, b"x" * (5 << 20)),
    ]:
        connection = http.client.HTTPConnection(at.hostname, at.port, timeout=10)
        try:
            connection.request("POST", "/", body, headers)
            status = connection.getresponse().status
            check("nonsense is refused", 400 <= status < 500, str(status))
        except (ConnectionError, BrokenPipeError):
            check("nonsense ends with the connection", True)
        finally:
            connection.close()
    # Signed, but not what the service takes.
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
    for body in [b"{", b"[]", b"null", b'{"PageSize":"a"}', b'{"AccessLevelFilter":7}', b'{"PageToken":"zz"}', b'{"PageSize":-1}']:
        request = AWSRequest("POST", URL + "/", data=body, headers={
            "X-Amz-Target": "AWS242ServiceCatalogService.ScanProvisionedProducts", "Content-Type": "application/x-amz-json-1.1"})
        SigV4Auth(Credentials(*KEYS["admin"]), "servicecatalog", REGION).add_auth(request)
        connection = http.client.HTTPConnection(at.hostname, at.port, timeout=10)
        connection.request("POST", "/", body, dict(request.headers))
        status = connection.getresponse().status
        check(f"{body!r} is answered", status in (200, 400), str(status))
        connection.close()


def main():
    sc, cfn = client("admin"), client("admin", "cloudformation")
    identities()
    reading(sc, cfn)
    vpc, versions = catalog(sc)
    life(sc, cfn, vpc, versions)
    failures(sc, vpc, versions)
    plans(sc, vpc, versions)
    hostile()
    command_line()
    print(f"{counts['passed']} passed, {counts['failed']} failed")
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())

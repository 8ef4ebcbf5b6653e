#!/usr/bin/env python3
"""Drives a served sandbox with Alibaba Cloud's official Python SDKs, which know nothing of it.

    tenure sandbox --listen 127.0.0.1:4566 --seed tests/clients/seed/sandbox.toml --state DIR --time-scale 60 &
    python3 tests/clients/alibaba_sandbox.py http://127.0.0.1:4566

Every answer is held against the SDK's own structures; and at the end, every member that those have must have been seen.
Needs a fresh world: the seed's faults strike the first calls.
"""

import json
import sys
import threading
import time

from alibabacloud_tea_openapi.exceptions import AlibabaCloudException, ServerException, ThrottlingException
from alibabacloud_tea_openapi.utils_models import OpenApiRequest, Params
from darabonba.exceptions import UnretryableException
from darabonba.policy.retry import RetryOptions
from darabonba.runtime import RuntimeOptions

from alibaba_client import (ACCOUNT, MASK, URL, Client, Vpc, check, counts, coverage, equal, gone, held, instance, named,
                            pairs, plain, product, recorded, sent, settled, tags, until, versions)
from alibaba_plans import approvals, plans
from alibaba_signatures import hostile, identities, regions, signatures


def faults():
    """First, since the seed counts calls."""
    cat = Client("admin")
    error = cat.refused("an overloaded gateway", "Throttling.User", "ListRegions")
    check("is known to the SDK", isinstance(error, ThrottlingException), repr(error))
    equal("says when to come back", error.retry_after, 1000)
    again = {"retryable": True, "retryCondition": [{"maxAttempts": 4, "errorCode": ["Throttling.User", "ServiceUnavailable"]}]}
    patient = Client("admin", retry_options=RetryOptions(again))
    began = time.monotonic()
    regions = patient("ListRegions")["Regions"]
    check("the SDK waits for as long", 0.9 < time.monotonic() - began < 5, str(time.monotonic() - began))
    equal("and succeeds", [region["RegionId"] for region in regions], ["cn-hangzhou", "cn-shanghai"])
    equal("with a signed word about it", sent[-1].headers.get("x-acs-retry-attempts"), "1")
    error = cat.refused("a gateway out of order", "ServiceUnavailable", "ListRegions")
    check("is a server's error", isinstance(error, ServerException), repr(error))
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


def catalog(cat):
    found = cat("ListProductsAsEndUser", SortBy="CreateTime", SortOrder="Asc", PageSize=100)
    names = sorted(one["ProductName"] for one in found["ProductSummaries"])
    equal("products", names, ["Guarded", "Only in the second", "Pinned", "ROS VPC", "Web"])
    equal("how many", (found["TotalCount"], found["PageNumber"], found["PageSize"]), (5, 1, 100))
    equal("a name is matched whole", product(cat, "ROS"), None)
    some = cat("ListProductsAsEndUser", Filters=tags(FullTextSearch="ros"))["ProductSummaries"]
    equal("a text anywhere", [one["ProductName"] for one in some], ["ROS VPC"])
    for text in ("PLATFORM", "a netw"):
        some = cat("ListProductsAsEndUser", Filters=tags(FullTextSearch=text))["ProductSummaries"]
        equal("in provider and description too", [one["ProductName"] for one in some], ["ROS VPC"])
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
    first = cat("GetProductVersion", ProductVersionId=listed["1.0"])["ProductVersionDetail"]
    equal("the first version", (first["Guidance"], first["Description"]), ("Default", "the first"))
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
    refused("a part of what it has", "InvalidParameter.NotChanged", "2.0", block)
    vpc.change(pp, "2.0", {"CidrBlock": "10.10.0.0/16"})
    done = settled(cat, pp)
    equal("left out keeps its value", plain(done["Outputs"], "OutputKey", "OutputValue")["Text"], "size-7")
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
    refused("a tag without value", "MissingTags.1.Value", Tags=[{"Key": "k"}])
    refused("a tag without key", "MissingTags.1.Key", Tags=[{"Value": "v"}])
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
    tasks = cat("ListTasks", ProvisionedProductId=pp)["TaskDetails"]
    equal("in a list of tasks too", [one["Log"] for one in tasks], [task["Log"]])
    whole = posted(cat, "GetProvisionedProductForResourceSpec", ProvisionedProductId=pp)["ProvisionedProductDetail"]
    equal("what Terraform's provider reads", whole, instance(cat, pp) | {
        name: task[name] for name in ("Parameters", "Outputs", "TaskTags")})
    body = {"ProvisionedProductId": pp, "PageSize": "1"}
    equal("and it posts everything", posted(cat, "ListTasks", **body)["TaskDetails"], tasks)
    equal("the portfolio that was named", instance(cat, pp)["PortfolioId"], portfolio["Second"])
    update = {"ProvisionedProductId": pp, "ProductId": web, "ProductVersionId": versions(cat, web)["1"],
              "Parameters": pairs({"size": "4"})}
    cat.refused("an update needs it too", "MissingPortfolioId", "UpdateProvisionedProduct", **update)
    cat("UpdateProvisionedProduct", PortfolioId=portfolio["Networking"], **update)
    settled(cat, pp)
    equal("and may choose another", instance(cat, pp)["PortfolioId"], portfolio["Networking"])
    gone(cat, pp)


def posted(cat, action, **body):
    """A call as Terraform's provider makes it: parameters always in the body."""
    params = Params(action=action, version="2021-09-01", protocol="HTTP", pathname="/", method="POST", auth_type="AK",
                    style="RPC", req_body_type="formData", body_type="json")
    return cat.sdk.call_api(params, OpenApiRequest(body=body), RuntimeOptions())["body"]


def race(cat, vpc):
    """Two at once: one is first."""
    pp = vpc.launch(name="contended", Parameters=pairs({"CidrBlock": "10.9.0.0/16", "Secret": ""}))
    settled(cat, pp)
    outcomes = []

    def change():
        try:
            Vpc(Client("admin")).change(pp, "2.0", {"CidrBlock": "10.9.0.0/16"})
            outcomes.append("accepted")
        except AlibabaCloudException as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=change) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal("four updates at once", sorted(outcomes), ["InvalidProvisionedProduct.UnderChange"] * 3 + ["accepted"])
    settled(cat, pp)
    equal("and one task of it", cat("ListTasks", ProvisionedProductId=pp)["TotalCount"], 2)
    gone(cat, pp)


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
        reader.refused(f"a reader's {action}", "NoPermission", action, **more)


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
        race(cat, vpc)
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

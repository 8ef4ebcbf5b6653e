"""Plans: preview, approval, execution."""

from alibaba_client import ACCOUNT, MASK, Client, check, equal, gone, pairs, plain, product, settled, tags, until, versions


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
    told = cat("ListProvisionedProductPlans", ProvisionedProductId=pp)["PlanDetails"]
    equal("a list tells the same", told, [dict({k: v for k, v in detail.items() if k != "ApprovalDetail"}, ProductName="ROS VPC")])
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
    failed = cat("ListProvisionedProductPlans", Filters=tags(ProvisionedProductPlanStatus="PreviewFailed"))["PlanDetails"]
    equal("with the reason in a list", [one["StatusMessage"] for one in failed], [detail["StatusMessage"]])
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
    some = tags(ProvisionedProductPlanStatus="PreviewFailed") + tags(ProvisionedProductPlanStatus="ApplicationInProgress")
    equal("plans in one of several states", found(Filters=some), [plan])
    for name, there in (("OS", 1), ("nobody", 0)):
        equal("approvers by a part of the name", len(cat("ListProvisionedProductPlanApprovers", AccessLevelFilter="User",
              Filters=tags(ProvisionedProductPlanApproverName=name))["Approvers"]), there)
    equal("approvers of the account", cat("ListProvisionedProductPlanApprovers", ApprovalFilter="AccountRequests")["Approvers"], approvers)
    cat.refused("a filter of plans alone", "InvalidApprovalFilter", "ListProvisionedProductPlanApprovers", ApprovalFilter="ReceivedRequests")
    cat.refused("exactly one of two filters", "InvalidAccessLevelFilter", "ListProvisionedProductPlanApprovers")
    equal("an end user's own plans", Client("lin")("ListProvisionedProductPlans")["TotalCount"], 0)
    Client("lin").refused("and no more", "NoPermission", "ListProvisionedProductPlans", AccessLevelFilter="Account")
    Client("lin").refused("a plan of somebody else", "InvalidPlan.NotFound", "GetProvisionedProductPlan", PlanId=plan)

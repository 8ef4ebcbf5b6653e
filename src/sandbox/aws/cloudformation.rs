//! CloudFormation, as far as the stacks behind provisioned products are read.

use super::xml::{Xml, get, result};
use crate::sandbox::template::{Parameter, Template};
use crate::sandbox::world::model::{ServiceError, Stack, StackKind};
use crate::sandbox::world::{Caller, World};

/// Stacks on one page of DescribeStacks.
const PAGE: usize = 100;

pub fn answer(
    world: &World,
    caller: &Caller,
    operation: &str,
    parameters: &[(String, String)],
) -> Result<String, ServiceError> {
    if caller.principal.deny.contains(operation) {
        let message = format!("User: {} is not authorized to perform: cloudformation:{operation}", caller.session);
        return Err(ServiceError::new("AccessDenied", message));
    }
    match operation {
        "DescribeStacks" => describe_stacks(world, caller, parameters),
        "DescribeStackSet" => describe_stack_set(world, caller, parameters),
        "GetTemplateSummary" => get_template_summary(world, caller, parameters),
        _ => Err(ServiceError::new(
            "InvalidAction",
            format!("Could not find operation {operation} for version 2010-05-15"),
        )),
    }
}

fn invalid(message: impl Into<String>) -> ServiceError {
    ServiceError::new("ValidationError", message)
}

fn describe_stacks(world: &World, caller: &Caller, parameters: &[(String, String)]) -> Result<String, ServiceError> {
    let (page, more) = match get(parameters, "StackName") {
        Some(wanted) => {
            let stack = world.stack(&caller.place, StackKind::CfnStack, wanted);
            (vec![stack.ok_or_else(|| invalid(format!("Stack with id {wanted} does not exist")))?], false)
        }
        None => {
            let after = match get(parameters, "NextToken") {
                None => None,
                Some(token) => {
                    let text = hex::decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
                    Some(text.ok_or_else(|| invalid("The specified NextToken is invalid."))?)
                }
            };
            world.stacks(&caller.place, after.as_deref(), PAGE)
        }
    };
    let next = page.last().filter(|_| more).map(|stack| hex::encode(&stack.id));
    Ok(result("DescribeStacks", |xml| {
        xml.list("Stacks", page, |xml, stack| write_stack(world, xml, stack));
        xml.maybe("NextToken", next.as_deref());
    }))
}

fn write_stack(world: &World, xml: &mut Xml, stack: &Stack) {
    xml.text("StackId", &stack.id);
    xml.text("StackName", &stack.name);
    write_parameters(world, xml, stack);
    xml.time("CreationTime", stack.created);
    if let Some(updated) = stack.updated {
        xml.time("LastUpdatedTime", updated);
    }
    xml.text("StackStatus", world.stack_status(stack));
    xml.text("DisableRollback", "false");
    xml.text("EnableTerminationProtection", "false");
    xml.list("NotificationARNs", &stack.notifications, |xml, arn| xml.bare(arn));
    xml.maybe("RoleARN", stack.role.as_deref());
    xml.list("Outputs", &stack.outputs, |xml, output| {
        xml.text("OutputKey", &output.key);
        xml.text("OutputValue", &output.value);
        xml.maybe("Description", output.description.as_deref());
    });
    write_tags(xml, stack);
    xml.element("DriftInformation", |xml| xml.text("StackDriftStatus", "NOT_CHECKED"));
}

fn write_parameters(world: &World, xml: &mut Xml, stack: &Stack) {
    let ssm = |key: &str| {
        let template = world.template(&stack.template).ok();
        template.is_some_and(|t| {
            t.parameters.iter().any(|p| p.name == key && p.kind.starts_with("AWS::SSM::Parameter::Value"))
        })
    };
    xml.list("Parameters", world.in_template_order(&stack.template, &stack.parameters), |xml, (key, value)| {
        xml.text("ParameterKey", key);
        xml.text("ParameterValue", value.shown());
        if ssm(key) {
            xml.text("ResolvedValue", &format!("value-of:{}", value.shown()));
        }
    });
}

fn write_tags(xml: &mut Xml, stack: &Stack) {
    xml.list("Tags", &stack.tags, |xml, (key, value)| {
        xml.text("Key", key);
        xml.text("Value", value);
    });
}

fn describe_stack_set(world: &World, caller: &Caller, parameters: &[(String, String)]) -> Result<String, ServiceError> {
    let wanted = get(parameters, "StackSetName").ok_or_else(|| invalid("StackSetName is required."))?;
    let stack = stack_set(world, caller, wanted)?;
    Ok(result("DescribeStackSet", |xml| {
        xml.element("StackSet", |xml| {
            xml.text("StackSetName", &stack.name);
            xml.text("StackSetId", stack.id.rsplit('/').next().unwrap_or_default());
            xml.text("StackSetARN", &stack.id);
            xml.text("Status", &stack.status);
            write_parameters(world, xml, stack);
            write_tags(xml, stack);
            xml.text("PermissionModel", "SELF_MANAGED");
        });
    }))
}

/// By name, by ARN, or by `name:uuid`.
fn stack_set<'a>(world: &'a World, caller: &Caller, wanted: &str) -> Result<&'a Stack, ServiceError> {
    let name = wanted.rsplit('/').next().unwrap_or(wanted).split(':').next().unwrap_or(wanted);
    world
        .stack(&caller.place, StackKind::CfnStackset, name)
        .filter(|s| s.name == wanted || s.id == wanted || s.id.ends_with(&format!("/{wanted}")))
        .ok_or_else(|| ServiceError::new("StackSetNotFoundException", format!("StackSet {wanted} not found")))
}

fn get_template_summary(
    world: &World,
    caller: &Caller,
    parameters: &[(String, String)],
) -> Result<String, ServiceError> {
    let sources = ["StackName", "StackSetName", "TemplateBody", "TemplateURL"];
    let given: Vec<(&str, &str)> = sources.into_iter().filter_map(|s| get(parameters, s).map(|v| (s, v))).collect();
    let internal = |error: ServiceError| ServiceError::new("InternalFailure", error.message);
    let template = match given.as_slice() {
        [("StackName", name)] => {
            let stack = world.stack(&caller.place, StackKind::CfnStack, name);
            let stack = stack.ok_or_else(|| invalid(format!("Stack with id {name} does not exist")))?;
            world.template(&stack.template).map_err(internal)?
        }
        [("StackSetName", name)] => world.template(&stack_set(world, caller, name)?.template).map_err(internal)?,
        [("TemplateBody", body)] if body.len() > 51_200 => {
            return Err(invalid("Member must have length less than or equal to 51200"));
        }
        [("TemplateBody", body)] => Template::parse("TemplateBody", body.as_bytes())
            .map_err(|problem| invalid(format!("Template format error: {}", problem.message)))?
            .into(),
        [("TemplateURL", url)] => return Err(invalid(format!("S3 error: Access Denied: {url}"))),
        _ => return Err(invalid("Exactly one of StackName, StackSetName, TemplateBody and TemplateURL is needed.")),
    };
    Ok(result("GetTemplateSummary", |xml| write_summary(xml, &template)))
}

fn write_summary(xml: &mut Xml, template: &Template) {
    xml.list("Parameters", &template.parameters, |xml, parameter: &Parameter| {
        xml.text("ParameterKey", &parameter.name);
        xml.maybe("DefaultValue", parameter.default.as_deref());
        xml.text("ParameterType", &parameter.kind);
        xml.text("NoEcho", if parameter.no_echo { "true" } else { "false" });
        xml.maybe("Description", parameter.description.as_deref());
        xml.element("ParameterConstraints", |xml| {
            if !parameter.allowed_values.is_empty() {
                xml.list("AllowedValues", &parameter.allowed_values, |xml, value| xml.bare(value));
            }
        });
    });
    let mut kinds: Vec<&str> = template.resources.iter().map(|r| r.kind.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    xml.list("ResourceTypes", kinds, |xml, kind| xml.bare(kind));
    xml.text("Version", "2010-09-09");
}

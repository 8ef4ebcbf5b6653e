use super::*;

const STACKS: &[u8] = br#"<?xml version="1.0"?>
<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">
  <DescribeStacksResult>
    <Stacks>
      <member>
        <StackId>arn:aws:cloudformation:eu-west-1:123456789012:stack/SC-123456789012-pp-1/guid</StackId>
        <StackName>SC-123456789012-pp-1</StackName>
        <Parameters>
          <member><ParameterKey>Ami</ParameterKey><ParameterValue>/aws/ami</ParameterValue><ResolvedValue>ami-1</ResolvedValue></member>
          <member><ParameterKey>Password</ParameterKey><ParameterValue>****</ParameterValue></member>
          <member><ParameterKey>Empty</ParameterKey><ParameterValue></ParameterValue></member>
          <member><ParameterKey>Odd</ParameterKey><ParameterValue> a &amp; b<!-- no --> </ParameterValue></member>
        </Parameters>
        <Tags><member><Key>team</Key><Value>net</Value></member><member><Key>aws:x</Key><Value>y</Value></member></Tags>
        <Outputs><member><OutputKey>VpcId</OutputKey><OutputValue>vpc-1</OutputValue></member></Outputs>
      </member>
    </Stacks>
    <NextToken>more</NextToken>
  </DescribeStacksResult>
</DescribeStacksResponse>"#;

#[test]
fn describe_stacks() {
    let (stacks, next) = stacks(STACKS).expect("stacks");
    assert_eq!(next.as_deref(), Some("more"));
    let [stack] = stacks.as_slice() else { panic!("{stacks:?}") };
    assert_eq!(stack.name, "SC-123456789012-pp-1");
    assert_eq!(stack.parameters["Ami"], "/aws/ami");
    assert_eq!(stack.parameters["Empty"], "");
    assert_eq!(stack.parameters["Odd"], " a & b ");
    assert_eq!(stack.tags["team"], "net");
    assert_eq!(stack.outputs["VpcId"], "vpc-1");
}

#[test]
fn describe_stack_set() {
    let xml = b"<DescribeStackSetResponse><DescribeStackSetResult><StackSet><StackSetName>SC-x</StackSetName>\
        <StackSetId>SC-x:guid</StackSetId><Parameters><member><ParameterKey>K</ParameterKey>\
        <ParameterValue>V</ParameterValue></member></Parameters></StackSet></DescribeStackSetResult>\
        </DescribeStackSetResponse>";
    let set = stack_set(xml).expect("a stack set");
    assert_eq!((set.name.as_str(), set.parameters["K"].as_str()), ("SC-x", "V"));
}

#[test]
fn hostile_answers_are_errors() {
    for xml in [&b""[..], b"<", b"\xff\xfe", b"<a/>", b"{}", b"<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>"] {
        assert!(stacks(xml).is_err(), "{xml:?}");
        assert!(stack_set(xml).is_err());
        assert!(caller(xml).is_err());
        assert!(error(xml).is_none());
    }
}

#[test]
fn forms_are_percent_encoded() {
    assert_eq!(
        form("DescribeStacks", "2010-05-15", &[("StackName", "arn:aws:x/ü +&=~")]),
        "Action=DescribeStacks&Version=2010-05-15&StackName=arn%3Aaws%3Ax%2F%C3%BC%20%2B%26%3D~"
    );
}

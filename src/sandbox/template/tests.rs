use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::*;

const SMALL: &str = r#"# A comment
AWSTemplateFormatVersion: 2010-09-09
Parameters:
  Zone: {Type: String, Default: 012345678901, AllowedPattern: '[0-9]+'}
  Share: {Type: Number, Default: 0.10, MinValue: 0, MaxValue: 1}
  Answer: {Type: String, Default: yes, NoEcho: on}
  Since: {Type: String, Default: 2012-10-17, Description: "a \"date\""}
  Names: {Type: CommaDelimitedList, Default: 'a, b ,c'}
Mappings:
  Sizes: {eu: {small: t3.nano, zones: [x, y]}}
Conditions:
  IsYes: !Equals [!Ref Answer, yes]
  IsNo: !Not [!Condition IsYes]
Resources:
  Network: {Type: AWS::EC2::VPC}
  Store: {Type: 'AWS::S3::Bucket'}
Outputs:
  Text: {Value: !Sub '${Zone}-${AWS::Region}', Description: two parts}
  Hidden: {Condition: IsNo, Value: x}
"#;

fn context() -> Context {
    Context {
        account: "111122223333".to_owned(),
        region: "eu-west-1".to_owned(),
        partition: "aws".to_owned(),
        stack_name: "SC-111122223333-pp-abc".to_owned(),
        stack_id: "arn:aws:cloudformation:eu-west-1:111122223333:stack/SC-111122223333-pp-abc/1".to_owned(),
    }
}

fn values<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn parse(text: &str) -> Template {
    Template::parse("t.yaml", text.as_bytes()).unwrap_or_else(|problem| panic!("{problem}\n{text}"))
}

fn problem(bytes: &[u8]) -> String {
    Template::parse("t.yaml", bytes).err().map(|problem| problem.to_string()).unwrap_or_default()
}

/// The small template's sections and one output.
fn output(expression: &str) -> Option<String> {
    let text = SMALL.replace("Outputs:\n", &format!("Outputs:\n  It: {{Value: {expression}}}\n"));
    parse(&text).outputs(&BTreeMap::new(), &context()).remove("It")
}

#[test]
fn parameters_keep_their_order_and_text() {
    let template = parse(SMALL);
    let seen: Vec<_> = template.parameters.iter().map(|p| (p.name.as_str(), p.default.as_deref())).collect();
    let expected = [
        ("Zone", Some("012345678901")),
        ("Share", Some("0.10")),
        ("Answer", Some("yes")),
        ("Since", Some("2012-10-17")),
        ("Names", Some("a, b ,c")),
    ];
    assert_eq!(seen, expected);
    assert!(template.parameters[2].no_echo && !template.parameters[1].no_echo);
    assert_eq!(template.parameters[3].description.as_deref(), Some("a \"date\""));
    assert_eq!(template.format, Format::Yaml);
    assert_eq!(template.resources[1].kind, "AWS::S3::Bucket");
    assert_eq!(template.outputs[0].description.as_deref(), Some("two parts"));
}

#[test]
fn json_with_everything_json_allows() {
    let json = "\t{\n\t\"Parameters\": {\n\t\t\"B\"\t:\t{\"Type\":\"String\",\"Default\":true,\t\"AllowedValues\":[true,false]},\
        \"A\":{\"Type\":\"Number\",\"Default\":1e3},\n\
        \t\"S\":{\"Type\":\"String\",\"Default\":\"\\ud83d\\uDE00 \\/ \\\\ud83d \\u00e9\"}},\n\
        \t\"Resources\":{\"X\":{\"Type\":\"AWS::SNS::Topic\", }},\r\n\
        \"Outputs\":{\"T\":{\"Value\":{\"Ref\":\"X\"}}}}\n";
    let template = parse(json);
    assert_eq!(template.format, Format::Json);
    let defaults: Vec<_> = template.parameters.iter().filter_map(|p| p.default.as_deref()).collect();
    assert_eq!(defaults, ["true", "1e3", "\u{1f600} / \\ud83d \u{e9}"]);
    assert_eq!(template.parameters[0].allowed_values, ["true", "false"]);
    let topic = &template.outputs(&BTreeMap::new(), &context())["T"];
    assert!(topic.starts_with("arn:aws:sns:eu-west-1:111122223333:SC-111122223333-pp-abc-X-"), "{topic}");
    assert_eq!(parse(&format!("\u{feff}{json}")).format, Format::Json);
    assert_eq!(parse(&SMALL.replace('\n', "\r\n")).parameters.len(), 5);
}

#[test]
fn errors_say_what_and_where() {
    let cases: &[(&str, &str)] = &[
        ("", "t.yaml:1:1: Template format error: the template is empty"),
        (" \n# nothing\n", "the template is empty"),
        ("---\n", "unsupported structure"),
        ("- a\n", "t.yaml:1:1: Template format error: unsupported structure: a template must be an object"),
        ("text", "unsupported structure"),
        ("{}", "At least one Resources member must be defined."),
        ("Resources: {}", "At least one Resources member must be defined."),
        ("Resources:\n", "every Resources member must be an object"),
        (
            "Resources: {A: {}}",
            "t.yaml:1:16: Template format error: Every Resources object must contain a Type member.",
        ),
        ("Resources: {a-b: {Type: X}}", "Resource name a-b is non alphanumeric."),
        ("Resources: {A: {Type: X}}\nParamaters: {}", "t.yaml:2:13: Template format error: Invalid template property"),
        ("Parameters: {A: {Type: Strin}}", "t.yaml:1:24: Template format error: Unrecognized parameter type: Strin"),
        ("Parameters: {A: {Type: String, Min: 1}}", "Invalid template parameter property 'Min'"),
        ("Parameters: {A: {Type: String, Default: [a]}}", "t.yaml:1:41: Template format error: Every Default member"),
        ("Parameters:\n  A:\n    Type: String\n    Default:\n", "'null' values are not allowed in templates (Default)"),
        ("Parameters: {A: {Type: String, AllowedValues: a}}", "Every AllowedValues member must be a list."),
        ("Parameters: {A: {Default: a}}", "Every Parameters object must contain a Type member."),
        (
            "Resources: {A: {Type: X}}\nOutputs: {O: {Description: d}}",
            "Every Outputs member must contain a Value object",
        ),
        ("Resources: {A: {Type: X}}\nOutputs: {O: {Value: v, Condition: C}}", "Unresolved condition dependency C"),
        ("A: &x {}\nB: *x\n", "t.yaml:2:4: Template format error: YAML aliases are not allowed"),
        ("Resources: {A: {Type: X}}\n---\nB: 1\n", "t.yaml:2:1: Template format error: a template is one document"),
        ("? [a]\n: b\n", "a key must be text"),
        ("{\"Resources\": [}", "JSON not well-formed"),
        ("a: b: c\n", "YAML not well-formed"),
        ("Resources:\n\tA: {Type: X}\n", "YAML not well-formed"),
    ];
    for (text, expected) in cases {
        let problem = problem(text.as_bytes());
        assert!(problem.contains(expected), "{text:?}\n  {problem:?}\n  {expected:?}");
    }
    assert!(problem(b"Resources:\n  \xc3\xa9\xff: 1").contains("t.yaml:2:4: Template format error: this is not UTF-8"));
    let many: String = (0..201).map(|i| format!("P{i}: {{Type: String}}, ")).collect();
    assert!(
        problem(format!("{{Parameters: {{{many}}}}}").as_bytes()).contains("Number of parameters, 201, is greater")
    );
}

#[test]
fn a_transform_may_bring_sections_and_members() {
    let text = "Transform: [AWS::Serverless-2016-10-31]\nGlobals: {Function: {Timeout: 3}}\n\
        Resources: {'Fn::ForEach::Topics': [a, [b], {}], F: {Type: AWS::Serverless::Function}}";
    assert_eq!(parse(text).resources.len(), 1);
}

#[test]
fn of_duplicates_the_last_counts() {
    let template = parse("Resources: {A: {Type: X}, B: {Type: Y}, A: {Type: Z, Type: W}}");
    let seen: Vec<_> = template.resources.iter().map(|r| (r.logical_id.as_str(), r.kind.as_str())).collect();
    assert_eq!(seen, [("B", "Y"), ("A", "W")]);
}

#[test]
fn outputs_of_every_function() {
    let cases = [
        ("plain", "plain"),
        ("0.10", "0.10"),
        ("!Ref Zone", "012345678901"),
        ("{Ref: AWS::AccountId}", "111122223333"),
        ("!Ref AWS::StackName", "SC-111122223333-pp-abc"),
        ("!Ref AWS::Partition", "aws"),
        ("!Ref AWS::URLSuffix", "amazonaws.com"),
        ("!Ref Names", "a,b,c"),
        ("!Sub 'x-${Zone}-${!Zone}-${AWS::Region}-${', ", "x-012345678901-${Zone}-eu-west-1-${"),
        ("!Sub ['${A}${Zone}', {A: !Ref Share}]", "0.10012345678901"),
        ("{'Fn::Join': ['/', [a, !Ref Zone, {Ref: AWS::NoValue}, b]]}", "a/012345678901/b"),
        ("!Join [';', !Ref Names]", "a;b;c"),
        ("!Select [1, !Ref Names]", "b"),
        ("!Select ['2', !Split ['|', 'x|y|z']]", "z"),
        ("!If [IsYes, 1, 2]", "1"),
        ("!If [IsNo, 1, 2]", "2"),
        ("!If [Nowhere, 1, 2]", "2"),
        ("!FindInMap [Sizes, eu, small]", "t3.nano"),
        ("!Select [0, !FindInMap [Sizes, eu, zones]]", "x"),
        ("!FindInMap [Sizes, us, small, {DefaultValue: none}]", "none"),
        ("!Base64 'a?>'", "YT8+"),
        ("!Base64 ab", "YWI="),
        ("{'Fn::Base64': ''}", ""),
        ("!Join [' ', !GetAZs '']", "eu-west-1a eu-west-1b eu-west-1c"),
        ("!Select [0, !GetAZs {Ref: AWS::Region}]", "eu-west-1a"),
        ("!Join [' ', !Cidr [10.0.0.0/16, 3, 8]]", "10.0.0.0/24 10.0.1.0/24 10.0.2.0/24"),
        ("!Select [1, !Cidr ['2001:db8::/56', 2, 64]]", "2001:db8:0:1::/64"),
        ("!Length [a, b]", "2"),
        ("!And [!Condition IsYes, !Equals [a, a]]", "true"),
        ("!Or [!Condition IsNo, !Equals [a, b]]", "false"),
    ];
    for (expression, expected) in cases {
        let expression = expression.trim_end_matches(", ");
        assert_eq!(output(expression).as_deref(), Some(expected), "{expression}");
    }
    assert_eq!(output("!Ref AWS::NoValue"), None);
    let outputs = parse(SMALL).outputs(&values([("Answer", "no")]), &context());
    assert_eq!(outputs.keys().collect::<Vec<_>>(), ["Hidden", "Text"]);
    assert_eq!(parse(SMALL).outputs(&BTreeMap::new(), &context())["Text"], "012345678901-eu-west-1");
}

#[test]
fn ids_have_plausible_shapes_and_stay_the_same() {
    let hex = |text: &str, prefix: &str| {
        text.strip_prefix(prefix).is_some_and(|rest| rest.len() == 17 && rest.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    let vpc = output("!Ref Network").unwrap();
    assert!(hex(&vpc, "vpc-"), "{vpc}");
    assert_eq!(output("!GetAtt Network.VpcId"), Some(vpc.clone()));
    assert_eq!(output("!Sub '${Network}'"), Some(vpc.clone()));
    assert!(hex(&output("!GetAtt Network.DefaultSecurityGroup").unwrap(), "sg-"));
    assert!(output("!GetAtt [Network, CidrBlock]").unwrap().ends_with(".0.0/16"));
    let arn = output("!GetAtt Store.Arn").unwrap();
    assert_eq!(arn, format!("arn:aws:s3:::{}", output("!Ref Store").unwrap()));
    assert!(arn.starts_with("arn:aws:s3:::sc-111122223333-pp-abc-store-"), "{arn}");
    let other = Context { stack_name: "other".to_owned(), ..context() };
    let template = parse("Resources: {Network: {Type: AWS::EC2::VPC}}\nOutputs: {It: {Value: !Ref Network}}");
    assert_ne!(template.outputs(&BTreeMap::new(), &other)["It"], vpc);
    assert_eq!(template.outputs(&BTreeMap::new(), &context())["It"], vpc);
}

#[test]
fn arns_of_every_known_type() {
    for kind in [
        "AWS::IAM::Role",
        "AWS::Lambda::Function",
        "AWS::EC2::Instance",
        "Custom::Thing",
        "AWS::ECS::Service",
        "odd",
        "",
    ] {
        let text = format!("Resources: {{R: {{Type: '{kind}'}}}}\nOutputs: {{It: {{Value: !GetAtt R.Arn}}}}");
        let arn = &parse(&text).outputs(&BTreeMap::new(), &context())["It"];
        assert!(arn.starts_with("arn:aws:") && arn.split(':').count() >= 6, "{kind}: {arn}");
    }
}

#[test]
fn names_and_properties_of_the_template_show() {
    let template = parse(
        "Parameters: {N: {Type: String}, B: {Type: String, Default: 10.9.0.0/16}}\n\
         Resources:\n  T: {Type: AWS::DynamoDB::Table, Properties: {TableName: !Ref N}}\n\
         \x20 V: {Type: AWS::EC2::VPC, Properties: {CidrBlock: !Ref B}}\n\
         \x20 A: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub '${Z}${Z}'}}\n\
         \x20 Z: {Type: AWS::S3::Bucket, Properties: {BucketName: !Join ['', [!Ref A, !Ref A]]}}\n\
         Outputs: {T: {Value: !Ref T}, Arn: {Value: !GetAtt T.Arn}, V: {Value: !GetAtt V.CidrBlock}, Z: {Value: !Ref Z}}",
    );
    let outputs = template.outputs(&values([("N", "orders")]), &context());
    assert_eq!(outputs["T"], "orders");
    assert_eq!(outputs["Arn"], "arn:aws:dynamodb:eu-west-1:111122223333:table/orders");
    assert_eq!(outputs["V"], "10.9.0.0/16");
    // Two buckets that name each other: refused by the cloud, and no reason to hang or to fall over here.
    assert!(outputs["Z"].len() <= 65_536);
    assert!(template.outputs(&values([("N", "")]), &context())["T"].starts_with("SC-"));
}

#[test]
fn the_unknown_is_a_placeholder() {
    for expression in [
        "!Nonsense x",
        "{a: b}",
        "!Ref Nowhere",
        "!GetAtt Nowhere.Arn",
        "!GetAtt nodot",
        "!GetAtt [Store]",
        "!GetAtt Store.Nonsense",
        "!Select [9, [a]]",
        "!Select [x, [a]]",
        "!Select []",
        "!Split ['', abc]",
        "!FindInMap [Sizes, us, small]",
        "!FindInMap [a]",
        "!ImportValue Shared",
        "!Cidr [x, 1, 2]",
        "!Cidr [10.0.0.0/30, 5, 1]",
        "!Cidr [10.0.0.0/33, 1, 1]",
        "!Cidr ['::/0', 256, 128]",
        "!If [IsYes]",
        "!Sub [a, b]",
        "!Sub [[a], {}]",
        "!Transform {Name: AWS::Include}",
    ] {
        let first = output(expression).unwrap_or_default();
        assert!(first.starts_with("sandbox-"), "{expression}: {first}");
        assert_eq!(output(expression), Some(first), "{expression}");
    }
}

#[test]
fn systems_manager_keys_are_checked_as_keys() {
    let template = parse(
        "Parameters: {I: {Type: 'AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>', AllowedPattern: '/a/.*'},\
         L: {Type: 'AWS::SSM::Parameter::Value<List<String>>', Default: /k}}\n\
         Resources: {X: {Type: Y}}\nOutputs: {I: {Value: !Ref I}, L: {Value: !Join ['', !Ref L]}}",
    );
    assert_eq!(template.check(&values([("I", "/a/ami")])), Ok(()));
    assert!(template.check(&values([("I", "/b/ami")])).is_err());
    let outputs = template.outputs(&values([("I", "/a/ami")]), &context());
    assert!(outputs["I"].starts_with("ami-") && outputs["I"].len() == 21, "{outputs:?}");
    assert_eq!(outputs["L"], "{{resolve:ssm:/k}}");
}

#[test]
fn values_are_checked_in_the_words_of_cloudformation() {
    let cases: &[(&str, &str, &str)] = &[
        ("Type: String, AllowedValues: [a, true]", "true", ""),
        ("Type: String, AllowedValues: [a]", "b", "Parameter 'P' must be one of AllowedValues"),
        ("Type: String, AllowedPattern: 'a|ab'", "ab", ""),
        ("Type: String, AllowedPattern: '[a-z]+'", "abc1", "Parameter 'P' must match pattern [a-z]+"),
        ("Type: String, AllowedPattern: '^[a-z]*$'", "", ""),
        ("Type: String, AllowedPattern: '^[a-z]*$'", "a\n", "Parameter 'P' must match pattern ^[a-z]*$"),
        ("Type: String, AllowedPattern: '(?=.*\\d)(?!.*x)\\w+'", "a1", ""),
        (
            "Type: String, AllowedPattern: '(?=.*\\d)(?!.*x)\\w+'",
            "ax1",
            "Parameter 'P' must match pattern (?=.*\\d)(?!.*x)\\w+",
        ),
        ("Type: String, AllowedPattern: '[\\p{Punct}a]+'", "a+$", ""),
        ("Type: String, AllowedPattern: '('", "anything", ""),
        ("Type: String, AllowedPattern: 'a)(b'", "anything", ""),
        (
            "Type: String, AllowedPattern: x, ConstraintDescription: be x",
            "y",
            "Parameter P failed to satisfy constraint: be x",
        ),
        ("Type: String, AllowedPattern: x, ConstraintDescription: ''", "y", "Parameter 'P' must match pattern x"),
        ("Type: String, MinLength: 2", "\u{e9}", "Parameter 'P' must contain at least 2 characters"),
        ("Type: String, MaxLength: '2'", "\u{e9}\u{e9}", ""),
        ("Type: String, MaxLength: 2", "abc", "Parameter 'P' must contain at most 2 characters"),
        ("Type: Number", "1.5e3", ""),
        ("Type: Number", "-0", ""),
        ("Type: Number", "one", "Parameter 'P' must be a number"),
        ("Type: Number", "inf", "Parameter 'P' must be a number"),
        ("Type: Number", "", "Parameter 'P' must be a number"),
        ("Type: Number, MinValue: 5", "4.9", "Parameter 'P' must be a number not less than 5"),
        ("Type: Number, MaxValue: 5", "6", "Parameter 'P' must be a number not greater than 5"),
        ("Type: Number, AllowedValues: [1, 2]", "2.0", ""),
        ("Type: List<Number>, MaxValue: 5", "1, 2,9", "Parameter 'P' must be a number not greater than 5"),
        ("Type: List<Number>", "1,x", "Parameter 'P' must be a number"),
        ("Type: CommaDelimitedList, AllowedValues: [a, b]", "a, b", ""),
        ("Type: CommaDelimitedList, AllowedValues: [a, b]", "a,c", "Parameter 'P' must be one of AllowedValues"),
        ("Type: CommaDelimitedList, AllowedPattern: '[a-z]'", "a,bb", "Parameter 'P' must match pattern [a-z]"),
        ("Type: AWS::EC2::KeyPair::KeyName", "any", ""),
    ];
    for (rules, value, expected) in cases {
        let template = parse(&format!("Parameters: {{P: {{{rules}}}}}\nResources: {{R: {{Type: X}}}}"));
        let found = template.check(&values([("P", value)])).err().unwrap_or_default();
        assert_eq!(&found, expected, "{rules} {value:?}");
    }
    let template = parse(
        "Parameters: {B: {Type: String}, A: {Type: Number}, D: {Type: Number, Default: x}}\nResources: {R: {Type: X}}",
    );
    let check = |given: BTreeMap<String, String>| template.check(&given).err().unwrap_or_default();
    assert_eq!(check(values([])), "Parameters: [B, A] must have values");
    assert_eq!(check(values([("Y", ""), ("X", "")])), "Parameters: [X, Y] do not exist in the template");
    assert_eq!(check(values([("A", "1"), ("B", "")])), "Parameter 'D' must be a number");
}

#[test]
fn a_pattern_that_never_ends_forbids_nothing() {
    let pattern = "(?=a)(a+)+\\1b(?!c)";
    let template = parse(&format!(
        "Parameters: {{P: {{Type: String, AllowedPattern: '{pattern}'}}}}\nResources: {{R: {{Type: X}}}}"
    ));
    let start = Instant::now();
    let _ = template.check(&values([("P", &"a".repeat(4000))]));
    let long = format!(
        "Parameters: {{P: {{Type: String, AllowedPattern: '{}'}}}}\nResources: {{R: {{Type: X}}}}",
        "(".repeat(50_000)
    );
    assert_eq!(parse(&long).check(&values([("P", "a")])), Ok(()));
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn hostile_files_are_refused_soon() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for i in 1..30 {
        let _ = writeln!(bomb, "a{i}: &a{i} [*a{}, *a{}]", i - 1, i - 1);
    }
    let mega = |text: &str| text.repeat(990_000 / text.len());
    let files = [
        bomb,
        mega("["),
        mega("{"),
        mega("{a: "),
        mega("!a "),
        mega("&a "),
        mega("- "),
        mega("? "),
        mega("a: "),
        mega("[a]: "),
        mega("\"a\" "),
        mega("'"),
        mega("#"),
        mega("\n"),
        mega("%a\n"),
        mega("---\n"),
        mega("a\n"),
        mega("[],"),
        format!("[{}", mega("a,")),
        format!("a: |\n{}", mega(" \n")),
        format!("{{\"{}\": 1}}", mega("\\ud83d\\ude00")),
        (0..400).map(|i| format!("{}a:\n", " ".repeat(i))).collect(),
        " ".repeat(10_000_000),
        "\0".repeat(100),
        "<<: *x".to_owned(),
        "\u{feff}\u{feff}".to_owned(),
    ];
    for file in files {
        let start = Instant::now();
        let problem = problem(file.as_bytes());
        let head: String = file.chars().take(20).collect();
        assert!(problem.starts_with("t.yaml:"), "{head:?}: {problem}");
        assert!(start.elapsed() < Duration::from_secs(20), "{head:?}: {:?}", start.elapsed());
    }
}

#[test]
fn hostile_expressions_end_soon_and_stay_small() {
    let mut deep = "x".to_owned();
    for _ in 0..45 {
        deep = format!("!Join [x, [{deep}, {deep_end}]]", deep_end = "y");
    }
    let long: String = "x".repeat(60_000);
    let splits = "!Split [',', !Ref P], ".repeat(5_000);
    let mut chain: String =
        (1..3_000).map(|i| format!("  C{i}: !And [!Condition C{}, !Condition C{}]\n", i - 1, i - 1)).collect();
    chain.push_str("  C0: !Condition C2999\n  D: !Equals [a, a]\n");
    let text = format!(
        "Parameters: {{P: {{Type: String}}}}\nResources: {{R: {{Type: X}}}}\n\
         Mappings: {{M: {{a: {{b: [!FindInMap [M, a, b], !FindInMap [M, a, b]]}}}}}}\n\
         Conditions:\n{chain}\
         Outputs:\n  Deep: {{Value: {deep}}}\n  Lists: {{Value: [{splits}]}}\n  Circle: {{Value: !FindInMap [M, a, b]}}\n\
         \x20 Big: {{Value: !Join ['{long}', [a, b, c, d, e, f]]}}\n  Chain: {{Value: !If [C2999, 1, 2]}}\n  Last: {{Value: !If [D, 1, 2]}}\n"
    );
    let template = parse(&text);
    let start = Instant::now();
    let commas = ",".repeat(60_000);
    let outputs = template.outputs(&values([("P", &commas)]), &context());
    assert_eq!(outputs.len(), 6);
    assert!(outputs.values().all(|text| text.len() <= 65_536));
    assert_eq!(outputs, template.outputs(&values([("P", &commas)]), &context()));
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn mutated_templates_never_panic() {
    let json = r#"{"Parameters":{"A":{"Type":"String","Default":"\u00e9","AllowedPattern":"[a-z]+"}},"Resources":{"R":{"Type":"AWS::EC2::VPC"}},"Outputs":{"O":{"Value":{"Fn::Sub":["${A}${R.Arn}${B}",{"B":{"Fn::GetAtt":["R","X.Y"]}}]}}}}"#;
    let extra = b"[]{}!&*|>-:?,#%@`\"'\\ \t\r\n\0$x0\xff\xc3";
    let mut random = fastrand::Rng::with_seed(7);
    for round in 0..2_000 {
        let mut bytes = if round % 2 == 0 { SMALL.as_bytes().to_vec() } else { json.as_bytes().to_vec() };
        for _ in 0..random.usize(1..6) {
            let at = random.usize(..bytes.len());
            match random.u8(..4) {
                0 => bytes[at] = extra[random.usize(..extra.len())],
                1 => bytes.insert(at, extra[random.usize(..extra.len())]),
                2 => drop(bytes.drain(at..(at + random.usize(..20)).min(bytes.len() - 1).max(at))),
                _ => {
                    let piece = bytes[at..(at + 20).min(bytes.len())].to_vec();
                    let to = random.usize(..bytes.len());
                    bytes.splice(to..to, piece);
                }
            }
        }
        if let Ok(template) = Template::parse("t.yaml", &bytes) {
            let _ = template.check(&BTreeMap::new());
            let _ = template.outputs(&BTreeMap::new(), &context());
        }
    }
}

#[test]
fn real_templates_are_read() {
    let Some(folder) = std::env::var_os("TENURE_TEMPLATES") else {
        println!("skipped: TENURE_TEMPLATES is not set");
        return;
    };
    let mut read = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let json = path.extension().is_some_and(|extension| extension == "json");
        if !json && path.extension().is_none_or(|extension| extension != "yml" && extension != "yaml") {
            continue;
        }
        let template = Template::parse(&name, &std::fs::read(&path).unwrap()).unwrap_or_else(|p| panic!("{p}"));
        assert_eq!(template.format == Format::Json, json, "{name}");
        assert!(!template.resources.is_empty() && !template.outputs.is_empty(), "{name}");
        let given =
            template.parameters.iter().map(|p| (p.name.clone(), p.default.clone().unwrap_or_default())).collect();
        let outputs = template.outputs(&given, &context());
        println!("{name}: {} parameters, {:?}\n{outputs:#?}", template.parameters.len(), template.check(&given));
        read += 1;
    }
    assert!(read > 0);
}

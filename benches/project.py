#!/usr/bin/env python3
"""Writes a project of N provisioned products and the sandbox it lives in.

    benches/project.py DIR N [--parameters] [--change] [--alibaba]

Owner, version and tags are declared; with --parameters the parameters too. With --change every product needs an update of
one parameter; without it all but one are as the files say (the one makes the sandbox write its world down). With --alibaba
they are on Alibaba Cloud, and parameters are always declared.
"""

import pathlib
import sys

folder, count = pathlib.Path(sys.argv[1]), int(sys.argv[2])
parameters, change, alibaba = ("--" + name in sys.argv for name in ("parameters", "change", "alibaba"))
(folder / "templates").mkdir(parents=True, exist_ok=True)
(folder / "templates" / "queue.yaml").write_text("""\
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  Name: { Type: String }
  Retention: { Type: Number, Default: 4 }
Resources:
  Queue: { Type: AWS::SQS::Queue, Properties: { QueueName: !Ref Name } }
Outputs:
  Url: { Value: !Ref Queue }
""")
(folder / "templates" / "topic.yaml").write_text("""\
ROSTemplateFormatVersion: "2015-09-01"
Parameters:
  Name: { Type: String }
  Retention: { Type: Number, Default: 4 }
Resources:
  Topic: { Type: ALIYUN::MNS::Topic, Properties: { TopicName: { Ref: Name } } }
Outputs:
  Url: { Value: { Ref: Topic } }
""")
ALIBABA_SEED = """\
seed = 1
[account."1234567890123456"]
provider = "alibaba"
regions = ["cn-hangzhou"]
[principal.admin]
arn = "acs:ram::1234567890123456:role/Admin"
id = "300000000000000001"
access_key_id = "LTAISANDBOXADMIN"
secret_access_key = "sandbox-admin-secret"
access = "account"
[portfolio.main]
account = "1234567890123456"
name = "Main"
principals = ["admin"]
[product.queue]
name = "Queue"
portfolios = ["main"]
[[product.queue.version]]
name = "1.0"
template = "templates/topic.yaml"
duration = "60s"
"""
AWS_SEED = """\
seed = 1
[account."123456789012"]
provider = "aws"
regions = ["eu-west-1"]
[principal.admin]
arn = "arn:aws:iam::123456789012:role/Admin"
access_key_id = "AKIASANDBOXADMIN"
secret_access_key = "sandbox-admin-secret"
access = "account"
[portfolio.main]
account = "123456789012"
region = "eu-west-1"
name = "Main"
principals = ["admin"]
[product.queue]
name = "Queue"
portfolios = ["main"]
[[product.queue.version]]
name = "1.0"
template = "templates/queue.yaml"
duration = "60s"
"""
seed = [ALIBABA_SEED if alibaba else AWS_SEED]
files = [f"""\
[project]
name = "bench"
[limits]
change_percent = 100
[target.prod]
provider = "{"alibaba" if alibaba else "aws"}"
region = "{"cn-hangzhou" if alibaba else "eu-west-1"}"
account = "{"1234567890123456" if alibaba else "123456789012"}"
endpoint = "sandbox:"
"""]
for number in range(count):
    key = f"queue-{number:05}"
    first = number == 0
    if alibaba:
        owner, wanted = "role/300000000000000001", "role/300000000000000001"
    else:
        owner, wanted = f"arn:aws:iam::123456789012:role/{'Old' if first else 'Team'}", "role/Team"
    before = 2 if change or (alibaba and first) else 4
    seed.append(f"""
[provisioned_product.{key}]
product = "queue"
version = "1.0"
owner = "{owner}"
tags = {{ team = "t{number % 7}" }}
parameters = {{ Name = "{key}", Retention = "{before}" }}
""")
    files.append(f"""
[provisioned_product.{key}]
target = "prod"
product = "Queue"
version = "1.0"
owner = "{wanted}"
tags.team = "t{number % 7}"
""" + (f'parameters.Name = "{key}"\nparameters.Retention = 4\n' if parameters or change or alibaba else ""))
(folder / "sandbox.toml").write_text("".join(seed))
(folder / "tenure.toml").write_text("".join(files))

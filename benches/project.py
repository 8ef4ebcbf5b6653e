#!/usr/bin/env python3
"""Writes a project of N provisioned products and the sandbox it lives in.

    benches/project.py DIR N [--parameters] [--change]

Owner, version and tags are declared; with --parameters the parameters too. With --change every product needs an update of
one parameter; without it all but one are as the files say (the one makes the sandbox write its world down).
"""

import pathlib
import sys

folder, count = pathlib.Path(sys.argv[1]), int(sys.argv[2])
parameters, change = "--parameters" in sys.argv, "--change" in sys.argv
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
seed = ["""\
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
"""]
files = ["""\
[project]
name = "bench"
[limits]
change_percent = 100
[target.prod]
provider = "aws"
region = "eu-west-1"
account = "123456789012"
endpoint = "sandbox:"
"""]
for number in range(count):
    key = f"queue-{number:05}"
    owner = "Old" if number == 0 else "Team"
    before = 2 if change else 4
    seed.append(f"""
[provisioned_product.{key}]
product = "queue"
version = "1.0"
owner = "arn:aws:iam::123456789012:role/{owner}"
tags = {{ team = "t{number % 7}" }}
parameters = {{ Name = "{key}", Retention = "{before}" }}
""")
    files.append(f"""
[provisioned_product.{key}]
target = "prod"
product = "Queue"
version = "1.0"
owner = "role/Team"
tags.team = "t{number % 7}"
""" + (f'parameters.Name = "{key}"\nparameters.Retention = 4\n' if parameters or change else ""))
(folder / "sandbox.toml").write_text("".join(seed))
(folder / "tenure.toml").write_text("".join(files))

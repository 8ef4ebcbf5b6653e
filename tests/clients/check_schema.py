#!/usr/bin/env python3
"""Holds the examples, and a plan and a ledger made from one of them, against the published schemas."""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import tomllib

import jsonschema

ROOT = pathlib.Path(__file__).resolve().parents[2]
failures = []
checked = 0


def schema(name):
    return jsonschema.Draft202012Validator(json.loads((ROOT / "schema" / name).read_text()))


def check(what, validator, document):
    global checked
    checked += 1
    failures.extend(f"{what}: {error.json_path}: {error.message}" for error in validator.iter_errors(document))


config = schema("tenure.schema.json")
for path in sorted((ROOT / "examples").rglob("*.toml")):
    if path.name != "sandbox.toml":
        check(path.relative_to(ROOT), config, tomllib.loads(path.read_text()))

with tempfile.TemporaryDirectory() as folder:
    project = pathlib.Path(folder) / "quickstart"
    shutil.copytree(ROOT / "examples" / "quickstart", project, ignore=shutil.ignore_patterns(".tenure"))
    tenure = [str(ROOT / "target" / "debug" / "tenure"), "-C", str(project)]
    plan = subprocess.run([*tenure, "plan", "--json"], check=True, capture_output=True).stdout
    check("plan --json", schema("plan.schema.json"), json.loads(plan))
    subprocess.run([*tenure, "apply", "-y", "--quiet"], check=True, capture_output=True)
    for number, line in enumerate((project / "tenure.ledger.jsonl").read_text().splitlines(), 1):
        check(f"ledger line {number}", schema("ledger.schema.json"), json.loads(line))

print("\n".join(failures))
print(f"{checked - len(failures)} passed, {len(failures)} failed")
sys.exit(bool(failures))

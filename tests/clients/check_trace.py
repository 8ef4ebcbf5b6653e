#!/usr/bin/env python3
"""Holds every request of a trace against AWS's own service models.

    check_trace.py TRACE.jsonl

The trace is what `Meter::with_trace` writes: one JSON object per line with `service`, `operation`, `target` (JSON
protocol) and `body`. Requests to another cloud are counted and not looked at. The models are botocore's. botocore itself
checks neither enums nor patterns nor upper limits before it sends, so this walks the shapes: unknown members, types,
required members, enums, patterns, lengths, ranges.

Prints `N passed, M failed`, each failure before it; exit code 1 when there is one, 2 when nothing was checked.
"""

import json
import re
import sys
from urllib.parse import parse_qsl

from botocore.loaders import Loader
from botocore.model import ServiceModel

SERVICES = ("servicecatalog", "cloudformation", "sts")
ALIBABA_CREDENTIALS = ("sts.aliyuncs.com", "ecs-metadata", "credentials-uri")


def models():
    loader = Loader()
    return {name: ServiceModel(loader.load_service_model(name, "service-2"), name) for name in SERVICES}


def check(shape, value, where):
    """Yields a sentence for everything that the shape does not allow."""
    walk = {
        "structure": structure,
        "list": list_of,
        "map": map_of,
        "string": string,
        "integer": number,
        "long": number,
        "float": number,
        "double": number,
        "boolean": boolean,
    }.get(shape.type_name)
    if walk is None:
        yield f"{where}: no rule for type {shape.type_name}"
    else:
        yield from walk(shape, value, where)


def structure(shape, value, where):
    if not isinstance(value, dict):
        yield f"{where}: not an object"
        return
    for name in shape.required_members:
        if name not in value:
            yield f"{where}.{name}: required, missing"
    for name, member in value.items():
        if name not in shape.members:
            yield f"{where}.{name}: not in the model"
        elif member is None:
            yield f"{where}.{name}: null"
        else:
            yield from check(shape.members[name], member, f"{where}.{name}")


def list_of(shape, value, where):
    if not isinstance(value, list):
        yield f"{where}: not a list"
        return
    yield from limits(shape, len(value), where, "members")
    for index, member in enumerate(value):
        yield from check(shape.member, member, f"{where}[{index}]")


def map_of(shape, value, where):
    if not isinstance(value, dict):
        yield f"{where}: not an object"
        return
    yield from limits(shape, len(value), where, "members")
    for key, member in value.items():
        yield from check(shape.key, key, f"{where} key {key!r}")
        yield from check(shape.value, member, f"{where}.{key}")


def string(shape, value, where):
    if not isinstance(value, str):
        yield f"{where}: not a string"
        return
    yield from limits(shape, len(value), where, "characters")
    if shape.enum and value not in shape.enum:
        yield f"{where}: {value!r} is none of {', '.join(shape.enum)}"
    pattern = shape.metadata.get("pattern")
    if pattern and not re.fullmatch(translated(pattern), value):
        yield f"{where}: does not match {pattern}"


def translated(pattern):
    """The models' Java patterns, where they differ from Python's."""
    pattern = pattern.replace(r"\p{L}\p{Z}\p{N}", r"\w \u00a0").replace(r"\/", "/")
    # Code points above U+FFFF are written with four digits and a fifth that counts as text.
    return pattern.replace(r"\u10000-\u10FFFF", "\U00010000-\U0010ffff")


def number(shape, value, where):
    whole = shape.type_name in ("integer", "long")
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        yield f"{where}: not {'a whole' if whole else 'a'} number"
        return
    yield from limits(shape, value, where, "")


def boolean(_shape, value, where):
    if not isinstance(value, bool):
        yield f"{where}: not a boolean"


def limits(shape, size, where, unit):
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        yield f"{where}: {size} {unit} are fewer than {least}"
    if most is not None and size > most:
        yield f"{where}: {size} {unit} are more than {most}"


def form(model, body):
    """A Query body as the members of its input; only scalars are sent this way."""
    pairs = parse_qsl(body, keep_blank_values=True, strict_parsing=True)
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key stands twice")
    action, version = members.pop("Action", None), members.pop("Version", None)
    if version != model.metadata["apiVersion"]:
        raise ValueError(f"Version {version!r} is not {model.metadata['apiVersion']}")
    return action, members


def typed(shape, members):
    """Numbers and booleans of a form are text; the model says which they are."""
    result = {}
    for name, text in members.items():
        kind = shape.members[name].type_name if shape and name in shape.members else "string"
        if kind in ("integer", "long"):
            result[name] = int(text)
        elif kind == "boolean":
            result[name] = {"true": True, "false": False}.get(text, text)
        else:
            result[name] = text
    return result


def is_foreign(sent):
    """Requests to Alibaba Cloud say so; those for its credentials have services of their own."""
    return "cloud" in sent or sent["service"] in ALIBABA_CREDENTIALS


def check_line(known, sent):
    """Yields everything that is wrong with one request."""
    model = known.get(sent["service"])
    if model is None:
        yield f"unknown service {sent['service']!r}"
        return
    operation = sent["operation"]
    if operation not in model.operation_names:
        yield f"{sent['service']} has no operation {operation!r}"
        return
    shape = model.operation_model(operation).input_shape
    # A service may be spoken to in several protocols; of those that this one has, JSON is ours.
    if "json" in model.metadata.get("protocols", [model.metadata["protocol"]]):
        expected = f"{model.metadata['targetPrefix']}.{operation}"
        if sent.get("target") != expected:
            yield f"target {sent.get('target')!r} is not {expected}"
        members = json.loads(sent["body"])
    else:
        action, text = form(model, sent["body"])
        if action != operation:
            yield f"Action {action!r} is not {operation}"
        members = typed(shape, text)
    if shape is None:
        if members:
            yield f"{operation} takes no input, but {sorted(members)} was sent"
        return
    yield from check(shape, members, operation)


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    known = models()
    passed = failed = foreign = 0
    with open(sys.argv[1], encoding="utf-8") as trace:
        for count, line in enumerate(trace, start=1):
            try:
                sent = json.loads(line)
                if is_foreign(sent):
                    foreign += 1
                    continue
                wrong = list(check_line(known, sent))
            except (KeyError, ValueError) as error:
                wrong = [f"unreadable: {error}"]
            for sentence in wrong:
                print(f"line {count}: {sentence}")
            passed, failed = (passed, failed + 1) if wrong else (passed + 1, failed)
    print(f"{passed} passed, {failed} failed" + (f", {foreign} of another cloud" if foreign else ""))
    if passed + failed == 0:
        return 2
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

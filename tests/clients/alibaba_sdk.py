"""The official Python SDKs of Service Catalog, STS and RAM, as the scripts beside this use them: clients for any address,
and what the SDKs know of each structure (its members, their types, which are required, which words are valid)."""

import inspect
import re
import typing

from alibabacloud_ram20150501 import models as ram_models
from alibabacloud_ram20150501.client import Client as RamClient
from alibabacloud_servicecatalog20210901 import models as catalog_models
from alibabacloud_servicecatalog20210901.client import Client as CatalogClient
from alibabacloud_sts20150401 import models as sts_models
from alibabacloud_sts20150401.client import Client as StsClient
from alibabacloud_tea_openapi.utils_models import Config
from darabonba.runtime import RuntimeOptions

# By the version of the API, which is how the gateway tells them apart.
SERVICES = {
    "2021-09-01": (CatalogClient, catalog_models),
    "2015-04-01": (StsClient, sts_models),
    "2015-05-01": (RamClient, ram_models),
}
CATALOG, STS, RAM = SERVICES


def client(version, address, key, secret, token=None, **more):
    """A client of one service at `address`, which is HOST:PORT."""
    config = Config(access_key_id=key, access_key_secret=secret, security_token=token, endpoint=address, protocol="HTTP",
                    region_id="cn-hangzhou", **more)
    return SERVICES[version][0](config)


def method(sdk, action):
    """The SDK's function for an action, or None; by name and without underscores, since OIDC is written in several ways."""
    wanted = f"{action}WithOptions".lower()
    names = (name for name in dir(sdk) if name.replace("_", "") == wanted)
    return next((getattr(sdk, name) for name in names), None)


def send(sdk, version, action, parameters):
    """Sends `parameters`, which are nested as the SDK's request is."""
    function, shape = method(sdk, action), structure(version, f"{action}Request")
    if shape is None:
        return function(RuntimeOptions())
    return function(shape().from_map(parameters), RuntimeOptions())


def structure(version, name):
    models = {key.lower(): value for key, value in vars(SERVICES[version][1]).items()}
    return models.get(name.lower())


class Member(typing.NamedTuple):
    kind: type
    required: bool
    words: tuple


class _Names(dict):
    """Notes what is asked for."""

    def __init__(self):
        super().__init__({"": ""})
        self.asked = []

    def get(self, name, default=None):
        if name not in self.asked:
            self.asked.append(name)
        return default


def members(shape):
    """The members of a structure by the name that they have on the wire.

    What is required and which words are valid stands only in the comments of the generated code.
    """
    if shape not in _known:
        names = _Names()
        shape().from_map(names)
        wire = {name.replace("_", "").lower(): name for name in names.asked}
        kinds, notes = typing.get_type_hints(shape.__init__), _notes(shape)
        found = {}
        for attribute, kind in kinds.items():
            text = notes.get(attribute, "")
            words = tuple(re.findall(r"^\* +(\w+)(?: \(default\))?(?:$|[:.])", text, re.MULTILINE))
            # Some lists in the comments are of something else: tasks of which this is the id, rules of tags.
            listed = kind is str and not attribute.endswith("_id")
            found[wire[attribute.replace("_", "").lower()]] = Member(
                kind, "This parameter is required" in text, words if listed else ())
        _known[shape] = found
    return _known[shape]


_known = {}


def _notes(shape):
    notes, text = {}, []
    for line in inspect.getsource(shape.__init__).splitlines():
        line = line.strip()
        if line.startswith("#"):
            text.append(line[1:].strip())
        elif line.startswith("self."):
            notes[line.split()[0][5:]] = "\n".join(text)
            text = []
    return notes


def walk(kind, value, where, seen):
    """Yields a sentence for everything that the SDK's structure does not have; adds (structure, member) to `seen`."""
    if typing.get_origin(kind) is list:
        if not isinstance(value, list):
            yield f"{where} is not a list"
            return
        for index, element in enumerate(value):
            yield from walk(typing.get_args(kind)[0], element, f"{where}[{index}]", seen)
    elif kind in (str, int, bool):
        if type(value) is not kind:
            yield f"{where} is not of type {kind.__name__}: {value!r}"
    elif not isinstance(value, dict):
        yield f"{where} is not an object"
    else:
        known = members(kind)
        for name, member in value.items():
            if name not in known:
                yield f"{where}.{name} is unknown to the SDK"
                continue
            seen.add((kind, name))
            yield from walk(known[name].kind, member, f"{where}.{name}", seen)
            yield from valid(known[name], member, f"{where}.{name}")


def valid(member, value, where):
    # In one of the lists, a single word has another case than elsewhere.
    if member.words and isinstance(value, str) and value.lower() not in [word.lower() for word in member.words]:
        yield f"{where} is {value!r} and none of {', '.join(member.words)}"

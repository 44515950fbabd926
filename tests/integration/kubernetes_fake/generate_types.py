"""
Make ``builtin_types.json`` of a real server's published types and of its Go modules' field declarations::

    curl .../openapi/v2 | python generate_types.py builtin_types.json $(go env GOMODCACHE)/k8s.io 0.36.3

Facts only: the names of fields, their types, the values they can have, and how strategic merge patches treat their lists.
A field is written as a short text: ``s`` string, ``b`` boolean, ``i`` int32, ``l`` int64, ``n`` number, ``y`` bytes, ``q`` quantity,
``t`` time, ``o`` integer or string, ``*`` anything, ``@NAME`` another type, ``[`` before the type of items, ``{`` before the type of values;
then ``|m:KEY`` merge by key, ``|m`` merge as a set, ``|r`` retain keys, ``|=A,B`` the values it can have, ``|z`` left out when empty or
zero, ``|!`` written even then, ``|#2.1`` its number in protocol buffers (here field 1 of the message in field 2).
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

PREFIXES = (
    "io.k8s.api.",
    "io.k8s.apimachinery.pkg.apis.",
    "io.k8s.apiextensions-apiserver.pkg.apis.",
    "io.k8s.kube-aggregator.pkg.apis.",
)
SPECIAL = {"Quantity": "q", "Time": "t", "MicroTime": "t", "IntOrString": "o", "JSON": "*", "RawExtension": "*", "FieldsV1": "*"}
SCALARS = {
    "string": "s",
    "boolean": "b",
    "number": "n",
    ("integer", "int32"): "i",
    ("integer", "int64"): "l",
    ("string", "byte"): "y",
}


def short(name: str) -> str:
    for prefix in PREFIXES:
        name = name.removeprefix(prefix)
    return name


def spelled(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        last = name.rpartition(".")[2]
        return "*" if last.startswith("JSONSchemaPropsOr") else SPECIAL.get(last, f"@{short(name)}")
    if schema.get("type") == "array":
        return "[" + spelled(schema["items"])
    if schema.get("type") == "object":
        return "{" + spelled(schema["additionalProperties"]) if "additionalProperties" in schema else "*"
    kind = schema.get("type")
    return SCALARS.get((kind, schema.get("format"))) or SCALARS.get(kind, "*")


def field(schema: dict[str, Any]) -> str:
    text = spelled(schema)
    strategies = schema.get("x-kubernetes-patch-strategy", "").split(",")
    if "merge" in strategies:
        key = schema.get("x-kubernetes-patch-merge-key")
        text += f"|m:{key}" if key else "|m"
    if "retainKeys" in strategies:
        text += "|r"
    if schema.get("enum"):
        text += "|=" + ",".join(schema["enum"])
    return text


HOMES = {"meta": "apimachinery@v{0}/pkg/apis/meta", "apiextensions": "apiextensions-apiserver@v{0}/pkg/apis/apiextensions"}
HOMES["apiregistration"] = "kube-aggregator@v{0}/pkg/apis/apiregistration"
STRUCT = re.compile(r"^type (\w+) struct \{$(.*?)^\}", re.MULTILINE | re.DOTALL)
MEMBER = re.compile(r"^\t(?:(\w+)\s+)?(\S+)\s+`([^`]*)`", re.MULTILINE)
JSON_TAG = re.compile(r'json:"([^"]*)"')
NUMBER_TAG = re.compile(r'protobuf:"\w+,(\d+)')


class Declarations:
    """How Go types write their fields: package.version.Type -> field -> flag."""

    def __init__(self, modules: Path, version: str) -> None:
        self.modules, self.version = modules, version
        self.known: dict[str, dict[str, str]] = {}

    def flags(self, name: str) -> dict[str, str]:
        package, _, type_name = name.rpartition(".")
        if package.count(".") != 1:
            return {}
        if package not in self.known:
            self.known[package] = self._read(package)
        return self.known[package].get(type_name, {})

    def _read(self, package: str) -> dict[str, dict[str, str]]:
        group, version = package.split(".")
        home = HOMES.get(group, "api@v{0}/" + group).format(self.version)
        files = sorted((self.modules / home / version).glob("*types*.go"))
        return (
            {name: dict(self._members(body, package)) for path in files for name, body in STRUCT.findall(path.read_text())}
            if files
            else {}
        )

    def _members(self, body: str, package: str, prefix: str = ""):
        for _name, kind, tags in MEMBER.findall(body):
            found, number = JSON_TAG.search(tags), NUMBER_TAG.search(tags)
            json_name, *options = (found[1] if found else "-").split(",")
            place = prefix + (number[1] if number else "")
            if "inline" in options:
                inner = kind if "." in kind else f"{package}.{kind}"
                yield from self._inlined(inner, package, f"{place}." if number else prefix)
            elif json_name and json_name != "-":
                yield json_name, flag(kind, options) + (f"|#{place}" if number else "")

    def _inlined(self, inner: str, package: str, prefix: str):
        group, version = package.split(".")
        home = HOMES.get(group, "api@v{0}/" + group).format(self.version)
        for path in sorted((self.modules / home / version).glob("*types*.go")):
            for name, body in STRUCT.findall(path.read_text()):
                if f"{package}.{name}" == inner:
                    yield from self._members(body, package, prefix)


def flag(kind: str, options: list[str]) -> str:
    if kind.startswith("*"):
        return "" if "omitempty" in options else "|!"
    if "omitzero" in options:
        return "|z"
    plain = kind.startswith(("[]", "map[")) or kind.rsplit(".", maxsplit=1)[-1] in PLAIN
    return "|z" if plain and "omitempty" in options else "|!"


PLAIN: set[str] = {"string", "bool", "int32", "int64", "int", "float64", "float32", "byte", "ResourceList", "UID", "JSON"}
NAMED = re.compile(r"^type (\w+) (?:string|int32|int64|bool|\[\]\S+|map\[\S+\]\S+)$", re.MULTILINE)


def learn_names(modules: Path, version: str) -> None:
    for module in ("api", "apimachinery", "apiextensions-apiserver", "kube-aggregator"):
        for path in (modules / f"{module}@v{version}").rglob("*.go"):
            if not path.name.endswith("_test.go"):
                PLAIN.update(NAMED.findall(path.read_text()))


def main() -> None:
    definitions = json.load(sys.stdin)["definitions"]
    declared = Declarations(Path(sys.argv[2]), sys.argv[3])
    learn_names(Path(sys.argv[2]), sys.argv[3])
    types = {
        short(name): {
            property_name: field(schema) + declared.flags(short(name)).get(property_name, "")
            for property_name, schema in sorted(definition["properties"].items())
            if property_name not in {"apiVersion", "kind"} or "x-kubernetes-group-version-kind" not in definition
        }
        for name, definition in sorted(definitions.items())
        if "properties" in definition
        and not definition.get("x-kubernetes-group-version-kind", [{}])[0].get("kind", "").endswith("List")
    }
    kinds = {
        f"{entry['group']}/{entry['version']}/{entry['kind']}": short(name)
        for name, definition in sorted(definitions.items())
        for entry in definition.get("x-kubernetes-group-version-kind", ())[:1]
        if short(name) in types and not short(name).startswith("meta.")
    }
    Path(sys.argv[1]).write_text(json.dumps({"kinds": kinds, "types": types}, indent=0, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()

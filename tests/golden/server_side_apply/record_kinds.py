"""
Write ``kinds.json``: which fields the built-in kinds have and how server-side apply treats their lists and maps.

A program: ``python tests/golden/server_side_apply/record_kinds.py https://127.0.0.1:6443 TOKEN`` reads the OpenAPI documents
that an API server publishes under ``/openapi/v3`` and keeps the facts only, no descriptions. How a field is written is told by
``gitops_core.testing.kubernetes.server_side_apply.kinds``, which reads the file.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import urllib3

import gitops_core.testing.kubernetes.server_side_apply as package

Document = Mapping[str, Any]
SCALARS = {"string": "s", "integer": "n", "number": "n", "boolean": "b"}
NOT_STORED = ("Status", "WatchEvent", "DeleteOptions", "APIGroup", "APIResourceList", "APIVersions")


def main(server: str, token: str) -> None:
    """Read the server at *server* and write the file beside the module that reads it."""
    schemas = dict(published(server, token))
    kinds = dict(sorted(stored_kinds(schemas)))
    types: dict[str, dict[str, str]] = {}
    waiting = list(kinds.values())
    while waiting:
        name = waiting.pop()
        if name not in types:
            types[name] = {field: fact(schemas, name, field) for field in sorted(schemas[name].get("properties", {}))}
            waiting.extend(referenced(types[name].values()))
    target = Path(package.__file__).parent / "kinds.json"
    target.write_text(as_text(kinds, types), encoding="utf-8")


def published(server: str, token: str) -> Iterator[tuple[str, Document]]:
    """Yield every component of every OpenAPI document."""
    pool = urllib3.PoolManager(cert_reqs="CERT_NONE", headers={"Authorization": f"Bearer {token}"})
    urllib3.disable_warnings()
    for path in pool.request("GET", f"{server}/openapi/v3").json()["paths"].values():
        document = pool.request("GET", server + path["serverRelativeURL"]).json()
        yield from document.get("components", {}).get("schemas", {}).items()


def stored_kinds(schemas: Mapping[str, Document]) -> Iterator[tuple[str, str]]:
    """Yield ``group/version/kind`` and the component of each kind that is stored."""
    for name, schema in schemas.items():
        for gvk in schema.get("x-kubernetes-group-version-kind", ()):
            kind = gvk["kind"]
            if "metadata" in schema.get("properties", {}) and not kind.endswith("List") and kind not in NOT_STORED:
                yield f"{gvk['group']}/{gvk['version']}/{kind}", name


def fact(schemas: Mapping[str, Document], owner: str, field: str) -> str:
    """Return the one word that says what *field* of *owner* is."""
    schema = schemas[owner]["properties"][field]
    required = field in schemas[owner].get("required", ())
    mark = "!" if schema.get("default") == {} or required else ""
    return mark + shape(schemas, schema) + patch_fact(schema)


def patch_fact(schema: Document) -> str:
    """Return what strategic merge patch does with a field."""
    strategy, key = schema.get("x-kubernetes-patch-strategy", ""), schema.get("x-kubernetes-patch-merge-key", "")
    return f"@{strategy}" + (f"={key}" if key else "") if strategy else ""


def shape(schemas: Mapping[str, Document], schema: Document) -> str:
    """Return the shape of a value: a scalar, a list or map of something, or the name of a type."""
    name = reference(schema)
    if name:
        return named_shape(schemas, name)
    kind = schema.get("type", "")
    if kind == "array":
        return list_shape(schemas, schema)
    if kind == "object" and "additionalProperties" in schema:
        atomic = schema.get("x-kubernetes-map-type") == "atomic"
        return ("atomic{}" if atomic else "{}") + shape(schemas, schema["additionalProperties"])
    return SCALARS.get(kind, "*" if kind == "object" else "u" if "oneOf" in schema else "?")


def reference(schema: Document) -> str:
    """Return the component that *schema* refers to, or nothing."""
    one = schema if "$ref" in schema else next(iter(schema.get("allOf", ())), {})
    return str(one.get("$ref", "")).removeprefix("#/components/schemas/")


def named_shape(schemas: Mapping[str, Document], name: str) -> str:
    """Return the shape of a component: its name if it has fields, else what it is."""
    schema = schemas[name]
    if "properties" in schema:
        return ("atomic " if schema.get("x-kubernetes-map-type") == "atomic" else "") + "#" + name
    return shape(schemas, schema)


def list_shape(schemas: Mapping[str, Document], schema: Document) -> str:
    """Return the shape of a list: how its items are told apart, and what they are."""
    item = shape(schemas, schema["items"])
    match schema.get("x-kubernetes-list-type", "atomic"):
        case "set":
            return "set[]" + item
        case "map":
            keys = ",".join(key_fact(schemas, schema["items"], key) for key in schema["x-kubernetes-list-map-keys"])
            return f"[{keys}]{item}"
    return "[]" + item


def key_fact(schemas: Mapping[str, Document], item: Document, key: str) -> str:
    """Return a key of a list and, after ``=``, the value it has by default."""
    default = schemas[reference(item)]["properties"][key].get("default")
    return key if default is None else f"{key}={default}"


def referenced(facts: Any) -> Iterator[str]:
    """Yield the types that *facts* name."""
    for one in facts:
        _, found, name = one.partition("#")
        if found:
            yield name.partition("@")[0]


def as_text(kinds: Mapping[str, str], types: Mapping[str, Mapping[str, str]]) -> str:
    """Return the file: one line for each kind and type, short names where they are unique."""
    short = short_names(types)
    lines = ["{", '"kinds": {']
    lines.append(",\n".join(f"{json.dumps(kind)}: {json.dumps(short[name])}" for kind, name in kinds.items()))
    lines.append('},\n"types": {')
    lines.append(",\n".join(type_line(name, types, short) for name in sorted(types, key=short.__getitem__)))
    lines.append("}}\n")
    return "\n".join(lines)


def type_line(name: str, types: Mapping[str, Mapping[str, str]], short: Mapping[str, str]) -> str:
    """Return the line of one type."""
    fields = {field: renamed(one, short) for field, one in types[name].items()}
    return f"{json.dumps(short[name])}: {json.dumps(fields, separators=(',', ':'))}"


def renamed(one: str, short: Mapping[str, str]) -> str:
    """Return a fact with the short name of its type."""
    before, found, rest = one.partition("#")
    name, at, patch = rest.partition("@")
    return before + found + short[name] + at + patch if found else one


def short_names(types: Mapping[str, Any]) -> dict[str, str]:
    """Return for each component ``group.version.Type``, as short as it stays unique."""
    lasts = [name.rsplit(".", 1)[1] for name in types]
    return {
        name: last if lasts.count(last) == 1 else ".".join(name.rsplit(".", 3)[1:])
        for name, last in zip(types, lasts, strict=True)
    }


if __name__ == "__main__":
    main(*sys.argv[1:3])

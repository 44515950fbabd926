"""
Structural schemas of custom kinds: pruning, defaulting and validation. Pure.

Source: Kubernetes documentation, "Extend the Kubernetes API with CustomResourceDefinitions".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from gitops_core.testing.kubernetes.encoding import encoded
from gitops_core.testing.kubernetes.statuses import Cause, invalid_value, required

Schema = Mapping[str, Any]
_KEEP: Final = "x-kubernetes-preserve-unknown-fields"
_EITHER: Final = "x-kubernetes-int-or-string"
_EMBEDDED: Final = "x-kubernetes-embedded-resource"
_TYPES: Final = {
    dict: "object",
    list: "array",
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    type(None): "null",
}
_EMBEDDED_FIELDS: Final = frozenset({"apiVersion", "kind", "metadata"})


def pruned(schema: Schema, value: Any, unknown: list[str], where: str = "") -> Any:
    """Return *value* without the fields that *schema* does not know, whose paths are added to *unknown*. Cost: O(size)."""
    if isinstance(value, list):
        items = schema.get("items") or {}
        return [pruned(items, item, unknown, f"{where}[{index}]") for index, item in enumerate(value)]
    if not isinstance(value, dict) or schema.get("type") not in {"object", None}:
        return value
    known, more = schema.get("properties") or {}, schema.get("additionalProperties")
    made = {}
    for name, item in value.items():
        path = f"{where}.{name}" if where else name
        if name in known:
            made[name] = pruned(known[name], item, unknown, path)
        elif isinstance(more, Mapping):
            made[name] = pruned(more, item, unknown, path)
        elif more or schema.get(_KEEP) or (schema.get(_EMBEDDED) and name in _EMBEDDED_FIELDS):
            made[name] = item
        else:
            unknown.append(path)
    return made


def completed(schema: Schema, value: Any) -> Any:
    """Return *value* with the defaults of *schema*; a null where there is a default and none is allowed becomes the default."""
    if isinstance(value, list):
        items = schema.get("items") or {}
        return [completed(items, item) for item in value]
    if not isinstance(value, dict):
        return value
    known, more = schema.get("properties") or {}, schema.get("additionalProperties")
    made = dict(value)
    for name, inner in known.items():
        if name in made and made[name] is None and not inner.get("nullable"):
            del made[name]
        if name not in made and "default" in inner:
            made[name] = inner["default"]
        if name in made:
            made[name] = completed(inner, made[name])
    if isinstance(more, Mapping):
        made = {name: item if name in known else completed(more, item) for name, item in made.items()}
    return made


def schema_problems(schema: Schema, value: Any, where: str) -> Iterator[Cause]:
    """Yield what is wrong with *value*, in the order of fields. Cost: O(size)."""
    if value is None and schema.get("nullable"):
        return
    mismatch = _type_problem(schema, value, where)
    if mismatch is not None:
        yield mismatch
        return
    if isinstance(value, dict):
        yield from _object_problems(schema, value, where)
    elif isinstance(value, list):
        yield from _list_problems(schema, value, where)
    elif isinstance(value, str):
        yield from _text_problems(schema, value, where)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _number_problems(schema, value, where)
    if "enum" in schema and value not in schema["enum"]:
        told = ", ".join(encoded(each).decode() for each in schema["enum"])
        yield Cause("FieldValueNotSupported", f"Unsupported value: {encoded(value).decode()}: supported values: {told}", where)
    yield from _combination_problems(schema, value, where)


def _type_problem(schema: Schema, value: Any, where: str) -> Cause | None:
    given = _TYPES[type(value)]
    if schema.get(_EITHER):
        wanted: tuple[str, ...] = ("integer", "string")
    else:
        wanted = (schema["type"],) if schema.get("type") else ()
    whole = isinstance(value, float) and value.is_integer()
    if not wanted or given in wanted or (given == "integer" and "number" in wanted) or (whole and "integer" in wanted):
        return None
    told = f'Invalid value: "{given}": {where} in body must be of type {",".join(wanted)}: "{given}"'
    return Cause("FieldValueTypeInvalid", told, where)


def _object_problems(schema: Schema, value: dict[str, Any], where: str) -> Iterator[Cause]:
    known, more = schema.get("properties") or {}, schema.get("additionalProperties")
    for name in schema.get("required") or ():
        if name not in value:
            yield required(f"{where}.{name}" if where else name)
    for name, item in value.items():
        inner = known.get(name, more if isinstance(more, Mapping) else None)
        if inner is not None:
            yield from schema_problems(inner, item, f"{where}.{name}" if where else name)
    yield from _count_problems(schema, len(value), where, "Properties", "properties")


def _list_problems(schema: Schema, value: list[Any], where: str) -> Iterator[Cause]:
    yield from _count_problems(schema, len(value), where, "Items", "items")
    items = schema.get("items") or {}
    for index, item in enumerate(value):
        yield from schema_problems(items, item, f"{where}[{index}]")
    keys = schema.get("x-kubernetes-list-map-keys")
    is_map = schema.get("x-kubernetes-list-type") == "map"
    if schema.get("x-kubernetes-list-type") == "set" or is_map:
        yield from _duplicates(value, keys if is_map else None, where)


def _duplicates(value: list[Any], keys: list[str] | None, where: str) -> Iterator[Cause]:
    seen = set()
    for index, item in enumerate(value):
        shown = item if keys is None or not isinstance(item, dict) else {key: item[key] for key in keys if key in item}
        text = encoded(shown).decode()
        if text in seen:
            yield Cause("FieldValueDuplicate", f"Duplicate value: {text}", f"{where}[{index}]")
        seen.add(text)


def _count_problems(schema: Schema, count: int, where: str, name: str, told: str) -> Iterator[Cause]:
    most, least = schema.get(f"max{name}"), schema.get(f"min{name}")
    if most is not None and count > most:
        yield Cause("FieldValueTooMany", f"Too many: {count}: must have at most {most} {told}", where)
    if least is not None and count < least:
        yield invalid_value(where, count, f"{where} in body should have at least {least} {told}")


def _text_problems(schema: Schema, value: str, where: str) -> Iterator[Cause]:
    most, least, pattern = schema.get("maxLength"), schema.get("minLength"), schema.get("pattern")
    if most is not None and len(value) > most:
        yield Cause("FieldValueTooLong", f"Too long: may not be more than {most} bytes", where)
    if least is not None and len(value) < least:
        yield invalid_value(where, value, f"{where} in body should be at least {least} chars long")
    if pattern is not None and not re.search(pattern, value):
        yield invalid_value(where, value, f"{where} in body should match '{pattern}'")
    check = _FORMATS.get(schema.get("format", ""))
    if check is not None and not check(value):
        yield invalid_value(where, value, f'{where} in body must be of type {schema["format"]}: "{value}"')


def _number_problems(schema: Schema, value: float, where: str) -> Iterator[Cause]:
    least, most, step = schema.get("minimum"), schema.get("maximum"), schema.get("multipleOf")
    if least is not None and (value < least or (schema.get("exclusiveMinimum") and value == least)):
        told = "greater than" if schema.get("exclusiveMinimum") else "greater than or equal to"
        yield invalid_value(where, value, f"{where} in body should be {told} {least}")
    if most is not None and (value > most or (schema.get("exclusiveMaximum") and value == most)):
        told = "less than" if schema.get("exclusiveMaximum") else "less than or equal to"
        yield invalid_value(where, value, f"{where} in body should be {told} {most}")
    if step and value % step:
        yield invalid_value(where, value, f"{where} in body should be a multiple of {step}")


def _combination_problems(schema: Schema, value: Any, where: str) -> Iterator[Cause]:
    """``allOf``, ``anyOf``, ``oneOf`` and ``not``: the causes of ``allOf`` are told, of the others only that they fail."""
    for inner in schema.get("allOf") or ():
        yield from schema_problems(inner, value, where)
    for name, told, enough in (("anyOf", "at least one", range(1, 1_000)), ("oneOf", "one and only one", range(1, 2))):
        choices = schema.get(name)
        if choices and sum(_fits(inner, value, where) for inner in choices) not in enough:
            yield Cause("FieldValueInvalid", f'Invalid value: "": "{where}" must validate {told} schema ({name})', where)
    if schema.get("not") and _fits(schema["not"], value, where):
        yield Cause("FieldValueInvalid", f'Invalid value: "": "{where}" must not validate the schema (not)', where)


def _fits(schema: Schema, value: Any, where: str) -> bool:
    return next(schema_problems(schema, value, where), None) is None


def _is_time(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return "T" in value.upper()


def _matches(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda value: compiled.fullmatch(value) is not None


_FORMATS: Final[dict[str, Callable[[str], bool]]] = {
    "date-time": _is_time,
    "date": _matches(r"\d{4}-\d{2}-\d{2}"),
    "uuid": _matches(r"(?i)[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}"),
    "ipv4": _matches(r"(\d{1,3}\.){3}\d{1,3}"),
    "email": _matches(r"[^@\s]+@[^@\s]+"),
    "byte": _matches(r"([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"),
}

"""JSON in and out: compact, fast, and with the duplicates of a body found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False)


def encoded(value: Any) -> bytes:
    """Return *value* as compact JSON in UTF-8. Cost: O(size)."""
    return _ENCODER.encode(value).encode("utf-8", "replace")


def decoded(body: bytes) -> tuple[Any, list[str]]:
    """
    Return the JSON or YAML value in *body*, and the paths that occur twice in one object (``data.a``).

    Raises:
        ValueError: It is neither.
    """
    start = body.lstrip()[:1]
    if start not in {b"{", b"["}:
        return _yaml(body), []
    doubled: list[tuple[dict[str, Any], str]] = []

    def together(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) != len(pairs):
            doubled.extend((value, name) for name in value if sum(key == name for key, _ in pairs) > 1)
        return value

    value = json.loads(body, object_pairs_hook=together)
    return value, [path for owner, name in doubled for path in _paths(value, owner, name)]


def _paths(value: Any, owner: dict[str, Any], name: str, prefix: str = "") -> Iterator[str]:
    if value is owner:
        yield f"{prefix}{name}"
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _paths(item, owner, name, f"{prefix}{key}.")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _paths(item, owner, name, f"{prefix.removesuffix('.')}[{index}].")


def _yaml(body: bytes) -> Any:
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C where there is one
    try:
        return loader(body).get_single_data()
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error

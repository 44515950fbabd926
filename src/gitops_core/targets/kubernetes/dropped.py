"""What we applied once and declare no longer: found in our own entry of ``managedFields``, because the API remembers it for us."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from gitops_core.model.values import Body
from gitops_core.targets.kubernetes.list_keys import item_name, segment
from gitops_core.targets.kubernetes.managed_fields import Claims, find_item, keys_of
from gitops_core.targets.kubernetes.places import ABSENT, ROOT, At, Found

NO_LONGER_DECLARED: Final = "no longer declared"
_Path = tuple[str, ...]


def no_longer_declared(desired: Body, live: Body, claims: Claims, stamped: frozenset[str] = frozenset()) -> list[Found]:
    """
    Return what we applied, declare no longer, is still there, and is nobody else's; the topmost of what belongs together.

    Args:
        desired: Spelled.
        live: Spelled.
        claims: On the whole of *live*.
        stamped: Pointers that we apply besides the declaration.

    Cost: a look-up for each node of our entry; more only for what is missing.
    """
    version = str(live.get("apiVersion", ""))
    search = _Search(version, stamped)
    for node in claims.applied(version):
        for path in _missing(node, desired, ()):
            search.follow(path, live, claims)
    return search.found


def _missing(node: Mapping[str, Any], desired: Any, path: _Path) -> Iterator[_Path]:
    """Yield the path, in the names of ``fieldsV1``, of what *node* owns and *desired* does not have; the topmost."""
    known = _by_name(node, desired) if isinstance(desired, list) else {}
    for name, below in node.items():
        if name.startswith("f:"):
            declared = desired.get(name[2:], ABSENT) if isinstance(desired, dict) else ABSENT
        elif name == ".":
            continue
        else:
            declared = known[name] if name in known else _searched(name, desired)
        if declared is ABSENT:
            yield (*path, name)
        elif below:
            yield from _missing(below, declared, (*path, name))


def _by_name(node: Mapping[str, Any], items: list[Any]) -> dict[str, Any]:
    keys = next((keys_of(name) for name in node if name != "."), ())
    return {item_name(item, keys): item for item in items if isinstance(item, dict)} if keys else {}


def _searched(name: str, desired: Any) -> Any:
    """Find what *name* means although it is written otherwise."""
    place = find_item(name, desired) if isinstance(desired, list) else None
    return ABSENT if place is None else desired[place[0]]


class _Search:
    """Looks for what is missing in the declaration, and takes from it what somebody else owns, too."""

    def __init__(self, version: str, stamped: frozenset[str]) -> None:
        self.found: list[Found] = []
        self._version = version
        self._stamped = stamped

    def follow(self, path: _Path, value: Any, claims: Claims) -> None:
        """Go down to *path* in the live *value*, and judge what is there."""
        at = ROOT
        for name in path:
            step = _down(name, value, at)
            if step is None:
                return
            (value, at), claims = step, claims.named(name)
        self._judge(value, at, claims)

    def _judge(self, value: Any, at: At, claims: Claims) -> None:
        if at.pointer in self._stamped:
            return
        if not claims.others and not self._is_above_stamped(at):
            self.found.append(Found(at, value, ABSENT, claims, NO_LONGER_DECLARED))
            return
        for name in dict.fromkeys(name for node in claims.applied(self._version) for name in node if name != "."):
            step = _down(name, value, at)
            if step is not None:
                self._judge(*step, claims.named(name))

    def _is_above_stamped(self, at: At) -> bool:
        return any(pointer.startswith(f"{at.pointer}/") for pointer in self._stamped)


def _down(name: str, value: Any, at: At) -> tuple[Any, At] | None:
    """Return what *name* means in the live *value*, and its place; None when it is not there."""
    if name.startswith("f:"):
        field = name[2:]
        return (value[field], at.field(field)) if isinstance(value, dict) and field in value else None
    place = find_item(name, value) if isinstance(value, list) else None
    if place is None:
        return None
    index, keys = place
    item = value[index]
    return item, at.item(index, segment(item, keys) if keys else f"[{item}]")

"""What is really there."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from gitops_core.interfaces import Query, Target
from gitops_core.model.pointers import escape
from gitops_core.model.resources import Live, ResourceKey, Unreadable, as_key
from gitops_core.model.values import same
from gitops_core.testing.assertions.tables import written
from gitops_core.testing.contexts import make_context

_SHOWN = 5


@runtime_checkable
class HasTarget(Protocol):
    """Whatever has a target: a :class:`~gitops_core.testing.worlds.World`, an application."""

    @property
    def target(self) -> Target:
        """The target."""
        ...


def assert_live(target: Target | HasTarget, key: ResourceKey | str, body: Mapping[str, Any], *, exact: bool = False) -> None:
    """
    Assert that an object is there and has the fields of *body*.

    Args:
        target: Asked by ``observe``; or what has a target: a world, an application.
        key: The object.
        body: The fields; ``...`` stands for any value. Lists must have as many items as there are.
        exact: Fields that *body* does not name are wrong, too.

    Raises:
        AssertionError: One line for each field that differs; or the object is not there, with what is there in its place.
    """
    wanted = as_key(key)
    live = _observed(_target(target), wanted)
    if live is None:
        raise AssertionError(f"{wanted} is not there{_nearest(_target(target), wanted)}")
    lines = list(_differences(body, live.body, "", exact=exact))
    if lines:
        raise AssertionError("\n  ".join([f"{wanted} is there, and not as expected:", *lines]))


def assert_absent(target: Target | HasTarget, key: ResourceKey | str) -> None:
    """
    Assert that an object is not there.

    Raises:
        AssertionError: It is, or it could not be looked at.
    """
    live = _observed(_target(target), as_key(key))
    if live is not None:
        raise AssertionError(f"{live.key} is there: id {live.id!r}, version {live.version!r}{', being deleted' * live.deleting}")


def _target(target: Target | HasTarget) -> Target:
    return target if isinstance(target, Target) else target.target


def _observed(target: Target, key: ResourceKey) -> Live | None:
    found = None
    for answer in target.observe(make_context(), Query(frozenset({key}))):
        if isinstance(answer, Unreadable) and answer.covers(key):
            raise AssertionError(f"{key} could not be looked at: {answer.error}")
        if isinstance(answer, Live) and answer.key == key:
            found = answer
    return found


def _nearest(target: Target, key: ResourceKey) -> str:
    known = getattr(target, "objects", None)
    if not isinstance(known, Mapping):
        return ""
    texts = [str(there) for there in known]
    near = difflib.get_close_matches(str(key), texts, _SHOWN) or sorted(texts)[:_SHOWN]
    return f"; there is {', '.join(near)}{' ...' * (len(texts) > len(near))}" if near else "; nothing is"


def _differences(expected: Any, found: Any, pointer: str, *, exact: bool) -> Iterator[str]:
    if expected is ...:
        return
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        names = [*expected, *(name for name in found if exact and name not in expected)]
        for name in names:
            below = f"{pointer}/{escape(name)}"
            if name not in found:
                yield f"{below}: expected {written(expected[name])}, there is no such field"
            elif name not in expected:
                yield f"{below}: not expected, there is {written(found[name])}"
            else:
                yield from _differences(expected[name], found[name], below, exact=exact)
    elif _is_list(expected) and _is_list(found) and len(expected) == len(found):
        for index, (one, other) in enumerate(zip(expected, found, strict=True)):
            yield from _differences(one, other, f"{pointer}/{index}", exact=exact)
    elif not same(expected, found):
        yield f"{pointer or '/'}: expected {written(expected)}, there is {written(found)}"


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)

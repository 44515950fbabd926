"""Drives a target in a test as the engine would, without the engine: what the target contract is made of."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import attrs

from gitops_core.errors import NotFound
from gitops_core.interfaces import Context, Query, Target, TargetChange, capabilities
from gitops_core.model.plans import Action, FieldDiff
from gitops_core.model.pointers import get, leaves, split
from gitops_core.model.resources import Live, Pending, ResourceKey, Unreadable, as_key
from gitops_core.model.values import Body, digest, freeze, thaw
from gitops_core.planning.diff import Comparison, compare, write_only_digest

_LOOKS: Final = 50  # polls before a pending operation counts as lost; each waits on the virtual clock only
_TOKENS: Final = itertools.count(1)  # of all benches: two over one world must not use one idempotency key for two objects


@attrs.frozen
class Example:
    """
    One object to try a target with.

    Attributes:
        body: A declaration.
        edited: The same object with other values in at least two fields; None to leave the checks of updates out.
        spellings: Other ways to write *body*: upper case, another order, a default left out.
        reduced: *body* without one of its optional fields; None when every field is required.
        replaced: *body* with another value in a field of ``Fields.immutable``; None when the target has no such field.
    """

    body: Body
    edited: Body | None = None
    spellings: tuple[Body, ...] = ()
    reduced: Body | None = None
    replaced: Body | None = None


def with_value(body: Body, pointer: str, value: Any) -> dict[str, Any]:
    """Return a plain copy of *body* in which *pointer* is *value*; the objects above it are made where they are missing."""
    copy: dict[str, Any] = thaw(body)
    *above, last = split(pointer)
    place = copy
    for segment in above:
        place = place.setdefault(segment, {})
    place[last] = value
    return copy


def shuffled(value: Any) -> Any:
    """Return *value* with the keys of every object in reverse order, which means nothing in JSON."""
    if isinstance(value, Mapping):
        return {name: shuffled(value[name]) for name in reversed(list(value))}
    return [shuffled(item) for item in value] if isinstance(value, list | tuple) else value


class Bench:
    """
    A target, and everything the engine would hand to it.

    Args:
        target: What is tried.
        ctx: For every call.
    """

    def __init__(self, target: Target, ctx: Context) -> None:
        self.target = target
        self.ctx = ctx

    def key(self, body: Body) -> ResourceKey:
        """Return the target's key of *body*."""
        return as_key(self.target.key(freeze(body)))

    def holder(self, body: Body) -> Target:
        """Return the target that really holds *body*."""
        return self.target.member(self.key(body))

    def declared(self, which: str, body: Body) -> Iterator[tuple[str, Any]]:
        """Yield (pointer, value) of every leaf of *body* that the target's ``Fields`` list as *which*."""
        patterns = getattr(self.holder(body).fields, which)
        return ((pointer, value) for pointer, value in leaves(freeze(body)) if patterns.covers(pointer))

    def can(self, ability: str, body: Body) -> bool:
        """Tell whether the target that holds *body* has the optional method *ability*."""
        return ability in capabilities(self.target.member(self.key(body)))

    # -- looking ----------------------------------------------------------------------------------------------------------
    def look(self, keys: Iterable[ResourceKey], versions: Mapping[ResourceKey, str] | None = None) -> list[Live | Unreadable]:
        """Return everything that one ``observe`` yields."""
        return list(self.answers(keys, versions))

    def answers(
        self, keys: Iterable[ResourceKey], versions: Mapping[ResourceKey, str] | None = None
    ) -> Iterable[Live | Unreadable]:
        """Return what one ``observe`` yields, as it comes."""
        return self.target.observe(self.ctx, Query(frozenset(keys), versions or {}))

    def find(self, body: Body) -> Live | None:
        """Return the object of *body*, or None when it is not there; AssertionError when it is there twice or unreadable."""
        key = self.key(body)
        found = [answer for answer in self.look([key]) if answer.key == key or isinstance(answer, Unreadable)]
        if not found:
            return None
        if len(found) > 1 or not isinstance(found[0], Live):
            raise AssertionError(f"one object was expected for {key}, observe yielded {found}")
        return found[0]

    def get(self, body: Body) -> Live:
        """Return the object of *body*; AssertionError when it is not there."""
        live = self.find(body)
        if live is None:
            raise AssertionError(f"{self.key(body)} was written without an error, and observe does not yield it")
        return live

    def differences(self, desired: Body, live: Body) -> Sequence[FieldDiff]:
        """Return what a plan would show for *desired* when *live* is there."""
        target = self.target.member(self.key(desired))
        wanted, there = freeze(target.normalize(freeze(desired))), freeze(target.normalize(freeze(live)))
        own = target.diff(wanted, there)
        if own is not None:
            return tuple(own)
        fields = target.fields
        how = Comparison(fields=fields, ignored=fields.computed, write_only=write_only_digest(wanted, fields, b""))
        return compare(wanted, there, how)

    def picture(self, bodies: Iterable[Body]) -> list[tuple[ResourceKey, str, str]]:
        """Return (key, id, digest) of everything of *bodies* that is there, sorted."""
        keys = frozenset(map(self.key, bodies))
        return sorted((a.key, a.id, digest(freeze(a.body))) for a in self.look(keys) if isinstance(a, Live) and a.key in keys)

    # -- changing ---------------------------------------------------------------------------------------------------------
    def change(self, action: Action, body: Body, live: Live | None = None, previous: Sequence[str] = ()) -> TargetChange:
        """Return a change with an idempotency key of its own."""
        desired = freeze({} if action is Action.DELETE else body)
        token = f"bench-{next(_TOKENS)}"
        return TargetChange(self.key(body), action, desired, live, idempotency_key=token, previous=tuple(previous))

    def create(self, body: Body) -> Live:
        """Create *body*, wait until it is there, and return it."""
        answer = self.target.member(self.key(body)).create(self.ctx, self.change(Action.CREATE, body))
        self.settle(answer, body)
        return self.get(body)

    def update(self, body: Body, previous: Sequence[str] = ()) -> Live:
        """Make what is there equal to *body*, as the engine would: in place, or by delete and create."""
        live = self.get(body)
        if not self.can("update", body):
            self.delete(live, body)
            return self.create(body)
        change = self.change(Action.UPDATE, body, live, previous)
        self.settle(self.target.member(change.key).update(self.ctx, change), body)
        return self.get(body)

    def delete(self, live: Live, body: Body) -> None:
        """Delete *live* and wait until it is gone; one that is gone already is fine."""
        change = self.change(Action.DELETE, body, live)
        try:
            answer = self.target.member(change.key).delete(self.ctx, change)
        except NotFound:
            return
        self.settle(answer, body, gone=True)

    def settle(self, answer: object, body: Body, *, gone: bool = False) -> None:
        """Wait on the virtual clock until the operation behind *answer* is done."""
        target = self.target.member(self.key(body))
        for _ in range(_LOOKS):
            if not isinstance(answer, Pending):
                return
            self.ctx.sleep(answer.retry_after)
            if "poll" in capabilities(target):
                answer = target.poll(self.ctx, answer)
            elif (self.find(body) is None) == gone:
                return
        raise AssertionError(f"the operation on {self.key(body)} is still pending after {_LOOKS} polls")

    @staticmethod
    def dropped(before: Body, after: Body) -> tuple[str, ...]:
        """Return the pointers that *before* declares and *after* does not."""
        absent = object()
        return tuple(pointer for pointer, _ in leaves(before) if get(after, pointer, absent) is absent)

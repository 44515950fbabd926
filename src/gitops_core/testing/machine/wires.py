"""Wires between one engine and the world: every call passes here, is written down, and can be cut."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, TypeVar

import attrs

from gitops_core.errors import Denied, GitOpsError, StateUnavailable, Transient
from gitops_core.interfaces import Context, Query, StateStore, Target, TargetChange, capabilities
from gitops_core.model.history import JournalRecord, PassRecord
from gitops_core.model.inventory import Holder, Inventory, InventoryUpdate
from gitops_core.model.resources import Live, Pending, ResourceKey, Unreadable
from gitops_core.model.values import Body
from gitops_core.testing.machine.api import Api
from gitops_core.testing.machine.facts import Call, PassFacts
from gitops_core.testing.machine.objects import key_for
from gitops_core.testing.machine.truth import Truth, lacks

T = TypeVar("T")
Cut = Callable[[Callable[[], Any], type[GitOpsError]], Any]
"""What happens instead of a call: gets the call and the error of a lost answer, may run it, and answers or raises."""


class Crash(BaseException):
    """The process dies here."""


class Line:
    """
    The wire of one process. Counts the calls of the pass under way, and lets one of them be cut.

    Attributes:
        api: What is at the other end.
        facts: The pass under way.
        truth: Learns of each write in the moment in which it was carried out.
        backwards: List what is there in the opposite order.
        lapsed: The store's lock is given to whoever asks.
    """

    def __init__(self, api: Api, truth: Truth) -> None:
        self.api = api
        self.truth = truth
        self.facts: PassFacts | None = None
        self.backwards = False
        self.lapsed = False
        self._count = 0
        self._at = 0
        self._cut: Cut = _uncut

    def arm(self, at: int, cut: Cut) -> None:
        """Let *cut* happen instead of the *at*-th call from now."""
        self._count, self._at, self._cut = 0, at, cut

    def disarm(self) -> None:
        """Let everything pass."""
        self._at = 0

    def through(self, run: Callable[[], T], lost: type[GitOpsError] = Transient) -> T:
        """Carry out a call that leaves the process; *lost* is what the caller gets when its answer gets lost."""
        self._count += 1
        if self._count != self._at:
            return run()
        answer: T = self._cut(run, lost)
        return answer

    def record(self, call: Call) -> None:
        """Write *call* down."""
        if self.facts is not None:
            self.facts.calls.append(call)
            if call.writes:
                self.truth.on_write(self.facts, call)

    def begin(self, op: str, key: ResourceKey | None = None, named: str = "") -> Call:
        """Return what can be said about a call before it is made."""
        facts, api = self.facts, self.api
        call = Call(op=op, key=key, at=api.clock.monotonic(), named=named)
        if facts is None:
            return call
        call = attrs.evolve(call, stopped=facts.cancelled_at is not None)
        if key is None or not call.writes:
            return call
        before = api.see_one(key)
        needs = facts.declared.get(key, {}).get("needs", "") if op != "delete" else ""
        unmet = needs if needs and self._lacks(facts, key_for(needs)) else ""
        thing = key, before.id if before else ""
        return attrs.evolve(
            call,
            before=before,
            unmet=unmet,
            takers=frozenset(self.truth.takers.get(thing, ())),
            holder=self.truth.holder.get(thing, ""),
            shielded=self.truth.shielded.get((facts.app, key)) is True,
        )

    def _lacks(self, facts: PassFacts, key: ResourceKey) -> bool:
        """Tell whether *key* is not there, or could not be made as declared; after a lost reply the second try finds it made."""
        seen, tried = self.api.see_one(key), [call for call in facts.calls if call.key == key and call.writes]
        has_failed = bool(tried and tried[-1].error)
        return seen is None or (has_failed and bool(lacks(seen, key.name, facts.declared.get(key, {}))))


def _uncut(run: Callable[[], Any], _lost: type[GitOpsError]) -> Any:
    return run()


# -- the target ------------------------------------------------------------------------------------------------------------


class Wire(Target):
    """A target at the end of a line. Made by :func:`wired`, which adds the optional methods that the real target has."""

    def __init__(self, target: Target, line: Line) -> None:
        self.real = target
        self.line = line
        self.fields, self.identity, self.limits = target.fields, target.identity, target.limits
        self._members: dict[int, Target] = {}

    @property
    def name(self) -> str:
        return self.real.name

    def observe(self, ctx: Context, query: Query) -> Iterable[Live | Unreadable]:
        """Look, as well as the API lets one look now."""
        self.line.record(self.line.begin("observe"))
        self.line.api.clock.advance(self.line.api.slow)
        answers = self.line.through(lambda: list(self._look(ctx, query)))
        return answers[::-1] if self.line.backwards else answers

    def _look(self, ctx: Context, query: Query) -> Iterator[Live | Unreadable]:
        api = self.line.api
        blind = query.keys if None in api.blind else frozenset(k for k in api.blind if k in query.keys and k is not None)
        if self.line.facts is not None:
            self.line.facts.unseen |= query.keys if api.no_look else blind
        if api.no_look:
            raise Denied("403: listing is not allowed")
        if None in api.blind:
            yield Unreadable(None, Denied("403"), kind=("*", "*"))
            return
        yield from (Unreadable(key, Transient("503")) for key in sorted(blind))
        seen = Query(query.keys - blind, query.versions)
        yield from (api.shown(found) if isinstance(found, Live) else found for found in self.real.observe(ctx, seen))

    def create(self, ctx: Context, change: TargetChange) -> Live | Pending | None:
        """Create, unless the API has something against it."""
        return self._write("create", change, lambda: self.real.create(ctx, change))

    def delete(self, ctx: Context, change: TargetChange) -> Pending | None:
        """Delete, unless the API has something against it."""
        answer = self._write("delete", change, lambda: self.real.delete(ctx, change))
        return answer if isinstance(answer, Pending) else None

    def _write(self, op: str, change: TargetChange, run: Callable[[], Live | Pending | None]) -> Live | Pending | None:
        line, api, key = self.line, self.line.api, change.key
        call = line.begin(op, key, change.live.id if change.live else "")
        api.clock.advance(api.slow)

        def carry_out() -> Live | Pending | None:
            api.refuse(op, key, change.desired)
            if key.name in api.deaf:
                return None
            answer = run()
            if op == "create":
                api.marks.pop(key, None)
            return api.shown(answer) if isinstance(answer, Live) else answer

        error: BaseException | None = None
        try:
            return line.through(carry_out)
        except BaseException as raised:
            error = raised
            raise
        finally:
            asked = error.retry_after or 0.0 if isinstance(error, GitOpsError) else 0.0
            name = type(error).__name__ if error else ""
            line.record(attrs.evolve(call, after=api.see_one(key), error=name, retry_after=asked))

    def member(self, key: ResourceKey) -> Target:
        """Return the wire of the target that really holds *key*."""
        member = self.real.member(key)
        if member is self.real:
            return self
        return self._members.setdefault(id(member), wired(member, self.line))

    def scope(self, key: ResourceKey) -> str:
        return self.real.scope(key)


def _update(self: Wire, ctx: Context, change: TargetChange) -> Live | Pending | None:
    return self._write("update", change, lambda: self.real.update(ctx, change))


def _preview(self: Wire, ctx: Context, change: TargetChange) -> Body:
    self.line.record(self.line.begin("preview", change.key))
    self.line.api.judge(change.desired)
    return self.line.through(lambda: self.real.preview(ctx, change))


def _poll(self: Wire, ctx: Context, pending: Pending) -> Live | Pending | None:
    return self.line.through(lambda: self.real.poll(ctx, pending))


def _etag(self: Wire, ctx: Context) -> str | None:
    return self.line.through(lambda: self.line.api.shown_etag(self.real.etag(ctx)))


def _passed_on(name: str) -> Callable[..., Any]:
    return lambda self, *args: getattr(self.real, name)(*args)


_EFFECTS: Final[Mapping[str, Callable[..., Any]]] = {"update": _update, "preview": _preview, "poll": _poll, "etag": _etag}
_PURE: Final = ("key", "normalize", "diff", "depends_on", "health")


@functools.cache
def _wire_class(abilities: frozenset[str]) -> type[Wire]:
    methods = {name: method for name, method in _EFFECTS.items() if name in abilities}
    methods.update({name: _passed_on(name) for name in _PURE if name in abilities})
    return type("Wire", (Wire,), methods)


def wired(target: Target, line: Line) -> Target:
    """Return *target* behind *line*, with its abilities but for batches (so every change is a call) and watching."""
    return _wire_class(capabilities(target))(target, line)


# -- the store -------------------------------------------------------------------------------------------------------------


class WiredStore(StateStore):
    """A store at the end of a line. With ``line.lapsed`` it gives its lock to whoever asks, as a lease does that has run out."""

    def __init__(self, store: StateStore, line: Line) -> None:
        self.real = store
        self.line = line

    def salt(self) -> bytes:
        return self.real.salt()

    def exclusive(self, application: str, timeout: float) -> AbstractContextManager[None]:
        return nullcontext() if self.line.lapsed else self.real.exclusive(application, timeout)

    def inventory(self, application: str) -> Inventory:
        return self.real.inventory(application)

    def update_inventory(self, application: str, update: InventoryUpdate, *, serial: int) -> Inventory:
        return self.line.through(lambda: self.real.update_inventory(application, update, serial=serial), StateUnavailable)

    def holders(self, application: str, objects: Collection[tuple[str, ResourceKey]]) -> Mapping[ResourceKey, Holder]:
        return self.real.holders(application, objects)

    def neighbours(self, application: str, scopes: Collection[str]) -> Sequence[str]:
        return self.real.neighbours(application, scopes)

    def append_journal(self, application: str, records: Sequence[JournalRecord]) -> None:
        self.line.through(lambda: self.real.append_journal(application, records), StateUnavailable)

    def journal(self, application: str, key: ResourceKey | None = None, limit: int = 100) -> Sequence[JournalRecord]:
        return self.real.journal(application, key, limit)

    def record_pass(self, application: str, record: PassRecord, *, keep: int) -> None:
        self.line.through(lambda: self.real.record_pass(application, record, keep=keep), StateUnavailable)

    def history(self, application: str, limit: int = 20) -> Sequence[PassRecord]:
        return self.real.history(application, limit)

    def get_memo(self, space: str, key: str, *, not_before: float) -> bytes | None:
        return self.real.get_memo(space, key, not_before=not_before)

    def put_memo(self, space: str, key: str, value: bytes, *, now: float) -> None:
        self.real.put_memo(space, key, value, now=now)

    def applications(self) -> Sequence[str]:
        return self.real.applications()

    def forget(self, application: str) -> None:
        self.real.forget(application)

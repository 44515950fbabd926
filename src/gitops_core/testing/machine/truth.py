"""
What must be true, in plain dictionaries: who declared what, who made what, who may delete what.

It learns from what people do and from what was carried out at the API, and never asks the engine. Where people and crashes
leave it open who is right, it forgets, so that what it still says is certain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from gitops_core.model.resources import ResourceKey
from gitops_core.model.results import OutcomeStatus
from gitops_core.testing.machine.facts import Call, PassFacts, Seen
from gitops_core.testing.machine.objects import Spec, declared_fields

Thing = tuple[ResourceKey, str]
"""One very object: its key and its id."""
_CERTAIN: Final = frozenset({OutcomeStatus.DONE})


class Truth:
    """
    The model.

    Attributes:
        declared: By application, what its newest revision declares.
        made: Which application created an object that has not been deleted since.
        takers: Which applications declared an object while it was there for the taking: nobody else may delete it.
        holder: The one application that undoubtedly has an object.
        shielded: Whether the declaration that was applied last asks for protection; None when that is open.
        wrote: The fields that an application wrote and has not taken back.
        looked: When an application looked at a key that it declares, since it declares it.
        first_seen: When an application first saw a revision.
        last_pass: When the last pass of an application ended.
        hidden: When an object was changed so that neither version nor state token tell.
    """

    def __init__(self, applications: tuple[str, ...]) -> None:
        self.declared: dict[str, dict[ResourceKey, Spec]] = {app: {} for app in applications}
        self.made: dict[Thing, str] = {}
        self.takers: dict[Thing, set[str]] = {}
        self.holder: dict[Thing, str] = {}
        self.shielded: dict[tuple[str, ResourceKey], bool | None] = {}
        self.wrote: dict[tuple[str, Thing], frozenset[str]] = {}
        self.looked: dict[tuple[str, ResourceKey], float] = {}
        self.first_seen: dict[tuple[str, str], float] = {}
        self.last_pass: dict[str, float] = {}
        self.hidden: dict[ResourceKey, float] = {}
        self._once: dict[Thing, set[str]] = {}

    # -- what people do -----------------------------------------------------------------------------------------------------
    def declare(self, app: str, key: ResourceKey, spec: Spec) -> None:
        """*app* declares *key*."""
        if key not in self.declared[app]:
            self.looked.pop((app, key), None)
        self.declared[app][key] = spec

    def undeclare(self, app: str, key: ResourceKey) -> None:
        """*app* does not declare *key* any more."""
        self.declared[app].pop(key, None)
        self.looked.pop((app, key), None)
        for thing in [thing for thing, owner in self.holder.items() if thing[0] == key and owner == app]:
            del self.holder[thing]

    def forget(self, key: ResourceKey) -> None:
        """Somebody else removed or took over what was there under *key*: nothing that was known about it counts."""
        for thing in {thing for thing in (*self.made, *self.takers, *self.holder) if thing[0] == key}:
            self._once.setdefault(thing, set()).update(self.takers.get(thing, ()))
            self._gone(thing)
        self.wrote = {where: fields for where, fields in self.wrote.items() if where[1][0] != key}
        self.hidden.pop(key, None)

    def put(self, key: ResourceKey, id_: str) -> None:
        """Somebody else made *key*. Where an id is used again, as that of a file is, nobody can tell it from the old one."""
        if (key, id_) in self._once:
            self.takers[key, id_] = self._once[key, id_]

    def others_declaring(self, app: str, key: ResourceKey) -> list[str]:
        """Return the other applications that declare *key*."""
        return [other for other, keys in self.declared.items() if other != app and key in keys]

    # -- what happens -------------------------------------------------------------------------------------------------------
    def on_write(self, facts: PassFacts, call: Call) -> None:
        """Learn from a write that was carried out."""
        key, after = call.key, call.after
        if key is None or call.before == after:
            return
        self.hidden.pop(key, None)
        if call.op == "create" and after is not None:
            thing = key, after.id
            self.made[thing], self.holder[thing], self.takers[thing] = facts.app, facts.app, {facts.app}
            self.wrote.pop((facts.app, thing), None)
        elif call.removed and call.before is not None:
            thing = key, call.before.id
            self._gone(thing)
            if key not in facts.declared:
                self.shielded.pop((facts.app, key), None)

    def _gone(self, thing: Thing) -> None:
        self.made.pop(thing, None)
        self.holder.pop(thing, None)
        self.takers.pop(thing, None)

    def begin(self, facts: PassFacts) -> None:
        """A pass begins: what is there and belongs to nobody else is there for the taking."""
        for key, seen in facts.before.items():
            if key in facts.declared and seen.mark in ("", facts.app):
                self.takers.setdefault((key, seen.id), set()).add(facts.app)

    def end(self, facts: PassFacts) -> None:
        """A pass has ended; :mod:`.promises` has looked at it with what was known before."""
        if not facts.died:
            self.last_pass[facts.app] = facts.finished
            self.first_seen.setdefault((facts.app, facts.head), facts.started)
        for where in [w for w in self.wrote if w[0] == facts.app and w[1][0] not in facts.declared]:
            del self.wrote[where]
        for key, spec in facts.declared.items():
            self._shield(facts, key, spec, certain=key in settled_keys(facts))
        for key, spec, seen in settled(facts):
            thing = key, seen.id
            self.wrote[facts.app, thing] = frozenset(declared_fields(key.name, spec))
            if self.takers.get(thing) == {facts.app}:
                self.holder[thing] = facts.app
        if facts.calm and facts.result is not None and facts.result.plan is not None and not facts.partial:
            self.looked.update({(facts.app, key): facts.started for key in facts.declared if key not in facts.unseen})

    def _shield(self, facts: PassFacts, key: ResourceKey, spec: Spec, *, certain: bool) -> None:
        wanted, where = bool(spec.get("protect")), (facts.app, key)
        if certain:
            self.shielded[where] = wanted
        elif self.shielded.get(where) is not wanted and (where in self.shielded or wanted):
            self.shielded[where] = None


def settled_keys(facts: PassFacts) -> frozenset[ResourceKey]:
    """Return the declared keys of which the engine says that they are as declared now."""
    result = facts.result
    if result is None or result.plan is None:
        return frozenset()
    done = {o.key for o in result.outcomes if o.status in _CERTAIN}
    return frozenset(done | set(result.plan.unchanged)) & facts.declared.keys()


def settled(facts: PassFacts) -> Iterator[tuple[ResourceKey, Spec, Seen]]:
    """Yield every object of :func:`settled_keys` that is there, with its declaration."""
    for key in sorted(settled_keys(facts)):
        if key in facts.after:
            yield key, facts.declared[key], facts.after[key]


def lacks(seen: Seen | None, name: str, spec: Spec) -> Mapping[str, object]:
    """Return the declared fields that *seen* does not have as declared; all of them when it is not there."""
    wanted = declared_fields(name, spec)
    return wanted if seen is None else {f: v for f, v in wanted.items() if seen.fields.get(f) != v}

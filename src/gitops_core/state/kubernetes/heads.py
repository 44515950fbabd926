"""
Heads: the one object of each application that every write of its state goes through.

A head is changed by compare-and-swap on its ``resourceVersion`` and by nothing else. What lies beside it (segments) is written
before the head names it and removed after the head has stopped naming it. So there is one moment at which an update happens.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import attrs

from gitops_core.errors import StateConflict, StateCorrupt, StateError, StateLocked, StateUnavailable
from gitops_core.state.kubernetes.failures import decoding
from gitops_core.state.kubernetes.leases import Lease
from gitops_core.state.kubernetes.names import Names, fresh
from gitops_core.state.kubernetes.objects import Object, Objects
from gitops_core.state.kubernetes.payloads import FORMAT, check_format

INVENTORY: Final = "inventory"
JOURNAL: Final = "journal"
HISTORY: Final = "history"
PARTS: Final = (INVENTORY, JOURNAL, HISTORY)
_ATTEMPTS: Final = 10


@attrs.frozen
class Facts:
    """
    What a head is at; small enough to be read without its content.

    Attributes:
        application: ``Application.id``.
        life: Differs between two lives of one name: a forgotten and new one is another.
        serial: Of the inventory.
        journal: Counts the writes of the journal.
        history: Counts the writes of the history.
        kept: Something is stored; otherwise somebody only works on it.
        scopes: Digests of the scopes that the inventory's objects live in, sorted; None for more than can be listed.
        format: In which the whole is written.
    """

    application: str
    life: str = attrs.field(factory=fresh)
    serial: int = 0
    journal: int = 0
    history: int = 0
    kept: bool = False
    scopes: tuple[str, ...] | None = ()
    format: int = FORMAT

    def stamp(self, part: str) -> tuple[str, int]:
        """Return what changes whenever *part* is written."""
        return self.life, {INVENTORY: self.serial, JOURNAL: self.journal, HISTORY: self.history}[part]

    def written(self, **changes: Any) -> Facts:
        """Return these facts after a write, in the present format."""
        return attrs.evolve(self, kept=True, format=FORMAT, **changes)


@attrs.frozen
class Head:
    """
    A head as it was at one version.

    Attributes:
        name: Of the object.
        version: Its ``resourceVersion``; empty for one that has yet to be created.
        facts: What it is at.
        lock: Who works on the application.
        parts: Its content as far as it is known, packed.
    """

    name: str
    version: str
    facts: Facts
    lock: Lease | None = None
    parts: Mapping[str, str] = attrs.field(factory=lambda: dict.fromkeys(PARTS, ""), repr=False)


@attrs.frozen
class Change:
    """
    What to make of a head.

    Attributes:
        facts: From now on.
        lock: From now on.
        parts: The parts that are written anew; an empty text removes one.
        posted: Segments that were written for this change: removed again if it is refused.
        obsolete: Segments that nobody needs after it.
    """

    facts: Facts
    lock: Lease | None = None
    parts: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    posted: tuple[str, ...] = ()
    obsolete: tuple[str, ...] = ()


class Unborn(Exception):
    """A segment was to be written beside a head that is not there yet. Never leaves this room: the head is made first."""


OUTDATED: Final = (StateConflict, StateLocked, StateCorrupt)
"""What may be wrong only because the head has moved on since it was read."""

T = TypeVar("T")
Decide = Callable[[Head], Change | None]


class Heads:
    """
    Reads and changes heads, and remembers each as it was last seen.

    Safe between threads without a lock: what is remembered is replaced as a whole, and if it is stale the API server says so.
    """

    def __init__(self, objects: Objects) -> None:
        self.objects = objects
        self._seen: dict[str, Head] = {}

    @property
    def names(self) -> Names:
        """What things are called."""
        return self.objects.names

    def place(self, head: Head) -> str:
        """Return how messages call *head*."""
        return self.objects.place(head.name)

    def read(self, application: str, *parts: str) -> Head:
        """Return the head as it is now, with *parts*. Cost: 1 request when they are known and unchanged, else up to 2."""
        seen = self._seen.get(application)
        if seen is not None and seen.version and all(part in seen.parts for part in parts):
            found = self.objects.metadata(seen.name)
            head = self._keep(application, self._with_what_is_known(application, found, seen))
            if all(part in head.parts for part in parts):
                return head
        return self._read_all(application)

    def recall(self, application: str, *parts: str) -> Head:
        """Return the head as it was last seen, with *parts*. Cost: no request, or 1 when that is not known."""
        seen = self._seen.get(application)
        known = seen is not None and seen.version and all(part in seen.parts for part in parts)
        return seen if seen is not None and known else self._read_all(application)

    def change(self, application: str, decide: Decide, *parts: str) -> Head:
        """
        Change the head to what *decide* makes of it, by compare-and-swap; None leaves it as it is.

        *decide* gets the head with *parts*, as it was last seen, and is asked again with a newer one when it was outdated. What it
        raises counts only if the head was up to date.

        Raises:
            StateConflict: Others were faster ten times in a row. RETRY.

        Cost: 1 request when nobody else wrote, and 2 for each time that somebody did.
        """
        head = self.recall(application, *parts)
        for _ in range(_ATTEMPTS):
            try:
                change = decide(head)
            except Unborn:
                change = Change(head.facts, head.lock)
                self._attempt(application, head, change)
                head = self.recall(application, *parts)
                continue
            except OUTDATED:
                newer = self.read(application, *parts)
                if newer.version == head.version:
                    raise
                head = newer
                continue
            written = self._attempt(application, head, change) if change is not None else None
            if written is not None:
                return written
            newer = self.read(application, *parts)
            if change is None and newer.version == head.version:
                return newer
            head = newer
        raise StateConflict(
            f"{application}: others wrote its state {_ATTEMPTS} times while we tried to; try again when they are done"
        )

    def newest(self, application: str, head: Head, attempt: Callable[[Head], T]) -> T:
        """
        Return what *attempt* makes of *head*, or of a newer one if *head* turns out to be outdated: its segments are gone.

        Raises:
            StateCorrupt: The segments of the newest head are gone, too. STALL.

        Cost: no request of its own unless it is outdated.
        """
        for _ in range(_ATTEMPTS):
            try:
                return attempt(head)
            except StateCorrupt:
                newer = self._read_all(application)
                if newer.version == head.version:
                    raise
                head = newer
        raise StateConflict(
            f"{application}: others rewrote its state {_ATTEMPTS} times while we read it; try again when they are done"
        )

    def remove(self, application: str, head: Head) -> bool:
        """Delete *head*, unless somebody has written it since; return whether it is gone. Cost: 1 request."""
        self.forget(application)
        return self.objects.delete(head.name, head.version)

    def forget(self, application: str) -> None:
        """Forget what was seen."""
        self._seen.pop(application, None)

    def list_facts(self) -> list[Head]:
        """Return every head of this owner, without content, by application. Cost: 1 request for each 1000."""
        found = self.objects.list_metadata(self.names.selector("head"))
        heads = [self.parse(item, parts={}) for item in found]
        return sorted(heads, key=lambda head: head.facts.application)

    def parse(self, found: Object, parts: Mapping[str, str]) -> Head:
        """
        Return the head that the API server has shown.

        Raises:
            StateCorrupt: It is not one of ours, or of a newer format. STALL.
        """
        meta = found.get("metadata", {})
        place = self.objects.place(str(meta.get("name", "")))
        notes = meta.get("annotations") or {}
        with decoding(place):
            facts = json.loads(notes[self.names.facts])
            check_format(place, int(facts["format"]))
            scopes = facts.pop("scopes", None)
            lock = notes.get(self.names.lock)
            return Head(
                name=str(meta["name"]),
                version=str(meta["resourceVersion"]),
                facts=Facts(**_known(facts), scopes=None if scopes is None else tuple(scopes)),
                lock=Lease.parse(lock) if lock else None,
                parts=parts,
            )

    def _read_all(self, application: str) -> Head:
        name = self.names.head(application)
        found = self.objects.get(name)
        if found is None:
            return self._keep(application, None)
        content = found.get("binaryData") or {}
        return self._keep(application, self.parse(found, {part: str(content.get(part, "")) for part in PARTS}))

    def _keep(self, application: str, head: Head | None) -> Head:
        if head is None:
            self._seen.pop(application, None)
            return Head(self.names.head(application), "", Facts(application))
        if head.facts.application != application:
            raise StateCorrupt(
                f"state in {self.place(head)}: it is {head.facts.application}'s, not {application}'s; somebody has copied or renamed "
                "the object: delete the copy"
            )
        self._seen[application] = head
        return head

    def _with_what_is_known(self, application: str, found: Object | None, seen: Head) -> Head | None:
        if found is None:
            return None
        head = self.parse(found, {})
        same = {part: text for part, text in seen.parts.items() if head.facts.stamp(part) == seen.facts.stamp(part)}
        return attrs.evolve(head, parts=same) if head.facts.application == application else head

    def _attempt(self, application: str, head: Head, change: Change) -> Head | None:
        """Write; None when somebody else did."""
        try:
            found = self._write(head, change)
        except StateError:
            self.forget(application)  # whether it was written is not known
            raise
        if found is None:
            self._remove(change.posted)
            return None
        with decoding(self.place(head)):
            version = str(found["metadata"]["resourceVersion"])
        parts = {**head.parts, **change.parts}
        written = self._keep(application, Head(head.name, version, change.facts, change.lock, parts))
        with contextlib.suppress(StateUnavailable):  # the update has happened; what is left is removed by the next one that looks
            self._remove(change.obsolete)
        return written

    def _write(self, head: Head, change: Change) -> Object | None:
        notes = {self.names.facts: _dumped(change.facts), self.names.lock: change.lock.dump() if change.lock else None}
        content = {part: text or None for part, text in change.parts.items()}
        if head.version:
            meta = {"resourceVersion": head.version, "annotations": notes}
            return self.objects.patch(head.name, {"metadata": meta, **({"binaryData": content} if content else {})})
        meta = {
            "name": head.name,
            "labels": self.names.labels("head"),
            "annotations": {name: note for name, note in notes.items() if note},
        }
        return self.objects.create({"metadata": meta, "binaryData": {part: text for part, text in content.items() if text}})

    def _remove(self, names: tuple[str, ...]) -> None:
        for name in names:
            self.objects.delete(name)


def _dumped(facts: Facts) -> str:
    return json.dumps(attrs.asdict(facts), separators=(",", ":"))


def _known(facts: dict[str, Any]) -> dict[str, Any]:
    """Return what this version knows of *facts*: a later one of the same format may have added something."""
    return {field.name: facts[field.name] for field in attrs.fields(Facts) if field.name in facts}

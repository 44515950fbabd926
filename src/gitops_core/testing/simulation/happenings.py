"""
What happens in a simulation: values on a time line.

``at`` and ``lasting`` are virtual seconds; ``at`` counts from the beginning. A happening of your own overrides ``begin``, and
``end`` when it lasts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import attrs
from attrs.validators import ge, in_

from gitops_core.model.resources import as_key, key_of
from gitops_core.testing.simulation.places import BROKEN, Throttling

if TYPE_CHECKING:
    from gitops_core.testing.simulation.simulation import Simulation


def _bodies(values: Iterable[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    return tuple(values)


def _keys(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(values)


@attrs.frozen(kw_only=True)
class Happening:
    """
    Something that happens.

    Attributes:
        at: When it begins.
        lasting: How long it lasts; 0 for what is over at once.
    """

    at: float = attrs.field(validator=ge(0.0))
    lasting: float = attrs.field(default=0.0, validator=ge(0.0))

    def begin(self, world: Simulation) -> None:
        """Do it."""

    def end(self, world: Simulation) -> None:
        """Undo it; called when ``lasting`` is over, not at all when that is 0."""


# -- in Git ----------------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Commit(Happening):
    """
    Somebody declares, changes and un-declares objects of an application.

    Attributes:
        application: Its name.
        bodies: What to declare; one that is declared already is replaced.
        without: Keys to un-declare: ``"ConfigMap/old"``.
        message: For the report.
    """

    application: str
    bodies: tuple[Mapping[str, Any], ...] = attrs.field(default=(), converter=_bodies)
    without: tuple[str, ...] = attrs.field(default=(), converter=_keys)
    message: str = "Change"

    def begin(self, world: Simulation) -> None:
        files: dict[str, str | None] = {path_of(str(as_key(key))): None for key in self.without}
        files.update({path_of(str(key_of(body))): json.dumps(body) for body in self.bodies})
        world.commit(self.application, files, self.message)


@attrs.frozen(kw_only=True)
class BadCommit(Happening):
    """Somebody commits a file that cannot be read, and takes it back after ``lasting`` (never, when that is 0)."""

    application: str

    def begin(self, world: Simulation) -> None:
        world.commit(self.application, {BROKEN: '{"kind": '}, "Bad commit")

    def end(self, world: Simulation) -> None:
        world.commit(self.application, {BROKEN: None}, "Take the bad commit back")


@attrs.frozen(kw_only=True)
class ForcePush(Happening):
    """
    Somebody throws the newest commit of an application away; the one before is the newest again.

    Nothing happens when that would lose what the application began with, or bring a bad commit back.
    """

    application: str

    def begin(self, world: Simulation) -> None:
        world.force_push(self.application)


# -- in a target -----------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Edit(Happening):
    """Somebody changes an object by hand: *patch* is a JSON Merge Patch. Nothing happens when the object is not there."""

    target: str
    key: str
    patch: Mapping[str, Any]

    def begin(self, world: Simulation) -> None:
        world.drift(self.target, self.key, self.patch, "edit")


@attrs.frozen(kw_only=True)
class Remove(Happening):
    """Somebody deletes an object by hand."""

    target: str
    key: str

    def begin(self, world: Simulation) -> None:
        world.drift(self.target, self.key, None, "remove")


@attrs.frozen(kw_only=True)
class Put(Happening):
    """Somebody makes an object by hand that no engine may touch from then on."""

    target: str
    body: Mapping[str, Any]

    def begin(self, world: Simulation) -> None:
        world.put_foreign(self.target, self.body)


@attrs.frozen(kw_only=True)
class Fight(Happening):
    """
    A controller wants another value, and writes it again and again.

    Attributes:
        target: Where.
        key: The object.
        patch: What it writes.
        every: Seconds between two writes.
    """

    target: str
    key: str
    patch: Mapping[str, Any]
    every: float = attrs.field(default=60.0, validator=ge(1.0))

    def begin(self, world: Simulation) -> None:
        until = self.at + self.lasting
        world.spawn(f"fight for {self.key}", self._rounds, world, until)

    def _rounds(self, world: Simulation, until: float) -> None:
        while world.elapsed < until:
            world.drift(self.target, self.key, self.patch, "fight")
            world.sleep(self.every)


@attrs.frozen(kw_only=True)
class Storm(Happening):
    """The API throttles: *share* of all calls get a 429 that asks for *retry_after* seconds."""

    target: str
    share: float = 1.0
    retry_after: float = 30.0

    def begin(self, world: Simulation) -> None:
        world.targets[self.target].storms.append(Throttling(self.share, self.retry_after))

    def end(self, world: Simulation) -> None:
        world.targets[self.target].storms.remove(Throttling(self.share, self.retry_after))


@attrs.frozen(kw_only=True)
class Unlistable(Happening):
    """A kind cannot be listed."""

    target: str
    kind: str

    def begin(self, world: Simulation) -> None:
        world.targets[self.target].unlistable[self.kind] += 1

    def end(self, world: Simulation) -> None:
        world.targets[self.target].unlistable[self.kind] -= 1


@attrs.frozen(kw_only=True)
class Slow(Happening):
    """Each call of a target takes *seconds* longer."""

    target: str
    seconds: float = 5.0

    def begin(self, world: Simulation) -> None:
        world.targets[self.target].delays.append(self.seconds)

    def end(self, world: Simulation) -> None:
        world.targets[self.target].delays.remove(self.seconds)


# -- in between ------------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Partition(Happening):
    """
    Something is out of reach.

    Attributes:
        of: ``target``, ``source`` (an application's repository) or ``store`` (an engine's line to it).
        name: Of the target, the application or the engine.
    """

    of: str = attrs.field(validator=in_(("target", "source", "store")))
    name: str

    def begin(self, world: Simulation) -> None:
        self._add(world, 1)

    def end(self, world: Simulation) -> None:
        self._add(world, -1)

    def _add(self, world: Simulation, one: int) -> None:
        if self.of == "target":
            world.targets[self.name].unreachable += one
        elif self.of == "source":
            world.sources[self.name].unreachable += one
        else:
            world.lines[self.name].cut += one


@attrs.frozen(kw_only=True)
class ClockJump(Happening):
    """The time of day jumps by *seconds*, forward or back, for everybody; it jumps back when ``lasting`` is over."""

    seconds: float

    def begin(self, world: Simulation) -> None:
        world.clock.jump(self.seconds)

    def end(self, world: Simulation) -> None:
        world.clock.jump(-self.seconds)


def path_of(key: str) -> str:
    """Return the file that declares *key* in a simulation."""
    return f"{key.replace('/', '.')}.json"

"""Everything that can happen, drawn by a seed: equal seeds give equal weeks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import attrs
from attrs.validators import ge

from gitops_core.model.resources import key_of
from gitops_core.testing.scheduling import Dice
from gitops_core.testing.simulation.happenings import (
    BadCommit,
    ClockJump,
    Commit,
    Edit,
    Fight,
    ForcePush,
    Happening,
    Partition,
    Remove,
    Slow,
    Storm,
    Unlistable,
)

if TYPE_CHECKING:
    from gitops_core.testing.simulation.simulation import SimulatedApplication

_DAY: Final = 86400.0
_LASTING: Final = (300.0, 7200.0)  # seconds; from five minutes to two hours


def _rate() -> Any:
    return attrs.field(default=0.0, validator=ge(0.0))


@attrs.frozen(kw_only=True)
class Chaos:
    """
    How often things happen, on average: times a day, in the whole simulation. Everything is over some minutes to two hours later.

    Attributes:
        commits, bad_commits, force_pushes: In Git.
        edits, removes, fights: By hand, on objects that applications declare.
        storms, unlistable, slow: Of targets.
        target_partitions, source_partitions, store_partitions: Things out of reach.
        clock_jumps: By up to an hour, forward and back.
        quiet_end: Nothing begins or lasts in the last so many seconds, so that everything can converge.
    """

    commits: float = _rate()
    bad_commits: float = _rate()
    force_pushes: float = _rate()
    edits: float = _rate()
    removes: float = _rate()
    fights: float = _rate()
    storms: float = _rate()
    unlistable: float = _rate()
    slow: float = _rate()
    target_partitions: float = _rate()
    source_partitions: float = _rate()
    store_partitions: float = _rate()
    clock_jumps: float = _rate()
    quiet_end: float = attrs.field(default=4 * 3600.0, validator=ge(0.0))

    def draw(
        self, seed: int, seconds: float, applications: Sequence[SimulatedApplication], engines: Sequence[str]
    ) -> tuple[Happening, ...]:
        """
        Return what happens within *seconds*, by time.

        Args:
            seed: Decides all of it. Each kind of happening has dice of its own: more of one changes none of the others.
            seconds: How long the simulation is.
            applications: Whose commits, targets and objects are meant.
            engines: Whose lines to the store are cut.
        """
        end = seconds - self.quiet_end
        found: list[Happening] = []
        for name, make in _MAKERS.items():
            draw = _Draw(Dice(f"{seed}/chaos/{name}"), tuple(applications), tuple(engines))
            times = draw.times(getattr(self, name) / _DAY, end)
            found.extend(make(draw, at, min(draw.dice.uniform(*_LASTING), end - at)) for at in times)
        return tuple(sorted(found, key=lambda happening: happening.at))


@attrs.frozen
class _Draw:
    dice: Dice
    applications: tuple[SimulatedApplication, ...]
    engines: tuple[str, ...]

    def times(self, rate: float, end: float) -> Iterator[float]:
        """Yield moments before *end*, *rate* of them a second on average."""
        at = self.dice.expovariate(rate) if rate else end
        while at < end:
            yield at
            at += self.dice.expovariate(rate)

    @property
    def application(self) -> SimulatedApplication:
        return self.dice.choice(self.applications)

    @property
    def target(self) -> str:
        return self.application.target

    def value(self) -> str:
        return f"{self.dice.getrandbits(32):08x}"

    def object(self) -> tuple[SimulatedApplication, Mapping[str, Any]]:
        """Return an object that is declared from the beginning, and its application."""
        application = self.dice.choice([a for a in self.applications if a.bodies])
        return application, self.dice.choice(application.bodies)


def _commit(draw: _Draw, at: float, _lasting: float) -> Happening:
    application, body = draw.object()
    changed = {**body, "data": {**body.get("data", {}), "drawn": draw.value()}}
    return Commit(at=at, application=application.name, bodies=(changed,), message=f"Change {key_of(body)}")


def _edit(draw: _Draw, at: float, _lasting: float) -> Happening:
    application, body = draw.object()
    field = draw.dice.choice(sorted(body.get("data", {})) or ["drawn"])
    return Edit(at=at, target=application.target, key=str(key_of(body)), patch={"data": {field: draw.value()}})


def _remove(draw: _Draw, at: float, _lasting: float) -> Happening:
    application, body = draw.object()
    return Remove(at=at, target=application.target, key=str(key_of(body)))


def _fight(draw: _Draw, at: float, lasting: float) -> Happening:
    application, body = draw.object()
    field = draw.dice.choice(sorted(body.get("data", {})) or ["drawn"])
    patch = {"data": {field: draw.value()}}
    return Fight(at=at, lasting=lasting, target=application.target, key=str(key_of(body)), patch=patch, every=300.0)


def _unlistable(draw: _Draw, at: float, lasting: float) -> Happening:
    application, body = draw.object()
    return Unlistable(at=at, lasting=lasting, target=application.target, kind=key_of(body).kind)


_MAKERS: Mapping[str, Callable[[_Draw, float, float], Happening]] = {
    "commits": _commit,
    "bad_commits": lambda draw, at, lasting: BadCommit(at=at, lasting=lasting, application=draw.application.name),
    "force_pushes": lambda draw, at, _lasting: ForcePush(at=at, application=draw.application.name),
    "edits": _edit,
    "removes": _remove,
    "fights": _fight,
    "storms": lambda draw, at, lasting: Storm(at=at, lasting=lasting, target=draw.target, share=draw.dice.uniform(0.2, 1.0)),
    "unlistable": _unlistable,
    "slow": lambda draw, at, lasting: Slow(at=at, lasting=lasting, target=draw.target, seconds=draw.dice.uniform(1.0, 20.0)),
    "target_partitions": lambda draw, at, lasting: Partition(at=at, lasting=lasting, of="target", name=draw.target),
    "source_partitions": lambda draw, at, lasting: Partition(at=at, lasting=lasting, of="source", name=draw.application.name),
    "store_partitions": lambda draw, at, lasting: Partition(
        at=at, lasting=lasting, of="store", name=draw.dice.choice(draw.engines)
    ),
    "clock_jumps": lambda draw, at, lasting: ClockJump(at=at, lasting=lasting, seconds=draw.dice.uniform(-3600.0, 3600.0)),
}

"""Which applications there are, what they follow, and who needs whom. One thread's own, save ``statuses``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from gitops_core.controller.dependencies import circle, needs
from gitops_core.controller.references import Reference, is_told
from gitops_core.controller.status import ApplicationStatus, Phase
from gitops_core.controller.units import Unit, reference_of
from gitops_core.errors import ConfigError
from gitops_core.model.applications import Application
from gitops_core.model.arguments import require, several


@attrs.frozen
class Difference:
    """What a new list of applications changes: ids that are gone, units that are new or other than before, references that are new."""

    gone: tuple[Unit, ...]
    fresh: tuple[Unit, ...]
    asked: tuple[str, ...]
    unasked: tuple[str, ...]


class Fleet:
    """
    The applications of one controller.

    Attributes:
        units: By id.
        references: What they follow, by name.
        statuses: By id: values that are replaced and never changed, so any thread may read them.
    """

    def __init__(self) -> None:
        self.units: dict[str, Unit] = {}
        self.references: dict[str, Reference] = {}
        self.statuses: dict[str, ApplicationStatus] = {}
        self._needed_by: dict[str, tuple[str, ...]] = {}

    def replace(self, applications: Iterable[Application], now: float) -> Difference:
        """
        Let exactly *applications* be there; those that are being deleted stay until they are.

        Raises:
            ConfigError: Two with one id, or a circle of dependencies; nothing changes. STALL.
        """
        wanted = _checked(applications)
        references = set(self.references)
        gone = [unit for name, unit in self.units.items() if name not in wanted and not unit.delete]
        for unit in gone:
            self.remove(unit)
        fresh = [put for app in wanted.values() if (put := self._put(app, now)) is not None]
        self._needed_by = {}
        for app in (unit.app for unit in self.units.values()):  # those that are being deleted need, too
            for name in needs(app):
                self._needed_by[name] = (*self._needed_by.get(name, ()), app.id)
        asked, left = self.references.keys() - references, references - self.references.keys()
        return Difference(tuple(gone), tuple(fresh), tuple(sorted(asked)), tuple(sorted(left)))

    def needed_by(self, name: str) -> tuple[Unit, ...]:
        """Return the units that depend on *name*."""
        return tuple(self.units[other] for other in self._needed_by.get(name, ()) if other in self.units)

    def waiting_for(self, unit: Unit) -> list[Unit]:
        """Return those who wait for *unit*: to be ready, or to be gone."""
        blocked = [other for other in self.needed_by(unit.app.id) if other.status.phase is Phase.BLOCKED]
        needed = [self.units[name] for name in needs(unit.app) if name in self.units]
        return [*blocked, *(other for other in needed if other.delete)]

    def reference(self, unit: Unit) -> Reference:
        """Return what *unit* follows."""
        return self.references[unit.reference]

    def followers(self, reference: Reference) -> list[Unit]:
        """Return the units that follow *reference*."""
        return [self.units[name] for name in reference.followers]

    def told_by(self, repositories: Iterable[str], refs: Iterable[str]) -> list[Reference]:
        """Return the references that a push to *refs* of *repositories* (any URLs of one repository) may have changed."""
        sources = [(reference, self.followers(reference)[0].app.source) for reference in self.references.values()]
        return [reference for reference, source in sources if is_told(source, repositories, refs)]

    def remove(self, unit: Unit) -> None:
        """Forget *unit*, and its reference when nobody else follows it."""
        del self.units[unit.app.id]
        self.statuses.pop(unit.app.id, None)
        self._unfollow(unit.reference, unit.app.id)

    def _put(self, app: Application, now: float) -> Unit | None:
        unit = self.units.get(app.id)
        if unit is not None and unit.app == app:
            return None  # a function may make them anew each time
        if unit is None:
            unit = self.units[app.id] = Unit(app=app, status=ApplicationStatus(application=app.id, since=now))
            self.statuses[app.id] = unit.status
        before, unit.app, unit.look, unit.digest, unit.reference = unit.reference, app, True, "", reference_of(app.source)
        self.references.setdefault(unit.reference, Reference(unit.reference)).followers[app.id] = None
        if before not in ("", unit.reference):
            self._unfollow(before, app.id)
        return unit

    def _unfollow(self, name: str, application: str) -> None:
        reference = self.references[name]
        reference.followers.pop(application, None)
        if not reference.followers:
            del self.references[name]


def _checked(applications: Iterable[Application]) -> Mapping[str, Application]:
    wanted: dict[str, Application] = {}
    for app in several(applications):
        require("applications", app, Application)
        if app.id in wanted:
            raise ConfigError(f"two applications are called {app.id}; rename one of them")
        wanted[app.id] = app
    path = circle(wanted)
    if path:
        raise ConfigError(f"applications wait for each other in a circle: {' -> '.join(path)}; take one depends_on out")
    return wanted

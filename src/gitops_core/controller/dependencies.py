"""Applications that wait for other applications: conditions, circles, and the reverse order of deletion. Pure."""

from __future__ import annotations

import graphlib
from collections.abc import Iterable, Mapping

from gitops_core.controller.status import ApplicationStatus, Phase
from gitops_core.model.applications import Application, Dependency
from gitops_core.model.results import PassStatus

WELL = (PassStatus.IN_SYNC, PassStatus.CHANGED)
"""How a pass ends after which everything is as declared, and well."""

_SETTLED = (Phase.SYNCED, Phase.SUSPENDED, Phase.ELSEWHERE)
_APPLIED = (PassStatus.IN_SYNC, PassStatus.CHANGED, PassStatus.PENDING)


def id_of(app: Application, dependency: Dependency) -> str:
    """Return the id of what *dependency* of *app* names."""
    name = dependency.application
    return name if "/" in name else f"{app.owner.domain}/{app.owner.name}/{name}"


def needs(app: Application) -> tuple[str, ...]:
    """Return the ids of the applications that *app* depends on."""
    return tuple(id_of(app, dependency) for dependency in app.depends_on)


def circle(applications: Mapping[str, Application]) -> tuple[str, ...]:
    """Return the path of a circle in the dependencies, its beginning named again at its end; empty when there is none. Cost: O(edges)."""
    graph = {name: needs(app) for name, app in applications.items()}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        path: list[str] = error.args[1]
        return tuple(reversed(path))  # it is told from what is needed to what needs it
    return ()


def unmet(app: Application, statuses: Mapping[str, ApplicationStatus]) -> str:
    """Return the first dependency of *app* that is not met, in words; empty when all are."""
    for dependency in app.depends_on:
        name = id_of(app, dependency)
        status = statuses.get(name)
        if status is None:
            return f"application {name}, which is not among those of this controller"
        try:
            is_met = _is_met(dependency, status)
        except Exception as error:  # noqa: BLE001  # why: a host's function may throw anything; then it has not said yes
            return f"application {name}: its condition threw {type(error).__name__}"
        if not is_met:
            what = dependency.condition if isinstance(dependency.condition, str) else "as it is asked to be"
            return f"application {name} to be {what} (it is {status.phase.value})"
    return ""


def _is_met(dependency: Dependency, status: ApplicationStatus) -> bool:
    condition = dependency.condition
    if condition == "healthy":
        return status.phase in _SETTLED and status.last_pass in WELL and status.is_current
    if condition == "applied":
        return status.applied == status.revision != "" and status.last_pass in _APPLIED
    return condition(status)


def dependents(name: str, applications: Iterable[Application]) -> tuple[str, ...]:
    """Return the ids of those of *applications* that depend on *name*, sorted."""
    return tuple(sorted(app.id for app in applications if name in needs(app)))

"""What must hold at the end of a simulation, found out without asking the engine."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from gitops_core.model.resources import ResourceKey, key_of
from gitops_core.testing.simulation.places import BROKEN

if TYPE_CHECKING:
    from gitops_core.testing.simulation.simulation import Simulation


def problems(world: Simulation) -> Iterator[str]:
    """Yield every broken invariant as a sentence, in a fixed order; see :meth:`Simulation.verify`."""
    desired = {application.name: _declared(world, application.name) for application in world.applications}
    yield from _not_converged(world, desired)
    yield from _leaks(world, desired)
    yield from _badly_kept(world, desired)
    for target, key, verb in world.score.touched:
        yield f"{target}: an engine did {verb} {key}, which is somebody else's"


def _declared(world: Simulation, application: str) -> dict[ResourceKey, Mapping[str, Any]]:
    """Return what the newest commit of *application* declares; a file that cannot be read declares nothing."""
    files = world.sources[application].files()
    bodies = [json.loads(content) for path, content in files.items() if path != BROKEN]
    return {key_of(body): body for body in bodies}


def _not_converged(world: Simulation, desired: Mapping[str, Mapping[ResourceKey, Mapping[str, Any]]]) -> Iterator[str]:
    for application in world.applications:
        objects = world.targets[application.target].memory.objects
        for key, body in sorted(desired[application.name].items()):
            if key not in objects:
                yield f"{application.name}: {key} is declared and not in {application.target}"
            elif not _contains(objects[key], body):
                yield f"{application.name}: {key} in {application.target} is not as declared"


def _leaks(world: Simulation, desired: Mapping[str, Mapping[ResourceKey, Mapping[str, Any]]]) -> Iterator[str]:
    for name, target in sorted(world.targets.items()):
        declared = {key for a in world.applications if a.target == name for key in desired[a.name]}
        foreign = {key for place, key in world.score.foreign if place == name}
        yield from (
            f"{name}: {key} is there, and nobody declares it" for key in sorted(target.memory.objects.keys() - declared - foreign)
        )
        yield from (f"{name}: {key} was somebody else's, and is gone" for key in sorted(foreign - target.memory.objects.keys()))


def _badly_kept(world: Simulation, desired: Mapping[str, Mapping[ResourceKey, Mapping[str, Any]]]) -> Iterator[str]:
    for application in world.applications:
        entries = world.store.inventory(world.id_of(application.name)).entries.keys()
        declared = desired[application.name].keys()
        yield from (f"{application.name}: the inventory has {key}, which is not declared" for key in sorted(entries - declared))
        yield from (f"{application.name}: the inventory does not have {key}" for key in sorted(declared - entries))


def _contains(live: Any, declared: Any) -> bool:
    """Tell whether *live* has every field of *declared*."""
    if isinstance(declared, Mapping):
        return isinstance(live, Mapping) and all(
            name in live and _contains(live[name], value) for name, value in declared.items()
        )
    if isinstance(declared, list):
        return isinstance(live, list | tuple) and len(live) == len(declared) and all(map(_contains, live, declared))
    return bool(live == declared)

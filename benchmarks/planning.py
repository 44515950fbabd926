"""Deciding: from what is declared, recorded and live to a plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from benchmarks import workloads
from benchmarks.measuring import Report, Scale, in_turns, times
from gitops_core.model.inventory import Inventory
from gitops_core.model.resources import Live, Origin, Resource
from gitops_core.planning.edges import Index
from gitops_core.planning.planner import make_plan
from gitops_core.planning.records import entry_for
from gitops_core.planning.request import PlanRequest
from gitops_core.renderers.manifests.objects import decode_file
from gitops_core.testing.plan_worlds import PlanWorld, merged

UNCHANGED_US: Final = 8.0
_SALT: Final = b"salt of a benchmark"


def run(scale: Scale) -> Report:
    """Make plans for one repository in turns: nothing changed, some changed, all new, and with dependencies."""
    count = scale.documents
    settled = recorded(resources(workloads.repository(count)))
    requests = {
        "unchanged": settled,
        "without versions": recorded(settled.desired, versions=False),
        "1 % drifted": drifted(settled, 0.01),
        "50 % drifted": drifted(settled, 0.5),
        "all new": fresh(settled.desired),
        "flat": fresh(resources(workloads.flat(count))),
        "deep": fresh(resources(workloads.deep(count))),
        "wide": fresh(resources(workloads.wide(count))),
    }
    report = Report(f"make_plan for {count:,} objects")
    quick = in_turns({"unchanged": lambda: make_plan(settled), "walk": lambda: walk(settled)}, 5 * scale.repetitions)
    each = quick.seconds("unchanged") / count * 1e6
    result = f"{each:.1f} us an object, {quick.ratio('unchanged', 'walk'):.1f}x a walk"
    report.add("unchanged", result, f"<= {UNCHANGED_US:.0f} us", is_met=each <= UNCHANGED_US)
    cases: dict[str, Any] = {name: lambda request=request: make_plan(request) for name, request in requests.items()}
    samples = in_turns(cases, scale.repetitions)
    for name in list(requests)[1:5]:
        report.add(name, f"{times([samples.ratio(name, 'unchanged')])} unchanged")
    for name in ("deep", "wide"):
        report.add(f"all new, {name} dependencies", f"{times([samples.ratio(name, 'flat')])} all new without dependencies")
    report.counts = {f"changes {name}": len(make_plan(request).plan.changes) for name, request in requests.items()}
    report.notes.append(
        "A walk is the least that any engine can do: for each key one look-up in each of two plain dictionaries and one comparison. "
        "Bodies are decoded and in memory. `deep`: each object depends on the one before; `wide`: each on the same ten."
    )
    return report


def resources(files: Mapping[str, str]) -> tuple[Resource, ...]:
    """Return what *files* declare, sorted by key."""
    found = [r for path, text in files.items() for r in decode_file(text.encode(), Origin(path=path), _SALT).resources]
    return tuple(sorted(found, key=lambda resource: resource.key))


def fresh(declared: tuple[Resource, ...]) -> PlanRequest:
    """Return a request in which nothing is there yet."""
    return PlanWorld(salt=_SALT).request(*declared)


def recorded(declared: tuple[Resource, ...], *, versions: bool = True) -> PlanRequest:
    """Return a request in which everything is there, as declared and recorded."""
    world = PlanWorld(salt=_SALT)
    world.versions = versions
    for resource in declared:
        world.put(resource.body)
    request = world.request(*declared)
    index = Index(request)
    entries = {r.key: entry_for(request, r, world.live[r.key], index=index, settled=True) for r in declared}
    return attrs.evolve(request, inventory=Inventory(request.application, entries))


def drifted(request: PlanRequest, share: float) -> PlanRequest:
    """Return *request* with *share* of the live objects changed in a declared field."""
    live = dict(request.live)
    for key in sorted(live)[: round(len(live) * share)]:
        body = merged({"metadata": {"labels": {"team": "somebody-else"}}}, live[key].body)
        live[key] = Live(key, body, live[key].id, "changed")
    return attrs.evolve(request, live=live)


def walk(request: PlanRequest) -> int:
    """Compare what is recorded with what is there, by key, and count what differs."""
    entries, live = request.inventory.entries, request.live
    return sum(entries[resource.key].version != live[resource.key].version for resource in request.desired)

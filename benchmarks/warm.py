"""A new process that finds its state on disk: a restart, or a job in CI."""

from __future__ import annotations

import json
import pickle
import tempfile
from pathlib import Path
from typing import Final

import attrs

from benchmarks import workloads
from benchmarks.measuring import Report, Samples, Scale, Spent, fraction, measure, measure_child
from gitops_core import reconcile
from gitops_core.sources.git import GitSource
from gitops_core.state.sqlite import SqliteStore
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.git_server import GitRepository

WARM: Final = 1 / 5
_CHILD: Final = "import sys; from benchmarks.warm import child; child(*sys.argv[1:])"


def run(scale: Scale) -> Report:
    """Run the first pass and the one after it in a new process each, in turns with an interpreter that only imports us."""
    samples, counts = Samples(), dict[str, int]()
    measure_child(_CHILD, "", "imports only")  # leaves bytecode
    for _ in range(scale.repetitions):
        with tempfile.TemporaryDirectory() as home:
            episode, counts = story(Path(home), scale.documents)
            samples.add(episode)
    report = Report(f"A new process over {scale.documents:,} documents, GitSource fetched before, SqliteStore, MemoryTarget")
    for clock, name in (("cpu", "processor time"), ("wall", "wall time")):
        whole = samples.ratio("warm process", "cold process", clock)
        report.add(f"warm process, from start to end, {name}", fraction(whole), fraction(WARM), is_met=whole <= WARM)
        alone = samples.ratio("warm pass", "cold pass", clock)
        bare = samples.ratio("warm process but the target", "cold process", clock)
        report.add(f"the same without loading the target's snapshot, {name}", fraction(bare), fraction(WARM), is_met=bare <= WARM)
        report.add(f"its pass alone, {name}", fraction(alone), fraction(WARM), is_met=alone <= WARM)
    for what in ("imports only", "imports and target"):
        report.add(f"of the warm process, processor time: {what}", fraction(samples.ratio(what, "warm process")))
    report.counts = counts
    report.notes.append(
        "Parts of the same in a process with an empty state store and an empty target, which has the objects already fetched. The "
        "MemoryTarget is rebuilt from a pickle of what it held; that is in the time of the whole process, not in that of the pass."
    )
    return report


def story(home: Path, documents: int) -> tuple[dict[str, Spent], dict[str, int]]:
    """Return what cold and warm processes took, and what they did."""
    git = GitRepository.create(home / "shop.git")
    git.commit(workloads.repository(documents))
    _fetch(home)
    spent: dict[str, Spent] = {}
    counts: dict[str, int] = {}
    for name in ("cold", "warm"):
        spent[f"{name} process"], answer = measure_child(_CHILD, str(home), "pass")
        found = json.loads(answer)
        spent[f"{name} pass"] = Spent(**found.pop("spent"))
        counts |= {f"{name}: {what}": count for what, count in found.items()}
    for what in ("imports only", "imports and target"):
        spent[what], _ = measure_child(_CHILD, str(home), what)
    spent["warm process but the target"] = _without(spent["warm process"], spent["imports and target"], spent["imports only"])
    return spent, counts


def _without(whole: Spent, more: Spent, less: Spent) -> Spent:
    return Spent(whole.cpu - more.cpu + less.cpu, whole.wall - more.wall + less.wall)


def child(home: str, what: str) -> None:
    """Be the new process: rebuild the target, run a pass, print what it took, keep what the target holds."""
    place = Path(home)
    if what == "imports only":
        return
    target = _target(place / "target.pickle")
    if what != "pass":
        return
    with SqliteStore(place / "state.sqlite3") as store, _source(place) as source:
        app = workloads.application(source, target)
        spent, result = measure(lambda: reconcile(app, store=store))
    if not result.ok:
        raise RuntimeError(result.text())
    cost = result.cost
    found = {"decoded": cost.documents_decoded, "observed": cost.objects_observed, "writes": cost.writes, "fetches": cost.fetches}
    print(json.dumps({"spent": attrs.asdict(spent), **found}))
    if cost.writes:
        (place / "target.pickle").write_bytes(pickle.dumps(list(target.objects.values())))


def _fetch(home: Path) -> None:
    from gitops_core.testing.contexts import make_context

    context = make_context()
    with _source(home) as source:
        source.fetch(context, source.resolve(context))


def _source(home: Path) -> GitSource:
    return GitSource((home / "shop.git").as_uri(), ref="main", cache_dir=home / "cache")


def _target(file: Path) -> MemoryTarget:
    return MemoryTarget(objects=pickle.loads(file.read_bytes()) if file.exists() else ())

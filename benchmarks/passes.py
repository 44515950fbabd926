"""Passes of one application: the first, the ones after it, and those with a change."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import attrs

from benchmarks import workloads
from benchmarks.measuring import Report, Samples, Scale, Spent, fraction, measure
from gitops_core import Context, ReconcileResult, Resource, StateStore, reconcile
from gitops_core.model.revisions import File, Tree
from gitops_core.renderers.manifests import ManifestsRenderer
from gitops_core.renderers.manifests.documents import load
from gitops_core.sources.git import GitSource
from gitops_core.sources.memory import MemorySource
from gitops_core.state.memory import MemoryStore
from gitops_core.state.sqlite import SqliteStore
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.contexts import make_context
from gitops_core.testing.git_server import GitRepository

DECODING: Final = 0.7
NOTHING_CHANGED: Final = 1 / 200
ONE_FILE: Final = 1 / 30


@attrs.frozen
class Setting:
    """
    One world to measure in.

    Attributes:
        source: A :class:`MemorySource` or :class:`GitSource`.
        store: Where state is kept.
        commit: Puts files on top of the branch.
    """

    source: MemorySource | GitSource
    store: StateStore
    commit: Callable[[dict[str, str]], object]


def run(scale: Scale) -> Report:
    """Run the same story in five settings, in turns, each time from nothing."""
    settings = {
        "MemorySource, MemoryStore": in_memory,
        "MemorySource, SqliteStore": on_disk,
        "GitSource fetched before, MemoryStore": from_git_to_memory,
        "GitSource fetched before, SqliteStore": from_git,
        "GitSource with the fetch, SqliteStore": from_git_anew,
    }
    samples = {name: Samples() for name in settings}
    results: dict[str, ReconcileResult] = {}
    for _ in range(scale.repetitions):
        for name, setting in settings.items():
            with setting(scale.documents) as made:
                episode, results = story(made, scale.documents)
                samples[name].add(episode)
    report = Report(f"Passes over {scale.documents:,} documents, MemoryTarget, 8 workers")
    for name, found in samples.items():
        _add(report, name, found)
    report.counts = _counts(results)
    report.notes.append(
        "All of them as a part of the first pass in the same setting, by processor time of all threads. `decoding` is what turns the "
        "bytes of the files into resources: parsing, scalars, frozen containers, outline, key, digest and origin; it is the time of "
        "`ManifestsRenderer.render` in that very pass, less the time in which the source gave it bytes. `documents alone` is "
        "`documents.load` of the same files, measured before: without outlines, keys, digests and origins. `reading` is that giving of "
        "bytes: Git's objects are found, unpacked and hashed; with it, from the bytes in the object store to resources, is a row of its "
        "own. Health is not waited for: nothing runs a Deployment in a MemoryTarget."
    )
    report.notes.append(
        "`quiet`: Git and the target's state token are what they were after the pass before. `looks`: Git is unchanged, the token is "
        "new, every object is observed. `after 1 % and 50 % drift`: so many objects were changed by hand and are repaired."
    )
    return report


def story(made: Setting, documents: int) -> tuple[dict[str, Spent], dict[str, ReconcileResult]]:
    """Return what each pass took, and its result."""
    target = MemoryTarget()
    renderer = TimedRenderer()
    app = attrs.evolve(workloads.application(made.source, target), renderer=renderer)
    spent: dict[str, Spent] = {}
    results: dict[str, ReconcileResult] = {}

    def one(name: str) -> None:
        spent[name], results[name] = measure(lambda: reconcile(app, store=made.store))

    files = [text.encode() for text in workloads.repository(documents).values()]
    spent["documents"], _ = measure(lambda: len([load(data) for data in files]))
    one("first")
    spent["decoding"], spent["reading"] = renderer.decoding, renderer.reading
    spent["both"] = Spent(renderer.decoding.cpu + renderer.reading.cpu, renderer.decoding.wall + renderer.reading.wall)
    one("quiet")
    target.put({"kind": "Note", "metadata": {"name": "of-somebody-else"}})
    one("looks")
    target.remove("Note/of-somebody-else")
    made.commit(workloads.one_change(documents))
    one("one file")
    for share in workloads.DRIFTS[1:]:
        workloads.drift(target, share)
        one(f"{share:.0%} drift")
    return spent, results


class TimedRenderer(ManifestsRenderer):
    """Notes what its last render took: to get the bytes, and to make resources of them."""

    decoding = reading = Spent(0.0, 0.0)

    def render(self, ctx: Context, tree: Tree) -> tuple[Resource, ...]:
        reading = [0.0, 0.0]

        def read(file: File) -> bytes:
            cpu, wall = time.process_time(), time.perf_counter()
            data = tree.read(file)
            reading[0] += time.process_time() - cpu
            reading[1] += time.perf_counter() - wall
            return data

        cpu, wall = time.process_time(), time.perf_counter()
        resources = super().render(ctx, attrs.evolve(tree, read_file=read))
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        self.reading = Spent(*reading)
        self.decoding = Spent(cpu - reading[0], wall - reading[1])
        return resources


def _add(report: Report, name: str, samples: Samples) -> None:
    def row(what: str, text: str, target: str = "", *, is_met: bool = True) -> None:
        report.add(f"{what}; {name}", text, target, is_met=is_met)

    share = samples.ratio("decoding", "first")
    row("decoding", f"{share:.0%}", f"> {DECODING:.0%}", is_met=share > DECODING)
    if name.startswith("GitSource"):
        row("decoding and reading: from bytes in Git's object store to resources", f"{samples.ratio('both', 'first'):.0%}")
    documents, reading = samples.ratio("documents", "first"), samples.ratio("reading", "first")
    row("documents alone, reading", f"{documents:.0%}, {reading:.0%}")
    looks, quiet, change = (samples.ratio(what, "first") for what in ("looks", "quiet", "one file"))
    row("nothing changed, looks", fraction(looks), fraction(NOTHING_CHANGED), is_met=looks <= NOTHING_CHANGED)
    row("nothing changed, quiet", fraction(quiet), fraction(NOTHING_CHANGED), is_met=quiet <= NOTHING_CHANGED)
    row("one file changed", fraction(change), fraction(ONE_FILE), is_met=change <= ONE_FILE)
    row(
        "after 1 % and 50 % drift",
        f"{fraction(samples.ratio('1% drift', 'first'))}, {fraction(samples.ratio('50% drift', 'first'))}",
    )


def _counts(results: dict[str, ReconcileResult]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name, result in results.items():
        if not result.ok:
            raise RuntimeError(f"the pass {name!r} failed: {result.text()}")
        counts[f"{name}: decoded"] = result.cost.documents_decoded
        counts[f"{name}: observed"] = result.cost.objects_observed
        counts[f"{name}: reads"] = result.cost.reads
        counts[f"{name}: writes"] = result.cost.writes
    return counts


# -- the settings ----------------------------------------------------------------------------------------------------------


@contextmanager
def in_memory(documents: int) -> Iterator[Setting]:
    source = MemorySource(workloads.repository(documents))
    yield Setting(source, MemoryStore(), source.commit)


@contextmanager
def on_disk(documents: int) -> Iterator[Setting]:
    source = MemorySource(workloads.repository(documents))
    with tempfile.TemporaryDirectory() as home, SqliteStore(Path(home, "state.sqlite3")) as store:
        yield Setting(source, store, source.commit)


@contextmanager
def from_git(documents: int, *, fetched: bool = True, in_memory: bool = False) -> Iterator[Setting]:
    with tempfile.TemporaryDirectory() as home:
        git = GitRepository.create(Path(home, "shop.git"))
        git.commit(workloads.repository(documents))
        source = GitSource(git.url, ref="main", cache_dir=Path(home, "cache"))
        if fetched:
            context = make_context()
            source.fetch(context, source.resolve(context))
        with source, SqliteStore(Path(home, "state.sqlite3")) as store:
            yield Setting(source, MemoryStore() if in_memory else store, git.commit)


def from_git_to_memory(documents: int) -> object:
    return from_git(documents, in_memory=True)


def from_git_anew(documents: int) -> object:
    return from_git(documents, fetched=False)

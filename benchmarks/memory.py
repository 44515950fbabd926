"""What stays in memory between passes, and what a first pass needs."""

from __future__ import annotations

import ctypes
import gc
import json
import resource
import sys
import tempfile
import tracemalloc
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from benchmarks import workloads
from benchmarks.measuring import Report, Scale, measure_child
from gitops_core import StateStore, reconcile
from gitops_core.sources.git import GitSource
from gitops_core.state.memory import MemoryStore
from gitops_core.state.sqlite import SqliteStore
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.git_server import GitRepository

LIMIT: Final = 4_000
_CHILD: Final = "import sys; from benchmarks.memory import child; child(*sys.argv[1:])"


def run(scale: Scale) -> Report:
    """Measure each store in a process of its own, once with Python's account of its memory and once with the system's."""
    report = Report(f"Memory, {scale.documents:,} objects of 1.2 KB, GitSource")
    for store in ("MemoryStore", "SqliteStore"):
        traced, real = _measured(scale, store, "traced"), _measured(scale, store, "resident")
        kept = traced["kept"] / scale.documents
        report.add(f"between passes, tracemalloc; {store}", _bytes(kept), _bytes(LIMIT), is_met=kept <= LIMIT)
        resident = real["trimmed"] / scale.documents
        report.add(f"between passes, resident; {store}", _bytes(resident), _bytes(LIMIT), is_met=resident <= LIMIT)
        report.add(f"the same before malloc_trim; {store}", _bytes(real["kept"] / scale.documents))
        report.add(f"in the first pass at most, tracemalloc; {store}", _bytes(traced["peak"] / scale.documents))
        report.counts[f"objects in {store}"] = real["objects"]
    report.notes.append(
        "More than before the first pass, after three passes, when the objects in the MemoryTarget (the world, not us) have been "
        "removed and garbage was collected; everything was imported and one other application reconciled before. The files are in "
        "Git's store on disk."
    )
    return report


def child(documents: str, store: str, how: str) -> None:
    """Be the measured process; print bytes."""
    with tempfile.TemporaryDirectory() as home:
        print(json.dumps(_reconcile_and_weigh(Path(home), int(documents), store, traced=how == "traced")))


def _reconcile_and_weigh(home: Path, documents: int, store_name: str, *, traced: bool) -> dict[str, int]:
    GitRepository.create(home / "shop.git").commit(workloads.repository(documents))
    GitRepository.create(home / "other.git").commit(workloads.repository(10))
    store: StateStore = SqliteStore(home / "state.sqlite3") if store_name == "SqliteStore" else MemoryStore()
    source = _source(home, "shop")
    reconcile(workloads.application(_source(home, "other"), MemoryTarget("other"), "other"), store=store)
    if traced:
        tracemalloc.start()
    before = in_use(traced=traced)
    target = MemoryTarget()
    app = workloads.application(source, target)
    peak = 0
    for _ in range(3):
        result = reconcile(app, store=store)
        peak = peak or (tracemalloc.get_traced_memory()[1] if traced else 0)
    objects = len(target.objects)
    if not result.ok or result.cost.objects_observed:
        raise RuntimeError(result.text())
    del result
    for key in list(target.objects):
        target.remove(key)
    kept = in_use(traced=traced) - before
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    answer = {"kept": kept, "trimmed": in_use(traced=traced) - before, "peak": peak, "objects": objects}
    source.close()
    store.close()
    return answer


def in_use(*, traced: bool) -> int:
    gc.collect()
    if traced:
        return tracemalloc.get_traced_memory()[0]
    with suppress(OSError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _source(home: Path, name: str) -> GitSource:
    return GitSource((home / f"{name}.git").as_uri(), ref="main", cache_dir=home / "cache")


def _measured(scale: Scale, store: str, how: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(measure_child(_CHILD, str(scale.documents), store, how)[1])
    return found


def _bytes(count: float) -> str:
    return f"{count / 1000:.2f} KB an object"

"""
A child process of the tests: passes on real Git, directory and SQLite, as ``python engine_child.py WHAT HOME URL``.

``once`` runs one pass with the store in HOME and prints its status; ``default`` the same with the default store; ``loop``
runs passes until it is killed; ``apply`` applies the plan saved in ``HOME/plan.json``.
"""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

from gitops_core import Application, Owner, apply, reconcile
from gitops_core.engine.runtime import Runtime
from gitops_core.model.applications import Options
from gitops_core.model.guards import Guard
from gitops_core.model.plans import Plan
from gitops_core.renderers.manifests import ManifestsRenderer
from gitops_core.sources.git import GitSource
from gitops_core.state.sqlite import SqliteStore
from gitops_core.targets.directory import DirectoryTarget

OPTIONS = Options(
    backoff=0.01, backoff_cap=0.05, health_interval=0.02, verify_timeout=0.5, health_timeout=1.0, deadline=30.0, lock_timeout=20.0
)
OPEN = Guard(delete_floor=1000, delete_fraction=1.0, delete_cap=1000, touched_fraction=1.0, allow_empty=True)


def application(home: Path, url: str) -> Application:
    return Application(
        name="edge",
        owner=Owner("example.org", "tests"),
        source=GitSource(url, ref="main", path="edge", cache_dir=home / "cache"),
        renderer=ManifestsRenderer(),
        target=DirectoryTarget(home / "srv"),
        guard=OPEN,
        options=OPTIONS,
    )


def main(what: str, home: Path, url: str) -> None:
    app = application(home, url)
    store = None if what == "default" else SqliteStore(home / "state" / "state.sqlite3")
    runtime = Runtime(cancel=threading.Event())
    signal.signal(signal.SIGTERM, lambda *_: runtime.cancel.set())
    if what == "apply":
        result = apply(Plan.from_json((home / "plan.json").read_text()), app, store=store, runtime=runtime)
    else:
        result = reconcile(app, store=store, runtime=runtime)
    sys.stdout.write(f"{result.status}\n")
    sys.stdout.flush()
    while what == "loop" and not runtime.cancel.is_set():
        result = reconcile(app, store=store, runtime=runtime)
    if not result.ok:
        sys.stdout.write(result.text())
    if store is not None:
        store.close()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])

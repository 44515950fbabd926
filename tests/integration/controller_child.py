"""
A child process of the tests: a controller in the main thread until a signal comes, as ``python controller_child.py WHAT HOME``.

It says on its standard output what it does. ``slow``: the first write comes back when it is told to stop;
``blocked``: it does not come back; ``quick``: nothing waits, and the controller ends when it has converged.
"""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

from gitops_core import Application, Controller, Options, Owner
from gitops_core.controller.status import ControllerStatus, Phase
from gitops_core.interfaces import Context, TargetChange
from gitops_core.model.guards import Guard
from gitops_core.model.resources import Live
from gitops_core.renderers.memory import MemoryRenderer
from gitops_core.sources.memory import MemorySource
from gitops_core.state.sqlite import SqliteStore
from gitops_core.targets.directory import DirectoryTarget

PATIENCE = 60.0  # seconds; only a broken controller needs them
FILES = [{"kind": "File", "metadata": {"name": f"{name}.txt"}, "spec": {"content": name}} for name in "abc"]
OPEN = Guard(delete_floor=1000, delete_fraction=1.0, delete_cap=1000, touched_fraction=1.0, allow_empty=True)


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


class Slow(DirectoryTarget):
    """Does not come back from a write before it is told to stop, or at all."""

    what = ""

    def create(self, ctx: Context, change: TargetChange) -> Live:
        live = super().create(ctx, change)
        say(f"created {change.key.name}")
        if self.what != "quick":
            say("told" if ctx.cancel.wait(PATIENCE) else "nobody said anything")
        if self.what == "blocked":
            threading.Event().wait(PATIENCE)
        return live


def main(what: str, home: Path) -> None:
    target = Slow(home / "srv")
    target.what = what
    app = Application(
        name="edge", owner=Owner("example.org", "tests"), source=MemorySource({}), renderer=MemoryRenderer(FILES), target=target,
        guard=OPEN, options=Options(workers=1),
    )  # fmt: skip
    store = SqliteStore(home / "state.sqlite3")
    controller = Controller([app], store=store)

    def is_converged(status: ControllerStatus) -> bool:
        return what == "quick" and status.applications[app.id].phase is Phase.SYNCED

    controller.run(signals=(signal.SIGTERM, signal.SIGINT), until=is_converged)
    say("ended")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

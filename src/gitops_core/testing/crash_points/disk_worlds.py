"""Stories told on a disk: a directory, and SQLite for the state."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import attrs

from gitops_core.errors import Denied
from gitops_core.interfaces import Context, TargetChange
from gitops_core.model.fields import Fields, Identity
from gitops_core.model.plans import Action
from gitops_core.model.resources import Live, Pending, key_of
from gitops_core.model.values import freeze, thaw
from gitops_core.state.sqlite import SqliteStore
from gitops_core.targets.directory import DirectoryTarget
from gitops_core.targets.directory.bodies import residue
from gitops_core.targets.directory.paths import TEMPORARY
from gitops_core.testing.contexts import make_context
from gitops_core.testing.crash_points.scenarios import LEFTOVER, Facts, Scenario, Worlds, next_process, observed
from gitops_core.testing.crash_points.stories import Story, passes, play
from gitops_core.testing.worlds import OPEN, World


def on_disk(story: Story, home: Path) -> Scenario:
    """
    Return *story* with a :class:`DirectoryTarget` and a :class:`SqliteStore` below *home*.

    Each run begins with an empty *home*, so run one at a time there.
    """
    kind = _ON_DISK[story.api]

    def build() -> Worlds:
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        target = kind(home / "root")
        for body in story.there:
            change = TargetChange(key_of(body), Action.CREATE, freeze(body))
            target.create(make_context(), change)
        worlds = play(story, World(target=target, store=SqliteStore(home / "state.sqlite3"), guard=OPEN))
        worlds[0].store.close()
        return worlds

    def restart(worlds: Worlds) -> Worlds:
        worlds[0].store.close()
        target, store = kind(home / "root"), SqliteStore(home / "state.sqlite3")
        return tuple(attrs.evolve(world, target=target, store=store) for world in next_process(worlds))

    def look(world: World) -> Facts:
        absent = {str(key): thaw(residue(key)) for key in story.keys}
        objects = {name: fact for name, fact in observed(world, story.keys).items() if fact != absent[name]}
        return {**objects, **dict(_files(home / "root"))}

    return Scenario(name=story.name, build=build, run=passes(story), restart=restart, look=look)


def _files(root: Path) -> Iterator[tuple[str, object]]:
    """Yield every file with mode and content, and every directory, whoever made it."""
    for path in sorted(root.rglob("*")):
        if TEMPORARY.fullmatch(path.name):
            yield f"{LEFTOVER} {path.parent.relative_to(root)}", "there"
        elif path.is_file():
            yield f"file {path.relative_to(root)}", (oct(path.stat().st_mode), path.read_bytes())
        else:
            yield f"directory {path.relative_to(root)}", "there"


class _Directory(DirectoryTarget):
    """Refuses to make what is called "forbidden"; never trusts a time stamp, for two runs have other ones."""

    fields = Fields(immutable=["/data/zone"])

    def create(self, ctx: Context, change: TargetChange) -> Live:
        if change.key.name == "forbidden":
            raise Denied("403: it is forbidden", key=change.key)
        return super().create(ctx, change)

    def _version(self, facts: os.stat_result) -> str:
        del facts
        return ""


class _AssigningDirectory(_Directory):
    """Says that it invents ids, so that intents are written; what is there twice is one file all the same."""

    identity = Identity.ASSIGNED


class _SlowDirectory(_AssigningDirectory):
    """Answers at the second look; its tokens need no memory."""

    def create(self, ctx: Context, change: TargetChange) -> Any:
        super().create(ctx, change)
        return Pending("look 1", retry_after=1.0)

    def poll(self, ctx: Context, pending: Pending) -> Live | Pending | None:
        ctx.check()
        return Pending("look 2", retry_after=1.0) if pending.token.endswith("1") else None


_ON_DISK: Final[dict[str, type[_Directory]]] = {
    "declared": _Directory,
    "assigned": _AssigningDirectory,
    "slow": _SlowDirectory,
}

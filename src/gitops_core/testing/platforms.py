"""A controller and everything around it in memory, on a virtual clock: days of a platform in milliseconds."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice, takewhile
from typing import Any, Final

import attrs

from gitops_core.controller.controller import Applications, Controller
from gitops_core.controller.limits import ControllerLimits
from gitops_core.controller.status import ApplicationStatus, ControllerStatus
from gitops_core.engine.runtime import Runtime
from gitops_core.engine.sinks import ListSink
from gitops_core.interfaces import Context, Source, StateStore
from gitops_core.model.applications import Application
from gitops_core.model.events import Event, EventType
from gitops_core.model.resources import key_of
from gitops_core.model.revisions import Revision, Tree
from gitops_core.sources.contents import tree_digest
from gitops_core.sources.memory import MemorySource
from gitops_core.state.memory import MemoryStore
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.builders.applications import OWNER
from gitops_core.testing.clock import VirtualClock
from gitops_core.testing.executors import InlineExecutor
from gitops_core.testing.scheduling import Dice
from gitops_core.testing.worlds import OPEN, JsonRenderer


class Monorepo:
    """
    One repository in memory with a folder for each application.

    Args:
        name: Tells two repositories apart.

    Attributes:
        calls: How often each thing was asked of it: ``{"resolve": 3, "fetch": 7}``.
    """

    def __init__(self, name: str = "monorepo") -> None:
        self.name = name
        self.calls: Counter[str] = Counter()
        self.commits = MemorySource({})
        self._sorted: tuple[str, tuple[str, ...]] = ("", ())

    def declare(self, folder: str, *bodies: Mapping[str, Any]) -> Revision:
        """Commit *bodies* to *folder*, one file each."""
        return self.commits.commit({f"{folder}/{str(key_of(body)).replace('/', '.')}.json": json.dumps(body) for body in bodies})

    def undeclare(self, folder: str, *keys: str) -> Revision:
        """Commit the removal of what declared *keys*."""
        return self.commits.commit({f"{folder}/{key.replace('/', '.')}.json": None for key in keys})

    def folder(self, folder: str) -> Source:
        """Return a source of that folder; all of them ask the same reference."""
        return _Folder(self, folder)

    def paths(self, tree: Tree, folder: str) -> Iterator[str]:
        """Yield the paths in *tree* that begin with *folder*; a platform asks for thousands of folders of one commit."""
        revision, paths = self._sorted
        if revision != tree.revision.id:
            paths = tuple(sorted(tree.files))
            self._sorted = (tree.revision.id, paths)
        inside = islice(paths, bisect_left(paths, folder), None)
        return takewhile(lambda path: path.startswith(folder), inside)


class _Folder(Source):
    """One folder of a monorepo: its tree keeps its address when other folders change."""

    def __init__(self, repository: Monorepo, folder: str) -> None:
        self._repository = repository
        self._folder = f"{folder}/"

    @property
    def reference(self) -> str:
        return f"memory {self._repository.name}"

    def is_told_by(self, repository: str, ref: str) -> bool:
        return repository == self._repository.name and ref in ("", "refs/heads/main")

    def resolve(self, ctx: Context) -> Revision:
        self._repository.calls["resolve"] += 1
        return self._repository.commits.resolve(ctx)

    def fetch(self, ctx: Context, revision: Revision) -> Tree:
        self._repository.calls["fetch"] += 1
        tree = self._repository.commits.fetch(ctx, revision)
        files = {path: tree.files[path] for path in self._repository.paths(tree, self._folder)}
        return Tree(tree_digest(files), tree.revision, lambda: files, tree.read)


_NO_JITTER: Final = ControllerLimits(jitter=0.0)


@attrs.define(kw_only=True)
class Platform:
    """
    A controller with its repository, store and clock, single-stepped.

    Example::

        platform = Platform()
        shop = platform.app("shop", config("site", color="blue"))
        platform.run()
        assert platform.status(shop).phase == "synced"
        shop.target.edit("ConfigMap/site", {"data": {"color": "red"}})
        platform.run(seconds=200)                       # drift is looked for every three minutes
        assert platform.told("drifted")

    Attributes:
        limits: Of the controller. Intervals do not vary here unless you say so.
        store: Hand the same one to two platforms for a restart.
        repository: Where :meth:`app` declares.
        clock: All time.
        sink: Every event.
        seed: Of all randomness.
        supplier: Where the controller gets its applications from; those of :meth:`app` when None.
    """

    limits: ControllerLimits = _NO_JITTER
    store: StateStore = attrs.field(factory=MemoryStore)
    repository: Monorepo = attrs.field(factory=Monorepo)
    clock: VirtualClock = attrs.field(factory=VirtualClock)
    sink: ListSink = attrs.field(factory=ListSink)
    seed: int = 0
    supplier: Applications | None = None
    _controller: Controller | None = None

    @property
    def controller(self) -> Controller:
        """The controller; it is made when it is first asked for."""
        if self._controller is None:
            runtime = Runtime(clock=self.clock, executor=InlineExecutor, random=Dice(self.seed), sinks=(self.sink,))
            self._controller = Controller(
                () if self.supplier is None else self.supplier,
                store=self.store, runtime=runtime, limits=self.limits, executor=InlineExecutor,
            )  # fmt: skip
        return self._controller

    def app(self, name: str, *bodies: Mapping[str, Any], **fields: Any) -> Application:
        """
        Declare *bodies* in a folder of that name and let the controller look after them; nothing runs before :meth:`run`.

        Args:
            name: Of the application and of its folder.
            bodies: What it declares.
            fields: Those of :class:`Application`; the target is a new ``MemoryTarget`` and the guard lets all through unless given.
        """
        app = self.made(name, *bodies, **fields)
        self.controller.add(app)
        return app

    def made(self, name: str, *bodies: Mapping[str, Any], **fields: Any) -> Application:
        """Like :meth:`app`, but nobody looks after it."""
        if bodies:
            self.repository.declare(name, *bodies)
        known: dict[str, Any] = {
            "owner": OWNER, "renderer": JsonRenderer(), "source": self.repository.folder(name),
            "target": fields.get("target") or MemoryTarget(name), "guard": OPEN,
        }  # fmt: skip
        return Application(name=name, **{**known, **fields})

    def run(self, seconds: float = 0.0) -> ControllerStatus:
        """Do everything that is due now, and for *seconds* from now; it may end some seconds later, never before."""
        end = self.clock.monotonic() + seconds
        self.controller.run(until=lambda _status: self.clock.monotonic() >= end)
        return self.controller.status()

    def status(self, app: Application | str) -> ApplicationStatus:
        """Return where *app* stands; KeyError when it is not looked after."""
        return self.controller.application(app if isinstance(app, Application) else f"{OWNER.domain}/{OWNER.name}/{app}")

    def told(self, kind: EventType | str) -> list[Event]:
        """Return the events of one kind, in order."""
        return [event for event in self.sink.events if event.type == kind]

"""A whole world in memory: source, target, store, clock and threads, so that a pass takes a millisecond and repeats exactly."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs

from gitops_core.engine.runtime import Runtime
from gitops_core.engine.sinks import ListSink
from gitops_core.interfaces import Context, Policy, Renderer, StateStore, Target
from gitops_core.model.applications import Application, Options, Owner
from gitops_core.model.guards import Approval, Guard
from gitops_core.model.history import Explanation
from gitops_core.model.plans import Plan
from gitops_core.model.resources import Origin, Resource, ResourceKey, as_key, key_of
from gitops_core.model.results import CheckResult, ReconcileResult
from gitops_core.model.revisions import Revision, Tree
from gitops_core.operations import apply, check, destroy, explain, plan, reconcile
from gitops_core.sources.memory import MemorySource
from gitops_core.state.memory import MemoryStore
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.clock import VirtualClock
from gitops_core.testing.executors import InlineExecutor


class JsonRenderer(Renderer):
    """Renders every ``.json`` file of a tree as one object: the smallest real renderer, for tests of everything else."""

    @property
    def fingerprint(self) -> str:
        """Always the same: it has no options."""
        return "json:1"

    def render(self, ctx: Context, tree: Tree) -> Iterable[Resource]:
        """Yield one resource per file, in path order."""
        for path, file in tree.files.items():
            ctx.count("documents_decoded", 1)
            origin = Origin(source=tree.revision.source, path=path, line=1)
            yield Resource.of(json.loads(tree.read(file)), origin, salt=ctx.salt)


def config(
    name: str, *, kind: str = "ConfigMap", namespace: str = "", notes: Mapping[str, str] | None = None, **data: Any
) -> dict[str, Any]:
    """
    Return a small object: ``config("site", color="blue")``.

    Args:
        name: ``metadata.name``.
        kind: ``kind``.
        namespace: ``metadata.namespace``, left out when empty.
        notes: ``metadata.annotations``, left out when None.
        data: ``data``.
    """
    metadata: dict[str, Any] = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    if notes is not None:
        metadata["annotations"] = dict(notes)
    return {"kind": kind, "metadata": metadata, "data": dict(data)}


OPEN: Final = Guard(delete_floor=1000, delete_fraction=1.0, delete_cap=1000, touched_fraction=1.0, allow_empty=True)
"""A guard that lets everything through, for tests of something else."""


@attrs.define(kw_only=True)
class World:
    """
    One application and everything around it, in memory and on a virtual clock. Nothing sleeps, opens a socket or starts a thread.

    Example::

        world = World()
        world.declare(config("site", color="blue"))
        assert world.reconcile().ok
        world.target.edit("ConfigMap/site", {"data": {"color": "red"}})
        assert world.plan()["ConfigMap/site"].action == "update"

    Attributes:
        target: Where objects live.
        store: What we own; hand the same one to two worlds to let them meet.
        source: What is declared.
        policies, guard, approvals, options, renderer, name: As in :class:`Application`.
        clock: All time.
        sink: Every event of every pass.
        seed: Of all randomness.
        waits, term: As in :class:`~gitops_core.engine.runtime.Runtime`.
    """

    target: Target = attrs.field(factory=MemoryTarget)
    store: StateStore = attrs.field(factory=MemoryStore)
    source: MemorySource = attrs.field(factory=lambda: MemorySource({}))
    renderer: Renderer = attrs.field(factory=JsonRenderer)
    policies: tuple[Policy, ...] = ()
    guard: Guard = Guard()
    approvals: tuple[Approval, ...] = ()
    options: Options = Options()
    name: str = "app"
    clock: VirtualClock = attrs.field(factory=VirtualClock)
    sink: ListSink = attrs.field(factory=ListSink)
    cancel: threading.Event = attrs.field(factory=threading.Event)
    seed: int = 0
    waits: bool = True
    term: int = 0
    _random: random.Random = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311  # why: the same seed must give the same run

    @property
    def app(self) -> Application:
        """The application as it is configured now."""
        return Application(
            name=self.name, owner=Owner("example.org", "tests"), source=self.source, renderer=self.renderer, target=self.target,
            policies=self.policies, guard=self.guard, approvals=self.approvals, options=self.options,
        )  # fmt: skip

    @property
    def memory(self) -> MemoryTarget:
        """The target, when it is a :class:`MemoryTarget`; TypeError when it is not."""
        if isinstance(self.target, MemoryTarget):
            return self.target
        raise TypeError(f"the target is a {type(self.target).__name__}, not a MemoryTarget")

    @property
    def runtime(self) -> Runtime:
        """The surroundings of the next pass."""
        return Runtime(
            clock=self.clock, executor=InlineExecutor, random=self._random, sinks=(self.sink,), cancel=self.cancel,
            term=self.term, waits=self.waits,
        )  # fmt: skip

    def declare(self, *bodies: Mapping[str, Any]) -> Revision:
        """Commit *bodies*, one file each."""
        return self.source.commit({_path(key_of(body)): json.dumps(body) for body in bodies}, author="Ada", message="Declare")

    def undeclare(self, *keys: ResourceKey | str) -> Revision:
        """Commit the removal of what declared *keys*."""
        return self.source.commit({_path(as_key(key)): None for key in keys}, author="Ada", message="Undeclare")

    def plan(self) -> Plan:
        """See :func:`gitops_core.plan`."""
        return plan(self.app, store=self.store, runtime=self.runtime)

    def reconcile(self) -> ReconcileResult:
        """See :func:`gitops_core.reconcile`."""
        return reconcile(self.app, store=self.store, runtime=self.runtime)

    def apply(self, saved: Plan) -> ReconcileResult:
        """See :func:`gitops_core.apply`."""
        return apply(saved, self.app, store=self.store, runtime=self.runtime)

    def check(self) -> CheckResult:
        """See :func:`gitops_core.check`."""
        return check(self.app, store=self.store, runtime=self.runtime)

    def destroy(self) -> ReconcileResult:
        """See :func:`gitops_core.destroy`."""
        return destroy(self.app, store=self.store, runtime=self.runtime)

    def explain(self, key: ResourceKey | str) -> Explanation:
        """See :func:`gitops_core.explain`."""
        return explain(self.app, key, store=self.store, runtime=self.runtime)


def _path(key: ResourceKey) -> str:
    return f"{str(key).replace('/', '.')}.json"


def bodies(world: World) -> dict[str, dict[str, Any]]:
    """Return what the world's :class:`MemoryTarget` holds, by the text of the key."""
    return {str(key): dict(body) for key, body in world.memory.objects.items()}


def statuses(result: ReconcileResult) -> dict[str, str]:
    """Return how each change of *result* ended, by the text of the key."""
    return {str(outcome.key): outcome.status.value for outcome in result.outcomes}

"""
One pass that creates, updates, deletes, replaces, adopts and hands over, with one thing wrong on the wire at each of its requests.

Whatever went wrong, the passes that follow end where a pass without the fault would have ended: nothing is made twice, nothing of
others is touched, and at no moment does the cluster hold an object of ours that the inventory does not know (promises 1, 2, 3, 4).
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from typing import Any

import attrs
import pytest

from gitops_core import Application, Options, Owner, Plan, ReconcileResult, plan, reconcile
from gitops_core.engine.runtime import Runtime
from gitops_core.interfaces import StateStore
from gitops_core.model.resources import ResourceKey
from gitops_core.renderers.memory import MemoryRenderer
from gitops_core.sources.memory import MemorySource
from gitops_core.state.memory import MemoryStore
from gitops_core.targets.kubernetes.settings import KubernetesSettings
from gitops_core.targets.kubernetes.target import KubernetesTarget
from gitops_core.testing.clock import VirtualClock
from gitops_core.testing.executors import InlineExecutor
from gitops_core.testing.faults.kinds import Corrupt, Crashed, DropReply, Fail, Fault, Throttle
from gitops_core.testing.faults.plan import FaultPlan
from gitops_core.testing.kubernetes import ClusterSettings, FakeCluster
from gitops_core.testing.kubernetes.faults import internal_error
from gitops_core.testing.kubernetes.statuses import ApiStatus
from gitops_core.testing.worlds import OPEN

OWNER = Owner("example.org", "tests")
CONFIG_MAPS = "/api/v1/namespaces/shop/configmaps"
RECREATE = {"example.org/strategy": "recreate"}


def config(name: str, notes: dict[str, str] | None = None, **data: str) -> dict[str, Any]:
    metadata = {"name": name} | ({"annotations": notes} if notes else {})
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def fixed(name: str, colour: str) -> dict[str, Any]:
    """A ConfigMap that cannot be changed: another colour is a replace."""
    return config(name, RECREATE, colour=colour) | {"immutable": True}


BEFORE = (config("changed", colour="red"), config("dropped", colour="red"), fixed("fixed", "red"), config("same", a="1"))
AFTER = (
    config("changed", colour="green"), config("made", colour="green"), fixed("fixed", "green"), config("same", a="1"),
    config("adopted", colour="green"), config("handed", colour="green"),
)  # fmt: skip
WANTED = {body["metadata"]["name"]: body["data"] for body in AFTER}


def owner(body: dict[str, Any]) -> str:
    """Return whose mark *body* bears."""
    mark: str = (body["metadata"].get("annotations") or {}).get("example.org/owner", "")
    return mark.partition(" ")[0]


@attrs.define(kw_only=True)
class Story:
    """A cluster with two applications and somebody's own objects on it."""

    cluster: FakeCluster
    store: StateStore = attrs.field(factory=MemoryStore)
    clock: VirtualClock = attrs.field(factory=VirtualClock)
    bodies: tuple[dict[str, Any], ...] = BEFORE
    theirs: dict[str, Any] = attrs.field(factory=dict)
    connection: Any = None

    def app(self, name: str = "shop", bodies: tuple[dict[str, Any], ...] | None = None) -> Application:
        settings = KubernetesSettings(namespace="shop", page=2, take_over=("kubectl-client-side-apply",))
        return Application(
            name=name, owner=OWNER, source=MemorySource({}), renderer=MemoryRenderer(self.bodies if bodies is None else bodies),
            target=KubernetesTarget(self.connection, settings), guard=OPEN,
            options=Options(wait=False, verify_timeout=2.0, handover=0.0, memo_age=0.0),
        )  # fmt: skip

    def reconcile(self, app: Application | None = None) -> ReconcileResult:
        runtime = Runtime(clock=self.clock, executor=InlineExecutor, random=random.Random(0))
        return reconcile(app or self.app(), store=self.store, runtime=runtime)

    def plan(self) -> Plan:
        runtime = Runtime(clock=self.clock, executor=InlineExecutor, random=random.Random(0))
        return plan(self.app(), store=self.store, runtime=runtime)

    def live(self) -> dict[str, Any]:
        _, found = self.cluster.request("GET", CONFIG_MAPS)
        return {item["metadata"]["name"]: item for item in found["items"]}

    def make(self, body: dict[str, Any], manager: str = "kubectl-create") -> None:
        status, _ = self.cluster.request("POST", f"{CONFIG_MAPS}?fieldManager={manager}", body)
        assert status == 201

    # -- the story ------------------------------------------------------------------------------------------------------------
    def begin(self) -> None:
        """Let both applications have what is theirs; then declare something else, and let the neighbour give one object away."""
        self.cluster.request("POST", "/api/v1/namespaces", {"metadata": {"name": "shop"}})
        self.make(config("theirs", colour="red"))
        self.make(config("adopted", colour="green", size="large"), "kubectl-client-side-apply")
        handed, kept = config("handed", colour="green"), config("kept", colour="blue")
        assert self.reconcile(self.app("neighbour", (handed, kept))).ok
        assert self.reconcile().ok
        self.reconcile(self.app("shop", (*BEFORE, handed)))  # refused, and known from then on to be wanted
        assert not self.reconcile(self.app("neighbour", (kept,))).failures
        self.theirs = {name: self.live()[name] for name in ("theirs", "kept")}
        self.bodies = AFTER

    def inventory(self) -> dict[str, ResourceKey]:
        return {key.name: key for key in self.store.inventory(self.app().id).entries}

    def check_nothing_is_forgotten(self) -> None:
        """Promise 1: what bears our mark is in the inventory; promise 2: what belongs to others is as it was."""
        live, ours = self.live(), self.app().id
        owned = {name for name, body in live.items() if owner(body) == ours}
        assert owned <= self.inventory().keys()
        assert {name: live.get(name) for name in self.theirs} == self.theirs

    def check_the_end(self) -> None:
        """Promises 3 and 4."""
        for _ in range(6):
            if self.reconcile().ok:
                break
            self.check_nothing_is_forgotten()
        self.check_nothing_is_forgotten()
        assert {name: o.get("data") for name, o in self.live().items() if name not in self.theirs} == WANTED
        assert self.inventory().keys() == WANTED.keys()
        assert {owner(self.live()[name]) for name in WANTED} == {self.app().id}
        assert self.plan().is_empty
        assert self.reconcile().status == "in-sync"


@contextlib.contextmanager
def story() -> Iterator[Story]:
    with FakeCluster(ClusterSettings(log_size=64)) as cluster:
        told = Story(cluster=cluster, connection=cluster.connection())
        try:
            told.begin()
            yield told
        finally:
            told.connection.close()


@attrs.define
class Lossy:
    """A connection over which the process dies at one of its requests: before it is sent, or when it has been answered."""

    connection: Any
    at: int
    done: bool
    seen: int = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connection, name)

    def request(self, request: Any, timeout: float) -> Any:
        self.seen += 1
        if self.seen != self.at:
            return self.connection.request(request, timeout)
        if self.done:
            self.connection.request(request, timeout)
        raise Crashed("the process died")


def forbidden() -> ApiStatus:
    return ApiStatus(403, "Forbidden", "injected: you may not", {})


def expired() -> ApiStatus:
    return ApiStatus(410, "Expired", "injected: the continue token is too old", {})


FAULTS = {
    "lost before": lambda at: Fail(at=at),
    "lost after": lambda at: DropReply(at=at),
    "throttled": lambda at: Throttle(at=at, retry_after=2.0),
    "internal error": lambda at: Fail(at=at, error=internal_error()),
    "truncated": lambda at: Corrupt(at=at),
    "forbidden": lambda at: Fail(at=at, error=forbidden()),
    "gone": lambda at: Fail("list", at=at, error=expired()),
    "gone after the first page": lambda at: Fail("list", at=range(at, at + 8), error=expired()),
    "down for good": lambda at: Fail(at=range(at, at + 1000)),
}


def strike(fault: Fault) -> int:
    """Tell one story with *fault* in its pass; return how often it struck."""
    with story() as told:
        wire = FaultPlan([fault])
        told.cluster.inject(wire)
        told.reconcile()
        told.cluster.inject(None)
        told.check_nothing_is_forgotten()
        told.check_the_end()
        return len(wire.injected)


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_a_pass_in_which_one_request_goes_wrong_is_made_good_by_the_next(name: str) -> None:
    at = 1
    while strike(FAULTS[name](at)):
        at += 1
    assert at > 3, "the story has more requests than that"


@pytest.mark.parametrize("fault", [DropReply, Fail])
@pytest.mark.parametrize("on", ["patch", "delete"])
def test_a_write_whose_answer_never_comes_is_made_good_by_the_next_pass(fault: type[Fault], on: str) -> None:
    assert strike(fault(on, times=1)) == 1


@pytest.mark.slow
@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_a_process_that_dies_at_one_request_is_followed_by_one_that_makes_it_good(done: bool) -> None:
    at = 1
    while dies(at, done=done):
        at += 1
    assert at > 10, "the story has more requests than that"


def dies(at: int, *, done: bool) -> bool:
    """Tell one story in which the process dies at request *at* of its pass; return whether it had that many."""
    with story() as told:
        safe, told.connection = told.connection, Lossy(told.connection, at, done)
        with contextlib.suppress(Crashed):
            told.reconcile()
        died = told.connection.seen >= at
        told.connection = safe
        told.check_nothing_is_forgotten()
        told.check_the_end()
        return died

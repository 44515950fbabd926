"""
Whether a pass waits, or gives the wait back and is run again when it asked for it, makes no difference to the world.

Any history of declarations, on an API that shows what was written later, accepts operations, lets objects settle in their own time and has
bad moments: the end is the same, the inventory is the same, and nothing is written more often.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from gitops_core.errors import Throttled, Transient
from gitops_core.interfaces import Identity, Query
from gitops_core.model.applications import Options
from gitops_core.model.health import Health, HealthStatus
from gitops_core.model.inventory import InventoryUpdate
from gitops_core.model.resources import Pending, as_key
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.worlds import OPEN, World, config

NAMES = ["a", "b", "c", "d"]
TIMES = st.sampled_from([0.0, 0.5, 3.0, 8.0])


@attrs.frozen(kw_only=True)
class Api:
    """How the API behaves: seconds until writes show up, until accepted operations are done, until objects are well; and errors by call."""

    lag: float = 0.0
    takes: float = 0.0
    settles: dict[str, float] = attrs.field(factory=dict)
    errors: dict[int, float] = attrs.field(factory=dict)
    throttles: bool = False
    identity: Identity = Identity.DECLARED


class Cloud(MemoryTarget):
    """Does what an :class:`Api` says. ``made`` counts what it really did."""

    def __init__(self, api: Api) -> None:
        super().__init__()
        self.api, self.made, self.orders = api, Counter(), {}
        self.identity = api.identity
        self.hidden, self.wrote, self.number = {}, {}, 0

    def _do(self, ctx, change, work):
        self.clock = ctx.clock
        self.number += 1
        if self.number in self.api.errors:
            raise (Throttled if self.api.throttles else Transient)("not now", retry_after=self.api.errors[self.number])
        if not self.api.takes:
            return self._done(ctx, change, work)
        token = f"{change.action} {change.key} {self.number}"
        self.orders[token] = (ctx.clock.monotonic() + self.api.takes, change, work)
        return Pending(token, retry_after=2.0)

    def _done(self, ctx, change, work):
        before = next(iter(MemoryTarget.observe(self, ctx, query_of(change.key))), None)
        live = work(ctx)
        self.made[f"{change.action} {change.key}"] += 1
        self.hidden[change.key] = (ctx.clock.monotonic() + self.api.lag, before)
        self.wrote[change.key] = ctx.clock.monotonic()
        return live

    def create(self, ctx, change):
        return self._do(ctx, change, lambda ctx: MemoryTarget.create(self, ctx, change))

    def update(self, ctx, change):
        return self._do(ctx, change, lambda ctx: MemoryTarget.update(self, ctx, change))

    def delete(self, ctx, change):
        return self._do(ctx, change, lambda ctx: MemoryTarget.delete(self, ctx, change))

    def poll(self, ctx, pending):
        if pending.token not in self.orders:
            return None
        until, change, work = self.orders[pending.token]
        if ctx.clock.monotonic() < until:
            return Pending(pending.token, retry_after=2.0)
        del self.orders[pending.token]
        return self._done(ctx, change, work)

    def observe(self, ctx, query):
        late = {key: old for key, (until, old) in self.hidden.items() if ctx.clock.monotonic() < until}
        for live in super().observe(ctx, query):
            if live.key not in late:
                yield live
        yield from (old for key, old in late.items() if old is not None and key in query.keys)

    def etag(self, ctx):
        return None  # it could not tell what it does not show yet

    def health(self, live):
        left = self.wrote.get(live.key, 0.0) + self.api.settles.get(live.key.name, 0.0) - self.clock.monotonic()
        return Health(settled=True, status=HealthStatus.HEALTHY) if left <= 0 else Health(False, HealthStatus.PROGRESSING)


def query_of(key):
    return Query(frozenset([key]))


def bodies(objects: dict[str, int]):
    """Every object needs the one before it that is declared, if its number is odd."""
    made, before = [], None
    for name, number in sorted(objects.items()):
        notes = {"example.org/depends-on": f"ConfigMap/{before}"} if before and number % 2 else None
        made.append(config(name, notes=notes, number=str(number)))
        before = name
    return made


def play(api: Api, history: list[dict[str, int]], *, waits: bool):
    """Declare each state in turn, and let it converge; return what is there, what is recorded, what was done, and how long it took."""
    world = World(target=Cloud(api), guard=OPEN, waits=waits, options=Options(verify_timeout=20.0, handover=0.0, backoff=0.1))
    for objects in history:
        gone = {key.name for key in world.store.inventory(world.app.id).entries} - objects.keys()
        if gone:
            world.undeclare(*(f"ConfigMap/{name}" for name in sorted(gone)))
        world.declare(*bodies(objects))
        for _ in range(200):
            result = world.reconcile()
            if result.ok:
                break
            world.clock.advance(result.requeue_after)
        else:
            raise AssertionError(f"it did not come to rest: {result.text()}")
        world.clock.advance(100.0)
    return world


def recorded(world: World):
    """The inventory without times, and without what the order of writes decides."""
    inventory = world.store.inventory(world.app.id)
    plain = {
        key: attrs.evolve(e, checked_at=0.0, id="", version="", live="", revision="") for key, e in inventory.entries.items()
    }
    return plain, dict(inventory.intents)


APIS = st.builds(
    Api,
    lag=TIMES,
    takes=TIMES,
    settles=st.dictionaries(st.sampled_from(NAMES), TIMES),
    errors=st.dictionaries(st.integers(1, 8), st.sampled_from([0.5, 5.0, 30.0]), max_size=3),
    throttles=st.booleans(),
    identity=st.sampled_from([Identity.DECLARED, Identity.ASSIGNED]),
)
STATES = st.dictionaries(st.sampled_from(NAMES), st.integers(0, 3), min_size=1)


@settings(max_examples=60)
@given(APIS, st.lists(STATES, min_size=1, max_size=3))
def test_passes_that_give_their_waits_back_end_in_the_same_world_with_no_more_writes(api, history):
    waiting, giving = (play(api, history, waits=waits) for waits in (True, False))
    assert giving.target.objects == waiting.target.objects
    assert recorded(giving) == recorded(waiting)
    assert giving.target.made <= waiting.target.made
    assert max(giving.clock.slept, default=0.0) <= 1.0
    assert all(entry.written_at == 0.0 for entry in giving.store.inventory(giving.app.id).entries.values())


@settings(max_examples=60)
@given(APIS, st.lists(st.tuples(STATES, st.integers(0, 4)), min_size=1, max_size=4))
def test_what_is_declared_while_something_is_still_awaited_comes_true_and_nothing_is_left_over(api, history):
    """Each state has so many passes, by a process of its own, before the next one is declared; the last has as many as it needs."""
    world = World(target=Cloud(api), guard=OPEN, waits=False, options=Options(verify_timeout=20.0, handover=0.0, backoff=0.1))
    before: Collection[str] = set()
    for objects, passes in [*history, (history[-1][0], 200)]:
        world = attrs.evolve(world)
        world.undeclare(*(f"ConfigMap/{name}" for name in sorted(before - objects.keys())))
        world.declare(*bodies(objects))
        before = objects.keys()
        for _ in range(passes):
            result = world.reconcile()
            world.clock.advance(result.requeue_after)
            if result.ok:
                break
    assert result.ok, result.text()
    assert {key.name: int(body["data"]["number"]) for key, body in world.target.objects.items()} == history[-1][0]
    assert {key.name for key in recorded(world)[0]} == history[-1][0].keys()


def test_the_law_can_fail():
    """Without the memory of what was written, an API that shows it later gets it twice."""
    api = Api(lag=5.0)
    world = play(api, [{"a": 0}], waits=False)
    assert world.target.made == {f"create {as_key('ConfigMap/a')}": 1}
    forgetful = World(target=Cloud(api), guard=OPEN, waits=False)
    forgetful.declare(config("a"))
    forgetful.reconcile()
    entry = forgetful.store.inventory(forgetful.app.id).entries[as_key("ConfigMap/a")]
    assert entry.written_at
    forgetful.clock.advance(1.0)
    serial = forgetful.store.inventory(forgetful.app.id).serial
    update = InventoryUpdate(put=(attrs.evolve(entry, written_at=0.0),))
    forgetful.store.update_inventory(forgetful.app.id, update, serial=serial)
    calls = forgetful.target.number
    forgetful.reconcile()
    assert forgetful.target.number > calls

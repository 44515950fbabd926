"""Laws of the controller: nothing is lost, nothing is done twice at once, nobody starves, and whoever waits waits for something named."""

from __future__ import annotations

import itertools
import random
from collections import Counter

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gitops_core.controller.backoff import backoff, jittered
from gitops_core.controller.holding import Returns, Rules, counted, narrow
from gitops_core.controller.limits import ControllerLimits
from gitops_core.controller.outlook import Past, outlook
from gitops_core.controller.passing import Report
from gitops_core.controller.status import Phase
from gitops_core.controller.workqueue import Lane, WorkQueue
from gitops_core.errors import Denied, SourceUnavailable, Throttled, Transient
from gitops_core.model.applications import Options
from gitops_core.model.inventory import EntryState, Inventory, InventoryEntry
from gitops_core.model.orders import Contested, Orders, Suspension
from gitops_core.model.plans import Action, ChangeState
from gitops_core.model.resources import as_key
from gitops_core.model.results import Failure, Outcome, OutcomeStatus, PassStatus, ReconcileResult
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.builders.plans import change, plan_of
from gitops_core.testing.platforms import Monorepo, Platform
from gitops_core.testing.worlds import config

# -- the queue ---------------------------------------------------------------------------------------------------------------


class QueueMachine(RuleBasedStateMachine):
    """The queue beside a plain model of it: a due time by key, and a set of keys in hand."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = WorkQueue()
        self.due: dict[str, float] = {}
        self.lanes: dict[str, Lane] = {}
        self.in_hand: set[str] = set()
        self.now = 0.0

    @rule(
        key=st.sampled_from("abcdefgh"), after=st.floats(0.0, 100.0), tenant=st.sampled_from("xyz"), priority=st.integers(-2, 2)
    )
    def add(self, key: str, after: float, tenant: str, priority: int) -> None:
        self.queue.add(key, self.now + after, Lane(tenant, priority))
        self.due[key] = min(self.now + after, self.due.get(key, float("inf")))

    @rule(seconds=st.floats(0.0, 200.0))
    def time_goes_by(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def take(self) -> None:
        key = self.queue.take(self.now)
        ready = {name for name, due in self.due.items() if due <= self.now and name not in self.in_hand}
        if key is None:
            assert not ready
            return
        assert key in ready
        del self.due[key]
        self.in_hand.add(key)

    @precondition(lambda self: self.in_hand)
    @rule(data=st.data())
    def done(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.in_hand)))
        self.in_hand.discard(key)
        self.queue.done(key)

    @rule(key=st.sampled_from("abcdefgh"))
    def drop(self, key: str) -> None:
        self.queue.drop(key)
        self.due.pop(key, None)

    @invariant()
    def nothing_is_lost_and_nobody_is_in_two_hands(self) -> None:
        assert self.queue.in_hand == self.in_hand
        assert {key: self.queue.due(key) for key in self.due} == self.due
        waiting = [due for key, due in self.due.items() if key not in self.in_hand]
        assert len(self.queue) == len(waiting)
        seconds = self.queue.seconds(self.now)
        assert seconds == (max(0.0, min(waiting) - self.now) if waiting else None)


TestQueue = QueueMachine.TestCase
TestQueue.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@given(st.lists(st.integers(1, 30), min_size=2, max_size=6))
def test_between_two_turns_of_a_tenant_every_other_has_at_most_one(sizes: list[int]) -> None:
    queue = WorkQueue()
    for tenant, size in enumerate(sizes):
        for number in range(size):
            queue.add(f"{tenant}/{number}", 0.0, Lane(str(tenant)))
    turns = []
    while (key := queue.take(0.0)) is not None:
        turns.append(key.partition("/")[0])
        queue.done(key)
    assert Counter(turns) == {str(tenant): size for tenant, size in enumerate(sizes)}
    for tenant in set(turns):
        places = [place for place, name in enumerate(turns) if name == tenant]
        for before, after in itertools.pairwise(places):
            assert max(Counter(turns[before + 1 : after]).values(), default=0) <= 1


# -- pauses ------------------------------------------------------------------------------------------------------------------


@given(st.integers(1, 10_000), st.floats(0.001, 100.0), st.floats(0.001, 10_000.0), st.integers())
def test_a_pause_is_at_least_half_of_its_ceiling_and_never_above_the_cap(
    failures: int, first: float, cap: float, seed: int
) -> None:
    pause = backoff(failures, first, cap, random.Random(seed))
    ceiling = min(cap, first * 2.0 ** min(failures - 1, 62))
    assert ceiling / 2 <= pause <= ceiling <= cap


@given(st.floats(0.0, 1e6), st.floats(0.0, 0.999), st.integers())
def test_an_interval_is_never_longer_than_promised(seconds: float, fraction: float, seed: int) -> None:
    assert seconds * (1 - fraction) <= jittered(seconds, fraction, random.Random(seed)) <= seconds


# -- the outlook -------------------------------------------------------------------------------------------------------------

ERRORS = ["Transient", "Throttled", "Cancelled", "StaleTerm", "StateLocked", "Denied", "PluginError", "RenderError"]
failures = st.builds(
    Failure, st.sampled_from(ERRORS), st.just("no"), st.sampled_from(["retry", "wait", "stall"]),
    retry_after=st.none() | st.floats(0.0, 1000.0),
)  # fmt: skip
outcomes = st.builds(
    Outcome, st.just(as_key("ConfigMap/a")), st.just(Action.UPDATE), st.sampled_from(OutcomeStatus), st.just("why")
)
results = st.builds(
    ReconcileResult, st.just("app"), st.sampled_from(PassStatus), outcomes=st.lists(outcomes, max_size=2).map(tuple),
    failures=st.lists(failures, max_size=2).map(tuple), requeue_after=st.none() | st.floats(0.0, 1000.0),
)  # fmt: skip
orders = st.builds(
    Orders, st.none() | st.just(Suspension("r", "a", 0.0, 1.0)), contested=st.just(()) | st.just((Contested(as_key("K/a"), ()),))
)
pasts = st.builds(
    Past, options=st.builds(Options, drift=st.sampled_from(["off", "warn", "enforce"]), interval=st.floats(0.0, 1000.0)),
    failures=st.integers(0, 100), waited=st.floats(0.0, 1000.0), watched=st.booleans(), stopped=st.booleans(),
)  # fmt: skip


@given(results, orders, pasts, st.integers())
def test_every_end_of_a_pass_has_an_outlook_that_neither_spins_nor_gives_up(result, given_orders, past, seed) -> None:
    limits = ControllerLimits()
    seen = outlook(Report(result=result, orders=given_orders), result, past, limits, random.Random(seed))
    is_well = result.status in (PassStatus.IN_SYNC, PassStatus.CHANGED)
    assert seen.after >= 0.0
    if seen.after == 0.0:  # only after a stop from here, or once
        assert past.stopped or seen.failures == 1
    if seen.after == float("inf"):
        assert is_well
        assert past.options.drift == "off"
    if not is_well and result.status is not PassStatus.REFUSED:
        assert seen.waits_for
    if result.status in (PassStatus.FAILED, PassStatus.DEGRADED) and not past.stopped:
        asked = [f.retry_after or 0.0 for f in result.failures]
        assert seen.failures == past.failures + 1
        assert seen.after <= max([limits.backoff_cap, *asked])
    well = Phase.SYNCED if given_orders.suspension is None else Phase.SUSPENDED
    assert not is_well or seen.phase is well
    assert is_well or seen.phase is not Phase.SYNCED


# -- what is held back -------------------------------------------------------------------------------------------------------

NAMES = "abcdef"
MARKS = {"+": Action.CREATE, "~": Action.UPDATE, "-": Action.DELETE, "-/+": Action.REPLACE}


@attrs.frozen
class Case:
    """One object: what is planned, whether it drifted, what is said about it."""

    mark: str
    drifted: bool
    mode: str
    contested: bool
    repairs: int


cases = st.builds(
    Case,
    st.sampled_from(sorted(MARKS)),
    st.booleans(),
    st.sampled_from(["off", "warn", "enforce"]),
    st.booleans(),
    st.integers(0, 3),
)


@given(st.dictionaries(st.sampled_from(NAMES), cases, max_size=6), st.booleans())
def test_what_is_held_is_never_applied_and_nothing_else_is_held(objects: dict[str, Case], suspended: bool) -> None:
    keys = {name: as_key(f"ConfigMap/{name}") for name in objects}
    plan = plan_of(*(change(f"{case.mark} ConfigMap/{name}", desired=f"d-{name}") for name, case in sorted(objects.items())))
    entries = {
        keys[name]: InventoryEntry(keys[name], state=EntryState.APPLIED, desired=f"d-{name}" if case.drifted else "other")
        for name, case in objects.items()
    }
    contested = tuple(Contested(keys[n], (), desired=f"d-{n}") for n, case in sorted(objects.items()) if case.contested)
    suspension = Suspension("r", "a", 0.0, 1.0) if suspended else None
    modes = {keys[name]: case.mode for name, case in objects.items()}
    first = narrow(
        plan,
        Inventory("app", entries=entries),
        modes.__getitem__,
        Rules(orders=Orders(), mode="enforce", returns={}, limit=9, now=0.0),
    )
    returns = {d.key: Returns(d, objects[d.key.name].repairs, 0.0) for d in first.drift if objects[d.key.name].repairs}
    rules = Rules(orders=Orders(suspension, contested=contested), mode="enforce", returns=returns, limit=2, now=0.0)
    held = narrow(plan, Inventory("app", entries=entries), modes.__getitem__, rules)
    left = {each.key.name: each for each in held.plan.changes}
    for name, case in objects.items():
        is_drift = case.drifted and case.mark != "-"
        returned = is_drift and case.mode != "off" and case.repairs >= 2
        stays = (is_drift and case.mode == "off", suspended, case.contested or returned, is_drift and case.mode == "warn")
        is_applied = name in left and left[name].is_ready
        assert is_applied == (not any(stays)), (name, case)
        ended = [outcome for outcome in held.ended if outcome.key.name == name]
        assert len(ended) == (name in left and not is_applied)
        assert all(outcome.reason and outcome.status is OutcomeStatus.REFUSED for outcome in ended)
        if name in left and not is_applied:
            assert left[name].state is ChangeState.REFUSED
            assert left[name].override
        assert (keys[name] in {d.key for d in held.repaired}) == (is_applied and is_drift)


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(list(OutcomeStatus)), st.floats(0.0, 50.0)), max_size=8))
def test_repairs_are_counted_when_they_were_made_and_forgotten_when_they_are_old(history) -> None:
    key = as_key("ConfigMap/a")
    plan = plan_of(change("~ ConfigMap/a", desired="d"))
    inventory = Inventory("app", entries={key: InventoryEntry(key, state=EntryState.APPLIED, desired="d")})
    rules = Rules(orders=Orders(), mode="enforce", returns={}, limit=99, now=0.0)
    with_drift, without = (
        narrow(plan, inventory, lambda _: "enforce", rules),
        narrow(plan_of(), inventory, lambda _: "enforce", rules),
    )
    now, last, expected = 0.0, 0.0, 0
    returns: dict = {}
    for drifts, status, seconds in history:
        now += seconds
        expected = 0 if now - last >= 60.0 else expected
        held = with_drift if drifts else without
        ended = [Outcome(key, Action.UPDATE, status)] if drifts else []
        returns = counted(returns, held, ended, now, 60.0)
        if drifts and status.value in ("done", "pending", "unsettled", "unverified"):
            expected, last = expected + 1, now
        assert (returns[key].repairs if key in returns else 0) == expected


# -- the whole: no wake-up is lost -------------------------------------------------------------------------------------------


class Scripted(MemoryTarget):
    """Fails as it is told."""

    error: Exception | None = None

    def etag(self, ctx):
        if self.error is not None:
            raise self.error
        return super().etag(ctx)

    def observe(self, ctx, query):
        if self.error is not None:
            raise self.error
        yield from super().observe(ctx, query)


class Unreachable(Monorepo):
    """Out of reach as it is told."""

    error: Exception | None = None

    def folder(self, folder):
        source = super().folder(folder)
        resolve = source.resolve

        def told(ctx):
            if self.error is not None:
                raise self.error
            return resolve(ctx)

        source.resolve = told
        return source


NEEDS = {"a": (), "b": ("a",), "c": ("a", "b"), "d": ()}
names = st.sampled_from(sorted(NEEDS))


class ControllerMachine(RuleBasedStateMachine):
    """Four applications of two targets and one repository, and everything that can happen to them, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.platform = Platform(repository=Unreachable(), limits=ControllerLimits(jitter=0.0, breaker_failures=3, poll=30.0))
        self.targets = [Scripted("one"), Scripted("two")]
        self.tokens = 0
        for name, needed in NEEDS.items():
            target = self.targets[name in "cd"]
            options = Options(interval=50.0, attempts=1, drift="warn" if name == "d" else "enforce")
            self.platform.app(name, config(name, v="0"), target=target, depends_on=needed, options=options)
        self.revision = 0

    @rule(name=names)
    def commit(self, name: str) -> None:
        self.revision += 1
        self.platform.repository.declare(name, config(name, v=str(self.revision)))

    @rule()
    def push(self) -> None:
        self.platform.controller.notify(["monorepo"])

    @rule(name=names, repeated=st.booleans())
    def trigger(self, name: str, repeated: bool) -> None:
        self.tokens += not repeated
        self.platform.controller.trigger(f"example.org/tests/{name}", str(self.tokens))

    @rule(
        number=st.integers(0, 1),
        error=st.sampled_from([None, Transient("502"), Denied("no"), Throttled("slow", retry_after=40.0)]),
    )
    def target_changes(self, number: int, error: Exception | None) -> None:
        self.targets[number].error = error

    @rule(error=st.sampled_from([None, SourceUnavailable("away"), RuntimeError("odd")]))
    def source_changes(self, error: Exception | None) -> None:
        self.platform.repository.error = error

    @rule(name=names)
    def drift(self, name: str) -> None:
        target = self.targets[name in "cd"]
        if as_key(f"ConfigMap/{name}") in target.objects:
            target.edit(f"ConfigMap/{name}", {"data": {"v": "drifted"}})

    @rule(name=names, order=st.sampled_from(["suspend", "resume", "release", "settle", "rollback"]))
    def order(self, name: str, order: str) -> None:
        controller, app = self.platform.controller, f"example.org/tests/{name}"
        if app not in controller.status().applications:
            return
        if order == "suspend":
            controller.suspend(app, reason="r", author="a", seconds=70.0)
        elif order == "rollback":
            known = controller.application(app).converged
            if known:
                controller.rollback(app, to=known, reason="r", author="a")
        else:
            getattr(controller, order)(app)

    @rule(name=names)
    def taken_out_and_in(self, name: str) -> None:
        self.platform.controller.remove(f"example.org/tests/{name}")
        if name != "d":
            self.platform.app(
                name, target=self.targets[name in "cd"], depends_on=NEEDS[name], options=Options(interval=50.0, attempts=1)
            )

    @rule(seconds=st.sampled_from([0.0, 1.0, 20.0, 200.0]))
    def run(self, seconds: float) -> None:
        self.platform.run(seconds)
        self.everybody_is_due_or_waits_for_something_named()

    def everybody_is_due_or_waits_for_something_named(self) -> None:
        status = self.platform.controller.status()
        assert (status.busy, status.stuck, status.error) == (0, (), "")
        for name, app in status.applications.items():
            assert not app.running, name
            assert app.next_run is not None or app.waits_for, (name, app)

    def teardown(self) -> None:
        """When everything is well again, everything converges: no wake-up was lost."""
        self.platform.repository.error = None
        for target in self.targets:
            target.error = None
        status = self.platform.controller.status()
        for app in status.applications:
            self.platform.controller.resume(app)
            self.platform.controller.release(app)
            self.platform.controller.settle(app)
        self.platform.run(seconds=900)
        status = self.platform.controller.status()
        newest = self.platform.repository.commits._newest().revision.id
        for name, app in status.applications.items():
            held_by_drift = name.endswith("/d") and app.phase is Phase.REFUSED  # only told
            assert app.phase is Phase.SYNCED or held_by_drift, (name, app)
            assert app.revision == newest, (name, app)


TestController = ControllerMachine.TestCase
TestController.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)

"""Each kind of fault does what it says, on each side, in that side's words; and where it strikes is what its fields say."""

from __future__ import annotations

import pytest

from gitops_core.errors import (
    Cancelled,
    ConfigError,
    CorruptObject,
    DeadlineExceeded,
    Denied,
    GitOpsError,
    SourceUnavailable,
    StateCorrupt,
    StateUnavailable,
    Throttled,
    Transient,
)
from gitops_core.interfaces import Query, TargetChange
from gitops_core.model.plans import Action
from gitops_core.model.resources import Live, Pending, key_of
from gitops_core.model.revisions import Revision
from gitops_core.model.values import freeze
from gitops_core.sources.memory import MemorySource
from gitops_core.state.memory import MemoryStore
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.clock import VirtualClock
from gitops_core.testing.contexts import make_context
from gitops_core.testing.fake_api import FakeApi, ThrottledError, UnavailableError
from gitops_core.testing.faults import (
    Corrupt,
    Crash,
    Crashed,
    Delay,
    DropReply,
    Fail,
    FaultPlan,
    Throttle,
    TimeOut,
    Wrapping,
)
from gitops_core.testing.faults.garbling import CannotGarble, garbled
from gitops_core.testing.worlds import config


def creation(name: str) -> TargetChange:
    body = freeze(config(name, color="blue"))
    return TargetChange(key_of(body), Action.CREATE, body)


def attempt(call) -> str:
    """Return how *call* ended."""
    try:
        call()
    except GitOpsError as error:
        return type(error).__name__
    return "done"


def faulty(*faults, **facts):
    plan = FaultPlan(faults, **facts)
    inner = MemoryTarget()
    return plan, inner, plan.target(inner)


# -- the seven kinds -----------------------------------------------------------------------------------------------------------


def test_a_failed_call_did_nothing():
    plan, inner, target = faulty(Fail("create"))
    with pytest.raises(Transient, match=r"injected: target.create of ConfigMap/a failed"):
        target.create(make_context(), creation("a"))
    assert (inner.objects, inner.calls["create"]) == ({}, 0)
    assert plan.injected[0].what == "failed"


@pytest.mark.parametrize("error", [Denied, Denied("403: no")])
def test_the_error_can_be_chosen_and_is_another_one_every_time(error):
    _, _, target = faulty(Fail("create", error=error))
    found = []
    for name in "ab":
        with pytest.raises(Denied) as caught:
            target.create(make_context(), creation(name))
        caught.value.stage = "create"
        found.append(caught.value)
    assert found[0] is not found[1]
    assert isinstance(error, type) or not error.stage, "the plan's own is never raised itself"


def test_a_delayed_call_is_done_later():
    _, inner, target = faulty(Delay("create", seconds=12.0))
    ctx = make_context()
    target.create(ctx, creation("a"))
    assert (ctx.clock.monotonic(), len(inner.objects)) == (12.0, 1)


def test_a_delay_ends_with_the_callers_patience():
    _, inner, target = faulty(Delay("create", seconds=12.0))
    ctx = make_context(deadline=5.0)
    with pytest.raises(DeadlineExceeded):
        target.create(ctx, creation("a"))
    assert (ctx.clock.monotonic(), len(inner.objects)) == (5.0, 0)
    ctx = make_context()
    ctx.cancel.set()
    with pytest.raises(Cancelled):
        target.create(ctx, creation("a"))


def test_a_dropped_reply_leaves_the_effect():
    _, inner, target = faulty(DropReply("create"))
    with pytest.raises(Transient, match=r"the reply to target.create of ConfigMap/a was lost"):
        target.create(make_context(), creation("a"))
    assert len(inner.objects) == 1


@pytest.mark.parametrize(
    ("fault", "deadline", "waited", "made"),
    [
        (TimeOut("create"), 8.0, 8.0, 0),
        (TimeOut("create"), float("inf"), 30.0, 0),
        (TimeOut("create", seconds=3.0), 8.0, 3.0, 0),
        (TimeOut("create", seconds=30.0, done=True), 8.0, 8.0, 1),
    ],
)
def test_a_call_times_out_when_the_caller_gives_up_whether_it_was_done_or_not(fault, deadline, waited, made):
    _, inner, target = faulty(fault)
    ctx = make_context(deadline=deadline)
    with pytest.raises(Transient, match=f"no answer to target.create of ConfigMap/a within {waited:g} s"):
        target.create(ctx, creation("a"))
    assert (ctx.clock.monotonic(), len(inner.objects)) == (waited, made)


def test_a_throttled_call_says_for_how_long():
    _, inner, target = faulty(Throttle("create", retry_after=7.0))
    with pytest.raises(Throttled) as caught:
        target.create(make_context(), creation("a"))
    assert (caught.value.retry_after, inner.objects) == (7.0, {})


def test_a_corrupted_answer_is_near_the_truth_and_the_effect_is_there():
    _, inner, target = faulty(Corrupt("create"))
    answer = target.create(make_context(), creation("a"))
    truth = inner.snapshot().live[answer.key]
    assert (answer.id, answer.key) == (truth.id, truth.key)
    assert answer.body != truth.body


def test_a_corruption_can_be_chosen():
    _, _, target = faulty(Corrupt("observe", change=lambda answers: answers[:1]))
    for name in "ab":
        target.create(make_context(), creation(name))
    keys = frozenset(creation(name).key for name in "ab")
    assert len(list(target.observe(make_context(), Query(keys)))) == 1


@pytest.mark.parametrize("done", [False, True])
def test_a_crash_is_caught_by_nobody_and_after_it_nothing_gets_through_until_the_next_process(done):
    plan, inner, target = faulty(Crash("create", at=2, done=done))
    target.create(make_context(), creation("a"))
    with pytest.raises(Crashed, match=r"died (after|before) target.create of ConfigMap/b"):
        target.create(make_context(), creation("b"))
    assert len(inner.objects) == 1 + done
    assert not issubclass(Crashed, Exception)
    with pytest.raises(Crashed, match=r"dead since call 2; FaultPlan.restart\(\) begins the next"):
        target.etag(make_context())
    plan.restart()
    assert target.etag(make_context()) == inner.etag(make_context())


# -- the words of each side ----------------------------------------------------------------------------------------------------

FAULTS = {"fail": Fail(), "throttle": Throttle(retry_after=4.0), "time out": TimeOut(), "corrupt": Corrupt()}
WORDS = {
    "source": {
        "fail": SourceUnavailable,
        "throttle": SourceUnavailable,
        "time out": SourceUnavailable,
        "corrupt": CorruptObject,
    },
    "store": {"fail": StateUnavailable, "throttle": StateUnavailable, "time out": StateUnavailable, "corrupt": StateCorrupt},
    "api": {"fail": UnavailableError, "throttle": ThrottledError, "time out": UnavailableError, "corrupt": None},
    "client": {"fail": ConnectionResetError, "throttle": ConnectionRefusedError, "time out": TimeoutError, "corrupt": ValueError},
}


class Client:
    def send(self, what):
        return object()


def call_of(side, plan):
    match side:
        case "source":
            source = plan.source(MemorySource({}))
            return lambda: source.fetch(make_context(), Revision(source.commit({}).id))
        case "store":
            store = plan.store(MemoryStore())
            return lambda: store.inventory("app")
        case "api":
            api = plan.api(FakeApi(records=[{"name": "a"}]))
            return lambda: api.get("r-1")
        case _:
            client = plan.wrap(Client())
            return lambda: client.send("x")


@pytest.mark.parametrize("side", WORDS)
@pytest.mark.parametrize("kind", FAULTS)
def test_every_side_hears_of_a_fault_in_its_own_words(side, kind):
    call = call_of(side, FaultPlan([FAULTS[kind]], clock=VirtualClock()))
    expected = WORDS[side][kind]
    if expected is None:
        assert call() != {"name": "a", "id": "r-1"}
        return
    with pytest.raises(expected) as caught:
        call()
    if kind == "throttle" and hasattr(caught.value, "retry_after"):
        assert caught.value.retry_after == 4.0


def test_a_fault_that_needs_a_clock_says_so_when_there_is_none():
    for fault in (Delay(seconds=1.0), TimeOut(), Fail(during=(0.0, 1.0))):
        store = FaultPlan([fault]).store(MemoryStore())
        with pytest.raises(ConfigError, match=r"needs a clock: FaultPlan\(..., clock=clock\)"):
            store.salt()


# -- where a fault strikes -----------------------------------------------------------------------------------------------------


def ends(*faults, names="abcdef", **facts) -> str:
    """Return, for each create in turn, whether it was struck."""
    _, _, target = faulty(*faults, **facts)
    return "".join("." if attempt(lambda n=n: target.create(make_context(), creation(n))) == "done" else "x" for n in names)


@pytest.mark.parametrize(
    ("fault", "struck"),
    [
        (Fail(), "xxxxxx"),
        (Fail("delete"), "......"),
        (Fail("target.create"), "xxxxxx"),
        (Fail("store.create"), "......"),
        (Fail("cr*"), "xxxxxx"),
        (Fail(("delete", "target.cr*")), "xxxxxx"),
        (Fail(at=2), ".x...."),
        (Fail(at=range(3, 5)), "..xx.."),
        (Fail(at=[1, 6]), "x....x"),
        (Fail(times=2), "xx...."),
        (Fail(key="ConfigMap/[bd]"), ".x.x.."),
        (Fail(key="ConfigMap/[bdf]", at=2), "...x.."),
        (Fail(key="ConfigMap/[bdf]", times=2), ".x.x.."),
        (Fail(probability=0.0), "......"),
        (Fail(probability=1.0), "xxxxxx"),
    ],
    ids=repr,
)
def test_a_fault_strikes_where_its_fields_say(fault, struck):
    assert ends(fault) == struck


def test_the_limit_of_a_plan_bounds_all_of_its_faults_together():
    assert ends(Fail(at=1), Fail(at=range(3, 9)), limit=3) == "x.xx.."
    assert ends(Fail(), limit=0) == "......"


def test_a_stopped_plan_injects_nothing():
    plan, _, target = faulty(Fail())
    plan.stop()
    target.create(make_context(), creation("a"))
    assert (plan.injected, plan.calls) == ((), {"target.create": 1})


def test_a_fault_can_last_for_a_time():
    _, _, target = faulty(Fail("etag", during=(10.0, 20.0)))
    ctx = make_context()
    seen = []
    for _ in range(5):
        seen.append(attempt(lambda: target.etag(ctx)))
        ctx.clock.advance(5.0)
    assert seen == ["done", "done", "Transient", "Transient", "done"]


def test_chances_are_drawn_from_the_seed_the_operation_the_key_and_its_turn():
    names = [f"n{i}" for i in range(400)]
    first = ends(Fail(probability=0.25), names=names, seed=1)
    assert first == ends(Fail(probability=0.25), names=names, seed=1)
    assert first != ends(Fail(probability=0.25), names=names, seed=2)
    assert 70 < first.count("x") < 130
    backwards = ends(Fail(probability=0.25), names=names[::-1], seed=1)
    assert backwards == first[::-1], "the order of other calls changes nothing"
    assert len(set(ends(Fail(probability=0.5), names="a" * 50))) == 2, "the same call is drawn anew every time"


def test_several_faults_strike_one_call_in_their_order_up_to_the_one_that_ends_it():
    plan, inner, target = faulty(Delay(seconds=2.0), Delay(seconds=3.0), DropReply(), Fail(), Delay(seconds=9.0))
    ctx = make_context()
    assert attempt(lambda: target.create(ctx, creation("a"))) == "Transient"
    assert (ctx.clock.monotonic(), len(inner.objects)) == (5.0, 1)
    assert [i.what for i in plan.injected] == ["delayed by 2 s", "delayed by 3 s", "done, reply dropped"]


@pytest.mark.parametrize("wrong", [{"times": 0}, {"probability": 1.5}, {"probability": -0.1}])
def test_a_fault_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match="must be"):
        Fail(**wrong)


def test_a_plan_takes_faults_only():
    with pytest.raises(TypeError):
        FaultPlan(["create"])
    with pytest.raises(ValueError, match="must be"):
        FaultPlan([], limit=-1)
    with pytest.raises(TypeError):
        Delay("create")


# -- corruption ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        True, 3, 2.5, "text", "aa", "", b"bytes", {"a": {"b": [1, 2]}, "c": 3}, [1, 2], (1, 2),
        Live(("Kind", "name"), freeze({"a": 1}), id="1"), Pending("token"), Revision("abc"),
    ],
    ids=repr,
)  # fmt: skip
@pytest.mark.parametrize("entropy", [0, 1, 12345])
def test_a_garbled_answer_is_another_one_and_always_the_same(answer, entropy):
    found = garbled(answer, entropy)

    def body(value):
        return value.body if isinstance(value, Live) else value

    assert body(found) != body(answer)
    assert body(found) == body(garbled(answer, entropy))


@pytest.mark.parametrize("empty", [None, b"", {}, []])
def test_nothing_cannot_be_wrong(empty):
    assert garbled(empty, 5) == empty


def test_what_is_not_known_is_not_garbled():
    with pytest.raises(CannotGarble, match="object"):
        garbled(object(), 0)


# -- text ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fail("create", at=2), "Fail('create', at=2)"),
        (Fail(("create", "update"), at=range(1, 4), error=Denied), "Fail(('create', 'update'), at=[1, 2, 3], error=Denied)"),
        (Delay(seconds=2.0, key="A/*"), "Delay(key='A/*', seconds=2.0)"),
        (DropReply(times=1), "DropReply(times=1)"),
        (TimeOut("poll", done=True), "TimeOut('poll', done=True)"),
        (Throttle(retry_after=9.0, during=(0.0, 5.0)), "Throttle(during=(0.0, 5.0), retry_after=9.0)"),
        (Corrupt(change=len), "Corrupt(change=len)"),
        (Crash(probability=0.5), "Crash(probability=0.5)"),
        (FaultPlan([Fail(), Crash(at=3)], seed=7), "FaultPlan([Fail(), Crash(at=3)], seed=7)"),
        (FaultPlan(limit=2), "FaultPlan([], seed=0, limit=2)"),
    ],
)
def test_a_plan_is_written_as_it_would_be_made(value, text):
    assert repr(value) == text


def test_a_plan_prints_as_a_table_of_what_happened():
    faults = [Delay("observe", seconds=1.5), Fail("create", key="ConfigMap/b"), Fail("salt")]
    plan = FaultPlan(faults, seed=3)
    assert str(plan) == f"{plan!r}: nothing was injected"
    target, store, ctx = plan.target(MemoryTarget()), plan.store(MemoryStore()), make_context()
    list(target.observe(ctx, Query(frozenset())))
    for name in "ab":
        attempt(lambda name=name: target.create(ctx, creation(name)))
    attempt(store.salt)
    assert str(plan) == (
        "#  time   call  operation       key          what\n"
        "1  0.0 s  1     target.observe  -            delayed by 1.5 s\n"
        "2  1.5 s  3     target.create   ConfigMap/b  failed\n"
        "3  -      4     store.salt      -            failed"
    )


def test_wrapping_names_its_methods_one_or_many():
    assert Wrapping(methods="send").methods == ("send",)
    assert Wrapping(methods=["a", "b"]).methods == ("a", "b")

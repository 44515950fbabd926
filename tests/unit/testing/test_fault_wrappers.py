"""What a plan wraps stays what it was: its class, its fields, its capabilities; and the faults get in everywhere they should."""

from __future__ import annotations

import functools
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from dulwich import porcelain

from gitops_core.errors import Denied, SourceUnavailable, StateUnavailable, Transient
from gitops_core.interfaces import Identity, Limits, Query, Source, StateStore, Target, TargetChange, capabilities
from gitops_core.model.fields import Fields
from gitops_core.model.inventory import InventoryUpdate
from gitops_core.model.plans import Action
from gitops_core.model.resources import Pending, Unreadable, key_of
from gitops_core.model.values import freeze
from gitops_core.sources.git import GitSource
from gitops_core.sources.memory import MemorySource
from gitops_core.state.memory import MemoryStore
from gitops_core.targets.memory import MemoryTarget
from gitops_core.targets.router import Route, RouterTarget
from gitops_core.testing.clock import VirtualClock
from gitops_core.testing.contexts import make_context
from gitops_core.testing.fake_api import ApiSettings, FakeApi, Paging, UnavailableError
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
from gitops_core.testing.worlds import World, config


class Plain(Target):
    """Three methods and nothing else."""

    def __init__(self):
        self.made = []

    def observe(self, ctx, query):
        return iter(self.made)

    def create(self, ctx, change):
        return None

    def delete(self, ctx, change):
        return None


class Batching(MemoryTarget):
    """Everything a target can have."""

    identity = Identity.ASSIGNED
    sent: tuple = ()

    def poll(self, ctx, pending):
        return None

    def watch(self, ctx, query):
        yield from query.keys

    def apply_batch(self, ctx, changes):
        self.sent = (*self.sent, [change.key.name for change in changes])
        for change in changes:
            yield self.create(ctx, change)

    def key(self, body):
        return key_of(body)

    def normalize(self, body):
        return body

    def diff(self, desired, live):
        return None

    def depends_on(self, body):
        return ()


def creation(name: str) -> TargetChange:
    body = freeze(config(name))
    return TargetChange(key_of(body), Action.CREATE, body)


def router() -> RouterTarget:
    return RouterTarget([Route(MemoryTarget("a"), kinds={"A"}), Route(Batching("b"))])


# -- targets -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [Plain, MemoryTarget, Batching, router])
def test_a_wrapped_target_has_exactly_the_capabilities_fields_identity_and_limits_of_the_target(make):
    target = make()
    wrapped = FaultPlan().target(target)
    assert isinstance(wrapped, Target)
    assert isinstance(wrapped, type(target))
    assert capabilities(wrapped) == capabilities(target)
    for name in ("fields", "identity", "limits", "name", "fingerprint"):
        assert getattr(wrapped, name) == getattr(target, name)
    assert repr(wrapped) == f"faulty {target!r}"


def test_what_is_set_on_a_wrapper_is_set_on_what_it_wraps():
    target = MemoryTarget(fields=Fields(sensitive=["/a"]), limits=Limits(concurrency=7))
    wrapped = FaultPlan().target(target)
    wrapped.limits = Limits(concurrency=3)
    wrapped.extra = 1
    assert (target.limits.concurrency, target.extra, wrapped.limits.concurrency) == (3, 1, 3)
    del wrapped.extra
    assert not hasattr(target, "extra")
    wrapped.put(config("a"))
    assert len(target.objects) == 1


def test_pure_methods_and_close_pass_through():
    target = Batching("x")
    wrapped = FaultPlan([Fail()]).target(target)
    body = freeze(config("a"))
    assert wrapped.key(body) == key_of(body)
    assert wrapped.normalize(body) is body
    assert wrapped.scope(key_of(body)) == "memory:x"
    with wrapped as same:
        assert same is wrapped
    assert wrapped.calls == {}


def test_every_io_method_of_a_target_can_be_struck():
    plan = FaultPlan([Fail()])
    wrapped, ctx = plan.target(Batching()), make_context()
    for call in (
        lambda: list(wrapped.observe(ctx, Query(frozenset()))),
        lambda: wrapped.create(ctx, creation("a")),
        lambda: wrapped.update(ctx, creation("a")),
        lambda: wrapped.delete(ctx, creation("a")),
        lambda: wrapped.preview(ctx, creation("a")),
        lambda: wrapped.poll(ctx, Pending("p")),
        lambda: wrapped.apply_batch(ctx, [creation("a")]),
        lambda: list(wrapped.watch(ctx, Query(frozenset()))),
        lambda: wrapped.etag(ctx),
    ):
        with pytest.raises(Transient, match="injected"):
            call()
    assert plan.calls.keys() == {
        f"target.{name}" for name in ("observe", "create", "update", "delete", "preview", "poll", "apply_batch", "watch", "etag")
    }


def test_without_faults_every_method_answers_as_the_target_does():
    target = Batching()
    wrapped, ctx = FaultPlan().target(target), make_context()
    live = wrapped.create(ctx, creation("a"))
    query = Query(frozenset([live.key]))
    assert list(wrapped.observe(ctx, query)) == list(target.observe(ctx, query)) == [live]
    assert list(wrapped.watch(ctx, query)) == [live.key]
    assert wrapped.poll(ctx, Pending("p")) is None
    assert [answer.key.name for answer in wrapped.apply_batch(ctx, [creation("b"), creation("c")])] == ["b", "c"]
    assert wrapped.apply_batch(ctx, []) == []


def test_a_fault_with_a_key_makes_one_object_unreadable_and_leaves_the_others():
    plan = FaultPlan([Fail("observe", key="ConfigMap/b", error=Denied("403"))])
    target = MemoryTarget(objects=[config(name) for name in "abc"])
    wrapped = plan.target(target)
    answers = list(wrapped.observe(make_context(), Query(frozenset(target.objects))))
    told = {answer.key.name: answer for answer in answers}
    assert isinstance(told["b"], Unreadable)
    assert isinstance(told["b"].error, Denied)
    assert [told[name].body["metadata"]["name"] for name in "ac"] == ["a", "c"]
    assert [i.key for i in plan.injected] == ["ConfigMap/b"]
    assert list(wrapped.observe(make_context(), Query(frozenset(list(target.objects)[:1])))), "a look without it is not struck"
    assert len(plan.injected) == 1


def test_a_whole_kind_can_be_unreadable_and_one_object_corrupt():
    plan = FaultPlan([TimeOut("observe", key="Secret/*", seconds=2.0), Corrupt("observe", key="ConfigMap/a")])
    target = MemoryTarget(objects=[config("a"), config("b"), config("s", kind="Secret"), config("t", kind="Secret")])
    ctx = make_context()
    answers = list(plan.target(target).observe(ctx, Query(frozenset(target.objects))))
    assert {a.key.name for a in answers if isinstance(a, Unreadable)} == {"s", "t"}
    bodies = {a.key.name: a.body for a in answers if not isinstance(a, Unreadable)}
    assert bodies["b"] == config("b")
    assert bodies["a"] != config("a")
    assert ctx.clock.monotonic() == 2.0


def test_what_ends_a_pass_is_not_taken_for_an_unreadable_object():
    target = MemoryTarget(objects=[config("a")])
    query = Query(frozenset(target.objects))
    stopped = make_context()
    stopped.cancel.set()
    plan = FaultPlan([Delay("observe", key="ConfigMap/a", seconds=1.0)])
    with pytest.raises(Exception, match="stopped by the host"):
        list(plan.target(target).observe(stopped, query))
    plan = FaultPlan([Crash("observe", key="ConfigMap/a")])
    with pytest.raises(Crashed):
        list(plan.target(target).observe(make_context(), query))


def test_a_fault_with_a_key_strikes_its_own_change_of_a_batch():
    target = Batching()
    plan = FaultPlan([Fail("apply_batch", key="*/b"), DropReply("apply_batch", key="*/[cd]", at=1)])
    answers = plan.target(target).apply_batch(make_context(), [creation(name) for name in "abcde"])
    assert [type(answer).__name__ for answer in answers] == ["Live", "Transient", "Transient", "Transient", "Live"]
    assert [answers[0].key.name, answers[4].key.name] == ["a", "e"]
    assert sorted(key.name for key in target.objects) == ["a", "c", "d", "e"]
    assert sorted(map(sorted, target.sent)) == [["a", "e"], ["c", "d"]]


def test_a_routers_members_have_the_same_faults_and_stay_the_same_targets():
    plan = FaultPlan([Fail("create")])
    inner = router()
    wrapped = plan.target(inner)
    key = creation("x").key
    member = wrapped.member(key)
    assert member is wrapped.member(key)
    assert isinstance(member, Batching)
    with pytest.raises(Transient):
        member.create(make_context(), creation("x"))
    memory = MemoryTarget()
    assert plan.target(memory).member(key).member(key) is not memory


def test_a_target_that_is_its_own_member_answers_with_its_wrapper():
    class Selfish(MemoryTarget):
        def member(self, key):
            return self

    wrapped = FaultPlan().target(Selfish())
    assert wrapped.member(creation("a").key) is wrapped


# -- sources -------------------------------------------------------------------------------------------------------------------


def test_every_step_of_a_source_can_be_struck_and_the_rest_of_it_passes_through():
    source = MemorySource({"a.json": "{}", "b.json": "[]"})
    plan = FaultPlan([Fail("read", key="b.json"), Fail("list", at=2), Fail("resolve", at=2)])
    wrapped, ctx = plan.source(source), make_context()
    assert isinstance(wrapped, Source)
    assert isinstance(wrapped, MemorySource)
    assert wrapped.fingerprint == source.fingerprint
    tree = wrapped.fetch(ctx, wrapped.resolve(ctx))
    assert tree == source.fetch(ctx, source.resolve(ctx))
    files = tree.files
    assert tree.read(files["a.json"]) == b"{}"
    for call in (lambda: tree.read(files["b.json"]), lambda: tree.files, lambda: wrapped.resolve(ctx)):
        with pytest.raises(SourceUnavailable):
            call()
    assert plan.calls == {"source.resolve": 2, "source.fetch": 1, "source.list": 2, "source.read": 2}


def test_a_corrupted_file_has_one_bit_wrong():
    wrapped = FaultPlan([Corrupt("read")]).source(MemorySource({"a": "abc"}))
    tree = wrapped.fetch(make_context(), wrapped.resolve(make_context()))
    found = tree.read(tree.files["a"])
    assert len(found) == 3
    assert sum((x ^ y).bit_count() for x, y in zip(found, b"abc", strict=True)) == 1


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    place = tmp_path / "site.git"
    with porcelain.init(place) as repo:
        (place / "a.json").write_text("{}")
        repo.get_worktree().stage(["a.json"])
        repo.get_worktree().commit(message=b"Begin", author=b"Ada <ada@example.org>", committer=b"Ada <ada@example.org>")
    return place


def test_faults_get_between_a_git_source_and_its_remote(repository, tmp_path):
    plan = FaultPlan([Fail("list_refs", at=1), DropReply("git.send", at=1)])
    ctx = make_context()
    with plan.git(), GitSource(url=repository.as_uri(), cache_dir=tmp_path / "cache") as source:
        for lost in ("git.list_refs failed", "the reply to git.send"):
            with pytest.raises(SourceUnavailable, match=lost):
                source.fetch(ctx, source.resolve(ctx))
        tree = source.fetch(ctx, source.resolve(ctx))
        assert tree.read(tree.files["a.json"]) == b"{}"
    assert [i.operation for i in plan.injected] == ["git.list_refs", "git.send"]
    assert plan.injected[1].key == tree.revision.id
    with GitSource(url=repository.as_uri(), cache_dir=tmp_path / "other") as source:
        source.resolve(ctx)
    assert plan.calls["git.list_refs"] == 3, "outside of the block nothing is wrapped"


# -- stores --------------------------------------------------------------------------------------------------------------------


def test_every_method_of_a_store_can_be_struck_by_application_and_memo():
    plan = FaultPlan([Fail(key="app"), Fail("get_memo", key="space/k*"), Fail("applications")])
    wrapped = plan.store(MemoryStore())
    assert isinstance(wrapped, StateStore)
    assert isinstance(wrapped, MemoryStore)
    calls = [
        lambda: wrapped.exclusive("app", 0.0),
        lambda: wrapped.inventory("app"),
        lambda: wrapped.update_inventory("app", InventoryUpdate(), serial=0),
        lambda: wrapped.holders("app", []),
        lambda: wrapped.neighbours("app", []),
        lambda: wrapped.append_journal("app", []),
        lambda: wrapped.journal("app"),
        lambda: wrapped.history("app"),
        lambda: wrapped.forget("app"),
        lambda: wrapped.get_memo("space", "key", not_before=0.0),
        wrapped.applications,
    ]
    for call in calls:
        with pytest.raises(StateUnavailable):
            call()
    assert len(wrapped.salt()) == 32
    assert wrapped.inventory("other").serial == 0
    with wrapped.exclusive("other", 0.0):
        pass


def test_a_store_notices_what_is_corrupt_and_a_memo_is_only_bytes():
    store = MemoryStore(salt=b"s")
    store.put_memo("space", "key", b"value", now=1.0)
    wrapped = FaultPlan([Corrupt(("get_memo", "history"))]).store(store)
    assert wrapped.get_memo("space", "key", not_before=0.0) not in (None, b"value")
    assert wrapped.get_memo("space", "none", not_before=0.0) is None
    with pytest.raises(Exception, match=r"the answer to store.history of app is corrupt"):
        wrapped.history("app")


# -- clients -------------------------------------------------------------------------------------------------------------------


class Client:
    """A client with everything that a wrapper must not lose."""

    timeout = 5.0

    def __init__(self):
        self.open = True
        self.sent = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.open = False

    def __len__(self):
        return len(self.sent)

    @property
    def explosive(self):
        raise AssertionError("a property was looked at")

    @classmethod
    def kind(cls):
        return cls.__name__

    def post(self, path, body=None):
        self.sent.append(path)
        return {"path": path}

    def twice(self, path):
        return [self.post(path), self.post(path)]

    def _private(self):
        return "private"


def test_any_client_can_be_wrapped_and_keeps_everything_else():
    plan = FaultPlan([DropReply("http.post", key="/b")])
    client = Client()
    wrapped = plan.wrap(client, Wrapping(label="http"))
    with wrapped as entered:
        assert entered is wrapped
        assert wrapped.post("/a") == {"path": "/a"}
        with pytest.raises(ConnectionResetError):
            wrapped.post("/b", body=1)
        wrapped.twice("/b")
    assert (client.open, len(wrapped), client.sent) == (False, 4, ["/a", "/b", "/b", "/b"])
    assert (wrapped.timeout, wrapped.kind(), wrapped._private()) == (5.0, "Client", "private")
    assert isinstance(wrapped, Client)
    assert plan.calls == {"http.post": 2, "http.twice": 1, "http.kind": 1}, "what it calls on itself is not struck"


def test_only_the_methods_that_are_named_are_wrapped_and_calls_can_be_told_apart():
    plan = FaultPlan([Fail(key="body=1")])
    wrapping = Wrapping(methods="post", key_of=lambda method, args, kwargs: f"body={kwargs.get('body')}")
    wrapped = plan.wrap(Client(), wrapping)
    wrapped.twice("/a")
    wrapped.post("/a", body=2)
    with pytest.raises(ConnectionResetError, match=r"client.post of body=1"):
        wrapped.post("/a", body=1)
    assert plan.calls == {"client.post": 2}


def test_a_function_and_a_callable_object_can_be_wrapped():
    def send(path):
        """Send it."""
        return path

    plan = FaultPlan([Fail("send", at=2), Fail("__call__")])
    wrapped = plan.wrap(send)
    assert (wrapped("/a"), wrapped.__doc__) == ("/a", "Send it.")
    with pytest.raises(ConnectionResetError):
        wrapped("/b")
    with pytest.raises(ConnectionResetError):
        plan.wrap(functools.partial(send, "/c"))()


def test_a_fake_api_is_struck_in_its_verbs_page_by_page_and_somebody_else_is_spared():
    clock = VirtualClock()
    api = FakeApi(ApiSettings(paging=Paging(size=1), unique=lambda r: r["name"]), clock)
    plan = FaultPlan([Fail("list", at=2), DropReply("create", key="b"), Throttle("api.delete", key="r-1", retry_after=3.0)])
    wrapped = plan.api(api)
    wrapped.create({"name": "a"})
    with pytest.raises(UnavailableError, match="503: injected: the reply"):
        wrapped.create({"name": "b"})
    assert len(api.records) == 2
    seen = []
    with pytest.raises(UnavailableError):
        seen.extend(record["name"] for record in wrapped.every())
    assert [record["name"] for record in wrapped.every()] == ["a", "b"]
    with pytest.raises(Exception, match="429") as caught:
        wrapped.delete("r-1")
    assert caught.value.retry_after == 3.0
    wrapped.foreign().delete("r-1")
    assert (wrapped.find(name="b")["id"], wrapped.calls, wrapped.clock) == ("r-2", api.calls, clock)
    assert isinstance(wrapped, FakeApi)


def test_a_delay_in_an_api_is_on_its_own_clock():
    api = FakeApi()
    FaultPlan([Delay("list", seconds=4.0)]).api(api).list()
    assert api.clock.monotonic() == 4.0


# -- replay, several worlds, threads -------------------------------------------------------------------------------------------


def drive(plan: FaultPlan) -> tuple:
    world = World(target=plan.target(MemoryTarget()), clock=plan.clock)
    world.source = plan.source(world.source)
    world.store = plan.store(MemoryStore(salt=b"salt"))
    for turn in range(4):
        world.declare(*(config(f"c{i}", color=str(turn)) for i in range(5)))
        world.reconcile()
    return plan.injected, {str(k): b for k, b in world.memory.objects.items()}, world.clock.monotonic()


def test_a_run_replays_from_the_plan_and_the_seed():
    faults = [
        Delay(probability=0.1, seconds=2.0),
        Fail(("observe", "create", "update"), probability=0.3),
        Throttle("target.*", probability=0.1, retry_after=5.0),
        DropReply(("create", "update"), probability=0.2),
    ]
    plan = FaultPlan(faults, seed=5, clock=VirtualClock())
    first = drive(plan)
    assert len(first[0]) > 10
    replay = plan.again(VirtualClock())
    assert (replay, replay.injected) == (plan, ())
    assert drive(replay) == first
    assert drive(FaultPlan(faults, seed=6, clock=VirtualClock())) != first


def test_one_plan_over_several_things_records_them_in_one_order():
    plan = FaultPlan([Fail("*.salt"), Fail("west.etag")])
    east, west, store = plan.target(MemoryTarget(), "east"), plan.target(MemoryTarget(), "west"), plan.store(MemoryStore())
    east.etag(make_context())
    with pytest.raises(Transient):
        west.etag(make_context())
    with pytest.raises(StateUnavailable):
        store.salt()
    assert [(i.number, i.call, i.operation) for i in plan.injected] == [(1, 2, "west.etag"), (2, 3, "store.salt")]


def test_with_threads_every_call_is_counted_and_chances_are_the_same_ones():
    def strike(workers: int) -> set[str]:
        plan = FaultPlan([Fail("create", probability=0.3)], seed=9)
        target = plan.target(MemoryTarget())
        start = threading.Barrier(workers)

        def work(worker: int) -> None:
            start.wait()
            for number in range(worker, 200, workers):
                try:
                    target.create(make_context(), creation(f"n{number}"))
                except Transient:
                    continue

        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(work, range(workers)))
        assert plan.calls["target.create"] == 200
        assert [i.number for i in plan.injected] == list(range(1, len(plan.injected) + 1))
        return {i.key for i in plan.injected}

    assert strike(8) == strike(1)


def test_no_value_gets_into_the_record_or_an_error():
    plan = FaultPlan([Fail("create"), Corrupt("observe")])
    target = plan.target(MemoryTarget(objects=[config("a", color="canary")]))
    list(target.observe(make_context(), Query(frozenset([creation("a").key]))))
    body = freeze(config("b", color="canary"))
    with pytest.raises(Transient) as caught:
        target.create(make_context(), TargetChange(key_of(body), Action.CREATE, body))
    assert "canary" not in f"{plan} {plan!r} {plan.injected} {caught.value} {target!r}"

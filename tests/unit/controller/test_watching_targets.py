"""Drift by watch: told at once, dropped when nothing has changed, and never lost between two watches."""

from __future__ import annotations

import threading
from collections import deque
from typing import ClassVar

import pytest

from gitops_core.controller.controller import Controller
from gitops_core.controller.limits import ControllerLimits
from gitops_core.controller.status import Phase
from gitops_core.controller.watching import Watching, WatchSettings, gate, is_other
from gitops_core.engine.runtime import Runtime
from gitops_core.errors import Transient
from gitops_core.model.applications import Options
from gitops_core.model.resources import Live, Unreadable, as_key
from gitops_core.state.memory import MemoryStore
from gitops_core.targets.memory import MemoryTarget
from gitops_core.targets.router import Route, RouterTarget
from gitops_core.testing.clock import VirtualClock
from gitops_core.testing.executors import InlineExecutor
from gitops_core.testing.platforms import Platform
from gitops_core.testing.worlds import config

PATIENCE = 20.0
A, B, C = (as_key(f"ConfigMap/{name}") for name in "abc")


class Told:
    """A sink that lets a test wait for the next event of a kind."""

    def __init__(self):
        self.events, self.news = deque(), threading.Condition()

    def emit(self, event):
        with self.news:
            self.events.append(event)
            self.news.notify_all()

    def wait(self, kind, application="", *, count=1):
        with self.news:
            assert self.news.wait_for(lambda: self.count(kind, application) >= count, PATIENCE), f"no {kind} came"

    def count(self, kind, application=""):
        return sum(e.type.value == kind and e.application.endswith(application) for e in self.events)


def live(key, version="1", **body):
    return Live(key, {"kind": "ConfigMap", "metadata": {"name": key.name}, **body}, "id", version)


class Scripted(MemoryTarget):
    """A target whose watches say what a test has written down; the last one ends the test's patience."""

    def __init__(self, *scripts):
        super().__init__()
        self.scripts, self.queries, self.stop = deque(scripts), [], None

    def watch(self, ctx, query):
        self.queries.append(query.keys)
        for step in self.scripts.popleft():
            if isinstance(step, Exception):
                raise step
            yield step
        if not self.scripts:
            self.stop()
            ctx.cancel.set()


class Later(InlineExecutor):
    """Keeps what it is given, until a test runs it."""

    work: ClassVar = deque()

    def submit(self, fn, /, *args, **kwargs):
        self.work.append(lambda: fn(*args, **kwargs))

    def shutdown(self, wait=True, *, cancel_futures=False):
        self.work.clear()


@pytest.fixture
def heard():
    return []


@pytest.fixture
def watching(heard):
    Later.work.clear()
    runtime = Runtime(clock=VirtualClock())
    settings = WatchSettings(store=MemoryStore(), runtime=runtime, threads=Later, restart=2.0, report=lambda: heard.append(True))
    return Watching(settings)


def follow(watching, target, *keys, name="shop", platform=None):
    app = (platform or Platform()).made(name, config("a"), target=target)
    target.stop = watching.close
    watching.follow(app, keys)
    return app


def run_all(watching):
    watching.tend()
    while Later.work:
        Later.work.popleft()()


def test_what_moves_is_told_with_its_owners_and_its_version(watching, heard):
    target = Scripted([live(A, "7"), B])
    app = follow(watching, target, A, B)
    run_all(watching)
    assert watching.moves() == {A: ((app.id,), "7"), B: ((app.id,), None)}
    assert heard == [True], "one word for all that has moved since somebody looked"
    assert watching.moves() == {}


def test_an_object_that_is_as_it_was_is_dropped_whatever_its_status_does(watching):
    target = Scripted([live(A, "1", data={}), live(A, "2", data={}, status={"x": 1}), live(A, "3", data={}, status={"x": 2})])
    follow(watching, target, A)
    run_all(watching)
    assert watching.dropped == 2
    assert [version for _, version in watching.moves().values()] == ["1"]


def test_who_waits_for_health_hears_of_every_event(watching):
    target = Scripted([live(A, "1"), live(A, "2", status={"ready": True})])
    app = follow(watching, target, A)
    watching.listen(app, eagerly=True)
    run_all(watching)
    assert [version for _, version in watching.moves().values()] == ["2"]
    watching.listen(app, eagerly=False)
    assert watching.eager == set()


def test_what_nobody_owns_is_not_told(watching):
    follow(watching, Scripted([live(C), B]), A)
    run_all(watching)
    assert watching.moves() == {}


def test_after_a_watch_that_failed_everything_may_have_moved(watching):
    target = Scripted([live(A, "1"), Transient("reset")], [live(A, "1")])
    app = follow(watching, target, A, B)
    run_all(watching)
    assert set(watching.moves()) == {A, B}, "what vanished meanwhile is not announced by a new watch"
    assert watching.errors == {"memory": "reset"}
    assert len(target.queries) == 2
    assert not watching.covers(app, (A,))


def test_a_kind_that_cannot_be_watched_is_an_error_and_no_news(watching):
    follow(watching, Scripted([Unreadable(None, "no right to", ("", "ConfigMap"))]), A)
    run_all(watching)
    assert watching.moves() == {}
    assert watching.errors == {"memory": "no right to"}


def test_new_keys_are_collected_before_a_watch_begins_anew_with_all(watching):
    target = Scripted([], [])
    app = follow(watching, target, A)
    watching.tend()
    assert watching.covers(app, (A,))
    assert watching.seconds() is None
    watching.follow(app, (A, B), (A,))
    assert not watching.covers(app, (A, B))
    assert watching.seconds() == pytest.approx(2.0, rel=0.01)
    watching.tend()
    assert len(Later.work) == 1, "not yet"
    watching._clock.advance(2.1)
    watching.tend()
    assert len(Later.work) == 2
    assert watching.covers(app, (A, B))


def test_a_target_that_nobody_uses_any_more_is_not_watched(watching):
    target = Scripted([])
    platform = Platform()
    one, two = (follow(watching, target, A, name=name, platform=platform) for name in ("one", "two"))
    watching.tend()
    watching.leave(one, (A,))
    assert watching.covers(two, (A,))
    watching.leave(two, (A,))
    assert not watching.covers(two, (A,))
    assert watching._watched == {}


def test_an_object_that_is_owned_no_more_is_no_longer_told(watching):
    target = Scripted([live(A), live(B)])
    app = follow(watching, target, A, B)
    watching.follow(app, (A,), (A, B))
    run_all(watching)
    assert set(watching.moves()) == {A}


def test_the_members_of_a_router_are_watched_each_for_its_own(watching):
    target = Scripted([live(A, "5")])
    router = RouterTarget([Route(target, kinds={"ConfigMap"}), Route(MemoryTarget("rest"))])
    app = Platform().made("shop", config("a"), target=router)
    target.stop = watching.close
    watching.follow(app, (A,))
    run_all(watching)
    assert target.queries == [frozenset({A})]
    assert watching.moves() == {A: ((app.id,), "5")}


def test_nothing_is_watched_without_threads():
    settings = WatchSettings(store=MemoryStore(), runtime=Runtime(), threads=None, restart=1.0, report=lambda: None)
    watching = Watching(settings)
    app = Platform().made("shop", config("a"))
    watching.follow(app, (A,))
    assert not watching.covers(app, (A,))
    assert watching.covers(app, ())
    watching.close()


def test_an_object_on_its_way_out_is_another_one():
    there = live(A, "4")
    going = Live(A, {}, "id", "4", deleting=True)
    assert gate(there) != gate(going)


def test_where_the_body_did_not_come_along_the_version_decides():
    assert gate(Live(A, lambda: pytest.fail("read"), "id", "4")) == "4"


@pytest.mark.parametrize(
    ("known", "version", "other"), [("4", "4", False), ("4", "5", True), ("4", None, True), ("", "", True), (None, "4", True)]
)
def test_an_object_is_other_than_its_owner_saw_it_unless_its_version_says_not(known, version, other):
    assert is_other({} if known is None else {A: known}, A, version) is other


def test_one_pass_repairs_what_a_watch_has_told_and_a_storm_of_statuses_costs_none():
    platform, told = Platform(), Told()
    options = Options(interval=3600.0, memo_age=3600.0)
    target = MemoryTarget()
    apps = [platform.made(name, config(name), target=target, options=options) for name in ("one", "two")]
    limits = ControllerLimits(watch_restart=0.0)
    controller = Controller(apps, store=MemoryStore(), runtime=Runtime(sinks=[told]), limits=limits)
    with controller.start():
        for name in ("one", "two"):
            told.wait("phase-changed", name)
        watched = threading.Event()
        while not all(controller._watching.covers(app, [as_key(f"ConfigMap/{app.name}")]) for app in apps):
            assert not watched.wait(0.005)
        passes = told.count("pass-finished")
        for number in range(1000):
            target.edit("ConfigMap/one", {"status": {"n": number}})
        target.remove("ConfigMap/two")
        told.wait("drifted", "two")
        assert as_key("ConfigMap/two") in target.objects
        assert told.count("pass-finished", "one") == told.count("pass-started", "one")
        assert controller.application(apps[0]).phase is Phase.SYNCED
        assert told.count("pass-finished") - passes <= 2

"""Ignored fields, managers, strategies and previews, through a whole pass."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from gitops_core.engine.runtime import Runtime
from gitops_core.errors import Cancelled, Conflict, Invalid, Throttled
from gitops_core.interfaces import Limits
from gitops_core.model.applications import IgnoreRule, Options
from gitops_core.model.plans import Action, DiffOp, FieldDiff
from gitops_core.model.pointers import Patterns
from gitops_core.model.results import OutcomeStatus, PassStatus
from gitops_core.operations import plan
from gitops_core.targets.memory import MemoryTarget
from gitops_core.targets.router import Route, RouterTarget
from gitops_core.testing.worlds import OPEN, World, bodies, config, statuses


class Attentive(MemoryTarget):
    """Knows who wrote each field of ``data``, and notes what it is asked."""

    def __init__(self, name="attentive"):
        super().__init__(name)
        self.asked = []
        self.managers = {}

    def update(self, ctx, change):
        self.asked.append(change)
        return super().update(ctx, change)

    def diff(self, desired, live):
        """Both sides, as the engine gives them, with the manager of what differs."""
        wanted, there = desired.get("data", {}), live.get("data", {})
        for name in wanted:
            if wanted[name] != there.get(name):
                op = DiffOp.REPLACE if name in there else DiffOp.ADD
                before = json.dumps(there[name]) if name in there else ""
                yield FieldDiff(f"/data/{name}", op, before=before, after=json.dumps(wanted[name]),
                    manager=self.managers.get(name, ""))  # fmt: skip


class Previewing(MemoryTarget):
    """A target whose API drops ``mode`` from what is written, and has an opinion on ``color``."""

    previews_updates = True
    answer = None

    def __init__(self, name="previewing"):
        super().__init__(name, limits=Limits(concurrency=3))

    def preview(self, ctx, change):
        made = dict(super().preview(ctx, change))
        if self.answer is not None:
            raise self.answer
        if change.desired["data"].get("color") == "plaid":
            raise Invalid("no such color: plaid; use another one")
        data = {name: value for name, value in made["data"].items() if name != "mode"}
        return {**made, "data": data}


def noted(name, /, notes=None, **data):
    return config(name, notes={f"example.org/{k}": v for k, v in (notes or {}).items()}, **data)


# -- ignored -----------------------------------------------------------------------------------------------------------------


def test_an_ignored_field_keeps_its_live_value_when_another_field_of_the_object_is_updated():
    world = World(options=Options(ignore=[IgnoreRule(["/data/replicas"], kinds={"ConfigMap"})]))
    world.declare(config("a", replicas=2, color="blue"))
    world.reconcile()
    world.target.edit("ConfigMap/a", {"data": {"replicas": 7}})
    world.declare(config("a", replicas=3, color="red"))
    result = world.reconcile()
    assert (result.ok, statuses(result)) == (True, {"ConfigMap/a": "done"})
    assert bodies(world)["ConfigMap/a"]["data"] == {"replicas": 7, "color": "red"}
    assert world.reconcile().status is PassStatus.IN_SYNC


def test_an_ignored_field_that_somebody_took_away_is_not_put_back_by_an_update_of_another_one():
    world = World()
    world.declare(noted("a", {"ignore": "/data/replicas"}, replicas=2, color="blue"))
    world.reconcile()
    assert bodies(world)["ConfigMap/a"]["data"]["replicas"] == 2
    world.target.edit("ConfigMap/a", {"data": {"replicas": None}})
    world.declare(noted("a", {"ignore": "/data/replicas"}, replicas=2, color="red"))
    assert world.reconcile().ok
    assert bodies(world)["ConfigMap/a"]["data"] == {"color": "red"}


def test_the_target_is_told_what_is_ignored_how_to_write_and_what_to_do_about_conflicts():
    target = Attentive()
    world = World(target=target, options=Options(ignore=[IgnoreRule(["/data/x"])], conflicts="leave"))
    notes = {"ignore": "/data/y", "strategy": "replace", "conflicts": "take"}
    world.declare(noted("a", notes, v=1), noted("b", v=1))
    world.reconcile()
    world.declare(noted("a", notes, v=2), noted("b", v=2))
    world.reconcile()
    a, b = sorted(target.asked, key=lambda change: change.key)
    assert (a.ignored, a.strategy, a.conflicts) == (Patterns(["/data/x", "/data/y"]), "replace", "take")
    assert (b.ignored, b.strategy, b.conflicts) == (Patterns(["/data/x"]), "apply", "leave")


def test_a_create_writes_ignored_fields_as_declared():
    world = World(options=Options(ignore=[IgnoreRule(["/data/replicas"])]))
    world.declare(config("a", replicas=2))
    assert world.reconcile().ok
    assert bodies(world)["ConfigMap/a"]["data"] == {"replicas": 2}


# -- managers ------------------------------------------------------------------------------------------------------------------


def test_drift_by_another_manager_is_repaired_and_his_name_is_in_the_plan():
    world = World(target=Attentive())
    world.declare(config("a", v=1))
    world.reconcile()
    world.target.edit("ConfigMap/a", {"data": {"v": 7}})
    world.target.managers = {"v": "kubectl"}
    assert "managed by kubectl" in world.plan().text()
    assert world.reconcile().ok
    assert bodies(world)["ConfigMap/a"]["data"]["v"] == 1


def test_another_managers_field_is_not_taken_until_somebody_says_so():
    world = World(target=Attentive())
    world.declare(config("a", v=1))
    world.reconcile()
    world.target.edit("ConfigMap/a", {"data": {"w": 7}})
    world.target.managers = {"w": "autoscaler"}
    world.declare(config("a", v=1, w=2))
    for _ in range(2):  # the second pass finds what the first has recorded
        result = world.reconcile()
        assert result.status is PassStatus.REFUSED
        assert "w is managed by autoscaler" in result["ConfigMap/a"].reason
        assert bodies(world)["ConfigMap/a"]["data"]["w"] == 7
    world.options = Options(conflicts="take")
    assert world.reconcile().ok
    assert bodies(world)["ConfigMap/a"]["data"]["w"] == 2


def test_a_write_that_met_a_conflict_does_not_make_the_field_ours():
    class Late(Attentive):
        """Somebody else writes ``w`` between our look and our write."""

        conflict = True

        def update(self, ctx, change):
            if self.conflict:
                self.conflict = False
                self.edit(change.key, {"data": {"w": 7}})
                self.managers = {"w": "autoscaler"}
                raise Conflict("w is managed by autoscaler", key=change.key)
            return super().update(ctx, change)

    world = World(target=Late())
    world.declare(config("a", v=1))
    world.reconcile()
    world.declare(config("a", v=1, w=2))
    assert world.reconcile()["ConfigMap/a"].status is OutcomeStatus.STALE
    assert world.reconcile()["ConfigMap/a"].status is OutcomeStatus.REFUSED
    assert bodies(world)["ConfigMap/a"]["data"]["w"] == 7


def test_what_is_left_to_others_is_as_it_should_be_after_the_write():
    world = World(target=Attentive(), options=Options(conflicts="leave"))
    world.declare(config("a", v=1))
    world.reconcile()
    world.target.edit("ConfigMap/a", {"data": {"w": 7}})
    world.target.managers = {"w": "autoscaler"}
    world.declare(config("a", v=2, w=2))

    def leaving(ctx, change):  # what an API that knows managers does when it is not told to force
        desired = {**change.desired, "data": {"v": change.desired["data"]["v"], "w": 7}}
        return MemoryTarget.update(world.target, ctx, type(change)(change.key, change.action, desired, change.live))

    world.target.update = leaving
    assert statuses(world.reconcile()) == {"ConfigMap/a": "done"}
    assert bodies(world)["ConfigMap/a"]["data"] == {"v": 2, "w": 7}
    assert world.reconcile().status is PassStatus.IN_SYNC


# -- strategies ----------------------------------------------------------------------------------------------------------------


def test_create_only_survives_every_edit_and_is_made_again_when_it_is_gone():
    world = World()
    world.declare(noted("seed", {"strategy": "create-only"}, password="first"))  # why: a test's
    world.reconcile()
    world.target.edit("ConfigMap/seed", {"data": {"password": "theirs"}})
    assert world.reconcile().status is PassStatus.IN_SYNC
    world.target.remove("ConfigMap/seed")
    assert world.reconcile().ok
    assert bodies(world)["ConfigMap/seed"]["data"]["password"] == "first"


@pytest.mark.parametrize("marks", [None, ""])
def test_create_only_adopts_without_changing_a_value_also_where_the_owner_has_to_be_marked(marks):
    class Marking(Attentive):
        def observe(self, ctx, query):
            for live in super().observe(ctx, query):
                yield type(live)(live.key, live.body, live.id, live.version, owner=marks)

    world = World(target=Marking())
    world.target.put(config("seed", password="theirs", more=1))  # why: a test's
    world.declare(noted("seed", {"strategy": "create-only"}, password="first", other=2))
    assert statuses(world.reconcile()) == {"ConfigMap/seed": "done"}
    assert bodies(world)["ConfigMap/seed"]["data"] == {"password": "theirs", "more": 1}
    assert len(world.target.asked) == (marks is not None)
    assert "ConfigMap/seed" in [str(key) for key in world.store.inventory(world.app.id).entries]


def test_recreate_deletes_and_creates():
    world = World(guard=OPEN)
    world.declare(noted("a", {"strategy": "recreate"}, v=1))
    old = world.reconcile()["ConfigMap/a"].id
    world.declare(noted("a", {"strategy": "recreate"}, v=2))
    result = world.reconcile()
    assert (result.ok, result["ConfigMap/a"].action) == (True, Action.REPLACE)
    assert result["ConfigMap/a"].id != old


# -- previews ------------------------------------------------------------------------------------------------------------------


def previewing():
    world = World(target=Previewing())
    world.declare(config("a", color="blue"), config("b", color="blue"), config("c", color="blue"), config("d"))
    world.reconcile()
    world.target.calls.clear()
    return world


def test_a_plan_leaves_out_what_the_api_would_not_change_and_refuses_what_it_would_not_accept():
    world = previewing()
    world.declare(config("a", color="blue", mode="x"), config("b", color="plaid"), config("c", color="red", mode="x"))
    found = world.plan()
    assert {c.key.name: (c.state.value, c.rule) for c in found.changes} == {"b": ("refused", "preview"), "c": ("ready", "")}
    assert "no such color: plaid" in found["ConfigMap/b"].reason
    assert [d.pointer for d in found["ConfigMap/c"].diff] == ["/data/color"]
    assert world.target.calls["preview"] == 3


def test_false_differences_do_not_strike_a_limit_and_many_real_ones_do():
    world = previewing()
    world.declare(*(config(name, color="blue", mode="x") for name in "abc"))
    assert world.plan().is_empty
    world.declare(*(config(name, color="red", mode="x") for name in "abc"))
    assert {c.rule for c in world.plan().changes} == {"touched_limit"}


def test_an_adoption_is_previewed_and_a_create_a_delete_or_an_equal_object_is_not():
    world = previewing()
    world.target.put(config("there", v=1))
    world.declare(config("there", v=2), config("new"))
    world.undeclare("ConfigMap/d")
    assert len(world.plan().changes) == 3
    assert world.target.calls["preview"] == 1


def test_only_a_plan_for_people_asks_and_a_pass_does_not():
    world = previewing()
    world.declare(config("a", color="red"))
    world.reconcile()
    assert world.target.calls["preview"] == 0
    world.declare(config("a", color="green"))
    saved = world.plan()
    assert world.target.calls["preview"] == 1
    assert world.apply(saved).ok
    assert world.target.calls["preview"] == 1


@pytest.mark.parametrize("error", [Throttled("busy", retry_after=0.0), Conflict("it has just changed")])
def test_when_the_api_cannot_say_for_now_the_plan_shows_what_was_compared(error):
    world = previewing()
    world.target.answer = error
    world.declare(config("a", color="red"))
    change = world.plan()["ConfigMap/a"]
    assert (change.is_ready, [d.pointer for d in change.diff]) == (True, ["/data/color"])


def test_a_stop_ends_the_plan():
    world = previewing()
    world.target.answer = Cancelled("stop")
    world.declare(config("a", color="red"))
    with pytest.raises(Cancelled):
        world.plan()


def test_a_preview_that_answers_nonsense_is_refused_with_the_targets_name():
    world = previewing()
    world.target.preview = lambda _ctx, _change: ["what?"]
    world.declare(config("a", color="red"))
    change = world.plan()["ConfigMap/a"]
    assert (change.state.value, change.rule) == ("refused", "preview")
    assert "preview returned list, not an object" in change.reason


def test_what_is_ignored_is_previewed_with_its_live_value():
    world = previewing()
    world.options = Options(ignore=[IgnoreRule(["/data/color"])])
    world.target.edit("ConfigMap/a", {"data": {"color": "plaid"}})
    world.declare(config("a", color="blue", size=2))
    assert world.plan()["ConfigMap/a"].rule == "preview"  # the live color is the one that would be written


def test_a_router_has_the_updates_of_those_members_previewed_that_want_it():
    one, other = Previewing("one"), MemoryTarget("other")
    world = World(target=RouterTarget([Route(one, names={"a*"}), Route(other, names={"b*"})]))
    world.declare(config("a1", color="blue"), config("a2", color="blue"), config("b1", color="blue"))
    world.reconcile()
    world.declare(config("a1", color="plaid"), config("a2", color="blue", mode="x"), config("b1", color="plaid", mode="x"))
    found = {c.key.name: (c.state.value, c.rule) for c in world.plan().changes}
    assert found == {"a1": ("refused", "preview"), "b1": ("ready", "")}
    assert (one.calls["preview"], other.calls["preview"]) == (2, 0)


def test_a_target_that_wants_previews_and_has_none_is_not_asked():
    class Wishful(MemoryTarget):
        previews_updates = True
        preview = MemoryTarget.__mro__[1].preview

    world = World(target=Wishful())
    world.declare(config("a", v=1))
    world.reconcile()
    world.declare(config("a", v=2))
    assert world.plan()["ConfigMap/a"].is_ready


def test_previews_are_asked_as_many_at_once_as_the_target_bears():
    sizes = Counter()

    class Pool:
        def __init__(self, size):
            sizes[size] += 1

        def __enter__(self):
            return self

        def __exit__(self, *_exc):
            return None

        def submit(self, call, *args):
            from concurrent.futures import Future

            future = Future()
            future.set_result(call(*args))
            return future

    world = previewing()
    world.guard = OPEN
    world.declare(*(config(name, color="red") for name in "abcd"))
    runtime = Runtime(clock=world.clock, executor=Pool)
    assert len(plan(world.app, store=world.store, runtime=runtime).ready) == 4
    assert sizes == {3: 1}

"""The six operations, whole, in memory: what an embedder relies on."""

from __future__ import annotations

import attrs
import pytest

from gitops_core.errors import ConfigError, Denied, Invalid, NotFound, PlanMismatch, RevisionVanished, Transient
from gitops_core.interfaces import Identity, Policy, Renderer
from gitops_core.model.applications import Options
from gitops_core.model.fields import Fields
from gitops_core.model.guards import Approval, Guard
from gitops_core.model.inventory import InventoryUpdate
from gitops_core.model.plans import Action, ChangeState, Plan
from gitops_core.model.resources import Live, Pending, Resource, ResourceKey, Unreadable
from gitops_core.model.results import OutcomeStatus, PassStatus
from gitops_core.model.verdicts import Violation
from gitops_core.renderers.manifests import ManifestsRenderer
from gitops_core.sources.memory import MemorySource
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.worlds import World, config

OPEN = Guard(delete_floor=1000, delete_fraction=1.0, delete_cap=1000, touched_fraction=1.0, allow_empty=True)


def bodies(world: World) -> dict[str, dict]:
    return {str(key): dict(body) for key, body in world.target.objects.items()}


def statuses(result) -> dict[str, str]:
    return {str(o.key): o.status.value for o in result.outcomes}


# -- the plain pass --------------------------------------------------------------------------------------------------


def test_a_pass_makes_the_target_equal_to_the_source_and_a_second_one_changes_nothing():
    world = World()
    world.declare(config("a", color="blue"), config("b"))
    first = world.reconcile()
    assert first.status is PassStatus.CHANGED
    assert statuses(first) == {"ConfigMap/a": "done", "ConfigMap/b": "done"}
    assert bodies(world)["ConfigMap/a"]["data"] == {"color": "blue"}
    writes = world.target.calls.copy()
    second = world.reconcile()
    assert second.status is PassStatus.IN_SYNC
    assert second.plan.is_empty
    assert [str(k) for k in second.plan.unchanged] == ["ConfigMap/a", "ConfigMap/b"]
    assert world.target.calls["create"] == writes["create"] == 2


def test_a_created_object_costs_one_write_and_an_unchanged_one_none():
    world = World()
    world.declare(*(config(f"c{i}") for i in range(20)))
    assert world.reconcile().cost.writes == 20
    world.declare(config("c3", color="red"))
    result = world.reconcile()
    assert (result.cost.writes, result.cost.reads) == (1, 2)
    assert result.plan["ConfigMap/c3"].action is Action.UPDATE


def test_a_pass_with_nothing_new_asks_neither_renderer_nor_target():
    world = World()
    world.declare(config("a"))
    world.reconcile()
    world.reconcile()
    observed = world.target.calls["observe"]
    result = world.reconcile()
    assert result.status is PassStatus.IN_SYNC
    assert world.target.calls["observe"] == observed
    assert result.cost.documents_decoded == 0


def test_a_quiet_pass_returns_the_plan_that_a_full_one_would():
    world = World()
    world.declare(config("a"), config("b"))
    world.reconcile()
    assert world.reconcile().plan == world.reconcile().plan == world.plan()


def test_drift_is_found_and_mended_and_fields_of_others_stay():
    world = World()
    world.declare(config("a", color="blue"))
    world.reconcile()
    world.target.edit("ConfigMap/a", {"data": {"color": "red", "theirs": "kept"}})
    change = world.plan()["ConfigMap/a"]
    assert change.action is Action.UPDATE
    assert [(d.before, d.after) for d in change.diff] == [('"red"', '"blue"')]
    assert world.reconcile().status is PassStatus.CHANGED
    assert bodies(world)["ConfigMap/a"]["data"] == {"color": "blue", "theirs": "kept"}


def test_a_field_that_is_no_longer_declared_is_removed():
    world = World()
    world.declare(config("a", color="blue", size="xl"))
    world.reconcile()
    world.declare(config("a", color="blue"))
    assert world.reconcile().ok
    assert bodies(world)["ConfigMap/a"]["data"] == {"color": "blue"}
    assert world.reconcile().plan.is_empty


def test_an_external_delete_is_made_good():
    world = World()
    world.declare(config("a"))
    world.reconcile()
    world.target.remove("ConfigMap/a")
    assert world.plan()["ConfigMap/a"].action is Action.CREATE
    assert world.reconcile().ok
    assert "ConfigMap/a" in bodies(world)


def test_what_is_no_longer_declared_is_pruned_and_forgotten():
    world = World()
    world.declare(config("a"), config("b"), config("c"))
    world.reconcile()
    world.undeclare("ConfigMap/b")
    result = world.reconcile()
    assert result["ConfigMap/b"].action is Action.DELETE
    assert sorted(bodies(world)) == ["ConfigMap/a", "ConfigMap/c"]
    assert sorted(map(str, world.store.inventory(world.app.id).entries)) == ["ConfigMap/a", "ConfigMap/c"]


def test_planning_writes_nothing():
    world = World()
    world.declare(config("a"))
    plan = world.plan()
    assert plan["ConfigMap/a"].action is Action.CREATE
    assert bodies(world) == {}
    assert world.store.inventory(world.app.id).serial == 0
    assert set(world.target.calls) == {"observe"}


def test_objects_of_nobody_are_not_touched():
    world = World(target=MemoryTarget(objects=[config("stranger")]))
    world.declare(config("a"))
    world.reconcile()
    world.undeclare("ConfigMap/a")
    world.guard = OPEN
    assert world.reconcile().ok
    assert list(bodies(world)) == ["ConfigMap/stranger"]


# -- ownership ---------------------------------------------------------------------------------------------------------


def test_an_equal_object_of_nobody_is_adopted_without_a_write():
    world = World(target=MemoryTarget(objects=[config("a", color="blue")]))
    world.declare(config("a", color="blue"))
    result = world.reconcile()
    assert (result["ConfigMap/a"].action, result.cost.writes) == (Action.ADOPT, 0)
    assert world.reconcile().status is PassStatus.IN_SYNC


def test_a_different_object_of_nobody_is_adopted_with_its_diff():
    world = World(target=MemoryTarget(objects=[config("a", color="red")]))
    world.declare(config("a", color="blue"))
    change = world.plan()["ConfigMap/a"]
    assert (change.action, len(change.diff)) == (Action.ADOPT, 1)
    assert world.reconcile().ok
    assert bodies(world)["ConfigMap/a"]["data"] == {"color": "blue"}


def test_adoption_can_be_forbidden():
    world = World(target=MemoryTarget(objects=[config("a", color="red")]), options=Options(adopt=False))
    world.declare(config("a", color="blue"))
    result = world.reconcile()
    assert result.status is PassStatus.REFUSED
    assert bodies(world)["ConfigMap/a"]["data"] == {"color": "red"}


def two_applications() -> tuple[World, World]:
    one = World(name="one", guard=OPEN)
    return one, World(name="two", guard=OPEN, target=one.target, store=one.store)


def test_an_object_of_another_application_is_refused_with_both_names():
    one, two = two_applications()
    one.declare(config("a", color="blue"))
    one.reconcile()
    two.declare(config("a", color="red"))
    result = two.reconcile()
    assert result.status is PassStatus.REFUSED
    assert "example.org/tests/one" in result.plan["ConfigMap/a"].reason
    assert bodies(one)["ConfigMap/a"]["data"] == {"color": "blue"}


def test_moving_an_object_between_applications_never_deletes_it():
    one, two = two_applications()
    one.declare(config("a", color="blue"), config("stays"))
    one.reconcile()
    two.declare(config("a", color="red"))
    two.reconcile()
    one.undeclare("ConfigMap/a")
    handed = one.reconcile()
    assert "example.org/tests/two" in handed["ConfigMap/a"].reason
    assert "ConfigMap/a" in bodies(one)
    assert one.target.calls["delete"] == 0
    assert two.reconcile().ok
    assert bodies(one)["ConfigMap/a"]["data"] == {"color": "red"}
    assert one.reconcile().status is PassStatus.IN_SYNC


def test_an_object_that_moves_is_not_deleted_when_its_old_application_looks_first():
    one, two = two_applications()
    two.clock = one.clock
    one.declare(config("a", color="blue"), config("stays"))
    two.declare(config("other"))
    assert one.reconcile().ok
    assert two.reconcile().ok
    one.clock.advance(10)
    one.undeclare("ConfigMap/a")
    two.declare(config("a", color="blue"))
    first = one.reconcile()
    assert first["ConfigMap/a"].status is OutcomeStatus.DEFERRED
    assert "example.org/tests/two may take it over" in first["ConfigMap/a"].reason
    one.clock.advance(1)
    assert two.reconcile().status is PassStatus.REFUSED
    one.clock.advance(1)
    assert one.reconcile()["ConfigMap/a"].status is not OutcomeStatus.REFUSED
    assert two.reconcile().ok
    assert one.target.calls["delete"] == 0
    assert one.reconcile().status is PassStatus.IN_SYNC


def test_a_delete_waits_for_its_neighbours_once_and_not_for_ever():
    one, two = two_applications()
    two.clock = one.clock
    one.declare(config("a"), config("b"), config("stays"))
    two.declare(config("other"))
    one.reconcile()
    two.reconcile()
    one.clock.advance(10)
    one.undeclare("ConfigMap/a")
    assert one.reconcile()["ConfigMap/a"].status is OutcomeStatus.DEFERRED
    one.clock.advance(5)
    two.reconcile()
    one.clock.advance(5)
    assert one.reconcile()["ConfigMap/a"].status is OutcomeStatus.DONE  # its neighbour has looked
    one.undeclare("ConfigMap/b")
    assert one.reconcile()["ConfigMap/b"].status is OutcomeStatus.DEFERRED
    one.clock.advance(one.options.handover)
    assert one.reconcile()["ConfigMap/b"].status is OutcomeStatus.DONE  # nobody is waited for for ever


def test_an_object_that_somebody_else_made_anew_is_not_pruned():
    world = World(guard=OPEN)
    world.declare(config("a"), config("b"))
    world.reconcile()
    world.target.remove("ConfigMap/a")
    world.target.put(config("a", color="theirs"))
    world.undeclare("ConfigMap/a")
    world.reconcile()
    assert bodies(world)["ConfigMap/a"]["data"] == {"color": "theirs"}


# -- safety ----------------------------------------------------------------------------------------------------------------


def test_too_many_deletes_are_refused_and_the_rest_goes_on():
    world = World()
    world.declare(*(config(f"c{i}") for i in range(12)))
    world.reconcile()
    world.undeclare(*(f"ConfigMap/c{i}" for i in range(6)))
    world.declare(config("new"))
    result = world.reconcile()
    assert result.status is PassStatus.REFUSED
    assert len(bodies(world)) == 13
    assert result["ConfigMap/c1"].status is OutcomeStatus.REFUSED
    assert "delete" in world.plan().text()


def test_an_approval_lets_them_through_and_expires():
    world = World()
    world.declare(*(config(f"c{i}") for i in range(12)))
    world.reconcile()
    world.undeclare(*(f"ConfigMap/c{i}" for i in range(5)))
    expired = Approval(name="CHG-1", expires_at=world.clock.now() - 1, rules={"delete_limit", "touched_limit"})
    world.approvals = (expired,)
    assert world.reconcile().status is PassStatus.REFUSED
    world.approvals = (attrs.evolve(expired, expires_at=world.clock.now() + 3600),)
    assert world.reconcile().status is PassStatus.CHANGED
    assert len(bodies(world)) == 7


def test_an_empty_render_prunes_nothing():
    world = World()
    world.declare(config("a"))
    world.reconcile()
    world.undeclare("ConfigMap/a")
    result = world.reconcile()
    assert result.status is PassStatus.REFUSED
    assert list(bodies(world)) == ["ConfigMap/a"]


def test_protection_outlives_the_declaration_that_asked_for_it():
    world = World(guard=OPEN)
    world.declare(config("a", notes={"example.org/protect": "true"}), config("b"))
    world.reconcile()
    world.undeclare("ConfigMap/a")
    result = world.reconcile()
    assert result["ConfigMap/a"].status is OutcomeStatus.REFUSED
    assert "ConfigMap/a" in bodies(world)


def test_a_denied_object_is_not_written_and_the_others_are():
    class NoRed(Policy):
        def review(self, ctx, subject):
            for resource in subject.resources:
                if resource.body["data"].get("color") == "red":
                    yield Violation(resource.key, "red is not allowed; use blue", pointer="/data/color")

    world = World(policies=(NoRed(),))
    world.declare(config("a", color="red"), config("b", color="blue"))
    result = world.reconcile()
    assert result.status is PassStatus.REFUSED
    assert list(bodies(world)) == ["ConfigMap/b"]
    (violation,) = result.plan.verdict.violations
    assert (violation.policy, violation.origin.path) == ("NoRed", "ConfigMap.a.json")
    assert violation.origin.revision == result.revision.id


def test_a_policy_that_raises_denies_everything():
    class Broken(Policy):
        def review(self, ctx, subject):
            raise ZeroDivisionError("oops")

    world = World(policies=(Broken(),))
    world.declare(config("a"))
    result = world.reconcile()
    assert result.status is PassStatus.REFUSED
    assert bodies(world) == {}
    assert "ZeroDivisionError" in result.plan.verdict.violations[0].message


def test_a_policy_may_look_at_the_plan():
    class NoDeletes(Policy):
        needs_plan = True

        def review(self, ctx, subject):
            for change in subject.plan.changes if subject.plan else ():
                if change.action is Action.DELETE:
                    yield Violation(change.key, "deletes need a ticket")

    world = World(policies=(NoDeletes(),), guard=OPEN)
    world.declare(config("a"), config("b"))
    assert world.reconcile().ok
    world.undeclare("ConfigMap/a")
    assert world.reconcile().status is PassStatus.REFUSED
    assert len(bodies(world)) == 2


# -- targets that misbehave --------------------------------------------------------------------------------------------


class Moody(MemoryTarget):
    """Fails as told, by operation and name."""

    def __init__(self, **faults: Exception) -> None:
        super().__init__()
        self.faults = faults

    def create(self, ctx, change):
        error = self.faults.get(f"create_{change.key.name}")
        if error is not None:
            raise error
        return super().create(ctx, change)


def test_independent_objects_converge_even_if_another_fails_for_ever():
    world = World(target=Moody(create_bad=Denied("no permission to create; grant it")))
    world.declare(config("bad"), config("a"), config("needs", notes={"example.org/depends-on": "ConfigMap/bad"}))
    result = world.reconcile()
    assert result.status is PassStatus.DEGRADED
    assert statuses(result) == {"ConfigMap/bad": "failed", "ConfigMap/a": "done", "ConfigMap/needs": "skipped"}
    assert "ConfigMap/bad" in result["ConfigMap/needs"].reason
    (failure,) = result.failures
    assert (failure.error, failure.key, failure.origin.path) == (
        "Denied",
        ResourceKey("", "ConfigMap", "", "bad"),
        "ConfigMap.bad.json",
    )


def test_an_object_that_the_api_refused_is_not_in_the_inventory():
    world = World(target=Moody(create_bad=Invalid("bad name")))
    world.declare(config("bad"), config("a"))
    world.reconcile()
    assert [str(k) for k in world.store.inventory(world.app.id).entries] == ["ConfigMap/a"]


def test_a_target_that_cannot_be_read_is_left_alone():
    class Down(MemoryTarget):
        down = False

        def observe(self, ctx, query):
            if self.down:
                raise Transient("connection refused")
            yield from super().observe(ctx, query)

    world = World(target=Down())
    world.declare(config("a"), config("b"))
    world.reconcile()
    world.target.down = True
    world.undeclare("ConfigMap/a")
    world.declare(config("c"))
    result = world.reconcile()
    assert result.status is PassStatus.DEGRADED
    assert sorted(bodies(world)) == ["ConfigMap/a", "ConfigMap/b"]
    assert any("connection refused" in text for text in result.plan.unreadable)


def test_unreadable_never_becomes_absent():
    class Blind(MemoryTarget):
        def observe(self, ctx, query):
            for live in super().observe(ctx, query):
                yield Unreadable(live.key, "conversion failed") if live.key.name == "a" else live

    world = World(target=Blind(objects=[config("a", color="theirs")]), guard=OPEN)
    world.declare(config("a"), config("b"))
    result = world.reconcile()
    assert result["ConfigMap/a"].status is OutcomeStatus.DEFERRED
    assert bodies(world)["ConfigMap/a"]["data"] == {"color": "theirs"}
    assert result["ConfigMap/b"].status is OutcomeStatus.DONE


class LyingCreate(MemoryTarget):
    def create(self, ctx, change):
        return Live(change.key, change.desired, id="42")


class LyingUpdate(MemoryTarget):
    def update(self, ctx, change):
        return None


class LyingDelete(MemoryTarget):
    def delete(self, ctx, change):
        return None


def test_a_create_that_creates_nothing_is_found_out():
    world = World(target=LyingCreate())
    world.declare(config("a"))
    result = world.reconcile()
    assert result["ConfigMap/a"].status is OutcomeStatus.UNVERIFIED
    assert result.status is PassStatus.DEGRADED
    assert ResourceKey("", "ConfigMap", "", "a") in world.store.inventory(world.app.id).entries


def test_an_update_that_updates_nothing_is_found_out_with_the_diff():
    world = World(target=LyingUpdate())
    world.declare(config("a", color="blue"))
    world.reconcile()
    world.declare(config("a", color="red"))
    result = world.reconcile()
    assert result["ConfigMap/a"].status is OutcomeStatus.UNVERIFIED
    assert [d.after for d in result["ConfigMap/a"].diff] == ['"red"']


def test_a_delete_that_deletes_nothing_is_found_out_and_stays_ours():
    world = World(target=LyingDelete(), guard=OPEN)
    world.declare(config("a"), config("b"))
    world.reconcile()
    world.undeclare("ConfigMap/a")
    result = world.reconcile()
    assert result["ConfigMap/a"].status is OutcomeStatus.UNVERIFIED
    assert ResourceKey("", "ConfigMap", "", "a") in world.store.inventory(world.app.id).entries


def test_a_lost_reply_makes_no_second_object():
    class Lossy(MemoryTarget):
        lost = False

        def create(self, ctx, change):
            answer = super().create(ctx, change)
            if not self.lost:
                self.lost = True
                raise Transient("connection reset")
            return answer

    world = World(target=Lossy())
    world.declare(config("a"))
    result = world.reconcile()
    assert result["ConfigMap/a"].status is OutcomeStatus.DONE
    assert result.cost.retries == 1


@pytest.mark.parametrize(("method", "answer"), [("observe", 7), ("observe", ["x"]), ("create", "yes"), ("delete", 3)])
def test_a_plugin_that_returns_the_wrong_type_is_named(method, answer):
    world = World(target=MemoryTarget(), guard=OPEN)
    world.declare(config("a"), config("b"))
    world.reconcile()
    world.undeclare("ConfigMap/a")
    world.declare(config("c"))
    wrong = type("Wrong", (MemoryTarget,), {method: lambda self, ctx, arg: answer})
    world.target = wrong.from_snapshot(world.target.snapshot())
    result = world.reconcile()
    text = result.text() + " ".join(result.plan.unreadable)
    assert f"memory.{method}" in text
    assert type(answer).__name__ in text or "str" in text


# -- replace -------------------------------------------------------------------------------------------------------------


def test_an_immutable_field_is_replaced_by_delete_and_create():
    world = World(target=MemoryTarget(fields=Fields(immutable={"/data/zone"})), guard=OPEN)
    world.declare(config("a", zone="1"), config("b"))
    first = world.reconcile()["ConfigMap/a"].id
    world.declare(config("a", zone="2"))
    change = world.plan()["ConfigMap/a"]
    assert (change.action, change.diff[0].forces_replacement) == (Action.REPLACE, True)
    result = world.reconcile()
    assert result["ConfigMap/a"].status is OutcomeStatus.DONE
    assert result["ConfigMap/a"].id != first
    assert world.store.inventory(world.app.id).entries[ResourceKey("", "ConfigMap", "", "a")].id == result["ConfigMap/a"].id
    assert world.reconcile().plan.is_empty


class Picky(MemoryTarget):
    """Refuses zone 3, in a preview and for real."""

    def preview(self, ctx, change):
        if change.desired["data"].get("zone") == "3":
            raise Invalid("there is no zone 3", "/data/zone")
        return super().preview(ctx, change)

    def create(self, ctx, change):
        if change.desired["data"].get("zone") == "3":
            raise Invalid("there is no zone 3", "/data/zone")
        return super().create(ctx, change)


class PickyWithoutPreview(Picky):
    preview = MemoryTarget.__mro__[1].preview  # Target's: not overridden


@pytest.mark.parametrize("target", [Picky, PickyWithoutPreview])
def test_a_replace_with_an_invalid_manifest_leaves_the_old_object(target):
    world = World(target=target(fields=Fields(immutable={"/data/zone"})), guard=OPEN)
    world.declare(config("a", zone="1"), config("b"))
    world.reconcile()
    world.declare(config("a", zone="3"))
    result = world.reconcile()
    assert result["ConfigMap/a"].status is OutcomeStatus.FAILED
    assert "there is no zone 3" in result["ConfigMap/a"].reason
    assert bodies(world)["ConfigMap/a"]["data"] == {"zone": "1"}


# -- operations that take time ---------------------------------------------------------------------------------------------


class Slow(MemoryTarget):
    """Answers Pending; the object is there after some polls."""

    identity = Identity.ASSIGNED

    def __init__(self, polls: int = 3) -> None:
        super().__init__()
        self.polls = polls
        self.started: dict[str, object] = {}

    def create(self, ctx, change):
        self.started.setdefault(change.idempotency_key, change)
        return Pending(change.idempotency_key, retry_after=5.0)

    def poll(self, ctx, pending):
        if self.polls > 0:
            self.polls -= 1
            return Pending(pending.token, retry_after=5.0)
        return super().create(ctx, self.started.pop(pending.token))


def test_a_pending_create_is_polled_until_it_is_there():
    world = World(target=Slow())
    world.declare(config("a"))
    began = world.clock.now()
    result = world.reconcile()
    assert result["ConfigMap/a"].status is OutcomeStatus.DONE
    assert world.clock.now() - began >= 15.0
    assert world.store.inventory(world.app.id).intents == {}


def test_what_is_pending_at_the_deadline_is_taken_up_by_the_next_pass():
    target = Slow(polls=1000)
    world = World(target=target, options=Options(deadline=60.0))
    world.declare(config("a"))
    result = world.reconcile()
    assert result["ConfigMap/a"].status is OutcomeStatus.PENDING
    assert len(world.store.inventory(world.app.id).intents) == 1
    again = world.reconcile()
    assert again["ConfigMap/a"].status is OutcomeStatus.DEFERRED
    assert len(target.started) == 1
    target.polls = 0
    assert world.reconcile().status is PassStatus.IN_SYNC
    assert len(bodies(world)) == 1
    assert world.store.inventory(world.app.id).intents == {}


def test_an_object_that_is_not_healthy_in_time_is_unsettled_and_the_next_pass_looks_again():
    class Rolling(MemoryTarget):
        def create(self, ctx, change):
            live = super().create(ctx, change)
            self.edit(change.key, {"status": {"phase": "Pending"}})
            return live

    world = World(target=Rolling(), options=Options(health_timeout=30.0))
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": []}}
    world.declare(pod)
    began = world.clock.now()
    result = world.reconcile()
    assert result["Pod/p"].status is OutcomeStatus.UNSETTLED
    assert 30.0 <= world.clock.now() - began < 40.0
    assert result.status is PassStatus.PENDING
    assert world.reconcile().status is PassStatus.PENDING
    world.target.edit("Pod/p", {"status": {"phase": "Succeeded"}})
    assert world.reconcile().status is PassStatus.IN_SYNC


def test_a_stop_finishes_the_change_in_hand_and_begins_nothing_new():
    world = World()

    class Stopping(MemoryTarget):
        def create(self, ctx, change):
            live = super().create(ctx, change)
            world.cancel.set()
            return live

    world.target = target = Stopping()
    world.declare(*(config(f"c{i}") for i in range(100)))
    result = world.reconcile()
    counts = result.counts()
    assert counts == {OutcomeStatus.PENDING: 1, OutcomeStatus.SKIPPED: 99}
    assert len(result.outcomes) == 100
    assert len(world.store.inventory(world.app.id).entries) == 1
    world.cancel.clear()
    world.target = MemoryTarget.from_snapshot(target.snapshot())
    assert world.reconcile().ok
    assert len(bodies(world)) == 100


# -- saved plans -------------------------------------------------------------------------------------------------------------


def test_a_saved_plan_is_applied_as_it_was_shown():
    world = World()
    world.declare(config("a", color="blue"))
    saved = Plan.from_json(world.plan().to_json())
    assert world.apply(saved).status is PassStatus.CHANGED
    assert bodies(world)["ConfigMap/a"]["data"] == {"color": "blue"}


def test_a_saved_plan_that_was_applied_already_is_done():
    world = World()
    world.declare(config("a", color="blue"), config("b"))
    world.reconcile()
    world.undeclare("ConfigMap/b")
    world.declare(config("a", color="red"))
    saved = world.plan()
    assert world.apply(saved).ok
    again = world.apply(saved)
    assert again.ok
    assert {o.reason for o in again.outcomes} == {"already as planned", "already done: nothing has to be done any more"}
    assert again.cost.writes == 0


def test_a_saved_plan_is_applied_at_its_own_revision():
    world = World()
    world.declare(config("a", color="blue"))
    saved = world.plan()
    world.declare(config("a", color="red"), config("later"))
    assert world.apply(saved).ok
    assert list(bodies(world)) == ["ConfigMap/a"]
    assert bodies(world)["ConfigMap/a"]["data"] == {"color": "blue"}


def test_what_moved_since_the_plan_was_made_comes_back_stale_with_the_new_diff():
    world = World()
    world.declare(config("a", color="blue"), config("b", color="blue"))
    world.reconcile()
    world.declare(config("a", color="green"), config("b", color="green"))
    saved = world.plan()
    world.target.edit("ConfigMap/a", {"data": {"color": "pink"}})
    world.target.edit("ConfigMap/b", {"data": {"unrelated": "x"}})
    result = world.apply(saved)
    assert statuses(result) == {"ConfigMap/a": "stale", "ConfigMap/b": "done"}
    assert [d.before for d in result["ConfigMap/a"].diff] == ['"pink"']
    assert result.status is PassStatus.STALE
    assert bodies(world)["ConfigMap/a"]["data"]["color"] == "pink"


def test_a_saved_plan_does_nothing_that_it_did_not_show():
    world = World()
    world.declare(config("a"), config("b", color="blue"))
    saved = attrs.evolve(world.plan(), changes=world.plan().changes[:1])
    world.apply(saved)
    assert list(bodies(world)) == ["ConfigMap/a"]


def test_a_plan_of_another_application_is_refused():
    world = World()
    world.declare(config("a"))
    with pytest.raises(PlanMismatch, match=r"not for example\.org/tests/app"):
        world.apply(attrs.evolve(world.plan(), application="else"))


# -- check, destroy, explain -----------------------------------------------------------------------------------------------


def test_check_renders_and_reviews_without_the_target():
    world = World()
    world.declare(config("a"))
    result = world.check()
    assert result.ok
    assert [str(k) for k in result.keys] == ["ConfigMap/a"]
    assert sum(world.target.calls.values()) == 0


def test_check_tells_what_is_wrong():
    world = World()
    world.source.commit({"bad.json": "{"})
    result = world.check()
    assert not result.ok
    assert "JSONDecodeError" in result.failures[0].message
    assert str(result).startswith(f"not ok at {result.revision.id}: 0 declared\nFailures:\n  PluginError: ")


def test_check_says_what_policies_object_to():
    class NoBlue(Policy):
        def review(self, ctx, subject):
            yield Violation(subject.resources[0].key, "no blue", pointer="/data/color")

    world = World(policies=(NoBlue(),))
    world.declare(config("a", color="blue"))
    text = world.check().text()
    assert "deny NoBlue: ConfigMap/a: no blue (ConfigMap.a.json:1 /data/color)" in text


def test_destroy_deletes_everything_that_is_ours_and_nothing_else():
    world = World(target=MemoryTarget(objects=[config("stranger")]))
    world.declare(*(config(f"c{i}") for i in range(9)))
    world.reconcile()
    result = world.destroy()
    assert result.ok, result.text()
    assert list(bodies(world)) == ["ConfigMap/stranger"]
    assert world.store.inventory(world.app.id).entries == {}


def test_destroy_leaves_what_is_protected():
    world = World()
    world.declare(config("a", notes={"example.org/protect": "true"}), config("b"))
    world.reconcile()
    result = world.destroy()
    assert result.status is PassStatus.REFUSED
    assert list(bodies(world)) == ["ConfigMap/a"]


def test_explain_says_which_commit_author_file_and_outcome():
    world = World()
    world.declare(config("a"))
    world.reconcile()
    found = world.explain("ConfigMap/a")
    assert (found.author, found.commit_message, found.declared.path) == ("Ada", "Declare", "ConfigMap.a.json")
    assert (found.owned, found.records[0].status, found.records[0].action) == (True, "done", "create")
    assert "Ada" in found.text()


def test_explain_of_something_that_is_no_key_says_so():
    with pytest.raises(ConfigError, match="explain"):
        World().explain("nonsense")


# -- sources and renderers that fail -----------------------------------------------------------------------------------------


def test_a_renderer_that_fails_half_way_changes_nothing_and_prunes_nothing():
    class HalfWay(Renderer):
        fails = False

        def render(self, ctx, tree):
            yield Resource.of(config("a", color="red" if self.fails else "blue"))
            if self.fails:
                raise ValueError("boom")
            yield Resource.of(config("b"))

    renderer = HalfWay()
    world = World(renderer=renderer, guard=OPEN)
    assert world.reconcile().ok
    renderer.fails = True
    world.source.commit({"touch": "x"})
    result = world.reconcile()
    assert result.status is PassStatus.FAILED
    assert "HalfWay failed in render with ValueError: boom" in result.failures[0].message
    assert sorted(bodies(world)) == ["ConfigMap/a", "ConfigMap/b"]
    assert bodies(world)["ConfigMap/a"]["data"] == {"color": "blue"}


def test_two_declarations_of_one_object_are_refused_with_both_places():
    world = World()
    world.declare(config("a"))
    world.source.commit({"again.json": '{"kind": "ConfigMap", "metadata": {"name": "a"}, "data": {}}'})
    result = world.reconcile()
    assert result.status is PassStatus.FAILED
    assert {result.failures[0].error} == {"DuplicateResource"}
    assert "ConfigMap.a.json" in str(result.failures[0])
    assert "again.json" in str(result.failures[0])
    assert bodies(world) == {}


def test_a_revision_that_disappears_between_resolve_and_fetch_is_an_error_that_may_be_retried():
    world = World(options=Options(attempts=2))
    world.declare(config("a"))
    resolve = world.source.resolve

    def vanishing(ctx):
        revision = resolve(ctx)
        world.source.forget(revision.id)
        return revision

    world.source.resolve = vanishing
    result = world.reconcile()
    assert (result.status, result.failures[0].error) == (PassStatus.FAILED, RevisionVanished.__name__)
    assert result.requeue_after is not None


def test_a_failed_pass_is_in_the_history():
    world = World()
    world.source.commit({"bad.json": "{"})
    world.reconcile()
    world.reconcile()
    (record,) = world.store.history(world.app.id)
    assert (record.status, record.repeats) == ("failed", 1)


def test_a_cycle_is_refused_with_its_path_and_the_others_go_on():
    world = World()
    world.declare(
        config("a", notes={"example.org/depends-on": "ConfigMap/b"}),
        config("b", notes={"example.org/depends-on": "ConfigMap/a"}),
        config("c"),
    )
    result = world.reconcile()
    assert result.plan["ConfigMap/a"].state is ChangeState.REFUSED
    assert "ConfigMap/a -> ConfigMap/b -> ConfigMap/a" in result.plan["ConfigMap/a"].reason
    assert list(bodies(world)) == ["ConfigMap/c"]


def test_changes_are_made_in_the_order_of_their_dependencies():
    made: list[str] = []

    class Noting(MemoryTarget):
        def create(self, ctx, change):
            made.append(change.key.name)
            return super().create(ctx, change)

        def delete(self, ctx, change):
            made.append(f"-{change.key.name}")
            return super().delete(ctx, change)

    world = World(target=Noting(), guard=OPEN)
    world.declare(
        config("a", notes={"example.org/depends-on": "ConfigMap/b"}),
        config("b", notes={"example.org/depends-on": "ConfigMap/c"}),
        config("c"),
        config("stays"),
    )
    world.reconcile()
    assert [n for n in made if n != "stays"] == ["c", "b", "a"]
    made.clear()
    world.undeclare("ConfigMap/a", "ConfigMap/b", "ConfigMap/c")
    assert world.reconcile().ok
    assert made == ["-a", "-b", "-c"]


def test_events_tell_the_pass_in_order():
    world = World()
    world.declare(config("a"))
    world.reconcile()
    types = [event.type.value for event in world.sink.events]
    expected = ["pass-started", "resolved", "rendered", "planned", "change-started", "change-finished", "pass-finished"]
    assert types == expected
    assert [event.sequence for event in world.sink.events] == list(range(len(types)))


def test_nothing_is_deleted_with_another_id_than_the_one_observed():
    asked: list[str] = []

    class Noting(MemoryTarget):
        def delete(self, ctx, change):
            asked.append(change.live.id)
            return super().delete(ctx, change)

    world = World(target=Noting(), guard=OPEN)
    world.declare(config("a"), config("b"))
    made = world.reconcile()["ConfigMap/a"].id
    world.undeclare("ConfigMap/a")
    world.reconcile()
    assert asked == [made]


def test_a_delete_of_what_is_gone_already_succeeds():
    class Gone(MemoryTarget):
        def delete(self, ctx, change):
            super().delete(ctx, change)
            raise NotFound("it is gone")

    world = World(target=Gone(), guard=OPEN)
    world.declare(config("a"), config("b"))
    world.reconcile()
    world.undeclare("ConfigMap/a")
    assert world.reconcile()["ConfigMap/a"].status is OutcomeStatus.DONE


def test_a_second_engine_waits_for_the_first_and_then_says_who_is_in_the_way():
    world = World(options=Options(lock_timeout=0.01))
    world.declare(config("a"))
    with world.store.exclusive(world.app.id, 1.0):
        result = world.reconcile()
    assert (result.status, result.failures[0].error) == (PassStatus.FAILED, "StateLocked")
    assert bodies(world) == {}
    assert world.reconcile().ok


def test_two_engines_at_once_lose_nothing_and_one_says_so():
    """Without the lock (two stores of one database, say) the serial of the inventory still tells them apart."""
    world = World()
    world.declare(config("a"), config("b"))
    meddled = world.store.update_inventory

    def meddling(application, update, *, serial):
        meddled(application, InventoryUpdate(), serial=serial)
        return meddled(application, update, serial=serial)

    world.store.update_inventory = meddling
    result = world.reconcile()
    assert (result.status, result.failures[0].error) == (PassStatus.FAILED, "StateConflict")
    assert bodies(world) == {}
    del world.store.update_inventory
    assert world.reconcile().ok


def test_a_dependency_that_somebody_else_made_is_looked_for():
    world = World(target=MemoryTarget(objects=[config("theirs")]))
    seen: list[int] = []
    observe = world.target.observe

    def only_asked(ctx, query):
        seen.append(len(query.keys))
        return [live for live in observe(ctx, query) if live.key in query.keys]

    world.target.observe = only_asked
    world.declare(
        config("a", notes={"example.org/depends-on": "ConfigMap/theirs"}),
        config("b", notes={"example.org/depends-on": "ConfigMap/nowhere"}),
    )
    result = world.reconcile()
    assert statuses(result) == {"ConfigMap/a": "done", "ConfigMap/b": "deferred"}
    assert seen == [2, 2, 1]


def test_a_decision_that_repeats_is_in_the_journal_once():
    world = World(target=MemoryTarget(objects=[config("a", color="red")]), options=Options(adopt=False))
    world.declare(config("a", color="blue"))
    world.reconcile()
    world.reconcile()
    (record,) = world.store.journal(world.app.id)
    assert (record.action, record.status) == ("adopt", "refused")


def test_what_left_git_and_is_kept_is_told_when_pruning_is_off():
    world = World(options=Options(prune=False))
    world.declare(config("a"), config("b"))
    world.reconcile()
    world.undeclare("ConfigMap/a")
    result = world.reconcile()
    assert result.status is PassStatus.IN_SYNC
    assert "1 no longer declared and kept, because Options.prune is off: ConfigMap/a" in result.text()


def test_a_refused_delete_says_what_would_allow_it():
    world = World()
    world.declare(*(config(f"c{i}") for i in range(12)), config("ns", kind="Namespace"))
    world.reconcile()
    world.undeclare("Namespace/ns")
    assert 'to allow it: Approval(name="...", rules={"kind"}, kinds={"Namespace"}' in world.reconcile().text()
    world.undeclare(*(f"ConfigMap/c{i}" for i in range(6)))
    text = world.reconcile().text()
    assert text.count("Guard(delete_fraction=") == 1


def test_every_change_that_ends_is_told_even_if_it_never_began():
    world = World(target=Moody(create_bad=Denied("no")))
    world.declare(
        config("bad"),
        config("needs", notes={"example.org/depends-on": "ConfigMap/bad"}),
        config("odd", notes={"example.org/x": "y"}),
    )
    world.reconcile()
    told = {str(e.key): e.data["status"] for e in world.sink.events if e.type.value == "change-finished"}
    assert told == {"ConfigMap/bad": "failed", "ConfigMap/needs": "skipped", "ConfigMap/odd": "refused"}


def test_explain_says_which_commit_removed_an_object():
    world = World()
    world.declare(config("a"), config("b"))
    world.reconcile()
    world.source.commit({"ConfigMap.a.json": None}, author="Eve", message="Away with it")
    world.reconcile()
    assert world.explain("ConfigMap/a").records[0].action == "delete"


def test_with_manifests_a_broken_file_does_not_stop_the_others_when_that_is_allowed():
    files = {
        "a.yaml": "kind: A\nname: a\n",
        "b.yaml": "kind: B\nname: [\n",
        "c.yaml": "kind: A\nname: a2\n",
        "d.yaml": "kind: A\nname: a2\n",
    }
    world = World(renderer=ManifestsRenderer(), source=MemorySource(files), options=Options(allow_partial_render=True))
    result = world.reconcile()
    assert result.status is PassStatus.DEGRADED
    assert list(bodies(world)) == ["A/a"]
    assert {f.error for f in result.failures} == {"ManifestError", "DuplicateResource"}


def test_a_denial_of_something_that_nobody_knows_denies_everything():
    class Misspelt(Policy):
        def review(self, ctx, subject):
            yield Violation("ConfigMap/aa", "not this one")

    world = World(policies=(Misspelt(),))
    world.declare(config("a"))
    result = world.reconcile()
    assert result.status is PassStatus.REFUSED
    assert bodies(world) == {}
    assert "it names ConfigMap/aa, which is neither declared nor owned" in result.plan.text()


def test_a_denial_may_name_what_is_owned_and_no_longer_declared():
    class KeepA(Policy):
        def review(self, ctx, subject):
            if not any(resource.key.name == "a" for resource in subject.resources):
                yield Violation("ConfigMap/a", "a stays")

    world = World(policies=(KeepA(),), guard=OPEN)
    world.declare(config("a"), config("b"))
    world.reconcile()
    world.undeclare("ConfigMap/a")
    world.declare(config("b", color="new"))
    assert statuses(world.reconcile()) == {"ConfigMap/a": "refused", "ConfigMap/b": "done"}


def test_a_fingerprint_that_raises_stops_the_pass_before_anything_is_written():
    class Odd(Renderer):
        @property
        def fingerprint(self):
            raise KeyError("version")

        def render(self, ctx, tree):
            yield Resource.of(config("a"))

    world = World(renderer=Odd())
    result = world.reconcile()
    assert (result.status, result.failures[0].error) == (PassStatus.FAILED, "PluginError")
    assert bodies(world) == {}


def test_a_render_without_objects_is_noticed():
    assert [n.code for n in World().reconcile().notices] == ["nothing-declared"]

"""What was written is looked at before anybody believes it."""

from __future__ import annotations

import pytest

from gitops_core.errors import Transient, UnknownKind
from gitops_core.interfaces import Policy
from gitops_core.model.applications import Options
from gitops_core.model.health import Health, HealthStatus
from gitops_core.model.resources import Live, Unreadable
from gitops_core.model.results import OutcomeStatus, PassStatus
from gitops_core.model.verdicts import Severity, Violation
from gitops_core.targets.directory import DirectoryTarget
from gitops_core.targets.memory import MemoryTarget
from gitops_core.targets.router import Route, RouterTarget
from gitops_core.testing.clock import VirtualClock
from gitops_core.testing.worlds import OPEN, World, config


def test_an_object_that_cannot_be_read_back_is_unverified():
    class Shy(MemoryTarget):
        made = False

        def create(self, ctx, change):
            self.made = True
            return super().create(ctx, change)

        def observe(self, ctx, query):
            for live in super().observe(ctx, query):
                yield Unreadable(live.key, Transient("timeout")) if self.made else live

    world = World(target=Shy())
    world.declare(config("a"))
    outcome = world.reconcile()["ConfigMap/a"]
    assert (outcome.status, outcome.reason) == (OutcomeStatus.UNVERIFIED, "it could not be observed afterwards")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UnknownKind("no such kind", ("", "ConfigMap")), OutcomeStatus.DONE),
        (Transient("timeout"), OutcomeStatus.UNVERIFIED),
    ],
)
def test_a_deleted_object_of_a_kind_that_is_gone_is_gone_and_one_that_cannot_be_seen_is_not(error, status):
    class Leaving(MemoryTarget):
        left = False

        def delete(self, ctx, change):
            self.left = True
            return super().delete(ctx, change)

        def observe(self, ctx, query):
            if self.left:
                yield Unreadable(None, error, ("", "ConfigMap"))
            else:
                yield from super().observe(ctx, query)

    world = World(target=Leaving(), guard=OPEN)
    world.declare(config("a"))
    world.reconcile()
    world.undeclare("ConfigMap/a")
    assert world.reconcile()["ConfigMap/a"].status is status
    assert bool(world.store.inventory(world.app.id).entries) is (status is not OutcomeStatus.DONE)


def test_two_objects_under_one_key_are_neither_changed_nor_deleted():
    class Twins(MemoryTarget):
        def observe(self, ctx, query):
            yield Live("ConfigMap/a", config("a"), id="1")
            yield Live("ConfigMap/a", config("a"), id="2")

    world = World(target=Twins())
    world.declare(config("a", color="blue"))
    result = world.reconcile()
    assert result["ConfigMap/a"].status is OutcomeStatus.DEFERRED
    assert "two objects answer to this key" in result["ConfigMap/a"].reason


class Sick(MemoryTarget):
    answer: Health | Exception | None = None

    def health(self, live):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_the_targets_own_word_on_health_counts_first():
    world = World(target=Sick(), options=Options(health_timeout=5.0))
    world.target.answer = Health(settled=False, status=HealthStatus.DEGRADED, message="no backend", failed=True)
    world.declare(config("a"))
    began = world.clock.now()
    result = world.reconcile()
    assert (result["ConfigMap/a"].status, result["ConfigMap/a"].reason) == (OutcomeStatus.UNSETTLED, "Degraded: no backend")
    assert world.clock.now() - began < 5.0  # it will not get better by waiting


def test_a_health_rule_that_raises_says_so_and_does_not_stop_the_pass():
    world = World(target=Sick(), options=Options(health_timeout=2.0))
    world.target.answer = ZeroDivisionError("oops")
    world.declare(config("a"))
    outcome = world.reconcile()["ConfigMap/a"]
    assert outcome.status is OutcomeStatus.UNSETTLED
    assert "ZeroDivisionError" in outcome.reason


def test_without_waiting_an_object_is_done_when_it_is_there():
    world = World(target=Sick(), options=Options(wait=False))
    world.target.answer = Health(settled=False, status=HealthStatus.PROGRESSING)
    world.declare(config("a"))
    assert world.reconcile()["ConfigMap/a"].status is OutcomeStatus.DONE
    assert world.reconcile().status is PassStatus.IN_SYNC


def test_one_repository_holds_objects_of_several_worlds(tmp_path):
    """Each member's own rules count: fields, normalisation, health."""
    memory = MemoryTarget("cluster")
    world = World(target=RouterTarget([Route(DirectoryTarget(tmp_path), kinds={"File"}), Route(memory)]))
    file = {"kind": "File", "metadata": {"name": "site.conf"}, "spec": {"content": "listen 80\n"}}
    world.declare(config("a", color="blue"), file)
    assert world.reconcile().ok
    assert (tmp_path / "site.conf").read_text() == "listen 80\n"
    assert [k.name for k in memory.objects] == ["a"]
    assert world.reconcile().plan.is_empty
    (tmp_path / "site.conf").write_text("listen 81\n")
    memory.edit("ConfigMap/a", {"data": {"color": "red"}})
    assert len(world.plan().changes) == 2
    assert world.reconcile().ok
    world.undeclare("File/site.conf")
    world.reconcile()
    assert not (tmp_path / "site.conf").exists()


class Saying(Policy):
    def __init__(self, answer):
        self.answer = answer

    def review(self, ctx, subject):
        return self.answer


@pytest.mark.parametrize(("answer", "text"), [(7, "returned int, not violations"), (["no"], "yielded str, not a Violation")])
def test_a_policy_that_returns_something_else_denies_and_is_named(answer, text):
    world = World(policies=(Saying(answer),))
    world.declare(config("a"))
    result = world.reconcile()
    assert result.status is PassStatus.REFUSED
    assert f"Saying.review {text}" in result.plan.verdict.violations[0].message
    assert world.target.objects == {}


def test_a_warning_is_shown_and_stops_nothing():
    key = next(iter(World().check().keys), None)
    world = World(policies=(Saying([Violation(key, "think again", Severity.WARN)]),))
    world.declare(config("a"))
    result = world.reconcile()
    assert result.ok
    assert "think again" in result.plan.text()
    assert [e.message for e in world.sink.events if e.type.value == "violation"] == ["think again"]


def test_an_object_that_has_settled_but_is_degraded_holds_its_dependents_up():
    """A Pod that failed has settled by kstatus' rules; nothing should build on it."""

    class Failing(MemoryTarget):
        def create(self, ctx, change):
            live = super().create(ctx, change)
            if change.key.kind == "Pod":
                self.edit(change.key, {"status": {"phase": "Failed", "message": "OOM"}})
            return live

    world = World(target=Failing())
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"restartPolicy": "Never", "containers": []}}
    world.declare(pod, config("after", notes={"example.org/depends-on": "Pod/p"}))
    result = world.reconcile()
    assert result["Pod/p"].status is OutcomeStatus.UNSETTLED
    assert result["ConfigMap/after"].status is OutcomeStatus.SKIPPED


def test_what_is_waited_for_together_is_looked_at_together():
    """One observe a round, however long each object takes to be judged."""

    class Ticking(VirtualClock):
        def monotonic(self):
            self.advance(0.001)
            return super().monotonic()

    world = World(target=Sick(), clock=Ticking(), options=Options(health_timeout=8.0, wait=True))
    world.target.answer = Health(settled=False, status=HealthStatus.PROGRESSING)
    world.declare(*(config(f"c{i}") for i in range(50)))
    world.reconcile()
    assert world.target.calls["observe"] <= 12

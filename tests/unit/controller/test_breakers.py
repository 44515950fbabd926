"""The breaker of a target: opens, pauses, lets one try, closes."""

from __future__ import annotations

from gitops_core.controller.breakers import Breaker, Breakers, is_the_targets_fault
from gitops_core.model.plans import Action
from gitops_core.model.resources import as_key
from gitops_core.model.results import Failure, Outcome, OutcomeStatus, PassStatus, ReconcileResult
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.builders.plans import plan_of

KEY = as_key("ConfigMap/a")


def failing(app: str = "a", error: str = "Transient", retry_after: float | None = None, **facts) -> ReconcileResult:
    failure = Failure(error, "no", "retry", retry_after=retry_after)
    return ReconcileResult(app, PassStatus.FAILED, failures=(failure,), **facts)


def fine(app: str = "a") -> ReconcileResult:
    return ReconcileResult(app, PassStatus.IN_SYNC, plan=plan_of())


def breakers(most: int = 3) -> tuple[Breakers, MemoryTarget]:
    return Breakers(most, lambda opened: 10.0 * opened), MemoryTarget()


def test_it_opens_after_so_many_failures_in_a_row() -> None:
    known, target = breakers()
    for _ in range(2):
        known.learn(target, failing(), 0.0)
    assert known.of(target).lets("x", 0.0)
    before, after = known.learn(target, failing(), 0.0)
    assert (before.is_open, after.is_open, after.until) == (False, True, 10.0)
    assert not known.of(target).lets("x", 9.9)


def test_a_success_in_between_begins_the_count_anew() -> None:
    known, target = breakers()
    for result in (failing(), failing(), fine(), failing(), failing()):
        known.learn(target, result, 0.0)
    assert not known.of(target).is_open


def test_after_the_pause_exactly_one_tries_and_its_success_lets_everybody() -> None:
    known, target = breakers(1)
    known.learn(target, failing("a"), 0.0)
    assert [known.of(target).lets(name, 10.0) for name in "abc"] == [True] * 3
    known.probe(target, "b")
    assert [known.of(target).lets(name, 10.0) for name in "abc"] == [False, True, False]
    known.learn(target, fine("b"), 11.0)
    assert known.of(target) == Breaker()


def test_when_the_one_that_tries_fails_the_pause_grows() -> None:
    known, target = breakers(1)
    known.learn(target, failing("a"), 0.0)
    known.probe(target, "b")
    _, after = known.learn(target, failing("b"), 10.0)
    assert (after.opened, after.until, after.probe) == (2, 30.0, "")


def test_passes_that_began_before_the_pause_do_not_lengthen_it() -> None:
    """Sixteen workers that fail together would otherwise double it sixteen times."""
    known, target = breakers(1)
    for _ in range(16):
        known.learn(target, failing("a"), 0.0)
    assert known.of(target).until == 10.0


def test_a_turn_of_the_one_that_tries_that_did_not_ask_the_target_lets_another_one_try() -> None:
    known, target = breakers(1)
    known.learn(target, failing("a"), 0.0)
    known.probe(target, "a")
    known.release(target, "b")
    assert not known.of(target).lets("b", 10.0)
    known.release(target, "a")
    assert known.of(target).lets("b", 10.0)


def test_a_target_that_asks_to_be_left_alone_is_left_alone_by_all() -> None:
    known, target = breakers(5)
    before, after = known.learn(target, failing(error="Throttled", retry_after=30.0), 100.0)
    assert (before.is_open, after.until) == (False, 130.0)
    assert not after.lets("another", 129.9)
    assert after.lets("another", 130.0)


def test_one_throttled_object_among_others_that_were_written_pauses_the_target_too() -> None:
    known, target = breakers(5)
    outcomes = (Outcome(KEY, Action.CREATE, OutcomeStatus.DONE),)
    result = failing(error="Throttled", retry_after=30.0, outcomes=outcomes, plan=plan_of())
    _, after = known.learn(target, result, 100.0)
    assert after.until == 130.0


def test_an_object_that_fails_among_others_that_were_written_is_not_the_targets_fault() -> None:
    outcomes = (Outcome(KEY, Action.CREATE, OutcomeStatus.FAILED), Outcome(KEY, Action.CREATE, OutcomeStatus.DONE))
    assert not is_the_targets_fault(failing(outcomes=outcomes))
    assert is_the_targets_fault(failing(outcomes=outcomes[:1]))


def test_what_is_not_the_targets_fault_neither_opens_nor_closes_it() -> None:
    known, target = breakers(2)
    known.learn(target, failing(), 0.0)
    for error in ("SourceUnavailable", "RenderError", "StateUnavailable", "PluginError"):
        known.learn(target, failing(error=error), 0.0)
    assert known.of(target) == Breaker(failures=1)


def test_an_answer_closes_it_even_when_objects_are_invalid() -> None:
    known, target = breakers(1)
    known.learn(target, failing("a"), 0.0)
    known.probe(target, "a")
    known.learn(target, failing("a", "Invalid", plan=plan_of()), 10.0)
    assert known.of(target) == Breaker()


def test_targets_that_nobody_uses_any_more_are_forgotten() -> None:
    known, target = breakers(5)
    other = MemoryTarget()
    known.learn(target, failing(), 0.0)
    known.learn(other, failing(), 0.0)
    known.keep([other])
    assert (known.of(target), known.of(other)) == (Breaker(), Breaker(failures=1))

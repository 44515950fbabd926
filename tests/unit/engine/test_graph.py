"""The ready-queue."""

from __future__ import annotations

import attrs
from hypothesis import given
from hypothesis import strategies as st

from gitops_core.engine.graph import ReadyQueue
from gitops_core.model.plans import Action, Change
from gitops_core.model.resources import ResourceKey
from gitops_core.model.results import Outcome, OutcomeStatus


def key(name: str, kind: str = "ConfigMap", namespace: str = "") -> ResourceKey:
    return ResourceKey("", kind, namespace, name)


def change(name: str, *needs: str, action: Action = Action.CREATE, kind: str = "ConfigMap") -> Change:
    stamp = "what is there" if action is Action.DELETE else ""
    return Change(key(name, kind), action, depends_on=tuple(key(n) for n in needs), precondition=stamp)


def done(
    name: str, status: OutcomeStatus = OutcomeStatus.DONE, action: Action = Action.CREATE, kind: str = "ConfigMap"
) -> Outcome:
    return Outcome(key(name, kind), action, status)


def taken(queue: ReadyQueue) -> list[str]:
    names = []
    while (found := queue.take()) is not None:
        names.append(found.key.name)
    return names


def test_a_change_begins_when_everything_it_needs_is_done():
    queue = ReadyQueue([change("a"), change("b", "a"), change("c", "a", "b")])
    assert taken(queue) == ["a"]
    queue.finish(done("a"))
    assert taken(queue) == ["b"]
    queue.finish(done("b"))
    assert taken(queue) == ["c"]
    queue.finish(done("c"))
    assert len(queue) == 0


def test_what_depends_on_a_failure_is_skipped_with_the_reason_all_the_way_down():
    queue = ReadyQueue([change("a"), change("b", "a"), change("c", "b"), change("d")])
    queue.finish(done("a", OutcomeStatus.FAILED))
    assert queue.outcomes[key("b")].status is OutcomeStatus.SKIPPED
    assert queue.outcomes[key("b")].reason == "depends on ConfigMap/a, which is failed"
    assert queue.outcomes[key("c")].reason == "depends on ConfigMap/b, which is skipped"
    assert taken(queue) == ["d"]


def test_a_need_that_is_not_part_of_the_plan_holds_nothing_up():
    assert taken(ReadyQueue([change("a", "elsewhere")])) == ["a"]


def test_deletes_begin_after_every_write_has_ended():
    queue = ReadyQueue([change("a"), change("old", action=Action.DELETE, kind="Secret")])
    assert taken(queue) == ["a"]
    assert taken(queue) == []
    queue.finish(done("a"))
    assert taken(queue) == ["old"]


def test_a_delete_is_put_off_when_a_write_of_its_kind_and_namespace_failed():
    queue = ReadyQueue([change("new"), change("old", action=Action.DELETE)])
    assert taken(queue) == ["new"]
    queue.finish(done("new", OutcomeStatus.UNSETTLED))
    assert taken(queue) == []
    assert queue.outcomes[key("old")].status is OutcomeStatus.DEFERRED
    assert "ConfigMap/new" in queue.outcomes[key("old")].reason


def test_a_delete_is_put_off_when_what_was_never_begun_may_be_its_replacement():
    """Nothing else is to be written, so there is nothing to wait for."""
    queue = ReadyQueue([change("new"), change("old", action=Action.DELETE)], [done("new", OutcomeStatus.REFUSED)])
    assert taken(queue) == []
    assert queue.outcomes[key("old")].status is OutcomeStatus.DEFERRED


def test_a_delete_that_has_waited_for_another_one_is_put_off_all_the_same():
    inner = change("inner", action=Action.DELETE, kind="Secret")
    outer = attrs.evolve(change("outer", action=Action.DELETE), depends_on=(inner.key,))
    queue = ReadyQueue([change("new"), inner, outer])
    assert taken(queue) == ["new"]
    queue.finish(done("new", OutcomeStatus.FAILED))
    assert taken(queue) == ["inner"]
    queue.finish(done("inner", action=Action.DELETE, kind="Secret"))
    assert taken(queue) == []
    assert queue.outcomes[outer.key].status is OutcomeStatus.DEFERRED


def test_what_the_plan_held_back_holds_up_no_delete_that_the_plan_let_pass():
    """Drift that is only told, for one; the plan knows what may be a replacement."""
    told = attrs.evolve(change("drifted", action=Action.UPDATE), state="refused", rule="drift")
    queue = ReadyQueue([told, change("old", action=Action.DELETE)], [done("drifted", OutcomeStatus.REFUSED)])
    assert taken(queue) == ["old"]


def test_what_is_gone_already_is_forgotten_whatever_failed():
    """Nothing is deleted, and another application may wait until we let go."""
    queue = ReadyQueue([change("new"), attrs.evolve(change("old", action=Action.DELETE), precondition="")])
    assert taken(queue) == ["new"]
    queue.finish(done("new", OutcomeStatus.FAILED))
    assert taken(queue) == ["old"]


def test_an_unrelated_failure_holds_no_delete_up():
    queue = ReadyQueue([change("bad", kind="Secret"), change("old", action=Action.DELETE)])
    assert taken(queue) == ["bad"]
    queue.finish(done("bad", OutcomeStatus.FAILED, kind="Secret"))
    assert taken(queue) == ["old"]


def test_deletes_keep_their_own_order():
    changes = [change("inner", action=Action.DELETE), change("outer", "inner", action=Action.DELETE)]
    queue = ReadyQueue(changes)
    assert taken(queue) == ["inner"]
    queue.finish(done("inner", action=Action.DELETE))
    assert taken(queue) == ["outer"]


def test_what_has_ended_before_the_start_is_not_begun():
    queue = ReadyQueue([change("a"), change("b", "a")], [done("a", OutcomeStatus.STALE)])
    assert taken(queue) == []
    assert len(queue) == 0


def test_an_outcome_counts_once():
    queue = ReadyQueue([change("a")])
    queue.finish(done("a"))
    queue.finish(done("a", OutcomeStatus.FAILED))
    assert queue.outcomes[key("a")].status is OutcomeStatus.DONE


@given(st.lists(st.tuples(st.integers(0, 14), st.integers(0, 14)), max_size=40), st.sets(st.integers(0, 14)), st.data())
def test_every_change_ends_exactly_once_and_never_before_its_needs(pairs, bad, data):
    """Any acyclic graph, any outcomes, any order of finishing."""
    needs = {i: {a for a, b in pairs if b == i and a < b} for i in range(15)}
    queue = ReadyQueue([change(str(i), *map(str, sorted(needs[i]))) for i in range(15)])
    running: list[int] = []
    begun: list[int] = []
    while len(queue):
        while (found := queue.take()) is not None:
            number = int(found.key.name)
            assert all(queue.outcomes[key(str(n))].status is OutcomeStatus.DONE for n in needs[number])
            running.append(number)
            begun.append(number)
        number = running.pop(data.draw(st.integers(0, len(running) - 1)))
        queue.finish(done(str(number), OutcomeStatus.FAILED if number in bad else OutcomeStatus.DONE))
    assert len(begun) == len(set(begun))
    assert len(queue.outcomes) == 15

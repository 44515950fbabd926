"""The queue: each key once, in its time, in one hand, and a fair turn for everybody."""

from __future__ import annotations

import pytest

from gitops_core.controller.workqueue import PRIORITY_SECONDS, Lane, WorkQueue


def taken(queue: WorkQueue, now: float) -> list[str]:
    """Take and give back until nothing is due."""
    found = []
    while (key := queue.take(now)) is not None:
        found.append(key)
        queue.done(key)
    return found


def test_nothing_is_taken_before_its_time() -> None:
    queue = WorkQueue()
    queue.add("a", 5.0)
    assert queue.take(4.999) is None
    assert queue.seconds(4.0) == 1.0
    assert queue.due("a") == 5.0
    assert queue.take(5.0) == "a"
    assert queue.due("a") is None


def test_an_earlier_time_counts_and_a_later_one_is_left_out() -> None:
    queue = WorkQueue()
    queue.add("a", 50.0)
    queue.add("a", 5.0)
    queue.add("a", 500.0)
    assert (queue.seconds(0.0), len(queue)) == (5.0, 1)
    assert taken(queue, 5.0) == ["a"]
    assert taken(queue, 1000.0) == []
    assert queue.seconds(1000.0) is None


def test_a_key_in_hand_is_not_given_out_again_and_comes_back_when_it_was_added_meanwhile() -> None:
    queue = WorkQueue()
    queue.add("a", 0.0)
    assert queue.take(0.0) == "a"
    queue.add("a", 0.0)
    assert (queue.take(0.0), queue.in_hand, len(queue)) == (None, {"a"}, 0)
    queue.done("a")
    assert queue.in_hand == frozenset()
    assert taken(queue, 0.0) == ["a"]


def test_what_is_dropped_is_not_taken_whether_it_waits_for_its_time_or_for_a_worker() -> None:
    queue = WorkQueue()
    for key, due in (("soon", 0.0), ("later", 9.0), ("stays", 0.0)):
        queue.add(key, due)
    assert queue.seconds(0.0) == 0.0
    assert queue.ready == 2
    queue.drop("soon")
    queue.drop("later")
    queue.drop("unknown")
    assert queue.ready == 1
    assert taken(queue, 100.0) == ["stays"]


def test_what_is_dropped_in_hand_does_not_come_back() -> None:
    queue = WorkQueue()
    queue.add("a", 0.0)
    queue.take(0.0)
    queue.add("a", 0.0)
    queue.drop("a")
    queue.done("a")
    assert taken(queue, 100.0) == []


def test_what_is_dropped_and_added_again_is_taken_once() -> None:
    queue = WorkQueue()
    queue.add("a", 0.0)
    queue.seconds(0.0)
    queue.drop("a")
    queue.add("a", 0.0)
    assert taken(queue, 0.0) == ["a"]


def test_within_a_tenant_comes_first_what_was_due_first() -> None:
    queue = WorkQueue()
    for number in (3, 1, 2):
        queue.add(f"k{number}", float(number))
    assert taken(queue, 10.0) == ["k1", "k2", "k3"]


def test_a_tenant_with_a_thousand_due_keys_delays_another_tenants_one_by_a_turn() -> None:
    queue = WorkQueue()
    for number in range(1000):
        queue.add(f"big{number}", 0.0, Lane("big"))
    assert queue.take(1.0) == "big0"
    queue.add("small", 1.0, Lane("small"))
    assert [queue.take(1.0), queue.take(1.0)].index("small") <= 1


def test_tenants_take_turns() -> None:
    queue = WorkQueue()
    for tenant in "abc":
        for number in range(3):
            queue.add(f"{tenant}{number}", 0.0, Lane(tenant))
    assert taken(queue, 0.0) == ["a0", "b0", "c0", "a1", "b1", "c1", "a2", "b2", "c2"]


def test_a_higher_priority_comes_first_and_a_lower_one_waits_a_minute_a_step_and_not_for_ever() -> None:
    queue = WorkQueue()
    queue.add("low", 0.0, Lane(priority=0))
    queue.add("high", 10.0, Lane(priority=1))
    assert taken(queue, 10.0) == ["high", "low"]
    queue.add("low", 0.0, Lane(priority=0))
    queue.add("high", PRIORITY_SECONDS + 1, Lane(priority=1))
    assert taken(queue, 100.0) == ["low", "high"]


def test_old_times_do_not_pile_up() -> None:
    """Something that is triggered each second and otherwise due tomorrow would leave 86,400 of them behind."""
    queue = WorkQueue()
    for second in range(10_000):
        queue.add("a", second + 86_400.0)
        queue.add("a", float(second))
        assert queue.take(float(second)) == "a"
        queue.done("a")
    assert len(queue._later) <= 70
    assert len(queue._lanes) == 0


@pytest.mark.parametrize("in_hand", [False, True])
def test_names_that_are_gone_are_forgotten(in_hand: bool) -> None:
    queue = WorkQueue()
    queue.add("a", 0.0, Lane("t"))
    if in_hand:
        queue.take(0.0)
    queue.drop("a")
    queue.done("a")
    assert queue.take(0.0) is None
    assert not any((queue._due, queue._lanes, queue._later, queue._ready, queue._is_ready, queue._in_hand))

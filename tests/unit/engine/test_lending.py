"""Threads that are lent: as many at once as was asked for, kept from one pass to the next, nobody left behind."""

from __future__ import annotations

import threading

from gitops_core.engine.lending import LentThreads
from gitops_core.engine.runtime import SameThread


def test_at_most_so_many_tasks_run_at_once_and_all_are_waited_for() -> None:
    lent, lock, both = LentThreads(), threading.Lock(), threading.Barrier(2)
    now, most = [0], [0]

    def task(number: int) -> int:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        both.wait(5)
        with lock:
            now[0] -= 1
        return number

    with lent.lend(2) as pool:
        futures = [pool.submit(task, number) for number in range(6)]
    assert all(future.done() for future in futures)
    assert [future.result() for future in futures] == list(range(6))
    assert most == [2]
    lent.close()


def test_threads_are_kept_for_the_next_pass() -> None:
    """A thread that has just put its result down may not be free yet; none is made anew for each pass."""
    lent, seen = LentThreads(), set[threading.Thread]()
    for _ in range(100):
        with lent.lend(2) as pool:
            seen.add(pool.submit(threading.current_thread).result(5))
    assert len(seen) < 50
    lent.close()


def test_what_a_task_raises_is_its_futures() -> None:
    lent = LentThreads()
    with lent.lend(2) as pool:
        assert isinstance(pool.submit(int, "x").exception(5), ValueError)
        assert pool.submit(int, "1").result(5) == 1
    lent.close()


def test_one_worker_needs_no_thread() -> None:
    assert isinstance(LentThreads().lend(1), SameThread)


def test_a_pass_on_the_way_when_lending_ends_is_finished_in_its_own_thread() -> None:
    lent = LentThreads()
    with lent.lend(2) as pool:
        lent.close()
        assert pool.submit(threading.get_ident).result(5) == threading.get_ident()
    with lent.lend(2) as own:
        assert own.submit(int, "1").result(5) == 1


def test_what_was_closed_can_be_opened_again() -> None:
    lent = LentThreads()
    lent.close()
    lent.open()
    with lent.lend(2) as pool:
        assert pool.submit(threading.get_ident).result(5) != threading.get_ident()
    lent.close()


def test_a_task_that_was_cancelled_while_it_waited_is_left_out_and_takes_no_thread_with_it() -> None:
    lent, go, ran = LentThreads(), threading.Event(), list[int]()
    with lent.lend(2) as pool:
        busy = [pool.submit(go.wait, 5) for _ in range(2)]
        cancelled, kept = pool.submit(ran.append, 1), pool.submit(ran.append, 2)
        assert cancelled.cancel()
        go.set()
    assert all(future.result(0) for future in busy)
    assert (ran, kept.done()) == ([2], True)
    lent.close()

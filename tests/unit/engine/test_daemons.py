"""Threads that do not keep a process alive: made when needed, given back, never waited for."""

from __future__ import annotations

import threading

import pytest

from gitops_core.engine.daemons import DaemonThreads


@pytest.fixture
def two():
    threads = DaemonThreads(2)
    yield threads
    threads.shutdown()


def test_every_thread_is_a_daemon(two) -> None:
    """The interpreter's end waits for none of them, not even for one that is stuck."""
    assert two.submit(threading.current_thread).result(5).daemon


def test_no_more_threads_are_made_than_were_asked_for_and_the_rest_waits_its_turn(two) -> None:
    go, seen = threading.Event(), set[threading.Thread]()

    def task(number: int) -> int:
        go.wait(5)
        seen.add(threading.current_thread())
        return number

    futures = [two.submit(task, number) for number in range(5)]
    assert sum(future.running() or not future.done() for future in futures) == 5
    go.set()
    assert [future.result(5) for future in futures] == list(range(5))
    assert len(seen) <= 2


def test_two_tasks_run_at_once(two) -> None:
    both = threading.Barrier(2)
    futures = [two.submit(both.wait, 5) for _ in range(2)]
    assert sorted(future.result(5) for future in futures) == [0, 1]


def test_what_a_task_raises_is_its_futures_and_its_thread_goes_on() -> None:
    one = DaemonThreads(1)
    assert isinstance(one.submit(int, "x").exception(5), ValueError)
    assert one.submit(int, "7").result(5) == 7
    one.shutdown()


def test_a_task_that_was_cancelled_before_its_turn_is_not_run() -> None:
    one, go, ran = DaemonThreads(1), threading.Event(), list[str]()
    busy = one.submit(go.wait, 5)
    cancelled, after = one.submit(ran.append, "cancelled"), one.submit(ran.append, "after")
    assert cancelled.cancel()
    go.set()
    assert busy.result(5)
    after.result(5)
    assert ran == ["after"]
    one.shutdown()


def test_after_a_shutdown_what_was_taken_is_done_and_nothing_more_is_taken() -> None:
    one, go = DaemonThreads(1), threading.Event()
    busy, waiting = one.submit(go.wait, 5), one.submit(threading.current_thread)
    one.shutdown(wait=True)  # the thread is stuck: this does not wait for it
    with pytest.raises(RuntimeError, match="after shutdown"):
        one.submit(int)
    go.set()
    assert busy.result(5)
    thread = waiting.result(5)
    thread.join(5)
    assert not thread.is_alive()

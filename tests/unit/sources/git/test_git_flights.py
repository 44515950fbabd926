import threading

import pytest

from gitops_core.errors import Cancelled, DeadlineExceeded, GitOpsError, SourceUnavailable
from gitops_core.sources.git.flights import Flights
from gitops_core.testing.contexts import make_context


class Crowd:
    """Threads that ask for one thing while the first one is still at work."""

    def __init__(self, flights, work, size=8, ctx=None):
        self.results, self.errors = [], []
        self._lock = threading.Lock()
        self.ctx = ctx or make_context()
        self.threads = [threading.Thread(target=self._ask, args=(flights, work)) for _ in range(size)]

    def _ask(self, flights, work):
        try:
            result = flights.share(self.ctx, "key", work)
        except GitOpsError as error:
            with self._lock:
                self.errors.append(error)
        else:
            with self._lock:
                self.results.append(result)

    def run(self, go):
        for thread in self.threads:
            thread.start()
        go.set()
        for thread in self.threads:
            thread.join()


def test_those_who_come_meanwhile_get_the_result_of_the_first():
    flights, go, calls = Flights(), threading.Event(), []

    def work():
        go.wait()
        calls.append(1)
        return "refs"

    crowd = Crowd(flights, work)
    crowd.run(go)
    assert crowd.results == ["refs"] * 8
    assert len(calls) < 8


def test_a_later_call_works_again():
    flights, calls = Flights(), []
    for _ in range(3):
        flights.share(make_context(), "key", lambda: calls.append(1))
    assert len(calls) == 3


def test_an_error_is_shared_as_copies_so_that_tracebacks_do_not_mix():
    flights, begun, go = Flights(), threading.Event(), threading.Event()

    def work():
        begun.set()
        go.wait()
        raise SourceUnavailable("down")

    crowd = Crowd(flights, work, size=2)
    crowd.threads[0].start()
    begun.wait()
    crowd.threads[1].start()
    go.set()
    for thread in crowd.threads:
        thread.join()
    assert [str(e) for e in crowd.errors] == ["down", "down"]
    assert crowd.errors[0] is not crowd.errors[1]


def test_when_the_first_one_is_stopped_another_takes_over():
    flights, begun, go, calls = Flights(), threading.Event(), threading.Event(), []

    def stopped():
        begun.set()
        go.wait()
        raise Cancelled("stopped by the host")

    first = Crowd(flights, stopped, size=1)
    second = Crowd(flights, lambda: calls.append(1) or "mine", size=1)
    first.threads[0].start()
    begun.wait()
    second.threads[0].start()
    go.set()
    first.threads[0].join()
    second.threads[0].join()
    assert isinstance(first.errors[0], Cancelled)
    assert (second.results, calls) == (["mine"], [1])


@pytest.mark.parametrize("stop", ["cancel", "deadline"])
def test_whoever_waits_can_be_stopped(stop):
    flights, begun, go = Flights(), threading.Event(), threading.Event()

    def work():
        begun.set()
        go.wait()

    thread = threading.Thread(target=flights.share, args=(make_context(), "key", work))
    thread.start()
    begun.wait()
    ctx = make_context(deadline=-1.0) if stop == "deadline" else make_context()
    if stop == "cancel":
        ctx.cancel.set()
    with pytest.raises(Cancelled if stop == "cancel" else DeadlineExceeded):
        flights.share(ctx, "key", work)
    go.set()
    thread.join()

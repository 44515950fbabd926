"""The threads that call sinks end with the controller."""

from __future__ import annotations

import threading
from typing import Any

from gitops_core.controller.limits import ControllerLimits
from gitops_core.controller.voice import Voice
from gitops_core.engine.daemons import DaemonThreads
from gitops_core.engine.runtime import Runtime
from gitops_core.engine.sinks import ListSink


def test_closing_it_ends_the_threads_that_call_sinks() -> None:
    pools: list[Any] = []

    def pool(workers: int) -> DaemonThreads:
        pools.append(DaemonThreads(workers))
        return pools[-1]

    before = set(threading.enumerate())
    Voice(Runtime(sinks=(ListSink(),)), ControllerLimits(), pool).close(5.0)
    for thread in set(threading.enumerate()) - before:
        thread.join(5.0)
    assert len(pools) == 1
    assert set(threading.enumerate()) <= before

"""The end of a real process: a forked child is killed at a call."""

from __future__ import annotations

import os
import signal
import traceback
import warnings

from gitops_core.testing.crash_points.exploring import armed
from gitops_core.testing.crash_points.gate import Gate, kill_process
from gitops_core.testing.crash_points.points import Cut
from gitops_core.testing.crash_points.scenarios import Scenario, Worlds


def in_child(scenario: Scenario, worlds: Worlds, cut: Cut) -> str:
    """
    Run *scenario* in a child that is killed by SIGKILL at *cut*; for worlds that live on a disk or in another process.

    Cost: a fork, some milliseconds. Needs a POSIX system, and no other thread that holds a lock.
    """
    with warnings.catch_warnings():  # other threads do not live on in the child, and it needs none of them
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        _live_and_die(scenario, worlds, cut)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return ""
    return f"the child was to be killed and ended with {os.waitstatus_to_exitcode(status)}; see its traceback, if any"


def _live_and_die(scenario: Scenario, worlds: Worlds, cut: Cut) -> None:
    """Never returns: what follows is the parent's."""
    code = 1
    try:
        with armed(Gate(cut, end=kill_process), worlds):
            scenario.run(worlds)
        code = 0
    finally:
        if code:
            traceback.print_exc()  # the last thing that this process does is to tell
        os._exit(code)

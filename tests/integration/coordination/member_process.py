"""
One engine of several: what test_coordination_processes.py starts, kills, stops and cuts off.

Usage: ``member_process.py ENGINE ADDRESS ID``: ENGINE is ``kubernetes`` (ADDRESS: a kubeconfig and a namespace, joined by ``@``) or
``postgres`` (ADDRESS: a connection string and a schema). Beats until SIGTERM, then leaves. Says a line of JSON for each beat: when it began and
ended (on the monotonic clock of the machine, which all processes share), until when it is valid, and the list; or the error.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading

from gitops_core.context import SystemClock
from gitops_core.coordination.pace import Pace
from gitops_core.errors import GitOpsError
from gitops_core.model.applications import Owner
from gitops_core.model.rosters import Member
from gitops_core.testing.contexts import make_context

PACE = Pace(interval=0.3, validity=1.2, duration=1.8)
OWNER = Owner("example.org", "engine")


def connected(engine: str, address: str):
    """Return the coordinator."""
    where, _, place = address.rpartition("@")
    if engine == "postgres":
        from gitops_core.coordination.postgres import PostgresCoordinator

        return PostgresCoordinator(where, OWNER, schema=place, pace=PACE)
    from gitops_core.coordination.kubernetes import KubernetesLeases
    from gitops_core.kubernetes_api.connections import Connection

    return KubernetesLeases(Connection.from_kubeconfig(where), OWNER, place, pace=PACE)


def say(**facts: object) -> None:
    """Write one line at once, whole."""
    os.write(1, json.dumps(facts).encode() + b"\n")


def main() -> None:
    """Beat until told to stop."""
    engine, address, name = sys.argv[1:]
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    clock, member = SystemClock(), Member(name)
    coordinator = connected(engine, address)
    ctx = make_context(application="", clock=clock, random=random.SystemRandom())
    while not stopped.is_set():
        began = clock.monotonic()
        try:
            standing = coordinator.beat(ctx, member)
        except GitOpsError as error:
            say(id=name, at=clock.monotonic(), error=f"{type(error).__name__}: {error}")
        else:
            roster = standing.roster
            say(id=name, began=began, at=clock.monotonic(), until=standing.valid_until, generation=roster.generation,
                members=roster.ids, leader=roster.leader)  # fmt: skip
        stopped.wait(PACE.interval)
    say(id=name, at=clock.monotonic(), leaving=True)
    coordinator.leave(ctx, member)
    say(id=name, at=clock.monotonic(), left=True)


if __name__ == "__main__":
    main()

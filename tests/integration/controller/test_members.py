"""Three real controllers share twenty applications: one is killed, or stopped for longer than its place lasts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from controller_process import LEASE, PACE

from gitops_core.context import SystemClock
from gitops_core.testing.kubernetes import ClusterSettings, FakeCluster

pytestmark = pytest.mark.slow
PROGRAM = Path(__file__).with_name("controller_process.py")
NAMES = [f"app{n}" for n in range(20)]
BOUND = PACE.duration + 2 * PACE.interval + LEASE
SLACK = 6.0  # of a busy machine


class Crowd:
    """The processes, and what each has said last."""

    def __init__(self, engine, cluster, dsn, schema, home):
        self.cluster, self.home, self.processes, self.last, self.readers = cluster, home, {}, {}, []
        self.root = home / "apps"
        self.declare("blue")
        self.arguments = [engine, str(cluster.kubeconfig(home)), dsn, schema]

    def declare(self, color):
        for app in NAMES:
            (self.root / app).mkdir(parents=True, exist_ok=True)
            for n in range(3):
                body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"{app}-{n}"}, "data": {"color": color}}
                (self.root / app / f"{n}.json").write_text(json.dumps(body))

    def start(self, name):
        process = subprocess.Popen([sys.executable, PROGRAM, *self.arguments, name, self.root], stdout=subprocess.PIPE)
        self.processes[name] = process
        self.readers.append(threading.Thread(target=self._read, args=(process,), daemon=True))
        self.readers[-1].start()

    def _read(self, process):
        for line in process.stdout:
            word = json.loads(line)
            self.last[word["id"]] = word["held"]

    def settle(self, *among, seconds=60.0):
        """Wait until each application is held by exactly one of *among*, and in sync there; return the time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            held = Counter(app for name in among for app in self.last.get(name, {}))
            phases = {phase for name in among for phase in self.last.get(name, {}).values()}
            if len(held) == len(NAMES) and set(held.values()) == {1} and phases == {"synced"}:
                return time.monotonic()
            time.sleep(0.05)
        raise AssertionError(f"never settled: {self.last}")

    def colors(self):
        _, found = self.cluster.request("GET", "/api/v1/namespaces/default/configmaps")
        return {o["metadata"]["name"]: o["data"]["color"] for o in found["items"] if o.get("data", {}).get("color")}

    def until_all_are(self, color, seconds=60.0):
        end = time.monotonic() + seconds
        while time.monotonic() < end and set(self.colors().values()) != {color}:
            time.sleep(0.05)
        assert set(self.colors().values()) == {color}
        assert len(self.colors()) == 3 * len(NAMES)
        return time.monotonic()

    def creates(self):
        objects = (r for r in self.cluster.requests.log if r.resource == "configmaps" and r.name.startswith("app"))
        return Counter(r.name for r in objects if r.status == 201)

    def close(self):
        for process in self.processes.values():
            process.kill()
            process.wait(10)
        for reader in self.readers:
            reader.join(10)
        for process in self.processes.values():
            process.stdout.close()


@pytest.fixture
def crowd(request, tmp_path):
    dsn, schema = "-", "-"
    if request.param == "postgres":
        dsn, schema = request.getfixturevalue("postgres"), request.getfixturevalue("postgres_schema")
    with FakeCluster(ClusterSettings(clock=SystemClock(), log_size=200_000)) as cluster:
        found = Crowd(request.param, cluster, dsn, schema, tmp_path)
        yield found
        found.close()


POSTGRES = pytest.param("postgres", signal.SIGKILL, marks=pytest.mark.needs_postgres)


@pytest.mark.parametrize(
    ("crowd", "number"), [("kubernetes", signal.SIGKILL), ("kubernetes", signal.SIGSTOP), POSTGRES], indirect=["crowd"]
)
def test_what_a_dead_or_silent_member_held_is_taken_over(crowd, number, request):
    """It happens in the middle of a change to everything; nothing is made twice, nothing is lost, and the time is bounded."""
    for name in "abc":
        crowd.start(name)
    crowd.settle("a", "b", "c")
    crowd.declare("red")
    time.sleep(0.5)
    since = time.monotonic()
    os.kill(crowd.processes["b"].pid, number)
    seconds = crowd.until_all_are("red") - since
    crowd.settle("a", "c")
    request.node.user_properties.append(("seconds until everything of a lost member was changed", round(seconds, 2)))
    assert seconds <= BOUND + SLACK
    if number == signal.SIGSTOP:
        os.kill(crowd.processes["b"].pid, signal.SIGCONT)
        crowd.settle("a", "b", "c")
    crowd.declare("green")
    crowd.until_all_are("green")
    assert set(crowd.creates().values()) == {1}
    assert len(crowd.creates()) == 3 * len(NAMES)

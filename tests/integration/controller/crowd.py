"""Real controllers that share twenty applications: started, asked what they work on, and sent signals."""

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

from controller_process import LEASE, PACE

PROGRAM = Path(__file__).with_name("controller_process.py")
NAMES = [f"app{n}" for n in range(20)]
BOUND = PACE.duration + 2 * PACE.interval + LEASE
SLACK = 6.0  # of a busy machine


def files(color):
    """Return the files of all applications, by path."""

    def manifest(name):
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"color": color}}
        return json.dumps(body)

    return {f"{app}/{n}.json": manifest(f"{app}-{n}") for app in NAMES for n in range(3)}


class Crowd:
    """
    The processes, and what each has said last.

    Args:
        home: A directory of its own.
        get: Reads a path of the cluster.
        facts: For the program, the same for all of them.
    """

    def __init__(self, home, get, **facts):
        self.processes, self.last, self.errors, self.readers = {}, {}, {}, []
        self.root, self.get = home / "apps", get
        self.declare("blue")
        self.facts = {"engine": "kubernetes", "namespace": "default", "root": str(self.root), **facts}

    def declare(self, color):
        for path, text in files(color).items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text(text)

    def start(self, name, **facts):
        """Start a member, with *facts* of its own."""
        facts = json.dumps({**self.facts, "id": name, **facts})
        process = subprocess.Popen([sys.executable, PROGRAM, facts], stdout=subprocess.PIPE)
        self.processes[name] = process
        self.readers.append(threading.Thread(target=self._read, args=(process,), daemon=True))
        self.readers[-1].start()

    def _read(self, process):
        for line in process.stdout:
            word = json.loads(line)
            self.last[word["id"]] = word["held"]
            self.errors[word["id"]] = [*word["errors"], word["error"]]

    def signal(self, name, number):
        os.kill(self.processes[name].pid, number)

    def settle(self, *among, seconds=60.0):
        """Wait until each application is held by exactly one of *among*, and in sync there; return the time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            held = Counter(app for name in among for app in self.last.get(name, {}))
            phases = {phase for name in among for phase in self.last.get(name, {}).values()}
            if len(held) == len(NAMES) and set(held.values()) == {1} and phases == {"synced"}:
                return time.monotonic()
            time.sleep(0.05)
        raise AssertionError(f"never settled: {self.last} {self.errors}")

    def until(self, holds, seconds=20.0, found=dict):
        """Wait until *holds*; return the time. Where it never does, what is *found* is shown."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not holds():
            time.sleep(0.05)
        assert holds(), (found(), self.last, self.errors)
        return time.monotonic()

    def colors(self):
        found = self.get(f"/api/v1/namespaces/{self.facts['namespace']}/configmaps")
        return {o["metadata"]["name"]: o["data"]["color"] for o in found["items"] if o.get("data", {}).get("color")}

    def until_all_are(self, color, seconds=60.0):
        end = time.monotonic() + seconds
        while time.monotonic() < end and set(self.colors().values()) != {color}:
            time.sleep(0.05)
        late = {name: found for name, found in self.colors().items() if found != color}
        assert not late, (late, self.last, self.errors)
        assert len(self.colors()) == 3 * len(NAMES)
        return time.monotonic()

    def lose(self, name, number, request):
        """
        Send signal *number* to one of three in the middle of a change to everything, and hold the time until the change is made to its bound.

        One that is stopped goes on afterwards. Then one more change is made by all who are there.
        """
        everybody = "abc"
        rest = everybody.replace(name, "")
        for member in everybody:
            self.start(member)
        self.settle(*everybody)
        self.declare("red")
        time.sleep(0.5)
        since = time.monotonic()
        self.signal(name, number)
        seconds = self.until_all_are("red") - since
        self.settle(*rest)
        request.node.user_properties.append(("seconds until everything of a lost member was changed", round(seconds, 2)))
        assert seconds <= BOUND + SLACK
        if number == signal.SIGSTOP:
            self.signal(name, signal.SIGCONT)
            self.settle(*everybody)
        self.declare("green")
        self.until_all_are("green")

    def close(self):
        for process in self.processes.values():
            process.kill()
            process.wait(10)
        for reader in self.readers:
            reader.join(10)
        for process in self.processes.values():
            process.stdout.close()

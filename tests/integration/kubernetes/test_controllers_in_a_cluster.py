"""Whole controllers in processes of their own on either server: one is killed, or stopped, in the middle of a change."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "controller"))

from crowd import NAMES, Crowd

pytestmark = pytest.mark.slow


class Diary:
    """What the server says about each object, from the beginning: every write that changed it is an entry."""

    def __init__(self, api, ns):
        self.colors = {}
        self._api, self._path, self._ended = api, f"/api/v1/namespaces/{ns}/configmaps", threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        version = self._api.get(self._path).expect(200).body["metadata"]["resourceVersion"]
        while not self._ended.is_set():
            for event in self._api.watch(self._path, timeout=1, resourceVersion=version):
                meta, color = event["object"]["metadata"], event["object"].get("data", {}).get("color")
                version = meta["resourceVersion"]
                if color:
                    self.colors.setdefault(meta["name"], []).append(color)

    def close(self):
        self._ended.set()
        self._thread.join(10)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_controllers_replace_one_that_is_lost(cluster, api, ns, tmp_path, request, number):
    """In the middle of a change to everything: each object is written once for each revision, in order, and the time is bounded."""
    diary = Diary(api, ns)
    kubeconfig = str(cluster.kubeconfig(tmp_path))
    crowd = Crowd(tmp_path, lambda path: api.get(path).expect(200).body, kubeconfig=kubeconfig, namespace=ns)
    try:
        crowd.lose("b", number, request)
        expected = {f"{app}-{n}": ["blue", "red", "green"] for app in NAMES for n in range(3)}
        crowd.until(
            lambda: diary.colors == expected, 3.0, lambda: {n: c for n, c in diary.colors.items() if c != expected.get(n)}
        )
    finally:
        crowd.close()
        diary.close()

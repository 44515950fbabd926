"""Signals to a real process: the first one lets the change in hand be finished, the second one stops at once."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gitops_core.model.inventory import EntryState
from gitops_core.state.sqlite import SqliteStore

pytestmark = pytest.mark.slow

CHILD = Path(__file__).parent / "controller_child.py"
APP = "example.org/tests/edge"
PATIENCE = 30.0  # seconds; only a broken controller needs them
AT_ONCE = 10.0  # seconds; far less than the 30 that a shutdown may take, and than the 60 for which the plug-in blocks


@contextmanager
def controller(what: str, home: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a controller in a process of its own; whatever is left of it ends with the test."""
    command = [sys.executable, str(CHILD), what, str(home)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield child
    finally:
        child.kill()
        child.communicate(timeout=PATIENCE)


def heard(child: subprocess.Popen[str]) -> str:
    """Return the next line that the child says."""
    assert child.stdout is not None
    return child.stdout.readline().strip()


def rest(child: subprocess.Popen[str], timeout: float) -> list[str]:
    """Return what it says until it ends, and see that it ends well."""
    out, err = child.communicate(timeout=timeout)
    assert (child.returncode, err) == (0, "")
    return out.split("\n")[:-1]


def known(home: Path) -> set[str]:
    """Return the names that the inventory has, written or intended."""
    store = SqliteStore(home / "state.sqlite3")
    try:
        return {key.name for key in store.inventory(APP).entries}
    finally:
        store.close()


def applied(home: Path) -> list[str]:
    store = SqliteStore(home / "state.sqlite3")
    try:
        entries = store.inventory(APP).entries.values()
        return sorted(entry.key.name for entry in entries if entry.state is EntryState.APPLIED)
    finally:
        store.close()


def files(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "srv").glob("*.txt"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_lets_the_change_in_hand_be_finished_and_nothing_else_begins(number, tmp_path: Path) -> None:
    with controller("slow", tmp_path) as child:
        assert heard(child) == "created a.txt"
        child.send_signal(number)
        assert rest(child, PATIENCE) == ["told", "ended"]
    assert files(tmp_path) == ["a.txt"]
    assert "a.txt" in known(tmp_path)  # as an intent: the look that would confirm it was not begun any more


def test_what_was_not_begun_is_done_by_the_next_process_and_nothing_twice(tmp_path: Path) -> None:
    with controller("slow", tmp_path) as child:
        assert heard(child) == "created a.txt"
        child.send_signal(signal.SIGTERM)
        rest(child, PATIENCE)
    with controller("quick", tmp_path) as child:
        assert rest(child, PATIENCE) == ["created b.txt", "created c.txt", "ended"]
    assert applied(tmp_path) == ["a.txt", "b.txt", "c.txt"]


def test_the_second_signal_stops_at_once_although_a_plug_in_does_not_come_back(tmp_path: Path) -> None:
    with controller("blocked", tmp_path) as child:
        assert heard(child) == "created a.txt"
        child.send_signal(signal.SIGTERM)
        assert heard(child) == "told"
        assert child.poll() is None
        begun = time.monotonic()
        child.send_signal(signal.SIGINT)
        assert rest(child, AT_ONCE) == ["ended"]
        assert time.monotonic() - begun < AT_ONCE
    assert (files(tmp_path), applied(tmp_path)) == (["a.txt"], [])  # written, and not known to be: the next pass looks

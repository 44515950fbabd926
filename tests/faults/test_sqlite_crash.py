"""A process that dies at any moment leaves a state file with every acknowledged update in it (promise 1)."""

from __future__ import annotations

import importlib.util
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from gitops_core.state.sqlite import SqliteStore

HERE = Path(__file__).parent
VERSION_1 = (HERE.parent / "unit" / "state" / "version_1.sql").read_text()


def _load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


writer = _load(HERE / "state_writer.py")


class Writer:
    """A process that starts and buries the writers."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, writer.__file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def start(self, path, cut):
        self.process.stdin.write(f"{path} {cut}\n")
        self.process.stdin.flush()

    def lines(self):
        """(word, number) pairs until the writer's end."""
        for line in self.process.stdout:
            word, number = line.split()
            yield word, int(number)
            if word == "end":
                return

    def run(self, path, cut):
        """Let a writer work until its cut; return its last acknowledgement and its exit code."""
        self.start(path, cut)
        acknowledged = status = 0
        for word, number in self.lines():
            acknowledged = number if word == "ack" else acknowledged
            status = number if word == "end" else status
        return acknowledged, status


@pytest.fixture(scope="module")
def writers():
    writers = Writer()
    yield writers
    writers.process.stdin.close()
    writers.process.wait(30)
    writers.process.stdout.close()


def check(path, acknowledged):
    """The file is sound, holds what was acknowledged and at most one update more, nobody holds the lock, and work goes on."""
    with SqliteStore(path) as store, store.exclusive(writer.APP, 5.0):
        found = store.inventory(writer.APP)
        assert found.serial in (acknowledged, acknowledged + 1)
        assert found == writer.inventory_at(found.serial)
        assert store._open.database.connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        after = store.update_inventory(writer.APP, writer.update(found.serial), serial=found.serial)
        assert after == writer.inventory_at(found.serial + 1)
    return found.serial


@pytest.mark.slow
def test_killed_before_any_statement_nothing_acknowledged_is_lost(writers, tmp_path):
    """Every point of making a file, its schema and four updates is tried; the last run gets through."""
    survived = set()
    for cut in range(1, 500):
        path = tmp_path / f"s{cut}"
        acknowledged, status = writers.run(path, cut)
        survived.add(check(path, acknowledged))
        if status == 0:
            break
        assert status == -signal.SIGKILL
    assert (status, acknowledged) == (0, 4)
    assert cut > 60  # the points are really there
    assert survived == {0, 1, 2, 3, 4}


@pytest.mark.slow
def test_killed_before_any_statement_of_an_upgrade_nothing_is_lost(writers, tmp_path):
    """The next start finds version 1, or version 2, and never anything in between."""
    for cut in range(1, 500):
        path = tmp_path / f"s{cut}"
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(VERSION_1)
        acknowledged, status = writers.run(path, cut)
        check(path, acknowledged)
        with SqliteStore(path) as store:
            assert (store.inventory("a/b/c").serial, len(store.inventory("a/b/c").entries)) == (12, 3)
        if acknowledged or status == 0:  # the upgrade is behind us; the test above covers the rest
            break
    assert acknowledged
    assert cut > 20


@pytest.mark.slow
def test_killed_at_any_time_nothing_acknowledged_is_lost(writers, tmp_path):
    """Twenty-five kills of one file's writers, at random moments within system calls, too."""
    path, chance, reached = tmp_path / "s", random.Random(7), 0
    for _ in range(25):
        writers.start(path, 0)
        acknowledged = reached
        for word, number in writers.lines():
            if word == "pid":
                pid = number
            elif word == "ack":
                if acknowledged == reached:  # the first of this writer
                    time.sleep(chance.uniform(0, 0.03))
                    os.kill(pid, signal.SIGKILL)
                acknowledged = number
            else:
                assert number == -signal.SIGKILL
        assert acknowledged > reached
        reached = check(path, acknowledged) + 1
    assert reached > 50


def test_a_log_cut_at_any_byte_holds_every_update_that_was_whole(tmp_path):
    """
    The writes of a commit go to the end of the write-ahead log, so a kill in the middle of one leaves the log cut there.

    Cut at each end of a page's frame, one byte before, and in the middle, as a kill within a write leaves it.
    """
    path, wal = tmp_path / "s", tmp_path / "s-wal"
    with SqliteStore(path) as store:
        sizes = [0]
        for serial in range(4):
            store.update_inventory(writer.APP, writer.update(serial), serial=serial)
            sizes.append(wal.stat().st_size)
        content, base = wal.read_bytes(), path.read_bytes()
    frame = 24 + 4096
    for boundary in range(32, sizes[-1] + 1, frame):
        for size in {max(boundary - 1, 0), boundary, min(boundary + frame // 2, sizes[-1])}:
            copy = tmp_path / "copy"
            copy.mkdir()
            (copy / "s").write_bytes(base)
            (copy / "s-wal").write_bytes(content[:size])
            whole = sum(size >= end for end in sizes[1:])
            with SqliteStore(copy / "s") as store:
                assert store.inventory(writer.APP) == writer.inventory_at(whole)
                assert store.update_inventory(writer.APP, writer.update(whole), serial=whole).serial == whole + 1
            shutil.rmtree(copy)

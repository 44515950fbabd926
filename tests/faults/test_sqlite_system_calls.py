"""
SQLite writes its files by itself, unseen by Python: strace kills the process at each of its system calls, or makes each of them fail.

Needs strace and the right to trace a child.
"""

from __future__ import annotations

import functools
import importlib.util
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from gitops_core.state.sqlite import SqliteStore

HERE = Path(__file__).parent
STRACE = shutil.which("strace")
CALLS = ("pwrite64", "ftruncate", "fdatasync", "unlink")
TOLD = r"errors\.StateUnavailable: state file \S+: (no space is left|reading or writing failed|cannot be opened)"
KILLED = 137


def may_trace():
    return bool(STRACE) and subprocess.run([STRACE, "-qq", "true"], capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(not may_trace(), reason="needs strace, and the right to trace a child")


def _load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


writer = _load(HERE / "state_writer.py")


def run(path, log, *inject):
    """Let a traced process make four updates of the state file *path*; return how many it acknowledged, and how it ended."""
    work = f"import runpy; runpy.run_path({str(HERE / 'state_writer.py')!r})['work']({str(path)!r}, 10**9)"
    command = [STRACE, "-f", "-qq", "-o", str(log), "-e", f"trace={','.join(CALLS)}", *inject, sys.executable, "-c", work]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return ended.stdout.count("ack"), ended


@functools.cache
def all_calls(directory):
    """Return (name, number) of every call: strace counts each name by itself."""
    acknowledged, ended = run(directory / "whole", directory / "log")
    assert (acknowledged, ended.returncode) == (4, 0), ended.stderr
    names = re.findall(r"^\d+ +(\w+)\(", (directory / "log").read_text(), re.MULTILINE)
    return [(name, number) for name, count in sorted(Counter(names).items()) for number in range(1, count + 1)]


def check_state(path, acknowledged):
    """What was acknowledged is there, at most one update more, and work goes on."""
    with SqliteStore(path) as store, store.exclusive(writer.APP, 5.0):
        found = store.inventory(writer.APP)
        assert found.serial in (acknowledged, acknowledged + 1)
        assert found == writer.inventory_at(found.serial)
        after = store.update_inventory(writer.APP, writer.update(found.serial), serial=found.serial)
        assert after == writer.inventory_at(found.serial + 1)


def calls(tmp_path, step, names=CALLS):
    """Return each *step*-th call of *names*."""
    every = [call for call in all_calls(tmp_path) if call[0] in names]
    some = every[::step]
    print(f"\n{len(some)} of {len(every)} system calls of SQLite: {', '.join(sorted({name for name, _ in every}))}")  # noqa: T201  # why: the counts are wanted
    return some


def steps(deep):
    return pytest.mark.parametrize(
        "step", [pytest.param(9, marks=pytest.mark.slow, id="some"), pytest.param(deep, marks=pytest.mark.deep, id="many")]
    )


@steps(1)
def test_killed_at_any_system_call_of_sqlite_nothing_acknowledged_is_lost(tmp_path, step):
    for name, number in calls(tmp_path, step):
        path = tmp_path / f"{name}{number}"
        acknowledged, ended = run(path, tmp_path / "log", "-e", f"inject={name}:signal=SIGKILL:when={number}")
        assert ended.returncode in (-9, KILLED), f"not killed at {name} {number}: {ended.stderr}"
        check_state(path, acknowledged)


@steps(4)
@pytest.mark.parametrize(("code", "names"), [("ENOSPC", ("pwrite64", "ftruncate")), ("EIO", ("pwrite64", "fdatasync"))])
def test_a_system_call_of_sqlite_that_fails_is_told_and_nothing_acknowledged_is_lost(code, names, tmp_path, step):
    """From that call on they all fail: the state is unavailable, which may pass, or the call was one that SQLite can do without."""
    told = 0
    for name, number in calls(tmp_path, step, names):
        path = tmp_path / f"{name}{number}"
        acknowledged, ended = run(path, tmp_path / "log", "-e", f"inject={name}:error={code}:when={number}+")
        if ended.returncode:
            told += 1
            assert re.search(TOLD, ended.stderr), ended.stderr
        else:
            assert acknowledged == 4
        check_state(path, acknowledged)
    assert told > 3

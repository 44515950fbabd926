"""Locks exclude, name who holds them, and survive forks, exceptions and odd names."""

from __future__ import annotations

import os
import threading

import pytest

from gitops_core.errors import StateLocked, StateUnavailable
from gitops_core.state import locks
from gitops_core.state.locks import ProcessLocks, ThreadLocks


def test_a_thread_that_has_it_is_named():
    held, done, names = threading.Event(), threading.Event(), ThreadLocks()

    def hold():
        with names.hold("app", 1.0):
            held.set()
            done.wait()

    holder = threading.Thread(target=hold, name="worker-7")
    holder.start()
    held.wait()
    with pytest.raises(StateLocked, match=r"^app: thread 'worker-7' .*waited 0 s"), names.hold("app", 0.0):
        pass
    done.set()
    holder.join()


@pytest.mark.parametrize("timeout", [-1.0, 0.0, 1e300])
def test_any_timeout_takes_a_free_lock(tmp_path, timeout):
    with ProcessLocks(tmp_path).hold("app", timeout):
        assert len(list(tmp_path.iterdir())) == 1


def test_two_sets_of_locks_on_one_directory_exclude_each_other_and_name_the_process(tmp_path):
    with (
        ProcessLocks(tmp_path).hold("a/b/c", 1.0),
        pytest.raises(StateLocked, match=rf"^a/b/c: process {os.getpid()} works on it"),
        ProcessLocks(tmp_path).hold("a/b/c", 0.0),
    ):
        pass


def test_an_unsigned_lock_is_held_by_another_process(tmp_path, monkeypatch):
    """Between taking the lock and signing it the holder's number is not known."""
    monkeypatch.setattr(locks, "_sign", lambda handle, name: None)
    with (
        ProcessLocks(tmp_path).hold("app", 1.0),
        pytest.raises(StateLocked, match="another process"),
        ProcessLocks(tmp_path).hold("app", 0.0),
    ):
        pass


def test_waiting_polls_ever_more_slowly_and_never_past_the_deadline(tmp_path, monkeypatch):
    now, naps = [100.0], []
    monkeypatch.setattr(locks.time, "monotonic", lambda: now[0])

    def sleep(seconds):
        naps.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(locks.time, "sleep", sleep)
    with ProcessLocks(tmp_path).hold("app", 1.0), pytest.raises(StateLocked), ProcessLocks(tmp_path).hold("app", 0.2):
        pass
    assert naps[:5] == [0.002, 0.004, 0.008, 0.016, 0.032]
    assert (max(naps), round(sum(naps), 6), len(naps)) == (0.05, 0.2, 8)


def test_names_become_distinct_file_names_of_bounded_length(tmp_path):
    names = ["a/b", "a b", "a-b", "../../etc/passwd", "ж" * 300, "x" * 5000, "\ud800", ""]
    files = [locks._file_name(name) for name in names]
    assert len(set(files)) == len(names)
    assert all(len(file) < 120 and "/" not in file for file in files)


def test_a_lock_file_that_is_removed_while_held_lets_nobody_hold_a_ghost(tmp_path):
    """The next holder locks the file that is there, not the one that was."""
    with ProcessLocks(tmp_path).hold("app", 1.0):
        next(tmp_path.iterdir()).unlink()
        with ProcessLocks(tmp_path).hold("app", 1.0), pytest.raises(StateLocked), ProcessLocks(tmp_path).hold("app", 0.0):
            pass


def test_a_file_that_vanishes_between_open_and_lock_is_not_ours(tmp_path, monkeypatch):
    flock, path = locks.fcntl.flock, tmp_path / "x.lock"

    def remove_and_lock(handle, operation):
        path.unlink(missing_ok=True)
        flock(handle, operation)

    monkeypatch.setattr(locks.fcntl, "flock", remove_and_lock)
    assert locks._try(path) is None


def test_an_error_of_the_system_is_translated_and_closes_the_file(tmp_path, monkeypatch):
    def broken(handle, operation):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(locks.fcntl, "flock", broken)
    with pytest.raises(StateUnavailable, match="reading or writing failed"), ProcessLocks(tmp_path).hold("app", 0.0):
        pass


def test_a_lock_that_cannot_be_signed_is_released(tmp_path, monkeypatch):
    def full(handle, name):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(locks, "_sign", full)
        with pytest.raises(StateUnavailable, match="no space"), ProcessLocks(tmp_path).hold("app", 0.0):
            pass
    with ProcessLocks(tmp_path).hold("app", 0.0):
        assert len(locks._held) == 1
    assert not locks._held


def test_a_forked_child_lets_go_of_its_copy_and_never_unlocks(tmp_path):
    """The hook that runs in a child: it closes the descriptor, and the end of the block then does nothing."""
    with ProcessLocks(tmp_path).hold("app", 1.0):
        (handle,) = locks._held
        locks._forget_held()
        assert handle.closed
    with ProcessLocks(tmp_path).hold("app", 0.0):
        assert len(locks._held) == 1

"""Each bad condition, brought about for real: the error names the file and the cure, nothing is half-written, and work goes on after."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from gitops_core.errors import Disposition, StateCorrupt, StateUnavailable
from gitops_core.model.history import JournalRecord, PassRecord
from gitops_core.model.inventory import Intent, InventoryEntry, InventoryUpdate
from gitops_core.model.resources import Resource, ResourceKey
from gitops_core.model.values import digest
from gitops_core.state.sqlite import SqliteStore

APP = "example.org/demo/edge"
NOBODY = 65534


def entries(count, **fields):
    return tuple(InventoryEntry(ResourceKey("", "ConfigMap", "n", f"c{i}"), **fields) for i in range(count))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.sqlite3"


@pytest.fixture
def filled(path):
    """A closed state file with 200 entries of one application."""
    with SqliteStore(path) as store:
        store.update_inventory(APP, InventoryUpdate(put=entries(200, desired="d" * 64)), serial=0)
    return path


@pytest.fixture
def shared():
    """A directory that every user can reach, unlike pytest's."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


@contextmanager
def ordinary_user():
    """Permissions mean nothing to root: run the block as somebody to whom they do."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


# -- not readable ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"this is no database at all" * 100, b"SQLite format 3\x00" + b"\xff" * 5000, b"short"])
def test_a_file_of_something_else_is_corrupt_and_left_alone(path, content):
    path.write_bytes(content)
    with SqliteStore(path) as store, pytest.raises(StateCorrupt, match=f"{path}.*move it .*away; the next pass adopts") as caught:
        store.inventory(APP)
    assert caught.value.disposition is Disposition.STALL
    assert path.read_bytes() == content


def test_damaged_pages_are_corrupt(filled):
    content = bytearray(filled.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    filled.write_bytes(content)
    with SqliteStore(filled) as store:
        for _ in range(2):  # the second call opens anew and says the same
            with pytest.raises(StateCorrupt, match=r"state.sqlite3"):
                store.inventory(APP)
        with pytest.raises(StateCorrupt):
            store.update_inventory(APP, InventoryUpdate(put=entries(1)), serial=1)


def test_a_file_that_was_cut_is_corrupt(filled):
    content = filled.read_bytes()
    filled.write_bytes(content[: len(content) // 2])
    with SqliteStore(filled) as store, pytest.raises(StateCorrupt):
        store.inventory(APP)


def test_after_a_corrupt_file_is_moved_away_the_same_store_starts_anew(path):
    path.write_bytes(b"junk" * 1000)
    with SqliteStore(path) as store:
        with pytest.raises(StateCorrupt):
            store.inventory(APP)
        path.rename(path.with_name("moved-away"))
        assert store.update_inventory(APP, InventoryUpdate(put=entries(1)), serial=0).serial == 1


def test_junk_in_the_log_loses_no_more_than_the_log(filled):
    """Frames of a write-ahead log carry checksums: what does not match was never committed."""
    filled.with_name(filled.name + "-wal").write_bytes(os.urandom(50_000))
    with SqliteStore(filled) as store:
        assert len(store.inventory(APP).entries) == 200
        assert store.update_inventory(APP, InventoryUpdate(), serial=1).serial == 2


# -- not writable ------------------------------------------------------------------------------------------------------


def test_a_read_only_directory_is_unavailable(shared):
    shared.chmod(0o555)
    with ordinary_user(), SqliteStore(shared / "state") as store:
        with pytest.raises(StateUnavailable, match=r"not writable .*write access"):
            store.inventory(APP)
        with pytest.raises(StateUnavailable, match="not writable"), store.exclusive(APP, 0.1):
            pass
    assert list(shared.iterdir()) == []


def test_a_read_only_file_is_readable_and_not_writable(shared):
    with ordinary_user_directory(shared), SqliteStore(shared / "state") as store:
        store.update_inventory(APP, InventoryUpdate(put=entries(3)), serial=0)
        store.close()
        (shared / "state").chmod(0o444)
        assert len(store.inventory(APP).entries) == 3
        with pytest.raises(StateUnavailable, match="not writable"):
            store.update_inventory(APP, InventoryUpdate(put=entries(4)), serial=1)
        store.close()
        for file in shared.glob("state*"):  # SQLite made the log as read-only as the file
            if file.is_file():
                file.chmod(0o644)
        assert store.update_inventory(APP, InventoryUpdate(put=entries(4)), serial=1).serial == 2


@contextmanager
def ordinary_user_directory(directory):
    """As :func:`ordinary_user`, in a directory that this user may write to."""
    directory.chmod(0o777)
    with ordinary_user():
        yield


def test_a_full_disk_is_unavailable_keeps_the_old_state_and_goes_on_when_there_is_room(filled):
    with SqliteStore(filled) as store:
        before = store.inventory(APP)
        store._open.database.connection.execute("PRAGMA max_page_count = 1")  # SQLite takes it as "no page more than there are"
        with pytest.raises(StateUnavailable, match=r"no space is left .*SQLITE_FULL") as caught:
            store.update_inventory(APP, InventoryUpdate(put=entries(5000, desired="e" * 64)), serial=1)
        assert caught.value.disposition is Disposition.RETRY
        assert store.inventory(APP) == before
        assert store.update_inventory(APP, InventoryUpdate(put=entries(5000)), serial=1).serial == 2


@pytest.fixture
def tiny_disk(tmp_path):
    """A file system of 1 MiB."""
    place = tmp_path / "tiny"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("needs the right to mount a tmpfs (root)")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_really_full_disk_is_unavailable_and_goes_on_when_there_is_room(tiny_disk):
    with SqliteStore(tiny_disk / "state") as store:
        store.update_inventory(APP, InventoryUpdate(put=entries(10)), serial=0)
        ballast = tiny_disk / "ballast"
        with ballast.open("wb", buffering=0) as file:
            while os.statvfs(tiny_disk).f_bfree:
                file.write(b"x" * 4096)
        for _ in range(2):
            with pytest.raises(StateUnavailable, match="state"):
                store.update_inventory(APP, InventoryUpdate(put=entries(2000, desired="e" * 64)), serial=1)
        with pytest.raises(StateUnavailable), store.exclusive(APP, 0.1):
            pass
        ballast.unlink()
        assert len(store.inventory(APP).entries) == 10
        assert store.update_inventory(APP, InventoryUpdate(put=entries(20)), serial=1).serial == 2


def test_a_path_through_a_file_is_unavailable(tmp_path):
    (tmp_path / "file").touch()
    with SqliteStore(tmp_path / "file" / "state") as store, pytest.raises(StateUnavailable, match="cannot be opened"):
        store.salt()


def test_a_database_that_another_process_keeps_locked_is_unavailable_for_as_long(filled):
    hold = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('BEGIN IMMEDIATE'); print('held', flush=True); sys.stdin.read(1)"
    holder = subprocess.Popen([sys.executable, "-c", hold, str(filled)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    with SqliteStore(filled, busy_timeout=0.05) as store:
        assert len(store.inventory(APP).entries) == 200  # readers do not wait
        with pytest.raises(StateUnavailable, match=r"another process keeps it locked .*busy_timeout"):
            store.update_inventory(APP, InventoryUpdate(put=entries(1)), serial=1)
        holder.communicate("x", timeout=30)
        assert store.update_inventory(APP, InventoryUpdate(put=entries(1)), serial=1).serial == 2


# -- no secrets --------------------------------------------------------------------------------------------------------


def test_no_body_and_no_secret_is_in_any_byte_of_the_files(path):
    """Promise 10: the files hold digests, salted where a secret enters them."""
    canary = "canary-5up3r-s3cret"
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s"},
        "stringData": {"password": canary},
        "note": "body-" + canary[::-1],
    }
    with SqliteStore(path) as store:
        resource = Resource.of(body, salt=store.salt())
        live = digest(resource.body, store.salt())
        entry = InventoryEntry(resource.key, desired=resource.digest, live=live, declared=("/stringData/password", "/note"))
        store.update_inventory(APP, InventoryUpdate(put=(entry,), open_intents=(Intent(resource.key, "k"),)), serial=0)
        record = JournalRecord(
            1.0, "p", "r", resource.key, "create", "succeeded", desired=resource.digest, origin=resource.origin
        )
        store.append_journal(APP, [record])
        store.record_pass(APP, PassRecord("p", 1.0, 2.0, "r", "in-sync"), keep=5)
        with store.exclusive(APP, 1.0):
            raw = b"".join(file.read_bytes() for file in path.parent.rglob("*") if file.is_file())
    assert canary.encode() not in raw
    assert canary[::-1].encode() not in raw
    assert digest({"stringData": {"password": canary}}).encode() not in raw
    assert resource.digest.encode() in raw  # we did look at the right files


def test_the_file_passes_sqlites_own_check_after_all_kinds_of_writes(filled):
    with SqliteStore(filled, memo_limit=1000) as store:
        for number in range(50):
            store.put_memo("s", str(number), b"x" * 90, now=float(number))
        store.update_inventory(APP, InventoryUpdate(drop=tuple(e.key for e in entries(100))), serial=1)
        store.forget(APP)
    with closing(sqlite3.connect(filled)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]

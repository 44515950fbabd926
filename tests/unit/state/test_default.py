"""Where state goes when nobody says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gitops_core.errors import ConfigError
from gitops_core.model.inventory import InventoryUpdate
from gitops_core.state import default
from gitops_core.state.default import default_store
from gitops_core.state.sqlite import SqliteStore, default_path


def test_the_state_directory_of_the_user_is_used(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert default_path() == tmp_path / "gitops_core" / "state.sqlite3"


@pytest.mark.parametrize("value", ["", "relative/path"])
def test_without_a_usable_setting_the_home_directory_is_used(monkeypatch, tmp_path, value):
    monkeypatch.setenv("XDG_STATE_HOME", value)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_path() == tmp_path / ".local" / "state" / "gitops_core" / "state.sqlite3"


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch):
    monkeypatch.delenv("XDG_STATE_HOME")

    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", no_home)
    with pytest.raises(ConfigError, match="XDG_STATE_HOME"):
        default_path()


def test_every_caller_gets_the_same_store_and_every_path_its_own(tmp_path):
    assert default_store() is default_store()
    assert default_store(tmp_path / "a") is default_store(str(tmp_path / "a"))
    assert default_store(tmp_path / "a") is not default_store(tmp_path / "b")


def test_naming_a_store_touches_no_disk():
    assert not default_store().path.parent.exists()


def test_all_that_is_made_is_for_this_user_only(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "new" / "state"))
    old = os.umask(0)  # the most open-handed user there can be
    try:
        with SqliteStore() as store, store.exclusive("a", 1.0):
            store.update_inventory("a", InventoryUpdate(), serial=0)
            made = [(path.is_dir(), path.suffix, oct(path.stat().st_mode & 0o777)) for path in (tmp_path / "new").rglob("*")]
    finally:
        os.umask(old)
    files = {(suffix, mode) for is_dir, suffix, mode in made if not is_dir}
    assert files == {(suffix, "0o600") for suffix in (".sqlite3", ".sqlite3-wal", ".sqlite3-shm", ".lock")}
    assert {mode for is_dir, _, mode in made if is_dir} == {"0o700"}


def test_the_stores_are_closed_when_the_interpreter_ends(tmp_path):
    """SQLite removes the write-ahead log when its last connection is closed in good order."""
    code = "import sys; from gitops_core.state.default import default_store; default_store(sys.argv[1]).salt()"
    subprocess.run([sys.executable, "-W", "error", "-c", code, str(tmp_path / "s.sqlite3")], check=True, timeout=60)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["s.sqlite3", "s.sqlite3.locks"]


def test_closing_all_leaves_stores_usable(tmp_path):
    store = default_store(tmp_path / "s")
    salt = store.salt()
    default._close_all()
    assert store.salt() == salt
    store.close()

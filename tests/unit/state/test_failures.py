"""Every row of the tables of foreign errors; tests/faults/test_sqlite_faults.py brings the important ones about for real."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

import pytest

from gitops_core.errors import ConfigError, StateCorrupt, StateError, StateUnavailable
from gitops_core.state.failures import OS_FAILURES, SQLITE_FAILURES, decoding, translated

PATH = Path("/var/lib/state.sqlite3")


def sqlite_error(code: int, name: str = "SQLITE_X") -> sqlite3.Error:
    error = sqlite3.OperationalError("detail")
    error.sqlite_errorcode, error.sqlite_errorname = code, name
    return error


@pytest.mark.parametrize("code", SQLITE_FAILURES)
@pytest.mark.parametrize("extended", [0, 5 << 8])
def test_each_sqlite_code_has_its_error_with_path_and_cure(code, extended):
    failure = SQLITE_FAILURES[code]
    with pytest.raises(StateError) as caught, translated(PATH):
        raise sqlite_error(code | extended, "SQLITE_NAME")
    assert type(caught.value) is failure.error
    assert str(caught.value) == f"state file {PATH}: {failure.meaning} (SQLITE_NAME); {failure.cure}"


@pytest.mark.parametrize("code", OS_FAILURES)
def test_each_errno_has_its_error_with_path_and_cure(code):
    failure = OS_FAILURES[code]
    with pytest.raises(failure.error, match="state file /var/lib/state") as caught, translated(PATH):
        raise OSError(code, "why")
    assert failure.cure in str(caught.value)


def test_an_unknown_sqlite_code_is_unavailable():
    with pytest.raises(StateUnavailable, match="SQLITE_TOOBIG"), translated(PATH):
        raise sqlite_error(sqlite3.SQLITE_TOOBIG, "SQLITE_TOOBIG")


@pytest.mark.parametrize("error", [OSError(errno.EXDEV, "odd"), OSError("no errno at all")])
def test_an_unknown_errno_is_unavailable(error):
    with pytest.raises(StateUnavailable), translated(PATH):
        raise error


def test_text_that_is_not_utf_8_is_corrupt(tmp_path):
    connection = sqlite3.connect(":memory:")
    with pytest.raises(StateCorrupt), translated(PATH):
        connection.execute("SELECT CAST(x'ff' AS TEXT)").fetchone()
    connection.close()


def test_misuse_of_the_module_is_unavailable():
    connection = sqlite3.connect(":memory:")
    connection.close()
    with pytest.raises(StateUnavailable), translated(PATH):
        connection.execute("SELECT 1")


def test_text_that_is_not_unicode_is_the_callers_mistake():
    connection = sqlite3.connect(":memory:")
    with pytest.raises(ConfigError, match="Unicode"), translated(PATH):
        connection.execute("SELECT ?", ("\ud800",))
    connection.close()


@pytest.mark.parametrize("error", [ValueError, TypeError, KeyError, IndexError])
def test_a_row_that_does_not_decode_names_its_table_and_not_its_text(error):
    with pytest.raises(StateCorrupt, match="a row of entries does not decode") as caught, decoding(PATH, "entries"):
        raise error("hunter2")
    assert "hunter2" not in str(caught.value)


def test_our_own_errors_pass_through():
    with pytest.raises(StateCorrupt, match=r"^ours$"), translated(PATH):
        raise StateCorrupt("ours")

"""Every condition of the server becomes the error that says what to do; what is secret stays out of it."""

from __future__ import annotations

import psycopg
import pytest

from gitops_core.errors import ConfigError, Disposition, StateConflict, StateCorrupt, StateUnavailable
from gitops_core.postgres_api.failures import SQLSTATES, decoding, ends_session, of_psycopg, translated

RETRY, STALL = Disposition.RETRY, Disposition.STALL
ROWS = {
    "08006": (StateUnavailable, RETRY, "connection is gone"),
    "22021": (ConfigError, STALL, "cannot store"),
    "23505": (StateCorrupt, STALL, "break their own rules"),
    "25006": (StateUnavailable, RETRY, "target_session_attrs=read-write"),
    "25P03": (StateUnavailable, RETRY, "ended our session"),
    "25P04": (StateUnavailable, RETRY, "ended our session"),
    "28P01": (StateUnavailable, STALL, "does not let us in"),
    "3D000": (StateUnavailable, STALL, "no such database"),
    "3F000": (StateCorrupt, STALL, "not those of its version"),
    "40001": (StateConflict, RETRY, "crossed"),
    "40P01": (StateConflict, RETRY, "crossed"),
    "42501": (StateUnavailable, STALL, "GRANT"),
    "42P01": (StateCorrupt, STALL, "not those of its version"),
    "53100": (StateUnavailable, RETRY, "run out"),
    "53300": (StateUnavailable, RETRY, "max_connections"),
    "54000": (ConfigError, STALL, "larger than"),
    "55P03": (StateUnavailable, RETRY, "row locked"),
    "57014": (StateUnavailable, RETRY, "too long"),
    "57P01": (StateUnavailable, RETRY, "ended our session"),
    "58030": (StateUnavailable, RETRY, "disk"),
    "XX001": (StateCorrupt, STALL, "damaged"),
    "XX002": (StateCorrupt, STALL, "damaged"),
    "P0001": (StateUnavailable, RETRY, "PostgreSQL failed"),
}


def of_code(code):
    error = psycopg.Error("hunter2")
    error.sqlstate = code
    return error


@pytest.mark.parametrize("code", ROWS)
def test_each_condition_has_its_error_and_cure(code):
    kind, disposition, words = ROWS[code]
    found = of_psycopg("db", of_code(code))
    assert (type(found), found.disposition) == (kind, disposition)
    assert words in str(found)
    assert code in str(found)
    assert "hunter2" not in f"{found}{found!r}"


def test_no_row_of_the_table_is_untested():
    assert {code for code in SQLSTATES if not any(known.startswith(code) for known in ROWS)} == set()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (psycopg.DataError(), ConfigError),
        (psycopg.OperationalError(), StateUnavailable),
        (psycopg.InterfaceError(), StateUnavailable),
    ],
)
def test_what_the_driver_finds_by_itself_has_no_code(error, kind):
    with pytest.raises(kind), translated("db"):
        raise error


def test_text_that_is_no_unicode_is_refused():
    with pytest.raises(ConfigError, match="UTF-8"), translated("db"):
        "\ud800".encode()


def test_a_row_that_does_not_decode_is_corrupt():
    with pytest.raises(StateCorrupt, match="entries"), decoding("db", "entries"):
        raise KeyError


def test_every_row_of_the_table_has_a_meaning_and_a_cure():
    assert all(row.meaning and row.cure for row in SQLSTATES.values())


def test_only_some_errors_end_the_session():
    assert [ends_session(of_code(code)) for code in ("57P01", "08006", "25P03", "25006", "57014", "40001", None)] == [
        True,
        True,
        True,
        True,
        False,
        False,
        False,
    ]
    assert not ends_session(ValueError())

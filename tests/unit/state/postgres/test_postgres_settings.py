"""What a PostgreSQL store is told is checked, and no secret of it is shown."""

import pytest

from gitops_core.errors import ConfigError
from gitops_core.state.postgres import PostgresSettings, PostgresStore


def test_a_password_is_never_shown():
    with pytest.raises(ConfigError) as raised:
        PostgresStore("host=db password hunter2")
    assert "hunter2" not in f"{raised.value}{raised.value.__cause__}"
    store = PostgresStore("postgresql://engine:hunter2@db.example.org/state?connect_timeout=2")
    assert "hunter2" not in repr(store) + repr(store._sessions.address) + store._sessions.address.place
    assert "db.example.org" in store._sessions.address.place


@pytest.mark.parametrize(
    "wrong",
    [
        {"schema": "a b"},
        {"schema": "pg_x"},
        {"schema": ""},
        {"connections": 0},
        {"timeout": float("nan")},
        {"abandoned_after": -1},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ConfigError):
        PostgresSettings(**wrong)


def test_the_limits_of_the_settings_are_those_of_the_sessions():
    address = PostgresStore("host=db", PostgresSettings("mine", timeout=7.0, connect_timeout=3.0))._sessions.address
    assert (address.schema, address.timeout, address.connect_timeout) == ("mine", 7.0, 3.0)

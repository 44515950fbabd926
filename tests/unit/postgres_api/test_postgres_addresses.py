"""An address shows no secret, and all waits at it have bounds."""

import pytest

from gitops_core.errors import ConfigError, StateUnavailable
from gitops_core.postgres_api.addresses import Address, refuse_odd_schema

SECRET = "hunter2"


def address(conninfo, timeout=5.0, schema="s"):
    return Address(conninfo, schema, "engine", timeout, timeout)


@pytest.mark.parametrize(
    ("conninfo", "place"),
    [
        (f"host=db user=engine dbname=gitops password={SECRET}", "PostgreSQL database gitops on db, schema s"),
        (f"postgresql://engine:{SECRET}@db.example.org/state", "PostgreSQL database state on db.example.org, schema s"),
        ("hostaddr=192.0.2.1", "PostgreSQL database (default) on 192.0.2.1, schema s"),
        ("", "PostgreSQL database (default) on the default host, schema s"),
    ],
)
def test_a_place_is_named_without_user_and_password(conninfo, place):
    found = address(conninfo)
    assert found.place == place
    assert SECRET not in repr(found)


def test_what_cannot_be_read_is_refused_and_not_shown():
    with pytest.raises(ConfigError, match="not a PostgreSQL connection string") as caught:
        address(f"host db {SECRET}")
    assert SECRET not in f"{caught.value!r}{caught.value.__cause__!r}"
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("schema", ["", "1a", "a-b", "a b", 'a"; drop', "x" * 64, "Ä", "pg_x", "s\n"])
def test_a_schema_has_a_plain_name(schema):
    with pytest.raises(ConfigError, match="schema"):
        address("host=db", schema=schema)


@pytest.mark.parametrize("schema", ["a", "_", "gitops_core", "x" * 63, "my_pg_x"])
def test_a_plain_name_is_taken(schema):
    refuse_odd_schema(schema)


@pytest.mark.parametrize(
    ("timeout", "connect", "wire", "keepalives"),
    [(30.0, 30, 30_000, (10, 5, 3)), (0.1, 2, 100, (1, 1, 3)), (3.4, 4, 3400, (1, 1, 3))],
)
def test_all_waits_of_a_session_have_bounds(timeout, connect, wire, keepalives):
    found = address("host=db", timeout).parameters()
    assert (found["connect_timeout"], found["tcp_user_timeout"]) == (connect, wire)
    assert tuple(found[f"keepalives_{name}"] for name in ("idle", "interval", "count")) == keepalives
    assert found["keepalives"] == 1
    assert found["application_name"].startswith("engine ")


def test_what_the_embedder_set_wins_but_for_the_encoding():
    found = address("host=db tcp_user_timeout=7 keepalives_idle=9 client_encoding=LATIN1 application_name=mine").parameters()
    assert [found[name] for name in ("tcp_user_timeout", "keepalives_idle", "application_name")] == ["7", "9", "mine"]
    assert found["client_encoding"] == "UTF8"


def test_a_server_that_is_not_there_is_unavailable(tmp_path):
    with pytest.raises(StateUnavailable, match=r"cannot be made \(OperationalError\)") as caught:
        address(f"host={tmp_path} password={SECRET}").open()
    assert SECRET not in f"{caught.value}{caught.value.__cause__}"

"""What a beat makes of the rows, and what a server's refusals mean; on a real server in tests/integration/coordination."""

import builtins

import pytest

from gitops_core.coordination.postgres import PostgresCoordinator
from gitops_core.coordination.postgres.tables import Head, Seat, decide, refuse_twins
from gitops_core.errors import ConfigError, Denied, Disposition, MissingExtra, StateConflict, StateLocked, StateUnavailable
from gitops_core.model.applications import Owner
from gitops_core.model.rosters import Member, Roster
from gitops_core.postgres_api.failures import FAILURES, error_of
from gitops_core.postgres_api.sessions import Address, Session, driver

A, B = Member("a"), Member("b")
NOW = 1_700_000_000.0
OWNER = Owner("example.org", "engine")


def seat(member, alive=True, token="t"):
    return Seat(member, token, alive)


def test_the_first_one_leads():
    decision = decide(Head(0, "", NOW), (), A, 0)
    assert (decision.before, decision.after) == (Roster(), Roster(1_700_000_000_000, (A,), "a"))


def test_where_nothing_changes_nothing_is_written():
    decision = decide(Head(5, "a", NOW), [seat(B), seat(A)], B, 5)
    assert decision.after is decision.before
    assert decision.after == Roster(5, (A, B), "a")


def test_the_silent_are_counted_out_but_never_the_one_who_beats():
    decision = decide(Head(5, "a", NOW), [seat(A, alive=False), seat(B, alive=False)], B, 0)
    assert (decision.silent, decision.after.ids, decision.after.leader) == (["a"], ("b",), "b")


def test_a_generation_that_has_gone_back_is_raised_above_what_was_seen():
    decision = decide(Head(5, "a", NOW), [seat(A)], A, 1_800_000_000_000)
    assert decision.after.generation == 1_800_000_000_001


def test_an_id_belongs_to_one_start_while_it_lives():
    refuse_twins([seat(A), seat(B, token="other")], A, "t", 15.0)
    refuse_twins([seat(A, alive=False, token="other")], A, "t", 15.0)
    with pytest.raises(StateLocked, match="another one after every start"):
        refuse_twins([seat(A, token="other")], A, "t", 15.0)


@pytest.mark.parametrize("schema", ["", "1a", "a-b", 'a"; drop', "x" * 64, "Ä"])
def test_a_schema_has_a_plain_name(schema):
    with pytest.raises(ConfigError, match="schema"):
        PostgresCoordinator("host=/nowhere", OWNER, schema=schema)


@pytest.mark.parametrize(
    ("code", "ours", "disposition"),
    [
        (None, StateUnavailable, Disposition.RETRY),
        ("08006", StateUnavailable, Disposition.RETRY),
        ("25006", StateUnavailable, Disposition.RETRY),
        ("25P03", StateUnavailable, Disposition.RETRY),
        ("28P01", Denied, Disposition.STALL),
        ("3D000", StateUnavailable, Disposition.STALL),
        ("40001", StateConflict, Disposition.RETRY),
        ("40P01", StateConflict, Disposition.RETRY),
        ("42501", Denied, Disposition.STALL),
        ("42P01", StateUnavailable, Disposition.STALL),
        ("53300", StateUnavailable, Disposition.RETRY),
        ("55P03", StateUnavailable, Disposition.RETRY),
        ("57014", StateUnavailable, Disposition.RETRY),
        ("57P01", StateUnavailable, Disposition.RETRY),
        ("58030", StateUnavailable, Disposition.RETRY),
    ],
)
def test_each_refusal_of_the_server_is_an_error_of_ours(code, ours, disposition):
    error = error_of(code, "PostgreSQL at db", "words\nof the server")
    assert (type(error), error.disposition) == (ours, disposition)
    assert "PostgreSQL at db" in str(error)
    assert "(words of the server)" in str(error)


def test_every_row_of_the_table_has_a_cure():
    assert all(meaning and cure for _, meaning, cure, _ in FAILURES.values())


def test_a_password_is_in_no_repr_place_or_error():
    address = Address("host=db user=engine dbname=gitops password=hunter2")
    assert address.place() == "PostgreSQL at db, database gitops"
    assert "hunter2" not in repr(address) + repr(Session(address, "x", "y"))
    with pytest.raises(ConfigError) as caught:
        PostgresCoordinator("host db hunter2", OWNER)
    assert "hunter2" not in f"{caught.value!r}{caught.value.__cause__!r}"
    assert caught.value.__suppress_context__


def test_all_waits_of_a_session_have_bounds_unless_the_embedder_set_others():
    found = Address("host=db tcp_user_timeout=7", 3.4).parameters()
    assert {
        name: int(found[name]) for name in ("connect_timeout", "tcp_user_timeout", "keepalives_idle", "keepalives_count")
    } == {
        "connect_timeout": 3,
        "tcp_user_timeout": 7,
        "keepalives_idle": 3,
        "keepalives_count": 3,
    }


def test_without_the_driver_the_extra_is_named(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "psycopg":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match=r"gitops-core\[postgres\]"):
        driver()

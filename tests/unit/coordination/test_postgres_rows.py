"""What a beat makes of the rows; on a real server in tests/integration/coordination."""

import pytest

from gitops_core.coordination.pace import Pace
from gitops_core.coordination.postgres import PostgresCoordinator
from gitops_core.coordination.postgres.tables import Head, Seat, decide, refuse_twins
from gitops_core.errors import ConfigError, StateLocked
from gitops_core.model.applications import Owner
from gitops_core.model.rosters import Member, Roster

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


def test_a_password_is_in_no_error():
    with pytest.raises(ConfigError) as caught:
        PostgresCoordinator("host db hunter2", OWNER)
    assert "hunter2" not in f"{caught.value!r}{caught.value.__cause__!r}"


def test_a_statement_may_take_a_third_of_a_standing():
    address = PostgresCoordinator("host=db", OWNER, pace=Pace(interval=3.0, validity=12.0, duration=15.0))._address
    assert (address.timeout, address.connect_timeout, address.name) == (4.0, 4.0, "engine coordination")

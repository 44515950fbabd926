"""Members on a real PostgreSQL: the contract on real time, broken sessions, permissions, two engines of one id."""

from __future__ import annotations

import itertools
import time
from contextlib import contextmanager

import pytest

from gitops_core.context import SystemClock
from gitops_core.coordination.pace import Pace
from gitops_core.coordination.postgres import PostgresCoordinator
from gitops_core.errors import Denied, Disposition, StateLocked, StateUnavailable
from gitops_core.model.applications import Owner
from gitops_core.model.rosters import Member
from gitops_core.postgres_api.sessions import Address
from gitops_core.testing.contexts import make_context
from gitops_core.testing.coordinator_contract import CoordinatorContract

pytestmark = pytest.mark.needs_postgres
psycopg = pytest.importorskip("psycopg")
OWNER = Owner("example.org", "engine")
PACE = Pace(interval=0.25, validity=1.0, duration=1.5)
_numbers = itertools.count(1)


@pytest.fixture
def schema():
    return f"case_{next(_numbers)}"


@pytest.fixture
def ctx():
    return make_context(clock=SystemClock())


@pytest.mark.slow
class TestPostgresCoordinator(CoordinatorContract):
    """On the server's own clock, which nobody can turn: real time, in short pieces."""

    patience = 4.0
    clock = SystemClock()

    @pytest.fixture(autouse=True)
    def _served(self, postgres_dsn, schema):
        self.dsn, self.schema, self.made = postgres_dsn, schema, []

    def make_coordinator(self):
        self.made.append(PostgresCoordinator(self.dsn, OWNER, schema=self.schema, pace=PACE))
        return self.made[-1]

    @contextmanager
    def unreachable(self):
        """Every session is cut, and the way to the server leads nowhere."""
        sessions = [chair.session for coordinator in self.made for chair in coordinator._chairs.values()]
        right = [session._address for session in sessions]
        for session in sessions:
            session.close()
            session._address = Address("host=/nowhere user=postgres", 1.0)
        yield
        for session, address in zip(sessions, right, strict=True):
            session._address = address


def test_a_session_that_the_server_ends_is_opened_anew(postgres_dsn, schema, ctx):
    """The beat that meets the end says so; the next one goes on with the same list."""
    with PostgresCoordinator(postgres_dsn, OWNER, schema=schema) as coordinator:
        before = coordinator.beat(ctx, Member("a")).roster
        with psycopg.connect(postgres_dsn, autocommit=True) as admin:
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'engine coordination'")
        with pytest.raises(StateUnavailable, match=r"starting or stopping|connection"):
            coordinator.beat(ctx, Member("a"))
        assert coordinator.beat(ctx, Member("a")).roster == before


def test_a_role_without_privileges_is_told_which(postgres_dsn, schema, ctx):
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {schema}_poor LOGIN".encode())
    poor = PostgresCoordinator(postgres_dsn.replace("user=postgres", f"user={schema}_poor"), OWNER, schema=schema)
    with poor, pytest.raises(Denied, match="grant it the privilege") as caught:
        poor.beat(ctx, Member("a"))
    assert caught.value.disposition is Disposition.STALL


def test_two_engines_of_one_id_are_told_apart(postgres_dsn, schema, ctx):
    """The second is refused until the first has been silent for its duration; then the first is."""
    first, second = (PostgresCoordinator(postgres_dsn, OWNER, schema=schema, pace=PACE) for _ in range(2))
    with first, second:
        first.beat(ctx, Member("a"))
        with pytest.raises(StateLocked, match="another one after every start"):
            second.beat(ctx, make := Member("a"))
        time.sleep(PACE.duration + 0.1)
        second.beat(ctx, make)
        with pytest.raises(StateLocked):
            first.beat(ctx, Member("a"))
        first.leave(ctx, Member("a"))
        assert second.beat(ctx, make).roster.ids == ("a",)


def test_a_member_that_stops_in_the_middle_of_a_beat_holds_nobody_up_for_long(postgres_dsn, schema, ctx):
    """It holds the row with the generation; the server ends its transaction, and the others go on."""
    first, second = (PostgresCoordinator(postgres_dsn, OWNER, schema=schema, pace=PACE) for _ in range(2))
    with first, second:
        first.beat(ctx, Member("a"))
        second.beat(ctx, Member("b"))
        with first._chairs["a"].session.transaction() as cursor:
            cursor.execute("SELECT 1 FROM rosters FOR UPDATE")
            began = time.monotonic()
            with pytest.raises(StateUnavailable, match=r"lock for too long|took too long"):
                second.beat(ctx, Member("b"))
            assert second.beat(ctx, Member("b")).roster.ids == ("a", "b")
            assert time.monotonic() - began < PACE.validity
            with pytest.raises(psycopg.Error):
                cursor.execute("SELECT 1")
        assert first.beat(ctx, Member("a")).roster.ids == ("a", "b")


def test_tables_that_are_gone_are_made_again(postgres_dsn, schema, ctx):
    with PostgresCoordinator(postgres_dsn, OWNER, schema=schema) as coordinator:
        before = coordinator.beat(ctx, Member("a")).roster.generation
        with psycopg.connect(postgres_dsn, autocommit=True) as admin:
            admin.execute(f"DROP SCHEMA {schema} CASCADE".encode())
        with pytest.raises(StateUnavailable):
            coordinator.beat(ctx, Member("a"))
        assert coordinator.beat(ctx, Member("a")).roster.generation > before


def test_lost_tables_are_made_again_and_the_generation_goes_on(postgres_dsn, schema, ctx):
    with PostgresCoordinator(postgres_dsn, OWNER, schema=schema) as coordinator:
        before = coordinator.beat(ctx, Member("a")).roster.generation
        with psycopg.connect(postgres_dsn, autocommit=True) as admin:
            admin.execute(f"TRUNCATE {schema}.rosters, {schema}.members".encode())
            admin.execute(f"INSERT INTO {schema}.rosters VALUES ('example.org/engine', 5, '')".encode())
        assert coordinator.beat(ctx, Member("a")).roster.generation > before


def test_two_owners_share_one_schema_and_never_meet(postgres_dsn, schema, ctx):
    one = PostgresCoordinator(postgres_dsn, OWNER, schema=schema)
    other = PostgresCoordinator(postgres_dsn, Owner("example.org", "other"), schema=schema)
    with one, other:
        assert one.beat(ctx, Member("a")).roster.ids == ("a",)
        assert other.beat(ctx, Member("b")).roster.ids == ("b",)


def test_who_is_silent_is_off_the_list_and_who_leaves_is_at_once(postgres_dsn, schema, ctx):
    """Another weight, a silence and a leaving are a generation each."""
    with PostgresCoordinator(postgres_dsn, OWNER, schema=schema, pace=PACE) as coordinator:
        coordinator.beat(ctx, Member("c"))
        time.sleep(PACE.duration)
        coordinator.beat(ctx, Member("a"))
        both = coordinator.beat(ctx, Member("b", 2.0)).roster
        assert both.members == (Member("a"), Member("b", 2.0))
        coordinator.leave(ctx, Member("a"))
        coordinator.leave(ctx, Member("a"))
        after = coordinator.beat(ctx, Member("b", 2.0)).roster
        assert (after.ids, after.leader) == (("b",), "b")
        assert after.generation > both.generation

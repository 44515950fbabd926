"""Members on a real PostgreSQL: the contract on real time, broken sessions, permissions, two engines of one id."""

from __future__ import annotations

import time
from contextlib import closing, contextmanager

import psycopg
import pytest

from gitops_core.context import SystemClock
from gitops_core.coordination.pace import Pace
from gitops_core.coordination.postgres import PostgresCoordinator
from gitops_core.coordination.postgres.tables import Rows
from gitops_core.errors import Disposition, StateCorrupt, StateLocked, StateUnavailable
from gitops_core.model.applications import Owner
from gitops_core.model.rosters import Member
from gitops_core.postgres_api.addresses import Address
from gitops_core.postgres_api.sessions import transaction
from gitops_core.testing.contexts import make_context
from gitops_core.testing.coordinator_contract import CoordinatorContract

pytestmark = pytest.mark.needs_postgres
OWNER = Owner("example.org", "engine")
PACE = Pace(interval=0.25, validity=1.0, duration=1.5)


@pytest.fixture
def ctx():
    return make_context(clock=SystemClock())


@pytest.mark.slow
class TestPostgresCoordinator(CoordinatorContract):
    """On the server's own clock, which nobody can turn: real time, in short pieces."""

    patience = 4.0
    clock = SystemClock()

    @pytest.fixture(autouse=True)
    def _served(self, postgres, postgres_schema):
        self.dsn, self.schema, self.made = postgres, postgres_schema, []

    def make_coordinator(self):
        self.made.append(PostgresCoordinator(self.dsn, OWNER, schema=self.schema, pace=PACE))
        return self.made[-1]

    @contextmanager
    def unreachable(self):
        """Every session is cut, and the way to the server leads nowhere."""
        pools = [chair.sessions for coordinator in self.made for chair in coordinator._chairs.values()]
        right = [pool.address for pool in pools]
        for pool in pools:
            pool.close()
            pool.address = Address("host=/nowhere user=postgres", self.schema, "lost", 1.0, 1.0)
        yield
        for pool, address in zip(pools, right, strict=True):
            pool.address = address


def test_a_member_that_is_stopped_in_its_beat_stops_nobody_else(postgres, postgres_schema, ctx, stopped):
    """It has the row that everybody needs; the next beat of another one goes wrong, and the one after that is heard."""
    with closing(PostgresCoordinator(postgres, OWNER, schema=postgres_schema, pace=PACE)) as coordinator:
        coordinator.beat(ctx, Member("a"))
        coordinator.beat(ctx, Member("b"))
        with stopped(coordinator._chairs["a"].sessions) as connection:
            Rows(connection, f"{OWNER.domain}/{OWNER.name}").lock()
            with pytest.raises(StateUnavailable):
                coordinator.beat(ctx, Member("b"))
            assert coordinator.beat(ctx, Member("b")).roster.ids == ("a", "b")


def test_a_session_that_the_server_ends_is_opened_anew(postgres, postgres_schema, ctx):
    """The end is noticed before the session is used: the next beat goes on with the same list."""
    with PostgresCoordinator(postgres, OWNER, schema=postgres_schema) as coordinator:
        before = coordinator.beat(ctx, Member("a")).roster
        with psycopg.connect(postgres, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'engine coordination %'"
            )
        time.sleep(0.2)
        assert coordinator.beat(ctx, Member("a")).roster == before


def test_a_role_without_privileges_is_told_which(postgres, postgres_schema, ctx):
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {postgres_schema}_poor LOGIN".encode())
    poor = PostgresCoordinator(postgres.replace("user=postgres", f"user={postgres_schema}_poor"), OWNER, schema=postgres_schema)
    with poor, pytest.raises(StateUnavailable, match="GRANT CREATE ON DATABASE") as caught:
        poor.beat(ctx, Member("a"))
    assert caught.value.disposition is Disposition.STALL


def test_two_engines_of_one_id_are_told_apart(postgres, postgres_schema, ctx):
    """The second is refused until the first has been silent for its duration; then the first is."""
    first, second = (PostgresCoordinator(postgres, OWNER, schema=postgres_schema, pace=PACE) for _ in range(2))
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


def test_a_member_that_stops_in_the_middle_of_a_beat_holds_nobody_up_for_long(postgres, postgres_schema, ctx):
    """It holds the row with the generation; the server ends its transaction, and the others go on."""

    def hang(sessions, meanwhile):
        with sessions.lend() as held, transaction(held, together=False):
            held.execute("SELECT 1 FROM rosters FOR UPDATE")
            meanwhile()
            held.execute("SELECT 1")

    def refused_once(other):
        with pytest.raises(StateUnavailable, match=r"keeps a row locked|took too long"):
            other.beat(ctx, Member("b"))
        assert other.beat(ctx, Member("b")).roster.ids == ("a", "b")

    first, second = (PostgresCoordinator(postgres, OWNER, schema=postgres_schema, pace=PACE) for _ in range(2))
    with first, second:
        first.beat(ctx, Member("a"))
        second.beat(ctx, Member("b"))
        began = time.monotonic()
        with pytest.raises(StateUnavailable):
            hang(first._chairs["a"].sessions, meanwhile=lambda: refused_once(second))
        assert time.monotonic() - began < PACE.validity
        assert first.beat(ctx, Member("a")).roster.ids == ("a", "b")


def test_tables_that_are_gone_are_made_again(postgres, postgres_schema, ctx):
    with PostgresCoordinator(postgres, OWNER, schema=postgres_schema) as coordinator:
        before = coordinator.beat(ctx, Member("a")).roster.generation
        with psycopg.connect(postgres, autocommit=True) as admin:
            admin.execute(f"DROP SCHEMA {postgres_schema} CASCADE".encode())
        with pytest.raises(StateCorrupt, match="made anew"):
            coordinator.beat(ctx, Member("a"))
        assert coordinator.beat(ctx, Member("a")).roster.generation > before


def test_lost_tables_are_made_again_and_the_generation_goes_on(postgres, postgres_schema, ctx):
    with PostgresCoordinator(postgres, OWNER, schema=postgres_schema) as coordinator:
        before = coordinator.beat(ctx, Member("a")).roster.generation
        with psycopg.connect(postgres, autocommit=True) as admin:
            admin.execute(f"TRUNCATE {postgres_schema}.rosters, {postgres_schema}.members".encode())
            admin.execute(f"INSERT INTO {postgres_schema}.rosters VALUES ('example.org/engine', 5, '')".encode())
        assert coordinator.beat(ctx, Member("a")).roster.generation > before


def test_two_owners_share_one_schema_and_never_meet(postgres, postgres_schema, ctx):
    one = PostgresCoordinator(postgres, OWNER, schema=postgres_schema)
    other = PostgresCoordinator(postgres, Owner("example.org", "other"), schema=postgres_schema)
    with one, other:
        assert one.beat(ctx, Member("a")).roster.ids == ("a",)
        assert other.beat(ctx, Member("b")).roster.ids == ("b",)


def test_who_is_silent_is_off_the_list_and_who_leaves_is_at_once(postgres, postgres_schema, ctx):
    """Another weight, a silence and a leaving are a generation each."""
    with PostgresCoordinator(postgres, OWNER, schema=postgres_schema, pace=PACE) as coordinator:
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

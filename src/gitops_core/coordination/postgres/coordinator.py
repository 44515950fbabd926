"""Coordinates over two tables: every beat is one transaction, which holds the row with the generation."""

from __future__ import annotations

import threading

import attrs

from gitops_core.coordination.pace import Pace
from gitops_core.coordination.postgres.tables import Rows, decide, listed, make_tables, refuse_odd_schema, refuse_twins
from gitops_core.interfaces import Context, Coordinator
from gitops_core.model.applications import Owner
from gitops_core.model.rosters import Member, Standing, agreed
from gitops_core.postgres_api.sessions import Address, Session


@attrs.define
class _Chair:
    """A member of this process: its session, its start, and the highest generation that it has seen."""

    session: Session
    token: str
    generation: int = 0
    has_tables: bool = False


class PostgresCoordinator(Coordinator):
    """
    Coordinates over tables in PostgreSQL.

    Who is silent is told by the server's clock alone: a beat is worth ``pace.validity`` to its member from before it was sent, and keeps
    it on the list for ``pace.duration`` after it was carried out. When somebody sets the server's clock forward all are counted out at
    once, and in again with their next beats; the generation fences what they write in between.

    Args:
        conninfo: As libpq takes it. It is never shown.
        owner: Which installation: engines of one owner share the work.
        schema: Where the tables are; made when they are not there.
        pace: How often, and for how long; the same for all members.

    Raises:
        ConfigError: Connection string or schema make no sense. STALL.
        MissingExtra: psycopg is not installed. STALL.

    Cost: a session for each member of this process; a beat is one transaction of three statements, five when the list changes.
    Source: PostgreSQL, "Explicit Locking", row-level locks.
    """

    def __init__(self, conninfo: str, owner: Owner, *, schema: str = "gitops_core", pace: Pace = Pace()) -> None:
        self.interval = pace.interval
        self._pace = pace
        refuse_odd_schema(schema)
        self._schema, self._installation = schema, f"{owner.domain}/{owner.name}"
        # A third of a standing: a statement without an answer costs one beat, and not the standing.
        self._address = Address(conninfo, max(0.1, pace.validity / 3))
        self._address.parameters()
        self._title = f"{owner.name} coordination"
        self._lock = threading.Lock()
        self._chairs: dict[str, _Chair] = {}

    def beat(self, ctx: Context, member: Member) -> Standing:
        """
        See :meth:`Coordinator.beat`.

        Raises:
            StateUnavailable: The server cannot be reached, or refuses. RETRY; the standing ends by itself.
            StateConflict: Another transaction was in the way. RETRY.
            StateLocked: Another engine has this member's id, or had it lately. RETRY.
            Denied: Not allowed to. STALL.
        """
        ctx.check()
        began = ctx.clock.monotonic()
        chair = self._chair(ctx, member)
        ready, chair.has_tables = chair.has_tables, False  # after an error look for them again
        with chair.session.transaction() as cursor:
            if not ready:
                make_tables(cursor, self._schema)
            rows = Rows(cursor, self._installation)
            head, seats = rows.lock(), rows.seats()
            refuse_twins(seats, member, chair.token, self._pace.duration)
            decision = decide(head, seats, member, chair.generation)
            rows.sit(member, chair.token, self._pace.duration)
            if decision.silent:
                rows.drop(decision.silent)
            if decision.after != decision.before:
                rows.write(decision.after)
        chair.has_tables, chair.generation = True, decision.after.generation
        return Standing(decision.after, began + self._pace.validity)

    def leave(self, ctx: Context, member: Member) -> None:
        """See :meth:`Coordinator.leave`. Raises as :meth:`beat` does."""
        ctx.check()
        with self._lock:
            chair = self._chairs.pop(member.id, None)
        if chair is None:
            return
        try:
            if chair.has_tables:
                self._leave(chair, member)
        finally:
            chair.session.close()

    def _leave(self, chair: _Chair, member: Member) -> None:
        with chair.session.transaction() as cursor:
            rows = Rows(cursor, self._installation)
            head, seats = rows.lock(), rows.seats()
            if not any(seat.member.id == member.id and seat.token == chair.token for seat in seats):
                return  # counted out already, or the row is another engine's by now
            rows.drop([member.id])
            rest = [seat.member for seat in seats if seat.member.id != member.id]
            rows.write(agreed(listed(head, seats), rest, head.leader, head.now))

    def close(self) -> None:
        """End every session; members that have not left are counted out after a while. Idempotent."""
        with self._lock:
            chairs, self._chairs = list(self._chairs.values()), {}
        for chair in chairs:
            chair.session.close()

    def _chair(self, ctx: Context, member: Member) -> _Chair:
        with self._lock:
            if member.id not in self._chairs:
                self._chairs[member.id] = _Chair(
                    Session(self._address, self._title, self._schema), f"{ctx.random.getrandbits(128):032x}"
                )
            return self._chairs[member.id]

"""Coordinates over two tables: every beat is one transaction, which holds the row with the generation."""

from __future__ import annotations

import threading

import attrs

from gitops_core.coordination.pace import Pace
from gitops_core.coordination.postgres.tables import Rows, decide, listed, make_tables, refuse_twins
from gitops_core.interfaces import Context, Coordinator
from gitops_core.model.applications import Owner
from gitops_core.model.rosters import Member, Standing, agreed
from gitops_core.postgres_api.addresses import Address
from gitops_core.postgres_api.sessions import Sessions, transaction


@attrs.define
class _Chair:
    """A member of this process: its session, its start, and the highest generation that it has seen, 0 before its first beat."""

    sessions: Sessions
    token: str
    generation: int = 0


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
        MissingExtra: psycopg is not installed; raised when this module is imported. STALL.

    Cost: a session for each member of this process; a beat is one transaction of three statements, five when the list changes.
    Source: PostgreSQL, "Explicit Locking", row-level locks.
    """

    def __init__(self, conninfo: str, owner: Owner, *, schema: str = "gitops_core", pace: Pace = Pace()) -> None:
        self.interval = pace.interval
        self._pace = pace
        self._installation = f"{owner.domain}/{owner.name}"
        # A third of a standing: a statement without an answer costs one beat, and not the standing.
        limit = max(0.1, pace.validity / 3)
        self._address = Address(conninfo, schema, f"{owner.name} coordination", limit, limit)
        self._lock = threading.Lock()
        self._chairs: dict[str, _Chair] = {}

    def beat(self, ctx: Context, member: Member) -> Standing:
        """
        See :meth:`Coordinator.beat`.

        Raises:
            StateUnavailable: The server cannot be reached. RETRY; the standing ends by itself. Or it does not let us: STALL.
            StateConflict: Another transaction was in the way. RETRY.
            StateLocked: Another engine has this member's id, or had it lately. RETRY.
            StateCorrupt: The tables are gone, or not ours. STALL; missing ones are made by the next beat.
        """
        ctx.check()
        began = ctx.clock.monotonic()
        chair = self._chair(ctx, member)
        with chair.sessions.lend() as connection, transaction(connection):
            rows = Rows(connection, self._installation)
            head, seats = rows.lock(), rows.seats()
            refuse_twins(seats, member, chair.token, self._pace.duration)
            decision = decide(head, seats, member, chair.generation)
            rows.sit(member, chair.token, self._pace.duration)
            if decision.silent:
                rows.drop(decision.silent)
            if decision.after != decision.before:
                rows.write(decision.after)
        chair.generation = decision.after.generation
        return Standing(decision.after, began + self._pace.validity)

    def leave(self, ctx: Context, member: Member) -> None:
        """See :meth:`Coordinator.leave`. Raises as :meth:`beat` does."""
        ctx.check()
        with self._lock:
            chair = self._chairs.pop(member.id, None)
        if chair is None:
            return
        try:
            if chair.generation:
                self._leave(chair, member)
        finally:
            chair.sessions.close()

    def _leave(self, chair: _Chair, member: Member) -> None:
        with chair.sessions.lend() as connection, transaction(connection):
            rows = Rows(connection, self._installation)
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
            chair.sessions.close()

    def _chair(self, ctx: Context, member: Member) -> _Chair:
        with self._lock:
            if member.id not in self._chairs:
                self._chairs[member.id] = _Chair(Sessions(self._address, make_tables), f"{ctx.random.getrandbits(128):032x}")
            return self._chairs[member.id]

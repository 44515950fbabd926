"""The two tables, the statements on them, and what a beat makes of their rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs

from gitops_core.errors import StateLocked
from gitops_core.model.rosters import Member, Roster, agreed
from gitops_core.postgres_api.addresses import Address, Connection
from gitops_core.postgres_api.sessions import transaction

_LOCK: Final = 0x6D656D62657273
"""Key of the advisory lock under which tables are made; any number that nobody else uses."""


@attrs.frozen
class Seat:
    """
    A member as it is stored.

    Attributes:
        member: Who.
        token: Which start of it.
        alive: It was not silent for too long, by the server's clock.
    """

    member: Member
    token: str
    alive: bool


@attrs.frozen
class Head:
    """
    What is stored besides the members.

    Attributes:
        generation: Of the list.
        leader: Its id.
        now: The server's time of day, epoch seconds.
    """

    generation: int = 0
    leader: str = ""
    now: float = 0.0


def make_tables(connection: Connection, address: Address) -> None:
    """Make the tables where they are not there; one at a time, whoever comes first."""
    found = connection.execute("SELECT to_regclass('rosters'), to_regclass('members')").fetchone()
    if None not in (found or (None,)):
        return
    with transaction(connection):
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {address.schema}".encode())
        connection.execute(
            "CREATE TABLE IF NOT EXISTS rosters (installation text PRIMARY KEY, generation bigint NOT NULL, leader text NOT NULL)"
        )
        connection.execute(
            "CREATE TABLE IF NOT EXISTS members (installation text NOT NULL, id text NOT NULL, weight double precision NOT NULL, "
            "token text NOT NULL, until timestamptz NOT NULL, PRIMARY KEY (installation, id))"
        )


@attrs.frozen
class Rows:
    """
    The rows of one installation, in one transaction.

    Attributes:
        connection: In the transaction; its search path leads to the tables.
        installation: Whose rows.
    """

    connection: Connection = attrs.field(repr=False)
    installation: str

    def lock(self) -> Head:
        """Return generation and leader; everybody else waits until the transaction ends."""
        head = self._locked()
        if head is None:
            self.connection.execute("INSERT INTO rosters VALUES (%s, 0, '') ON CONFLICT DO NOTHING", (self.installation,))
            head = self._locked()
        return head or Head()

    def _locked(self) -> Head | None:
        query = "SELECT generation, leader, extract(epoch FROM clock_timestamp()) FROM rosters WHERE installation = %s FOR UPDATE"
        found = self.connection.execute(query, (self.installation,)).fetchone()
        return Head(int(found[0]), str(found[1]), float(found[2])) if found else None

    def seats(self) -> tuple[Seat, ...]:
        """Return everybody who is on the list."""
        query = "SELECT id, weight, token, until > clock_timestamp() FROM members WHERE installation = %s"
        found = self.connection.execute(query, (self.installation,)).fetchall()
        return tuple(Seat(Member(name, weight), token, alive) for name, weight, token, alive in found)

    def sit(self, member: Member, token: str, seconds: float) -> None:
        """Put *member* on the list for *seconds* from now on."""
        self.connection.execute(
            "INSERT INTO members VALUES (%s, %s, %s, %s, clock_timestamp() + make_interval(secs => %s)) "
            "ON CONFLICT (installation, id) DO UPDATE SET weight = excluded.weight, token = excluded.token, until = excluded.until",
            (self.installation, member.id, member.weight, token, seconds),
        )

    def drop(self, names: list[str]) -> None:
        """Take *names* off the list."""
        self.connection.execute("DELETE FROM members WHERE installation = %s AND id = ANY(%s)", (self.installation, names))

    def write(self, roster: Roster) -> None:
        """Store generation and leader."""
        query = "UPDATE rosters SET generation = %s, leader = %s WHERE installation = %s"
        self.connection.execute(query, (roster.generation, roster.leader, self.installation))


@attrs.frozen
class Decision:
    """
    What a beat makes of the list.

    Attributes:
        before: As it was.
        after: As it shall be; the same when nothing has changed.
        silent: Ids of those who are counted out.
    """

    before: Roster
    after: Roster
    silent: list[str]


def decide(head: Head, seats: Iterable[Seat], member: Member, floor: int) -> Decision:
    """
    Return what becomes of the list when *member* beats.

    Args:
        head: What is stored besides the members.
        seats: Who is on the list.
        member: Who beats.
        floor: The highest generation that it has seen; an earlier one means that the tables were lost or restored.
    """
    seats = list(seats)
    silent = sorted(seat.member.id for seat in seats if not seat.alive and seat.member.id != member.id)
    alive = {seat.member.id: seat.member for seat in seats if seat.member.id not in silent} | {member.id: member}
    before = listed(head, seats)
    after = agreed(before, alive.values(), head.leader, head.now)
    if after.generation < floor:
        after = agreed(Roster(floor), alive.values(), head.leader, head.now)
    return Decision(before, after, silent)


def listed(head: Head, seats: Iterable[Seat]) -> Roster:
    """Return the list as it is stored."""
    return Roster(head.generation, tuple(sorted((seat.member for seat in seats), key=lambda member: member.id)), head.leader)


def refuse_twins(seats: Iterable[Seat], member: Member, token: str, seconds: float) -> None:
    """Raise StateLocked when another engine that is alive has the id of *member*."""
    if any(seat.member.id == member.id and seat.token != token and seat.alive for seat in seats):
        raise StateLocked(
            f"member {member.id!r}: another engine has this id, or had it less than {seconds:g} s ago; give each engine an id of its "
            "own, another one after every start"
        )

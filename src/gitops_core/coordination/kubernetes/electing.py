"""Who leads, and whom the leader counts in: decisions on what was read. No I/O."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs

from gitops_core.coordination.kubernetes.ages import Ages
from gitops_core.coordination.kubernetes.documents import Record, Sign
from gitops_core.model.rosters import Member, Roster, agreed

RECORD: Final = "the record"
"""Under this name ages know the list; members' are known by the names of their Leases, which have no spaces."""


@attrs.frozen
class Look:
    """
    Who looks, and when.

    Attributes:
        member: Who.
        ages: What it has seen so far.
        now: Its monotonic clock.
        wall: Epoch seconds, for generations.
        floor: The highest generation that it has seen.
    """

    member: Member
    ages: Ages
    now: float
    wall: float
    floor: int


def leads(look: Look, record: Record | None) -> bool:
    """Tell whether it is up to the one who looks to write the list: there is none, nobody's, its own, or its leader is silent."""
    if record is None:
        return True
    silent = look.ages.age(RECORD, record.mark, look.now) >= record.duration
    return record.roster.leader in {"", look.member.id} or silent


def next_record(look: Look, record: Record | None, signs: Iterable[tuple[str, Sign]], duration: float) -> Record:
    """
    Return the list that the one who looks should write as its leader.

    A leader that was silent for as long as it wanted is counted out with the take-over: its own standing began before its last write of
    the list, so it has ended. Of the others the one who takes over knows nothing yet: they are counted in until they are silent to it.

    Args:
        look: Who looks.
        record: The list so far; None when there is none.
        signs: (name of the Lease, what it says) of every member's Lease.
        duration: Seconds that others shall wait for this leader.
    """
    record = record or Record(Roster(), 0, duration, -1)
    found = list(signs)
    deposed = {record.roster.leader} - {look.member.id}
    for name, sign in found:
        if sign.member.id in deposed:
            look.ages.give_up(name, sign.mark)
    alive = {sign.member.id: sign.member for name, sign in found if look.ages.age(name, sign.mark, look.now) < sign.duration}
    floor = max([look.floor, *(sign.generation for _, sign in found)])
    after = agreed(record.roster, {**alive, look.member.id: look.member}.values(), look.member.id, look.wall)
    if after.generation < floor or (after.generation == floor and after != record.roster):
        # The list was lost, or comes from a backup: what was agreed since must not be agreed a second time, otherwise.
        after = agreed(Roster(floor), after.members, look.member.id, look.wall)
    transitions = record.transitions + (record.roster.leader != after.leader)
    lives = tuple(sorted((sign.member.id, sign.life) for _, sign in found))
    return Record(after, record.renewals + 1, duration, transitions, lives)


def without(record: Record, member: Member, wall: float) -> Record:
    """Return the list without *member*; when it led, the first of those who stay leads."""
    rest = [one for one in record.roster.members if one.id != member.id]
    roster = agreed(record.roster, rest, record.roster.leader, wall)
    return Record(
        roster, record.renewals + 1, record.duration, record.transitions + (roster.leader != record.roster.leader), record.lives
    )


def silent(ages: Ages, signs: Iterable[tuple[str, Sign]], now: float) -> list[str]:
    """Return the names of the Leases that have been silent for as long as they wanted."""
    return [name for name, sign in signs if ages.age(name, sign.mark, now) >= sign.duration]

"""Who works on what: the members of one installation, and the one that an application belongs to."""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Iterable
from typing import Final

import attrs
from attrs.validators import and_, ge, lt, min_len

_BITS: Final = 52
"""As many as a float keeps apart below 1, with a half added."""


@attrs.frozen
class Member:
    """
    One engine among several.

    Attributes:
        id: Unique among the members; another one after every start.
        weight: Its share of the applications, relative to the others'. 0: none, unless all have 0.
    """

    id: str = attrs.field(validator=min_len(1))
    weight: float = attrs.field(default=1.0, validator=and_(ge(0.0), lt(math.inf)))


@attrs.frozen
class Roster:
    """
    Who takes part. For one generation there is one list of members.

    Attributes:
        generation: Rises with every change; the fencing term of every write of that time. 0: nobody ever took part.
        members: Sorted by id.
        leader: Id of the one that does what only one should do; empty when there is none.
    """

    generation: int = 0
    members: tuple[Member, ...] = ()
    leader: str = ""

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the members, sorted."""
        return tuple(member.id for member in self.members)


@attrs.frozen
class Standing:
    """
    A member's own place.

    Attributes:
        roster: As agreed by all.
        valid_until: On the member's own monotonic clock: from then on it writes nothing more. Others take over later than that.
    """

    roster: Roster
    valid_until: float


def owner_of(application: str, roster: Roster) -> str:
    """
    Return the id of the member that works on *application*; empty when nobody takes part.

    Each member draws a number from its id and the application's; the highest wins. So who joins takes, and who leaves gives, its own
    share and nothing else, and everybody comes to the same answer whatever the order of the list.

    Args:
        application: ``Application.id``.
        roster: Who takes part.

    Cost: one short hash and one logarithm for each member: 10,000 applications and 10 members take about 0.2 s. Keep the answer for as long
    as the generation stays.
    Source: Thaler and Ravishankar, "Using name-based mappings to increase hit rates", 1998 (highest random weight); weights by the
    logarithmic method of Schindelhauer and Schomaker, "Weighted distributed hash tables", 2005: ``-w / ln u``.
    """
    winner, best = "", -1.0
    weightless = not any(member.weight for member in roster.members)
    data = application.encode(errors="surrogatepass")
    for member in roster.members:
        score = _score(member.id, 1.0 if weightless else member.weight, data)
        if (score, member.id) > (best, winner):
            winner, best = member.id, score
    return winner


def _score(member: str, weight: float, application: bytes) -> float:
    if not weight:
        return -1.0  # below every draw, and not above the empty start: never chosen
    drawn = int.from_bytes(hashlib.blake2b(application, digest_size=8, key=_key(member)).digest(), "big")
    return -weight / math.log(((drawn >> (64 - _BITS)) + 0.5) / 2**_BITS)


@functools.lru_cache(maxsize=1024)
def _key(member: str) -> bytes:
    return hashlib.blake2b(member.encode(errors="surrogatepass"), digest_size=32).digest()


def next_generation(last: int, now: float) -> int:
    """
    Return the generation after *last*.

    It is the time of day in milliseconds where that is later than *last*, so that a list which was lost, restored from a backup or moved
    to another engine goes on above every term that was ever written; a clock that is set back changes nothing.

    Args:
        last: The generation so far.
        now: Epoch seconds.

    Source: Kulkarni and others, "Logical physical clocks", 2014.
    """
    return max(last + 1, int(now * 1000))


def agreed(roster: Roster, alive: Iterable[Member], leader: str, now: float) -> Roster:
    """
    Return *roster* after a look at who is there: the same when nothing has changed, else one of the next generation.

    Args:
        roster: What was agreed last.
        alive: Who is there.
        leader: Who should lead; when that one is not there the present leader stays, or the first of the members follows.
        now: Epoch seconds.
    """
    members = tuple(sorted(alive, key=lambda member: member.id))
    ids = [member.id for member in members]
    lead = next((one for one in (leader, roster.leader, *ids) if one in ids), "")
    if (members, lead) == (roster.members, roster.leader):
        return roster
    return Roster(next_generation(roster.generation, now), members, lead)

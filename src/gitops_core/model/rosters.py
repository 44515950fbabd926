"""Who works on what: the members of one installation, and the one that an application belongs to."""

from __future__ import annotations

import attrs
from attrs.validators import ge, min_len


@attrs.frozen
class Member:
    """
    One engine among several.

    Attributes:
        id: Unique among the members; another one after every start.
        weight: Its share of the applications, relative to the others'.
    """

    id: str = attrs.field(validator=min_len(1))
    weight: float = attrs.field(default=1.0, validator=ge(0.0))


@attrs.frozen
class Roster:
    """
    Who takes part. For one generation there is one list of members.

    Attributes:
        generation: Rises with every change of the list; the fencing term of every write of that time.
        members: Sorted by id.
        leader: Id of the one that does what only one should do; empty when there is none.
    """

    generation: int
    members: tuple[Member, ...]
    leader: str = ""


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

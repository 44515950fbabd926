"""The members of one process."""

from __future__ import annotations

import threading

import attrs

from gitops_core.coordination.pace import Pace
from gitops_core.interfaces import Context, Coordinator
from gitops_core.model.rosters import Member, Roster, Standing, agreed


@attrs.frozen
class _Seat:
    """A member, and when it is counted out unless it beats again."""

    member: Member
    until: float


class LocalCoordinator(Coordinator):
    """
    Members that share this object: one controller, or several of one process, on one clock.

    Generations begin above those of the process before it, as long as the time of day does not go back over a restart.

    Args:
        pace: How often, and for how long.

    Cost: a lock and a look at every member for each beat.
    """

    def __init__(self, pace: Pace = Pace()) -> None:
        self.interval = pace.interval
        self._pace = pace
        self._lock = threading.Lock()
        self._seats: dict[str, _Seat] = {}
        self._roster = Roster()

    def beat(self, ctx: Context, member: Member) -> Standing:
        """See :meth:`Coordinator.beat`."""
        began = ctx.clock.monotonic()
        with self._lock:
            self._seats[member.id] = _Seat(member, began + self._pace.duration)
            return Standing(self._look(ctx), began + self._pace.validity)

    def leave(self, ctx: Context, member: Member) -> None:
        """See :meth:`Coordinator.leave`."""
        with self._lock:
            if self._seats.pop(member.id, None) is not None:
                self._look(ctx)

    def _look(self, ctx: Context) -> Roster:
        """Count the silent out; with the lock held."""
        now = ctx.clock.monotonic()
        self._seats = {name: seat for name, seat in self._seats.items() if seat.until > now}
        alive = (seat.member for seat in self._seats.values())
        self._roster = agreed(self._roster, alive, self._roster.leader, ctx.clock.now())
        return self._roster

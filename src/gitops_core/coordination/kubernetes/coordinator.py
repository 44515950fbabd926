"""
Members of several machines: an own elector on Leases, by compare-and-swap and monotonic clocks alone.

Each member renews a Lease of its own. One more Lease holds the list of members and its generation; the one who holds it, the leader,
reads the others' Leases and writes the list, always over the version that it has read. So there is one list for a generation.
"""

from __future__ import annotations

import threading
from typing import Final

import attrs

from gitops_core.coordination.kubernetes.ages import Ages
from gitops_core.coordination.kubernetes.calls import Caller, Calls, Object
from gitops_core.coordination.kubernetes.documents import (
    Record,
    Sign,
    record_body,
    record_of,
    replacing,
    sign_body,
    sign_of,
)
from gitops_core.coordination.kubernetes.electing import RECORD, Look, leads, next_record, silent, without
from gitops_core.coordination.kubernetes.names import Names
from gitops_core.coordination.pace import Pace
from gitops_core.errors import StateConflict, StateCorrupt, StateLocked
from gitops_core.interfaces import Context, Coordinator
from gitops_core.model.applications import Owner
from gitops_core.model.rosters import Member, Roster, Standing

_TRIES: Final = 5
"""Compare-and-swaps within one beat; somebody else was faster in each but the last."""


@attrs.define
class _Seat:
    """
    What is known of a member of this process. Used by one thread.

    Attributes:
        token: Of this start.
        lease: Its Lease as last written; None before.
        beats: Those that have read the list.
        unfinished: The last one failed.
        epoch: Rises when it was silent for longer than a standing lasts.
        alive_until: Until then the next beat has to come to its end, or the member was silent for too long.
        leads: It held the list when it looked last.
        generation: The highest seen.
        ages: Of what others write.
        confirmed: The life of this member that the list names.
    """

    token: str
    lease: Object | None = None
    beats: int = 0
    unfinished: bool = False
    epoch: int = 0
    alive_until: float = float("-inf")
    leads: bool = False
    generation: int = 0
    ages: Ages = attrs.field(factory=Ages)
    confirmed: str = ""


@attrs.frozen
class _Sight:
    """
    What was read.

    Attributes:
        lease: With the list; None when there is none.
        record: The list.
        signs: (name, sign) of the members' Leases; None when they were not read.
        versions: Preconditions on what was read, by name.
    """

    lease: Object | None
    record: Record | None
    signs: tuple[tuple[str, Sign], ...] | None = None
    versions: dict[str, Object] = attrs.field(factory=dict)


class KubernetesLeases(Coordinator):
    """
    Coordinates over Leases in one namespace (``coordination.k8s.io/v1``).

    A standing ends ``pace.validity`` after its beat began, before the first request was sent; others count a member out when they have
    seen the same sign of it for ``pace.duration``, each on its own monotonic clock. No clock of one machine is compared with that of
    another; times of day in the Leases are for people. See :class:`~gitops_core.coordination.pace.Pace` for what must fit.

    Args:
        connection: To the API server; stays open after :meth:`close`.
        owner: Which installation: engines of one owner share the work.
        namespace: Where the Leases are; it must exist.
        pace: How often, and for how long; the same for all members.

    Raises:
        ConfigError: *namespace* is no namespace's name. STALL.

    Cost: a beat is two requests, a leader's three (one of them a list of one small object for each member); more only when members
    come or go, or after a beat that failed. Permissions: :func:`~gitops_core.coordination.kubernetes.names.permissions`.
    Source: the elector of client-go (https://pkg.go.dev/k8s.io/client-go/tools/leaderelection), which tolerates any skew of clocks, too,
    but elects only one.
    """

    def __init__(self, connection: Caller, owner: Owner, namespace: str, *, pace: Pace = Pace()) -> None:
        self.interval = pace.interval
        self._caller = connection
        self._names = Names(owner, namespace)
        self._pace = pace
        self._lock = threading.Lock()
        self._seats: dict[str, _Seat] = {}

    def beat(self, ctx: Context, member: Member) -> Standing:
        """
        See :meth:`Coordinator.beat`.

        A new member is counted in when the leader beats next, and one that was silent for longer than a standing lasts, too: until
        then its standing has ended already.

        Raises:
            StateUnavailable: The API server cannot be reached, or refuses. RETRY; the standing ends by itself.
            StateConflict: Others were faster all the time, or the list went back and its leader has not seen it yet. RETRY.
            StateLocked: Another engine has this member's id, or had it lately. RETRY.
            StateCorrupt: The list does not decode. STALL.
            Denied: Not allowed to. STALL.
        """
        began = ctx.clock.monotonic()
        seat = self._seat(ctx, member)
        beat = _Beat(self._calls(ctx), self._names, self._pace, seat, member)
        recovering, seat.unfinished = seat.unfinished, True
        beat.renew()
        roster = beat.agree()
        seat.beats += 1
        if recovering:
            beat.renew()  # others have seen the sign of a beat before this one, and count from then on
        seat.unfinished = False
        until = began + self._pace.validity
        return Standing(roster, until if beat.confirms(until) else began)

    def leave(self, ctx: Context, member: Member) -> None:
        """See :meth:`Coordinator.leave`. Raises as :meth:`beat` does."""
        with self._lock:
            seat = self._seats.pop(member.id, None)
        if seat is not None:
            _Beat(self._calls(ctx), self._names, self._pace, seat, member).leave()

    def _calls(self, ctx: Context) -> Calls:
        # A third of a standing: one request without an answer costs one beat, and not the standing.
        return Calls(self._caller, self._names, self._pace.validity / 3, ctx.within(self._pace.validity))

    def _seat(self, ctx: Context, member: Member) -> _Seat:
        with self._lock:
            return self._seats.setdefault(member.id, _Seat(f"{ctx.random.getrandbits(128):032x}"))


@attrs.frozen
class _Beat:
    """One beat, or the leaving, of one member."""

    calls: Calls
    names: Names
    pace: Pace
    seat: _Seat
    member: Member

    # -- the member's own Lease -------------------------------------------------------------------------------------------
    def renew(self) -> None:
        """Write the sign of life."""
        seat = self.seat
        for _ in range(_TRIES):
            sign = Sign(self.member, seat.token, seat.beats, self.pace.duration, seat.generation, seat.epoch)
            body = sign_body(self.names, sign, self._wall)
            written = self.calls.create(body) if seat.lease is None else self.calls.replace(replacing(body, seat.lease))
            if written is not None:
                seat.lease = written
                return
            seat.lease = self._own_lease()
        raise self._outrun(self.names.member(self.member.id))

    def _own_lease(self) -> Object | None:
        """Return the Lease as it is, which may be absent: a member that was silent for too long is cleared away."""
        found = self.calls.get(self.names.member(self.member.id))
        if found is None:
            return None
        sign = sign_of(self.names, found)
        silence = self.seat.ages.age(found["metadata"]["name"], sign.mark, self._look.now)
        if sign.token != self.seat.token and silence < sign.duration:
            raise StateLocked(
                f"member {self.member.id!r}: another engine has this id, or had it less than {sign.duration:g} s ago; give each engine an "
                "id of its own, another one after every start"
            )
        return found

    # -- the list ---------------------------------------------------------------------------------------------------------
    def agree(self) -> Roster:
        """Read the list; write it, too, where that is up to this member."""
        for _ in range(_TRIES):
            sight = self._listed() if self.seat.leads else self._read()
            self.seat.leads = leads(self._look, sight.record)
            if not self.seat.leads and sight.record is not None:
                return self._seen(sight.record)
            sight = self._listed() if sight.signs is None else sight
            if leads(self._look, sight.record) and (written := self._written(sight)):
                return self._seen(written)
        raise self._outrun(self.names.roster)

    def _written(self, sight: _Sight) -> Record | None:
        """Write the list as it should be, and clear away who is silent; return it, or None when somebody was faster."""
        signs = sight.signs or ()
        record = next_record(self._look, sight.record, signs, self.pace.duration)
        if not self._write(record, sight.lease):
            return None
        self.seat.ages.keep({name for name, _ in signs} | {RECORD})
        for name in silent(self.seat.ages, signs, self._look.now):
            self.calls.delete(name, sight.versions[name])
        return record

    def _write(self, record: Record, before: Object | None) -> bool:
        body = record_body(self.names, record, self._wall)
        return (self.calls.create(body) if before is None else self.calls.replace(replacing(body, before))) is not None

    def _read(self) -> _Sight:
        lease = self.calls.get(self.names.roster)
        return _Sight(lease, record_of(self.names, lease) if lease is not None else None)

    def _listed(self) -> _Sight:
        leases = {lease["metadata"]["name"]: lease for lease in self.calls.every()}
        lease = leases.pop(self.names.roster, None)
        record = record_of(self.names, lease) if lease is not None else None
        own = self.names.member(self.member.id)
        signs = tuple((name, sign) for name, found in sorted(leases.items()) if name != own for sign in self._sign(found))
        versions = {name: {key: leases[name]["metadata"][key] for key in ("uid", "resourceVersion")} for name, _ in signs}
        return _Sight(lease, record, signs, versions)

    def _sign(self, lease: Object) -> tuple[Sign, ...]:
        """Return what a Lease says; nothing for one that a member did not write: it counts nobody in, and is not ours to delete."""
        try:
            return (sign_of(self.names, lease),)
        except StateCorrupt:
            return ()

    def confirms(self, until: float) -> bool:
        """
        Tell whether the list that was read is about this member as it is now, and go on from here.

        A leader may have found a member silent, and write so only after that member has read the list once more. So one that was silent
        for longer than a standing lasts begins a new epoch, and has a standing again when the leader has confirmed that.
        """
        seat, now = self.seat, self.calls.ctx.clock.monotonic()
        first = seat.alive_until == float("-inf")
        continuous, seat.alive_until = now < seat.alive_until, until
        confirmed = seat.leads or seat.confirmed == f"{seat.token}.{seat.epoch}"
        if not continuous and not first:
            seat.epoch += 1
        return seat.leads or (continuous and confirmed)

    def _seen(self, record: Record) -> Roster:
        roster = record.roster
        self.seat.confirmed = dict(record.lives).get(self.member.id, "")
        if roster.generation < self.seat.generation:
            raise StateConflict(
                f"leases {self.names.namespace}/{self.names.roster}: generation {roster.generation} is earlier than "
                f"{self.seat.generation}, which was agreed before: it was deleted or restored; its leader raises it at its next beat"
            )
        self.seat.generation = roster.generation
        return roster

    # -- leaving ----------------------------------------------------------------------------------------------------------
    def leave(self) -> None:
        """Delete the member's Lease first, so that no leader counts it in again; then take it off the list."""
        if self.seat.lease is not None:
            self.calls.delete(self.names.member(self.member.id), {"uid": self.seat.lease["metadata"]["uid"]})
        for _ in range(_TRIES):
            sight = self._read()
            if sight.record is None or self.member.id not in sight.record.roster.ids:
                return
            if self._write(without(sight.record, self.member, self._wall), sight.lease):
                return
        raise self._outrun(self.names.roster)

    # -- surroundings -----------------------------------------------------------------------------------------------------
    @property
    def _wall(self) -> float:
        return self.calls.ctx.clock.now()

    @property
    def _look(self) -> Look:
        return Look(self.member, self.seat.ages, self.calls.ctx.clock.monotonic(), self._wall, self.seat.generation)

    def _outrun(self, name: str) -> StateConflict:
        return StateConflict(
            f"leases {self.names.namespace}/{name}: others were faster {_TRIES} times in a row; tried again at the next beat"
        )

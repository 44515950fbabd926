"""
Who works on an application: a lease in the annotations of its head.

The holder's word counts as long as it changes: whoever waits watches the lease, and takes it over when it has stayed the same for as
long as it is valid, on the waiter's own monotonic clock. No clock of one machine is compared with that of another. A lease that was
lost is harmless, because every write is a compare-and-swap: the old holder's next write is refused.

Source: the same judgement as in client-go's leader election (https://pkg.go.dev/k8s.io/client-go/tools/leaderelection), which is
"tolerant to arbitrary clock skew, but not to arbitrary clock skew rate".
"""

from __future__ import annotations

import json
import os
import socket
import threading
from typing import Final

import attrs

from gitops_core.interfaces import Clock
from gitops_core.model.history import JournalRecord, PassRecord

FIRST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 1.0


@attrs.frozen
class Lease:
    """
    A claim to be the only one at work.

    Attributes:
        holder: Who, for messages: host, process and thread.
        token: Which claim; never the same twice.
        process: Which object of which process made it.
        seconds: How long it is valid unless it is renewed.
        renewals: Counts.
    """

    holder: str
    token: str
    process: str
    seconds: float
    renewals: int = 0

    @classmethod
    def parse(cls, text: str) -> Lease:
        """Return what :meth:`dump` wrote; raises ValueError, TypeError or KeyError otherwise."""
        facts = json.loads(text)
        return cls(**{field.name: facts[field.name] for field in attrs.fields(cls)})

    def dump(self) -> str:
        """Return it as text."""
        return json.dumps(attrs.asdict(self), separators=(",", ":"))

    def renewed(self) -> Lease:
        """Return it as it is after one more renewal."""
        return attrs.evolve(self, renewals=self.renewals + 1)


def holder() -> str:
    """Return how others call this thread of this process of this machine."""
    return f"{socket.gethostname()}, process {os.getpid()}, thread {threading.current_thread().name!r}"


@attrs.frozen
class _Watched:
    """A lease, since when it has been the same, and when we looked last."""

    lease: Lease
    since: float
    looked_at: float


class Watchers:
    """How long leases of others have stayed the same, by name of the head."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._watched: dict[str, _Watched] = {}

    def is_expired(self, name: str, lease: Lease) -> bool:
        """Tell whether *lease* has stayed the same for as long as it is valid. The first look only begins to count."""
        now, known = self._clock.monotonic(), self._watched.get(name)
        since = known.since if known is not None and known.lease == lease else now
        self._watched[name] = _Watched(lease, since, now)
        return since < now and now - since >= lease.seconds

    def pause(self, name: str) -> float:
        """
        Return how many seconds to wait before the next look: none before the first, then as long as we have been waiting, up to one.

        However short the slices are in which a caller waits, it looks no more than once in each.
        """
        now, known = self._clock.monotonic(), self._watched.get(name)
        if known is None or now - known.looked_at > 2 * LONGEST_PAUSE:
            return 0.0
        return min(max(now - known.since, FIRST_PAUSE), LONGEST_PAUSE)

    def forget(self, name: str) -> None:
        """Stop counting: the application is ours."""
        self._watched.pop(name, None)


@attrs.define
class Block:
    """
    One stay inside of ``exclusive``.

    Attributes:
        lease: The lease as it was last written.
        renewed_at: When, on the monotonic clock.
        is_verified: Nobody has read since the lease was written, which proved that what we know is up to date.
        passes: What goes into the history with the last write: (record, keep).
        journal: The journal as read in this block.
    """

    lease: Lease
    renewed_at: float
    is_verified: bool = True
    passes: list[tuple[PassRecord, int]] = attrs.field(factory=list)
    journal: tuple[JournalRecord, ...] | None = None

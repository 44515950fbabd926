"""
One look at the histories of many applications, for an engine that has just asked who its neighbours are.

Before it deletes, an engine asks when each neighbour has looked last. Where a thousand applications share a cluster that would be a
thousand requests. So the first of these questions reads all heads in pages, and the next ones are answered from that.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from typing import Final

from gitops_core.interfaces import Clock
from gitops_core.model.history import PassRecord
from gitops_core.state.kubernetes.heads import HISTORY, Heads
from gitops_core.state.kubernetes.objects import HEADS_PAGE
from gitops_core.state.kubernetes.payloads import passes_of, unpack

FEW: Final = 8
"""So many neighbours are asked one by one."""

GLANCE_AGE: Final = 10.0
"""Seconds for which a look counts."""


class _Seen(threading.local):
    """What one thread has seen: names it has yet to ask about, what it read of them, and since when."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.texts: dict[str, str] | None = None
        self.at = 0.0


class Glances:
    """
    What the threads of one store have just asked for.

    An answer is given once, to the thread that asked who the neighbours are, within seconds, and is as of its first question. It can
    only be too old, which makes an engine wait for a neighbour that has looked already, until its next pass.

    Args:
        heads: All of them.
        clock: Says how old a look is.
    """

    def __init__(self, heads: Heads, clock: Clock) -> None:
        self._heads = heads
        self._clock = clock
        self._seen = _Seen()

    def expect(self, names: Collection[str]) -> None:
        """Note that this thread has just heard of *names*, and may ask about each of them."""
        self._seen.names = set(names) if len(names) > FEW else set()
        self._seen.texts = None
        self._seen.at = self._clock.monotonic()

    def history(self, application: str) -> tuple[PassRecord, ...] | None:
        """Return the history of *application* if it is expected, else None. Cost: 1 request for each 100 applications, once."""
        seen = self._seen
        if application not in seen.names or self._clock.monotonic() - seen.at > GLANCE_AGE:
            return None
        if seen.texts is None:
            seen.texts = self._read(seen.names)
        seen.names.discard(application)
        text = seen.texts.pop(application, "")
        return passes_of(application, unpack(self._heads.names.head(application), text))

    def _read(self, names: Collection[str]) -> dict[str, str]:
        wanted = {self._heads.names.head(name): name for name in names}
        found = self._heads.objects.list(self._heads.names.selector("head"), HEADS_PAGE)
        named = ((wanted.get(item["metadata"]["name"]), item) for item in found)
        return {name: str((item.get("binaryData") or {}).get(HISTORY, "")) for name, item in named if name is not None}

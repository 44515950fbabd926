"""Which deliveries have been taken: so that none is taken twice."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

from gitops_core.errors import ConfigError

CAPACITY: Final = 10_000
TTL: Final = 3600.0


class Deliveries:
    """
    A memory of deliveries, bounded in number and in time. Safe for threads.

    Only deliveries that were proved are remembered, so nobody without the secret can push others out of it.

    Args:
        capacity: How many; the oldest is forgotten for one more. About 250 bytes each.
        ttl: Seconds each is remembered.

    Raises:
        ConfigError: No room, or no time. STALL.
    """

    def __init__(self, capacity: int = CAPACITY, ttl: float = TTL) -> None:
        if capacity < 1 or not ttl > 0:
            raise ConfigError(f"Deliveries(capacity={capacity}, ttl={ttl}) remembers nothing; give it room and time")
        self.capacity, self.ttl = capacity, ttl
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        with self._lock:
            return len(self._seen)

    def remember(self, key: str, now: float) -> bool:
        """Remember *key* at *now*, monotonic seconds; return False when it was known already. Cost: constant, on average."""
        with self._lock:
            while self._seen and next(iter(self._seen.values())) <= now - self.ttl:
                self._seen.popitem(last=False)
            if key in self._seen:
                return False
            self._seen[key] = now
            if len(self._seen) > self.capacity:
                self._seen.popitem(last=False)
            return True

    def forget(self, key: str) -> None:
        """Let *key* be taken again: what it asked for was not done."""
        with self._lock:
            self._seen.pop(key, None)

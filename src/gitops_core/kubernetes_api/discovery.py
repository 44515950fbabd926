"""Which kinds an API server has, as one identity sees it: remembered, and looked up again when one is unknown."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import attrs

from gitops_core.errors import GitOpsError
from gitops_core.kubernetes_api.connections import Connection
from gitops_core.kubernetes_api.discovery_file import DiscoveryFile
from gitops_core.kubernetes_api.discovery_loading import fetch_group, fetch_table
from gitops_core.kubernetes_api.flights import SingleFlight
from gitops_core.kubernetes_api.kind_tables import KindTable, with_group
from gitops_core.kubernetes_api.kinds import KindInfo

_MANY_MISSES = 1_000


@attrs.frozen(kw_only=True)
class DiscoverySettings:
    """
    How long kinds are remembered.

    Attributes:
        cache_file: A file of our own that spares the next process the requests; empty for none. Only for servers that tell all at
            once (Kubernetes 1.27 and later).
        max_age: Seconds after which the server is asked again; it answers without content when nothing has changed.
        miss_interval: Most seconds during which the same unknown kind is not looked for again; the pause doubles up to that.
        least_gap: Seconds between two look-ups for whatever unknown kinds, and the first pause.
        clock: Monotonic seconds.
        wall_clock: Seconds since 1970, for the file.
    """

    cache_file: str | Path = ""
    max_age: float = 600.0
    miss_interval: float = 5.0
    least_gap: float = 0.25
    clock: Callable[[], float] = attrs.field(default=time.monotonic, repr=False)
    wall_clock: Callable[[], float] = attrs.field(default=time.time, repr=False)


class Discovery:
    """
    The kinds of one connection; safe between threads. Nothing is asked before the first question.

    Args:
        connection: Whom to ask, and as whom.
        settings: How long to remember.
    """

    def __init__(self, connection: Connection, settings: DiscoverySettings = DiscoverySettings()) -> None:
        self.connection = connection
        self.settings = settings
        key = f"{connection.server}|{connection.identity}"
        self._file = DiscoveryFile(Path(settings.cache_file), key, settings.wall_clock) if settings.cache_file else None
        self._lock = threading.Lock()
        self._table: KindTable | None = None
        self._loaded_at = float("-inf")
        self._misses: dict[tuple[str, str, str], tuple[float, float]] = {}
        self._flight: SingleFlight[KindTable] = SingleFlight(f"{connection.server}: the look-up of its kinds")

    def kind(self, group: str, kind: str, version: str = "", *, timeout: float) -> KindInfo:
        """
        Return what the server says about a kind.

        Args:
            group: API group; empty for the core one.
            kind: ``Deployment``.
            version: The one that is declared; empty for the one that the server prefers.
            timeout: Seconds for each request.

        Raises:
            UnknownKind: The server does not have it; the message names what it has. WAIT.
            Transient: The group is served by a server that does not answer. RETRY; only this group is affected.
            GitOpsError: The server cannot be asked.

        Cost: one look-up; two requests for the first question and for an unknown kind, at most every few seconds.
        """
        table = self._with_group(self._current(timeout), group, timeout)
        found = table.find(group, kind, version)
        if found is None and self._may_look_again((group, kind, version)):
            table = self._with_group(self.refresh(timeout=timeout), group, timeout)
            found = table.find(group, kind, version)
        if found is None:
            error = copy.copy(table.missing(group, kind, version))
            error.retry_after = self._next_look((group, kind, version))
            raise error
        return found

    def kinds(self, *, timeout: float) -> tuple[KindInfo, ...]:
        """
        Return every kind in every version, in the server's order; :attr:`broken` tells which groups are incomplete.

        Raises:
            GitOpsError: The server cannot be asked.

        Cost: O(kinds); on an older server one request for each version of each group, once.
        """
        table = self._current(timeout)
        for group in table.groups:
            table = self._with_group(table, group, timeout)
        return tuple(info for group in table.groups.values() for info in group.kinds)

    @property
    def broken(self) -> Mapping[str, GitOpsError]:
        """Return the groups that could not be read in whole, as far as they were asked for, and why."""
        return dict(self._table.broken) if self._table is not None else {}

    def refresh(self, *, timeout: float) -> KindTable:
        """
        Ask the server again: after a definition was established, say.

        Raises:
            GitOpsError: The server cannot be asked; what was known stays.

        Cost: two requests, without content when nothing has changed; threads that ask at once share them.
        """
        return self._flight.fetch("", lambda: self._keep(fetch_table(self.connection, self._table, timeout)), 2 * timeout)

    def _current(self, timeout: float) -> KindTable:
        if self._table is None and self._file is not None and (saved := self._file.load()) is not None:
            with self._lock:
                self._table, self._loaded_at = saved[0], self.settings.clock() - saved[1]
        table, age = self._table, self.settings.clock() - self._loaded_at
        return table if table is not None and age < self.settings.max_age else self.refresh(timeout=timeout)

    def _keep(self, table: KindTable) -> KindTable:
        with self._lock:
            before, self._table, self._loaded_at = self._table, table, self.settings.clock()
        if self._file is not None and table.documents:
            if table is before:
                self._file.touch()
            else:
                self._file.save(table)
        return table

    def _with_group(self, table: KindTable, group: str, timeout: float) -> KindTable:
        if group in table.loaded or group not in table.groups:
            return table

        def fetch() -> KindTable:
            found, problem = fetch_group(self.connection, table.groups[group], timeout)
            with self._lock:  # others may have added their groups meanwhile
                self._table = with_group(self._table or table, found, problem)
                return self._table

        return self._flight.fetch(f"group {group}", fetch, 2 * timeout)

    def _may_look_again(self, miss: tuple[str, str, str]) -> bool:
        """Decide whether to ask for an unknown kind: soon at first, because definitions are established within a second."""
        now = self.settings.clock()
        with self._lock:
            missed_at, pause = self._misses.get(miss, (float("-inf"), 0.0))
            if now - self._loaded_at < self.settings.least_gap or now - missed_at < pause:
                return False
            if len(self._misses) >= _MANY_MISSES:
                self._misses.clear()
            self._misses[miss] = now, min(max(2 * pause, self.settings.least_gap), self.settings.miss_interval)
            return True

    def _next_look(self, miss: tuple[str, str, str]) -> float:
        """Return the seconds until an unknown kind is asked for again."""
        now = self.settings.clock()
        with self._lock:
            missed_at, pause = self._misses.get(miss, (now, self.settings.least_gap))
        return max(0.0, missed_at + pause - now)

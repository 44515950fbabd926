"""
State in ConfigMaps of one namespace, shared by every process that may reach the API server.

What is stored, where, and what each method costs in requests: ``docs/reference/state.md``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager

import attrs
from attrs.validators import gt

from gitops_core.context import SystemClock
from gitops_core.interfaces import Clock, StateStore
from gitops_core.model.applications import Owner
from gitops_core.model.history import JournalRecord, PassRecord
from gitops_core.model.inventory import Holder, Inventory, InventoryUpdate
from gitops_core.model.resources import ResourceKey
from gitops_core.state.kubernetes import sweeping
from gitops_core.state.kubernetes.blocks import Blocks
from gitops_core.state.kubernetes.crossing import Crossing
from gitops_core.state.kubernetes.glances import Glances
from gitops_core.state.kubernetes.heads import Heads
from gitops_core.state.kubernetes.inventories import Inventories
from gitops_core.state.kubernetes.memos import Memos
from gitops_core.state.kubernetes.names import Names
from gitops_core.state.kubernetes.objects import Caller, Objects
from gitops_core.state.kubernetes.records import Records
from gitops_core.state.kubernetes.salts import read_salt
from gitops_core.state.kubernetes.segments import SegmentStore


@attrs.frozen
class StoreSettings:
    """
    How much is kept, and for how long.

    Attributes:
        lease: Seconds that ``exclusive`` outlives its holder's last write. Longer than the longest wait of a pass between two writes.
        timeout: Seconds one request may take.
        journal_limit: Journal records kept for each application: a tenth of what a file keeps, because etcd is small.
        memo_limit: Bytes of memos kept in all, packed.

    Raises:
        ValueError: A number that is not positive.
    """

    lease: float = attrs.field(default=120.0, validator=gt(0.0))
    timeout: float = attrs.field(default=15.0, validator=gt(0.0))
    journal_limit: int = attrs.field(default=2_000, validator=gt(0))
    memo_limit: int = attrs.field(default=4 * 1024 * 1024, validator=gt(0))


class KubernetesStore(StateStore):
    """
    State in the cluster itself.

    Two stores of one owner and namespace, in one process or on two machines, see each other's writes at once. Nothing is asked of
    the API server before the first call.

    Args:
        connection: To the API server; the store does not close it.
        owner: Whose state it is: the prefix of all labels, and part of every name.
        namespace: Where it is kept. It has to be there, and :func:`~gitops_core.state.kubernetes.permissions` are needed in it.
        settings: How much is kept, and for how long.
        clock: For leases and the age of copies.

    Raises:
        ConfigError: The namespace is no name of a namespace. STALL.

    Cost: in requests, at each method.
    """

    def __init__(
        self,
        connection: Caller,
        owner: Owner,
        namespace: str,
        *,
        settings: StoreSettings = StoreSettings(),
        clock: Clock | None = None,
    ) -> None:
        clock = clock or SystemClock()
        objects = Objects(connection, Names(owner, namespace), settings.timeout)
        heads = Heads(objects)
        segments = SegmentStore(heads)
        self._objects = objects
        self._heads = heads
        self._blocks = Blocks(heads, settings.lease, clock)
        self._inventories = Inventories(heads, segments, self._blocks)
        self._records = Records(heads, segments, self._blocks, settings.journal_limit)
        self._crossing = Crossing(heads, segments, self._inventories)
        self._glances = Glances(heads, clock)
        self._memos = Memos(objects, settings.memo_limit, clock)
        self._salt = b""

    def salt(self) -> bytes:
        """Return the salt. Cost: 1 request in the life of this object, 2 for the first of all."""
        if not self._salt:
            self._salt = read_salt(self._objects)
        return self._salt

    def exclusive(self, application: str, timeout: float) -> AbstractContextManager[None]:
        """
        Keep everybody else out, by a lease in the application's head. Cost: 1 request to get in and 1 to get out; 1 more for each
        time that somebody else has written in between.
        """
        return self._blocks.hold(application, timeout)

    def inventory(self, application: str) -> Inventory:
        """Return what *application* owns. Cost: unchanged, 1 small request, none for the first call inside of ``exclusive``."""
        return self._inventories.read(application)

    def update_inventory(self, application: str, update: InventoryUpdate, *, serial: int) -> Inventory:
        """Apply *update*. Cost: 1 request; about each 300 changed entries 3 more, and each time half of it has changed all of it."""
        return self._inventories.update(application, update, serial)

    def holders(self, application: str, objects: Collection[tuple[str, ResourceKey]]) -> Mapping[ResourceKey, Holder]:
        """Return who else has each of *objects*. Cost: 1 request for each 1000 applications, and what has changed elsewhere."""
        return self._crossing.holders(application, objects)

    def neighbours(self, application: str, scopes: Collection[str]) -> Sequence[str]:
        """Return who else is in one of *scopes*. Cost: 1 request for each 1000 applications."""
        names = self._crossing.neighbours(application, scopes)
        self._glances.expect(names)
        return names

    def append_journal(self, application: str, records: Sequence[JournalRecord]) -> None:
        """Add *records*. Cost: 1 request; about each 150 records 3 more."""
        self._records.append(application, records)

    def journal(self, application: str, key: ResourceKey | None = None, limit: int = 100) -> Sequence[JournalRecord]:
        """Return the newest records first. Cost: 1 or 2 requests, and 1 for each 150 records gone through."""
        return self._records.journal(application, key, limit)

    def record_pass(self, application: str, record: PassRecord, *, keep: int) -> None:
        """Add a pass. Cost: 1 request; none inside of ``exclusive``: it is written with the return of the lease."""
        self._records.record(application, record, keep)

    def history(self, application: str, limit: int = 20) -> Sequence[PassRecord]:
        """
        Return the newest passes first.

        Cost: 1 or 2 requests; none inside of ``exclusive``. After ``neighbours`` has named more than 8, the first question about
        each of them is answered for all at once: 1 request for each 100 applications.
        """
        glanced = self._glances.history(application)
        return self._records.history(application, limit) if glanced is None else glanced[: max(limit, 0)]

    def get_memo(self, space: str, key: str, *, not_before: float) -> bytes | None:
        """Return the value if it is young enough. Cost: 8 requests a minute at most."""
        return self._memos.get(space, key, not_before)

    def put_memo(self, space: str, key: str, value: bytes, *, now: float) -> None:
        """Remember *value*. Cost: 1 request."""
        self._memos.put((space, key), value, now)

    def applications(self) -> Sequence[str]:
        """Return every application that something is stored about, sorted. Cost: 1 request for each 1000."""
        return tuple(head.facts.application for head in self._heads.list_facts() if head.facts.kept)

    def forget(self, application: str) -> None:
        """Remove everything about *application*. Cost: 3 requests."""
        sweeping.forget(self._heads, self._blocks, application)
        self._inventories.forget(application)

    def sweep(self) -> int:
        """
        Remove what crashes have left behind; return how many objects that were. Once a day is plenty.

        Safe while engines work. Cost: 3 requests for each 1000 objects, 1 for each large application, and 1 for each that goes.
        """
        return sweeping.sweep(self._heads)

    def close(self) -> None:
        """Do nothing: the connection is the caller's, and leases are given back where ``exclusive`` ends."""

"""A state store with somebody at its door: to interleave at every call, to count calls, or to cut the line."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager

from gitops_core.interfaces import StateStore
from gitops_core.model.history import JournalRecord, PassRecord
from gitops_core.model.inventory import Holder, Inventory, InventoryUpdate
from gitops_core.model.resources import ResourceKey


class WatchedStore(StateStore):
    """
    Does what *inner* does, after *before* was called with the name of the method; what that raises is raised.

    Example::

        store = WatchedStore(MemoryStore(), scheduler.step)  # two engines may interleave at every call of it

    Args:
        inner: The store.
        before: Gets ``"inventory"``, ``"append_journal"`` ...
    """

    def __init__(self, inner: StateStore, before: Callable[[str], None]) -> None:
        self._inner = inner
        self._before = before

    @property
    def name(self) -> str:
        return self._inner.name

    def close(self) -> None:
        self._inner.close()

    def salt(self) -> bytes:
        return self._at("salt").salt()

    def exclusive(self, application: str, timeout: float) -> AbstractContextManager[None]:
        return self._at("exclusive").exclusive(application, timeout)

    def inventory(self, application: str) -> Inventory:
        return self._at("inventory").inventory(application)

    def update_inventory(self, application: str, update: InventoryUpdate, *, serial: int) -> Inventory:
        return self._at("update_inventory").update_inventory(application, update, serial=serial)

    def holders(self, application: str, objects: Collection[tuple[str, ResourceKey]]) -> Mapping[ResourceKey, Holder]:
        return self._at("holders").holders(application, objects)

    def neighbours(self, application: str, scopes: Collection[str]) -> Sequence[str]:
        return self._at("neighbours").neighbours(application, scopes)

    def append_journal(self, application: str, records: Sequence[JournalRecord]) -> None:
        self._at("append_journal").append_journal(application, records)

    def journal(self, application: str, key: ResourceKey | None = None, limit: int = 100) -> Sequence[JournalRecord]:
        return self._at("journal").journal(application, key, limit)

    def record_pass(self, application: str, record: PassRecord, *, keep: int) -> None:
        self._at("record_pass").record_pass(application, record, keep=keep)

    def history(self, application: str, limit: int = 20) -> Sequence[PassRecord]:
        return self._at("history").history(application, limit)

    def get_memo(self, space: str, key: str, *, not_before: float) -> bytes | None:
        return self._at("get_memo").get_memo(space, key, not_before=not_before)

    def put_memo(self, space: str, key: str, value: bytes, *, now: float) -> None:
        self._at("put_memo").put_memo(space, key, value, now=now)

    def applications(self) -> Sequence[str]:
        return self._at("applications").applications()

    def forget(self, application: str) -> None:
        self._at("forget").forget(application)

    def _at(self, method: str) -> StateStore:
        self._before(method)
        return self._inner

"""What the checks of the store contract write and how they go about it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import attrs

from gitops_core.errors import StateConflict
from gitops_core.interfaces import StateStore
from gitops_core.model.inventory import EntryState, InventoryEntry, InventoryUpdate
from gitops_core.model.resources import ResourceKey

APP, OTHER = "example.org/demo/edge", "example.org/demo/other"
SITE, WEB = ResourceKey("", "ConfigMap", "", "site"), ResourceKey("apps", "Deployment", "shop", "web")
ODD = (
    ResourceKey("", "Größe", "名前空間", "naïve ☃ 😀"),
    ResourceKey("g", "K", "a/b", "c"),
    ResourceKey("g", "K", "a", "b/c"),
    ResourceKey("g", "K", "", "100%2F'\"; --\n"),
    ResourceKey("G", "k", "", "Case"),
    ResourceKey("G", "k", "", "case"),
)


def put(*entries: InventoryEntry) -> InventoryUpdate:
    """Return the update that adds *entries*."""
    return InventoryUpdate(put=entries)


def owned(key: ResourceKey, scope: str = "world", state: EntryState = EntryState.APPLIED) -> InventoryEntry:
    """Return an entry of an object that lives in *scope*."""
    return InventoryEntry(key, state, scope=scope)


def many(count: int) -> tuple[InventoryEntry, ...]:
    """Return *count* entries with a few shapes among them, as real ones have."""
    keys = (ResourceKey("", "ConfigMap", f"n{i % 7}", f"c{i}") for i in range(count))
    return tuple(attrs.evolve(owned(key), declared=(f"/data/{i % 5}", "/kind")) for i, key in enumerate(keys))


def enter(store: StateStore, application: str, timeout: float) -> None:
    """Take the lock of *application* and let it go."""
    with store.exclusive(application, timeout):
        return


def insist(store: StateStore, keys: Sequence[ResourceKey]) -> None:
    """Add *keys* one by one, and try again at each conflict."""
    left = list(keys)
    while left:
        try:
            store.update_inventory(APP, put(owned(left[-1])), serial=store.inventory(APP).serial)
        except StateConflict:
            continue
        left.pop()


def raised_by(call: Callable[[], object]) -> Exception | None:
    """Return what *call* raises, or None."""
    try:
        call()
    except Exception as error:  # noqa: BLE001  # why: handed to the test, which asserts on it
        return error
    return None


def in_thread(*calls: Callable[[], object]) -> Exception | None:
    """Run *calls* in a thread each and return the first exception, if there is one."""
    raised: list[Exception | None] = []
    threads = [threading.Thread(target=lambda call=call: raised.append(raised_by(call))) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return next(filter(None, raised), None)

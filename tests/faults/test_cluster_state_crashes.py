"""Whichever request of the store in the cluster is the last, before or after the server did it, nothing acknowledged is lost (promise 1)."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import itertools
from pathlib import Path

import attrs
import pytest

from gitops_core.errors import StateLocked, StateUnavailable, Transient
from gitops_core.model.applications import Owner
from gitops_core.model.history import JournalRecord, PassRecord
from gitops_core.model.inventory import EntryState, Intent, Inventory, InventoryEntry, InventoryUpdate
from gitops_core.model.resources import ResourceKey
from gitops_core.state.kubernetes import KubernetesStore, StoreSettings, inventories, layers, records
from gitops_core.testing.clock import VirtualClock
from gitops_core.testing.filled import filled

pytestmark = pytest.mark.slow

APP, OTHER = "example.org/demo/edge", "example.org/demo/other"
_WHERE = Path(__file__).parents[1] / "unit" / "state" / "kubernetes" / "config_maps.py"
_SPEC = importlib.util.spec_from_file_location("config_maps", _WHERE)
config_maps = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(config_maps)


class Crash(BaseException):
    """The process ends here; nothing may catch it and go on writing."""


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch):
    """Segments after a few records, so that a short history passes through every kind of write."""
    monkeypatch.setattr(inventories, "TOP_CHARACTERS", 600)
    monkeypatch.setattr(records, "TOP_CHARACTERS", 800)
    monkeypatch.setattr(layers, "TOP_RECORDS", 12)


def store_on(api, clock=None):
    return KubernetesStore(api, Owner("example.org", "engine"), "state", settings=StoreSettings(lease=60.0), clock=clock)


def noise(*parts):
    """Text that cannot be packed."""
    return hashlib.sha512(repr(parts).encode()).hexdigest()


def entries_of_a_journal(serial):
    return [attrs.evolve(filled(JournalRecord), time=float(i), desired=noise(serial, i)) for i in range(6)]


def update(serial):
    """The update that is based on *serial*: a pure function, so that we know what must be there."""
    keys = [ResourceKey("", "ConfigMap", "", f"c{(serial * 3 + i) % 12}") for i in range(5)]
    put = tuple(InventoryEntry(key, EntryState.APPLIED, version=noise(serial, key.name), scope="w") for key in keys[:4])
    return InventoryUpdate(put, (keys[4],), (Intent(keys[0], f"k{serial}"),), (keys[1],))


def inventory_at(serial):
    inventory = Inventory(APP)
    for number in range(serial):
        inventory = update(number).apply_to(inventory)
    return inventory


def work(store, acknowledged):
    """Two passes as an engine makes them."""
    for _ in range(2):
        with store.exclusive(APP, 0.0):
            serial = store.inventory(APP).serial
            for _ in range(3):
                serial = store.update_inventory(APP, update(serial), serial=serial).serial
                acknowledged.append(serial)
            store.append_journal(
                APP, [attrs.evolve(filled(JournalRecord), time=float(i), pass_id=f"{serial}-{i}") for i in range(6)]
            )
            store.record_pass(APP, attrs.evolve(filled(PassRecord), revision=str(serial)), keep=5)


def cut(api, number, side, error):
    """Let *error* get out of the request with that *number*, on that *side* of it; nothing reaches the server after a crash."""
    numbers, over = itertools.count(1), []

    def at(mine):
        def hook(request):
            if over and error is Crash:
                raise Crash
            if side == mine and next(numbers) == number:
                over.append(request)
                raise error("cut")

        return hook

    api.before, api.after = at("before"), at("after")
    return over


def whole_work():
    api = config_maps.ConfigMaps()
    work(store_on(api), [])
    return len(api.asked)


def points():
    return [(number, side) for number in range(30) for side in ("before", "after")]


@pytest.mark.parametrize(("number", "side"), points())
def test_nothing_acknowledged_is_lost_by_a_crash(number, side):
    """The next process, once the lease has run out, finds what was acknowledged, or one update more, and goes on from there."""
    api, clock, acknowledged = config_maps.ConfigMaps(), VirtualClock(), [0]
    over = cut(api, number, side, Crash)
    try:
        work(store_on(api, clock), acknowledged)
    except Crash:
        assert over
    api.before = api.after = lambda request: None
    second = store_on(api, clock)
    found = second.inventory(APP)
    assert found.serial in (acknowledged[-1], acknowledged[-1] + 1)
    assert found == inventory_at(found.serial)
    second.sweep()
    assert_no_leftovers(api, store_on(api))
    with second.exclusive(APP, 200.0):
        for serial in range(found.serial, found.serial + 4):
            second.update_inventory(APP, update(serial), serial=serial)
        second.append_journal(APP, entries_of_a_journal("last"))
        second.append_journal(APP, entries_of_a_journal("very last"))
        assert second.journal(APP, limit=12) == (*entries_of_a_journal("very last")[::-1], *entries_of_a_journal("last")[::-1])
    assert store_on(api).inventory(APP) == inventory_at(found.serial + 4)
    second.sweep()
    assert_no_leftovers(api, store_on(api))


@pytest.mark.parametrize(("number", "side"), points())
def test_nothing_acknowledged_is_lost_by_a_lost_line(number, side):
    """A request that fails is a StateUnavailable; the same store goes on as soon as the server answers again."""
    api, clock, acknowledged = config_maps.ConfigMaps(), VirtualClock(), [0]
    cut(api, number, side, Transient)
    store = store_on(api, clock)
    with contextlib.suppress(StateUnavailable):
        work(store, acknowledged)
    api.before = api.after = lambda request: None
    found = store.inventory(APP)
    assert found.serial in (acknowledged[-1], acknowledged[-1] + 1)
    assert found == inventory_at(found.serial)
    with store.exclusive(APP, 0.0):  # at once: a lease that could not be given back is our own
        store.update_inventory(APP, update(found.serial), serial=found.serial)
    assert store_on(api).inventory(APP) == inventory_at(found.serial + 1)
    for serial in range(found.serial + 1, found.serial + 4):
        store.update_inventory(APP, update(serial), serial=serial)
        store.append_journal(APP, entries_of_a_journal(serial))
    store.sweep()
    assert_no_leftovers(api, store)


@pytest.mark.parametrize(("number", "side"), [(n, side) for n in range(6) for side in ("before", "after")])
def test_a_crash_while_forgetting_leaves_all_or_nothing(number, side):
    """An application whose removal was cut short is either whole or new, and the sweep takes what is left over."""
    api, clock, acknowledged = config_maps.ConfigMaps(), VirtualClock(), [0]
    store = store_on(api, clock)
    work(store, acknowledged)
    store.update_inventory(OTHER, update(0), serial=0)
    cut(api, number, side, Crash)
    with contextlib.suppress(Crash):
        store_on(api).forget(APP)
    api.before = api.after = lambda request: None
    second = store_on(api)
    assert second.inventory(APP) in (inventory_at(6), Inventory(APP))
    second.forget(APP)
    second.sweep()
    assert list(second.applications()) == [OTHER]
    assert len(api.objects) == 1
    assert second.inventory(OTHER).serial == 1


def test_the_points_reach_past_the_end_of_the_work():
    """Otherwise some request would never be cut."""
    assert 20 < whole_work() <= max(number for number, _ in points())


def test_the_loser_of_a_lease_cannot_write():
    """A holder that slept longer than its lease is told so at its next write, and the new holder's inventory stays."""
    api, clock = config_maps.ConfigMaps(), VirtualClock()
    slow, quick = store_on(api, clock), store_on(api, clock)
    with slow.exclusive(APP, 0.0):
        slow.update_inventory(APP, update(0), serial=0)
        with quick.exclusive(APP, 200.0):
            quick.update_inventory(APP, update(1), serial=quick.inventory(APP).serial)
            for serial in (1, 2):
                with pytest.raises(StateLocked, match=r"ran out between two writes, and now .* works on it"):
                    slow.update_inventory(APP, update(serial), serial=serial)
        with pytest.raises(StateLocked, match="and now nobody any more works on it"):
            slow.update_inventory(APP, update(2), serial=2)
    assert quick.inventory(APP) == inventory_at(2)


def assert_no_leftovers(api, store):
    """Every object is named by some head."""
    named = {"state-salt"}
    for head in store._heads.list_facts():
        whole = store._heads._read_all(head.facts.application)
        loaded = store._inventories.at(whole)
        if not whole.facts.kept:  # somebody died in it; the lease keeps it for now
            named.add(whole.name)
            continue
        named |= {whole.name, *(s.name for s in loaded.segments), *(s.name for s in store._records._top(whole)[0])}
    assert {name for _, name in api.objects} <= named

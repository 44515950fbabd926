"""What each method costs in requests. The docs say these numbers."""

from __future__ import annotations

import attrs
import pytest

from gitops_core import Application, Owner, reconcile
from gitops_core.model.history import JournalRecord, PassRecord
from gitops_core.model.inventory import Inventory, InventoryUpdate
from gitops_core.model.results import PassStatus
from gitops_core.renderers.manifests import ManifestsRenderer
from gitops_core.sources.memory import MemorySource
from gitops_core.state.kubernetes import layers
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.filled import filled
from gitops_core.testing.store_examples import APP, OTHER, SITE, WEB, many, owned, put

PASS = filled(PassRecord)


@pytest.fixture
def busy(store, api):
    """A store that has made a pass already."""
    with store.exclusive(APP, 0.0):
        store.salt()
        store.update_inventory(APP, put(owned(SITE)), serial=store.inventory(APP).serial)
        store.record_pass(APP, PASS, keep=5)
    api.verbs()
    return store


def a_pass(store, record=PASS):
    with store.exclusive(APP, 0.0):
        store.salt()
        inventory = store.inventory(APP)
        store.record_pass(APP, record, keep=5)
    return inventory


def test_a_quiet_pass_costs_two_requests(busy, api):
    """The lease is taken and given back; the first is a read, the second a write of the history, too."""
    inventory = a_pass(busy)
    assert api.verbs() == ["patch", "patch"]
    assert inventory == put(owned(SITE)).apply_to(Inventory(APP))
    assert busy.history(APP)[0].repeats == 2 * PASS.repeats + 1


def test_a_quiet_pass_is_as_cheap_with_many_entries(busy, api):
    """However large the inventory is."""
    busy.update_inventory(APP, put(*many(3_000)), serial=1)
    api.verbs()
    assert len(a_pass(busy).entries) == 3_001
    assert api.verbs() == ["patch", "patch"]


def test_a_pass_of_another_process_costs_the_next_one_a_look(busy, make, api):
    """After a quiet pass elsewhere the lease is not where we left it: one write in vain, one small read, and the head's history."""
    a_pass(make())
    api.verbs()
    a_pass(busy)
    assert api.verbs() == ["patch", "get", "patch", "get", "patch"]


def test_an_unchanged_inventory_costs_one_small_read(busy, api):
    """Outside of a block somebody else may have written."""
    busy.inventory(APP)
    assert api.asked[-1].accept.startswith("application/json;as=PartialObjectMetadata;")
    assert api.verbs() == ["get"]


def test_a_second_read_in_a_block_looks_again(busy, api):
    """Only the first is covered by the lease that has just been taken."""
    with busy.exclusive(APP, 0.0):
        api.verbs()
        busy.inventory(APP)
        assert api.verbs() == []
        busy.inventory(APP)
        assert api.verbs() == ["get"]


def test_an_update_is_one_request(busy, api):
    """Whether it is in a block or not, and however many entries there are."""
    busy.update_inventory(APP, put(*many(3_000)), serial=1)
    api.verbs()
    for serial in (2, 3):
        busy.update_inventory(APP, put(owned(WEB, str(serial))), serial=serial)
    with busy.exclusive(APP, 0.0):
        api.verbs()
        busy.update_inventory(APP, InventoryUpdate(drop=(WEB,)), serial=4)
    assert api.verbs() == ["patch", "patch"]
    assert len(busy.inventory(APP).entries) == 3_001


def test_a_full_head_costs_one_segment(busy, api):
    """What no longer fits on top goes into a segment of its own; nothing that lies below is written again."""
    busy.update_inventory(APP, put(*many(6_000)), serial=1)
    before = {name for _, name in api.objects}
    api.verbs()
    busy.update_inventory(APP, put(*(attrs.evolve(e, version="2") for e in many(2_100))), serial=2)
    assert api.verbs() == ["list", "post", "post", "post", "patch"]
    assert before < {name for _, name in api.objects}


def test_worn_segments_are_written_anew(busy, api):
    """When most of what the segments say is outdated, they are replaced, and the old ones go."""
    for serial in range(1, 5):
        busy.update_inventory(APP, put(*(attrs.evolve(e, version=str(serial)) for e in many(2_100))), serial=serial)
    whole = busy.inventory(APP)
    segments = busy._inventories.known(APP).segments
    assert sum(segment.records for segment in segments) <= 2 * 2_101 + layers.TOP_RECORDS
    assert len(api.objects) == 2 + len(segments)  # the head, the salt
    assert {entry.version for entry in whole.entries.values()} == {"", "4"}


def test_a_cold_read_is_one_request(busy, make, api):
    """Of an application that fits into its head."""
    assert make().inventory(APP) == busy.inventory(APP)
    assert api.verbs()[:1] == ["get"]


def test_a_process_goes_on_from_the_segments_it_knows(busy, make, api):
    """What another process has added costs one small read, the head, and the new segments."""
    busy.update_inventory(APP, put(*many(6_000)), serial=1)
    twin = make()
    twin.inventory(APP)
    busy.update_inventory(APP, put(*(attrs.evolve(e, version="2") for e in many(2_100))), serial=2)
    api.verbs()
    assert twin.inventory(APP) == busy.inventory(APP)
    assert api.verbs()[:-1] == ["get", "get", "get", "get", "get"]


def test_the_salt_is_asked_for_once(make, api):
    first, second = make(), make()
    assert first.salt() == first.salt() == second.salt()
    assert api.verbs() == ["get", "post", "get"]


def test_an_application_that_is_only_looked_at_leaves_no_trace(store, api):
    with store.exclusive(APP, 0.0):
        assert store.inventory(APP) == Inventory(APP)
        assert list(store.applications()) == []
    assert api.verbs() == ["get", "post", "list", "delete"]
    assert api.objects == {}


def test_a_journal_record_is_one_request(busy, api):
    records = [attrs.evolve(filled(JournalRecord), time=float(i)) for i in range(3)]
    busy.append_journal(APP, records[:1])
    api.verbs()
    busy.append_journal(APP, records[1:])
    assert api.verbs() == ["patch"]
    assert busy.journal(APP) == tuple(records[::-1])


def test_the_journal_is_read_once_in_a_block(busy, api):
    """The engine asks for the newest record of each object that is put off again."""
    busy.append_journal(APP, [attrs.evolve(filled(JournalRecord), key=key) for key in (SITE, WEB)])
    with busy.exclusive(APP, 0.0):
        api.verbs()
        assert [record.key for key in (SITE, WEB) for record in busy.journal(APP, key, 1)] == [SITE, WEB]
        assert api.verbs() == []
        busy.append_journal(APP, [attrs.evolve(filled(JournalRecord), key=SITE, reason="newer")])
        assert busy.journal(APP, SITE, 1)[0].reason == "newer"


def test_a_forgotten_application_costs_three_requests(busy, api):
    busy.forget(APP)
    assert api.verbs() == ["patch", "delete", "deletecollection"]
    busy.forget(OTHER)
    assert set(api.verbs()) == {"get"}


def test_a_quiet_pass_of_the_engine_costs_two_requests(make, api):
    """The whole of it: lock, salt, inventory, memos, history. And a first pass does not cost one for each object."""
    documents = {
        f"{number}.yaml": f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{number}}}\ndata: {{a: '{number}'}}\n"
        for number in range(200)
    }
    app = Application(
        name="edge",
        owner=Owner("example.org", "engine"),
        source=MemorySource(documents),
        renderer=ManifestsRenderer(),
        target=MemoryTarget(),
    )
    store = make()
    assert reconcile(app, store=store).status is PassStatus.CHANGED
    assert len(api.verbs()) < 40
    for _ in range(3):
        assert reconcile(app, store=store).status is PassStatus.IN_SYNC
        assert api.verbs() == ["patch", "patch"]
    assert reconcile(app, store=make()).status is PassStatus.IN_SYNC
    assert len(api.verbs()) < 20

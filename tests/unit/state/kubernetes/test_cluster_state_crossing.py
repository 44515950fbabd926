"""Questions across applications: who else has an object, who else is there; and what that costs with a thousand of them."""

from __future__ import annotations

import attrs
import pytest

from gitops_core.errors import NotFound, StateConflict
from gitops_core.model.history import JournalRecord, PassRecord
from gitops_core.model.inventory import EntryState, Holder, InventoryEntry, InventoryUpdate
from gitops_core.model.resources import ResourceKey
from gitops_core.state.kubernetes import inventories, layers
from gitops_core.testing.filled import filled
from gitops_core.testing.store_examples import APP, OTHER, SITE, WEB, many, owned, put

ASKED = [("world", SITE)]


def own(number):
    return ResourceKey("", "ConfigMap", "", f"c{number}")


@pytest.fixture
def thousand(make):
    """A thousand applications, written by another process."""
    writer = make()
    for number in range(1_000):
        writer.update_inventory(f"example.org/{number}", put(owned(own(number))), serial=0)
    return writer


def test_a_thousand_applications_cost_few_requests(thousand, make, api):
    """The first question for holders reads all heads in pages; the next one only a list of their metadata, and what has changed."""
    store = make()
    asked = [("world", own(number)) for number in range(1_000)] + ASKED
    api.verbs()
    found = store.holders(APP, asked)
    assert found == {own(n): Holder(f"example.org/{n}", EntryState.APPLIED) for n in range(1_000)}
    assert api.verbs() == ["list"] * 11
    assert store.holders(APP, asked) == found
    assert api.verbs() == ["list"]
    for number in (3, 5):
        thousand.update_inventory(f"example.org/{number}", put(owned(SITE)), serial=1)
    api.verbs()
    assert store.holders(APP, ASKED) == {SITE: Holder("example.org/3", EntryState.APPLIED)}
    assert api.verbs() == ["list", "get", "get"]
    assert len(store.neighbours(APP, ["world", "moon"])) == 1_000
    assert store.neighbours(APP, [""]) == []
    assert api.verbs() == ["list"]
    thousand.record_pass("example.org/7", filled(PassRecord), keep=1)
    api.verbs()
    looked = {name: store.history(name, 5) for name in store.neighbours(APP, ["world"])}
    assert {name: records for name, records in looked.items() if records} == {"example.org/7": (filled(PassRecord),)}
    assert api.verbs() == ["list"] * 11


def test_applications_of_other_scopes_are_not_read(make, api):
    """What cannot have the object need not be looked at."""
    writer, store = make(), make()
    for number in range(20):
        writer.update_inventory(f"example.org/{number}", put(owned(SITE, f"scope-{number}")), serial=0)
    api.verbs()
    assert store.holders(APP, [("scope-7", SITE)]) == {SITE: Holder("example.org/7", EntryState.APPLIED)}
    assert api.verbs() == ["list", "get"]


def test_what_this_process_has_written_is_not_read_again(make, api):
    store = make()
    store.update_inventory(OTHER, put(owned(SITE)), serial=0)
    api.verbs()
    assert store.holders(APP, ASKED) == {SITE: Holder(OTHER, EntryState.APPLIED)}
    assert api.verbs() == ["list"]


def test_more_scopes_than_can_be_listed_are_looked_up(make, api):
    """An application in many worlds says only that there are many."""
    writer, store = make(), make()
    writer.update_inventory(OTHER, put(*(owned(own(n), f"scope-{n}") for n in range(40))), serial=0)
    writer.update_inventory("example.org/none", put(owned(own(1), "")), serial=0)
    assert store.neighbours(APP, ["scope-39"]) == [OTHER]
    assert store.neighbours(APP, ["scope-41"]) == []
    assert store.holders(APP, [("scope-3", own(3)), ("scope-4", own(3))]) == {}
    assert store.holders(APP, [("scope-3", own(3))]) == {own(3): Holder(OTHER, EntryState.APPLIED)}


@pytest.mark.parametrize("others", [1, 12])
def test_large_applications_are_followed_by_their_new_segments(make, api, monkeypatch, others):
    """What changed since the last question is read, not the whole."""
    monkeypatch.setattr(inventories, "TOP_RECORDS", 50)
    monkeypatch.setattr(layers, "_TRIED_AT_ONCE", 60)
    writer, store = make(), make()
    names = [f"example.org/{number}" for number in range(others)]
    for name in names:
        writer.update_inventory(name, put(*many(300)), serial=0)
    key = many(1)[0].key
    assert store.holders(APP, [("world", key)]) == {key: Holder(names[0], EntryState.APPLIED)}
    for name in names:
        writer.update_inventory(name, put(*(attrs.evolve(e, version="2") for e in many(300)[100:200])), serial=1)
        writer.update_inventory(name, InventoryUpdate(put=(owned(SITE),), drop=(key,)), serial=2)
    api.verbs()
    assert store.holders(APP, [*ASKED, ("world", key)]) == {SITE: Holder(names[0], EntryState.APPLIED)}
    assert len(api.verbs()) <= 8  # the metadata, the heads, and 2 new segments of each
    writer.forget(names[0])
    writer.update_inventory(names[0], put(owned(WEB)), serial=0)
    assert store.holders(APP, [("world", WEB)]) == {WEB: Holder(names[0], EntryState.APPLIED)}


def test_an_application_that_goes_while_we_look_is_looked_at_again(make, api):
    writer, store = make(), make()
    writer.update_inventory(OTHER, put(owned(SITE)), serial=0)

    def forget(request):
        if request.path.endswith(store._heads.names.head(OTHER)):
            api.before = lambda request: None
            writer.forget(OTHER)

    api.before = forget
    assert store.holders(APP, ASKED) == {}


def test_who_has_it_comes_before_who_wants_it(make):
    """Owner, claimant, and last who lets go; then by name. The same rule as in every other store."""
    store = make()
    for name, state in (
        ("a", EntryState.RELEASED),
        ("b", EntryState.CLAIMED),
        ("c", EntryState.APPLIED),
        ("d", EntryState.PLANNED),
    ):
        store.update_inventory(name, put(InventoryEntry(SITE, state, scope="world")), serial=0)
    for expected in ("c", "d", "b", "a"):
        assert store.holders(APP, ASKED)[SITE].application == expected
        store.update_inventory(expected, InventoryUpdate(drop=(SITE,)), serial=1)
    assert store.holders(APP, ASKED) == {}


def test_what_only_has_a_journal_has_nothing(make):
    store = make()
    store.append_journal(OTHER, [filled(JournalRecord)])
    assert store.holders(APP, ASKED) == {}
    assert store.neighbours(APP, ["world"]) == []


def test_applications_that_never_stand_still_are_a_conflict(make, api):
    """Three times in a row a head was gone that the list had shown."""
    store = make()
    for name in (OTHER, "example.org/third"):
        make().update_inventory(name, put(*(owned(own(n), f"scope-{n}") for n in range(40))), serial=0)

    def vanish(request):
        if request.path.endswith(store._heads.names.head(OTHER)):
            raise NotFound("gone")

    api.before = vanish
    for ask in (lambda: store.holders(APP, [("scope-1", own(1))]), lambda: store.neighbours(APP, ["scope-1"])):
        with pytest.raises(StateConflict, match="while we looked at it"):
            ask()


def test_a_look_at_many_histories_counts_once_and_not_for_long(make, clock, api):
    """The second question about one is a request again, and so is the first one after ten seconds."""
    store, writer = make(), make()
    for number in range(9):
        writer.update_inventory(f"example.org/{number}", put(owned(own(number))), serial=0)
    names = store.neighbours(APP, ["world"])
    assert len(names) == 9
    assert store.history(names[0]) == ()
    writer.record_pass(names[0], filled(PassRecord), keep=1)
    writer.record_pass(names[1], filled(PassRecord), keep=1)
    assert store.history(names[0]) == (filled(PassRecord),)
    assert store.history(names[1]) == ()  # as of the first question
    assert store.history(names[1], 0) == ()
    clock.advance(11.0)
    writer.record_pass(names[2], filled(PassRecord), keep=1)
    assert store.history(names[2]) == (filled(PassRecord),)
    writer.forget(names[8])
    assert len(store.neighbours(APP, ["world"])) == 8
    api.verbs()
    assert [len(store.history(name)) for name in names[:2]] == [1, 1]
    assert "list" not in api.verbs()


def test_a_neighbour_that_has_gone_has_no_history(make):
    store, writer = make(), make()
    for number in range(9):
        writer.record_pass(f"example.org/{number}", filled(PassRecord), keep=1)
        writer.update_inventory(f"example.org/{number}", put(owned(own(number))), serial=0)
    names = store.neighbours(APP, ["world"])
    writer.forget(names[0])
    assert [len(store.history(name)) for name in names] == [0, *[1] * 8]

"""What goes wrong with state in the cluster, and what is said about it."""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path

import attrs
import pytest

from gitops_core.errors import (
    AlreadyExists,
    ConfigError,
    Conflict,
    Denied,
    Disposition,
    Invalid,
    NotFound,
    StateConflict,
    StateCorrupt,
    StateUnavailable,
    Throttled,
    Transient,
)
from gitops_core.model.applications import Owner
from gitops_core.model.history import JournalRecord, PassRecord
from gitops_core.model.inventory import EntryState, Holder, Intent, Inventory, InventoryEntry
from gitops_core.model.resources import ResourceKey
from gitops_core.state.kubernetes import KubernetesStore, StoreSettings, passes, permissions, records
from gitops_core.state.kubernetes.names import Names, digest
from gitops_core.state.kubernetes.payloads import FORMAT, UPGRADES, pack, unpack
from gitops_core.testing.filled import filled
from gitops_core.testing.store_examples import APP, OTHER, SITE, WEB, many, owned, put

FACTS = "example.org/state-facts"


def head_of(api, application=APP):
    return next(item for item in api.objects.values() if application in item["metadata"].get("annotations", {}).get(FACTS, ""))


def rewrite(api, head, **facts):
    notes = head["metadata"]["annotations"]
    notes[FACTS] = json.dumps({**json.loads(notes[FACTS]), **facts})
    touch(api, head)


def touch(api, item):
    api.version += 1
    item["metadata"]["resourceVersion"] = str(api.version)


def packed(value):
    return base64.b64encode(zlib.compress(json.dumps(value).encode())).decode()


@pytest.mark.parametrize(
    ("thrown", "disposition", "words"),
    [
        (Denied('configmaps is forbidden: needs "patch"'), Disposition.STALL, ['needs "patch"', "permissions()"]),
        (Invalid("too large"), Disposition.STALL, ["too large", "one record is too large"]),
        (Throttled("slow down", retry_after=7.0), Disposition.RETRY, ["asks us to slow down"]),
        (Transient("connection reset"), Disposition.RETRY, ["connection reset", "tried again"]),
        (NotFound("namespaces state not found"), Disposition.RETRY, ["create the namespace"]),
        (Conflict("being deleted"), Disposition.RETRY, ["tried again on the next pass"]),
    ],
)
def test_what_the_api_throws_is_translated(store, api, thrown, disposition, words):
    """Every class of the transport's errors is a StateUnavailable with a cure; none gets out as it is."""

    def fail(request):
        if request.method == "POST":
            raise thrown

    api.before = fail
    with pytest.raises(StateUnavailable) as caught:
        store.update_inventory(APP, put(owned(SITE)), serial=0)
    assert caught.value.disposition is disposition
    assert caught.value.retry_after == thrown.retry_after
    assert "configmaps state/state-example-org-demo-edge-" in str(caught.value)
    assert [word for word in words if word not in str(caught.value)] == []


def test_a_newer_format_is_refused_with_a_cure(store, make, api):
    """An older engine must not write what it does not understand."""
    store.update_inventory(APP, put(owned(SITE)), serial=0)
    before = json.dumps(api.objects[next(iter(api.objects))]["binaryData"])
    rewrite(api, head_of(api), format=FORMAT + 1)
    for store_of_any_age in (store, make()):
        with pytest.raises(
            StateCorrupt, match=f"format {FORMAT + 1}, this version reads 1 to {FORMAT}.*Upgrade the library"
        ) as caught:
            store_of_any_age.update_inventory(APP, put(owned(WEB)), serial=1)
        assert caught.value.disposition is Disposition.STALL
    assert json.dumps(head_of(api)["binaryData"]) == before


def test_a_newer_format_of_a_part_is_refused(store, api, make):
    store.update_inventory(APP, put(owned(SITE)), serial=0)
    head_of(api)["binaryData"]["inventory"] = packed({"format": FORMAT + 1})
    with pytest.raises(StateCorrupt, match="Upgrade the library"):
        make().inventory(APP)


@pytest.mark.parametrize(
    "text",
    [
        "not base64!",
        base64.b64encode(b"not zlib").decode(),
        base64.b64encode(zlib.compress(b"{}")[:-3]).decode(),
        packed([]),
        packed({"format": 2, "put": [{"key": ["", "K"]}]}),
        packed({"format": 2, "put": [{"key": ["", "K", "", "n"], "shape": 3}]}),
        packed({"format": 2, "put": [{"key": ["", "K", "", "n"], "state": "no such state"}]}),
        packed({"format": 2, "segments": [["name"]]}),
        packed({"format": 2, "segments": [["name", "many"]]}),
    ],
)
def test_what_does_not_decode_is_corrupt(store, api, make, text):
    """Whatever somebody has made of the object, it is named, and nothing is written."""
    store.update_inventory(APP, put(owned(SITE)), serial=0)
    head_of(api)["binaryData"]["inventory"] = text
    fresh, version = make(), api.version
    for use in (lambda: fresh.inventory(APP), lambda: fresh.update_inventory(APP, put(owned(WEB)), serial=1)):
        with pytest.raises(StateCorrupt, match=r"configmaps state/state-.*does not decode.*delete it: the next pass adopts"):
            use()
    assert api.version == version


def test_a_text_that_unpacks_to_too_much_is_corrupt():
    """A few kilobytes can be made to unpack to any size."""
    with pytest.raises(StateCorrupt):
        unpack("here", base64.b64encode(zlib.compress(b" " * (64 * 1024 * 1024 + 1))).decode())


@pytest.mark.parametrize("notes", [{}, {FACTS: "no json"}, {FACTS: "{}"}, {FACTS: '{"format": 2}'}, None])
def test_a_head_without_its_facts_is_corrupt(store, api, make, notes):
    store.update_inventory(APP, put(owned(SITE)), serial=0)
    head_of(api)["metadata"]["annotations"] = notes
    for use in (lambda: make().inventory(APP), make().applications):
        with pytest.raises(StateCorrupt):
            use()


def test_a_copied_head_is_not_believed(store, api, make):
    """An object that was restored under another application's name would make us own what that one owns."""
    store.update_inventory(APP, put(owned(SITE)), serial=0)
    store.update_inventory(OTHER, put(owned(WEB)), serial=0)
    rewrite(api, head_of(api, OTHER), application=APP)
    with pytest.raises(StateCorrupt, match=r"it is example\.org/demo/edge's, not example\.org/demo/other's"):
        make().inventory(OTHER)
    with pytest.raises(StateCorrupt):
        store.inventory(OTHER)


def test_a_lost_segment_is_corrupt(store, api, make):
    """Nothing is cut off silently: what it held would never be deleted."""
    store.update_inventory(APP, put(*many(3_000)), serial=0)
    name = store._inventories.known(APP).segments[1].name
    del api.objects["configmaps", name]
    with pytest.raises(StateCorrupt, match=f"its segment {name} is gone"):
        make().inventory(APP)
    with pytest.raises(StateCorrupt, match=f"its segment {name} is gone"):
        make().update_inventory(APP, put(owned(SITE)), serial=1)
    with pytest.raises(StateConflict, match="while we looked"):
        make().holders(OTHER, [("world", SITE)])


def test_a_reader_whose_segments_are_replaced_reads_again(store, api, make):
    """Between the head and its segments somebody may write both anew."""
    store.update_inventory(APP, put(*many(3_000)), serial=0)
    reader, done = make(), []

    def replace(request):
        if not done and request.query and "state=inventory" in dict(request.query).get("labelSelector", ""):
            done.append(request)
            for serial in range(1, 5):
                store.update_inventory(APP, put(*(attrs.evolve(e, version=str(serial)) for e in many(3_000))), serial=serial)

    store.update_inventory(APP, put(*many(6_000)), serial=1)
    api.before = replace
    with pytest.raises(StateConflict):
        reader.update_inventory(APP, put(owned(SITE)), serial=2)
    assert reader.inventory(APP) == store.inventory(APP)


def test_writers_that_never_come_to_an_end_are_a_conflict(store, make, api):
    """Ten times in a row somebody else was faster."""
    store.update_inventory(APP, put(owned(SITE)), serial=0)

    def interfere(request):
        if request.method == "PATCH":
            touch(api, head_of(api))

    api.before = interfere
    with pytest.raises(StateConflict, match="others wrote its state 10 times"):
        store.record_pass(APP, filled(PassRecord), keep=1)


def test_an_object_of_format_1_is_read_and_written_in_format_2(api, make):
    """The first format spelled out every entry's pointers; it is read as it is, and written anew with the next update."""
    old = json.loads((Path(__file__).parent / "format_1.json").read_text())
    api.objects["configmaps", old["metadata"]["name"]] = old
    api.version = 50
    inventory = make().inventory(APP)
    web, bare, api_server = (ResourceKey("apps", "Deployment", "shop", name) for name in ("web", "bare", "api"))
    known = InventoryEntry(
        web, EntryState.APPLIED, "uid-web", "d-web", "7", "l-web", ("/kind", "/spec/replicas"), checked_at=5.0, settled=True,
        scope="world", revision="r1",
    )  # fmt: skip
    assert inventory.entries[web] == known
    assert inventory.entries[bare].declared == ()
    assert inventory.entries[api_server].depends_on == (ResourceKey("", "Namespace", "", "shop"),)
    assert inventory.intents == {k: Intent(k, "k1", "t1") for k in [ResourceKey("dns", "Record", "", "a")]}
    upgraded = make()
    assert (upgraded.journal(APP)[0].action, upgraded.history(APP)[0].repeats) == ("create", 2)
    assert dict(upgraded.holders(OTHER, [("world", web)])) == {web: Holder(APP, EntryState.APPLIED)}
    after = upgraded.update_inventory(APP, put(owned(SITE)), serial=3)
    assert after == put(owned(SITE)).apply_to(inventory) == make().inventory(APP)
    assert json.loads(head_of(api)["metadata"]["annotations"][FACTS])["format"] == FORMAT
    assert make().journal(APP) == upgraded.journal(APP)


def test_there_is_a_step_from_each_format_to_the_next():
    assert sorted(UPGRADES) == list(range(1, FORMAT))
    assert UPGRADES[1]({"records": []}) == {"records": []}


def test_a_broken_salt_is_corrupt_and_never_shown(make, api):
    """Making a new one would make every secret look changed."""
    store = make()
    salt = store.salt()
    (place,) = [place for place in api.objects if place[0] == "secrets"]
    for text in ("", "%", base64.b64encode(salt[:-1]).decode()):
        api.objects[place]["data"]["salt"] = text
        with pytest.raises(StateCorrupt, match="secrets state/state-salt-") as caught:
            make().salt()
        assert base64.b64encode(salt).decode()[:20] not in f"{caught.value!r} {caught.value.__dict__}"


def test_whoever_is_second_takes_the_salt_of_the_first(make, api):
    first, second = make(), make()

    def overtake(request):
        if request.method == "POST":
            api.before = lambda request: None
            first.salt()

    api.before = overtake
    assert second.salt() == first.salt()


def test_a_salt_that_comes_and_goes_is_said(store, api):
    def missing(request):
        raise AlreadyExists("there") if request.method == "POST" else NotFound("not there")

    api.before = missing
    with pytest.raises(StateUnavailable, match="comes and goes"):
        store.salt()


def test_no_value_that_is_stored_is_in_a_repr(store, api):
    store.update_inventory(APP, put(InventoryEntry(SITE, EntryState.APPLIED, desired="d1gest")), serial=0)
    assert pack({}) not in repr(store._heads.recall(APP))
    assert "d1gest" not in repr(store._objects)


def test_two_owners_share_a_namespace_and_nothing_else(make, api):
    """Neither domain nor name of one is taken for another's."""
    owners = [Owner("example.org", "a"), Owner("example.org", "b"), Owner("example.com", "a")]
    stores = [make(owner) for owner in owners]
    for serial, store in enumerate(stores):
        store.update_inventory(APP, put(*many(3_000 + serial)), serial=0)
    assert [len(make(owner).inventory(APP).entries) for owner in owners] == [3_000, 3_001, 3_002]
    assert len({store.salt() for store in stores}) == 3
    stores[0].forget(APP)
    assert [list(store.applications()) for store in stores] == [[], [APP], [APP]]
    assert stores[0].sweep() == 0
    assert len(make(owners[1]).inventory(APP).entries) == 3_001


def test_names_are_readable_and_valid():
    names = Names(Owner("example.org", "Engine_1"), "state")
    assert names.head("example.org/demo/edge").startswith("state-example-org-demo-edge-")
    assert names.head("Größe").startswith("state-gr-e-")
    assert names.head("ж").startswith("state-x-")
    assert names.head("a/b") != names.head("a-b")
    assert digest("ab", "c") != digest("a", "bc")
    assert names.selector("head", "l1") == "example.org/state=head,example.org/state-owner=Engine_1,example.org/state-life=l1"


@pytest.mark.parametrize("namespace", ["", "Upper", "a/b", "-a", "a" * 64])
def test_a_namespace_that_cannot_be_is_a_config_error(api, namespace):
    with pytest.raises(ConfigError, match="no namespace's name"):
        KubernetesStore(api, Owner("example.org", "e"), namespace)


@pytest.mark.parametrize("wrong", [{"lease": 0}, {"timeout": -1.0}, {"journal_limit": 0}, {"memo_limit": 0}])
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match="must be"):
        StoreSettings(**wrong)


def test_the_permissions_name_what_is_used(make, api):
    """Every request of the rest of this suite is covered by these rules, and no more than that is asked for."""
    granted = {(resource, verb) for rule in permissions() for resource in rule["resources"] for verb in rule["verbs"]}
    store = make()
    store.salt()
    store.update_inventory(APP, put(*many(3_000)), serial=0)
    store.put_memo("s", "k", b"v", now=1.0)
    store.holders(OTHER, [("world", SITE)])
    store.record_pass(APP, filled(PassRecord), keep=1)
    store.forget(APP)
    resources = [api._place(request.path)[0] for request in api.asked]
    verbs = ["create" if verb == "post" else verb for verb in api.verbs()]
    assert set(zip(resources, verbs, strict=True)) == granted


def test_a_journal_has_a_bound(make, api, monkeypatch):
    """Segments beyond the limit go, and what is left of the last one is not shown."""
    monkeypatch.setattr(records, "TOP_CHARACTERS", 2_000)
    store = make(journal_limit=50)
    written = [attrs.evolve(filled(JournalRecord), time=float(i), desired=digest(str(i)) * 4) for i in range(200)]
    for start in range(0, 200, 20):
        store.append_journal(APP, written[start : start + 20])
        newest = written[: start + 20][::-1][:50]
        assert list(store.journal(APP, limit=1_000)) == newest
    assert len(api.objects) < 6
    store.append_journal(APP, written)
    assert list(make(journal_limit=50).journal(APP, limit=1_000)) == written[::-1][:50]


def test_a_record_too_large_for_a_segment_has_one_of_its_own(make, monkeypatch):
    monkeypatch.setattr(records, "TOP_CHARACTERS", 100)
    monkeypatch.setattr(records, "SEGMENT_CHARACTERS", 600)
    store = make()
    written = [attrs.evolve(filled(JournalRecord), error="".join(digest(f"{i}{j}") for j in range(40))) for i in range(3)]
    store.append_journal(APP, written)
    assert list(store.journal(APP)) == written[::-1]


def test_a_history_of_long_summaries_is_cut_to_what_a_head_can_carry(store, monkeypatch):
    """Its newest half stays, whatever ``keep`` says."""
    monkeypatch.setattr(passes, "HISTORY_CHARACTERS", 2_000)
    kept = [attrs.evolve(filled(PassRecord), summary="".join(digest(f"{i}{j}") for j in range(20))) for i in range(10)]
    for record in kept:
        store.record_pass(APP, record, keep=10)
    found = list(store.history(APP))
    assert found == kept[::-1][: len(found)]
    assert 1 <= len(found) < 10


def test_closing_keeps_the_connection(store):
    store.close()
    assert store.inventory(APP) == Inventory(APP)


def test_an_outdated_view_is_refreshed_before_anything_is_refused(store, make):
    """What a process remembers of the head never decides alone."""
    twin = make()
    store.update_inventory(APP, put(owned(SITE)), serial=0)
    assert twin.inventory(APP).serial == 1
    store.update_inventory(APP, put(owned(WEB)), serial=1)
    assert twin.update_inventory(APP, put(owned(WEB)), serial=2).serial == 3
    with pytest.raises(StateConflict, match="at serial 3, this write was based on serial 2"):
        store.update_inventory(APP, put(owned(WEB)), serial=2)


def test_a_reader_gives_up_where_others_never_come_to_an_end(store, api, make):
    """Ten times in a row the segments were gone that the head had named."""
    store.update_inventory(APP, put(*many(3_000)), serial=0)
    name = store._inventories.known(APP).segments[0].name
    del api.objects["configmaps", name]
    reader = make()

    def interfere(request):
        if request.method == "GET" and request.path.endswith(store._heads.names.head(APP)):
            touch(api, head_of(api))

    api.before = interfere
    with pytest.raises(StateConflict, match="others rewrote its state 10 times while we read it"):
        reader.inventory(APP)


def test_what_a_crash_leaves_behind_is_swept(store, api, make):
    """Segments of a life that is over, and heads in which nothing is kept; nothing that is in use, and nobody's lease."""
    store.update_inventory(APP, put(*many(3_000)), serial=0)
    orphans = [json.loads(json.dumps(item)) for item in api.objects.values() if "state-life" in str(item["metadata"]["labels"])]
    for number, orphan in enumerate(orphans):
        orphan["metadata"]["name"] += f"-{number}"
        if number:  # the first is of the living one, and its head does not name it
            orphan["metadata"]["labels"]["example.org/state-life"] = "another"
        api.objects["configmaps", orphan["metadata"]["name"]] = orphan
    empty = json.loads(json.dumps(head_of(api)))
    empty["metadata"]["name"] = store._heads.names.head(OTHER)
    empty["metadata"]["annotations"][FACTS] = json.dumps({"application": OTHER, "life": "x", "format": FORMAT})
    api.objects["configmaps", empty["metadata"]["name"]] = empty
    with store.exclusive("example.org/at/work", 0.0):
        assert store.sweep() == len(orphans) + 1
        assert store.sweep() == 0
    assert len(make().inventory(APP).entries) == 3_000


def test_nothing_is_written_for_no_records(store, api):
    store.append_journal(APP, [])
    assert api.asked == []


def test_a_sweep_takes_nothing_from_who_is_just_writing(store, api, make):
    """A segment that is there and not named yet: the sweep's write of the head makes that writer begin anew, with other names."""
    store.update_inventory(APP, put(*many(3_000)), serial=0)
    sweeper, swept = make(), []

    def sweep(request):
        if request.method == "PATCH" and not swept:
            api.before = lambda request: None
            swept.append(sweeper.sweep())

    api.before = sweep
    store.update_inventory(APP, put(*(attrs.evolve(e, version="2") for e in many(2_500))), serial=1)
    assert swept == [3]
    assert make().inventory(APP) == store.inventory(APP)
    assert {e.version for e in make().inventory(APP).entries.values()} == {"", "2"}

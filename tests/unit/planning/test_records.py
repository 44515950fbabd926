"""What the inventory says about an object."""

from __future__ import annotations

import attrs
import pytest

from gitops_core.errors import PluginError
from gitops_core.model.fields import Fields
from gitops_core.model.inventory import EntryState, InventoryEntry
from gitops_core.model.plans import Action, Change
from gitops_core.model.resources import Origin, Resource, ResourceKey, as_key
from gitops_core.model.values import Sensitive, freeze
from gitops_core.planning.diff import UNKNOWN
from gitops_core.planning.records import entry_for, planned_entry
from gitops_core.planning.request import TargetRules
from gitops_core.testing.plan_worlds import PlanWorld

KEY = ResourceKey("", "Site", "", "a")
RULES = TargetRules(fields=Fields(write_only={"/pin"}), scope=lambda key: f"world:{key.kind}")


def site(**fields):
    notes = fields.pop("notes", {})
    return {"kind": "Site", "metadata": {"name": "a", "annotations": {f"example.org/{k}": v for k, v in notes.items()}}, **fields}


def resource(body):
    return Resource.of(body, Origin(path="a.yaml", line=3), salt=b"salt of a test")


@pytest.fixture
def world():
    return PlanWorld(rules=RULES)


def test_an_applied_entry_has_everything_the_next_pass_needs(world):
    declared = resource(site(pin="1", url=Sensitive("x"), notes={"protect": "true", "depends-on": "Zone/z"}, secretName="s"))
    zone = {"kind": "Zone", "metadata": {"name": "z"}}
    request = world.request(declared, zone, {"kind": "Secret", "metadata": {"name": "s"}})
    entry = entry_for(request, declared, world.put(site(), id="7", version="9"), settled=True)
    assert entry == InventoryEntry(
        KEY,
        EntryState.APPLIED,
        id="7",
        desired=declared.digest,
        version="9",
        declared=("/kind", "/metadata/annotations/example.org~1depends-on", "/metadata/annotations/example.org~1protect", "/metadata/name", "/pin", "/secretName", "/url"),
        protected=True,
        checked_at=1000.0,
        settled=True,
        depends_on=(as_key("Zone/z"),),
        scope="world:Site",
        path="a.yaml",
        revision="r1",
        write_only=entry.write_only,
        sensitive=("/url",),
        refers_to=(as_key("Secret/s"),),
    )  # fmt: skip
    assert len(entry.write_only) == 64


def test_without_a_version_the_whole_live_object_is_digested(world):
    declared = resource(site())
    entry = entry_for(world.request(declared), declared, world.put(site(), version=""))
    assert (len(entry.live), entry.version) == (64, "")


def test_without_a_look_the_id_is_kept_and_the_next_pass_compares_in_full(world):
    world.entries[KEY] = InventoryEntry(KEY, EntryState.APPLIED, id="5", adopted=True, held_by="x", version="9")
    declared = resource(site())
    entry = entry_for(world.request(declared), declared, None)
    assert (entry.id, entry.version, entry.live, entry.adopted, entry.held_by) == ("5", "", "", True, "x")
    world.entries.clear()
    assert entry_for(world.request(declared), declared, None).id == ""


def test_what_was_worked_out_of_a_declaration_is_worked_out_once(world):
    spelled = []
    rules = TargetRules(normalize=lambda body: spelled.append(1) or body)
    declared = resource(site())
    request = world.request(declared, rules=rules)
    for _ in range(3):
        entry_for(request, declared, None)
    assert len(spelled) == 1


def planned(world, body, action, **facts):
    declared = resource(body)
    return planned_entry(world.request(declared), Change(KEY, action, **facts), declared)


def test_before_a_create_nothing_is_claimed_to_be_applied(world):
    entry = planned(world, site(pin="1", notes={"protect": "true"}), Action.CREATE)
    assert (entry.state, entry.id, entry.desired, entry.version, entry.adopted) == (EntryState.PLANNED, "", "", "", False)
    assert (entry.protected, entry.scope, entry.write_only) == (True, "world:Site", UNKNOWN)
    assert planned(world, site(), Action.CREATE).write_only == ""


def test_before_an_adoption_the_object_is_recorded_as_not_made_by_us(world):
    world.entries[KEY] = InventoryEntry(KEY, EntryState.CLAIMED, held_by="them")
    entry = planned(world, site(), Action.ADOPT, adopts=True, live_id="7")
    assert (entry.id, entry.adopted, entry.held_by, entry.desired) == ("7", True, "them", "")


def test_before_a_repair_both_declarations_are_remembered_and_protection_stays(world):
    world.apply(site(old=1, pin="1", notes={"protect": "true"}))
    before = world.entries[KEY]
    entry = planned(world, site(new=1, pin="2"), Action.UPDATE)
    assert {"/old", "/new"} <= set(entry.declared)
    assert (entry.state, entry.id, entry.desired, entry.protected) == (EntryState.PLANNED, before.id, before.desired, True)
    assert entry.write_only == UNKNOWN
    assert planned(world, site(new=1, pin="1"), Action.UPDATE).write_only == before.write_only
    assert planned(world, site(), Action.CREATE).id == ""


def test_before_a_delete_the_entry_says_so(world):
    world.apply(site())
    change = Change(KEY, Action.DELETE, live_id="1")
    assert planned_entry(world.request(), change) == attrs.evolve(world.entries[KEY], state=EntryState.DELETING)
    world.entries.clear()
    assert planned_entry(world.request(), change) == InventoryEntry(KEY, EntryState.DELETING, id="1")


def test_a_plugin_that_raises_is_named(world):
    declared = resource(site())
    request = world.request(declared, rules=TargetRules(normalize=lambda body: 1 / 0))
    with pytest.raises(PluginError, match="normalize raised ZeroDivisionError"):
        entry_for(request, declared, None)


def test_nothing_of_an_entry_shows_a_secret(world):
    declared = resource(site(pin="canary-1", url=Sensitive("canary-2")))
    live = world.put(freeze(site(url="canary-2")), version="")
    assert "canary" not in str(entry_for(world.request(declared), declared, live))

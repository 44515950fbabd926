"""
Every reason, refusal and remedy that the planner has, word for word, in the plan in which a reader meets it.

After a wanted change run ``GITOPS_UPDATE_SNAPSHOTS=1 pytest tests/unit/planning/test_planning_words.py`` and review the difference of
``tests/golden/planning``.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from gitops_core.errors import Transient
from gitops_core.model.applications import Options
from gitops_core.model.fields import Fields
from gitops_core.model.guards import Approval, Guard
from gitops_core.model.inventory import EntryState, Holder, InventoryEntry
from gitops_core.model.plans import Plan
from gitops_core.model.resources import Resource, ResourceKey, Unreadable, as_key
from gitops_core.model.values import Sensitive
from gitops_core.model.verdicts import Verdict, Violation
from gitops_core.planning.request import TargetRules
from gitops_core.testing.plan_worlds import PlanWorld
from gitops_core.testing.snapshots import check_snapshot

GOLDEN = Path(__file__).parents[2] / "golden" / "planning"
US, THEM = "example.org/demo/shop", "example.org/demo/other"
FREE = Guard(delete_fraction=1.0, touched_fraction=1.0, never=(), allow_empty=True)
A = ResourceKey("", "Site", "", "a")


def site(name="a", needs="", notes=None, kind="Site", namespace="", **fields):
    words = {**({"depends-on": needs} if needs else {}), **(notes or {})}
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    if words:
        metadata["annotations"] = {f"example.org/{word}": value for word, value in words.items()}
    return {"kind": kind, "metadata": metadata, **fields}


def world(*applied, **facts):
    made = PlanWorld(guard=facts.pop("guard", FREE), **facts)
    if applied:
        made.apply(*applied)
    return made


def broken(error):
    def read():
        raise error

    return read


def raising(*_bodies):
    raise RuntimeError("out of order")


SCENES: dict[str, Callable[[], Plan]] = {}


def scene(function: Callable[[], Plan]) -> Callable[[], Plan]:
    SCENES[function.__name__.replace("_", "-")] = function
    return function


# -- one object ------------------------------------------------------------------------------------------------------------------


@scene
def created_updated_gone():
    made = world(site("changed", v=1, w=[1]), site("vanished"), site("old"))
    del made.live[as_key("Site/vanished")]
    return made.plan(site("new"), site("changed", v=2, x={"y": True}), site("vanished"))


@scene
def annotations():
    wrong = [
        site("a", notes={"wiat": "true"}),
        site("b", notes={"protect": "yes", "wait": "no"}),
        site("c", notes={"prune": True}),
        site("d", notes={"depends-on": "everything"}),
        Resource.of(site("e", notes={"protect": ""})),
    ]
    return world().plan(*wrong)


@scene
def replaced():
    made = world(site("a", v=1, spec={"id": 1, "zone": 1}), site("b", v=1), site("c", v=1, notes={"protect": "true"}))
    fixed = TargetRules(fields=Fields(immutable={"/spec/id", "/spec/zone"}))
    stiff = TargetRules(can_update=False)
    declared = site("a", v=2, spec={"id": 2, "zone": 2}), site("b", v=2), site("c", v=2, notes={"protect": "true"})
    return made.plan(*declared, rules=lambda key: fixed if key.name == "a" else stiff)


@scene
def adopted():
    made = world()
    for body in (site("a", v=1), site("b", v=1, w=2), site("c", v=1)):
        made.put(body)
    made.put(site("d"), owner=THEM)
    made.entries[as_key("Site/d")] = InventoryEntry(as_key("Site/d"), EntryState.CLAIMED, held_by=THEM)
    rules = TargetRules(can_update=False)
    approval = Approval("night-shift", 2000.0, {"replace"}, keys={"Site/c"})
    return made.plan(site("a", v=2), site("b", v=1), site("c", v=2), site("d"), rules=rules, approvals=[approval])


@scene
def adoption_switched_off():
    made = world()
    made.put(site("a", v=1))
    made.put(site("b", v=1))
    return made.plan(site("a", v=2), site("b", v=1), options=Options(adopt=False))


@scene
def recreated():
    made = world(site("a", v=1), site("old"))
    made.put(site("a", v=2), id="another")
    made.put(site("old"), id="another-too")
    return made.plan(site("a", v=1))


@scene
def somebody_elses():
    made = world()
    made.put(site("a", v=1), owner=THEM)
    holders = {as_key("Site/b"): Holder(THEM, EntryState.PLANNED)}
    return made.plan(site("a"), site("b"), holders=holders)


@scene
def unreadable():
    made = world(site("a"), site("old"), site("b"), site("old-b"))
    for name in ("b", "old-b"):
        key = as_key(f"Site/{name}")
        made.live[key] = attrs.evolve(made.live[key], body=broken(Transient("reading stopped")))
    made.put(site("c"))
    made.live[as_key("Site/c")] = attrs.evolve(made.live[as_key("Site/c")], body=broken(OSError("it went away")))
    blind = (
        Unreadable(A, Transient("boom")),
        Unreadable(("Site", "old"), "403: ask for the role"),
        Unreadable(None, "", ("", "Cat")),
    )
    return made.plan(site("a"), site("b"), site("c"), site("tom", kind="Cat"), unreadable=blind)


@scene
def being_deleted():
    made = world(site("a"), site("old"))
    for name in ("a", "old"):
        made.put(site(name), id=made.live[as_key(f"Site/{name}")].id, deleting=True)
    return made.plan(site("a"))


@scene
def broken_target():
    made = world(site("a", v=1), site("b", v=1), site("c", v=1), site("old"))
    rules = {
        "a": TargetRules(normalize=raising),
        "b": TargetRules(diff=raising),
        "c": TargetRules(depends_on=raising),
        "d": TargetRules(diff=lambda *_: ["/v"]),
        "old": TargetRules(normalize=raising),
    }
    made.put(site("d"))
    return made.plan(*(site(name, v=2) for name in "abcd"), rules=lambda key: rules[key.name])


@scene
def denied():
    made = world(site("a", v=1), site("old"))
    violations = [Violation(("Site", "a"), "no cats", policy="no-cats"), Violation(("Site", "old"), "keep it")]
    return made.plan(site("a", v=2), site("b"), verdict=Verdict.of(violations))


@scene
def denied_as_a_whole():
    made = world(site("a", v=1), site("old"))
    return made.plan(site("a", v=2), site("b"), verdict=Verdict.of([Violation(None, "it is Friday", policy="calendar")]))


@scene
def secrets():
    rules = TargetRules(fields=Fields(sensitive={"/token"}, write_only={"/pin", "/old_pin"}))
    made = world()
    made.apply(site("a", token=Sensitive("one"), pin="1234", old_pin="1", keep=1), rules=rules)
    for field in ("pin", "old_pin"):
        made.edit("Site/a", {name: value for name, value in dict(made.live[A].body).items() if name != field})
    return made.plan(site("a", token=Sensitive("two"), pin="5678", keep=1), rules=rules)


@scene
def lists_in_any_order():
    rules = TargetRules(fields=Fields(unordered={"/tags"}))
    made = world()
    made.apply(site("a", tags=["x", "y", "y"], ports=[{"name": "a", "v": 1}, {"name": "b", "v": 1}]), rules=rules)
    return made.plan(site("a", tags=["y", "z", "x"], ports=[{"name": "b", "v": 2}, {"name": "c", "v": 1}]), rules=rules)


@scene
def extra_items_of_lists():
    rules = TargetRules(fields=Fields(unordered={"/tags"}))
    made = world()
    made.apply(site("a", tags=["x"], plain=[1]), rules=rules)
    made.edit("Site/a", site("a", tags=["x", "q"], plain=[1, 2]))
    return made.plan(site("a", tags=["x"], plain=[1]), rules=rules)


@scene
def fields_no_longer_declared():
    made = world(site("a", v=1, spec={"old": {"deep": "ü", "b": 1}, "kept": 1}))
    return made.plan(site("a", spec={"kept": 1}))


# -- what is no longer declared -----------------------------------------------------------------------------------------------------


@scene
def no_longer_declared():
    names = ("plain", "gone", "claimed", "let-go", "anonymous", "theirs", "never-ours", "protected", "lifted", "waited-for")
    made = world(*(site(name) for name in names))

    def evolve(name, **facts):
        made.entries[as_key(f"Site/{name}")] = attrs.evolve(made.entries[as_key(f"Site/{name}")], **facts)

    del made.live[as_key("Site/gone")]
    evolve("claimed", state=EntryState.CLAIMED, held_by=THEM)
    evolve("let-go", state=EntryState.CLAIMED, held_by=THEM)
    evolve("anonymous", state=EntryState.CLAIMED, held_by="")
    made.put(site("theirs"), id=made.live[as_key("Site/theirs")].id, owner=THEM)
    made.entries[as_key("Site/never-ours")] = InventoryEntry(as_key("Site/never-ours"), adopted=True)
    evolve("protected", protected=True)
    evolve("lifted", protected=True)
    approval = Approval("night-shift", 2000.0, {"protected"}, keys={"Site/lifted"})
    holders = {
        as_key("Site/claimed"): Holder(THEM, EntryState.APPLIED),
        as_key("Site/waited-for"): Holder(THEM, EntryState.CLAIMED),
    }
    return made.plan(site("kept"), approvals=[approval], holders=holders)


@scene
def maybe_moved():
    made = world()
    made.apply(site("old"), rules=TargetRules(scope=lambda _key: "w"))
    return made.plan(site("kept"), unseen=(THEM, "example.org/demo/third"), rules=TargetRules(scope=lambda _key: "w"))


# -- limits ------------------------------------------------------------------------------------------------------------------------


def many(count, guard, declared, **facts):
    made = world(*(site(f"s{n:02}") for n in range(count)))
    return made.plan(*declared, guard=guard, **facts)


@scene
def empty():
    return many(3, Guard(), [])


@scene
def empty_and_allowed():
    return many(3, Guard(), [], approvals=[Approval("night-shift", 2000.0, {"empty"})])


@scene
def too_many_deletes():
    return many(8, Guard(delete_cap=3), [site(f"s{n:02}") for n in range(4)])


@scene
def too_many_touched():
    return many(6, Guard(touched_fraction=0.5), [site(f"s{n:02}", v=1) for n in range(6)])


@scene
def kinds_of_their_own():
    made = world(site("n", kind="Namespace"), site("m", kind="Namespace"), site("a"))
    approval = Approval("night-shift", 2000.0, {"kind"}, kinds={"Namespace"}, keys={"Namespace/m"})
    declared = [site("a"), site("m", kind="Namespace", v=2)]
    return made.plan(
        *declared, guard=attrs.evolve(FREE, never=("Namespace",)), rules=TargetRules(can_update=False), approvals=[approval]
    )


@scene
def two_approvals():
    approvals = [Approval("a", 2000.0, {"delete_limit"}), Approval("b", 2000.0, {"protected"})]
    made = world(*(site(f"s{n}", notes={"protect": "true"}) for n in range(4)))
    return made.plan(site("kept"), guard=Guard(touched_fraction=1.0), approvals=approvals)


# -- order --------------------------------------------------------------------------------------------------------------------------


@scene
def circles_and_missing():
    declared = [
        site("a", "Site/b"), site("b", "Site/a"), site("c", "Site/a"), site("d", "Site/nowhere, Site/never"), site("e", "Site/e"),
        site("f", "Site/d"), site("g", "Site/d, Site/c"),
    ]  # fmt: skip
    return world().plan(*declared)


@scene
def still_needed():
    made = world(site("a", "Site/b"), site("b"), site("c"), site("n", kind="Namespace"), site("x", namespace="n"))
    return made.plan(site("a", "Site/b"), site("x", namespace="n"))


@scene
def deletes_wait():
    made = world(site("a", "Site/b"), site("b", "Site/c"), site("c"), site("d", "Site/e", notes={"protect": "true"}), site("e"))
    return made.plan(site("new"))


@pytest.mark.parametrize("name", SCENES)
def test_every_word_is_as_it_was_reviewed(name):
    check_snapshot(GOLDEN / f"{name}.txt", SCENES[name](), update=bool(os.environ.get("GITOPS_UPDATE_SNAPSHOTS")))


def test_no_scene_is_forgotten():
    assert sorted(path.stem for path in GOLDEN.glob("*.txt")) == sorted(SCENES)

"""Laws of planning, on worlds that Hypothesis makes up."""

from __future__ import annotations

import itertools
import random

import attrs
from hypothesis import given
from hypothesis import strategies as st

from gitops_core.model.fields import Fields
from gitops_core.model.guards import Approval, Guard
from gitops_core.model.inventory import EntryState, Inventory
from gitops_core.model.plans import Action, Change, ChangeState, Plan
from gitops_core.model.resources import ResourceKey, Unreadable
from gitops_core.model.values import Sensitive, freeze, same, thaw
from gitops_core.model.verdicts import Severity, Verdict, Violation
from gitops_core.planning.declared import declared_pointers, locate, previous_pointers
from gitops_core.planning.diff import Comparison, compare, json_patch
from gitops_core.planning.guards import Limits, Permits, destroys, guard_plan, touches
from gitops_core.planning.order import arranged, circles, path_around
from gitops_core.planning.planner import make_plan
from gitops_core.planning.request import TargetRules
from gitops_core.testing.plan_worlds import PlanWorld, merged, without

FREE = Guard(delete_fraction=1.0, delete_cap=10_000, touched_fraction=1.0, never=(), allow_empty=True)
NAMES = tuple("abcdef")
CANARY = "canary-5ecret"

scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "x", "a/b", "~", "é", "1", "true"])
names = st.sampled_from(["a", "b", "a/b", "~", "name", "[name=a]", "x.y"])
named_items = st.lists(
    st.fixed_dictionaries({"name": st.sampled_from(NAMES)}, optional={"v": scalars, "w": scalars}),
    max_size=4,
    unique_by=lambda item: item["name"],
)
values = st.recursive(
    scalars | named_items,
    lambda inner: st.dictionaries(names, inner, max_size=3) | st.lists(inner, max_size=3),
    max_leaves=12,
)
fields = st.dictionaries(names.filter(lambda n: n != "name"), values, max_size=4)
specs = st.dictionaries(st.sampled_from(["a", "b", "c/d"]), scalars | named_items, max_size=3)


def body(name: str, spec: dict, needs: frozenset[str] = frozenset()) -> dict:
    notes = {"example.org/depends-on": ",".join(f"Thing/{n}" for n in sorted(needs))} if needs else {}
    return {"kind": "Thing", "metadata": {"name": name, **({"annotations": notes} if notes else {})}, "spec": spec}


@st.composite
def declarations(draw: st.DrawFn) -> list[dict]:
    """A few things, some of which need others; circles and dangling needs included."""
    chosen = draw(st.frozensets(st.sampled_from(NAMES)))
    return [body(n, draw(specs), draw(st.frozensets(st.sampled_from(NAMES), max_size=2))) for n in sorted(chosen)]


@st.composite
def settled(draw: st.DrawFn) -> list[dict]:
    """Things without needs: nothing stands in their way."""
    return [body(n, draw(specs)) for n in sorted(draw(st.frozensets(st.sampled_from(NAMES))))]


# -- diff --------------------------------------------------------------------------------------------------------------------


@given(fields, fields)
def test_carrying_out_a_difference_leaves_none(desired, live):
    assert compare(freeze(desired), freeze(merged(desired, live)), Comparison()) == ()


@given(fields, fields)
def test_there_is_a_difference_exactly_when_carrying_it_out_changes_something_declared(desired, live):
    differs = bool(compare(freeze(desired), freeze(live), Comparison()))
    if not differs:
        again = merged(desired, live)
        assert compare(freeze(again), freeze(live), Comparison()) == () or _only_nulls(again, live)


def _only_nulls(after, before):
    """A declared null equals an absent field, so carrying it out may only have added nulls."""
    return all(d.after == "null" or "null" in d.after for d in compare(freeze(after), freeze(before), Comparison()))


@given(fields)
def test_nothing_differs_from_itself(desired):
    assert compare(freeze(desired), freeze(thaw(desired)), Comparison(declared=declared_pointers(freeze(desired)))) == ()


@given(fields, fields)
def test_a_json_patch_makes_one_out_of_the_other(before, after):
    import jsonpatch

    assert same(jsonpatch.apply_patch(before, json_patch(freeze(before), freeze(after))), after)


@given(fields)
def test_every_declared_address_is_found_in_its_own_declaration(desired):
    assert all(locate(freeze(desired), address) is not None for address in declared_pointers(freeze(desired)))


@given(fields, fields)
def test_what_is_no_longer_declared_is_gone_after_it_was_removed(old, new):
    live = freeze(merged(new, old))
    declared = declared_pointers(freeze(old))
    left = without(live, previous_pointers(declared, freeze(new), live))
    assert previous_pointers(declared, freeze(new), left) == ()
    assert compare(freeze(new), left, Comparison(declared=declared)) == ()


# -- order -------------------------------------------------------------------------------------------------------------------


def key(name: str) -> ResourceKey:
    return ResourceKey("", "Thing", "", name)


graphs = st.dictionaries(st.sampled_from([key(n) for n in NAMES]), st.frozensets(st.sampled_from([key(n) for n in NAMES])))


def _reaches(start, goal, edges):
    seen, work = set(), list(edges.get(start, ()))
    while work:
        here = work.pop()
        if here not in seen:
            seen.add(here)
            work.extend(edges.get(here, ()))
    return goal in seen


@given(graphs)
def test_a_node_is_in_a_circle_exactly_when_it_reaches_itself(edges):
    found = circles(edges)
    inside = {node for circle in found for node in circle}
    assert inside == {node for node in edges if _reaches(node, node, edges)}
    for circle in found:
        path = path_around(circle, edges)
        assert path[0] == path[-1] == min(circle)
        assert all(after in edges[before] for before, after in itertools.pairwise(path))


@given(graphs)
def test_the_order_is_total_and_respects_every_edge(edges):
    acyclic = {node: {n for n in needs if n < node} for node, needs in edges.items()}
    order = arranged(acyclic, acyclic, lambda _: 0)
    assert sorted(order) == sorted(acyclic)
    place = {node: i for i, node in enumerate(order)}
    assert all(place[n] < place[node] for node, needs in acyclic.items() for n in needs if n in place)


# -- whole plans ---------------------------------------------------------------------------------------------------------------


@given(st.lists(settled(), min_size=1, max_size=4), st.booleans())
def test_promise_4_plan_apply_plan_is_empty(history, versions):
    world = PlanWorld(guard=FREE)
    world.versions = versions
    for declared in history:
        world.apply(*declared)
        plan = world.plan(*declared)
        assert plan.is_empty, plan.to_json()
        assert set(world.entries) == set(world.live) == {key(d["metadata"]["name"]) for d in declared}


@given(declarations(), declarations(), declarations())
def test_order_of_a_plan_respects_what_it_waits_for_and_what_is_ready_waits_for_ready_things_only(first, second, third):
    world = PlanWorld(guard=FREE)
    world.apply(*first)
    world.apply(*second)
    plan = world.plan(*third)
    place = {c.key: i for i, c in enumerate(plan.changes)}
    assert len(place) == len(plan.changes)
    for change in plan.ready:
        assert all(place[n] < place[change.key] and plan[n].is_ready for n in change.depends_on)
    deletes = [c.action is Action.DELETE for c in plan.changes]
    assert deletes == sorted(deletes)


@given(declarations(), declarations())
def test_everything_that_can_go_on_does(first, second):
    """Repeated passes end in a plan without anything READY: what is stuck is stuck for a reason, and hides nobody."""
    world = PlanWorld(guard=FREE)
    world.apply(*first)
    for _ in range(4):
        plan = world.apply(*second)
    assert plan.ready == ()
    assert all(c.rule and c.reason for c in plan.changes)


@given(settled(), settled(), settled(), st.booleans(), st.frozensets(st.sampled_from(NAMES)))
def test_promise_2_a_delete_is_of_something_owned_undeclared_readable_and_by_its_id(first, strangers, second, complete, blind):
    world = PlanWorld(guard=FREE)
    world.apply(*first)
    for stranger in strangers:
        world.put(stranger)
    unreadable = tuple(Unreadable(key(n), "down") for n in sorted(blind))
    plan = world.plan(*second, complete=complete, unreadable=unreadable)
    declared = {key(d["metadata"]["name"]) for d in second}
    for change in plan.ready:
        if change.action is Action.DELETE:
            assert complete
            assert change.key in world.entries
            assert change.key not in declared
            assert change.key.name not in blind
            assert change.live_id == world.live[change.key].id == world.entries[change.key].id
        assert change.key.name not in blind


@given(settled(), declarations(), st.frozensets(st.sampled_from(NAMES)), st.frozensets(st.sampled_from(NAMES)))
def test_nothing_is_deleted_beside_a_write_that_is_held_back(first, second, denied, blind):
    """All things are of one kind, so any of them may be what another was renamed to."""
    world = PlanWorld(guard=FREE)
    world.apply(*first)
    verdict = Verdict(tuple(Violation(key=key(n), severity=Severity.DENY, message="no", policy="p") for n in sorted(denied)))
    unreadable = tuple(Unreadable(key(n), "down") for n in sorted(blind))
    plan = world.plan(*second, verdict=verdict, unreadable=unreadable)
    deletes = [c for c in plan.changes if c.action is Action.DELETE]
    held_back = [c for c in plan.changes if c.action is not Action.DELETE and not c.is_ready]
    assert not held_back or not any(c.is_ready for c in deletes)
    assert held_back or not any(c.rule == "replacement" for c in deletes)


@given(declarations(), declarations(), st.randoms(use_true_random=False))
def test_promise_12_the_order_of_inputs_means_nothing(first, second, shuffled: random.Random):
    world = PlanWorld(guard=FREE)
    world.apply(*first)
    request = world.request(*second)
    live, entries = list(request.live.items()), list(request.inventory.entries.items())
    shuffled.shuffle(live)
    shuffled.shuffle(entries)
    again = make_plan(attrs.evolve(request, live=dict(live), inventory=Inventory("x", dict(entries))))
    planned = make_plan(request)
    assert again == planned
    assert again.plan.to_json() == planned.plan.to_json()
    assert Plan.from_json(planned.plan.to_json()) == planned.plan


@given(settled(), settled(), st.integers(0, 3), st.sampled_from(["planned", "written", "deleted"]))
def test_promise_3_a_crash_at_any_change_converges_to_the_same_end(first, second, at, when):
    world, straight = PlanWorld(guard=FREE), PlanWorld(guard=FREE)
    for w in (world, straight):
        w.apply(*first)
    straight.apply(*second)
    _crash(world, second, at, when)
    world.apply(*second)
    assert {k: v.body for k, v in world.live.items()} == {k: v.body for k, v in straight.live.items()}
    assert world.plan(*second).is_empty
    assert set(world.entries) == set(straight.entries)


def _crash(world, declared, at, when):
    """Carry out the first *at* changes, and the next one only in part."""
    from gitops_core.planning.records import planned_entry

    request = world.request(*declared)
    ready = make_plan(request).plan.ready
    for change in ready:
        entry = planned_entry(request, change, request.declaration(change.key))
        world.entries[change.key] = entry
    for change in ready[:at]:
        world.carry_out(request, change)
    for change in ready[at : at + 1]:
        ahead = world.entries[change.key]
        if when == "written":
            world.carry_out(request, change)
            world.entries[change.key] = ahead
        elif when == "deleted" and change.action is Action.DELETE:
            world.live.pop(change.key, None)


@given(specs, st.booleans(), st.sampled_from(["wrapped", "sensitive", "write_only"]))
def test_promise_10_no_secret_is_in_a_plan_or_a_record(spec, normalizes, how):
    def secret(value, **extra):
        token = Sensitive(value) if how == "wrapped" else value
        return body("a", {**spec, "token": {"deep": token}, **extra})

    def moving(declared):
        moved = thaw(declared)
        moved["spec"]["copy"] = str(declared["spec"]["token"]["deep"])
        return moved

    marks = {
        "wrapped": Fields(),
        "sensitive": Fields(sensitive={"/spec/token", "/spec/copy"}),
        "write_only": Fields(write_only={"/spec/token", "/spec/copy"}),
    }
    world = PlanWorld(guard=FREE, rules=TargetRules(fields=marks[how], normalize=moving if normalizes else None))
    world.apply(secret(f"{CANARY}-1"))
    for value, extra in ((f"{CANARY}-2", {}), (f"{CANARY}-1", {"v": 1})):
        plan = world.plan(secret(value, **extra))
        assert CANARY not in plan.to_json() + plan.text() + plan.markdown() + repr(plan)
    assert CANARY not in repr(world.entries)
    gone = world.plan(body("a", spec))
    assert CANARY not in gone.to_json()


# -- guards ------------------------------------------------------------------------------------------------------------------

actions = st.lists(st.sampled_from([Action.CREATE, Action.UPDATE, Action.REPLACE, Action.DELETE]), max_size=60)
fractions = st.floats(0.0, 1.0)


def _guarded(chosen, owned, guard, approvals=()):
    changes = [Change(ResourceKey("", "Thing", "", f"{i:03}"), a, precondition="x") for i, a in enumerate(chosen)]
    return guard_plan(changes, Limits(guard=guard, owned=owned), Permits(approvals, 0.0)).changes


def _ready(changes):
    return {c.key for c in changes if c.is_ready}


@given(actions, st.integers(0, 200), fractions, fractions)
def test_promise_8_what_is_left_is_within_the_limits_and_creates_are_never_held_back(chosen, owned, deletes, touched):
    guard = Guard(delete_fraction=deletes, touched_fraction=touched)
    limits = Limits(guard=guard, owned=owned)
    changes = _guarded(chosen, owned, guard)
    assert sum(map(destroys, changes)) <= limits.deletes <= 50
    assert sum(map(touches, changes)) <= limits.touched
    assert all(c.is_ready for c in changes if c.action is Action.CREATE)


@given(actions, st.integers(0, 200), fractions, fractions, fractions)
def test_a_wider_guard_never_lets_less_be_written(chosen, owned, one, other, touched):
    low, high = sorted((one, other))
    narrow, wide = (Guard(delete_fraction=f, touched_fraction=touched) for f in (low, high))
    updates = {c.key for c in _guarded(chosen, owned, narrow) if c.is_ready and c.action in (Action.UPDATE, Action.CREATE)}
    assert updates <= _ready(_guarded(chosen, owned, wide))


@given(actions, st.integers(0, 200), st.sampled_from([("delete_limit",), ("touched_limit",), ("delete_limit", "touched_limit")]))
def test_an_approval_of_everything_lifts_a_limit_and_an_expired_one_changes_nothing(chosen, owned, rules):
    lifted = _guarded(chosen, owned, Guard(), [Approval("a", 1.0, rules, max_count=100)])
    assert not {c.rule for c in lifted} & set(rules)
    assert _guarded(chosen, owned, Guard(), [Approval("a", 0.0, rules, max_count=100)]) == _guarded(chosen, owned, Guard())


@given(settled())
def test_nothing_is_ever_deleted_because_nothing_was_declared(first):
    world = PlanWorld()
    world.apply(*first)
    plan = world.plan()
    assert all(c.state is ChangeState.REFUSED and c.rule == "empty" for c in plan.changes)
    assert all(e.state is EntryState.APPLIED for e in world.entries.values())

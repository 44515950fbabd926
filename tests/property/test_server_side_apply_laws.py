"""What holds for every apply, whoever applies what: on objects with lists and maps of every type."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_core.testing.kubernetes.server_side_apply import (
    ApplyConflicts,
    FieldConflict,
    Writer,
    apply_patch,
    schema_of,
    settle,
    track_update,
)
from gitops_core.testing.kubernetes.server_side_apply.field_sets import (
    contains,
    difference,
    intersection,
    of_paths,
    ordered,
    paths,
    union,
)
from gitops_core.testing.kubernetes.server_side_apply.owned import fields_of, stripped

pytestmark = pytest.mark.slow

TEXTS: dict[str, Any] = {"type": "object", "additionalProperties": {"type": "string"}}
SPEC: dict[str, Any] = {
    "a": {"type": "string"},
    "n": {"type": "integer"},
    "m": TEXTS,
    "mm": {"type": "object", "additionalProperties": TEXTS},
    "keyed": {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
        "items": {"type": "object", "properties": {"name": {"type": "string"}, "size": {"type": "integer"}, "m": TEXTS}},
    },
    "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
    "list": {"type": "array", "items": {"type": "string"}},
    "one": {**TEXTS, "x-kubernetes-map-type": "atomic"},
    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
}
SCHEMA = schema_of("example.com", "Thing", {"type": "object", "properties": {"spec": {"type": "object", "properties": SPEC}}})

text = st.sampled_from(["1", "2"])
texts = st.dictionaries(st.sampled_from("xyz"), text, max_size=2)
item = st.fixed_dictionaries({}, optional={"size": st.integers(1, 2), "m": texts})
items = st.dictionaries(st.sampled_from("abcd"), item).map(lambda found: [{"name": name, **rest} for name, rest in found.items()])
anything = st.recursive(
    text, lambda more: st.dictionaries(st.sampled_from("pq"), more, max_size=2) | st.lists(more, max_size=2), max_leaves=4
)
specs = st.fixed_dictionaries(
    {},
    optional={
        "a": text,
        "n": st.integers(1, 2),
        "m": texts,
        "mm": st.dictionaries(st.sampled_from("uv"), texts, max_size=2),
        "keyed": items,
        "set": st.lists(st.sampled_from("abc"), unique=True),
        "list": st.lists(text, max_size=2),
        "one": texts,
        "free": st.dictionaries(st.sampled_from("pq"), anything, max_size=2),
    },
)
full_specs = specs.map(lambda spec: {name: value for name, value in spec.items() if value or name not in {"keyed", "set"}})
full_histories = st.lists(st.tuples(st.sampled_from(["alice", "bob"]), full_specs), max_size=3)
histories = st.lists(st.tuples(st.sampled_from(["alice", "bob"]), specs), max_size=3)
elements = st.sampled_from(["f:a", "f:b", 'k:{"name":"x"}', 'k:{"name":"y"}', 'v:"1"', "i:0"])
field_sets = st.lists(st.lists(elements, min_size=1, max_size=3).map(tuple), max_size=6).map(of_paths)


def thing(spec: Any) -> dict[str, Any]:
    return {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "it"}, "spec": spec}


def applied(live: Any, manager: str, spec: Any, second: int = 0, *, force: bool = True) -> dict[str, Any]:
    writer = Writer(manager, "example.com/v1", f"2026-01-01T00:00:{second:02}Z")
    return apply_patch(live, thing(spec), writer=writer, schema=SCHEMA, force=force)


def told(history: Any) -> Any:
    live = None
    for second, (manager, spec) in enumerate(history):
        live = applied(live, manager, spec, second)
    return live


def owned(live: Any, manager: str) -> dict[str, Any]:
    found = [entry for entry in live["metadata"].get("managedFields", []) if entry["manager"] == manager]
    return found[0]["fieldsV1"] if found else {}


@given(histories, specs)
def test_applying_the_same_again_changes_nothing(history: Any, spec: Any) -> None:
    once = applied(told(history), "carol", spec, 10)
    assert once == applied(once, "carol", spec, 11)


@given(histories, specs)
def test_who_applies_owns_exactly_what_is_applied(history: Any, spec: Any) -> None:
    live = applied(told(history), "carol", spec, 10)
    assert ordered(stripped(fields_of(thing(spec), SCHEMA.root)), as_text=True) == owned(live, "carol")


@given(histories, specs)
def test_what_is_applied_is_there(history: Any, spec: Any) -> None:
    live = applied(told(history), "carol", spec, 10)
    there = fields_of(live, SCHEMA.root)
    assert [path for path in paths(owned(live, "carol")) if path != ("f:spec",) and not reachable(there, path)] == []


def reachable(fields: dict[str, Any], path: tuple[str, ...]) -> bool:
    """A field that is there has an element in the set, be it a member or on the way to one."""
    node: Any = fields
    for element in path:
        if node is None or element not in node:
            return path[-1] == element and node is not None
        node = node[element]
    return True


@given(histories, specs)
def test_force_never_conflicts_and_leaves_no_conflict_behind(history: Any, spec: Any) -> None:
    live = applied(told(history), "carol", spec, 10, force=True)
    assert live == applied(live, "carol", spec, 11, force=False)


@given(histories, specs, specs)
def test_a_conflict_names_fields_of_others_and_without_one_nobody_loses_what_stays(history: Any, before: Any, spec: Any) -> None:
    live = applied(told(history), "carol", before, 10)
    refused: tuple[FieldConflict, ...] = ()
    try:
        after = applied(live, "dave", spec, 11, force=False)
    except ApplyConflicts as conflicts:
        refused = conflicts.conflicts
    if refused:
        assert {one.owner for one in refused} <= {'"alice"', '"bob"', '"carol"'}
        assert live != applied(live, "dave", spec, 11, force=True)
    else:
        assert [owned(live, name) for name in ("alice", "bob", "carol")] == [
            owned(after, name) for name in ("alice", "bob", "carol")
        ]


@given(full_specs)
def test_who_applies_nothing_leaves_nothing(spec: Any) -> None:
    """But for lists that were empty all along: nobody owns those, as on a real server; the recorded stories tell about them."""
    live = applied(applied(None, "carol", spec, 10), "carol", {}, 11)
    assert not live["spec"]
    assert owned(live, "carol") == {"f:spec": {}}


@given(full_histories, full_specs)
def test_who_comes_and_goes_leaves_what_others_own(history: Any, spec: Any) -> None:
    """Applying with force takes fields; going away takes those along, and nothing else."""
    live = applied(told(history), "carol", spec, 10)
    gone = applied(live, "carol", {}, 11)
    assert [owned(live, name) for name in ("alice", "bob")] == [owned(gone, name) for name in ("alice", "bob")]


@given(specs, specs)
def test_appliers_of_different_fields_commute(left: Any, right: Any) -> None:
    """In either order the same fields, and the same owners."""
    right = {name: value for name, value in right.items() if name not in left}
    one = applied(applied(None, "alice", left), "bob", right)
    other = applied(applied(None, "bob", right), "alice", left)
    assert one["spec"] == other["spec"]
    assert [owned(one, name) for name in ("alice", "bob")] == [owned(other, name) for name in ("alice", "bob")]


@given(histories, specs)
def test_an_update_owns_what_it_changed_and_takes_it_from_everybody(history: Any, spec: Any) -> None:
    live = told(history)
    writer = Writer("editor", "example.com/v1", "2026-01-01T00:01:00Z")
    managed = {"managedFields": live["metadata"].get("managedFields", None)} if live else {}
    after = track_update(live, {**thing(spec), "metadata": {"name": "it", **managed}}, writer=writer, schema=SCHEMA)
    mine = owned(after, "editor")
    for name in ("alice", "bob"):
        assert intersection(owned(after, name), mine) == {}
    again = {**after, "metadata": {**after["metadata"]}}
    assert after == settle(after, track_update(after, again, writer=writer, schema=SCHEMA))


@given(field_sets, field_sets, field_sets)
def test_sets_of_fields_are_sets(one: Any, two: Any, three: Any) -> None:
    first, second, third = (set(paths(fields)) for fields in (one, two, three))
    assert first | second == set(paths(union(one, two)))
    assert first - second == set(paths(difference(one, two)))
    assert first & second == set(paths(intersection(one, two)))
    assert ordered(union(union(one, two), three)) == ordered(union(one, union(two, three)))
    assert ordered(union(one, two)) == of_paths(list(first | second)) == ordered(union(two, one))
    assert all(contains(one, *path) for path in first)
    assert not any(contains(one, *path) for path in second - first)
    assert third == set(paths(ordered(three, as_text=True)))

"""Laws of RFC 7386 and RFC 6902, as our transforms keep them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_core.model.pointers import escape
from gitops_core.model.resources import Resource
from gitops_core.model.values import Sensitive, same, thaw
from gitops_core.renderers.transforms import JsonPatch, MergePatch, Selector, merged

names = st.sampled_from(["a", "b", "c", "a/b", "~", ""])
leaves = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["x", "y"])
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=12
)
objects = st.dictionaries(names, values, max_size=4)


def without_nulls(value: Any) -> Any:
    """RFC 7386 cannot set null: no member of an object outside of a list may be null."""
    return {k: without_nulls(v) for k, v in value.items() if v is not None} if isinstance(value, dict) else value


def merge_diff(before: Any, after: Any) -> Any:
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return after
    gone: dict[str, Any] = dict.fromkeys(before.keys() - after.keys())
    changed = {k: merge_diff(before.get(k), v) for k, v in after.items() if k not in before or not same(before[k], v)}
    return {**gone, **changed}


# RFC 7386, appendix A
@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_examples_of_rfc_7386_hold(target: Any, patch: Any, result: Any) -> None:
    assert merged(target, patch) == result


@given(target=values, patch=values)
def test_a_merge_patch_is_idempotent_and_changes_nothing_it_was_given(target: Any, patch: Any) -> None:
    before = copy.deepcopy((target, patch))
    once = merged(target, patch)
    assert same(merged(once, patch), once)
    assert same(before[0], target)
    assert same(before[1], patch)


@given(target=values)
def test_an_empty_merge_patch_changes_no_object(target: Any) -> None:
    assert same(merged(target, {}), target if isinstance(target, dict) else {})


@given(before=objects, after=objects)
def test_every_object_without_nulls_can_be_reached_by_a_merge_patch(before: Any, after: Any) -> None:
    wanted = without_nulls(after)
    assert same(merged(before, merge_diff(before, wanted)), wanted)


@given(target=objects, first=objects, second=objects)
def test_two_merge_patches_of_different_members_commute(target: Any, first: Any, second: Any) -> None:
    second = {name: value for name, value in second.items() if name not in first}
    assert same(merged(merged(target, first), second), merged(merged(target, second), first))


def operations_between(before: dict[str, Any], after: dict[str, Any], pointer: str = "") -> Iterator[dict[str, Any]]:
    """Not ``jsonpatch.make_patch``: some versions of it take False for 0, and fail on members that look like indices."""
    for name in before.keys() | after.keys():
        path = f"{pointer}/{escape(name)}"
        if name not in after:
            yield {"op": "remove", "path": path}
        elif isinstance(before.get(name), dict) and isinstance(after[name], dict):
            yield from operations_between(before[name], after[name], path)
        else:
            yield {"op": "replace" if name in before else "add", "path": path, "value": after[name]}


IDENTITY = {"kind": "Thing", "name": "t"}


@given(before=objects, after=objects)
def test_a_json_patch_that_leads_from_one_object_to_another_does_so(before: Any, after: Any) -> None:
    """And again on an equal object: a patch keeps nothing of the first one."""
    resource = Resource.of({**before, **IDENTITY})
    operations = list(operations_between({**before, **IDENTITY}, {**after, **IDENTITY}))
    transform = JsonPatch(Selector(), operations)
    assert all(same(thaw(transform.apply(resource, None)), {**after, **IDENTITY}) for _ in range(2))
    assert same(thaw(resource.body), {**before, **IDENTITY})


def hidden(value: Any) -> Any:
    """Return *value* with every text in a wrapper."""
    if isinstance(value, dict):
        return {k: hidden(v) for k, v in value.items()}
    if isinstance(value, list):
        return [hidden(v) for v in value]
    return Sensitive(value) if isinstance(value, str) else value


@given(before=objects, after=objects)
def test_a_json_patch_does_to_secrets_what_it_does_to_other_values(before: Any, after: Any) -> None:
    operations = list(operations_between(before, after))
    secret = [{**o, "value": hidden(o["value"])} if "value" in o else o for o in operations]
    found = JsonPatch(Selector(), secret).apply(Resource.of({**hidden(before), **IDENTITY}), None)
    assert same(thaw(found), {**hidden(after), **IDENTITY})


@given(before=objects, patch=objects)
def test_a_merge_patch_as_a_transform_is_the_function(before: Any, patch: Any) -> None:
    found = MergePatch(Selector(), patch).apply(Resource.of({**before, **IDENTITY}), None)
    assert same(thaw(found), merged({**before, **IDENTITY}, patch))

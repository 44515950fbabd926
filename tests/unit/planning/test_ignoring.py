"""Fields that belong to others keep the values that they have."""

from __future__ import annotations

import pytest

from gitops_core.model.applications import IgnoreRule, Options
from gitops_core.model.pointers import Patterns
from gitops_core.model.resources import ResourceKey
from gitops_core.model.values import freeze
from gitops_core.planning.ignoring import ignored_by, with_live_values
from gitops_core.testing.plan_worlds import PlanWorld


@pytest.mark.parametrize(
    ("pattern", "desired", "live", "merged"),
    [
        ("/r", {"r": 2, "v": 1}, {"r": 7, "v": 0}, {"r": 7, "v": 1}),
        ("/r", {"r": 2, "v": 1}, {"v": 0}, {"v": 1}),
        ("/r", {"v": 1}, {"r": 7}, {"v": 1}),
        ("/r", {"r": {"a": 1}}, {"r": {"b": 2}}, {"r": {"b": 2}}),
        ("/s/r", {"s": {"r": 2, "v": 1}}, {"s": {"r": 7, "x": 1}}, {"s": {"r": 7, "v": 1}}),
        ("/s/r", {"s": {"r": 2, "v": 1}}, {}, {"s": {"v": 1}}),
        ("/s/r", {"s": {"r": 2, "v": 1}}, {"s": "text"}, {"s": {"v": 1}}),
        ("/s/r", {"s": 3, "t": 1}, {"s": {"r": 7}}, {"s": 3, "t": 1}),
        ("/s/*/r", {"s": {"a": {"r": 2}, "b": {"r": 3}}}, {"s": {"a": {"r": 7}}}, {"s": {"a": {"r": 7}, "b": {}}}),
        ("/s/*", {"s": {"a": 1, "b": 2}, "v": 1}, {"s": {"b": 7}}, {"s": {"b": 7}, "v": 1}),
        ("/a~1b", {"a/b": 1, "v": 1}, {"a/b": 7}, {"a/b": 7, "v": 1}),
        ("/", {"": 1}, {"": 7}, {"": 7}),
    ],
)
def test_an_ignored_field_has_its_live_value_or_none_and_the_rest_is_as_declared(pattern, desired, live, merged):
    assert with_live_values(freeze(desired), freeze(live), Patterns([pattern])) == merged


@pytest.mark.parametrize(
    ("desired", "live", "merged"),
    [
        # items with names are paired by name, wherever they stand; a new one has nothing to keep
        ([{"name": "a", "r": 1}, {"name": "b", "r": 2}, {"name": "c", "r": 3}], [{"name": "b", "r": 8}, {"name": "a", "r": 7}],
         [{"name": "a", "r": 7}, {"name": "b", "r": 8}, {"name": "c"}]),
        ([{"name": 1, "r": 1}], [{"name": "1", "r": 7}], [{"name": 1, "r": 7}]),
        # others by place
        ([{"r": 1, "v": 1}, {"r": 2, "v": 2}], [{"r": 7, "v": 0}], [{"r": 7, "v": 1}, {"v": 2}]),
        ([{"r": 1}], [], [{}]),
        ([{"r": 1}], "text", [{}]),
        ([{"name": "a", "r": 1}], [{"r": 7}], [{"name": "a", "r": 7}]),
        ([[1], "x"], [[2]], [[1], "x"]),
    ],
)  # fmt: skip
def test_items_of_lists_are_paired_by_name_where_they_have_names_and_else_by_place(desired, live, merged):
    found = with_live_values(freeze({"l": desired}), freeze({"l": live}), Patterns(["/l/*/r"]))
    assert found == {"l": merged}


def test_whole_items_may_be_ignored():
    found = with_live_values(freeze({"l": [1, 2, 3]}), freeze({"l": [7, 8]}), Patterns(["/l/*"]))
    assert found == {"l": [7, 8]}


def test_where_nothing_is_ignored_the_declaration_is_handed_on_as_it_is():
    desired = freeze({"a": {"b": 1}})
    assert with_live_values(desired, freeze({"a": 2}), Patterns()) is desired
    assert with_live_values(desired, freeze({"a": 2}), Patterns(["/x"]))["a"] is desired["a"]


def test_rules_of_the_application_and_the_objects_own_annotation_add_up():
    options = Options(ignore=[IgnoreRule(["/v"], kinds={"Site"}), IgnoreRule(["/w"], kinds={"Other"})])
    own = Patterns(["/x"])
    assert ignored_by(options, ResourceKey("", "Site", "", "a"), own) == Patterns(["/v", "/x"])
    assert ignored_by(options, ResourceKey("", "Third", "", "a"), own) is own


def test_a_field_that_the_declaration_itself_ignores_is_not_compared_and_the_others_are():
    world = PlanWorld()

    def site(**fields):
        notes = {"example.org/ignore": "/v, /w/*/x"}
        return {"kind": "Site", "metadata": {"name": "a", "annotations": notes}, **fields}

    world.apply(site(v=1, w=[{"x": 1, "y": 1}]))
    world.edit("Site/a", site(v=9, w=[{"x": 9, "y": 1}]))
    assert world.plan(site(v=1, w=[{"x": 1, "y": 1}])).is_empty
    world.edit("Site/a", site(v=9, w=[{"x": 9, "y": 9}]))
    (diff,) = world.plan(site(v=1, w=[{"x": 1, "y": 1}]))["Site/a"].diff
    assert diff.pointer == "/w/0/y"


def test_one_rule_is_about_many_objects():
    world = PlanWorld(options=Options(ignore=[IgnoreRule(["/v"])]))

    def things(v, w):
        return [{"kind": "Site", "metadata": {"name": name}, "v": v, "w": w} for name in "ab"]

    world.apply(*things(1, 1))
    for name, body in zip("ab", things(7, 1), strict=True):
        world.edit(f"Site/{name}", body)
    assert world.plan(*things(1, 1)).is_empty
    assert [[d.pointer for d in c.diff] for c in world.plan(*things(1, 2)).changes] == [["/w"], ["/w"]]

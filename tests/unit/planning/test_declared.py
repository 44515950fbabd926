"""Addresses of what a declaration sets."""

from __future__ import annotations

import pytest

from gitops_core.model.outlines import merge_key
from gitops_core.model.values import Sensitive, freeze
from gitops_core.planning.declared import (
    declared_pointers,
    dropped,
    is_item,
    locate,
    previous_pointers,
)


@pytest.mark.parametrize(
    ("lists", "key"),
    [
        ([[{"name": "a"}, {"name": "b"}]], "name"),
        ([[{"name": "a"}], [{"name": "b"}]], "name"),
        ([[{"name": "a"}, {"name": "a"}]], ""),
        ([[{"name": "a", "port": 1}, {"name": "a", "port": 2}]], "port"),
        ([[{"name": "a"}], [{"key": "b"}]], ""),
        ([[{"name": True}]], ""),
        ([[{"name": Sensitive("x")}]], ""),
        ([["a"]], ""),
        ([[]], ""),
        ([[], [{"id": 1}]], "id"),
    ],
)
def test_a_merge_key_names_every_item_differently_on_every_side(lists, key):
    assert key == merge_key(*lists)


BODY = freeze(
    {
        "spec": {
            "containers": [{"name": "web", "image": "i", "env": []}, {"name": "a/b", "args": ["x", "y"]}],
            "list": [{"x": 1}, {"x": 2}],
            "empty": {},
            "none": None,
        }
    }
)


def test_items_are_addressed_by_name_and_lists_without_names_as_a_whole():
    assert declared_pointers(BODY) == (
        "/spec/containers/[name=a~1b]",
        "/spec/containers/[name=a~1b]/args",
        "/spec/containers/[name=web]",
        "/spec/containers/[name=web]/env",
        "/spec/containers/[name=web]/image",
        "/spec/empty",
        "/spec/list",
        "/spec/none",
    )


def test_every_address_is_found_again_with_its_plain_pointer():
    assert locate(BODY, "/spec/containers/[name=a~1b]/args") == ("/spec/containers/1/args", ["x", "y"])
    assert locate(BODY, "") == ("", BODY)
    assert all(locate(BODY, address) for address in declared_pointers(BODY))
    for nowhere in ("/spec/containers/[name=db]", "/spec/containers/0", "/spec/none/x", "/spec/containers/web", "/x"):
        assert locate(BODY, nowhere) is None


def test_the_address_of_an_item_as_such_is_told_from_that_of_a_field():
    assert is_item("/spec/containers/[name=web]")
    assert not is_item("/spec/containers/[name=web]/image")
    assert not is_item("/data/a]")


def gone(before, now, live):
    return [
        (address, pointer, value)
        for address, pointer, value in dropped(declared_pointers(freeze(before)), freeze(now), freeze(live))
    ]


def test_what_is_declared_no_longer_and_still_there_is_dropped():
    assert gone({"data": {"a": "1", "b": "2", "c": "3"}}, {"data": {"a": "1"}}, {"data": {"a": "1", "b": "2", "x": "9"}}) == [
        ("/data/b", "/data/b", "2")
    ]


def test_only_the_topmost_of_what_vanished_together_is_dropped():
    before = {"spec": {"containers": [{"name": "web", "image": "i"}, {"name": "db", "image": "j"}]}}
    live = {"spec": {"containers": [{"name": "db", "image": "j"}, {"name": "web", "image": "i", "extra": 1}]}}
    assert sorted(pointer for _, pointer, _ in gone(before, {"spec": {}}, live)) == ["/spec/containers/0", "/spec/containers/1"]


def test_an_item_that_left_a_list_that_is_still_declared_is_left_to_the_comparison():
    before = {"l": [{"name": "a", "v": 1, "w": 1}, {"name": "b", "v": 1}]}
    now = {"l": [{"name": "new"}, {"name": "a", "v": 1}]}
    live = {"l": [{"name": "b", "v": 1}, {"name": "a", "v": 1, "w": 1}]}
    assert gone(before, now, live) == [("/l/[name=a]/w", "/l/1/w", 1)]


def test_what_became_a_scalar_or_null_is_left_to_the_comparison():
    for value in ("text", None, ["x"]):
        assert gone({"a": {"b": 1}}, {"a": value}, {"a": {"b": 1}}) == []


def test_previous_pointers_are_plain_and_sorted():
    declared = ("/b", "/a/[name=x]/v")
    assert previous_pointers(declared, {"a": [{"name": "x"}]}, {"a": [{"name": "x", "v": 1}], "b": 2}) == ("/a/0/v", "/b")

"""What an update writes."""

import pytest

from gitops_core.model.values import freeze
from gitops_core.targets.merging import merge_patch, overlay


@pytest.mark.parametrize(
    ("live", "desired", "previous", "expected"),
    [
        ({"a": 1, "x": 9}, {"a": 2}, (), {"a": 2, "x": 9}),
        ({"a": {"b": 1, "x": 9}}, {"a": {"b": 2}}, (), {"a": {"b": 2, "x": 9}}),
        ({"l": [1, 2, 3]}, {"l": [1]}, (), {"l": [1]}),
        ({"a": 1}, {"a": {"b": 2}}, (), {"a": {"b": 2}}),
        ({"a": {"b": 2}}, {"a": 1}, (), {"a": 1}),
        ({"a": 1, "b": 2}, {"a": 1}, ("/b",), {"a": 1}),
        ({"a": {"b": 2, "x": 9}}, {}, ("/a/b",), {"a": {"x": 9}}),
        ({"a": {"b/c": 2}}, {}, ("/a/b~1c",), {"a": {}}),
        ({"l": [{"n": 1}, {"n": 2}]}, {}, ("/l/0/n", "/l/1/n"), {}),
        ({"l": [{"n": 1}, {"n": 2}]}, {"l": [{"n": 1}]}, ("/l/1",), {"l": [{"n": 1}]}),
        ({"l": [1, 2]}, {}, ("/l",), {}),
        ({"a": 1}, {"a": 1}, ("/gone/deep", "/a/below"), {"a": 1}),
        ({"a": {"b": 1}}, {"a": {"b": 1}}, ("/a/b",), {"a": {"b": 1}}),
        ({"a": None}, {"a": None}, ("/a",), {"a": None}),
    ],
)
def test_declared_fields_win_and_dropped_ones_go(live, desired, previous, expected):
    assert overlay(freeze(live), freeze(desired), previous) == expected


def test_nothing_of_the_arguments_is_shared_with_the_result():
    live, desired = {"x": {"y": [1]}}, {"a": {"b": [1]}}
    merged = overlay(live, desired)
    merged["x"]["y"].append(2)
    merged["a"]["b"].append(2)
    assert (live, desired) == ({"x": {"y": [1]}}, {"a": {"b": [1]}})


@pytest.mark.parametrize(
    ("value", "patch", "expected"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "foo"}, {"b": {"bb": {"ccc": None}}}, {"a": "foo", "b": {"bb": {}}}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ],
)
def test_a_merge_patch_does_what_rfc_7396_says(value, patch, expected):
    assert merge_patch(value, patch) == expected

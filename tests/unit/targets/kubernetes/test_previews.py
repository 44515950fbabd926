"""A take-over shows as going what really goes, and not what the API fills in again."""

from __future__ import annotations

import copy

import pytest

from gitops_core.model.plans import DiffOp, FieldDiff
from gitops_core.targets.kubernetes.previews import take_away


def after(body, pointers, fresh, op=DiffOp.REMOVE):
    kept = copy.deepcopy(body)
    take_away(kept, [FieldDiff(pointer, op, pointer) for pointer in pointers], fresh)
    return kept


LIVE = {"spec": {"replicas": 2, "limit": 600, "strategy": {"type": "Rolling"}}, "data": {"a": "1"}}


def test_a_field_that_the_api_does_not_fill_in_goes():
    assert after(LIVE, ["/data"], {"spec": {}}) == {"spec": LIVE["spec"]}
    assert after(LIVE, ["/data/a", "/spec/limit"], {}) == {
        "spec": {"replicas": 2, "strategy": {"type": "Rolling"}},
        "data": {},
    }


def test_a_default_stays():
    fresh = {"spec": {"limit": 600, "strategy": {"type": "Rolling"}}}
    assert after(LIVE, ["/spec/limit", "/spec/strategy"], fresh) == LIVE


def test_what_the_api_would_fill_in_otherwise_is_shown_as_going():
    """It may be a default of another value, or an address that is given once."""
    assert "limit" not in after(LIVE, ["/spec/limit"], {"spec": {"limit": 300}})["spec"]
    assert "limit" not in after(LIVE, ["/spec/limit"], {"spec": {"limit": "600"}})["spec"]


@pytest.mark.parametrize("op", [DiffOp.ADD, DiffOp.REPLACE])
def test_what_is_set_is_in_the_dry_run_already(op):
    assert after(LIVE, ["/spec/limit"], {}, op) == LIVE


POD = {"containers": [{"name": "web", "policy": "File", "pull": "Always"}, {"name": "log", "policy": "File", "pull": "Never"}]}


def test_items_are_the_same_by_their_names_wherever_they_stand():
    fresh = {
        "containers": [{"name": "log", "policy": "File", "pull": "Always"}, {"name": "web", "policy": "File", "pull": "Always"}]
    }
    assert after(POD, ["/containers/0/policy", "/containers/0/pull"], fresh) == POD
    assert after(POD, ["/containers/1/pull"], fresh)["containers"][1] == {"name": "log", "policy": "File"}


@pytest.mark.parametrize(
    "fresh", [{"containers": [{"name": "other", "policy": "File"}]}, {"containers": "odd"}, {"containers": []}, {}]
)
def test_an_item_that_is_not_declared_has_no_defaults(fresh):
    assert after(POD, ["/containers/0/policy"], fresh)["containers"][0] == {"name": "web", "pull": "Always"}


def test_items_without_names_have_no_counterpart():
    assert after({"rules": [{"a": 1}]}, ["/rules/0/a"], {"rules": [{"a": 1}]}) == {"rules": [{}]}


@pytest.mark.parametrize(
    "pointer", ["/containers/7/policy", "/containers/x/policy", "/containers/1", "/nothing/at/all", "/containers/0/name/x"]
)
def test_what_is_not_there_or_is_an_item_of_a_list_is_left_as_it_is(pointer):
    assert after(POD, [pointer], POD) == POD

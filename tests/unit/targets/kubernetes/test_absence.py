"""What is empty in a declaration and absent from the live object is a difference only where somebody took it away."""

from __future__ import annotations

import pytest

from gitops_core.model.values import freeze
from gitops_core.targets.kubernetes.comparing import compare_with_managers


def labels(desired, live, fields=None):
    entries = (
        []
        if fields is None
        else [{"manager": "us", "operation": "Apply", "apiVersion": "v1", "fieldsV1": {"f:spec": fields}, "ours": True}]
    )
    there = {"apiVersion": "v1", "spec": live, "metadata": {"managedFields": entries}}
    return [d.label for d in compare_with_managers(freeze({"apiVersion": "v1", "spec": desired}), freeze(there))]


@pytest.mark.parametrize(
    "desired",
    [
        {"a": []},
        {"a": None},
        {"nodeSelector": {}},
        {"hostNetwork": False},
        {"workingDir": ""},
        {"minReadySeconds": 0},
        {"resources": {"limits": {}}},
    ],
)
def test_what_every_api_drops_is_no_difference(desired):
    assert labels(desired, {}) == []


@pytest.mark.parametrize(
    "desired",
    [
        {"emptyDir": {}},
        {"podSelector": {}},
        {"allowPrivilegeEscalation": False},
        {"storageClassName": ""},
        {"replicas": 0},
        {"l": [0]},
        {"x": 1},
    ],
)
def test_an_empty_value_that_says_something_is_missed(desired):
    assert labels(desired, {}) == [f"spec.{next(iter(desired))}"]


@pytest.mark.parametrize("desired", [{"a": {}}, {"a": False}, {"a": ""}, {"a": 0}, {"a": {"b": {}}}])
def test_what_we_applied_and_nobody_took_away_was_dropped_by_the_api(desired):
    fields = {"f:a": {"f:b": {}}} if desired["a"] else {"f:a": {}}
    assert labels(desired, {}, fields) == []
    assert labels(desired, {}, {"f:z": {}}) == ["spec.a"]


def test_what_is_wanted_and_not_there_is_missed_although_it_is_ours():
    assert labels({"a": "x"}, {}, {"f:a": {}}) == ["spec.a"]
    assert labels({"a": "x"}, {"a": None}, {"f:a": {}}) == ["spec.a"]


def test_a_null_is_never_wanted():
    assert compare_with_managers({"spec": {"a": None}}, {"spec": {"a": 1}}) == []

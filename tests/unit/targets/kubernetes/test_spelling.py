"""Both sides are spelled alike before they are compared."""

from __future__ import annotations

import pytest

from gitops_core.model.values import freeze
from gitops_core.targets.kubernetes.spelling import LAST_APPLIED, spell, to_apply


def secret(**fields):
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, **fields}


def test_a_body_that_needs_nothing_is_returned_as_it_is():
    body = freeze(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "1"}, "l": [{"b": [1, None]}]}
    )
    assert spell(body) is body
    assert to_apply(body) is body


@pytest.mark.parametrize(
    ("body", "spelled"),
    [
        ({"kind": "Pod", "status": {"phase": "Running"}}, {"kind": "Pod"}),
        ({"metadata": {"name": "a", "creationTimestamp": None}}, {"metadata": {"name": "a"}}),
        ({"spec": None, "x": {"y": None, "z": [{"a": None, "b": 1}, None]}}, {"x": {"z": [{"b": 1}, None]}}),
        ({"metadata": {"annotations": {LAST_APPLIED: "{}", "a": "b"}}}, {"metadata": {"annotations": {"a": "b"}}}),
        (secret(stringData={"a": "x"}), secret(data={"a": "eA=="})),
        (secret(stringData={"a": "x"}, data={"a": "old", "b": "eQ=="}), secret(data={"a": "eA==", "b": "eQ=="})),
        (secret(stringData={"a": "é"}, data=None), secret(data={"a": "w6k="})),
        (secret(stringData={"a": 1}), secret(stringData={"a": 1})),
        (secret(stringData=["a"]), secret(stringData=["a"])),
        ({**secret(stringData={"a": "x"}), "kind": "Sealed"}, {**secret(stringData={"a": "x"}), "kind": "Sealed"}),
        ({"kind": "X", "metadata": "wrong"}, {"kind": "X", "metadata": "wrong"}),
    ],
)
def test_what_the_api_does_not_keep_is_left_out(body, spelled):
    assert spell(freeze(body)) == spelled
    assert spell(freeze(spelled)) == spelled


def test_managed_fields_stay_for_the_comparison_whatever_else_goes():
    entries = [{"manager": "a", "fieldsV1": {"f:data": {}}, "none": None}]
    body = freeze({"metadata": {"managedFields": entries, "labels": None}, "data": {"a": None}})
    assert spell(body) == {"metadata": {"managedFields": entries}, "data": {}}


def test_what_only_the_api_writes_is_not_sent():
    body = {
        "metadata": {"name": "a", "uid": "u", "resourceVersion": "1", "generation": 1, "managedFields": [], "labels": {"a": "b"}}
    }
    assert to_apply(freeze(body)) == {"metadata": {"name": "a", "labels": {"a": "b"}}}

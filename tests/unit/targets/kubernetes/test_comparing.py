"""Differences of a Kubernetes object are what somebody changed, never what the API filled in."""

from __future__ import annotations

from gitops_core.model.plans import DiffOp
from gitops_core.model.values import freeze
from gitops_core.targets.kubernetes.comparing import compare_with_managers


def entry(manager, fields, *, ours=False, operation="Apply", version="v1", subresource=""):
    mark = {"ours": True} if ours else {}
    sub = {"subresource": subresource} if subresource else {}
    return {"manager": manager, "operation": operation, "apiVersion": version, "fieldsV1": fields, **sub, **mark}


def live(body, *entries):
    return freeze({"apiVersion": "v1", **body, "metadata": {**body.get("metadata", {}), "managedFields": list(entries)}})


def rows(desired, there, **options):
    found = compare_with_managers(freeze({"apiVersion": "v1", **desired}), there, **options)
    return [(d.op.value, d.label, d.before, d.after, d.manager, d.ours) for d in found]


def test_only_declared_fields_are_compared():
    there = live({"spec": {"a": 1, "defaulted": 2}, "status": {"x": 1}})
    assert rows({"spec": {"a": 1}}, there) == []
    assert rows({"spec": {"a": 3}}, there) == [("replace", "spec.a", "1", "3", "", False)]


def test_a_field_that_somebody_else_wrote_says_who():
    theirs = entry("kubectl-edit", {"f:spec": {"f:replicas": {}}}, operation="Update")
    found = compare_with_managers({"spec": {"replicas": 2}}, live({"spec": {"replicas": 5}}, theirs))
    assert [(d.pointer, d.note, d.manager, d.ours) for d in found] == [
        ("/spec/replicas", "set by kubectl-edit", "kubectl-edit", False)
    ]


def test_a_field_that_only_we_wrote_is_ours():
    mine = entry("us", {"f:spec": {"f:x": {}}}, ours=True)
    assert rows({"spec": {"x": ""}}, live({"spec": {"x": "default"}}, mine)) == [
        ("replace", "spec.x", '"default"', '""', "", True)
    ]


def test_a_field_that_only_we_applied_and_declare_no_longer_is_to_be_removed():
    mine = entry("us", {"f:data": {"f:a": {}, "f:b": {}}}, ours=True)
    found = compare_with_managers(freeze({"data": {"a": "1"}}), live({"data": {"a": "1", "b": "2"}}, mine))
    assert [(d.op, d.pointer, d.before, d.note, d.ours) for d in found] == [
        (DiffOp.REMOVE, "/data/b", '"2"', "no longer declared", True)
    ]


def test_a_field_that_others_hold_as_well_stays_with_them():
    fields = {"f:data": {"f:a": {}}}
    there = live({"data": {"a": "1"}}, entry("us", fields, ours=True), entry("them", fields))
    assert rows({"data": {}}, there) == []


def test_only_our_part_of_what_is_shared_is_to_be_removed():
    mine, theirs = entry("us", {"f:data": {"f:a": {}}}, ours=True), entry("them", {"f:data": {"f:b": {}}})
    assert rows({}, live({"data": {"a": "1", "b": "2"}}, mine, theirs)) == [("remove", "data.a", '"1"', "", "", True)]


def test_list_items_are_paired_by_the_keys_that_managed_fields_show():
    mine = entry("us", {"f:spec": {"f:l": {'k:{"id":1}': {".": {}, "f:v": {}}, 'k:{"id":2}': {".": {}, "f:v": {}}}}}, ours=True)
    there = live({"spec": {"l": [{"id": 2, "v": "b", "d": 0}, {"id": 1, "v": "a"}]}}, mine)
    assert rows({"spec": {"l": [{"id": 1, "v": "a"}, {"id": 2, "v": "b"}]}}, there) == []
    assert rows({"spec": {"l": [{"id": 1, "v": "x"}, {"id": 2, "v": "b"}]}}, there) == [
        ("replace", "spec.l[id=1].v", '"a"', '"x"', "", True)
    ]
    assert rows({"spec": {"l": [{"id": 1, "v": "a"}]}}, there) == [
        ("remove", "spec.l[id=2]", '{"d": 0, "id": 2, "v": "b"}', "", "", True)
    ]

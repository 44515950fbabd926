"""Fields of other managers become ours: one entry, the union of both, everybody else's as they were."""

from __future__ import annotations

import pytest

from gitops_core.targets.kubernetes.taking_over import taken_over


def entry(manager, fields, operation="Apply", **more):
    return {"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsV1": fields, **more}


def live(*entries):
    return {"metadata": {"managedFields": list(entries)}}


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"metadata": None},
        live(),
        live(entry("me", {"f:a": {}})),
        live(entry("helm", {"f:status": {}}, subresource="status")),
    ],
    ids=["no metadata", "null", "no entries", "only ours", "only the status"],
)
def test_where_nobody_else_wrote_there_is_nothing_to_take_over(found):
    assert taken_over(found, "me", ["helm"], "v1") is None


def test_the_fields_of_both_are_ours_and_the_names_are_told():
    ours, helm = entry("me", {"f:a": {"f:x": {}}}), entry("helm", {"f:a": {"f:y": {}}, "f:b": {}}, "Update")
    kubectl = entry("kubectl", {"f:c": {}})
    entries, names = taken_over(live(helm, ours, kubectl), "me", ["helm", "kubectl"], "v1")
    assert entries == [entry("me", {"f:a": {"f:x": {}, "f:y": {}}, "f:b": {}, "f:c": {}})]
    assert names == ("helm", "kubectl")
    assert ours["fieldsV1"] == {"f:a": {"f:x": {}}}, "what was read stays as it was"


def test_where_we_have_no_entry_one_is_made_in_the_declared_version():
    entries, names = taken_over(live(entry("helm", {"f:a": {}}), entry("helm", None)), "me", ["helm"], "apps/v1")
    assert entries == [
        {"manager": "me", "operation": "Apply", "apiVersion": "apps/v1", "fieldsType": "FieldsV1", "fieldsV1": {"f:a": {}}}
    ]
    assert names == ("helm",)


def test_other_managers_subresources_and_our_own_updates_stay():
    rest = [
        entry("autoscaler", {"f:a": {}}),
        entry("helm", {"f:b": {}}, "Update", subresource="scale"),
        entry("me", {"f:c": {}}, "Update"),
    ]
    entries, _ = taken_over(live(*rest, entry("helm", {"f:d": {}})), "me", ["helm"], "v1")
    assert entries[1:] == rest
    assert entries[0]["fieldsV1"] == {"f:d": {}}

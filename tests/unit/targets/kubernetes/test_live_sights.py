"""What a list of metadata says about an object, and how its body is made ready to be compared."""

from __future__ import annotations

import pytest

from gitops_core.model.applications import Owner
from gitops_core.model.plans import DiffOp
from gitops_core.model.resources import ResourceKey
from gitops_core.targets.kubernetes.live import missing_marks, prepared, sight_of, version_of
from gitops_core.targets.kubernetes.marks import Marks

MARKS = Marks(Owner("example.org", "tests"), "me")
KEY = ResourceKey.parse("ConfigMap/shop/settings")
LABELS, ANNOTATIONS = MARKS.on(KEY)


def entry(manager, fields=None, operation="Apply", **more):
    return {"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsV1": fields or {"f:data": {}}, **more}


def metadata(*entries, **more):
    return {
        "name": "settings", "namespace": "shop", "uid": "u1", "resourceVersion": "7", "labels": dict(LABELS),
        "annotations": dict(ANNOTATIONS), "managedFields": list(entries), **more,
    }  # fmt: skip


def sight(*entries, **more):
    return sight_of(metadata(*entries, **more), ("", "ConfigMap"), MARKS)


# -- sights --------------------------------------------------------------------------------------------------------------------


def test_a_sight_says_whose_which_and_in_what_state():
    seen = sight(entry("me"), deletionTimestamp="2026-01-01T00:00:00Z", finalizers=["a", "b"])
    assert (seen.uid, seen.owner, seen.revision, seen.api_version) == ("u1", "me", "7", "v1")
    assert (seen.deleting, seen.finalizers) == (True, ("a", "b"))
    live = seen.as_live(KEY, lambda: {"data": {}})
    assert (live.key, live.id, live.owner, live.deleting, live.finalizers) == (KEY, "u1", "me", True, ("a", "b"))


def test_metadata_that_says_nothing_is_an_object_of_nobodys():
    seen = sight_of({}, ("", "ConfigMap"), MARKS)
    assert (seen.uid, seen.version, seen.revision, seen.owner, seen.manager, seen.deleting) == ("", "", "", "", "", False)


def test_an_object_that_we_never_applied_has_no_version_of_ours():
    assert sight(entry("me", operation="Update"), entry("kubectl")).api_version == ""


def test_the_last_of_the_others_to_write_is_named_and_who_writes_the_status_is_not():
    seen = sight(
        entry("me", time="2026-01-09T00:00:00Z"),
        entry("first", time="2026-01-01T00:00:00Z"),
        entry("second", time="2026-01-02T00:00:00Z"),
        entry("controller", time="2026-01-03T00:00:00Z", subresource="status"),
    )
    assert seen.manager == "second"


# -- versions ------------------------------------------------------------------------------------------------------------------


def test_without_a_generation_the_version_is_the_resource_version():
    assert version_of({"resourceVersion": "7"}, []) == "7"
    assert version_of({}, []) == ""


def test_with_a_generation_a_change_of_the_status_is_no_change():
    before, after = sight(entry("me"), generation=3), sight(entry("me"), generation=3, resourceVersion="8")
    assert before.version == after.version != "7"
    assert before.revision != after.revision


@pytest.mark.parametrize(
    "change",
    [
        {"generation": 4},
        {"labels": {}},
        {"annotations": {"a": "b"}},
        {"finalizers": ["x"]},
        {"ownerReferences": [{"uid": "1"}]},
        {"deletionTimestamp": "2026-01-01T00:00:00Z"},
        {"managedFields": [entry("me", {"f:data": {"f:a": {}}})]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_with_a_generation_everything_but_the_status_is_a_change(change):
    assert sight(entry("me"), generation=3).version != sight(entry("me"), **{"generation": 3, **change}).version


def test_with_a_generation_the_times_of_our_entry_are_no_change():
    assert sight(entry("me", time="1"), generation=3).version == sight(entry("me", time="2"), generation=3).version


# -- bodies ----------------------------------------------------------------------------------------------------------------------

MARKED = {
    "f:metadata": {
        "f:labels": {".": {}, "f:example.org/owned-by": {}},
        "f:annotations": {"f:example.org/owner": {}},
    },
    "f:data": {"f:a": {}},
}


def body(*entries, **more):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(*entries, **more), "data": {"a": "1"}}


def test_a_prepared_body_bears_no_marks_and_our_entry_does_not_own_them():
    found = prepared(body(entry("me", MARKED)), KEY, MARKS)
    assert found["metadata"].keys().isdisjoint({"labels", "annotations"})
    [ours] = found["metadata"]["managedFields"]
    assert ours["ours"] is True
    assert ours["fieldsV1"] == {"f:data": {"f:a": {}}}
    assert missing_marks(found) == []


def test_other_labels_stay_and_are_still_owned():
    fields = {"f:metadata": {"f:labels": {".": {}, "f:example.org/owned-by": {}, "f:app": {}}}}
    found = prepared(body(entry("me", fields), labels={**LABELS, "app": "web"}), KEY, MARKS)
    assert found["metadata"]["labels"] == {"app": "web"}
    assert found["metadata"]["managedFields"][0]["fieldsV1"] == {"f:metadata": {"f:labels": {".": {}, "f:app": {}}}}


def test_entries_of_others_stay_as_they_are():
    found = prepared(body(entry("kubectl", {"f:metadata": {"f:labels": {"f:example.org/owned-by": {}}}})), KEY, MARKS)
    [theirs] = found["metadata"]["managedFields"]
    assert "ours" not in theirs
    assert theirs["fieldsV1"] == {"f:metadata": {"f:labels": {"f:example.org/owned-by": {}}}}


@pytest.mark.parametrize("fields", [None, "x", {"f:metadata": None}, {"f:metadata": {"f:labels": "x"}}, {"f:data": {}}])
def test_an_entry_of_an_odd_shape_is_left_alone(fields):
    odd = {**entry("me"), "fieldsV1": fields}
    assert prepared(body(odd), KEY, MARKS)["metadata"]["managedFields"][0]["fieldsV1"] == fields


def test_managers_that_are_taken_over_count_as_ours_and_as_applied():
    found = prepared(
        body(entry("helm", operation="Update"), entry("helm", subresource="scale", operation="Update")), KEY, MARKS, ["helm"]
    )
    first, second = found["metadata"]["managedFields"]
    assert (first["ours"], first["operation"]) == (True, "Apply")
    assert second["operation"] == "Update"


@pytest.mark.parametrize("odd", [{}, {"metadata": None}, {"metadata": "x"}])
def test_a_body_without_metadata_is_left_alone(odd):
    assert prepared(dict(odd), KEY, MARKS) == odd
    assert missing_marks(odd) == []


def test_marks_that_somebody_removed_from_our_object_are_differences():
    found = prepared(body(entry("me"), labels={}), KEY, MARKS)
    [diff] = missing_marks(found)
    assert (diff.pointer, diff.op) == ("/metadata/labels/example.org~1owned-by", DiffOp.ADD)
    assert (diff.label, diff.note) == ('metadata.labels["example.org/owned-by"]', "somebody removed our mark")


def test_marks_that_an_object_of_others_lacks_are_none():
    assert missing_marks(prepared(body(entry("kubectl"), labels={}), KEY, MARKS)) == []

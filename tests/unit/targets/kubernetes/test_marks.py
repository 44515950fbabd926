"""Whose an object is, by its label and its annotation; under which name its fields are managed."""

from __future__ import annotations

import pytest

from gitops_core.model.applications import Owner
from gitops_core.model.resources import ResourceKey
from gitops_core.targets.kubernetes.marks import Marks

OWNER = Owner("example.org", "tests")
MARKS = Marks(OWNER, "example.org/tests/shop")
KEY = ResourceKey.parse("ConfigMap/shop/settings")
KIND = ("", "ConfigMap")


def metadata(annotation, name="settings", namespace="shop"):
    return {"name": name, "namespace": namespace, "annotations": {"example.org/owner": annotation}}


def test_an_object_bears_a_short_label_and_an_annotation_with_its_own_key():
    labels, annotations = MARKS.on(KEY)
    assert annotations == {"example.org/owner": "example.org/tests/shop ConfigMap/shop/settings"}
    [(label, value)] = labels.items()
    assert label == "example.org/owned-by"
    assert MARKS.selector == f"{label}={value}"
    assert len(value) <= 63


def test_the_label_of_the_longest_application_is_a_label():
    long = Marks(OWNER, "a" * 500)
    assert len(long.value) <= 63
    assert long.value != Marks(OWNER, "a" * 499).value


def test_a_short_application_is_its_own_field_manager():
    assert MARKS.manager == "example.org/tests/shop"
    assert Marks(OWNER, "a" * 128).manager == "a" * 128


def test_a_long_application_has_a_field_manager_that_fits_and_that_no_other_has():
    one, other = Marks(OWNER, "a" * 200 + "1").manager, Marks(OWNER, "a" * 200 + "2").manager
    assert len(one) == len(other) == 128
    assert one != other


@pytest.mark.parametrize("text", ["example.org/tests/shop ConfigMap/shop/settings", "example.org/tests/shop ConfigMap/settings"])
def test_an_object_that_names_its_own_key_belongs_to_whom_it_names(text):
    assert MARKS.owner_of(metadata(text), KIND) == "example.org/tests/shop"


@pytest.mark.parametrize(
    "found",
    [
        metadata("example.org/tests/shop ConfigMap/shop/other"),
        metadata("example.org/tests/shop ConfigMap/other/settings"),
        metadata("example.org/tests/shop Secret/shop/settings"),
        metadata("example.org/tests/shop apps/ConfigMap/shop/settings"),
    ],
    ids=["another name", "another namespace", "another kind", "another group"],
)
def test_a_copy_with_all_its_annotations_belongs_to_nobody(found):
    assert MARKS.owner_of(found, KIND) == ""


@pytest.mark.parametrize("text", ["", " ", "example.org/tests/shop", "example.org/tests/shop ", "a b c d", "x /", None, 7])
def test_an_annotation_that_is_no_mark_is_nobodys(text):
    assert MARKS.owner_of(metadata(text), KIND) == ""


@pytest.mark.parametrize("found", [{"name": "settings"}, {"name": "settings", "annotations": None}])
def test_an_object_without_annotations_is_nobodys(found):
    assert MARKS.owner_of(found, KIND) == ""


def test_an_object_that_lives_in_no_namespace_may_be_ours():
    key = ResourceKey(group="rbac.authorization.k8s.io", kind="ClusterRole", namespace="", name="reader")
    found = {"name": "reader", "annotations": MARKS.on(key)[1]}
    assert MARKS.owner_of(found, ("rbac.authorization.k8s.io", "ClusterRole")) == "example.org/tests/shop"


@pytest.mark.parametrize(
    ("owner", "expected"),
    [
        ("example.org/tests/shop", ()),
        ("", ("helm", "kubectl")),
        ("example.org/tests/other", ("helm", "kubectl", "example.org/tests/other")),
    ],
    ids=["ours", "nobody's", "another application's"],
)
def test_whose_fields_become_ours_depends_on_whose_the_object_is(owner, expected):
    assert MARKS.taken_over(owner, ("helm", "kubectl")) == expected


def test_the_marks_of_another_application_have_its_name_and_our_domain():
    assert MARKS.of("") is MARKS
    assert MARKS.of(MARKS.application) is MARKS
    assert MARKS.of("other") == Marks(OWNER, "other")


LABELS, ANNOTATIONS = MARKS.on(KEY)
LABEL_POINTER, ANNOTATION_POINTER = "/metadata/labels/example.org~1owned-by", "/metadata/annotations/example.org~1owner"


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({"labels": LABELS, "annotations": ANNOTATIONS}, ()),
        ({"labels": LABELS}, (ANNOTATION_POINTER,)),
        ({"labels": None, "annotations": ANNOTATIONS}, (LABEL_POINTER,)),
        ({"labels": dict.fromkeys(LABELS, "x"), "annotations": {}}, (LABEL_POINTER, ANNOTATION_POINTER)),
    ],
    ids=["none", "the annotation", "the label", "both, one of them changed"],
)
def test_marks_that_an_object_lacks_are_named_by_pointer(found, expected):
    assert MARKS.missing(found, KEY) == expected

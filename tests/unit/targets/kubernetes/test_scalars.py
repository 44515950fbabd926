"""Two scalars are one value where the API says so, and nowhere else."""

from __future__ import annotations

import pytest

from gitops_core.targets.kubernetes.places import ROOT, SECRET_ROOT
from gitops_core.targets.kubernetes.scalars import ScalarPlace, same_scalar


def at(*fields, root=ROOT):
    for field in fields:
        root = root.field(field)
    return root.place


@pytest.mark.parametrize(
    ("fields", "desired", "live"),
    [
        (("resources", "requests", "cpu"), 0.5, "500m"),
        (("resources", "limits", "memory"), "1024Mi", "1Gi"),
        (("resources", "limits", "example.com/gpu"), 1, "1"),
        (("emptyDir", "sizeLimit"), "1000M", "1G"),
        (("target", "value"), "1000m", "1"),
        (("spec", "averageValue"), 0.1, "100m"),
        (("hard", "pods"), 10, "10"),
        (("spec", "size"), "1024Gi", "1Ti"),
        (("spec", "interval"), "60s", "1m"),
        (("spec", "interval"), "1h30m", "1h30m0s"),
        (("spec", "interval"), "-1.5s", "-1500ms"),
        (("spec", "at"), "2024-01-02T03:04:05Z", "2024-01-02T03:04:05.000000Z"),
        (("spec", "at"), "2024-01-02T05:04:05+02:00", "2024-01-02T03:04:05Z"),
        (("spec", "at"), "2024-01-02T03:04:05.123Z", "2024-01-02T03:04:05Z"),
        (("webhook", "caBundle"), "aGVs\nbG8=\n", "aGVsbG8="),
        (("binaryData", "a"), "aGVs\r\nbG8=", "aGVsbG8="),
        (("spec", "n"), 1, 1.0),
    ],
)
def test_another_spelling_is_no_difference(fields, desired, live):
    assert same_scalar(desired, live, at(*fields))


@pytest.mark.parametrize(
    ("fields", "desired", "live"),
    [
        (("resources", "requests", "cpu"), "500m", "501m"),
        (("resources", "requests", "cpu"), "x", "y"),
        (("spec", "port"), "80", 80),
        (("spec", "flag"), True, "true"),
        (("spec", "flag"), True, 1),
        (("spec", "semver"), "1.0", "1"),
        (("spec", "semver"), "1.10", "1.1"),
        (("data", "timeout"), "60s", "1m"),
        (("metadata", "annotations", "note"), "1000m", "1"),
        (("env", "value"), "1024Mi", "1Gi"),
        (("spec", "args"), "60s", "1m"),
        (("spec", "interval"), "60s", "61s"),
        (("spec", "interval"), "60s", "soon"),
        (("spec", "at"), "2024-01-02T03:04:05Z", "2024-01-02T03:04:06Z"),
        (("spec", "at"), "2024-01-02T03:04:05Z", "2024-01-02T03:04:05.5Z"),
        (("spec", "at"), "2024-02-30T03:04:05Z", "2024-02-30T03:04:05.0Z"),
        (("spec", "at"), "0001-01-01T00:00:00+23:00", "0001-01-01T00:00:00+22:00"),
        (("webhook", "caBundle"), "aGVs", "aGVt"),
        (("data", "text"), "a\nb", "ab"),
    ],
)
def test_another_value_is_one(fields, desired, live):
    assert not same_scalar(desired, live, at(*fields))


def test_the_data_of_a_secret_is_base64_and_that_of_a_config_map_is_text():
    assert same_scalar("eA==\n", "eA==", at("data", "a", root=SECRET_ROOT))
    assert not same_scalar("eA==\n", "eA==", at("data", "a"))


def test_a_list_item_stands_for_the_list():
    assert ROOT.field("args").item(0, "[0]").place == ScalarPlace("args", "", is_free_text=True)


def test_a_place_is_written_as_a_pointer_and_as_people_write_it():
    place = ROOT.field("spec").field("containers").item(2, "[name=web]").field("a/b~c")
    assert (place.pointer, place.label) == ("/spec/containers/2/a~1b~0c", 'spec.containers[name=web]["a/b~c"]')

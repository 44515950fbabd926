"""Fields that stay with others are neither sent nor claimed; everything else is."""

from __future__ import annotations

from gitops_core.interfaces import TargetChange
from gitops_core.model.plans import Action
from gitops_core.model.pointers import Patterns
from gitops_core.model.resources import Live
from gitops_core.targets.kubernetes.yielding import without_others_fields

THEIRS, OURS = "them", "us"


def live(spec, **managers):
    entries = [
        {"manager": name, "operation": "Apply", "apiVersion": "v1", "fieldsV1": {"f:spec": fields}, "ours": name == OURS}
        for name, fields in managers.items()
    ]
    return Live("Thing/a", {"apiVersion": "v1", "kind": "Thing", "metadata": {"managedFields": entries}, "spec": spec}, id="1")


def left(spec, found, *, ignored=(), conflicts="refuse"):
    body = {"apiVersion": "v1", "kind": "Thing", "spec": spec}
    change = TargetChange(
        key="Thing/a", action=Action.UPDATE, desired=body, live=found, ignored=Patterns(ignored), conflicts=conflicts
    )
    result = without_others_fields(body, change)
    assert (result["apiVersion"], result["kind"]) == ("v1", "Thing")
    return result.get("spec")


def test_without_rules_everything_is_sent():
    spec = {"replicas": 2}
    assert left(spec, live({"replicas": 5}, them={"f:replicas": {}})) is spec
    assert left(spec, None, conflicts="leave") is spec


def test_an_ignored_field_that_somebody_else_owns_is_left_out():
    found = live({"replicas": 5, "image": "a"}, them={"f:replicas": {}}, us={"f:image": {}})
    assert left({"replicas": 5, "image": "b"}, found, ignored=["/spec/replicas"]) == {"image": "b"}


def test_an_ignored_field_that_nobody_else_owns_is_sent():
    found = live({"replicas": 5}, us={"f:replicas": {}})
    assert left({"replicas": 5}, found, ignored=["/spec/replicas"]) == {"replicas": 5}


def test_left_conflicts_are_left_out_and_shared_or_equal_fields_are_sent():
    found = live(
        {"equal": 1, "other": 1, "shared": 1, "free": 1},
        them={"f:equal": {}, "f:other": {}, "f:shared": {}},
        us={"f:shared": {}},
    )
    spec = {"equal": 1, "other": 2, "shared": 2, "free": 2, "new": 2}
    assert left(spec, found, conflicts="leave") == {"equal": 1, "shared": 2, "free": 2, "new": 2}


def test_a_field_that_its_owner_has_not_set_is_sent():
    assert left({"a": 1}, live({}, them={"f:a": {}}), conflicts="leave") == {"a": 1}


def test_an_object_that_others_own_as_a_whole_is_left_as_a_whole_and_one_with_parts_in_parts():
    found = live({"whole": {"x": 1}, "parts": {"x": 1, "y": 1}}, them={"f:whole": {}, "f:parts": {"f:x": {}}})
    spec = {"whole": {"x": 2}, "parts": {"x": 2, "y": 2}}
    assert left(spec, found, conflicts="leave") == {"parts": {"y": 2}}


def test_an_object_that_is_declared_where_the_cluster_has_a_scalar_is_sent():
    assert left({"a": {"x": 1}}, live({"a": "text"}, us={"f:a": {}}), conflicts="leave") == {"a": {"x": 1}}


CONTAINERS = {'k:{"name":"web"}': {"f:image": {}}, 'k:{"name":"proxy"}': {".": {}, "f:name": {}, "f:image": {}}}


def test_an_item_of_a_keyed_list_keeps_its_keys_when_fields_of_it_are_left_out():
    found = live(
        {"containers": [{"name": "proxy", "image": "p:1"}, {"name": "web", "image": "a"}]},
        them={"f:containers": {'k:{"name":"web"}': {"f:image": {}}}},
        us={"f:containers": {'k:{"name":"web"}': {".": {}, "f:name": {}, "f:port": {}}}},
    )
    spec = {"containers": [{"name": "web", "image": "b", "port": 1}, {"name": "new", "image": "c"}]}
    assert left(spec, found, conflicts="leave") == {"containers": [{"name": "web", "port": 1}, {"name": "new", "image": "c"}]}


def test_an_item_that_is_ignored_and_somebody_elses_is_left_out():
    found = live(
        {"containers": [{"name": "proxy", "image": "p:1"}, {"name": "web", "image": "a"}]},
        them={"f:containers": {'k:{"name":"proxy"}': {".": {}, "f:name": {}, "f:image": {}}}},
    )
    spec = {"containers": [{"name": "proxy", "image": "p:2"}, {"name": "web", "image": "b"}]}
    assert left(spec, found, ignored=["/spec/containers/0"]) == {"containers": [{"name": "web", "image": "b"}]}


def test_a_list_without_keys_is_sent_or_left_as_a_whole():
    found = live({"args": ["a"], "ours": ["a"]}, them={"f:args": {}}, us={"f:ours": {}})
    assert left({"args": ["b"], "ours": ["b"]}, found, conflicts="leave") == {"ours": ["b"]}


def test_a_list_that_is_declared_where_the_cluster_has_none_is_sent():
    assert left({"args": ["b"]}, live({"x": 1}, us={"f:x": {}}), conflicts="leave") == {"args": ["b"]}

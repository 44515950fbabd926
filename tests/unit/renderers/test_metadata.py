"""Labels, annotations and namespaces."""

from __future__ import annotations

from typing import Any

import pytest

from gitops_core.errors import ConfigError, DuplicateResource, RenderError
from gitops_core.model.resources import Resource
from gitops_core.model.revisions import Revision, Tree
from gitops_core.model.values import Body
from gitops_core.renderers.function import FunctionRenderer
from gitops_core.renderers.memory import MemoryRenderer
from gitops_core.renderers.transforms import (
    CommonAnnotations,
    CommonLabels,
    DefaultNamespace,
    Selector,
    Transform,
    Transformed,
)
from gitops_core.testing.contexts import make_context

TREE = Tree("t", Revision("r"), dict, lambda _file: b"")


def manifest(kind: str = "ConfigMap", name: str = "site", api: str = "v1", **rest: Any) -> dict[str, Any]:
    metadata = {"name": name, **rest.pop("metadata", {})}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **rest}


DEPLOYMENT = manifest("Deployment", "web", "apps/v1", spec={"replicas": 1, "template": {"metadata": {"labels": {"app": "web"}}}})


def rendered(objects: list[Any], *transforms: Transform) -> list[Resource]:
    return list(Transformed(MemoryRenderer(objects), *transforms).render(make_context(), TREE))


def only(objects: list[Any], *transforms: Transform) -> Body:
    (resource,) = rendered(objects, *transforms)
    return resource.body


# -- labels and annotations -----------------------------------------------------------------------------------------------


def test_labels_are_added_and_replaced_and_others_stay() -> None:
    body = only([manifest(metadata={"labels": {"a": "1", "b": "2"}})], CommonLabels({"b": "3", "c": "4"}))
    assert body["metadata"]["labels"] == {"a": "1", "b": "3", "c": "4"}


def test_labels_never_reach_a_selector_or_a_template() -> None:
    body = only([DEPLOYMENT], CommonLabels({"team": "web"}))
    assert body["spec"] == DEPLOYMENT["spec"]


def test_annotations_go_where_annotations_go() -> None:
    assert only([manifest(metadata={"annotations": None})], CommonAnnotations({"by": "ann"}))["metadata"]["annotations"] == {
        "by": "ann"
    }


def test_labels_go_to_the_chosen_objects_only() -> None:
    first, second = rendered([manifest(name="a"), manifest(name="b")], CommonLabels({"x": "y"}, Selector(names="a")))
    assert ("labels" in first.body["metadata"], "labels" in second.body["metadata"]) == (True, False)


def test_an_object_without_metadata_has_no_place_for_labels() -> None:
    record = {"kind": "Record", "name": "www"}
    assert only([record], CommonLabels({"x": "y"})) == record


def test_labels_that_are_no_object_are_an_error_with_the_object() -> None:
    with pytest.raises(RenderError, match=r"memory: ConfigMap/site: /metadata/labels is FrozenList, not an object"):
        rendered([manifest(metadata={"labels": ["a"]})], CommonLabels({"x": "y"}))


@pytest.mark.parametrize("make", [CommonLabels, CommonAnnotations])
def test_a_label_that_is_no_text_is_refused_at_once(make: Any) -> None:
    with pytest.raises(ConfigError, match="'version' is int: quote it"):
        make({"version": 1})


# -- namespaces -----------------------------------------------------------------------------------------------------------


def test_an_object_without_a_namespace_gets_one_in_body_and_key() -> None:
    (resource,) = rendered([manifest()], DefaultNamespace("shop"))
    assert (str(resource.key), resource.body["metadata"]["namespace"]) == ("ConfigMap/shop/site", "shop")


def test_an_object_with_a_namespace_keeps_it() -> None:
    assert only([manifest(metadata={"namespace": "own"})], DefaultNamespace("shop"))["metadata"]["namespace"] == "own"


def test_override_moves_objects_but_no_cluster_scoped_one() -> None:
    objects = [
        manifest(metadata={"namespace": "own"}),
        manifest("Namespace", "own"),
        manifest(name="b", metadata={"namespace": "shop"}),
    ]
    found = rendered(objects, DefaultNamespace("shop", override=True))
    assert [str(r.key) for r in found] == ["ConfigMap/shop/site", "Namespace/own", "ConfigMap/shop/b"]


CRD = manifest(
    "CustomResourceDefinition", "realms.example.org", "apiextensions.k8s.io/v1",
    spec={"scope": "Cluster", "group": "example.org", "names": {"kind": "Realm"}},
)  # fmt: skip
REALM = manifest("Realm", "main", "example.org/v1")


@pytest.mark.parametrize(
    ("objects", "transform"),
    [
        ([manifest("ClusterRole", "admin", "rbac.authorization.k8s.io/v1")], DefaultNamespace("shop")),
        ([REALM, CRD], DefaultNamespace("shop")),
        ([REALM], DefaultNamespace("shop", [("example.org", "Realm")])),
        ([{"kind": "Record", "name": "www"}], DefaultNamespace("shop")),
        ([{"apiVersion": "v1", "kind": "Odd", "name": "www"}], DefaultNamespace("shop")),
    ],
    ids=["built-in", "defined-in-this-render", "by-argument", "no-apiVersion", "no-metadata"],
)
def test_what_lives_outside_of_every_namespace_stays_there(objects: list[Any], transform: DefaultNamespace) -> None:
    assert [r.body for r in rendered(objects, transform)] == objects


def test_a_kind_of_the_same_name_in_another_group_is_not_taken_for_a_cluster_scoped_one() -> None:
    assert (
        str(rendered([manifest("ClusterRole", "x", "example.org/v1")], DefaultNamespace("shop"))[0].key)
        == "example.org/ClusterRole/shop/x"
    )


def test_a_definition_that_changes_its_scope_is_noticed() -> None:
    objects = [REALM, CRD]
    renderer = Transformed(FunctionRenderer(lambda tree: objects, version="1"), DefaultNamespace("shop"))
    before = [str(r.key) for r in renderer.render(make_context(), TREE)]
    objects[1] = {**CRD, "spec": {**CRD["spec"], "scope": "Namespaced"}}
    after = [str(r.key) for r in renderer.render(make_context(), TREE)]
    assert (before[0], after[0]) == ("example.org/Realm//main", "example.org/Realm/shop/main")


def test_two_objects_that_end_up_with_one_key_are_refused() -> None:
    objects = [manifest(), manifest(metadata={"namespace": "shop"})]
    with pytest.raises(DuplicateResource, match=r"memory: ConfigMap/shop/site: declared twice: first in memory, document 0"):
        rendered(objects, DefaultNamespace("shop"))


@pytest.mark.parametrize("scoped", ["Realm", [("Realm",)], [("example.org", None)]])
def test_kinds_that_are_no_pairs_are_refused_at_once(scoped: Any) -> None:
    with pytest.raises(ConfigError, match="cluster_scoped takes"):
        DefaultNamespace("shop", scoped)


@pytest.mark.parametrize("name", ["Shop", "", "a/b", "-a"])
def test_a_namespace_that_cannot_exist_is_refused_at_once(name: str) -> None:
    with pytest.raises(ValueError, match="namespace"):
        DefaultNamespace(name)

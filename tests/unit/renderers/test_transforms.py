from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gitops_core.errors import ConfigError, DuplicateResource, RenderError
from gitops_core.interfaces import Context, Renderer
from gitops_core.model.resources import Origin, Resource
from gitops_core.model.revisions import Revision, Tree
from gitops_core.model.values import Body, Sensitive
from gitops_core.renderers.function import FunctionRenderer
from gitops_core.renderers.memory import MemoryRenderer
from gitops_core.renderers.transforms import (
    CommonAnnotations,
    CommonLabels,
    DefaultNamespace,
    JsonPatch,
    MergePatch,
    Selector,
    Transform,
    Transformed,
)
from gitops_core.testing.contexts import Recorder, make_context

TREE = Tree("t", Revision("r"), dict, lambda _file: b"")


def manifest(kind: str = "ConfigMap", name: str = "site", api: str = "v1", **rest: Any) -> dict[str, Any]:
    metadata = {"name": name, **rest.pop("metadata", {})}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **rest}


DEPLOYMENT = manifest("Deployment", "web", "apps/v1", spec={"replicas": 1, "template": {"metadata": {"labels": {"app": "web"}}}})
SECRET = manifest("Secret", "token", data={"token": "aHVudGVyMg==", "user": "YXBw"})


def rendered(objects: list[Any], *transforms: Transform) -> list[Resource]:
    return list(Transformed(MemoryRenderer(objects), *transforms).render(make_context(), TREE))


def only(objects: list[Any], *transforms: Transform) -> Body:
    (resource,) = rendered(objects, *transforms)
    return resource.body


class Counting(Renderer):
    """Yields lean resources, and counts how often a body is decoded."""

    def __init__(self, *objects: Any) -> None:
        self.objects = [Resource.of(o, Origin(path=f"{o['metadata']['name']}.yaml", line=3)) for o in objects]
        self.decoded: list[str] = []
        self.closed = 0

    @property
    def fingerprint(self) -> str:
        return "counting"

    def render(self, ctx: Context, tree: Tree) -> Iterator[Resource]:
        return (resource.with_loader(self._loader(resource)) for resource in self.objects)

    def _loader(self, resource: Resource) -> Callable[[], Any]:
        return lambda: (self.decoded.append(resource.key.name), resource.body)[1]

    def close(self) -> None:
        self.closed += 1


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


# -- patches --------------------------------------------------------------------------------------------------------------


def test_a_merge_patch_merges_replaces_and_removes() -> None:
    body = only([manifest(data={"a": "1", "b": "2"})], MergePatch(Selector(kinds="ConfigMap"), {"data": {"a": None, "c": "3"}}))
    assert body["data"] == {"b": "2", "c": "3"}


def test_a_json_patch_runs_its_operations_in_order() -> None:
    patch = JsonPatch(
        Selector(names="web"),
        [
            {"op": "test", "path": "/spec/replicas", "value": 1},
            {"op": "add", "path": "/spec/ports", "value": []},
            {"op": "add", "path": "/spec/ports/-", "value": 80},
            {"op": "move", "from": "/spec/replicas", "path": "/spec/size"},
            {"op": "remove", "path": "/spec/template"},
        ],
    )
    assert only([DEPLOYMENT], patch)["spec"] == {"ports": [80], "size": 1}


def test_one_patched_object_does_not_change_the_patch_of_the_next() -> None:
    operations = [{"op": "add", "path": "/data", "value": {}}, {"op": "add", "path": "/data/x", "value": "1"}]
    patch = JsonPatch(Selector(), operations)
    first, second = rendered([manifest(name="a"), manifest(name="b")], patch)
    assert first.body["data"] == second.body["data"] == {"x": "1"}
    assert operations[0]["value"] == {}


def test_a_patch_may_rename_an_object() -> None:
    (resource,) = rendered([manifest()], MergePatch(Selector(), {"metadata": {"name": "other"}}))
    assert str(resource.key) == "ConfigMap/other"


def test_a_key_that_the_renderer_chose_by_rules_of_its_own_stays() -> None:
    resource = Resource.of(manifest(), key=Resource.of({"kind": "Odd", "name": "k"}).key)
    nameless = Resource.of({"spec": 1}, key=Resource.of({"kind": "Odd", "name": "n"}).key)
    renderer = FunctionRenderer(lambda tree: [resource, nameless])
    found = list(Transformed(renderer, MergePatch(Selector(), {"metadata": {"name": "other"}})).render(make_context(), TREE))
    assert [str(r.key) for r in found] == ["Odd/k", "Odd/n"]


def test_a_patch_about_nothing_is_an_error_that_says_how_to_mend_it() -> None:
    with pytest.raises(
        RenderError, match=r"MergePatch\(kinds=Job names=nightly\) is about none of the 1 objects; mend its selector"
    ):
        rendered([manifest()], MergePatch(Selector(kinds="Job", names="nightly"), {}))


def test_an_optional_patch_may_be_about_nothing() -> None:
    patches = (MergePatch(Selector(kinds="Job"), {}, optional=True), JsonPatch(Selector(kinds="Job"), [], optional=True))
    assert only([manifest()], *patches) == manifest()


def test_an_operation_that_does_not_fit_names_object_file_line_and_operation() -> None:
    patch = JsonPatch(
        Selector(), [{"op": "add", "path": "/x", "value": 1}, {"op": "replace", "path": "/spec/replicas", "value": 3}]
    )
    with pytest.raises(RenderError) as caught:
        list(Transformed(Counting(manifest()), patch).render(make_context(), TREE))
    assert str(caught.value) == (
        "site.yaml:3: ConfigMap/site: JsonPatch(every object): operation 2 of 2, replace /spec/replicas, "
        "does not fit this object (JsonPointerException)"
    )


def test_several_problems_come_together_after_what_could_be_made() -> None:
    patch = JsonPatch(Selector(), [{"op": "remove", "path": "/data"}])
    objects = [manifest(name="a"), manifest(name="b", data={}), manifest(name="c")]
    found: list[str] = []
    with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012  # why: what comes before the error matters, too
        for resource in Transformed(MemoryRenderer(objects), patch).render(make_context(), TREE):
            found.append(resource.key.name)  # noqa: PERF401  # why: as above
    assert (found, [error.key.name for error in caught.value.exceptions]) == (["b"], ["a", "c"])


@pytest.mark.parametrize("kinds", ["Job", "ConfigMap"])
def test_what_the_inner_renderer_cannot_do_comes_after_what_it_can(kinds: str) -> None:
    """And a patch about nothing is not reported then: its object may be among those that are missing."""

    def half(tree: Tree) -> Iterator[Any]:
        yield manifest()
        raise RenderError("the rest is broken")

    renderer = Transformed(FunctionRenderer(half), MergePatch(Selector(kinds=kinds), {"data": {"a": "b"}})).render(
        make_context(), TREE
    )
    assert next(renderer).key.name == "site"
    with pytest.raises(RenderError, match="the rest is broken"):
        next(renderer)


def test_all_problems_of_the_inner_renderer_are_passed_on() -> None:
    def broken(tree: Tree) -> Iterator[Any]:
        yield manifest()
        raise ExceptionGroup("two", [RenderError("one"), RenderError("two")])

    with pytest.raises(ExceptionGroup) as caught:
        list(Transformed(FunctionRenderer(broken), CommonLabels({})).render(make_context(), TREE))
    assert [str(error) for error in caught.value.exceptions] == ["one", "two"]


@pytest.mark.parametrize(
    ("operations", "message"),
    [
        ([{"op": "delete", "path": "/a"}], "operation 1 of 1: it needs an op, one of add, remove"),
        ([{"op": "remove", "path": "/a"}, {"op": "add", "path": "/a"}], "operation 2 of 2: add needs value"),
        ([{"op": "move", "path": "/a"}], "move needs from"),
        ([{"op": "remove"}], "remove needs path"),
        ([{"op": "remove", "path": "a"}], "path is no JSON pointer"),
        ([{"op": "remove", "path": 1}], "path is no JSON pointer"),
        ([7], "it needs an op"),
        ({"op": "remove", "path": "/a"}, "a JSON patch is a list of operations, not dict"),
        ("remove", "a JSON patch is a list of operations, not str"),
        ([{"op": "add", "path": "/a", "value": {1}}], "a JSON patch is a list of operations: /0/value: set"),
    ],
)
def test_operations_that_make_no_sense_are_refused_at_once(operations: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        JsonPatch(Selector(), operations)


def test_a_merge_patch_that_is_no_object_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match="a merge patch is an object, not list"):
        MergePatch(Selector(), [])


def test_a_patch_that_leaves_no_object_is_an_error() -> None:
    with pytest.raises(RenderError, match="leaves list where an object was"):
        rendered([manifest()], JsonPatch(Selector(), [{"op": "replace", "path": "", "value": []}]))


def test_a_patch_that_removes_the_name_is_an_error() -> None:
    with pytest.raises(RenderError, match=r"ConfigMap/site: what a transform made of it is no object: no metadata.name"):
        rendered([manifest()], MergePatch(Selector(), {"metadata": None}))


# -- secrets --------------------------------------------------------------------------------------------------------------


def test_every_transform_keeps_secrets_wrapped() -> None:
    patch = JsonPatch(Selector(kinds="Secret"), [{"op": "copy", "from": "/data/token", "path": "/data/again"}])
    merge = MergePatch(Selector(kinds="Secret"), {"data": {"user": "bmV3"}, "stringData": {"plain": "text"}})
    body = only([SECRET], CommonLabels({"a": "b"}), DefaultNamespace("shop"), patch, merge)
    assert body["data"] == {"token": Sensitive("aHVudGVyMg=="), "again": Sensitive("aHVudGVyMg=="), "user": Sensitive("bmV3")}
    assert body["stringData"] == {"plain": Sensitive("text")}


ROLE = {"kind": "Role", "name": "app", "password": Sensitive("hunter2"), "keys": [Sensitive("k1"), "public"], "size": 1}


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({"password": "new"}, {"password": Sensitive("new")}),
        ({"password": {"old": "a", "new": ["b", None]}}, {"password": {"old": Sensitive("a"), "new": [Sensitive("b"), None]}}),
        ({"keys": ["k2", "shown", "more"]}, {"keys": [Sensitive("k2"), "shown", "more"]}),
        ({"size": 2}, {"size": 2, "password": Sensitive("hunter2")}),
    ],
)
def test_what_takes_the_place_of_a_secret_is_a_secret(patch: dict[str, Any], expected: dict[str, Any]) -> None:
    body = only([ROLE], MergePatch(Selector(), patch))
    assert {name: body[name] for name in expected} == expected


def test_a_test_operation_compares_secrets_and_its_failure_shows_none() -> None:
    good = [{"op": "test", "path": "/password", "value": Sensitive("hunter2")}, {"op": "remove", "path": "/size"}]
    assert "size" not in only([ROLE], JsonPatch(Selector(), good))
    with pytest.raises(RenderError) as caught:
        rendered([ROLE], JsonPatch(Selector(), [{"op": "test", "path": "/password", "value": Sensitive("canary")}]))
    said = f"{caught.value!r} {caught.value} {caught.value.__cause__!r} {caught.value.__context__!r}"
    assert "JsonPatchTestFailed" in said
    assert not {"canary", "hunter2"} & set(said.replace("'", " ").split())


def test_no_value_of_a_patch_is_in_its_text() -> None:
    transforms = [
        MergePatch(Selector(), {"data": "canary"}),
        JsonPatch(Selector(), [{"op": "add", "path": "/data", "value": "canary"}]),
    ]
    assert "canary" not in f"{transforms} {[str(t) for t in transforms]}"


# -- fingerprints ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "transform",
    [
        MergePatch(Selector(), {"data": {"a": "b"}}),
        MergePatch(Selector(kinds="Sec*"), {"stringData": None}),
        MergePatch(Selector(kinds="Role"), {"password": Sensitive("x")}),
        JsonPatch(Selector(kinds="Secret"), [{"op": "add", "path": "/data/a", "value": "b"}]),
        JsonPatch(Selector(), [{"op": "replace", "path": "", "value": {}}]),
    ],
)
def test_a_patch_that_may_fill_in_a_secret_has_no_fingerprint(transform: Transform) -> None:
    assert transform.fingerprint == ""
    assert Transformed(Counting(), transform).fingerprint == ""


DISTINCT: list[Transform] = [
    CommonLabels({"a": "b"}),
    CommonLabels({"a": "c"}),
    CommonLabels({"a": "b"}, Selector(kinds="A")),
    CommonLabels({"a": "b"}, Selector(kinds="A,B")),
    CommonLabels({"a": "b"}, Selector(kinds=["A", "B"])),
    CommonAnnotations({"a": "b"}),
    DefaultNamespace("a"),
    DefaultNamespace("b"),
    DefaultNamespace("a", [("g", "K")]),
    DefaultNamespace("a", override=True),
    MergePatch(Selector(kinds="A"), {"data": {"a": "b"}}),
    MergePatch(Selector(kinds="A"), {"data": {"a": None}}),
    MergePatch(Selector(kinds="A"), {"data": {"a": None}}, optional=True),
    JsonPatch(Selector(kinds="A"), []),
    JsonPatch(Selector(kinds="A"), [{"op": "remove", "path": "/data"}]),
    JsonPatch(Selector(kinds="Secret"), [{"op": "remove", "path": "/data"}]),
]


def test_other_options_make_another_fingerprint() -> None:
    prints = [transform.fingerprint for transform in DISTINCT]
    assert all(prints)
    assert len(set(prints)) == len(DISTINCT)


def test_the_fingerprint_of_the_whole_is_that_of_its_parts_in_order() -> None:
    first, second = DISTINCT[0], DISTINCT[6]
    assert Transformed(Counting(), first, second).fingerprint == f"counting | {first.fingerprint} | {second.fingerprint}"
    assert Transformed(FunctionRenderer(lambda tree: []), first).fingerprint == ""


# -- laziness -------------------------------------------------------------------------------------------------------------


def test_a_second_render_decodes_nothing_and_yields_the_same() -> None:
    inner = Counting(manifest(name="a"), DEPLOYMENT, CRD, REALM)
    renderer = Transformed(
        inner, DefaultNamespace("shop"), CommonLabels({"x": "y"}), MergePatch(Selector(labels={"x": "y"}), {"z": 1})
    )
    first = list(renderer.render(make_context(), TREE))
    inner.decoded.clear()
    recorder = Recorder()
    second = list(renderer.render(make_context(recorder), TREE))
    assert (first, inner.decoded, recorder.counts["resources_transformed"]) == (second, [], 0)
    assert [r.body for r in second] == [r.body for r in first]
    assert inner.decoded == ["a", "web", "realms.example.org", "main"]


def test_a_first_render_decodes_each_object_once() -> None:
    inner = Counting(manifest(name="a"), DEPLOYMENT)
    for resource in Transformed(inner, DefaultNamespace("shop"), CommonLabels({"x": "y"})).render(make_context(), TREE):
        assert resource.body["metadata"]["labels"] == {"x": "y"}
    assert inner.decoded == ["a", "web"]


def test_one_changed_object_is_the_only_one_that_is_decoded() -> None:
    inner = Counting(manifest(name="a"), manifest(name="b"))
    renderer = Transformed(inner, CommonLabels({"x": "y"}))
    list(renderer.render(make_context(), TREE))
    inner.decoded.clear()
    inner.objects[1] = Resource.of(manifest(name="b", data={"new": "1"}), Origin(path="b.yaml"))
    list(renderer.render(make_context(), TREE))
    assert inner.decoded == ["b"]


def test_an_object_that_no_transform_is_about_is_passed_on_undecoded() -> None:
    inner = Counting(manifest(name="a"))
    patches = (MergePatch(Selector(kinds="Job"), {}, optional=True), DefaultNamespace("shop"))
    (resource,) = Transformed(inner, patches[0]).render(make_context(), TREE)
    assert (inner.decoded, resource.digest) == ([], inner.objects[0].digest)


def test_what_was_remembered_for_one_salt_is_not_told_for_another() -> None:
    renderer = Transformed(MemoryRenderer([SECRET]), CommonLabels({"x": "y"}))
    digests = {next(renderer.render(make_context(salt=salt), TREE)).digest for salt in (b"one", b"two")}
    assert len(digests) == 2


class Stamp(Transform):
    """A transform of an embedder's own, without a fingerprint."""

    def __init__(self) -> None:
        self.number = 0

    def apply(self, resource: Resource, facts: Any) -> Body | None:
        self.number += 1
        return {**resource.body, "stamp": self.number}


def test_a_transform_without_a_fingerprint_is_asked_every_time() -> None:
    renderer = Transformed(MemoryRenderer([manifest()]), Stamp())
    assert [next(renderer.render(make_context(), TREE)).body["stamp"] for _ in range(2)] == [1, 2]


def test_a_remembered_body_that_its_transforms_no_longer_change_is_the_inner_one() -> None:
    """A transform may be impure against its contract; the body that is made again is then the honest one."""

    class Once(Stamp):
        @property
        def fingerprint(self) -> str:
            return "once"

        def apply(self, resource: Resource, facts: Any) -> Body | None:
            return super().apply(resource, facts) if self.number == 0 else None

    renderer = Transformed(MemoryRenderer([manifest()]), Once())
    list(renderer.render(make_context(), TREE))
    assert next(renderer.render(make_context(), TREE)).body == manifest()


def test_a_transform_that_returns_what_json_does_not_have_is_an_error() -> None:
    class Bad(Stamp):
        def apply(self, resource: Resource, facts: Any) -> Body | None:
            return {**resource.body, "at": object()}

    with pytest.raises(RenderError, match="/at: object is not a JSON value"):
        rendered([manifest()], Bad())


def test_an_error_of_a_transform_keeps_the_place_it_names() -> None:
    class Strict(Stamp):
        def apply(self, resource: Resource, facts: Any) -> Body | None:
            raise RenderError("no", key=resource.key, origin=Origin(path="policy.txt", line=9))

    with pytest.raises(RenderError, match=r"policy\.txt:9: ConfigMap/site: no"):
        rendered([manifest()], Strict())


def test_a_field_is_located_by_the_inner_renderer() -> None:
    class Locating(Counting):
        def locate(self, tree: Tree, resource: Resource, pointer: str) -> Origin:
            return Origin(path=f"{tree.digest}:{resource.key.name}{pointer}")

    renderer = Transformed(Locating(manifest()), CommonLabels({"x": "y"}))
    (resource,) = renderer.render(make_context(), TREE)
    assert renderer.locate(TREE, resource, "/data") == Origin(path="t:site/data")


def test_name_and_close_are_the_inner_renderers() -> None:
    inner = Counting()
    with Transformed(inner) as renderer:
        assert renderer.name == "Counting"
    assert inner.closed == 1

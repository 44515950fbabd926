"""Patches, secrets in transforms, and fingerprints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gitops_core.errors import ConfigError, RenderError
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
from gitops_core.testing.contexts import make_context

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
        list(
            Transformed(FunctionRenderer(lambda tree: [(manifest(), Origin(path="site.yaml", line=3))]), patch).render(
                make_context(), TREE
            )
        )
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
    assert Transformed(MemoryRenderer([]), transform).fingerprint == ""


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
    inner = FunctionRenderer(lambda tree: [], name="f", version="1")
    assert Transformed(inner, first, second).fingerprint == f"function:f:1 | {first.fingerprint} | {second.fingerprint}"
    assert Transformed(FunctionRenderer(lambda tree: []), first).fingerprint == ""

"""What holds for every transform: laziness, errors, fingerprints."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gitops_core.errors import RenderError
from gitops_core.interfaces import Context, Renderer
from gitops_core.model.resources import Origin, Resource
from gitops_core.model.revisions import Revision, Tree
from gitops_core.model.values import Body
from gitops_core.renderers.memory import MemoryRenderer
from gitops_core.renderers.transforms import (
    CommonLabels,
    DefaultNamespace,
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


CRD = manifest(
    "CustomResourceDefinition", "realms.example.org", "apiextensions.k8s.io/v1",
    spec={"scope": "Cluster", "group": "example.org", "names": {"kind": "Realm"}},
)  # fmt: skip
REALM = manifest("Realm", "main", "example.org/v1")
DEPLOYMENT = manifest("Deployment", "web", "apps/v1", spec={"replicas": 1, "template": {"metadata": {"labels": {"app": "web"}}}})
SECRET = manifest("Secret", "token", data={"token": "aHVudGVyMg==", "user": "YXBw"})


def rendered(objects: list[Any], *transforms: Transform) -> list[Resource]:
    return list(Transformed(MemoryRenderer(objects), *transforms).render(make_context(), TREE))


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

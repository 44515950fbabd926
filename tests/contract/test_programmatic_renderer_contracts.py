"""The renderers that take objects from programs, and transforms around one that reads files, keep the promises of a renderer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from gitops_core.errors import ManifestError
from gitops_core.model.resources import Origin
from gitops_core.model.revisions import Tree
from gitops_core.renderers.function import FunctionRenderer
from gitops_core.renderers.manifests import ManifestsRenderer
from gitops_core.renderers.memory import MemoryRenderer
from gitops_core.renderers.transforms import CommonLabels, DefaultNamespace, JsonPatch, MergePatch, Selector, Transformed
from gitops_core.testing.contexts import make_context
from gitops_core.testing.renderer_contract import CANARY, RendererContract, make_tree

SITE = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "site"}, "data": {"greeting": "a-rather-long-word-of-24"}}
OTHER = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other"}, "data": {"a": "b"}}


class TestMemoryRenderer(RendererContract):
    """Its objects are said to come from a file ``memory``; they come whatever the tree holds."""

    files: ClassVar = {"memory": b""}

    def make_renderer(self) -> MemoryRenderer:
        return MemoryRenderer([SITE, OTHER])

    def make_other_renderer(self) -> MemoryRenderer:
        return MemoryRenderer([SITE])

    def test_empty_tree_has_no_resources(self, renderer: MemoryRenderer) -> None:
        """The one promise that it does not keep, by design."""
        assert len(self._render(renderer, make_tree({}))) == 2


def hosts(tree: Tree) -> Iterator[tuple[dict[str, Any], Origin]]:
    for path in sorted(tree.files):
        for number, line in enumerate(tree.read(tree.files[path]).decode().splitlines()):
            origin = Origin(path=path, line=number + 1)
            name, _, address = line.partition(" ")
            if not address:
                raise ManifestError("a host needs an address", origin=origin)
            yield {"kind": "Host", "name": name, "address": address}, origin


class TestFunctionRenderer(RendererContract):
    files: ClassVar = {"a.hosts": b"web 192.0.2.1\ndb 192.0.2.2-with-a-long-comment\n", "b.hosts": b"cache 192.0.2.3\n"}
    broken: ClassVar = {"c.hosts": b"lonely\n"}
    duplicate: ClassVar = {"d.hosts": b"web 192.0.2.4\n"}
    secret: ClassVar = {"e.hosts": CANARY.encode()}

    def make_renderer(self) -> FunctionRenderer:
        return FunctionRenderer(hosts, version="1")

    def make_other_renderer(self) -> FunctionRenderer:
        return FunctionRenderer(hosts, version="2")


def manifest(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode()


class TestTransformed(RendererContract):
    """JSON files through the renderer for manifests, then through one of every transform."""

    files: ClassVar = {"site.json": manifest(SITE), "other.json": manifest(OTHER)}
    broken: ClassVar = {"broken.json": b'{"apiVersion": "v1", "kind": '}
    duplicate: ClassVar = {"twin.json": manifest({**SITE, "metadata": {"name": "site", "namespace": "shop"}})}
    secret: ClassVar = {
        "secret.json": manifest(
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "t"}, "stringData": {"token": CANARY}}
        )
    }

    def make_renderer(self, label: str = "web") -> Transformed:
        strict = JsonPatch(Selector(kinds="Secret"), [{"op": "remove", "path": "/stringData/token/deeper"}], optional=True)
        merge = MergePatch(Selector(kinds="ConfigMap"), {"data": {"added": "1"}}, optional=True)
        return Transformed(ManifestsRenderer(), DefaultNamespace("shop"), CommonLabels({"team": label}), merge, strict)

    def make_other_renderer(self) -> Transformed:
        return self.make_renderer("db")


@pytest.mark.parametrize("inner", [MemoryRenderer([SITE, OTHER]), FunctionRenderer(hosts, version="1"), ManifestsRenderer()])
def test_no_transform_is_no_change(inner: Any) -> None:
    tree = make_tree(TestFunctionRenderer.files if isinstance(inner, FunctionRenderer) else TestTransformed.files)
    assert list(Transformed(inner).render(make_context(), tree)) == list(inner.render(make_context(), tree))

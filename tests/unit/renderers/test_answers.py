from __future__ import annotations

import zlib
from typing import Any

import pytest

from gitops_core.model.resources import Origin, Resource
from gitops_core.model.revisions import Revision, Tree
from gitops_core.renderers.function import FunctionRenderer
from gitops_core.renderers.memory import MemoryRenderer
from gitops_core.renderers.transforms import CommonLabels, DefaultNamespace, MergePatch, Selector, Transformed
from gitops_core.testing.contexts import MemoryMemo, Recorder, make_context

TREE = Tree("t", Revision("r"), dict, lambda _file: b"")
CRD: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "realms.example.org"},
    "spec": {"scope": "Cluster", "group": "example.org", "names": {"kind": "Realm"}},
}
REALM = {"apiVersion": "example.org/v1", "kind": "Realm", "metadata": {"name": "main"}}


def settings(count: int, changed: int = 0) -> list[dict[str, Any]]:
    """The first *changed* of them hold another value."""
    metas = [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"c{n:03}"}} for n in range(count)]
    return [{**meta, "data": {"new" if n < changed else "old": "x"}} for n, meta in enumerate(metas)]


def transformed(objects: list[dict[str, Any]], label: str = "web") -> Transformed:
    """A new process: nothing is in memory."""
    hidden = MergePatch(Selector(kinds="Job"), {"spec": None}, optional=True)
    return Transformed(MemoryRenderer(objects), DefaultNamespace("shop"), CommonLabels({"team": label}), hidden)


def work(renderer: Transformed, **context: Any) -> int:
    """How many objects were transformed and not remembered."""
    recorder = Recorder()
    list(renderer.render(make_context(recorder, **context), TREE))
    return recorder.counts["resources_transformed"]


def test_the_next_process_makes_nothing_anew() -> None:
    memo = MemoryMemo()
    first = list(transformed(settings(3)).render(make_context(memo=memo), TREE))
    second = transformed(settings(3))
    assert work(second, memo=memo) == 0
    assert [(r, r.body) for r in second.render(make_context(memo=memo), TREE)] == [(r, r.body) for r in first]


def test_an_object_that_no_transform_is_about_is_remembered_as_such() -> None:
    memo = MemoryMemo()
    only = CommonLabels({"a": "b"}, Selector(kinds="Job", labels={"x": "*"}))
    assert [work(Transformed(MemoryRenderer(settings(2)), only), memo=memo) for _ in range(2)] == [2, 0]


@pytest.mark.parametrize(
    ("label", "context"),
    [("db", {}), ("web", {"salt": b"another"}), ("web", {"application": "example.org/tests/other"})],
    ids=["options", "salt", "application"],
)
def test_what_belongs_to_others_is_not_taken(label: str, context: dict[str, Any]) -> None:
    memo = MemoryMemo()
    work(transformed(settings(3)), memo=memo)
    assert work(transformed(settings(3), label), memo=memo, **context) == 3


def test_a_definition_that_changed_its_scope_is_noticed_by_the_next_process() -> None:
    memo = MemoryMemo()
    work(transformed([REALM, CRD]), memo=memo)
    moved = {**CRD, "spec": {**CRD["spec"], "scope": "Namespaced"}}
    found = list(transformed([REALM, moved]).render(make_context(memo=memo), TREE))
    assert str(found[0].key) == "example.org/Realm/shop/main"


@pytest.mark.parametrize("data", [b"", b"not zlib", b"x\x9c\x03\x00\x00\x00\x00\x01", b"x\x9c\xabV\xaa\x05\x00\x01u\x00\xf9"])
def test_a_memo_that_somebody_else_wrote_is_a_miss(data: bytes) -> None:
    memo = MemoryMemo()
    work(transformed(settings(2)), memo=memo)
    memo.values = dict.fromkeys(memo.values, data)
    assert [work(transformed(settings(2)), memo=memo) for _ in range(2)] == [2, 0]


def test_few_new_answers_are_not_worth_writing_all_of_them() -> None:
    memo = MemoryMemo()
    objects = settings(40)
    renderer = Transformed(FunctionRenderer(lambda tree: objects, version="1"), CommonLabels({"a": "b"}))
    work(renderer, memo=memo)
    written = dict(memo.values)
    objects[:] = settings(40, changed=2)
    assert (work(renderer, memo=memo), memo.values) == (2, written)
    objects[:] = settings(40, changed=3)
    assert work(renderer, memo=memo) == 1
    assert memo.values != written, "three of forty are"


def test_a_render_that_failed_is_not_written() -> None:
    memo = MemoryMemo()
    with pytest.raises(Exception, match="is about none"):
        work(Transformed(MemoryRenderer(settings(2)), MergePatch(Selector(kinds="Job"), {"a": 1})), memo=memo)
    assert memo.values == {}


def test_no_body_is_written() -> None:
    memo = MemoryMemo()
    resource = Resource.of({"kind": "Note", "name": "n", "text": "canary"}, Origin(path="n"))
    work(Transformed(FunctionRenderer(lambda tree: [resource]), MergePatch(Selector(), {"more": "canary"})), memo=memo)
    (data,) = memo.values.values()
    assert b"canary" not in zlib.decompress(data)
    assert resource.digest.encode() in zlib.decompress(data)

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import pytest

from gitops_core.errors import Cancelled, ConfigError, DuplicateResource, ManifestError, RenderError
from gitops_core.interfaces import Context
from gitops_core.model.resources import Origin, Resource
from gitops_core.model.revisions import File, Revision, Tree
from gitops_core.renderers.function import FunctionRenderer
from gitops_core.testing.contexts import make_context

TREE = Tree("t", Revision("r"), lambda: {"hosts": File("hosts", "1")}, lambda _file: b"a b")


def hosts(tree: Tree) -> Iterator[dict[str, Any]]:
    for name in tree.read(tree.files["hosts"]).decode().split():
        yield {"kind": "Host", "name": name}


def rendered(renderer: FunctionRenderer, **context: Any) -> list[Resource]:
    return list(renderer.render(make_context(**context), TREE))


def test_a_function_of_the_tree_yields_bodies() -> None:
    found = rendered(FunctionRenderer(hosts))
    assert [(str(r.key), str(r.origin), r.origin.document) for r in found] == [("Host/a", "hosts", 0), ("Host/b", "hosts", 1)]


def test_a_function_of_context_and_tree_gets_both() -> None:
    def owned(ctx: Context, tree: Tree) -> list[dict[str, Any]]:
        return [{"kind": "Host", "name": name, "owner": ctx.application} for name in tree.files]

    assert rendered(FunctionRenderer(owned))[0].body["owner"] == "example.org/tests/app"


def test_a_parameter_with_a_default_asks_for_nothing() -> None:
    def render(tree: Tree, kind: str = "Host") -> list[dict[str, Any]]:
        return [{"kind": kind, "name": name} for name in tree.files]

    assert str(rendered(FunctionRenderer(render))[0].key) == "Host/hosts"


def test_methods_and_partial_functions_will_do() -> None:
    class Maker:
        def __call__(self, tree: Tree) -> list[dict[str, Any]]:
            return [{"kind": "Host", "name": "called"}]

    def three(prefix: str, ctx: Context, tree: Tree) -> list[dict[str, Any]]:
        return [{"kind": "Host", "name": prefix}]

    found = [rendered(FunctionRenderer(fn))[0].key.name for fn in (Maker(), functools.partial(three, "partial"))]
    assert found == ["called", "partial"]
    assert FunctionRenderer(Maker()).name == "Maker"


def test_a_body_may_come_with_its_origin() -> None:
    origin = Origin(path="hosts", line=1)
    assert rendered(FunctionRenderer(lambda tree: [({"kind": "Host", "name": "a"}, origin)]))[0].origin == origin


def test_an_origin_without_a_source_gets_the_one_of_the_tree() -> None:
    tree = Tree("t", Revision("r", source="https://example.org/r"), dict, lambda _file: b"")
    items = [
        ({"kind": "Host", "name": "a"}, Origin(path="x")),
        ({"kind": "Host", "name": "b"}, Origin("other", path="y")),
        {"kind": "Host", "name": "c"},
    ]
    found = FunctionRenderer(lambda tree: items).render(make_context(), tree)
    assert [r.origin.source for r in found] == ["https://example.org/r", "other", "https://example.org/r"]


def test_two_items_with_one_key_are_refused() -> None:
    with pytest.raises(DuplicateResource, match="declared twice: first in twice, document 0"):
        rendered(FunctionRenderer(lambda tree: [{"kind": "Host", "name": "a"}] * 2, name="twice"))


def test_a_resource_is_passed_on_as_it_is() -> None:
    resource = Resource.of({"kind": "Host", "name": "a"}, Origin(path="x"))
    assert rendered(FunctionRenderer(lambda tree: [resource]))[0] is resource


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ("text", "of type str"),
        (None, "of type NoneType"),
        (({}, "x"), r"a tuple of \(dict, str\)"),
        (({},), r"a tuple of \(dict\)"),
    ],
)
def test_another_item_is_an_error_that_names_what_was_found(item: object, said: str) -> None:
    with pytest.raises(RenderError, match=f"rules: item 1 is {said}; it must be a body"):
        rendered(FunctionRenderer(lambda tree: [{"kind": "Host", "name": "a"}, item], name="rules"))


def test_a_value_that_json_does_not_have_is_an_error_with_its_pointer() -> None:
    with pytest.raises(ManifestError, match=r"item 0: /at: object is not a JSON value"):
        rendered(FunctionRenderer(lambda tree: [{"kind": "Host", "name": "a", "at": object()}]))


@pytest.mark.parametrize("result", [None, 7, "text", b"bytes", {"kind": "Host", "name": "a"}])
def test_a_function_that_returns_no_sequence_is_told_what_to_return(result: object) -> None:
    with pytest.raises(RenderError, match=f"rules returned {type(result).__name__}; it must yield"):
        rendered(FunctionRenderer(lambda tree: result, name="rules"))


@pytest.mark.parametrize("fn", [list, lambda a, b, c: [], lambda *args: [], 7])
def test_a_function_with_other_parameters_is_refused_at_once(fn: Any) -> None:
    with pytest.raises(ConfigError, match=r"FunctionRenderer takes a function|must take \(tree\) or \(ctx, tree\)"):
        FunctionRenderer(fn)


def test_without_a_version_nothing_is_remembered() -> None:
    assert FunctionRenderer(hosts).fingerprint == ""


def test_name_and_version_are_the_fingerprint() -> None:
    assert FunctionRenderer(hosts, version="2").fingerprint == "function:hosts:2"
    assert FunctionRenderer(hosts, name="edge", version="2").name == "edge"


def test_a_cancel_ends_an_endless_function() -> None:
    ctx = make_context()

    def endless(tree: Tree) -> Iterator[dict[str, Any]]:
        number = 0
        while True:
            yield {"kind": "Host", "name": f"h{number}"}
            number += 1
            if number == 3:
                ctx.cancel.set()

    with pytest.raises(Cancelled):
        list(FunctionRenderer(endless).render(ctx, TREE))

"""Outlines: what follows from field names, worked out once for all objects of one template."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_core.model import outlines
from gitops_core.model.outlines import item_segment, merge_key, outline
from gitops_core.model.pointers import escape
from gitops_core.model.values import Sensitive, freeze


def deployment(name: str, image: str) -> dict[str, object]:
    ports = [{"containerPort": 80}, {"containerPort": 443, "protocol": "TCP"}]
    containers = [{"name": name, "image": image, "ports": ports}, {"name": "side", "args": ["x"]}]
    return freeze({"kind": "Deployment", "metadata": {"name": name}, "spec": {"containers": containers, "empty": {}, "none": []}})


def test_objects_of_one_template_share_a_shape_and_differ_in_names():
    a, b = outline(deployment("a", "x")), outline(deployment("b", "y"))
    assert a.shape is b.shape
    assert (a.names != b.names, a.shape.holes) == (True, len(a.names))
    assert [p.replace("=a]", "=b]") for p in a.pointers] == list(b.pointers)


def test_equal_names_share_one_tuple_of_addresses():
    assert outline(deployment("a", "x")).pointers is outline(deployment("a", "y")).pointers


def test_an_outline_knows_every_field_and_whether_anything_is_secret():
    plain = outline(deployment("a", "x"))
    for field in ("kind", "containers", "containerPort", "protocol"):
        assert plain.has_field_of(frozenset({"x", field}))
    assert not plain.has_field_of(frozenset({"x", "80", "side"}))
    assert not plain.is_wrapped
    assert outline(freeze({"a": [{"b": [Sensitive("x")]}]})).is_wrapped
    assert outline(Sensitive("x")).is_wrapped
    assert not outline("text").is_wrapped


def test_a_list_and_an_object_that_are_written_alike_are_not_confused():
    as_list, as_object = freeze({"x": [{"name": "a", "b": 1}]}), freeze({"x": {"[name=a]": {"name": "a", "b": 1}}})
    assert outline(as_list).pointers == ("/x/[name=a]", "/x/[name=a]/b")
    assert outline(as_object).pointers == ("/x/[name=a]/b", "/x/[name=a]/name")


def test_plain_containers_have_the_outlines_of_frozen_ones():
    body = {"a": [{"name": "x", "b": {"c": 1}}], "d": {}}
    assert outline(body).pointers == outline(freeze(body)).pointers


def test_memos_are_emptied_when_they_are_full_and_nothing_changes(monkeypatch):
    monkeypatch.setattr(outlines, "_CACHED", 2)
    monkeypatch.setattr(outlines, "_NAMED_ALIKE", 2)
    monkeypatch.setattr(outlines, "_known", {})
    monkeypatch.setattr(outlines, "_flat", {})
    for name in string.ascii_letters:
        body = freeze({name: {f"{name}1": 1}, "items": [{"name": name, "value": {}}]})
        expected = {f"/{name}/{name}1", f"/items/[name={name}]", f"/items/[name={name}]/value"}
        assert set(outline(body).pointers) == set(outline(body).pointers) == expected
        assert max(len(outlines._known), len(outlines._flat)) <= 2
    shape = outline(freeze([{"name": "a"}])).shape
    assert [shape.pointers((f"[name={name}]",)) for name in "abca"] == [(f"/[name={name}]",) for name in "abca"]


def _addresses(value: object, address: str = "") -> list[str]:
    """Say the same in the plainest way."""
    if isinstance(value, dict) and value:
        return [found for name, item in value.items() for found in _addresses(item, f"{address}/{escape(name)}")]
    key = merge_key(value) if isinstance(value, list) else ""
    if not key:
        return [address]
    found = []
    for item in value:
        own = f"{address}/{escape(item_segment(key, item))}"
        rest = {name: part for name, part in item.items() if name != key}
        found += [own, *(_addresses(rest, own) if rest else ())]
    return found


names = st.sampled_from(["name", "key", "a", "b/c", "~", "[name=a]", "{0}", "%s"])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "a", "b/c", "{0}"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(names, values, max_size=4))
def test_addresses_are_those_of_a_plain_walk(body):
    assert outline(freeze(body)).pointers == tuple(sorted(_addresses(body)))


@pytest.mark.parametrize(
    "body", [{}, {"a": {}}, {"a": []}, {"a": [1, "x", None]}, {"a": [[{"name": "x"}]]}, {"a": [{"b": 1}, 2]}]
)
def test_what_has_no_names_is_one_value(body):
    assert outline(freeze(body)).pointers == (tuple(f"/{name}" for name in body) or ("",))


@pytest.mark.parametrize("odd", ["a\nb", "a\0b", "\x000\0", "100 %s", "%", "%(x)s"])
def test_addresses_are_right_the_first_time_and_later_whatever_names_and_fields_are_called(odd):
    def body(name):
        return freeze(
            {"l": [{"name": name, odd: 1, "in": [{"key": "x" + name}, {"key": odd}]}, {"name": "other"}], odd: {odd: 2}}
        )

    for name in ("first", odd, "third", "a\nb"):
        expected = ["/l/[name=other]", f"/{odd}/{odd}"] + [
            f"/l/[name={name}]{below}" for below in ("", f"/{odd}", f"/in/[key=x{name}]", f"/in/[key={odd}]")
        ]
        assert outline(body(name)).pointers == tuple(sorted(expected))

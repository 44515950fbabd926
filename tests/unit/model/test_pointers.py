"""JSON Pointers and patterns of them."""

from __future__ import annotations

from types import MappingProxyType

import pytest

from gitops_core.model.pointers import Patterns, as_patterns, children, escape, get, join, leaves, split

DOCUMENT = {"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, 'k"l': 6, " ": 7, "m~n": 8}


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("", DOCUMENT),
        ("/foo", ["bar", "baz"]),
        ("/foo/0", "bar"),
        ("/", 0),
        ("/a~1b", 1),
        ("/c%d", 2),
        ("/e^f", 3),
        ("/g|h", 4),
        ("/i\\j", 5),
        ('/k"l', 6),
        ("/ ", 7),
        ("/m~0n", 8),
    ],
)
def test_the_examples_of_rfc_6901_section_5(pointer: str, value: object) -> None:
    assert get(DOCUMENT, pointer) == value


@pytest.mark.parametrize("pointer", ["/foo/2", "/foo/-1", "/foo/x", "/foo/0/deeper", "/nope", "/nope/deeper"])
def test_a_pointer_to_nothing_gives_the_default(pointer: str) -> None:
    assert get(DOCUMENT, pointer, "default") == "default"


def test_null_is_something() -> None:
    assert get({"a": None}, "/a", "default") is None


def test_a_pointer_begins_with_a_slash() -> None:
    with pytest.raises(ValueError, match="begins with '/': 'a/b'"):
        split("a/b")


def test_segments_are_escaped_and_joined() -> None:
    assert join(["a/b", "m~n", 0]) == "/a~1b/m~0n/0"
    assert split("/a~1b/m~0n/0") == ("a/b", "m~n", "0")
    assert split("/~01") == ("~1",)
    assert split("") == ()
    assert (escape("plain"), escape("~/")) == ("plain", "~0~1")


def test_children_are_one_level_below() -> None:
    assert list(children({"a": [1]})) == [("a", [1])]
    assert list(children([7, 8])) == [("0", 7), ("1", 8)]
    assert list(children("text")) == []


def test_leaves_come_in_document_order_and_empty_containers_are_leaves() -> None:
    body = {"b": {"x/y": 1}, "a": [], "c": [{}, 2]}
    assert list(leaves(body)) == [("/b/x~1y", 1), ("/a", []), ("/c/0", {}), ("/c/1", 2)]
    assert list(leaves(5)) == [("", 5)]
    assert list(leaves({"a": MappingProxyType({"b": 1})})) == [("/a/b", 1)]


@pytest.mark.parametrize(
    ("pointer", "covers", "touches"),
    [
        ("/data", True, True),
        ("/data/password", True, True),
        ("/database", False, False),
        ("", False, True),
        ("/spec", False, True),
        ("/spec/containers/3", False, True),
        ("/spec/containers/3/env", True, True),
        ("/spec/containers/3/env/0/value", True, True),
        ("/spec/containers/3/image", False, False),
        ("/spec/volumes", False, False),
    ],
)
def test_a_pattern_covers_what_it_names_and_below_and_touches_the_way_to_it(pointer: str, covers: bool, touches: bool) -> None:
    patterns = Patterns({"/data", "/spec/containers/*/env"})
    assert (patterns.covers(pointer), patterns.touches(pointer)) == (covers, touches)


def test_no_pattern_covers_nothing_and_the_empty_pattern_everything() -> None:
    assert not Patterns()
    assert not Patterns().covers("/a")
    assert Patterns({""})
    assert Patterns({""}).covers("")


def test_patterns_are_values() -> None:
    assert as_patterns(["/a", "/b"]) == Patterns(frozenset({"/b", "/a"}))
    assert as_patterns(Patterns({"/a"})) == Patterns({"/a"})
    assert hash(Patterns({"/a"})) == hash(Patterns({"/a"}))
    with pytest.raises(ValueError, match="begins with"):
        Patterns({"a"})

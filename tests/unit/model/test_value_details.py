"""Details of values, pointers, secrets and keys that no other test would miss."""

from __future__ import annotations

import hashlib
import hmac
from types import MappingProxyType

import pytest

from gitops_core.model import outlines
from gitops_core.model.outlines import merge_key, outline
from gitops_core.model.pointers import Patterns, get, leaves
from gitops_core.model.resources import Live, Resource, ResourceKey, as_key, key_of
from gitops_core.model.secrets import Redactor, is_wrapped, reveal, secret_texts
from gitops_core.model.values import FrozenDict, Sensitive, canonical_json, digest, freeze, mask, same, thaw


def tag(salt, text):
    return hmac.new(salt, text.encode(), hashlib.sha256).hexdigest()


# -- values --------------------------------------------------------------------------------------------------------------------------


def test_a_mask_is_ten_digits_of_a_keyed_digest():
    """A plan that was saved shows the same mask when it is read again."""
    assert mask("a", b"s") == mask(Sensitive("a"), b"s") == f"(sensitive {tag(b's', chr(34) + 'a' + chr(34))[:10]})"


def test_a_secret_enters_canonical_json_as_its_keyed_digest():
    """Digests stand in stores: what they are made of cannot change."""
    expected = f'{{"a":{{"$sensitive":"{tag(b"s", "[1,2]")}"}}}}'
    assert canonical_json({"a": Sensitive([1, 2])}, b"s") == expected
    assert digest({"a": Sensitive([1, 2])}, b"s") == hashlib.sha256(expected.encode()).hexdigest()


def test_canonical_json_without_a_salt_keys_secrets_with_none():
    assert canonical_json(Sensitive(1)) == f'{{"$sensitive":"{tag(b"", "1")}"}}'
    assert digest(Sensitive(1)) == digest(Sensitive(1), b"")


def test_a_secret_is_shown_as_three_stars():
    secret = Sensitive("a")
    assert (str(secret), f"{secret}", f"{secret:>9}", repr(secret)) == ("***", "***", "***", "Sensitive(***)")


@pytest.mark.parametrize(
    ("value", "pointer"),
    [
        ({"a": {"b": [1, {"c": object()}]}}, "/a/b/1/c"),
        ([[object()]], "/0/0"),
        ({"a": {"b": {1: 2}}}, "/a/b"),
        ({"a": [0.5, float("nan")]}, "/a/1"),
    ],
)
def test_what_json_does_not_have_is_found_by_its_whole_pointer(value, pointer):
    with pytest.raises(TypeError, match=f"^{pointer}: "):
        freeze(value)


def test_a_circle_has_no_digest():
    circle = {}
    circle["self"] = circle
    with pytest.raises(RecursionError):
        digest(circle)


def test_values_of_different_kinds_are_not_the_same():
    assert same({}, []) is False
    assert same([], "") is False
    assert same((), []) is True
    assert same({"a": None}, {"b": None}) is False


def test_a_leaf_thaws_to_itself():
    secret = Sensitive("a")
    assert thaw([secret])[0] is secret
    assert type(thaw(freeze({"a": [{}]}))["a"][0]) is dict


# -- pointers ------------------------------------------------------------------------------------------------------------------------


def test_a_list_is_read_by_number_only():
    assert get([7, 8], "/1") == 8
    assert get([7, 8], "/2", "none") == "none"
    assert get(("x",), "/0") == "x"
    assert get("text", "/0", "none") == "none"


def test_an_empty_mapping_is_a_leaf_whatever_its_class():
    assert list(leaves({"a": MappingProxyType({})}, "/x")) == [("/x/a", {})]


def test_patterns_do_not_show_how_they_are_kept():
    assert repr(Patterns({"/a"})) == "Patterns(patterns=frozenset({'/a'}))"


# -- secrets -------------------------------------------------------------------------------------------------------------------------


def test_only_strict_base64_is_decoded():
    """Anything else decodes to what nobody ever wrote, and removing that would destroy messages."""
    assert list(secret_texts(Sensitive("aHVu\ndGVyMg=="))) == ["aHVu\ndGVyMg=="]


def test_a_secret_of_three_letters_is_removed():
    assert Redactor.of({"a": Sensitive("abc")}).redact("xabcx") == "x***x"


def test_overlapping_secrets_of_one_length_are_removed_in_one_order():
    bodies = {"a": Sensitive("bcdé")}, {"a": Sensitive("abcé")}, {"a": Sensitive("éabc")}
    assert Redactor.of(*bodies).redact("éabcé") == Redactor.of(*reversed(bodies)).redact("éabcé") == "é***"


def test_a_secret_is_found_below_everything():
    assert is_wrapped(({"a": ("x", [Sensitive("y")])},)) is True
    assert is_wrapped({"a": ("x", [{}]), "b": None}) is False


def test_what_is_revealed_is_frozen_all_the_way_down():
    revealed = reveal({"a": ({"b": Sensitive([{}])},)})
    assert revealed == {"a": [{"b": [{}]}]}
    assert type(revealed["a"][0]["b"][0]) is FrozenDict


# -- keys, resources, live objects ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (ResourceKey("", "A/B", "", "c"), "A%2FB/c"),
        (ResourceKey("", "A%", "", "c/d"), "A%25//c/d"),
        (ResourceKey("", "A", "n", "c%2F"), "A/n/c%252F"),
        (ResourceKey("g", "A", "", "c/d"), "g/A//c%2Fd"),
        (ResourceKey("", "A", "", "/"), "A///"),
    ],
)
def test_keys_with_signs_in_them_are_read_back(key, text):
    assert str(key) == text
    assert as_key(text) == key


def test_the_group_of_a_manifest_is_what_stands_before_the_last_slash():
    assert key_of({"apiVersion": "a/b/v1", "kind": "K", "name": "n"}).group == "a/b"
    assert key_of({"kind": "K", "name": "n", "metadata": {"namespace": "own"}, "namespace": "other"}).namespace == "own"


@pytest.mark.parametrize(("given", "text"), [(7, "7"), (None, ""), ("x", "x"), (0, "0")])
def test_ids_and_versions_of_live_objects_are_texts(given, text):
    live = Live("A/a", {}, id=given, version=given)
    assert (live.id, live.version) == (text, text)


def test_a_lean_twin_keeps_what_is_known_of_the_body():
    resource = Resource.of({"kind": "A", "name": "n"})
    twin = resource.with_loader(dict)
    assert twin.known_outline is resource.known_outline
    assert (twin.key, twin.digest, twin.origin) == (resource.key, resource.digest, resource.origin)


# -- outlines ------------------------------------------------------------------------------------------------------------------------


def test_every_list_of_an_object_has_names_of_its_own():
    lists = {"a": [{"name": "x", "in": [{"key": "i"}]}, {"name": "y", "in": [{"key": "j"}]}], "b": 1, "c": {"d": [{"id": "z"}]}}
    found = outline(freeze({"one": lists, "two": [{"name": "w"}]}))
    assert found.pointers == (
        "/one/a/[name=x]", "/one/a/[name=x]/in/[key=i]", "/one/a/[name=y]", "/one/a/[name=y]/in/[key=j]", "/one/b",
        "/one/c/d/[id=z]", "/two/[name=w]",
    )  # fmt: skip
    assert found.shape.holes == len(found.names) == 6


@pytest.mark.parametrize("body", [[], [1, "x"], {}, None, "x", 1.5, [[]], [{"a": 1}, 2]])
def test_a_value_without_fields_is_one_field_without_an_address(body):
    found = outline(freeze(body))
    assert (found.pointers, found.names, found.is_wrapped) == (("",), (), False)


def test_a_shape_remembers_so_many_names_and_no_more(monkeypatch):
    monkeypatch.setattr(outlines, "_NAMED_ALIKE", 2)
    shape = outline(freeze([{"name": "a", "value": 1}])).shape
    sizes = []
    for name in "abcde":
        assert shape.pointers((name,)) == (f"/{name}", f"/{name}/value")
        sizes.append(len(shape._named))
    assert set(sizes) == {1, 2}


@pytest.mark.parametrize(
    ("lists", "key"),
    [
        ((), ""),
        (([],), ""),
        (([], []), ""),
        (([{"name": "a"}], []), "name"),
        (([], [{"name": "a"}]), "name"),
        (([{"name": "a", "id": 1}, {"name": "a", "id": 2}],), "id"),
        (([{"name": "a"}], [{"name": "a"}]), "name"),
        (([{"name": "a"}], [{"id": "a"}]), ""),
        (([{"name": "a"}, "a"],), ""),
        ((["a", {"name": "a"}],), ""),
        (([{"name": 1}, {"name": "1"}],), ""),
        (([{"name": True}],), ""),
        (([{"name": ["a"]}],), ""),
        (([{"other": 1}],), ""),
    ],
)
def test_items_are_named_by_the_first_field_that_tells_them_apart_in_every_list(lists, key):
    assert merge_key(*lists) == key

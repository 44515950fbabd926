"""Frozen JSON values, digests, and the wrapper of secrets."""

from __future__ import annotations

import copy
import enum
import hashlib
import json
import pickle

import pytest

from gitops_core.model.values import (
    FrozenDict,
    FrozenList,
    Sensitive,
    canonical_json,
    digest,
    freeze,
    mask,
    same,
    text_set,
    thaw,
)

CANARY = "c4n4ry-do-not-show"


class Colour(enum.StrEnum):
    RED = "red"


class Number(int):
    pass


class Ratio(float):
    pass


def test_freezing_replaces_every_container_and_keeps_the_leaves() -> None:
    frozen = freeze({"a": [1, 2.5, True, None, "x", {"b": ()}]})
    assert frozen == {"a": [1, 2.5, True, None, "x", {"b": []}]}
    assert (type(frozen), type(frozen["a"]), type(frozen["a"][5])) == (FrozenDict, FrozenList, FrozenDict)


def test_freezing_twice_costs_nothing() -> None:
    frozen = freeze({"a": [1]})
    assert freeze(frozen) is frozen
    assert freeze(frozen["a"]) is frozen["a"]


def test_subclasses_of_scalars_become_plain_scalars() -> None:
    """A value that travels has no behaviour of its own."""
    frozen = freeze([Colour.RED, Number(3), Ratio(0.5)])
    assert [type(value) for value in frozen] == [str, int, float]
    assert frozen == ["red", 3, 0.5]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [object()]}, "/a/0: object is not a JSON value"),
        (object(), "/: object is not a JSON value"),
        ({"a": {1: 2}}, "/a: a key of type int"),
        ({1: 2}, "/: a key of type int"),
        ({"a": float("nan")}, "/a: nan is not a JSON number"),
        (float("inf"), "/: inf is not a JSON number"),
        (Ratio("inf"), "/: inf is not a JSON number"),
        ({"a": {1, 2}}, "/a: set is not a JSON value"),
    ],
)
def test_what_json_does_not_have_is_refused_with_its_place(value: object, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        freeze(value)


@pytest.mark.parametrize(
    "mutate",
    [
        lambda d: d.__setitem__("a", 1),
        lambda d: d.__delitem__("a"),
        lambda d: d.__ior__({}),
        lambda d: d.update({}),
        lambda d: d.setdefault("a", 1),
        lambda d: d.pop("a"),
        lambda d: d.popitem(),
        lambda d: d.clear(),
        lambda d: d["a"].append(1),
        lambda d: d["a"].extend([]),
        lambda d: d["a"].insert(0, 1),
        lambda d: d["a"].pop(),
        lambda d: d["a"].remove(1),
        lambda d: d["a"].clear(),
        lambda d: d["a"].sort(),
        lambda d: d["a"].reverse(),
        lambda d: d["a"].__setitem__(0, 1),
        lambda d: d["a"].__delitem__(0),
        lambda d: d["a"].__iadd__([]),
        lambda d: d["a"].__imul__(2),
    ],
)
def test_a_frozen_value_refuses_every_mutator_and_says_how_to_copy(mutate: object) -> None:
    frozen = freeze({"a": [1]})
    with pytest.raises(TypeError, match="thaw"):
        mutate(frozen)
    assert frozen == {"a": [1]}


def test_every_mutator_of_dict_and_list_is_refused() -> None:
    """A method added to Python's containers later must not thaw ours."""
    readers = {
        *("__class_getitem__", "__contains__", "__eq__", "__ge__", "__getattribute__", "__getitem__", "__gt__", "__hash__"),
        *("__init__", "__iter__", "__le__", "__len__", "__lt__", "__ne__", "__new__", "__or__", "__repr__", "__reversed__"),
        *("__ror__", "__sizeof__", "copy", "fromkeys", "get", "items", "keys", "values", "__doc__", "__add__", "__mul__"),
        *("__rmul__", "count", "index"),
    }
    for frozen, plain in ((FrozenDict, dict), (FrozenList, list)):
        mutators = {name for name in vars(plain) if name not in readers}
        assert {name for name in mutators if getattr(frozen, name) is getattr(plain, name)} == set()


def test_frozen_values_survive_pickling_and_copying() -> None:
    frozen = freeze({"a": [1, {"b": 2}]})
    again = pickle.loads(pickle.dumps(frozen))
    assert (again, type(again), type(again["a"])) == (frozen, FrozenDict, FrozenList)
    assert copy.copy(frozen) is frozen
    assert copy.deepcopy(frozen) is frozen
    assert copy.copy(frozen["a"]) is frozen["a"]
    assert copy.deepcopy(frozen["a"]) is frozen["a"]


def test_thawing_gives_a_deep_copy_that_may_be_changed() -> None:
    frozen = freeze({"a": [1, {"b": (2,)}]})
    thawed = thaw(frozen)
    thawed["a"][1]["b"].append(3)
    assert thawed == {"a": [1, {"b": [2, 3]}]}
    assert frozen == {"a": [1, {"b": [2]}]}


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (1, 1, True),
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        (True, True, True),
        ("1", 1, False),
        (None, None, True),
        ({"a": 1}, {"a": 1}, True),
        ({"a": 1}, {"a": True}, False),
        ({"a": 1}, {"b": 1}, False),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ([1, 2], (1, 2), True),
        ([1, 2], [2, 1], False),
        ([1], [1, 2], False),
        ([1], [True], False),
        ("ab", ["a", "b"], False),
        (["a", "b"], "ab", False),
        ({"a": 1}, [1], False),
    ],
)
def test_equality_of_json_values_tells_booleans_from_numbers(left: object, right: object, equal: bool) -> None:
    assert same(left, right) is equal
    assert same(right, left) is equal


def test_a_digest_is_the_sha256_of_canonical_json() -> None:
    assert digest({"b": "ü", "a": [1, None]}) == hashlib.sha256('{"a":[1,null],"b":"ü"}'.encode()).hexdigest()
    assert canonical_json({"b": 1, "a": True}) == '{"a":true,"b":1}'


def test_what_json_does_not_have_has_no_digest() -> None:
    with pytest.raises(TypeError, match="object is not a JSON value"):
        digest({"a": object()})
    with pytest.raises(ValueError, match="JSON"):
        digest(float("nan"))


def test_the_digest_of_a_secret_is_salted_and_the_rest_is_not() -> None:
    """A stored digest of a secret cannot be guessed back; equal secrets under one salt stay equal."""
    body = {"a": Sensitive(CANARY), "b": 1}
    assert digest(body, b"1") == digest({"b": 1, "a": Sensitive(CANARY)}, b"1")
    assert digest(body, b"1") != digest(body, b"2")
    assert digest(body, b"1") != digest({"a": CANARY, "b": 1}, b"1")
    assert digest({"b": 1}, b"1") == digest({"b": 1}, b"2")
    assert CANARY not in canonical_json(body, b"1")


def test_a_mask_shows_equality_and_nothing_else() -> None:
    assert mask(Sensitive("a"), b"s") == mask("a", b"s")
    assert mask("a", b"s") != mask("b", b"s")
    assert mask("a", b"s") != mask("a", b"t")
    assert mask(CANARY, b"s").startswith("(sensitive ")
    assert CANARY not in mask(CANARY, b"s")


def test_a_secret_shows_in_no_text() -> None:
    secret = Sensitive(CANARY)
    body = {"k": [secret]}
    shown = [repr(secret), str(secret), f"{secret}", f"{secret:>20}", f"{secret!r}", "%s" % secret, repr(body), str(freeze(body))]  # noqa: UP031  # why: loggers format so
    assert [text for text in shown if CANARY in text] == []
    assert "***" in str(secret)


def test_a_secret_is_never_serialised() -> None:
    for serialise in (pickle.dumps, json.dumps):
        with pytest.raises(TypeError) as caught:
            serialise(Sensitive(CANARY))
        assert CANARY not in str(caught.value)
    with pytest.raises(TypeError, match="never serialised"):
        pickle.dumps(freeze({"a": [Sensitive(CANARY)]}))


def test_copying_a_body_keeps_its_secrets_wrapped() -> None:
    secret = Sensitive(CANARY)
    assert copy.copy(secret) is secret
    assert copy.deepcopy({"a": [secret]})["a"][0] is secret


def test_secrets_compare_by_value_and_hash_alike() -> None:
    assert Sensitive("a") == Sensitive("a")
    assert Sensitive("a") != Sensitive("b")
    assert Sensitive("a") != "a"
    assert Sensitive(1) != Sensitive(True)
    assert {Sensitive("a"), Sensitive("a"), Sensitive("b")} == {Sensitive("b"), Sensitive("a")}
    assert hash(Sensitive(1)) == hash(Sensitive(1.0))
    assert hash(Sensitive([1])) == hash(Sensitive([1]))


def test_a_secret_is_wrapped_once() -> None:
    assert Sensitive(Sensitive("a")).reveal() == "a"


def test_a_set_of_texts_is_frozen() -> None:
    assert text_set(["b", "a", "b"]) == frozenset({"a", "b"})

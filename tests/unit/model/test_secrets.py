"""Where secrets enter and leave."""

from __future__ import annotations

import base64

from gitops_core.model.pointers import Patterns
from gitops_core.model.secrets import (
    KUBERNETES_SECRET,
    Redactor,
    clear_texts,
    is_wrapped,
    reveal,
    secret_texts,
    sensitive_pointers,
    wrap,
)
from gitops_core.model.values import FrozenDict, FrozenList, Sensitive

SECRET = {
    "kind": "Secret",
    "data": {"password": "aHVudGVyMg==", "none": None, "nested": {"list": ["a", {}]}},
    "stringData": {},
}


def test_every_leaf_below_a_pattern_is_wrapped_and_nothing_else() -> None:
    wrapped = wrap(SECRET, KUBERNETES_SECRET)
    assert wrapped == {
        "kind": "Secret",
        "data": {"password": Sensitive("aHVudGVyMg=="), "none": None, "nested": {"list": [Sensitive("a"), {}]}},
        "stringData": {},
    }
    assert isinstance(wrapped["data"]["nested"]["list"], FrozenList)


def test_without_patterns_a_body_is_only_frozen() -> None:
    assert wrap(SECRET, Patterns()) == SECRET
    assert isinstance(wrap(SECRET, Patterns()), FrozenDict)


def test_revealing_undoes_wrapping() -> None:
    wrapped = wrap(SECRET, KUBERNETES_SECRET)
    assert reveal(wrapped) == SECRET
    assert reveal(Sensitive({"a": [1]})) == FrozenDict({"a": [1]})
    assert isinstance(reveal(wrapped)["data"], FrozenDict)
    assert reveal((1, Sensitive(2))) == [1, 2]


def test_a_body_knows_whether_it_holds_a_secret() -> None:
    assert is_wrapped(wrap(SECRET, KUBERNETES_SECRET))
    assert is_wrapped([1, {"a": Sensitive("x")}])
    assert is_wrapped(Sensitive(1))
    assert not is_wrapped(SECRET)
    assert not is_wrapped("text")


def test_the_places_of_secrets_are_named_by_pointers_in_order() -> None:
    body = {"b": Sensitive("x"), "a/b~": ["open", {"c": Sensitive(1)}, Sensitive(None)], "d": {"e": None, "f": 1.5}}
    assert list(sensitive_pointers(body)) == ["/b", "/a~1b~0/1/c", "/a~1b~0/2"]


def test_texts_that_are_no_secret_are_found_at_any_depth() -> None:
    assert list(clear_texts({"a": "x", "b": [1, ["y"], {"c": "z"}], "d": Sensitive("hidden"), "e": {"f": None}})) == [
        "x",
        "y",
        "z",
    ]


def test_a_star_in_a_pattern_stands_for_any_field_and_any_item() -> None:
    body = {"users": [{"pin": 1, "name": "a"}, {"pin": [2, None]}], "other": {"pin": 3}, "*": 4}
    assert wrap(body, Patterns({"/users/*/pin", "/users/1/name"})) == {
        "users": [{"pin": Sensitive(1), "name": "a"}, {"pin": [Sensitive(2), None]}],
        "other": {"pin": 3},
        "*": 4,
    }
    assert wrap({"a": 1, "b": {}}, Patterns({""})) == {"a": Sensitive(1), "b": {}}


def test_a_secret_is_looked_for_as_it_is_and_decoded() -> None:
    """Kubernetes hands out base64; an error of an API may show either."""
    assert list(secret_texts({"a": Sensitive("aHVudGVyMg=="), "b": "open", "c": Sensitive(12345)}))[:2] == [
        "aHVudGVyMg==",
        "hunter2",
    ]
    assert list(secret_texts(Sensitive("not base64!"))) == ["not base64!"]
    assert list(secret_texts(Sensitive(base64.b64encode(b"\xff\xfe").decode()))) == ["//4="]


def test_a_redactor_removes_every_secret_longest_first() -> None:
    redactor = Redactor.of({"a": Sensitive("hunter2")}, {"b": Sensitive("hunter2-and-more"), "c": Sensitive("aHVudGVyMw==")})
    assert (
        redactor.redact("bad password hunter2-and-more, hunter2, hunter3 and aHVudGVyMw==")
        == "bad password ***, ***, *** and ***"
    )


def test_a_redactor_leaves_very_short_secrets_and_shows_nothing_itself() -> None:
    """A secret of one or two characters cannot be removed without destroying the text."""
    redactor = Redactor.of({"a": Sensitive("ab"), "b": Sensitive("hunter2")})
    assert redactor.redact("abc") == "abc"
    assert "hunter2" not in repr(redactor)
    assert Redactor().redact("abc") == "abc"

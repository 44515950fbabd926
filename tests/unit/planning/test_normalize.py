"""One spelling, wrapped secrets, contained plug-ins."""

from __future__ import annotations

import pytest

from gitops_core.errors import Cancelled, DeadlineExceeded, PluginError
from gitops_core.model.fields import Fields
from gitops_core.model.resources import ResourceKey
from gitops_core.model.values import Sensitive, freeze
from gitops_core.planning.normalize import Secrecy, always_secret, ask, hidden_in, live_digest, normalized, spelled
from gitops_core.planning.request import TargetRules

KEY = ResourceKey("", "Site", "", "a")
SECRET = ResourceKey("", "Secret", "", "a")
PLAIN = TargetRules()


def upper(body):
    return {name: value.upper() if isinstance(value, str) else value for name, value in body.items()}


def test_secrets_are_what_the_target_says_and_the_values_of_a_core_secret():
    rules = TargetRules(fields=Fields(sensitive={"/token"}, write_only={"/pin"}))
    assert {"/token", "/pin"} == set(always_secret(KEY, rules.fields).patterns)
    assert {"/token", "/pin", "/data", "/stringData"} == set(always_secret(SECRET, rules.fields).patterns)
    assert not always_secret(KEY, PLAIN.fields)
    assert not always_secret(ResourceKey("other.io", "Secret", "", "a"), PLAIN.fields)


def test_both_sides_are_spelled_alike_and_wrapped_alike():
    rules = TargetRules(normalize=upper, fields=Fields(sensitive={"/token"}))
    declared = freeze({"token": Sensitive("abcd"), "n": "x"})
    secrecy = Secrecy.of(KEY, rules, declared)
    assert {"token": Sensitive("ABCD"), "n": "X"} == normalized(declared, rules, secrecy)
    assert {"token": Sensitive("ABCD"), "n": "X"} == normalized({"token": "abcd", "n": "x"}, rules, secrecy)


def test_what_the_renderer_wrapped_is_secret_in_the_live_object_too():
    declared = freeze({"url": Sensitive("abcd"), "list": [{"name": "a", "v": Sensitive("efgh")}]})
    secrecy = Secrecy.of(KEY, PLAIN, declared)
    assert secrecy.extra == ("/url", "/list/0/v")
    live = normalized({"url": "other", "list": [{"name": "a", "v": 1}]}, PLAIN, secrecy)
    assert (Sensitive("other"), Sensitive(1)) == (live["url"], live["list"][0]["v"])


def test_what_was_secret_when_it_was_applied_stays_secret_wherever_its_item_went():
    secrecy = Secrecy.of(KEY, PLAIN, {}, ("/list/0/v", "/keyed/[name=a]/v"))
    live = normalized({"list": [{}, {"v": "x"}], "keyed": [{"name": "a", "v": "y"}]}, PLAIN, secrecy)
    assert (Sensitive("x"), Sensitive("y")) == (live["list"][1]["v"], live["keyed"][0]["v"])


def test_a_secret_is_redacted_unless_the_declaration_also_has_it_in_clear():
    secrecy = Secrecy.of(KEY, PLAIN, freeze({"a": Sensitive("canary-1"), "b": Sensitive("shop"), "c": "shop", "d": 5}))
    assert secrecy.redactor.redact("canary-1 shop") == "*** shop"
    assert (
        hidden_in(freeze({"c": "shop"}), freeze({"a": Sensitive("canary-1"), "b": Sensitive("shop")})).redact("canary-1 shop")
        == "*** shop"
    )


def raising(error):
    def function(_body):
        raise error

    return function


def test_what_normalize_raises_names_the_function_and_the_class_and_no_secret():
    rules = TargetRules(normalize=raising(ValueError("bad canary-1")))
    declared = freeze({"a": Sensitive("canary-1")})
    with pytest.raises(PluginError, match=r"normalize raised ValueError: bad \*\*\*") as caught:
        normalized(declared, rules, Secrecy.of(KEY, rules, declared))
    assert caught.value.plugin == "normalize"


@pytest.mark.parametrize("returned", [None, [], "x", {"a": {1}}, {1: 2}])
def test_a_normalize_that_returns_no_json_object_is_a_plugin_error(returned):
    with pytest.raises(PluginError, match="normalize raised TypeError"):
        spelled({}, TargetRules(normalize=lambda _: returned))


@pytest.mark.parametrize("body", [[], None, {"a": {1}}])
def test_a_live_body_that_is_no_json_object_is_a_plugin_error(body):
    with pytest.raises(PluginError, match="observe raised TypeError"):
        normalized(body, PLAIN, Secrecy.of(KEY, PLAIN, {}))
    with pytest.raises(PluginError, match="observe raised TypeError"):
        spelled(body, PLAIN)


@pytest.mark.parametrize("error", [Cancelled("stop"), DeadlineExceeded("late")])
def test_a_stop_is_not_a_fault_of_the_plugin(error):
    with pytest.raises(type(error)):
        ask("diff", lambda: raising(error)({}))


def test_the_digest_of_a_live_object_is_keyed_as_a_whole_and_blind_to_spelling():
    rules = TargetRules(normalize=upper)
    assert live_digest({"a": "x"}, rules, b"1") == live_digest({"a": "X"}, rules, b"1")
    assert live_digest({"a": "x"}, rules, b"1") != live_digest({"a": "x"}, rules, b"2")
    assert live_digest({"a": "x"}, rules, b"1") != live_digest({"a": "y"}, rules, b"1")


def test_the_old_secret_is_known_from_the_live_object_wherever_spelling_copies_it():
    declared = freeze({"token": Sensitive("canary-new")})
    secrecy = Secrecy.of(KEY, PLAIN, declared).between(
        declared, {"token": "canary-old"}, freeze({"token": Sensitive("CANARY-OLD")})
    )
    assert secrecy.redactor.redact("canary-new canary-old CANARY-OLD") == "*** *** ***"
    assert Secrecy.of(KEY, PLAIN, {}).between({}, {"token": "x"}) == Secrecy.of(KEY, PLAIN, {})

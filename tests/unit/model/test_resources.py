"""Keys, declared objects, live objects."""

from __future__ import annotations

import pytest

from gitops_core.model.resources import Live, Origin, Pending, Resource, ResourceKey, Unreadable, as_key, key_of, key_set
from gitops_core.model.values import FrozenDict, Sensitive

WEB = ResourceKey("apps", "Deployment", "shop", "web")


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (ResourceKey("", "ConfigMap", "", "site"), "ConfigMap/site"),
        (ResourceKey("", "Service", "shop", "web"), "Service/shop/web"),
        (WEB, "apps/Deployment/shop/web"),
        (ResourceKey("rbac", "ClusterRole", "", "admin"), "rbac/ClusterRole//admin"),
        (ResourceKey("", "File", "", "a/b%2F"), "File//a/b%252F"),
        (ResourceKey("", "File", "shop", "a/b"), "File/shop/a%2Fb"),
    ],
)
def test_a_key_is_written_without_what_is_empty_in_front_and_read_back(key: ResourceKey, text: str) -> None:
    assert str(key) == text
    assert ResourceKey.parse(text) == key


@pytest.mark.parametrize(
    ("written", "key"),
    [
        (WEB, WEB),
        ("apps/Deployment/shop/web", WEB),
        (("apps", "Deployment", "shop", "web"), WEB),
        (("Service", "shop", "web"), ResourceKey("", "Service", "shop", "web")),
        (("File", "motd"), ResourceKey("", "File", "", "motd")),
    ],
)
def test_a_key_may_be_written_in_short(written: object, key: ResourceKey) -> None:
    assert as_key(written) == key


@pytest.mark.parametrize(
    "written", ["", "web", "a/b/c/d/e", (), ("a",), ("a", 1), ("a", "b", "c", "d", "e"), ("", "n"), ("k", ""), 5]
)
def test_what_is_no_key_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match=r"(a|no) key"):
        as_key(written)


def test_keys_are_collected_in_a_frozen_set() -> None:
    assert key_set(["File/a", ("File", "a")]) == frozenset({ResourceKey("", "File", "", "a")})


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}}, WEB),
        ({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}, ResourceKey("", "Namespace", "", "shop")),
        ({"kind": "Record", "name": "www", "namespace": "example.org"}, ResourceKey("", "Record", "example.org", "www")),
        ({"kind": "Record", "name": "www", "metadata": "text"}, ResourceKey("", "Record", "", "www")),
    ],
)
def test_the_key_of_a_manifest(body: dict[str, object], key: ResourceKey) -> None:
    assert key_of(body) == key


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"metadata": {"name": "a"}}, "no kind"),
        ({"kind": "A"}, "no metadata.name"),
        ({"kind": "A", "metadata": {"name": ""}}, "no metadata.name"),
        ({"kind": "A", "metadata": {"name": 5}}, "metadata.name is not text but int"),
        ({"kind": ["A"], "name": "a"}, "kind is not text but list"),
    ],
)
def test_a_manifest_without_a_key_says_what_is_missing(body: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        key_of(body)


def test_an_origin_is_written_as_file_and_line() -> None:
    assert str(Origin(path="a.yaml", line=3)) == "a.yaml:3"
    assert str(Origin(path="a.yaml")) == "a.yaml"
    assert str(Origin()) == ""


def test_a_resource_is_frozen_once_and_named_by_its_manifest() -> None:
    resource = Resource.of({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}})
    assert resource.key == WEB
    assert resource.body is resource.body
    assert isinstance(resource.body["metadata"], FrozenDict)
    assert Resource.of({"a": 1}, key=WEB).key == WEB


def test_equal_bodies_have_equal_digests_whatever_the_order_of_keys() -> None:
    assert Resource.of({"kind": "A", "name": "n"}) == Resource.of({"name": "n", "kind": "A"})
    assert Resource.of({"kind": "A", "name": "n", "x": 1}) != Resource.of({"kind": "A", "name": "n", "x": True})


def test_the_values_of_a_secret_are_wrapped_where_they_enter() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "canary"}}
    resource = Resource.of(secret, salt=b"1")
    assert resource.body["data"]["a"] == Sensitive("canary")
    assert resource.digest != Resource.of(secret, salt=b"2").digest
    assert "canary" not in repr(resource)
    foreign = {**secret, "apiVersion": "example.org/v1"}
    assert Resource.of(foreign).body["data"]["a"] == "canary"


def test_a_lean_twin_loads_the_same_body_when_asked() -> None:
    calls: list[str] = []
    resource = Resource.of({"kind": "A", "name": "n"})
    body = resource.body
    twin = resource.with_loader(lambda: calls.append("loaded") or body)
    assert twin == resource
    assert calls == []
    assert twin.body == body
    assert calls == ["loaded"]


def test_a_live_object_takes_its_body_or_a_way_to_read_it() -> None:
    assert Live("File/motd", {"a": 1}).body == {"a": 1}
    lazy = Live(("File", "motd"), lambda: {"a": 2}, id="7", version="3")
    assert lazy.body == {"a": 2}
    assert (Live("File/motd", {"a": 1}).is_at_hand, lazy.is_at_hand) == (True, False)
    assert (lazy.key, lazy.owner) == (ResourceKey("", "File", "", "motd"), None)
    assert "canary" not in repr(Live("File/motd", {"a": "canary"}))


def test_unreadable_is_about_an_object_a_kind_or_everything() -> None:
    assert Unreadable("apps/Deployment/shop/web", "no").covers(WEB)
    assert not Unreadable("File/motd", "no").covers(WEB)
    assert Unreadable(None, "no").covers(WEB)
    assert Unreadable(None, "no", ("apps", "Deployment")).covers(WEB)
    assert not Unreadable(None, "no", ("", "Deployment")).covers(WEB)
    assert Unreadable(None, OSError("no")) == Unreadable(None, OSError("no"))


def test_a_pending_operation_says_when_to_ask_again() -> None:
    assert Pending("op-1").retry_after == 1.0

from __future__ import annotations

import pytest

from gitops_core.errors import ConfigError, DuplicateResource, ManifestError
from gitops_core.model.revisions import Revision, Tree
from gitops_core.model.values import Sensitive
from gitops_core.renderers.memory import MemoryRenderer
from gitops_core.testing.contexts import make_context

TREE = Tree("t", Revision("r"), dict, lambda _file: b"")
SITE = {"kind": "ConfigMap", "name": "site", "data": {"a": 1}}
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "token"}, "data": {"token": "aHVudGVyMg=="}}


def test_objects_come_out_in_order_with_their_position_as_origin() -> None:
    found = list(MemoryRenderer([SITE, SECRET]).render(make_context(), TREE))
    assert [(str(r.key), r.origin.path, r.origin.document) for r in found] == [
        ("ConfigMap/site", "memory", 0),
        ("Secret/token", "memory", 1),
    ]
    assert found[0].body == SITE


def test_the_objects_are_copied_so_that_later_changes_to_them_mean_nothing() -> None:
    mine = {"kind": "ConfigMap", "name": "site", "data": {"a": 1}}
    renderer = MemoryRenderer([mine])
    mine["data"]["a"] = 2
    assert [r.body["data"]["a"] for r in renderer.render(make_context(), TREE)] == [1]


def test_a_second_render_yields_the_same_resources_without_making_them_again() -> None:
    renderer = MemoryRenderer([SITE])
    first, second = (list(renderer.render(make_context(), TREE)) for _ in range(2))
    assert first[0] is second[0]


def test_another_salt_makes_another_digest_of_a_secret() -> None:
    renderer = MemoryRenderer([SECRET])
    digests = {next(renderer.render(make_context(salt=salt), TREE)).digest for salt in (b"one", b"two")}
    assert len(digests) == 2


def test_an_object_without_a_name_is_an_error_that_says_which() -> None:
    with pytest.raises(ManifestError, match=r"memory: item 1: no metadata.name") as caught:
        list(MemoryRenderer([SITE, {"kind": "ConfigMap"}]).render(make_context(), TREE))
    assert caught.value.origin.document == 1


@pytest.mark.parametrize(
    ("objects", "message"),
    [
        ([SITE, 7], "object 1 is of type int"),
        ([{"kind": "X", "name": "x", "spec": {"tags": {"a"}}}], "object 0: /spec/tags: set is not a JSON"),
    ],
)
def test_what_is_no_json_object_is_refused_at_once(objects: list[object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        MemoryRenderer(objects)


def test_the_fingerprint_is_about_the_objects_and_nothing_else() -> None:
    assert MemoryRenderer([SITE]).fingerprint == MemoryRenderer([dict(reversed(SITE.items()))]).fingerprint
    assert MemoryRenderer([SITE]).fingerprint != MemoryRenderer([{**SITE, "data": {"a": True}}]).fingerprint
    assert MemoryRenderer([SITE]).fingerprint.startswith("memory:")


@pytest.mark.parametrize("body", [SECRET, {"kind": "Role", "name": "app", "password": Sensitive("hunter2")}])
def test_the_digest_of_a_secret_is_in_no_fingerprint(body: dict[str, object]) -> None:
    assert MemoryRenderer([SITE, body]).fingerprint == ""


def test_two_objects_with_one_key_are_refused() -> None:
    with pytest.raises(DuplicateResource, match=r"memory: ConfigMap/site: declared twice: first in memory, document 0; remove"):
        list(MemoryRenderer([SITE, SITE]).render(make_context(), TREE))


def test_origins_name_the_source_of_the_tree() -> None:
    renderer = MemoryRenderer([SITE])
    trees = [Tree("t", Revision("r", source=source), dict, lambda _file: b"") for source in ("here", "there")]
    assert [next(renderer.render(make_context(), tree)).origin.source for tree in trees] == ["here", "there"]

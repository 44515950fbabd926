from __future__ import annotations

from typing import Any

import pytest

from gitops_core.model.resources import Origin, Resource, ResourceKey
from gitops_core.renderers.selectors import Selector

WEB = Resource.of(
    {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web-1", "namespace": "shop", "labels": {"tier": "front", "n": 1}, "annotations": {"by": "ann"}},
    }
)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, True),
        ({"kinds": "Deployment"}, True),
        ({"kinds": ["Service", "Deployment"]}, True),
        ({"kinds": "deployment"}, False),
        ({"names": "web-*"}, True),
        ({"names": ["db-*", "web-[2-9]"]}, False),
        ({"namespaces": "shop"}, True),
        ({"namespaces": ""}, False),
        ({"groups": "apps"}, True),
        ({"groups": ""}, False),
        ({"labels": {"tier": "front"}}, True),
        ({"labels": {"tier": "fr*", "n": "1"}}, True),
        ({"labels": {"tier": "front", "missing": "*"}}, False),
        ({"labels": {"tier": "back"}}, False),
        ({"annotations": {"by": "*"}}, True),
        ({"annotations": {"by": "bob"}}, False),
        ({"kinds": "Deployment", "names": "db"}, False),
    ],
)
def test_all_attributes_must_fit_and_one_text_of_each(facts: dict[str, Any], expected: bool) -> None:
    assert Selector(**facts).matches(WEB) is expected


@pytest.mark.parametrize("metadata", [{"name": "a"}, {"name": "a", "labels": None}, {"name": "a", "labels": ["tier"]}])
def test_an_object_without_labels_has_none_of_them(metadata: dict[str, Any]) -> None:
    assert not Selector(labels={"tier": "*"}).matches(Resource.of({"kind": "X", "metadata": metadata}))


def test_only_labels_and_annotations_need_the_body() -> None:
    def refuse() -> Any:
        raise AssertionError("the body was touched")

    closed = Resource(ResourceKey("apps", "Deployment", "shop", "web"), "d", Origin(), refuse)
    assert Selector(kinds="Deploy*", names="web", namespaces="shop", groups="apps").matches(closed)
    assert not Selector(kinds="Service", labels={"a": "b"}).matches(closed)


def test_a_selector_reads_like_what_was_asked_for() -> None:
    assert str(Selector()) == "every object"
    assert (
        str(Selector(kinds="Deployment", groups="", labels={"tier": "front"}))
        == 'kinds=Deployment groups="" labels={"tier":"front"}'
    )


def test_equal_questions_are_equal_selectors() -> None:
    assert Selector(kinds=["B", "A", "A"]) == Selector(kinds=("A", "B"))

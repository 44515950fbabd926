"""Which objects a selector means."""

import pytest

from gitops_core.model.resources import as_key
from gitops_core.policies.selectors import Globs, Selector

WEB = as_key(("apps", "Deployment", "shop", "web"))
SHOP = as_key("Namespace/shop")


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("a", "a"),
        ("*", "abc"),
        ("*", ""),
        ("a*c", "abbc"),
        ("?", "é"),
        ("edge/*.yaml", "edge/a.yaml"),
        ("edge/", "edge/deep/a.yaml"),
        ("**/a", "a"),
        ("**/a", "x/y/a"),
        ("x/**/a", "x/a"),
        ("x/**", "x/y/z"),
        ("**", "x/y"),
        ("a.b", "a.b"),
        ("[a]", "[a]"),
        ("", ""),
    ],
)
def test_a_pattern_fits(pattern, text):
    assert Globs(pattern).fits(text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("a", "ab"),
        ("a", "A"),
        ("*", "a/b"),
        ("?", "/"),
        ("edge/", "edge"),
        ("edge/", "edges/a"),
        ("a.b", "axb"),
        ("x/**/a", "xa"),
        ("", "a"),
    ],
)
def test_a_pattern_does_not_fit(pattern, text):
    assert not Globs(pattern).fits(text)


def test_one_of_several_patterns_is_enough_and_none_is_none():
    assert Globs(("a", "b")).fits("b")
    assert not Globs(()).fits("")
    assert str(Globs(("a", ""))) == 'a, ""'


def test_a_kind_is_meant_in_every_group_or_in_the_one_that_is_named():
    assert Selector(kinds="Deployment").selects(WEB, "")
    assert Selector(kinds="apps/*").selects(WEB, "")
    assert not Selector(kinds="batch/Deployment").selects(WEB, "")
    assert Selector(kinds="/Namespace").selects(SHOP, "")


def test_every_list_that_is_given_must_fit():
    selector = Selector(kinds="Deployment", namespaces="shop", names="w*", paths="edge/")
    assert selector.selects(WEB, "edge/a.yaml")
    assert selector.mismatch(WEB, "a.yaml") == "path"
    assert selector.mismatch(WEB._replace(name="x"), "edge/a.yaml") == "name"
    assert selector.mismatch(WEB._replace(namespace="x"), "edge/a.yaml") == "namespace"
    assert selector.mismatch(SHOP, "edge/a.yaml") == "kind"


def test_nothing_given_means_everything():
    assert not Selector()
    assert Selector().selects(SHOP, "")


def test_a_selector_reads_as_it_was_written():
    assert str(Selector(kinds=("A", "B"), namespaces="")) == 'kinds A, B; namespaces ""'

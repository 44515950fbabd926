"""What a declaration asks of the engine."""

from __future__ import annotations

import pytest

from gitops_core.model.applications import Owner
from gitops_core.model.pointers import Patterns
from gitops_core.model.resources import ResourceKey
from gitops_core.model.values import Sensitive
from gitops_core.planning.annotations import WORDS, Annotations, read_annotations

OWNER = Owner("example.org", "demo")


def read(**words):
    return read_annotations(
        {"metadata": {"annotations": {f"example.org/{w.replace('_', '-')}": v for w, v in words.items()}}}, OWNER
    )


def test_no_annotations_ask_for_nothing():
    nothing = Annotations(protected=False, wait=True, depends_on=(), problems=())
    for body in (
        {},
        {"metadata": None},
        {"metadata": {"annotations": None}},
        {"metadata": {"annotations": {"other.org/protect": "x"}}},
    ):
        assert nothing == read_annotations(body, OWNER)


@pytest.mark.parametrize(
    ("words", "protected", "wait"),
    [
        ({"protect": "true"}, True, True),
        ({"protect": "false"}, False, True),
        ({"prune": "false"}, True, True),
        ({"prune": "true"}, False, True),
        ({"wait": "false"}, False, False),
        ({"wait": "true", "protect": "true"}, True, True),
    ],
)
def test_each_word_means_what_it_says(words, protected, wait):
    found = read(**words)
    assert (protected, wait, ()) == (found.protected, found.wait, found.problems)


def test_dependencies_are_keys_of_two_three_or_four_parts():
    found = read(depends_on="ConfigMap/site, Service/shop/web , apps/Deployment/shop/db,")
    wanted = (
        ResourceKey("", "ConfigMap", "", "site"),
        ResourceKey("", "Service", "shop", "web"),
        ResourceKey("apps", "Deployment", "shop", "db"),
    )
    assert wanted == found.depends_on


@pytest.mark.parametrize(
    ("words", "attribute", "value"),
    [
        ({}, "strategy", "apply"),
        ({"strategy": "apply"}, "strategy", "apply"),
        ({"strategy": "create-only"}, "strategy", "create-only"),
        ({"strategy": "replace"}, "strategy", "replace"),
        ({"strategy": "recreate"}, "strategy", "recreate"),
        ({}, "conflicts", ""),
        ({"conflicts": "refuse"}, "conflicts", "refuse"),
        ({"conflicts": "take"}, "conflicts", "take"),
        ({"conflicts": "leave"}, "conflicts", "leave"),
        ({}, "drift", ""),
        ({"drift": "off"}, "drift", "off"),
        ({"drift": "warn"}, "drift", "warn"),
        ({"drift": "enforce"}, "drift", "enforce"),
        ({}, "wave", 0),
        ({"wave": "-5"}, "wave", -5),
        ({"wave": "010"}, "wave", 10),
        ({"wave": "999999"}, "wave", 999999),
        ({}, "ignored", Patterns()),
        ({"ignore": " /spec/replicas,/data/*/x , "}, "ignored", Patterns(["/spec/replicas", "/data/*/x"])),
        ({"propagation": "orphan"}, "problems", ()),
        ({"propagation": "foreground"}, "problems", ()),
        ({"propagation": "background"}, "problems", ()),
    ],
)
def test_the_words_about_how_say_what_they_mean(words, attribute, value):
    assert getattr(read(**words), attribute) == value


def test_the_words_that_are_known_are_these():
    assert sorted(WORDS) == [
        "conflicts", "depends-on", "drift", "ignore", "propagation", "protect", "prune", "strategy", "wait", "wave",
    ]  # fmt: skip


def test_an_unknown_word_under_our_domain_is_a_problem_that_lists_the_known_ones():
    (problem,) = read(protekt="true").problems
    assert "example.org/protekt" in problem
    assert all(word in problem for word in WORDS)


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("protect", "yes"),
        ("wait", "True"),
        ("prune", ""),
        ("depends_on", "site"),
        ("depends_on", "/x"),
        ("conflicts", "force"),
        ("conflicts", ""),
        ("strategy", "create_only"),
        ("strategy", "Apply"),
        ("propagation", "Orphan"),
        ("ignore", "spec/replicas"),
        ("ignore", "/a, b"),
        ("wave", "first"),
        ("wave", ""),
        ("wave", "+1"),
        ("wave", "1.0"),
        ("wave", " 1"),
        ("wave", "1234567"),
        ("wave", "--1"),
        ("wave", "\u0663"),
        ("wave", "1\n"),
    ],
)
def test_a_misspelt_value_is_a_problem_that_names_key_value_and_what_is_allowed(word, value):
    (problem,) = read(**{word: value}).problems
    assert f"example.org/{word.replace('_', '-')} is {value!r}" in problem
    assert WORDS[word.replace("_", "-")] in problem


def test_a_value_that_is_no_text_is_a_problem_with_the_cure():
    (problem,) = read(protect=True).problems
    assert "True, not text" in problem
    assert "quotes" in problem


def test_a_secret_value_is_not_shown():
    (problem,) = read(protect=Sensitive("canary-value")).problems
    assert "canary" not in problem


def test_every_problem_is_reported_sorted():
    found = read(wait="maybe", protect="maybe")
    assert [p.split("/")[1].split(" ")[0] for p in found.problems] == ["protect", "wait"]
    assert not found.protected

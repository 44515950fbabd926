"""Edges of written plans that no other test would miss: where a page is cut, what is no number, what a refusal begins with."""

from __future__ import annotations

import json
import math
import re

import attrs
import pytest

from gitops_core.model import plan_markdown
from gitops_core.model.plan_text import LONGEST_VALUE, incomplete, is_elided
from gitops_core.model.plans import DiffOp, FieldDiff, Plan
from gitops_core.model.resources import as_key
from gitops_core.testing.builders.plans import change, plan_of, refused


def test_a_plan_of_another_format_is_refused_in_these_words():
    document = json.loads(plan_of("+ A/a").to_json())
    message = "/format: this library reads format 1; make the plan anew or use the version that saved it, not 2"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Plan.from_json(json.dumps({**document, "format": 2}))


def test_a_number_that_json_does_not_have_is_not_written():
    """Whoever reads the file would refuse all of it."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        attrs.evolve(plan_of("+ A/a"), inventory_serial=math.nan).to_json()


def test_an_action_that_there_is_not_is_refused_with_those_there_are():
    document = json.loads(plan_of("+ A/a").to_json())
    document["changes"][0]["actions"] = ["creat"]
    known = '["create"], ["update"], ["delete", "create"], ["delete"], ["adopt"], ["unchanged"]'
    message = f"/changes/0/actions: one of {known} is needed, not ['creat']"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Plan.from_json(json.dumps(document))


def rows(text):
    return [line for line in text.splitlines() if line.startswith("| `")]


def test_a_table_is_cut_where_its_rows_and_their_line_ends_exceed_the_budget(monkeypatch):
    plan = plan_of("+ A/a", "+ A/bb", "- A/c")
    whole = rows(plan.markdown())
    budget = sum(len(row) + 1 for row in whole)
    monkeypatch.setattr(plan_markdown, "TABLE_BUDGET", budget)
    assert rows(plan.markdown()) == whole
    monkeypatch.setattr(plan_markdown, "TABLE_BUDGET", budget - 1)
    assert rows(plan.markdown()) == whole[:-1]
    assert "\n\n*1 more changes are left out here; the plan as text has them.*\n" in plan.markdown()


def test_details_are_cut_at_their_own_budget(monkeypatch):
    plan = plan_of(*(refused(f"- A/{name}", "policy", "no", "ask") for name in ("a", "b")))
    whole = re.findall("<details>.*?</details>", plan.markdown(), re.DOTALL)
    budget = sum(len(block) + 1 for block in whole)
    monkeypatch.setattr(plan_markdown, "DETAILS_BUDGET", budget)
    assert plan.markdown().count("<details>") == len(whole) == 2
    monkeypatch.setattr(plan_markdown, "DETAILS_BUDGET", budget - 1)
    assert plan.markdown().count("<details>") == 1
    assert "</details>\n\n*1 more details are left out here; the plan as text has them.*\n" in plan.markdown()


def test_a_fence_around_nothing_is_a_fence():
    assert list(plan_markdown.fence([], "diff")) == ["```diff", "```"]
    assert list(plan_markdown.fence(["``", "a"])) == ["```", "``", "a", "```"]


@pytest.mark.parametrize(
    ("text", "span"),
    [("`a", "`` `a ``"), ("a`", "`` a` ``"), (" a", "`  a `"), ("a ", "` a  `"), ("a`b", "``a`b``"), ("a", "`a`"), ("", "")],
)
def test_a_code_span_shows_the_text_with_its_backticks_and_spaces(text, span):
    """One space at each end is taken away by every renderer, and a backtick must not touch those of the span."""
    assert plan_markdown.code(text) == span


def test_what_frees_a_change_is_said_without_a_rule_too():
    plan = plan_of(attrs.evolve(refused("- A/a", "policy", "no", "ask"), rule=""))
    assert "\nRefused; to allow it: `ask`\n" in plan.markdown()
    assert "  # A/a: delete refused (no)\n" in plan.text()


def test_only_a_value_beyond_the_longest_is_shortened():
    diffs = [FieldDiff("/a", DiffOp.ADD, after="x" * (LONGEST_VALUE + more)) for more in (0, 1)]
    assert [is_elided([diff]) for diff in diffs] == [False, True]


def test_a_complete_plan_says_nothing_about_what_is_missing():
    assert incomplete(plan_of("+ A/a")) == ""


def test_everything_that_a_change_comes_after_is_listed():
    plan = plan_of(change("+ A/a", depends_on=(as_key("B/b"), as_key("C/c"))))
    assert "      # after B/b, C/c\n" in plan.text()


@pytest.mark.parametrize(("needs", "said"), [((False, False), None), ((True, False), "1 object"), ((True, True), "2 objects")])
def test_a_plan_says_how_many_objects_have_to_settle(needs, said):
    plan = plan_of(*(change(f"+ A/{name}", wait=wait) for name, wait in zip("ab", needs, strict=True)))
    for text in (plan.text(), plan.markdown()):
        assert ("Wait for" in text) is (said is not None)
        assert said is None or f"Wait for: {said} to settle" in text


def test_what_is_added_and_removed_has_one_line_and_what_is_replaced_two():
    changed = change("~ A/a", {"/new": (..., "x"), "/old": ("y", ...), "/same": (1, 2)})
    lines = [line for diff in changed.diff for line in plan_markdown._diff_lines(diff)]
    assert lines == ['+ new: "x"', '- old: "y"', "- same: 1", "+ same: 2"]


def test_a_plan_says_that_values_are_shortened_and_what_is_missing():
    plan = attrs.evolve(plan_of(change("~ A/a", {"/x": ("", "v" * (LONGEST_VALUE + 1))})), complete=False)
    for text in (plan.text(), plan.markdown()):
        assert f"Values of more than {LONGEST_VALUE} characters are shortened" in text
        assert incomplete(plan) in text

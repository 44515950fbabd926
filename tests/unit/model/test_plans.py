"""Plans as values: counted, searched, saved, shown."""

from __future__ import annotations

import hashlib
import json

import attrs
import pytest

from gitops_core.model.plan_json import ACTIONS
from gitops_core.model.plan_markdown import DETAILS_BUDGET, TABLE_BUDGET
from gitops_core.model.plan_text import LONGEST_VALUE, MARKS, elide, printable
from gitops_core.model.plans import Action, Change, ChangeState, DiffOp, FieldDiff, Plan, Refusal
from gitops_core.model.resources import Origin, ResourceKey

WEB, API = (ResourceKey("apps", "Deployment", "shop", name) for name in ("web", "api"))
CREATE = Change(WEB, Action.CREATE)
REFUSED = Change(API, Action.DELETE, ChangeState.REFUSED, rule="delete_limit")
PLAN = Plan("app", "abc", changes=(CREATE, REFUSED), unchanged=(ResourceKey("", "File", "", "motd"),))


def test_only_ready_changes_are_applied_and_counted() -> None:
    assert PLAN.ready == (CREATE,)
    assert PLAN.counts() == {Action.CREATE: 1}
    assert (CREATE.is_ready, REFUSED.is_ready) == (True, False)


def test_a_plan_is_empty_when_nothing_is_to_be_done_and_nothing_was_refused() -> None:
    assert Plan("app", "abc", unchanged=(WEB,)).is_empty
    assert not PLAN.is_empty


def test_a_change_is_found_by_key() -> None:
    assert PLAN[WEB] is CREATE
    assert PLAN["apps/Deployment/shop/api"] is REFUSED
    with pytest.raises(KeyError, match="File/motd"):
        PLAN["File/motd"]


def test_the_id_of_a_plan_is_the_digest_of_its_json() -> None:
    assert PLAN.id == hashlib.sha256(PLAN.to_json().encode()).hexdigest()
    assert PLAN.id == Plan.from_json(PLAN.to_json()).id
    assert PLAN.id != Plan("app", "abc").id


def test_the_json_is_canonical() -> None:
    text = PLAN.to_json()
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))
    assert json.loads(text)["format"] == 1


def test_a_replace_is_saved_as_delete_and_create() -> None:
    """Whoever searches a saved plan for deletes finds every object that will be gone for a while."""
    saved = json.loads(Plan("app", "abc", changes=(Change(WEB, Action.REPLACE),)).to_json())
    assert saved["changes"][0]["actions"] == ["delete", "create"]


@pytest.mark.parametrize("text", [PLAN.text(), str(PLAN), PLAN.summary, PLAN.markdown()])
def test_every_view_ends_with_or_holds_the_summary(text: str) -> None:
    assert (
        "Plan: 1 to create, 0 to update, 0 to replace, 0 to delete, 0 to adopt; 1 refused, 0 deferred, 0 skipped; 1 unchanged."
        in text
    )


def test_every_action_has_a_mark_and_a_written_form() -> None:
    assert set(MARKS) == set(ACTIONS) == set(Action)
    assert len(set(MARKS.values())) == len(set(ACTIONS.values())) == len(Action)


def test_long_values_are_shortened_visibly() -> None:
    assert elide("x" * LONGEST_VALUE) == "x" * LONGEST_VALUE
    assert elide("x" * 121) == "x" * 80 + "… (121 characters)"


def test_what_a_terminal_would_obey_is_shown_as_an_escape() -> None:
    """Nothing in Git may move the cursor, hide a line or turn text around."""
    assert printable("ä\x1b[2J\n\u202e\x9b\ud800") == "ä\\x1b[2J\\n\\u202e\\x9b\\ud800"


def test_nothing_to_do_is_said_only_when_nothing_was_refused() -> None:
    idle = Plan("app", "abc", unchanged=(ResourceKey("", "ConfigMap", "", "a"),))
    assert "Nothing to do." in idle.text()
    assert "Nothing to do." in idle.markdown()
    refused = Plan("app", "abc", refusals=(Refusal("empty", "nothing is declared"),))
    assert "Nothing to do" not in refused.text() + refused.markdown()


def test_a_plan_for_nothing_at_all_says_where_to_look() -> None:
    """A mistyped path declares nothing, and looks like an application that is in sync."""
    nothing = Plan("app", "abc")
    for text in (nothing.text(), nothing.markdown()):
        assert "Nothing to do: nothing is declared, and nothing is ours. Look at the source's path" in text
    assert "Nothing to do.\n" in attrs.evolve(nothing, complete=False).text()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda d: d.update(format=2), "/format: this library reads format 1; .* not 2"),
        (lambda d: d.update(format=True), "/format: .* not True"),
        (lambda d: d.pop("format"), "/format: .* not None"),
        (lambda d: d.pop("guard"), "/guard: this field is missing"),
        (lambda d: d.update({"a/b": 1}), "/a~1b: no such field is known"),
        (lambda d: d.update(complete=1), "/complete: true or false is needed, not 1"),
        (lambda d: d.update(inventory_serial=True), "/inventory_serial: an integer is needed, not True"),
        (lambda d: d.update(revision=None), "/revision: text is needed, not None"),
        (lambda d: d.update(changes={}), "/changes: an array is needed"),
        (lambda d: d.update(changes=[7]), "/changes/0: an object is needed, not 7"),
        (lambda d: d.update(unchanged=["motd"]), "/unchanged/0: a key like ConfigMap/site"),
        (lambda d: d.update(unchanged=[7]), "/unchanged/0: a key like"),
        (
            lambda d: d["changes"][0].update(actions=["creat"]),
            r'/changes/0/actions: one of \["create"\], .* is needed, not \[.creat.\]',
        ),
        (lambda d: d["changes"][0].update(actions=["create", "delete"]), "/changes/0/actions: one of"),
        (lambda d: d["changes"][0].update(state="later"), "/changes/0/state: one of ready, refused, deferred, skipped"),
        (lambda d: d["changes"][0].update(state=["ready"]), "/changes/0/state: one of"),
        (lambda d: d["changes"][0].update(key="x" * 99), "…"),
        (lambda d: d["verdict"].update(violations=[{"key": 5}]), "/verdict/violations/0/message: this field is missing"),
    ],
)
def test_a_damaged_plan_is_refused_with_the_place(damage: object, message: str) -> None:
    document = json.loads(PLAN.to_json())
    damage(document)
    with pytest.raises(ValueError, match=message):
        Plan.from_json(json.dumps(document))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a plan"),
        ("{", "not a plan"),
        ("[]", "/: a plan is a JSON object"),
        (b"\xff\xff\xff", "not a plan"),
        ('{"a": NaN}', "NaN is not JSON"),
        ('{"a": 1, "b": 2, "a": 3}', "a field is given twice among a, b"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_json_is_no_plan(text: str | bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Plan.from_json(text)


def test_a_plan_is_read_from_bytes_too() -> None:
    assert Plan.from_json(PLAN.to_json().encode()) == PLAN


def test_a_large_plan_is_cut_visibly_and_fits_into_a_comment() -> None:
    """Code hosts refuse comments of more than 65,536 characters; the counts stay whole."""
    diff = (FieldDiff("/spec/image", DiffOp.REPLACE, "spec.image", '"a"', '"b"'),)
    changes = tuple(
        Change(ResourceKey("apps", "Deployment", "shop", f"web-{i:04}"), Action.UPDATE, diff=diff, origin=Origin(path="web.yaml"))
        for i in range(2_000)
    )
    text = Plan("app", "abc", changes=changes).markdown()
    assert "2000 to update" in text
    rows, details = text.count("\n| `~` |"), text.count("<details>")
    assert f"*{2000 - rows} more changes are left out here" in text
    assert f"*{2000 - details} more details are left out here" in text
    assert 0 < rows < 2_000
    assert 0 < details < 2_000
    assert len(text) < TABLE_BUDGET + DETAILS_BUDGET + 1_000 < 65_536

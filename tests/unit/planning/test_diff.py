"""What differs between a declaration and what is live."""

from __future__ import annotations

import json

import attrs
import pytest

from gitops_core.model.fields import Fields
from gitops_core.model.plans import DiffOp, FieldDiff
from gitops_core.model.pointers import Patterns
from gitops_core.model.secrets import Redactor, wrap
from gitops_core.model.values import Sensitive, freeze, mask
from gitops_core.planning.declared import declared_pointers
from gitops_core.planning.diff import Comparison, compare, json_patch, precondition_of, taken_over, write_only_digest

SALT = b"salt"
PLAIN = Comparison(salt=SALT)


def diff(desired, live, how=PLAIN):
    return compare(freeze(desired), freeze(live), how)


def rows(desired, live, how=PLAIN):
    return [(d.pointer, d.op.value, d.before, d.after) for d in diff(desired, live, how)]


@pytest.mark.parametrize(
    ("desired", "live"),
    [
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}, "status": {}}),
        ({"a": {}}, {"a": {"b": 1}}),
        ({"a": None}, {}),
        ({"a": None}, {"a": None}),
        ({"a": 1}, {"a": 1.0}),
        ({"l": []}, {"l": []}),
        ({"l": [{"name": "a"}]}, {"l": [{"name": "a", "default": True}]}),
        ({"l": [{"x": 1}, {"x": 1}]}, {"l": [{"x": 1, "d": 0}, {"x": 1}]}),
        ({"l": [[1], 2]}, {"l": [[1], 2]}),
    ],
)
def test_undeclared_fields_and_absent_nulls_are_no_difference(desired, live):
    assert diff(desired, live) == ()


@pytest.mark.parametrize(
    ("desired", "live", "expected"),
    [
        ({"a": 1}, {}, [("/a", "add", "", "1")]),
        ({"a": "x"}, {"a": "y"}, [("/a", "replace", '"y"', '"x"')]),
        ({"a": True}, {"a": 1}, [("/a", "replace", "1", "true")]),
        ({"a": None}, {"a": 1}, [("/a", "replace", "1", "null")]),
        ({"a": {"b": 1}}, {"a": "x"}, [("/a", "replace", '"x"', '{"b": 1}')]),
        ({"a": {}}, {}, [("/a", "add", "", "{}")]),
        ({"a": {"é/~": 1}}, {"a": {}}, [("/a/é~1~0", "add", "", "1")]),
        ({"l": ["a", "b"]}, {"l": ["b", "a"]}, [("/l", "replace", '["b", "a"]', '["a", "b"]')]),
        ({"l": ["a"]}, {}, [("/l", "add", "", '["a"]')]),
        ({"l": [1]}, {"l": {"0": 1}}, [("/l", "replace", '{"0": 1}', "[1]")]),
        ({"l": [{"x": 1}]}, {"l": [{"x": 2}]}, [("/l/0/x", "replace", "2", "1")]),
        ({"l": [{"x": 1}, {"x": 1}]}, {"l": [{"x": 1}]}, [("/l/1", "add", "", '{"x": 1}')]),
        ({"l": [{"x": 1}]}, {"l": [{"x": 1}, {"y": 1}]}, [("/l/1", "remove", '{"y": 1}', "")]),
        ({"l": [{"x": 1}]}, {"l": []}, [("/l", "replace", "[]", '[{"x": 1}]')]),
        ({"l": [{"name": "a"}]}, {"l": []}, [("/l/0", "add", "", '{"name": "a"}')]),
    ],
)
def test_each_difference_is_shown_once_at_its_place(desired, live, expected):
    assert expected == rows(desired, live)


def test_named_items_are_paired_by_name_and_labelled_by_it():
    desired = {"spec": {"containers": [{"name": "new", "image": "n"}, {"name": "web", "image": "2"}]}}
    live = {"spec": {"containers": [{"name": "web", "image": "1"}, {"name": "old"}]}}
    found = diff(desired, live)
    assert [d.label for d in found] == [
        "spec.containers[name=new]",
        "spec.containers[name=old]",
        "spec.containers[name=web].image",
    ]
    assert [d.op for d in found] == [DiffOp.ADD, DiffOp.REMOVE, DiffOp.REPLACE]
    assert found[1].note == "not in the declared list"


def test_the_order_of_named_items_counts_unless_the_list_is_unordered():
    desired, live = {"l": [{"name": "a"}, {"name": "b"}]}, {"l": [{"name": "b"}, {"name": "a"}]}
    (found,) = diff(desired, live)
    assert (found.pointer, found.before, found.after, found.note) == ("/l", '["b", "a"]', '["a", "b"]', "order")
    assert diff(desired, live, Comparison(fields=Fields(unordered={"/l"}))) == ()


@pytest.mark.parametrize(
    ("desired", "live", "is_same"),
    [
        (["a", "b", "a"], ["a", "a", "b"], True),
        (["a", "a"], ["a", "b"], False),
        (["a"], ["a", "b"], False),
        ([1, 2], [2.0, 1], True),
        ([{"x": 1}, {"x": 2}], [{"x": 2, "d": 0}, {"x": 1, "d": 0}], True),
        ([{"x": 1}, {"x": 3}], [{"x": 2, "d": 0}, {"x": 1, "d": 0}], False),
        ([{"x": 1, "computed": 5}, {"x": 1}], [{"x": 1}, {"x": 1}], True),
    ],
)
def test_an_unordered_list_is_a_bag(desired, live, is_same):
    how = Comparison(fields=Fields(unordered={"/l"}), ignored=Patterns({"/l/*/computed"}))
    assert is_same == (diff({"l": desired}, {"l": live}, how) == ())


def test_computed_and_ignored_fields_are_not_looked_at_and_do_not_hide_their_siblings():
    how = Comparison(ignored=Patterns({"/spec/replicas", "/spec/auth/id"}))
    assert diff({"spec": {"replicas": 1}}, {"spec": {"replicas": 3}}, how) == ()
    assert rows({"spec": {"auth": {"id": 1, "name": "n"}}}, {"spec": {}}, how) == [("/spec/auth/name", "add", "", '"n"')]
    assert diff({"spec": {"auth": {"id": 1}}}, {"spec": {}}, how) == ()


def test_an_immutable_field_forces_replacement_wherever_it_hides():
    how = Comparison(fields=Fields(immutable={"/spec/selector/app", "/l/*/id"}))
    assert [
        d.forces_replacement for d in diff({"spec": {"selector": {"app": "a"}}}, {"spec": {"selector": {"app": "b"}}}, how)
    ] == [True]
    assert [d.forces_replacement for d in diff({"spec": {"selector": {"app": "a"}}}, {"spec": {}}, how)] == [True]
    assert [d.forces_replacement for d in diff({"spec": {"selector": {"x": "a"}}}, {"spec": {}}, how)] == [False]
    assert [d.forces_replacement for d in diff({"l": [1]}, {"l": [{"id": 1}]}, how)] == [True]


def test_a_field_declared_last_time_and_still_there_is_removed():
    how = attrs.evolve(PLAIN, declared=declared_pointers(freeze({"data": {"a": "1", "b": "2"}, "gone": 1})))
    (found,) = diff({"data": {"a": "1"}}, {"data": {"a": "1", "b": "9", "x": "7"}}, how)
    assert (
        found.pointer, found.label, found.op, found.before, found.after, found.note,
    ) == ("/data/b", "data.b", DiffOp.REMOVE, '"9"', "", "no longer declared")  # fmt: skip
    assert diff({"data": {"a": "1"}}, {"data": {"a": "1", "b": "9"}}, attrs.evolve(how, ignored=Patterns({"/data/b"}))) == ()


def test_putting_an_item_in_front_undeclares_nothing():
    before = {"l": [{"name": "a", "v": 1}]}
    how = Comparison(declared=declared_pointers(freeze(before)))
    assert [d.label for d in diff({"l": [{"name": "new"}, *before["l"]]}, before, how)] == ["l[name=new]"]


def test_secrets_are_masked_equal_ones_look_equal_and_different_ones_different():
    secret = Patterns({"/data"})
    desired, live = (
        wrap({"data": {"a": "canary-1", "b": "canary-2"}}, secret),
        wrap({"data": {"a": "canary-2", "b": "canary-1"}}, secret),
    )
    a, b = diff(desired, live)
    assert a.sensitive
    assert (a.before, a.after) == (b.after, b.before)
    assert a.before != a.after
    assert "canary" not in str((a, b))


def test_a_secret_inside_a_container_is_masked_inside_it():
    (found,) = diff({"auth": {"user": "u", "token": Sensitive("canary-1")}}, {})
    assert {"token": mask("canary-1", SALT), "user": "u"} == json.loads(found.after)
    assert found.sensitive


def test_a_leaf_that_is_secret_on_one_side_only_is_masked_on_both():
    (found,) = diff({"a": Sensitive("canary-1")}, {"a": "canary-2"})
    assert (mask("canary-2", SALT), mask("canary-1", SALT)) == (found.before, found.after)
    assert diff({"a": Sensitive("x")}, {"a": "x"}) == ()


def test_a_secret_that_a_plugin_copied_elsewhere_is_redacted():
    how = Comparison(redactor=Redactor(("canary-1",)))
    assert rows({"url": "db://canary-1@host"}, {}, how) == [("/url", "add", "", '"db://***@host"')]


# -- write-only fields ---------------------------------------------------------------------------------------------------

WRITE_ONLY = Fields(write_only={"/auth/password"})


def test_a_write_only_field_is_compared_with_what_was_applied_last():
    desired = freeze({"auth": {"password": "canary-1", "user": "u"}})
    stored = write_only_digest(desired, WRITE_ONLY, SALT)
    how = Comparison(fields=WRITE_ONLY, salt=SALT)
    for live in ({}, {"auth": {"user": "u"}}, {"auth": {"user": "u", "password": "****"}}):
        assert "/auth/password" not in {d.pointer for d in diff(desired, live, attrs.evolve(how, write_only=stored))}
    first, other = (diff(desired, {"auth": {"user": "u"}}, attrs.evolve(how, write_only=w))[0] for w in ("", "another digest"))
    assert (first.op, first.before) == (DiffOp.ADD, "")
    assert (other.op, other.before) == (DiffOp.REPLACE, "(not readable)")
    assert first.sensitive
    assert "canary" not in str((first, other))
    assert "" == write_only_digest(freeze({"a": 1}), WRITE_ONLY, SALT) == write_only_digest(desired, Fields(), SALT)


def test_an_ignored_write_only_field_is_no_difference():
    how = Comparison(fields=WRITE_ONLY, ignored=Patterns({"/auth"}))
    assert diff({"auth": {"password": "x"}}, {}, how) == ()


def test_a_write_only_field_that_is_no_longer_declared_is_removed():
    before = freeze({"auth": {"password": "x"}, "a": 1})
    how = Comparison(fields=WRITE_ONLY, declared=declared_pointers(before), write_only=write_only_digest(before, WRITE_ONLY, b""))
    (found,) = diff({"a": 1}, {"a": 1}, how)
    assert (found.pointer, found.op, found.before, found.sensitive) == ("/auth/password", DiffOp.REMOVE, "(not readable)", True)


# -- what a target found itself ---------------------------------------------------------------------------------------------


def test_a_targets_own_differences_are_masked_marked_and_filtered():
    how = Comparison(fields=Fields(immutable={"/name"}), ignored=Patterns({"/status"}), salt=SALT)
    found = [
        FieldDiff("/status", DiffOp.ADD, after="1"),
        FieldDiff("/name", DiffOp.REPLACE, before='"a"', after='"b"', note="saw canary-1"),
        FieldDiff("/token", DiffOp.ADD, "", "", '"canary-2"'),
        FieldDiff("/flagged", DiffOp.REMOVE, "flagged!", '"canary-3"', "", sensitive=True),
    ]
    name, token, flagged = taken_over(found, how, Patterns({"/token"}), Redactor(("canary-1",)))
    assert (
        name.label, name.before, name.after, name.note, name.forces_replacement, name.sensitive,
    ) == ("name", '"a"', '"b"', "saw ***", True, False)  # fmt: skip
    assert ("", mask('"canary-2"', SALT), True) == (token.before, token.after, token.sensitive)
    assert ("flagged!", mask('"canary-3"', SALT), "") == (flagged.label, flagged.before, flagged.after)


# -- for machines ---------------------------------------------------------------------------------------------------------


def test_a_json_patch_makes_after_out_of_before():
    import jsonpatch

    before, after = {"a": 1, "l": [1, 2, 3], "x/y": {"~": None}}, {"l": [3, 1], "b": True, "x/y": {"~": 0}}
    assert after == jsonpatch.apply_patch(before, json_patch(freeze(before), freeze(after)))


def test_a_json_patch_holds_no_secret_not_even_in_a_move():
    before, after = freeze({"a": Sensitive("canary-1"), "n": 1}), freeze({"b": Sensitive("canary-1"), "c": Sensitive("canary-2")})
    operations = json_patch(before, after, SALT)
    assert any(o["op"] == "move" for o in operations)
    assert "canary" not in json.dumps(operations)
    assert json_patch(before, before, SALT) == []


# -- preconditions ----------------------------------------------------------------------------------------------------------


def stamp(live, live_id="1", desired={"a": 1, "l": [{"name": "x", "v": 1}]}, how=PLAIN):  # noqa: B006  # why: never changed
    return precondition_of(live_id, freeze(live), freeze(desired), how)


LIVE = {"a": 2, "l": [{"name": "x", "v": 1}]}


def test_a_precondition_is_blind_to_what_nobody_declared():
    assert stamp(LIVE) == stamp({**LIVE, "status": 1}) == stamp({"a": 2, "l": [{"name": "x", "v": 1, "default": 0}]})
    ignored = attrs.evolve(PLAIN, ignored=Patterns({"/a"}))
    assert stamp(LIVE, how=ignored) == stamp({**LIVE, "a": 3}, how=ignored)


@pytest.mark.parametrize(
    "other", [{"a": 3, "l": LIVE["l"]}, {"a": 2, "l": [{"name": "x", "v": 2}]}, {"a": 2, "l": [*LIVE["l"], {"name": "y"}]}]
)
def test_a_precondition_sees_every_declared_field_and_every_foreign_list_item(other):
    assert stamp(LIVE) != stamp(other)


def test_a_precondition_sees_the_id_and_what_was_declared_last_time():
    assert stamp(LIVE) != stamp(LIVE, "2")
    how = attrs.evolve(PLAIN, declared=("/old",))
    assert stamp({**LIVE, "old": 1}, how=how) != stamp({**LIVE, "old": 2}, how=how)
    assert stamp({"a": 1}, desired={}, how=attrs.evolve(PLAIN, declared=("/a",))) != stamp(
        {"a": 2}, desired={}, how=attrs.evolve(PLAIN, declared=("/a",))
    )

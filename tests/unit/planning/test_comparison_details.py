"""Details of addresses, differences, secrets and limits that no other test would miss: found by changing one place at a time."""

from __future__ import annotations

import itertools

import pytest

from gitops_core.model.fields import Fields
from gitops_core.model.guards import Approval, Guard
from gitops_core.model.labels import label_of
from gitops_core.model.plans import Action, Change
from gitops_core.model.resources import ResourceKey
from gitops_core.model.secrets import KUBERNETES_SECRET
from gitops_core.model.values import Sensitive, freeze
from gitops_core.planning.declared import declared_pointers, dropped, locate
from gitops_core.planning.diff import Comparison, compare, precondition_of
from gitops_core.planning.guards import Limits, Permits, approved, guard_plan
from gitops_core.planning.normalize import always_secret, hidden_in, spelled
from gitops_core.planning.request import TargetRules

# -- addresses and differences -----------------------------------------------------------------------------------------------------


NAMING = (
    "name", "key", "id", "containerPort", "port", "mountPath", "devicePath", "ip", "host", "topologyKey", "secretName", "path", "type",
)  # fmt: skip


@pytest.mark.parametrize("key", NAMING)
def test_items_of_lists_are_named_by_each_of_these_fields(key):
    items = [{key: "a", "v": 1}, {key: "b", "v": 1}]
    assert f"/list/[{key}=a]/v" in declared_pointers(freeze({"list": items}))


def test_the_most_telling_name_counts():
    for better, worse in itertools.pairwise(NAMING):
        assert f"/l/[{better}=a]" in declared_pointers(freeze({"l": [{worse: "b", better: "a"}]}))


def test_names_with_slashes_and_tildes_are_escaped():
    assert declared_pointers(freeze({"a~b": {"c/d": 1}, "e/f": 1})) == ("/a~0b/c~1d", "/e~1f")
    assert locate(freeze({"a~b": {"c/d": 1}}), "/a~0b/c~1d") == ("/a~0b/c~1d", 1)


def test_only_the_topmost_of_what_vanished_is_named():
    body = freeze({"spec": {"kept": 1, "old": {"a": 1, "b": [{"name": "x"}]}}})
    rest = freeze({"spec": {"kept": 1}})
    assert [pointer for _, pointer, _ in dropped(("/spec/old", *declared_pointers(body)), rest, body)] == ["/spec/old"]
    assert [pointer for _, pointer, _ in dropped(declared_pointers(body), rest, freeze({"spec": {"old": {"a": 1}}}))] == [
        "/spec/old/a"
    ]


@pytest.mark.parametrize(
    ("segments", "label"),
    [
        (["spec", "containers", "[name=web]", "image"], "spec.containers[name=web].image"),
        (["data", "a.b"], 'data["a.b"]'),
        (["data", ""], 'data[""]'),
        (["data", "[x"], 'data["[x"]'),
        (["data", "x]"], 'data["x]"]'),
        (["a-b", "c_d", "$e"], "a-b.c_d.$e"),
        (["a b"], '["a b"]'),
    ],
)
def test_labels_read_as_people_write_them(segments, label):
    assert label_of(segments) == label


def diff(desired, live, how=Comparison(salt=b"s")):
    return [(d.pointer, d.op.value, d.before, d.after, d.note) for d in compare(freeze(desired), freeze(live), how)]


def test_one_and_true_are_different_and_one_and_one_point_zero_are_not():
    assert diff({"a": 1, "b": 1}, {"a": True, "b": 1.0}) == [("/a", "replace", "true", "1", "")]


def test_lists_that_may_be_in_any_order_are_so_only_where_it_says():
    how = Comparison(fields=Fields(unordered={"/tags"}), salt=b"s")
    assert diff({"tags": [1, 2], "other": [1, 2]}, {"tags": [2, 1], "other": [2, 1]}, how) == [
        ("/other", "replace", "[2, 1]", "[1, 2]", "")
    ]


def test_items_in_any_order_may_lack_what_is_not_declared():
    how = Comparison(fields=Fields(unordered={"/l"}), ignored=Fields(unordered={"/l/*/seen"}).unordered, salt=b"s")
    desired = {"l": [{"a": 1}, {"a": 2, "seen": 1}, 7]}
    assert diff(desired, {"l": [7, {"a": 2, "extra": 1, "seen": 9}, {"a": 1, "extra": 2}]}, how) == []
    assert diff(desired, {"l": [7, {"a": 2}, {"a": 2}]}, how) != []
    assert diff(desired, {"l": [7, 7, {"a": 1}]}, how) != []
    assert diff({"l": [1, 1]}, {"l": [1, 2]}, how) != []


def test_items_without_names_are_compared_by_position_and_labelled_by_it():
    found = compare(freeze({"l": [{"x": 1}, {"x": 1}]}), freeze({"l": [{"x": 1}, {"x": 2}, {"x": 1}]}), Comparison(salt=b"s"))
    assert [(d.pointer, d.label, d.note) for d in found] == [
        ("/l/1/x", "l[1].x", ""),
        ("/l/2", "l[2]", "not in the declared list"),
    ]


def test_what_cannot_be_there_does_not_make_its_neighbours_look_absent():
    fields = Fields(write_only={"/spec/pin"})
    how = Comparison(fields=fields, salt=b"s", write_only="")
    assert [row[:2] for row in diff({"spec": {"pin": "1", "v": 1}}, {}, how)] == [("/spec/pin", "add"), ("/spec/v", "add")]
    assert diff({"spec": {"v": {"w": 1}}}, {}, how) == [("/spec/v", "add", "", '{"w": 1}', "")]
    assert diff({"other": {"v": 1}}, {}, how) == [("/other", "add", "", '{"v": 1}', "")]


def test_a_field_is_immutable_if_anything_in_it_is():
    how = Comparison(fields=Fields(immutable={"/spec/id/inner"}), salt=b"s")
    found = {
        d.pointer: d.forces_replacement
        for d in compare(freeze({"spec": {"id": {"inner": 1}, "v": 1}}), freeze({"spec": {"v": 2}}), how)
    }
    assert found == {"/spec/id": True, "/spec/v": False}
    removed = Comparison(fields=how.fields, salt=b"s", declared=("/spec/id",))
    assert compare(freeze({"spec": {}}), freeze({"spec": {"id": {"inner": 1}}}), removed)[0].forces_replacement


def test_only_dropped_write_only_fields_are_told_and_they_are_secret():
    how = Comparison(
        fields=Fields(write_only={"/pin", "/old"}), salt=b"s", declared=("/old", "/pin", "/plain"), write_only="before"
    )
    found = compare(freeze({"pin": "1"}), freeze({}), how)
    assert [(d.pointer, d.op.value, d.before, d.after == "", d.sensitive, d.note) for d in found] == [
        ("/old", "remove", "(not readable)", True, True, "no longer declared"),
        ("/pin", "replace", "(not readable)", False, True, "write-only: compared with what was applied last"),
    ]


def test_a_write_only_field_of_an_object_that_was_never_applied_is_added():
    how = Comparison(fields=Fields(write_only={"/pin"}), salt=b"s")
    assert [(d.op.value, d.before) for d in compare(freeze({"pin": "1"}), freeze({}), how)] == [("add", "")]


def stamp(live, desired=(), declared=(), **fields):
    return precondition_of(
        "id", freeze(live), freeze(dict(desired)), Comparison(fields=Fields(**fields), salt=b"s", declared=declared)
    )


def test_a_precondition_covers_what_is_declared_now_or_was_and_nothing_else():
    desired = {"v": 1}
    base = stamp({"v": 1, "old": 1, "theirs": 1}, desired, ("/old",))
    assert base == stamp({"v": 1, "old": 1, "theirs": 2}, desired, ("/old",))
    assert base != stamp({"v": 1, "old": 2, "theirs": 1}, desired, ("/old",))
    assert base != stamp({"v": 1, "theirs": 1}, desired, ("/old",))
    assert stamp({"old": 1}, {}, ("/old",)) != stamp({"old": 2}, {}, ("/old",))


def test_a_precondition_is_blind_to_what_is_not_readable_and_to_the_rest_of_a_named_item():
    assert stamp({"pin": "x"}, {"pin": "1"}, write_only={"/pin"}) == stamp({"pin": "y"}, {"pin": "1"}, write_only={"/pin"})
    item = {"l": [{"name": "a"}]}
    assert stamp({"l": [{"name": "a", "v": 1}]}, item) == stamp({"l": [{"name": "a", "v": 2}]}, item)
    assert stamp({"l": [{"name": "a"}]}, item) != stamp({"l": []}, item)


# -- secrets -------------------------------------------------------------------------------------------------------------------------


def test_each_source_of_secrecy_counts_alone():
    core, other = ResourceKey("", "Secret", "", "a"), ResourceKey("", "Site", "", "a")
    assert always_secret(other, Fields(sensitive={"/t"})).patterns == frozenset({"/t"})
    assert always_secret(other, Fields(write_only={"/p"})).patterns == frozenset({"/p"})
    assert always_secret(core, Fields()) == KUBERNETES_SECRET
    assert always_secret(core, Fields(sensitive={"/t"})).patterns == KUBERNETES_SECRET.patterns | {"/t"}
    assert not always_secret(other, Fields())


def test_three_letters_are_hidden_and_no_part_of_a_longer_secret_survives():
    redactor = hidden_in(freeze({"a": Sensitive("abc"), "b": Sensitive("abcdef"), "c": Sensitive("xy")}))
    assert redactor.redact("abc abcdef xy") == "*** *** xy"


def test_a_body_that_is_no_object_is_the_fault_of_observing():
    with pytest.raises(Exception, match="observe raised TypeError") as caught:
        spelled([], TargetRules())
    assert caught.value.plugin == "observe"


# -- limits ----------------------------------------------------------------------------------------------------------------------------


def changes(action, count, start=0):
    return [
        Change(ResourceKey("", "Thing", "", f"{i:03}"), action, precondition="there", reason="why")
        for i in range(start, start + count)
    ]


def guarded(found, owned, guard, approvals=()):
    return guard_plan(found, Limits(guard=guard, owned=owned), Permits(approvals, 0.0))


def test_as_many_as_allowed_are_allowed_and_use_no_approval():
    spare = [Approval("spare", 10.0, {"delete_limit", "touched_limit"})]
    result = guarded(changes(Action.DELETE, 3), 100, Guard(delete_fraction=0.03, delete_floor=0), spare)
    assert (result.refusals, {c.approval for c in result.changes}) == ((), {""})


def test_updates_that_are_just_few_enough_go_on_when_deletes_make_it_too_many():
    guard = Guard(delete_floor=4, touched_fraction=0.0, delete_fraction=1.0, delete_cap=99)
    result = guarded(changes(Action.DELETE, 1) + changes(Action.UPDATE, 4, 1), 100, guard)
    assert [c.is_ready for c in result.changes] == [False, True, True, True, True]


def test_the_words_that_lift_a_limit_name_only_what_strikes():
    (cap,) = guarded(changes(Action.DELETE, 4), 16, Guard(delete_fraction=0.25, delete_cap=3)).refusals
    assert cap.override.startswith("Guard(delete_cap=4), or ")
    (fraction,) = guarded(changes(Action.DELETE, 3), 8, Guard(delete_cap=3)).refusals
    assert fraction.override.startswith("Guard(delete_fraction=0.375), or ")


def test_a_fraction_is_told_even_where_nothing_is_owned():
    (refusal,) = guarded(changes(Action.DELETE, 3), 0, Guard()).refusals
    assert refusal.override.startswith("Guard(delete_fraction=1.0)")


def test_true_and_one_differ_in_the_depth_of_an_object_and_of_a_list():
    assert [row[0] for row in diff({"x": {"a": True}, "l": [{"b": [True]}]}, {"x": {"a": 1}, "l": [{"b": [1]}]})] == [
        "/l/0/b",
        "/x/a",
    ]


def test_items_in_any_order_find_their_equals_first():
    how = Comparison(fields=Fields(unordered={"/l"}), salt=b"s")
    assert diff({"l": [{"a": 1}, {"a": 1, "b": 2}]}, {"l": [{"a": 1, "b": 2}, {"a": 1}]}, how) == []


def test_values_are_shown_with_their_keys_sorted():
    assert diff({"v": {"b": 1, "a": 2}}, {})[0][3] == '{"a": 2, "b": 1}'


def test_a_precondition_covers_the_live_value_even_where_it_is_as_good_as_declared():
    def tags(*live, **fields):
        return stamp({"tags": list(live)}, {"tags": [1, 2]}, unordered={"/tags"}, **fields)

    assert tags(1, 2) != tags(2, 1)
    assert tags(1, 2, write_only={"/pin"}) != tags(2, 1, write_only={"/pin"})


def test_the_fraction_for_all_of_one_is_one():
    (refusal,) = guarded(changes(Action.DELETE, 1), 1, Guard(delete_floor=0, delete_fraction=0.0)).refusals
    assert refusal.override.startswith("Guard(delete_fraction=1.0), or ")


def test_an_approval_that_is_used_twice_is_named_once():
    twice = approved(approved(approved(changes(Action.DELETE, 1)[0], "a"), "b"), "a")
    assert twice.approval == "a, b"

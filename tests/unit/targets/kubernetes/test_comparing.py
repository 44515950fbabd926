"""Differences of a Kubernetes object are what somebody changed, never what the API filled in."""

from __future__ import annotations

from gitops_core.model.plans import DiffOp
from gitops_core.model.values import freeze
from gitops_core.targets.kubernetes.comparing import compare_with_managers


def entry(manager, fields, *, ours=False, operation="Apply", version="v1", subresource=""):
    mark = {"ours": True} if ours else {}
    sub = {"subresource": subresource} if subresource else {}
    return {"manager": manager, "operation": operation, "apiVersion": version, "fieldsV1": fields, **sub, **mark}


def live(body, *entries):
    return freeze({"apiVersion": "v1", **body, "metadata": {**body.get("metadata", {}), "managedFields": list(entries)}})


def rows(desired, there, **options):
    found = compare_with_managers(freeze({"apiVersion": "v1", **desired}), there, **options)
    return [(d.op.value, d.label, d.before, d.after, d.manager, d.ours) for d in found]


def test_only_declared_fields_are_compared():
    there = live({"spec": {"a": 1, "defaulted": 2}, "status": {"x": 1}})
    assert rows({"spec": {"a": 1}}, there) == []
    assert rows({"spec": {"a": 3}}, there) == [("replace", "spec.a", "1", "3", "", False)]


def test_a_field_that_somebody_else_wrote_says_who():
    theirs = entry("kubectl-edit", {"f:spec": {"f:replicas": {}}}, operation="Update")
    found = compare_with_managers({"spec": {"replicas": 2}}, live({"spec": {"replicas": 5}}, theirs))
    assert [(d.pointer, d.note, d.manager, d.ours) for d in found] == [
        ("/spec/replicas", "set by kubectl-edit", "kubectl-edit", False)
    ]


def test_a_field_that_only_we_wrote_is_ours():
    mine = entry("us", {"f:spec": {"f:x": {}}}, ours=True)
    assert rows({"spec": {"x": ""}}, live({"spec": {"x": "default"}}, mine)) == [
        ("replace", "spec.x", '"default"', '""', "", True)
    ]


def test_a_field_that_only_we_applied_and_declare_no_longer_is_to_be_removed():
    mine = entry("us", {"f:data": {"f:a": {}, "f:b": {}}}, ours=True)
    found = compare_with_managers(freeze({"data": {"a": "1"}}), live({"data": {"a": "1", "b": "2"}}, mine))
    assert [(d.op, d.pointer, d.before, d.note, d.ours) for d in found] == [
        (DiffOp.REMOVE, "/data/b", '"2"', "no longer declared", True)
    ]


def test_a_field_that_others_hold_as_well_stays_with_them():
    fields = {"f:data": {"f:a": {}}}
    there = live({"data": {"a": "1"}}, entry("us", fields, ours=True), entry("them", fields))
    assert rows({"data": {}}, there) == []


def test_only_our_part_of_what_is_shared_is_to_be_removed():
    mine, theirs = entry("us", {"f:data": {"f:a": {}}}, ours=True), entry("them", {"f:data": {"f:b": {}}})
    assert rows({}, live({"data": {"a": "1", "b": "2"}}, mine, theirs)) == [("remove", "data.a", '"1"', "", "", True)]


def test_list_items_are_paired_by_the_keys_that_managed_fields_show():
    mine = entry("us", {"f:spec": {"f:l": {'k:{"id":1}': {".": {}, "f:v": {}}, 'k:{"id":2}': {".": {}, "f:v": {}}}}}, ours=True)
    there = live({"spec": {"l": [{"id": 2, "v": "b", "d": 0}, {"id": 1, "v": "a"}]}}, mine)
    assert rows({"spec": {"l": [{"id": 1, "v": "a"}, {"id": 2, "v": "b"}]}}, there) == []
    assert rows({"spec": {"l": [{"id": 1, "v": "x"}, {"id": 2, "v": "b"}]}}, there) == [
        ("replace", "spec.l[id=1].v", '"a"', '"x"', "", True)
    ]
    assert rows({"spec": {"l": [{"id": 1, "v": "a"}]}}, there) == [
        ("remove", "spec.l[id=2]", '{"d": 0, "id": 2, "v": "b"}', "", "", True)
    ]


def test_a_map_that_is_one_value_must_not_have_a_field_more_once_it_is_somebody_elses():
    theirs = entry("kubectl", {"f:spec": {"f:x": {}}}, operation="Update")
    mine = entry("us", {"f:spec": {"f:y": {}}}, ours=True)
    there = {"spec": {"x": {"a": "1", "b": "2"}}}
    assert rows({"spec": {"x": {"a": "1"}}}, live(there, theirs, mine)) == [
        ("replace", "spec.x", '{"a": "1", "b": "2"}', '{"a": "1"}', "kubectl", False)
    ]
    assert rows({"spec": {"x": {"a": "1"}}}, live(there, theirs)) == []
    assert rows({"spec": {"x": {"a": "1", "b": "2", "c": ""}}}, live(there, theirs, mine)) == [
        ("add", "spec.x.c", "", '""', "kubectl", False)
    ]


def test_a_field_more_is_seen_although_as_many_are_declared_as_are_there():
    theirs, mine = entry("kubectl", {"f:spec": {"f:x": {}}}), entry("us", {"f:spec": {"f:y": {}}}, ours=True)
    there = live({"spec": {"x": {"a": "1", "b": "2"}}}, theirs, mine)
    assert [d[1] for d in rows({"spec": {"x": {"a": "1", "value": ""}}}, there)] == ["spec.x"]


def test_a_field_more_in_a_map_that_we_own_as_a_whole_is_a_default():
    mine, theirs = entry("us", {"f:spec": {"f:x": {}}}, ours=True), entry("them", {"f:spec": {"f:x": {}}})
    there = {"spec": {"x": {"path": "a", "version": "v1"}}}
    assert rows({"spec": {"x": {"path": "a"}}}, live(there, mine)) == []
    assert rows({"spec": {"x": {"path": "a"}}}, live(there, mine, theirs)) == []


def test_a_field_that_others_have_as_well_is_not_ours_alone():
    fields = {"f:spec": {"f:x": {}}}
    there = live({"spec": {"x": 1}}, entry("us", fields, ours=True), entry("b", fields), entry("a", fields))
    assert rows({"spec": {"x": 2}}, there) == [("replace", "spec.x", "1", "2", "a, b", False)]


def test_a_selector_has_no_defaults_even_before_we_know_the_object():
    theirs = entry("kubectl", {"f:spec": {"f:selector": {}}}, operation="Update")
    there = live({"spec": {"selector": {"app": "a", "canary": "1"}}}, theirs)
    assert [d[1] for d in rows({"spec": {"selector": {"app": "a"}}}, there)] == ["spec.selector"]


def test_an_empty_map_of_ours_does_not_own_what_others_put_into_it():
    mine, theirs = entry("us", {"f:m": {}}, ours=True), entry("them", {"f:m": {"f:a": {}}})
    found = compare_with_managers({"m": {"a": "1"}}, live({"m": {"a": "2"}}, mine, theirs))
    assert [(d.manager, d.ours) for d in found] == [("them", False)]
    unowned = compare_with_managers({"m": {"b": "1"}}, live({"m": {"a": "2", "b": "2"}}, mine, theirs))
    assert [(d.manager, d.ours) for d in unowned] == [("", False)]


def test_identity_status_and_what_the_api_writes_is_never_compared():
    there = live({"kind": "X", "metadata": {"name": "x", "uid": "1", "generation": 2}, "status": {"a": 1}})
    desired = {
        "apiVersion": "v2",
        "kind": "X",
        "metadata": {"name": "x", "namespace": "n", "uid": "0", "generation": 1},
        "status": {"a": 2},
    }
    assert compare_with_managers(desired, there) == []
    assert [d.label for d in compare_with_managers({"metadata": {"name": "x", "labels": {"a": "b"}}}, there)] == [
        "metadata.labels"
    ]


def test_values_of_secrets_are_said_to_be_secret():
    there = live({"kind": "Secret", "data": {"a": "eA=="}, "type": "Opaque"})
    found = compare_with_managers(
        {"kind": "Secret", "apiVersion": "v1", "data": {"a": "eQ==", "b": "eA==\n"}, "type": "T"}, there
    )
    assert [(d.label, d.sensitive) for d in found] == [("data.a", True), ("data.b", True), ("type", False)]


class TestWhatIsNoLongerDeclared:
    def test_it_is_known_from_our_own_entry_in_the_version_that_was_read(self):
        older = entry("us", {"f:data": {"f:a": {}}}, ours=True, version="v1beta1")
        written = entry("us", {"f:data": {"f:a": {}}}, ours=True, operation="Update")
        assert rows({}, live({"data": {"a": "1"}}, older, written)) == []

    def test_the_topmost_of_what_goes_together_is_named_once(self):
        mine = entry("us", {"f:spec": {"f:probe": {"f:path": {}, "f:port": {}}}}, ours=True)
        assert [d[1] for d in rows({"spec": {}}, live({"spec": {"probe": {"path": "/", "port": 1, "period": 10}}}, mine))] == [
            "spec.probe"
        ]

    def test_what_is_gone_already_is_nothing_to_remove(self):
        fields = {"f:data": {"f:a": {}}, "f:l": {'k:{"id":1}': {".": {}}}, "f:x": {"f:y": {}}}
        assert rows({}, live({"data": {}, "l": [], "x": "text"}, entry("us", fields, ours=True))) == [
            ("remove", "data", "{}", "", "", True), ("remove", "l", "[]", "", "", True), ("remove", "x", '"text"', "", "", True),
        ]  # fmt: skip
        assert rows({"data": {}, "l": [], "x": {}}, live({"data": {}, "l": [], "x": {}}, entry("us", fields, ours=True))) == []
        assert rows({"data": {}}, live({}, entry("us", {"f:data": {"f:a": {}}}, ours=True))) == []

    def test_an_item_that_others_have_a_part_of_loses_only_ours(self):
        mine = entry("us", {"f:l": {'k:{"id":1}': {".": {}, "f:id": {}, "f:a": {}}}}, ours=True)
        theirs = entry("them", {"f:l": {'k:{"id":1}': {".": {}, "f:id": {}, "f:b": {}}}})
        there = live({"l": [{"id": 1, "a": 1, "b": 2}]}, mine, theirs)
        assert rows({"l": []}, there) == [("remove", "l[id=1].a", "1", "", "", True)]

    def test_a_part_of_ours_that_is_gone_is_not_looked_for(self):
        mine = entry("us", {"f:m": {"f:a": {}, "f:gone": {}}}, ours=True)
        theirs = entry("them", {"f:m": {"f:b": {}}})
        assert [d[1] for d in rows({}, live({"m": {"a": 1, "b": 2}}, mine, theirs))] == ["m.a"]

    def test_what_is_stamped_besides_the_declaration_stays(self):
        mine = entry("us", {"f:metadata": {"f:labels": {"f:owner": {}, "f:old": {}}}}, ours=True)
        there = live({"metadata": {"labels": {"owner": "us", "old": "x"}}}, mine)
        assert [d[1] for d in rows({}, there, stamped=frozenset({"/metadata/labels/owner"}))] == ["metadata.labels.old"]
        assert [d[1] for d in rows({}, there)] == ["metadata"]

    def test_our_fields_of_the_status_are_nobodys_business(self):
        mine = entry("us", {"f:status": {"f:a": {}}}, ours=True, subresource="status")
        assert rows({}, live({"status": {"a": 1}}, mine)) == []


# -- ours alone: most objects, told at first sight ------------------------------------------------------------------------------------


def of_ours(body):
    return live(body, entry("us", {"f:spec": {"f:x": {}}}, ours=True))


def test_an_object_of_ours_alone_that_has_what_is_declared_does_not_differ_whatever_else_it_has():
    there = of_ours({"spec": {"x": 1, "items": [{"a": [1, "b"], "default": 1}], "more": {}}})
    assert rows({"spec": {"x": 1, "items": [{"a": [1, "b"]}]}}, there) == []


def test_one_and_true_are_two_values():
    assert rows({"spec": {"x": True}}, of_ours({"spec": {"x": 1}})) == [("replace", "spec.x", "1", "true", "", True)]
    assert [r[1] for r in rows({"spec": {"x": [True]}}, of_ours({"spec": {"x": [1]}}))] == ["spec.x"]


def test_a_list_with_more_and_a_value_of_another_kind_are_looked_at_closely():
    assert [r[1] for r in rows({"spec": {"x": [1]}}, of_ours({"spec": {"x": [1, 2]}}))] == ["spec.x"]
    assert [r[1] for r in rows({"spec": {"x": {"a": 1}}}, of_ours({"spec": {"x": [1]}}))] == ["spec.x"]
    assert [r[1] for r in rows({"spec": {"x": [1]}}, of_ours({"spec": {"x": {"a": 1}}}))] == ["spec.x"]
    assert rows({"spec": {"x": [None]}}, of_ours({"spec": {"x": [None]}})) == []

"""Lists of Kubernetes objects are compared as the API merges them: by keys, as sets, or as one value."""

from __future__ import annotations

import json

import pytest

from gitops_core.model.values import freeze
from gitops_core.targets.kubernetes.comparing import compare_with_managers


def entry(manager, fields, *, ours=False):
    return {"manager": manager, "operation": "Apply", "apiVersion": "v1", "fieldsV1": {"f:spec": fields}, "ours": ours}


def rows(desired, live, *entries):
    there = {"apiVersion": "v1", "spec": live, "metadata": {"managedFields": list(entries)}}
    found = compare_with_managers(freeze({"apiVersion": "v1", "spec": desired}), freeze(there))
    return [(d.op.value, d.label, d.before, d.after, d.manager) for d in found]


CONTAINERS = [{"name": "a", "image": "1"}, {"name": "b", "image": "2"}]


def test_well_known_lists_have_keys_before_anybody_has_an_entry():
    live = [{"name": "x", "image": "injected"}, {"name": "b", "image": "2", "pull": "Always"}, {"name": "a", "image": "1"}]
    assert rows({"containers": CONTAINERS}, {"containers": live}) == []
    assert rows({"containers": CONTAINERS}, {"containers": live[:2]}) == [
        ("add", "spec.containers[name=a]", "", '{"image": "1", "name": "a"}', "")
    ]


@pytest.mark.parametrize(
    ("desired", "live"),
    [
        ([{"containerPort": 80}], [{"containerPort": 80, "protocol": "TCP"}]),
        ([{"port": 53, "protocol": "UDP"}, {"port": 53}], [{"port": 53, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]),
    ],
)
def test_ports_are_paired_by_number_and_protocol_which_is_tcp_by_default(desired, live):
    assert rows({"ports": desired}, {"ports": live}) == []


def test_a_key_is_written_unless_it_has_its_default():
    live = {"ports": [{"port": 53, "protocol": "UDP", "n": 1}, {"port": 53, "protocol": "TCP", "n": 1}]}
    found = rows({"ports": [{"port": 53, "protocol": "UDP", "n": 2}, {"port": 53, "n": 2}]}, live)
    assert [label for _, label, *_ in found] == ["spec.ports[port=53,protocol=UDP].n", "spec.ports[port=53].n"]


@pytest.mark.parametrize("twice", [[{"name": "a"}, {"name": "a"}], ["a"], [{"name": "a"}, "b"]])
def test_a_list_with_keys_that_does_not_keep_them_is_one_value(twice):
    mine = entry("us", {"f:env": {'k:{"name":"a"}': {".": {}}}}, ours=True)
    assert rows({"env": twice}, {"env": [{"name": "a"}]}, mine)[0][1] == "spec.env"
    assert rows({"env": twice}, {"env": twice}) == []


def test_items_are_paired_by_keys_that_are_no_text():
    mine = entry("us", {"f:l": {'k:{"on":true}': {".": {}}}}, ours=True)
    desired = [{"on": True, "v": 1}, {"on": {"deep": 1}, "v": 2}]
    assert rows({"l": desired}, {"l": list(reversed(desired))}, mine) == []


def test_the_order_of_init_containers_is_their_order_of_running():
    live = [{"name": "injected"}, *reversed(CONTAINERS)]
    assert rows({"initContainers": CONTAINERS}, {"initContainers": [live[0], *CONTAINERS]}) == []
    assert rows({"initContainers": CONTAINERS}, {"initContainers": live}) == [
        ("replace", "spec.initContainers", '["b", "a"]', '["a", "b"]', "")
    ]


def test_the_order_of_variables_matters_where_one_refers_to_another():
    plain, referring = (
        [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}],
        [{"name": "a", "value": "1"}, {"name": "b", "value": "$(a)"}],
    )
    assert rows({"env": plain}, {"env": list(reversed(plain))}) == []
    assert rows({"env": referring}, {"env": list(reversed(referring))})[0][1] == "spec.env"


def test_the_order_of_a_set_means_nothing_and_what_others_put_into_it_is_theirs():
    mine = entry("us", {"f:tags": {'v:"a"': {}, 'v:"b"': {}}}, ours=True)
    theirs = entry("them", {"f:tags": {'v:"c"': {}}})
    assert rows({"tags": ["a", "b"]}, {"tags": ["c", "b", "a"]}, mine, theirs) == []
    assert rows({"tags": ["a", "b", "d"]}, {"tags": ["c", "b", "a"]}, mine, theirs) == [("add", "spec.tags[d]", "", '"d"', "")]
    assert rows({"tags": ["a"]}, {"tags": ["c", "b", "a"]}, mine, theirs) == [("remove", "spec.tags[b]", '"b"', "", "")]


def test_finalizers_are_a_set_although_nobody_says_so():
    live = {"metadata": {"finalizers": ["b", "a"]}}
    assert compare_with_managers({"metadata": {"finalizers": ["a", "b"]}}, live) == []
    assert compare_with_managers({"metadata": {"finalizers": ["c"]}}, live)[0].label == "metadata.finalizers[c]"


class TestListsThatAreOneValue:
    mine = entry("us", {"f:args": {}, "f:rules": {}}, ours=True)
    theirs = entry("them", {"f:args": {}, "f:rules": {}})

    def test_order_and_length_matter(self):
        assert rows({"args": ["a", "b"]}, {"args": ["b", "a"]}, self.mine) == [
            ("replace", "spec.args", '["b", "a"]', '["a", "b"]', "")
        ]
        assert rows({"args": ["a"]}, {"args": ["a", "b"]}, self.mine) == [("replace", "spec.args", '["a", "b"]', '["a"]', "")]
        assert rows({"args": ["a"]}, {"args": ["a"]}, self.mine) == []

    def test_defaults_in_items_are_no_difference_while_the_list_is_ours(self):
        assert rows({"rules": [{"a": 1}]}, {"rules": [{"a": 1, "default": 2}]}, self.mine) == []
        assert rows({"rules": [{"a": 1}]}, {"rules": [{"a": 1, "default": 2}]}) == []

    def test_a_field_more_is_somebodys_where_somebody_else_has_the_list_by_now(self):
        other = entry("us", {"f:other": {}}, ours=True)
        expected = [("replace", "spec.rules", '[{"a": 1, "more": [{"b": 1}]}]', '[{"a": 1}]', "them")]
        assert rows({"rules": [{"a": 1}]}, {"rules": [{"a": 1, "more": [{"b": 1}]}]}, other, self.theirs) == expected
        deep = {"rules": [{"a": [{"b": 1}]}]}
        assert rows(deep, {"rules": [{"a": [{"b": 1, "c": 2}]}]}, other, self.theirs)[0][1] == "spec.rules"
        assert rows(deep, deep, other, self.theirs) == []

    def test_an_empty_list_says_nothing_about_its_kind(self):
        assert rows({"containers": CONTAINERS}, {"containers": []}, entry("us", {"f:containers": {}}, ours=True))[0][
            1
        ].startswith("spec.containers[name=")


@pytest.mark.parametrize("name", ["a<b", "é", "back\\\\slash", "plain"])
def test_an_item_is_found_however_its_name_is_escaped(name):
    """Go writes some characters of JSON otherwise than Python does."""
    escaped = "k:" + json.dumps({"name": name.replace("<", "LT")}, separators=(",", ":")).replace("LT", "\\u003c")
    mine = entry("us", {"f:l": {escaped: {".": {}, "f:name": {}, "f:v": {}}}}, ours=True)
    found = compare_with_managers(
        freeze({"apiVersion": "v1", "spec": {"l": [{"name": name, "v": 1}]}}),
        freeze({"apiVersion": "v1", "spec": {"l": [{"name": name, "v": 2}]}, "metadata": {"managedFields": [mine]}}),
    )
    assert [(d.label, d.ours) for d in found] == [(f"spec.l[name={name}].v", True)]
    assert rows({"l": [{"name": name, "v": 2}]}, {"l": [{"name": name, "v": 2}]}, mine) == []
    assert [r[:2] for r in rows({"l": []}, {"l": [{"name": name, "v": 2}]}, mine)] == [("remove", f"spec.l[name={name}]")]

"""What cannot be made in place is known from a table, and a refusal is judged by the fields it names."""

from __future__ import annotations

import pytest

from gitops_core.model.plans import DiffOp, FieldDiff
from gitops_core.model.pointers import Patterns
from gitops_core.model.resources import ResourceKey
from gitops_core.targets.kubernetes.immutable import fixed_by_rules, immutable_causes, immutable_pointers, pointer_of

INVALID, FORBIDDEN = "FieldValueInvalid", "FieldValueForbidden"


def key(kind, group=""):
    return ResourceKey(group, kind, "default", "x")


def fixed(place, pointers, desired=None, live=None):
    diffs = [FieldDiff(pointer, DiffOp.REPLACE) for pointer in pointers]
    return immutable_pointers(place, diffs, desired or {}, live or {})


def test_a_kind_that_the_table_does_not_know_has_no_fixed_fields():
    assert fixed(key("Widget", "example.com"), ["/spec/a"]) == ()


def test_only_the_fixed_ones_of_the_differences_are_named_once_and_sorted():
    pointers = ["/spec/serviceName", "/spec/replicas", "/spec/podManagementPolicy", "/metadata/labels/a", "/spec/serviceName"]
    assert fixed(key("StatefulSet", "apps"), pointers) == ("/spec/podManagementPolicy", "/spec/serviceName")


@pytest.mark.parametrize(
    ("pointer", "desired", "live", "expected"),
    [
        ("/spec/resources/requests/storage", "3Gi", "2Gi", False),
        ("/spec/resources/requests/storage", "1Gi", "2Gi", True),
        ("/spec/resources/requests/storage", "x", "2Gi", True),
        ("/spec/storageClassName", "a", "b", True),
    ],
)
def test_a_bound_claim_may_grow_and_never_shrink(pointer, desired, live, expected):
    def body(value):
        return {"spec": {"resources": {"requests": {"storage": value}}}}

    assert bool(fixed(key("PersistentVolumeClaim"), [pointer], body(desired), body(live))) is expected


def test_a_claim_that_waits_for_its_volume_may_get_one_but_not_grow():
    live = {"spec": {"resources": {"requests": {"storage": "1Gi"}}}, "status": {"phase": "Pending"}}
    desired = {"spec": {"resources": {"requests": {"storage": "2Gi"}}, "volumeName": "v"}}
    pointers = ["/spec/volumeName", "/spec/resources/requests/storage"]
    assert fixed(key("PersistentVolumeClaim"), pointers, desired, live) == ("/spec/resources/requests/storage",)


@pytest.mark.parametrize(
    ("pointer", "desired", "live", "expected"),
    [
        ("/spec/clusterIP", {"clusterIP": "None"}, {"clusterIP": "10.0.0.1"}, True),
        ("/spec/clusterIPs", {"clusterIPs": ["10.0.0.2"]}, {"clusterIP": "10.0.0.1"}, True),
        ("/spec/clusterIP", {"clusterIP": ""}, {"clusterIP": "10.0.0.1"}, False),
        ("/spec/clusterIP", {}, {"clusterIP": "None"}, False),
        ("/spec/clusterIP", {"clusterIP": "10.0.0.2"}, {}, False),
        ("/spec/clusterIP", {"type": "ExternalName", "clusterIP": "10.0.0.2"}, {"clusterIP": "10.0.0.1"}, False),
        ("/spec/ipFamilies", {"ipFamilies": ["IPv4", "IPv6"]}, {"clusterIP": "10.0.0.1", "ipFamilies": ["IPv4"]}, False),
        ("/spec/ipFamilies", {"ipFamilies": ["IPv6"]}, {"clusterIP": "10.0.0.1", "ipFamilies": ["IPv4"]}, True),
        ("/spec/loadBalancerClass", {"type": "LoadBalancer", "loadBalancerClass": "b"}, {"loadBalancerClass": "a"}, True),
        ("/spec/loadBalancerClass", {"type": "LoadBalancer", "loadBalancerClass": "b"}, {}, False),
        ("/spec/loadBalancerClass", {"type": "ClusterIP"}, {"loadBalancerClass": "a"}, False),
        ("/spec/type", {"type": "NodePort"}, {"clusterIP": "10.0.0.1"}, False),
    ],
)
def test_a_service_keeps_its_first_address_for_as_long_as_it_has_one(pointer, desired, live, expected):
    assert bool(fixed(key("Service"), [pointer], {"spec": desired}, {"spec": live})) is expected


@pytest.mark.parametrize(
    ("pointer", "desired", "live", "expected"),
    [
        ("/spec/completions", {"completions": 3, "parallelism": 3}, {"completionMode": "Indexed", "parallelism": 2}, False),
        ("/spec/completions", {"completions": 3}, {"completionMode": "Indexed", "parallelism": 3}, False),
        ("/spec/completions", {"completions": 3}, {"completionMode": "Indexed", "parallelism": 2}, True),
        ("/spec/completions", {"completions": 3, "parallelism": 3}, {"completionMode": "NonIndexed"}, True),
        ("/spec/template/spec/nodeSelector", {"template": {"spec": {"nodeSelector": {"a": "b"}}}}, {"suspend": True}, False),
        (
            "/spec/template/spec/affinity",
            {"template": {"spec": {"affinity": {"nodeAffinity": {"a": 1}}}}},
            {"suspend": True},
            False,
        ),
        (
            "/spec/template/spec/affinity",
            {"template": {"spec": {"affinity": {"podAffinity": {"a": 1}}}}},
            {"suspend": True},
            True,
        ),
        ("/spec/template/spec/nodeSelector", {"template": {"spec": {"nodeSelector": {"a": "b"}}}}, {}, True),
        ("/spec/parallelism", {"parallelism": 3}, {}, False),
    ],
)
def test_a_job_is_fixed_but_for_an_elastic_and_a_suspended_one(pointer, desired, live, expected):
    assert bool(fixed(key("Job", "batch"), [pointer], {"spec": desired}, {"spec": live})) is expected


def test_a_job_that_was_suspended_after_it_had_begun_is_fixed():
    live = {"spec": {"suspend": True}, "status": {"startTime": "2024-01-01T00:00:00Z"}}
    desired = {"spec": {"template": {"spec": {"nodeSelector": {"a": "b"}}}}}
    assert fixed(key("Job", "batch"), ["/spec/template/spec/nodeSelector"], desired, live)


def test_data_is_fixed_once_the_object_says_so():
    assert fixed(key("ConfigMap"), ["/data/a"], live={"immutable": True}) == ("/data/a",)
    assert fixed(key("ConfigMap"), ["/data/a", "/immutable"]) == ()
    assert fixed(key("Secret"), ["/data/a", "/type"]) == ("/type",)


def test_a_pod_may_tolerate_more_and_open_gates():
    one, two = {"key": "a"}, {"key": "b"}
    more, less = {"spec": {"tolerations": [one, two]}}, {"spec": {"tolerations": [one]}}
    assert fixed(key("Pod"), ["/spec/tolerations"], more, less) == ()
    assert fixed(key("Pod"), ["/spec/tolerations"], less, more) == ("/spec/tolerations",)
    shut, open_ = {"spec": {"schedulingGates": [{"name": "g"}, {"name": "h"}]}}, {"spec": {"schedulingGates": [{"name": "g"}]}}
    assert fixed(key("Pod"), ["/spec/schedulingGates/1"], open_, shut) == ()
    assert fixed(key("Pod"), ["/spec/schedulingGates/1"], shut, open_) == ("/spec/schedulingGates/1",)
    assert fixed(key("Pod"), ["/spec/containers/0/image", "/spec/hostNetwork"]) == ("/spec/hostNetwork",)


def test_a_volume_gets_an_affinity_once():
    place = key("PersistentVolume")
    assert fixed(place, ["/spec/nodeAffinity", "/spec/csi/controllerExpandSecretRef"]) == ()
    assert fixed(place, ["/spec/nodeAffinity/required"], live={"spec": {"nodeAffinity": {"required": {}}}}) == (
        "/spec/nodeAffinity/required",
    )


@pytest.mark.parametrize(
    ("place", "causes", "changed", "expected"),
    [
        (key("Deployment", "apps"), [(INVALID, "spec.selector")], ["/spec/selector/matchLabels/a", "/spec/replicas"], ("/spec/selector/matchLabels/a",)),
        (key("StatefulSet", "apps"), [(FORBIDDEN, "spec")], ["/spec/serviceName", "/spec/replicas"], ("/spec/serviceName",)),
        (key("Service"), [(INVALID, "spec.clusterIPs[0]")], ["/spec/clusterIP"], ("/spec/clusterIP",)),
        (key("PersistentVolume"), [(FORBIDDEN, "spec.persistentvolumesource")], ["/spec/hostPath/path"], ("/spec/hostPath/path",)),
        (key("PersistentVolume"), [(INVALID, "volumeMode")], ["/spec/volumeMode"], ("/spec/volumeMode",)),
        (key("CSIDriver", "storage.k8s.io"), [(INVALID, "spec.attachedRequired")], ["/spec/attachRequired"], ("/spec/attachRequired",)),
        (key("ServiceCIDR", "networking.k8s.io"), [(INVALID, "spec.cidrs[0]")], ["/spec/cidrs"], ("/spec/cidrs",)),
    ],
)  # fmt: skip
def test_a_refusal_of_fixed_fields_names_the_changes_it_is_about(place, causes, changed, expected):
    assert immutable_causes(place, causes, changed) == expected


@pytest.mark.parametrize(
    ("place", "causes"),
    [
        (key("Deployment", "apps"), []),
        (key("Deployment", "apps"), [(INVALID, "spec.replicas")]),
        (key("Deployment", "apps"), [(INVALID, "spec")]),
        (key("Deployment", "apps"), [("FieldValueRequired", "spec.selector")]),
        (key("Deployment", "apps"), [(INVALID, "spec.selector"), (INVALID, "spec.template.spec.containers[0].image")]),
        (key("StatefulSet", "apps"), [(INVALID, "spec.template.metadata.labels")]),
        (key("StatefulSet", "apps"), [(FORBIDDEN, "<nil>")]),
        (key("Widget", "example.com"), [(INVALID, "spec.a")]),
        (key("Widget", "example.com"), [(FORBIDDEN, "")]),
    ],
)
def test_a_refusal_of_anything_else_is_not_about_fixed_fields(place, causes):
    assert immutable_causes(place, causes, ["/spec/selector", "/spec/a", "/spec/replicas"]) == ()


@pytest.mark.parametrize(
    ("field", "pointer"),
    [
        ("spec.ports[0].name", "/spec/ports/0/name"),
        ("metadata.annotations[a.b/c]", "/metadata/annotations/a.b~1c"),
        ('spec.containers["a.b"].image', "/spec/containers/a.b/image"),
        ("type", "/type"),
        ("<nil>", ""),
        ("", ""),
    ],
)
def test_a_field_of_a_refusal_is_a_place_in_the_object(field, pointer):
    assert pointer_of(field) == pointer


def test_rules_that_compare_with_the_old_value_fix_a_field():
    schema = {
        "properties": {
            "spec": {
                "x-kubernetes-validations": [
                    {"rule": "self.a == oldSelf.a"},
                    {"rule": "oldSelf.b==self.b"},
                    {"rule": "self.c > 1"},
                ],
                "properties": {
                    "size": {"x-kubernetes-validations": [{"rule": "self == oldSelf"}]},
                    "l": {"items": {"properties": {"x": {"x-kubernetes-validations": [{"rule": "oldSelf == self"}]}}}},
                    "m": {"additionalProperties": {"x-kubernetes-validations": [{"rule": " self  ==  oldSelf "}]}},
                    "n": {"additionalProperties": True},
                },
            }
        },
        "x-kubernetes-validations": [{"rule": "self == oldSelf"}],
    }
    rules = fixed_by_rules(schema)
    assert rules.patterns == {"/spec/a", "/spec/b", "/spec/size", "/spec/l/*/x", "/spec/m/*"}
    diffs = [FieldDiff(p, DiffOp.REPLACE) for p in ("/spec/size", "/spec/l/3/x", "/spec/c")]
    assert immutable_pointers(key("W", "e.io"), diffs, {}, {}, rules) == ("/spec/l/3/x", "/spec/size")
    assert immutable_causes(key("W", "e.io"), [(INVALID, "spec.size")], ["/spec/size", "/spec/c"], rules) == ("/spec/size",)


def test_no_rules_fix_nothing():
    assert fixed_by_rules({}) == Patterns()

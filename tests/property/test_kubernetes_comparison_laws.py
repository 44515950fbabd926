"""Laws of the comparison of Kubernetes objects, on objects that Hypothesis makes up and a server that fills in defaults."""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from gitops_core.model.pointers import get, leaves, split
from gitops_core.model.values import freeze
from gitops_core.targets.kubernetes.comparing import compare_with_managers
from gitops_core.targets.kubernetes.quantities import parse_quantity, same_quantity
from gitops_core.targets.kubernetes.spelling import spell
from gitops_core.testing.kubernetes.server_side_apply import Writer, apply_patch, schema_of

NOW = "2024-01-01T00:00:00Z"
names = st.sampled_from(["a", "b", "c", "web", "x-1"])
texts = st.sampled_from(["x", "1", "60s", "1000m", "a/b", "é", "true"])
text_maps = st.dictionaries(st.sampled_from(["a", "b/c", "d~e", "f.g"]), texts, max_size=3)
amounts = st.sampled_from([1, 0.5, "100m", "1000m", "1Gi", "1024Mi", "2", "1.5"])
resources = st.fixed_dictionaries(
    {}, optional={place: st.dictionaries(st.sampled_from(["cpu", "memory"]), amounts) for place in ("limits", "requests")}
)


def named(**optional):
    item = st.fixed_dictionaries({"name": names}, optional=optional)
    return st.lists(item, max_size=3, unique_by=lambda each: each["name"])


variables = named(value=st.sampled_from(["", "1", "60s"]))
port = st.fixed_dictionaries({"containerPort": st.integers(1, 3)}, optional={"name": names})
container_ports = st.lists(port, max_size=3, unique_by=lambda each: each["containerPort"])
mounts = st.lists(
    st.fixed_dictionaries({"mountPath": st.sampled_from(["/a", "/b"]), "name": names}, optional={"readOnly": st.booleans()}),
    max_size=2,
    unique_by=lambda each: each["mountPath"],
)
containers = st.lists(
    st.fixed_dictionaries(
        {"name": names, "image": st.sampled_from(["i:1", "i:2"])},
        optional={
            "args": st.lists(texts, max_size=3), "env": variables, "ports": container_ports, "resources": resources,
            "volumeMounts": mounts, "stdin": st.booleans(), "workingDir": st.sampled_from(["", "/w"]), "securityContext": st.just({}),
        },
    ),
    min_size=1, max_size=3, unique_by=lambda each: each["name"],
)  # fmt: skip
pod_specs = st.fixed_dictionaries(
    {"containers": containers},
    optional={
        "initContainers": containers, "nodeSelector": text_maps, "hostNetwork": st.booleans(), "volumes": named(emptyDir=st.just({})),
        "tolerations": st.lists(st.fixed_dictionaries({"key": names, "operator": st.just("Exists")}), max_size=2),
    },
)  # fmt: skip
metadata = st.fixed_dictionaries(
    {"name": st.just("x"), "namespace": st.just("default")},
    optional={"labels": text_maps, "annotations": text_maps, "finalizers": st.lists(names, max_size=2, unique=True)},
)


def objects(version, kind, **parts):
    return st.fixed_dictionaries({"apiVersion": st.just(version), "kind": st.just(kind), "metadata": metadata}, optional=parts)


templates = st.fixed_dictionaries({"metadata": st.fixed_dictionaries({"labels": text_maps}), "spec": pod_specs})
deployments = objects(
    "apps/v1",
    "Deployment",
    spec=st.fixed_dictionaries(
        {"selector": st.fixed_dictionaries({"matchLabels": text_maps}), "template": templates},
        optional={"replicas": st.integers(0, 3), "paused": st.booleans()},
    ),
)
service_ports = st.lists(
    st.fixed_dictionaries({"port": st.integers(1, 3)}, optional={"name": names, "targetPort": st.integers(1, 3) | names}),
    min_size=1, max_size=3, unique_by=lambda each: each["port"],
)  # fmt: skip
services = objects(
    "v1",
    "Service",
    spec=st.fixed_dictionaries({"ports": service_ports}, optional={"selector": text_maps, "clusterIP": st.just("None")}),
)
config_maps = objects(
    "v1", "ConfigMap", data=text_maps, binaryData=st.dictionaries(names, st.just("aGVsbG8=")), immutable=st.booleans()
)
secrets = objects(
    "v1", "Secret", stringData=text_maps, data=st.dictionaries(names, st.sampled_from(["aGVsbG8=", "aGVs\nbG8=\n"]))
)
declarations = deployments | services | config_maps | secrets


# -- a server that fills in, drops and respells ------------------------------------------------------------------------------------

DROPPED_ZEROES = {"stdin", "hostNetwork", "paused", "readOnly", "workingDir"}
DROPPED_MAPS = {"labels", "annotations", "nodeSelector", "matchLabels", "data", "binaryData", "limits", "requests", "selector"}
SPELLED = {"1000m": "1", 0.5: "500m", "1024Mi": "1Gi", "1.5": "1500m", 1: "1"}


def stored(value, field="", parent=""):
    """Return *value* as a server keeps it, before defaults."""
    if isinstance(value, dict):
        kept = {name: stored(below, name, field) for name, below in value.items()}
        return {name: below for name, below in kept.items() if not is_dropped(name, below)}
    if isinstance(value, list):
        return [stored(item, field, parent) for item in value]
    if parent in {"limits", "requests"}:
        return SPELLED.get(value, value)
    return value


def is_dropped(field, value):
    if isinstance(value, dict | list):
        return not value and (isinstance(value, list) or field in DROPPED_MAPS)
    return not value and (field in DROPPED_ZEROES or (field == "value" and value == ""))


def with_defaults(body):
    spec = body.get("spec", {})
    if body["kind"] == "Service":
        body["spec"] = {"type": "ClusterIP", "sessionAffinity": "None", "clusterIP": "10.0.0.1", **spec}
        for port in spec.get("ports", []):
            port.setdefault("protocol", "TCP")
            port.setdefault("targetPort", port["port"])
    if body["kind"] == "Deployment" and spec:
        body["spec"] = {"progressDeadlineSeconds": 600, "replicas": 1, **spec}
        pod = spec["template"]["spec"]
        for container in [*pod["containers"], *pod.get("initContainers", [])]:
            container.update({"imagePullPolicy": "Always", **container})
            container.setdefault("resources", {})
            for port in container.get("ports", []):
                port.setdefault("protocol", "TCP")
        pod.update({"dnsPolicy": "ClusterFirst", **pod})
    if body["kind"] == "Secret":
        body.setdefault("type", "Opaque")
        body["data"] = {name: text.replace("\n", "") for name, text in body.get("data", {}).items()}
    return body


def served(desired, manager="us", live=None):
    """Return what a server has after *manager* applied *desired*: managed fields, defaults, its own spelling."""
    sent = json.loads(json.dumps(desired))
    group = sent["apiVersion"].rpartition("/")[0]
    known = schema_of(group, sent["kind"])
    writer = Writer(manager, sent["apiVersion"], NOW)
    merged = apply_patch(live, sent, writer=writer, schema=known, force=True)
    return with_server_fields(merged)


def with_server_fields(merged):
    merged = json.loads(json.dumps(merged))
    managed = merged["metadata"].pop("managedFields", [])
    there = with_defaults(stored(merged))
    there["metadata"] = {**there.get("metadata", {}), "uid": "u", "resourceVersion": "7", "managedFields": managed}
    there["status"] = {"observed": 1}
    return there


def seen(live, manager="us"):
    """Return *live* as the target prepares it."""
    there = copy.deepcopy(live)
    for entry in there["metadata"]["managedFields"]:
        if entry["manager"] == manager:
            entry["ours"] = True
    return spell(freeze(there))


def diffs(desired, live, manager="us"):
    return compare_with_managers(spell(freeze(desired)), seen(live, manager))


# -- the laws ------------------------------------------------------------------------------------------------------------------


@given(declarations)
def test_spelling_twice_is_spelling_once(desired):
    once = spell(freeze(desired))
    assert spell(freeze(once)) == once


@given(declarations)
def test_an_object_does_not_differ_from_itself(desired):
    spelled = spell(freeze(desired))
    assert compare_with_managers(spelled, spelled) == []


@given(declarations)
def test_what_a_server_makes_of_a_declaration_is_no_difference(desired):
    assert diffs(desired, served(spell(freeze(desired)))) == []


@given(declarations)
def test_what_a_server_made_of_the_same_declaration_of_somebody_else_can_be_adopted(desired):
    assert [d for d in diffs(desired, served(spell(freeze(desired)), "them")) if d.after != "{}"] == []


@given(declarations, st.randoms(use_true_random=False))
def test_a_change_that_somebody_plants_is_found_at_its_place(desired, dice):
    live = served(spell(freeze(desired)))
    places = [(p, v) for p, v in leaves(dict(live)) if is_declared(p, live, spell(freeze(desired)))]
    if not places:
        return
    pointer, value = dice.choice(sorted(places, key=str))
    plant(live, pointer, f"{value}-changed" if isinstance(value, str) else not value if isinstance(value, bool) else value + 7)
    found = diffs(desired, live)
    assert any(pointer == d.pointer or pointer.startswith(f"{d.pointer}/") for d in found), (pointer, found)


@given(declarations, st.randoms(use_true_random=False), st.booleans())
def test_what_differs_does_not_depend_on_whether_somebody_owns_another_field(desired, dice, is_planted):
    live = served(spell(freeze(desired)))
    places = sorted([(p, v) for p, v in leaves(dict(live)) if is_declared(p, live, spell(freeze(desired)))], key=str)
    if is_planted and places:
        pointer, value = dice.choice(places)
        plant(
            live, pointer, f"{value}-changed" if isinstance(value, str) else not value if isinstance(value, bool) else value + 7
        )
    alone = diffs(desired, live)
    label = {"f:metadata": {"f:labels": {"f:of-a-bystander": {}}}}
    live["metadata"]["managedFields"].append({"manager": "them", "operation": "Update", "apiVersion": "v1", "fieldsV1": label})
    assert alone == diffs(desired, live)


def is_declared(pointer, live, desired):
    """Tell whether *pointer* of *live* is in *desired*, too; both have the same items at the same places."""
    own = ("/metadata/managedFields", "/metadata/uid", "/metadata/resourceVersion", "/status", "/apiVersion", "/kind")
    found = get(desired, pointer, own)
    return not pointer.startswith(own) and found is not own and not isinstance(found, dict | list) and found is not None


def plant(body, pointer, value):
    *above, last = split(pointer)
    for segment in above:
        body = body[int(segment)] if isinstance(body, list) else body[segment]
    body[int(last) if isinstance(body, list) else last] = value


@given(deployments, st.randoms(use_true_random=False))
def test_the_order_of_keyed_lists_is_no_difference(desired, dice):
    live = served(spell(freeze(desired)))
    pod = live.get("spec", {}).get("template", {}).get("spec", {})
    for container in pod.get("containers", []):
        for field in ("env", "ports", "volumeMounts"):
            dice.shuffle(container.get(field, []))
    dice.shuffle(pod.get("containers", []))
    dice.shuffle(pod.get("volumes", []))
    dice.shuffle(live["metadata"].get("finalizers", []))
    assert diffs(desired, live) == []


@given(st.one_of(*(st.tuples(kind, kind) for kind in (config_maps, deployments, secrets))))
def test_going_from_one_declaration_to_another_leaves_nothing_to_do(pair):
    """What is dropped from the declaration is seen before the write, and gone after it."""
    first, second = pair
    before = served(spell(freeze(first)))
    assert diffs(second, served(spell(freeze(second)), live=stateless(before))) == []


def stateless(live):
    """Return *live* as it is before the next write to it."""
    return {name: value for name, value in live.items() if name != "status"}


@given(declarations)
def test_nothing_that_others_add_is_a_difference(desired):
    live = served(spell(freeze(desired)))
    more = {
        "apiVersion": live["apiVersion"],
        "kind": live["kind"],
        "metadata": {"name": "x", "annotations": {"others": "1"}, "labels": {"others": "1"}},
    }
    merged = served(more, "them", stateless(live))
    assert diffs(desired, merged) == []


# -- quantities ------------------------------------------------------------------------------------------------------------------

SUFFIXES = {"": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18, "m": -3, "u": -6, "n": -9}
numbers = st.decimals(min_value=-(10**6), max_value=10**6, places=4).map(lambda d: format(d, "f"))


@given(numbers, st.sampled_from(sorted(SUFFIXES)), numbers, st.sampled_from(sorted(SUFFIXES)))
def test_quantities_are_equal_exactly_when_their_amounts_are(one, unit, other, other_unit):
    amounts = [Fraction(Decimal(n)) * Fraction(10) ** SUFFIXES[s] for n, s in ((one, unit), (other, other_unit))]
    assert same_quantity(one + unit, other + other_unit) is (amounts[0] == amounts[1])
    assert parse_quantity(one + unit) == amounts[0]


@given(st.integers(-(10**9), 10**9), st.sampled_from(sorted(SUFFIXES)))
def test_an_amount_is_the_same_in_every_unit(number, unit):
    thousandfold = {"n": "u", "u": "m", "m": "", "": "k", "k": "M", "M": "G", "G": "T", "T": "P", "P": "E"}
    if unit in thousandfold:
        assert same_quantity(f"{number * 1000}{unit}", f"{number}{thousandfold[unit]}")
    assert same_quantity(f"{number}{unit}", f"{number}.000{unit}")


@given(st.text(max_size=12))
def test_any_text_is_a_quantity_or_none(text):
    amount = parse_quantity(text)
    assert amount is None or same_quantity(text, text)

"""Details of decisions that no other test would miss: found by changing the planner one place at a time."""

from __future__ import annotations

import hashlib

import attrs
import pytest

from gitops_core.model.applications import Options
from gitops_core.model.fields import Fields
from gitops_core.model.guards import Guard
from gitops_core.model.inventory import EntryState, Holder, InventoryEntry
from gitops_core.model.plans import ChangeState
from gitops_core.model.resources import Origin, Resource, ResourceKey, Unreadable, as_key
from gitops_core.model.revisions import Revision
from gitops_core.model.values import Sensitive, freeze, mask
from gitops_core.model.verdicts import Verdict, Violation
from gitops_core.planning.decide import Decision
from gitops_core.planning.declared import declared_pointers
from gitops_core.planning.diff import Comparison, precondition_of
from gitops_core.planning.edges import NAMESPACE, band, references
from gitops_core.planning.order import arranged, circles, path_around
from gitops_core.planning.planner import make_plan
from gitops_core.planning.records import planned_entry
from gitops_core.planning.request import TargetRules
from gitops_core.testing.plan_worlds import PlanWorld

US, THEM = "example.org/demo/shop", "example.org/demo/other"
FREE = Guard(delete_fraction=1.0, touched_fraction=1.0, never=(), allow_empty=True)
A = ResourceKey("", "Site", "", "a")


def site(name="a", needs="", kind="Site", namespace="", **fields):
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    if needs:
        metadata["annotations"] = {"example.org/depends-on": needs}
    return {"kind": kind, "metadata": metadata, **fields}


@pytest.fixture
def world():
    return PlanWorld(guard=FREE)


# -- one decision ----------------------------------------------------------------------------------------------------------------


def test_a_decision_does_not_show_the_body_it_was_made_from():
    assert "canary" not in repr(Decision(resource=Resource.of(site()), body={"password": "canary"}))


def test_a_change_says_which_declaration_and_which_object_it_is_for(world):
    declaration = Resource.of(site(v=2), Origin(path="shop.yaml", line=1), salt=b"salt of a test")
    world.apply(site(v=1))
    change = world.plan(site(v=2))["Site/a"]
    assert (change.desired, change.live_id) == (declaration.digest, world.live[A].id)


def test_an_origin_keeps_its_own_source_and_takes_the_revisions_where_it_has_none(world):
    revision = Revision("r2", source="https://example.org/repo")
    own = Resource.of(site("a"), Origin(source="https://example.org/other", path="a.yaml", line=3, document=2, column=5))
    plan = world.plan(own, site("b"), revision=revision)
    assert plan["Site/a"].origin == Origin("https://example.org/other", "r2", "a.yaml", 2, 3, 5)
    assert plan["Site/b"].origin == Origin("https://example.org/repo", "r2", "shop.yaml", 0, 1, 0)


def test_what_is_neither_declared_nor_pruned_is_not_reviewed(world):
    world.apply(site(), site("old"))
    verdict = Verdict.of([Violation(("Site", "old"), "no", policy="p")])
    assert world.plan(site(), verdict=verdict, options=Options(prune=False)).is_empty


def test_the_declaration_has_the_last_word_about_a_specific_object(world):
    """A denial of one object counts for it, and not the denial of the whole set."""
    verdict = Verdict.of([Violation(None, "all", policy="everything"), Violation(("Site", "a"), "this", policy="one")])
    assert "one denies it: this" in world.plan(site(), verdict=verdict)["Site/a"].reason


def test_what_a_target_says_it_needs_is_recorded_without_a_change_and_with_one(world):
    rules = TargetRules(depends_on=lambda body: ["Site/b"] if body["metadata"]["name"] == "a" else [])
    world.apply(site("a"), site("b"), rules=rules)
    assert world.entries[A].depends_on == (as_key("Site/b"),)


def test_an_object_that_was_written_with_salted_secrets_is_compared_with_the_same_salt(world):
    rules = TargetRules(fields=Fields(sensitive={"/token"}))
    world.apply(site(token=Sensitive("one")), rules=rules)
    diff = world.plan(site(token=Sensitive("two")), rules=rules)["Site/a"].diff[0]
    assert (diff.before, diff.after) == (mask("one", b"salt of a test"), mask("two", b"salt of a test"))


def test_the_id_and_the_place_of_what_could_not_be_spelled_are_in_its_delete(world):
    world.apply(site(), site("b"))
    live = world.live[A]
    rules = TargetRules(normalize=lambda body: body if body["metadata"]["name"] == "b" else 1 / 0)
    change = world.plan(site("b"), rules=rules)["Site/a"]
    assert (change.live_id, change.origin) == (live.id, Origin(path="shop.yaml", revision="r1"))


@pytest.mark.parametrize("annotations", ["text", ["example.org/protect"], 7, None, {}])
def test_annotations_that_are_no_mapping_are_for_the_target_to_judge(world, annotations):
    body = {"kind": "Site", "metadata": {"name": "a", "annotations": annotations}}
    assert world.plan(body)["Site/a"].is_ready


def test_a_pass_that_waits_for_nothing_waits_for_nothing_held_back_either(world):
    blind = (Unreadable(A, "403"),)
    assert not world.plan(site(), unreadable=blind, options=Options(wait=False))["Site/a"].wait
    assert world.plan(site(), unreadable=blind)["Site/a"].wait


def test_write_only_fields_of_an_object_that_is_adopted_are_added(world):
    rules = TargetRules(fields=Fields(write_only={"/pin"}))
    world.put(site())
    assert [(d.op.value, d.before) for d in world.plan(site(pin="1234"), rules=rules)["Site/a"].diff] == [("add", "")]


def test_a_secret_that_a_target_copies_to_another_field_is_masked_there_too(world):
    def copying(body):
        return {**body, "copy": f"user:{body['token']}"}

    rules = TargetRules(fields=Fields(sensitive={"/token"}), normalize=copying)
    world.apply(site(token=Sensitive("canary-1")), rules=rules)
    diff = {d.pointer: (d.before, d.after) for d in world.plan(site(token=Sensitive("canary-2")), rules=rules)["Site/a"].diff}
    assert diff["/copy"] == ('"user:***"', '"user:***"')


def test_two_applications_that_began_at_once_settle_it_by_what_was_applied_then_by_name(world):
    def standing(ours, theirs, other):
        world.entries[A] = InventoryEntry(A, ours)
        return world.plan(site(), holders={A: Holder(other, theirs)})["Site/a"].rule

    planned, applied = EntryState.PLANNED, EntryState.APPLIED
    before, after = "example.org/demo/a", "example.org/demo/z"
    assert standing(applied, planned, before) == ""
    assert standing(planned, applied, after) == "foreign_owner"
    assert standing(planned, planned, after) == ""
    assert standing(planned, planned, before) == "foreign_owner"
    assert standing(applied, applied, after) == ""
    assert standing(applied, applied, before) == "foreign_owner"


# -- order -------------------------------------------------------------------------------------------------------------------------------

RBAC, HOOKS = "rbac.authorization.k8s.io", "admissionregistration.k8s.io"
HELM = [
    "scheduling.k8s.io/PriorityClass", "/Namespace", "networking.k8s.io/NetworkPolicy", "/ResourceQuota", "/LimitRange",
    "policy/PodDisruptionBudget", "/ServiceAccount", "/Secret", "/ConfigMap", "storage.k8s.io/StorageClass", "/PersistentVolume",
    "/PersistentVolumeClaim", "apiextensions.k8s.io/CustomResourceDefinition", f"{RBAC}/ClusterRole", f"{RBAC}/ClusterRoleBinding",
    f"{RBAC}/Role", f"{RBAC}/RoleBinding", "/Service", "apps/DaemonSet", "/Pod", "/ReplicationController", "apps/ReplicaSet",
    "apps/Deployment", "autoscaling/HorizontalPodAutoscaler", "apps/StatefulSet", "batch/Job", "batch/CronJob",
    "networking.k8s.io/IngressClass", "networking.k8s.io/Ingress", "apiregistration.k8s.io/APIService", "example.org/Unknown",
    f"{HOOKS}/MutatingWebhookConfiguration", f"{HOOKS}/ValidatingWebhookConfiguration",
]  # fmt: skip


def test_kinds_come_in_the_order_of_helm():
    keys = [ResourceKey(group, kind, "", "x") for group, _, kind in (text.partition("/") for text in HELM)]
    assert [band(key) for key in keys] == list(range(len(keys)))
    assert band(ResourceKey("other.io", "Namespace", "", "x")) == band(keys[-3])


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ({"configMap": {"name": "x"}}, "ConfigMap/n/x"),
        ({"configMapRef": {"name": "x"}}, "ConfigMap/n/x"),
        ({"configMapKeyRef": {"name": "x"}}, "ConfigMap/n/x"),
        ({"secret": {"name": "x"}}, "Secret/n/x"),
        ({"secretRef": {"name": "x"}}, "Secret/n/x"),
        ({"secretKeyRef": {"name": "x"}}, "Secret/n/x"),
        ({"service": {"name": "x", "namespace": "m"}}, "Service/m/x"),
        ({"secretName": "x"}, "Secret/n/x"),
        ({"serviceAccountName": "x"}, "ServiceAccount/n/x"),
        ({"serviceName": "x"}, "Service/n/x"),
        ({"claimName": "x"}, "PersistentVolumeClaim/n/x"),
        ({"storageClassName": "x"}, "storage.k8s.io/StorageClass//x"),
        ({"priorityClassName": "x"}, "scheduling.k8s.io/PriorityClass//x"),
        ({"ingressClassName": "x"}, "networking.k8s.io/IngressClass//x"),
        ({"runtimeClassName": "x"}, "node.k8s.io/RuntimeClass//x"),
        ({"imagePullSecrets": [{"name": "x"}]}, "Secret/n/x"),
        ({"subjects": [{"kind": "ServiceAccount", "name": "x"}]}, "ServiceAccount/n/x"),
        ({"subjects": [{"kind": "ServiceAccount", "name": "x", "namespace": "m"}]}, "ServiceAccount/m/x"),
    ],
)
def test_every_field_that_names_an_object_is_known(spec, found):
    key = ResourceKey("", "Pod", "n", "p")
    assert [str(k) for k in references(key, freeze({"spec": spec}))] == [found]


def test_a_typed_reference_may_be_in_the_namespace_or_in_none():
    found = references(ResourceKey("", "X", "n", "p"), freeze({"roleRef": {"apiGroup": RBAC, "kind": "Role", "name": "r"}}))
    assert sorted(map(str, found)) == [f"{RBAC}/Role//r", f"{RBAC}/Role/n/r"]
    scaled = references(
        ResourceKey("", "X", "n", "p"), freeze({"scaleTargetRef": {"apiVersion": "v1", "kind": "Pod", "name": "r"}})
    )
    assert sorted(map(str, scaled)) == ["Pod/n/r", "Pod/r"]


def test_deletes_without_dependencies_go_in_the_reverse_order_of_kinds(world):
    kinds = ["Namespace", "Secret", "Service"]
    world.apply(*(site("x", kind=kind) for kind in kinds))
    assert [c.key.kind for c in world.plan().changes] == kinds[::-1]


def test_a_circle_through_two_unchanged_objects_is_found(world):
    world.apply(site("b", "Site/c"), site("c", "Site/a"), site("a"))
    plan = world.plan(site("a", "Site/b"), site("b", "Site/c"), site("c", "Site/a"))
    assert (plan["Site/a"].state, plan["Site/a"].rule) == (ChangeState.REFUSED, "cycle")


def test_an_object_in_a_circle_waits_for_nothing_it_refers_to(world):
    pod = site("pod", "ConfigMap/n/cm", kind="Pod", namespace="n", volumes=[{"secret": {"name": "s"}}])
    plan = world.plan(pod, site("cm", "Pod/n/pod", kind="ConfigMap", namespace="n"), site("s", kind="Secret", namespace="n"))
    assert [(str(c.key), c.rule, c.depends_on) for c in plan.changes if c.key.kind == "Pod"] == [("Pod/n/pod", "cycle", ())]


def test_an_object_that_refers_to_itself_or_to_what_does_not_change_waits_for_nothing(world):
    world.apply(site("same", kind="Secret", namespace="n"))
    self_made = site("cm", kind="ConfigMap", namespace="n", data={"configMap": {"name": "cm"}, "secret": {"name": "same"}})
    plan = world.plan(self_made, site("same", kind="Secret", namespace="n"))
    assert plan["ConfigMap/n/cm"].depends_on == ()


def test_only_what_lives_in_a_namespace_that_goes_keeps_it(world):
    world.apply(site("n", kind="Namespace"), site("m", kind="Namespace"), site("x", namespace="n"), site("free"))
    plan = world.plan(site("x", namespace="n"), site("free"))
    assert {str(c.key): c.state.value for c in plan.changes} == {"Namespace/m": "ready", "Namespace/n": "skipped"}
    assert ResourceKey(*NAMESPACE, "", "m") in {c.key for c in plan.ready}


def keys(text):
    return [ResourceKey("", "T", "", name) for name in text]


def test_the_shortest_way_round_a_circle_begins_and_ends_at_its_smallest_node():
    a, b, c, d = keys("abcd")
    edges = {a: [b, c], b: [c], c: [d, a], d: [a]}
    assert path_around({a, b, c, d}, edges) == (a, c, a)
    assert path_around({b}, {b: [b]}) == (b, b)


def test_circles_are_found_once_however_they_are_entered():
    a, b, c, d, e = keys("abcde")
    edges = {e: [a, d], a: [b], b: [a, c], c: [c], d: []}
    found = circles(edges)
    assert (len(found), set(found)) == (2, {frozenset({a, b}), frozenset({c})})
    assert arranged([d, c, b], {b: [c, a], c: [d]}, lambda _key: 0) == [d, c, b]


def test_a_locked_entry_keeps_what_it_knows_when_it_is_planned_anew(world):
    world.apply(site(v=1))
    before = world.entries[A]
    world.live.clear()
    request = world.request(site(v=1))
    change = make_plan(request).plan["Site/a"]
    assert planned_entry(request, change, request.declaration(A)) == attrs.evolve(before, state=EntryState.PLANNED, id="")


def test_only_a_definition_defines_a_kind(world):
    spec = {"group": "g.io", "names": {"kind": "Cat"}}
    cat = {"apiVersion": "g.io/v1", "kind": "Cat", "metadata": {"name": "tom"}}
    assert world.plan(cat, site("looks-like-one", spec=spec))["g.io/Cat//tom"].depends_on == ()


@pytest.mark.parametrize("facts", [{}, {"unreadable": (Unreadable(("Secret", "n", "s"), "403"),)}], ids=["circle", "unreadable"])
def test_what_is_held_back_anyway_does_not_wait_for_what_it_refers_to(world, facts):
    """A Secret comes before a Service, and this one refers to one."""
    needs = "" if facts else "ConfigMap/n/cm"
    secret = site("s", needs, kind="Secret", namespace="n", serviceName="web")
    other = site("cm", "" if facts else "Secret/n/s", kind="ConfigMap", namespace="n")
    plan = world.plan(secret, other, site("web", kind="Service", namespace="n"), **facts)
    kinds = [change.key.kind for change in plan.changes]
    assert kinds.index("Secret") < kinds.index("Service")
    assert not plan["Secret/n/s"].is_ready


def test_the_record_of_what_is_gone_waits_for_nobody(world):
    world.apply(site("a", "Site/b"), site("b"))
    del world.live[as_key("Site/b")]
    assert world.plan(site("a", v=2))["Site/b"].depends_on == ()


def test_the_record_of_what_is_gone_does_not_wait_for_what_stays(world):
    protected = site("a", "Site/b")
    protected["metadata"]["annotations"]["example.org/protect"] = "true"
    world.apply(protected, site("b"))
    del world.live[as_key("Site/b")]
    plan = world.plan(site("kept"))
    assert (plan["Site/a"].rule, plan["Site/b"].is_ready, plan["Site/b"].depends_on) == ("protected", True, ())


def test_a_precondition_is_blind_to_ignored_fields_by_either_of_their_names():
    def seen(value, ignored):
        how = Comparison(ignored=Fields(unordered={ignored}).unordered, salt=b"s")
        return precondition_of("id", freeze({"l": [{"name": "a", "v": value}]}), freeze({"l": [{"name": "a", "v": 1}]}), how)

    assert seen(1, "/l/0/v") == seen(2, "/l/0/v")
    assert seen(1, "/l/*/v") == seen(2, "/l/*/v")
    assert seen(1, "/l/1/v") != seen(2, "/l/1/v")


def test_a_name_that_fits_exactly_means_nothing_else(world):
    knative = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": {"name": "web"}}
    plan = world.plan(site("a", "Service/web"), site("web", kind="Service"), knative)
    assert plan["Site/a"].depends_on == (as_key("Service/web"),)
    world.put(site("gone", kind="Service"))
    assert world.plan(site("a", "Service/gone"))["Site/a"].is_ready


def test_a_target_that_quotes_a_secret_while_it_spells_a_new_object_is_redacted(world):
    def quoting(body):
        raise ValueError(f"bad token {body['token']}")

    rules = TargetRules(fields=Fields(sensitive={"/token"}), normalize=quoting)
    assert world.plan(site(token="canary-1"), rules=rules)["Site/a"].reason.endswith("normalize raised ValueError: bad token ***")


def test_a_live_body_with_secrets_that_is_no_object_is_the_fault_of_observing(world):
    world.put(site())
    world.live[A] = attrs.evolve(world.live[A], body=[])
    change = world.plan(site(), rules=TargetRules(fields=Fields(sensitive={"/token"})))["Site/a"]
    assert change.reason == "the target's observe raised TypeError: a JSON object was expected, not list"


def test_edges_of_nodes_that_are_not_to_be_arranged_are_nobodys():
    a, b, c = keys("abc")
    assert arranged([c, b], {a: [b], b: [a, c]}, lambda _key: 0) == [c, b]


def test_unchanged_keys_are_sorted_however_they_were_found_unchanged(world):
    world.apply(site("a"), site("b"))
    world.edit("Site/a", site("a"))
    assert world.plan(site("a"), site("b")).unchanged == (as_key("Site/a"), as_key("Site/b"))


def test_the_digest_of_all_declarations_is_what_saved_plans_have(world):
    salt = b"salt of a test"
    made = [Resource.of(body, salt=salt) for body in (site("a", v=1), site("b", namespace="n"))]
    rows = [f"\0Site\0\0a\0{made[0].digest}", f"\0Site\0n\0b\0{made[1].digest}"]
    expected = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    assert world.plan(site("a", v=1), site("b", namespace="n")).desired_digest == expected


EVERYTHING = TargetRules(fields=Fields(write_only={"/pin"}), scope=lambda _key: "world")


def ahead(world, body, **facts):
    """Return the record that is written ahead of the first change of a plan for *body*."""
    request = world.request(body, site("b"), rules=EVERYTHING, **facts)
    change = make_plan(request).plan["Site/a"]
    return planned_entry(request, change, request.declaration(A))


def test_what_is_written_ahead_of_a_creation_holds_all_that_the_declaration_says(world):
    body = site("a", "Site/b", v=1, pin="1234", token=Sensitive("one"))
    body["metadata"]["annotations"]["example.org/protect"] = "true"
    world.entries[A] = InventoryEntry(A, EntryState.CLAIMED, held_by=THEM)
    assert ahead(world, body) == InventoryEntry(
        A,
        declared=declared_pointers(freeze({**body, "token": "x"})),
        protected=True,
        depends_on=(as_key("Site/b"),),
        scope="world",
        path="shop.yaml",
        write_only="unknown",
        sensitive=("/token",),
        held_by=THEM,
    )
    del world.entries[A]
    assert ahead(world, body).held_by == ""
    assert ahead(world, site("a")).write_only == ""


def test_what_is_written_ahead_of_an_adoption_says_so(world):
    world.put(site("a", v=2))
    entry = ahead(world, site("a", v=1))
    assert (entry.adopted, entry.id, entry.state) == (True, world.live[A].id, EntryState.PLANNED)


def test_what_is_written_ahead_of_an_update_knows_both_declarations(world):
    world.apply(site("a", "Site/b", old=1, pin="1", token=Sensitive("one")), site("b"), site("c"), rules=EVERYTHING)
    before = world.entries[A]
    entry = ahead(world, site("a", new=1, pin="2", key=Sensitive("two")))
    now = declared_pointers(freeze({"kind": "Site", "metadata": {"name": "a"}, "new": 1, "pin": "2", "key": "x"}))
    assert entry == attrs.evolve(
        before,
        state=EntryState.PLANNED,
        declared=tuple(sorted({*before.declared, *now})),
        write_only="unknown",
        sensitive=("/key", "/token"),
        unconfirmed=("/key", "/new"),
    )
    assert (before.depends_on, entry.depends_on) == ((as_key("Site/b"),), (as_key("Site/b"),))
    assert ahead(world, site("a", "Site/b", old=2, pin="1", token=Sensitive("one"))).write_only == before.write_only != ""


def test_protection_and_dependencies_are_added_ahead_and_never_taken_away(world):
    protected = site("a", "Site/c", v=1)
    protected["metadata"]["annotations"]["example.org/protect"] = "true"
    world.apply(site("a", v=1), site("b"), site("c"))
    request = world.request(protected, site("b"), site("c"))
    entry = planned_entry(request, attrs.evolve(make_plan(world.request(site("a", v=2))).plan["Site/a"]), request.declaration(A))
    assert (entry.protected, entry.depends_on) == (True, (as_key("Site/c"),))


def test_what_had_settled_has_settled_until_its_declaration_changes(world):
    world.apply(site("a", v=1))
    world.entries[A] = attrs.evolve(world.entries[A], settled=True)

    def refreshed(**facts):
        world.entries[A] = attrs.evolve(world.entries[A], **facts)
        world.edit("Site/a", site("a", v=1))
        (entry,) = make_plan(world.request(site("a", v=1))).refreshed
        return entry.settled

    assert refreshed(state=EntryState.PLANNED)
    assert not refreshed(state=EntryState.PLANNED, settled=False)
    assert not refreshed(state=EntryState.APPLIED, settled=True, desired="another")


def test_an_object_that_is_ours_by_its_mark_is_recorded_with_its_new_id(world):
    world.apply(site(v=1))
    world.put(site(v=1), id="another", owner=US)
    (entry,) = make_plan(world.request(site(v=1))).refreshed
    assert entry.id == "another"


def test_an_object_without_a_version_is_recorded_as_it_looks_now(world):
    world.versions = False
    world.apply(site(v=1))
    before = world.entries[A]
    world.put(site(v=1, theirs=1), id=before.id)
    (entry,) = make_plan(world.request(site(v=1))).refreshed
    assert entry.live != before.live != ""


def test_only_other_declared_objects_are_recorded_as_referred_to(world):
    pod = site("p", kind="Pod", namespace="n", secretName="s", volumes=[{"configMap": {"name": "cm"}}])
    me = site("me", kind="Secret", namespace="n", secretName="me")
    world.apply(pod, me, site("cm", kind="ConfigMap", namespace="n"))
    assert world.entries[as_key("Pod/n/p")].refers_to == (as_key("ConfigMap/n/cm"),)
    assert world.entries[as_key("Secret/n/me")].refers_to == ()


def test_a_declaration_whose_outline_nobody_kept_is_outlined_anew(world):
    resource = Resource.of(site(v=1), Origin(path="shop.yaml", line=1))
    world.apply(Resource(resource.key, resource.digest, resource.origin, lambda: resource.body))
    assert world.entries[A].declared == declared_pointers(resource.body) != ()

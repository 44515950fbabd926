"""Manifests in one line, applications and plans in a few words."""

import pytest

from gitops_core import Action, reconcile
from gitops_core.health.rules import assess
from gitops_core.interfaces import Policy
from gitops_core.model.health import HealthStatus
from gitops_core.model.plans import Change, ChangeState, DiffOp, FieldDiff, Plan
from gitops_core.model.resources import Origin, ResourceKey, key_of
from gitops_core.model.values import freeze
from gitops_core.state.memory import MemoryStore
from gitops_core.testing.builders import resources
from gitops_core.testing.builders.applications import application, virtual_runtime
from gitops_core.testing.builders.plans import change, plan_of, refused
from gitops_core.testing.builders.repositories import MemoryRepository
from gitops_core.testing.builders.resources import config_map, deployment, manifest, namespace, secret, service

EVERY = [
    namespace("shop"),
    config_map("shop/site", {"color": "blue"}),
    secret("shop/login", {"password": "hunter2"}),
    deployment("shop/web", replicas=2),
    service("shop/web"),
    resources.custom_resource_definition("widgets.example.org", "Widget"),
    manifest("example.org/v1/Widget", "shop/blue", spec={"size": 3}),
    manifest("DnsRecord", "www"),
]


def test_names_say_the_namespace_and_kinds_the_version():
    assert [str(key_of(body)) for body in EVERY] == [
        "Namespace/shop",
        "ConfigMap/shop/site",
        "Secret/shop/login",
        "apps/Deployment/shop/web",
        "Service/shop/web",
        "apiextensions.k8s.io/CustomResourceDefinition//widgets.example.org",
        "example.org/Widget/shop/blue",
        "DnsRecord/www",
    ]


def test_labels_annotations_and_metadata_go_where_they_belong():
    body = manifest("v1/Pod", "a", labels={"x": "1"}, annotations={"y": "2"}, metadata={"generation": 3}, spec={})
    metadata = {"name": "a", "labels": {"x": "1"}, "annotations": {"y": "2"}, "generation": 3}
    assert body == {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {}}


@pytest.mark.parametrize(("kind", "name"), [("v1/", "a"), ("Pod", ""), ("Pod", "shop/"), ("", "a")])
def test_a_manifest_needs_a_kind_and_a_name(kind, name):
    with pytest.raises(ValueError, match="needs a kind and a name"):
        manifest(kind, name)


def test_a_service_finds_the_pods_of_the_deployment_of_its_name():
    web, front = (
        deployment("shop/web", port=9000, spec={"paused": True}),
        service("shop/web", target_port=9000, spec={"type": "NodePort"}),
    )
    pod = web["spec"]["template"]
    assert (
        pod["metadata"]["labels"]
        == web["spec"]["selector"]["matchLabels"]
        == front["spec"]["selector"]
        == web["metadata"]["labels"]
    )
    assert pod["spec"]["containers"][0]["ports"][0]["containerPort"] == front["spec"]["ports"][0]["targetPort"]
    assert (web["spec"]["paused"], front["spec"]["type"]) == (True, "NodePort")


def test_labels_of_ones_own_replace_a_deployments():
    assert deployment("web", labels={"team": "a"})["metadata"]["labels"] == {"team": "a"}


def test_a_secret_has_its_values_in_base64():
    assert secret("login", {"password": "hunter2"})["data"] == {"password": "aHVudGVyMg=="}


def test_a_definition_needs_a_group():
    with pytest.raises(ValueError, match=r"plural\.group"):
        resources.custom_resource_definition("widgets", "Widget")
    body = resources.custom_resource_definition("widgets.example.org", "Widget", namespaced=False)
    assert (body["spec"]["scope"], body["spec"]["names"]["singular"]) == ("Cluster", "widget")


@pytest.mark.parametrize(
    "body", [body for body in EVERY if "spec" in body and body["kind"] != "Service"], ids=lambda b: b["kind"]
)
def test_what_is_ready_has_settled_and_is_healthy(body):
    assessed = assess(resources.live(resources.ready(body)), now=0.0)
    assert (assessed.settled, assessed.status) == (True, HealthStatus.HEALTHY)
    assert "status" not in body, "the builder must not change what it was given"


def test_a_rollout_under_way_has_not_settled():
    body = resources.with_status(deployment("web", replicas=2), replicas=2, updatedReplicas=1, availableReplicas=1)
    assert not assess(resources.live(body), now=0.0).settled


def test_live_and_declared_objects_take_their_facts():
    live = resources.live(config_map("a"), id="7", owner="")
    assert (live.key, live.id, live.version, live.owner) == (ResourceKey("", "ConfigMap", "", "a"), "7", "1", "")
    assert resources.declared(config_map("a"), "apps/a.yaml:7").origin == Origin(path="apps/a.yaml", line=7)
    assert resources.declared(config_map("a"), "a.yaml").origin == Origin(path="a.yaml")


def test_frozen_bodies_can_be_written_too():
    assert resources.yaml_text(freeze({"kind": "A", "name": "a", "list": [1]})) == "kind: A\nname: a\nlist:\n- 1\n"


# -- applications ----------------------------------------------------------------------------------------------------------------


def test_an_application_of_manifests_is_complete():
    app, runtime = application(config_map("a"), config_map("b")), virtual_runtime()
    result = reconcile(app, store=MemoryStore(), runtime=runtime)
    assert result.ok
    assert len(app.target.objects) == 2


def test_an_application_of_a_repository_reads_its_manifests():
    repo = MemoryRepository()
    commit = repo.commit(
        {"shop/web.yaml": [config_map("a"), config_map("b")], "other.yaml": config_map("c")}, author="Bo <bo@example.org>"
    )
    app, store, runtime = application(source=repo.source(path="shop")), MemoryStore(), virtual_runtime()
    result = reconcile(app, store=store, runtime=runtime)
    assert (result.ok, result.revision.id, sorted(key.name for key in app.target.objects)) == (True, commit, ["a", "b"])
    repo.commit({"shop/web.yaml": config_map("a", {"x": "1"})})
    assert {str(o.key): o.action for o in reconcile(app, store=store, runtime=runtime).outcomes} == {
        "ConfigMap/a": Action.UPDATE,
        "ConfigMap/b": Action.DELETE,
    }


def test_every_field_can_be_given():
    class Nothing(Policy):
        def review(self, ctx, subject):
            return ()

    policy = Nothing()
    app = application(config_map("a"), name="shop", policies=[policy])
    assert (app.id, app.policies) == ("example.org/tests/shop", (policy,))
    assert virtual_runtime(seed=1).random.random() == virtual_runtime(seed=1).random.random()


def test_manifests_and_a_source_would_hide_each_other():
    with pytest.raises(TypeError, match="hide one of them"):
        application(config_map("a"), source=MemoryRepository().source())


# -- plans -----------------------------------------------------------------------------------------------------------------------


def test_a_plan_prints_what_was_said():
    plan = plan_of(
        "+ ConfigMap/site",
        change(
            "~ apps/Deployment/shop/web", {"/spec/replicas": (2, 3), "/metadata/labels/x": (..., "y"), "/spec/old": ("z", ...)}
        ),
        "-/+ Job/move (the template is immutable)",
        "= Service/old",
        "- Secret/gone",
        "! - Namespace/shop (it has its own permission) by never",
        "! + Widget/a deferred by waiting",
        unchanged=["Service/b", "Service/a"],
    )
    assert plan.text() == PRINTED


PRINTED = """\
example.org/tests/app at 1111111111111111111111111111111111111111

  # ConfigMap/site will be created (not in the target)
  + ConfigMap/site

  # apps/Deployment/shop/web will be updated in place (3 fields differ)
  ~ apps/Deployment/shop/web
      + metadata.labels.x: "y"
      - spec.old: "z"
      ~ spec.replicas: 2 -> 3

  # Job/move will be deleted and created anew (the template is immutable)
  -/+ Job/move

  # Service/old will be adopted (is there already and equal)
  = Service/old

  # Secret/gone will be deleted (no longer declared)
  - Secret/gone

Held back:
  # Namespace/shop: delete refused by never (it has its own permission)
  ! - Namespace/shop
  # Widget/a: create deferred by waiting (not in the target)
  ! + Widget/a

Wait for: 4 objects to settle
Plan: 1 to create, 1 to update, 1 to replace, 1 to delete, 1 to adopt; 1 refused, 1 deferred, 0 skipped; 2 unchanged."""


def test_a_plan_of_words_survives_json():
    plan = plan_of("+ A/a", change("~ B/b", [FieldDiff("/x", DiffOp.ADD, after="1")], depends_on=["A/a"]), guard="0 of 2")
    assert Plan.from_json(plan.to_json()) == plan
    assert plan["B/b"].depends_on == (ResourceKey("", "A", "", "a"),)
    assert plan["B/b"].reason == "1 field differs"


def test_a_change_can_be_refused_afterwards():
    assert refused("- A/a", "delete_limit", override="Approval(...)") == Change(
        ResourceKey("", "A", "", "a"),
        Action.DELETE,
        ChangeState.REFUSED,
        "no longer declared",
        rule="delete_limit",
        override="Approval(...)",
    )
    assert refused(change("~ A/a"), "policy", "image:latest").reason == "image:latest"
    assert change("~ A/a").reason == "something differs"


@pytest.mark.parametrize("text", ["ConfigMap/site", "? ConfigMap/site", "- Namespace/shop by never", "+ A/a refused", ""])
def test_what_is_no_change_is_shown_one(text):
    with pytest.raises(ValueError, match="write '~ ConfigMap/site'"):
        change(text)


def test_two_changes_of_one_object_are_a_mistake():
    with pytest.raises(ValueError, match="more than one for A/a"):
        plan_of("+ A/a", "~ B/b", unchanged=["A/a"])

"""Whose object, whose field: conflicts, adoption, take-over, two applications, moves, and deletes that name the very object."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from shops import Shop, config, deployment, new_namespace, service

from gitops_core import Options
from gitops_core.context import SystemClock
from gitops_core.errors import Conflict
from gitops_core.interfaces import TargetChange
from gitops_core.model.plans import Action
from gitops_core.model.resources import Live
from gitops_core.model.values import freeze
from gitops_core.state.memory import MemoryStore
from gitops_core.targets.kubernetes.settings import KubernetesSettings
from gitops_core.testing.contexts import make_context


@pytest.fixture
def shop(cluster: Any) -> Shop:
    return Shop(cluster=cluster, namespace=new_namespace(cluster))


def outcomes(result: Any) -> dict[str, tuple[str, str]]:
    return {o.key.name: (str(o.status), o.reason) for o in result.outcomes}


def managers_of(body: Any, *path: str) -> set[str]:
    """Return the managers who own the field at *path* of a live object."""
    found = set()
    for entry in body["metadata"]["managedFields"]:
        fields: Any = entry["fieldsV1"]
        for part in path:
            fields = fields.get(f"f:{part}") if fields is not None else None
        if fields is not None:
            found.add(entry["manager"])
    return found


# -- fields of others ----------------------------------------------------------------------------------------------------------


def test_a_field_that_another_manager_applies_is_refused_with_its_name(shop: Shop) -> None:
    shop.apply_as("platform-team", "configmaps", config("settings", colour="red"))
    shop.declare(config("settings", colour="green", size="large"))
    [change] = shop.plan().changes
    assert (change.state, change.rule) == ("refused", "field_owner")
    assert "data.colour is managed by platform-team" in change.reason
    assert 'example.org/conflicts: "take" or "leave"' in change.override
    shop.reconcile()
    assert shop.get("configmaps", "settings")["data"] == {"colour": "red"}


def test_take_takes_the_field(shop: Shop) -> None:
    shop.apply_as("platform-team", "configmaps", config("settings", colour="red"))
    shop.declare(config("settings", {"example.org/conflicts": "take"}, colour="green"))
    assert shop.reconcile().ok
    live = shop.get("configmaps", "settings")
    assert live["data"] == {"colour": "green"}
    assert "platform-team" not in managers_of(live, "data", "colour")


def test_leave_leaves_the_field_and_applies_the_rest(shop: Shop) -> None:
    shop.apply_as("platform-team", "configmaps", config("settings", colour="red"))
    shop.declare(config("settings", {"example.org/conflicts": "leave"}, colour="green", size="large"))
    assert shop.reconcile().ok
    live = shop.get("configmaps", "settings")
    assert live["data"] == {"colour": "red", "size": "large"}
    assert managers_of(live, "data", "colour") == {"platform-team"}
    assert shop.reconcile().status == "in-sync"


def test_a_conflict_that_arises_after_the_look_changes_nothing(shop: Shop) -> None:
    """Between plan and apply somebody applies the same field: the server refuses, and the next plan says why."""
    shop.converge(config("settings", colour="green"))
    shop.declare(config("settings", colour="green", size="large"))
    saved = shop.plan()
    shop.apply_as("platform-team", "configmaps", config("settings", size="small"))
    from gitops_core import apply

    result = apply(saved, shop.app, store=shop.store)
    assert not result.ok
    assert shop.get("configmaps", "settings")["data"] == {"colour": "green", "size": "small"}
    [change] = shop.plan().changes
    assert change.rule == "field_owner"


# -- adoption --------------------------------------------------------------------------------------------------------------------


def test_an_equal_object_is_adopted_and_marked(shop: Shop) -> None:
    shop.create("configmaps", config("settings"))
    shop.declare(config("settings"))
    [change] = shop.plan().changes
    assert (change.action, change.diff) == ("adopt", ())
    assert shop.reconcile().ok
    assert "example.org/owned-by" in shop.get("configmaps", "settings")["metadata"]["labels"]
    assert shop.reconcile().status == "in-sync"


def test_an_object_made_with_other_tools_is_adopted_with_the_diff_once_that_is_allowed(shop: Shop) -> None:
    shop.create("configmaps", config("settings", colour="red"))
    shop.declare(config("settings", colour="green"))
    [change] = shop.plan().changes
    assert (change.state, change.rule, change.diff[0].manager) == ("refused", "field_owner", "kubectl-create")
    shop.options = Options(wait=False, conflicts="take")
    [change] = shop.plan().changes
    assert (change.action, [d.pointer for d in change.diff]) == ("adopt", ["/data/colour"])
    assert shop.reconcile().ok
    assert shop.get("configmaps", "settings")["data"] == {"colour": "green"}


def test_a_take_over_shows_what_goes_and_not_the_defaults_that_come_back(shop: Shop) -> None:
    """Who writes an object as a whole, as Helm does, owns the defaults in it, too."""
    shop.create("deployments", deployment("web", notes={"meta.helm.sh/release-name": "web"}), group="apps", manager="helm")
    shop.declare(deployment("web"))
    shop.settings = KubernetesSettings(take_over="helm")
    [change] = shop.plan().changes
    assert (change.action, [d.pointer for d in change.diff]) == ("adopt", ["/metadata/annotations"])
    spec = shop.get("deployments", "web", "apps")["spec"]
    assert shop.reconcile().ok
    live = shop.get("deployments", "web", "apps")
    assert "meta.helm.sh/release-name" not in live["metadata"]["annotations"]
    assert live["spec"] == spec
    assert shop.reconcile().status == "in-sync"


def test_a_plan_says_of_a_take_over_that_a_third_manager_stands_against_it(shop: Shop) -> None:
    kubectl = "kubectl-client-side-apply"
    shop.create("configmaps", config("settings", colour="red"), manager=kubectl)
    shop.edit("configmaps", "settings", {"data": {"size": "large"}})
    shop.declare(config("settings", colour="green", size="small"))
    shop.settings = KubernetesSettings(take_over=(kubectl,))
    [change] = shop.plan().changes
    assert not change.is_ready
    assert "kubectl-edit" in change.reason


def test_a_plan_shows_a_declared_zero_that_the_api_does_not_keep(shop: Shop) -> None:
    shop.converge(deployment("web", paused=False))
    shop.edit("deployments", "web", {"spec": {"paused": True}}, "apps")
    [change] = shop.plan().changes
    assert [(d.pointer, d.manager) for d in change.diff] == [("/spec/paused", "kubectl-edit")]
    assert shop.reconcile().ok
    assert not shop.get("deployments", "web", "apps")["spec"].get("paused")


def test_taking_over_from_client_side_apply_removes_what_is_not_declared_and_is_reported(shop: Shop) -> None:
    kubectl = "kubectl-client-side-apply"
    shop.create("configmaps", config("settings", colour="red", size="large"), manager=kubectl)
    shop.declare(config("settings", colour="green"))
    shop.settings = KubernetesSettings(take_over=(kubectl,))
    [change] = shop.plan().changes
    assert change.is_ready, change.reason
    assert {(d.pointer, d.op) for d in change.diff} == {("/data/colour", "replace"), ("/data/size", "remove")}
    result = shop.reconcile()
    assert result.ok, outcomes(result)
    assert [n.message for n in result.notices if n.code == "taken-over"] == [
        f"ConfigMap/{shop.namespace}/settings: the fields of {kubectl} are ours now"
    ]
    live = shop.get("configmaps", "settings")
    assert live["data"] == {"colour": "green"}
    assert {e["manager"] for e in live["metadata"]["managedFields"]} == {shop.app.id}
    assert shop.reconcile().status == "in-sync"


def test_a_copy_of_our_object_is_not_ours(shop: Shop) -> None:
    shop.converge(config("settings"))
    copy = shop.get("configmaps", "settings")
    labels, annotations = copy["metadata"]["labels"], copy["metadata"]["annotations"]
    shop.create("configmaps", {**config("copy"), "metadata": {"name": "copy", "labels": labels, "annotations": annotations}})
    assert shop.reconcile().status == "in-sync"
    shop.declare()
    shop.reconcile()
    assert shop.get("configmaps", "settings") is None
    assert shop.get("configmaps", "copy") is not None


# -- two applications ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("together", [True, False], ids=["one state store", "two state stores"])
def test_two_applications_that_claim_one_object_are_refused_with_both_names(shop: Shop, together: bool) -> None:
    shop.converge(config("settings", colour="green"))
    other = shop.another("other") if together else shop.another("other", store=MemoryStore())
    other.declare(config("settings", colour="blue"))
    [change] = other.plan().changes
    assert (change.state, change.rule) == ("refused", "foreign_owner")
    assert shop.app.id in change.reason
    assert other.app.id in change.reason
    other.reconcile()
    assert shop.get("configmaps", "settings")["data"] == {"colour": "green"}


def test_an_object_that_moves_to_another_application_is_handed_over_and_never_deleted(shop: Shop) -> None:
    shop.converge(config("settings"), config("stays"))
    uid = shop.get("configmaps", "settings")["metadata"]["uid"]
    other = shop.another("other")
    other.declare(config("settings"))
    other.reconcile()
    shop.declare(config("stays"))
    for _ in range(2):
        assert shop.reconcile().failures == ()
        assert other.reconcile().failures == ()
    live = shop.get("configmaps", "settings")
    assert live["metadata"]["uid"] == uid
    assert live["metadata"]["annotations"]["example.org/owner"].startswith(other.app.id)
    assert managers_of(live, "data", "colour") == {other.app.id}
    assert (shop.reconcile().status, other.reconcile().status) == ("in-sync", "in-sync")
    other.declare()
    assert other.reconcile().ok
    assert shop.get("configmaps", "settings") is None


# -- deletes ---------------------------------------------------------------------------------------------------------------------


def test_an_object_that_somebody_made_anew_is_not_deleted(shop: Shop) -> None:
    shop.converge(config("settings"), config("stays"))
    shop.delete("configmaps", "settings")
    shop.create("configmaps", config("settings", colour="red"))
    shop.declare(config("stays"))
    shop.reconcile()
    assert shop.get("configmaps", "settings")["data"] == {"colour": "red"}


def test_a_delete_that_is_stuck_names_the_finalizers(shop: Shop) -> None:
    shop.options = attrs.evolve(shop.options, health_timeout=1.0)
    body = config("settings")
    body["metadata"]["finalizers"] = ["example.org/audit"]
    shop.converge(body, config("stays"))
    shop.declare(config("stays"))
    status, reason = outcomes(shop.reconcile())["settings"]
    assert (status, reason) == ("pending", "its deletion is not finished: example.org/audit must let go of it first")
    shop.edit("configmaps", "settings", {"metadata": {"finalizers": None}})
    assert shop.reconcile().failures == ()
    assert shop.get("configmaps", "settings") is None


def test_a_protected_object_stays_when_its_declaration_goes(shop: Shop) -> None:
    shop.converge(config("settings", {"example.org/protect": "true"}), config("stays"))
    shop.declare(config("stays"))
    [change] = shop.plan().changes
    assert (change.state, change.rule) == ("refused", "protected")
    shop.reconcile()
    assert shop.get("configmaps", "settings") is not None


# -- strategies --------------------------------------------------------------------------------------------------------------------


def test_create_only_is_made_once_and_left_alone(shop: Shop) -> None:
    shop.converge(config("settings", {"example.org/strategy": "create-only"}, colour="green"))
    shop.edit("configmaps", "settings", {"data": {"colour": "red"}})
    assert shop.reconcile().ok
    assert shop.get("configmaps", "settings")["data"] == {"colour": "red"}


def test_replace_overwrites_what_others_have_added(shop: Shop) -> None:
    notes = {"example.org/strategy": "replace"}
    shop.converge(config("settings", notes, colour="green"))
    shop.edit("configmaps", "settings", {"data": {"colour": "red", "extra": "theirs"}})
    assert shop.reconcile().ok
    assert shop.get("configmaps", "settings")["data"] == {"colour": "green"}
    assert shop.reconcile().status == "in-sync"


def test_recreate_makes_another_object(shop: Shop) -> None:
    notes = {"example.org/strategy": "recreate"}
    shop.converge(config("settings", notes, colour="green"))
    uid = shop.get("configmaps", "settings")["metadata"]["uid"]
    shop.declare(config("settings", notes, colour="blue"))
    assert [c.action for c in shop.plan().changes] == ["replace"]
    assert shop.reconcile().ok
    live = shop.get("configmaps", "settings")
    assert (live["data"], live["metadata"]["uid"] != uid) == ({"colour": "blue"}, True)


def test_a_misspelt_word_is_an_error_and_the_object_is_left_alone(shop: Shop) -> None:
    shop.declare(config("settings", {"example.org/strategy": "aply"}), config("fine"))
    result = shop.reconcile()
    assert "annotation example.org/strategy is 'aply'" in outcomes(result)["settings"][1]
    assert shop.get("configmaps", "settings") is None
    assert shop.get("configmaps", "fine") is not None


# -- immutable fields ----------------------------------------------------------------------------------------------------------


def test_an_immutable_field_is_planned_as_a_replacement_and_made_once_the_create_is_proven(shop: Shop) -> None:
    shop.converge(deployment("web"))
    uid = shop.get("deployments", "web", "apps")["metadata"]["uid"]
    changed = deployment("web")
    changed["spec"]["selector"]["matchLabels"]["tier"] = "front"
    changed["spec"]["template"]["metadata"]["labels"]["tier"] = "front"
    shop.declare(changed)
    [change] = shop.plan().changes
    assert change.action == "replace"
    assert [d.label for d in change.diff if d.forces_replacement] == ["spec.selector.matchLabels.tier"]
    assert shop.reconcile().ok
    assert shop.get("deployments", "web", "apps")["metadata"]["uid"] != uid


def test_a_replacement_that_would_be_refused_deletes_nothing(shop: Shop) -> None:
    """The first hazard: an invalid manifest must not cost the live object."""
    shop.converge(deployment("web"))
    changed = deployment("web")
    changed["spec"]["selector"]["matchLabels"]["tier"] = "front"  # and the template lacks it: the API refuses such a create
    shop.declare(changed)
    result = shop.reconcile()
    assert outcomes(result)["web"][0] == "failed"
    assert shop.get("deployments", "web", "apps") is not None


def test_a_replacement_is_made_although_a_sibling_is_invalid(shop: Shop) -> None:
    """The second hazard: another object's error between delete and create must not leave a hole."""
    shop.converge(deployment("web"), service("web"))
    changed = deployment("web")
    changed["spec"]["selector"]["matchLabels"]["tier"] = "front"
    changed["spec"]["template"]["metadata"]["labels"]["tier"] = "front"
    shop.declare(changed, service("web", ports=[{"port": 99999}]))
    result = shop.reconcile()
    assert {o.key.kind: str(o.status) for o in result.outcomes} == {"Deployment": "done", "Service": "failed"}
    assert shop.get("deployments", "web", "apps")["spec"]["selector"]["matchLabels"]["tier"] == "front"
    assert shop.get("services", "web")["spec"]["ports"][0]["port"] == 80


def test_an_update_never_reaches_another_object_of_the_same_name(shop: Shop) -> None:
    """Between the look and the write somebody deletes the object and makes another one."""
    shop.converge(config("settings", colour="green"))
    before = shop.get("configmaps", "settings")
    shop.delete("configmaps", "settings")
    shop.create("configmaps", config("settings", colour="red"))
    key = shop.target.key(config("settings"))
    live = Live(key, before, id=before["metadata"]["uid"], owner=shop.app.id)
    change = TargetChange(key, Action.UPDATE, freeze(config("settings", colour="blue")), live, conflicts="take")
    with pytest.raises(Conflict, match="another object has this name now"):
        shop.target.update(make_context(application=shop.app.id, owner=shop.app.owner, clock=SystemClock()), change)
    assert shop.get("configmaps", "settings")["data"] == {"colour": "red"}


def test_an_object_that_is_replaced_is_taken_over_in_one_pass(shop: Shop) -> None:
    kubectl = "kubectl-client-side-apply"
    shop.create("configmaps", config("settings", colour="red", size="large"), manager=kubectl)
    shop.settings = KubernetesSettings(take_over=(kubectl,))
    shop.options = Options(wait=False, conflicts="take")
    shop.declare(config("settings", {"example.org/strategy": "replace"}, colour="green"))
    assert shop.reconcile().ok
    assert shop.get("configmaps", "settings")["data"] == {"colour": "green"}
    assert shop.reconcile().status == "in-sync"

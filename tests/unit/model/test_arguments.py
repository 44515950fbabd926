"""A mistake in what is handed over is told where it is made, with the field, and without the value."""

from __future__ import annotations

import datetime as dt

import pytest

import gitops_core
from gitops_core import Application, Approval, Controller, Fields, Guard, IgnoreRule, Limits, Options, Owner
from gitops_core.health.rules import DEFAULT_RULES
from gitops_core.model.resources import as_key
from gitops_core.policies.function import policy
from gitops_core.renderers.manifests import ManifestsRenderer
from gitops_core.sources.memory import MemorySource
from gitops_core.state.memory import MemoryStore
from gitops_core.targets.memory import MemoryTarget

OWNER = Owner("example.org", "demo")


def application(**facts):
    known = {"source": MemorySource(), "renderer": ManifestsRenderer(), "target": MemoryTarget(), "owner": OWNER}
    return Application(name="edge", **{**known, **facts})


def nothing_against(resource):
    """A policy, before it is one."""


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"owner": "example.org/demo"}, "owner: an Owner is wanted, not a str"),
        ({"source": "https://me:secret@git.example.org"}, "source: a Source is wanted, not a str"),
        ({"source": MemoryTarget()}, "source: a Source is wanted, not a MemoryTarget"),
        ({"renderer": ManifestsRenderer}, "renderer: a Renderer is wanted, not the class ManifestsRenderer; call it"),
        ({"target": MemoryTarget}, "target: a Target is wanted, not the class MemoryTarget; call it"),
        ({"target": None}, "target: a Target is wanted, not None"),
        ({"policies": "deny"}, "policies: a Policy is wanted, not a str"),
        (
            {"policies": [nothing_against]},
            "policies: a Policy is wanted, not a function; gitops_core.policies.function.policy makes one of a function",
        ),
        ({"guard": {}}, "guard: a Guard is wanted, not a dict"),
        ({"approvals": [{"name": "all"}]}, "approvals: an Approval is wanted, not a dict"),
        ({"options": {"interval": 3}}, "options: an Options is wanted, not a dict"),
        ({"health": {}}, "health: a HealthRules is wanted, not a dict"),
        ({"depends_on": [3]}, "depends_on: a Dependency is wanted, not an int"),
        ({"tenant": None}, "tenant: a str is wanted, not None"),
    ],
)
def test_an_application_says_what_is_not_what_it_should_be(facts, said):
    with pytest.raises(TypeError) as caught:
        application(**facts)
    assert str(caught.value) == said


def test_one_alone_is_a_list_of_one_and_a_text_is_not_its_letters():
    one = application(policies=policy(nothing_against), depends_on="other", health=DEFAULT_RULES)
    assert [p.name for p in one.policies] == ["nothing_against"]
    assert [d.application for d in one.depends_on] == ["other"]
    assert IgnoreRule("/spec/replicas", keys="ConfigMap/a") == IgnoreRule(["/spec/replicas"], keys=[as_key("ConfigMap/a")])
    assert IgnoreRule("/a", keys=as_key("ConfigMap/a")).keys == {as_key("ConfigMap/a")}
    assert Fields(computed="/status") == Fields(computed=["/status"])
    assert Options(ignore=IgnoreRule("/a")).ignore == (IgnoreRule("/a"),)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Options(interval="3m"), "interval: a number is wanted, not a str"),
        (lambda: Options(workers=None), "workers: a number is wanted, not None"),
        (lambda: Options(prune="no"), "prune: a bool is wanted, not a str"),
        (lambda: Options(ignore=["/a"]), "ignore: an IgnoreRule is wanted, not a str"),
        (lambda: Guard(delete_fraction="25%"), "delete_fraction: a number is wanted, not a str"),
        (lambda: Guard(allow_empty="no"), "allow_empty: a bool is wanted, not a str"),
        (
            lambda: Approval("all", expires_at=dt.datetime.now(dt.UTC), rules="empty"),
            "expires_at: a number is wanted, not a datetime",
        ),
        (lambda: Limits(rate="fast"), "rate: a number is wanted, not a str"),
    ],
)
def test_settings_that_come_from_a_file_as_text_are_not_believed(make, said):
    with pytest.raises(TypeError) as caught:
        make()
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda app: gitops_core.plan("edge"), "app: an Application is wanted, not a str"),
        (lambda app: gitops_core.reconcile(app, store="state.db"), "store: a StateStore is wanted, not a str"),
        (lambda app: gitops_core.check(app, store=MemoryStore(), runtime=3), "runtime: a Runtime is wanted, not an int"),
        (lambda app: gitops_core.apply(app, app), "plan: a Plan is wanted, not an Application"),
        (lambda app: gitops_core.apply(gitops_core.Plan("a", "b"), "a"), "app: an Application is wanted, not a str"),
        (lambda app: gitops_core.destroy([app]), "app: an Application is wanted, not a list"),
        (lambda app: Controller("edge", store=MemoryStore()), "applications: an Application is wanted, not a str"),
    ],
)
def test_the_operations_say_what_they_want(call, said):
    with pytest.raises(TypeError) as caught:
        call(application())
    assert str(caught.value) == said

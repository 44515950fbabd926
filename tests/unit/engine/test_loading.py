"""From a reference to resources: what the target calls an object, what it calls secret, and what a bad plug-in gets."""

from __future__ import annotations

import pytest

from gitops_core.interfaces import Renderer, Source
from gitops_core.model.applications import Options
from gitops_core.model.fields import Fields
from gitops_core.model.plans import Action
from gitops_core.model.resources import Origin, Resource, ResourceKey
from gitops_core.model.results import PassStatus
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.worlds import JsonRenderer, World, config


class Folding(MemoryTarget):
    """Names are the same whatever their case."""

    def key(self, body):
        name = body["metadata"].get("name", "")
        if not name:
            raise ValueError("no metadata.name")
        return (body["kind"], name.lower())

    def normalize(self, body):
        return {**body, "metadata": {**body["metadata"], "name": body["metadata"]["name"].lower()}}


def test_objects_are_called_what_the_target_calls_them():
    world = World(target=Folding())
    world.declare(config("Site", color="blue"))
    assert world.reconcile()["ConfigMap/site"].action is Action.CREATE
    assert world.reconcile().plan.is_empty


def test_two_spellings_of_one_object_are_two_declarations_of_it():
    world = World(target=Folding())
    world.declare(config("Site"), config("site"))
    (failure,) = world.reconcile().failures
    assert (failure.error, failure.key) == ("DuplicateResource", ResourceKey("", "ConfigMap", "", "site"))


def test_an_object_in_which_the_target_finds_no_identity_is_named_with_its_file():
    class Strict(MemoryTarget):
        def key(self, body):
            raise ValueError("no zone")

    world = World(target=Strict())
    world.declare(config("a"), config("b"))
    result = world.reconcile()
    assert [(f.error, f.origin.path) for f in result.failures] == [
        ("ManifestError", "ConfigMap.a.json"),
        ("ManifestError", "ConfigMap.b.json"),
    ]
    assert "memory finds no identity in it: no zone" in result.failures[0].message


def test_a_target_whose_key_fails_is_to_blame():
    class Broken(MemoryTarget):
        def key(self, body):
            raise ZeroDivisionError

    world = World(target=Broken())
    world.declare(config("a"))
    assert world.reconcile().failures[0].error == "PluginError"


def test_fields_that_the_target_calls_sensitive_are_masked_in_the_plan_and_clear_in_the_target():
    world = World(target=MemoryTarget(fields=Fields(sensitive={"/data/token"})))
    world.declare(config("a", token="s3cr3t-one", color="red"))
    world.reconcile()
    assert world.target.objects[ResourceKey("", "ConfigMap", "", "a")]["data"]["token"] == "s3cr3t-one"
    world.declare(config("a", token="s3cr3t-two", color="blue"))
    plan = world.plan()
    assert "s3cr3t" not in plan.text() + plan.to_json() + repr(plan)
    assert [d.sensitive for d in plan["ConfigMap/a"].diff] == [False, True]
    assert world.reconcile().ok
    assert world.target.objects[ResourceKey("", "ConfigMap", "", "a")]["data"]["token"] == "s3cr3t-two"
    assert world.reconcile().plan.is_empty


def test_bodies_are_looked_at_once_a_declaration_when_the_target_has_rules_for_them():
    class Counting(Folding):
        asked = 0

        def key(self, body):
            self.asked += 1
            return super().key(body)

    world = World(target=Counting())
    world.declare(config("a"), config("b"))
    world.plan()
    world.plan()
    assert world.target.asked == 2


class Half(JsonRenderer):
    """Yields what it can, then says what it could not."""

    def render(self, ctx, tree):
        problems = []
        for resource in super().render(ctx, tree):
            if resource.key.name.startswith("bad"):
                from gitops_core.errors import ManifestError

                problems.append(ManifestError("no good", origin=resource.origin))
            else:
                yield resource
        if problems:
            raise ExceptionGroup("bad files", problems)


def test_a_render_with_problems_changes_nothing_by_default():
    world = World(renderer=Half())
    world.declare(config("a"), config("bad"))
    result = world.reconcile()
    assert (result.status, result.failures[0].origin.path) == (PassStatus.FAILED, "ConfigMap.bad.json")
    assert world.target.objects == {}


def test_a_partial_render_is_applied_when_allowed_by_name_and_prunes_nothing():
    world = World(renderer=Half(), options=Options(allow_partial_render=True))
    world.declare(config("a"), config("b"), config("c"))
    world.reconcile()
    world.declare(config("a", color="new"), config("bad"))
    world.undeclare("ConfigMap/b")
    result = world.reconcile()
    assert result.status is PassStatus.DEGRADED
    assert {k.name for k in world.target.objects} == {"a", "b", "c"}
    assert result["ConfigMap/a"].action is Action.UPDATE
    assert not result.plan.complete
    assert [f.message for f in world.check().failures] == ["no good"]


class Yields(Renderer):
    def __init__(self, answer):
        self.answer = answer

    def render(self, ctx, tree):
        return self.answer


@pytest.mark.parametrize(("answer", "text"), [(7, "returned int, not resources"), ([{}], "yielded dict, not a Resource")])
def test_a_renderer_that_returns_something_else_is_named(answer, text):
    world = World(renderer=Yields(answer))
    (failure,) = world.reconcile().failures
    assert failure.message.startswith(f"Yields.render {text}")


class Odd(Source):
    def __init__(self, revision=None):
        self.revision = revision

    def resolve(self, ctx):
        return self.revision

    def fetch(self, ctx, revision):
        return "files"


def test_a_source_that_returns_something_else_is_named():
    world = World()
    revision = world.source.commit({"a": "b"})
    world.source = Odd()
    assert "Odd.resolve returned NoneType, not Revision" in world.reconcile().failures[0].message
    world.source = Odd(revision)
    assert "Odd.fetch returned str, not Tree" in world.reconcile().failures[0].message


def test_an_origin_travels_with_its_object_into_plan_and_failures():
    class Placed(Renderer):
        def render(self, ctx, tree):
            yield Resource.of(config("a"), Origin("repo", "", "site.yaml", 2, 30, 1))

    world = World(renderer=Placed())
    origin = world.plan()["ConfigMap/a"].origin
    assert (origin.source, origin.path, origin.document, origin.line, origin.column) == ("repo", "site.yaml", 2, 30, 1)
    assert origin.revision == world.check().revision.id

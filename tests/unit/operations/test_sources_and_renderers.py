"""Sources and renderers that fail."""

from __future__ import annotations

from gitops_core.errors import RevisionVanished
from gitops_core.interfaces import Renderer
from gitops_core.model.applications import Options
from gitops_core.model.resources import Resource
from gitops_core.model.results import PassStatus
from gitops_core.renderers.manifests import ManifestsRenderer
from gitops_core.sources.memory import MemorySource
from gitops_core.testing.worlds import OPEN, World, bodies, config


def test_a_renderer_that_fails_half_way_changes_nothing_and_prunes_nothing():
    class HalfWay(Renderer):
        fails = False

        def render(self, ctx, tree):
            yield Resource.of(config("a", color="red" if self.fails else "blue"))
            if self.fails:
                raise ValueError("boom")
            yield Resource.of(config("b"))

    renderer = HalfWay()
    world = World(renderer=renderer, guard=OPEN)
    assert world.reconcile().ok
    renderer.fails = True
    world.source.commit({"touch": "x"})
    result = world.reconcile()
    assert result.status is PassStatus.FAILED
    assert "HalfWay failed in render with ValueError: boom" in result.failures[0].message
    assert sorted(bodies(world)) == ["ConfigMap/a", "ConfigMap/b"]
    assert bodies(world)["ConfigMap/a"]["data"] == {"color": "blue"}


def test_two_declarations_of_one_object_are_refused_with_both_places():
    world = World()
    world.declare(config("a"))
    world.source.commit({"again.json": '{"kind": "ConfigMap", "metadata": {"name": "a"}, "data": {}}'})
    result = world.reconcile()
    assert result.status is PassStatus.FAILED
    assert {result.failures[0].error} == {"DuplicateResource"}
    assert "ConfigMap.a.json" in str(result.failures[0])
    assert "again.json" in str(result.failures[0])
    assert bodies(world) == {}


def test_a_revision_that_disappears_between_resolve_and_fetch_is_an_error_that_may_be_retried():
    world = World(options=Options(attempts=2))
    world.declare(config("a"))
    resolve = world.source.resolve

    def vanishing(ctx):
        revision = resolve(ctx)
        world.source.forget(revision.id)
        return revision

    world.source.resolve = vanishing
    result = world.reconcile()
    assert (result.status, result.failures[0].error) == (PassStatus.FAILED, RevisionVanished.__name__)
    assert result.requeue_after is not None


def test_a_failed_pass_is_in_the_history():
    world = World()
    world.source.commit({"bad.json": "{"})
    world.reconcile()
    world.reconcile()
    (record,) = world.store.history(world.app.id)
    assert (record.status, record.repeats) == ("failed", 1)


def test_with_manifests_a_broken_file_does_not_stop_the_others_when_that_is_allowed():
    files = {
        "a.yaml": "kind: A\nname: a\n",
        "b.yaml": "kind: B\nname: [\n",
        "c.yaml": "kind: A\nname: a2\n",
        "d.yaml": "kind: A\nname: a2\n",
    }
    world = World(renderer=ManifestsRenderer(), source=MemorySource(files), options=Options(allow_partial_render=True))
    result = world.reconcile()
    assert result.status is PassStatus.DEGRADED
    assert list(bodies(world)) == ["A/a"]
    assert {f.error for f in result.failures} == {"ManifestError", "DuplicateResource"}


def test_a_fingerprint_that_raises_stops_the_pass_before_anything_is_written():
    class Odd(Renderer):
        @property
        def fingerprint(self):
            raise KeyError("version")

        def render(self, ctx, tree):
            yield Resource.of(config("a"))

    world = World(renderer=Odd())
    result = world.reconcile()
    assert (result.status, result.failures[0].error) == (PassStatus.FAILED, "PluginError")
    assert bodies(world) == {}


def test_a_render_without_objects_is_noticed():
    assert [n.code for n in World().reconcile().notices] == ["nothing-declared"]

"""The three operations beside plan, apply and reconcile."""

from __future__ import annotations

import pytest

from gitops_core.errors import ConfigError
from gitops_core.interfaces import Policy
from gitops_core.model.results import PassStatus
from gitops_core.model.verdicts import Violation
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.worlds import World, bodies, config


def test_check_renders_and_reviews_without_the_target():
    world = World()
    world.declare(config("a"))
    result = world.check()
    assert result.ok
    assert [str(k) for k in result.keys] == ["ConfigMap/a"]
    assert sum(world.target.calls.values()) == 0


def test_check_tells_what_is_wrong():
    world = World()
    world.source.commit({"bad.json": "{"})
    result = world.check()
    assert not result.ok
    assert "JSONDecodeError" in result.failures[0].message
    assert str(result).startswith(f"not ok at {result.revision.id}: 0 declared\nFailures:\n  PluginError: ")


def test_check_says_what_policies_object_to():
    class NoBlue(Policy):
        def review(self, ctx, subject):
            yield Violation(subject.resources[0].key, "no blue", pointer="/data/color")

    world = World(policies=(NoBlue(),))
    world.declare(config("a", color="blue"))
    text = world.check().text()
    assert "deny NoBlue: ConfigMap/a: no blue (ConfigMap.a.json:1 /data/color)" in text


def test_destroy_deletes_everything_that_is_ours_and_nothing_else():
    world = World(target=MemoryTarget(objects=[config("stranger")]))
    world.declare(*(config(f"c{i}") for i in range(9)))
    world.reconcile()
    result = world.destroy()
    assert result.ok, result.text()
    assert list(bodies(world)) == ["ConfigMap/stranger"]
    assert world.store.inventory(world.app.id).entries == {}


def test_destroy_leaves_what_is_protected():
    world = World()
    world.declare(config("a", notes={"example.org/protect": "true"}), config("b"))
    world.reconcile()
    result = world.destroy()
    assert result.status is PassStatus.REFUSED
    assert list(bodies(world)) == ["ConfigMap/a"]


def test_explain_says_which_commit_author_file_and_outcome():
    world = World()
    world.declare(config("a"))
    world.reconcile()
    found = world.explain("ConfigMap/a")
    assert (found.author, found.commit_message, found.declared.path) == ("Ada", "Declare", "ConfigMap.a.json")
    assert (found.owned, found.records[0].status, found.records[0].action) == (True, "done", "create")
    assert "Ada" in found.text()


def test_explain_of_something_that_is_no_key_says_so():
    with pytest.raises(ConfigError, match="explain"):
        World().explain("nonsense")


def test_explain_says_which_commit_removed_an_object():
    world = World()
    world.declare(config("a"), config("b"))
    world.reconcile()
    world.source.commit({"ConfigMap.a.json": None}, author="Eve", message="Away with it")
    world.reconcile()
    assert world.explain("ConfigMap/a").records[0].action == "delete"

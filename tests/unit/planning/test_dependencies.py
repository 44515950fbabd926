"""Who waits for whom."""

from __future__ import annotations

import pytest

from gitops_core.model.guards import Approval, Guard
from gitops_core.model.inventory import EntryState, Holder
from gitops_core.model.plans import ChangeState
from gitops_core.model.resources import ResourceKey, Unreadable, as_key
from gitops_core.model.verdicts import Verdict, Violation
from gitops_core.planning.request import TargetRules
from gitops_core.testing.plan_worlds import PlanWorld

FREE = Guard(delete_fraction=1.0, touched_fraction=1.0, never=(), allow_empty=True)


def thing(name, needs="", kind="Thing", namespace="", **fields):
    body = {"kind": kind, "metadata": {"name": name, **({"namespace": namespace} if namespace else {})}, **fields}
    if needs:
        body["metadata"]["annotations"] = {"example.org/depends-on": needs}
    return body


def names(plan):
    return [c.key.name for c in plan.changes]


def needs_of(plan):
    return {c.key.name: [k.name for k in c.depends_on] for c in plan.changes}


def states(plan):
    return {c.key.name: (c.state.value, c.rule) for c in plan.changes}


@pytest.fixture
def world():
    return PlanWorld(guard=FREE)


def deny(name):
    return Verdict.of([Violation(ResourceKey("", "Thing", "", name), "no", policy="p")])


def test_written_dependencies_come_first_and_are_waited_for(world):
    plan = world.plan(thing("a", "Thing/c"), thing("b"), thing("c", "Thing/b"))
    assert names(plan) == ["b", "c", "a"]
    assert needs_of(plan) == {"a": ["c"], "b": [], "c": ["b"]}


def test_what_the_target_says_is_needed_comes_first(world):
    rules = TargetRules(depends_on=lambda body: [("Thing", body["zone"])] if "zone" in body else [])
    assert names(world.plan(thing("a", zone="z"), thing("z"), rules=rules)) == ["z", "a"]


def test_a_namespace_comes_before_what_is_in_it_and_a_definition_before_its_objects(world):
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "cats.g.io"},
        "spec": {"group": "g.io", "names": {"kind": "Cat"}},
    }  # fmt: skip
    cat = {"apiVersion": "g.io/v1", "kind": "Cat", "metadata": {"name": "tom", "namespace": "n"}}
    plan = world.plan(cat, crd, thing("n", kind="Namespace"))
    assert needs_of(plan) == {"n": [], "cats.g.io": [], "tom": ["n", "cats.g.io"]}


def test_references_are_waited_for_and_dropped_in_a_circle(world):
    pod = thing(
        "pod", kind="Pod", namespace="n", spec={"volumes": [{"configMap": {"name": "cm"}}, {"secret": {"secretName": "s"}}]}
    )
    plan = world.plan(pod, thing("cm", kind="ConfigMap", namespace="n"), thing("s", "Pod/n/pod", kind="Secret", namespace="n"))
    assert needs_of(plan) == {"cm": [], "pod": ["cm"], "s": ["pod"]}


def test_unchanged_prerequisites_are_not_waited_for(world):
    world.apply(thing("b"))
    assert needs_of(world.plan(thing("a", "Thing/b"), thing("b"))) == {"a": []}


def test_a_circle_is_refused_with_its_path_and_the_rest_goes_on(world):
    plan = world.plan(thing("a", "Thing/b"), thing("b", "Thing/a"), thing("c", "Thing/a"), thing("d"), thing("e", "Thing/e"))
    assert states(plan) == {
        "a": ("refused", "cycle"), "b": ("refused", "cycle"), "c": ("skipped", "dependency"), "d": ("ready", ""), "e": ("refused", "cycle"),
    }  # fmt: skip
    assert "Thing/a -> Thing/b -> Thing/a" in plan["Thing/a"].reason


def test_a_circle_through_an_unchanged_object_and_its_namespace_is_found_without_reading_its_body(world):
    namespace = thing("n", kind="Namespace")
    world.apply(thing("cm", kind="ConfigMap", namespace="n"), thing("n", "ConfigMap/n/cm", kind="Namespace"))
    assert world.entries == {}
    world.apply(namespace, thing("b"))
    world.apply(namespace, thing("a", "Thing/b"), thing("b"))
    plan = world.plan(namespace, thing("a", "Thing/b"), thing("b", "Thing/a"))
    assert states(plan) == {"b": ("refused", "cycle")}


def test_a_dependency_that_is_neither_declared_nor_live_defers(world):
    plan = world.plan(thing("a", "Thing/nowhere, Thing/b"), thing("b"), thing("c", "Thing/a"))
    assert states(plan) == {"a": ("deferred", "missing_dependency"), "b": ("ready", ""), "c": ("skipped", "dependency")}
    assert "Thing/nowhere" in plan["Thing/a"].reason
    world.put(thing("nowhere"))
    assert world.plan(thing("a", "Thing/nowhere"))["Thing/a"].is_ready


def test_dependents_of_what_is_refused_and_not_there_are_skipped_and_say_why(world):
    plan = world.plan(thing("a", "Thing/b"), thing("b"), thing("c", "Thing/a"), verdict=deny("b"))
    assert states(plan) == {"a": ("skipped", "dependency"), "b": ("refused", "policy"), "c": ("skipped", "dependency")}
    assert plan["Thing/a"].reason.endswith("it needs Thing/b, which is refused and not there yet")


def test_dependents_of_what_is_refused_and_there_go_on_without_waiting(world):
    world.apply(thing("b"))
    plan = world.plan(thing("a", "Thing/b"), thing("b", v=2), verdict=deny("b"))
    assert plan["Thing/a"].is_ready
    assert plan["Thing/a"].depends_on == ()


def test_what_is_being_deleted_is_not_there(world):
    world.apply(thing("b"))
    world.put(thing("b"), id=world.live[as_key("Thing/b")].id, deleting=True)
    assert states(world.plan(thing("a", "Thing/b"), thing("b")))["a"] == ("skipped", "dependency")


def test_what_was_applied_and_cannot_be_read_now_counts_as_there(world):
    world.apply(thing("b"))
    blind = {"unreadable": (Unreadable(("Thing", "b"), "denied"), Unreadable(("Thing", "x"), "denied")), "live": {}}
    found = states(world.plan(thing("a", "Thing/b"), thing("b"), thing("x"), thing("y", "Thing/x"), **blind))
    assert found["a"] == ("ready", "")
    assert found["y"] == ("skipped", "dependency")


# -- deletes ----------------------------------------------------------------------------------------------------------------


def test_deletes_come_last_dependents_first(world):
    world.apply(thing("a", "Thing/b"), thing("b", "Thing/c"), thing("c"))
    plan = world.plan(thing("new"))
    assert names(plan) == ["new", "a", "b", "c"]
    assert needs_of(plan) == {"new": [], "a": [], "b": ["a"], "c": ["b"]}


def test_what_is_in_a_namespace_or_of_a_kind_goes_before_it(world):
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "cats.g.io"},
        "spec": {"group": "g.io", "names": {"kind": "Cat"}},
    }  # fmt: skip
    cat = {"apiVersion": "g.io/v1", "kind": "Cat", "metadata": {"name": "tom", "namespace": "n"}}
    world.apply(cat, crd, thing("n", kind="Namespace"))
    assert needs_of(world.plan()) == {"tom": [], "cats.g.io": ["tom"], "n": ["tom"]}


def test_records_that_contradict_each_other_do_not_block_a_delete(world):
    world.apply(thing("a", "Thing/b"), thing("b"))
    world.apply(thing("a"), thing("b", "Thing/a"))
    world.apply(thing("a"), thing("b"))
    import attrs

    a, b = as_key("Thing/a"), as_key("Thing/b")
    world.entries[a] = attrs.evolve(world.entries[a], depends_on=(b,))
    world.entries[b] = attrs.evolve(world.entries[b], depends_on=(a,))
    assert sorted(names(world.plan())) == ["a", "b"]
    assert all(c.is_ready for c in world.plan().changes)


def test_what_a_declared_object_still_needs_is_not_deleted(world):
    world.apply(thing("a", "Thing/b"), thing("b"))
    plan = world.plan(thing("a", "Thing/b"))
    assert states(plan) == {"b": ("skipped", "dependency")}
    assert "Thing/a stays as it is" in plan["Thing/b"].reason


def test_what_is_no_longer_needed_is_deleted_after_the_change_that_lets_go_of_it(world):
    world.apply(thing("a", "Thing/b"), thing("b"))
    plan = world.plan(thing("a"))
    assert needs_of(plan) == {"a": [], "b": ["a"]}


def test_what_was_referred_to_is_deleted_after_the_change_that_no_longer_refers_to_it(world):
    def pod(cm):
        return thing("pod", kind="Pod", namespace="n", spec={"volumes": [{"configMap": {"name": cm}}]})

    world.apply(pod("one"), thing("one", kind="ConfigMap", namespace="n"))
    declared = [pod("two"), thing("two", kind="ConfigMap", namespace="n")]
    assert needs_of(world.plan(*declared)) == {"two": [], "pod": ["two"], "one": ["pod"]}
    stuck = world.plan(*declared, verdict=Verdict.of([Violation(as_key(("Pod", "n", "pod")), "no")]))
    assert states(stuck)["one"] == ("skipped", "dependency")


def test_a_namespace_is_not_deleted_while_something_in_it_stays(world):
    world.apply(thing("n", kind="Namespace"), thing("x", namespace="n"))
    assert states(world.plan(thing("x", namespace="n")))["n"] == ("skipped", "dependency")
    world.apply(thing("n", kind="Namespace"), thing("x", namespace="n"))
    holders = {as_key(("Thing", "n", "x")): Holder("example.org/demo/other", EntryState.CLAIMED)}
    assert states(world.plan(thing("y"), holders=holders))["n"] == ("skipped", "dependency")


def test_a_dependent_whose_delete_is_refused_keeps_what_it_needs(world):
    protected = thing("a", "Thing/b")
    protected["metadata"]["annotations"]["example.org/protect"] = "true"
    world.apply(protected, thing("b"))
    plan = world.plan(thing("x"))
    assert states(plan) == {"x": ("ready", ""), "a": ("refused", "protected"), "b": ("skipped", "dependency")}


def test_a_limit_that_lets_only_some_deletes_through_does_not_let_the_needed_one_go(world):
    world.apply(*(thing(f"d{i}", "Thing/base") for i in range(5)), thing("base"), thing("kept"))
    some = Approval("by-us", 2000.0, {"delete_limit"}, keys={("Thing", "base")})
    plan = world.plan(thing("kept"), guard=Guard(), approvals=[some])
    assert plan["Thing/base"].state is ChangeState.SKIPPED


def test_what_is_gone_already_is_forgotten_whoever_needed_it(world):
    world.apply(thing("a", "Thing/b"), thing("b"))
    del world.live[as_key("Thing/b")]
    plan = world.plan(thing("a"))
    assert plan["Thing/b"].is_ready


def test_what_is_refused_for_another_reason_keeps_that_reason_in_a_circle(world):
    plan = world.plan(thing("a", "Thing/b"), thing("b", "Thing/a"), verdict=deny("a"))
    assert states(plan) == {"a": ("refused", "policy"), "b": ("refused", "cycle")}


def test_needs_that_stay_hold_nothing_up(world):
    world.apply(thing("a", "Thing/b"), thing("b"), thing("c"))
    assert states(world.plan(thing("a", "Thing/b", v=2), thing("b"))) == {"a": ("ready", ""), "c": ("ready", "")}

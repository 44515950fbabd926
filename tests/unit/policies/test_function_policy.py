"""A function as a policy: what it may take and return."""

import threading
from datetime import UTC, datetime

import pytest

from gitops_core.errors import Cancelled, ConfigError, PluginError
from gitops_core.interfaces import Subject
from gitops_core.model.applications import Owner
from gitops_core.model.plans import Plan
from gitops_core.model.resources import Resource
from gitops_core.model.revisions import Revision
from gitops_core.model.verdicts import Severity, Violation
from gitops_core.policies.function import FunctionPolicy, policy
from gitops_core.testing.contexts import make_context

A, B = (Resource.of({"kind": "ConfigMap", "name": name}) for name in "ab")


def review(policy, plan=None, ctx=None):
    subject = Subject("example.org/tests/app", Owner("example.org", "tests"), Revision("r1"), (A, B), plan)
    return list(policy.review(ctx or make_context(), subject))


def test_text_about_a_resource_becomes_a_violation_of_it():
    @policy(severity="warn")
    def not_a(resource):
        return "a is taken: choose another name" if resource.key.name == "a" else None

    assert review(not_a) == [Violation(A.key, "a is taken: choose another name", Severity.WARN)]
    assert not_a.name == "not_a"


def test_text_about_the_subject_is_about_the_whole_set():
    @policy
    def too_many(ctx, subject):
        return f"{len(subject.resources)} objects: at most 1"

    assert review(too_many) == [Violation(None, "2 objects: at most 1", Severity.DENY)]


def test_several_objections_of_either_shape():
    own = Violation(A.key, "mine", Severity.AUDIT, "/data")

    def several(resource):
        yield "first"
        yield None
        yield own

    found = review(FunctionPolicy(several))
    assert found == [Violation(A.key, "first"), own, Violation(B.key, "first"), own]


@pytest.mark.parametrize("nothing", [None, "", [], ()])
def test_nothing_to_say(nothing):
    assert review(FunctionPolicy(lambda _resource: nothing)) == []


@pytest.mark.parametrize("answer", [True, 7, b"text", [7], [["nested"]], {"a": 1}.values()])
def test_another_answer_is_an_error_that_names_the_policy(answer):
    with pytest.raises(PluginError, match=r"the policy strange returned .*; return None, a message") as caught:
        review(FunctionPolicy(lambda _resource: answer, name="strange"))
    assert caught.value.plugin == "strange"


def test_what_the_function_raises_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        review(FunctionPolicy(lambda _resource: 1 / 0))


@pytest.mark.parametrize("function", [lambda: None, lambda a, b, c: None])
def test_a_function_with_other_arguments_is_refused_at_once(function):
    with pytest.raises(ConfigError, match=r"it gets \(resource\), or \(ctx, subject\)"):
        FunctionPolicy(function)


def test_an_argument_with_a_default_is_the_functions_own_affair():
    assert review(FunctionPolicy(lambda resource, limit=1: None)) == []


def test_a_callable_object_is_called_by_its_class():
    class Checker:
        def __call__(self, resource):
            return "no"

    assert FunctionPolicy(Checker()).name == "Checker"
    assert len(review(FunctionPolicy(Checker()))) == 2


def test_a_function_that_needs_the_plan_is_called_with_one_only():
    @policy(needs_plan=True, name="friday")
    def not_on_friday(ctx, subject):
        assert subject.plan is not None
        return "it is Friday: merge on Monday" if datetime.fromtimestamp(ctx.clock.now(), UTC).weekday() == 4 else None

    friday = make_context()
    friday.clock.advance(3 * 86_400)  # the virtual clock begins on a Tuesday
    assert (not_on_friday.needs_plan, not_on_friday.name) == (True, "friday")
    assert review(not_on_friday) == []
    assert [v.message for v in review(not_on_friday, Plan("app", "r1"), friday)] == ["it is Friday: merge on Monday"]


def test_its_fingerprint_says_that_nobody_can_tell():
    assert FunctionPolicy(lambda _resource: None).fingerprint == ""


@pytest.mark.parametrize("function", [lambda resource: None, lambda ctx, subject: None])
def test_a_cancelled_review_stops(function):
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        review(FunctionPolicy(function), ctx=make_context(cancel=cancel))


def test_an_unknown_severity_is_refused():
    with pytest.raises(ConfigError, match="no severity"):
        policy(severity="fatal")(lambda _resource: None)

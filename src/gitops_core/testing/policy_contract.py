"""
What every :class:`~gitops_core.interfaces.Policy` promises, as tests to subclass::

    class TestMyPolicy(PolicyContract):
        def make_policy(self):
            return MyPolicy(limit=3)

        def make_variants(self):               # one other option each
            return [MyPolicy(limit=4)]

        def make_offenders(self):              # manifests it must object to, if any
            return [{"kind": "ConfigMap", "metadata": {"name": "too-much"}}]

        def make_plan(self):        # needed when it looks at plans: one that it must object to
            return Plan(...)
"""
# ruff: noqa: S101  # why: a contract suite is made of assertions, and pytest runs it

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs
import pytest

from gitops_core.interfaces import Policy, Subject
from gitops_core.model.applications import Owner
from gitops_core.model.plans import Plan
from gitops_core.model.resources import Origin, Resource
from gitops_core.model.revisions import Revision
from gitops_core.model.values import canonical_json
from gitops_core.model.verdicts import Verdict, Violation
from gitops_core.testing.contexts import make_context
from gitops_core.testing.promises import Layer, check

CANARY = "canary-7f3a9c"
"""The secret in the subject. It must never show up in a violation."""

_SALT = b"contract"

_BODIES: tuple[Mapping[str, Any], ...] = (
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"team": "web"}}},
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "site", "namespace": "shop"}, "data": {"a": "1"}},
    {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key", "namespace": "shop"}, "stringData": {"token": CANARY}},
    {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}, "spec": {"replicas": 2}},
    {"kind": "Record", "name": "www.example.org", "values": ["192.0.2.1"]},  # no Kubernetes object at all
)


class PolicyContract:
    """
    The suite. Each check is one promise; its message says which one broke, why it matters and how to mend it.

    The subject has a namespaced object, one without a namespace, one with a secret and one that is no Kubernetes manifest;
    after them come the offenders.
    """

    def make_policy(self) -> Policy:
        """Return the policy under test, a new one each time, always with the same options."""
        raise NotImplementedError

    def make_variants(self) -> Sequence[Policy]:
        """Return the same policy with other options, one difference each; none for a policy without a fingerprint."""
        return []

    def make_offenders(self) -> Sequence[Mapping[str, Any]]:
        """Return manifests that it must object to; their file is ``offenders.yaml``."""
        return []

    def make_plan(self) -> Plan | None:
        """Return a plan that it must object to; None when it does not look at plans."""
        return None

    # -- what it answers ----------------------------------------------------------------------------------------------
    @check(
        Layer.PURE,
        why="Anything else is a failure of the policy, and denies everything.",
        cure="Yield gitops_core.Violation values; return [] for no objection.",
    )
    def test_it_yields_violations_only(self) -> None:
        """What review returns can be iterated and holds violations only."""
        for subject in self._subjects():
            answer: Any = self._policy().review(make_context(), subject)
            assert isinstance(answer, Iterable), "review returned something that cannot be iterated; return [] for no objection."
            strangers = [type(item).__name__ for item in answer if not isinstance(item, Violation)]
            assert strangers == [], f"review yielded {strangers}"

    @check(
        Layer.PURE,
        why="What it lets through is applied.",
        cure="See which offender it says nothing about.",
    )
    def test_it_objects_to_what_it_must(self) -> None:
        """The policy objects to every offender, and to the plan that it must object to."""
        if not self.make_offenders() and self.make_plan() is None:
            pytest.skip("make_offenders and make_plan name nothing that the policy must object to")
        denied = {violation.key for violation in self._everything()}
        plan = self.make_plan()
        wanted = {r.key for r in self._resources() if r.origin.path == "offenders.yaml"}
        missing = [str(key) for key in wanted - denied]
        assert missing == [], f"The policy said nothing about {missing}, which it must object to."
        assert plan is None or self._review(self._subject(plan)), "The policy said nothing about the plan it must object to."

    @check(
        Layer.PURE,
        why="The reader has nothing but this text.",
        cure="Say what is wrong and what to do about it.",
    )
    def test_every_message_says_something(self) -> None:
        """Every violation has a message of more than one word."""
        empty = [violation for violation in self._everything() if " " not in violation.message.strip()]
        assert empty == [], "A violation has no message, or a single word"

    @check(
        Layer.PURE,
        why="One about something else denies nothing.",
        cure="Use resource.key or change.key as they are, or None; begin a pointer with a slash.",
    )
    def test_every_violation_is_about_something_there(self) -> None:
        """A violation names an object that is declared or in the plan, or the whole set, and a JSON Pointer."""
        known = {resource.key for resource in self._resources()} | {None}
        plan = self.make_plan()
        known |= {change.key for change in plan.changes} if plan else set()
        strangers = [violation for violation in self._everything() if violation.key not in known]
        assert strangers == [], "A violation names an object that is neither declared nor in the plan, so it denies nothing"
        pointers = [v.pointer for v in self._everything() if v.pointer and not v.pointer.startswith("/")]
        assert pointers == [], "A pointer is no JSON Pointer (RFC 6901): it begins with '/', as in /metadata/labels."

    @check(
        Layer.PURE,
        why="Violations go into plans, logs and pull requests.",
        cure="Name the field, not its value; never call Sensitive.reveal().",
    )
    def test_no_secret_is_told(self) -> None:
        """The value of a Secret is in no violation."""
        told = [str(violation) for violation in self._everything() if CANARY in f"{violation}{violation!r}"]
        assert told == [], "The value of a Secret stands in a violation"

    # -- how it answers -----------------------------------------------------------------------------------------------
    @check(
        Layer.PURE,
        why="A plan that was approved would not be the plan that is applied.",
        cure="Keep no state between calls, use no clock but ctx.clock.",
    )
    def test_equal_subjects_get_equal_answers(self) -> None:
        """The same subject is judged the same, by every instance with the same options."""
        policy = self._policy()
        for subject in self._subjects():
            first, second = self._review(subject, policy), self._review(subject, policy)
            other = self._review(subject)
            assert first == second == other, (
                "The same subject was judged differently the second time, or by another instance with the same options"
            )

    @check(
        Layer.PURE,
        why="It would change with the order of files.",
        cure="Judge each resource by itself, or sort first.",
    )
    def test_the_order_of_resources_does_not_matter(self) -> None:
        """The verdict does not depend on the order of the resources."""
        for subject in self._subjects():
            backwards = attrs.evolve(subject, resources=subject.resources[::-1])
            assert Verdict.of(self._review(subject)) == Verdict.of(self._review(backwards)), (
                "The verdict depends on the order of the resources"
            )

    @check(
        Layer.PURE,
        why="What was reviewed would not be what is applied.",
        cure="Policies object; transforms change.",
    )
    def test_it_changes_nothing(self) -> None:
        """A review changes neither resources nor plan."""
        for subject in self._subjects():
            before = [(r.key, canonical_json(r.body, _SALT)) for r in subject.resources]
            plan = subject.plan.to_json() if subject.plan else ""
            self._review(subject)
            assert [(r.key, canonical_json(r.body, _SALT)) for r in subject.resources] == before, (
                "A resource was changed by the review"
            )
            assert (subject.plan.to_json() if subject.plan else "") == plan, "The plan was changed by the review."

    @check(
        Layer.PURE,
        why="A policy that raises denies everything.",
        cure="Mind the empty list.",
    )
    def test_it_bears_an_empty_subject(self) -> None:
        """Nothing declared is a subject like any other."""
        empty = attrs.evolve(self._subject(None), resources=())
        for subject in (empty, attrs.evolve(empty, plan=Plan(empty.application, empty.revision.id))):
            try:
                self._review(subject)
            except Exception as error:  # noqa: BLE001  # why: whatever it is, it is the finding
                pytest.fail(f"Nothing was declared, and review raised {error!r}")

    @check(
        Layer.PURE,
        why="Every policy is asked before anything is observed, and in check there never is a plan.",
        cure="Yield nothing when subject.plan is None; set needs_plan if you look at plans.",
    )
    def test_it_bears_the_lack_of_a_plan(self) -> None:
        """Without a plan a policy that needs one yields nothing and does not raise."""
        try:
            found = self._review(self._subject(None))
        except Exception as error:  # noqa: BLE001  # why: whatever it is, it is the finding
            pytest.fail(f"There was no plan yet, and review raised {error!r}")
        plan = self.make_plan()
        assert plan is None or self._policy().needs_plan, (
            "make_plan gives a plan to object to, but needs_plan is False: the engine would never show it a plan."
        )
        assert not self._policy().needs_plan or not found, "A policy that needs the plan objected without one"

    # -- who it is ----------------------------------------------------------------------------------------------------
    @check(
        Layer.PURE,
        why="Every violation carries it.",
        cure="Return one from name, or leave the default.",
    )
    def test_it_has_a_name(self) -> None:
        """A policy has a name."""
        assert self._policy().name.strip(), "The name is empty"

    @check(
        Layer.PURE,
        why="Nothing that it decided could be remembered.",
        cure="Derive it from version and options only; return an empty text if that is impossible.",
    )
    def test_the_fingerprint_is_stable(self) -> None:
        """Two policies with the same options have one fingerprint."""
        assert self._policy().fingerprint == self._policy().fingerprint, (
            "Two policies with the same options have two fingerprints, so nothing it decided can be remembered"
        )

    @check(
        Layer.PURE,
        why="A verdict remembered for one would be used for the other.",
        cure="Put every option into it.",
    )
    def test_the_fingerprint_covers_every_option(self) -> None:
        """Policies with different options have different fingerprints."""
        prints = [policy.fingerprint for policy in (self._policy(), *self.make_variants())]
        if not prints[0]:
            return  # "cannot tell" is an answer
        assert len(set(prints)) == len(prints), "Two policies with different options have one fingerprint"

    # -- steps --------------------------------------------------------------------------------------------------------
    def _policy(self) -> Policy:
        return self.make_policy()

    def _resources(self) -> tuple[Resource, ...]:
        placed = [(body, "apps/all.yaml") for body in _BODIES] + [(body, "offenders.yaml") for body in self.make_offenders()]
        made = [Resource.of(body, Origin(path=path, line=n), salt=_SALT) for n, (body, path) in enumerate(placed, 1)]
        return tuple(sorted(made, key=lambda resource: resource.key))

    def _subject(self, plan: Plan | None) -> Subject:
        return Subject("example.org/tests/app", Owner("example.org", "tests"), Revision("r1"), self._resources(), plan)

    def _subjects(self) -> list[Subject]:
        plan = self.make_plan()
        return [self._subject(None)] + ([self._subject(plan)] if plan else [])

    def _review(self, subject: Subject, policy: Policy | None = None) -> list[Violation]:
        return list((policy or self._policy()).review(make_context(), subject))

    def _everything(self) -> list[Violation]:
        return [violation for subject in self._subjects() for violation in self._review(subject)]

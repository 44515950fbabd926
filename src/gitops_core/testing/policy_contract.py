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
    def test_it_yields_violations_only(self) -> None:
        for subject in self._subjects():
            answer: Any = self._policy().review(make_context(), subject)
            assert isinstance(answer, Iterable), "review returned something that cannot be iterated; return [] for no objection."
            strangers = [type(item).__name__ for item in answer if not isinstance(item, Violation)]
            assert strangers == [], (
                f"review yielded {strangers}. The engine treats that as a failure of the policy and denies everything. "
                "Yield gitops_core.Violation values."
            )

    def test_it_objects_to_what_it_must(self) -> None:
        if not self.make_offenders() and self.make_plan() is None:
            pytest.skip("make_offenders and make_plan name nothing that the policy must object to")
        denied = {violation.key for violation in self._everything()}
        plan = self.make_plan()
        wanted = {r.key for r in self._resources() if r.origin.path == "offenders.yaml"}
        missing = [str(key) for key in wanted - denied]
        assert missing == [], f"The policy said nothing about {missing}, which it must object to."
        assert plan is None or self._review(self._subject(plan)), "The policy said nothing about the plan it must object to."

    def test_every_message_says_something(self) -> None:
        empty = [violation for violation in self._everything() if " " not in violation.message.strip()]
        assert empty == [], (
            "A violation has no message, or a single word. The reader has nothing but this text: say what is wrong and "
            "what to do about it."
        )

    def test_every_violation_is_about_something_there(self) -> None:
        known = {resource.key for resource in self._resources()} | {None}
        plan = self.make_plan()
        known |= {change.key for change in plan.changes} if plan else set()
        strangers = [violation for violation in self._everything() if violation.key not in known]
        assert strangers == [], (
            "A violation names an object that is neither declared nor in the plan, so it denies nothing. "
            "Use resource.key or change.key as they are, or None for the whole set."
        )
        pointers = [v.pointer for v in self._everything() if v.pointer and not v.pointer.startswith("/")]
        assert pointers == [], "A pointer is no JSON Pointer (RFC 6901): it begins with '/', as in /metadata/labels."

    def test_no_secret_is_told(self) -> None:
        told = [str(violation) for violation in self._everything() if CANARY in f"{violation}{violation!r}"]
        assert told == [], (
            "The value of a Secret stands in a violation. Violations go into plans, logs and pull requests. Name the field, "
            "not its value; never call Sensitive.reveal()."
        )

    # -- how it answers -----------------------------------------------------------------------------------------------
    def test_equal_subjects_get_equal_answers(self) -> None:
        policy = self._policy()
        for subject in self._subjects():
            first, second = self._review(subject, policy), self._review(subject, policy)
            other = self._review(subject)
            assert first == second == other, (
                "The same subject was judged differently the second time, or by another instance with the same options. A plan "
                "that was approved would not be the plan that is applied. Keep no state between calls, use no clock but ctx.clock."
            )

    def test_the_order_of_resources_does_not_matter(self) -> None:
        for subject in self._subjects():
            backwards = attrs.evolve(subject, resources=subject.resources[::-1])
            assert Verdict.of(self._review(subject)) == Verdict.of(self._review(backwards)), (
                "The verdict depends on the order of the resources. Judge each by itself, or sort first."
            )

    def test_it_changes_nothing(self) -> None:
        for subject in self._subjects():
            before = [(r.key, canonical_json(r.body, _SALT)) for r in subject.resources]
            plan = subject.plan.to_json() if subject.plan else ""
            self._review(subject)
            assert [(r.key, canonical_json(r.body, _SALT)) for r in subject.resources] == before, (
                "A resource was changed by the review. Policies object; transforms change."
            )
            assert (subject.plan.to_json() if subject.plan else "") == plan, "The plan was changed by the review."

    def test_it_bears_an_empty_subject(self) -> None:
        empty = attrs.evolve(self._subject(None), resources=())
        for subject in (empty, attrs.evolve(empty, plan=Plan(empty.application, empty.revision.id))):
            try:
                self._review(subject)
            except Exception as error:  # noqa: BLE001  # why: whatever it is, it is the finding
                pytest.fail(f"Nothing was declared, and review raised {error!r}. A policy that raises denies everything.")

    def test_it_bears_the_lack_of_a_plan(self) -> None:
        try:
            found = self._review(self._subject(None))
        except Exception as error:  # noqa: BLE001  # why: whatever it is, it is the finding
            pytest.fail(
                f"There was no plan yet, and review raised {error!r}. Every policy is asked before anything is observed, and in "
                "`check` there never is a plan: yield nothing when subject.plan is None."
            )
        plan = self.make_plan()
        assert plan is None or self._policy().needs_plan, (
            "make_plan gives a plan to object to, but needs_plan is False: the engine would never show it a plan."
        )
        assert not self._policy().needs_plan or not found, (
            "A policy that needs the plan objected without one. It is asked twice, so this violation would be reported twice."
        )

    # -- who it is ----------------------------------------------------------------------------------------------------
    def test_it_has_a_name(self) -> None:
        assert self._policy().name.strip(), "The name is empty. Every violation carries it."

    def test_the_fingerprint_is_stable(self) -> None:
        assert self._policy().fingerprint == self._policy().fingerprint, (
            "Two policies with the same options have two fingerprints, so nothing it decided can be remembered. "
            "Derive it from version and options only; return an empty text if that is impossible."
        )

    def test_the_fingerprint_covers_every_option(self) -> None:
        prints = [policy.fingerprint for policy in (self._policy(), *self.make_variants())]
        if not prints[0]:
            return  # "cannot tell" is an answer
        assert len(set(prints)) == len(prints), (
            "Two policies with different options have one fingerprint. A verdict remembered for one would be used for the other. "
            "Put every option into it."
        )

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

"""Broken policies, each a few lines over one that objects to every Job."""

import itertools

from killing import Catalogue

from gitops_core.interfaces import Policy
from gitops_core.model.plans import Action, Change, Plan
from gitops_core.model.resources import as_key
from gitops_core.model.verdicts import Violation
from gitops_core.testing.policy_contract import PolicyContract

PLAN = Plan("example.org/tests/app", "r1", changes=(Change(as_key("Job/nightly"), Action.DELETE),))
OFFENDER = {"kind": "Job", "metadata": {"name": "nightly"}}
MESSAGE = "jobs are run elsewhere: remove it"


class Mutant(Policy):
    """Objects to every Job; correct."""

    def __init__(self, option=1):
        self.option = option

    @property
    def fingerprint(self):
        return f"mutant:{self.option}"

    def review(self, ctx, subject):
        return [Violation(r.key, MESSAGE) for r in subject.resources if r.key.kind == "Job"]


class Nothing(Mutant):
    """Returns None."""

    kills = "test_it_yields_violations_only"

    def review(self, ctx, subject):
        return None


class Texts(Mutant):
    """Yields text."""

    kills = "test_it_yields_violations_only"

    def review(self, ctx, subject):
        return [MESSAGE]


class Blind(Mutant):
    """Sees no offender."""

    kills = "test_it_objects_to_what_it_must"

    def review(self, ctx, subject):
        return []


class Silent(Mutant):
    """Objects without a word."""

    kills = "test_every_message_says_something"

    def review(self, ctx, subject):
        return [Violation(v.key, "") for v in super().review(ctx, subject)]


class Curt(Mutant):
    """Objects with one word."""

    kills = "test_every_message_says_something"

    def review(self, ctx, subject):
        return [Violation(v.key, "forbidden") for v in super().review(ctx, subject)]


class Astray(Mutant):
    """Objects to something that is not there."""

    kills = "test_every_violation_is_about_something_there"

    def review(self, ctx, subject):
        return [*super().review(ctx, subject), Violation(as_key("Job/other"), MESSAGE)]


class DottedPointer(Mutant):
    """Points with dots."""

    kills = "test_every_violation_is_about_something_there"

    def review(self, ctx, subject):
        return [Violation(v.key, MESSAGE, pointer="metadata.name") for v in super().review(ctx, subject)]


class Leaky(Mutant):
    """Tells the secret."""

    kills = "test_no_secret_is_told"

    def review(self, ctx, subject):
        secrets = [r for r in subject.resources if r.key.kind == "Secret"]
        leaks = [Violation(r.key, f"weak token {r.body['stringData']['token'].reveal()}") for r in secrets]
        return [*super().review(ctx, subject), *leaks]


class Remembers(Mutant):
    """Objects the first time only."""

    kills = "test_equal_subjects_get_equal_answers"
    asked = False

    def review(self, ctx, subject):
        found = [] if self.asked else super().review(ctx, subject)
        self.asked = True
        return found


class FirstOnly(Mutant):
    """Judges by the neighbour."""

    kills = "test_the_order_of_resources_does_not_matter"

    def review(self, ctx, subject):
        return [Violation(subject.resources[0].key, MESSAGE)] if subject.resources else []


class Sweeper(Mutant):
    """Changes the subject."""

    kills = "test_it_changes_nothing"

    def review(self, ctx, subject):
        for resource in subject.resources:
            dict.__setitem__(resource.body, "reviewed", True)  # past the frozen surface, as only malice would
        return super().review(ctx, subject)


class FailsOnNothing(Mutant):
    """Needs at least one resource."""

    kills = "test_it_bears_an_empty_subject"

    def review(self, ctx, subject):
        assert subject.resources[0].key
        return super().review(ctx, subject)


class NeedsPlanSecretly(Mutant):
    """Fails without a plan."""

    kills = "test_it_bears_the_lack_of_a_plan"

    def review(self, ctx, subject):
        return [*super().review(ctx, subject), *(Violation(c.key, MESSAGE) for c in subject.plan.changes)]


class ObjectsTwice(Mutant):
    """Objects without the plan that it needs."""

    kills = "test_it_bears_the_lack_of_a_plan"
    needs_plan = True


class Nameless(Mutant):
    """Has no name."""

    kills = "test_it_has_a_name"
    name = " "


class RandomFingerprint(Mutant):
    """Has a new fingerprint each time."""

    kills = "test_the_fingerprint_is_stable"
    numbers = itertools.count()

    @property
    def fingerprint(self):
        return f"{next(self.numbers)}"


class CoarseFingerprint(Mutant):
    """Its fingerprint leaves an option out."""

    kills = "test_the_fingerprint_covers_every_option"
    fingerprint = "mutant"


def suite(policy, plan=None):
    """Return the contract filled in for *policy*."""

    class Suite(PolicyContract):
        def make_policy(self):
            return policy()

        def make_variants(self):
            return [policy(2)]

        def make_offenders(self):
            return [OFFENDER]

        def make_plan(self):
            return plan

    return Suite


POLICIES = Catalogue(suite)
for cls in Mutant.__subclasses__():
    POLICIES.mutant("policy", cls.kills)(cls)

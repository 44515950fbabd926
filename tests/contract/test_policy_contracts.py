"""Every policy of the package keeps the promises of a policy."""

import attrs

from gitops_core.model.plans import Action, Change, DiffOp, FieldDiff, Plan
from gitops_core.model.resources import Origin, as_key
from gitops_core.policies.access import Allow, Deny
from gitops_core.policies.budget import ChangeBudget
from gitops_core.policies.function import FunctionPolicy, policy
from gitops_core.policies.labels import RequiredLabels
from gitops_core.policies.protection import ProtectedObjects
from gitops_core.policies.selectors import Selector
from gitops_core.policies.windows import MaintenanceWindows, Window
from gitops_core.testing.policy_contract import PolicyContract

OFFENDER = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "plain", "namespace": "elsewhere"}}


def plan_of(*changes):
    return Plan("example.org/tests/app", "r1", changes=tuple(changes))


class TestDeny(PolicyContract):
    def make_policy(self):
        return Deny(kinds="Secret", namespaces="else*")

    def make_variants(self):
        return [
            Deny(kinds="Secret"),
            Deny(kinds=("Secret", "ConfigMap"), namespaces="else*"),
            Deny(kinds="Secret", namespaces="else*", paths="**"),
            Deny(kinds="Secret", namespaces="else*", names="*"),
            Deny(kinds="Secret", namespaces="else*", where=Selector(names="*")),
            Deny(kinds="Secret", namespaces="else*", reason="because"),
            Deny(kinds="Secret", namespaces="else*", severity="warn"),
            Deny(kinds="Secret", namespaces="else*", name="other"),
            Allow(kinds="Secret", namespaces="else*", name="Deny"),
        ]

    def make_offenders(self):
        return [OFFENDER]


class TestAllow(PolicyContract):
    def make_policy(self):
        return Allow(namespaces=("shop", ""))

    def make_variants(self):
        return [Allow(namespaces="shop"), Allow(namespaces=("shop", ""), severity="audit")]

    def make_offenders(self):
        return [OFFENDER]


class TestRequiredLabels(PolicyContract):
    def make_policy(self):
        return RequiredLabels({"team": "*"})

    def make_variants(self):
        return [
            RequiredLabels(("team", "tier")),
            RequiredLabels({"team": "web"}),
            RequiredLabels({"team": "*"}, where=Selector(kinds="Secret")),
            RequiredLabels({"team": "*"}, severity="warn"),
        ]

    def make_offenders(self):
        return [OFFENDER, {**OFFENDER, "metadata": {"name": "odd", "labels": {"team": 7}}}]


class TestProtectedObjects(PolicyContract):
    def make_policy(self):
        return ProtectedObjects({"Namespace/shop"}, where=Selector(kinds="PersistentVolumeClaim"))

    def make_variants(self):
        return [
            ProtectedObjects({"Namespace/shop"}),
            ProtectedObjects(where=Selector(kinds="PersistentVolumeClaim")),
            ProtectedObjects({"Namespace/shop", "Namespace/a"}, where=Selector(kinds="PersistentVolumeClaim")),
            ProtectedObjects({"Namespace/shop"}, where=Selector(kinds="PersistentVolumeClaim"), severity="warn"),
        ]

    def make_plan(self):
        gone = as_key(("PersistentVolumeClaim", "shop", "orders"))
        return plan_of(
            Change(as_key("Namespace/shop"), Action.REPLACE), Change(gone, Action.DELETE, origin=Origin(path="x.yaml"))
        )


class TestChangeBudget(PolicyContract):
    def make_policy(self):
        return ChangeBudget(creates=0, total=1)

    def make_variants(self):
        return [
            ChangeBudget(),
            ChangeBudget(creates=1, total=1),
            ChangeBudget(creates=0, total=1, updates=0),
            ChangeBudget(creates=0, total=1, replaces=0),
            ChangeBudget(creates=0, total=1, deletes=0),
            ChangeBudget(creates=0, total=1, severity="warn"),
        ]

    def make_plan(self):
        return plan_of(
            Change(as_key("ConfigMap/a"), Action.CREATE),
            Change(as_key("ConfigMap/b"), Action.UPDATE, diff=(FieldDiff("/data/a", DiffOp.ADD),)),
        )


class TestMaintenanceWindows(PolicyContract):
    """Outside of the window at every time of the contract's clock, which shows 14 November 2023."""

    WINDOW = Window("0 2 24 12 *", 3600, "Europe/Zurich")

    def make_policy(self):
        return MaintenanceWindows(self.WINDOW)

    def make_variants(self):
        changes = [
            {"schedule": "0 3 24 12 *"}, {"duration": 60}, {"zone": "UTC"}, {"reason": "nightly"},
            {"schedule": "0 22 14 11 *", "kind": "deny"},
        ]  # fmt: skip
        return [
            *(MaintenanceWindows(attrs.evolve(self.WINDOW, **change)) for change in changes),
            MaintenanceWindows([self.WINDOW, self.WINDOW]),
            MaintenanceWindows(self.WINDOW, running="stop"),
            MaintenanceWindows(self.WINDOW, where=Selector(kinds="ConfigMap")),
            MaintenanceWindows(self.WINDOW, severity="warn"),
        ]

    def make_plan(self):
        return plan_of(Change(as_key("ConfigMap/a"), Action.CREATE), Change(as_key("ConfigMap/b"), Action.DELETE))


class TestMaintenanceWindowsOnSomeObjects(PolicyContract):
    def make_policy(self):
        return MaintenanceWindows(Window("0 22 14 11 *", 3600, "UTC", "deny"), where=Selector(names="a"))

    def make_plan(self):
        return plan_of(Change(as_key("ConfigMap/a"), Action.CREATE), Change(as_key("ConfigMap/b"), Action.DELETE))


class TestFunctionPolicy(PolicyContract):
    def make_policy(self):
        return FunctionPolicy(lambda resource: f"{resource.key} is a Secret: seal it" if resource.key.kind == "Secret" else None)

    def make_offenders(self):
        return [OFFENDER]


class TestFunctionPolicyOnPlans(PolicyContract):
    def make_policy(self):
        @policy(needs_plan=True)
        def nothing_is_deleted(ctx, subject):
            return "nothing may be deleted: declare it again" if subject.plan.counts().get(Action.DELETE) else None

        return nothing_is_deleted

    def make_plan(self):
        return plan_of(Change(as_key("ConfigMap/a"), Action.DELETE))

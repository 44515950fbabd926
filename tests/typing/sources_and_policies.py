"""What an embedder writes about sources and policies must type-check. Read by mypy only."""

from collections.abc import Iterator

from gitops_core import Context, Policy, Resource, Severity, Source, Subject, Violation
from gitops_core.policies.access import Allow, Deny
from gitops_core.policies.budget import ChangeBudget
from gitops_core.policies.function import FunctionPolicy, policy
from gitops_core.policies.labels import RequiredLabels
from gitops_core.policies.protection import ProtectedObjects
from gitops_core.policies.selectors import Selector
from gitops_core.sources.directory import DirectorySource
from gitops_core.sources.memory import MemorySource
from gitops_core.sources.selection import DEFAULT_IGNORE


@policy
def has_a_name(resource: Resource) -> str | None:
    return None if resource.key.name else "it has no name: give it one"


@policy(severity="warn", needs_plan=True)
def is_small(ctx: Context, subject: Subject) -> Iterator[Violation]:
    for change in subject.plan.ready if subject.plan else ():
        yield Violation(change.key, "one at a time, please", Severity.WARN)


POLICIES: list[Policy] = [
    has_a_name,
    is_small,
    FunctionPolicy(lambda resource: resource.key.name),
    Allow(namespaces=("shop", ""), where=Selector(paths="edge/"), severity="audit"),
    Deny(kinds="Secret", reason="seal them", name="no-secrets"),
    RequiredLabels("team"),
    RequiredLabels({"team": "*", "tier": ("front", "back")}),
    ProtectedObjects({"Namespace/shop", ("ConfigMap", "shop", "site")}),
    ChangeBudget(deletes=3, severity=Severity.WARN),
]

SOURCES: list[Source] = [
    MemorySource({"a.yaml": "kind: ConfigMap", "b.bin": b"\0"}),
    DirectorySource("/srv/config", path=["edge", "shop"], ignore=(*DEFAULT_IGNORE, "docs/")),
]

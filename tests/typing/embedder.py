"""What somebody writes who embeds or extends the library: read by mypy (strict), never run."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import assert_type

from gitops_core import (
    Action,
    Application,
    Approval,
    Change,
    CheckResult,
    Context,
    Disposition,
    Event,
    Fields,
    GitOpsError,
    Guard,
    Health,
    Identity,
    IgnoreRule,
    Limits,
    Live,
    Options,
    OutcomeStatus,
    Owner,
    PassStatus,
    Pending,
    Plan,
    Policy,
    Query,
    ReconcileResult,
    Renderer,
    Resource,
    ResourceKey,
    Severity,
    Source,
    Subject,
    Target,
    TargetChange,
    Unreadable,
    Violation,
    apply,
    check,
    destroy,
    explain,
    plan,
    reconcile,
)
from gitops_core.engine.runtime import Runtime
from gitops_core.engine.sinks import ListSink, LoggingSink
from gitops_core.errors import NotFound, Throttled
from gitops_core.model.health import HealthStatus
from gitops_core.model.history import Explanation
from gitops_core.model.revisions import File, Revision, Tree
from gitops_core.model.values import thaw
from gitops_core.policies.access import Allow, Deny
from gitops_core.policies.budget import ChangeBudget
from gitops_core.policies.function import FunctionPolicy, policy
from gitops_core.policies.labels import RequiredLabels
from gitops_core.policies.protection import ProtectedObjects
from gitops_core.renderers.function import FunctionRenderer
from gitops_core.renderers.manifests import ManifestsRenderer
from gitops_core.renderers.memory import MemoryRenderer
from gitops_core.renderers.metadata import CommonLabels, DefaultNamespace
from gitops_core.renderers.selectors import Selector
from gitops_core.renderers.transforming import Transformed
from gitops_core.renderers.transforms import JsonPatch, MergePatch
from gitops_core.sources.directory import DirectorySource
from gitops_core.sources.git import GitSource
from gitops_core.sources.memory import MemorySource
from gitops_core.state.memory import MemoryStore
from gitops_core.state.sqlite import SqliteStore
from gitops_core.targets.directory import DirectoryTarget
from gitops_core.targets.memory import MemoryTarget
from gitops_core.targets.router import Route, RouterTarget

# ---------------------------------------------------------------------------------------------------------------------
# Plug-ins of one's own


class FlagApi:
    """Somebody's SDK."""

    def all(self) -> Mapping[str, bool]:
        return {}

    def put(self, name: str, on: bool) -> str:
        return f"{name}-{on}"

    def remove(self, flag_id: str) -> None: ...


class FlagTarget(Target):
    fields = Fields(immutable=["/name"], sensitive={"/token"})
    identity = Identity.ASSIGNED
    limits = Limits(concurrency=2, rate=5.0)

    def __init__(self, api: FlagApi) -> None:
        self.api = api

    def observe(self, ctx: Context, query: Query) -> Iterable[Live | Unreadable]:
        for name, on in self.api.all().items():
            ctx.check()
            yield Live(("Flag", name), {"kind": "Flag", "name": name, "on": on}, id=name)
        yield Unreadable(None, "the archive is closed", ("", "ArchivedFlag"))

    def create(self, ctx: Context, change: TargetChange) -> Live | Pending | None:
        body = thaw(change.desired)
        return Live(change.key, body, id=self.api.put(change.key.name, body["on"]))

    def update(self, ctx: Context, change: TargetChange) -> Live | Pending | None:
        self.api.put(change.key.name, change.desired["on"])
        return Pending("op-1", retry_after=2.0)

    def delete(self, ctx: Context, change: TargetChange) -> None:
        if change.live is None:
            raise NotFound("nothing there", key=change.key)
        self.api.remove(change.live.id)

    def key(self, body: Mapping[str, object]) -> tuple[str, ...]:
        return ("Flag", str(body["name"]))

    def health(self, live: Live) -> Health:
        return Health(settled=True, status=HealthStatus.HEALTHY)


class OneFile(Source):
    def resolve(self, ctx: Context) -> Revision:
        return Revision("1", ref="one")

    def fetch(self, ctx: Context, revision: Revision) -> Tree:
        return Tree("1", revision, lambda: {"a": File("a", "1")}, lambda _file: b"on")


class Lines(Renderer):
    def render(self, ctx: Context, tree: Tree) -> Iterable[Resource]:
        for path, file in tree.files.items():
            yield Resource.of({"kind": "Flag", "name": path, "on": tree.read(file) == b"on"})


class NoFriday(Policy):
    def review(self, ctx: Context, subject: Subject) -> Iterable[Violation]:
        for resource in subject.resources:
            yield Violation(resource.key, "not on a Friday; wait", severity=Severity.WARN)


@policy(severity="warn")
def short_names(resource: Resource) -> str | None:
    return "shorten the name" if len(resource.key.name) > 20 else None


def render_all(tree: Tree) -> Iterable[Mapping[str, object]]:
    return [{"kind": "Flag", "name": path} for path in tree.files]


class Printing:
    def emit(self, event: Event) -> None:
        print(event.message)


# ---------------------------------------------------------------------------------------------------------------------
# Applications


def shipped(url: str, root: Path) -> Application:
    """Every adapter that we ship, in one application."""
    return Application(
        name="edge",
        owner=Owner("example.org", "demo"),
        source=GitSource(url, ref="main", path="edge"),
        renderer=Transformed(
            ManifestsRenderer(),
            CommonLabels({"team": "edge"}),
            DefaultNamespace("edge"),
            MergePatch(Selector(kinds="ConfigMap"), {"data": {"a": "1"}}),
            JsonPatch(Selector(kinds="File"), [{"op": "add", "path": "/spec/mode", "value": "0644"}]),
        ),
        target=RouterTarget([Route(DirectoryTarget(root), kinds=["File"]), Route(MemoryTarget())]),
        policies=[
            Allow(kinds="File"),
            Deny(paths="secret/", reason="encrypt it"),
            RequiredLabels(("team",)),
            ProtectedObjects(["Namespace/edge"]),
            ChangeBudget(total=10),
            FunctionPolicy(lambda _resource: None),
            short_names,
            NoFriday(),
        ],
        guard=Guard(delete_cap=5, never=["Namespace"]),
        approvals=[Approval("clean", expires_at=1.0, rules=["delete_limit"], kinds=["File"], keys=["File/motd"])],
        options=Options(prune=True, ignore=[IgnoreRule(["/status"], kinds=["File"])]),
    )


def custom(root: Path) -> list[Application]:
    owner = Owner("example.org", "demo")
    sources: list[Source] = [OneFile(), DirectorySource(root), MemorySource({"a.yaml": "kind: Flag"})]
    renderers: list[Renderer] = [Lines(), FunctionRenderer(render_all), MemoryRenderer([{"kind": "Flag", "name": "a"}])]
    return [
        Application(name=f"flags-{i}", owner=owner, source=source, renderer=renderer, target=FlagTarget(FlagApi()))
        for i, (source, renderer) in enumerate(zip(sources, renderers, strict=True))
    ]


# ---------------------------------------------------------------------------------------------------------------------
# The six operations


def operate(app: Application, path: Path) -> int:
    with SqliteStore(path) as store:
        made = plan(app, store=store)
        assert_type(made, Plan)
        saved = Plan.from_json(made.to_json())
        if saved.is_empty:
            return 0
        for change in saved.ready:
            assert_type(change, Change)
            if change.action in (Action.DELETE, Action.REPLACE):
                print(change.key.kind, change.reason, change.origin.path)
        applied = apply(saved, app, store=store)
        assert_type(applied, ReconcileResult)
        return {PassStatus.IN_SYNC: 0, PassStatus.CHANGED: 0}.get(applied.status, 1)


def keep(app: Application) -> float | None:
    stop = threading.Event()
    events = ListSink()
    runtime = Runtime(cancel=stop, sinks=[events, LoggingSink(logging.getLogger("edge")), Printing()])
    result = reconcile(app, store=MemoryStore(), runtime=runtime)
    for outcome in result.outcomes:
        if outcome.status is OutcomeStatus.FAILED and outcome.failure is not None:
            print(outcome.key, outcome.failure.message)
    assert_type(result["Flag/a"].status, OutcomeStatus)
    return result.requeue_after


def look(app: Application) -> str:
    checked = check(app)
    assert_type(checked, CheckResult)
    explained = explain(app, "Flag/a")
    assert_type(explained, Explanation)
    assert_type(explain(app, ResourceKey("", "Flag", "", "a")).owned, bool)
    gone = destroy(app)
    return "\n".join([plan(app).markdown(), explained.text(), gone.text(), *map(str, checked.verdict.violations)])


def react(error: GitOpsError) -> float:
    if isinstance(error, Throttled) and error.retry_after is not None:
        return error.retry_after
    return 0.0 if error.disposition is Disposition.STALL else 60.0

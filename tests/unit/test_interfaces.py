"""What every plug-in gets, and what it need not write."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

import attrs
import pytest

from gitops_core.context import SystemClock
from gitops_core.errors import Cancelled, DeadlineExceeded
from gitops_core.interfaces import (
    Context,
    Identity,
    Limits,
    Plugin,
    Policy,
    Query,
    Renderer,
    Source,
    StateStore,
    Subject,
    Target,
    TargetChange,
    capabilities,
)
from gitops_core.model.applications import Owner
from gitops_core.model.fields import Fields
from gitops_core.model.plans import Action
from gitops_core.model.resources import Live, Origin, Pending, Resource, ResourceKey
from gitops_core.model.revisions import Revision, Tree
from gitops_core.model.verdicts import Violation
from gitops_core.testing.clock import VirtualClock
from gitops_core.testing.contexts import make_context

WEB = ResourceKey("apps", "Deployment", "shop", "web")


class SmallestTarget(Target):
    def observe(self, ctx: Context, query: Query) -> Iterable[Live]:
        return ()

    def create(self, ctx: Context, change: TargetChange) -> None:
        return None

    def delete(self, ctx: Context, change: TargetChange) -> None:
        return None


class SmallestSource(Source):
    def resolve(self, ctx: Context) -> Revision:
        return Revision("abc")

    def fetch(self, ctx: Context, revision: Revision) -> Tree:
        return Tree("t", revision, dict, lambda _file: b"")


class SmallestRenderer(Renderer):
    def render(self, ctx: Context, tree: Tree) -> Iterable[Resource]:
        return ()


class SmallestPolicy(Policy):
    def review(self, ctx: Context, subject: Subject) -> Iterable[Violation]:
        return ()


def context(**facts: Any) -> Context:
    return attrs.evolve(make_context(), clock=VirtualClock(), cancel=threading.Event(), **facts)


def test_check_does_nothing_while_there_is_time() -> None:
    ctx = context()
    ctx.check()
    assert ctx.remaining() == float("inf")


def test_check_raises_as_soon_as_the_host_cancels() -> None:
    ctx = context()
    ctx.cancel.set()
    with pytest.raises(Cancelled, match="stopped by the host"):
        ctx.check()


def test_check_raises_when_the_deadline_is_reached() -> None:
    ctx = context(deadline=5.0)
    ctx.clock.advance(4.5)
    ctx.check()
    assert ctx.remaining() == 0.5
    ctx.clock.advance(0.5)
    with pytest.raises(DeadlineExceeded, match=r"raise Options\.deadline"):
        ctx.check()
    ctx.clock.advance(10)
    assert ctx.remaining() == 0.0


def test_sleep_waits_on_the_clock_of_the_context() -> None:
    ctx = context()
    ctx.sleep(3)
    assert ctx.clock.slept == [3]


def test_sleep_never_waits_beyond_the_deadline() -> None:
    ctx = context(deadline=2.0)
    with pytest.raises(DeadlineExceeded):
        ctx.sleep(3)
    assert ctx.clock.slept == [2.0]


def test_sleep_does_not_begin_after_a_cancel_and_ends_with_one() -> None:
    ctx = context()

    class CancelledMeanwhile(VirtualClock):
        def wait(self, signal: Any, seconds: float) -> bool:
            signal.set()
            return super().wait(signal, seconds)

    with pytest.raises(Cancelled):
        attrs.evolve(ctx, clock=CancelledMeanwhile()).sleep(3)
    with pytest.raises(Cancelled):
        ctx.sleep(3)
    assert ctx.clock.slept == []


def test_within_only_ever_brings_a_deadline_nearer() -> None:
    ctx = context(deadline=10.0)
    ctx.clock.advance(1)
    assert ctx.within(5).deadline == 6.0
    assert ctx.within(50).deadline == 10.0
    assert ctx.within(5).cancel is ctx.cancel


def test_a_context_does_not_show_its_salt() -> None:
    assert "canary" not in repr(context(salt=b"canary"))


@pytest.mark.parametrize(
    ("interface", "required"),
    [
        (Source, {"resolve", "fetch"}),
        (Renderer, {"render"}),
        (Policy, {"review"}),
        (Target, {"observe", "create", "delete"}),
    ],
)
def test_an_interface_requires_very_little(interface: type[Plugin], required: set[str]) -> None:
    assert interface.__abstractmethods__ == required


def test_everything_of_a_state_store_is_required() -> None:
    """A store that forgot a method would lose objects."""
    own = {name for name, value in vars(StateStore).items() if callable(value) and not name.startswith("_")}
    assert own == StateStore.__abstractmethods__


@pytest.mark.parametrize("plugin", [SmallestSource(), SmallestRenderer(), SmallestPolicy(), SmallestTarget()])
def test_a_plugin_has_a_name_no_fingerprint_and_closes_twice(plugin: Plugin) -> None:
    assert (plugin.name, plugin.fingerprint) == (type(plugin).__name__, "")
    with plugin as entered:
        assert entered is plugin
        plugin.close()


def test_leaving_the_block_closes_a_plugin_even_after_an_error() -> None:
    closed: list[str] = []

    class Closing(SmallestSource):
        def close(self) -> None:
            closed.append("closed")

    with pytest.raises(ValueError, match="inside"), Closing():
        raise ValueError("inside")
    assert closed == ["closed"]


def test_a_target_has_harmless_defaults() -> None:
    target, body = (
        SmallestTarget(),
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}},
    )
    assert (target.fields, target.identity, target.limits) == (Fields(), Identity.DECLARED, Limits())
    assert target.key(body) == WEB
    assert target.normalize(body) is body
    assert target.diff(body, body) is None
    assert list(target.depends_on(body)) == []
    assert target.health(Live(WEB, body)) is None
    assert target.scope(WEB) == ""
    assert target.etag(context()) is None
    assert target.member(WEB) is target


def test_a_policy_is_asked_without_a_plan_unless_it_wants_one() -> None:
    assert SmallestPolicy.needs_plan is False


def test_a_renderer_that_knows_no_better_locates_the_object() -> None:
    resource = Resource.of({"kind": "File", "name": "motd"}, Origin(path="motd.yaml", line=3))
    tree = SmallestSource().fetch(context(), Revision("abc"))
    assert SmallestRenderer().locate(tree, resource, "/mode") == resource.origin


def test_what_a_target_cannot_do_is_not_implemented() -> None:
    target, ctx = SmallestTarget(), context()
    change = TargetChange(WEB, Action.UPDATE, {})
    for call in (
        lambda: target.update(ctx, change),
        lambda: target.poll(ctx, Pending("t")),
        lambda: target.preview(ctx, change),
        lambda: target.apply_batch(ctx, [change]),
        lambda: target.watch(ctx, Query(frozenset())),
    ):
        with pytest.raises(NotImplementedError):
            call()


def test_a_capability_is_a_method_that_was_overridden() -> None:
    class Updating(SmallestTarget):
        def update(self, ctx: Context, change: TargetChange) -> None:
            return None

        def normalize(self, body: Any) -> Any:
            return body

    class Inheriting(Updating):
        pass

    assert capabilities(SmallestTarget()) == frozenset()
    assert capabilities(Inheriting()) == {"update", "normalize"}


def test_every_optional_method_of_a_target_is_a_capability() -> None:
    """A method that is added to Target and forgotten in the list would never be found by the engine."""
    optional = {
        name for name, value in vars(Target).items() if callable(value) and not name.startswith("_")
    } - Target.__abstractmethods__

    class Everything(SmallestTarget):
        pass

    for name in optional:
        setattr(Everything, name, lambda *_args: None)
    Everything.__abstractmethods__ = frozenset()
    assert capabilities(Everything()) == optional


def test_a_query_knows_its_kinds() -> None:
    query = Query(frozenset({WEB, ResourceKey("apps", "Deployment", "shop", "api"), ResourceKey("", "File", "", "motd")}))
    assert query.kinds == {("apps", "Deployment"), ("", "File")}


def test_what_a_target_is_asked_to_do_does_not_show_the_body() -> None:
    """The body is in clear: an exception that prints its arguments must not print a secret."""
    change = TargetChange(WEB, Action.UPDATE, {"password": "canary"}, Live(WEB, {"password": "canary"}))
    assert "canary" not in repr(change)


def test_a_context_belongs_to_an_application() -> None:
    assert context(owner=Owner("example.org", "demo")).owner.key("protect") == "example.org/protect"


def test_a_source_that_says_nothing_shares_no_resolve_and_is_told_by_no_push() -> None:
    source = SmallestSource()
    assert source.reference == ""
    assert not source.is_told_by("https://example.org/shop.git", "refs/heads/main")


def test_a_wait_on_the_machines_clock_tells_whether_its_signal_is_set() -> None:
    clock, signal = SystemClock(), threading.Event()
    assert not clock.wait(signal, 0.0)
    signal.set()
    assert clock.wait(signal, 1000.0)
    assert clock.monotonic() <= clock.monotonic()

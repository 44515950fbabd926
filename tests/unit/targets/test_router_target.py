"""RouterTarget: who gets what, and who goes on when another fails."""

import pytest

from gitops_core import Application, Owner, plan, reconcile
from gitops_core.errors import Cancelled, ConfigError, Invalid, PluginError, Throttled
from gitops_core.interfaces import Fields, Limits, Query, Target, TargetChange
from gitops_core.model.health import Health, HealthStatus
from gitops_core.model.plans import Action
from gitops_core.model.resources import Live, ResourceKey, Unreadable
from gitops_core.model.values import freeze
from gitops_core.renderers.memory import MemoryRenderer
from gitops_core.sources.memory import MemorySource
from gitops_core.state.memory import MemoryStore
from gitops_core.targets.directory import DirectoryTarget
from gitops_core.targets.memory import MemoryTarget
from gitops_core.targets.router import Route, RouterTarget
from gitops_core.testing.contexts import make_context

RECORD = ResourceKey("", "A", "", "www")
FLAG = ResourceKey("flags.example.org", "Flag", "shop", "dark")


class Dns(MemoryTarget):
    """Folds case; has rules of its own for everything."""

    fields = Fields(unordered=["/values"])

    def key(self, body):
        return (body["kind"], body["name"].lower())

    def normalize(self, body):
        return {"ttl": 300, **body}

    def diff(self, desired, live):
        return ()

    def depends_on(self, body):
        return [("Zone", "example.org")]

    def health(self, live):
        return Health(settled=True, status=HealthStatus.HEALTHY)


@pytest.fixture
def ctx():
    return make_context()


def make_router():
    dns, rest = Dns("dns"), MemoryTarget("rest")
    return RouterTarget([Route(dns, kinds={"A", "TXT"}), Route(rest, groups={"*.example.org"})]), dns, rest


@pytest.mark.parametrize(
    ("route", "matches"),
    [
        ({}, True),
        ({"kinds": {"Flag"}}, True),
        ({"kinds": {"Fl*"}}, True),
        ({"kinds": {"flags.example.org/Flag"}}, True),
        ({"kinds": {"other.example.org/Flag"}}, False),
        ({"kinds": {"A"}}, False),
        ({"groups": {"*.example.org"}}, True),
        ({"groups": {""}}, False),
        ({"namespaces": {"shop"}}, True),
        ({"namespaces": {"prod"}}, False),
        ({"names": {"d?rk"}}, True),
        ({"names": {"DARK"}}, False),
        ({"where": lambda key: key.name == "dark"}, True),
        ({"where": lambda key: False}, False),
        ({"kinds": {"Flag"}, "namespaces": {"prod"}}, False),
    ],
)
def test_a_route_matches_when_every_condition_does(route, matches):
    assert Route(MemoryTarget(), **route).matches(FLAG) is matches


def test_the_first_matching_route_wins():
    first, second = MemoryTarget("first"), MemoryTarget("second")
    router = RouterTarget([Route(first, kinds={"Flag"}), Route(second)])
    assert router.member(FLAG) is first
    assert router.member(RECORD) is second


def test_a_router_without_routes_is_refused():
    with pytest.raises(ConfigError, match="needs a route"):
        RouterTarget([])


def test_a_router_in_a_router_names_the_innermost_member():
    router, dns, _ = make_router()
    assert RouterTarget([Route(router)]).member(RECORD) is dns


def test_every_member_is_asked_for_its_own_keys_only(ctx):
    asked = {}

    class Asked(MemoryTarget):
        def observe(self, ctx, query):
            asked[self.name] = query
            return super().observe(ctx, query)

    router = RouterTarget([Route(Asked("a"), kinds={"A"}), Route(Asked("b"), kinds={"Flag"}), Route(Asked("c"))])
    list(router.observe(ctx, Query(frozenset({RECORD, FLAG}), {RECORD: "1", FLAG: "2"})))
    assert {name: (q.keys, dict(q.versions)) for name, q in asked.items()} == {
        "a": ({RECORD}, {RECORD: "1"}),
        "b": ({FLAG}, {FLAG: "2"}),
    }


@pytest.mark.parametrize("error", [RuntimeError("password=hunter2"), Throttled("slow down", retry_after=9)])
def test_a_failing_member_blinds_its_own_keys_only(ctx, error):
    class Broken(MemoryTarget):
        def observe(self, ctx, query):
            yield Live(RECORD, {})  # half an answer is none
            raise error

    rest = MemoryTarget(objects=[{"kind": "ConfigMap", "metadata": {"name": "x"}}])
    router = RouterTarget([Route(Broken(), kinds={"A"}), Route(rest)])
    blind, seen = router.observe(ctx, Query(frozenset({RECORD, *rest.objects})))
    assert isinstance(blind, Unreadable)
    assert blind.key == RECORD
    assert isinstance(blind.error, Throttled | PluginError)
    assert "hunter2" not in str(blind.error)
    assert isinstance(seen, Live)


def test_a_stop_is_not_taken_for_a_failure(ctx):
    router, *_ = make_router()
    ctx.cancel.set()
    with pytest.raises(Cancelled):
        list(router.observe(ctx, Query(frozenset({RECORD}))))


def test_a_member_that_cannot_read_a_kind_does_not_blind_others(ctx):
    class Blind(MemoryTarget):
        def observe(self, ctx, query):
            yield Unreadable(None, "no permission", kind=("*", "*"))

    router = RouterTarget([Route(Blind(), kinds={"A"}), Route(MemoryTarget())])
    answers = list(router.observe(ctx, Query(frozenset({RECORD, FLAG}))))
    assert answers == [Unreadable(RECORD, "no permission")]


def test_what_a_member_has_of_another_is_dropped(ctx):
    class Greedy(MemoryTarget):
        def observe(self, ctx, query):
            yield Live(FLAG, {"from": "the wrong one"})
            yield Live(("A", "other"), {})

    router = RouterTarget([Route(Greedy(), kinds={"A"}), Route(MemoryTarget())])
    assert [a.key for a in router.observe(ctx, Query(frozenset({RECORD})))] == [ResourceKey("", "A", "", "other")]


def test_what_no_route_matches_is_refused_by_name(ctx):
    router, *_ = make_router()
    lost = ResourceKey("", "Lost", "", "x")
    (answer,) = router.observe(ctx, Query(frozenset({lost})))
    assert isinstance(answer.error, Invalid)
    assert "dns: kinds 'A', 'TXT'; rest: groups '*.example.org'" in str(answer.error)
    assert router.member(lost) is router
    assert router.scope(lost) == ""
    assert router.health(Live(lost, {})) is None
    for call in (router.create, router.update, router.delete, router.preview):
        with pytest.raises(Invalid):
            call(ctx, TargetChange(lost, Action.CREATE, freeze({})))


def test_pure_questions_go_to_the_member(ctx):
    router, dns, _ = make_router()
    body = {"kind": "A", "name": "WWW"}
    assert router.key(body) == RECORD
    assert router.normalize(body)["ttl"] == 300
    assert list(router.diff(body, body)) == []
    assert list(router.depends_on(body)) == [("Zone", "example.org")]
    assert router.health(Live(RECORD, body)).settled
    assert router.scope(RECORD) == dns.scope(RECORD)


def test_an_unknown_body_is_left_as_it_is():
    router, *_ = make_router()
    stranger = {"kind": "Lost", "metadata": {"name": "x"}}
    assert router.normalize(stranger) is stranger
    assert router.diff(stranger, stranger) is None
    assert tuple(router.depends_on(stranger)) == ()
    assert router.key(stranger) == ResourceKey("", "Lost", "", "x")
    assert router.normalize({}) == {}
    with pytest.raises(ValueError, match="kind"):
        router.key({})


def test_a_key_that_leads_elsewhere_is_told():
    class Renames(MemoryTarget):
        def key(self, body):
            return ("Other", "x")

    router = RouterTarget([Route(Renames("odd"), kinds={"A"}), Route(MemoryTarget())])
    with pytest.raises(ValueError, match=r"odd calls it Other/x.*widen that route"):
        router.key({"kind": "A", "name": "www"})


def test_a_body_without_a_plain_key_goes_to_the_target_that_knows_it():
    class Zones(MemoryTarget):
        def key(self, body):
            return ("Zone", body["zone"])

    router = RouterTarget([Route(Dns("dns"), kinds={"A"}), Route(Zones("zones"), kinds={"Zone"})])
    assert router.key({"zone": "example.org"}) == ResourceKey("", "Zone", "", "example.org")


def test_limits_allow_for_every_member():
    parts = [MemoryTarget(limits=Limits(concurrency=2, timeout=5.0)), MemoryTarget(limits=Limits(concurrency=3, timeout=7.0))]
    router = RouterTarget([Route(parts[0], kinds={"A"}), Route(parts[1])])
    assert (router.limits.concurrency, router.limits.timeout) == (5, 12.0)


def test_the_etag_is_that_of_all_or_none(ctx, tmp_path):
    router, dns, _ = make_router()
    before = router.etag(ctx)
    dns.put({"kind": "A", "name": "x"})
    assert router.etag(ctx) != before
    assert RouterTarget([Route(dns, kinds={"A"}), Route(DirectoryTarget(tmp_path))]).etag(ctx) is None


def test_every_member_is_closed_once_even_when_one_fails():
    closed = []

    class Closing(MemoryTarget):
        def close(self):
            closed.append(self.name)
            raise OSError("no")

    one = Closing("one")
    router = RouterTarget([Route(one, kinds={"A"}), Route(one, kinds={"B"}), Route(Closing("two"))], name="worlds")
    with pytest.raises(ExceptionGroup, match="worlds") as raised:
        router.close()
    assert closed == ["one", "two"]
    assert len(raised.value.exceptions) == 2
    assert repr(router) == "RouterTarget('worlds', 3 routes)"


class NoUpdate(Target):
    """Can only create and delete."""

    def __init__(self):
        self.inner = MemoryTarget("plain")

    def observe(self, ctx, query):
        return self.inner.observe(ctx, query)

    def create(self, ctx, change):
        return self.inner.create(ctx, change)

    def delete(self, ctx, change):
        return self.inner.delete(ctx, change)


def test_one_repository_holds_objects_of_several_worlds(tmp_path):
    """Created in three worlds, each by its own rules; then one is edited, one replaced, and what is un-declared goes from its world."""
    dns, plain, files = Dns("dns"), NoUpdate(), DirectoryTarget(tmp_path / "edge")
    router = RouterTarget([Route(dns, kinds={"A"}), Route(plain, kinds={"Plain"}), Route(files, kinds={"File"})])
    store, objects = MemoryStore(), [
        {"kind": "A", "name": "WWW", "values": ["1"]},
        {"kind": "Plain", "name": "p", "x": 1},
        {"kind": "File", "metadata": {"name": "a/b"}, "spec": {"content": "hi"}},
    ]  # fmt: skip

    def app(bodies):
        return Application(
            name="all",
            owner=Owner("example.org", "demo"),
            source=MemorySource({}),
            renderer=MemoryRenderer(bodies),
            target=router,
        )

    assert reconcile(app(objects), store=store).ok
    assert (tmp_path / "edge/a/b").read_text() == "hi"
    assert list(dns.objects) == [RECORD]
    assert plan(app(objects), store=store).is_empty
    changed = [objects[0], {**objects[1], "x": 2}]
    actions = {change.key.kind: change.action for change in plan(app(changed), store=store).changes}
    assert actions == {"Plain": Action.REPLACE, "File": Action.DELETE}
    result = reconcile(app(changed), store=store)
    assert result.ok, result.text()
    assert not (tmp_path / "edge/a").exists()

"""Kinds are asked for once, remembered, and looked for again when one is unknown; broken groups hurt only themselves."""

from __future__ import annotations

import itertools
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gitops_core.errors import ConfigError, GitOpsError, Transient, UnknownKind, Unobservable
from gitops_core.kubernetes_api.discovery import Discovery, DiscoverySettings
from gitops_core.kubernetes_api.discovery_file import DiscoveryFile
from gitops_core.kubernetes_api.discovery_loading import read_table
from gitops_core.kubernetes_api.flights import SingleFlight
from gitops_core.kubernetes_api.kinds import KindInfo
from gitops_core.kubernetes_api.requests import Request, Response


def resource(kind: str, plural: str, scope: str = "Namespaced", *subresources: str) -> dict[str, Any]:
    return {
        "resource": plural,
        "responseKind": {"group": "", "version": "", "kind": kind},
        "scope": scope,
        "verbs": ["get", "list"],
        "subresources": [{"subresource": name} for name in subresources],
    }


def group(name: str, /, freshness: str = "Current", **versions: list[Any]) -> dict[str, Any]:
    listed = [{"version": version, "resources": kinds, "freshness": freshness} for version, kinds in versions.items()]
    return {"metadata": {"name": name} if name else {}, "versions": listed}


def discovery_list(*groups: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "APIGroupDiscoveryList", "items": list(groups)}


CORE = group("", v1=[resource("Pod", "pods", "Namespaced", "log", "status"), resource("Node", "nodes", "Cluster")])
APPS = group("apps", v1=[resource("Deployment", "deployments")])
SCALING = group("autoscaling", v2=[resource("HPA", "hpas")], v1=[resource("HPA", "hpas"), resource("Old", "olds")])


class Server:
    """Stands for a connection: answers documents, and counts."""

    server = "https://a"
    identity = "jane"

    def __init__(self, **documents: Any) -> None:
        self.documents: dict[str, Any] = {"/api": discovery_list(CORE), "/apis": discovery_list(APPS, SCALING)}
        self.requests: list[str] = []
        self.etags = True
        self.before: Callable[[Request], None] = lambda request: None

    def request(self, request: Request, timeout: float) -> Response:
        self.before(request)
        self.requests.append(request.path)
        document = self.documents.get(request.path)
        if isinstance(document, Exception):
            raise document
        etag = json.dumps(document) if self.etags else ""
        if etag and dict(request.headers).get("If-None-Match") == etag:
            self.requests[-1] += " unchanged"
            return Response(304, {"ETag": etag})
        return Response(200, {"ETag": etag} if etag else {}, document)


class Setting:
    """A server, a clock and the discovery between them."""

    def __init__(self) -> None:
        self.server = Server()
        self.now = 1_000.0
        self.discovery = self.make()

    def make(self, cache_file: Path | str = "") -> Discovery:
        settings = DiscoverySettings(cache_file=cache_file, clock=lambda: self.now, wall_clock=lambda: self.now)
        return Discovery(self.server, settings)

    def kind(self, group: str, kind: str, version: str = "") -> KindInfo:
        return self.discovery.kind(group, kind, version, timeout=5)

    def asked(self) -> list[str]:
        found, self.server.requests = self.server.requests, []
        return found


@pytest.fixture
def world() -> Setting:
    return Setting()


BOTH = ["/api", "/apis"]


def test_all_kinds_are_asked_for_once(world: Setting) -> None:
    assert world.asked() == []
    assert world.kind("", "Pod") == KindInfo(
        "", "v1", "Pod", "pods", True, frozenset({"get", "list"}), frozenset({"log", "status"})
    )
    assert world.kind("", "Node").namespaced is False
    assert world.kind("apps", "Deployment").path("shop") == "/apis/apps/v1/namespaces/shop/deployments"
    assert world.asked() == BOTH


def test_without_a_version_the_servers_preference_counts(world: Setting) -> None:
    assert world.kind("autoscaling", "HPA").version == "v2"
    assert world.kind("autoscaling", "HPA", "v1").version == "v1"
    assert world.kind("autoscaling", "Old").version == "v1"


def test_a_version_that_is_not_served_says_which_are(world: Setting) -> None:
    with pytest.raises(UnknownKind, match=r"autoscaling/v3/HPA: the server has it in v2, v1; declare one of these versions"):
        world.kind("autoscaling", "HPA", "v3")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (("extensions", "Deployment"), r"\(there is apps/Deployment\)"),
        (("apps", "Deploymnet"), r"\(there is Deployment\)"),
        (("", "Xyz"), "core/Xyz: the server has no such kind; install its definition"),
        (("apps", "Pod"), r"\(there is core/Pod\)"),
    ],
)
def test_an_unknown_kind_names_what_is_near(world: Setting, asked: tuple[str, str], words: str) -> None:
    with pytest.raises(UnknownKind, match=words) as caught:
        world.kind(*asked)
    assert caught.value.kind == asked


def unknown(world: Setting, kind: str = "Widget") -> float | None:
    with pytest.raises(UnknownKind) as caught:
        world.kind("example.org", kind)
    return caught.value.retry_after


def test_an_unknown_kind_is_looked_for_soon_and_then_more_rarely(world: Setting) -> None:
    """A definition is established within a second; one that stays away must not cost requests for ever."""
    world.kind("", "Pod")
    world.asked()
    looks = []
    for _ in range(4_000):
        world.now += 0.01
        unknown(world)
        if world.asked():
            looks.append(round(world.now - 1_000, 2))
    pauses = [round(later - earlier, 1) for earlier, later in itertools.pairwise(looks)]
    assert looks[0] == pytest.approx(0.25, abs=0.02)
    assert pauses == pytest.approx([0.25, 0.5, 1.0, 2.0, 4.0, *[5.0] * len(pauses[5:])], abs=0.06)
    assert len(pauses) > 8


def test_what_was_just_read_is_not_read_again_for_an_unknown_kind(world: Setting) -> None:
    assert unknown(world) == 0.25
    assert world.asked() == BOTH


def test_many_unknown_kinds_share_one_look(world: Setting) -> None:
    world.kind("", "Pod")
    world.now += 10
    world.asked()
    for number in range(2_500):
        unknown(world, f"Widget{number}")
    assert world.asked() == ["/api unchanged", "/apis unchanged"]


def test_unknown_kinds_are_not_remembered_without_end(world: Setting) -> None:
    for number in range(1_500):
        world.now += 0.3
        unknown(world, f"Widget{number}")
    assert len(world.discovery._misses) <= 1_000


def test_a_kind_that_comes_later_is_found(world: Setting) -> None:
    unknown(world)
    world.server.documents["/apis"] = discovery_list(APPS, group("example.org", v1=[resource("Widget", "widgets")]))
    world.now += 0.3
    assert world.kind("example.org", "Widget").plural == "widgets"
    with pytest.raises(UnknownKind):
        world.kind("autoscaling", "HPA")


def test_after_a_while_the_server_is_asked_whether_something_changed(world: Setting) -> None:
    world.kind("", "Pod")
    world.now += 599
    world.kind("", "Pod")
    assert world.asked() == BOTH
    world.now += 2
    world.kind("", "Pod")
    assert world.asked() == ["/api unchanged", "/apis unchanged"]


def test_a_server_without_etags_is_read_whole(world: Setting) -> None:
    world.server.etags = False
    world.kind("", "Pod")
    world.discovery.refresh(timeout=5)
    assert world.asked() == BOTH * 2


def test_a_server_that_cannot_be_asked_is_an_error_and_what_was_known_stays(world: Setting) -> None:
    world.kind("", "Pod")
    good, world.server.documents["/apis"] = world.server.documents["/apis"], Transient("down")
    with pytest.raises(Transient, match="down"):
        world.discovery.refresh(timeout=5)
    assert world.kind("apps", "Deployment")
    world.server.documents["/apis"] = good
    assert world.discovery.refresh(timeout=5)


def test_a_stale_group_affects_only_its_own_kinds(world: Setting) -> None:
    world.server.documents["/apis"] = discovery_list(group("metrics.k8s.io", freshness="Stale", v1=[]), APPS)
    assert world.kind("apps", "Deployment")
    with pytest.raises(Transient, match=r"metrics.k8s.io/v1: the server that serves this does not answer; only its own kinds"):
        world.kind("metrics.k8s.io", "PodMetrics")
    assert set(world.discovery.broken) == {"metrics.k8s.io"}
    with pytest.raises(UnknownKind):
        world.kind("metrics", "PodMetrics")


def test_a_version_that_answers_goes_before_a_stale_one(world: Setting) -> None:
    both = group("x", v2=[resource("A", "as")], v1=[resource("A", "as")])
    both["versions"][0]["freshness"] = "Stale"
    world.server.documents["/apis"] = discovery_list(both)
    assert world.kind("x", "A").version == "v1"
    both["versions"][1]["freshness"] = "Stale"
    world.now += 1_000
    assert world.kind("x", "A").version == "v2"


def test_each_thread_gets_an_error_of_its_own(world: Setting) -> None:
    world.server.documents["/apis"] = discovery_list(group("x", freshness="Stale", v1=[]))
    caught = []
    for _ in range(2):
        with pytest.raises(Transient) as error:
            world.kind("x", "A")
        caught.append(error.value)
    assert caught[0] is not caught[1]


def test_before_the_first_question_nothing_is_broken(world: Setting) -> None:
    assert world.discovery.broken == {}


@pytest.mark.parametrize(
    "document",
    [
        {"kind": "APIGroupDiscoveryList", "items": [{"versions": [{}]}]},
        {"kind": "APIGroupDiscoveryList", "items": [{"metadata": 5}]},
        {"kind": "APIGroupList", "groups": [{}]},
    ],
)
def test_documents_that_make_no_sense_are_not_trusted(world: Setting, document: Any) -> None:
    world.server.documents["/apis"] = document
    if document["kind"] == "APIGroupList":
        world.server.documents["/api"] = {"kind": "APIVersions"}
    with pytest.raises(Unobservable, match="is this a Kubernetes API server"):
        world.kind("apps", "Deployment")


def test_a_resource_without_a_kind_is_no_kind(world: Setting) -> None:
    """The parent of subresources that has none of its own."""
    world.server.documents["/api"] = discovery_list(
        group("", v1=[{"resource": "x", "scope": "Cluster"}, resource("Pod", "pods")])
    )
    assert [info.kind for info in world.discovery.kinds(timeout=5) if not info.group] == ["Pod"]


def test_thousands_of_kinds_are_found_by_look_up(world: Setting) -> None:
    groups = [group(f"g{n}", v1=[resource(f"K{m}", f"k{m}") for m in range(10)]) for n in range(500)]
    world.server.documents["/apis"] = discovery_list(*groups)
    assert world.kind("g499", "K9").plural == "k9"
    assert len(world.discovery.kinds(timeout=5)) == 5_002


# Older servers


@pytest.fixture
def older(world: Setting) -> Setting:
    world.server.documents = {
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {
            "kind": "APIGroupList",
            "groups": [
                {
                    "name": "apps",
                    "versions": [{"version": "v1beta1"}, {"version": "v1"}],
                    "preferredVersion": {"version": "v1"},
                },
                {"name": "metrics.k8s.io", "versions": [{"version": "v1"}]},
            ],
        },
        "/api/v1": {
            "resources": [
                {"name": "pods", "kind": "Pod", "namespaced": True, "verbs": ["get"]},
                {"name": "pods/log", "kind": "Pod", "namespaced": True, "verbs": ["get"]},
                {"name": "nodes", "kind": "Node", "namespaced": False, "verbs": ["list"]},
            ]
        },
        "/apis/apps/v1": {"resources": [{"name": "deployments", "kind": "Deployment", "namespaced": True}]},
        "/apis/apps/v1beta1": {"resources": [{"name": "deployments", "kind": "Deployment", "namespaced": True}]},
        "/apis/metrics.k8s.io/v1": Transient("the server is currently unable to handle the request"),
    }
    return world


def test_an_older_server_is_asked_group_by_group(older: Setting) -> None:
    assert older.kind("", "Pod") == KindInfo("", "v1", "Pod", "pods", True, frozenset({"get"}), frozenset({"log"}))
    assert older.asked() == ["/api", "/apis", "/api/v1"]
    assert older.kind("apps", "Deployment").version == "v1"
    assert older.kind("apps", "Deployment", "v1beta1").version == "v1beta1"
    assert older.asked() == ["/apis/apps/v1", "/apis/apps/v1beta1"]
    assert [info.kind for info in older.discovery.kinds(timeout=5)] == ["Pod", "Node", "Deployment", "Deployment"]


def test_a_broken_group_of_an_older_server_affects_only_its_own_kinds(older: Setting) -> None:
    with pytest.raises(Transient, match="unable to handle"):
        older.kind("metrics.k8s.io", "PodMetrics")
    assert set(older.discovery.broken) == {"metrics.k8s.io"}
    assert older.kind("apps", "Deployment")
    older.server.documents["/apis/metrics.k8s.io/v1"] = {"resources": [{"name": "p", "kind": "PodMetrics"}]}
    older.now += 1
    assert older.kind("metrics.k8s.io", "PodMetrics").plural == "p"
    assert older.discovery.broken == {}


def test_a_group_of_an_older_server_that_makes_no_sense_is_broken(older: Setting) -> None:
    older.server.documents["/apis/apps/v1"] = {"resources": [{}]}
    assert older.kind("apps", "Deployment").version == "v1beta1"
    assert isinstance(older.discovery.broken["apps"], Unobservable)


def test_a_group_that_an_older_server_does_not_have_is_unknown(older: Setting) -> None:
    with pytest.raises(UnknownKind):
        older.kind("example.org", "Widget")


# The file


def test_the_next_process_need_not_ask(world: Setting, tmp_path: Path) -> None:
    file = tmp_path / "kinds.json"
    world.make(file).kind("", "Pod", timeout=5)
    assert file.stat().st_mode & 0o777 == 0o600
    os.utime(file, (world.now, world.now))
    world.asked()
    world.now += 500
    assert world.make(file).kind("autoscaling", "HPA", timeout=5).version == "v2"
    assert world.asked() == []
    assert list(tmp_path.iterdir()) == [file]


def test_an_old_file_is_made_new_by_asking_whether_something_changed(world: Setting, tmp_path: Path) -> None:
    file = tmp_path / "kinds.json"
    world.make(file).kind("", "Pod", timeout=5)
    world.now += 10_000_000_000
    world.asked()
    world.make(file).kind("", "Pod", timeout=5)
    assert world.asked() == ["/api unchanged", "/apis unchanged"]
    world.make(file).kind("", "Pod", timeout=5)
    assert world.asked() == []


def test_a_file_from_the_future_is_old(world: Setting, tmp_path: Path) -> None:
    file = tmp_path / "kinds.json"
    world.make(file).kind("", "Pod", timeout=5)
    os.utime(file, (world.now + 50, world.now + 50))
    world.asked()
    world.make(file).kind("", "Pod", timeout=5)
    assert world.asked() == ["/api unchanged", "/apis unchanged"]


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"format": 99}',
        '{"format": 1, "key": "https://other|jane", "documents": {}}',
        '{"format": 1, "key": "https://a|jane", "documents": []}',
        '{"format": 1, "key": "https://a|jane", "documents": {"/api": ["", {"kind": "APIGroupDiscoveryList", "items": [{"metadata": 5}]}], "/apis": ["", {"kind": "APIGroupDiscoveryList"}]}}',
    ],
)  # fmt: skip
def test_a_file_that_is_not_ours_is_replaced(world: Setting, tmp_path: Path, content: str) -> None:
    file = tmp_path / "kinds.json"
    file.write_text(content)
    assert world.make(file).kind("", "Pod", timeout=5)
    assert json.loads(file.read_text())["key"] == "https://a|jane"


def test_a_file_that_others_can_write_is_refused(world: Setting, tmp_path: Path) -> None:
    file = tmp_path / "kinds.json"
    file.touch()
    file.chmod(0o666)
    with pytest.raises(ConfigError, match="others can write it"):
        world.make(file).kind("", "Pod", timeout=5)


def test_a_place_that_cannot_be_written_is_told(world: Setting, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file or directory; name a file that we can write, or none"):
        world.make(tmp_path / "gone" / "kinds.json").kind("", "Pod", timeout=5)
    (tmp_path / "directory").mkdir()
    with pytest.raises(ConfigError, match="Is a directory"):
        world.make(tmp_path / "directory").kind("", "Pod", timeout=5)
    with pytest.raises(ConfigError, match="No such file"):
        DiscoveryFile(tmp_path / "gone", "key", lambda: 0.0).touch()


def test_a_file_that_cannot_be_put_in_place_leaves_nothing_behind(world: Setting, tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    file = DiscoveryFile(tmp_path / "directory", "key", lambda: 0.0)
    documents = {path: ("", document) for path, document in world.server.documents.items()}
    with pytest.raises(ConfigError, match="directory"):
        file.save(read_table(documents, "https://a"))
    assert list(tmp_path.iterdir()) == [tmp_path / "directory"]


# Threads


def test_threads_that_ask_at_once_share_the_answer(world: Setting) -> None:
    arrived, go = threading.Event(), threading.Event()

    def hold(request: Request) -> None:
        arrived.set()
        assert go.wait(10)

    world.server.before = hold
    found: list[KindInfo] = []
    threads = [threading.Thread(target=lambda: found.append(world.kind("", "Pod"))) for _ in range(8)]
    threads[0].start()
    assert arrived.wait(10)
    for thread in threads[1:]:
        thread.start()
    go.set()
    for thread in threads:
        thread.join(10)
    assert len(found) == 8
    assert world.asked() == BOTH


def shared(leader: Callable[[], str], timeout: float = 10) -> tuple[list[Any], list[Any]]:
    """Let one thread fetch with *leader*, while another waits for it; return what each got."""
    flight: SingleFlight[str] = SingleFlight("the look-up")
    inside, go = threading.Event(), threading.Event()
    first: list[Any] = []
    second: list[Any] = []

    def fetch() -> str:
        inside.set()
        assert go.wait(10)
        return leader()

    def run(into: list[Any], fetching: Callable[[], str]) -> None:
        try:
            into.append(flight.fetch("x", fetching, timeout))
        except (GitOpsError, KeyboardInterrupt) as error:
            into.append(error)

    leading = threading.Thread(target=run, args=(first, fetch))
    leading.start()
    assert inside.wait(10)
    if timeout > 0:
        following = threading.Thread(target=run, args=(second, lambda: "never"))
        following.start()
        while not flight._flights["x"]._condition._waiters:
            threading.Event().wait(0.001)
        go.set()
        following.join(10)
    else:
        run(second, lambda: "never")
        go.set()
    leading.join(10)
    return first, second


def test_a_failure_is_shared_as_a_copy() -> None:
    def fail() -> str:
        raise Transient("down", retry_after=3)

    (first,), (second,) = shared(fail)
    assert first is not second
    assert (type(second), second.message, second.retry_after) == (Transient, "down", 3)


def test_a_leader_that_is_broken_off_does_not_break_off_the_others() -> None:
    def interrupted() -> str:
        raise KeyboardInterrupt

    (first,), (second,) = shared(interrupted)
    assert isinstance(first, KeyboardInterrupt)
    assert isinstance(second, Transient)
    assert "the look-up: broken off" in str(second)


def test_a_leader_that_takes_too_long_is_not_waited_for() -> None:
    (first,), (second,) = shared(lambda: "late", timeout=0)
    assert first == "late"
    assert isinstance(second, GitOpsError)
    assert "takes too long" in str(second)

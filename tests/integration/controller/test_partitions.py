"""Three real controllers, one of them cut off from one thing: from where members agree, from the store, from Git."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from controller_process import PACE
from crowd import BOUND, NAMES, SLACK, Crowd, files

from gitops_core.context import SystemClock
from gitops_core.testing.git_server import GitRepository, serve_http
from gitops_core.testing.kubernetes import ClusterSettings, FakeCluster

sys.path.insert(0, str(Path(__file__).parents[1] / "coordination"))

from cuttable import Relay

pytestmark = [pytest.mark.slow, pytest.mark.deep]


class Divided:
    """A crowd on a cluster that knows its members by name, and a relay between one of them and what it is to be cut off from."""

    def __init__(self, home, **facts):
        self.cluster = FakeCluster(ClusterSettings(clock=SystemClock(), log_size=200_000)).__enter__()
        self.home, self.relay = home, None
        self.crowd = Crowd(home, lambda path: self.cluster.request("GET", path)[1], **facts)

    def kubeconfig(self, user, relay=None):
        path = self.cluster.kubeconfig(self.home, user)
        if relay is None:
            return str(path)
        cut = self.home / f"{user}-cut.json"
        cut.write_text(path.read_text().replace(f":{self.port}", f":{relay.port}"))
        return str(cut)

    @property
    def port(self):
        return int(self.cluster.url.rpartition(":")[2])

    def start(self, part="", **facts):
        """Start a, b and c; b reaches *part* by the relay."""
        for name in "abc":
            more = facts if name == "b" else {}
            if part and name == "b":
                self.relay = Relay(self.port)
                more = {**more, part: self.kubeconfig(name, self.relay)}
            self.crowd.start(name, kubeconfig=self.kubeconfig(name), **more)
        self.crowd.settle(*"abc")

    def writes(self, user):
        log = self.cluster.requests.log
        return [r for r in log if r.user == user and r.verb not in ("get", "list", "watch") and r.name.startswith("app")]

    def creates(self):
        return sorted(r.name for r in self.cluster.requests.log if r.name.startswith("app") and r.status == 201)

    def close(self):
        self.crowd.close()
        if self.relay is not None:
            self.relay.close()
        self.cluster.__exit__(None, None, None)


@pytest.fixture
def divided(tmp_path):
    found = Divided(tmp_path)
    yield found
    found.close()


def test_one_that_cannot_agree_with_the_others_stops_and_is_replaced(divided, request):
    """It writes nothing once its standing has ended; the others have all of its work within the bound; then it comes back."""
    divided.start("coordinator")
    crowd = divided.crowd
    since = time.monotonic()
    divided.relay.cut()
    time.sleep(PACE.validity + 0.5)
    before = len(divided.writes("b"))
    crowd.declare("red")
    seconds = crowd.until_all_are("red") - since
    request.node.user_properties.append(("seconds until everything of a member that was cut off was changed", round(seconds, 2)))
    assert seconds <= BOUND + SLACK
    assert len(divided.writes("b")) == before
    assert crowd.last["b"] == {}
    crowd.until(lambda: any("cannot be agreed on" in error for error in crowd.errors["b"]))
    divided.relay.mend()
    crowd.settle(*"abc")
    crowd.declare("green")
    crowd.until_all_are("green")
    assert divided.creates() == sorted(f"{app}-{n}" for app in NAMES for n in range(3))


def test_one_that_cannot_reach_the_store_writes_nothing_and_says_why(divided):
    """It has its place, and so its applications wait for it; they are brought up to date as soon as it can write down what it does."""
    divided.start("store")
    crowd, held = divided.crowd, set(divided.crowd.last["b"])
    divided.relay.cut()
    time.sleep(1.5)  # what was under way has ended: a request to the store may take a second
    before = len(divided.writes("b"))
    crowd.declare("red")
    crowd.until(lambda: any(error.startswith("StateUnavailable") for error in crowd.errors["b"]))
    rest = {f"{app}-{n}" for app in NAMES if f"example.org/engine/{app}" not in held for n in range(3)}
    crowd.until(lambda: {name for name, color in crowd.colors().items() if color == "red"} >= rest)
    assert len(divided.writes("b")) == before
    divided.relay.mend()
    crowd.until_all_are("red")
    crowd.settle(*"abc")
    assert divided.creates() == sorted(f"{app}-{n}" for app in NAMES for n in range(3))


def test_one_that_cannot_reach_git_keeps_what_it_has_and_catches_up(tmp_path):
    """It repairs what is deleted meanwhile, says that it hears nothing of Git, and goes on with the newest revision."""
    repository = GitRepository.create(tmp_path / "all.git")
    repository.commit(files("blue"))
    with serve_http(repository.path) as server:
        relay = Relay(int(server.base_url.rpartition(":")[2]))
        divided = Divided(tmp_path, git=server.url, cache=str(tmp_path / "cache"))
        divided.relay = relay
        crowd = divided.crowd
        try:
            cut = server.url.replace(server.base_url, f"http://127.0.0.1:{relay.port}")
            divided.start(git=cut, cache=str(tmp_path / "cache-b"))
            relay.cut()
            crowd.until(lambda: len(crowd.errors["b"]) > 1)
            lost = f"{min(crowd.last['b']).rpartition('/')[2]}-0"
            divided.cluster.request("DELETE", f"/api/v1/namespaces/default/configmaps/{lost}")
            crowd.until(lambda: lost in crowd.colors())
            repository.commit(files("red"))
            time.sleep(1.0)
            repository.commit(files("green"))
            crowd.until(lambda: "green" in crowd.colors().values())
            assert crowd.colors()[lost] == "blue"
            relay.mend()
            crowd.until_all_are("green")
            crowd.until(lambda: crowd.errors["b"] == [""])
        finally:
            divided.close()

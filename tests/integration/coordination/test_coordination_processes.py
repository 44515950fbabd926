"""
Three real processes on one installation: killed, stopped for longer than a lease, cut off, and asked to go.

What they say is held against two laws: for one generation one list (so at most one owner of each application), and a member that is
counted out had no valid standing any more. How long applications were without an owner is measured and stands in the test report.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from cuttable import Relay
from member_process import PACE

from gitops_core.model.rosters import Member, Roster, owner_of
from gitops_core.testing.kubernetes import ClusterSettings, FakeCluster

pytestmark = pytest.mark.slow
PROGRAM = Path(__file__).with_name("member_process.py")
APPLICATIONS = [f"example.org/team/{n}" for n in range(60)]
BOUND = PACE.duration + 2 * PACE.interval
SLACK = 3.0  # of a busy machine: processes that wait for a processor
_numbers = itertools.count(1)


class Engines:
    """The processes, and what they have said so far."""

    def __init__(self):
        self.processes, self.said, self.readers = {}, [], []

    def start(self, engine, address, name):
        process = subprocess.Popen([sys.executable, PROGRAM, engine, address, name], stdout=subprocess.PIPE)
        self.processes[name] = process
        self.readers.append(threading.Thread(target=self._read, args=(process,), daemon=True))
        self.readers[-1].start()

    def _read(self, process):
        for line in process.stdout:
            self.said.append(json.loads(line))

    def until(self, holds, seconds=15.0):
        """Wait until *holds* is true of the last word of each; then return the time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            last = {word["id"]: word for word in list(self.said)}
            if holds(last):
                return time.monotonic()
            time.sleep(0.02)
        raise AssertionError(f"never came to be; last words: {last}")

    def agree_on(self, *names, among=None):
        """Wait until every one of *among* says that *names* are the members."""
        return self.until(lambda last: all(last.get(n, {}).get("members") == list(names) for n in among or names))

    def signal(self, name, number):
        os.kill(self.processes[name].pid, number)

    def close(self):
        for process in self.processes.values():
            process.kill()
            process.wait(10)
        for reader in self.readers:
            reader.join(10)
        for process in self.processes.values():
            process.stdout.close()

    def words(self):
        return sorted((word for word in self.said if "generation" in word), key=lambda word: word["at"])

    def longest_gap(self, gone, since):
        """Return the longest time that any application had no owner at work, when *gone* worked no more from *since* on."""
        spans = {application: [] for application in APPLICATIONS}
        for word in self.words():
            roster = Roster(word["generation"], tuple(map(Member, word["members"])), word["leader"])
            until = since if word["id"] == gone and word["at"] <= since else word["until"]
            for application in APPLICATIONS:
                if owner_of(application, roster) == word["id"]:
                    spans[application].append((word["at"], until))
        gaps = [0.0]
        for held in spans.values():
            end = since
            for at, until in held:
                gaps.append(at - end if at > since else 0.0)
                end = max(end, until)
        return max(gaps)


def check_laws(said):
    """
    Hold the two laws against what was said, whatever the order in which it was written down.

    A word is written after its beat: one that waited for a processor may tell of a list that another beat has changed meanwhile. Who
    joined by that beat is missing in it, and was not counted out by it.
    """
    lists, latest = {}, {}
    words = sorted((word for word in said if "generation" in word), key=lambda word: word["at"])
    left = {word["id"]: word["at"] for word in said if word.get("leaving")}  # it writes nothing more
    for word in words:
        generation, found = word["generation"], (word["members"], word["leader"])
        assert lists.setdefault(generation, found) == found, f"two lists of generation {generation}"
        assert generation >= latest.get(word["id"], 0), f"the generation fell for {word['id']}"
        latest[word["id"]] = generation
    for held, later in itertools.product(words, words):
        name = held["id"]
        if name in held["members"] and later["generation"] > held["generation"] and name not in later["members"]:
            assert later["at"] >= min(held["until"], left.get(name, held["until"])), (
                f"{name} was counted out while it could still write"
            )


@pytest.fixture
def measured(request):
    """Puts a figure into the report of the test; shown by ``pytest -s``, too."""

    def measured(what, figure):
        request.node.user_properties.append((what, figure))
        print(f"\n{request.node.name}: {what}: {figure}")  # noqa: T201  # why: figures are looked at

    return measured


@pytest.fixture
def engines():
    found = Engines()
    yield found
    found.close()


@pytest.fixture(scope="module")
def cluster():
    from gitops_core.context import SystemClock

    with FakeCluster(ClusterSettings(clock=SystemClock())) as cluster:
        yield cluster


@pytest.fixture(params=["kubernetes", pytest.param("postgres", marks=pytest.mark.needs_postgres)])
def place(request, tmp_path):
    """Where they meet: the engine, and its address; each test has an installation of its own."""
    name = f"case-{next(_numbers)}"
    if request.param == "postgres":
        return "postgres", f"{request.getfixturevalue('postgres')}@{name.replace('-', '_')}"
    cluster = request.getfixturevalue("cluster")
    assert cluster.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})[0] == 201
    return "kubernetes", f"{cluster.kubeconfig(tmp_path)}@{name}"


def start_three(engines, place):
    for name in "abc":
        engines.start(*place, name)
    engines.agree_on("a", "b", "c")


def leader_of(engines):
    return engines.words()[-1]["leader"]


def finish(engines, gone, since, measured):
    """Hold what was said against the laws, and the time without an owner against its bound."""
    check_laws(engines.said)
    gap = engines.longest_gap(gone, since)
    measured("longest time without an owner, in seconds", round(gap, 3))
    measured("in durations of the lease", round(gap / PACE.duration, 2))
    assert gap <= BOUND + SLACK


def word(name, at, generation, members):
    return {"id": name, "at": at, "until": at + PACE.validity, "generation": generation, "members": members, "leader": members[0]}


def test_the_laws_see_who_is_counted_out_too_early_in_whatever_order_it_is_written_down():
    held, other = word("b", 5.0, 2, ["b", "c"]), word("c", 5.0 + PACE.validity - 0.1, 3, ["c"])
    for said in ([held, other], [other, held]):
        with pytest.raises(AssertionError, match="b was counted out while it could still write"):
            check_laws(said)
    check_laws([held, word("c", 5.0 + PACE.validity, 3, ["c"])])
    check_laws([held, {"id": "b", "at": 5.5, "leaving": True}, other])


def test_a_word_that_is_written_down_late_counts_out_nobody_who_joined_after_it():
    check_laws([word("b", 5.0, 2, ["b", "c"]), word("c", 5.1, 1, ["c"])])


@pytest.mark.parametrize("victim", ["its leader", "another"])
def test_a_member_that_is_killed_is_replaced(engines, place, victim, measured):
    start_three(engines, place)
    gone = leader_of(engines) if victim == "its leader" else next(n for n in "abc" if n != leader_of(engines))
    since = time.monotonic()
    engines.signal(gone, signal.SIGKILL)
    rest = [name for name in "abc" if name != gone]
    engines.agree_on(*rest)
    finish(engines, gone, since, measured)


def test_a_leader_that_is_stopped_for_longer_than_its_lease_comes_back_as_one_of_many(engines, place, measured):
    start_three(engines, place)
    before, gone = engines.words()[-1]["generation"], leader_of(engines)
    since = time.monotonic()
    engines.signal(gone, signal.SIGSTOP)
    engines.agree_on(*[name for name in "abc" if name != gone])
    engines.signal(gone, signal.SIGCONT)
    engines.agree_on("a", "b", "c")
    woken = [word for word in engines.words() if word["id"] == gone and word["began"] > since + PACE.duration]
    assert all(word["generation"] > before for word in woken)
    finish(engines, gone, since, measured)


def test_a_member_that_is_asked_to_go_is_replaced_without_waiting(engines, place, measured):
    """Within two intervals, or a little more on a busy machine; not after the duration of its lease."""
    start_three(engines, place)
    gone = leader_of(engines)
    rest = [name for name in "abc" if name != gone]
    since = time.monotonic()
    engines.signal(gone, signal.SIGTERM)
    engines.agree_on(*rest)
    left = next(word["at"] for word in engines.said if word.get("left"))
    heard = [min(w["at"] for w in engines.words() if w["id"] == name and w["members"] == rest) for name in rest]
    measured("seconds from leaving to the last who heard", round(max(heard) - left, 3))
    finish(engines, gone, since, measured)


def test_a_leader_that_is_cut_off_from_the_api_stops_before_others_take_over(engines, cluster, tmp_path, measured):
    """Its connections stay open and swallow everything; it says that it cannot reach the server, and comes back when it can."""
    name = f"case-{next(_numbers)}"
    assert cluster.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})[0] == 201
    whole = cluster.kubeconfig(tmp_path)
    port = int(cluster.url.rpartition(":")[2])
    relay = Relay(port)
    cut = tmp_path / "cut.json"
    cut.write_text(whole.read_text().replace(f":{port}", f":{relay.port}"))
    try:
        engines.start("kubernetes", f"{cut}@{name}", "a")
        engines.agree_on("a")
        for other in "bc":
            engines.start("kubernetes", f"{whole}@{name}", other)
        engines.agree_on("a", "b", "c")
        gone = leader_of(engines)
        assert gone == "a"
        since = time.monotonic()
        relay.cut()
        engines.agree_on("b", "c")
        engines.until(lambda last: last["a"].get("error", "").startswith(("StateUnavailable", "DeadlineExceeded")))
        relay.mend()
        engines.agree_on("a", "b", "c")
        finish(engines, gone, since, measured)
    finally:
        relay.close()

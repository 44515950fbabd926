"""A kind is listed and watched, again and again: what is told, what is remembered, how long a failure is waited out."""

from __future__ import annotations

import attrs
import pytest

from gitops_core.errors import Cancelled, Denied, Expired, TargetError, Throttled, Transient
from gitops_core.kubernetes_api.kinds import KindInfo
from gitops_core.kubernetes_api.requests import Response
from gitops_core.kubernetes_api.settings import ConnectionSettings
from gitops_core.targets.feeds import Feed
from gitops_core.targets.kubernetes.access import Access
from gitops_core.targets.kubernetes.marks import Marks
from gitops_core.targets.kubernetes.settings import KubernetesSettings
from gitops_core.targets.kubernetes.streaming import Follower
from gitops_core.targets.kubernetes.watched import Watched
from gitops_core.testing.contexts import make_context

CTX = make_context()
MARKS = Marks(CTX.owner, CTX.application)
INFO = KindInfo("", "v1", "ConfigMap", "configmaps", True)
KIND = ("", "ConfigMap")
PLACES = [("shop", "a"), ("shop", "b")]


class Events(list):
    closed = False

    def __iter__(self):
        for event in super().__iter__():
            if isinstance(event, Exception):
                raise event
            yield event() if callable(event) else event

    def close(self):
        self.closed = True


class Script:
    """A connection that answers what a test has written down; when that is used up, the follower is stopped."""

    server, identity, settings = "https://a", "me", ConnectionSettings()

    def __init__(self, *steps):
        self.steps = list(steps)
        self.asked = []
        self.stop = None

    def next(self, request):
        self.asked.append(dict(request.query))
        if not self.steps:
            self.stop()
            return Events()
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step

    def request(self, request, timeout):
        step = self.next(request)
        return Response(200, {}, {"items": []} if isinstance(step, Events) else step)

    def stream(self, request, timeout):
        return self.next(request)


@attrs.define
class Stop:
    """A stop signal that nobody waits for: it notes how long somebody would have."""

    waits: list = attrs.field(factory=list)
    is_over: bool = False

    def set(self):
        self.is_over = True

    def is_set(self):
        return self.is_over

    def wait(self, seconds):
        self.waits.append(seconds)


def item(name, revision="1"):
    return {"metadata": {"namespace": "shop", "name": name, "uid": name, "resourceVersion": revision}}


def page(*names, revision="10", more=""):
    return {"metadata": {"resourceVersion": revision, "continue": more}, "items": [item(name) for name in names]}


def event(kind, name="a", revision="11"):
    return {"type": kind, "object": item(name, revision)}


def bookmark(revision):
    return {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": revision}}}


class Noting(Feed):
    """Notes in short what it is told: ``a`` is there, ``-a`` is not, an error by its class."""

    def __init__(self):
        self.told = []
        super().__init__()

    def tell(self, things):
        for follower, place in things:
            if place is None:
                self.told.append(type(follower.error).__name__ if not follower.is_over else "over")
            else:
                there = follower.watched.sight(KIND, follower.namespace, place)
                self.told.append(place[1] if there else f"-{place[1]}")


@attrs.define
class Followed:
    script: Script
    told: list
    waits: list
    watched: Watched
    errors: list


def follower_of(*steps, namespace="shop", **hooks):
    script, stop = Script(*steps), Stop()
    ends = {"on_standing": lambda follower: None, "on_refusal": lambda follower: None, **hooks}
    follower = Follower(
        access=Access(script, None, KubernetesSettings(namespace="shop")), ctx=CTX, marks=MARKS, info=INFO, namespace=namespace,
        watched=Watched(), stopped=stop, **ends,
    )  # fmt: skip
    script.stop = follower.stop
    return follower, script, stop


def follow(*steps, **how):
    follower, script, stop = follower_of(*steps, **how)
    feed, errors = Noting(), []
    follower.join(feed, PLACES)
    tell = feed.tell
    feed.tell = lambda things: (tell(things := list(things)), errors.extend(f.error for f, place in things if place is None))
    follower.run()
    return Followed(script, feed.told, stop.waits, follower.watched, errors)


# -- what is told --------------------------------------------------------------------------------------------------------------------


def test_every_object_is_told_once_it_is_listed_and_every_one_that_is_not_there():
    done = follow(page("a", "stranger"))
    assert done.told == ["a", "-b"]


def test_changes_and_ends_are_told_and_strangers_are_not():
    changes = Events([event("MODIFIED"), event("ADDED", "b"), event("DELETED", "a", "12"), event("ADDED", "stranger")])
    done = follow(page("a"), changes)
    assert done.told == ["a", "-b", "a", "b", "-a"]
    assert changes.closed


def test_every_page_of_the_list_counts_and_the_watch_goes_on_from_the_last():
    done = follow(page("a", more="next"), page("b", revision="20"), Events([bookmark("33")]), Events([event("MODIFIED")]))
    assert done.told[:2] == ["a", "b"]
    watches = [query for query in done.script.asked if "watch" in query]
    assert [query["resourceVersion"] for query in watches] == ["20", "33", "11"]
    assert {query["labelSelector"] for query in watches} == {MARKS.label}
    assert done.script.asked[1]["continue"] == "next"
    assert done.waits == []


# -- what is remembered ----------------------------------------------------------------------------------------------------------------


def test_while_a_watch_stands_a_look_is_answered_from_it_and_afterwards_not():
    during = []

    def look():
        during.append(follower.watched.sights(KIND, PLACES, MARKS))
        return event("DELETED", "b", "12")

    follower, _, _ = follower_of(page("a"), Events([event("ADDED", "b"), look]))
    follower.run()
    assert [sorted(name for _, name in found) for found in during] == [["a", "b"]]
    assert follower.watched.sights(KIND, PLACES, MARKS) is None


@pytest.mark.parametrize(
    "broken",
    [
        Transient("cut"),
        Expired("too old"),
        Cancelled("stopped"),
        {"type": "MODIFIED"},
        {"type": "MODIFIED", "object": []},
        {"type": "MODIFIED", "object": {"metadata": {}}},
        {"type": "BOOKMARK", "object": {"metadata": None}},
        {},
    ],
    ids=str,
)
def test_whatever_breaks_a_watch_nothing_is_relied_on_any_more(broken):
    assert not follow(page("a"), Events([broken])).watched.covers(KIND)


def test_an_error_of_our_own_is_no_reason_to_rely_on_what_a_dead_watch_has_shown():
    follower, _, _ = follower_of(page("a"), Events([ZeroDivisionError("oops")]))
    with pytest.raises(ZeroDivisionError):
        follower.run()
    assert not follower.watched.covers(KIND)


# -- failures --------------------------------------------------------------------------------------------------------------------------


def test_a_version_that_is_too_old_is_a_reason_to_list_anew_at_once_and_is_not_told():
    done = follow(page("a"), Events([Expired("too old")]), page("a", "b"), Events([event("MODIFIED")]))
    assert done.told == ["a", "-b", "a", "b", "a"]
    assert done.waits == []


def test_a_server_that_always_finds_our_place_too_old_is_not_hammered():
    done = follow(*[Expired("too old")] * 4)
    assert done.waits == [4.0, 8.0, 16.0]
    assert done.told[:3] == ["Expired"] * 3


def test_failures_in_a_row_are_waited_out_longer_and_longer_up_to_half_a_minute():
    assert follow(*[Transient("down")] * 7).waits == [2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


def test_lists_that_succeed_between_watches_that_fail_do_not_shorten_the_pause():
    steps = [step for _ in range(3) for step in (page("a"), Events([Transient("cut")]))]
    assert follow(*steps).waits == [2.0, 4.0, 8.0]


def test_a_watch_that_has_shown_something_makes_the_next_pause_short_again():
    steps = [step for _ in range(3) for step in (page("a"), Events([event("MODIFIED"), Transient("cut")]))]
    assert follow(*steps).waits == [2.0, 2.0, 2.0]


def test_the_pause_that_the_server_asks_for_is_kept_however_long():
    assert follow(Throttled("slow down", retry_after=90.0)).waits == [90.0]


def test_watches_that_end_as_soon_as_they_begin_are_failures_that_say_why():
    done = follow(page("a"), Events(), page("a"), Events())
    assert done.waits == [2.0, 4.0]
    [first, *_] = done.errors
    assert isinstance(first, Transient)
    assert "proxy" in str(first)


def test_an_event_without_an_object_is_told_as_an_error_of_the_server():
    [error, *_] = follow(page(), Events([{"type": "ADDED"}])).errors
    assert type(error) is TargetError
    assert "configmaps" in str(error)


def test_a_stop_in_the_middle_of_a_stream_ends_it_and_tells_no_failure():
    events = Events([lambda: follower.stop() or event("MODIFIED"), Transient("never reached")])
    follower, script, stop = follower_of(page("a"), events)
    follower.run()
    assert events.closed
    assert (stop.waits, script.steps) == ([], [])


# -- who listens -----------------------------------------------------------------------------------------------------------------------


def test_who_joins_a_watch_that_stands_is_told_at_once_and_who_joins_a_broken_one_of_its_error():
    late, told = Noting(), []

    def look():
        follower.join(late, PLACES)
        told.extend(late.told)
        return event("MODIFIED")

    follower, _, _ = follower_of(page("a"), Events([look]))
    follower.run()
    assert told == ["a", "-b"]
    broken, script, _ = follower_of(Transient("down"), Cancelled("stopped"))
    after, ask = Noting(), script.request

    def request(asked, timeout):
        if script.asked:
            broken.join(after, PLACES)
        return ask(asked, timeout)

    script.request = request
    broken.run()
    assert after.told == ["Transient"]


def test_who_has_left_is_told_nothing_more_and_the_last_one_is_known_as_the_last():
    follower, _, _ = follower_of(page("a"), Events([event("MODIFIED")]))
    left, stays = Noting(), Noting()
    follower.join(left, PLACES)
    follower.join(stays, PLACES[:1])
    assert not follower.leave(left, PLACES)
    follower.run()
    assert (left.told, stays.told) == ([], ["a", "a"])
    assert follower.leave(stays, PLACES[:1])


def test_who_may_not_look_at_all_namespaces_hands_over_and_tells_no_error():
    refused = []
    follower, script, stop = follower_of(Denied("no"), namespace="", on_refusal=refused.append)
    feed = Noting()
    follower.join(feed, PLACES)
    follower.run()
    assert (refused, feed.told, stop.waits, script.steps) == ([follower], [], [], [])
    follower.retire()
    assert (follower.is_over, feed.told) == (True, ["over"])


def test_a_follower_that_was_stopped_while_its_watch_was_being_made_reads_none_of_it():
    follower, script, stop = follower_of(page("a"))
    events = Events([Transient("never reached")])
    script.stream = lambda *_: follower.stop() or events
    follower.run()
    assert (events.closed, stop.waits) == (True, [])

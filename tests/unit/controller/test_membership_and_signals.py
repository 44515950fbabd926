"""A controller's place among others, what stops its passes, and what is said of a breaker."""

from __future__ import annotations

import random
import threading

import pytest

from gitops_core.controller.breakers import Breaker
from gitops_core.controller.membership import Alone, Membership, new_member
from gitops_core.controller.signals import PassSignal
from gitops_core.controller.telling import news_of_breaker
from gitops_core.coordination.local import LocalCoordinator
from gitops_core.engine.runtime import Runtime
from gitops_core.errors import StateError
from gitops_core.model.events import EventType
from gitops_core.model.results import Failure
from gitops_core.model.rosters import Member
from gitops_core.testing.clock import VirtualClock


@pytest.fixture
def clock():
    return VirtualClock()


def membership(clock, name="us", coordinator=None):
    runtime = Runtime(clock=clock, random=random.Random(1))
    return Membership(coordinator or LocalCoordinator(), Member(name), runtime, lambda _notice: None)


def wait(clock, seconds):
    clock.wait(threading.Event(), seconds)


class Broken(LocalCoordinator):
    def beat(self, ctx, member):
        raise StateError("cannot be reached")

    def leave(self, ctx, member):
        raise ZeroDivisionError("oops")


def test_before_the_first_beat_a_member_owns_and_writes_nothing(clock):
    us = membership(clock)
    assert (us.term, us.is_valid, us.valid_until(), us.roster.members, us.seconds()) == (0, False, 0.0, (), 0.0)
    assert us.holder("app").startswith("whoever has a place")


def test_the_only_member_owns_everything_until_its_standing_is_over(clock):
    us = membership(clock)
    assert us.learn(us.beat())
    assert (us.is_valid, us.holder("app"), us.term) == (True, "", us.roster.generation)
    assert not us.learn(us.beat())
    wait(clock, us.valid_until() - clock.monotonic())
    assert not us.is_valid
    assert us.holder("app") != ""
    assert us.learn(us.beat())


def test_two_members_agree_on_who_works_on_what(clock):
    shared = LocalCoordinator()
    us, them = membership(clock, "us", shared), membership(clock, "them", shared)
    for one in (us, them, us):
        one.learn(one.beat())
    for number in range(20):
        name = f"app-{number}"
        assert {us.holder(name), them.holder(name)} in ({"", "member us"}, {"", "member them"})


def test_the_next_beat_is_due_after_the_interval_and_never_while_one_is_under_way(clock):
    us = membership(clock)
    us.beating = True
    assert us.seconds() is None
    us.learn(us.beat())
    assert us.seconds() == LocalCoordinator().interval


def test_a_beat_that_fails_is_told_and_changes_nothing_else(clock):
    us = membership(clock, coordinator=Broken())
    answer = us.beat()
    assert isinstance(answer, Failure)
    assert not us.learn(answer)
    assert (us.failure, us.is_valid) == (answer, False)
    assert "cannot be reached" in answer.message


def test_who_leaves_has_no_place_any_more_even_if_the_coordinator_raises(clock):
    us, broken = membership(clock), membership(clock, coordinator=Broken())
    us.learn(us.beat())
    assert us.leave(1.0) is None
    assert not us.is_valid
    assert isinstance(broken.leave(1.0), Failure)


def test_every_start_is_another_member_and_who_is_alone_holds_everything():
    dice = random.Random(1)
    assert new_member(dice).id != new_member(dice, 2.0).id
    assert (Alone().term, Alone().valid_until(), Alone().holder("app")) == (0, float("inf"), "")


def test_a_pass_is_stopped_by_itself_when_its_engines_standing_is_over(clock):
    signal = PassSignal(clock, lambda: 5.0)
    assert not signal.is_set()
    wait(clock, 5.0)
    assert signal.is_set()
    assert signal.wait(0.0)


def test_the_first_reason_for_a_stop_stands(clock):
    signal = PassSignal(clock)
    assert not signal.wait(0.0)
    signal.stop("suspended")
    signal.stop("removed")
    assert (signal.why, signal.is_set()) == ("suspended", True)
    plain = PassSignal(clock)
    plain.set()
    assert (plain.why, plain.is_set()) == ("", True)


def test_a_breaker_is_told_when_it_opens_and_when_the_target_answers_again_and_not_in_between():
    shut, open_ = Breaker(), Breaker(failures=5, opened=1, until=30.0)
    [opened] = news_of_breaker("prod", shut, open_, 10.0)
    assert opened.type is EventType.BREAKER_OPENED
    assert "prod" in opened.message
    assert "20.0 s" in opened.message
    assert [news.type for news in news_of_breaker("prod", open_, shut, 40.0)] == [EventType.BREAKER_CLOSED]
    assert list(news_of_breaker("prod", open_, open_, 40.0)) == list(news_of_breaker("prod", shut, shut, 40.0)) == []

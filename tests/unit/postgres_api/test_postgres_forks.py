"""In a forked child nothing of the parent's is used; what is tried by a real fork stands in tests/integration/postgres."""

import gc

import pytest

from gitops_core.errors import StateUnavailable
from gitops_core.postgres_api import forks
from gitops_core.postgres_api.addresses import Address
from gitops_core.postgres_api.sessions import Session, Sessions


class Heard:
    count = 0

    def after_fork(self):
        Heard.count += 1


def test_who_follows_forks_is_told_as_long_as_it_lives():
    one, two = Heard(), Heard()
    forks.follow_forks(one)
    forks.follow_forks(two)
    del two
    gc.collect()
    forks._after_fork()
    assert Heard.count == 1


def test_sessions_and_what_they_hold_stay_with_the_parent(tmp_path):
    """Not closed either: that would end the parent's session."""
    sessions = Sessions(Address(f"host={tmp_path}", "s", "engine", 1.0, 1.0), prepare=lambda *_: None)
    mine = Session(connection=None, busy=False)
    sessions._sessions.append(mine)
    sessions.bind("a/b/c", mine)
    sessions.after_fork()
    assert not sessions.holds("a/b/c", mine)
    with pytest.raises(StateUnavailable, match="cannot be made"), sessions.lend("a/b/c"):
        pass
    sessions.close()


def test_a_lock_that_a_session_lost_stays_lost_until_it_is_taken_anew(tmp_path):
    sessions = Sessions(Address(f"host={tmp_path}", "s", "engine", 1.0, 1.0), prepare=lambda *_: None)
    mine = Session(connection=None, lost=True)
    sessions.bind("a/b/c", mine)
    with pytest.raises(StateUnavailable, match="lock with it"), sessions.lend("a/b/c"):
        pass
    sessions.unbind("a/b/c", mine)
    sessions.unbind("a/b/c", mine)
    assert mine.holds == 0

"""Who is at work: leases that are renewed by writes, run out on the waiter's clock, and are given back."""

from __future__ import annotations

import threading

import attrs
import pytest

from gitops_core.context import SystemClock
from gitops_core.errors import StateLocked, StateUnavailable, Transient
from gitops_core.model.history import PassRecord
from gitops_core.model.inventory import Inventory
from gitops_core.state.kubernetes import blocks
from gitops_core.state.kubernetes.leases import Lease
from gitops_core.testing.filled import filled
from gitops_core.testing.store_examples import APP, OTHER, SITE, WEB, owned, put

LOCK = "example.org/state-lock"
LEFT_BEHIND = []


def lock_of(api):
    (head,) = [item for item in api.objects.values() if "state-lock" in str(item["metadata"].get("annotations"))]
    return Lease.parse(head["metadata"]["annotations"][LOCK])


def leave_behind(store, application=APP):
    """Go into a block as a process does that is killed in it: nothing may end the block, not even the garbage collector."""
    inside = store.exclusive(application, 0.0)
    inside.__enter__()
    LEFT_BEHIND.append(inside)
    return inside


def test_a_refusal_names_who_is_at_work(make):
    first, second = make(), make()
    with (
        first.exclusive(APP, 0.0),
        pytest.raises(StateLocked, match=r"edge: .*, process \d+, thread 'MainThread' works on it.* 60 s"),
    ):
        second.exclusive(APP, 0.0).__enter__()


def test_a_dead_holders_lease_runs_out(make, clock):
    """Nobody gets in before the lease has been the same for as long as it is valid; then the first one does."""
    leave_behind(make())
    second = make()
    with pytest.raises(StateLocked):
        second.exclusive(APP, 59.0).__enter__()
    assert clock.monotonic() == 59.0
    with second.exclusive(APP, 2.0):
        assert second.inventory(APP) == Inventory(APP)


def test_waiting_in_slices_counts_like_waiting_at_once(make, clock):
    """The engine asks for a quarter of a second at a time, so that it can be stopped."""
    leave_behind(make())
    second = make()
    for _ in range(239):
        with pytest.raises(StateLocked):
            second.exclusive(APP, 0.25).__enter__()
    with second.exclusive(APP, 0.25):
        assert clock.monotonic() == pytest.approx(60.0, abs=1.0)


def test_who_waits_looks_once_a_slice_or_once_a_second(make, api, clock):
    """A request for each look: a hundred waiting engines must not keep the API server busy."""
    leave_behind(make(lease=1_000.0))
    second = make()
    api.verbs()
    for _ in range(40):
        with pytest.raises(StateLocked):
            second.exclusive(APP, 0.25).__enter__()
    assert len(api.verbs()) < 60
    with pytest.raises(StateLocked):
        second.exclusive(APP, 100.0).__enter__()
    assert len(api.verbs()) < 105
    assert clock.monotonic() == pytest.approx(110.0)


def test_who_gave_up_long_ago_looks_at_once(make, clock):
    """The lease may be free by now."""
    first, second = make(), make()
    with first.exclusive(APP, 0.0), pytest.raises(StateLocked):
        second.exclusive(APP, 1.0).__enter__()
    clock.advance(10.0)
    before = clock.monotonic()
    with second.exclusive(APP, 5.0):
        assert clock.monotonic() == before


def test_the_clocks_of_two_machines_are_never_compared(make, clock):
    """A holder whose clock is a year ahead is not taken for dead, and one whose clock is behind is not waited for."""
    with make().exclusive(APP, 0.0):
        clock.jump(365 * 86400)
        with pytest.raises(StateLocked):
            make().exclusive(APP, 1.0).__enter__()
        clock.jump(-2 * 365 * 86400)
        with pytest.raises(StateLocked):
            make().exclusive(APP, 1.0).__enter__()


def test_every_write_renews_the_lease(make, clock, api):
    """A holder that goes on writing is never taken for dead."""
    first, second = make(), make()
    with first.exclusive(APP, 0.0):
        for serial in range(5):
            first.update_inventory(APP, put(owned(SITE, str(serial))), serial=serial)
            assert lock_of(api).renewals == serial + 1
            with pytest.raises(StateLocked):
                second.exclusive(APP, 50.0).__enter__()


def test_a_read_renews_a_lease_that_has_aged(make, clock, api):
    """After a third of the lease the read is a write, at the same price."""
    store = make()
    with store.exclusive(APP, 0.0):
        store.inventory(APP)
        store.inventory(APP)
        clock.advance(20.0)
        api.verbs()
        store.inventory(APP)
        assert api.verbs() == ["patch"]
        store.inventory(APP)
        assert api.verbs() == ["get"]


def test_a_write_without_the_lease_is_not_kept_out(make):
    """The lease keeps passes apart; updates are kept apart by their serial. So a tool can write while an engine is at work."""
    first, second = make(), make()
    with first.exclusive(APP, 0.0):
        second.update_inventory(APP, put(owned(WEB)), serial=0)
        second.record_pass(APP, filled(PassRecord), keep=3)
        assert set(first.inventory(APP).entries) == set()  # as it was when the lease was taken
        assert set(first.inventory(APP).entries) == {WEB}
        first.update_inventory(APP, put(owned(SITE)), serial=1)
        first.record_pass(APP, attrs.evolve(filled(PassRecord), revision="2"), keep=3)
    assert set(second.inventory(APP).entries) == {SITE, WEB}
    assert [record.revision for record in second.history(APP)] == ["2", filled(PassRecord).revision]


def test_a_pass_is_seen_at_once_by_who_recorded_it(make):
    """Others see it when the block ends."""
    store, twin = make(), make()
    with store.exclusive(APP, 0.0):
        store.record_pass(APP, filled(PassRecord), keep=3)
        assert list(store.history(APP)) == [filled(PassRecord)]
        assert list(twin.history(APP)) == []
    assert list(twin.history(APP)) == [filled(PassRecord)]


def test_a_pass_is_recorded_even_if_the_lease_was_lost(make, clock):
    """And the new holder's lease stays."""
    slow, quick = make(), make()
    with slow.exclusive(APP, 0.0):
        slow.record_pass(APP, filled(PassRecord), keep=3)
        leave_behind(_expired(quick, clock))
    assert list(make().history(APP)) == [filled(PassRecord)]
    with pytest.raises(StateLocked):
        slow.exclusive(APP, 0.0).__enter__()


def _expired(store, clock):
    with pytest.raises(StateLocked):
        store.exclusive(APP, 0.0).__enter__()
    clock.advance(61.0)
    return store


def test_who_lost_the_lease_leaves_without_a_trace(make, clock):
    slow, quick = make(), make()
    with slow.exclusive(APP, 0.0):
        inside = leave_behind(_expired(quick, clock))
    inside.__exit__(None, None, None)
    assert list(quick.applications()) == []


def test_a_lease_that_could_not_be_given_back_is_our_own(make, api):
    """The error is raised, because somebody else has to wait now; but not we ourselves."""
    store = make()

    def fail(request):
        if request.method in {"PATCH", "DELETE"}:
            raise Transient("reset")

    inside = leave_behind(store)
    api.before = fail
    with pytest.raises(StateUnavailable):
        inside.__exit__(None, None, None)
    api.before = lambda request: None
    with pytest.raises(StateLocked):
        make().exclusive(APP, 0.0).__enter__()
    with store.exclusive(APP, 0.0):
        pass


def test_an_error_of_the_pass_is_not_hidden_by_one_of_the_lease(make, api):
    """The one that came first gets out; the other one is noted on it."""

    def fail(request):
        raise Transient("reset")

    def work():
        with make().exclusive(APP, 0.0):
            api.before = fail
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        work()
    assert "the lease could not be given back" in caught.value.__notes__[0]


def test_an_application_that_is_forgotten_at_work_stays_locked(make):
    """Whoever is inside goes on; what was recorded before is gone, and so is the head when the block ends."""
    store, twin = make(), make()
    with store.exclusive(APP, 0.0):
        store.update_inventory(APP, put(owned(SITE)), serial=0)
        store.record_pass(APP, filled(PassRecord), keep=3)
        store.forget(APP)
        assert store.inventory(APP) == Inventory(APP)
        with pytest.raises(StateLocked):
            twin.exclusive(APP, 0.0).__enter__()
    assert list(twin.applications()) == []
    with twin.exclusive(APP, 0.0):
        assert twin.history(APP) == ()


def test_a_head_that_is_written_just_as_we_leave_stays(make, api):
    """We would have removed an application of which nothing was kept; in between somebody has kept something."""
    store, twin = make(), make()

    def overtake(request):
        if request.method == "DELETE":
            api.before = lambda request: None
            twin.update_inventory(APP, put(owned(SITE)), serial=0)

    with store.exclusive(APP, 0.0):
        api.before = overtake
    assert set(make().inventory(APP).entries) == {SITE}
    with twin.exclusive(APP, 0.0):
        pass


def test_a_block_survives_the_loss_of_its_head(make, api):
    """Somebody deleted the object by hand: we are told at the next write."""
    store = make()
    with store.exclusive(APP, 0.0):
        api.objects.clear()
        with pytest.raises(StateLocked, match="now nobody any more"):
            store.update_inventory(APP, put(owned(SITE)), serial=0)
    assert list(store.applications()) == []


def test_a_second_thread_is_told_about_the_first(make):
    store = make()
    caught = []

    def enter():
        try:
            store.exclusive(APP, 0.0).__enter__()
        except StateLocked as error:
            caught.append(error)

    with store.exclusive(APP, 0.0), store.exclusive(OTHER, 0.0):
        thread = threading.Thread(target=enter)
        thread.start()
        thread.join(10)
    assert "thread 'MainThread' of this process" in str(caught[0])


def test_a_forked_child_does_not_hold_its_parents_lease(make, monkeypatch):
    """It has the parent's memory, but is another process."""
    store = make()
    leave_behind(store)
    child = make()
    child._blocks._process = store._blocks._process
    monkeypatch.setattr(blocks.os, "getpid", lambda: 1)
    with pytest.raises(StateLocked):
        child.exclusive(APP, 0.0).__enter__()


def test_the_machines_clock_goes_on():
    clock = SystemClock()
    assert clock.now() > 1_700_000_000
    before = clock.monotonic()
    signal = threading.Event()
    signal.set()
    assert clock.wait(signal, 10.0)
    assert clock.monotonic() >= before

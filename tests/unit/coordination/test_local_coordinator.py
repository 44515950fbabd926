"""Members of one process; what all coordinators promise is in the contract suite."""

import threading

from gitops_core.coordination.local import LocalCoordinator
from gitops_core.coordination.pace import Pace
from gitops_core.model.rosters import Member, Roster
from gitops_core.testing.clock import VirtualClock
from gitops_core.testing.contexts import make_context

A, B = Member("a"), Member("b")


def test_a_lone_member_leads_and_may_write_for_the_validity():
    ctx = make_context()
    standing = LocalCoordinator().beat(ctx, A)
    assert (standing.roster.members, standing.roster.leader) == ((A,), "a")
    assert standing.valid_until == ctx.clock.monotonic() + 10.0


def test_members_expire_on_the_clock_and_not_before():
    ctx = make_context()
    coordinator = LocalCoordinator(Pace(interval=1.0, validity=4.0, duration=5.0))
    coordinator.beat(ctx, A)
    coordinator.beat(ctx, B)
    ctx.clock.advance(4.99)
    assert coordinator.beat(ctx, B).roster.ids == ("a", "b")
    ctx.clock.advance(0.01)
    assert coordinator.beat(ctx, B).roster.ids == ("b",)


def test_the_generation_of_a_new_process_is_above_that_of_the_one_before():
    """Terms are written into inventories, which outlive the process."""
    clock = VirtualClock()
    first = LocalCoordinator().beat(make_context(clock=clock), A).roster.generation
    clock.advance(1.0)
    assert LocalCoordinator().beat(make_context(clock=clock), A).roster.generation > first


def test_the_last_one_leaves_an_empty_list():
    ctx = make_context()
    coordinator = LocalCoordinator()
    first = coordinator.beat(ctx, A).roster.generation
    coordinator.leave(ctx, A)
    assert coordinator._roster == Roster(first + 1)


def test_threads_share_one_coordinator():
    ctx, coordinator, found = make_context(), LocalCoordinator(), []

    def work(member):
        for _ in range(50):
            found.append(coordinator.beat(ctx, member).roster)  # noqa: PERF401

    threads = [threading.Thread(target=work, args=(Member(str(n)),)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({roster.generation for roster in found}) == len(set(found)) == 4

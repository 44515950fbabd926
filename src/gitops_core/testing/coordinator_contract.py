"""
The contract suite of coordinators: what :class:`~gitops_core.interfaces.Coordinator` promises, checked by tests.

Example::

    class TestMyCoordinator(CoordinatorContract):
        patience = 25.0

        def make_coordinator(self):
            return MyCoordinator(self.directory / "members")
"""

# ruff: noqa: S101  # why: asserting is what a contract does; an expected number is its own name

from __future__ import annotations

import abc
import functools
import math
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import ClassVar

import pytest

from gitops_core.errors import StateConflict, StateUnavailable
from gitops_core.interfaces import Clock, Coordinator
from gitops_core.model.rosters import Member
from gitops_core.testing.clock import VirtualClock
from gitops_core.testing.coordinator_hall import Hall
from gitops_core.testing.promises import Layer, check


class CoordinatorContract(abc.ABC):
    """
    What every coordinator promises.

    Attributes:
        patience: Seconds of silence after which a member must be counted out.
        crowd: Members of the largest installation that is tried.
    """

    directory: Path
    patience: ClassVar[float] = 30.0
    crowd: ClassVar[int] = 30

    @abc.abstractmethod
    def make_coordinator(self) -> Coordinator:
        """Return a handle on the one installation of this test, which begins empty; ``self.directory`` is the test's own."""

    def unreachable(self) -> AbstractContextManager[None] | None:
        """Return a block in which nothing of the engine can be reached; None where there is nothing to reach."""
        return None

    @functools.cached_property
    def clock(self) -> Clock:
        """All time; a virtual one unless you say otherwise, with :meth:`pass_time`."""
        return VirtualClock()

    def pass_time(self, seconds: float) -> None:
        """Let *seconds* go by."""
        self.clock.wait(threading.Event(), seconds)

    @functools.cached_property
    def hall(self) -> Hall:
        """The members of this test."""
        return Hall(self.make_coordinator, self.clock, self.pass_time)

    @pytest.fixture(autouse=True)
    def _own_installation(self, tmp_path: Path) -> Iterator[None]:
        self.directory = tmp_path
        yield
        self.hall.close()

    # -- coming, staying ----------------------------------------------------------------------------------------------
    @check(
        Layer.STATEFUL, why="A single engine would wait for ever for somebody who counts it in.", cure="Count the first one in."
    )
    def test_a_lone_member_takes_part_at_once(self) -> None:
        """The first beat of the first member gives a list of it alone, which it leads."""
        roster = self.hall.beat("a").roster
        assert (roster.ids, roster.leader) == (("a",), "a"), f"A lone member got {roster}"
        assert roster.generation > 0, "Generation 0 is no term: writes under it are not fenced."

    @check(
        Layer.STATEFUL,
        why="A standing that ends before the next beat leaves applications without an owner every time.",
        cure="Let a standing last for two intervals at least, counted from the beginning of the beat.",
    )
    def test_a_standing_lasts_longer_than_an_interval_and_ends(self) -> None:
        """A standing lasts for at least two intervals after its beat began, and ends before anybody may take over."""
        began = self.clock.monotonic()
        standing = self.hall.beat("a")
        assert began + 2 * self.hall.interval <= standing.valid_until < began + self.patience, (
            f"A standing from {began:g} until {standing.valid_until:g} does not fit an interval of {self.hall.interval:g}"
        )

    @check(
        Layer.STATEFUL,
        why="Who keeps beating would stop working after a while.",
        cure="Count every standing from the beginning of its own beat.",
    )
    def test_each_beat_renews_the_standing(self) -> None:
        """Each beat gives a later end of the standing, as far after its beginning as the first one did."""
        lengths = []
        for _ in range(3):
            began = self.clock.monotonic()
            lengths.append(self.hall.beat("a").valid_until - began)
            self.hall.rest(self.hall.interval)
        assert max(lengths) - min(lengths) < self.hall.interval, f"Standings of one member have lengths {lengths}"

    @check(
        Layer.STATEFUL,
        why="Applications would have two owners, or none.",
        cure="Keep one list, and let everybody read it with each beat.",
    )
    def test_everybody_hears_of_everybody(self) -> None:
        """After a few beats of each, three members have one list of the three, and one leader."""
        assert self.hall.settle("abc").ids == ("a", "b", "c"), "Somebody who beats is not on the list."

    @check(
        Layer.STATEFUL,
        why="Each generation makes every engine share out its applications anew.",
        cure="Raise the generation only when the members, a weight or the leader have changed.",
    )
    def test_where_nothing_changes_the_generation_stays(self) -> None:
        """Ten rounds of beats without a change leave the generation as it is."""
        first = self.hall.settle("ab")
        for _ in range(10):
            found = self.hall.round("ab")
        assert {standing.roster for standing in found.values()} == {first}, "The list changed though nobody came or went."

    @check(Layer.STATEFUL, why="A large engine would get as much work as a small one.", cure="Keep the weight with the member.")
    def test_weights_are_on_the_list(self) -> None:
        """Everybody is told the weight of everybody; another weight is another generation."""
        self.hall.settle("ab")
        before = self.hall.beat("b").roster
        for _ in range(3):
            self.hall.beat("a", 2.5)
            self.hall.rest(self.hall.interval)
            after = self.hall.beat("b").roster
        assert after.members == (Member("a", 2.5), Member("b")), f"A weight of 2.5 became {after.members}"
        assert after.generation > before.generation, "The weights changed under one generation: shares depend on when one looked."

    @check(
        Layer.STATEFUL,
        why="An engine is named by its host, its pod or its user, and those by people.",
        cure="Store the id as it is; make names and keys of its digest.",
    )
    def test_odd_ids_are_kept_apart(self) -> None:
        """Ids that differ in case, spaces, length or script are different members."""
        names = sorted(["a", "A", "a ", "a/b", "a-b", "Größe ☃", "x" * 300])
        assert list(self.hall.settle(names).ids) == names, "Ids were changed or taken for one another."

    # -- going ----------------------------------------------------------------------------------------------------------
    @check(
        Layer.STATEFUL,
        why="Its applications wait for an owner all that time, on every restart.",
        cure="Take it off the list when it leaves; do not wait for it to expire.",
    )
    @pytest.mark.parametrize("leaver", ["its leader", "another"])
    def test_who_leaves_is_off_the_list_at_once(self, leaver: str) -> None:
        """The next beats of the others, leader or not, give a later generation without who has left."""
        roster = self.hall.settle("abc")
        gone = roster.leader if leaver == "its leader" else next(one for one in roster.ids if one != roster.leader)
        self.hall.leave(gone)
        rest = [one for one in roster.ids if one != gone]
        found = {name: self.hall.beat(name).roster for name in rest}
        for name, after in found.items():
            assert gone not in after.ids, f"{gone} has left and is still on the list that {name} got"
            assert after.generation > roster.generation, "The list changed and the generation did not."
        assert self.hall.settle(rest).ids == tuple(rest), "Who stayed fell off the list."

    @check(Layer.STATEFUL, why="A shutdown that raises is a shutdown that hangs.", cure="Let leaving twice do nothing.")
    def test_leaving_without_being_there_does_nothing(self) -> None:
        """A member that is unknown, or has left already, leaves without an error, and nobody notices."""
        before = self.hall.settle("ab")
        self.hall.leave("never there")
        assert self.hall.settle("ab") == before, "Somebody who was never there has left, and the list changed."
        self.hall.leave("b")
        self.hall.leave("b")
        assert self.hall.settle("a").ids == ("a",), "Leaving twice took somebody else along."

    @check(
        Layer.STATEFUL,
        why="Inventories remember the highest term: engines of an earlier one are refused every write, for ever.",
        cure="Keep the generation when the list is empty; begin at the time of day, see next_generation.",
    )
    def test_the_generation_never_falls(self) -> None:
        """After everybody has left, the first to come back gets a later generation than any before."""
        before = self.hall.settle("ab").generation
        self.hall.leave("a")
        self.hall.leave("b")
        for name in ("c", "a"):
            after = self.hall.beat(name).roster.generation
            assert after > before, f"{name} came after everybody had left, and got generation {after} after {before}"

    # -- falling silent -------------------------------------------------------------------------------------------------
    @check(
        Layer.FAULT,
        why="Too early: two engines write at once. Too late: nobody does its work.",
        cure="Wait longer than a standing lasts, from the last sign of life on; and not much longer.",
    )
    @pytest.mark.parametrize("silent", ["its leader", "another"])
    def test_who_is_silent_is_counted_out_after_its_standing(self, silent: str) -> None:
        """A member that beats no more stays on the list while its standing lasts, and is off it within ``patience``."""
        roster = self.hall.settle("abc")
        gone = roster.leader if silent == "its leader" else next(one for one in roster.ids if one != roster.leader)
        rest = [one for one in roster.ids if one != gone]
        after = self.hall.until_gone(gone, rest, self.patience)
        assert after.generation > roster.generation, "The list changed and the generation did not."
        assert self.hall.settle(rest).ids == tuple(rest), "Who kept beating fell off the list."

    @check(
        Layer.FAULT,
        why="It believes to be the owner of what others own by now.",
        cure="Let a beat return the list of now, and raise the generation for every change.",
    )
    def test_who_slept_too_long_wakes_up_to_a_later_list(self) -> None:
        """A member that was paused, counted out and goes on gets a later generation at once, and is counted in again."""
        before = self.hall.settle("abc")
        self.hall.until_gone("b", "ac", self.patience)
        woken = self.hall.beat("b").roster
        assert woken.generation > before.generation, "Who was counted out got the list of before."
        assert self.hall.settle("abc").ids == ("a", "b", "c"), "Who came back was not counted in again."

    @check(
        Layer.FAULT,
        why="An engine that falls asleep as a whole (a suspended machine, a stopped cluster) would not start again.",
        cure="Let whoever comes first take the lead when the leader is silent, too.",
    )
    def test_after_a_sleep_of_all_they_agree_again(self) -> None:
        """When nobody has beaten for a long time and all go on, they come to one list again."""
        before = self.hall.settle("abc")
        self.hall.rest(2 * self.patience)
        for _ in range(math.ceil(self.patience / self.hall.interval)):
            self.hall.round("cba")
        after = self.hall.settle("abc")
        assert after.ids == ("a", "b", "c"), "After a common sleep somebody stayed off the list."
        assert after.generation >= before.generation, "The generation fell over a sleep."

    @check(
        Layer.FAULT,
        why="A member that is told nothing would go on, cut off from everybody else, while others take over.",
        cure="Raise StateUnavailable when the engine cannot be reached; never answer from memory.",
    )
    def test_without_the_engine_nobody_gets_a_standing(self) -> None:
        """While what the members agree through cannot be reached a beat raises StateUnavailable, and afterwards all go on."""
        before = self.hall.settle("ab")
        block = self.unreachable()
        if block is None:
            pytest.skip("this coordinator has nothing to reach")
        with block:
            for name in "ab":
                with pytest.raises(StateUnavailable):
                    self.hall.beat(name)
        after = self.hall.settle("ab")
        assert after == before, "A short time without the engine changed the list."

    # -- many -----------------------------------------------------------------------------------------------------------
    @check(
        Layer.SCALE,
        why="A rollout starts all engines in the same second.",
        cure="Try again when somebody else was faster; write nothing over what you have not read.",
    )
    def test_many_come_at_once(self) -> None:
        """Members that join in threads of their own, all at once, come to one list of all."""
        names = [f"member-{number:02}" for number in range(self.crowd)]
        gate = threading.Barrier(len(names))

        def join(name: str) -> None:
            gate.wait(30.0)
            self._insist(name)

        with ThreadPoolExecutor(len(names)) as threads:
            joining = [threads.submit(join, name) for name in names]
        errors = [str(error) for future in joining if (error := future.exception())]
        assert not errors, f"Members that join at the same time got {errors[:3]}"
        assert list(self.hall.settle(names).ids) == names, "Somebody who joined in the crowd is not on the list."

    def _insist(self, name: str) -> None:
        """Beat; a controller whose beat fails tries again, too."""
        for _ in range(10):
            try:
                self.hall.beat(name)
            except StateConflict:
                continue
            return
        self.hall.beat(name)

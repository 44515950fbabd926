"""Broken coordinators, each a few lines over the one for one process."""

import attrs
from killing import Catalogue

from gitops_core.coordination.local import LocalCoordinator
from gitops_core.coordination.pace import Pace
from gitops_core.errors import ConfigError, StateUnavailable
from gitops_core.model.rosters import Member, Roster, Standing, agreed
from gitops_core.testing.coordinator_contract import CoordinatorContract


class Reachable(LocalCoordinator):
    """A sound one, with an engine that can be cut off."""

    cut = False

    def beat(self, ctx, member):
        if self.cut:
            raise StateUnavailable("cut off")
        return super().beat(ctx, member)


class Cutting:
    """A block in which it is cut off."""

    def __init__(self, coordinator):
        self.coordinator = coordinator

    def __enter__(self):
        self.coordinator.cut = True

    def __exit__(self, *_exc):
        self.coordinator.cut = False


def suite(make):
    """Return the contract filled in for *make*'s coordinators."""

    class Suite(CoordinatorContract):
        def make_coordinator(self):
            if not hasattr(self, "made"):
                self.made = make()
            return self.made

        def unreachable(self):
            return Cutting(self.make_coordinator())

    return Suite


COORDINATORS = Catalogue(suite)


def standing(found, **changes):
    return attrs.evolve(found, roster=attrs.evolve(found.roster, **changes))


@COORDINATORS.mutant("joining", "test_a_lone_member_takes_part_at_once")
class WaitsForASecond(Reachable):
    """Its list is empty as long as there is one member."""

    def beat(self, ctx, member):
        found = super().beat(ctx, member)
        return found if len(found.roster.members) > 1 else standing(found, members=())


@COORDINATORS.mutant("standing", "test_a_standing_lasts_longer_than_an_interval_and_ends")
class EndsWithTheInterval(Reachable):
    """A standing ends when the next beat is due."""

    def beat(self, ctx, member):
        return attrs.evolve(super().beat(ctx, member), valid_until=ctx.clock.monotonic() + self.interval)


@COORDINATORS.mutant(
    "standing",
    "test_a_standing_lasts_longer_than_an_interval_and_ends",
    "test_who_is_silent_is_counted_out_after_its_standing",
)
class NeverEnds(Reachable):
    """A standing lasts for ever."""

    def beat(self, ctx, member):
        return attrs.evolve(super().beat(ctx, member), valid_until=float("inf"))


@COORDINATORS.mutant("standing", "test_each_beat_renews_the_standing")
class CountsFromTheFirstBeat(Reachable):
    """Every standing is counted from the first beat."""

    def beat(self, ctx, member):
        found = super().beat(ctx, member)
        self.first = getattr(self, "first", found.valid_until)
        return attrs.evolve(found, valid_until=self.first)


@COORDINATORS.mutant("membership", "test_everybody_hears_of_everybody", "test_many_come_at_once")
class KnowsOnlyOne(Reachable):
    """Each member is told of itself alone."""

    def beat(self, ctx, member):
        found = super().beat(ctx, member)
        return standing(found, members=(member,), leader=member.id)


@COORDINATORS.mutant("membership", "test_everybody_hears_of_everybody", "test_many_come_at_once")
class ListsInOrderOfCome(Reachable):
    """Its list is in the order in which members came."""

    def beat(self, ctx, member):
        found = super().beat(ctx, member)
        return standing(found, members=tuple(reversed(found.roster.members)))


@COORDINATORS.mutant("generations", "test_where_nothing_changes_the_generation_stays")
class CountsBeats(Reachable):
    """Every beat is a new generation."""

    def beat(self, ctx, member):
        found = super().beat(ctx, member)
        self.beats = getattr(self, "beats", 0) + 1
        return standing(found, generation=found.roster.generation + 1000 * self.beats)


@COORDINATORS.mutant("generations", "test_everybody_hears_of_everybody", "test_who_leaves_is_off_the_list_at_once")
class OneGenerationForEver(Reachable):
    """The generation stays whatever happens."""

    def beat(self, ctx, member):
        return standing(super().beat(ctx, member), generation=1)


@COORDINATORS.mutant("generations", "test_the_generation_never_falls")
class ForgetsWithTheLast(Reachable):
    """It begins at 1 when everybody has left."""

    base = None

    def beat(self, ctx, member):
        found = super().beat(ctx, member)
        self.base = self.base or found.roster.generation - 1
        return standing(found, generation=found.roster.generation - self.base)

    def leave(self, ctx, member):
        super().leave(ctx, member)
        self.base = self.base if self._roster.members else None


@COORDINATORS.mutant("weights", "test_weights_are_on_the_list")
class ForgetsWeights(Reachable):
    """Everybody weighs the same."""

    def beat(self, ctx, member):
        return super().beat(ctx, Member(member.id))


@COORDINATORS.mutant("membership", "test_odd_ids_are_kept_apart")
class FoldsIds(Reachable):
    """It strips and folds ids."""

    def beat(self, ctx, member):
        return super().beat(ctx, attrs.evolve(member, id=member.id.strip().lower()))


@COORDINATORS.mutant("leaving", "test_who_leaves_is_off_the_list_at_once")
class LeavesBySilence(Reachable):
    """Who leaves stays on the list until it has been silent for long enough."""

    def leave(self, ctx, member):
        pass


@COORDINATORS.mutant("leaving", "test_leaving_without_being_there_does_nothing")
class RefusesStrangers(Reachable):
    """Leaving twice is an error."""

    def leave(self, ctx, member):
        if member.id not in self._seats:
            raise ConfigError(f"{member.id} is not here")
        super().leave(ctx, member)


@COORDINATORS.mutant("silence", "test_who_is_silent_is_counted_out_after_its_standing")
class CountsOutTooEarly(Reachable):
    """Others take over before the standing has ended."""

    def __init__(self):
        super().__init__()
        object.__setattr__(self._pace, "duration", self._pace.validity / 2)


@COORDINATORS.mutant("silence", "test_who_is_silent_is_counted_out_after_its_standing")
class NeverCountsOut(Reachable):
    """Who falls silent stays for ever."""

    def __init__(self):
        super().__init__(Pace(duration=1e9))


@COORDINATORS.mutant("silence", "test_who_slept_too_long_wakes_up_to_a_later_list")
class WakesInItsDream(Reachable):
    """A member that was counted out gets the list that it knew once more."""

    def __init__(self):
        super().__init__()
        self.known = {}

    def beat(self, ctx, member):
        was_out = member.id in self.known and member.id not in self._seats
        found = super().beat(ctx, member)
        if was_out:
            return attrs.evolve(found, roster=self.known.pop(member.id))
        self.known[member.id] = found.roster
        return found


@COORDINATORS.mutant("silence", "test_after_a_sleep_of_all_they_agree_again")
class NeverWakes(Reachable):
    """Who was counted out is not taken back."""

    def __init__(self):
        super().__init__()
        self.seen = set()

    def beat(self, ctx, member):
        if member.id in self.seen and member.id not in self._seats:
            return Standing(self._roster, 0.0)
        self.seen.add(member.id)
        return super().beat(ctx, member)


@COORDINATORS.mutant("engine", "test_without_the_engine_nobody_gets_a_standing")
class AnswersFromMemory(Reachable):
    """It repeats its last answer when it cannot reach anybody."""

    def beat(self, ctx, member):
        self.cut = False
        return super().beat(ctx, member)


@COORDINATORS.mutant("crowd", "test_many_come_at_once")
class WritesOverOthers(Reachable):
    """It writes the list that it has read before others wrote theirs."""

    def beat(self, ctx, member):
        found = super().beat(ctx, member)
        if len(found.roster.members) > 12:
            self._roster = agreed(Roster(found.roster.generation), found.roster.members[:-1], "", 0.0)
            return attrs.evolve(found, roster=self._roster)
        return found

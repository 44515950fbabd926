"""
Laws of coordination, whatever happens: beats in any order and in the middle of one another, lost requests and answers, pauses, restarts.

One list for one generation; generations never fall for anybody; nobody is counted out while its own standing lasts, unless it left.
"""

from __future__ import annotations

import random

import pytest

from gitops_core.coordination.kubernetes import KubernetesLeases
from gitops_core.coordination.pace import Pace
from gitops_core.errors import GitOpsError, StateCorrupt, Transient
from gitops_core.model.applications import Owner
from gitops_core.model.rosters import Member
from gitops_core.testing.clock import VirtualClock
from gitops_core.testing.contexts import make_context
from gitops_core.testing.kubernetes import ClusterSettings, FakeCluster
from gitops_core.testing.kubernetes.direct import DirectConnection

PACE = Pace(interval=3.0, validity=10.0, duration=15.0)
OWNER = Owner("example.org", "engine")
SEEDS = [*range(5), *(pytest.param(seed, marks=pytest.mark.deep) for seed in range(5, 40))]


class Engine:
    """A member on a connection that the dice cut, and that others may overtake at each request."""

    def __init__(self, world, name):
        self.world, self.member, self.busy, self.left = world, Member(name), False, False
        self.valid_until = float("-inf")
        connection = DirectConnection(world.cluster, before=self.happen, after=self.happen)
        self.coordinator = KubernetesLeases(connection, OWNER, "default", pace=PACE)
        self.ctx = make_context(clock=world.clock, random=random.Random(name))

    def happen(self, _request):
        """Let something happen between two requests of this beat."""
        dice = self.world.dice
        chance = dice.random()
        if chance < 0.06:
            raise Transient("cut")
        if chance < 0.12:
            self.world.clock.advance(dice.choice([0.1, 1.0, 4.0, 12.0]))
        elif chance < 0.22:
            self.world.act(depth=1)

    def beat(self):
        self.busy = True
        try:
            standing = self.coordinator.beat(self.ctx, self.member)
        except StateCorrupt:
            raise
        except GitOpsError:
            return
        finally:
            self.busy = False
        self.world.judge(self, standing)

    def leave(self):
        self.left, self.busy = True, True
        try:
            self.coordinator.leave(self.ctx, self.member)
        except GitOpsError:
            return
        finally:
            self.busy = False


class World:
    """The cluster, all engines that ever were, and what they were told."""

    def __init__(self, seed):
        self.dice, self.clock = random.Random(seed), VirtualClock()
        self.cluster = FakeCluster(ClusterSettings(clock=self.clock))
        self.started, self.engines, self.retired = 0, [], []
        self.agreed, self.latest, self.written = {}, {}, {}
        for _ in range(3):
            self.start()

    def start(self):
        self.started += 1
        self.engines.append(Engine(self, f"engine-{self.started}"))

    def act(self, depth=0):
        free = [engine for engine in self.engines if not engine.busy]
        if not free:
            return
        engine, chance = self.dice.choice(free), self.dice.random()
        if chance < 0.9 or depth:
            engine.beat()
        elif chance < 0.93:
            engine.leave()
            self.retire(engine)
        elif chance < 0.96:
            self.retire(engine)  # killed
        else:
            self.clock.advance(self.dice.choice([5.0, 14.0, 16.0, 40.0]))

    def retire(self, engine):
        self.engines.remove(engine)
        self.retired.append(engine)
        self.start()

    def judge(self, engine, standing):
        roster, now = standing.roster, self.clock.monotonic()
        new = roster.generation not in self.agreed
        assert self.agreed.setdefault(roster.generation, roster) == roster, "two lists of one generation"
        assert roster.generation >= self.latest.get(engine.member.id, 1), "the generation fell"
        self.latest[engine.member.id] = roster.generation
        if new and roster.generation == max(self.agreed):
            for other in (*self.engines, *self.retired):
                known = self.agreed.get(self.latest.get(other.member.id, 0))
                may_write = known and other.member.id in known.ids and other.valid_until > now and not other.left
                assert not may_write or other.member.id in roster.ids, f"{other.member.id} was counted out while it could write"
        engine.valid_until = standing.valid_until


@pytest.mark.parametrize("seed", SEEDS)
def test_the_laws_hold_whatever_happens(seed):
    world = World(seed)
    for _ in range(250):
        world.act()
        world.clock.advance(world.dice.choice([0.0, 0.3, 1.0, PACE.interval / 3]))
    assert len(world.agreed) > 3, "nothing has happened"


@pytest.mark.parametrize("seed", range(4))
def test_when_the_trouble_ends_all_agree(seed):
    """Everybody who is there is on the list, and nobody else, two durations later."""
    world = World(seed)
    for _ in range(120):
        world.act()
        world.clock.advance(1.0)
    for engine in world.engines:
        engine.happen = engine.coordinator._caller.before = engine.coordinator._caller.after = lambda _request: None
    for _ in range(int(2 * PACE.duration / PACE.interval) + 3):
        for engine in world.engines:
            engine.beat()
        world.clock.advance(PACE.interval)
    found = {engine.coordinator.beat(engine.ctx, engine.member).roster for engine in world.engines}
    assert [roster.ids for roster in found] == [tuple(sorted(engine.member.id for engine in world.engines))]

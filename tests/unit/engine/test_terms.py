"""An engine of an earlier term writes nothing more, neither to the store nor to the target."""

from __future__ import annotations

import attrs
import pytest

from gitops_core import errors
from gitops_core.engine.ledger import Ledger
from gitops_core.errors import StaleTerm, StateError
from gitops_core.model.inventory import InventoryUpdate
from gitops_core.model.results import PassStatus
from gitops_core.state.memory import MemoryStore
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.worlds import World, config


class Watched(MemoryTarget):
    """Notes every call."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def observe(self, ctx, query):
        self.asked.append("observe")
        return super().observe(ctx, query)

    def create(self, ctx, change):
        self.asked.append("create")
        return super().create(ctx, change)


class Counting(MemoryStore):
    """Notes every write of an inventory."""

    def __init__(self) -> None:
        super().__init__()
        self.updates: list[InventoryUpdate] = []

    def update_inventory(self, application, update, *, serial):
        self.updates.append(update)
        return super().update_inventory(application, update, serial=serial)


def worlds(*terms: int) -> list[World]:
    """Several engines over one store and one target, each under a term."""
    first = World(target=Watched(), store=Counting())
    first.declare(config("a"))
    return [attrs.evolve(first, term=term, seed=term) for term in terms]


def test_an_engine_of_an_earlier_term_is_refused_before_it_calls_the_target():
    old, new = worlds(1, 2)
    assert new.reconcile().ok
    old.declare(config("a", color="red"))
    old.target.asked.clear()
    result = old.reconcile()
    assert (result.status, result.failures[0].error, result.failures[0].disposition) == ("failed", "StaleTerm", "wait")
    assert old.target.asked == []
    assert result.outcomes == ()


def test_an_engine_that_is_overtaken_in_the_middle_of_a_pass_writes_nothing_after_it():
    """The new one claims the term while the old one plans: the old one's write-ahead is refused, so nothing follows."""
    old, new = worlds(1, 2)

    class Overtaken(Watched):
        def observe(self, ctx, query):
            Ledger(new.store, new.store.inventory(new.app.id), new.term).claim()
            return super().observe(ctx, query)

    old.target = Overtaken()
    result = old.reconcile()
    assert (result.status, result.failures[0].stage) == (PassStatus.FAILED, "")
    assert isinstance(getattr(errors, result.failures[0].error)(""), StateError)
    assert old.target.asked == ["observe"]
    assert old.store.inventory(old.app.id).entries == {}


def test_a_later_term_is_claimed_by_one_write_and_not_again():
    (world,) = worlds(3)
    world.reconcile()
    assert [bool(update) for update in world.store.updates][:2] == [False, True]
    assert {update.term for update in world.store.updates} == {3}
    world.store.updates.clear()
    world.declare(config("a", color="red"))
    world.reconcile()
    assert all(world.store.updates)
    world.store.updates.clear()
    assert world.reconcile().status is PassStatus.IN_SYNC
    assert world.store.updates == []


def test_the_next_term_takes_over_where_the_last_one_stopped():
    old, new = worlds(1, 2)
    assert old.reconcile().ok
    assert new.reconcile().status is PassStatus.IN_SYNC
    assert new.store.inventory(new.app.id).term == 2
    assert old.target.asked.count("create") == 1


def test_an_operation_without_a_term_is_always_allowed_and_takes_no_term_away():
    member, person = worlds(5, 0)
    assert member.reconcile().ok
    person.declare(config("a", color="red"))
    assert person.reconcile().ok
    assert person.store.inventory(person.app.id).term == 5


@pytest.mark.parametrize("operation", ["reconcile", "destroy"])
def test_every_operation_that_writes_checks_its_term(operation):
    old, new = worlds(1, 2)
    assert new.reconcile().ok
    result = getattr(old, operation)()
    assert result.failures[0].error == StaleTerm.__name__
    assert len(old.target.objects) == 1

"""One engine an application at a time; orders are changed by whoever is alone with it."""

from __future__ import annotations

from contextlib import contextmanager

import attrs
import pytest

from gitops_core.engine.excluding import alone
from gitops_core.engine.ordering import give_orders
from gitops_core.engine.passes import begin
from gitops_core.errors import Cancelled, StaleTerm, StateLocked
from gitops_core.model.applications import Options
from gitops_core.state.memory import MemoryStore
from gitops_core.testing.worlds import World


class Taken(MemoryStore):
    """Held by somebody else for so many attempts, each of which takes its whole time."""

    def __init__(self, attempts: int, retry_after: float | None = None) -> None:
        super().__init__()
        self.attempts, self.retry_after = attempts, retry_after
        self.asked: list[float] = []
        self.on_ask = lambda: None
        self.inside = 0

    @contextmanager
    def exclusive(self, application, timeout):
        self.asked.append(timeout)
        self.on_ask()
        if len(self.asked) <= self.attempts:
            raise StateLocked("held by somebody else", retry_after=self.retry_after)
        self.inside += 1
        yield
        self.inside -= 1


def pass_of(store: MemoryStore, lock_timeout: float = 10.0, *, waits: bool = True):
    world = World(store=store, waits=waits)
    app = attrs.evolve(world.app, options=Options(lock_timeout=lock_timeout))
    return begin(app, store, world.runtime), world


def test_an_application_is_held_for_the_length_of_the_body_once_the_other_one_has_let_go() -> None:
    store = Taken(attempts=1)
    p, _ = pass_of(store)
    with alone(p):
        assert store.inside == 1
    assert store.inside == 0
    assert max(store.asked) <= 0.25


def test_who_still_has_to_wait_when_the_time_is_over_is_told_by_the_stores_own_error() -> None:
    store = Taken(attempts=1000)
    p, _ = pass_of(store, lock_timeout=1.0)
    with pytest.raises(StateLocked, match="held by somebody else"), alone(p):
        pytest.fail("not held")
    assert len([seconds for seconds in store.asked if seconds > 0]) <= 4


def test_a_stop_while_waiting_for_the_other_one_ends_the_wait() -> None:
    store = Taken(attempts=1000)
    p, world = pass_of(store, lock_timeout=1000.0)
    store.on_ask = world.cancel.set
    with pytest.raises(Cancelled), alone(p):
        pytest.fail("not held")
    assert len(store.asked) <= 3


@pytest.mark.parametrize(("said", "later"), [(None, 20.0), (3.0, 3.0)])
def test_where_nobody_waits_the_answer_comes_at_once_and_says_when_to_come_again(said, later) -> None:
    store = Taken(attempts=1000, retry_after=said)
    p, _ = pass_of(store, waits=False)
    p = attrs.evolve(p, app=attrs.evolve(p.app, options=attrs.evolve(p.app.options, health_interval=5.0, backoff=20.0)))
    with pytest.raises(StateLocked) as raised, alone(p):
        pytest.fail("not held")
    assert raised.value.retry_after == later
    assert set(store.asked) == {0.0}


def test_orders_are_written_once_and_only_when_they_differ() -> None:
    world = World()
    ordered = give_orders(world.app, lambda orders: orders.handling("t"), store=world.store, runtime=world.runtime)
    after = world.store.inventory(world.app.id)
    assert (ordered.handled, after.orders, after.serial) == (("t",), ordered, 1)
    again = give_orders(world.app, lambda orders: orders.handling("t"), store=world.store, runtime=world.runtime)
    assert (again, world.store.inventory(world.app.id).serial) == (ordered, 1)


def test_an_engine_of_an_earlier_term_gives_no_orders() -> None:
    world = attrs.evolve(World(), term=2)
    give_orders(world.app, lambda orders: orders.handling("t"), store=world.store, runtime=world.runtime)
    late = attrs.evolve(world, term=1)
    with pytest.raises(StaleTerm):
        give_orders(late.app, lambda orders: orders.handling("late"), store=late.store, runtime=late.runtime)
    assert world.store.inventory(world.app.id).orders.handled == ("t",)

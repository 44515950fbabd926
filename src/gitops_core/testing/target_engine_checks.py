"""Checks of a target under the engine: plans, adoption, replacing, secrets, two engines."""
# ruff: noqa: S101  # why: a contract suite is made of assertions, and pytest runs it

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator
from typing import Final

import pytest

from gitops_core.model.plans import Action
from gitops_core.model.pointers import get
from gitops_core.model.values import Body
from gitops_core.testing.promises import Layer, check
from gitops_core.testing.target_bench import Bench, with_value
from gitops_core.testing.target_checks import Checks
from gitops_core.testing.worlds import World

CANARY: Final = "canary-7f3a9c-must-not-sing"


class EngineChecks(Checks):
    """The engine in memory drives the target, as it would in production."""

    def _bodies(self) -> list[Body]:
        return [example.body for example in self.examples()]

    @check(
        Layer.STATEFUL,
        why="It is the one promise that every user of a declarative tool relies on; a plan that is never empty writes for ever.",
        cure="See what still differs: a default that normalize does not know, a field that create or update forgets.",
    )
    def test_the_second_plan_is_empty(self, bench: Bench) -> None:
        """After a pass that creates, one that updates and one that deletes, the next plan is empty."""
        edited = [example.edited or example.body for example in self.examples()]
        world = self.converged(bench.target, self._bodies())
        self.converged(bench.target, edited, world.store)
        self.converged(bench.target, edited[1:], world.store)
        assert bench.find(edited[0]) is None, f"{bench.key(edited[0])} is not declared any more and is still there"
        for body in edited[1:]:
            self.in_sync(bench, body, bench.find(body))

    @check(
        Layer.STATEFUL,
        why="plan() is run by anybody, anywhere, on a pull request; it must be safe.",
        cure="Take every write out of observe, preview, etag and the pure functions.",
    )
    def test_planning_writes_nothing(self, bench: Bench) -> None:
        """A plan with creates, updates and deletes in it leaves the world as it is."""
        bodies = self._bodies()
        wanted = [*(example.edited or example.body for example in self.examples()), self.named(bodies[0], "new")]
        world = self.converged(bench.target, [*bodies, self.named(bodies[0], "old")])
        before = self.world(bench, bodies)
        shown = self.engine(bench.target, wanted, world.store).plan()
        after = self.world(bench, bodies)
        assert not shown.is_empty, "the declarations changed and the plan is empty"
        assert after == before, f"{before} became {after}"

    @check(
        Layer.STATEFUL,
        why="Plans are content-addressed, saved, approved and compared; one that differs from run to run is stale at once.",
        cure="Leave time, randomness and the order of sets out of observe, normalize, diff and depends_on.",
    )
    def test_equal_worlds_give_equal_plans(self, bench: Bench) -> None:
        """Three plans of one world are equal, byte by byte."""
        bodies = self._bodies()
        store = self.converged(bench.target, bodies).store
        wanted = [*(example.edited or example.body for example in self.examples()), *self.crowd(self.examples()[0], 3)]
        plans = {self.engine(bench.target, wanted, store).plan().to_json() for _ in range(3)}
        assert len(plans) == 1, f"three plans of one world are {len(plans)} different ones"

    @check(
        Layer.STATEFUL,
        why="Taking over what exists is how everybody begins; it must not touch what is right already.",
        cure="See what differs: a default that normalize does not know, a spelling of the API.",
    )
    def test_an_equal_object_is_adopted_without_a_write(self, bench: Bench) -> None:
        """
        An object that was there before, as declared, is adopted: no difference is shown and nothing is written, but for the mark of
        a target whose objects say whose they are.
        """
        bodies = [
            body for body in self._bodies() if not dict(bench.declared("write_only", body))
        ]  # nobody can tell if it is equal
        for body in bodies:
            bench.create(body)
        before = self.world(bench, bodies)
        world = self.engine(bench.target, bodies)
        shown = world.plan()
        strange = [c for c in shown.changes if c.diff or c.action not in {Action.ADOPT, Action.UNCHANGED}]
        assert not strange, f"objects that are as declared should be adopted; planned is:\n{shown.text()}"
        self.converge(world)
        after = self.world(bench, bodies)
        is_marked = any(bench.get(body).owner is not None for body in bodies)
        assert is_marked or after == before, f"{before} became {after}"
        self.converge(world)
        assert self.world(bench, bodies) == after, "the pass after the one that adopts writes again"

    @check(
        Layer.STATEFUL,
        why="An option taken out of Git would stay in force for ever, and nobody would be told.",
        cure="Yield the whole object from observe, and remove the pointers of change.previous in update.",
    )
    def test_an_undeclared_field_is_noticed(self, bench: Bench) -> None:
        """A field that was declared and is not any more is a change in the plan, and is gone after the pass."""
        for example in self.examples():
            if example.reduced is None or not bench.differences(example.body, example.reduced):
                continue  # what was left out is a default: both are one declaration
            store = self.converged(bench.target, [example.body]).store
            world = self.engine(bench.target, [example.reduced], store)
            shown = world.plan()
            assert not shown.is_empty, f"{bench.dropped(example.body, example.reduced)} went from the declaration, unnoticed"
            self.converge(world)
            return
        pytest.skip("no example has a reduced variant")

    @check(
        Layer.STATEFUL,
        why="An API that refuses the update, or worse ignores it, leaves the object as it was, and the pass fails for ever.",
        cure="List the field in fields.immutable; do not override diff without telling such a difference from any other.",
    )
    def test_an_immutable_change_plans_a_replace(self, bench: Bench) -> None:
        """A change of an immutable field is planned as REPLACE, and arrives as a new object."""
        replaced = [(example.body, example.replaced) for example in self.examples() if example.replaced is not None]
        if not replaced:
            pytest.skip("no example has a replaced variant: immutable fields are not checked")
        for body, other in replaced:
            store = self.converged(bench.target, [body]).store
            before = bench.get(body)
            world = self.engine(bench.target, [other], store)
            action = world.plan()[before.key].action
            assert action is Action.REPLACE, f"the change is planned as {action}"
            self.converge(world)
            after = bench.get(other)
            self.in_sync(bench, other, after)
            names = after.id in {"", *after.key}  # an id that is a name stays what it is
            assert names or after.id != before.id, f"it still is the object with id {before.id}"

    @check(
        Layer.STATEFUL,
        why="A password that was rotated in Git and never arrives is found out by whoever needs the old one to be dead.",
        cure="List the field in fields.write_only, keep it in what normalize returns, and write it in update.",
    )
    def test_a_rotated_secret_is_noticed(self, bench: Bench) -> None:
        """Another value in a write-only field is a change in the plan, and none after the pass."""
        for body, pointer in self._secrets(bench, "write_only"):
            store = self.converged(bench.target, [body]).store
            world = self.engine(bench.target, [with_value(body, pointer, f"{get(body, pointer)}-rotated")], store)
            assert not world.plan().is_empty, f"{pointer} was rotated and the plan is empty"
            self.converge(world)
            return
        pytest.skip("no example declares a write-only field")

    @check(
        Layer.STATEFUL,
        why="Plans go into pull requests, logs to people who may not know the password.",
        cure="List the field in fields.sensitive or fields.write_only; log and print nothing of a body; name the field in errors.",
    )
    def test_no_secret_is_shown(self, bench: Bench) -> None:
        """The value of a sensitive or write-only field is in no plan, event, log, error, result or stored state."""
        for body, pointer in (*self._secrets(bench, "write_only"), *self._secrets(bench, "sensitive")):
            with _overheard() as heard:
                world = self.engine(bench.target, [with_value(body, pointer, CANARY)])
                shown = self._outputs(world)
                world = self.engine(bench.target, [with_value(body, pointer, f"{CANARY}-2")], world.store)
                shown += self._outputs(world)
            found = [text for text in (*shown, *heard) if CANARY in text]
            assert not found, f"{pointer} can be read in: {found[0]}"
            return
        pytest.skip("no example declares a sensitive or write-only field")

    def _outputs(self, world: World) -> list[str]:
        plan, result = world.plan(), world.reconcile()
        app = world.app.id
        kept = (world.store.inventory(app), *world.store.journal(app), *world.store.history(app))
        return [plan.text(), plan.to_json(), repr(plan), result.text(), repr(result), *map(repr, (*world.sink.events, *kept))]

    def _secrets(self, bench: Bench, which: str) -> Iterator[tuple[Body, str]]:
        """Yield (body, pointer) of every text that an example declares in a field of this kind."""
        for example in self.examples():
            texts = (pointer for pointer, value in bench.declared(which, example.body) if isinstance(value, str))
            yield from ((example.body, pointer) for pointer in texts)

    @check(
        Layer.STATEFUL,
        why="Two engines without a common store both see nothing and both create; two objects of one name are then maintained.",
        cure="Let create fail with AlreadyExists when the name is taken (a unique name, a conditional put).",
    )
    def test_two_engines_make_one_object(self, bench: Bench) -> None:
        """Of two engines that create the same object at the same time one does, and both end with nothing to do."""
        bodies = self._bodies()
        one, other = (self.engine(bench.target, bodies) for _ in range(2))
        if min(bench.holder(body).limits.concurrency for body in bodies) > 1:
            self.write_taps(bench.target).meanwhile = other.reconcile
            one.reconcile()
        else:  # the first one's call has the only slot: the other engine comes between plan and write
            planned = one.plan()
            other.reconcile()
            one.apply(planned)
        for engine in (one, other):
            self.converge(engine)
        for body in bodies:
            self.in_sync(bench, body, bench.find(body))


@contextlib.contextmanager
def _overheard() -> Iterator[list[str]]:
    """Collect everything that is logged or printed meanwhile."""
    heard: list[str] = []
    handler = _Ear(heard)
    root, level, printed = logging.getLogger(), logging.getLogger().level, io.StringIO()
    root.addHandler(handler)
    root.setLevel(0)
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            yield heard
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        heard.append(printed.getvalue())


class _Ear(logging.Handler):
    def __init__(self, heard: list[str]) -> None:
        super().__init__(0)
        self._heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        self._heard.append(record.getMessage())

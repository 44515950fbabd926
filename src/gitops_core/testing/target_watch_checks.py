"""Checks of a target's watch: what a controller hears, and that it hears the end of it."""
# ruff: noqa: S101  # why: a contract suite is made of assertions, and pytest runs it

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar, Final

import attrs
import pytest

from gitops_core.model.resources import Live, ResourceKey
from gitops_core.model.values import Body
from gitops_core.testing.promises import Layer, check
from gitops_core.testing.target_bench import Bench, Example
from gitops_core.testing.target_checks import Checks
from gitops_core.testing.target_watcher import WatchReader

_CROWD: Final = 4
_MANY: Final = 100  # changes that a slow reader has slept through


class WatchChecks(Checks):
    """watch."""

    patience: ClassVar[float]

    @check(
        Layer.STATEFUL,
        why="What moved between the last look and the watch would never be told, and the drift stay until the next full look.",
        cure="Begin to listen first; then list, and yield the Live of each key that is there, and the key of each that is not.",
    )
    def test_a_watch_begins_with_how_everything_is(self, bench: Bench, example: Example) -> None:
        """A watch begins with each object that is there, and with the keys of those that are not."""
        there, gone = self.crowd(example, 2)
        bench.create(there)
        with self._watching(bench, [there, gone]) as reader:
            reader.until(lambda: self._shows(bench, reader, there) and self._is_gone(bench, reader, gone), self.patience)

    @check(
        Layer.STATEFUL,
        why="A controller that looks by what a watch tells does not repair what it is not told of.",
        cure="Yield the object as it is now, read after the change.",
    )
    def test_a_watch_tells_changes(self, bench: Bench, example: Example) -> None:
        """An object that changes is told as it is after the change, one that comes is told as it is there."""
        there, comes = self.crowd(example, 2)
        bench.create(there)
        with self._watching(bench, [there, comes]) as reader:
            reader.until(lambda: bench.key(there) in reader.last, self.patience)
            bench.create(comes)
            edited = self._edited(example, there)
            bench.update(edited)
            reader.until(lambda: self._shows(bench, reader, comes) and self._shows(bench, reader, edited), self.patience)

    @check(
        Layer.STATEFUL,
        why="Nobody makes an object anew of which nobody says that it is gone.",
        cure="Yield its key when the API says that it was deleted, and when it is missing after you had to list anew.",
    )
    def test_a_watch_tells_ends(self, bench: Bench, example: Example) -> None:
        """An object that vanishes is told by its key, and not as an object any more."""
        body, other = self.crowd(example, 2)
        live = bench.create(body)
        bench.create(other)
        with self._watching(bench, [body, other]) as reader:
            reader.until(lambda: self._shows(bench, reader, body) and self._shows(bench, reader, other), self.patience)
            bench.delete(live, body)
            reader.until(lambda: self._is_gone(bench, reader, body), self.patience)
            bench.update(self._edited(example, other))
            reader.until(lambda: self._shows(bench, reader, self._edited(example, other)), self.patience)
            assert self._is_gone(bench, reader, body), f"{bench.key(body)} is gone, and was told as an object afterwards"

    @check(
        Layer.STATEFUL,
        why="Between a list and the watch that follows there is a moment; what moves then is lost for ever.",
        cure="Watch from the version that the list was made at, or begin to listen before you list.",
    )
    def test_a_watch_loses_nothing_while_it_begins(self, bench: Bench, example: Example) -> None:
        """What moves while the beginning is being told is told, too."""
        bodies = self.crowd(example, 4)
        lives = [bench.create(body) for body in bodies]
        with self._watching(bench, bodies) as reader:
            reader.next(self.patience)
            bench.delete(lives[0], bodies[0])
            edited = [self._edited(example, body) for body in bodies[1:]]
            for body in edited:
                bench.update(body)
            reader.until(
                lambda: self._is_gone(bench, reader, bodies[0]) and all(self._shows(bench, reader, body) for body in edited),
                self.patience,
            )

    @check(
        Layer.STATEFUL,
        why="What is not asked for belongs to somebody else: a controller would run passes for nothing.",
        cure="Compare with query.keys before you yield.",
    )
    def test_a_watch_tells_of_its_keys_only(self, bench: Bench, example: Example) -> None:
        """What was not asked for is not told."""
        ours, theirs = self.crowd(example, 2)
        bench.create(ours)
        bench.create(theirs)
        with self._watching(bench, [ours]) as reader:
            reader.until(lambda: bench.key(ours) in reader.last, self.patience)
            bench.update(self._edited(example, theirs))
            bench.update(self._edited(example, ours))
            reader.until(lambda: self._shows(bench, reader, self._edited(example, ours)), self.patience)
            strangers = sorted(map(str, reader.last.keys() - {bench.key(ours)}))
            assert not strangers, f"{strangers} were told and not asked for"

    @check(
        Layer.STATEFUL,
        why="A controller is slow when it has much to do; a watch that breaks then breaks when it is needed most.",
        cure="Remember which objects have moved, not every change: then a reader who is late hears of each once.",
    )
    def test_a_watch_bears_a_slow_reader(self, bench: Bench, example: Example) -> None:
        """A reader who comes back late hears how everything is, however much has happened meanwhile."""
        body, last = self.crowd(example, 2)
        bench.create(body)
        with self._watching(bench, [body, last]) as reader:
            reader.next(self.patience)
            for number in range(_MANY):
                bench.update(self._edited(example, body) if number % 2 else body)
            bench.create(last)
            wanted = self._edited(example, body)
            reader.until(lambda: self._shows(bench, reader, wanted) and self._shows(bench, reader, last), self.patience)

    @check(
        Layer.STATEFUL,
        why="A controller that stops would hang, or leave a thread and a connection behind.",
        cure="Wait in slices of at most 0.25 s (ctx.clock.take), look at ctx.cancel in between, and close what you opened.",
    )
    def test_a_watch_ends_with_its_cancel(self, bench: Bench, example: Example) -> None:
        """A watch that waits ends soon after it was cancelled."""
        self._needs_watch(bench, example)
        bench.create(example.body)
        with WatchReader(bench.holder(example.body), bench.ctx, [bench.key(example.body)]) as reader:
            reader.until(lambda: bench.key(example.body) in reader.last, self.patience)
            reader.want()
            assert reader.ends(self.patience), f"it was cancelled {self.patience:g} s ago, and goes on"

    # -- what the checks are written on -----------------------------------------------------------------------------------
    @contextmanager
    def _watching(self, bench: Bench, bodies: list[Body]) -> Iterator[WatchReader]:
        self._needs_watch(bench, self.examples()[0])
        with WatchReader(bench.holder(bodies[0]), bench.ctx, [bench.key(body) for body in bodies]) as reader:
            yield reader

    @staticmethod
    def _needs_watch(bench: Bench, example: Example) -> None:
        if not bench.can("watch", example.body):
            pytest.skip("this target has no watch")

    def _edited(self, example: Example, body: Body) -> Body:
        if example.edited is None:
            pytest.skip("the first example has no edited variant")
        number = self.crowd(example, _CROWD).index(body)
        return self.crowd(attrs.evolve(example, body=example.edited), _CROWD)[number]

    @staticmethod
    def _shows(bench: Bench, reader: WatchReader, desired: Body) -> bool:
        told = reader.last.get(bench.key(desired))
        return isinstance(told, Live) and not bench.differences(desired, told.body)

    @staticmethod
    def _is_gone(bench: Bench, reader: WatchReader, body: Body) -> bool:
        return isinstance(reader.last.get(bench.key(body)), ResourceKey)

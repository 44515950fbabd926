"""Checks of a target and an engine that die, lose a reply or are refused at any call, and start again."""
# ruff: noqa: S101  # why: a contract suite is made of assertions, and pytest runs it

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from gitops_core.errors import Transient
from gitops_core.interfaces import Target
from gitops_core.model.values import Body
from gitops_core.state.memory import MemoryStore
from gitops_core.testing.contexts import make_context
from gitops_core.testing.promises import Layer, check
from gitops_core.testing.target_bench import Bench
from gitops_core.testing.target_checks import Checks
from gitops_core.testing.target_taps import Crash


class CrashChecks(Checks):
    """The same short story, interrupted at every call that writes; at the end the world is as if nothing had happened."""

    @check(
        Layer.FAULT,
        why="Processes are killed; what they leave behind must not stop the next one, and must not be done twice.",
        cure="Make one call per change, or order the calls so that each prefix can be repeated; what was done before the crash must "
        "be seen by observe, and a repeated create must not make a second object.",
    )
    def test_a_crash_anywhere_converges(self) -> None:
        """Killed before or after any call that writes, a run that is started again converges, without duplicates and leaks."""
        self._interrupted(lambda _: Crash())

    @check(
        Layer.FAULT,
        why="A time-out does not say whether the write was done; the engine repeats it.",
        cure="Let a repeated create say AlreadyExists (or return the object of that idempotency key), a repeated delete NotFound, and "
        "make a repeated update harmless.",
    )
    def test_an_error_anywhere_converges(self) -> None:
        """When any call that writes fails, or is done and its reply is lost, the engine repeats it and converges."""
        self._interrupted(lambda number: Transient(f"call {number} timed out"))

    def _interrupted(self, error: Callable[[int], BaseException]) -> None:
        for number in range(1, self._count() + 1):
            for when in ("before", "after"):
                with self.make_target() as target:
                    taps = self.write_taps(target)
                    getattr(taps, when)[number] = error(number)
                    try:
                        self._tell(target)
                    except AssertionError as found:
                        called = taps.calls[number - 1 : number]
                        raise AssertionError(f"interrupted {when} call {number} {called}: {found}") from found

    def _count(self) -> int:
        with self.make_target() as target:
            taps = self.write_taps(target)
            self._tell(target)
            return len(taps.calls)

    def _chapters(self) -> Iterator[Sequence[Body]]:
        """Create, update, delete."""
        examples = self.examples()[:2]
        edited = [example.edited or example.body for example in examples]
        yield [example.body for example in examples]
        yield edited
        yield edited[1:]

    def _tell(self, target: Target) -> None:
        bench, store = Bench(target, make_context(clock=self.clock)), MemoryStore()
        bodies: Sequence[Body] = ()
        for bodies in self._chapters():
            self._survive(target, bodies, store)
            for body in bodies:
                self.in_sync(bench, body, bench.find(body))
        gone = self.examples()[0].edited or self.examples()[0].body
        assert bench.find(gone) is None, f"{bench.key(gone)} was deleted and is there"

    def _survive(self, target: Target, bodies: Sequence[Body], store: MemoryStore) -> None:
        try:
            self.converged(target, bodies, store)
        except Crash:
            self.converged(target, bodies, store)  # the next process: nothing is left but the target's world and the store

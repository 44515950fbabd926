"""Checks of a target whose world fails, stops or keeps secrets."""
# ruff: noqa: S101  # why: a contract suite is made of assertions, and pytest runs it

from __future__ import annotations

import contextlib
import time
import traceback
import unittest.mock
from collections.abc import Callable
from typing import Final

import attrs
import pytest

from gitops_core.errors import AlreadyExists, Cancelled, Throttled, Transient
from gitops_core.model.plans import Action
from gitops_core.model.resources import Live, Pending, ResourceKey, Unreadable
from gitops_core.model.results import OutcomeStatus
from gitops_core.testing.contexts import make_context
from gitops_core.testing.promises import Layer, check
from gitops_core.testing.target_bench import Bench, Example, with_value
from gitops_core.testing.target_checks import Checks
from gitops_core.testing.target_engine_checks import CANARY

_PAUSE: Final = 17.0


class FaultChecks(Checks):
    """Errors surface, a stop is clean, retries are harmless, secrets stay in."""

    @check(
        Layer.FAULT,
        why="An object that counts as absent is created a second time, or written off.",
        cure="Let the error out of observe, or yield Unreadable(key, error).",
    )
    def test_failing_reads_are_told(self, bench: Bench, example: Example) -> None:
        """When the API cannot be read, observe raises or yields Unreadable; it does not say "not there"."""
        bench.create(example.body)
        self.break_reads(bench.target)
        found = self._silent_about(bench, [bench.key(example.body)])
        assert not found, f"the API could not be read, and observe said nothing about {found}"

    @check(
        Layer.FAULT,
        why="Of a listing in pages the later ones fail, too; objects on a page that was not read count as absent.",
        cure="Let the error out of the loop over the pages; what was yielded before it does no harm.",
    )
    def test_a_read_that_fails_midway_is_told(self, bench: Bench, example: Example) -> None:
        """Whichever single read fails, observe raises, or yields an answer for every object all the same."""
        bodies = self.crowd(example, self.many)
        for body in bodies:
            bench.create(body)
        keys = [bench.key(body) for body in bodies]
        taps = self.read_taps(bench.target)
        bench.look(keys)
        for number in range(1, len(taps.calls) + 1):
            taps.clear()
            taps.before[number] = Transient("the API is down")
            found = self._silent_about(bench, keys)
            assert not found, f"read {number} failed, and observe said nothing about {found}"

    def _silent_about(self, bench: Bench, keys: list[ResourceKey]) -> list[ResourceKey]:
        """Return the keys about which one look says nothing: neither raises, nor yields anything for them."""
        try:
            answers = bench.look(keys)
        except Exception:  # noqa: BLE001  # why: raising is what is wanted, whatever it is
            return []
        blind = [answer for answer in answers if isinstance(answer, Unreadable)]
        seen = {answer.key for answer in answers if isinstance(answer, Live)}
        return [key for key in keys if key not in seen and not any(answer.covers(key) for answer in blind)]

    @check(
        Layer.FAULT,
        why="A refusal taken for absence deletes nothing but creates everything a second time.",
        cure="Let the error out of observe, or yield Unreadable(key, error).",
    )
    def test_unreadable_is_not_absent(self, bench: Bench, example: Example) -> None:
        """While the API cannot be read the engine plans neither a create nor a delete."""
        other = self.named(example.body, "not-declared-any-more")
        store = self.converged(bench.target, [example.body, other]).store
        self.break_reads(bench.target)
        result = self.engine(bench.target, [example.body], store).reconcile()
        done = [f"{outcome.action} {outcome.key}" for outcome in result.outcomes if outcome.status is not OutcomeStatus.DEFERRED]
        assert not done, f"the API could not be read, and the pass tried {done}"

    @check(
        Layer.FAULT,
        why="A write that failed without a word is reported as done.",
        cure="Let the API's error out, translated to a class of gitops_core.errors where one fits.",
    )
    def test_failing_writes_are_told(self, bench: Bench, example: Example) -> None:
        """When the API refuses a write, create, update and delete raise."""
        there = self.named(example.edited or example.body, "there")
        live = bench.create(self.named(example.body, "there"))
        self.break_writes(bench.target)
        attempts: dict[str, Callable[[], object]] = {
            "create": lambda: bench.holder(example.body).create(bench.ctx, bench.change(Action.CREATE, example.body)),
            "delete": lambda: bench.holder(there).delete(bench.ctx, bench.change(Action.DELETE, there, live)),
        }
        if example.edited is not None and bench.can("update", there):
            attempts["update"] = lambda: bench.holder(there).update(bench.ctx, bench.change(Action.UPDATE, there, live))
        for name, attempt in attempts.items():
            answer: object = None
            with contextlib.suppress(Exception):
                answer = attempt()
                pytest.fail(f"the API refused, and {name} returned {answer!r}")

    @check(
        Layer.FAULT,
        why="The engine backs off, keeps to the rate limit and stops in time; a loop in the target does none of these, and turns "
        "one failure into a storm.",
        cure="Let the error out at once: the engine repeats the call. Set the retries of your client to zero.",
    )
    def test_a_failing_call_is_made_once(self, bench: Bench, example: Example) -> None:
        """A write that the API refuses is tried once, not again and again by the target itself."""
        taps = self.api_taps(bench.target)
        taps.down = Transient("the API is down")
        with contextlib.suppress(Exception), unittest.mock.patch.object(time, "sleep"):
            bench.holder(example.body).create(bench.ctx, bench.change(Action.CREATE, example.body))
        assert len(taps.calls) == 1, f"one create made {len(taps.calls)} calls that failed: {taps.calls}"

    @check(
        Layer.FAULT,
        why="Throttled pauses the whole target for as long as the API asked; any other error is repeated after a moment, which makes "
        "it worse.",
        cure="Translate the API's 429 to Throttled(message, retry_after=seconds), and do not wait or retry yourself.",
    )
    def test_throttling_is_passed_on(self, bench: Bench, example: Example) -> None:
        """When the API asks for a pause, the engine makes it on its clock, and then the write is done."""
        taps = self.api_taps(bench.target)
        taps.before[1] = Throttled("429: too many requests", retry_after=_PAUSE)
        world, began = self.engine(bench.target, [example.body]), self.clock.monotonic()
        result = world.reconcile()
        waited = world.clock.monotonic() - began
        assert result.ok, f"the write was throttled once and never done: {result.text()}"
        assert waited >= _PAUSE, f"the API asked for {_PAUSE} s, the next call came after {waited:.1f} s"

    @check(
        Layer.FAULT,
        why="Replies get lost, processes die; the engine repeats the create with the same idempotency key.",
        cure="Hand change.idempotency_key to the API, or create under a name that the API keeps unique.",
    )
    def test_a_lost_reply_makes_no_second_object(self, bench: Bench, example: Example) -> None:
        """A create that is repeated because its reply was lost leaves one object."""
        change = bench.change(Action.CREATE, example.body)
        target = bench.target.member(change.key)
        self.lose_next_reply(bench.target)
        with contextlib.suppress(Exception):
            target.create(bench.ctx, change)
        with contextlib.suppress(AlreadyExists):
            bench.settle(target.create(bench.ctx, change), example.body)
        self.clock.advance(60.0)  # the first create may take its time, and nobody got the token to wait for it
        found = [answer for answer in bench.look([change.key]) if answer.key == change.key]
        assert len(found) == 1, f"there are {len(found)} objects of {change.key}: {found}"

    @check(
        Layer.FAULT,
        why="Half an object is nobody's: neither absent nor as declared.",
        cure="Look at the context before the write, not in the middle of it.",
    )
    def test_a_cancelled_call_is_clean(self, bench: Bench, example: Example) -> None:
        """With a stop requested every call ends, by returning or with Cancelled, and a create is done or not done."""
        bodies = self.crowd(example, self.many)
        for body in bodies:
            bench.create(body)
        stopped = make_context(clock=self.clock)
        stopped.cancel.set()
        twin = Bench(bench.target, stopped)
        with contextlib.suppress(Cancelled):
            twin.look(map(bench.key, bodies))
        fresh = self.named(example.body, "cancelled")
        with contextlib.suppress(Cancelled):
            twin.create(fresh)
        if bench.find(fresh) is not None:
            self.in_sync(bench, fresh, bench.find(fresh))

    @check(
        Layer.FAULT,
        why="The token is stored to be polled after a restart; an operation that never ends blocks its dependents, and what is "
        "pruned must go.",
        cure="Return Pending(token, retry_after) with a token that is text, and let poll return None (or the Live) when it is done.",
    )
    def test_pending_ends(self, bench: Bench, example: Example) -> None:
        """An accepted operation has a token that can be stored, and ends."""
        target = bench.holder(example.body)
        answer = target.create(bench.ctx, bench.change(Action.CREATE, example.body))
        if not isinstance(answer, Pending):
            pytest.skip("this target does everything at once")
        assert answer.token, "the token is empty"
        assert isinstance(answer.token, str), f"the token is no text: {answer.token!r}"
        assert answer.retry_after > 0, f"retry_after is {answer.retry_after}"
        bench.settle(attrs.evolve(answer), example.body)  # what a restart would have: the values, not the object
        live = bench.get(example.body)
        bench.settle(target.delete(bench.ctx, bench.change(Action.DELETE, example.body, live)), example.body, gone=True)
        assert bench.find(example.body) is None, "the delete is done and the object is there"

    @check(
        Layer.FAULT,
        why="A host that is stopped while it waits must find the operation again, and must not start it a second time.",
        cure="Keep nothing about an operation but in its token, and let poll stop without consequences.",
    )
    def test_a_stop_while_pending_is_clean(self, bench: Bench, example: Example) -> None:
        """A wait that is cancelled leaves an operation that still ends, in one object."""
        target = bench.holder(example.body)
        answer = target.create(bench.ctx, bench.change(Action.CREATE, example.body))
        if not isinstance(answer, Pending) or not bench.can("poll", example.body):
            pytest.skip("this target does everything at once, or cannot be asked about an operation")
        stopped = make_context(clock=self.clock)
        stopped.cancel.set()
        with contextlib.suppress(Cancelled):
            target.poll(stopped, answer)
        bench.settle(answer, example.body)
        self.in_sync(bench, example.body, bench.get(example.body))

    @check(
        Layer.FAULT,
        why="Messages end in logs, chats and tickets.",
        cure="Name the object and the field, not the value; attrs.field(repr=False) for bodies and clients; raise from None.",
    )
    def test_no_secret_gets_out(self, bench: Bench, example: Example) -> None:
        """No value of a body is in the repr of the target, of a live object, or in any error or its causes."""
        if not self.text_pointer:
            pytest.skip("text_pointer is not set: secrets are not checked")
        body = with_value(example.body, self.text_pointer, CANARY)
        live, target = bench.create(body), bench.holder(example.body)
        told = [repr(bench.target), str(bench.target), bench.target.name, bench.target.fingerprint, repr(live), str(live)]
        told += _told(lambda: target.create(bench.ctx, bench.change(Action.CREATE, body)))
        gone = self.named(body, "gone")
        ghost = attrs.evolve(live, key=bench.key(gone), id="no-such-id")
        told += _told(lambda: target.delete(bench.ctx, bench.change(Action.DELETE, gone, ghost)))
        if bench.can("update", body):
            told += _told(lambda: target.update(bench.ctx, bench.change(Action.UPDATE, gone, ghost)))
        with contextlib.suppress(pytest.skip.Exception):
            self.break_writes(bench.target)
            told += _told(lambda: target.create(bench.ctx, bench.change(Action.CREATE, self.named(body, "new"))))
        found = [text for text in told if CANARY in text]
        assert not found, f"{self.text_pointer} can be read in: {found}"


def _told(call: Callable[[], object]) -> list[str]:
    """Return every text that *call*'s error and its causes show."""
    texts: list[str] = []
    try:
        call()
    except Exception as error:  # noqa: BLE001  # why: foreign errors end in a PluginError with their text
        texts.append("".join(traceback.format_exception(error)))
        cause: BaseException | None = error
        while cause is not None:
            texts += [str(cause), repr(cause), repr(vars(cause))]
            cause = cause.__cause__ or cause.__context__
    return texts

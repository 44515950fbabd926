"""Checks of a target whose world fails, stops or keeps secrets."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Callable
from typing import Final

import attrs
import pytest

from gitops_core.errors import AlreadyExists, Cancelled, GitOpsError
from gitops_core.model.plans import Action
from gitops_core.model.resources import Live, Pending, Unreadable
from gitops_core.testing.contexts import make_context
from gitops_core.testing.target_bench import Bench, Example, with_value
from gitops_core.testing.target_checks import Checks, broken

_CANARY: Final = "canary-7f3a9c-must-not-sing"


class FaultChecks(Checks):
    """Errors surface, a stop is clean, retries are harmless, secrets stay in."""

    def test_failing_reads_are_told(self, bench: Bench, example: Example) -> None:
        """When the API cannot be read, observe raises or yields Unreadable; it does not say "not there"."""
        bench.create(example.body)
        self.break_reads(bench.target)
        key = bench.key(example.body)
        try:
            answers = bench.look([key])
        except Exception:  # noqa: BLE001  # why: raising is what is wanted; the class is the next check's business
            return
        if not any(isinstance(answer, Unreadable) and answer.covers(key) for answer in answers):
            broken(
                "What could not be read is not absent.",
                "An object that counts as absent is created a second time.",
                "Let the error out of observe, or yield Unreadable(key, error).",
                answers,
            )

    def test_failing_writes_are_told(self, bench: Bench, example: Example) -> None:
        """When the API refuses a write, every mutator raises."""
        there = self.named(example.edited or example.body, "there")
        live = bench.create(self.named(example.body, "there"))
        self.break_writes(bench.target)
        attempts: list[tuple[str, Callable[[], object]]] = [
            ("create", lambda: bench.create(example.body)),
            ("delete", lambda: bench.delete(live, there)),
        ]
        if example.edited is not None and bench.can("update", there):
            attempts.append(("update", lambda: bench.update(there)))
        for name, attempt in attempts:
            try:
                attempt()
            except AssertionError as error:
                _silent(name, error)
            except Exception:  # noqa: BLE001, S112  # why: raising is what is wanted
                continue
            _silent(name, "it returned normally")

    def test_a_lost_reply_makes_no_second_object(self, bench: Bench, example: Example) -> None:
        """A create that is repeated because its reply was lost leaves one object."""
        change = bench.change(Action.CREATE, example.body)
        target = bench.target.member(change.key)
        self.lose_next_reply(bench.target)
        with contextlib.suppress(Exception):
            target.create(bench.ctx, change)
        with contextlib.suppress(AlreadyExists):
            bench.settle(target.create(bench.ctx, change), example.body)
        found = [answer for answer in bench.look([change.key]) if answer.key == change.key]
        if len(found) != 1:
            broken(
                "A repeated create makes no second object.",
                "Replies get lost, processes die; the engine repeats the create with the same idempotency key.",
                "Hand change.idempotency_key to the API, or create under a name that the API keeps unique.",
                found,
            )

    def test_a_cancelled_call_is_clean(self, bench: Bench, example: Example) -> None:
        """With a stop requested every call ends, by returning or with Cancelled, and leaves nothing half done."""
        bodies = self.crowd(example, self.many)
        for body in bodies:
            bench.create(body)
        stopped = make_context()
        stopped.cancel.set()
        twin = Bench(bench.target, stopped)
        with contextlib.suppress(Cancelled):
            twin.look(map(bench.key, bodies))
        fresh = self.named(example.body, "cancelled")
        with contextlib.suppress(Cancelled):
            twin.create(fresh)
        live = bench.find(fresh)
        if live is not None and bench.differences(fresh, live.body):
            broken(
                "A cancelled create is done or not done.",
                "Half an object is nobody's: neither absent nor as declared.",
                "Look at the context before the write, not in the middle of it.",
                live,
            )

    def test_pending_ends(self, bench: Bench, example: Example) -> None:
        """An accepted operation has a token that can be stored, and ends."""
        change = bench.change(Action.CREATE, example.body)
        answer = bench.target.member(change.key).create(bench.ctx, change)
        if not isinstance(answer, Pending):
            pytest.skip("this target does everything at once")
        if not answer.token or answer.retry_after <= 0:
            broken("A token is text.", "It is stored to be polled after a restart.", "Return Pending(json.dumps(...)).", answer)
        copy = attrs.evolve(answer)  # what a restart would have: the values, not the object
        bench.settle(copy, example.body)
        live = bench.get(example.body)
        bench.settle(
            bench.target.member(change.key).delete(bench.ctx, bench.change(Action.DELETE, example.body, live)),
            example.body,
            gone=True,
        )
        if bench.find(example.body) is not None:
            broken("A pending delete ends.", "What is pruned must go.", "Let poll return None when it is done.")

    def test_no_secret_gets_out(self, bench: Bench, example: Example) -> None:
        """No value of a body is in the repr of the target, a live object or any error."""
        if not self.text_pointer:
            pytest.skip("text_pointer is not set: secrets are not checked")
        body = with_value(example.body, self.text_pointer, _CANARY)
        live = bench.create(body)
        told = [repr(bench.target), str(bench.target), bench.target.name, bench.target.fingerprint, repr(live), str(live)]
        change = bench.change(Action.CREATE, body)
        target = bench.target.member(change.key)
        told += _told(lambda: target.create(bench.ctx, change))
        gone = self.named(body, "gone")
        ghost = attrs.evolve(live, key=bench.key(gone), id="no-such-id")
        told += _told(lambda: target.delete(bench.ctx, bench.change(Action.DELETE, gone, ghost)))
        if bench.can("update", body):
            told += _told(lambda: target.update(bench.ctx, bench.change(Action.UPDATE, gone, ghost)))
        with contextlib.suppress(pytest.skip.Exception):
            self.break_writes(bench.target)
            told += _told(lambda: target.create(bench.ctx, bench.change(Action.CREATE, self.named(body, "new"))))
        if any(_CANARY in text for text in told):
            broken(
                "No value of a body is in any text.",
                "Messages end in logs, chats and tickets.",
                "Name the object and the field, not the value; attrs.field(repr=False) for bodies and clients.",
                [text for text in told if _CANARY in text],
            )

    def test_observe_yields_live_or_unreadable(self, bench: Bench, example: Example) -> None:
        """What observe yields is Live or Unreadable."""
        bench.create(example.body)
        for answer in bench.look([bench.key(example.body)]):
            if not isinstance(answer, Live | Unreadable):
                broken("observe yields Live or Unreadable.", "Nothing else means anything.", "Wrap it.", type(answer).__name__)


def _silent(name: str, found: object) -> None:
    broken(
        f"{name} raises when the API refuses.",
        "A write that failed without a word is reported as done.",
        "Let the API's error out, translated to a class of gitops_core.errors where one fits.",
        found,
    )


def _told(call: Callable[[], object]) -> list[str]:
    """Return every text that *call*'s error shows."""
    try:
        call()
    except GitOpsError as error:
        return [str(error), repr(error), "".join(traceback.format_exception_only(error))]
    except Exception as error:  # noqa: BLE001  # why: foreign errors end in a PluginError with their text
        return [str(error), repr(error)]
    return []

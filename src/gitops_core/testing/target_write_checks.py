"""Checks of a target's writes over a world that works."""
# ruff: noqa: S101  # why: a contract suite is made of assertions, and pytest runs it

from __future__ import annotations

import contextlib
import random
import time
import unittest.mock
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest

from gitops_core.errors import AlreadyExists, GitOpsError, NotFound
from gitops_core.interfaces import Identity
from gitops_core.model.plans import Action
from gitops_core.model.resources import Live
from gitops_core.model.values import Body
from gitops_core.testing.promises import Layer, check
from gitops_core.testing.target_bench import Bench, Example, with_value
from gitops_core.testing.target_checks import Checks

_ODD: Final = (
    "",
    " lead and trail ",
    "ünï ☃ 😀",
    "e\u0301 and \u00e9",
    "on",
    "1e3",
    "null",
    "a\nb\n",
    "tab\tand\rreturn",
    "'; drop -- \"",
    "x" * 5_000,
)
_MOST_THREADS: Final = 8


class WriteChecks(Checks):
    """create, update, delete, apply_batch."""

    @check(
        Layer.STATEFUL,
        why="A second plan that is not empty writes the same thing in every pass, for ever.",
        cure="Write every field of change.desired; let normalize hide what the API adds or spells differently.",
    )
    def test_created_is_as_declared(self, bench: Bench) -> None:
        """After a create nothing differs from the declaration."""
        for example in self.examples():
            self.in_sync(bench, example.body, bench.create(example.body))

    @check(
        Layer.STATEFUL,
        why="Between the look and the create somebody else may have made it; writing over it destroys their work, and a second "
        "object of that name is nobody's.",
        cure="Use the API's create and not its put, or make the call conditional (If-None-Match, ON CONFLICT DO NOTHING), and "
        "translate the API's conflict to AlreadyExists: the engine then decides about adoption.",
    )
    def test_create_never_overwrites(self, bench: Bench, example: Example) -> None:
        """A create of what is there raises AlreadyExists and changes nothing."""
        if bench.holder(example.body).identity is Identity.ASSIGNED:
            pytest.skip("this API invents the ids: two creates are two objects")
        bench.create(example.body)
        for body in (example.body, example.edited or example.body):
            change = bench.change(Action.CREATE, body)
            with contextlib.suppress(AlreadyExists):
                bench.settle(bench.target.member(change.key).create(bench.ctx, change), body)
                pytest.fail("the second create returned normally")
        self.in_sync(bench, example.body, bench.get(example.body))

    @check(
        Layer.STATEFUL,
        why="The inventory keeps the id, and a delete names it: an answer about another object deletes that one.",
        cure="Build the Live from what the API answered, with its id and the whole body, or return None: then the engine looks.",
    )
    def test_every_answer_names_the_object(self, bench: Bench, example: Example) -> None:
        """A Live that create or update returns has the key, the id and the body of what is there."""
        target, change = bench.holder(example.body), bench.change(Action.CREATE, example.body)
        answer = target.create(bench.ctx, change)
        bench.settle(answer, example.body)
        there = bench.get(example.body)
        self._same(bench, answer, there)
        if example.edited is not None and bench.can("update", example.body):
            answer = target.update(bench.ctx, bench.change(Action.UPDATE, example.edited, there))
            bench.settle(answer, example.edited)
            self._same(bench, answer, bench.get(example.edited))

    def _same(self, bench: Bench, answer: object, there: Live) -> None:
        if isinstance(answer, Live):
            told = (answer.key, answer.id, answer.version or there.version)  # no version means: in doubt
            assert told == (there.key, there.id, there.version), f"the answer said {answer!r}, observe says {there!r}"
            found = bench.differences(there.body, answer.body)
            assert not found, f"the answer's body is not the one that is there: {found}"

    @check(
        Layer.STATEFUL,
        why="What is reported as pruned and is still there costs money and opens doors.",
        cure="Call the API's delete with change.live.id; return Pending if it takes time.",
    )
    def test_delete_removes(self, bench: Bench) -> None:
        """What was deleted is gone from every listing, and its name can be used again."""
        keys = [bench.key(body) for body in self.family()]
        for example in self.examples():
            live = bench.create(example.body)
            bench.delete(live, example.body)
            left = [answer for answer in bench.look(keys) if answer.key == live.key]
            assert not left, f"{live.key} was deleted without an error and is still listed: {left}"
            self.in_sync(bench, example.body, bench.create(example.body))

    @check(
        Layer.STATEFUL,
        why="After a crash the delete is repeated; an error would keep the object in the inventory for ever.",
        cure="Translate the API's 404 to NotFound, or return None.",
    )
    def test_delete_twice_is_fine(self, bench: Bench, example: Example) -> None:
        """A delete of what is gone succeeds or raises NotFound."""
        live = bench.create(example.body)
        for _ in range(2):
            bench.delete(live, example.body)

    @check(
        Layer.STATEFUL,
        why="Collateral damage is the worst that can happen.",
        cure="Delete by change.live.id, and by every part of the key that the API needs.",
    )
    def test_delete_spares_everything_else(self, bench: Bench) -> None:
        """Deleting one object leaves the others, also those with a similar name."""
        bodies = self.family()
        for body in bodies:
            bench.create(body)
        wanted = bench.picture(bodies)
        for victim in bodies:
            bench.delete(bench.get(victim), victim)
            wanted = [row for row in wanted if row[0] != bench.key(victim)]
            found = bench.picture(bodies)
            assert found == wanted, f"after the delete of {bench.key(victim)} there are {found} instead of {wanted}"

    @check(
        Layer.STATEFUL,
        why="Somebody made a new object under this name; it is not ours to delete.",
        cure="Send the id (a uid precondition), and raise NotFound or Conflict when it is another one.",
    )
    def test_delete_names_the_very_object(self, bench: Bench, example: Example) -> None:
        """A delete made for an object that was replaced by another of the same name leaves that one alone."""
        old = bench.create(example.body)
        bench.delete(old, example.body)
        new = bench.create(example.body)
        if new.id == old.id or not new.id:
            pytest.skip("this API's ids are names: it cannot tell a new object from an old one")
        with contextlib.suppress(GitOpsError):  # a Conflict is as good as doing nothing
            bench.delete(old, example.body)
        assert bench.find(example.body) is not None, f"a delete of id {old.id} removed id {new.id}"

    @check(
        Layer.STATEFUL,
        why="A field that is not written differs in every plan, for ever, and the change in Git never arrives.",
        cure="Write all of change.desired, also the defaults that normalize fills in.",
    )
    def test_update_makes_equal(self, bench: Bench) -> None:
        """After an update of several fields nothing differs, and back again."""
        for example in self.examples():
            if example.edited is None:
                continue
            bench.create(example.body)
            self.in_sync(bench, example.edited, bench.update(example.edited))
            self.in_sync(bench, example.body, bench.update(example.body))

    @check(
        Layer.STATEFUL,
        why="The inventory deletes by id; a new one behind our back is a leak, and a replace that nobody approved.",
        cure="Use the API's update; leave update out altogether if it has none, then a replace is planned and shown.",
    )
    def test_update_keeps_the_object(self, bench: Bench, example: Example) -> None:
        """An update in place keeps the id, and the object is listed once."""
        if example.edited is None or not bench.can("update", example.body):
            pytest.skip("no edited variant, or no update")
        before = bench.create(example.body)
        after = bench.update(example.edited)
        assert before.id == after.id, f"the id {before.id} became {after.id}"

    @check(
        Layer.STATEFUL,
        why="Everything else may be somebody else's.",
        cure="Address the object by change.live.id, or by every part of the key.",
    )
    def test_update_spares_everything_else(self, bench: Bench, example: Example) -> None:
        """Updating one object leaves the others as they are."""
        if example.edited is None:
            pytest.skip("the example has no edited variant")
        others = [body for body in self.family() if bench.key(body) != bench.key(example.body)]
        for body in (example.body, *others):
            bench.create(body)
        before = bench.picture(others)
        bench.update(example.edited)
        after = bench.picture(others)
        assert after == before, f"an update of {bench.key(example.body)} made {after} of {before}"

    @check(
        Layer.STATEFUL,
        why="A success that changed nothing is reported as done; with NotFound the engine creates the object.",
        cure="Check what the API answers (a row count of 0, a 404), and raise NotFound.",
    )
    def test_update_of_the_missing_is_told(self, bench: Bench, example: Example) -> None:
        """An update of what is gone raises NotFound, or puts it back."""
        if example.edited is None or not bench.can("update", example.body):
            pytest.skip("no edited variant, or no update")
        live = bench.create(example.body)
        bench.delete(live, example.body)
        change = bench.change(Action.UPDATE, example.edited, live)
        with contextlib.suppress(NotFound):
            bench.settle(bench.target.member(change.key).update(bench.ctx, change), example.edited)
            assert bench.find(example.edited) is not None, "it returned normally and nothing is there"

    @check(
        Layer.STATEFUL,
        why="An option taken out of Git would stay in force for ever.",
        cure="Remove the pointers of change.previous, or write the whole object.",
    )
    def test_a_dropped_field_goes(self, bench: Bench) -> None:
        """A field that was declared and is not any more, which change.previous names, is taken out of the object."""
        reduced = [(example.body, example.reduced) for example in self.examples() if example.reduced is not None]
        if not reduced:
            pytest.skip("no example has a reduced variant")
        for body, smaller in reduced:
            bench.create(body)
            bench.update(smaller, bench.dropped(body, smaller))
            left = bench.get(body)
            with self.make_target() as fresh:
                twin = Bench(fresh, bench.ctx)
                never = twin.create(smaller)
                found = [*bench.differences(never.body, left.body), *twin.differences(left.body, never.body)]
                assert not found, f"{dict(left.body)} is there instead of {dict(never.body)}: {found}"

    @check(
        Layer.STATEFUL,
        why="A text that is trimmed, cut, folded or taken for a number differs in every plan, and is not what was asked for.",
        cure="Send text as UTF-8, quote it where the API would guess a type, and let normalize say what the API really cannot keep.",
    )
    def test_odd_values_survive(self, bench: Bench, example: Example) -> None:
        """Empty, long, Unicode and YAML-ambiguous texts come back as they were written."""
        if not self.text_pointer:
            pytest.skip("text_pointer is not set: odd values are not checked")
        for number, text in enumerate(_ODD):
            body = self.named(with_value(example.body, self.text_pointer, text), f"odd-{number}")
            self.in_sync(bench, body, bench.create(body))

    @check(
        Layer.STATEFUL,
        why="The engine calls from limits.concurrency threads at once; what one thread overwrites nobody ever notices.",
        cure="Keep nothing on the target between calls, or behind a lock; lower limits.concurrency to what the API bears.",
    )
    def test_as_many_threads_as_limits_say(self, bench: Bench, example: Example) -> None:
        """With limits.concurrency writers at once no create, update or delete is lost."""
        bodies = self.crowd(example, 16)
        edited = [self.named(example.edited or example.body, f"crowd-{number:04}") for number in range(len(bodies))]
        with ThreadPoolExecutor(max(1, min(bench.target.limits.concurrency, _MOST_THREADS))) as pool:
            list(pool.map(bench.create, bodies))
            list(pool.map(bench.update, edited[:12]))
            list(pool.map(lambda body: bench.delete(bench.get(body), body), bodies[12:]))
        for body in edited[:12]:
            self.in_sync(bench, body, bench.find(body))
        left = [bench.key(body) for body in bodies[12:] if bench.find(body) is not None]
        assert not left, f"{left} were deleted and are there"

    @check(
        Layer.STATEFUL,
        why="A call that waits keeps a worker, a lock and a place in the rate limit, and a stop comes too late.",
        cure="Return Pending(token, retry_after): the engine gives the worker back, waits, and asks poll.",
    )
    def test_calls_do_not_wait(self, bench: Bench, example: Example) -> None:
        """No call sleeps, neither on the wall clock nor on the context's."""
        waits = len(self.clock.slept)
        change, target = bench.change(Action.CREATE, example.body), bench.holder(example.body)
        with unittest.mock.patch.object(time, "sleep", side_effect=AssertionError("time.sleep was called")):
            answer = target.create(bench.ctx, change)
            bench.look([change.key])
        waited = self.clock.slept[waits:]
        assert not waited, f"create or observe waited {waited} seconds by itself"
        bench.settle(answer, example.body)

    @check(
        Layer.STATEFUL,
        why="Answers are matched by position: one that is missing or in another place belongs to the wrong object.",
        cure="Yield one answer per change, in the order of the changes.",
    )
    def test_a_batch_answers_one_by_one(self, bench: Bench, example: Example) -> None:
        """The answers of apply_batch are one per change, in order."""
        if not bench.can("apply_batch", example.body):
            pytest.skip("this target has no apply_batch")
        bodies = self.crowd(example, 3)
        answers = self._batch(bench, bodies)
        assert len(answers) == len(bodies), f"{len(bodies)} changes got {len(answers)} answers: {answers}"
        for body, answer in zip(bodies, answers, strict=True):
            assert not isinstance(answer, Exception), f"{bench.key(body)} was answered with {answer!r}"
            bench.settle(answer, body)
            there = bench.get(body)
            self._same(bench, answer, there)
            self.in_sync(bench, body, there)

    @check(
        Layer.STATEFUL,
        why="Independent objects converge even if others fail; an error in the wrong place is reported about the wrong object.",
        cure="Yield the exception as that change's answer, and go on with the next.",
    )
    def test_a_batch_survives_one_failure(self, bench: Bench, example: Example) -> None:
        """In a batch with one change that fails, that one is answered with its error and the others are done."""
        if not bench.can("apply_batch", example.body):
            pytest.skip("this target has no apply_batch")
        if bench.holder(example.body).identity is Identity.ASSIGNED:
            pytest.skip("this API invents the ids: two creates are two objects")
        bodies = self.crowd(example, 3)
        bench.create(bodies[1])
        answers = self._batch(bench, bodies)
        failed = [isinstance(answer, Exception) for answer in answers]
        assert failed == [False, True, False], f"of three creates the second cannot be done; the answers are {answers}"
        for body, answer in zip(bodies, answers, strict=True):
            bench.settle(answer, body)
            self.in_sync(bench, body, bench.find(body))

    def _batch(self, bench: Bench, bodies: list[Body]) -> list[object]:
        changes = [bench.change(Action.CREATE, body) for body in bodies]
        return list(bench.target.member(changes[0].key).apply_batch(bench.ctx, changes))

    @pytest.mark.parametrize("seed", range(8))
    @check(
        Layer.STATEFUL,
        why="A target that remembers something across calls goes wrong only after a while, and then for good.",
        cure="See which of the smaller checks fails; if none does, look for what is kept on the target between calls.",
    )
    def test_random_histories(self, bench: Bench, seed: int) -> None:
        """After any sequence of creates, updates and deletes the world is what a dict would be."""
        dice = random.Random(seed)  # noqa: S311  # why: a seed that repeats
        model: dict[int, Body] = {}
        pairs = [
            (self.named(e.body, f"{i}-{n}"), self.named(e.edited or e.body, f"{i}-{n}"))
            for i, e in enumerate(self.examples())
            for n in range(3)
        ]
        for _ in range(25):
            which = dice.randrange(len(pairs))
            body, there = dice.choice(pairs[which]), model.get(which)
            if there is None:
                bench.create(body)
                model[which] = body
            elif dice.choice((True, False)):
                bench.delete(bench.get(there), there)
                del model[which]
            else:
                bench.update(body, bench.dropped(there, body))
                model[which] = body
        for which, (body, _) in enumerate(pairs):
            live = bench.find(body)
            assert (live is None) == (which not in model), f"history {seed} ended with {live!r} as {bench.key(body)}"
            if live is not None:
                self.in_sync(bench, model[which], live)

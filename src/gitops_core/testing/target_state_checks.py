"""Checks of a target's reads and writes over a world that works."""

from __future__ import annotations

import contextlib
import json
import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from gitops_core.errors import AlreadyExists, GitOpsError, NotFound
from gitops_core.interfaces import Identity
from gitops_core.model.plans import Action
from gitops_core.model.resources import Live, Unreadable
from gitops_core.model.values import Body, freeze, thaw
from gitops_core.testing.target_bench import Bench, Example, with_value
from gitops_core.testing.target_checks import Checks, broken

_ODD = ("", " lead and trail ", "ünï ☃ 😀", "on", "1e3", "null", "a\nb\n", "'; drop -- \"", "x" * 5_000)
_MOST_THREADS = 8


class StateChecks(Checks):
    """create, update, delete, observe, preview, apply_batch, etag."""

    def test_created_is_as_declared(self, bench: Bench) -> None:
        """After a create nothing differs: the second plan is empty."""
        for example in self.examples():
            live = bench.create(example.body)
            _no_difference(bench, example.body, live)

    def test_an_empty_world_is_empty(self, bench: Bench) -> None:
        """A look yields nothing for keys that are not there."""
        found = bench.look(bench.key(example.body) for example in self.examples())
        if found:
            broken(
                "What is not there is not yielded.",
                "An object that is said to be there is never created.",
                "Yield only what the API returned; raise, or yield Unreadable, for what it did not answer.",
                found,
            )

    def test_create_never_overwrites(self, bench: Bench, example: Example) -> None:
        """A create of what is there raises AlreadyExists and changes nothing."""
        if example.edited is None:
            pytest.skip("the example has no edited variant")
        if bench.target.member(bench.key(example.body)).identity is Identity.ASSIGNED:
            pytest.skip("this API invents the ids: two creates are two objects")
        bench.create(example.body)
        change = bench.change(Action.CREATE, example.edited)
        try:
            answer = bench.target.member(change.key).create(bench.ctx, change)
            bench.settle(answer, example.edited)
        except AlreadyExists:
            pass
        except GitOpsError as error:
            broken(
                "create says AlreadyExists.",
                "The engine then decides about adoption.",
                "Translate the API's conflict.",
                repr(error),
            )
        else:
            broken(
                "create raises AlreadyExists when the object is there.",
                "Between the look and the create somebody else may have made it; writing over it destroys their work.",
                "Use the API's create and not its put, or make the call conditional (If-None-Match, ON CONFLICT DO NOTHING).",
            )
        _no_difference(bench, example.body, bench.get(example.body))

    def test_delete_removes(self, bench: Bench) -> None:
        """What was deleted is gone, and its name can be used again."""
        for example in self.examples():
            bench.delete(bench.create(example.body), example.body)
            if bench.find(example.body) is not None:
                broken(
                    "delete removes the object, or raises.",
                    "What is reported as pruned and is still there costs money and opens doors.",
                    "Call the API's delete with change.live.id; return Pending if it takes time.",
                )
            _no_difference(bench, example.body, bench.create(example.body))

    def test_delete_twice_is_fine(self, bench: Bench, example: Example) -> None:
        """A delete of what is gone succeeds or raises NotFound."""
        live = bench.create(example.body)
        bench.delete(live, example.body)
        try:
            bench.delete(live, example.body)
        except Exception as error:  # noqa: BLE001  # why: any error but NotFound is the finding
            broken(
                "A delete of what is gone raises nothing but NotFound.",
                "After a crash the delete is repeated; an error would keep the object in the inventory for ever.",
                "Translate the API's 404 to NotFound, or return None.",
                repr(error),
            )

    def test_delete_spares_everything_else(self, bench: Bench) -> None:
        """Deleting one object leaves the others, also those with a similar name."""
        bodies = self._family()
        for body in bodies:
            bench.create(body)
        before = bench.picture(bodies)
        for victim in bodies:
            bench.delete(bench.get(victim), victim)
            before = [row for row in before if row[0] != bench.key(victim)]
            if bench.picture(bodies) != before:
                broken(
                    "delete removes exactly the object it was given.",
                    "Collateral damage is the worst that can happen.",
                    "Delete by change.live.id, and by every part of the key that the API needs.",
                    f"{bench.picture(bodies)} instead of {before}",
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
        if bench.find(example.body) is None:
            broken(
                "delete removes change.live.id, not whatever has its name by now.",
                "Somebody made a new object under this name; it is not ours to delete.",
                "Send the id (a uid precondition), and raise NotFound or Conflict when it is another one.",
            )

    def test_update_makes_equal(self, bench: Bench) -> None:
        """After an update of several fields nothing differs, and back again."""
        for example in self.examples():
            if example.edited is None:
                continue
            bench.create(example.body)
            _no_difference(bench, example.edited, bench.update(example.edited))
            _no_difference(bench, example.body, bench.update(example.body))

    def test_update_keeps_the_object(self, bench: Bench, example: Example) -> None:
        """An update in place keeps the id."""
        if example.edited is None or not bench.can("update", example.body):
            pytest.skip("no edited variant, or no update")
        before = bench.create(example.body)
        after = bench.update(example.edited)
        if before.id != after.id:
            broken(
                "update keeps the object and its id.",
                "The inventory deletes by id; a new one behind our back is a leak, and a replace that nobody approved.",
                "Use the API's update; leave update out altogether if it has none, then a replace is planned and shown.",
                f"{before.id} became {after.id}",
            )

    def test_update_spares_everything_else(self, bench: Bench, example: Example) -> None:
        """Updating one object leaves the others as they are."""
        if example.edited is None:
            pytest.skip("the example has no edited variant")
        others = [body for body in self._family() if bench.key(body) != bench.key(example.body)]
        for body in (example.body, *others):
            bench.create(body)
        before = bench.picture(others)
        bench.update(example.edited)
        if bench.picture(others) != before:
            broken(
                "update changes exactly the object it was given.",
                "Everything else may be somebody else's.",
                "Address it by change.live.id, or by every part of the key.",
            )

    def test_update_of_the_missing_is_told(self, bench: Bench, example: Example) -> None:
        """An update of what is gone raises, or puts it back; it does not claim success for nothing."""
        if example.edited is None or not bench.can("update", example.body):
            pytest.skip("no edited variant, or no update")
        live = bench.create(example.body)
        bench.delete(live, example.body)
        change = bench.change(Action.UPDATE, example.edited, live)
        try:
            bench.settle(bench.target.member(change.key).update(bench.ctx, change), example.edited)
        except NotFound:
            return
        except Exception as error:  # noqa: BLE001  # why: any other error is the finding
            broken(
                "update of what is gone raises NotFound.", "The engine then creates it.", "Translate the API's 404.", repr(error)
            )
        if bench.find(example.edited) is None:
            broken(
                "update of what is gone raises NotFound.",
                "It returned normally and nothing is there.",
                "Check what the API answers (a row count of 0, a 404).",
            )

    def test_a_dropped_field_goes(self, bench: Bench) -> None:
        """A field that is no longer declared is taken out of the object."""
        reduced = [example for example in self.examples() if example.reduced is not None]
        if not reduced:
            pytest.skip("no example has a reduced variant")
        for example in reduced:
            smaller: Body = example.reduced or {}
            bench.create(example.body)
            bench.update(smaller, bench.dropped(example.body, smaller))
            left = bench.get(example.body)
            fresh = self.make_target()
            with fresh:
                twin = Bench(fresh, bench.ctx)
                never = twin.create(smaller)
                if bench.differences(never.body, left.body) or twin.differences(left.body, never.body):
                    broken(
                        "A field that was declared and is not any more is removed: change.previous names it.",
                        "An option taken out of Git would stay in force for ever.",
                        "Remove the pointers of change.previous, or write the whole object.",
                        f"{dict(left.body)} instead of {dict(never.body)}",
                    )

    def test_observe_is_complete(self, bench: Bench, example: Example) -> None:
        """Everything that is asked for and there is yielded, once, however many pages the API makes of it."""
        bodies = self.crowd(example, self.many)
        for body in bodies:
            bench.create(body)
        keys = sorted(bench.key(body) for body in bodies)
        found = sorted(answer.key for answer in bench.look(keys) if isinstance(answer, Live) and answer.key in keys)
        if found != keys:
            broken(
                "observe yields every asked object that exists, once.",
                "What is missing is created a second time, or written off as gone.",
                "Follow the API's pages to the end.",
                f"{len(found)} of {len(keys)}",
            )

    def test_observe_honours_its_keys(self, bench: Bench, example: Example) -> None:
        """Asked for some, observe yields these, and no object that is not there."""
        bodies = self.crowd(example, 6)
        for body in bodies[:4]:
            bench.create(body)
        asked = {bench.key(body) for body in bodies[2:]}
        there = {bench.key(body) for body in bodies[:4]}
        answers = {answer.key for answer in bench.look(asked)}
        if not asked & there <= answers or not answers <= there:
            broken(
                "observe yields all of query.keys that exist, and nothing that does not.",
                "It is the only eye that the engine has.",
                "Look every key up, or list and yield what the API returned.",
                sorted(map(str, answers)),
            )

    def test_known_versions_are_only_a_hint(self, bench: Bench, example: Example) -> None:
        """An object whose version is known is still yielded, and its body can still be read."""
        live = bench.create(example.body)
        again = [a for a in bench.look([live.key], {live.key: live.version}) if isinstance(a, Live) and a.key == live.key]
        if len(again) != 1:
            broken(
                "A known version is a hint.", "An object left out counts as gone.", "Yield it, with a lazily read body.", again
            )
        _no_difference(bench, example.body, again[0])

    def test_live_is_json(self, bench: Bench) -> None:
        """Keys, ids, versions and bodies of what is observed are plain JSON values."""
        for example in self.examples():
            live = bench.create(example.body)
            try:
                json.dumps([*live.key, live.id, live.version, thaw(freeze(live.body))], allow_nan=False)
            except TypeError as error:
                broken(
                    "A live object is JSON.", "It is compared, digested and printed.", "Turn dates and numbers to text.", error
                )

    def test_odd_values_survive(self, bench: Bench, example: Example) -> None:
        """Empty, long, Unicode and YAML-ambiguous texts come back as they were written."""
        if not self.text_pointer:
            pytest.skip("text_pointer is not set: odd values are not checked")
        for number, text in enumerate(_ODD):
            body = self.named(with_value(example.body, self.text_pointer, text), f"odd-{number}")
            _no_difference(bench, body, bench.create(body))

    def test_as_many_threads_as_limits_say(self, bench: Bench, example: Example) -> None:
        """limits.concurrency writers at once lose nothing."""
        bodies = self.crowd(example, 16)
        threads = max(1, min(bench.target.limits.concurrency, _MOST_THREADS))
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(bench.create, bodies))
        for body in bodies:
            _no_difference(bench, body, bench.get(body))

    def test_looking_writes_nothing(self, bench: Bench) -> None:
        """observe, preview, etag and all pure functions leave the world as it is."""
        bodies = [example.body for example in self.examples()]
        for body in bodies[1:]:
            bench.create(body)
        before = self.world(bench, bodies)
        for example in self.examples():
            target = bench.target.member(bench.key(example.body))
            bench.look([bench.key(example.body)])
            target.etag(bench.ctx)
            if bench.can("preview", example.body):
                there = bench.find(example.body)
                change = bench.change(Action.UPDATE if there else Action.CREATE, example.edited or example.body, there)
                freeze(target.preview(bench.ctx, change))
        if self.world(bench, bodies) != before:
            broken(
                "Only mutators write.",
                "plan() is run by anybody, anywhere, on a pull request; it must be safe.",
                "Take every write out of observe, preview, etag and the pure functions.",
            )

    def test_etag_follows_the_world(self, bench: Bench, example: Example) -> None:
        """The ETag changes with every write, and only then."""
        first = bench.target.etag(bench.ctx)
        if first is None:
            pytest.skip("this target has no ETag")
        seen = [first, bench.target.etag(bench.ctx)]
        live = bench.create(example.body)
        seen.append(bench.target.etag(bench.ctx))
        bench.delete(live, example.body)
        seen.append(bench.target.etag(bench.ctx))
        if seen[0] != seen[1] or len(set(seen)) != len(seen) - 1:
            broken(
                "The ETag changes with every write, and only then.",
                "An equal ETag means that the pass is over without a look.",
                "Return None when the API has no such token.",
                seen,
            )

    def test_a_batch_answers_one_by_one(self, bench: Bench, example: Example) -> None:
        """apply_batch gives one answer per change, in order."""
        if not bench.can("apply_batch", example.body):
            pytest.skip("this target has no apply_batch")
        bodies = self.crowd(example, 3)
        changes = [bench.change(Action.CREATE, body) for body in bodies]
        answers = list(bench.target.member(changes[0].key).apply_batch(bench.ctx, changes))
        if len(answers) != len(changes) or any(isinstance(answer, Exception) for answer in answers):
            broken("apply_batch yields one answer per change.", "They are matched by position.", "Yield in order.", answers)
        for body, answer in zip(bodies, answers, strict=True):
            bench.settle(answer, body)
            _no_difference(bench, body, bench.get(body))

    @pytest.mark.parametrize("seed", range(8))
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
            elif dice.random() < 0.5:  # noqa: PLR2004  # why: a coin
                bench.delete(bench.get(there), there)
                del model[which]
            else:
                bench.update(body, bench.dropped(there, body))
                model[which] = body
        for which, (body, _) in enumerate(pairs):
            live = bench.find(body)
            if (live is None) != (which not in model):
                broken("Writes add up.", f"History {seed} ended otherwise.", "See the smaller checks.", (bench.key(body), live))
            if live is not None:
                _no_difference(bench, model[which], live)

    def _family(self) -> list[Body]:
        """Return every example and objects whose names begin alike."""
        first = self.examples()[0].body
        return [*(example.body for example in self.examples()), *(self.named(first, name) for name in ("a", "aa", "a-b", "ab"))]


def _no_difference(bench: Bench, desired: Body, live: Live | Unreadable) -> None:
    found = bench.differences(desired, live.body) if isinstance(live, Live) else live
    if found:
        broken(
            "What was written is read back without a difference.",
            "A second plan that is not empty writes the same thing in every pass, for ever.",
            "Write every field of change.desired; let normalize hide what the API adds or spells differently.",
            found,
        )

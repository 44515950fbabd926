"""Checks of a target's reads: the only eye that the engine has."""
# ruff: noqa: S101  # why: a contract suite is made of assertions, and pytest runs it

from __future__ import annotations

import itertools
import json

import pytest

from gitops_core.model.plans import Action
from gitops_core.model.pointers import get
from gitops_core.model.resources import Live, Unreadable
from gitops_core.model.values import freeze, thaw
from gitops_core.testing.promises import Layer, check
from gitops_core.testing.target_bench import Bench, Example
from gitops_core.testing.target_checks import Checks


class ReadChecks(Checks):
    """observe, preview, etag."""

    @check(
        Layer.STATEFUL,
        why="An object that is said to be there is never created.",
        cure="Yield only what the API returned; raise, or yield Unreadable, for what it did not answer.",
    )
    def test_an_empty_world_is_empty(self, bench: Bench) -> None:
        """A look yields nothing for keys that are not there."""
        found = bench.look(bench.key(example.body) for example in self.examples())
        assert not found, f"nothing was created, and observe yielded {found}"

    @check(
        Layer.STATEFUL,
        why="What is missing is created a second time, or written off as gone; what comes twice cannot be told apart.",
        cure="Follow the API's pages to the end, also when the last one is full; mind what moves between two pages.",
    )
    def test_observe_is_complete(self, bench: Bench, example: Example) -> None:
        """Everything that is asked for and there is yielded, once, however many pages the API makes of it."""
        bodies = self.crowd(example, self.many)
        keys = [bench.key(body) for body in bodies]
        for count, body in enumerate(bodies, 1):
            bench.create(body)
            found = sorted(answer.key for answer in bench.look(keys) if isinstance(answer, Live) and answer.key in keys)
            assert found == sorted(keys[:count]), f"{count} objects are there, observe yielded {len(found)}: {found}"

    @check(
        Layer.STATEFUL,
        why="It is the only eye that the engine has.",
        cure="Look every key up, or list and yield what the API returned.",
    )
    def test_observe_honours_its_keys(self, bench: Bench, example: Example) -> None:
        """Asked for some keys, observe yields all of them that exist, and no object that does not."""
        bodies = self.crowd(example, 6)
        for body in bodies[2:]:
            bench.create(body)
        asked = {bench.key(body) for body in bodies[:4]}
        there = {bench.key(body) for body in bodies[2:]}
        answers = {answer.key for answer in bench.look(asked)}
        assert asked & there <= answers, f"{sorted(map(str, asked & there - answers))} exist and were not yielded"
        assert answers <= there, f"{sorted(map(str, answers - there))} were yielded and do not exist"

    @check(
        Layer.STATEFUL,
        why="An object left out counts as gone and is created anew.",
        cure="Yield it all the same, with a body that is read when it is touched, if reading it costs something.",
    )
    def test_known_versions_are_only_a_hint(self, bench: Bench, example: Example) -> None:
        """An object whose version is known is still yielded, and its body can still be read."""
        live = bench.create(example.body)
        again = [a for a in bench.look([live.key], {live.key: live.version}) if isinstance(a, Live) and a.key == live.key]
        assert len(again) == 1, f"with a known version observe yielded {again}"
        self.in_sync(bench, example.body, again[0])

    @check(
        Layer.STATEFUL,
        why="A version that changes by itself makes every pass compare every object again, and every saved plan stale.",
        cure="Hand out the API's version of the object (an ETag, a generation), or a digest of its body; leave it empty if in doubt.",
    )
    def test_versions_are_stable(self, bench: Bench, example: Example) -> None:
        """An object that nobody touches keeps its id and its version."""
        bench.create(example.body)
        bench.create(self.named(example.body, "neighbour"))
        first, second = (bench.get(example.body) for _ in range(2))
        assert (first.id, first.version) == (second.id, second.version), f"{first!r} became {second!r} without a write"

    @check(
        Layer.STATEFUL,
        why="Two applications may look at one target at the same time; an object that one of them misses is created twice.",
        cure="Keep the position in the listing in a local variable of observe, not on the target.",
    )
    def test_reads_may_overlap(self, bench: Bench, example: Example) -> None:
        """Two looks that run at the same time are both complete."""
        bodies = self.crowd(example, self.many)
        for body in bodies:
            bench.create(body)
        keys = {bench.key(body) for body in bodies}
        pairs = itertools.zip_longest(*(bench.answers(keys) for _ in range(2)))
        for found in ({answer.key for answer in answers if answer} for answers in zip(*pairs, strict=True)):
            assert keys <= found, f"of two overlapping looks one missed {len(keys - found)} of {len(keys)} objects"

    @check(
        Layer.STATEFUL,
        why="It is compared, digested, stored and printed.",
        cure="Turn dates, decimals, bytes and enumerations to text or numbers where they enter.",
    )
    def test_live_is_json(self, bench: Bench) -> None:
        """Keys, ids, versions and bodies of what is observed are plain JSON values."""
        for example in self.examples():
            live = bench.create(example.body)
            json.dumps([*live.key, live.id, live.version, thaw(freeze(live.body))], allow_nan=False)

    @check(
        Layer.STATEFUL,
        why="Nothing else means anything to the engine: a pass over this target would end in a PluginError.",
        cure="Wrap what the API returns in Live, and what it refuses to show in Unreadable(key, error).",
    )
    def test_observe_yields_live_or_unreadable(self, bench: Bench, example: Example) -> None:
        """What observe yields is Live or Unreadable."""
        bench.create(example.body)
        answers: list[object] = [*bench.look([bench.key(example.body)])]
        strangers = [type(answer).__name__ for answer in answers if not isinstance(answer, Live | Unreadable)]
        assert not strangers, f"observe yielded {strangers}"

    @check(
        Layer.STATEFUL,
        why="fields.write_only says that the value never comes back; one that does is taken for somebody else's, and gets out.",
        cure="Drop the field from what observe yields, or list it in fields.sensitive instead.",
    )
    def test_write_only_values_are_not_read_back(self, bench: Bench) -> None:
        """No answer holds the value of a write-only field."""
        for example in self.examples():
            secrets = dict(bench.declared("write_only", example.body))
            if secrets:
                live = bench.create(example.body)
                back = [pointer for pointer, value in secrets.items() if get(live.body, pointer) == value]
                assert not back, f"{back} came back in clear"
                return
        pytest.skip("no example declares a write-only field")

    @check(
        Layer.STATEFUL,
        why="plan() is run by anybody, anywhere, on a pull request; it must be safe.",
        cure="Take every write out of observe, preview, etag and the pure functions.",
    )
    def test_looking_writes_nothing(self, bench: Bench) -> None:
        """Only mutators write: observe, preview, etag and all pure functions leave the world as it is."""
        bodies = [example.body for example in self.examples()]
        for body in bodies[1:]:
            bench.create(body)
        before = self.world(bench, bodies)
        for example in self.examples():
            target = bench.holder(example.body)
            bench.look([bench.key(example.body)])
            target.etag(bench.ctx)
            if bench.can("preview", example.body):
                there = bench.find(example.body)
                change = bench.change(Action.UPDATE if there else Action.CREATE, example.edited or example.body, there)
                freeze(target.preview(bench.ctx, change))
        after = self.world(bench, bodies)
        assert after == before, f"{before} became {after}"

    @check(
        Layer.STATEFUL,
        why="The plan shows the preview; what is approved must be what is done.",
        cure="Return the object that the API says would be there, complete, not only what would change.",
    )
    def test_preview_shows_what_would_be(self, bench: Bench, example: Example) -> None:
        """A preview of a create and of an update is in sync with the declaration."""
        if not bench.can("preview", example.body):
            pytest.skip("this target has no preview")
        changes = [bench.change(Action.CREATE, example.body)]
        if example.edited is not None and bench.can("update", example.body):
            there = bench.create(self.named(example.body, "there"))
            changes.append(bench.change(Action.UPDATE, self.named(example.edited, "there"), there))
        for change in changes:
            shown = bench.target.member(change.key).preview(bench.ctx, change)
            found = bench.differences(change.desired, shown)
            assert not found, f"the preview of the {change.action} differs from the declaration: {found}"

    @check(
        Layer.STATEFUL,
        why="An equal ETag means that the pass is over without a look; one that changes by itself makes no pass free.",
        cure="Return what the API says about the whole scope, and None when it says nothing.",
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
        assert seen[0] == seen[1], f"nothing was written, and the ETag went from {seen[0]} to {seen[1]}"
        assert len(set(seen)) == len(seen) - 1, f"a create and a delete gave the ETags {seen[1:]}"

"""Checks with somebody else in the world: edits, removals and fields that are not ours."""
# ruff: noqa: S101  # why: a contract suite is made of assertions, and pytest runs it

from __future__ import annotations

import contextlib

import attrs
import pytest

from gitops_core.errors import Conflict
from gitops_core.model.applications import IgnoreRule
from gitops_core.model.plans import Action, DiffOp
from gitops_core.model.pointers import get, split
from gitops_core.model.values import thaw
from gitops_core.testing.promises import Layer, check
from gitops_core.testing.target_bench import Bench, Example, with_value
from gitops_core.testing.target_checks import Checks


class WorldChecks(Checks):
    """What others do is seen, and what is theirs is left alone."""

    @check(
        Layer.STATEFUL,
        why="Drift that is not seen is not repaired; an old version makes the engine skip the comparison.",
        cure="Keep nothing between two calls of observe, and change the version with the object.",
    )
    def test_an_edit_by_others_is_seen(self, bench: Bench, example: Example) -> None:
        """After somebody else's edit observe yields the new values, and another version or none."""
        if example.edited is None:
            pytest.skip("the example has no edited variant")
        before = bench.create(example.body)
        bench.find(example.body)  # what is remembered from here must not be believed later
        self.external_edit(bench.target, before.key, example.edited)
        after = bench.get(example.body)
        assert bench.differences(example.body, after.body), f"observe still yields {after.body}"
        assert not after.version or after.version != before.version, f"the version still is {after.version}"

    @check(
        Layer.STATEFUL,
        why="Equal versions are not compared: the edit would never be seen.",
        cure="Take the version from the API's answer, not from query.versions; leave it empty if in doubt.",
    )
    def test_a_known_version_does_not_hide_an_edit(self, bench: Bench, example: Example) -> None:
        """An object that was edited has another version than the one that is known, or none."""
        if example.edited is None:
            pytest.skip("the example has no edited variant")
        bench.create(example.body)
        known = bench.get(example.body)
        self.external_edit(bench.target, known.key, example.edited)
        versions = [getattr(a, "version", "") for a in bench.look([known.key], {known.key: known.version}) if a.key == known.key]
        assert versions, "with a known version the edited object was not yielded"
        assert "" in versions or known.version not in versions, f"the version still is {known.version}"

    @check(
        Layer.STATEFUL,
        why="An object that counts as there is never created again.",
        cure="Ask the API every time; believe no list of your own.",
    )
    def test_a_removal_by_others_is_seen(self, bench: Bench, example: Example) -> None:
        """After somebody else's delete observe does not yield the object, and it can be created again."""
        live = bench.create(example.body)
        self.external_remove(bench.target, live.key)
        assert bench.find(example.body) is None, f"{live.key} was removed and is still yielded"
        self.in_sync(bench, example.body, bench.create(example.body))

    @check(
        Layer.STATEFUL,
        why="Controllers and people keep their own values in our objects; an update that drops them starts a fight. Where the "
        "whole object is ours (owns_whole_object) it is the other way round: such a field is drift, and goes.",
        cure="Send only what is declared (a merge patch), or read, overlay and write (gitops_core.targets.merging.overlay); for a "
        "whole object override diff, and write all of it.",
    )
    def test_fields_of_others(self, bench: Bench, example: Example) -> None:
        """A field nobody declared is no difference and survives an update, unless the whole object is ours."""
        if self.undeclared is None or example.edited is None:
            pytest.skip("undeclared is not set, or no edited variant: fields of others are not checked")
        pointer, value = self.undeclared
        live = bench.create(example.body)
        self.external_edit(bench.target, live.key, with_value(thaw(live.body), pointer, value))
        seen = bool(bench.differences(example.body, bench.get(example.body).body))
        after = bench.update(example.edited).body
        kept = not bench.differences(with_value(after, pointer, value), after)
        assert seen == self.owns_whole_object, f"{pointer} of somebody else {'is' if seen else 'is not'} a difference"
        assert kept != self.owns_whole_object, f"{pointer} of somebody else {'survived' if kept else 'is gone'}: {dict(after)}"

    @check(
        Layer.STATEFUL,
        why="An autoscaler and the engine would undo each other's work with every other change of the object.",
        cure="Write change.desired: ignored fields have their live values in it. Leave them out only where the API keeps what is not "
        "sent.",
    )
    def test_an_ignored_field_keeps_its_value(self, bench: Bench, example: Example) -> None:
        """A declared field that is ignored keeps the value that somebody else gave it when another field is updated."""
        edited, pointer = example.edited, self._left_to_others(bench, example)
        if edited is None or not pointer:
            pytest.skip("this target has no update, or no edited variant with two plain fields: ignored fields are not checked")
        store = self.converged(bench.target, [example.body]).store
        live = bench.get(example.body)
        theirs = get(edited, pointer)
        self.external_edit(bench.target, live.key, with_value(thaw(live.body), pointer, theirs))
        declared = with_value(edited, pointer, get(example.body, pointer))
        world = self.engine(bench.target, [declared], store)
        world.options = attrs.evolve(world.options, ignore=[IgnoreRule([pointer])])
        self.converge(world)
        after = bench.get(declared).body
        found = bench.differences(with_value(declared, pointer, theirs), after)
        assert not found, (
            f"{pointer} is ignored and was {theirs!r}; after an update of something else the object is {dict(after)}"
        )

    def _left_to_others(self, bench: Bench, example: Example) -> str:
        """Return a field, no item of a list, in which *example* and its edited variant differ, if it is not the only one."""
        if example.edited is None or not bench.can("update", example.body):
            return ""
        found = bench.differences(example.edited, example.body)
        hidden = bench.holder(example.body).fields.write_only
        plain = (d.pointer for d in found if d.op is DiffOp.REPLACE and not hidden.covers(d.pointer))
        named = (p for p in plain if get(example.body, p) is not None and not any(part.isdecimal() for part in split(p)))
        return next(named, "") if len(found) > 1 else ""

    @check(
        Layer.STATEFUL,
        why="Between our look and our write somebody else wrote; putting the old object back undoes their work without a word.",
        cure="Send change.live.version along (If-Match, resourceVersion) and raise Conflict when the API refuses, or send only the "
        "fields that are declared.",
    )
    def test_a_stale_update_loses_nothing(self, bench: Bench, example: Example) -> None:
        """An update made for an old version of the object raises Conflict, or leaves what others wrote since."""
        if self.undeclared is None or example.edited is None or self.owns_whole_object:
            pytest.skip("undeclared is not set, or no edited variant, or the whole object is ours")
        if not bench.can("update", example.body) or not self.conditional_writes:
            pytest.skip("this target has no update, or its API no conditional writes")
        stale = bench.create(example.body)
        if not stale.version:
            pytest.skip("this API has no versions: a write for an old state cannot be told from any other")
        pointer, value = self.undeclared
        self.external_edit(bench.target, stale.key, with_value(thaw(stale.body), pointer, value))
        with contextlib.suppress(Conflict):
            change = bench.change(Action.UPDATE, example.edited, stale)
            bench.settle(bench.target.member(change.key).update(bench.ctx, change), example.edited)
        after = bench.get(example.edited).body
        assert get(after, pointer, None) == value, f"{pointer} was set by somebody else in between and is gone: {dict(after)}"

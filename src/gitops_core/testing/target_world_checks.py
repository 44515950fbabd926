"""Checks with somebody else in the world: edits, removals and fields that are not ours."""

from __future__ import annotations

import pytest

from gitops_core.model.values import thaw
from gitops_core.testing.target_bench import Bench, Example, with_value
from gitops_core.testing.target_checks import Checks, broken


class WorldChecks(Checks):
    """What others do is seen, and what is theirs is left alone."""

    def test_an_edit_by_others_is_seen(self, bench: Bench, example: Example) -> None:
        """After somebody else's edit observe yields the new values, and another version."""
        if example.edited is None:
            pytest.skip("the example has no edited variant")
        before = bench.create(example.body)
        bench.find(example.body)  # what is remembered from here must not be believed later
        self.external_edit(bench.target, before.key, example.edited)
        after = bench.get(example.body)
        if not bench.differences(example.body, after.body) or (after.version and after.version == before.version):
            broken(
                "observe shows what is there now.",
                "Drift that is not seen is not repaired; an old version makes the engine skip the comparison.",
                "Keep nothing between two calls of observe.",
                after,
            )

    def test_a_known_version_does_not_hide_an_edit(self, bench: Bench, example: Example) -> None:
        """An object that was edited has another version than the one that is known, or none."""
        if example.edited is None:
            pytest.skip("the example has no edited variant")
        bench.create(example.body)
        known = bench.get(example.body)
        self.external_edit(bench.target, known.key, example.edited)
        after = next(a for a in bench.look([known.key], {known.key: known.version}) if a.key == known.key)
        if getattr(after, "version", "") and after.version == known.version:  # type: ignore[union-attr]  # why: checked by getattr
            broken("A version changes with the object.", "Equal versions are not compared.", "Leave it empty if in doubt.", after)

    def test_a_removal_by_others_is_seen(self, bench: Bench, example: Example) -> None:
        """After somebody else's delete observe does not yield the object, and it can be created again."""
        live = bench.create(example.body)
        self.external_remove(bench.target, live.key)
        if bench.find(example.body) is not None:
            broken(
                "What is gone is not yielded.",
                "It is never created again.",
                "Ask the API every time.",
            )
        bench.create(example.body)

    def test_fields_of_others(self, bench: Bench, example: Example) -> None:
        """A field nobody declared survives an update; where the whole object is ours it is a difference, and goes."""
        if self.undeclared is None or example.edited is None:
            pytest.skip("undeclared is not set, or no edited variant: fields of others are not checked")
        pointer, value = self.undeclared
        live = bench.create(example.body)
        self.external_edit(bench.target, live.key, with_value(thaw(live.body), pointer, value))
        seen = bench.differences(example.body, bench.get(example.body).body)
        after = bench.update(example.edited).body
        kept = bool(bench.differences(with_value(after, pointer, value), after)) is False
        if self.owns_whole_object and (kept or not seen):
            broken(
                "A field that somebody adds to an object that is wholly ours is drift, and goes.",
                "owns_whole_object says so.",
                "Override diff, and write the whole object.",
                (seen, after),
            )
        if not self.owns_whole_object and (not kept or seen):
            broken(
                "A field that nobody declared is left alone.",
                "Controllers and people keep their own values in our objects; an update that drops them starts a fight.",
                "Send only what is declared (a merge patch), or read, overlay and write (gitops_core.targets.merging.overlay).",
                (seen, after),
            )

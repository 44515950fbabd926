"""Checks of a target's pure functions: they need no world."""
# ruff: noqa: S101  # why: a contract suite is made of assertions, and pytest runs it

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gitops_core.model.health import Health
from gitops_core.model.pointers import split
from gitops_core.model.resources import Live, as_key
from gitops_core.model.values import Body, canonical_json, freeze, same, thaw
from gitops_core.testing.promises import Layer, check
from gitops_core.testing.target_bench import Bench, shuffled, with_value
from gitops_core.testing.target_checks import Checks


class PureChecks(Checks):
    """key, normalize, diff, depends_on, health, scope, repr."""

    def _variants(self) -> Iterator[Body]:
        for example in self.examples():
            variants = (example.body, example.edited, example.reduced, example.replaced, *example.spellings)
            yield from (body for body in variants if body is not None)

    @check(
        Layer.PURE,
        why="It is applied to the declaration and to the live object, which may be in the API's spelling already; a second "
        "application that changes something is a difference in every plan, for ever.",
        cure="Let normalize return what it would accept unchanged.",
    )
    def test_normalize_is_idempotent(self, bench: Bench) -> None:
        """A normal form is its own normal form: normalize(normalize(x)) == normalize(x)."""
        for body in self._variants():
            once = thaw(bench.target.normalize(freeze(body)))
            twice = thaw(bench.target.normalize(freeze(once)))
            assert same(once, twice), f"{once} became {twice}"

    @check(
        Layer.PURE,
        why="Plans are content-addressed and saved; a form that differs from call to call makes every saved plan stale.",
        cure="Leave time, randomness, iteration over sets and the order of keys out of normalize.",
    )
    def test_normalize_is_deterministic(self, bench: Bench) -> None:
        """Equal bodies, whatever the order of their keys, have equal normal forms every time."""
        for body in self._variants():
            spelled = (body, shuffled(body)) * 3
            forms = {canonical_json(bench.target.normalize(freeze(each))) for each in spelled}
            assert len(forms) == 1, f"one body has {len(forms)} normal forms: {sorted(forms)}"

    @check(
        Layer.PURE,
        why="The same body is used again for the plan, the digest and the write.",
        cure="Work on gitops_core.model.values.thaw(body), or build a new dict.",
    )
    def test_pure_functions_leave_their_input_alone(self, bench: Bench) -> None:
        """The functions key, normalize, diff, depends_on and health change nothing that they are handed."""
        target = bench.target
        for body in self._variants():
            given: dict[str, object] = thaw(body)
            key = bench.key(body)
            target.key(given)
            target.normalize(given)
            list(target.diff(given, given) or ())
            list(target.depends_on(given))
            target.health(Live(key, given))
            assert given == thaw(body), f"{thaw(body)} became {given}"

    @check(
        Layer.PURE,
        why="Two keys for one object mean that one pass creates what the next one prunes.",
        cure="Let key() fold what the API folds: case, a trailing dot, a default.",
    )
    def test_key_is_stable(self, bench: Bench) -> None:
        """The key of the normal form, of every spelling and of every edit is the key of the declaration."""
        for example in self.examples():
            key = bench.key(example.body)
            changed = [body for body in (example.edited, example.reduced, example.replaced) if body is not None]
            for other in (bench.target.normalize(freeze(example.body)), *example.spellings, *changed):
                assert bench.key(other) == key, f"one object has the keys {key} and {bench.key(other)}"

    @check(
        Layer.PURE,
        why="Of two objects with one key only one can be declared; the other one is refused as a duplicate.",
        cure="Put everything into key() that the API uses to tell objects apart: type, zone, namespace, name.",
    )
    def test_keys_tell_objects_apart(self, bench: Bench) -> None:
        """Different examples and different names have different keys."""
        bodies = [example.body for example in self.examples()]
        keys = [bench.key(body) for body in (*bodies, *self.crowd(self.examples()[0], 3))]
        assert len(set(keys)) == len(keys), f"{len(keys)} objects have {len(set(keys))} keys: {sorted(map(str, keys))}"

    @check(
        Layer.PURE,
        why="A difference that the API does not know is written, read back, and found again in every pass.",
        cure="Let normalize choose one spelling; name lists whose order means nothing in fields.unordered.",
    )
    def test_no_difference_between_spellings(self, bench: Bench) -> None:
        """Every spelling of an object is in sync with every other one."""
        for example in self.examples():
            for spelling in example.spellings:
                found = bench.differences(example.body, spelling)
                assert not found, f"{thaw(spelling)} is said to differ: {found}"

    @check(
        Layer.PURE,
        why="A change in Git that is not seen never arrives.",
        cure="Let normalize keep every declared field, and do not list it in fields.computed.",
    )
    def test_an_edit_is_a_difference(self, bench: Bench) -> None:
        """A declared field that differs from the live one is a difference."""
        for example in self.examples():
            for edited in (example.edited, example.replaced):
                seen = edited is None or bench.differences(edited, example.body)
                assert seen, f"no difference between {thaw(example.body)} and {thaw(edited)}"

    @check(
        Layer.PURE,
        why="A state, a counter or a time that the API sets would be drift in every pass, and written over and over.",
        cure="Leave fields.computed to the engine: do not look at these fields in your own diff.",
    )
    def test_computed_fields_are_not_compared(self, bench: Bench) -> None:
        """What the API computes is never a difference, whatever its value."""
        for body in self._variants():
            for pointer in sorted(bench.holder(body).fields.computed.patterns):
                if "*" not in split(pointer):
                    found = bench.differences(body, with_value(body, pointer, "computed by the API"))
                    assert not found, f"{pointer} is computed and was compared: {found}"

    @check(
        Layer.PURE,
        why="The order of a plan depends on it; an object that needs itself is a cycle and stops the pass.",
        cure="Yield (kind, name), (kind, namespace, name) or ResourceKey, in a fixed order, without the object itself.",
    )
    def test_depends_on_names_keys(self, bench: Bench) -> None:
        """What depends_on yields are keys of other objects, the same ones every time."""
        for body in self._variants():
            first, second = ([as_key(k) for k in bench.target.depends_on(freeze(body))] for _ in range(2))
            assert first == second, f"{bench.key(body)} depended on {first}, then on {second}"
            assert bench.key(body) not in first, f"{bench.key(body)} depends on itself"

    @check(
        Layer.PURE,
        why="It decides when dependents and pruning go on; an object in a state that nobody thought of stops the pass.",
        cure="Read fields with .get, and return None for what you cannot judge: the engine has rules of its own.",
    )
    def test_health_is_total(self, bench: Bench) -> None:
        """The answer of health is a Health or None for any live object, an empty one included."""
        for body in self._variants():
            for live in (body, {}):
                answer = bench.target.health(Live(bench.key(body), freeze(live)))
                assert answer is None or isinstance(answer, Health), f"health answered {answer!r} about {thaw(live)}"

    @check(
        Layer.PURE,
        why="Two applications that declare one object are found out by it.",
        cure="Return what names the world: an account, a zone, a path; '' when it has no name.",
    )
    def test_scope_is_stable_text(self, bench: Bench) -> None:
        """The scope of a key is a text, the same one every time."""
        for body in self._variants():
            scopes = [bench.target.scope(bench.key(body)) for _ in range(2)]
            assert scopes[0] == scopes[1], f"one key is in two scopes: {scopes}"
            assert isinstance(scopes[0], str), f"a scope is no text: {scopes[0]!r}"

    @check(
        Layer.PURE,
        why="A check that sees nothing proves nothing: most bugs are in updates, and these need another value to write.",
        cure="Give at least one example with edited, which differs from body in two fields or more.",
    )
    def test_the_examples_can_prove_something(self, bench: Bench) -> None:
        """There is an example, and one of them has an edited variant of the same key with two differences or more."""
        edited = [(e.body, e.edited) for e in self.examples() if e.edited is not None]
        if self.examples() and not edited:
            pytest.skip("no example has an edited variant: updates are not checked")
        counts = [len(bench.differences(after, before)) for before, after in edited]
        assert max(counts, default=0) > 1, f"the edited variants differ in {counts} fields"

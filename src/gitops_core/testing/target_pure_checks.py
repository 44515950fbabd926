"""Checks of a target's pure functions: they need no world."""

from __future__ import annotations

from collections.abc import Iterator

from gitops_core.model.health import Health
from gitops_core.model.resources import Live, as_key
from gitops_core.model.values import Body, canonical_json, freeze, same, thaw
from gitops_core.testing.target_bench import Bench, shuffled
from gitops_core.testing.target_checks import Checks, broken


class PureChecks(Checks):
    """key, normalize, diff, depends_on, health, scope, repr."""

    def _bodies(self) -> Iterator[Body]:
        for example in self.examples():
            yield from (body for body in (example.body, example.edited, example.reduced, *example.spellings) if body is not None)

    def test_normalize_is_idempotent(self, bench: Bench) -> None:
        """normalize(normalize(x)) == normalize(x)."""
        for body in self._bodies():
            once = thaw(bench.target.normalize(freeze(body)))
            twice = thaw(bench.target.normalize(freeze(once)))
            if not same(once, twice):
                broken(
                    "normalize is idempotent.",
                    "It is applied to the declaration and to the live object, which may be in the API's spelling already;"
                    " a second application that changes something is a difference in every plan, for ever.",
                    "Let normalize return what it would accept unchanged.",
                    f"{once} became {twice}",
                )

    def test_normalize_is_deterministic(self, bench: Bench) -> None:
        """Equal bodies, whatever the order of their keys, have equal normal forms every time."""
        for body in self._bodies():
            forms = {
                canonical_json(bench.target.normalize(freeze(b))) for b in (body, shuffled(body), body, shuffled(body), body)
            }
            if len(forms) > 1:
                broken(
                    "normalize gives equal bodies one form.",
                    "Plans are content-addressed and saved; a form that differs from call to call makes every saved plan stale.",
                    "Leave time, randomness, iteration over sets and the order of keys out of normalize.",
                    forms,
                )

    def test_pure_functions_leave_their_input_alone(self, bench: Bench) -> None:
        """key, normalize, diff, depends_on and health change nothing that they are handed."""
        target = bench.target
        for body in self._bodies():
            given: dict[str, object] = thaw(body)
            key = bench.key(body)
            target.key(given)
            target.normalize(given)
            list(target.diff(given, given) or ())
            list(target.depends_on(given))
            target.health(Live(key, given))
            if given != thaw(body):
                broken(
                    "Pure functions do not change their arguments.",
                    "The same body is used again for the plan, the digest and the write.",
                    "Work on gitops_core.model.values.thaw(body), or build a new dict.",
                    given,
                )

    def test_key_is_stable(self, bench: Bench) -> None:
        """The key of the normal form, and of every spelling, is the key of the declaration."""
        for example in self.examples():
            key = bench.key(example.body)
            others = [
                bench.target.normalize(freeze(example.body)),
                *example.spellings,
                *filter(None, [example.edited, example.reduced]),
            ]
            for other in others:
                if bench.key(other) != key:
                    broken(
                        "Every spelling of an object has one key.",
                        "Two keys for one object mean that one pass creates what the next one prunes.",
                        "Let key() fold what the API folds: case, a trailing dot, a default.",
                        f"{key} and {bench.key(other)}",
                    )

    def test_keys_tell_objects_apart(self, bench: Bench) -> None:
        """Different examples and different names have different keys."""
        bodies = [example.body for example in self.examples()]
        bodies += self.crowd(self.examples()[0], 3)
        keys = [bench.key(body) for body in bodies]
        if len(set(keys)) != len(keys):
            broken(
                "Different objects have different keys.",
                "Of two objects with one key only one can be declared; the other one is refused as a duplicate.",
                "Put everything into key() that the API uses to tell objects apart: type, zone, namespace, name.",
                keys,
            )

    def test_no_difference_between_spellings(self, bench: Bench) -> None:
        """Every spelling of an object is in sync with every other one."""
        for example in self.examples():
            for spelling in example.spellings:
                found = bench.differences(example.body, spelling)
                if found:
                    broken(
                        "Spellings of one object do not differ.",
                        "A difference that the API does not know is written, read back, and found again in every pass.",
                        "Let normalize choose one spelling; name lists whose order means nothing in fields.unordered.",
                        found,
                    )

    def test_an_edit_is_a_difference(self, bench: Bench) -> None:
        """What differs is seen: normalize and diff do not throw declared values away."""
        for example in self.examples():
            if example.edited is not None and not bench.differences(example.edited, example.body):
                broken(
                    "A declared field that differs from the live one is a difference.",
                    "A change in Git that is not seen never arrives.",
                    "Let normalize keep every declared field, and do not list it in fields.computed.",
                )

    def test_depends_on_names_keys(self, bench: Bench) -> None:
        """depends_on yields keys, the same ones every time, and never the object's own."""
        for body in self._bodies():
            first, second = ([as_key(k) for k in bench.target.depends_on(freeze(body))] for _ in range(2))
            if first != second or bench.key(body) in first:
                broken(
                    "depends_on yields the keys of other objects, the same ones every time.",
                    "The order of a plan depends on it; an object that needs itself is a cycle and stops the pass.",
                    "Yield (kind, name), (kind, namespace, name) or ResourceKey, in a fixed order, without the object itself.",
                    first,
                )

    def test_health_is_total(self, bench: Bench) -> None:
        """Health answers for any live object, an empty one included, with a Health or None."""
        for body in self._bodies():
            for live in (body, {}):
                answer = bench.target.health(Live(bench.key(body), freeze(live)))
                if answer is not None and not isinstance(answer, Health):
                    broken(
                        "health returns Health or None.",
                        "It decides when dependents and pruning go on.",
                        "Return None for what you cannot judge; the engine has rules of its own.",
                        answer,
                    )

    def test_scope_is_stable_text(self, bench: Bench) -> None:
        """Scope gives one text per key; it names the world, so it is the same for another target object over that world."""
        for body in self._bodies():
            key = bench.key(body)
            scopes = [bench.target.scope(key) for _ in range(2)]
            if scopes[0] != scopes[1] or not isinstance(scopes[0], str):
                broken(
                    "scope is a stable text.",
                    "Two applications that declare one object are found out by it.",
                    "Return what names the world: an account, a zone, a path; '' when it has no name.",
                    scopes,
                )

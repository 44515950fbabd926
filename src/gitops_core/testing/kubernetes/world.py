"""The state of a fake cluster that every operation shares: objects, kinds, clock, ids, and what was plugged in."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from gitops_core.testing.kubernetes.admission import Admission
from gitops_core.testing.kubernetes.kinds import Kind, KindTable, builtin_kinds
from gitops_core.testing.kubernetes.leaving import is_finished, marked, released
from gitops_core.testing.kubernetes.metadata import timestamp
from gitops_core.testing.kubernetes.rbac import Roles
from gitops_core.testing.kubernetes.settings import ClusterSettings
from gitops_core.testing.kubernetes.store import Store, Stored

Object = dict[str, Any]


class World:
    """
    State, and nothing that decides. Ids come from a counter, time from the clock: equal histories give equal objects.

    Attributes:
        settings: How the cluster behaves.
        store: The objects.
        kinds: What is served.
        roles: Who may do what, where that is decided.
        tokens: When the first continue token of a version was given out.
        admissions: What looks at every write, in order.
        settle: Lets the controllers do what is due.
    """

    def __init__(self, settings: ClusterSettings) -> None:
        self.settings = settings
        self.store = Store(settings.history)
        self.kinds = KindTable(builtin_kinds())
        self.roles = Roles(self.store)
        self.tokens: dict[int, float] = {}
        self.admissions: list[Admission] = []
        self.settle: Callable[[], None] = lambda: None
        self._numbers = itertools.count(1)

    def now(self) -> float:
        """Return seconds since the epoch."""
        return self.settings.clock.now()

    def stamp(self) -> str:
        """Return the time as objects spell it."""
        return timestamp(self.now())

    def number(self) -> int:
        """Return the next number; no two are equal."""
        return next(self._numbers)

    def new_uid(self) -> str:
        """Return an id that no other object has."""
        return f"f0000000-0000-4000-8000-{self.number():012x}"

    def new_name(self, prefix: str) -> str:
        """Return a name for ``generateName``; it may be taken, as the server's may."""
        digits, alphabet, number = [], "bcdfghjklmnpqrstvwxz2456789", self.number() * 7_919_317 + 104_729
        for _ in range(5):
            number, digit = divmod(number, len(alphabet))
            digits.append(alphabet[digit])
        return f"{prefix[:248]}{''.join(digits)}"

    def find(self, kind: Kind, namespace: str, name: str) -> Stored | None:
        """Return an object; None when there is none."""
        return self.store.get(kind.key, namespace if kind.namespaced else "", name)

    def write(self, key: tuple[str, str], before: Stored, value: Object) -> Stored | None:
        """Keep *value* in place of *before* if it differs, or let it go if nothing holds it; None when it is gone. For controllers."""
        value = {**value, "metadata": {**value["metadata"], "resourceVersion": before.object["metadata"]["resourceVersion"]}}
        if is_finished(value):
            self.store.remove(key, before.namespace, before.name, value)
            return None
        return before if value == before.object else self.store.put(key, value)

    def release(self, key: tuple[str, str], before: Stored, finalizer: str) -> Stored | None:
        """Take a finalizer from an object; None when it is gone."""
        return self.write(key, before, released(before.object, finalizer))

    def delete(self, key: tuple[str, str], before: Stored, policy: str = "Background") -> Stored | None:
        """Delete an object; None when it is gone, else as it waits."""
        return self.write(key, before, marked(before.object, policy, self.stamp()))

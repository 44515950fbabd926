"""What people, or a rule they set, have ordered about one application: durable, kept with its inventory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs

from gitops_core.model.resources import ResourceKey

HANDLED_KEPT: Final = 32
"""Tokens of triggers that are remembered: a repeated trigger is told from a new one for that long."""


@attrs.frozen
class Suspension:
    """
    Nothing is written until it ends; what drifts meanwhile is told.

    Attributes:
        reason: Why, for everybody who looks at the status.
        author: Who ordered it.
        since: Epoch seconds.
        until: Epoch seconds; there is always an end.
        drifted: What was found drifted meanwhile, by key; told when it ends.
    """

    reason: str
    author: str
    since: float
    until: float
    drifted: tuple[ResourceKey, ...] = ()

    def also(self, keys: Iterable[ResourceKey]) -> Suspension:
        """Return it with *keys* drifted, too."""
        return attrs.evolve(self, drifted=tuple(sorted({*self.drifted, *keys})))

    @property
    def drift(self) -> str:
        """What drifted meanwhile, in words for the end of a sentence; empty when nothing did."""
        return f"; drifted meanwhile: {', '.join(map(str, self.drifted))}" if self.drifted else ""


@attrs.frozen
class Pin:
    """
    One revision instead of what the source's reference names, until released.

    Attributes:
        revision: What ``Source.resolve`` once returned as id.
        reason: Why.
        author: Who ordered it; a rule signs as ``on_degraded``.
        since: Epoch seconds.
    """

    revision: str
    reason: str
    author: str
    since: float


@attrs.frozen
class Contested:
    """
    Somebody else keeps changing an object back: it is not written any more until told, or until its declaration changes.

    Attributes:
        key: The object.
        pointers: The fields in question, sorted.
        manager: Who else writes them, where the API knows; empty otherwise.
        since: Epoch seconds.
        desired: Digest of the declaration over which it is contested.
    """

    key: ResourceKey
    pointers: tuple[str, ...]
    manager: str = ""
    since: float = 0.0
    desired: str = ""


@attrs.frozen
class Orders:
    """
    Everything that is ordered about one application.

    Attributes:
        suspension: It is suspended, whoever works on it.
        pin: It stays at one revision.
        contested: Objects over which we have stopped to fight, by key.
        handled: Tokens of the triggers that were carried out, oldest first.
        rolled_back: The revision that was left because it did not become healthy; it is left once.
    """

    suspension: Suspension | None = None
    pin: Pin | None = None
    contested: tuple[Contested, ...] = ()
    handled: tuple[str, ...] = ()
    rolled_back: str = ""

    def handling(self, token: str) -> Orders:
        """Return these orders with *token* carried out."""
        if not token or token in self.handled:
            return self
        return attrs.evolve(self, handled=(*self.handled, token)[-HANDLED_KEPT:])

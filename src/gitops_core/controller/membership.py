"""A controller's place among others that share its work: it beats, and knows what is its own and until when it may write."""

from __future__ import annotations

import os
import random
import socket
import threading
from collections.abc import Callable
from typing import Any, Protocol

import attrs

from gitops_core.engine.calls import Call, failures_of, translated
from gitops_core.engine.runtime import Runtime
from gitops_core.errors import GitOpsError
from gitops_core.interfaces import Context, Coordinator
from gitops_core.model.applications import Owner
from gitops_core.model.results import Failure
from gitops_core.model.revisions import Notice
from gitops_core.model.rosters import Member, Roster, Standing, owner_of

HandOver = Callable[[Callable[[], Any], Callable[[Any], None]], None]
_OURSELVES = Owner("controller", "membership")


@attrs.frozen
class _NoMemo:
    def get(self, space: str, key: str) -> bytes | None:  # noqa: ARG002  # why: the protocol's parameters
        return None

    def put(self, space: str, key: str, value: bytes) -> None: ...


def new_member(dice: random.Random, weight: float = 1.0) -> Member:
    """Return a member with an id that nobody had before: host, process, and chance."""
    return Member(f"{socket.gethostname()}-{os.getpid()}-{dice.getrandbits(40):010x}", weight)


class Place(Protocol):
    """Which applications are ours, and until when we may write."""

    @property
    def term(self) -> int:
        """What our writes are fenced with; 0 where nobody shares the work."""

    def valid_until(self) -> float:
        """Return until when we may write, on the monotonic clock."""

    def holder(self, application: str) -> str:
        """Return who works on *application*, in words; empty when we do."""


class Alone:
    """The place of a controller that shares its work with nobody."""

    term = 0

    def valid_until(self) -> float:
        """Return the end of time."""
        return float("inf")

    def holder(self, application: str) -> str:  # noqa: ARG002  # why: the protocol's parameter
        """Return that we do."""
        return ""


class Membership:
    """
    What one member knows of its place. Read by any thread, written by the controller's own.

    Args:
        coordinator: How the members agree.
        member: Who we are.
        runtime: Clock and randomness.
        notify: Takes what the coordinator wants to tell.
    """

    def __init__(self, coordinator: Coordinator, member: Member, runtime: Runtime, notify: Callable[[Notice], None]) -> None:
        self._coordinator = coordinator
        self.member = member
        self._runtime = runtime
        self._notify = notify
        self._standing: Standing | None = None
        self._counts = False
        self.failure: Failure | None = None
        """Why the last beat failed."""
        self.beat_at = runtime.clock.monotonic()
        """When the next beat is due, on the monotonic clock."""
        self.beating = False
        """A beat is under way."""

    @property
    def roster(self) -> Roster:
        """Who takes part, as far as known; empty before the first beat."""
        return self._standing.roster if self._standing is not None else Roster(0, ())

    def valid_until(self) -> float:
        """Return until when we may write, on the monotonic clock."""
        return self._standing.valid_until if self._standing is not None else 0.0

    @property
    def is_valid(self) -> bool:
        """We may write now."""
        return self._runtime.clock.monotonic() < self.valid_until()

    @property
    def term(self) -> int:
        """The generation of the roster."""
        return self.roster.generation

    def holder(self, application: str) -> str:
        """Return who works on *application*, in words; empty when we do."""
        if not self.is_valid or not self.roster.members:
            return "whoever has a place among the members; this one has none now"
        owner = owner_of(application, self.roster)
        return "" if owner == self.member.id else f"member {owner}"

    @property
    def trouble(self) -> str:
        """Why the last beat failed, in words; empty when it did not."""
        return f"who takes part cannot be agreed on: {self.failure.message}" if self.failure is not None else ""

    def tend(self, hand_over: HandOver, stood: Callable[[Standing | Failure], None], lapsed: Callable[[], None]) -> None:
        """
        Do what is due.

        Args:
            hand_over: Lets a worker beat.
            stood: Is called with what the beat brought.
            lapsed: Is called, once, when our standing has ended: nothing is ours for now.
        """
        if self._counts and not self.is_valid:
            self._counts = False
            lapsed()
        if not self.beating and self._runtime.clock.monotonic() >= self.beat_at:
            self.beating = True
            hand_over(self.beat, stood)

    def seconds(self) -> float | None:
        """Return how long until the next beat is due, or our standing ends; None when neither will be."""
        due = [] if self.beating else [self.beat_at]
        due += [self.valid_until()] if self._counts else []
        return max(0.0, min(due) - self._runtime.clock.monotonic()) if due else None

    def beat(self) -> Standing | Failure:
        """Ask the coordinator. In a worker; never raises for what a coordinator does."""
        interval = self._coordinator.interval
        try:
            with translated(Call(self._coordinator.name, "beat")):
                return self._coordinator.beat(self._context(interval), self.member)
        except GitOpsError as error:
            return failures_of(error)[0]

    def learn(self, answer: Standing | Failure) -> bool:
        """Take in what a beat brought, and return whether who works on what may be another now."""
        self.beating = False
        self.beat_at = self._runtime.clock.monotonic() + self._coordinator.interval
        if isinstance(answer, Failure):
            self.failure = answer
            return False
        was_valid, before, self.failure = self._counts and self.is_valid, self.roster, None
        self._standing, self._counts = answer, True
        return before.generation != answer.roster.generation or not was_valid

    def leave(self, seconds: float) -> Failure | None:
        """Take ourselves out, so that nobody has to wait for our place to run out; return what went wrong."""
        self._standing, self._counts = None, False
        try:
            with translated(Call(self._coordinator.name, "leave")):
                self._coordinator.leave(self._context(seconds), self.member)
        except GitOpsError as error:
            return failures_of(error)[0]
        return None

    def _context(self, seconds: float) -> Context:
        runtime, clock = self._runtime, self._runtime.clock
        return Context(
            application="", owner=_OURSELVES, clock=clock, cancel=threading.Event(), deadline=clock.monotonic() + seconds,
            memo=_NoMemo(), random=runtime.random, notify=self._notify, count=lambda _name, _number: None,
        )  # fmt: skip

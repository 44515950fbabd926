"""Operations that take time: what is seen of them while they run, and what they leave behind."""

from __future__ import annotations

import enum
from collections.abc import Iterator

import attrs

from gitops_core.model.values import Body
from gitops_core.testing.fake_api.settings import States, Verb


class OperationState(enum.StrEnum):
    """How far an operation is."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@attrs.frozen
class Operation:
    """
    What a verb that takes time answers.

    Attributes:
        id: To ask again with.
        verb: create, update or delete.
        record: Id of the record.
        state: running, done or failed.
        error: Why it failed.
    """

    id: str
    verb: Verb
    record: str
    state: OperationState = OperationState.RUNNING
    error: str = ""


@attrs.frozen
class Effect:
    """
    What a write does to one record.

    Attributes:
        verb: create, update or delete.
        record: Id of the record.
        before: The body that is there; None for a create.
        after: The body that will be there; None for a delete.
        writer: Who asked for it.
    """

    verb: Verb
    record: str
    before: Body | None = attrs.field(repr=False)
    after: Body | None = attrs.field(repr=False)
    writer: str = ""

    @property
    def body(self) -> Body:
        """The body that the write is about."""
        return (self.before if self.after is None else self.after) or {}

    def accepted(self, states: States | None) -> Body | None:
        """Return what is seen while it runs; None when nothing changes."""
        return None if states is None else {**self.body, states.field: states.during(self.verb)}

    def done(self, states: States | None) -> Body | None:
        """Return what is there afterwards; None when the record is gone."""
        if self.after is None or states is None:
            return self.after
        return {**self.after, states.field: states.ready}

    def failed(self, states: States | None) -> Body | None:
        """Return what is there after a failure; None when nothing changes."""
        if states is None:
            return None
        return {**self.body, states.field: states.failed} if self.before is None else {**self.before, states.field: states.ready}


@attrs.define
class Running:
    """
    An operation under way.

    Attributes:
        operation: As it was last told.
        effect: What it will do.
        due: When its time is over.
        requests: How many requests must still follow.
        fails: Why it will fail; empty when it will not.
    """

    operation: Operation
    effect: Effect
    due: float
    requests: int
    fails: str


class Desk:
    """All operations there ever were. Not safe between threads: the service holds its lock."""

    def __init__(self) -> None:
        self._running: dict[str, Running] = {}
        self._known: dict[str, Operation] = {}

    def open(self, running: Running) -> Operation:
        """Take up an operation."""
        self._running[running.operation.id] = running
        self._known[running.operation.id] = running.operation
        return running.operation

    def tick(self) -> None:
        """Count a request."""
        for running in self._running.values():
            running.requests -= 1

    def finished(self, now: float) -> Iterator[Running]:
        """Take out and yield what is finished by *now*, in the order in which it was."""
        over = sorted((r for r in self._running.values() if r.due <= now and r.requests <= 0), key=lambda r: r.due)
        for running in over:
            del self._running[running.operation.id]
            state = OperationState.FAILED if running.fails else OperationState.DONE
            running.operation = attrs.evolve(running.operation, state=state, error=running.fails)
            self._known[running.operation.id] = running.operation
            yield running

    def fail(self, operation: Operation, why: str) -> None:
        """Say that *operation*, which seemed to be done, came to nothing."""
        self._known[operation.id] = attrs.evolve(operation, state=OperationState.FAILED, error=why)

    def find(self, operation_id: str) -> Operation | None:
        """Return an operation as it stands."""
        return self._known.get(operation_id)

    def is_busy(self, record_id: str) -> bool:
        """Tell whether an operation on the record is under way."""
        return any(running.effect.record == record_id for running in self._running.values())

    def __len__(self) -> int:
        return len(self._known)

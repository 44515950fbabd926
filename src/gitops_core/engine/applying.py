"""Apply a plan: start what is ready, collect what came back, look whether it is there, and go on until all has ended."""

from __future__ import annotations

import functools
import queue
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Final

import attrs

from gitops_core.engine.calls import failure_of
from gitops_core.engine.confirming import Confirmer, Unconfirmed
from gitops_core.engine.graph import ReadyQueue
from gitops_core.engine.ledger import Ledger
from gitops_core.engine.passes import Pass
from gitops_core.engine.recording import after_write, not_begun
from gitops_core.engine.waking import Waker
from gitops_core.engine.writing import Task, Written, begins_replace, create_again, put_back, write_all
from gitops_core.errors import (
    AlreadyExists,
    Cancelled,
    Conflict,
    DeadlineExceeded,
    Disposition,
    GitOpsError,
    PluginError,
    StateError,
    Throttled,
)
from gitops_core.model.events import EventType
from gitops_core.model.inventory import Inventory
from gitops_core.model.plans import Action, Change, Plan
from gitops_core.model.resources import Live, Resource, ResourceKey
from gitops_core.model.results import Outcome, OutcomeStatus
from gitops_core.planning.awaiting import UNVERIFIED

_TICK: Final = 0.25  # seconds; the longest time until a stop is noticed while calls are under way
_FIRST_CALL: Final = {Action.CREATE: Action.CREATE, Action.REPLACE: Action.DELETE}
_FIRST_CHUNK: Final = 32
_LARGEST_CHUNK: Final = 512
_SHORT: Final = 0.05  # seconds for a chunk; twice as many are not too long yet
_LONG: Final = 0.2  # seconds for a chunk

Done = tuple[list[Written] | BaseException, float]
"""What came back, and the seconds it took."""


@attrs.frozen(kw_only=True)
class Job:
    """
    What is to be applied.

    Attributes:
        plan: The plan; its READY changes are applied.
        resources: Declarations by key.
        live: What was observed when the plan was made.
        before: The inventory before it was written ahead.
        ended: Outcomes that stand before anything begins (stale parts of a saved plan).
    """

    plan: Plan
    resources: Mapping[ResourceKey, Resource]
    live: Mapping[ResourceKey, Live]
    before: Inventory
    ended: tuple[Outcome, ...] = ()


class Applier:
    """
    Carries out one plan. Used once, by the pass's own thread; only the writes themselves run in workers.

    Args:
        p: The pass.
        ledger: The inventory, already written ahead.
        job: What to do.
        confirmer: Looks whether what was written is there.
    """

    def __init__(self, p: Pass, ledger: Ledger, job: Job, confirmer: Confirmer) -> None:
        self._p = p
        self._ledger = ledger
        self._job = job
        self._confirmer = confirmer
        not_ready = [_not_applied(c) for c in job.plan.changes if not c.is_ready]
        self._queue = ReadyQueue(job.plan.changes, [*job.ended, *not_ready])
        self._done: queue.SimpleQueue[Done] = queue.SimpleQueue()
        self._in_flight = 0
        self._chunk = _FIRST_CHUNK
        self._workers = max(1, min(p.app.options.workers, p.app.target.limits.concurrency, len(self._queue)))
        self._stopped: GitOpsError | None = None
        self._halted = threading.Event()
        self._waker = Waker(p, (change.key for change in job.plan.ready))
        self._pool: Executor
        self.unrecorded: StateError | None = None
        """Why the inventory could not be written, if it could not; nothing new was begun after that."""
        self.unsettled: list[ResourceKey] = []
        """Unchanged objects that still have not settled."""

    def run(self) -> tuple[Outcome, ...]:
        """Return one outcome per change, in plan order."""
        self._tell()
        if len(self._queue):
            try:
                self._run()
            except BaseException:
                self._save_what_came_back()
                raise
        self._tell()
        outcomes = self._queue.outcomes
        self._record(lambda: self._ledger.write(not_begun(self._job.before, self._ledger.inventory, outcomes.values())))
        self._record(self._reassess)
        return tuple(outcomes[change.key] for change in self._job.plan.changes)

    def _run(self) -> None:
        with self._p.runtime.executor(self._workers) as self._pool:
            try:
                while len(self._queue):
                    self._step()
            except BaseException:
                self._halted.set()  # the pool is waited for: what is under way ends, what is not begun stays so
                raise
            finally:
                self._waker.close()

    def _save_what_came_back(self) -> None:
        """Interrupted, but ids that came back meanwhile are worth a write: without them an object is found by its key only."""
        while not self._done.empty():
            written, _seconds = self._done.get()
            if not isinstance(written, BaseException):
                self._record_writes(written)

    def _reassess(self) -> None:
        self.unsettled = self._confirmer.reassess(self._job.plan.unchanged, self._job.live)

    def _record(self, write: Callable[[], None]) -> None:
        """Write to the inventory; when that fails begin nothing new, and go on with what is under way without writing."""
        if self.unrecorded is None:
            try:
                write()
            except StateError as error:
                self._stopped = self.unrecorded = error
                self._halted.set()

    def _record_writes(self, written: Sequence[Written]) -> None:
        self._record(lambda: self._ledger.write(after_write(self._job.before, self._ledger.inventory, written)))

    def _step(self) -> None:
        """Do the next useful thing: begin, look, collect, or wait for whatever comes first."""
        self._notice_stop()
        if self._stopped is not None:
            self._wind_up(self._stopped)
        else:
            self._collect_meanwhile()
            self._start()
            if self._confirmer.is_due(idle=not self._in_flight):
                self._look()
            elif self._in_flight:
                self._collect()
            elif self._confirmer.waiting and not self._p.runtime.waits:
                self._record(self._give_back)
            elif self._confirmer.waiting:
                self._wait(min(self._confirmer.seconds_until_due(), self._p.ctx.remaining()))
            else:
                self._skip_all("it waits for changes that wait for it; make a new plan")
        self._p.events.flush()

    def _wait(self, seconds: float) -> None:
        """Wait until something is due, or until the target says that something has moved; see :attr:`.Clock.is_real`."""
        if self._p.ctx.clock.is_real:
            self._waker.watch(self._confirmer.unsettled)
        if self._waker.is_watching:
            self._confirmer.wake(self._waker.wait(min(seconds, _TICK)))
        else:
            self._p.ctx.clock.wait(self._p.ctx.cancel, seconds)

    def _give_back(self) -> None:
        """Only waiting is left: the next passes do it. Deletes wait, too: they come after everything else."""
        given = self._confirmer.give_back()
        first = given[0].key
        self._finish_all(given)
        self._skip_all(f"put off: {first} is not done")

    def _look(self) -> None:
        try:
            self._record(lambda: self._go_on(self._confirmer.look()))
        except (Cancelled, DeadlineExceeded) as error:
            self._stopped = error

    def _notice_stop(self) -> None:
        if self._stopped is None:
            try:
                self._p.ctx.check()
            except (Cancelled, DeadlineExceeded) as error:
                self._stopped = error

    def _wind_up(self, why: GitOpsError) -> None:
        """Let the calls under way come back; then end what was written as PENDING and what was not begun as SKIPPED."""
        if self._in_flight:
            self._collect()
            return
        if self._confirmer.is_looking and self.unrecorded is None:
            self._record(lambda: self._go_on(self._confirmer.cut_short()))
            return  # the second half of a REPLACE may have begun
        self._finish_all(self._confirmer.give_up(why.message))
        self._skip_all(f"not begun: {why.message}")

    # -- starting ------------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        """Hand ready changes to the workers, a few more than there are workers, many small ones together."""
        while self._in_flight < 2 * self._workers:
            size = min(self._chunk, 1 + self._queue.ready // (4 * self._workers))
            tasks = [task for task in (self._next() for _ in range(size)) if task is not None]
            if not tasks:
                return
            self._submit(tasks)

    def _next(self) -> Task | None:
        """Return the next task; changes that need no call of the target end here."""
        while (change := self._queue.take()) is not None:
            task = self._task(change)
            if self._p.events.is_heard:
                self._p.events.later(EventType.CHANGE_STARTED, change.action.value, key=change.key, origin=change.origin)
            if task is not None:
                return task
            self._record(functools.partial(self._end_without_call, change))
        return None

    def _end_without_call(self, change: Change) -> None:
        try:
            self._finish_all(self._confirmer.without_call(change, self._job.live.get(change.key)))
        except PluginError as error:
            self._finish_all([Outcome(change.key, change.action, OutcomeStatus.FAILED, error.message, failure_of(error))])

    def _task(self, change: Change) -> Task | None:
        resource, live = self._job.resources.get(change.key), self._job.live.get(change.key)
        if change.action is Action.DELETE:
            return Task(change=change, action=Action.DELETE, live=live) if live else None
        if change.action is Action.ADOPT and not change.diff and (live is None or live.owner in (None, self._p.app.id)):
            return None
        intent = self._ledger.inventory.intents.get(change.key)
        key = intent.idempotency_key if intent else f"{self._p.pass_id}-{change.desired[:16]}"
        action = _FIRST_CALL.get(change.action, Action.UPDATE)
        return Task(
            change=change, action=action, resource=resource, live=None if action is Action.CREATE else live, idempotency_key=key
        )

    def _submit(self, tasks: Sequence[Task]) -> None:
        self._in_flight += 1
        self._pool.submit(self._work, tasks)

    def _work(self, tasks: Sequence[Task]) -> None:
        """Run in a worker: carry out *tasks* and put what came back where the pass's thread finds it."""
        begun = self._p.ctx.clock.monotonic()
        try:
            written = write_all(self._p, tasks, self._halted)
            self._done.put((written, self._p.ctx.clock.monotonic() - begun))
        except BaseException as error:  # noqa: BLE001  # why: raised again in the pass's own thread
            self._done.put((error, 0.0))

    # -- collecting ------------------------------------------------------------------------------------------------------

    def _collect(self) -> None:
        """Take in one chunk, if one is done within a tick; the inventory learns of it before anything follows from it."""
        done = self._p.ctx.clock.take(self._next_done, _TICK)
        if done is None:
            return
        self._in_flight -= 1
        written, seconds = done
        if isinstance(written, BaseException):
            raise written
        self._chunk = next_chunk(self._chunk, len(written), seconds)
        self._record_writes(written)
        now = self._p.ctx.clock.monotonic()
        for item in written:
            self._take_in(item, now)

    def _collect_meanwhile(self) -> None:
        """Between the parts of a long look take in what is done, so that no worker waits for its end."""
        while self._confirmer.is_looking and not self._done.empty():
            self._collect()

    def _next_done(self, seconds: float) -> Done | None:
        try:
            return self._done.get(timeout=seconds)
        except queue.Empty:
            return None

    def _take_in(self, written: Written, now: float) -> None:
        task = written.task
        if written.error is not None:
            self._finish_all([self._failed(written, written.error)])
        elif begins_replace(task) and written.pending is None:
            self._submit([create_again(task)])
        else:
            self._confirmer.add(Unconfirmed(written=written, since=now))

    def _failed(self, written: Written, error: GitOpsError) -> Outcome:
        task, change = written.task, written.task.change
        status = OutcomeStatus.STALE if isinstance(error, (AlreadyExists, Conflict)) else OutcomeStatus.FAILED
        if isinstance(error, Cancelled):
            status = OutcomeStatus.PENDING if written.attempts else OutcomeStatus.SKIPPED
        if isinstance(error, Throttled) and not written.attempts and task.old is None:
            status = OutcomeStatus.SKIPPED  # not begun: the target was paused before, and nobody stands by
        reason = error.message
        if change.action is Action.REPLACE and task.action is Action.CREATE and error.disposition is Disposition.STALL:
            reason += self._restore(task)
        return Outcome(change.key, change.action, status, reason, failure_of(error), attempts=written.attempts)

    def _restore(self, task: Task) -> str:
        if task.old is None:
            return ""
        error = put_back(self._p, task, task.old)
        return "; what was there before has been put back" if error is None else f"; putting the old one back failed: {error}"

    # -- ending ----------------------------------------------------------------------------------------------------------

    def _go_on(self, found: Iterable[Outcome | Task]) -> None:
        """End what has ended, and begin the second half of each REPLACE whose old object is gone."""
        for item in found:
            if isinstance(item, Task):
                self._submit([item])
            else:
                self._finish_all([item])

    def _skip_all(self, why: str) -> None:
        self._finish_all([Outcome(c.key, c.action, OutcomeStatus.SKIPPED, why) for c in self._queue.left()])

    def _finish_all(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            self._queue.finish(outcome)
        self._tell()

    def _tell(self) -> None:
        """Emit an event for every change that has ended, those included that never began."""
        for outcome in self._queue.ended() if self._p.events.is_heard else ():
            message = f"{outcome.action.value} {outcome.status.value}{': ' + outcome.reason if outcome.reason else ''}"
            self._p.events.later(EventType.CHANGE_FINISHED, message, key=outcome.key, status=outcome.status.value)


def next_chunk(size: int, written: int, seconds: float) -> int:
    """
    Return how many changes to hand to a worker at once.

    Each chunk is one write of the inventory, and what it made is seen only when all of it is done: so few of a slow target, many
    of a fast one.

    Args:
        size: How many it was.
        written: How many there were to hand over.
        seconds: What they took.
    """
    if seconds > _LONG:
        return max(1, size // 2)
    return min(2 * size, _LARGEST_CHUNK) if written >= size and seconds < _SHORT else size


def _not_applied(change: Change) -> Outcome:
    if change.rule == UNVERIFIED:
        return Outcome(change.key, change.action, OutcomeStatus.UNVERIFIED, change.reason, diff=change.diff)
    return Outcome(change.key, change.action, OutcomeStatus(change.state.value), change.reason)

"""
The whole engine single-stepped: its threads run one at a time, in an order that a seed decides, on a clock that never waits.

Every task is a real thread, and exactly one of them runs. It runs until it waits, sleeps, asks for a slot of a target or a
lock, or says :meth:`Scheduler.step`; there the seed decides who goes on. Virtual time moves only when nobody can. So equal
seeds give equal runs, byte for byte, and other seeds give other interleavings.
"""

from __future__ import annotations

import enum
import heapq
import itertools
import random
import threading
import traceback
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from sys import _current_frames
from typing import Any, Final, ParamSpec, TypeVar

import attrs

from gitops_core.engine.runtime import Runtime
from gitops_core.interfaces import Signal, Sink
from gitops_core.testing.clock import VirtualClock
from gitops_core.testing.executors import InlineExecutor

P = ParamSpec("P")
T = TypeVar("T")

_NEVER: Final = float("inf")
_KEPT: Final = 100_000  # steps: enough for any test, and bounded in a simulated week


class Deadlock(AssertionError):
    """Nobody can go on. The text says who waits for what, and where."""


class Dice(random.Random):
    """Randomness that a seed decides: ``Dice("7/commits")`` gives the same numbers on every machine."""


@attrs.frozen
class Step:
    """
    One turn of one task.

    Attributes:
        time: Seconds on the monotonic clock.
        task: Its name.
        place: What it stood at: ``start``, ``wait``, ``take``, or what :meth:`Scheduler.step` was told.
    """

    time: float
    task: str
    place: str


class _State(enum.Enum):
    READY = "can go on"
    WAITING = "waits for a signal"
    TAKING = "waits for a lock, a slot or an answer"


class _Abandoned(BaseException):
    """Ends a task whose scheduler has given up."""


class _Task:
    """One thread, and why it does not run."""

    def __init__(self, name: str, work: Callable[[], Any]) -> None:
        self.name = name
        self.work = work
        self.future: Future[Any] = Future()
        self.baton = threading.Lock()
        self.baton.acquire()
        self.thread: threading.Thread
        self.state = _State.READY
        self.place = "start"
        self.due = _NEVER
        self.waits_for: dict[_Task, None] = {}
        self.worth_trying = False
        self.trying = False

    def stand(self, state: _State, place: str, due: float = _NEVER) -> None:
        """Say why it does not run from now on."""
        self.state, self.place, self.due = state, place, due
        self.worth_trying = False

    def can_go_on(self, now: float) -> bool:
        """Tell whether there is something to do for it; not for those who are WAITING."""
        return self.state is _State.READY or self.worth_trying or self.due <= now


class _Waiters:
    """The tasks that wait for a signal or a moment; to look for one to wake costs the same when there are many."""

    def __init__(self) -> None:
        self._by_due: list[tuple[float, int, _Task]] = []
        self._by_signal: dict[int, tuple[Signal, dict[_Task, None]]] = {}
        self._order = itertools.count()

    def add(self, task: _Task, signal: Signal) -> None:
        """Keep *task* until *signal* is set or it is due."""
        heapq.heappush(self._by_due, (task.due, next(self._order), task))
        self._by_signal.setdefault(id(signal), (signal, {}))[1][task] = None
        task.waits_for = self._by_signal[id(signal)][1]

    @property
    def due(self) -> float:
        """When the first of them is due, on the monotonic clock."""
        while self._by_due:
            due, _order, task = self._by_due[0]
            if due == task.due:
                return due
            heapq.heappop(self._by_due)  # its signal has woken it
        return _NEVER

    def __bool__(self) -> bool:
        return any(tasks for _signal, tasks in self._by_signal.values())

    def woken(self, now: float) -> list[_Task]:
        """Take out those who are due, and those whose signal is set."""
        found: list[_Task] = []
        while self.due <= now:
            found.append(heapq.heappop(self._by_due)[2])
            found[-1].stand(_State.READY, "wait")
        for signal, tasks in self._by_signal.values():
            if tasks and signal.is_set():
                found.extend(tasks)
        for task in found:
            task.waits_for.pop(task, None)
            task.stand(_State.READY, "wait")
        return found


class ScheduledClock(VirtualClock):
    """The clock of a :class:`Scheduler`: whoever waits on it lets the others run. Outside of tasks it is a :class:`VirtualClock`."""

    def __init__(self, scheduler: Scheduler, start: float) -> None:
        """Begin at *start*, in seconds since the epoch."""
        super().__init__(start)
        self._scheduler = scheduler

    def wait(self, signal: Signal, seconds: float) -> bool:
        """Let others run until *signal* is set or *seconds* have gone by; return whether it is set."""
        if not self._scheduler.is_task:
            return super().wait(signal, seconds)
        came = self._scheduler.wait(signal, seconds)
        if not came:
            self._slept.append(max(0.0, seconds))
        return came

    def take(self, attempt: Callable[[float], T], seconds: float) -> T:
        """Let others run until *attempt*, called with 0, returns something true or *seconds* have gone by."""
        if not self._scheduler.is_task:
            return super().take(attempt, seconds)
        return self._scheduler.take(attempt, seconds)


class Scheduler:
    """
    Runs tasks one at a time; *seed* decides who goes on at every step.

    Example::

        scheduler = Scheduler(seed=7)
        runtime = scheduler.runtime()
        both = [scheduler.spawn(name, reconcile, app, store=store, runtime=runtime) for name in ("one", "two")]
        scheduler.run()
        assert [future.result().ok for future in both] == [True, True]

    Sockets, processes and locks that are held while a task stands still are outside of it: a task that waits for one of these
    is found out by the real clock after *stall* seconds.

    Args:
        seed: Of every decision, and of :meth:`runtime`'s randomness.
        start: Time of day at the beginning, in seconds since the epoch.
        patience: Virtual seconds for which all tasks may wait for each other, each with a time-out, before it is a deadlock.
        stall: Real seconds that one step may take.
        most_steps: More than these are an endless loop.

    Attributes:
        clock: All time.
        steps: Who took a turn, when and where, in order; the last 100,000.
        taken: How many steps there were in all.
    """

    def __init__(
        self,
        seed: int | str = 0,
        *,
        start: float = 1_700_000_000.0,
        patience: float = 60.0,
        stall: float = 60.0,
        most_steps: int = 10_000_000,
    ) -> None:
        self.seed = seed
        self.clock: VirtualClock = ScheduledClock(self, start)
        self.steps: deque[Step] = deque(maxlen=_KEPT)
        self.taken = 0
        self._dice = Dice(f"{seed}/turns")
        self._patience, self._stall, self._most_steps = patience, stall, most_steps
        self._alive: dict[_Task, None] = {}
        self._active: dict[_Task, None] = {}
        self._waiters = _Waiters()
        self._turn: _Task | None = None
        self._over = threading.Event()
        self._deadlock: Deadlock | None = None
        self._stuck_since: float | None = None

    # -- for those who start things --------------------------------------------------------------------------------------
    def spawn(self, name: str, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """
        Add a task; it begins when it is chosen, not before :meth:`run`.

        Args:
            name: For reports; also the name of its thread.
            work: What to do.
            args: Its arguments.
            kwargs: Its keyword arguments.
        """
        task = _Task(name, lambda: work(*args, **kwargs))
        task.thread = threading.Thread(target=self._main, args=(task,), name=name, daemon=True)
        self._alive[task] = self._active[task] = None
        task.thread.start()
        return task.future

    def run(self) -> None:
        """
        Let every task run to its end. What a task raised is in its future.

        Raises:
            Deadlock: Nobody can go on, a task blocks outside of the scheduler's reach, or there is no end.
        """
        self._over.clear()
        self._deadlock = None
        if self._alive:
            self._give_turn(self._chosen())
            self._wait_for_the_end()
        if self._deadlock is not None:
            raise self._deadlock

    def executor(self, workers: int) -> Executor:
        """Return a pool of *workers* tasks: ``Runtime(executor=scheduler.executor)``."""
        return _ScheduledExecutor(self, workers)

    def runtime(self, *, sinks: tuple[Sink, ...] = (), name: str = "") -> Runtime:
        """
        Return the surroundings of passes that run in this scheduler's tasks.

        Args:
            sinks: Get every event.
            name: Two runtimes of different names draw different numbers.
        """
        return Runtime(clock=self.clock, executor=self.executor, random=Dice(f"{self.seed}/runtime/{name}"), sinks=sinks)

    # -- for code that runs in a task --------------------------------------------------------------------------------------
    @property
    def is_task(self) -> bool:
        """The caller is a task of this scheduler."""
        return self._turn is not None and self._turn.thread.ident == threading.get_ident()

    def step(self, place: str = "step") -> None:
        """Let the seed choose who goes on; put it wherever your own fakes could be interrupted. Nothing happens outside of tasks."""
        task = self._turn
        if task is not None and self.is_task:
            task.stand(_State.READY, place)
            self._pause(task, progress=not task.trying)

    def wait(self, signal: Signal, seconds: float) -> bool:
        """Wait as :meth:`Clock.wait` does, in a task."""
        if signal.is_set():
            return True
        task = self._current()
        task.stand(_State.WAITING, "wait", self.clock.monotonic() + max(0.0, seconds))
        del self._active[task]
        self._waiters.add(task, signal)
        self._pause(task)
        self._stuck_since = None
        return signal.is_set()

    def take(self, attempt: Callable[[float], T], seconds: float) -> T:
        """Take as :meth:`Clock.take` does, in a task."""
        task = self._current()
        due = self.clock.monotonic() + max(0.0, seconds)
        self.step("take")
        while not (answer := self._tried(task, attempt)) and self.clock.monotonic() < due:
            task.stand(_State.TAKING, "take", due)
            self._pause(task, progress=False)
        if answer:
            self._stuck_since = None
        return answer

    def _tried(self, task: _Task, attempt: Callable[[float], T]) -> T:
        task.trying = True
        try:
            return attempt(0.0)
        finally:
            task.trying = False

    def _current(self) -> _Task:
        if self._turn is None or not self.is_task:
            raise RuntimeError("only a task of this scheduler can wait here; start one with spawn()")
        return self._turn

    # -- whose turn it is --------------------------------------------------------------------------------------------------
    def _main(self, task: _Task) -> None:
        task.baton.acquire()
        done = InlineExecutor().submit(self._first_turn, task)
        del self._alive[task]
        self._active.pop(task, None)  # one that was abandoned may be waiting
        self._stuck_since = None
        error = done.exception()
        if error is None:
            task.future.set_result(done.result())
        else:
            task.future.set_exception(error)
        self._encourage(task)
        if self._alive:
            self._give_turn(self._chosen())
        else:
            self._turn = None
            self._over.set()

    def _first_turn(self, task: _Task) -> Any:
        self._begin_turn(task)
        return task.work()

    def _pause(self, task: _Task, *, progress: bool = True) -> None:
        """Stand still until it is the turn of *task* again."""
        if self._deadlock is not None:
            raise _Abandoned
        if progress:
            self._encourage(task)
        chosen = self._chosen()
        if chosen is not task:
            self._give_turn(chosen)
            task.baton.acquire()
        self._begin_turn(task)

    def _begin_turn(self, task: _Task) -> None:
        if self._deadlock is not None:
            raise _Abandoned
        self.taken += 1
        self.steps.append(Step(self.clock.monotonic(), task.name, task.place))

    def _give_turn(self, task: _Task) -> None:
        self._turn = task
        task.baton.release()

    def _encourage(self, task: _Task) -> None:
        """Something has happened in *task*: what the others could not take before may be there now."""
        for other in self._active:
            other.worth_trying = other is not task

    def _chosen(self) -> _Task:
        """Return who goes on; when nobody can, let time go by until somebody is due."""
        if self._deadlock is None and self.taken >= self._most_steps:
            self._give_up(f"no end after {self._most_steps} steps")
        while self._deadlock is None:
            now = self.clock.monotonic()
            for woken in self._waiters.woken(now):
                self._active[woken] = None
            able = [task for task in self._active if task.can_go_on(now)]
            if able:
                return able[0] if len(able) == 1 else self._dice.choice(able)
            self._let_time_go_by(now)
        return next(iter(self._alive))  # everybody is woken in turn, to end

    def _let_time_go_by(self, now: float) -> None:
        due = min([self._waiters.due, *(task.due for task in self._active)])
        if due == _NEVER:
            self._give_up("nobody can go on")
            return
        if not self._waiters:
            self._stuck_since = now if self._stuck_since is None else self._stuck_since
            if due - self._stuck_since > self._patience:
                self._give_up(f"for {self._patience:g} virtual seconds everybody has only waited for somebody else")
                return
        self.clock.advance(due - now)

    # -- giving up ---------------------------------------------------------------------------------------------------------
    def _give_up(self, why: str) -> None:
        lines = [f"  {task.name} {task.state.value}: {_where(task)}" for task in self._alive]
        self._deadlock = Deadlock("\n".join([f"{why} (seed {self.seed!r}, step {self.taken}):", *lines]))

    def _wait_for_the_end(self) -> None:
        seen = -1
        while not self._over.wait(self._stall):
            if seen == self.taken and self._turn is not None:
                why = f"{self._turn.name} does not come back: it blocks outside of the clock, or computes for {self._stall:g} s"
                self._give_up(why)
                return
            seen = self.taken


def _where(task: _Task) -> str:
    """Return the places in the code that have led *task* to where it stands, the innermost first."""
    frame = _current_frames().get(task.thread.ident or 0)
    ours = (__file__, threading.__file__, InlineExecutor.__init__.__code__.co_filename)
    calls = [call for call in traceback.extract_stack(frame) if call.filename not in ours] if frame else []
    shown = [f"{call.filename.rpartition('gitops_core/')[2]}:{call.lineno} {call.name}" for call in reversed(calls)]
    return " < ".join(shown[:4]) or "has not begun"


class _ScheduledExecutor(Executor):
    """A pool whose workers are tasks; a worker begins with its first work and ends when there is no more."""

    def __init__(self, scheduler: Scheduler, workers: int) -> None:
        self._scheduler = scheduler
        self._workers = workers
        self._active = 0
        self._begun = 0
        self._backlog: deque[tuple[Future[Any], Callable[[], Any]]] = deque()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Put *fn* in line; a worker takes it in an order that the seed decides."""
        future: Future[T] = Future()
        self._backlog.append((future, lambda: fn(*args, **kwargs)))
        if self._active < self._workers:
            self._active += 1
            self._begun += 1
            self._scheduler.spawn(f"{threading.current_thread().name}/{self._begun}", self._work)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait until everything that was submitted is done; with *cancel_futures* leave out what has not begun."""
        if cancel_futures:
            for future, _work in self._backlog:
                future.cancel()
            self._backlog.clear()
        if wait:
            self._scheduler.take(lambda _seconds: not self._active, _NEVER)

    def _work(self) -> None:
        while self._backlog:
            future, work = self._backlog.popleft()
            done = InlineExecutor().submit(work)
            error = done.exception()
            if error is None:
                future.set_result(done.result())
            else:
                future.set_exception(error)
            self._scheduler.step("next")
        self._active -= 1

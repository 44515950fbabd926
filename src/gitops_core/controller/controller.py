"""
The controller: one thread that decides, workers that carry out, values for everybody who asks.

Everything that happens arrives in an inbox: a worker's report, a push, an order, a list of applications. The controller's own thread
takes it in, decides, and hands due work to the workers; so no decision needs a lock, and none is held over I/O or a callback.
"""

from __future__ import annotations

import inspect
import logging
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from functools import partial
from types import FrameType, TracebackType
from typing import Any, Final, Self

import attrs

from gitops_core.controller.backoff import jittered
from gitops_core.controller.desk import Desk
from gitops_core.controller.limits import ControllerLimits
from gitops_core.controller.listing import listed
from gitops_core.controller.membership import Alone, Membership, new_member
from gitops_core.controller.passing import last_healthy
from gitops_core.controller.status import ApplicationStatus, ControllerStatus
from gitops_core.controller.surroundings import Surroundings
from gitops_core.controller.voice import Voice
from gitops_core.controller.watching import Watching, WatchSettings
from gitops_core.engine.daemons import DaemonThreads
from gitops_core.engine.lending import LentThreads
from gitops_core.engine.ordering import give_orders
from gitops_core.engine.runtime import Runtime, SameThread, threads
from gitops_core.errors import ConfigError
from gitops_core.interfaces import Coordinator, StateStore
from gitops_core.model.applications import Application
from gitops_core.model.events import EventType
from gitops_core.model.orders import Orders, Pin, Suspension
from gitops_core.model.results import Failure
from gitops_core.model.revisions import Notice
from gitops_core.model.rosters import Member, Roster, Standing
from gitops_core.state.default import default_store

_log: Final = logging.getLogger("gitops_core")
_LONGEST_WAIT: Final = 10.0  # seconds; then the watchdog looks, whatever happens
_SLICE: Final = 0.25  # seconds
Applications = Iterable[Application] | Callable[[], Iterable[Application]]


class Controller:
    """
    Keeps any number of applications reconciled.

    ::

        with Controller([app, other], store=store) as controller:
            controller.run(signals=(signal.SIGTERM, signal.SIGINT))   # until somebody stops it

    Args:
        applications: What to look after; or a function that returns it, which is asked again every ``limits.refresh``. Where the
            function raises, or what it returns makes no sense, everything stays as it was and ``status().error`` says why.
        store: Where state is kept; one SQLite file in the user's state directory unless given.
        runtime: Clock, randomness, sinks. Its ``cancel`` stops the controller.
        limits: How hard to work, and how long to wait.
        coordinator: How this controller shares the applications with others; without one it works on all of them.
        member: What it is called among them, and its share; an id of its own when left out.
        executor: Makes the workers, from their number.

    Raises:
        ConfigError: Two applications with one id, or a circle of dependencies. STALL.
    """

    def __init__(  # noqa: PLR0913  # why: each is one thing that a host may replace, by keyword
        self,
        applications: Applications = (),
        *,
        store: StateStore | None = None,
        runtime: Runtime | None = None,
        limits: ControllerLimits | None = None,
        coordinator: Coordinator | None = None,
        member: Member | None = None,
        executor: Callable[[int], Executor] = DaemonThreads,
    ) -> None:
        self._store = store or default_store()
        self._runtime = runtime or Runtime()
        self._limits = limits or ControllerLimits()
        self._writers = LentThreads()
        if self._runtime.executor is threads:
            self._runtime = attrs.evolve(self._runtime, executor=self._writers.lend)
        self._clock = self._runtime.clock
        self._voice = Voice(self._runtime, self._limits, None if _runs_here(executor) else executor)
        self._runtime = attrs.evolve(self._runtime, sinks=self._voice.sinks)
        self._tell = self._voice.tell
        self._inbox: deque[Callable[[], None]] = deque()
        self._wake, self._stopping, self._at_once, self._ended = (threading.Event() for _ in range(4))
        self._ended.set()
        self._runner: int | None = None
        self._make_workers = executor
        self._workers: Executor | None = None
        self._thread: threading.Thread | None = None
        self._error = ""
        self._watching = Watching(
            WatchSettings(
                store=self._store,
                runtime=self._runtime,
                threads=None if _runs_here(executor) else executor,
                restart=self._limits.watch_restart,
                report=self._on_moves,
            )
        )
        self._membership: Membership | None = None
        if coordinator is not None:
            member = member or new_member(self._runtime.random)
            self._membership = Membership(coordinator, member, self._runtime, self._on_notice)
        self._desk = Desk(
            Surroundings(
                watching=self._watching,
                place=self._membership or Alone(),
                store=self._store,
                runtime=self._runtime,
                limits=self._limits,
                hand_over=self._hand_over,
                tell=self._tell,
            )
        )
        self._supplier = applications if callable(applications) else None
        self._refresh_at = self._clock.monotonic()
        self._refreshing = False
        if not callable(applications):
            self._desk.replace(applications)

    # -- its life ----------------------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Begin, in a thread of its own; a no-op when it has begun."""
        if self._thread is None and self._workers is None:
            self._ended.clear()
            self._thread = threading.Thread(target=self._loop, name="gitops-controller", daemon=True)
            self._thread.start()
        return self

    def run(self, *, signals: Iterable[signal.Signals] = (), until: Callable[[ControllerStatus], bool] | None = None) -> None:
        """
        Work in this thread until :meth:`stop`. Ended by *until*, it may be called again.

        Args:
            signals: Stop on these: at the first one the changes in hand are finished, the second one stops at once. Only in the main
                thread of the process.
            until: Stop when it says so; asked after every turn.

        Raises:
            ConfigError: It runs already. STALL.
        """
        if self._thread is not None or self._workers is not None:
            raise ConfigError("the controller runs already; use either run() or start()")
        previous = {number: signal.signal(number, self._on_signal) for number in signals}
        try:
            self._loop(until)
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def stop(self, timeout: float | None = None, *, at_once: bool = False) -> bool:
        """
        Stop: begin nothing new, finish the changes in hand; the inventory knows what was not begun.

        Args:
            timeout: Seconds to wait for the end; ``limits.shutdown`` when left out. From within the controller's own thread: none.
            at_once: Do not wait for the changes in hand either.

        Returns: Whether everything has ended.
        """
        if at_once:
            self._at_once.set()
        self._stopping.set()
        self._wake.set()
        if self._runner == threading.get_ident():
            return self._ended.is_set()
        ended = self._ended.wait(self._limits.shutdown if timeout is None else timeout)
        self._voice.close(0.0 if at_once else self._limits.shutdown)
        return ended

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    # -- what others ask of it -----------------------------------------------------------------------------------------------

    def add(self, app: Application) -> None:
        """
        Look after *app*, too; in place of the one with its id, if there is one.

        Raises:
            ConfigError: The controller gets its list from a function. STALL.
        """
        self._only_for_lists("add")
        self._post(lambda: self._replace([*(a for a in self._desk.applications() if a.id != app.id), app]))
        self._post(partial(self._desk.keep, app.id))

    def remove(self, app: Application | str) -> None:
        """
        Look no longer after *app*; what it owns stays.

        Raises:
            ConfigError: The controller gets its list from a function. STALL.
        """
        self._only_for_lists("remove")
        name = _id(app)
        self._post(lambda: self._replace([a for a in self._desk.applications() if a.id != name]))

    def delete(self, app: Application | str) -> None:
        """
        Delete everything *app* owns, after the applications that depend on it are gone, and look no longer after it.

        Take it out of what the function returns first, where a function tells the applications; adding it again ends the deletion.
        """
        self._post(partial(self._desk.delete, _id(app)))

    def trigger(self, app: Application | str, token: str = "") -> None:
        """Let *app* have a pass now. One with a *token* that was carried out already, by whichever process, is a no-op."""
        self._post(partial(self._desk.trigger, _id(app), token))

    def notify(self, repositories: Iterable[str], refs: Iterable[str] = ()) -> None:
        """Look at once at what a push may have changed. Any number of pushes in a moment make one look."""
        self._post(partial(self._desk.pushed, tuple(repositories), tuple(refs)))

    def suspend(self, app: Application | str, *, reason: str, author: str, seconds: float) -> None:
        """
        Write nothing to *app*'s target until that time is over; what drifts meanwhile is told, and repaired afterwards.

        Durable: it holds for every engine that works on the application.

        Raises:
            StateError: It could not be written down; nothing is suspended.
            ConfigError: No such application, or no time. STALL.
        """
        if not 0 < seconds < float("inf"):
            raise ConfigError(f"suspend: seconds={seconds!r}; say how long, there is always an end")
        now = self._clock.now()
        order = Suspension(reason, author, now, now + seconds)
        self._order(app, lambda o: attrs.evolve(o, suspension=order), f"suspended by {author}: {reason}")

    def resume(self, app: Application | str, *, author: str = "") -> None:
        """End a suspension before its time; raises as :meth:`suspend`."""
        ended: list[Suspension] = []

        def resume(orders: Orders) -> Orders:
            ended[:] = [orders.suspension] if orders.suspension is not None else []
            return attrs.evolve(orders, suspension=None)

        self._order(app, resume, f"resumed by {author or 'somebody'}", lambda: "".join(order.drift for order in ended))

    def rollback(self, app: Application | str, to: str = "", *, reason: str, author: str) -> str:
        """
        Hold *app* at one revision until :meth:`release`, and return it.

        Args:
            app: The application.
            to: A revision's id; the last healthy one before the present one when left out.
            reason: Why, for the status.
            author: Who.

        Raises:
            ConfigError: No such application, or no healthy revision in its history. STALL.
            StateError: The store failed.
        """
        found = self._app(app)
        revision = to or self._last_healthy(found)
        pin = Pin(revision, reason, author, self._clock.now())
        self._order(found, lambda o: attrs.evolve(o, pin=pin), f"held at {revision[:12]} by {author}: {reason}")
        return revision

    def release(self, app: Application | str, *, author: str = "") -> None:
        """Follow the source's reference again; raises as :meth:`suspend`."""
        self._order(app, lambda o: attrs.evolve(o, pin=None), f"released by {author or 'somebody'}")

    def settle(self, app: Application | str, *, author: str = "") -> None:
        """Write contested objects again; raises as :meth:`suspend`."""
        self._order(app, lambda o: attrs.evolve(o, contested=()), f"settled by {author or 'somebody'}")

    # -- what it says ----------------------------------------------------------------------------------------------------------

    def status(self) -> ControllerStatus:
        """Return everything, as values. Cost: O(applications) for the copy."""
        roster = self._membership.roster if self._membership is not None else Roster(0, ())
        return ControllerStatus(
            applications=dict(self._desk.statuses),
            running=self._workers is not None,
            workers=self._limits.workers,
            busy=self._desk.busy,
            waiting=self._desk.waiting,
            stuck=self._desk.stuck(),
            error=self._error or (self._membership.trouble if self._membership is not None else ""),
            dropped=self._voice.dropped,
            generation=roster.generation,
            members=tuple(member.id for member in roster.members),
        )

    def application(self, app: Application | str) -> ApplicationStatus:
        """Return one application's status; KeyError when it is not looked after."""
        return self._desk.statuses[_id(app)]

    # -- the loop ----------------------------------------------------------------------------------------------------------------

    def _loop(self, until: Callable[[ControllerStatus], bool] | None = None) -> None:
        self._ended.clear()
        self._runner = threading.get_ident()
        self._desk.go_on()
        self._writers.open()
        self._workers = self._make_workers(self._limits.workers + self._limits.replacements + 2)
        try:
            while not (self._stopping.is_set() or self._runtime.cancel.is_set()):
                seconds = self._turn()
                if until is not None and until(self.status()):
                    break
                self._clock.wait(self._wake, seconds)
            self._wind_up()
        finally:
            self._watching.close()
            if self._membership is not None:
                self._left(self._membership.leave(self._limits.shutdown))
            self._workers.shutdown(wait=False)
            self._writers.close()
            self._workers = None
            if self._stopping.is_set() or self._runtime.cancel.is_set():
                self._voice.close(0.0 if self._at_once.is_set() else self._limits.shutdown)
            self._ended.set()

    def _left(self, failure: Failure | None) -> None:
        if failure is not None:
            self._error = f"not taken out of the roster, its place runs out by itself: {failure.message}"

    def _turn(self) -> float:
        """Take in what has happened, begin what is due, and return how many seconds nothing will be."""
        self._wake.clear()
        self._refresh()
        self._beat()
        self._take_in()
        self._desk.watch_over()
        self._watching.tend()
        while self._desk.begin_next():
            self._take_in()
        beat = self._membership.seconds() if self._membership is not None else None
        waits = [beat, self._watching.seconds(), self._desk.seconds(), self._seconds_until_refresh(), _LONGEST_WAIT]
        if self._inbox or self._stopping.is_set():  # said after the inbox was read, and perhaps before the word was waited for
            return 0.0
        if self._clock.is_real:
            waits.append(_SLICE)  # the host's own stop signal wakes nobody
        return max(0.0, min(seconds for seconds in waits if seconds is not None))

    def _take_in(self) -> None:
        while self._inbox:
            self._inbox.popleft()()

    def _wind_up(self) -> None:
        """Let what is under way finish the change in hand, and take in its reports."""
        self._desk.halt("the controller stops")
        end = self._clock.monotonic() + self._limits.shutdown
        while self._has_work_in_hand() and not self._at_once.is_set() and self._clock.monotonic() < end:
            self._wake.clear()
            self._take_in()
            if self._desk.busy:
                self._beat()  # the place is kept as long as a change is in hand
            if self._has_work_in_hand():
                self._clock.wait(self._wake, _SLICE)
        self._take_in()

    def _has_work_in_hand(self) -> bool:
        """Tell whether something is under way: a beat, too, which would put us back on the list after we have left."""
        return self._desk.busy > len(self._desk.stuck()) or (self._membership is not None and self._membership.beating)

    def _on_moves(self) -> None:
        self._post(lambda: self._desk.objects_moved(self._watching.moves()))

    def _post(self, message: Callable[[], int | None]) -> None:
        """Let the controller's thread call *message*."""
        self._inbox.append(lambda: self._heard(message))
        self._wake.set()

    def _heard(self, message: Callable[[], Any]) -> None:
        try:
            message()
        except Exception as error:  # noqa: BLE001  # why: one bad decision must not end all others; it is told, and in the status
            _log.exception("a controller's decision failed; the others go on")
            self._error = f"a decision failed with {type(error).__name__}, which is a fault of the controller; the log has more"

    def _hand_over(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        def carry_out() -> None:
            answer = work()
            self._post(lambda: then(answer))

        if self._workers is not None:
            self._workers.submit(carry_out)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        # In a thread, because a handler may interrupt the main one where it holds the very lock that is needed here.
        threading.Thread(target=self._signalled, name="gitops-signal", daemon=True).start()

    def _signalled(self) -> None:
        if self._stopping.is_set():
            self._at_once.set()
        self._stopping.set()
        self._wake.set()

    # -- who shares the work ---------------------------------------------------------------------------------------------------------

    def _beat(self) -> None:
        if self._membership is not None:
            self._membership.tend(self._hand_over, self._stood, self._desk.roster_changed)

    def _stood(self, answer: Standing | Failure) -> None:
        membership = self._membership
        if membership is not None and membership.learn(answer):
            roster = membership.roster
            members = [member.id for member in roster.members]
            text = f"generation {roster.generation}: {len(members)} members"
            self._tell(EventType.MEMBERSHIP, "", text, generation=roster.generation, members=members)
            self._desk.roster_changed()

    def _on_notice(self, notice: Notice) -> None:
        self._tell(EventType.NOTICE, "", notice.message, code=notice.code)

    # -- the list of applications --------------------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        supplier = self._supplier
        if supplier is None or self._refreshing or self._clock.monotonic() < self._refresh_at:
            return
        self._refreshing = True
        self._hand_over(partial(listed, supplier), self._refreshed)

    def _refreshed(self, found: list[Application] | str) -> None:
        self._refreshing = False
        self._refresh_at = self._clock.monotonic() + jittered(self._limits.refresh, self._limits.jitter, self._runtime.random)
        if isinstance(found, str):
            self._not_listed(found)
        else:
            self._replace(found)

    def _replace(self, applications: list[Application]) -> None:
        try:
            self._desk.replace(applications)
            self._error = ""
        except ConfigError as error:
            self._not_listed(error.message)

    def _not_listed(self, why: str) -> None:
        self._error = why
        self._tell(EventType.APPLICATIONS_FAILED, "", f"the list of applications stays as it was: {why}")

    def _seconds_until_refresh(self) -> float | None:
        if self._supplier is None or self._refreshing:
            return None
        return max(0.0, self._refresh_at - self._clock.monotonic())

    def _only_for_lists(self, what: str) -> None:
        if self._supplier is not None:
            raise ConfigError(f"{what}: the applications come from {self._supplier!r}; change what it returns")

    # -- orders --------------------------------------------------------------------------------------------------------------------

    def _order(
        self, app: Application | str, change: Callable[[Orders], Orders], what: str, more: Callable[[], str] = str
    ) -> None:
        """Write down *change* while no pass is under way, and tell *what*, and what there is *more* to tell afterwards."""
        found = self._app(app)
        self._post(partial(self._desk.order_comes, found.id, what))
        try:
            give_orders(found, change, store=self._store, runtime=self._runtime)
            self._tell(EventType.ORDERED, found.id, what + more())
        finally:
            self._post(partial(self._desk.order_came, found.id))

    def _app(self, app: Application | str) -> Application:
        found = self._desk.find(_id(app))
        if found is None:
            known = ", ".join(sorted(self._desk.statuses)[:5])
            raise ConfigError(f"no application {_id(app)!r} is looked after here; there are: {known or 'none'}")
        return found

    def _last_healthy(self, app: Application) -> str:
        present = self._desk.statuses[app.id].revision
        revision = last_healthy(app, self._store, present)
        if revision:
            return revision
        raise ConfigError(f"{app.id}: no healthy revision before {present[:12] or 'the first'} in its history; name one with to=")


def _runs_here(executor: Callable[[int], Executor]) -> bool:
    """Tell whether *executor* has no threads: a watch, which blocks, cannot run there."""
    return inspect.isclass(executor) and issubclass(executor, SameThread)


def _id(app: Application | str) -> str:
    return app if isinstance(app, str) else app.id

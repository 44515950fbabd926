"""Where a controller decides: who is due, who has to wait and for what, what follows from a worker's report. One thread's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final

import attrs

from gitops_core.controller.dependencies import WELL, unmet
from gitops_core.controller.fleet import Fleet
from gitops_core.controller.gates import Gates
from gitops_core.controller.holding import counted
from gitops_core.controller.neighbours import Neighbours
from gitops_core.controller.outlook import Outlook, Past, outlook, to_leave
from gitops_core.controller.passing import Job, Report, carry_out, differ
from gitops_core.controller.references import Reference, Resolved, look_up
from gitops_core.controller.signals import PassSignal
from gitops_core.controller.status import ApplicationStatus, Phase, Stuck
from gitops_core.controller.surroundings import Surroundings, Task
from gitops_core.controller.telling import APPLIED, facts_of, news_of, news_of_orders, news_of_phase
from gitops_core.controller.underway import UnderWay
from gitops_core.controller.units import Hold, Unit
from gitops_core.controller.watching import Moves, is_other
from gitops_core.controller.workqueue import Lane, WorkQueue
from gitops_core.engine.runtime import Runtime
from gitops_core.model.applications import Application
from gitops_core.model.events import EventType
from gitops_core.model.results import PassStatus, ReconcileResult
from gitops_core.model.revisions import Revision

_POLL: Final = "@poll "
_POLLS: Final = Lane("@poll")  # a line of their own: no tenant, however busy, makes a push wait
_NEVER: Final = float("inf")


class Desk:
    """
    The state of a controller, touched by its own thread only.

    Args:
        surroundings: What it works with.
    """

    def __init__(self, surroundings: Surroundings) -> None:
        self._with = surroundings
        self._limits = surroundings.limits
        self._clock = surroundings.runtime.clock
        self._dice = surroundings.runtime.random
        self._queue = WorkQueue()
        self._fleet = Fleet()
        self._watching = surroundings.watching
        self._place = surroundings.place
        self._gates = Gates(surroundings, self._fleet, self._due)
        self._under_way = UnderWay(self._clock)
        self._neighbours = Neighbours(surroundings, self._fleet, self._hand_over, self._set, self._due)
        self._halted, self._rosters = False, 0

    # -- who there is -----------------------------------------------------------------------------------------------------

    @property
    def statuses(self) -> Mapping[str, ApplicationStatus]:
        """Every application's status; any thread may read it."""
        return self._fleet.statuses

    def replace(self, applications: Iterable[Application]) -> None:
        """Let exactly *applications* be looked after; raises as :meth:`.Fleet.replace`."""
        before = {name: unit.app for name, unit in self._fleet.units.items()}
        difference = self._fleet.replace(applications, self._clock.now())
        for unit in difference.gone:
            self._taken_out(unit)
        for name in difference.unasked:
            self._queue.drop(_POLL + name)
        for name in difference.asked:
            self._poll_soon(name)
        for unit in difference.fresh:
            known = before.get(unit.app.id, unit.app)
            if known.target is not unit.app.target:
                self._watching.leave(known, unit.versions)
            self._due(unit)
        self._gates.keep(unit.app.target for unit in self._fleet.units.values())

    def applications(self) -> list[Application]:
        """Return those that are looked after, without those that are being deleted."""
        return [unit.app for unit in self._fleet.units.values() if not unit.delete]

    def find(self, name: str) -> Application | None:
        """Return the application called *name*; any thread may ask."""
        unit = self._fleet.units.get(name)
        return unit.app if unit is not None else None

    def delete(self, name: str) -> None:
        """Let everything of *name* be deleted, once nobody depends on it any more."""
        unit = self._fleet.units.get(name)
        if unit is not None:
            unit.delete = True
            self.interrupt(name, "it is to be deleted")
            self._due(unit)

    def keep(self, name: str) -> None:
        """Delete *name* no more."""
        unit = self._fleet.units.get(name)
        if unit is not None and unit.delete:
            unit.delete = False
            self.interrupt(name, "it is to stay")
            self.moved(name)

    def _taken_out(self, unit: Unit) -> None:
        self._queue.drop(unit.app.id)
        self._watching.leave(unit.app, unit.versions)
        if unit.signal is not None:
            unit.signal.stop("the application was taken out")
        self._wake_neighbours(unit)

    # -- what makes somebody due --------------------------------------------------------------------------------------------

    def trigger(self, name: str, token: str = "") -> None:
        """Let *name* have a pass at once, after a fresh look at its source; one with a *token* that was carried out is none."""
        unit = self._fleet.units.get(name)
        if unit is None or (token and token in (*unit.tokens, *unit.orders.handled)):
            return
        unit.look = unit.look or not token
        unit.tokens = (*unit.tokens, token) if token else unit.tokens
        self._poll_soon(unit.reference)
        self._due(unit)

    def pushed(self, repositories: Iterable[str], refs: Iterable[str]) -> None:
        """Look at once at every reference that a push may have changed."""
        for reference in self._fleet.told_by(tuple(repositories), tuple(refs) or ("",)):
            self._poll_soon(reference.name)

    def moved(self, name: str) -> None:
        """Something about *name* may be other than at its last pass: let it have one."""
        unit = self._fleet.units.get(name)
        if unit is not None:
            unit.look = True
            self._due(unit)

    def objects_moved(self, moves: Moves) -> None:
        """Let those have a pass whose objects are other than at their last one."""
        for key, (owners, version) in moves.items():
            for name in owners:
                unit = self._fleet.units.get(name)
                if unit is None:
                    continue
                if unit.signal is not None:
                    unit.heard[key] = version  # perhaps our own doing: the pass's report tells
                elif unit.status.phase is Phase.PROGRESSING:
                    self._hear(unit)
                elif is_other(unit.versions, key, version):
                    self.moved(name)

    def _hear(self, unit: Unit) -> None:
        """Look again at what is waited for, no more often than it is worth."""
        unit.look = True
        self._due(unit, max(0.0, unit.begun + unit.app.options.health_interval - self._clock.monotonic()))

    def roster_changed(self) -> None:
        """Begin with what has become ours, and end what is no longer."""
        self._rosters += 1
        for reference in self._fleet.references:
            self._poll_soon(reference)
        for unit in self._fleet.units.values():
            if not self._is_ours(unit):
                unit.look = unit.is_stale = True  # when it is ours again: who knows what was done to it meanwhile
                self.interrupt(unit.app.id, "it is not ours any more")
            self._due(unit)

    def _is_ours(self, unit: Unit) -> bool:
        return not self._place.holder(unit.app.id)

    def order_comes(self, name: str, why: str) -> None:
        """Stop the pass of *name*, and begin none before :meth:`order_came`: an order is written while nobody works on it."""
        unit = self._fleet.units.get(name)
        if unit is not None:
            unit.ordering += 1
            self.interrupt(name, why)

    def order_came(self, name: str) -> None:
        """Go on with *name*: what was ordered is written down, or could not be."""
        unit = self._fleet.units.get(name)
        if unit is not None:
            unit.ordering = max(0, unit.ordering - 1)
            self.moved(name)

    def interrupt(self, name: str, why: str) -> None:
        """Let the pass of *name* under way, if there is one, finish the change in hand and end."""
        unit = self._fleet.units.get(name)
        if unit is not None and unit.signal is not None:
            unit.signal.stop(why)

    def halt(self, why: str) -> None:
        """Begin nothing new, and let everything under way finish the change in hand."""
        self._halted = True
        for name in self._fleet.units:
            self.interrupt(name, why)

    def go_on(self) -> None:
        """Begin again after :meth:`halt`."""
        self._halted = False

    def _due(self, unit: Unit, after: float = 0.0) -> None:
        if after != _NEVER:
            self._queue.add(unit.app.id, self._clock.monotonic() + after, unit.lane)

    def _poll_soon(self, reference: str, after: float = 0.0) -> None:
        self._queue.add(_POLL + reference, self._clock.monotonic() + after, _POLLS)

    # -- the turn -----------------------------------------------------------------------------------------------------------

    @property
    def busy(self) -> int:
        """How many workers are at work, those included that do not come back."""
        return len(self._under_way)

    @property
    def waiting(self) -> int:
        """How many are due and wait for a worker."""
        return self._queue.ready

    def stuck(self) -> tuple[Stuck, ...]:
        """Return the workers that have not come back in time."""
        return self._under_way.stuck()

    def begin_next(self) -> bool:
        """Hand one piece of due work to a worker, if one is free; return whether there was something to do."""
        if not self._may_begin():
            return False
        key = self._queue.take(self._clock.monotonic())
        if key is None:
            return False
        begin = self._begin_poll if key.startswith(_POLL) else self._begin_pass
        begin(key)
        return True

    def seconds(self) -> float | None:
        """Return how long until something is due that a worker is free for; None when nothing will be by itself."""
        return self._queue.seconds(self._clock.monotonic()) if self._may_begin() else None

    def _may_begin(self) -> bool:
        """Tell whether a worker is free; none is missed while none is, because each that comes back is a turn."""
        limits = self._limits
        busy, late = len(self._under_way), self._under_way.late
        is_free = busy - late < limits.workers and busy < limits.workers + limits.replacements
        return is_free and not self._halted

    def watch_over(self) -> None:
        """Tell of workers that do not come back in time, and put their applications in quarantine."""
        for name in self._under_way.newly_late():
            waits = "a plug-in that has not come back; nothing is begun before it does"
            unit = self._fleet.units.get(name)
            if unit is not None and unit.signal is not None:
                unit.quarantined = True
                unit.signal.stop("its time is over")
                self._set(unit, phase=Phase.QUARANTINED, waits_for=waits)
            self._with.tell(EventType.QUARANTINED, name if unit is not None else "", f"{name}: {waits}")

    def _hand_over(self, task: Task) -> None:
        number = self._under_way.begin(task.name, task.patience + self._limits.grace)

        def back(answer: Any) -> None:
            self._under_way.end(number)
            task.then(answer)

        self._with.hand_over(task.work, back)

    # -- polls --------------------------------------------------------------------------------------------------------------

    def _begin_poll(self, key: str) -> None:
        reference = self._fleet.references.get(key.removeprefix(_POLL))
        ours = [unit for unit in self._fleet.followers(reference) if self._is_ours(unit)] if reference is not None else []
        if reference is None or not ours:
            self._queue.done(key)  # asked again when the roster changes
            return
        work = partial(look_up, (app := ours[0].app), self._with.store, self._runtime())
        self._hand_over(Task(reference.name, work, partial(self._polled, key, self._rosters), app.options.deadline))

    def _polled(self, key: str, rosters: int, found: Resolved) -> None:
        self._queue.done(key)
        reference = self._fleet.references.get(key.removeprefix(_POLL))
        if reference is None:
            return
        before, failure = reference.revision, reference.failure
        after = reference.learn(found, self._limits, self._dice)
        self._poll_soon(reference.name, after)
        for unit in self._fleet.followers(reference):
            if found.failure is not None:
                if self._is_ours(unit):
                    self._not_resolved(unit, reference, after)
                continue
            if unit.status.last_error is failure and failure is not None:
                self._set(unit, last_error=None)
            if unit.is_stale and rosters == self._rosters and self._is_ours(unit):
                unit.is_stale = False
                self._due(unit)
            if reference.revision is not None and (before is None or before.id != reference.revision.id):
                self._renewed(unit, reference.revision)

    def _not_resolved(self, unit: Unit, reference: Reference, after: float) -> None:
        """Tell of a source that cannot be reached; without any revision of it no pass is possible, else the last one stands."""
        failure = reference.failure
        if unit.seen is not None or unit.status.running:
            if unit.orders.pin is None:
                self._set(unit, last_error=failure)
        elif failure is not None:
            waits, at = f"its source: {failure.message}", self._clock.now() + after
            self._set(unit, phase=Phase.FAILED, waits_for=waits, last_error=failure, next_run=at, failures=reference.failures)

    def _renewed(self, unit: Unit, revision: Revision) -> None:
        """There is a new revision: whoever works on other files finishes the change in hand, everybody is due."""
        if unit.orders.pin is not None:
            return
        self._due(unit)
        self._set(unit, revision=revision.id)
        signal = unit.signal
        if signal is not None and unit.seen is not None:
            compare = partial(differ, unit.app, (unit.seen, revision), self._with.store, self._runtime())
            then = partial(_supersede, signal, revision)
            self._hand_over(Task(f"what is new for {unit.app.id}", compare, then, unit.app.options.deadline))

    # -- passes -------------------------------------------------------------------------------------------------------------

    def _begin_pass(self, name: str) -> None:
        unit = self._fleet.units.get(name)
        hold = self._hold(unit) if unit is not None else None
        if unit is not None and hold is None:
            self._start(unit)
            return
        self._queue.done(name)
        if unit is not None and hold is not None:
            until = None if hold.after == _NEVER else self._clock.now() + hold.after
            self._set(unit, waits_for=hold.waits_for, phase=hold.phase or unit.status.phase, waits_until=until, next_run=until)
            if hold.phase is Phase.ELSEWHERE:
                self._left_to_others(unit)
            self._due(unit, hold.after)

    def _left_to_others(self, unit: Unit) -> None:
        """Follow nothing of it any more, and say nothing about what only its member knows."""
        self._watching.leave(unit.app, unit.versions)
        unit.versions, unit.digest, unit.unsettled_since = {}, "", None
        self._set(unit, last_error=None, failures=0, drift=())

    def _hold(self, unit: Unit) -> Hold | None:
        """Return why *unit* cannot have a pass now."""
        holder = self._place.holder(unit.app.id)
        if holder:
            return Hold(waits_for=f"nothing here: {holder} works on it", phase=Phase.ELSEWHERE)
        if unit.ordering:
            return Hold(waits_for="an order that is being written down")
        if unit.delete:
            left = [other.app.id for other in self._fleet.needed_by(unit.app.id)]
            why = f"applications that depend on it to be deleted first: {', '.join(left)}" if left else ""
        elif unit.orders.pin is None and (unit.is_stale or self._fleet.reference(unit).revision is None):
            return Hold(waits_for=unit.status.waits_for or "its source to name a revision")
        elif (asked := self._neighbours.hold(unit)) is not None:
            return asked
        else:
            why = unmet(unit.app, self._fleet.statuses)
        if why:
            return Hold(waits_for=why, phase=Phase.BLOCKED, after=self._neighbours.again(unit))
        return self._gates.hold(unit)

    def _start(self, unit: Unit) -> None:
        unit.signal = PassSignal(self._clock, self._place.valid_until)
        unit.begun = self._clock.monotonic()
        unit.seen = self._fleet.reference(unit).revision
        job = Job(
            app=unit.app, revision=unit.seen, digest=unit.digest, look=unit.look or unit.begun >= unit.planned,
            tokens=unit.tokens, returns=unit.returns, contested_after=self._limits.contested_after, roll_back=unit.roll_back,
            delete=unit.delete, known=unit.orders,
        )  # fmt: skip
        unit.leaves, unit.look, unit.tokens, unit.roll_back = unit.roll_back, False, (), ""
        runtime = attrs.evolve(self._runtime(), cancel=unit.signal)
        self._set(unit, running=True, waits_for="", waits_until=None, next_run=None)
        work = partial(carry_out, job, self._with.store, runtime)
        self._hand_over(Task(unit.app.id, work, partial(self._passed, unit, job), unit.app.options.deadline))

    def _runtime(self) -> Runtime:
        return attrs.evolve(self._with.runtime, waits=False, term=self._place.term)

    def _passed(self, unit: Unit, job: Job, report: Report) -> None:
        name = unit.app.id
        self._queue.done(name)
        told, unit.signal = unit.signal is not None and bool(unit.signal.why), None
        stopped = (told or report.stopped) and not unit.quarantined
        unit.quarantined = False
        if self._fleet.units.get(name) is unit:
            self._take_in(unit, job, report, stopped=stopped)
        self._gates.came_back(job.app.target, name)

    def _take_in(self, unit: Unit, job: Job, report: Report, *, stopped: bool) -> None:
        unit.orders = report.orders
        unit.tokens = tuple(token for token in (*job.tokens, *unit.tokens) if token not in report.orders.handled)
        self._follow(unit, report)
        if report.result is None:
            self._unaffected(unit, report)
        elif job.delete and report.result.ok:
            self._fleet.remove(unit)
            self._taken_out(unit)
        else:
            self._judge(unit, report, report.result, stopped=stopped)

    def _unaffected(self, unit: Unit, report: Report) -> None:
        """The files are those of the last pass: the revision is another one, and nothing else. What was planned stays planned."""
        known, revision = unit.status, report.revision.id if report.revision is not None else ""
        facts: dict[str, Any] = {"applied": revision} if known.last_pass in APPLIED else {}
        if known.last_pass in WELL:
            facts |= {"converged": revision, "converged_at": self._clock.now()}
        self._set(unit, running=False, revision=revision, waits_for=unit.waits_for, **facts)
        self._plan_next(unit, max(0.0, unit.planned - self._clock.monotonic()))
        self._wake_neighbours(unit)

    def _judge(self, unit: Unit, report: Report, result: ReconcileResult, *, stopped: bool) -> None:
        now = self._clock.monotonic()
        is_new = bool(report.digest) and report.digest != unit.digest
        began = now if unit.unsettled_since is None or is_new else unit.unsettled_since
        failures = 0 if is_new else unit.status.failures
        watched = self._watching.covers(unit.app, unit.versions)
        past = Past(
            options=unit.app.options,
            failures=failures,
            waited=now - began,
            watched=watched,
            now=self._clock.now(),
            stopped=stopped,
        )
        seen = outlook(report, result, past, self._limits, self._dice)
        for news in news_of_orders(report.orders, report.ended, unit.leaves):
            self._with.tell(news.type, unit.app.id, news.message, **news.data)
        unit.leaves = ""
        self._gates.learn(unit, result)
        unit.digest = report.digest or unit.digest
        if report.held is not None:
            outcomes, memory = result.outcomes, self._limits.contested_memory
            unit.returns = counted(unit.returns, report.held, outcomes, self._clock.now(), memory)
            for news in news_of(report.held, unit.status):
                self._with.tell(news.type, unit.app.id, news.message, **news.data)
        unit.unsettled_since = began if result.status is PassStatus.PENDING else None
        unit.roll_back = to_leave(report, result, seen, unit.app.options)
        self._watching.listen(unit.app, eagerly=seen.phase is Phase.PROGRESSING)
        self._publish(unit, report, result, seen)
        newest = self._fleet.reference(unit).revision
        is_newer = newest is not None and report.orders.pin is None and (unit.seen is None or newest.id != unit.seen.id)
        unit.look = unit.look or stopped or bool(unit.roll_back)
        self._plan_next(unit, seen.after)
        if is_newer or unit.look:
            self._due(unit)
        self._wake_neighbours(unit)

    def _publish(self, unit: Unit, report: Report, result: ReconcileResult, seen: Outlook) -> None:
        reference = self._fleet.reference(unit)
        facts = facts_of(report, result, seen, unit.status, self._clock.now())
        if report.orders.pin is None:
            facts["last_error"] = seen.error or reference.failure
            facts["revision"] = reference.revision.id if reference.revision is not None else facts["applied"]
        self._set(unit, running=False, **facts)

    def _plan_next(self, unit: Unit, after: float) -> None:
        suspension = unit.orders.suspension
        if suspension is not None:
            after = min(after, max(0.0, suspension.until - self._clock.now()))
        unit.planned = self._clock.monotonic() + after
        self._due(unit, after)
        due, now = self._queue.due(unit.app.id), self._clock.monotonic()
        run = None if due is None else self._clock.now() + max(0.0, due - now)
        unit.waits_for = unit.status.waits_for
        self._set(unit, next_run=run, waits_until=run if unit.waits_for else None)

    def _follow(self, unit: Unit, report: Report) -> None:
        """Have what the application owns now watched, and take in what moved during the pass."""
        before, heard = unit.versions, unit.heard
        unit.heard = {}
        if report.result is None or report.versions:
            unit.versions = report.versions
        if any(is_other(unit.versions, key, version) for key, version in heard.items()):
            unit.look = True
        if unit.app.options.drift != "off":
            self._watching.follow(unit.app, unit.versions, before)

    def _wake_neighbours(self, unit: Unit) -> None:
        for other in self._fleet.waiting_for(unit):
            self._due(other)

    def _set(self, unit: Unit, **facts: Any) -> None:
        """Publish new facts about *unit*; a new phase has a new beginning, and is told."""
        before = unit.status
        phase = facts.get("phase", before.phase)
        if phase is not before.phase:
            facts["since"] = self._clock.now()
        unit.status = self._fleet.statuses[unit.app.id] = attrs.evolve(before, **facts)
        if phase is not before.phase:
            news = news_of_phase(before, unit.status)
            self._with.tell(news.type, unit.app.id, news.message, **news.data)


def _supersede(signal: PassSignal, revision: Revision, is_other: bool) -> None:
    """Let a pass whose files are others at *revision* finish the change in hand."""
    if is_other:
        signal.stop(f"superseded by {revision.id[:12]}")

"""Where a controller decides: who is due, who has to wait and for what, what follows from a worker's report. One thread's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final, Protocol

import attrs

from gitops_core.controller import breakers
from gitops_core.controller.backoff import backoff, jittered
from gitops_core.controller.breakers import Breaker
from gitops_core.controller.dependencies import circle, needs, unmet
from gitops_core.controller.holding import Drift, counted
from gitops_core.controller.limits import ControllerLimits
from gitops_core.controller.outlook import Outlook, Past, has_failed, outlook
from gitops_core.controller.passing import Job, Report, carry_out, differ
from gitops_core.controller.references import Reference, Resolved, look_up
from gitops_core.controller.signals import PassSignal
from gitops_core.controller.status import ApplicationStatus, Phase, Stuck
from gitops_core.controller.units import Unit
from gitops_core.controller.workqueue import WorkQueue
from gitops_core.engine.runtime import Runtime
from gitops_core.errors import ConfigError
from gitops_core.interfaces import StateStore
from gitops_core.model.applications import Application
from gitops_core.model.events import EventType
from gitops_core.model.results import PassStatus
from gitops_core.model.revisions import Revision

_POLL: Final = "@poll "
_APPLIED: Final = (PassStatus.IN_SYNC, PassStatus.CHANGED, PassStatus.PENDING, PassStatus.REFUSED)


class Teller(Protocol):
    """Tells sinks what happened; never waits for one."""

    def __call__(self, type_: EventType, application: str, message: str, **data: Any) -> None: ...


@attrs.frozen(kw_only=True)
class Surroundings:
    """
    What a desk works with.

    Attributes:
        store: Where state is kept.
        runtime: Clock, randomness, sinks.
        limits: How hard to work.
        hand_over: Gives work to a worker, and what it returns to a function that the desk's own thread will call.
        tell: Tells sinks.
    """

    store: StateStore
    runtime: Runtime
    limits: ControllerLimits
    hand_over: Callable[[Callable[[], Any], Callable[[Any], None]], None]
    tell: Teller


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
        self._units: dict[str, Unit] = {}
        self._references: dict[str, Reference] = {}
        self._breakers: dict[int, Breaker] = {}
        self._needed_by: dict[str, tuple[str, ...]] = {}
        self._busy = 0
        self._stuck: dict[str, float] = {}
        self._halted = ""
        self._statuses: dict[str, ApplicationStatus] = {}
        self.statuses: Mapping[str, ApplicationStatus] = self._statuses
        """Every application's status: values that are replaced and never changed, so any thread may read them."""

    # -- who there is ---------------------------------------------------------------------------------------------------

    def replace(self, applications: Iterable[Application]) -> None:
        """
        Let exactly *applications* be looked after.

        Raises:
            ConfigError: Two with one id, or a circle of dependencies; nothing changes. STALL.
        """
        wanted: dict[str, Application] = {}
        for app in applications:
            if app.id in wanted:
                raise ConfigError(f"two applications are called {app.id}; rename one of them")
            wanted[app.id] = app
        path = circle(wanted)
        if path:
            raise ConfigError(f"applications wait for each other in a circle: {' -> '.join(path)}; take one depends_on out")
        for name in self._units.keys() - wanted.keys():
            if not self._units[name].delete:
                self._remove(name)
        for app in wanted.values():
            self._put(app)
        self._needed_by = {}
        for app in wanted.values():
            for name in needs(app):
                self._needed_by[name] = (*self._needed_by.get(name, ()), app.id)

    def applications(self) -> list[Application]:
        """Return those that are looked after, without those that are being deleted."""
        return [unit.app for unit in self._units.values() if not unit.delete]

    def find(self, name: str) -> Application | None:
        """Return the application called *name*; any thread may ask."""
        unit = self._units.get(name)
        return unit.app if unit is not None else None

    def delete(self, name: str) -> None:
        """Let everything of *name* be deleted, once nobody depends on it any more."""
        unit = self._units.get(name)
        if unit is not None:
            unit.delete = True
            self.interrupt(name, "it is to be deleted")
            self._due(unit)

    def _put(self, app: Application) -> None:
        unit = self._units.get(app.id)
        if unit is not None and unit.app is app:
            return
        if unit is None:
            unit = self._units[app.id] = Unit(app=app, status=ApplicationStatus(application=app.id, since=self._clock.now()))
            self._statuses[app.id] = unit.status
        else:
            self._unfollow(unit)
            unit.app, unit.look, unit.digest = app, True, ""
        reference = self._references.get(unit.reference)
        if reference is None:
            reference = self._references[unit.reference] = Reference(unit.reference)
            self._queue.add(_POLL + unit.reference, self._clock.monotonic())
        reference.followers[app.id] = None
        self._due(unit)

    def _remove(self, name: str) -> None:
        unit = self._units.pop(name)
        self._statuses.pop(name, None)
        self._queue.drop(name)
        self._unfollow(unit)
        if unit.signal is not None:
            unit.signal.stop("the application was taken out")
        self._wake_dependents(name)

    def _unfollow(self, unit: Unit) -> None:
        reference = self._references[unit.reference]
        reference.followers.pop(unit.app.id, None)
        if not reference.followers:
            del self._references[unit.reference]
            self._queue.drop(_POLL + unit.reference)

    # -- what makes somebody due ------------------------------------------------------------------------------------------

    def trigger(self, name: str, token: str = "") -> None:
        """Let *name* have a pass at once, after a fresh look at its source; one with a *token* that was carried out is none."""
        unit = self._units.get(name)
        if unit is None or (token and token in (*unit.tokens, *unit.orders.handled)):
            return
        unit.look = True
        unit.tokens = (*unit.tokens, token) if token else unit.tokens
        self._queue.add(_POLL + unit.reference, self._clock.monotonic())
        self._due(unit)

    def pushed(self, repositories: Iterable[str], refs: Iterable[str]) -> int:
        """Look at once at every reference that a push may have changed; return how many those are."""
        repositories, refs, found = tuple(repositories), tuple(refs) or ("",), 0
        for reference in self._references.values():
            source = self._units[next(iter(reference.followers))].app.source
            if any(source.is_told_by(repository, ref) for repository in repositories for ref in refs):
                self._queue.add(_POLL + reference.name, self._clock.monotonic())
                found += 1
        return found

    def moved(self, name: str) -> None:
        """Something of *name*'s may have drifted."""
        unit = self._units.get(name)
        if unit is not None:
            unit.look = True
            self._due(unit)

    def ordered(self, name: str) -> None:
        """Something was ordered about *name*."""
        self.moved(name)

    def interrupt(self, name: str, why: str) -> None:
        """Let the pass of *name* under way, if there is one, finish the change in hand and end."""
        unit = self._units.get(name)
        if unit is not None and unit.signal is not None:
            unit.signal.stop(why)

    def halt(self, why: str) -> None:
        """Begin nothing new, and let everything under way finish the change in hand."""
        self._halted = why
        for unit in self._units.values():
            if unit.signal is not None:
                unit.signal.stop(why)

    def go_on(self) -> None:
        """Begin again after :meth:`halt`."""
        self._halted = ""

    def _due(self, unit: Unit, after: float = 0.0) -> None:
        if after != float("inf"):
            self._queue.add(unit.app.id, self._clock.monotonic() + after, unit.lane)

    # -- the turn ---------------------------------------------------------------------------------------------------------

    @property
    def busy(self) -> int:
        """How many workers are at work, those included that do not come back."""
        return self._busy

    @property
    def waiting(self) -> int:
        """How many are due and wait for a worker."""
        return self._queue.ready

    def stuck(self) -> tuple[Stuck, ...]:
        """Return the workers that have not come back in time."""
        now, epoch = self._clock.monotonic(), self._clock.now()
        return tuple(
            Stuck(work=name, since=epoch - (now - begun), seconds=now - begun) for name, begun in sorted(self._stuck.items())
        )

    def begin_next(self) -> bool:
        """Hand one piece of due work to a worker, if one is free; return whether there was something to do."""
        if self._halted or self._busy - len(self._stuck) >= self._limits.workers:
            return False
        if self._busy >= self._limits.workers + self._limits.replacements:
            return False
        key = self._queue.take(self._clock.monotonic())
        if key is None:
            return False
        if key.startswith(_POLL):
            self._begin_poll(key)
        else:
            self._begin_pass(key)
        return True

    def seconds(self) -> float | None:
        """Return how long until something is due; None when nothing will be by itself."""
        return None if self._halted else self._queue.seconds(self._clock.monotonic())

    def watch_over(self) -> None:
        """Put applications whose worker does not come back in quarantine."""
        now = self._clock.monotonic()
        for name in self._queue.in_hand:
            unit = self._units.get(name)
            if unit is None or unit.signal is None or unit.quarantined:
                continue
            if now - unit.begun > unit.app.options.deadline + self._limits.grace:
                unit.quarantined = True
                self._stuck[name] = unit.begun
                unit.signal.stop("its time is over")
                waits = "a plug-in that has not come back; nothing is begun before it does"
                self._set(unit, phase=Phase.QUARANTINED, waits_for=waits)
                self._with.tell(EventType.QUARANTINED, name, f"no answer for {now - unit.begun:.0f} s: {waits}")

    # -- polls ------------------------------------------------------------------------------------------------------------

    def _begin_poll(self, key: str) -> None:
        reference = self._references.get(key.removeprefix(_POLL))
        if reference is None:
            self._queue.done(key)
            return
        app = self._units[next(iter(reference.followers))].app
        runtime = attrs.evolve(self._with.runtime, waits=False)
        self._hand_over(partial(look_up, app, self._with.store, runtime), partial(self._polled, key))

    def _polled(self, key: str, found: Resolved) -> None:
        self._queue.done(key)
        reference = self._references.get(key.removeprefix(_POLL))
        if reference is None:
            return
        reference.failure = found.failure
        if found.revision is None:
            self._poll_failed(key, reference)
            return
        reference.failures, reference.retry_at = 0, None
        self._queue.add(key, self._clock.monotonic() + jittered(self._limits.poll, self._limits.jitter, self._dice))
        before, reference.revision = reference.revision, found.revision
        if before is None or before.id != found.revision.id:
            for name in reference.followers:
                self._renewed(self._units[name], found.revision)

    def _poll_failed(self, key: str, reference: Reference) -> None:
        reference.failures += 1
        wait = backoff(reference.failures, self._limits.backoff, self._limits.backoff_cap, self._dice)
        wait = max(wait, (reference.failure.retry_after or 0.0) if reference.failure else 0.0)
        self._queue.add(key, self._clock.monotonic() + wait)
        reference.retry_at = self._clock.now() + wait
        for name in reference.followers:
            unit = self._units[name]
            if unit.seen is None and not unit.status.running:
                waits = f"its source: {reference.failure.message if reference.failure else ''}"
                self._set(unit, phase=Phase.FAILED, waits_for=waits, last_error=reference.failure, next_run=reference.retry_at)

    def _renewed(self, unit: Unit, revision: Revision) -> None:
        """There is a new revision: a pass that works on the old one is looked at, everybody else is due."""
        if unit.orders.pin is None:
            self._set(unit, revision=revision.id)
        unit.unsettled_since = None
        signal = unit.signal
        if signal is not None and unit.seen is not None and unit.orders.pin is None:
            runtime = attrs.evolve(self._with.runtime, waits=False)
            compare = partial(differ, unit.app, (unit.seen, revision), self._with.store, runtime)
            why = f"superseded by {revision.id[:12]}"
            self._hand_over(compare, lambda is_other: signal.stop(why) if is_other else None)
        self._due(unit)

    # -- passes -----------------------------------------------------------------------------------------------------------

    def _begin_pass(self, name: str) -> None:
        unit = self._units.get(name)
        if unit is None:
            self._queue.done(name)
            return
        held, again = self._held_up(unit)
        if held is not None:
            self._queue.done(name)
            self._set(
                unit, waits_for=held[1], phase=held[0] or unit.status.phase, waits_until=again and self._clock.now() + again
            )
            if again is not None:
                self._due(unit, again)
            return
        self._start(unit)

    def _held_up(self, unit: Unit) -> tuple[tuple[Phase | None, str] | None, float | None]:
        """Return why *unit* cannot have a pass now, as (phase, what it waits for), and after how many seconds to ask again."""
        reference = self._references[unit.reference]
        if reference.revision is None and unit.orders.pin is None and not unit.delete:
            return (None, "its source to name a revision"), None
        if unit.delete:
            left = [name for name in self._needed_by.get(unit.app.id, ()) if name in self._units]
            if left:
                return (Phase.BLOCKED, f"applications that depend on it to be deleted first: {', '.join(left)}"), None
        else:
            why = unmet(unit.app, self._statuses)
            if why:
                return (Phase.BLOCKED, why), None
        now = self._clock.monotonic()
        breaker = self._breakers.get(id(unit.app.target), Breaker())
        if not breaker.lets(unit.app.id, now):
            pause = max(breaker.until - now, self._limits.breaker_pause / 10)
            return (None, f"target {unit.app.target.name}, which failed {breaker.failures} times in a row"), pause
        self._breakers[id(unit.app.target)] = breaker.probing(unit.app.id)
        return None, None

    def _start(self, unit: Unit) -> None:
        reference = self._references[unit.reference]
        unit.signal = PassSignal(self._clock)
        unit.begun = self._clock.monotonic()
        job = Job(
            app=unit.app, revision=reference.revision, digest=unit.digest, look=unit.look or unit.status.phase is not Phase.SYNCED,
            tokens=unit.tokens, returns=unit.returns, contested_after=self._limits.contested_after, roll_back=unit.roll_back,
            delete=unit.delete,
        )  # fmt: skip
        unit.look, unit.tokens, unit.roll_back = False, (), ""
        unit.seen = reference.revision
        runtime = attrs.evolve(self._with.runtime, waits=False, cancel=unit.signal)
        self._set(unit, running=True, waits_for="", waits_until=None, next_run=None)
        self._hand_over(partial(carry_out, job, self._with.store, runtime), partial(self._passed, unit, job))

    def _passed(self, unit: Unit, job: Job, report: Report) -> None:
        name = unit.app.id
        self._queue.done(name)
        stopped, unit.signal = unit.signal, None
        self._stuck.pop(name, None)
        unit.quarantined = False
        if self._units.get(name) is not unit:
            return
        unit.orders, unit.keys = report.orders, report.keys or unit.keys
        if report.result is None:
            self._unaffected(unit, report)
        elif job.delete and report.result.ok:
            self._remove(name)
        else:
            self._judge(unit, report, stopped.why if stopped is not None else "")

    def _unaffected(self, unit: Unit, report: Report) -> None:
        """The files are those of the last pass: the revision is another one, and nothing else."""
        revision = report.revision.id if report.revision is not None else ""
        self._set(unit, running=False, converged=revision, converged_at=self._clock.now(), applied=revision, revision=revision)
        self._plan_next(unit, self._calm_left(unit))

    def _judge(self, unit: Unit, report: Report, stopped: str) -> None:
        result, now = report.result, self._clock.monotonic()
        if result is None:
            return
        past = Past(
            options=unit.app.options,
            failures=unit.status.failures,
            waited=now - (unit.unsettled_since or now),
            watched=self._is_watched(unit),
        )
        seen = outlook(report, result, past, self._limits, self._dice)
        self._learn_of_target(unit, report)
        self._remember(unit, report, seen)
        if seen.phase in (Phase.PROGRESSING, Phase.DEGRADED) and result.status is PassStatus.PENDING:
            unit.unsettled_since = now if unit.unsettled_since is None else unit.unsettled_since
            self._consider_rolling_back(unit, report, seen)
        else:
            unit.unsettled_since = None
        self._publish(unit, report, seen)
        reference = self._references[unit.reference]
        newer = reference.revision is not None and unit.seen is not None and reference.revision.id != unit.seen.id
        again = (newer and report.orders.pin is None) or unit.look or bool(unit.roll_back) or bool(stopped)
        self._plan_next(unit, 0.0 if again and not self._halted else seen.after)
        self._wake_dependents(unit.app.id)

    def _remember(self, unit: Unit, report: Report, seen: Outlook) -> None:
        unit.digest = report.digest if seen.phase is Phase.SYNCED else ""
        unit.result = report.result
        if report.held is not None:
            unit.returns = counted(unit.returns, report.held.repaired, self._clock.now(), self._limits.contested_memory)
            self._tell_of_drift(unit, report)

    def _consider_rolling_back(self, unit: Unit, report: Report, seen: Outlook) -> None:
        revision, orders = report.revision, report.orders
        if unit.app.options.on_degraded != "rollback" or revision is None or orders.pin is not None or report.result is None:
            return
        if orders.rolled_back != revision.id and (seen.phase is Phase.DEGRADED or has_failed(report.result)):
            unit.roll_back = revision.id

    def _publish(self, unit: Unit, report: Report, seen: Outlook) -> None:
        result, known = report.result, unit.status
        if result is None:
            return
        revision = result.revision.id if result.revision is not None else known.applied
        wanted = self._wanted(unit, report) or revision
        well = seen.phase is Phase.SYNCED
        unwritten = {drift.key for drift in report.held.repaired} if report.held is not None else set()
        drift = tuple(d.key for d in report.held.drift if d.key not in unwritten) if report.held is not None else known.drift
        self._set(
            unit, phase=seen.phase, running=False, converged=revision if well else known.converged,
            converged_at=self._clock.now() if well else known.converged_at, revision=wanted,
            applied=revision if result.status in _APPLIED else known.applied, waits_for=seen.waits_for, last_pass=result.status,
            last_error=seen.error, failures=seen.failures, drift=drift, suspension=report.orders.suspension, pin=report.orders.pin,
            contested=report.orders.contested,
        )  # fmt: skip

    def _wanted(self, unit: Unit, report: Report) -> str:
        if report.orders.pin is not None:
            return report.orders.pin.revision
        reference = self._references[unit.reference]
        return reference.revision.id if reference.revision is not None else ""

    def _plan_next(self, unit: Unit, after: float) -> None:
        self._due(unit, after)
        suspension = unit.orders.suspension
        if suspension is not None:
            self._due(unit, max(0.0, suspension.until - self._clock.now()))
        due = self._queue.due(unit.app.id)
        now = self._clock.monotonic()
        self._set(unit, next_run=None if due is None else self._clock.now() + max(0.0, due - now))
        if unit.status.phase is Phase.SYNCED and due is not None and after > 0:
            unit.calm_until = due

    def _calm_left(self, unit: Unit) -> float:
        return max(0.0, unit.calm_until - self._clock.monotonic())

    def _is_watched(self, unit: Unit) -> bool:
        return unit.watched

    # -- what follows -----------------------------------------------------------------------------------------------------

    def _learn_of_target(self, unit: Unit, report: Report) -> None:
        """Open or close the breaker of the target."""
        key, result, now = id(unit.app.target), report.result, self._clock.monotonic()
        known = self._breakers.get(key, Breaker())
        if result is None:
            return
        asked = breakers.asked_to_pause(result.failures)
        if asked or breakers.is_the_targets_fault(result):
            pause = backoff(known.opened + 1, self._limits.breaker_pause, self._limits.backoff_cap, self._dice)
            new = known.failed(self._limits.breaker_failures, pause, now)
            new = new.paused(now + asked) if asked else new
            if new.is_open and not known.is_open:
                waits = f"{new.failures} passes in a row failed; its applications wait {new.until - now:.1f} s"
                self._with.tell(EventType.BREAKER_OPENED, unit.app.id, f"target {unit.app.target.name}: {waits}")
            self._breakers[key] = new
        elif result.plan is not None:
            self._breakers.pop(key, None)
            if known.is_open:
                self._with.tell(EventType.BREAKER_CLOSED, unit.app.id, f"target {unit.app.target.name} answers again")
                for other in self._units.values():
                    if other.app.target is unit.app.target and not other.status.running:
                        self._due(other)

    def _tell_of_drift(self, unit: Unit, report: Report) -> None:
        held, known = report.held, {c.key for c in unit.status.contested}
        if held is None:
            return
        repaired = {drift.key for drift in held.repaired}
        for drift in held.drift:
            told = drift.key in unit.status.drift and drift.key not in repaired
            if not told:
                what = "repaired" if drift.key in repaired else "left"
                self._with.tell(
                    EventType.DRIFTED,
                    unit.app.id,
                    f"{drift.key} {_named(drift)}: {what}",
                    key=str(drift.key),
                    repaired=drift.key in repaired,
                )
        for contested in held.contested:
            if contested.key not in known:
                who = contested.manager or "somebody else"
                self._with.tell(
                    EventType.CONTESTED,
                    unit.app.id,
                    f"{contested.key}: {who} keeps changing it back; it is not written any more until told",
                    key=str(contested.key),
                )

    def _wake_dependents(self, name: str) -> None:
        for other in self._needed_by.get(name, ()):
            unit = self._units.get(other)
            if unit is not None and unit.status.phase is Phase.BLOCKED:
                self._due(unit)
        for other in needs(self._units[name].app) if name in self._units else ():
            unit = self._units.get(other)
            if unit is not None and unit.delete:
                self._due(unit)

    def _hand_over(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        self._busy += 1

        def back(answer: Any) -> None:
            self._busy -= 1
            then(answer)

        self._with.hand_over(work, back)

    def _set(self, unit: Unit, **facts: Any) -> None:
        """Publish new facts about *unit*; a new phase has a new beginning, and is told."""
        before = unit.status
        phase = facts.get("phase", before.phase)
        if phase is not before.phase:
            facts["since"] = self._clock.now()
        unit.status = self._statuses[unit.app.id] = attrs.evolve(before, **facts)
        if phase is not before.phase:
            waits = f": {unit.status.waits_for}" if unit.status.waits_for else ""
            self._with.tell(
                EventType.PHASE_CHANGED, unit.app.id, f"{before.phase.value} -> {phase.value}{waits}", phase=phase.value
            )


def _named(drift: Drift) -> str:
    what = ", ".join(drift.pointers) or "it is gone"
    return f"drifted ({what}{f'; by {drift.manager}' if drift.manager else ''})"

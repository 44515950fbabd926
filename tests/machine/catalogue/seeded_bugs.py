"""
Bugs to plant in the engine, one at a time: each is what somebody could write, in a few lines, and a test should find.

Where they are planted is in ``PLACES`` and nowhere else. A bug gets what stands there and returns what is to stand there.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import attrs
import pytest

from gitops_core.engine.observing import Observed
from gitops_core.errors import Cancelled, DeadlineExceeded, GitOpsError, StateLocked
from gitops_core.model.inventory import InventoryUpdate

PLACES: Final[Mapping[str, str]] = {
    "alone": "gitops_core.engine.pipeline.alone",
    "after_write": "gitops_core.engine.applying.after_write",
    "allows": "gitops_core.model.guards.Approval.allows",
    "bucket pause": "gitops_core.engine.limits.Bucket.pause",
    "check": "gitops_core.interfaces.Context.check",
    "check empty": "gitops_core.planning.guards._Round.check_empty",
    "check kinds": "gitops_core.planning.guards._Round.check_kinds",
    "check touched": "gitops_core.planning.guards._Round.check_touched",
    "decide all": "gitops_core.engine.pipeline.decide_all",
    "differences": "gitops_core.engine.deciding.Judge.differences",
    "enqueue": "gitops_core.engine.graph.ReadyQueue._enqueue",
    "error of a retry": "gitops_core.engine.retrying._error",
    "failed": "gitops_core.engine.applying.Applier._failed",
    "finish": "gitops_core.engine.graph.ReadyQueue.finish",
    "is another": "gitops_core.planning.match.is_another",
    "is another when pruning": "gitops_core.planning.prune.is_another",
    "ledger write": "gitops_core.engine.ledger.Ledger.write",
    "learn": "gitops_core.engine.quiet.learn",
    "limits of a plan": "gitops_core.planning.planner.Limits",
    "make plan": "gitops_core.engine.pipeline.make_plan",
    "observe": "gitops_core.engine.pipeline.observe",
    "other owner": "gitops_core.planning.match.other_owner",
    "plan request": "gitops_core.engine.pipeline.plan_request",
    "protect": "gitops_core.planning.prune.protect",
    "prove create": "gitops_core.engine.writing.prove_create",
    "put off": "gitops_core.planning.planner.put_off",
    "redact": "gitops_core.model.secrets.Redactor.redact",
    "remaining": "gitops_core.interfaces.Context.remaining",
    "resolve": "gitops_core.engine.pipeline.resolve",
    "retry call": "gitops_core.engine.retrying.Retry.call",
    "run": "gitops_core.engine.applying.Applier.run",
    "sides": "gitops_core.planning.decide.Decider.sides",
    "successor": "gitops_core.planning.prune.successor",
    "unseen": "gitops_core.engine.pipeline.unseen",
    "write ahead": "gitops_core.engine.pipeline.write_ahead",
}
"""The engine's insides by a name of ours: the one place to look when a function there gets another name."""


@attrs.frozen
class Bug:
    """
    One bug.

    Attributes:
        name: What it does, in words.
        promise: The promise that it breaks.
        what: The sentence about it.
        places: Where it is planted.
        make: From what stands there to what is to stand there, one for each place.
    """

    name: str
    promise: int
    what: str
    places: tuple[str, ...]
    make: Callable[..., Any]

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Have this bug in the engine for the length of the body."""
        with pytest.MonkeyPatch.context() as patch:
            paths = [PLACES[place] for place in self.places]
            wrong = self.make(*(_resolved(path) for path in paths))
            for path, value in zip(paths, wrong if len(paths) > 1 else [wrong], strict=True):
                patch.setattr(path, value)
            yield


BUGS: Final[list[Bug]] = []


def bug(promise: int, *places: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def add(make: Callable[..., Any]) -> Callable[..., Any]:
        BUGS.append(Bug(make.__name__.replace("_", " "), promise, make.__doc__ or "", places, make))
        return make

    return add


def named(name: str) -> Bug:
    (found,) = [b for b in BUGS if b.name == name]
    return found


def _resolved(path: str) -> Any:
    module, _, rest = path.partition(".")
    found = __import__(module)
    for part in rest.split("."):
        if not hasattr(found, part):
            __import__(f"{found.__name__}.{part}")
        found = getattr(found, part)
    return found


# -- promise 1: nothing is lost ----------------------------------------------------------------------------------------------


@bug(1, "write ahead")
def inventory_written_after_apply(_write_ahead):
    """The inventory learns of an object when it has been applied."""
    return lambda *_: InventoryUpdate()


@bug(1, "write ahead")
def delete_forgotten_before_it_is_done(write_ahead):
    """What is about to be deleted leaves the inventory first."""

    def wrong(p, planned, request, ready, resources):
        update = write_ahead(p, planned, request, ready, resources)
        gone = {change.key for change in ready if change.action == "delete"}
        return attrs.evolve(update, put=tuple(e for e in update.put if e.key not in gone), drop=(*update.drop, *gone))

    return wrong


@bug(1, "after_write")
def id_not_recorded_after_the_write(_after_write):
    """What a write returned is not recorded before something follows from it."""
    return lambda *_: InventoryUpdate()


@bug(1, "observe")
def unreadable_treated_as_absence(observe):
    """An object that could not be looked at counts as not there."""
    return lambda *args: attrs.evolve(observe(*args), unreadable=())


@bug(1, "successor")
def planned_take_over_counts_as_done(successor):
    """What another application is about to take over is let go before it has it."""

    def wrong(request, key):
        holder = request.holders.get(key)
        return successor(request, key) or (holder.application if holder is not None and holder.state == "planned" else "")

    return wrong


@bug(2, "observe")
def refused_look_treated_as_an_empty_world(observe):
    """When the target cannot be listed at all, it counts as empty."""

    def wrong(*args):
        observed = observe(*args)
        return Observed({}) if observed.error is not None else observed

    return wrong


@bug(1, "ledger write")
def lost_update_between_two_engines(_write):
    """The serial is read again right before a write, so it is always the right one."""

    def wrong(self, update):
        if update:
            name = self.inventory.application
            self.inventory = self._store.update_inventory(name, update, serial=self._store.inventory(name).serial)

    return wrong


# -- promise 2: only what is ours -----------------------------------------------------------------------------------------------


@bug(2, "is another", "is another when pruning")
def delete_by_name(_is_another, _when_pruning):
    """Whatever has the name of an object of ours is taken for it."""
    return (lambda *_: False), (lambda *_: False)


@bug(2, "plan request")
def partial_render_prunes(plan_request):
    """What was rendered counts as all there is."""
    return lambda *args: attrs.evolve(plan_request(*args), complete=True)


@bug(2, "protect")
def protection_forgotten_with_the_declaration(_protect):
    """What was protected is deleted like everything else once it is not declared any more."""
    return lambda change, _permits: change


@bug(2, "successor", "unseen")
def move_between_applications_deletes(_successor, _unseen):
    """The old application does not ask whether another one declares the object."""
    return (lambda *_: ""), (lambda *_: ())


# -- promise 3: a crash changes nothing -------------------------------------------------------------------------------------------


@bug(3, "alone")
def lock_outlives_its_holder(alone):
    """Only a pass that comes to its end gives the application free."""
    held: set[tuple[int, str]] = set()

    @contextmanager
    def wrong(p):
        if (id(p.app.source), p.app.id) in held:
            raise StateLocked("somebody works on it")
        held.add((id(p.app.source), p.app.id))
        with alone(p):
            yield
        held.discard((id(p.app.source), p.app.id))

    return wrong


# -- promise 4: what is said to be done is done --------------------------------------------------------------------------------------


@bug(4, "learn")
def memo_without_age(learn):
    """A quiet pass is trusted for ever."""

    def wrong(p, *args):
        learn(attrs.evolve(p, started_at=p.started_at + 1e9), *args)

    return wrong


@bug(4, "sides")
def dropped_field_stays(sides):
    """What the last declaration had and this one has not is not looked for."""

    def wrong(*args):
        found = sides(*args)
        return attrs.evolve(found, how=attrs.evolve(found.how, declared=()))

    return wrong


@bug(4, "differences")
def a_yes_is_believed(_differences):
    """What the target confirmed is not compared with what is there."""
    return lambda *_: ()


@bug(4, "decide all")
def planning_writes(decide_all):
    """Making a plan records what it has seen."""

    def wrong(p, desired, ledger, pending):
        decided = decide_all(p, desired, ledger, pending)
        drop = tuple(c.key for c in decided.planned.plan.changes if c.action == "delete" and not c.live_id)
        ledger.write(InventoryUpdate(put=(*decided.planned.refreshed, *decided.planned.claims), drop=drop))
        return decided

    return wrong


# -- promise 5: independent objects converge ------------------------------------------------------------------------------------------


@bug(5, "finish")
def dependents_go_on_after_a_failure(finish):
    """What depends on a failed object is applied all the same."""

    def wrong(self, outcome):
        for key in self._dependents.get(outcome.key, ()):
            self._missing[key].discard(outcome.key)
            if not self._missing[key] and key not in self.outcomes:
                self._enqueue(self._changes[key])
        self._dependents.pop(outcome.key, None)
        finish(self, outcome)

    return wrong


@bug(5, "failed")
def one_failure_stops_everything(failed):
    """After the first failure nothing new is begun."""

    def wrong(self, written, error):
        self._stopped = Cancelled("something failed")
        return failed(self, written, error)

    return wrong


# -- promise 6: a replacement is proven first ---------------------------------------------------------------------------------------


@bug(6, "prove create")
def replace_deletes_before_proving(_prove_create):
    """The old object goes without asking whether the new one would be taken."""
    return lambda *_: None


@bug(6, "enqueue")
def prune_before_health(_enqueue):
    """Deletes begin with everything else."""
    return lambda self, change: self._ready.append(change)


@bug(6, "put off", "enqueue")
def only_what_is_tried_and_fails_holds_up_a_delete(put_off, _enqueue):
    """A write that a policy denies counts as no failure, and what it would replace is deleted."""

    def enqueued(self, change):
        is_late = change.action == "delete" and self._writes_left
        (self._deletes if is_late else self._ready).append(change)

    return (lambda request, deletes, _writes, waiting: put_off(request, deletes, (), waiting)), enqueued


# -- promise 7: nobody fights silently ---------------------------------------------------------------------------------------------------


@bug(7, "other owner")
def adoption_takes_what_others_have(_other_owner):
    """Whose mark an object bears, and who else has it in his inventory, is not asked."""
    return lambda *_: ""


@bug(7, "make plan")
def refusals_are_not_said(make_plan):
    """A plan shows only what it will do."""

    def wrong(request):
        planned = make_plan(request)
        kept = tuple(c for c in planned.plan.changes if c.state != "refused")
        return attrs.evolve(planned, plan=attrs.evolve(planned.plan, changes=kept))

    return wrong


# -- promise 8: no pass takes too much ---------------------------------------------------------------------------------------------------


@bug(8, "limits of a plan")
def guard_counts_what_is_not_ours(limits):
    """The fractions are those of everything that is declared, ours or not."""
    return lambda *, guard, owned, is_empty: limits(guard=guard, owned=owned + 100, is_empty=is_empty)


@bug(8, "check empty")
def an_empty_render_prunes_everything(_check_empty):
    """Nothing declared is a declaration like any other."""
    return lambda self: None


@bug(8, "check kinds")
def namespaces_go_like_everything_else(_check_kinds):
    """Kinds that hold others need no permission of their own."""
    return lambda self: None


@bug(8, "check touched")
def touching_is_not_counted(_check_touched):
    """Any number of objects may be changed at once."""
    return lambda self: None


@bug(8, "allows")
def approval_that_never_expires(allows):
    """The time in an approval is not looked at."""
    return lambda self, rule, key, _now: allows(self, rule, key, 0.0)


# -- promise 9: newer wins, and a stop is a stop -------------------------------------------------------------------------------------------


@bug(9, "resolve")
def superseded_revision_still_applied(resolve):
    """What a reference named the first time is what it names."""
    known: dict[int, Any] = {}
    return lambda p: (
        known.setdefault(id(p.app.source), None) or known.__setitem__(id(p.app.source), resolve(p)) or known[id(p.app.source)]
    )


@bug(9, "check")
def stop_is_ignored(_check):
    """The host may ask to stop, and nobody looks."""

    def wrong(self):
        if self.clock.monotonic() >= self.deadline:
            raise DeadlineExceeded("out of time")

    return wrong


@bug(9, "check", "remaining")
def deadline_is_ignored(_check, _remaining):
    """A pass takes as long as it takes."""

    def wrong(self):
        if self.cancel.is_set():
            raise Cancelled("stopped")

    return wrong, lambda _self: 1e9


# -- promise 10: no secret is said ---------------------------------------------------------------------------------------------------------


@bug(10, "redact")
def secret_in_an_outcome_reason(_redact):
    """The text of an API's error is passed on as it is."""
    return lambda _self, text: text


# -- promise 11: retries ----------------------------------------------------------------------------------------------------------------------


class _NoJitter(random.Random):
    def uniform(self, a, b):
        return b


@bug(11, "retry call")
def retry_without_jitter(call):
    """Everybody comes back at the same moment."""
    return lambda self, ctx, *args: call(self, attrs.evolve(ctx, random=_NoJitter()), *args)


@bug(11, "retry call")
def back_off_is_not_reset(retry_call):
    """A success does not end the back-off: the next failure waits as if it were one more."""
    failures = 0

    def wrong(self, ctx, *args):
        def count(call, error, seconds):
            nonlocal failures
            failures += 1
            self.on_retry(call, error, seconds)

        options = attrs.evolve(self.options, backoff=self.options.backoff * 2.0 ** min(failures, 20))
        return retry_call(attrs.evolve(self, options=options, on_retry=count), ctx, *args)

    return wrong


@bug(11, "retry call")
def retries_come_at_once(retry_call):
    """There is no wait between two tries."""
    return lambda self, *args: retry_call(attrs.evolve(self, options=attrs.evolve(self.options, backoff=0.0)), *args)


@bug(11, "bucket pause", "error of a retry")
def throttling_is_ignored(_pause, error_of):
    """What the API asks for is not waited for."""

    def wrong(state):
        error: GitOpsError = error_of(state)
        error.retry_after = None
        return error

    return (lambda *_: None), wrong


# -- promise 12: order ---------------------------------------------------------------------------------------------------------------------------


@bug(12, "make plan")
def order_depends_on_the_list_of_the_target(make_plan):
    """Changes come in the order in which their objects were listed."""

    def wrong(request):
        planned = make_plan(request)
        listed = {key: i for i, key in enumerate(request.live)}
        changes = tuple(sorted(planned.plan.changes, key=lambda c: listed.get(c.key, -1)))
        return attrs.evolve(planned, plan=attrs.evolve(planned.plan, changes=changes))

    return wrong


@bug(12, "run")
def outcomes_in_the_order_in_which_they_ended(run):
    """What ended first is told first."""

    def wrong(self):
        run(self)
        return tuple(self._queue.outcomes.values())

    return wrong

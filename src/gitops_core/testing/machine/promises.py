"""
The twelve promises, each as a check of one pass: yields a sentence for everything that breaks it.

Times are seconds on the virtual clock. What only several passes can show (promise 3, most of 5) is in
:meth:`~gitops_core.testing.machine.scenario.Scenario.settle`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from gitops_core.model.applications import Options
from gitops_core.model.guards import Guard
from gitops_core.model.inventory import EntryState
from gitops_core.model.plans import Action, ChangeState
from gitops_core.model.resources import ResourceKey
from gitops_core.model.results import Outcome, OutcomeStatus
from gitops_core.testing.machine.facts import Call, PassFacts
from gitops_core.testing.machine.objects import BAD, CANARY, STRANGER
from gitops_core.testing.machine.truth import Truth, lacks, settled, settled_keys

Check = Callable[[PassFacts, Truth, Options], Iterator[str]]
_ENOUGH: Final = 3  # waits from which chance can be told from rule
_EPSILON: Final = 1e-6  # seconds
_TICK: Final = 0.25  # a stop is noticed within one
_TROUBLE: Final = frozenset({OutcomeStatus.REFUSED, OutcomeStatus.DEFERRED, OutcomeStatus.STALE})
_UNFINISHED: Final = frozenset({OutcomeStatus.FAILED, OutcomeStatus.SKIPPED, OutcomeStatus.UNVERIFIED})


def the_inventory_has_what_we_made(facts: PassFacts, truth: Truth, _options: Options) -> Iterator[str]:
    """Promise 1."""
    recorded = {
        key
        for app, inventory in facts.inventories.items()
        for key, entry in inventory.entries.items()
        if entry.state is not EntryState.CLAIMED or key in truth.declared[app]
    }
    for (key, id_), app in truth.made.items():
        seen = facts.after.get(key)
        if seen is not None and seen.id == id_ and not _is_foreign(seen.mark, app) and key not in recorded:
            yield f"{app} created {key} (id {id_}), it is there, and no inventory has it"


def only_ours_is_deleted(facts: PassFacts, truth: Truth, options: Options) -> Iterator[str]:
    """Promise 2, and that of protection."""
    for key in sorted(facts.unseen):
        if any(call.key == key and call.writes for call in facts.calls):
            yield f"{key} could not be looked at, and was written to"
    for call in facts.calls:
        if call.key is not None and call.op == "delete" and call.before is not None:
            yield from (f"{call.key}: {why}" for why in _objections(facts, truth, call, options))


def _objections(facts: PassFacts, truth: Truth, call: Call, options: Options) -> Iterator[str]:
    key, before = call.key, call.before
    if key is None or before is None:
        return
    if call.named != before.id:
        if not call.removed and call.named:
            return  # what it named was replaced while the call was under way, and its id has saved the other one
        yield f"a delete named {call.named or 'no id'}, and {before.id} is there"
    if facts.app not in call.takers:
        yield "it was deleted and was never ours"
    if key in facts.declared:
        return
    if facts.partial:
        yield "it was pruned although not everything could be rendered"
    if call.shielded and not _approved(facts, "protected", key):
        yield "it was deleted although it was protected when it was declared last"
    for other in truth.others_declaring(facts.app, key):
        since = truth.first_seen.get((facts.app, facts.head), facts.started)
        # An application that has nothing there yet, or has looked since, is not waited for: see Options.handover.
        awaited = other in facts.neighbours and truth.last_pass.get(other, -1.0) < since
        if (other, key) in truth.looked or (awaited and facts.started - since < options.handover):
            yield f"it was deleted although it has moved to {other}"


def what_is_said_to_be_done_is_done(facts: PassFacts, truth: Truth, options: Options) -> Iterator[str]:
    """Promise 4, seen from the target: an object that is reported as declared is as declared."""
    if facts.died:
        return
    for key in sorted(settled_keys(facts) - facts.after.keys()):
        yield f"{key} is reported as done or unchanged, and it is not there"
    for key, spec, seen in settled(facts):
        if _is_hidden(facts, truth, key, options):
            continue
        for field, value in lacks(seen, key.name, spec).items():
            yield f"{key} is reported as done or unchanged, and {field} is {seen.fields.get(field)!r}, not {value!r}"
        kept = truth.wrote.get((facts.app, (key, seen.id)), frozenset()) & seen.fields.keys()
        for field in sorted(kept - lacks(None, key.name, spec).keys()):
            yield f"{key} is reported as done or unchanged, and still has {field}, which we wrote and no longer declare"


def _is_hidden(facts: PassFacts, truth: Truth, key: ResourceKey, options: Options) -> bool:
    return key in truth.hidden and facts.started - truth.hidden[key] < options.memo_age


def independent_objects_converge(facts: PassFacts, _truth: Truth, options: Options) -> Iterator[str]:
    """Promise 5, and that dependents of a failure are left alone."""
    for call in facts.calls:
        if call.unmet:
            yield f"{call.key} was written while {call.unmet}, which it needs, was not there or had failed"
    if not facts.calm or facts.result is None or facts.finished - facts.started >= options.deadline - _EPSILON:
        return
    stuck = {o.key for o in facts.result.outcomes if o.status in _TROUBLE}
    for outcome in facts.result.outcomes:
        excused = any(_has_trouble(facts, key) or key in stuck for key in _closure(facts, outcome.key))
        if outcome.status in _UNFINISHED and outcome.action is not Action.DELETE and not excused:
            yield f"{outcome.key} is {outcome.status.value} ({outcome.reason}) though nothing it depends on failed"


def _closure(facts: PassFacts, key: ResourceKey) -> Iterator[ResourceKey]:
    seen: set[ResourceKey] = set()
    while key not in seen:
        seen.add(key)
        yield key
        needs = facts.declared.get(key, {}).get("needs")
        key = key._replace(name=needs, kind="ConfigMap") if needs else key


def _has_trouble(facts: PassFacts, key: ResourceKey) -> bool:
    return key.name in facts.faulty or facts.declared.get(key, {}).get("zone") == BAD


def a_replacement_is_proven_first(facts: PassFacts, _truth: Truth, _options: Options) -> Iterator[str]:
    """Promise 6, and that nothing is pruned before what may replace it is there."""
    for call in facts.calls:
        if call.key is not None and call.removed and facts.declared.get(call.key, {}).get("zone") == BAD and facts.previews:
            yield f"{call.key} was deleted for a replacement that the API refuses, and could have said so before"
    for key in sorted(facts.declared.keys() & facts.before.keys() - facts.after.keys()):
        if facts.calm and key.name not in facts.faulty and facts.before[key].mark != STRANGER:
            yield f"{key} is declared, was there before the pass, and is gone after it"
    writes = [c for c in facts.calls if c.writes and c.key is not None]
    for i, call in enumerate(writes):
        pruned = call.op == "delete" and call.key not in facts.declared
        if pruned and any(later.op != "delete" for later in writes[i:]):
            yield f"{call.key} was pruned before everything else was applied"
        if pruned and facts.result is not None:
            yield from (
                f"{call.key} was pruned although {why}" for why in _without_replacement(facts, facts.result.outcomes, call)
            )


def _without_replacement(facts: PassFacts, outcomes: Iterable[Outcome], pruned: Call) -> Iterator[str]:
    for other in outcomes:
        is_beside = pruned.key is not None and other.key[:3] == pruned.key[:3] and other.action is not Action.DELETE
        is_tried = other.status not in (OutcomeStatus.REFUSED, OutcomeStatus.DEFERRED, OutcomeStatus.SKIPPED)
        if is_beside and other.status is not OutcomeStatus.DONE and (is_tried or other.key not in facts.before):
            yield f"{other.key}, which is of its kind and may replace it, is {other.status.value} ({other.reason})"


def nobody_fights_silently(facts: PassFacts, truth: Truth, _options: Options) -> Iterator[str]:
    """Promise 7: what belongs to another is left alone, and that is said."""
    for call in facts.calls:
        if call.key is None or not call.writes or call.before is None or call.before == call.after:
            continue
        other = call.holder if call.holder != facts.app else ""
        if _is_foreign(call.before.mark, facts.app):
            yield f"{call.key} bears the mark of {call.before.mark}, and was written to"
        elif other and call.key in truth.declared[other]:
            yield f"{call.key} is {other}'s, which declares it, and {facts.app} wrote to it"
    plan = facts.result.plan if facts.calm and facts.result is not None else None
    for key in sorted(facts.declared.keys() & facts.before.keys() - facts.unseen) if plan is not None else ():
        change = next((c for c in plan.changes if c.key == key), None) if plan is not None else None
        seen = facts.before[key]
        if _is_foreign(seen.mark, facts.app) and (change is None or change.state is ChangeState.READY):
            yield f"{key} bears the mark of {seen.mark}, and the plan does not refuse it"


def _is_foreign(mark: str, app: str) -> bool:
    return bool(mark) and mark != app


def no_pass_takes_too_much(facts: PassFacts, _truth: Truth, _options: Options) -> Iterator[str]:
    """Promise 8, in the numbers of the design."""
    guard = Guard()
    gone = [call.key for call in facts.calls if call.removed and call.key is not None]
    for key in gone:
        if key.kind in guard.never and not _approved(facts, "kind", key):
            yield f"{key} was deleted without a permission that names its kind"
    if not facts.declared and gone and not _approved(facts, "empty", gone[0]):
        yield f"nothing is declared, and {len(gone)} objects were deleted without a permission"
    deletes = min(max(guard.delete_floor, int(facts.owned * guard.delete_fraction)), guard.delete_cap)
    if len(gone) > deletes and facts.declared and not _approved(facts, "delete_limit", gone[0]):
        yield f"{len(gone)} of {facts.owned} owned objects were deleted, {deletes} may be"
    changed = [call.key for call in facts.calls if call.writes and call.before is not None and call.before != call.after]
    limit = max(guard.delete_floor, int(facts.owned * guard.touched_fraction))
    touched = {key for key in changed if key is not None and key in facts.before and (key, facts.before[key].id) in facts.ours}
    if len(touched) > limit and facts.declared and not _approved(facts, "touched_limit", next(iter(touched))):
        yield f"{len(touched)} of {facts.owned} owned objects were touched, {limit} may be"


def _approved(facts: PassFacts, rule: str, key: ResourceKey) -> bool:
    in_force = [a for a in facts.approvals if rule in a.rules and facts.epoch < a.expires_at]
    return any(not approval.kinds or key.kind in approval.kinds for approval in in_force)


def the_newest_revision_wins_and_a_stop_is_obeyed(facts: PassFacts, _truth: Truth, options: Options) -> Iterator[str]:
    """Promise 9, as far as one pass can keep it."""
    result = facts.result
    if facts.calm and result is not None and result.revision is not None and result.revision.id != facts.head:
        yield f"the pass went to {result.revision.id[:12]}, and {facts.head[:12]} was the newest when it began"
    deleted = {c.key for c in facts.calls if c.op == "delete" and not c.error}
    begun = [c for c in facts.calls if c.op != "create" or c.key not in deleted]  # the second half of a REPLACE is not left out
    late = [c for c in begun if c.at > facts.started + options.deadline + 1e-6]
    if late:
        yield f"{late[0].op} of {late[0].key or 'everything'} began {late[0].at - facts.started:g} s into a pass of {options.deadline:g} s"
    if facts.cancelled_at is not None:
        after = [c for c in begun if c.stopped]
        if after:
            yield f"{after[0].op} of {after[0].key or 'everything'} began after the host had asked to stop"
        if facts.finished - facts.cancelled_at > _TICK and not any(c.stopped for c in facts.calls):
            yield f"the pass went on for {facts.finished - facts.cancelled_at:g} s after the host had asked to stop"


def no_secret_is_said(facts: PassFacts, _truth: Truth, _options: Options) -> Iterator[str]:
    """Promise 10."""
    at = facts.said.find(CANARY)
    if at >= 0:
        yield f"a secret value is said: ...{facts.said[max(0, at - 60) : at]}***"


def retries_neither_hammer_nor_give_up(facts: PassFacts, _truth: Truth, options: Options) -> Iterator[str]:
    """Promise 11: capped exponential back-off with full jitter, from the beginning for each call; a throttling API is obeyed."""
    if facts.disturbed:
        return
    for tries in _tries(facts):
        if len(tries) > options.attempts:
            yield f"{tries[0].op} of {tries[0].key} was tried {len(tries)} times, {options.attempts} are allowed"
        for i, (before, after) in enumerate(itertools.pairwise(tries)):
            ceiling = max(min(options.backoff_cap, options.backoff * 2.0**i), before.retry_after)
            waited = after.at - before.at - facts.slow
            if waited > ceiling + _EPSILON:
                yield f"{before.op} of {before.key} waited {waited:g} s before try {i + 2}, at most {ceiling:g} s were due"
    for before, after in itertools.pairwise(facts.calls):
        if after.at - before.at < before.retry_after - _EPSILON:
            yield f"the API asked for {before.retry_after:g} s, and the next call came after {after.at - before.at:g} s"


def waits_have_jitter(history: list[tuple[float, float]]) -> Iterator[str]:
    """Promise 11, over many passes: *history* has (waited, ceiling) of every retry."""
    free = [(waited, ceiling) for waited, ceiling in history if ceiling > 0]
    if len(free) >= _ENOUGH and all(abs(waited - ceiling) < _EPSILON for waited, ceiling in free):
        yield f"{len(free)} waits were exactly the ceiling: no jitter"
    if len(free) >= _ENOUGH and not any(waited for waited, _ in free):
        yield f"{len(free)} retries came at once: no back-off"


def backoffs(facts: PassFacts, options: Options) -> Iterator[tuple[float, float]]:
    """Yield (waited, ceiling) of each retry that only the back-off put off."""
    for tries in _tries(facts):
        for i, (before, after) in enumerate(itertools.pairwise(tries)):
            if not before.retry_after:
                yield after.at - before.at - facts.slow, min(options.backoff_cap, options.backoff * 2.0**i)


def _tries(facts: PassFacts) -> Iterator[list[Call]]:
    for _, group in itertools.groupby((c for c in facts.calls if c.writes), key=lambda c: (c.op, c.key)):
        calls = list(group)
        yield calls


def results_are_in_the_order_of_the_plan(facts: PassFacts, _truth: Truth, _options: Options) -> Iterator[str]:
    """Promise 12, the part that a pass shows; that of plans is checked by :meth:`Scenario.plan`."""
    result = facts.result
    if (
        result is not None
        and result.plan is not None
        and [o.key for o in result.outcomes] != [c.key for c in result.plan.changes]
    ):
        yield "the outcomes are not in the order of the plan"


PROMISES: Final[Mapping[int, Check]] = {
    1: the_inventory_has_what_we_made,
    2: only_ours_is_deleted,
    4: what_is_said_to_be_done_is_done,
    5: independent_objects_converge,
    6: a_replacement_is_proven_first,
    7: nobody_fights_silently,
    8: no_pass_takes_too_much,
    9: the_newest_revision_wins_and_a_stop_is_obeyed,
    10: no_secret_is_said,
    11: retries_neither_hammer_nor_give_up,
    12: results_are_in_the_order_of_the_plan,
}
"""The checks of one pass by the number of the promise."""

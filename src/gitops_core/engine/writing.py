"""Carry out one change: the calls to the target's mutators, and what came back. Runs in worker threads; writes no state."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import Final

import attrs

from gitops_core.engine.calls import Call, completed, translated
from gitops_core.engine.limits import Bucket, bucket_of
from gitops_core.engine.passes import Pass
from gitops_core.errors import AlreadyExists, Cancelled, DeadlineExceeded, GitOpsError, NotFound, Partial, PluginError
from gitops_core.interfaces import Context, Signal, Target, TargetChange, capabilities
from gitops_core.model.applications import Application
from gitops_core.model.plans import Action, Change, DiffOp
from gitops_core.model.pointers import Patterns, leaves
from gitops_core.model.resources import Live, Pending, Resource
from gitops_core.model.secrets import Redactor, reveal, wrap
from gitops_core.model.values import FrozenDict, freeze
from gitops_core.planning.annotations import read_annotations
from gitops_core.planning.ignoring import ignored_by, with_live_values
from gitops_core.planning.normalize import always_secret

_EMPTY: Final = FrozenDict()
_NOTHING_SECRET: Final = Redactor()


@attrs.frozen(kw_only=True)
class Task:
    """
    One call to carry out.

    Attributes:
        change: The decision behind it.
        action: CREATE, UPDATE or DELETE: a REPLACE is two tasks, and the inventory is written in between.
        resource: The declaration; None for DELETE.
        live: What was observed; None for CREATE.
        idempotency_key: The same on every try.
        old: What the first half of a REPLACE has deleted, body and all.
    """

    change: Change
    action: Action
    resource: Resource | None = None
    live: Live | None = None
    idempotency_key: str = ""
    old: Live | None = None


@attrs.frozen(kw_only=True)
class Written:
    """
    What came back from a task.

    Attributes:
        task: The task.
        live: What the target says is there now, if it says so.
        pending: What the target has accepted and not finished.
        error: Why it failed.
        attempts: Calls made; 0 when it was not begun.
    """

    task: Task
    live: Live | None = None
    pending: Pending | None = None
    error: GitOpsError | None = None
    attempts: int = 0


def begins_replace(task: Task) -> bool:
    """Tell whether *task* is the first half of a REPLACE."""
    return task.change.action is Action.REPLACE and task.action is Action.DELETE


def create_again(task: Task) -> Task:
    """Return the second half of the REPLACE that *task* began. The entry has no id by then, so a crash here loses nothing."""
    return attrs.evolve(task, action=Action.CREATE, live=None, old=task.live)


def write_all(p: Pass, tasks: Sequence[Task], halted: Signal) -> list[Written]:
    """
    Carry out *tasks*, which do not depend on each other, and return what came back. Raises nothing that a plug-in throws.

    Args:
        p: The pass.
        tasks: In any order.
        halted: Once it is set, nothing more is begun; the second half of a REPLACE has begun already.
    """
    written: list[Written] = []
    ready: list[Task] = []
    for task in tasks:
        proven = _proven(p, task) if begins_replace(task) and not halted.is_set() else task
        if isinstance(proven, Task):
            ready.append(proven)
        else:
            written.append(Written(task=task, error=proven))
    return [*written, *(item for group in _grouped(p, ready) for item in _write_group(p, group, halted))]


def _grouped(p: Pass, tasks: list[Task]) -> Iterable[list[Task]]:
    """Part *tasks* by the target that carries them out: a router's members take their own changes only."""
    if "member" not in capabilities(p.app.target):
        return [tasks] if tasks else []
    groups: dict[int, list[Task]] = {}
    for task in tasks:
        groups.setdefault(id(_target(p, task)), []).append(task)
    return groups.values()


def _write_group(p: Pass, tasks: Sequence[Task], halted: Signal) -> list[Written]:
    """Carry out *tasks* of one target: in one call, where it takes many at once."""
    target = _target(p, tasks[0])
    if len(tasks) > 1 and not halted.is_set() and "apply_batch" in capabilities(target):
        return _write_batch(p, tasks)
    way = _Way(p, target, bucket_of(target), target.limits.timeout)
    return [_write(way, task) if task.old is not None or not halted.is_set() else _halted(task) for task in tasks]


@attrs.frozen
class _Way:
    """What all calls that change one target have in common, looked up once for many of them."""

    p: Pass
    target: Target
    bucket: Bucket
    timeout: float


def _halted(task: Task) -> Written:
    return Written(task=task, error=Cancelled("the pass was interrupted", stage=task.action.value, key=task.change.key))


def _proven(p: Pass, task: Task) -> Task | GitOpsError:
    """
    Return the first half of a REPLACE, ready to be begun, or why it must not be.

    The old body is read now: once the object is deleted, a body that is read when needed is gone, too.
    """
    try:
        with translated(call_for(_target(p, task), task)):
            live = task.live and attrs.evolve(task.live, body=freeze(task.live.body))
    except GitOpsError as error:
        return error
    return prove_create(p, task) or attrs.evolve(task, live=live)


def _target(p: Pass, task: Task) -> Target:
    return p.app.target.member(task.change.key)


class _Writing:
    """One task being carried out, and how often it was begun. One is made for every object that is written."""

    __slots__ = ("_ctx", "_secrets", "_task", "_way", "attempts")

    def __init__(self, way: _Way, task: Task) -> None:
        self._way = way
        self._task = task
        self._ctx = way.p.ctx
        self._secrets = always_secret(task.change.key, way.target.fields)
        self.attempts = 0

    def finish(self) -> Live | Pending | None:
        """Carry it out; what is deleted already is not left half done because of a stop or the pass's deadline."""
        ctx, task = self._ctx, self._task
        try:
            return self._carry_out()
        except (Cancelled, DeadlineExceeded):
            if task.old is None or (ctx.remaining() and not ctx.cancel.is_set()):
                raise
        self._ctx = attrs.evolve(ctx, cancel=threading.Event(), deadline=ctx.clock.monotonic() + self._way.timeout)
        return self._carry_out()

    def _carry_out(self) -> Live | Pending | None:
        return self._way.p.retry.call(self._ctx, self._call, self._attempt, self._way.bucket)[0]

    def _call(self) -> Call:
        return _call_for(self._way.target, self._task, self._secrets)

    def _attempt(self) -> Live | Pending | None:
        way, task, ctx = self._way, self._task, self._ctx
        with way.bucket.slot(ctx, way.p.retry.patience):
            self.attempts += 1
            way.p.meter.count("writes")
            return _once(way.target, task.action, _request(way.p, task, self._secrets), ctx.within(way.timeout))


def _write(way: _Way, task: Task) -> Written:
    writing = _Writing(way, task)
    try:
        answer = writing.finish()
    except GitOpsError as error:
        return _failed(task, error, writing.attempts)
    return answered(task, answer, writing.attempts, f"{way.target.name}.{task.action.value}")


def _failed(task: Task, error: GitOpsError, attempts: int) -> Written:
    if isinstance(error, NotFound) and task.action is Action.DELETE:
        return Written(task=task, attempts=attempts)
    if isinstance(error, AlreadyExists) and attempts > 1:
        # After a first try whose answer was lost it is most likely ours; the look that follows compares it with the plan.
        return Written(task=task, attempts=attempts)
    return Written(task=task, live=error.live if isinstance(error, Partial) else None, error=error, attempts=attempts)


def _once(target: Target, action: Action, request: TargetChange, ctx: Context) -> Live | Pending | None:
    if action is Action.DELETE:
        return target.delete(ctx, request)
    if action is Action.UPDATE:
        return target.update(ctx, request)
    return target.create(ctx, request)


def _request(p: Pass, task: Task, secrets: Patterns) -> TargetChange:
    change, resource = task.change, task.resource
    body = _EMPTY if resource is None else resource.body
    request = TargetChange(
        key=change.key,
        action=task.action,
        desired=reveal(body) if secrets else body,
        live=task.live,
        diff=change.diff,
        idempotency_key=task.idempotency_key,
        previous=tuple(d.pointer for d in change.diff if d.op is DiffOp.REMOVE) if change.diff else (),
    )
    return request if task.action is not Action.UPDATE else update_request(p.app, request)


def preview_request(p: Pass, task: Task) -> TargetChange:
    """Return what a target is asked when *task* is only to be tried."""
    return _request(p, task, always_secret(task.change.key, _target(p, task).fields))


def update_request(app: Application, request: TargetChange) -> TargetChange:
    """Return the *request* for an update with what its declaration and the application say about others' fields."""
    notes = read_annotations(request.desired, app.owner)
    ignored = ignored_by(app.options, request.key, notes.ignored)
    if notes.strategy == "create-only":  # adopted: it becomes ours, with the values that it has
        ignored = Patterns(ignored.patterns.union(pointer for pointer, _ in leaves(request.desired)))
    return attrs.evolve(
        request,
        desired=with_live_values(request.desired, request.live.body, ignored) if request.live and ignored else request.desired,
        ignored=ignored,
        strategy="replace" if notes.strategy == "replace" else "apply",
        conflicts=notes.conflicts or app.options.conflicts,
    )


def call_for(target: Target, task: Task) -> Call:
    """Return the description of a call for *task*, with a redactor for the secrets of both of its sides."""
    return _call_for(target, task, always_secret(task.change.key, target.fields))


def _call_for(target: Target, task: Task, secrets: Patterns) -> Call:
    bodies = [task.resource.body] if secrets and task.resource else []
    if secrets and task.live:
        bodies.append(wrap(task.live.body, secrets))
    redactor = Redactor.of(*bodies) if bodies else _NOTHING_SECRET
    return Call(target.name, task.action.value, task.change.key, task.change.origin, redactor)


def answered(task: Task, answer: object, attempts: int, method: str) -> Written:
    """Return what *method*'s *answer* means for *task*; an answer of a wrong type is an error that names the method."""
    if isinstance(answer, Pending):
        return Written(task=task, pending=answer, attempts=attempts)
    if answer is None or isinstance(answer, Live):
        return Written(task=task, live=answer, attempts=attempts)
    message = f"{method} returned {type(answer).__name__}, not Live, Pending or None"
    facts = {"stage": task.action.value, "key": task.change.key, "origin": task.change.origin}
    return Written(task=task, error=PluginError(message, method, **facts), attempts=attempts)


def _write_batch(p: Pass, tasks: Sequence[Task]) -> list[Written]:
    target = _target(p, tasks[0])
    calls = [call_for(target, task) for task in tasks]
    whole = Call(target.name, "apply_batch")

    begun = threading.Event()

    def run(ctx: Context) -> list[object]:
        begun.set()
        return list(target.apply_batch(ctx, [_request(p, task, always_secret(task.change.key, target.fields)) for task in tasks]))

    try:
        answers, attempts = p.call_target(target, whole, "writes", run)
    except GitOpsError as error:
        attempts = int(begun.is_set() and not isinstance(error, Cancelled))
        return [Written(task=task, error=error, attempts=attempts) for task in tasks]
    if len(answers) != len(tasks):
        wrong = PluginError(f"{target.name}.apply_batch gave {len(answers)} answers to {len(tasks)} changes", target.name)
        return [Written(task=task, error=wrong, attempts=attempts) for task in tasks]
    return [_batched(task, call, answer, attempts) for task, call, answer in zip(tasks, calls, answers, strict=True)]


def _batched(task: Task, call: Call, answer: object, attempts: int) -> Written:
    if isinstance(answer, NotFound) and task.action is Action.DELETE:
        return Written(task=task, attempts=attempts)
    if isinstance(answer, GitOpsError):
        live = answer.live if isinstance(answer, Partial) else None
        return Written(task=task, live=live, error=completed(answer, call), attempts=attempts)
    if isinstance(answer, Exception):
        text = call.redactor.redact(f"{type(answer).__name__}: {answer}")
        wrong = PluginError(f"{call.plugin} failed in apply_batch with {text}", call.plugin, stage="apply_batch", key=call.key)
        return Written(task=task, error=wrong, attempts=attempts)
    return answered(task, answer, attempts, f"{call.plugin}.apply_batch")


def prove_create(p: Pass, task: Task) -> GitOpsError | None:
    """
    Return why the API would refuse to create *task*'s declaration, or None; asked before the old object is deleted.

    A target without ``preview`` cannot be asked; then a refused create puts the old object back.
    """
    target = _target(p, task)
    if "preview" not in capabilities(target):
        return None
    call = call_for(target, task)
    request = attrs.evolve(preview_request(p, task), action=Action.CREATE, live=None)
    try:
        p.call_target(target, call, "reads", lambda ctx: target.preview(ctx, request))
    except AlreadyExists:
        return None  # of course: it is what is about to be replaced
    except GitOpsError as error:
        return error
    return None


def put_back(p: Pass, task: Task, old: Live) -> GitOpsError | None:
    """Create *old* again after its replacement was refused; return why that failed, or None."""
    target = _target(p, task)
    key = f"{task.idempotency_key}-back"
    body = old.body
    request = TargetChange(key=task.change.key, action=Action.CREATE, desired=body, idempotency_key=key)
    call = attrs.evolve(call_for(target, task), stage="put back")
    try:
        p.call_target(target, call, "writes", lambda ctx: target.create(ctx, request))
    except GitOpsError as error:
        return error
    return None

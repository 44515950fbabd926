"""Targets with faults in their I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from gitops_core.errors import Cancelled, DeadlineExceeded
from gitops_core.interfaces import Context, Query, Target, TargetChange
from gitops_core.model.resources import Live, Pending, ResourceKey, Unreadable
from gitops_core.testing.executors import InlineExecutor
from gitops_core.testing.faults.calls import Call, ContextTime
from gitops_core.testing.faults.dialects import TARGET
from gitops_core.testing.faults.kinds import Fault
from gitops_core.testing.faults.proxies import disguised

AnyTarget = TypeVar("AnyTarget", bound=Target)
Answer = Live | Pending | Exception | None


def faulty(target: AnyTarget, label: str, through: Callable[[Call], Any]) -> AnyTarget:
    """Return *target* with *through* around its I/O, and exactly its capabilities."""
    wrapper = _Wrapper(target, label, through)
    names = ("observe", "create", "update", "delete", "preview", "poll", "apply_batch", "watch", "etag", "member")
    wrapper.disguise = disguise = disguised(Target, target, {name: getattr(wrapper, name) for name in names})
    return disguise


class _Wrapper:
    """The I/O of one target, each call sent through a plan."""

    def __init__(self, target: Target, label: str, through: Callable[[Call], Any]) -> None:
        self._target = target
        self._label = label
        self._through = through
        self._members: dict[int, tuple[Target, Target]] = {}
        self.disguise: Target = target

    def _call(self, ctx: Context, name: str, run: Callable[[], Any], **facts: Any) -> Any:
        return self._through(Call(operation=f"{self._label}.{name}", run=run, dialect=TARGET, time=ContextTime(ctx), **facts))

    def observe(self, ctx: Context, query: Query) -> Iterator[Live | Unreadable]:
        """Look at everything at once, so that a fault strikes all of it or one object's share."""

        def share(fault: Fault, call: Call) -> list[Live | Unreadable]:
            return _share_of_a_look(fault, call, {str(key): key for key in query.keys})

        def run() -> list[Live | Unreadable]:
            return list(self._target.observe(ctx, query))

        yield from self._call(ctx, "observe", run, share=share, about=lambda: [str(key) for key in query.keys])

    def create(self, ctx: Context, change: TargetChange) -> Any:
        return self._write(ctx, "create", change)

    def update(self, ctx: Context, change: TargetChange) -> Any:
        return self._write(ctx, "update", change)

    def delete(self, ctx: Context, change: TargetChange) -> Any:
        return self._write(ctx, "delete", change)

    def preview(self, ctx: Context, change: TargetChange) -> Any:
        return self._write(ctx, "preview", change)

    def _write(self, ctx: Context, name: str, change: TargetChange) -> Any:
        return self._call(ctx, name, lambda: getattr(self._target, name)(ctx, change), key=str(change.key))

    def poll(self, ctx: Context, pending: Pending) -> Any:
        return self._call(ctx, "poll", lambda: self._target.poll(ctx, pending), key=pending.token)

    def watch(self, ctx: Context, query: Query) -> Any:
        return self._call(ctx, "watch", lambda: self._target.watch(ctx, query))

    def etag(self, ctx: Context) -> Any:
        return self._call(ctx, "etag", lambda: self._target.etag(ctx))

    def apply_batch(self, ctx: Context, changes: Sequence[TargetChange]) -> Any:
        """Send the batch, without what is struck alone."""
        keys = [str(change.key) for change in changes]
        left = list(range(len(keys)))

        def send(part: Sequence[int]) -> list[Answer]:
            return list(self._target.apply_batch(ctx, [changes[i] for i in part])) if part else []

        def share(fault: Fault, call: Call) -> list[Answer]:
            before, struck = list(left), set(fault.share(keys))
            mine = [i for i in before if keys[i] in struck]
            left[:] = rest = [i for i in before if keys[i] not in struck]
            answers = dict(zip(rest, call.run(), strict=True))
            answers.update(zip(mine, _share_of_a_batch(fault, call.instead(lambda: send(mine)), len(mine)), strict=True))
            return [answers[i] for i in before]

        return self._call(ctx, "apply_batch", lambda: send(list(left)), share=share, about=lambda: keys)

    def member(self, key: ResourceKey) -> Target:
        """Return the target that holds *key* with the same faults: the same one every time, because limits are kept by target."""
        found = self._target.member(key)
        if found is self._target:
            return self.disguise
        if id(found) not in self._members:
            self._members[id(found)] = (found, faulty(found, self._label, self._through))
        return self._members[id(found)][1]


def _share_of_a_look(fault: Fault, call: Call, keys: dict[str, ResourceKey]) -> list[Live | Unreadable]:
    """Strike what *fault* is for, and leave the others alone: what would be raised becomes unreadable."""
    answers = list(call.run())
    struck = {keys[text] for text in fault.share(keys)}
    mine, error = _outcome(fault, call.instead(lambda: [answer for answer in answers if answer.key in struck]))
    if error is not None:
        mine = [Unreadable(key, error) for key in sorted(struck)]
    return [*(answer for answer in answers if answer.key not in struck), *mine]


def _share_of_a_batch(fault: Fault, call: Call, size: int) -> list[Answer]:
    """Strike a part of a batch: what would be raised is the answer to each of its changes."""
    answers, error = _outcome(fault, call)
    return list(answers) if error is None else [error] * size


def _outcome(fault: Fault, call: Call) -> tuple[Any, Exception | None]:
    """Return the answer, or the error that is for a share alone; what ends the whole call is raised."""
    future = InlineExecutor().submit(fault.act, call)
    error = future.exception()
    if isinstance(error, Exception) and not isinstance(error, Cancelled | DeadlineExceeded):
        return None, error
    return future.result(), None

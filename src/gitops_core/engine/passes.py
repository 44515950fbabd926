"""One pass: everything its steps share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

import attrs

from gitops_core.engine.calls import Call
from gitops_core.engine.emitting import Emitter, Meter
from gitops_core.engine.limits import bucket_of
from gitops_core.engine.retrying import Retry
from gitops_core.engine.runtime import Runtime
from gitops_core.errors import GitOpsError, StateError
from gitops_core.interfaces import Clock, Context, StateStore, Target
from gitops_core.model.applications import Application
from gitops_core.model.events import EventType
from gitops_core.model.revisions import Notice, Revision, Tree

T = TypeVar("T")
_A_MOMENT: Final = 1.0  # seconds; what a pass that does not wait stands by for all the same
_RENDERS_KEPT: Final = 30 * 86400.0  # seconds; content-addressed, so age only bounds the size of the store


@attrs.frozen
class StoreMemo:
    """The state store as the cache that plug-ins see. Where it fails, work is done again: a plan can be made on a full disk."""

    store: StateStore
    clock: Clock
    notify: Callable[[Notice], None]

    def get(self, space: str, key: str) -> bytes | None:
        """Return what was put, if it is still there."""
        try:
            return self.store.get_memo(space, key, not_before=self.clock.now() - _RENDERS_KEPT)
        except StateError as error:
            self.notify(Notice("memo-unavailable", error.message))
            return None

    def put(self, space: str, key: str, value: bytes) -> None:
        """Remember *value*."""
        try:
            self.store.put_memo(space, key, value, now=self.clock.now())
        except StateError as error:
            self.notify(Notice("memo-unavailable", error.message))


@attrs.frozen(kw_only=True)
class Pass:
    """
    What the steps of one pass share. Made by :func:`begin`, gone when the pass is over.

    Attributes:
        app: The application.
        store: Where its state is kept.
        ctx: What plug-ins get.
        runtime: What the host lent us.
        meter: Counts.
        events: Numbered events.
        retry: Runs calls.
        pass_id: Names the pass in events, journal and history.
        started_at: Epoch seconds.
        notices: What the reader should know, in order.
        saved_plan: Id of the saved plan that is applied; empty for a pass that makes its own.
        for_people: Its plan is shown, not carried out: targets that can say exactly what an update would do are asked.
        trees: The files that were fetched so far.
    """

    app: Application
    store: StateStore
    ctx: Context
    runtime: Runtime
    meter: Meter
    events: Emitter
    retry: Retry
    pass_id: str
    started_at: float
    notices: list[Notice]
    saved_plan: str = ""
    for_people: bool = False
    trees: dict[Revision, Tree] = attrs.field(factory=dict, eq=False, repr=False)

    def call(self, call: Call, run: Callable[[], T]) -> T:
        """Return what the plug-in call *run* returns, retried as its errors say."""
        return self.retry.call(self.ctx, call, run)[0]

    def call_target(self, target: Target, call: Call, cost: str, run: Callable[[Context], T]) -> tuple[T, int]:
        """
        Return what *run*, a call of *target*, returns, and how many attempts it took.

        Every attempt holds one of the target's slots, has the target's time, and counts as one *cost* (``reads``, ``writes``).
        """
        bucket = bucket_of(target)

        def once() -> T:
            with bucket.slot(self.ctx, self.retry.patience):
                self.meter.count(cost)
                return run(self.ctx.within(target.limits.timeout))

        return self.retry.call(self.ctx, call, once, bucket)


def begin(app: Application, store: StateStore, runtime: Runtime) -> Pass:
    """
    Set up a pass of *app*. Cost: one read of the store's salt.

    Raises:
        StateError: The store cannot be read.
    """
    clock, meter, notices = runtime.clock, Meter(), list[Notice]()
    pass_id = f"{runtime.random.getrandbits(64):016x}"
    events = Emitter(app.id, pass_id, clock, runtime.sinks)

    def on_retry(call: Call, error: GitOpsError, seconds: float) -> None:
        meter.count("retries")
        message = f"{call.stage} failed and is tried again in {seconds:.1f} s: {error}"
        events.later(EventType.RETRYING, message, key=call.key, origin=call.origin, seconds=seconds)

    def notify(notice: Notice) -> None:
        notices.append(notice)
        events.later(EventType.NOTICE, notice.message, code=notice.code, path=notice.path, line=notice.line)

    ctx = Context(
        application=app.id,
        owner=app.owner,
        clock=clock,
        cancel=runtime.cancel,
        deadline=clock.monotonic() + app.options.deadline,
        salt=store.salt(),
        memo=StoreMemo(store, clock, notify),
        random=runtime.random,
        notify=notify,
        count=meter.count,
    )
    return Pass(
        app=app, store=store, ctx=ctx, runtime=runtime, meter=meter, events=events,
        retry=Retry(app.options, on_retry, float("inf") if runtime.waits else _A_MOMENT), pass_id=pass_id, started_at=clock.now(), notices=notices,
    )  # fmt: skip

"""Follow what an application has, so that a pass with nothing to do asks the target nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from gitops_core.engine.passes import begin
from gitops_core.engine.runtime import Runtime
from gitops_core.engine.waking import Waker
from gitops_core.interfaces import StateStore
from gitops_core.model.applications import Application
from gitops_core.model.resources import ResourceKey

_EVERY: Final = 0.25  # seconds


class Following:
    """
    Watches everything that the inventory of *app* holds while the block runs, where the target can watch.

    ::

        with Following(app, store=store, on_change=lambda keys: wake_up()):
            reconcile(app, store=store)   # as long as nothing moves: no request to the target

    A target that keeps what its watch has shown answers :meth:`.Target.observe` and :meth:`.Target.etag` from it. Call
    :meth:`refresh` after a pass that has made or dropped objects.

    Args:
        app: The application.
        store: Where its inventory is.
        runtime: Clock and stop signal.
        on_change: Called with the keys that have moved, from a thread of this object's; must be quick and must not raise.
    """

    def __init__(
        self,
        app: Application,
        *,
        store: StateStore,
        runtime: Runtime | None = None,
        on_change: Callable[[frozenset[ResourceKey]], None] | None = None,
    ) -> None:
        self._app = app
        self._store = store
        self._runtime = runtime or Runtime()
        self._on_change = on_change
        self._stop = threading.Event()
        self._waker: Waker | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.refresh()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def refresh(self) -> None:
        """
        Watch what the inventory holds now.

        Raises:
            StateError: It cannot be read.
        """
        waker = Waker(begin(self._app, self._store, self._runtime))
        waker.watch(self._store.inventory(self._app.id).entries)
        before, self._waker = self._waker, waker
        if before is not None:
            before.close()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=f"follow {self._app.name}", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop watching; may be called twice."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        if self._waker is not None:
            self._waker.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            waker = self._waker
            if waker is None or not waker.has_moved.wait(_EVERY):  # real time: a virtual clock would run away here
                continue
            moved = waker.moved()
            if moved and self._on_change is not None:
                self._on_change(moved)

"""An executor without threads: the engine single-stepped."""

from __future__ import annotations

from gitops_core.engine.runtime import SameThread


class InlineExecutor(SameThread):
    """Runs each task at once in the thread that submits it: ``Runtime(executor=InlineExecutor)`` is deterministic."""

    def __init__(self, workers: int = 1) -> None:
        self.workers = workers

"""The calls of sources, targets and stores, led through a gate."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, Final
from unittest import mock

from gitops_core.interfaces import Plugin, Source, StateStore, Target, TargetChange
from gitops_core.model.revisions import Tree
from gitops_core.testing.crash_points.gate import Gate
from gitops_core.testing.crash_points.points import Call, Seam

_READS: Final = {
    Source: ("resolve", "fetch"),
    Target: ("observe", "poll", "preview", "etag"),
    StateStore: ("salt", "inventory", "holders", "neighbours", "journal", "history", "get_memo"),
}
_CHANGES: Final = {
    Source: (),
    Target: ("create", "update", "delete", "apply_batch"),
    StateStore: ("update_inventory", "append_journal", "record_pass", "put_memo", "forget"),
}
_SEAMS: Final = {Source: Seam.SOURCE, Target: Seam.TARGET, StateStore: Seam.STORE}
_REQUIRED: Final = frozenset({"observe", "create", "delete"})


@contextmanager
def plugins_through(gate: Gate, plugins: Iterable[Plugin]) -> Iterator[None]:
    """
    Lead every call of *plugins* through *gate* while the block runs.

    The methods of their classes are replaced, not the objects: the engine finds the plug-ins that it knows.
    """
    with ExitStack() as replaced:
        replaced.enter_context(mock.patch.object(Tree, "read", _gated(gate, Tree.read, Seam.SOURCE, changes=False)))
        for cls in {type(plugin): None for plugin in plugins}:
            for name, method in _gated_methods(gate, cls).items():
                replaced.enter_context(mock.patch.object(cls, name, method))
        yield


def _gated_methods(gate: Gate, cls: type[Plugin]) -> dict[str, Callable[..., Any]]:
    methods: dict[str, Callable[..., Any]] = {}
    for kind, seam in _SEAMS.items():
        if issubclass(cls, kind):
            names = [name for name in (*_READS[kind], *_CHANGES[kind]) if kind is not Target or _has(cls, name)]
            methods |= {name: _gated(gate, getattr(cls, name), seam, changes=name in _CHANGES[kind]) for name in names}
    if issubclass(cls, StateStore):
        methods["exclusive"] = _gated_lock(gate, cls.exclusive)
    return methods


def _has(cls: type[Plugin], name: str) -> bool:
    return name in _REQUIRED or getattr(cls, name) is not getattr(Target, name)


def _gated(gate: Gate, method: Callable[..., Any], seam: Seam, *, changes: bool) -> Callable[..., Any]:
    """Return *method*, led through *gate*. What it yields is taken in one go: a generator does nothing until then."""
    name = method.__name__

    @functools.wraps(method)
    def gated(self: Any, *args: Any, **kwargs: Any) -> Any:
        def run() -> Any:
            answer = method(self, *args, **kwargs)
            return list(answer) if isinstance(answer, Iterator) else answer

        def half() -> None:
            ctx, batch = args
            list(method(self, ctx, batch[: len(batch) // 2]))

        halves = name == "apply_batch" and len(args[1]) > 1
        return gate.through(Call(seam, name, _about(args), changes), run, half if halves else None)

    return gated


def _about(args: tuple[Any, ...]) -> str:
    """Name the object of a change, the file of a read; else nothing."""
    last = args[-1] if args else None
    if isinstance(last, TargetChange):
        return str(last.key)
    return getattr(last, "path", "") if not isinstance(last, str) else ""


def _gated_lock(gate: Gate, exclusive: Callable[..., AbstractContextManager[None]]) -> Callable[..., Any]:
    """Return ``exclusive``, led through *gate* on its way in; the way out is what the kernel does for a dead process."""

    @contextmanager
    def gated(self: StateStore, application: str, timeout: float) -> Iterator[None]:
        with ExitStack() as held:
            call = Call(Seam.STORE, "exclusive", application)
            gate.through(call, lambda: held.enter_context(exclusive(self, application, timeout)))
            yield

    return gated

"""That something only looked."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final
from unittest import mock

from gitops_core.interfaces import StateStore, Target

_MUTATORS: Final = (
    (Target, ("create", "update", "delete", "apply_batch")),
    (StateStore, ("update_inventory", "forget")),
)


@contextmanager
def assert_nothing_written() -> Iterator[None]:
    """
    Assert that in the block no target creates, updates or deletes, and no state store changes an inventory.

    Example::

        with assert_nothing_written():
            world.plan()

    Every target and every store of the process is watched, so it does not matter which of them would have been written through.
    Journals, histories and memos may be written: they are how a pass remembers that it looked. Calls that fail count.

    Raises:
        AssertionError: At the end of the block: each operation that was called, and how often.
    """
    seen: Counter[str] = Counter()
    with ExitStack() as patches:
        for base, names in _MUTATORS:
            for cls in _below(base):
                for name in names:
                    if name in vars(cls):
                        patches.enter_context(mock.patch.object(cls, name, _counting(cls, name, seen)))
        yield
    if seen:
        lines = [f"{what}{f' ({count} times)' if count > 1 else ''}" for what, count in sorted(seen.items())]
        raise AssertionError("\n  ".join(["nothing was to be written, and there was:", *lines]))


def _below(base: type) -> set[type]:
    found: set[type] = set()
    cls: type
    for cls in base.__subclasses__():
        found |= {cls} | _below(cls)
    return found


def _counting(cls: type, name: str, seen: Counter[str]) -> Callable[..., Any]:
    real = vars(cls)[name]

    @functools.wraps(real)
    def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        if next(owner for owner in type(self).__mro__ if name in vars(owner)) is cls:  # else it is a call of super()
            about = next((str(arg.key) for arg in args if hasattr(arg, "key")), "")
            seen[f"{self.name}: {name} {about}".rstrip()] += 1
        return real(self, *args, **kwargs)

    return counted

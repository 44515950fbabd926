"""State stores with faults in every method."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from gitops_core.interfaces import Clock, StateStore
from gitops_core.testing.faults.calls import Call, ClockTime
from gitops_core.testing.faults.dialects import STORE
from gitops_core.testing.faults.garbling import CannotGarble, garbled
from gitops_core.testing.faults.proxies import disguised

AnyStore = TypeVar("AnyStore", bound=StateStore)


def faulty(store: AnyStore, label: str, clock: Clock | None, through: Callable[[Call], Any]) -> AnyStore:
    """Return *store* with *through* around each of its methods."""

    def method(name: str) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            return through(
                Call(
                    operation=f"{label}.{name}",
                    key="/".join(args[:2]) if name.endswith("_memo") else "".join(args[:1]),
                    run=lambda: getattr(store, name)(*args, **kwargs),
                    dialect=STORE,
                    time=ClockTime(clock),
                    garble=garbled if name == "get_memo" else _noticed,
                )
            )

        return run

    return disguised(StateStore, store, {name: method(name) for name in StateStore.__abstractmethods__})


def _noticed(answer: Any, _entropy: int) -> Any:
    """Say that a store would notice: it never hands out a record that it cannot vouch for. A memo is only bytes to it."""
    raise CannotGarble(type(answer).__name__)

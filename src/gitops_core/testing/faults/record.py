"""What a plan has done so far: counts, and every fault that was injected, in order."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Sequence

import attrs

from gitops_core.errors import ConfigError
from gitops_core.testing.faults.calls import Call
from gitops_core.testing.faults.kinds import Crashed, Fault


@attrs.frozen
class Injected:
    """
    One fault that was injected.

    Attributes:
        number: From 1, in order.
        call: Position of the call among all that went through the plan.
        time: Monotonic seconds; None when the wrapper has no clock.
        operation: ``target.create``.
        key: What it struck: a key, or the glob of the fault in a call about many.
        what: What was done.
    """

    number: int
    call: int
    time: float | None
    operation: str
    key: str
    what: str


class Record:
    """The changing half of a plan. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._injected: list[Injected] = []
        self._calls: Counter[str] = Counter()
        self._repeated: Counter[tuple[str, str]] = Counter()
        self._met: Counter[int] = Counter()
        self._struck: Counter[int] = Counter()
        self._stopped = False
        self._died_at = 0

    @property
    def injected(self) -> tuple[Injected, ...]:
        """Everything that was injected so far."""
        with self._lock:
            return tuple(self._injected)

    @property
    def calls(self) -> Counter[str]:
        """How many calls of each operation went through; a copy."""
        with self._lock:
            return Counter(self._calls)

    def stop(self) -> None:
        """Inject nothing more."""
        self._stopped = True

    def restart(self) -> None:
        """Let calls through again after a crash."""
        self._died_at = 0

    def enter(self, faults: Sequence[Fault], seed: int, call: Call) -> tuple[Call, list[Fault]]:
        """
        Count *call*; return it with its number, and the faults that strike it, in their order.

        Raises:
            Crashed: The process is dead.
        """
        with self._lock:
            self._alive(call)
            self._calls[call.operation] += 1
            self._repeated[call.operation, call.key] += 1
            facts = f"{seed}|{call.operation}|{call.key}|{self._repeated[call.operation, call.key]}"
            call = attrs.evolve(call, number=self._calls.total(), entropy=_entropy(facts))
            return call, self._chosen(faults, call, facts)

    def _alive(self, call: Call) -> None:
        if self._died_at:
            raise Crashed(
                f"{call.operation}: the process is dead since call {self._died_at}; FaultPlan.restart() begins the next"
            )

    def _chosen(self, faults: Sequence[Fault], call: Call, facts: str) -> list[Fault]:
        chosen: list[Fault] = []
        for index, fault in enumerate(faults):
            if not (fault.matches(call.operation) and (fault.key == "*" or fault.share(call.keys))):
                continue
            self._met[index] += 1
            settled = any(f.strikes_all_of(call) and not f.goes_on for f in chosen)
            if not settled and self._strikes(index, fault, call, facts):
                self._struck[index] += 1
                chosen.append(fault)
        return chosen

    def _strikes(self, index: int, fault: Fault, call: Call, facts: str) -> bool:
        return (
            not self._stopped
            and (fault.at is None or self._met[index] in fault.at)
            and (fault.times is None or self._struck[index] < fault.times)
            and (fault.during is None or _within(fault.during, call.time.now()))
            and (fault.probability >= 1.0 or _entropy(f"{index}|{facts}") < fault.probability * 2**64)
        )

    def inject(self, fault: Fault, call: Call, limit: int | None) -> bool:
        """Record that *fault* strikes *call* now; False when it must not, because of *limit* or because the plan was stopped."""
        with self._lock:
            if self._stopped or (limit is not None and len(self._injected) >= limit):
                return False
            key = call.key if fault.strikes_all_of(call) else fault.key
            number = len(self._injected) + 1
            self._injected.append(Injected(number, call.number, call.time.now(), call.operation, key, fault.told))
            return True

    def die(self, call: Call) -> None:
        """Let nothing through from now on."""
        self._died_at = call.number


def _within(during: tuple[float, float], now: float | None) -> bool:
    if now is None:
        raise ConfigError("during= needs a clock: FaultPlan(..., clock=clock)")
    return during[0] <= now < during[1]


def _entropy(facts: str) -> int:
    return int.from_bytes(hashlib.sha256(facts.encode()).digest()[:8], "big")


def table(injected: Sequence[Injected]) -> str:
    """Return what happened, a line a fault."""
    head = ("#", "time", "call", "operation", "key", "what")
    rows = [(str(i.number), _seconds(i.time), str(i.call), i.operation, i.key or "-", i.what) for i in injected]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in (head, *rows)]
    return "\n".join(lines)


def _seconds(time: float | None) -> str:
    return "-" if time is None else f"{time:.1f} s"

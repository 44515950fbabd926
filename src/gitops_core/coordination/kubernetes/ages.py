"""How long something of another machine has stayed the same, on one's own clock."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from typing import Final

_GIVEN_UP: Final = float("-inf")


class Ages:
    """
    Since when each thing has had its present mark, as far as the one who looks has seen.

    No clock of another machine is read. The first look only begins to count, so a mark is never younger than it seems.

    Source: the same judgement as in client-go's leader election (https://pkg.go.dev/k8s.io/client-go/tools/leaderelection).
    """

    def __init__(self) -> None:
        self._seen: dict[str, tuple[Hashable, float]] = {}

    def age(self, name: str, mark: Hashable, now: float) -> float:
        """
        Return how many seconds *name* has had *mark*; 0 at the first look at it.

        Args:
            name: Of the thing.
            mark: Changes with every sign of life.
            now: On one's own monotonic clock.
        """
        known = self._seen.get(name)
        if known is None or known[0] != mark:
            self._seen[name] = known = (mark, now)
        return now - known[1]

    def give_up(self, name: str, mark: Hashable) -> None:
        """Count *name* as silent for ever, until its mark changes."""
        self._seen[name] = (mark, _GIVEN_UP)

    def keep(self, names: Collection[str]) -> None:
        """Forget everything else."""
        self._seen = {name: seen for name, seen in self._seen.items() if name in names}

"""No changes but in maintenance windows."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from typing import ClassVar

import attrs

from gitops_core.errors import ConfigError
from gitops_core.interfaces import Context, Subject
from gitops_core.model.verdicts import Violation
from gitops_core.policies.budget import writes
from gitops_core.policies.declared import DeclaredPolicy
from gitops_core.policies.selectors import Selector
from gitops_core.policies.windows.timetable import Closure, Timetable
from gitops_core.policies.windows.window import Window, WindowKind


class Running(enum.StrEnum):
    """What becomes of a pass that is at work when the windows close: FINISH lets it come to its end, STOP ends it."""

    FINISH = "finish"
    STOP = "stop"


def _as_running(value: Running | str) -> Running:
    try:
        return Running(value)
    except ValueError:
        raise ConfigError(f"running is {value!r}; it is one of {', '.join(Running)}") from None


def _as_windows(value: Window | Iterable[Window]) -> tuple[Window, ...]:
    return (value,) if isinstance(value, Window) else tuple(value)


@attrs.frozen
class MaintenanceWindows(DeclaredPolicy):
    """
    Holds changes back while the windows are closed. Looks at the plan, so it has no say before one is made.

    Only changes are refused: drift is still seen, pull requests are still checked, and an application with nothing to change is
    in sync. What is asked of a target about earlier changes (waiting for health, polling an operation) goes on.

    Its fingerprint does not change with the time: it has nothing to say about a plan without changes, whenever it is asked, so a
    quiet pass may be believed across an opening.

    Example::

        MaintenanceWindows([Window("0 2 * * mon-fri", 7200, "Europe/Zurich")])
        MaintenanceWindows([Window("0 17 * * fri", 64 * 3600, "Europe/Zurich", "deny", "weekend")], where=Selector(kinds="apps/*"))

    Attributes:
        windows: One or several. A deny window wins over allow windows; with only deny windows everything else is open.
        where: Only these objects are held back; all when left out. Give several policies for several groups of objects.
        running: ``finish`` lets a pass that is at work come to its end, ``stop`` ends it when the windows close, as a shutdown does;
            the next pass goes on. A pass that you run yourself needs
            :func:`~gitops_core.policies.windows.closing.until_closing` for that.
    """

    needs_plan: ClassVar[bool] = True

    windows: tuple[Window, ...] = attrs.field(converter=_as_windows)
    where: Selector = attrs.field(default=Selector(), kw_only=True)
    running: Running = attrs.field(default=Running.FINISH, converter=_as_running, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if not self.windows:
            raise ConfigError(f"{self.name} has no window; give at least one, or leave the policy out")

    @property
    def timetable(self) -> Timetable:
        """The windows joined."""
        return Timetable(self.windows)

    def is_open(self, now: float) -> bool:
        """Tell whether changes may be made *now*, in epoch seconds."""
        return self.timetable.is_open(now)

    def opens_at(self, now: float) -> float | None:
        """Return when changes may be made: *now* when they may; None for never. When the next pass makes sense."""
        return self.timetable.opens_at(now)

    def closes_at(self, now: float) -> float | None:
        """Return when changes may no longer be made: *now* when they may not; None for never."""
        return self.timetable.closes_at(now)

    def stops_at(self, now: float) -> float | None:
        """Return when a pass that begins *now* has to stop; None when it may come to its end, or has nothing it may change anyway."""
        if self.running is Running.FINISH or not self.is_open(now):
            return None
        return self.closes_at(now)

    def review(self, ctx: Context, subject: Subject) -> Iterator[Violation]:
        """Yield nothing while the windows are open; else one violation, or one for each planned change where *where* is given."""
        ctx.check()
        plan = subject.plan
        held = [c for c in plan.ready if writes(c) and self.where.selects(c.key, c.origin.path)] if plan else []
        closure = self.timetable.closure(ctx.clock.now()) if held else None
        if closure is None:
            return
        message = self._message(closure)
        if not self.where:
            yield Violation(None, message, self.severity)
            return
        for change in held:
            yield Violation(change.key, message, self.severity, origin=change.origin)

    def _message(self, closure: Closure) -> str:
        window = closure.window
        if window.kind is WindowKind.DENY:
            why = f"no changes in the {window}"
        else:
            why = f"no changes outside of the allow windows; the next is the {window}"
        if closure.until is None:
            return f"{why}; it never opens: change the windows of {self.name}"
        return f"{why}; it opens at {window.shown(closure.until)}: wait until then, or change the windows of {self.name}"

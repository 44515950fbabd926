"""How hard a controller works, and how long it waits."""

from __future__ import annotations

import attrs
from attrs.validators import and_, ge, gt, in_, lt


@attrs.frozen(kw_only=True)
class ControllerLimits:
    """
    Limits of one controller. All times are seconds.

    Attributes:
        workers: Passes at once. Each holds a thread, and its writes up to ``Options.workers`` more.
        replacements: Threads that may stand in for workers that do not come back.
        poll: Between two looks at a reference of a repository, shared by all applications that follow it.
        refresh: Between two looks at the list of applications, where it is a function.
        jitter: Intervals vary by this fraction, so that what began together does not stay together.
        backoff: First wait after a pass that failed; doubles with each one after it.
        backoff_cap: Longest wait after a failure. Nothing is given up: it stays at this pace.
        breaker_failures: Passes in a row that the same target could not serve before all its applications wait.
        breaker_pause: First pause of a target after that; doubles up to ``backoff_cap``.
        contested_after: How often the same drift may come back after a repair before we stop to fight.
        contested_memory: How long a repaired drift is remembered.
        grace: How long a worker may take longer than its pass's deadline before its application is put in quarantine.
        shutdown: How long :meth:`.Controller.stop` waits for the changes in hand.
        watch_restart: How long to collect new objects before a watch begins anew with them; for each 2,000 that are watched already as
            long again. Until then they are looked at in intervals.
        events: Events that may wait for sinks.
        overflow: What is dropped when more wait: ``drop_oldest`` or ``drop_newest``. Work never waits for a sink.

    Raises:
        ValueError: A number that makes no sense.
    """

    workers: int = attrs.field(default=16, validator=ge(1))
    replacements: int = attrs.field(default=16, validator=ge(0))
    poll: float = attrs.field(default=60.0, validator=gt(0.0))
    refresh: float = attrs.field(default=60.0, validator=gt(0.0))
    jitter: float = attrs.field(default=0.1, validator=and_(ge(0.0), lt(1.0)))
    backoff: float = attrs.field(default=1.0, validator=gt(0.0))
    backoff_cap: float = attrs.field(default=300.0, validator=gt(0.0))
    breaker_failures: int = attrs.field(default=5, validator=ge(1))
    breaker_pause: float = attrs.field(default=10.0, validator=gt(0.0))
    contested_after: int = attrs.field(default=2, validator=ge(1))
    contested_memory: float = attrs.field(default=3600.0, validator=gt(0.0))
    grace: float = attrs.field(default=30.0, validator=gt(0.0))
    shutdown: float = attrs.field(default=30.0, validator=ge(0.0))
    watch_restart: float = attrs.field(default=2.0, validator=ge(0.0))
    events: int = attrs.field(default=10_000, validator=ge(1))
    overflow: str = attrs.field(default="drop_oldest", validator=in_(("drop_oldest", "drop_newest")))

"""Two answers about a live object: has it settled, and is it well?"""

from __future__ import annotations

import enum

import attrs


class HealthStatus(enum.StrEnum):
    """Best to worst, as Argo CD orders them; MISSING is "observed and not there"."""

    HEALTHY = "Healthy"
    SUSPENDED = "Suspended"
    PROGRESSING = "Progressing"
    MISSING = "Missing"
    DEGRADED = "Degraded"
    UNKNOWN = "Unknown"


@attrs.frozen
class Health:
    """
    The state of one live object.

    Attributes:
        settled: Its controller has nothing left to do (kstatus "Current"); dependents may go on.
        status: How well it is; stricter than *settled*.
        reason: One CamelCase word, stable enough to match on.
        message: For people.
        failed: It will not settle without a change (kstatus "Failed"): waiting is pointless.
    """

    settled: bool
    status: HealthStatus
    reason: str = ""
    message: str = ""
    failed: bool = False

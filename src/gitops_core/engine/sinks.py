"""Where events go: nowhere, to the log, to a list, or to several at once."""

from __future__ import annotations

import logging
import threading
from typing import Final

from gitops_core.model.events import Event, EventType

_LEVELS: Final = {EventType.RETRYING: logging.WARNING, EventType.VIOLATION: logging.WARNING, EventType.NOTICE: logging.WARNING}


class NullSink:
    """Drops every event."""

    def emit(self, event: Event) -> None:
        """Do nothing with *event*."""


class ListSink:
    """Keeps every event in :attr:`events`, for tests and small tools. Grows without bound."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._lock = threading.Lock()

    def emit(self, event: Event) -> None:
        """Keep *event*."""
        with self._lock:
            self.events.append(event)


class LoggingSink:
    """
    Writes one line per event to a logger; key, pass and data travel as ``extra`` fields.

    Args:
        logger: Where to; the logger ``gitops_core`` unless given.
    """

    def __init__(self, logger: logging.Logger | None = None) -> None:
        self._logger = logger or logging.getLogger("gitops_core")

    def emit(self, event: Event) -> None:
        """Log *event*: warnings for violations, notices and retries, info for the rest."""
        subject = f" {event.key}" if event.key else ""
        extra = {"gitops_pass": event.pass_id, "gitops_key": str(event.key or ""), "gitops_data": dict(event.data)}
        level = _LEVELS.get(event.type, logging.INFO)
        self._logger.log(level, "%s %s%s: %s", event.application, event.type.value, subject, event.message, extra=extra)

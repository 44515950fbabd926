"""The headers of a request, whatever the case of their names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from gitops_core.errors import WebhookRefused

_DIGITS: Final = 18  # fit into 64 bits
Given = Mapping[str, str] | Iterable[tuple[str, str]]


class Headers:
    """Headers by name; names are case-insensitive (RFC 9110, section 5.1)."""

    def __init__(self, given: Given) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in given.items() if isinstance(given, Mapping) else given:
            self._values.setdefault(name.lower(), []).append(value)

    def get(self, *names: str) -> str:
        """
        Return the value of the first of *names* that is there; empty when none is.

        Raises:
            WebhookRefused: It is there more than once: which one counts is a matter of opinion. STALL, 400.
        """
        for name in names:
            values = self._values.get(name.lower())
            if values:
                if len(values) > 1:
                    raise WebhookRefused(f"the header {name} is there {len(values)} times; send it once", status=400)
                return values[0].strip()
        return ""

    def length(self) -> int | None:
        """
        Return ``Content-Length`` in bytes; None when it is not there.

        Raises:
            WebhookRefused: It is no number. STALL, 400.
        """
        text = self.get("content-length")
        if not text:
            return None
        if not (text.isascii() and text.isdigit()) or len(text) > _DIGITS:
            raise WebhookRefused("Content-Length is no number of bytes; send the length of the body", status=400)
        return int(text)

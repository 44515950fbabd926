"""Where secret values enter and leave: wrapped on the way in, revealed only for the target, removed from any text."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs

from gitops_core.model.pointers import Patterns, escape
from gitops_core.model.values import FrozenDict, FrozenList, Sensitive, freeze

KUBERNETES_SECRET: Final = Patterns({"/data", "/stringData"})
"""What is secret in every object of kind ``Secret`` (core group), whichever target it goes to."""

_PLAIN: Final = frozenset({str, int, bool, float, type(None)})
_SHORTEST: Final = 3  # a one-letter secret cannot be removed from a text without destroying the text


def wrap(body: Mapping[str, Any], patterns: Patterns) -> FrozenDict:
    """Return *body*, frozen, with every leaf that *patterns* cover inside a :class:`Sensitive`."""
    frozen: FrozenDict = freeze(body)
    return _wrap(frozen, patterns, "") if patterns else frozen


def _wrap(value: Any, patterns: Patterns, pointer: str) -> Any:
    if not patterns.touches(pointer):
        return value
    if isinstance(value, Mapping) and value:
        return FrozenDict((k, _wrap(v, patterns, f"{pointer}/{escape(k)}")) for k, v in value.items())
    if isinstance(value, list) and value:
        return FrozenList(_wrap(v, patterns, f"{pointer}/{i}") for i, v in enumerate(value))
    covered = patterns.covers(pointer) and value is not None and not isinstance(value, Mapping | list)
    return Sensitive(value) if covered else value


def reveal(value: Any) -> Any:
    """Return *value* frozen and in clear: for the target's eyes only."""
    if isinstance(value, Sensitive):
        return freeze(value.reveal())
    if type(value) is FrozenDict and not is_wrapped(value):
        return value  # as nearly everything: it is frozen all the way down, and a look at it costs a tenth of a copy
    if isinstance(value, Mapping):
        return FrozenDict((k, reveal(v)) for k, v in value.items())
    if isinstance(value, list | tuple):
        return FrozenList(reveal(v) for v in value)
    return value


def secret_texts(body: Any) -> Iterator[str]:
    """Yield every text under which a secret of *body* could show up: as it is, and base64-decoded where it decodes."""
    if isinstance(body, Sensitive):
        text = str(body.reveal())
        yield text
        yield from _decoded(text)
        return
    below = body.values() if isinstance(body, Mapping) else body if isinstance(body, list | tuple) else ()
    for item in below:
        if type(item) not in _PLAIN:
            yield from secret_texts(item)


def _decoded(text: str) -> Iterator[str]:
    try:
        yield base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        return


def is_wrapped(body: Any) -> bool:
    """Tell whether *body* holds any sensitive leaf. Cost: some microseconds for a common manifest; it builds nothing."""
    if isinstance(body, dict):
        body = body.values()
    elif not isinstance(body, list | tuple):
        return isinstance(body, Sensitive)
    for item in body:  # noqa: SIM110  # why: six times as fast as any(), and it runs for every declaration that changes
        if type(item) not in _PLAIN and is_wrapped(item):
            return True
    return False


@attrs.frozen
class Redactor:
    """Removes known secret texts from messages that were written by somebody else's code."""

    _texts: tuple[str, ...] = attrs.field(default=(), repr=False)

    @classmethod
    def of(cls, *bodies: Any) -> Redactor:
        """Return a redactor for every secret in *bodies*; longest first, so that no part of one survives."""
        found = {text for body in bodies for text in secret_texts(body) if len(text) >= _SHORTEST}
        return cls(tuple(sorted(found, key=lambda t: (-len(t), t))))

    def redact(self, text: str) -> str:
        """Return *text* with every known secret replaced by ``***``."""
        for secret in self._texts:
            text = text.replace(secret, "***")
        return text

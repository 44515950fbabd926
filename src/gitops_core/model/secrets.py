"""Where secret values enter and leave: wrapped on the way in, revealed only for the target, removed from any text."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
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
    wrapped: FrozenDict = _wrap(frozen, patterns.segments) if patterns else frozen
    return wrapped


def _wrap(value: Any, patterns: Sequence[tuple[str, ...]]) -> Any:
    """Wrap what *patterns*, of which only what lies below *value* is left, cover; what none of them touches is not looked at."""
    if () in patterns:
        patterns = _ALL
    if isinstance(value, dict):
        return FrozenDict({k: _wrap(v, below) if (below := _below(patterns, k)) else v for k, v in value.items()})
    if isinstance(value, list):
        return FrozenList([_wrap(v, below) if (below := _below(patterns, str(i))) else v for i, v in enumerate(value)])
    return Sensitive(value) if patterns is _ALL and value is not None else value


_ALL: Final[Sequence[tuple[str, ...]]] = ((),)


def _below(patterns: Sequence[tuple[str, ...]], segment: str) -> Sequence[tuple[str, ...]]:
    return patterns if patterns is _ALL else [p[1:] for p in patterns if p[0] in ("*", segment)]


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


def clear_texts(body: Any) -> Iterator[str]:
    """Yield every text in *body* that is no secret."""
    for item in body.values() if isinstance(body, dict) else body:
        if type(item) is str:
            yield item
        elif isinstance(item, dict | list | tuple):
            yield from clear_texts(item)


def sensitive_pointers(body: Any, pointer: str = "") -> Iterator[str]:
    """Yield the pointer of every sensitive leaf of *body*, in document order."""
    for name, item in body.items() if isinstance(body, dict) else enumerate(body):
        if type(item) not in _PLAIN:
            below = f"{pointer}/{escape(str(name))}"
            if isinstance(item, Sensitive):
                yield below
            else:
                yield from sensitive_pointers(item, below)


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

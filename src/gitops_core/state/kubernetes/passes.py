"""The history of passes, which lies in the head."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from gitops_core.model.history import PassRecord
from gitops_core.state.kubernetes.heads import HISTORY, Change, Head
from gitops_core.state.kubernetes.payloads import pack, passes_of, passes_to_json, unpack
from gitops_core.state.rules import repetition

HISTORY_CHARACTERS: Final = 64 * 1024
"""The history may be this long, packed; beyond it the oldest passes go, whatever the application's options say."""

Additions = Iterable[tuple[PassRecord, int]]


def passes_in(head: Head, place: str) -> tuple[PassRecord, ...]:
    """Return the passes in *head*, the newest first."""
    return passes_of(place, unpack(place, head.parts[HISTORY]))


def added(passes: tuple[PassRecord, ...], additions: Additions) -> tuple[PassRecord, ...]:
    """Return *passes* after *additions*, each with the number of passes to keep."""
    for record, keep in additions:
        repeated = repetition(passes[0] if passes else None, record)
        passes = ((repeated, *passes[1:]) if repeated else (record, *passes))[: max(keep, 0)]
    return passes


def with_passes(head: Head, additions: Additions, place: str) -> Change:
    """Return the change that records *additions*."""
    passes = added(passes_in(head, place), additions)
    text = pack(passes_to_json(passes))
    while len(text) > HISTORY_CHARACTERS and len(passes) > 1:
        passes = passes[: len(passes) // 2]
        text = pack(passes_to_json(passes))
    facts = head.facts.written(history=head.facts.history + 1)
    return Change(facts, head.lock, {HISTORY: text})

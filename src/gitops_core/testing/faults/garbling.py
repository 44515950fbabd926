"""Answers with one small thing wrong in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import singledispatch
from typing import Any

import attrs

from gitops_core.model.resources import Live, Pending
from gitops_core.model.revisions import Revision
from gitops_core.model.values import freeze, thaw


class CannotGarble(TypeError):
    """There is no half-credible wrong answer of this type."""


@singledispatch
def garbled(answer: Any, entropy: int) -> Any:
    """
    Return *answer* with one small thing in it wrong: a bit, a letter, a number, a field.

    Equal arguments, equal answers. A live object keeps its key and id; what is empty stays as it is.

    Raises:
        CannotGarble: A type that this function does not know.
    """
    del entropy
    raise CannotGarble(type(answer).__name__)


@garbled.register
def _none(answer: None, entropy: int) -> None:
    del answer, entropy


@garbled.register
def _flag(answer: bool, entropy: int) -> bool:
    del entropy
    return not answer


@garbled.register
def _number(answer: int | float, entropy: int) -> float:
    del entropy
    return answer + 1


@garbled.register
def _text(answer: str, entropy: int) -> str:
    del entropy
    return answer[::-1] if answer != answer[::-1] else f"{answer}?"


@garbled.register
def _bytes(answer: bytes, entropy: int) -> bytes:
    place = entropy % max(1, len(answer))
    return answer[:place] + bytes(byte ^ 0x01 for byte in answer[place : place + 1]) + answer[place + 1 :]


@garbled.register(Mapping)
def _mapping(answer: Mapping[str, Any], entropy: int) -> dict[str, Any]:
    return {**answer, **_one_of(sorted(answer.items()), entropy)}


@garbled.register(list)
@garbled.register(tuple)
def _sequence(answer: Sequence[Any], entropy: int) -> list[Any]:
    changed = _one_of(list(enumerate(answer)), entropy)
    return [changed.get(place, value) for place, value in enumerate(answer)]


def _one_of(items: list[tuple[Any, Any]], entropy: int) -> dict[Any, Any]:
    """Return one of *items* with another value: one that can be wrong, if there is any."""
    start = entropy % max(1, len(items))
    for place, value in items[start:] + items[:start]:
        wrong = garbled(value, entropy // len(items))
        if wrong != value or isinstance(value, Live):
            return {place: wrong}
    return {}


@garbled.register
def _live(answer: Live, entropy: int) -> Live:
    return attrs.evolve(answer, body=freeze(garbled(thaw(answer.body), entropy)))


@garbled.register
def _pending(answer: Pending, entropy: int) -> Pending:
    return attrs.evolve(answer, token=garbled(answer.token, entropy))


@garbled.register
def _revision(answer: Revision, entropy: int) -> Revision:
    return attrs.evolve(answer, id=garbled(answer.id, entropy))

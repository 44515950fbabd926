"""What a declaration asks of the engine, in annotations under the owner's domain."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import attrs

from gitops_core.model.applications import CONFLICTS, DRIFT, Owner
from gitops_core.model.pointers import Patterns, split
from gitops_core.model.resources import ResourceKey
from gitops_core.model.values import Body
from gitops_core.planning.request import Read

STRATEGIES: Final = ("apply", "create-only", "replace", "recreate")
PROPAGATIONS: Final = ("background", "foreground", "orphan")
_FLAG: Final = ("true", "false")
_WAVE: Final = re.compile(r"-?[0-9]{1,6}")


def _one_of(words: tuple[str, ...]) -> str:
    return ", ".join(f'"{word}"' for word in words[:-1]) + f' or "{words[-1]}"'


WORDS: Final[Mapping[str, str]] = {
    "conflicts": _one_of(CONFLICTS),
    "depends-on": "Kind/name, Kind/namespace/name or group/Kind/namespace/name, separated by commas",
    "drift": _one_of(DRIFT),
    "ignore": "JSON pointers such as /spec/replicas, separated by commas",
    "propagation": _one_of(PROPAGATIONS),
    "protect": _one_of(_FLAG),
    "prune": _one_of(_FLAG),
    "strategy": _one_of(STRATEGIES),
    "wait": _one_of(_FLAG),
    "wave": 'a whole number of at most six digits, such as "-5" or "10"',
}
"""Every word we know, and the values it takes."""


@attrs.frozen
class Annotations:
    """
    What one declaration asks for.

    Attributes:
        protected: Never delete or replace it (``protect: "true"`` or ``prune: "false"``).
        wait: Wait for it to settle before its dependents go on.
        depends_on: What must be there first, as written.
        ignored: Fields that belong to others.
        strategy: One of :data:`STRATEGIES`; ``apply`` when nothing is said.
        conflicts: One of ``model.applications.CONFLICTS``; empty when nothing is said.
        drift: One of ``model.applications.DRIFT``, for a controller; empty when nothing is said.
        wave: What is in a lower wave comes first, and has settled before this begins.
        problems: What is misspelt, each with the value and the values that are allowed. The object is then left alone.
    """

    protected: bool = False
    wait: bool = True
    depends_on: tuple[ResourceKey, ...] = ()
    ignored: Patterns = Patterns()
    strategy: str = "apply"
    conflicts: str = ""
    drift: str = ""
    wave: int = 0
    problems: tuple[str, ...] = ()


def notes_of(read: Read, owner: Owner) -> Annotations:
    """Return what a declaration says about itself; worked out once a request."""
    if read.notes is None:
        read.notes = read_annotations(read.body, owner)
    return read.notes


def read_annotations(body: Body, owner: Owner) -> Annotations:
    """Read every annotation of *body* under *owner*'s domain; a word or value we do not know is a problem, never ignored."""
    metadata = body.get("metadata")
    written = metadata.get("annotations") if isinstance(metadata, dict) else None
    words = _words(written, owner) if isinstance(written, dict) and written else None
    if not words:
        return _NONE
    problems = [text for word, value in sorted(words.items()) if (text := _problem(owner.key(word), word, value))]
    if problems:
        return Annotations(problems=tuple(problems))
    return Annotations(
        protected=words.get("protect") == "true" or words.get("prune") == "false",
        wait=words.get("wait") != "false",
        depends_on=tuple(_keys(words.get("depends-on", ""))),
        ignored=Patterns(frozenset(_pointers(words.get("ignore", "")))),
        strategy=words.get("strategy", "apply"),
        conflicts=words.get("conflicts", ""),
        drift=words.get("drift", ""),
        wave=int(words.get("wave", "0")),
    )


_NONE: Final = Annotations()


def _words(annotations: Mapping[str, Any], owner: Owner) -> dict[str, Any]:
    prefix = owner.key("")
    return {key.removeprefix(prefix): value for key, value in annotations.items() if key.startswith(prefix)}


def _problem(key: str, word: str, value: Any) -> str:
    allowed = WORDS.get(word)
    if allowed is None:
        return f"annotation {key} is not known; under this domain there are {', '.join(WORDS)}"
    if not isinstance(value, str):
        return f"annotation {key} is {value!r}, not text; allowed: {allowed} (put it in quotes)"
    try:
        _READ[word](value)
    except ValueError as error:
        why = f" ({error})" if error.args else ""
        return f"annotation {key} is {value!r}{why}; allowed: {allowed}"
    return ""


def _keys(text: str) -> Iterator[ResourceKey]:
    for part in text.split(","):
        if part.strip():
            yield ResourceKey.parse(part.strip())


def _pointers(text: str) -> Iterator[str]:
    for part in text.split(","):
        if part.strip():
            split(part.strip())  # raises what is wrong with it
            yield part.strip()


def _known(words: tuple[str, ...]) -> Callable[[str], object]:
    def check(value: str) -> None:
        if value not in words:
            raise ValueError

    return check


def _wave(value: str) -> None:
    if not _WAVE.fullmatch(value):
        raise ValueError


_READ: Final[Mapping[str, Callable[[str], object]]] = {
    "conflicts": _known(CONFLICTS),
    "depends-on": lambda value: list(_keys(value)),
    "drift": _known(DRIFT),
    "ignore": lambda value: list(_pointers(value)),
    "propagation": _known(PROPAGATIONS),
    "protect": _known(_FLAG),
    "prune": _known(_FLAG),
    "strategy": _known(STRATEGIES),
    "wait": _known(_FLAG),
    "wave": _wave,
}

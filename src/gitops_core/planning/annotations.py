"""What a declaration asks of the engine, in annotations under the owner's domain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs

from gitops_core.model.applications import Owner
from gitops_core.model.resources import Resource, ResourceKey
from gitops_core.model.values import Body
from gitops_core.planning.request import PlanRequest

WORDS: Final[Mapping[str, str]] = {
    "depends-on": "Kind/name, Kind/namespace/name or group/Kind/namespace/name, separated by commas",
    "protect": '"true" or "false"',
    "prune": '"true" or "false"',
    "wait": '"true" or "false"',
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
        problems: What is misspelt, each with the value and the values that are allowed. The object is then left alone.
    """

    protected: bool = False
    wait: bool = True
    depends_on: tuple[ResourceKey, ...] = ()
    problems: tuple[str, ...] = ()


def notes_of(request: PlanRequest, resource: Resource) -> Annotations:
    """Return what *resource* says about itself; read once a request."""
    read = request.read(resource)
    if read.notes is None:
        read.notes = read_annotations(read.body, request.owner)
    return read.notes


def read_annotations(body: Body, owner: Owner) -> Annotations:
    """Read every annotation of *body* under *owner*'s domain; a word or value we do not know is a problem, never ignored."""
    metadata = body.get("metadata")
    written = metadata.get("annotations") if isinstance(metadata, dict) else None
    words = dict(sorted(_words(written, owner))) if isinstance(written, dict) and written else None
    if not words:
        return _NONE
    problems = [text for word, value in words.items() if (text := _problem(owner.key(word), word, value))]
    if problems:
        return Annotations(problems=tuple(problems))
    return Annotations(
        protected=words.get("protect") == "true" or words.get("prune") == "false",
        wait=words.get("wait") != "false",
        depends_on=tuple(_keys(words.get("depends-on", ""))),
    )


_NONE: Final = Annotations()


def _words(annotations: Mapping[str, Any], owner: Owner) -> Iterator[tuple[str, Any]]:
    prefix = owner.key("")
    return ((key.removeprefix(prefix), value) for key, value in annotations.items() if key.startswith(prefix))


def _problem(key: str, word: str, value: Any) -> str:
    allowed = WORDS.get(word)
    if allowed is None:
        return f"annotation {key} is not known; under this domain there are {', '.join(WORDS)}"
    if not isinstance(value, str):
        return f"annotation {key} is {value!r}, not text; allowed: {allowed} (put it in quotes)"
    if word != "depends-on":
        return "" if value in ("true", "false") else f"annotation {key} is {value!r}; allowed: {allowed}"
    try:
        list(_keys(value))
    except ValueError as error:
        return f"annotation {key} is {value!r} ({error}); allowed: {allowed}"
    return ""


def _keys(text: str) -> Iterator[ResourceKey]:
    for part in text.split(","):
        if part.strip():
            yield ResourceKey.parse(part.strip())

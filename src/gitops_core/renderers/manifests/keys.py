"""What a YAML key becomes as the key of a JSON object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from yaml.events import AliasEvent, ScalarEvent

from gitops_core.renderers.manifests.events import place
from gitops_core.renderers.manifests.problems import Problem
from gitops_core.renderers.manifests.scalars import TAG, Raw, as_key, resolve_raw, resolve_tagged

MERGE: Final = "<<"


def is_merge(event: Any) -> bool:
    """Tell whether *event* is the merge key: an unquoted ``<<``."""
    if not isinstance(event, ScalarEvent) or event.value != MERGE:
        return False
    return event.implicit[0] if event.tag is None else event.tag == f"{TAG}merge"


def raw_value(event: ScalarEvent) -> Raw:
    """
    Return the value of any scalar.

    Raises:
        Problem: It does not fit its explicit tag.
    """
    if event.tag is None:
        return resolve_raw(event.value) if event.implicit[0] else event.value
    try:
        return resolve_tagged(event.tag, event.value)
    except ValueError as error:
        raise Problem(str(error), *place(event)) from None


def key_of(event: Any, scalars: Mapping[str, ScalarEvent]) -> str:
    """
    Return the key that *event* stands for; *scalars* are the anchored scalars of its document.

    Raises:
        Problem: A mapping, a list, null or a number over 64 bits is no key.
    """
    scalar = scalars.get(str(event.anchor)) if isinstance(event, AliasEvent) else event
    if not isinstance(scalar, ScalarEvent):
        raise Problem("a mapping or a list cannot be a key; JSON keys are text", *place(event))
    try:
        return as_key(raw_value(scalar))
    except ValueError as error:
        raise Problem(str(error), *place(event)) from None

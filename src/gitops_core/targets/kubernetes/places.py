"""A place in an object while two bodies are walked: a link to the place above it, written out only when something differs there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from gitops_core.model.labels import extend
from gitops_core.model.pointers import escape
from gitops_core.targets.kubernetes.managed_fields import Claims
from gitops_core.targets.kubernetes.scalars import ScalarPlace, is_bytes, is_free_text

ABSENT: Final = object()
"""Stands for what is not there."""


class At(NamedTuple):
    """
    A place in both bodies.

    Attributes:
        above: The place it is in; None for the whole.
        segment: Its field, or its index in the declared list (in the live one for what is declared no longer).
        shown: How people write a list item: ``[name=web]``; empty for a field.
        name: The field, or the field that holds the list.
    """

    above: At | None = None
    segment: str = ""
    shown: str = ""
    name: str = ""

    def field(self, name: str) -> At:
        """Return the place of the field *name*."""
        return At(self, name, "", name)

    def item(self, index: int, shown: str) -> At:
        """Return the place of an item of the list here."""
        return At(self, str(index), shown, self.name)

    @property
    def pointer(self) -> str:
        """The JSON Pointer of this place."""
        return f"{self.above.pointer}/{escape(self.segment)}" if self.above is not None else ""

    @property
    def label(self) -> str:
        """This place as people write it."""
        return extend(self.above.label, self.shown or self.segment) if self.above is not None else ""

    @property
    def place(self) -> ScalarPlace:
        """What a scalar here may mean."""
        fields = tuple(self._way_up())
        pairs = list(zip(fields, (*fields[1:], ""), strict=True))
        free = any(is_free_text(name, parent) for name, parent in pairs)
        return ScalarPlace(*pairs[0], free, any(map(is_bytes, fields)) or self._is_secret_data(fields))

    def _way_up(self) -> Iterator[str]:
        """Yield the fields on the way up, this one first."""
        here: At | None = self
        while here is not None and here.above is not None:
            if not here.shown:
                yield here.segment
            here = here.above

    def _is_secret_data(self, fields: tuple[str, ...]) -> bool:
        top = self
        while top.above is not None:
            top = top.above
        return top is SECRET_ROOT and fields[-1] == "data"


ROOT: Final = At()
SECRET_ROOT: Final = At(shown="Secret")
"""The whole of a Secret: its ``data`` is base64."""


class Found(NamedTuple):
    """A difference, before it is put into words."""

    at: At
    before: Any
    after: Any
    claims: Claims
    note: str = ""

"""
Why an apply is refused; the server that uses these functions words the ``Status``.

::

    ValueError
    ├── InvalidApply      the configuration does not fit the schema
    └── ApplyConflicts    fields belong to other managers
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs


@attrs.frozen
class FieldConflict:
    """
    A field that another manager owns with another value.

    Attributes:
        owner: The manager as conflicts name it: ``"kubectl" using apps/v1``; without the version when it applied.
        field: As the server spells it: ``.spec.replicas``.
    """

    owner: str
    field: str

    @property
    def message(self) -> str:
        """What ``Status.details.causes[].message`` says."""
        return f"conflict with {self.owner}"


class ApplyConflicts(ValueError):
    """
    Fields of the configuration belong to other managers and have other values there: 409, reason ``Conflict``.

    Args:
        conflicts: In the order of the Status: by manager, then by field.

    The message is the Status's message.
    """

    def __init__(self, conflicts: Sequence[FieldConflict]) -> None:
        self.conflicts = tuple(conflicts)
        count = len(self.conflicts)
        if count == 1:
            text = f": {self.conflicts[0].message}: {self.conflicts[0].field}"
        else:
            text = "s: " + "\n".join(_by_owner(self.conflicts))
        super().__init__(f"Apply failed with {count} conflict{text}")


def _by_owner(conflicts: Sequence[FieldConflict]) -> list[str]:
    lines: list[str] = []
    for owner in dict.fromkeys(one.owner for one in conflicts):
        lines.append(f"conflicts with {owner}:")
        lines.extend(f"- {one.field}" for one in conflicts if one.owner == owner)
    return lines


class InvalidApply(ValueError):
    """
    The configuration does not fit the schema: a field that does not exist, a value of another type, an item without its key, or twice.

    Args:
        problems: One line each, with the path.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems[0] if len(self.problems) == 1 else "\n  ".join(("errors:", *self.problems)))

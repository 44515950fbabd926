"""What must be known about the fields of a target's objects."""

from __future__ import annotations

import enum

import attrs

from gitops_core.model.pointers import Patterns, as_patterns


class Identity(enum.Enum):
    """DECLARED: the declaration names the object. ASSIGNED: the API invents its id on create."""

    DECLARED = "declared"
    ASSIGNED = "assigned"


@attrs.frozen
class Fields:
    """
    What the engine must know about the fields of an object: JSON Pointer patterns, ``*`` for any one segment.

    Attributes:
        immutable: Cannot be changed in place; a difference plans a REPLACE.
        computed: Set by the API; never compared.
        write_only: Never returned by the API; compared by a salted digest kept in the inventory. Sensitive, too.
        sensitive: Masked everywhere but in the target.
        unordered: Lists whose order means nothing.
    """

    immutable: Patterns = attrs.field(default=Patterns(), converter=as_patterns)
    computed: Patterns = attrs.field(default=Patterns(), converter=as_patterns)
    write_only: Patterns = attrs.field(default=Patterns(), converter=as_patterns)
    sensitive: Patterns = attrs.field(default=Patterns(), converter=as_patterns)
    unordered: Patterns = attrs.field(default=Patterns(), converter=as_patterns)

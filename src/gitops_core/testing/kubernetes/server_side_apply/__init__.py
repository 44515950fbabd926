"""
Server-side apply, pure: who owns which field of an object, and what an apply makes of it. Functions on plain JSON, no server.

``apply_patch`` is an apply, ``track_update`` keeps ownership when an object is created, replaced or patched, ``schema_of`` says which lists
and maps of a kind are merged; ``settle`` ends every write: what changed nothing keeps its times. ``Writer`` is who writes; ``ApplyConflicts`` and ``InvalidApply`` are the refusals.
"""

from gitops_core.testing.kubernetes.server_side_apply.applying import apply_patch
from gitops_core.testing.kubernetes.server_side_apply.custom import schema_of
from gitops_core.testing.kubernetes.server_side_apply.elements import MissingKeys
from gitops_core.testing.kubernetes.server_side_apply.entries import Writer
from gitops_core.testing.kubernetes.server_side_apply.errors import ApplyConflicts, FieldConflict, InvalidApply
from gitops_core.testing.kubernetes.server_side_apply.schemas import Node, Schema, Shape
from gitops_core.testing.kubernetes.server_side_apply.stored import settle
from gitops_core.testing.kubernetes.server_side_apply.updating import track_update

__all__ = [
    "ApplyConflicts",
    "FieldConflict",
    "InvalidApply",
    "MissingKeys",
    "Node",
    "Schema",
    "Shape",
    "Writer",
    "apply_patch",
    "schema_of",
    "settle",
    "track_update",
]

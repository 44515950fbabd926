"""What makes objects of built-in kinds invalid."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gitops_core.testing.kubernetes.kinds import Kind
from gitops_core.testing.kubernetes.statuses import Cause

Object = dict[str, Any]


def created_problems(kind: Kind, value: Object) -> Iterator[Cause]:
    """Yield what is wrong with a new object."""
    yield from ()


def updated_problems(kind: Kind, before: Object, after: Object, subresource: str) -> Iterator[Cause]:
    """Yield what is wrong with an update."""
    yield from ()

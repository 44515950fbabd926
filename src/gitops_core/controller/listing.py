"""The list of applications, where a host's function supplies it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from gitops_core.errors import GitOpsError
from gitops_core.model.applications import Application


def listed(supplier: Callable[[], Iterable[Application]]) -> list[Application] | str:
    """Return what *supplier* returns, or why that is nothing to go by."""
    try:
        found: list[Any] = list(supplier())
    except GitOpsError as error:
        return error.message
    except Exception as error:  # noqa: BLE001  # why: a host's function may throw anything; the list stays as it was
        return f"{type(error).__name__} in {supplier!r}"
    strange = next((item for item in found if not isinstance(item, Application)), None)
    return found if strange is None else f"{supplier!r} returned {type(strange).__name__}, not only applications"

"""
Which schema a kind has: another one can make another object of the same declaration, by defaults, without touching the object.

Source: Kubernetes documentation, "Kubernetes OpenAPI v3 discovery": the address of each group's schema carries its hash.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Final

from gitops_core.errors import Cancelled, DeadlineExceeded, GitOpsError
from gitops_core.interfaces import Context
from gitops_core.kubernetes_api.kinds import KindInfo
from gitops_core.kubernetes_api.requests import Request
from gitops_core.targets.kubernetes.access import Access

_INDEX: Final = "/openapi/v3"
_EVERY: Final = 300.0  # seconds between two looks at the index


class Schemas:
    """The hash of each group and version's schema, looked up every five minutes. Safe between threads."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._lock = threading.Lock()
        self._paths: Mapping[str, Any] = {}
        self._due = float("-inf")

    def token(self, ctx: Context, info: KindInfo) -> str:
        """
        Return a text that changes when the schema of *info*'s group and version does; empty where the server does not tell.

        Cost: one request every five minutes, for all kinds together.
        """
        now = ctx.clock.monotonic()
        with self._lock:
            is_due = now >= self._due
            if is_due:
                self._due = now + _EVERY  # others go on with what is known
        if is_due:
            self._paths = self._index(ctx) or self._paths
        root = f"apis/{info.group}/{info.version}" if info.group else f"api/{info.version}"
        entry = self._paths.get(root)
        address = entry.get("serverRelativeURL") if isinstance(entry, Mapping) else None
        return str(address or "").partition("hash=")[2][:12]

    def _index(self, ctx: Context) -> Mapping[str, Any]:
        try:
            found = self._access.send(ctx, Request("GET", _INDEX)).body
        except (Cancelled, DeadlineExceeded):
            raise
        except GitOpsError:
            return {}  # an older server, or one that hides it: the bounded age of every memo stands in
        paths = found.get("paths") if isinstance(found, Mapping) else None
        return paths if isinstance(paths, Mapping) else {}

"""An application and its surroundings, with everything in memory that nobody named."""

from __future__ import annotations

from typing import Any

import attrs

from gitops_core.engine.runtime import Runtime
from gitops_core.model.applications import Application, Owner
from gitops_core.model.values import Body
from gitops_core.renderers.memory import MemoryRenderer
from gitops_core.sources.memory import MemorySource
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.worlds import World

OWNER = Owner("example.org", "tests")
"""On whose behalf the builders' applications act."""


def application(*bodies: Body, **fields: Any) -> Application:
    """
    Return an application that declares *bodies*, or what its source holds.

    Example::

        app = application(namespace("shop"), deployment("shop/web"))
        app = application(source=repo.source(path="shop"), policies=[NoLatestTag()])

    Args:
        bodies: What is declared, whatever the source says.
        fields: Those of :class:`Application`. The name is ``app`` and the target a new ``MemoryTarget`` unless given; a *source*
            is rendered by ``ManifestsRenderer`` unless a *renderer* is given, too.

    Raises:
        TypeError: *bodies* and a *source* or *renderer* at once; one of them would never be looked at.
    """
    if bodies and fields.keys() & {"source", "renderer"}:
        raise TypeError("give manifests, or a source and a renderer; both would hide one of them")
    known: dict[str, Any] = {"name": "app", "owner": OWNER, **fields}
    if "source" in fields:
        known.setdefault("renderer", _manifests())
    known.setdefault("source", MemorySource({}))
    known.setdefault("renderer", MemoryRenderer(bodies))
    known.setdefault("target", MemoryTarget())
    return Application(**known)


def virtual_runtime(*, seed: int = 0, **fields: Any) -> Runtime:
    """
    Return surroundings in which nothing sleeps and no thread starts: a :class:`~gitops_core.testing.clock.VirtualClock` and one step after the other.

    Args:
        seed: Of all randomness; equal seeds give equal passes.
        fields: Those of :class:`Runtime`, in place of these.
    """
    return attrs.evolve(World(seed=seed).runtime, **fields)


def _manifests() -> Any:
    from gitops_core.renderers.manifests import ManifestsRenderer  # why here: it loads the YAML reader

    return ManifestsRenderer()

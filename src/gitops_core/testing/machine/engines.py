"""One process of a scenario, and what is special about its surroundings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs

from gitops_core.errors import ManifestError
from gitops_core.interfaces import Context, Signal
from gitops_core.model.resources import Origin, Resource
from gitops_core.model.revisions import Tree
from gitops_core.testing.clock import VirtualClock
from gitops_core.testing.machine.wires import Line
from gitops_core.testing.worlds import JsonRenderer, World

HALF: Final = "{"
"""The content of a file that cannot be rendered."""
MOMENT: Final = 0.005
"""Seconds that the shortest thing takes."""


@attrs.frozen
class Engine:
    """One process: wires of its own, so that what it kept in memory dies with it, and a world for each application."""

    line: Line
    worlds: dict[str, World]


class PatientClock(VirtualClock):
    """A clock on which even a wait that ends at once takes a moment: who waits again and again does not wait for ever."""

    def wait(self, signal: Signal, seconds: float) -> bool:
        """Wait like a :class:`VirtualClock`."""
        self.advance(MOMENT if signal.is_set() else 0.0)
        return super().wait(signal, seconds)


class SpottyRenderer(JsonRenderer):
    """Renders every file that can be rendered, and then says which could not."""

    def render(self, ctx: Context, tree: Tree) -> Iterable[Resource]:
        """Yield what is well; ManifestError for the rest."""
        broken = [path for path, file in tree.files.items() if tree.read(file) == HALF.encode()]
        whole = {path: file for path, file in tree.files.items() if path not in broken}
        yield from super().render(ctx, Tree(tree.digest, tree.revision, lambda: whole, tree.read))
        if broken:
            raise ManifestError("half a document", origin=Origin(path=broken[0], line=1))

"""The exact line of one field, for the violation or diff that is about it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

import attrs

from gitops_core.model.resources import Origin, Resource
from gitops_core.model.revisions import File, Tree
from gitops_core.renderers.manifests.documents import positions
from gitops_core.renderers.manifests.objects import find_field, is_json
from gitops_core.renderers.manifests.positions import Positions
from gitops_core.renderers.manifests.problems import Problem

_REMEMBERED: Final = 8  # files whose positions are kept, because violations come in bunches


def locate(tree: Tree, resource: Resource, pointer: str = "") -> Origin:
    """
    Return where the field *pointer* of *resource* stands in *tree*: file, line and column, with the revision filled in.

    A field that is not written there itself (it came from a merge, or is missing) stands where its nearest parent does; when
    *tree* has no such file, or holds another version of it that cannot be read, the origin of the object is returned.

    Args:
        tree: That *resource* was rendered from.
        resource: With its origin.
        pointer: JSON Pointer from the root of the object; empty for the object.

    Cost: reads and parses the file. :meth:`ManifestsRenderer.locate` does it once for several fields.
    """
    return Locator().locate(tree, resource, pointer)


class Locator:
    """Locates fields, and remembers the positions in the last few files; never their content. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[File, list[Positions]] = OrderedDict()

    def locate(self, tree: Tree, resource: Resource, pointer: str = "") -> Origin:
        """Do what :func:`locate` does."""
        origin = attrs.evolve(resource.origin, revision=tree.revision.id)
        file = tree.files.get(origin.path)
        documents = self._positions(tree, file) if file is not None else []
        if origin.document >= len(documents):
            return origin
        line, column = find_field(documents[origin.document], origin, pointer)
        return attrs.evolve(origin, line=line, column=column)

    def _positions(self, tree: Tree, file: File) -> list[Positions]:
        with self._lock:
            found = self._known.get(file)
        if found is None:
            found = _read(tree, file)
        with self._lock:
            self._known[file] = found
            self._known.move_to_end(file)
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return found


def _read(tree: Tree, file: File) -> list[Positions]:
    try:
        return positions(tree.read(file), is_json=is_json(file.path))
    except Problem:
        return []  # another version of the file than the one that was rendered, and a broken one

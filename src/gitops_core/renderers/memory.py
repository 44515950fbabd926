"""Resources that are there already: for tests, and for embedders who make them in Python."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from gitops_core.errors import ConfigError
from gitops_core.interfaces import Context, Renderer
from gitops_core.model.resources import Origin, Resource
from gitops_core.model.revisions import Tree
from gitops_core.model.secrets import KUBERNETES_SECRET, is_wrapped, wrap
from gitops_core.model.values import Body, FrozenDict, digest, freeze
from gitops_core.renderers.yielded import Keys, as_resource


class MemoryRenderer(Renderer):
    """
    Yields the same objects whatever the tree holds; their origin is document 0, 1, 2 ... of ``memory``.

    The objects are copied and frozen at once. The fingerprint is their digest, and empty when they hold a secret, for the
    digest of a weak secret could be guessed back.

    Args:
        objects: Bodies with a kind and a name. Shape: 0..n.

    Raises:
        ConfigError: One of *objects* is no mapping, or holds a value that JSON does not have. STALL.
    """

    def __init__(self, objects: Iterable[Body]) -> None:
        self._bodies = tuple(_frozen(number, body) for number, body in enumerate(objects))
        self._fingerprint = _fingerprint(self._bodies)
        self._rendered: tuple[tuple[bytes, str], tuple[Resource, ...]] | None = None

    @property
    def fingerprint(self) -> str:
        """``memory:`` and the digest of the objects, or empty."""
        return self._fingerprint

    def render(self, ctx: Context, tree: Tree) -> Iterator[Resource]:
        """
        Yield the objects, in the order they were given; digests are computed once.

        Raises:
            ManifestError: An object has no kind or no name. STALL.
            DuplicateResource: Two objects have one key. STALL.
        """
        ctx.check()
        rendered, place = self._rendered, (ctx.salt, tree.revision.source)
        if rendered is None or rendered[0] != place:
            rendered = self._rendered = (place, tuple(self._resources(ctx, tree.revision.source)))
        yield from rendered[1]

    def _resources(self, ctx: Context, source: str) -> Iterator[Resource]:
        keys = Keys()
        for number, body in enumerate(self._bodies):
            resource = as_resource(ctx, body, Origin(source, path="memory", document=number))
            keys.add(resource)
            yield resource


def _frozen(number: int, body: Body) -> FrozenDict:
    if not isinstance(body, Mapping):
        raise ConfigError(f"object {number} is of type {type(body).__name__}; MemoryRenderer takes mappings")
    try:
        frozen: FrozenDict = freeze(body)
    except TypeError as error:
        raise ConfigError(f"object {number}: {error}") from None
    return frozen


def _fingerprint(bodies: tuple[FrozenDict, ...]) -> str:
    hides = any(is_wrapped(wrap(body, KUBERNETES_SECRET)) for body in bodies if body.get("kind") == "Secret")
    return "" if hides or is_wrapped(bodies) else f"memory:{digest(bodies)}"

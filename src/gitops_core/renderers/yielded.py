"""What code of yours hands over, made into resources, or refused with its place in the sequence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from gitops_core.errors import DuplicateResource, ManifestError, RenderError
from gitops_core.interfaces import Context
from gitops_core.model.resources import Origin, Resource, ResourceKey


def as_resource(ctx: Context, item: object, origin: Origin) -> Resource:
    """
    Return the resource that *item* means: a ``Resource`` as it is, a body at *origin*, or a (body, origin) pair.

    An origin of a pair that names no source gets the one of *origin*.

    Raises:
        ManifestError: A body without an identity, or with a value that JSON does not have. STALL.
        RenderError: Neither of the three; the message names the type of what was found. STALL.
    """
    match item:
        case Resource():
            return item
        case Mapping():
            return _resource(ctx, item, origin)
        case (Mapping() as body, Origin() as own):
            return _resource(ctx, body, own if own.source else attrs.evolve(own, source=origin.source))
    wanted = "a body (a mapping), a (body, Origin) pair or a Resource"
    raise RenderError(f"item {origin.document} is {_described(item)}; it must be {wanted}", origin=origin)


def _resource(ctx: Context, body: Mapping[str, Any], origin: Origin) -> Resource:
    try:
        return Resource.of(body, origin, salt=ctx.salt)
    except (TypeError, ValueError) as error:  # both say what is wrong without quoting a value
        raise ManifestError(f"item {origin.document}: {error}", origin=origin) from None


def _described(item: object) -> str:
    if isinstance(item, tuple):
        return f"a tuple of ({', '.join(type(part).__name__ for part in item)})"
    return f"of type {type(item).__name__}"


class Keys:
    """The keys of one render so far."""

    def __init__(self) -> None:
        self._seen: dict[ResourceKey, Origin] = {}

    def add(self, resource: Resource) -> None:
        """
        Add the key of *resource*.

        Raises:
            DuplicateResource: It was there already. STALL.
        """
        before = self._seen.setdefault(resource.key, resource.origin)
        if before is not resource.origin:
            message = f"declared twice: first in {before}, document {before.document}; remove or rename one of them"
            raise DuplicateResource(message, key=resource.key, origin=resource.origin)

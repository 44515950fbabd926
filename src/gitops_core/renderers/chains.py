"""What a transform is, and a chain of them at work on one object."""

from __future__ import annotations

import abc
import functools
from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs

from gitops_core.errors import RenderError
from gitops_core.model.pointers import Patterns
from gitops_core.model.resources import Origin, Resource, ResourceKey, key_of
from gitops_core.model.secrets import is_wrapped, wrap
from gitops_core.model.values import Body, FrozenDict, Sensitive, digest

Facts = tuple[str, ...]
"""What a transform knows about a whole render, sorted."""


class Transform(abc.ABC):
    """
    One change to some objects of a render. Pure: equal inputs give equal outputs.

    A transform of your own overrides :meth:`apply`, and :attr:`fingerprint` if what it makes may be remembered.
    """

    @property
    def fingerprint(self) -> str:
        """Identity, version and options as one text, without secrets; empty: never remembered."""
        return ""

    @property
    def is_required(self) -> bool:
        """To be about nothing at all is an error."""
        return False

    def survey(self, resources: Sequence[Resource]) -> Facts:  # noqa: ARG002  # why: most transforms need no overview
        """Return, sorted, what :meth:`apply` must know about the whole render, as it is before the first transform."""
        return ()

    @abc.abstractmethod
    def apply(self, resource: Resource, facts: Facts) -> Body | None:
        """
        Return the new body of *resource*, or None when this is not about it. Touch ``resource.body`` only if needed.

        Args:
            resource: As the transforms before left it. Its body is frozen; ``thaw`` gives a copy that may be changed.
            facts: What :meth:`survey` returned.

        Raises:
            RenderError: It cannot be done; key and origin are filled in.
        """


def signed(transform: Transform, *options: Any) -> str:
    """Return the fingerprint of *transform*: its class, the version of its behaviour, and a digest of its options."""
    return f"{type(transform).__name__}/1:{digest(options)}"


@attrs.frozen
class Made:
    """What became of one object; its body is None when nothing did, and when it comes from memory."""

    key: ResourceKey
    digest: str
    applied: tuple[int, ...]
    body: FrozenDict | None = attrs.field(default=None, repr=False)

    def lean(self) -> Made:
        """Return this without its body."""
        return Made(self.key, self.digest, self.applied)

    def as_resource(self, before: Resource, chain: Chain) -> Resource:
        """Return what *before* became: itself, or a resource that has its body or makes it when it is touched."""
        if not self.applied:
            return before
        body = self.body
        return Resource(self.key, self.digest, before.origin, (lambda: chain.body(before)) if body is None else (lambda: body))


@attrs.frozen
class Chain:
    """The transforms of one render, each with what it knows about the whole."""

    steps: tuple[tuple[Transform, Facts], ...]
    salt: bytes = attrs.field(repr=False)

    def run(self, resource: Resource) -> Made:
        """
        Return what becomes of *resource*.

        Raises:
            RenderError: Of a transform, with the object and its place.
        """
        current = resource.with_loader(functools.cache(lambda: resource.body))
        applied = []
        for number, (transform, facts) in enumerate(self.steps):
            try:
                body = transform.apply(current, facts)
                current = current if body is None else _successor(current, body, self.salt)
            except RenderError as error:
                error.key = error.key or resource.key
                error.origin = error.origin if error.origin != Origin() else resource.origin
                raise
            if body is not None:
                applied.append(number)
        return Made(current.key, current.digest, tuple(applied), current.body if applied else None)

    def body(self, resource: Resource) -> FrozenDict:
        """Return the body of what becomes of *resource*."""
        made = self.run(resource).body
        return resource.body if made is None else made


def _successor(before: Resource, body: Body, salt: bytes) -> Resource:
    was = before.body
    now = _still_wrapped(was, body) if is_wrapped(was) else body
    try:
        return Resource.of(now, before.origin, key=_key_after(before.key, was, now), salt=salt)
    except (TypeError, ValueError) as error:  # both say what is wrong without quoting a value
        raise RenderError(f"what a transform made of it is no object: {error}") from None


def _key_after(key: ResourceKey, was: Body, now: Body) -> ResourceKey:
    """Follow a new name or namespace, unless the renderer had named the object by rules of its own."""
    try:
        is_own = key_of(was) != key
    except ValueError:
        is_own = True
    return key if is_own else key_of(now)


def _still_wrapped(was: Any, now: Any) -> Any:
    """Return *now* with everything wrapped that stands where *was* is: a patch does not know what is secret."""
    if isinstance(was, Sensitive):
        return wrap({"value": now}, _WRAP_VALUE)["value"]
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        return {name: _still_wrapped(was.get(name), value) for name, value in now.items()}
    if isinstance(was, list) and isinstance(now, list):
        return [_still_wrapped(was[i] if i < len(was) else None, value) for i, value in enumerate(now)]
    return now


_WRAP_VALUE: Final = Patterns({"/value"})

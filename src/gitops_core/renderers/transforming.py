"""The machinery behind :mod:`gitops_core.renderers.transforms`: run a chain of changes, and remember what it made."""

from __future__ import annotations

import abc
import functools
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any, Final

import attrs

from gitops_core.errors import RenderError
from gitops_core.interfaces import Context, Renderer
from gitops_core.model.pointers import Patterns
from gitops_core.model.resources import Origin, Resource, ResourceKey, key_of
from gitops_core.model.revisions import Tree
from gitops_core.model.secrets import is_wrapped, wrap
from gitops_core.model.values import Body, FrozenDict, Sensitive, digest
from gitops_core.renderers.remembering import Remembered
from gitops_core.renderers.yielded import Keys

_REMEMBERED: Final = 65_536  # answers of about half a kilobyte each


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

    def survey(self, resources: Sequence[Resource]) -> Hashable:  # noqa: ARG002  # why: most transforms need no overview
        """Return what :meth:`apply` must know about the whole render, as it is before the first transform."""
        return None

    @abc.abstractmethod
    def apply(self, resource: Resource, facts: Any) -> Body | None:
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


class Transformed(Renderer):
    """
    A renderer, and what happens to everything it yields.

    Lean: what became of an object is remembered as key and digest, by the digest of the object, and its body is made again
    when it is touched. Nobody decodes an unchanged object.

    Args:
        renderer: Any renderer. Closed with this one.
        transforms: In the order in which they run, each on what the one before made.
    """

    def __init__(self, renderer: Renderer, *transforms: Transform) -> None:
        self._renderer = renderer
        self._transforms = transforms
        self._remembered: Remembered[Hashable, _Made] = Remembered(_REMEMBERED)
        self._may_remember = all(transform.fingerprint for transform in transforms)

    @property
    def name(self) -> str:
        """The inner renderer's: messages are about its files."""
        return self._renderer.name

    @property
    def fingerprint(self) -> str:
        """The inner renderer's and every transform's; empty when one of them is."""
        parts = [self._renderer.fingerprint, *(transform.fingerprint for transform in self._transforms)]
        return " | ".join(parts) if all(parts) else ""

    def render(self, ctx: Context, tree: Tree) -> Iterator[Resource]:
        """
        Yield the transformed resources in the inner renderer's order.

        Raises:
            RenderError: A transform failed, or a required one was about nothing. STALL.
            DuplicateResource: Two objects have one key now. STALL.
            ExceptionGroup: Several problems, after everything that could be made.
        """
        found, problems = _collected(self._renderer, ctx, tree)
        chain = _Chain(tuple((transform, transform.survey(found)) for transform in self._transforms), ctx.salt)
        applied, keys = set[int](), Keys()
        for before in found:
            ctx.check()
            try:
                made = self._made(ctx, chain, before)
                applied.update(made.applied)
                resource = made.as_resource(before, chain)
                keys.add(resource)
            except RenderError as error:
                problems.append(error)
                continue
            yield resource
        if not problems:  # else the object that a transform is about may be among those that are missing
            problems.extend(self._idle(applied, len(found)))
        if problems:
            raise problems[0] if len(problems) == 1 else ExceptionGroup(f"{len(problems)} problems in this render", problems)

    def _made(self, ctx: Context, chain: _Chain, resource: Resource) -> _Made:
        question = (resource.key, resource.digest, chain.salt, chain.facts)
        made = self._remembered.get(question)
        if made is None:
            ctx.count("resources_transformed", 1)
            made = chain.run(resource)
            if self._may_remember:
                self._remembered.put(question, attrs.evolve(made, body=None))
        return made

    def _idle(self, applied: set[int], count: int) -> Iterator[RenderError]:
        for number, transform in enumerate(self._transforms):
            if transform.is_required and number not in applied:
                yield RenderError(f"{transform} is about none of the {count} objects; mend its selector, or make it optional")

    def locate(self, tree: Tree, resource: Resource, pointer: str) -> Origin:
        """Ask the inner renderer; what a transform has added stands where the nearest field of the file does."""
        return self._renderer.locate(tree, resource, pointer)

    def close(self) -> None:
        """Close the inner renderer."""
        self._renderer.close()


def _collected(renderer: Renderer, ctx: Context, tree: Tree) -> tuple[list[Resource], list[Exception]]:
    """Return what *renderer* yields, and what it raised after that: a partial render is transformed, too."""
    found: list[Resource] = []
    try:
        found.extend(renderer.render(ctx, tree))
    except RenderError as error:
        return found, [error]
    except ExceptionGroup as group:
        return found, list(group.exceptions)
    return found, []


@attrs.frozen
class _Made:
    """What became of one object; its body is None when nothing did, and when it comes from memory."""

    key: ResourceKey
    digest: str
    applied: tuple[int, ...]
    body: FrozenDict | None = attrs.field(default=None, repr=False)

    def as_resource(self, before: Resource, chain: _Chain) -> Resource:
        if not self.applied:
            return before
        body = self.body
        return Resource(self.key, self.digest, before.origin, (lambda: chain.body(before)) if body is None else (lambda: body))


@attrs.frozen
class _Chain:
    """The transforms of one render, each with what it knows about the whole."""

    steps: tuple[tuple[Transform, Hashable], ...]
    salt: bytes = attrs.field(repr=False)

    @property
    def facts(self) -> tuple[Hashable, ...]:
        return tuple(facts for _, facts in self.steps)

    def run(self, resource: Resource) -> _Made:
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
        return _Made(current.key, current.digest, tuple(applied), current.body if applied else None)

    def body(self, resource: Resource) -> FrozenDict:
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

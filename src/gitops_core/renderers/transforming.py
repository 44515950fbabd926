"""A renderer around a renderer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gitops_core.errors import RenderError
from gitops_core.interfaces import Context, Renderer
from gitops_core.model.resources import Origin, Resource
from gitops_core.model.revisions import Tree
from gitops_core.renderers.answers import Answers
from gitops_core.renderers.chains import Chain, Transform
from gitops_core.renderers.yielded import Keys

_CHECK_EVERY: Final = 64  # objects between two looks at the cancel signal


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
        self._answers = Answers(tuple(transform.fingerprint for transform in transforms))

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
        facts = tuple(transform.survey(found) for transform in self._transforms)
        chain = Chain(tuple(zip(self._transforms, facts, strict=True)), ctx.salt)
        book = self._answers.open(ctx, facts)
        applied, keys = set[int](), Keys()
        for number, before in enumerate(found):
            if number % _CHECK_EVERY == 0:
                ctx.check()
            try:
                made = book.get(before) or book.put(before, chain.run(before))
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
        book.save(found)

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

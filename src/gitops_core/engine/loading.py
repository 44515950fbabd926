"""Resolve, fetch, render: from a reference to the resources it declares."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

import attrs

from gitops_core.engine.calls import Call, completed, translated
from gitops_core.engine.keeping import kept
from gitops_core.engine.passes import Pass
from gitops_core.errors import DuplicateResource, GitOpsError, ManifestError, PluginError, RenderError
from gitops_core.interfaces import Target, capabilities
from gitops_core.model.events import EventType
from gitops_core.model.pointers import Patterns
from gitops_core.model.resources import Origin, Resource, ResourceKey, as_key
from gitops_core.model.revisions import Notice, Revision, Tree
from gitops_core.model.secrets import wrap
from gitops_core.model.values import FrozenDict, digest

_MOST_PROBLEMS: Final = 100
_Place = tuple[Origin, ResourceKey, str]
T = TypeVar("T")


@attrs.frozen
class Desired:
    """
    What a revision declares.

    Attributes:
        revision: With author and message, as far as the source knows them.
        tree: The files it came from.
        resources: Sorted by key, unique, keys as the target spells them.
        error: What kept the render from being complete; with it nothing is pruned.
    """

    revision: Revision
    tree: Tree
    resources: tuple[Resource, ...]
    error: GitOpsError | None = None


def resolve(p: Pass) -> Revision:
    """Return what the source's reference names now."""
    source = p.app.source
    revision = p.call(Call(source.name, "resolve"), lambda: _expect(source.resolve(p.ctx), Revision, source.name, "resolve"))
    p.events.emit(EventType.RESOLVED, f"{revision.ref or 'revision'} is {revision.id}", revision=revision.id)
    return revision


def fetch(p: Pass, revision: Revision) -> Tree:
    """Return the files of exactly *revision*; fetched once a pass, and what there is to say of them is said once."""
    known = p.trees.get(revision)
    if known is not None:
        return known
    source = p.app.source
    tree = p.call(Call(source.name, "fetch"), lambda: _expect(source.fetch(p.ctx, revision), Tree, source.name, "fetch"))
    for notice in tree.notices:
        p.ctx.notify(notice)
    p.trees[revision] = tree
    return tree


def render(p: Pass, tree: Tree) -> Desired:
    """
    Return what *tree* declares, checked and in the target's spelling.

    Raises:
        RenderError: Not all of it could be rendered, and the application does not allow a partial render.
    """
    found: list[Resource] = []
    error: GitOpsError | None = None
    _ = p.app.renderer.fingerprint  # what it may raise is raised now, not when everything has been written
    try:
        p.call(Call(p.app.renderer.name, "render"), lambda: _collect(p, tree, found))
    except RenderError as failed:
        if not p.app.options.allow_partial_render:
            raise
        found.extend(failed.rendered)
        error = failed
    with translated(Call(p.app.target.name, "render")):
        resources = _unique(sorted(_admitted(p, found), key=_key))
    if not resources and error is None:
        p.ctx.notify(
            Notice("nothing-declared", "the render declares no object; look at the source's path and at what is skipped")
        )
    p.events.emit(EventType.RENDERED, f"{len(resources)} resources", count=len(resources))
    return Desired(tree.revision, tree, resources, error)


def _collect(p: Pass, tree: Tree, found: list[Resource]) -> None:
    found.clear()  # a retry starts anew
    renderer = p.app.renderer
    rendered = renderer.render(p.ctx, tree)
    if not isinstance(rendered, Iterable):
        raise PluginError(f"{renderer.name}.render returned {type(rendered).__name__}, not resources", renderer.name)
    for resource in rendered:
        if not isinstance(resource, Resource):
            raise PluginError(f"{renderer.name}.render yielded {type(resource).__name__}, not a Resource", renderer.name)
        found.append(resource)


def _key(resource: Resource) -> ResourceKey:
    return resource.key


def _expect(value: object, kind: type[T], plugin: str, method: str) -> T:
    if isinstance(value, kind):
        return value
    raise PluginError(f"{plugin}.{method} returned {type(value).__name__}, not {kind.__name__}", plugin)


def _unique(resources: list[Resource]) -> tuple[Resource, ...]:
    """Return *resources*, which are sorted; DuplicateResource, or all of them in a RenderError, when a key comes twice."""
    problems: list[GitOpsError] = []
    for before, after in itertools.pairwise(resources):
        if before.key == after.key:
            message = f"declared twice: first in {before.origin}; remove or rename one of them"
            problems.append(DuplicateResource(message, key=after.key, origin=after.origin))
    if problems:
        raise ExceptionGroup("duplicates", problems[:_MOST_PROBLEMS])
    return tuple(resources)


# -- the target's spelling of keys, and the fields that it calls secret --------------------------------------------------


def _admitted(p: Pass, found: list[Resource]) -> list[Resource]:
    """
    Return *found* with the target's keys and with the fields it calls sensitive wrapped.

    Only a target that has such rules makes us look at bodies, and then once per declaration: the answers are kept by
    (place, digest) for as long as the target lives, for each application that uses it.
    """
    target = p.app.target
    if not {"key", "member"} & capabilities(target) and not _secret_fields(target):
        return found
    known: dict[_Place, Resource] = kept(target, f"admitted {p.app.id} {p.ctx.salt.hex()}", dict)
    fresh: dict[_Place, Resource] = {}
    admitted: list[Resource] = []
    problems: list[GitOpsError] = []
    for resource in found:
        place = (resource.origin, resource.key, resource.digest)
        try:
            fresh[place] = known.get(place) or _admit(p, resource)
            admitted.append(fresh[place])
        except GitOpsError as error:
            problems.append(completed(error, Call(target.name, "render", resource.key, resource.origin)))
    if problems:
        raise ExceptionGroup("keys", problems[:_MOST_PROBLEMS])
    known.clear()
    known.update(fresh)
    return admitted


def _admit(p: Pass, resource: Resource) -> Resource:
    body = resource.body
    target = p.app.target
    try:
        key = as_key(target.key(body))
    except ValueError as error:
        raise ManifestError(f"{target.name} finds no identity in it: {error}", key=resource.key, origin=resource.origin) from None
    patterns = _secret_fields(target.member(key))
    if not patterns:
        return Resource(key, resource.digest, resource.origin, lambda: resource.body)
    return Resource(key, digest(wrap(body, patterns), p.ctx.salt), resource.origin, _wrapping(resource, patterns))


def _wrapping(resource: Resource, patterns: Patterns) -> Callable[[], FrozenDict]:
    return lambda: wrap(resource.body, patterns)


def _secret_fields(target: Target) -> Patterns:
    return Patterns(target.fields.sensitive.patterns | target.fields.write_only.patterns)

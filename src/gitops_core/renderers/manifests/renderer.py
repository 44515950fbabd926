"""YAML and JSON files as they are: every document one resource."""

from __future__ import annotations

import hashlib
import hmac
import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NoReturn

import attrs

from gitops_core.collecting import paused_collector
from gitops_core.errors import CorruptObject, DuplicateResource, RenderError
from gitops_core.interfaces import Context, Renderer
from gitops_core.model.resources import Origin, Resource, ResourceKey
from gitops_core.model.revisions import File, Notice, Tree
from gitops_core.model.values import FrozenDict
from gitops_core.renderers.manifests.loader import Ambiguity
from gitops_core.renderers.manifests.locating import Locator
from gitops_core.renderers.manifests.memo import Binding, Bodies, Entry, Render, Renders, Store, based_on
from gitops_core.renderers.manifests.objects import Decoded, decode_file
from gitops_core.renderers.manifests.skipping import EXTENSIONS, TOOL_FILES, SkipRule

VERSION: Final = 1
"""Part of the fingerprint: raised when equal files would give other resources than before."""

MAX_ERRORS: Final = 100
"""Errors of one render that are reported together; the rest is found when these are mended."""

MAX_NOTICES: Final = 100
"""Notices of one render; a last one says how many were left out."""

_NOTICES_PER_FILE: Final = 10
_CHECK_EVERY: Final = 512  # files between two looks at the cancel signal while nothing is decoded
_AHEAD: Final = 128 * 1024  # bytes of files that are held before they are decoded: some hundred of usual size
_NEW: Final = object()


class ManifestsRenderer(Renderer):
    """
    Renders a tree of Kubernetes-style manifests: each YAML or JSON document is one resource, ``List`` kinds are expanded.

    Scalars mean what they mean to ``kubectl``. Files of other tools are left out by a visible rule
    (:data:`~gitops_core.renderers.manifests.TOOL_FILES`) with a notice; files with other extensions are ignored; everything
    else must be objects with a kind and a name. Decoded files are remembered by their digest, in memory as lean resources and in
    the state store as digests, so that a pass decodes what changed and a new process nothing. Safe between threads; may be shared.

    Args:
        skip: Patterns of paths to leave out; replaces the default.
        extensions: Of the files to read; what ends in ``.json`` is read as JSON, the rest as YAML or JSON.

    Raises:
        ConfigError: One text where several are expected. STALL.
    """

    def __init__(self, *, skip: Iterable[str] = TOOL_FILES, extensions: Iterable[str] = EXTENSIONS) -> None:
        self._rule = SkipRule(skip, extensions)
        options = repr((sorted(set(self._rule.skip)), sorted(set(self._rule.extensions))))
        self._fingerprint = f"manifests/{VERSION}/{hashlib.sha256(options.encode()).hexdigest()[:16]}"
        self._renders = Renders()
        self._bodies = Bodies(_decode_again)
        self._locator = Locator()

    @property
    def fingerprint(self) -> str:
        """``manifests/VERSION/DIGEST-OF-THE-OPTIONS``."""
        return self._fingerprint

    def render(self, ctx: Context, tree: Tree) -> tuple[Resource, ...]:
        """
        Return every resource in *tree*, in the order of paths and documents.

        Reports notices ``ambiguous-scalar`` and ``skipped-file``, at most :data:`MAX_NOTICES`. Counts ``documents_decoded``: files
        that were decoded, now or later, when a body is touched.

        Raises:
            ManifestError: A file is broken, or an object has no kind or name. STALL.
            DuplicateResource: Two objects with one key. STALL.
            ExceptionGroup: Several of these, at most :data:`MAX_ERRORS`.
            SourceError: A file cannot be read.

        Cost: one decode per changed file, and some microseconds for each other file.
        """
        binding = Binding(tree, ctx.salt, ctx.count, self._bodies)
        space = (tree.revision.source, _salt_id(ctx.salt))
        known = self._renders.get(space, tree.digest)
        if known is None or not known.is_complete:
            return self._render(ctx, binding, space)
        entries = list(filter(None, known.files.values()))
        for entry in entries:
            entry.binding = binding
        _report(ctx, known.files)
        return tuple(itertools.chain.from_iterable([entry.resources for entry in entries]))

    def _render(self, ctx: Context, binding: Binding, space: tuple[str, str]) -> tuple[Resource, ...]:
        tree = binding.tree
        store = Store(ctx.memo, (self._fingerprint, *space), ctx.application)
        previous = self._renders.latest(space, ctx.application) or store.load(tree.digest, binding)
        work = _Work(ctx, binding, self._rule, previous or Render("", {}))
        with paused_collector():
            work.run()
        errors = [*work.errors, *(_duplicates(work.resources, tree) if work.has_new_keys else ())]
        render = _remembered(previous, work, complete=not errors)
        self._renders.put(space, ctx.application, render)
        if errors:
            errors[0].rendered = _sound(work.resources, errors)
            _refuse(errors)
        if previous is None or previous.digest != render.digest:
            store.save(render)
        _report(ctx, render.files)
        return tuple(work.resources)

    def locate(self, tree: Tree, resource: Resource, pointer: str = "") -> Origin:
        """Return file, line and column of a field, as :func:`gitops_core.renderers.manifests.locate` does, parsing each file once."""
        return self._locator.locate(tree, resource, pointer)


class _Work:
    """One render: takes from the previous one what is still right, and decodes the rest."""

    def __init__(self, ctx: Context, binding: Binding, rule: SkipRule, previous: Render) -> None:
        self.ctx = ctx
        self.binding = binding
        self.rule = rule
        self.previous = previous.files
        self.has_new_keys = not previous.is_complete  # without new keys there are no new duplicates
        self.files: dict[str, Entry | None] = {}
        self.new: dict[str, File] = {}  # what has not been decoded
        self.decoded: dict[str, tuple[Resource, ...]] = {}  # with their bodies, for this pass
        self.resources: list[Resource] = []
        self.errors: list[RenderError] = []
        self.changed: set[str] = set()

    def run(self) -> None:
        self._sort_out()
        new = list(self.new.values())
        for file, text in zip(new, self._read_ahead(new), strict=True):
            self._decode(file, text)
            if len(self.errors) > MAX_ERRORS:
                break
        if self.new:
            self.files = {path: entry for path, entry in self.files.items() if path not in self.new}
        self.changed |= self.previous.keys() - self.files.keys()
        for path, entry in self.files.items():
            if entry is not None:
                self.resources += self.decoded.get(path, entry.resources)

    def _sort_out(self) -> None:
        """Take over what is known, and find what is new. One tight loop on purpose: it runs for every file."""
        binding, previous, files = self.binding, self.previous, self.files
        for number, (path, file) in enumerate(sorted(binding.tree.files.items())):
            if number % _CHECK_EVERY == 0:
                self.ctx.check()
            known: Any = previous.get(path, _NEW)
            if known is None:
                files[path] = None
            elif known is not _NEW and known.digest == file.digest:
                known.binding = binding
                files[path] = known
            elif self.rule.is_manifest(path):
                self.changed.add(path)
                files[path] = None  # it keeps the place
                if not self.rule.is_skipped(path):
                    self.new[path] = file

    def _read_ahead(self, files: Iterable[File]) -> Iterator[bytes]:
        """Yield the bytes of *files*, small ones read together: reading one between two decodes takes half as long again."""
        texts: list[bytes] = []
        size = 0
        for file in files:
            self.ctx.check()
            texts.append(self.binding.tree.read(file))
            size += len(texts[-1])
            if size >= _AHEAD:
                yield from texts
                texts, size = [], 0
        yield from texts

    def _decode(self, file: File, text: bytes) -> None:
        decoded = _decoded(self.binding, file, text)
        if decoded.errors:
            self._refuse(decoded.errors)
            return
        entry = Entry(file.path, file.digest, _warnings(decoded.ambiguities, file.path), self.binding)
        self.files[file.path] = entry.fill((r.key, r.digest, r.origin) for r in decoded.resources)
        before = self.previous.get(file.path)
        self.has_new_keys |= before is None or [r.key for r in before.resources] != [r.key for r in entry.resources]
        self.decoded[file.path] = decoded.resources
        del self.new[file.path]

    def _refuse(self, errors: Iterable[RenderError]) -> None:
        for error in errors:
            error.origin = attrs.evolve(error.origin, revision=self.binding.tree.revision.id)
            self.errors.append(error)


def _decoded(binding: Binding, file: File, text: bytes) -> Decoded:
    binding.count("documents_decoded", 1)
    return decode_file(text, Origin(source=binding.tree.revision.source, path=file.path), binding.salt)


def _decode_again(binding: Binding, file: File) -> tuple[FrozenDict, ...]:
    decoded = _decoded(binding, file, binding.tree.read(file))
    if decoded.errors:  # it was decoded before, so the tree gave us other bytes under the same digest
        raise CorruptObject(f"{file.path} is not what it was under the same digest {file.digest}; fetch it again")
    return tuple(resource.body for resource in decoded.resources)


def _remembered(previous: Render | None, work: _Work, *, complete: bool) -> Render:
    tree = work.binding.tree
    if not complete:  # good files are not decoded again, but nobody may take this for a render
        known = previous or Render("", {})
        return Render(tree.digest, {**known.files, **work.files}, known.base, known.changed | work.changed)
    return Render(tree.digest, work.files, *based_on(previous, tree.digest, frozenset(work.changed)), is_complete=True)


def _duplicates(resources: list[Resource], tree: Tree) -> list[RenderError]:
    if len({resource.key for resource in resources}) == len(resources):
        return []
    first: dict[ResourceKey, Resource] = {}
    errors: list[RenderError] = []
    for resource in resources:
        before = first.setdefault(resource.key, resource)
        if before is not resource:
            message = f"declared in {before.origin} already; remove one of the two, or give one another name or namespace"
            origin = attrs.evolve(resource.origin, revision=tree.revision.id)
            errors.append(DuplicateResource(message, key=resource.key, origin=origin))
    return errors


def _sound(resources: list[Resource], errors: list[RenderError]) -> tuple[Resource, ...]:
    """Return what rendered all the same, without objects that are declared twice: nobody knows which one is meant."""
    twice = {error.key for error in errors if isinstance(error, DuplicateResource)}
    return tuple(resource for resource in resources if resource.key not in twice)


def _refuse(errors: list[RenderError]) -> NoReturn:
    if len(errors) == 1:
        raise errors[0]
    first = "the first " if len(errors) > MAX_ERRORS else ""
    raise ExceptionGroup(f"{first}{min(len(errors), MAX_ERRORS)} problems in the manifests", errors[:MAX_ERRORS])


def _warnings(ambiguities: tuple[Ambiguity, ...], path: str) -> tuple[Notice, ...]:
    shown = [
        Notice("ambiguous-scalar", f"{found.meaning}; quote it if it is text, or write it plainly", path, found.line)
        for found in ambiguities[:_NOTICES_PER_FILE]
    ]
    if len(ambiguities) > _NOTICES_PER_FILE:
        more = len(ambiguities) - _NOTICES_PER_FILE
        shown.append(Notice("ambiguous-scalar", f"{more} more ambiguous scalars", path, ambiguities[_NOTICES_PER_FILE].line))
    return tuple(shown)


def _report(ctx: Context, files: Mapping[str, Entry | None]) -> None:
    notices = [notice for path, entry in files.items() if not entry or entry.notices for notice in _notices(path, entry)]
    for notice in notices[:MAX_NOTICES]:
        ctx.notify(notice)
    if len(notices) > MAX_NOTICES:
        ctx.notify(Notice("more-notices", f"{len(notices) - MAX_NOTICES} more notices about the manifests were left out"))


def _notices(path: str, entry: Entry | None) -> tuple[Notice, ...]:
    return entry.notices if entry else (Notice("skipped-file", "left out by a skip pattern of the renderer", path),)


def _salt_id(salt: bytes) -> str:
    return hmac.new(salt, b"manifests", hashlib.sha256).hexdigest()[:16]

"""
What every :class:`~gitops_core.interfaces.Renderer` promises, as tests to subclass::

    class TestMyRenderer(RendererContract):
        def make_renderer(self):
            return MyRenderer()

        files = {"a.conf": b"..."}            # declares two objects or more
        broken = {"b.conf": b"..."}           # cannot be rendered
        duplicate = {"c.conf": b"..."}        # together with files: declares one of their objects once more
        secret = {"d.conf": b"... CANARY"}    # cannot be rendered, and holds the text of CANARY
"""
# ruff: noqa: S101  # why: a contract suite is made of assertions, and pytest runs it

from __future__ import annotations

import hashlib
import threading
import traceback
from collections.abc import Iterator, Mapping
from typing import ClassVar

import pytest

from gitops_core.errors import Cancelled, DuplicateResource, RenderError
from gitops_core.interfaces import Renderer
from gitops_core.model.resources import Resource
from gitops_core.model.revisions import File, Revision, Tree
from gitops_core.model.values import FrozenDict
from gitops_core.testing.contexts import make_context
from gitops_core.testing.promises import Layer, check

CANARY = "canary-7f3a9c"
"""A secret that must never be seen; put it into :attr:`RendererContract.secret`."""


def make_tree(files: Mapping[str, bytes], *, source: str = "memory", is_reversed: bool = False) -> Tree:
    """
    Return a tree of *files*, content-addressed like a real one.

    Args:
        files: Content by path.
        source: ``Revision.source``.
        is_reversed: List the files last to first, as no source should.
    """
    listing = {path: File(path, hashlib.sha256(files[path]).hexdigest()) for path in sorted(files, reverse=is_reversed)}
    identity = hashlib.sha256(repr(sorted((file.path, file.digest) for file in listing.values())).encode()).hexdigest()
    return Tree(identity, Revision(identity, source=source), lambda: listing, lambda file: files[file.path])


class RendererContract:
    """
    The suite. Each check is one promise; its message says which one broke, why it matters and how to mend it.

    Attributes:
        files: Content by path; declares two objects or more.
        broken: Content by path; cannot be rendered. Empty to leave the checks about it out.
        duplicate: Content by path; with *files*, declares one of their objects a second time. Empty to leave the check out.
        secret: Content by path; cannot be rendered, and holds :data:`CANARY`. Empty to leave the check out.
    """

    files: ClassVar[Mapping[str, bytes]]
    broken: ClassVar[Mapping[str, bytes]] = {}
    duplicate: ClassVar[Mapping[str, bytes]] = {}
    secret: ClassVar[Mapping[str, bytes]] = {}

    def make_renderer(self) -> Renderer:
        """Return a renderer in its usual configuration; a new one each time."""
        raise NotImplementedError

    def make_other_renderer(self) -> Renderer | None:
        """Return one with other options, of which the output may depend; None when there are no options."""
        return None

    @pytest.fixture
    def renderer(self) -> Iterator[Renderer]:
        """A renderer, closed after the test."""
        with self.make_renderer() as renderer:
            yield renderer

    @check(
        Layer.PURE,
        why="The other checks would prove nothing.",
        cure="Put files that declare two objects or more into the class attribute files.",
    )
    def test_renders_what_is_declared(self, renderer: Renderer) -> None:
        """The example files give at least two resources."""
        found = self._render(renderer, make_tree(self.files))
        assert len(found) > 1, f"files gave {len(found)} resources"

    @check(
        Layer.PURE,
        why="Digests decide what is changed, so every pass would write something.",
        cure="Leave time, random numbers, the environment and the order of sets out of the output.",
    )
    def test_renders_the_same_twice(self, renderer: Renderer) -> None:
        """Equal trees give equal keys, digests and origins, from one renderer and from another."""
        first, again = self._render(renderer, make_tree(self.files)), self._render(renderer, make_tree(self.files))
        with self.make_renderer() as fresh:
            other = self._render(fresh, make_tree(self.files))
        assert first == again == other, "Two renders of one tree differ"

    @check(
        Layer.PURE,
        why="A render that depends on the order breaks with the next source.",
        cure="Go through sorted(tree.files).",
    )
    def test_order_of_the_listing_does_not_matter(self, renderer: Renderer) -> None:
        """A tree that lists its files the other way round renders to the same objects."""
        with self.make_renderer() as fresh:
            backwards = self._render(fresh, make_tree(self.files, is_reversed=True))
        assert sorted(self._render(renderer, make_tree(self.files)), key=_order) == sorted(backwards, key=_order), (
            "Another order of the files gives other objects"
        )

    @check(
        Layer.PURE,
        why="Plans, errors and explanations would point nowhere.",
        cure="Give each Resource.of an Origin(source=tree.revision.source, path=...).",
    )
    def test_every_resource_has_an_origin(self, renderer: Renderer) -> None:
        """Each resource says from which file of the tree it comes, and from which source."""
        tree = make_tree(self.files, source="https://example.org/repository")
        lost = [
            r for r in self._render(renderer, tree) if r.origin.path not in tree.files or r.origin.source != tree.revision.source
        ]
        assert not lost, f"{lost} have no origin, or one that the tree does not hold"

    @check(
        Layer.PURE,
        why="Policies share bodies; and what is written would not be what was compared.",
        cure="Make resources with Resource.of(body, origin, salt=ctx.salt).",
    )
    def test_bodies_are_frozen_and_match(self, renderer: Renderer) -> None:
        """A body is deep-frozen, and making a resource of it again gives the same digest."""
        ctx = make_context()
        for resource in renderer.render(ctx, make_tree(self.files)):
            again = Resource.of(resource.body, resource.origin, key=resource.key, salt=ctx.salt)
            assert isinstance(resource.body, FrozenDict), f"the body of {resource.key} can be changed"
            assert again.digest == resource.digest, f"the digest of {resource.key} is not its body's"

    @check(
        Layer.PURE,
        why="Digests of secrets are keyed by ctx.salt: every secret would look changed.",
        cure="Make ctx.salt part of every memo's key.",
    )
    def test_salt_keys_the_digests(self, renderer: Renderer) -> None:
        """A renderer that remembers does not hand the digests of one state store to another."""
        tree = make_tree(self.files)
        one = self._render(renderer, tree)
        list(renderer.render(make_context(salt=b"another"), tree))
        assert self._render(renderer, tree) == one, "After a render with another salt the first one's digests changed"

    @check(
        Layer.PURE,
        why="Trees are shared between applications.",
        cure="Copy before you change.",
    )
    def test_does_not_change_the_tree(self, renderer: Renderer) -> None:
        """The listing of a tree is the same after a render."""
        tree = make_tree(self.files)
        before = dict(tree.files)
        self._render(renderer, tree)
        assert dict(tree.files) == before, "The render changed the tree's listing, which others share"

    @check(
        Layer.PURE,
        why="The engine guards against an empty render; it must be able to see one.",
        cure="Yield nothing for an empty tree.",
    )
    def test_empty_tree_has_no_resources(self, renderer: Renderer) -> None:
        """Nothing declared is an empty render and no error."""
        assert self._render(renderer, make_tree({})) == (), "An empty tree gave resources"

    @check(
        Layer.PURE,
        why="It is the key of every memo: nothing would ever be found again.",
        cure="Build it from the name, a version and the options only, without id(), hash() or time.",
    )
    def test_fingerprint_is_stable(self, renderer: Renderer) -> None:
        """Two renderers of one configuration have one fingerprint, and rendering does not change it."""
        before = renderer.fingerprint
        self._render(renderer, make_tree(self.files))
        with self.make_renderer() as twin:
            assert before == renderer.fingerprint == twin.fingerprint, "The fingerprint of one configuration varies"

    @check(
        Layer.PURE,
        why="A memo of one configuration would be taken for the other's.",
        cure="Put every option that the output depends on into it.",
    )
    def test_fingerprint_shows_the_options(self, renderer: Renderer) -> None:
        """Other options give another fingerprint."""
        other = self.make_other_renderer()
        if other is None:
            pytest.skip("make_other_renderer() returns None: no options")
        with other:
            assert other.fingerprint != renderer.fingerprint, (
                "Two configurations share a fingerprint, so a memo of one would be taken for the other's"
            )

    @check(
        Layer.FAULT,
        why="Whatever is missing from a render is pruned.",
        cure="Raise a RenderError that names the file, or an ExceptionGroup of several.",
    )
    def test_broken_file_fails_the_whole_render(self, renderer: Renderer) -> None:
        """A file that cannot be rendered raises, and never gives fewer resources."""
        errors = self._refused(renderer, {**self.files, **_needed(self.broken, "broken")})
        assert {error.origin.path for error in errors} <= self.broken.keys(), f"{errors} do not name the broken file"

    @check(
        Layer.FAULT,
        why="One bad commit would spoil every good one after it.",
        cure="Remember nothing before the render is complete.",
    )
    def test_recovers_from_a_broken_file(self, renderer: Renderer) -> None:
        """After a failed render the next good one is complete."""
        self._refused(renderer, {**self.files, **_needed(self.broken, "broken")})
        with self.make_renderer() as fresh:
            assert self._render(renderer, make_tree(self.files)) == self._render(fresh, make_tree(self.files)), (
                "After a failed render the next good one differs from a new renderer's"
            )

    @check(
        Layer.FAULT,
        why="Which of them wins would be luck.",
        cure="Raise DuplicateResource with key= and both places.",
    )
    def test_duplicate_is_refused(self, renderer: Renderer) -> None:
        """Two declarations of one object raise DuplicateResource, which names the object."""
        errors = self._refused(renderer, {**self.files, **_needed(self.duplicate, "duplicate")})
        twice = [error for error in errors if isinstance(error, DuplicateResource)]
        assert twice, "Two declarations of one object passed"
        assert all(error.key for error in twice), "DuplicateResource does not name the object: give it `key=`."

    @check(
        Layer.FAULT,
        why="It may be a secret, and errors end in logs and reports.",
        cure="Name file, line and rule, never the value, and raise outside of the except block when the parser's error quotes its input.",
    )
    def test_secret_is_in_no_error(self, renderer: Renderer) -> None:
        """What stands in a file that cannot be rendered is not in the error, its notes, its causes or its repr."""
        for error in self._refused(renderer, {**self.files, **_needed(self.secret, "secret")}):
            shown = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error)) + _chain(error)
            assert CANARY not in shown, f"The text of a file is in {type(error).__name__}"

    @check(
        Layer.PURE,
        why="A memo may be a file on disk.",
        cure="Keep keys, digests and origins in ctx.memo, never a body.",
    )
    def test_secret_is_in_no_repr_and_no_memo(self, renderer: Renderer) -> None:
        """No resource shows its body, and the memo that outlives the process holds none."""
        memo = _SpyMemo()
        found = list(renderer.render(make_context(memo=memo), make_tree(self.files)))
        words = {word for content in self.files.values() for word in content.split() if len(word) > 20}  # noqa: PLR2004  # why: long enough to be unique
        assert all(repr(r.body)[1:-1] not in repr(r) for r in found), (
            "The repr of a resource shows its body, and so any secret in it."
        )
        assert not [word for word in words if any(word in value for value in memo.values)], (
            "A piece of a file went into `ctx.memo`, which may be a file on disk"
        )

    @check(
        Layer.FAULT,
        why="A pass must end within one tick of a cancel.",
        cure="Call ctx.check() first, and again for each file.",
    )
    def test_cancel_is_honoured(self, renderer: Renderer) -> None:
        """A render that begins after the host asked to stop raises Cancelled."""
        cancel = threading.Event()
        cancel.set()
        with pytest.raises(Cancelled):
            list(renderer.render(make_context(cancel=cancel), make_tree(self.files)))

    def _render(self, renderer: Renderer, tree: Tree) -> tuple[Resource, ...]:
        return tuple(renderer.render(make_context(), tree))

    def _refused(self, renderer: Renderer, files: Mapping[str, bytes]) -> list[RenderError]:
        try:
            found = list(renderer.render(make_context(), make_tree(files)))
        except RenderError as error:
            return [error]
        except ExceptionGroup as group:
            return [error for error in _flat(group) if isinstance(error, RenderError)]
        pytest.fail(f"A render of files that cannot be rendered gave {len(found)} resources")


class _SpyMemo:
    def __init__(self) -> None:
        self.values: list[bytes] = []

    def get(self, _space: str, _key: str) -> bytes | None:
        return None

    def put(self, _space: str, _key: str, value: bytes) -> None:
        self.values += _unpacked(value)


def _unpacked(value: bytes) -> list[bytes]:
    import zlib

    try:
        return [value, zlib.decompress(value)]
    except zlib.error:
        return [value]


def _needed(files: Mapping[str, bytes], name: str) -> Mapping[str, bytes]:
    if not files:
        pytest.skip(f"the class attribute `{name}` is empty")
    return files


def _order(resource: Resource) -> tuple[str, ...]:
    return resource.key


def _flat(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _flat(error)
        else:
            yield error


def _chain(error: BaseException | None) -> str:
    shown = ""
    while error is not None:
        shown += repr(error) + repr(vars(error))
        error = error.__cause__ or error.__context__
    return shown

"""
What every :class:`~gitops_core.interfaces.Source` promises, as tests to subclass::

    class TestMySource(SourceContract):
        def make_source(self, files):
            return MySource(...)          # holding exactly these files; self.tmp_path is a directory of your own

        def change(self, source, files):
            ...                           # put these on top: bytes by path, None removes
"""
# ruff: noqa: S101  # why: a contract suite is made of assertions, and pytest runs it

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import pytest

from gitops_core.errors import Cancelled, DeadlineExceeded, RevisionVanished, SourceError
from gitops_core.interfaces import Source
from gitops_core.model.revisions import EXECUTABLE, REGULAR, File, Revision, Tree
from gitops_core.testing.contexts import make_context
from gitops_core.testing.promises import Layer, check

FILES: Mapping[str, bytes] = {
    "a.yaml": b"kind: ConfigMap\n",
    "apps/shop/web.yaml": b"kind: Deployment\n",
    "apps/shop/copy-of-a.yaml": b"kind: ConfigMap\n",
    "apps-2/x.yaml": b"x: 1\r\n",
    "empty.yaml": b"",
    "binary.dat": bytes(range(256)),
    "ünïcödé/名前 with space.yaml": "名: ü\n".encode(),
}


class SourceContract:
    """
    The suite. Each check is one promise; its message says which one broke, why it matters and how to mend it.

    Attributes:
        keeps_old_revisions: False for a source that only has its present state, such as a directory. It must raise
            ``RevisionVanished`` where others return the old files.
        tmp_path: A directory of the running test's own.
    """

    keeps_old_revisions: ClassVar[bool] = True
    tmp_path: Path

    def make_source(self, files: Mapping[str, bytes]) -> Source:
        """Return a source that holds exactly *files*. Called more than once in some tests."""
        raise NotImplementedError

    def change(self, source: Source, files: Mapping[str, bytes | None]) -> None:
        """Put *files* on top of what *source*, one that :meth:`make_source` made, holds; None removes the file."""
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def _place_of_this_test(self, tmp_path: Path) -> None:
        self.tmp_path = tmp_path

    # -- revisions ----------------------------------------------------------------------------------------------------
    @check(
        Layer.STATEFUL,
        why="Every pass would fetch, render and plan anew, and nothing would ever be a no-op.",
        cure="Derive the id from the content or the commit, never from the time or a counter of calls.",
    )
    def test_resolve_is_stable(self) -> None:
        """An unchanged source resolves to one and the same id."""
        with self.make_source(FILES) as source:
            first, second = source.resolve(make_context()), source.resolve(make_context())
        assert first.id, "resolve returned a revision without an id"
        assert first.id == second.id, "Two resolves of an unchanged source gave two ids"

    @check(
        Layer.STATEFUL,
        why="The change would never be applied.",
        cure="If you cache what resolve found, check its freshness.",
    )
    def test_a_change_is_another_revision(self) -> None:
        """After a change resolve returns another id."""
        with self.make_source(FILES) as source:
            before = source.resolve(make_context())
            self.change(source, {"a.yaml": b"changed"})
            after = source.resolve(make_context())
        assert before.id != after.id, "A file changed and resolve still returned the old id"

    @check(
        Layer.STATEFUL,
        why="A plan would be reviewed for one commit and applied for another.",
        cure="Fetch by the revision's id, never by its ref; a source that only has its present state raises RevisionVanished and sets keeps_old_revisions = False.",
    )
    def test_fetch_is_pinned_to_the_resolved_revision(self) -> None:
        """What is fetched is what was resolved, whatever the reference names by now."""
        with self.make_source(FILES) as source:
            before = source.resolve(make_context())
            self.change(source, {"a.yaml": b"changed", "empty.yaml": None, "new.yaml": b"new"})
            found = self._contents(source, before)
        assert found in (FILES, None), (
            "The source changed between resolve and fetch, and fetch returned something else than what was resolved"
        )
        assert found is not None or not self.keeps_old_revisions, (
            "Fetching a resolved revision after a change raised RevisionVanished"
        )

    @check(
        Layer.STATEFUL,
        why="What is missing would be pruned, and what is left over applied.",
        cure="Do not reuse an earlier listing for another revision id.",
    )
    def test_the_new_revision_has_the_new_files(self) -> None:
        """The newest revision holds exactly the new files."""
        with self.make_source(FILES) as source:
            source.fetch(make_context(), source.resolve(make_context()))
            self.change(source, {"a.yaml": b"changed", "empty.yaml": None, "new/er.yaml": b"new"})
            found = self._contents(source, source.resolve(make_context()))
        wanted = {**FILES, "a.yaml": b"changed", "new/er.yaml": b"new"}
        del wanted["empty.yaml"]
        assert found == wanted, (
            "After a change, an addition and a removal, the newest revision does not hold exactly the new files"
        )

    @check(
        Layer.FAULT,
        why="Any other tree would be applied in its place; any other error is taken for a bug of the source.",
        cure="Translate what your client raises to a class of gitops_core.errors.SourceError.",
    )
    def test_an_unknown_revision_is_an_error_of_the_source(self) -> None:
        """A revision that the source does not know raises a SourceError."""
        with self.make_source(FILES) as source, pytest.raises(SourceError):
            source.fetch(make_context(), Revision("0" * 40))

    @check(
        Layer.STATEFUL,
        why="Plans, events and the journal take the commit from there.",
        cure="Return the given revision, with author and message filled in if you know them.",
    )
    def test_the_tree_names_its_revision(self) -> None:
        """A fetched tree says that it is of the revision asked for."""
        with self.make_source(FILES) as source:
            revision = source.resolve(make_context())
            tree = source.fetch(make_context(), revision)
        assert tree.revision.id == revision.id, "The fetched tree says it is of another revision than the one asked for"

    # -- content addresses --------------------------------------------------------------------------------------------
    @check(
        Layer.STATEFUL,
        why="Renders are remembered by this digest, so nothing would be shared.",
        cure="Digest paths, modes and contents, sorted; no times, places or commit ids.",
    )
    def test_equal_content_has_an_equal_tree_digest(self) -> None:
        """Two sources with the same files give the same tree digest."""
        with self.make_source(FILES) as one:
            first = self._tree(one).digest
        with self.make_source(FILES) as two:
            second = self._tree(two).digest
        assert first == second, "Two sources with the same files gave two tree digests"

    @pytest.mark.parametrize(
        "change",
        [{"a.yaml": b"kind: Configmap\n"}, {"a.yaml": None}, {"b.yaml": b""}, {"a.yaml": None, "b.yaml": FILES["a.yaml"]}],
        ids=["content", "removal", "addition", "rename"],
    )
    @check(
        Layer.STATEFUL,
        why="The render of the old files would be used for the new ones.",
        cure="Let the digest cover every path, mode and byte.",
    )
    def test_the_tree_digest_changes_with_every_change(self, change: dict[str, bytes | None]) -> None:
        """The tree digest changes with every change of a path or a byte."""
        with self.make_source(FILES) as source:
            before = self._tree(source).digest
            self.change(source, change)
            after = self._tree(source).digest
        assert before != after, "The files changed and the tree digest did not"

    @check(
        Layer.STATEFUL,
        why="A revert would cost a render.",
        cure="Let the digest depend on the content alone.",
    )
    def test_the_tree_digest_comes_back_with_the_content(self) -> None:
        """When a change is taken back the tree digest comes back."""
        with self.make_source(FILES) as source:
            before = self._tree(source).digest
            self.change(source, {"a.yaml": b"changed"})
            self._tree(source)
            self.change(source, {"a.yaml": FILES["a.yaml"]})
            after = self._tree(source).digest
        assert before == after, "A change was taken back and the tree digest did not come back"

    @check(
        Layer.STATEFUL,
        why="Decoded documents are remembered by this digest; one file would be rendered with the other's content.",
        cure="Digest the bytes of the file, and nothing else.",
    )
    def test_file_digests_address_content(self) -> None:
        """Files have equal digests exactly when they have equal bytes."""
        with self.make_source(FILES) as source:
            files = self._tree(source).files
        assert files["a.yaml"].digest == files["apps/shop/copy-of-a.yaml"].digest, (
            "Two files with equal bytes have different digests"
        )
        assert len({file.digest for file in files.values()}) == len(set(FILES.values())), (
            "Two files with different bytes have one digest: one would be rendered with the other's content."
        )

    # -- listing and reading ------------------------------------------------------------------------------------------
    @check(
        Layer.STATEFUL,
        why="What is rendered would not be what was committed.",
        cure="Decode, trim and translate nothing; keep the UTF-8 spelling of names; read to the end.",
    )
    def test_bytes_come_back_as_they_went_in(self) -> None:
        """Names and bytes come back as they were put in, large and binary ones too."""
        large = b"0123456789abcdef" * 65_536
        with self.make_source({**FILES, "large.bin": large}) as source:
            found = self._contents(source, source.resolve(make_context()))
        assert found == {**FILES, "large.bin": large}, "The listing or the bytes differ from what was put in"

    @check(
        Layer.STATEFUL,
        why="Order is part of the result: equal trees must give byte-equal plans.",
        cure="Sort the listing; give each file its own path and the mode 0o100644 or 0o100755; resolve symlinks, or refuse them.",
    )
    def test_the_listing_is_sorted_and_consistent(self) -> None:
        """The listing is sorted by path, and holds plain files only."""
        with self.make_source(FILES) as source:
            files = self._tree(source).files
        assert list(files) == sorted(FILES), "The listing is not sorted by path"
        assert [file.path for file in files.values()] == list(files), "A file is listed under another path than its own."
        assert {file.mode for file in files.values()} <= {REGULAR, EXECUTABLE}, (
            "A file has a mode other than 0o100644 and 0o100755"
        )

    @check(
        Layer.STATEFUL,
        why="What was removed would be kept for ever.",
        cure="Treat an empty listing like any other.",
    )
    def test_an_empty_source_lists_nothing(self) -> None:
        """A source whose last file was removed lists nothing."""
        with self.make_source({"a.yaml": b"x"}) as source:
            self.change(source, {"a.yaml": None})
            assert dict(self._tree(source).files) == {}, "The last file was removed and is still listed."

    @check(
        Layer.STATEFUL,
        why="A render that is repeated would see an empty file.",
        cure="Return bytes, not a stream that is read already.",
    )
    def test_reads_are_repeatable(self) -> None:
        """A file can be read any number of times, and a revision fetched."""
        with self.make_source(FILES) as source:
            tree = self._tree(source)
            first = {path: tree.read(file) for path, file in tree.files.items()}
            second = {path: tree.read(file) for path, file in tree.files.items()}
            again = source.fetch(make_context(), tree.revision)
        assert first == second, "Reading a file twice gave different bytes; is a stream handed out that was read already?"
        assert again.digest == tree.digest, "Fetching one revision twice gave two trees."

    @check(
        Layer.FAULT,
        why="An empty file in its place declares nothing, and what it declared is pruned.",
        cure="Raise a SourceError for every path and digest that you do not have.",
    )
    def test_what_is_not_there_cannot_be_read(self) -> None:
        """A file that is not in the tree raises a SourceError."""
        with self.make_source(FILES) as source:
            tree = self._tree(source)
            assert "missing.yaml" not in tree.files, "A file that was never put in is listed."
            with pytest.raises(SourceError):
                tree.read(File("missing.yaml", "0" * 40))

    @check(
        Layer.STATEFUL,
        why="Trees are shared between applications and threads.",
        cure="Return a types.MappingProxyType, or a fresh mapping that refuses changes.",
    )
    def test_the_caller_cannot_change_a_tree(self) -> None:
        """A listing cannot be changed by who holds it."""
        with self.make_source(FILES) as source:
            tree = self._tree(source)
            listing: Any = tree.files
            for attempt in _mutations(listing):
                with pytest.raises((TypeError, AttributeError)):
                    attempt()
            assert list(tree.files) == sorted(FILES), "What a caller did to the listing changed the tree"

    @check(
        Layer.STATEFUL,
        why="Explanations would blame the wrong commit.",
        cure="Return None if you cannot tell.",
    )
    def test_history_names_the_revision_that_changed_a_file(self) -> None:
        """The history of a file names the last revision that changed it, or nothing."""
        with self.make_source(FILES) as source:
            first = source.resolve(make_context())
            self.change(source, {"a.yaml": b"changed"})
            tree = self._tree(source)
            changed, untouched = tree.history("a.yaml"), tree.history("empty.yaml")
        if changed is None and untouched is None:
            return  # "the source cannot tell" is an answer
        assert (changed and changed.id, untouched and untouched.id) == (tree.revision.id, first.id), (
            "history named another revision than the last one that changed the file; `explain` would blame the wrong commit"
        )

    # -- stopping, threads, housekeeping ------------------------------------------------------------------------------
    @check(
        Layer.FAULT,
        why="A pass must end within one tick of a cancel.",
        cure="Call ctx.check() first, and again in every long loop.",
    )
    def test_cancel_stops_it(self) -> None:
        """When the host wants to stop, resolve and fetch raise Cancelled."""
        cancel = threading.Event()
        ctx = make_context(cancel=cancel)
        with self.make_source(FILES) as source:
            revision = source.resolve(ctx)
            cancel.set()
            self._refuses(Cancelled, lambda: source.resolve(ctx), "resolve")
            self._refuses(Cancelled, lambda: source.fetch(ctx, revision), "fetch")

    @check(
        Layer.FAULT,
        why="A pass must never outlive its deadline.",
        cure="Call ctx.check() first, and again in every long loop.",
    )
    def test_a_deadline_stops_it(self) -> None:
        """When no time is left, resolve and fetch raise DeadlineExceeded."""
        with self.make_source(FILES) as source:
            revision = source.resolve(make_context())
            late = make_context(deadline=0.0)
            self._refuses(DeadlineExceeded, lambda: source.resolve(late), "resolve")
            self._refuses(DeadlineExceeded, lambda: source.fetch(late, revision), "fetch")

    @check(
        Layer.STATEFUL,
        why="Applications share a source; mixed up bytes are applied.",
        cure="Guard shared state with a lock.",
    )
    def test_threads_may_share_it(self) -> None:
        """Several threads may resolve, fetch and read at once."""
        with self.make_source(FILES) as source, ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: self._contents(source, source.resolve(make_context())), range(24)))
            tree = self._tree(source)
            read = list(pool.map(lambda path: tree.read(tree.files[path]), [*FILES] * 8))
        assert all(contents == FILES for contents in found), "Resolving and fetching from several threads mixed something up."
        assert read == [*FILES.values()] * 8, (
            "Reading one tree from several threads mixed up bytes; guard shared state with a lock."
        )

    @check(
        Layer.PURE,
        why="Messages call it by its name, and memos are kept under its fingerprint.",
        cure="Build the fingerprint from who the source is and its options; what it holds is said by revisions.",
    )
    def test_it_has_a_name_and_a_stable_fingerprint(self) -> None:
        """A source has a name, and a fingerprint that does not follow its content."""
        with self.make_source(FILES) as source:
            before = source.fingerprint
            assert source.name, "The name is empty"
            assert isinstance(before, str), "The fingerprint is not text."
            self.change(source, {"a.yaml": b"changed"})
            assert source.fingerprint == before, "The fingerprint changed with the content"

    @check(
        Layer.PURE,
        why="Hosts close in a finally, and once more at exit.",
        cure="Let close do nothing the second time.",
    )
    def test_it_closes_twice(self) -> None:
        """A source may be closed twice."""
        source = self.make_source(FILES)
        source.close()
        source.close()

    # -- steps --------------------------------------------------------------------------------------------------------
    def _tree(self, source: Source) -> Tree:
        return source.fetch(make_context(), source.resolve(make_context()))

    def _contents(self, source: Source, revision: Revision) -> Mapping[str, bytes] | None:
        """Return the bytes of every file, or None when the source says that *revision* is gone."""
        try:
            tree = source.fetch(make_context(), revision)
            return {path: tree.read(file) for path, file in tree.files.items()}
        except RevisionVanished:
            return None

    def _refuses(self, error: type[Exception], call: Callable[[], object], step: str) -> None:
        try:
            call()
        except error:
            return
        pytest.fail(f"{step} did not raise {error.__name__} although it was time to stop")


def _mutations(listing: Any) -> list[Callable[[], object]]:
    file = next(iter(listing.values()))
    return [
        lambda: listing.__setitem__("new.yaml", file),
        lambda: listing.__delitem__(file.path),
        lambda: setattr(file, "digest", "0" * 40),
    ]

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
    def test_resolve_is_stable(self) -> None:
        with self.make_source(FILES) as source:
            first, second = source.resolve(make_context()), source.resolve(make_context())
        assert first.id, "resolve returned a revision without an id. The id is what a pass is pinned to; take a content address."
        assert first.id == second.id, (
            "Two resolves of an unchanged source gave two ids. Every pass would fetch, render and plan anew, and nothing would "
            "ever be a no-op. Derive the id from the content or the commit, never from the time or a counter of calls."
        )

    def test_a_change_is_another_revision(self) -> None:
        with self.make_source(FILES) as source:
            before = source.resolve(make_context())
            self.change(source, {"a.yaml": b"changed"})
            after = source.resolve(make_context())
        assert before.id != after.id, (
            "A file changed and resolve still returned the old id. The change would never be applied. "
            "If you cache what resolve found, check its freshness."
        )

    def test_fetch_is_pinned_to_the_resolved_revision(self) -> None:
        with self.make_source(FILES) as source:
            before = source.resolve(make_context())
            self.change(source, {"a.yaml": b"changed", "empty.yaml": None, "new.yaml": b"new"})
            found = self._contents(source, before)
        assert found in (FILES, None), (
            "The source changed between resolve and fetch, and fetch returned something else than what was resolved. A plan "
            "would then be reviewed for one commit and applied for another. Fetch by the revision's id, never by its ref."
        )
        assert found is not None or not self.keeps_old_revisions, (
            "Fetching a resolved revision after a change raised RevisionVanished. A source that keeps history must still have "
            "it; if yours only has its present state, set keeps_old_revisions = False in your test class."
        )

    def test_the_new_revision_has_the_new_files(self) -> None:
        with self.make_source(FILES) as source:
            source.fetch(make_context(), source.resolve(make_context()))
            self.change(source, {"a.yaml": b"changed", "empty.yaml": None, "new/er.yaml": b"new"})
            found = self._contents(source, source.resolve(make_context()))
        wanted = {**FILES, "a.yaml": b"changed", "new/er.yaml": b"new"}
        del wanted["empty.yaml"]
        assert found == wanted, (
            "After a change, an addition and a removal, the newest revision does not hold exactly the new files. "
            "Do not reuse an earlier listing for another revision id."
        )

    def test_an_unknown_revision_is_an_error_of_the_source(self) -> None:
        with self.make_source(FILES) as source, pytest.raises(SourceError):
            source.fetch(make_context(), Revision("0" * 40))

    def test_the_tree_names_its_revision(self) -> None:
        with self.make_source(FILES) as source:
            revision = source.resolve(make_context())
            tree = source.fetch(make_context(), revision)
        assert tree.revision.id == revision.id, (
            "The fetched tree says it is of another revision than the one asked for. Plans, events and the journal take the "
            "commit from there. Return the given revision, with author and message filled in if you know them."
        )

    # -- content addresses --------------------------------------------------------------------------------------------
    def test_equal_content_has_an_equal_tree_digest(self) -> None:
        with self.make_source(FILES) as one:
            first = self._tree(one).digest
        with self.make_source(FILES) as two:
            second = self._tree(two).digest
        assert first == second, (
            "Two sources with the same files gave two tree digests. Renders are remembered by this digest, so nothing would be "
            "shared. Digest paths, modes and contents, sorted; no times, places or commit ids."
        )

    @pytest.mark.parametrize(
        "change",
        [{"a.yaml": b"kind: Configmap\n"}, {"a.yaml": None}, {"b.yaml": b""}, {"a.yaml": None, "b.yaml": FILES["a.yaml"]}],
        ids=["content", "removal", "addition", "rename"],
    )
    def test_the_tree_digest_changes_with_every_change(self, change: dict[str, bytes | None]) -> None:
        with self.make_source(FILES) as source:
            before = self._tree(source).digest
            self.change(source, change)
            after = self._tree(source).digest
        assert before != after, (
            "The files changed and the tree digest did not. The render of the old files would be used for the new ones. "
            "The digest must cover every path, mode and byte."
        )

    def test_the_tree_digest_comes_back_with_the_content(self) -> None:
        with self.make_source(FILES) as source:
            before = self._tree(source).digest
            self.change(source, {"a.yaml": b"changed"})
            self._tree(source)
            self.change(source, {"a.yaml": FILES["a.yaml"]})
            after = self._tree(source).digest
        assert before == after, (
            "A change was taken back and the tree digest did not come back. It must depend on the content alone, "
            "so that a revert costs no render."
        )

    def test_file_digests_address_content(self) -> None:
        with self.make_source(FILES) as source:
            files = self._tree(source).files
        assert files["a.yaml"].digest == files["apps/shop/copy-of-a.yaml"].digest, (
            "Two files with equal bytes have different digests. Decoded documents are remembered by this digest."
        )
        assert len({file.digest for file in files.values()}) == len(set(FILES.values())), (
            "Two files with different bytes have one digest: one would be rendered with the other's content."
        )

    # -- listing and reading ------------------------------------------------------------------------------------------
    def test_bytes_come_back_as_they_went_in(self) -> None:
        large = b"0123456789abcdef" * 65_536
        with self.make_source({**FILES, "large.bin": large}) as source:
            found = self._contents(source, source.resolve(make_context()))
        assert found == {**FILES, "large.bin": large}, (
            "The listing or the bytes differ from what was put in. Nothing may be decoded, trimmed or given other line ends, "
            "and names keep their UTF-8 spelling."
        )

    def test_the_listing_is_sorted_and_consistent(self) -> None:
        with self.make_source(FILES) as source:
            files = self._tree(source).files
        assert list(files) == sorted(FILES), (
            "The listing is not sorted by path. Order is part of the result: equal trees must give byte-equal plans."
        )
        assert [file.path for file in files.values()] == list(files), "A file is listed under another path than its own."
        assert {file.mode for file in files.values()} <= {REGULAR, EXECUTABLE}, (
            "A file has a mode other than 0o100644 and 0o100755. Symlinks are resolved by the source, or refused."
        )

    def test_an_empty_source_lists_nothing(self) -> None:
        with self.make_source({"a.yaml": b"x"}) as source:
            self.change(source, {"a.yaml": None})
            assert dict(self._tree(source).files) == {}, "The last file was removed and is still listed."

    def test_reads_are_repeatable(self) -> None:
        with self.make_source(FILES) as source:
            tree = self._tree(source)
            first = {path: tree.read(file) for path, file in tree.files.items()}
            second = {path: tree.read(file) for path, file in tree.files.items()}
            again = source.fetch(make_context(), tree.revision)
        assert first == second, "Reading a file twice gave different bytes; is a stream handed out that was read already?"
        assert again.digest == tree.digest, "Fetching one revision twice gave two trees."

    def test_what_is_not_there_cannot_be_read(self) -> None:
        with self.make_source(FILES) as source:
            tree = self._tree(source)
            assert "missing.yaml" not in tree.files, "A file that was never put in is listed."
            with pytest.raises(SourceError):
                tree.read(File("missing.yaml", "0" * 40))

    def test_the_caller_cannot_change_a_tree(self) -> None:
        with self.make_source(FILES) as source:
            tree = self._tree(source)
            listing: Any = tree.files
            for attempt in _mutations(listing):
                with pytest.raises((TypeError, AttributeError)):
                    attempt()
            assert list(tree.files) == sorted(FILES), (
                "What a caller did to the listing changed the tree. Trees are shared between applications and threads: "
                "return a types.MappingProxyType, or a fresh mapping that refuses changes."
            )

    def test_history_names_the_revision_that_changed_a_file(self) -> None:
        with self.make_source(FILES) as source:
            first = source.resolve(make_context())
            self.change(source, {"a.yaml": b"changed"})
            tree = self._tree(source)
            changed, untouched = tree.history("a.yaml"), tree.history("empty.yaml")
        if changed is None and untouched is None:
            return  # "the source cannot tell" is an answer
        assert (changed and changed.id, untouched and untouched.id) == (tree.revision.id, first.id), (
            "history named another revision than the last one that changed the file; `explain` would blame the wrong commit. "
            "Return None if you cannot tell."
        )

    # -- stopping, threads, housekeeping ------------------------------------------------------------------------------
    def test_cancel_stops_it(self) -> None:
        cancel = threading.Event()
        ctx = make_context(cancel=cancel)
        with self.make_source(FILES) as source:
            revision = source.resolve(ctx)
            cancel.set()
            self._refuses(Cancelled, lambda: source.resolve(ctx), "resolve")
            self._refuses(Cancelled, lambda: source.fetch(ctx, revision), "fetch")

    def test_a_deadline_stops_it(self) -> None:
        with self.make_source(FILES) as source:
            revision = source.resolve(make_context())
            late = make_context(deadline=0.0)
            self._refuses(DeadlineExceeded, lambda: source.resolve(late), "resolve")
            self._refuses(DeadlineExceeded, lambda: source.fetch(late, revision), "fetch")

    def test_threads_may_share_it(self) -> None:
        with self.make_source(FILES) as source, ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: self._contents(source, source.resolve(make_context())), range(24)))
            tree = self._tree(source)
            read = list(pool.map(lambda path: tree.read(tree.files[path]), [*FILES] * 8))
        assert all(contents == FILES for contents in found), "Resolving and fetching from several threads mixed something up."
        assert read == [*FILES.values()] * 8, (
            "Reading one tree from several threads mixed up bytes; guard shared state with a lock."
        )

    def test_it_has_a_name_and_a_stable_fingerprint(self) -> None:
        with self.make_source(FILES) as source:
            before = source.fingerprint
            assert source.name, "The name is empty. Error messages call the source by it."
            assert isinstance(before, str), "The fingerprint is not text."
            self.change(source, {"a.yaml": b"changed"})
            assert source.fingerprint == before, (
                "The fingerprint changed with the content. It says who the source is and with which options; what it holds is "
                "said by revisions and digests."
            )

    def test_it_closes_twice(self) -> None:
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
        pytest.fail(
            f"{step} did not raise {error.__name__} although it was time to stop. A pass must end within one tick of a cancel "
            "and never outlive its deadline: call ctx.check() first, and again in every long loop."
        )


def _mutations(listing: Any) -> list[Callable[[], object]]:
    file = next(iter(listing.values()))
    return [
        lambda: listing.__setitem__("new.yaml", file),
        lambda: listing.__delitem__(file.path),
        lambda: setattr(file, "digest", "0" * 40),
    ]

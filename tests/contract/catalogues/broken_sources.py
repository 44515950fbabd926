"""Broken sources, each a few lines over the source in memory."""

import itertools
from types import MappingProxyType

import attrs
from killing import Catalogue

from gitops_core.errors import RevisionVanished
from gitops_core.model.revisions import SYMLINK
from gitops_core.sources.memory import MemorySource
from gitops_core.testing.contexts import make_context
from gitops_core.testing.source_contract import SourceContract

QUIET = make_context()


class Mutant(MemorySource):
    def altered(self, tree, **changes):
        return attrs.evolve(
            tree, **{"list_files": lambda: tree.files, "read_file": tree.read, "history_of": tree.history, **changes}
        )

    def relisted(self, tree, change):
        """The tree with *change* done to every file; reading still works."""
        files = {path: change(file) for path, file in tree.files.items()}
        return self.altered(tree, list_files=lambda: MappingProxyType(files), read_file=lambda f: tree.read(tree.files[f.path]))


class NewIdEachTime(Mutant):
    """Resolve invents an id."""

    kills = "test_resolve_is_stable"
    numbers = itertools.count()

    def resolve(self, ctx):
        self.real = super().resolve(ctx)
        return attrs.evolve(self.real, id=f"{next(self.numbers)}")

    def fetch(self, ctx, revision):
        return super().fetch(ctx, self.real)


class NoId(Mutant):
    """Resolve returns no id."""

    kills = "test_resolve_is_stable"

    def resolve(self, ctx):
        return attrs.evolve(super().resolve(ctx), id="")


class Stale(Mutant):
    """Resolve remembers for ever."""

    kills = "test_a_change_is_another_revision"
    seen = None

    def resolve(self, ctx):
        ctx.check()
        self.seen = self.seen or super().resolve(ctx)
        return self.seen


class Unpinned(Mutant):
    """Fetch takes what is newest."""

    kills = "test_fetch_is_pinned_to_the_resolved_revision"

    def fetch(self, ctx, revision):
        return super().fetch(ctx, self.resolve(ctx))


class Forgetful(Mutant):
    """Old revisions are gone."""

    kills = "test_fetch_is_pinned_to_the_resolved_revision"

    def fetch(self, ctx, revision):
        if revision != self.resolve(ctx):
            raise RevisionVanished("gone")
        return super().fetch(ctx, revision)


class OneListing(Mutant):
    """The first listing is used for every revision."""

    kills = "test_the_new_revision_has_the_new_files"
    first = None

    def fetch(self, ctx, revision):
        tree = super().fetch(ctx, revision)
        self.first = self.first or tree
        return self.altered(tree, list_files=lambda: self.first.files, read_file=self.first.read)


class OtherRevision(Mutant):
    """The tree does not say of which revision it is."""

    kills = "test_the_tree_names_its_revision"

    def fetch(self, ctx, revision):
        return self.altered(super().fetch(ctx, revision), revision=attrs.evolve(revision, id="main"))


class AnyRevision(Mutant):
    """An unknown revision is the newest."""

    kills = "test_an_unknown_revision_is_an_error_of_the_source"

    def fetch(self, ctx, revision):
        return super().fetch(ctx, self.resolve(ctx) if set(revision.id) == {"0"} else revision)


class DigestOfCommit(Mutant):
    """The tree's digest is the commit's id."""

    kills = "test_the_tree_digest_comes_back_with_the_content"

    def fetch(self, ctx, revision):
        return self.altered(super().fetch(ctx, revision), digest=revision.id)


class DigestOfInstance(Mutant):
    """The tree's digest is salted per source."""

    kills = "test_equal_content_has_an_equal_tree_digest"

    def fetch(self, ctx, revision):
        tree = super().fetch(ctx, revision)
        return self.altered(tree, digest=f"{self.fingerprint}{tree.digest}")


class DigestOfNames(Mutant):
    """The tree's digest covers names only."""

    kills = "test_the_tree_digest_changes_with_every_change"

    def fetch(self, ctx, revision):
        tree = super().fetch(ctx, revision)
        return self.altered(tree, digest=" ".join(tree.files))


class DigestOfContents(Mutant):
    """The tree's digest covers contents only."""

    kills = "test_the_tree_digest_changes_with_every_change"

    def fetch(self, ctx, revision):
        tree = super().fetch(ctx, revision)
        return self.altered(tree, digest=" ".join(sorted(f.digest for f in tree.files.values())))


class FileDigestOfPath(Mutant):
    """A file's digest is its path."""

    kills = "test_file_digests_address_content"

    def fetch(self, ctx, revision):
        return self.relisted(super().fetch(ctx, revision), lambda file: attrs.evolve(file, digest=file.path))


class FileDigestOfSize(Mutant):
    """A file's digest is constant."""

    kills = "test_file_digests_address_content"

    def fetch(self, ctx, revision):
        return self.relisted(super().fetch(ctx, revision), lambda file: attrs.evolve(file, digest="1"))


class LineEnds(Mutant):
    """Line ends are translated."""

    kills = "test_bytes_come_back_as_they_went_in"

    def fetch(self, ctx, revision):
        tree = super().fetch(ctx, revision)
        return self.altered(tree, read_file=lambda file: tree.read(file).replace(b"\r\n", b"\n"))


class Truncated(Mutant):
    """Large files are cut off."""

    kills = "test_bytes_come_back_as_they_went_in"

    def fetch(self, ctx, revision):
        tree = super().fetch(ctx, revision)
        return self.altered(tree, read_file=lambda file: tree.read(file)[:65_536])


class Unsorted(Mutant):
    """The listing comes in any order."""

    kills = "test_the_listing_is_sorted_and_consistent"

    def fetch(self, ctx, revision):
        tree = super().fetch(ctx, revision)
        return self.altered(tree, list_files=lambda: MappingProxyType(dict(reversed(tree.files.items()))))


class Symlinks(Mutant):
    """Symlinks show."""

    kills = "test_the_listing_is_sorted_and_consistent"

    def fetch(self, ctx, revision):
        return self.relisted(super().fetch(ctx, revision), lambda file: attrs.evolve(file, mode=SYMLINK))


class OneShot(Mutant):
    """A file can be read once."""

    kills = "test_reads_are_repeatable"

    def fetch(self, ctx, revision):
        tree, read = super().fetch(ctx, revision), set()
        return self.altered(tree, read_file=lambda file: b"" if file in read or read.add(file) else tree.read(file))


class InventsFiles(Mutant):
    """A missing file is an empty one."""

    kills = "test_what_is_not_there_cannot_be_read"

    def fetch(self, ctx, revision):
        tree = super().fetch(ctx, revision)
        return self.altered(tree, read_file=lambda file: tree.read(file) if file.path in tree.files else b"")


class Mutable(Mutant):
    """The caller gets the inner listing."""

    kills = "test_the_caller_cannot_change_a_tree"

    def fetch(self, ctx, revision):
        tree = super().fetch(ctx, revision)
        files = dict(tree.files)
        return self.altered(tree, list_files=lambda: files)


class BlamesTheNewest(Mutant):
    """History is always the newest revision."""

    kills = "test_history_names_the_revision_that_changed_a_file"

    def fetch(self, ctx, revision):
        return self.altered(super().fetch(ctx, revision), history_of=lambda _path: revision)


class DeafToCancel(Mutant):
    """Resolve does not stop."""

    kills = "test_cancel_stops_it"

    def resolve(self, ctx):
        return super().resolve(QUIET)


class DeafToDeadline(Mutant):
    """Fetch does not stop."""

    kills = "test_a_deadline_stops_it"

    def fetch(self, ctx, revision):
        return super().fetch(QUIET, revision)


class Mixed(Mutant):
    """Reads of several threads share a buffer."""

    kills = "test_threads_may_share_it"
    reads = 0

    def fetch(self, ctx, revision):
        tree = super().fetch(ctx, revision)
        return self.altered(tree, read_file=lambda file: self.mixed_up(tree.read(file)))

    def mixed_up(self, data):
        self.reads += 1
        return data if self.reads < 20 else b"of another thread"


class Nameless(Mutant):
    """It has no name."""

    kills = "test_it_has_a_name_and_a_stable_fingerprint"
    name = ""


class FingerprintOfContent(Mutant):
    """The fingerprint is the newest commit."""

    kills = "test_it_has_a_name_and_a_stable_fingerprint"

    @property
    def fingerprint(self):
        return self.resolve(QUIET).id


class ClosesOnce(Mutant):
    """Closing twice fails."""

    kills = "test_it_closes_twice"
    closed = False

    def close(self):
        assert not self.closed
        self.closed = True


class KeepsTheLast(Mutant):
    """The last file cannot be removed."""

    kills = "test_an_empty_source_lists_nothing"

    def fetch(self, ctx, revision):
        tree = super().fetch(ctx, revision)
        return tree if tree.files else super().fetch(ctx, next(iter(self._commits.values())).revision)


def suite(make):
    """Return the contract filled in for *make*'s sources."""

    class Suite(SourceContract):
        def make_source(self, files):
            return make(files)

        def change(self, source, files):
            source.commit(files)

    return Suite


SOURCES = Catalogue(suite)
for cls in Mutant.__subclasses__():
    SOURCES.mutant("source", cls.kills)(cls)

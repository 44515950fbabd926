"""A repository in memory keeps the promises of a source, and reads as GitSource reads the same repository on disk."""

import pytest

from gitops_core.errors import EmptyRepository, RevisionNotFound, RevisionVanished
from gitops_core.model.revisions import Revision
from gitops_core.sources.git import GitSource
from gitops_core.testing.builders.repositories import Entry, GitRepository, MemoryRepository
from gitops_core.testing.contexts import make_context
from gitops_core.testing.source_contract import SourceContract


class TestMemoryGitSource(SourceContract):
    def make_source(self, files):
        self.repository = MemoryRepository(files)
        return self.repository.source()

    def change(self, source, files):
        self.repository.commit(files)


def write(repo):
    """The same history in any repository."""
    first = repo.commit(
        {"shop/web.yaml": "kind: ConfigMap\n", "shop/run.sh": Entry.executable("#!/bin/sh\n"), "top.yaml": "x: 1\n"}
    )
    repo.commit({"shop/api.yaml": "kind: Service\n", "vendor": Entry.submodule()}, "Add the API")
    repo.commit({"shop/link.yaml": Entry.symlink("web.yaml")}, "Link")
    repo.tag("v1.0.0", first, message="One")
    repo.tag("v1.1.0", repo.head())
    repo.branch("next", first)
    repo.commit({"shop/web.yaml": "kind: Secret\n"}, "Next", branch="next")


@pytest.mark.parametrize("path", ["", "shop", ["shop/web.yaml", "top.yaml"]])
@pytest.mark.parametrize("ref", ["HEAD", "main", "next", "v1.0.0", "semver=^1.0", "tag=v1.1.0", "refs/heads/next"])
def test_it_reads_what_git_source_reads(tmp_path, ref, path):
    disk, memory = GitRepository.create(tmp_path / "r.git"), MemoryRepository()
    write(disk), write(memory)
    ctx = make_context()
    with GitSource(disk.path, ref, path) as real, memory.source(ref, path) as fake:
        wanted, found = (source.fetch(ctx, source.resolve(ctx)) for source in (real, fake))
        assert (found.digest, found.revision.id, found.revision.ref) == (wanted.digest, wanted.revision.id, wanted.revision.ref)
        assert found.files == wanted.files
        assert [found.read(file) for file in found.files.values()] == [wanted.read(file) for file in wanted.files.values()]
        assert (found.revision.author, found.revision.message) == (wanted.revision.author, wanted.revision.message)
        assert found.notices == wanted.notices
        for file in found.files:
            assert getattr(found.history(file), "id", None) == getattr(wanted.history(file), "id", None), file


def test_without_a_commit_there_is_nothing_wrong():
    with pytest.raises(EmptyRepository, match="no commit yet"):
        MemoryRepository().source().resolve(make_context())


def test_a_misspelt_reference_is_told_its_right_form():
    repo = MemoryRepository({"a.yaml": ""})
    with pytest.raises(RevisionNotFound, match="did you mean main"):
        repo.source("mian").resolve(make_context())
    with pytest.raises(RevisionNotFound, match="nothing is like it"):
        repo.source("zzz").resolve(make_context())


def test_after_a_force_push_the_old_commit_is_there_until_it_is_forgotten():
    repo = MemoryRepository({"a.yaml": "1"})
    first, source, ctx = repo.head(), repo.source(), make_context()
    repo.commit({"a.yaml": "2"})
    old = source.resolve(ctx)
    new = repo.force_push({"a.yaml": "3"}, onto=first)
    assert source.resolve(ctx).id == new
    assert repo.log() == [new, first]
    assert source.fetch(ctx, old).revision.id == old.id
    repo.forget(old.id)
    assert repo.forgotten == {old.id}
    with pytest.raises(RevisionVanished, match="resolve again"):
        source.fetch(ctx, old)
    with pytest.raises(RevisionNotFound, match="has no commit"):
        repo.source(old.id).fetch(ctx, old)


def test_a_tag_is_no_commit():
    repo = MemoryRepository({"a.yaml": "1"})
    tag = repo.tag("v1", repo.head(), message="One")
    with pytest.raises(RevisionNotFound, match="no commit"):
        repo.source().fetch(make_context(), Revision(tag))


def test_a_nameless_history_is_none():
    repo = MemoryRepository({"a.yaml": "1"})
    source, ctx = repo.source(), make_context()
    assert source.fetch(ctx, source.resolve(ctx)).history("never.yaml") is None
    assert source.name == "git memory://repository"
    assert source.fingerprint != repo.source().fingerprint

"""GitSource keeps the promises of a source, history included."""

import itertools

from gitops_core.sources.git import GitSource
from gitops_core.testing.git_server import GitRepository
from gitops_core.testing.source_contract import SourceContract


class TestGitSource(SourceContract):
    _numbers = itertools.count()

    def make_source(self, files):
        self.repository = GitRepository.create(self.tmp_path / f"{next(self._numbers)}.git")
        self.repository.commit(files)
        return GitSource(self.repository.path, "main", cache_dir=self.tmp_path / "cache")

    def change(self, source, files):
        self.repository.commit(files)

"""A repository, a cache and a context for every test."""

import pytest

from gitops_core.sources.git import GitSource
from gitops_core.testing.contexts import Recorder, make_context
from gitops_core.testing.git_server import GitRepository


@pytest.fixture
def repo(tmp_path):
    return GitRepository.create(tmp_path / "origin.git")


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def ctx(recorder):
    return make_context(recorder)


@pytest.fixture
def source(repo, tmp_path):
    """Make sources of *repo* that share a cache, and close them afterwards."""
    made = []

    def make(ref="main", path="", **options):
        options.setdefault("cache_dir", tmp_path / "cache")
        made.append(GitSource(options.pop("url", repo.path), ref, path, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()

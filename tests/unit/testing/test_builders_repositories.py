"""Repositories in one line a commit: the same in memory and on disk."""

import stat

import pytest
import yaml

from gitops_core.testing import git_server
from gitops_core.testing.builders.repositories import Entry, GitRepository, MemoryRepository
from gitops_core.testing.builders.resources import config_map, service
from gitops_core.testing.contexts import make_context


@pytest.fixture(params=["memory", "disk"])
def repo(request, tmp_path):
    return MemoryRepository() if request.param == "memory" else GitRepository.create(tmp_path / "r.git")


def files(repo, branch="main"):
    with repo._open() as opened:
        tree = opened[repo.head(branch).encode()].tree
        return {
            e.path.decode(): opened[e.sha].data.decode()
            for e in opened.object_store.iter_tree_contents(tree)
            if not stat.S_ISLNK(e.mode)
        }


def parents(repo, commit):
    with repo._open() as opened:
        return [parent.decode() for parent in opened[commit.encode()].parents]


def test_equal_calls_give_equal_ids_in_memory_and_on_disk(tmp_path):
    one, two = MemoryRepository(), GitRepository.create(tmp_path / "r.git")
    calls = [{"a.yaml": "1", "b/c.yaml": b"2"}, {"a.yaml": None}, {f"many/{n}.yaml": str(n) for n in range(120)}]
    assert [one.commit(files) for files in calls] == [two.commit(files) for files in calls]


def test_manifests_are_written_as_yaml(repo):
    repo.commit({"one.yaml": config_map("site", {"on": "yes"}), "two.yaml": [config_map("a"), service("b")]})
    there = files(repo)
    assert yaml.safe_load(there["one.yaml"])["data"] == {"on": "yes"}
    assert [body["kind"] for body in yaml.safe_load_all(there["two.yaml"])] == ["ConfigMap", "Service"]


def test_a_merge_has_two_parents_and_both_changes(repo):
    first = repo.commit({"a": "1", "b": "1", "gone": "x", "same": "x"})
    repo.branch("next", first)
    theirs = repo.commit({"b": "2", "gone": None, "new": "2", "same": "y"}, branch="next")
    ours = repo.commit({"a": "2", "same": "y"})
    merged = repo.merge("next")
    assert parents(repo, merged) == [ours, theirs]
    assert files(repo) == {"a": "2", "b": "2", "new": "2", "same": "y"}
    assert repo.log() == [merged, ours, first]


def test_a_merge_into_an_unchanged_branch_makes_a_commit_too(repo):
    first = repo.commit({"a": "1"})
    repo.branch("next", first)
    theirs = repo.commit({"a": "2"}, branch="next")
    assert parents(repo, repo.merge("next", message="Take it")) == [first, theirs]
    assert files(repo) == {"a": "2"}


def test_branches_without_a_common_commit_are_merged_too(repo):
    repo.commit({"a": "1"})
    repo.commit({"b": "1"}, branch="other")
    repo.merge("other")
    assert files(repo) == {"a": "1", "b": "1"}


def test_a_conflict_names_the_paths(repo):
    first = repo.commit({"a": "1", "b": "1"})
    repo.branch("next", first)
    repo.commit({"a": "2", "b": "2"}, branch="next")
    repo.commit({"a": "3", "b": None})
    with pytest.raises(ValueError, match="both branches changed a, b; commit"):
        repo.merge("next")


def test_a_force_push_replaces_what_came_after(repo):
    first = repo.commit({"a": "1"})
    repo.commit({"a": "2", "b": "2"})
    assert parents(repo, repo.force_push({"a": "3"}, onto=first)) == [first]
    assert files(repo) == {"a": "3"}


def test_references_can_be_made_and_removed(repo):
    first = repo.commit({"a": "1"})
    assert repo.tag("v1", first) == first
    assert repo.tag("v2", first, message="Two") != first
    repo.delete("refs/tags/v2")
    with repo._open() as opened:
        assert sorted(opened.refs.as_dict(b"refs/tags")) == [b"v1"]
    with pytest.raises(KeyError):
        repo.head("nowhere")


def test_special_entries_keep_their_modes(repo):
    repo.commit({"run": Entry.executable("x"), "link": Entry.symlink("run"), "sub": Entry.submodule()})
    with repo._open() as opened:
        modes = {name.decode(): mode for name, mode, _ in opened[opened[repo.head().encode()].tree].items()}
    assert modes == {"run": 0o100755, "link": 0o120000, "sub": 0o160000}


def test_a_repository_that_is_there_goes_on_with_its_clock(tmp_path):
    first = GitRepository.create(tmp_path / "r.git")
    first.commit({"a": "1"})
    again = GitRepository(tmp_path / "r.git")
    assert again.commit({"a": "2"}) != first.commit({"a": "2"})
    assert again.url.startswith("file://")
    again.remove()
    assert not again.path.exists()


def test_a_commit_that_is_none_is_told(repo):
    repo.commit({"a": "1"})
    repo.set_ref("refs/heads/odd", repo.tag("v1", repo.head(), message="One"))
    with pytest.raises(TypeError, match="is a Tag, not a commit"):
        repo.commit({"a": "2"}, branch="odd")


def test_any_object_can_be_put_in(repo):
    from dulwich.objects import Blob

    assert repo.add(Blob.from_string(b"x")) == Blob.from_string(b"x").id.decode()


def test_what_is_forgotten_must_be_there():
    with pytest.raises(KeyError):
        MemoryRepository().forget("1" * 40)


def test_the_first_commit_and_the_branch_can_be_given():
    repo = MemoryRepository({"a.yaml": "1"}, branch="trunk")
    assert repo.source().resolve(make_context()).ref == "HEAD"
    assert repo.source("trunk").resolve(make_context()).id == repo.head("trunk")


def test_the_git_server_has_the_names_too():
    assert git_server.GitRepository is GitRepository
    assert git_server.Entry is Entry

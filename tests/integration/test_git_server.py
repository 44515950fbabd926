"""The Git server and repository builder that tests and demonstrations use."""

import os
import shutil
import subprocess

import pytest

from gitops_core.testing.git_server import Entry, Faults, GitRepository, serve_http

pytestmark = [
    pytest.mark.needs_git,
    pytest.mark.skipif(shutil.which("git") is None, reason="no git command, so no git http-backend"),
]


def git(*arguments):
    identity = {f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    done = subprocess.run(
        ["git", *map(str, arguments)], check=True, capture_output=True, text=True, env={**os.environ, **identity}
    )
    return done.stdout.strip()


def test_equal_calls_give_equal_ids(tmp_path):
    heads = []
    for name in ("one", "two"):
        repo = GitRepository.create(tmp_path / name)
        repo.commit({"a": "1", "d/b": b"2", "run": Entry.executable("#!"), "l": Entry.symlink("a"), "s": Entry.submodule()})
        repo = GitRepository(repo.path)
        heads.append(repo.commit({"d/b": None, **{f"many/{n}": str(n) for n in range(150)}}))
    assert heads[0] == heads[1]
    assert git("-C", tmp_path / "one", "fsck", "--no-dangling") == ""
    listed = git("-C", tmp_path / "one", "ls-tree", "-r", "main").splitlines()
    assert [line.split()[0] for line in listed if "many" not in line] == ["100644", "120000", "100755", "160000"]


def test_it_can_be_cloned_and_pushed_to_and_counts(tmp_path):
    repo = GitRepository.create(tmp_path / "origin.git")
    repo.commit({"a": "1"})
    with serve_http(repo.path, login=("me", "pw")) as server:
        git("clone", "-q", server.url.replace("http://", "http://me:pw@"), tmp_path / "work")
        (tmp_path / "work" / "big").write_bytes(os.urandom(2_000_000))
        git("-C", tmp_path / "work", "add", "big")
        git("-C", tmp_path / "work", "commit", "-q", "-m", "pushed")
        git("-C", tmp_path / "work", "push", "-q")
        assert server.count("fetch") == 1
        assert server.count("push") >= 1
        assert server.sent > 0
        server.close()
    assert repo.head() == git("-C", tmp_path / "work", "rev-parse", "HEAD")


def test_a_branch_can_be_deleted_and_forced(tmp_path):
    repo = GitRepository.create(tmp_path / "origin.git")
    one = repo.commit({"a": "1"})
    repo.branch("x", repo.commit({"a": "2"}))
    repo.branch("x", one)
    assert repo.head("x") == one
    repo.delete("refs/heads/x")
    with pytest.raises(KeyError):
        repo.head("x")


def test_without_git_it_says_what_is_missing(tmp_path, monkeypatch):
    repo = GitRepository.create(tmp_path / "origin.git")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="no git command"), serve_http(repo.path, faults=Faults()):
        pass

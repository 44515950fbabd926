"""Commits and tags signed by a builder are good in Git's own eyes."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from gitops_core.testing.builders import signing
from gitops_core.testing.builders.repositories import GitRepository, MemoryRepository
from gitops_core.testing.builders.signing import GpgKey, SshKey

LACKING = [program for program in ("git", "ssh-keygen", "gpg") if shutil.which(program) is None]


def needs(*programs):
    lacking = [program for program in programs if program in LACKING]
    return pytest.mark.skipif(bool(lacking), reason=f"no program {', '.join(lacking)}")


@pytest.fixture
def ssh(tmp_path):
    return SshKey.make(tmp_path / "key")


@pytest.fixture
def gpg():
    with tempfile.TemporaryDirectory(dir="/tmp") as home, GpgKey.make(Path(home) / "g") as key:
        yield key


def verified(repo, key, *command):
    """Let Git verify an object; return whether it is good, and what Git says."""
    settings = [word for name, value in key.settings.items() for word in ("-c", f"{name}={value}")]
    run = subprocess.run(
        ["git", "-C", str(repo.path), *settings, *command],
        env={**os.environ, **key.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return run.returncode == 0, run.stdout + run.stderr


def assert_signatures_are_good(repo, key):
    first = repo.commit({"a.yaml": "1"}, "One", signer=key)
    repo.branch("next", first)
    repo.commit({"b.yaml": "1"}, branch="next")
    merged = repo.merge("next", signer=key)
    repo.tag("v1", merged, message="One\n\nwith a body", signer=key)
    for command in (("verify-commit", first), ("verify-commit", merged), ("verify-tag", "v1")):
        good, said = verified(repo, key, *command)
        assert good, said
        assert "Good" in said
    good, _ = verified(repo, key, "verify-commit", repo.head("next"))
    assert not good, "a commit without a signature must not pass"
    with repo._open() as opened:
        forged = opened[first.encode()].copy()
    forged.message = b"Another one\n"
    good, said = verified(repo, key, "verify-commit", repo.add(forged))
    assert not good, said


@needs("git", "ssh-keygen")
def test_git_verifies_what_an_ssh_key_signed(tmp_path, ssh):
    assert_signatures_are_good(GitRepository.create(tmp_path / "r.git"), ssh)


@needs("git", "gpg")
def test_git_verifies_what_an_openpgp_key_signed(tmp_path, gpg):
    assert_signatures_are_good(GitRepository.create(tmp_path / "r.git"), gpg)


@needs("ssh-keygen")
def test_one_ssh_key_gives_equal_commits_in_memory_and_on_disk(tmp_path, ssh):
    repos = MemoryRepository(), GitRepository.create(tmp_path / "r.git")
    one, two = [(repo.commit({"a": "1"}, signer=ssh), repo.tag("v1", repo.head(), signer=ssh)) for repo in repos]
    assert one == two


@needs("ssh-keygen")
def test_a_stranger_is_not_allowed(tmp_path, ssh):
    repo = GitRepository.create(tmp_path / "r.git")
    good, said = verified(repo, SshKey.make(tmp_path / "other"), "verify-commit", repo.commit({"a": "1"}, signer=ssh))
    assert not good
    assert "Good" not in said.splitlines()[0] or "No principal matched" in said


@needs("ssh-keygen")
def test_a_program_that_fails_is_quoted(tmp_path):
    with pytest.raises(RuntimeError, match=r"ssh-keygen failed: .*nowhere"):
        SshKey(tmp_path / "nowhere").sign(b"x")


def test_a_missing_program_is_named_with_its_package(monkeypatch, tmp_path):
    monkeypatch.setattr(signing.shutil, "which", lambda _name: None)
    with pytest.raises(FileNotFoundError, match=r"no program ssh-keygen; install it .*openssh-client"):
        SshKey.make(tmp_path / "key")
    with pytest.raises(FileNotFoundError, match="no program gpg"), GpgKey.make(tmp_path / "g"):
        pass

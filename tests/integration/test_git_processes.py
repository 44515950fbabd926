"""The cache between processes, and when one of them is killed."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest

from gitops_core.errors import Cancelled
from gitops_core.sources.git import GitSource
from gitops_core.sources.git.cache import locked
from gitops_core.testing.contexts import make_context
from gitops_core.testing.git_server import Faults, GitRepository, serve_http

pytestmark = [
    pytest.mark.needs_git,
    pytest.mark.skipif(shutil.which("git") is None, reason="no git command, so no git http-backend"),
]

PROGRAM = """
import sys, time
from gitops_core.sources.git import GitSource
from gitops_core.testing.contexts import make_context
url, cache = sys.argv[1:3]
with GitSource(url, cache_dir=cache) as source:
    revision = source.resolve(make_context())
    print("resolved", flush=True)
    sys.stdin.readline()
    tree = source.fetch(make_context(), revision)
    print(len(tree.files), sum(len(tree.read(file)) for file in tree.files.values()), flush=True)
"""


class Child:
    def __init__(self, url, cache):
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, url, cache],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout.readline() == "resolved\n", self.process.stderr.read()

    def go(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def answer(self):
        out, err = self.process.communicate(timeout=60)
        return out, err


@pytest.fixture
def repo(tmp_path):
    made = GitRepository.create(tmp_path / "origin.git")
    made.commit({f"d{i % 10}/f{i}": f"{i}" * 50 for i in range(500)})
    return made


def test_processes_that_fetch_at_once_transfer_once(repo, tmp_path):
    with serve_http(repo.path) as server:
        children = [Child(server.url, tmp_path / "cache") for _ in range(3)]
        for child in children:
            child.go()
        answers = {child.answer() for child in children}
        assert len(answers) == 1
        assert answers.pop()[0].startswith("500 ")
        assert server.count("fetch") == 1


@pytest.mark.slow
def test_a_kill_at_any_moment_of_a_fetch_leaves_the_cache_usable(repo, tmp_path):
    expected = None
    dice = random.Random(1)
    for n in range(8):
        child = Child(str(repo.path), tmp_path / "cache")
        child.go()
        time.sleep(dice.uniform(0.0, 0.35))
        os.kill(child.process.pid, signal.SIGKILL)
        child.answer()
        if n % 3 == 2:
            survivor = Child(str(repo.path), tmp_path / "cache")
            survivor.go()
            out, err = survivor.answer()
            assert err == ""
            assert out.startswith("500 ")
            expected = expected or out
            assert out == expected
            repo.commit({"d0/f0": "0" * 50, "d1/f1": f"{n}" * 50})


def test_a_kill_in_the_middle_of_a_transfer_frees_the_lock_and_leaves_nothing_that_counts(repo, tmp_path):
    with serve_http(repo.path, faults=Faults(stall="pack")) as server:
        child = Child(server.url, tmp_path / "cache")
        child.go()
        while not server.count("fetch"):
            time.sleep(0.01)
        os.kill(child.process.pid, signal.SIGKILL)
        child.answer()
        (store,) = (tmp_path / "cache").glob("*.git")
        assert (store / "busy").exists()
        server.faults = Faults()
        with GitSource(server.url, cache_dir=tmp_path / "cache") as source:
            ctx = make_context()
            assert len(source.fetch(ctx, source.resolve(ctx)).files) == 500
        assert sorted(path.name for path in store.iterdir()) == ["HEAD", "config", "haves", "objects", "refs", "shallow"]


def test_waiting_for_another_process_can_be_cancelled(repo, tmp_path):
    (tmp_path / "cache").mkdir()
    with GitSource(repo.path, cache_dir=tmp_path / "cache") as source:
        ctx = make_context()
        revision = source.resolve(ctx)
        lock = source._handle.repository.store.path.with_suffix(".lock")
        with locked(lock, make_context()):
            import threading

            timer = threading.Timer(0.2, ctx.cancel.set)
            timer.start()
            begun = time.monotonic()
            with pytest.raises(Cancelled):
                source.fetch(ctx, revision)
            assert time.monotonic() - begun < 2
            timer.join()


def test_git_itself_finds_nothing_wrong_with_the_cache(repo, tmp_path):
    with serve_http(repo.path) as server, GitSource(server.url, cache_dir=tmp_path / "cache") as source:
        ctx = make_context()
        for n in range(3):
            source.fetch(ctx, source.resolve(ctx)).history("d1/f1")
            repo.commit({"d1/f1": f"{n}"})
        for store in (tmp_path / "cache").glob("*.git"):
            if ".history" not in store.name:
                heads = (store / "haves").read_text().split()
                for head in heads:
                    subprocess.run(["git", "-C", store, "ls-tree", "-r", head], check=True, capture_output=True)
                subprocess.run(["git", "-C", store, "fsck", "--full"], check=True, capture_output=True)

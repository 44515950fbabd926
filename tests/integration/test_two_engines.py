"""Two engines on one application, or two applications on one file: nothing is lost, and nobody fights silently."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import attrs
import pytest

from gitops_core import reconcile
from gitops_core.model.results import PassStatus
from gitops_core.sources.git import GitSource

pytestmark = [
    pytest.mark.needs_git,
    pytest.mark.skipif(shutil.which("git") is None, reason="no git command, so no git http-backend"),
]

CHILD = Path(__file__).parent / "engine_child.py"
SEED, ROUNDS = 20, 20


def engine(edge) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(CHILD), "loop", str(edge.home), edge.server.url],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def random_commit(edge, make_page, rng: random.Random, wanted: dict[str, str]) -> None:
    """Write, change or remove up to three pages, and keep one."""
    files = {}
    for name in rng.sample([f"p{i}" for i in range(8)], rng.randint(1, 3)):
        if name in wanted and len(wanted) > 1 and rng.random() < 0.4:
            del wanted[name]
            files[f"{name}.yaml"] = None
        else:
            wanted[name] = f"{name} {rng.random()}"
            files[f"{name}.yaml"] = make_page(name, wanted[name])
    edge.commit(files)


@pytest.mark.slow
def test_two_processes_on_one_application_lose_nothing_and_end_where_git_is(edge, make_page):
    """20 rounds of random commits while both run passes as fast as they can; seeded."""
    rng = random.Random(SEED)
    wanted = {"index": "hello", "about": "hello"}
    engines = [engine(edge) for _ in range(2)]
    try:
        for process in engines:
            assert process.stdout.readline().strip() in ("changed", "in-sync")
        for _ in range(ROUNDS):
            random_commit(edge, make_page, rng, wanted)
            time.sleep(rng.uniform(0.0, 0.2))
            assert [process.poll() for process in engines] == [None, None]
    finally:
        for process in engines:
            process.terminate()
        ends = [process.communicate(timeout=60) for process in engines]
    for process, (text, errors) in zip(engines, ends, strict=True):
        assert (process.returncode, errors) == (0, ""), text
    with_room = attrs.evolve(edge.app.guard, delete_floor=100, delete_fraction=1.0, touched_fraction=1.0)
    edge.settings["guard"] = with_room
    assert edge.reconcile().ok
    assert edge.pages() == wanted
    assert edge.owned() == {f"www/{name}.html" for name in wanted}
    assert edge.reconcile().status is PassStatus.IN_SYNC
    assert {record.status for record in edge.store.journal(edge.app.id, None, 1000)} == {"done"}


def test_while_one_process_works_the_other_waits_and_then_names_it(edge):
    edge.settings["options"] = attrs.evolve(edge.app.options, lock_timeout=0.2)
    with edge.store.exclusive(edge.app.id, 1.0):
        result = edge.reconcile()
    assert (result.status, result.failures[0].error, result.failures[0].disposition) == (
        PassStatus.FAILED,
        "StateLocked",
        "retry",
    )
    assert edge.app.id in result.failures[0].message
    assert not edge.srv.exists()
    assert edge.reconcile().ok


def test_two_applications_that_want_one_file_are_refused_with_both_names_and_neither_fights(edge, make_page):
    edge.repository.commit({"rival/about.yaml": make_page("about", "mine"), "rival/own.yaml": make_page("own")})
    source = GitSource(edge.server.url, ref="main", path="rival", cache_dir=edge.home / "cache")
    rival = attrs.evolve(edge.app, name="rival", source=source)
    assert edge.reconcile().ok
    for _ in range(3):
        result = reconcile(rival, store=edge.store)
        change = result.plan["File//www/about.html"]
        assert (result.status, change.rule) == (PassStatus.REFUSED, "foreign_owner")
        assert edge.app.id in change.reason
        assert rival.id in change.reason
        assert edge.reconcile().status is PassStatus.IN_SYNC
        assert edge.pages() == {"index": "hello", "about": "hello", "own": "hello"}
    edge.commit({"about.yaml": None})
    edge.reconcile()
    assert edge.pages()["about"] == "hello", "it was handed over, not deleted"
    assert reconcile(rival, store=edge.store).ok
    assert edge.pages() == {"index": "hello", "about": "mine", "own": "hello"}

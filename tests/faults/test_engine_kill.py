"""Kill the whole engine, on real Git, directory and SQLite, at any moment: the next run is as if nothing had happened."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from gitops_core import Application, Owner, reconcile
from gitops_core.engine.runtime import Runtime
from gitops_core.model.applications import Options
from gitops_core.model.guards import Guard
from gitops_core.model.inventory import EntryState
from gitops_core.renderers.manifests import ManifestsRenderer
from gitops_core.sources.git import GitSource
from gitops_core.state.sqlite import SqliteStore
from gitops_core.targets.directory import DirectoryTarget
from gitops_core.testing.git_server import GitRepository, serve_http

pytestmark = [
    pytest.mark.needs_git,
    pytest.mark.skipif(shutil.which("git") is None, reason="no git command, so no git http-backend"),
]

CHILD = Path(__file__).parents[1] / "integration" / "engine_child.py"
SEED, KILLS, MOST_KILLS = 15, 15, 60  # more than 15 only until one has hit a pass in the middle
OPEN = Guard(delete_floor=1000, delete_fraction=1.0, delete_cap=1000, touched_fraction=1.0, allow_empty=True)


def page(name: str, text: str) -> str:
    return f"kind: File\nmetadata: {{name: {name}}}\nspec:\n  content: {text!r}\n"


def application(home: Path, url: str, target: DirectoryTarget | None = None, **options: float) -> Application:
    return Application(
        name="edge", owner=Owner("example.org", "tests"),
        source=GitSource(url, ref="main", path="edge", cache_dir=home / "cache"), renderer=ManifestsRenderer(),
        target=target or DirectoryTarget(home / "srv"), guard=OPEN,
        options=Options(**{"backoff": 0.01, "backoff_cap": 0.05, "health_interval": 0.02, **options}),
    )  # fmt: skip


def start(home: Path, url: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(CHILD), "loop", str(home), url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def churn(repository: GitRepository, rng: random.Random, wanted: dict[str, str]) -> None:
    """Commit changes to some forty files in nested directories: many new, some changed, some gone."""
    files: dict[str, str | None] = {}
    for name in rng.sample([f"d{i % 5}/e{i % 3}/f{i}" for i in range(80)], 40):
        if name in wanted and rng.random() < 0.5:
            del wanted[name]
            files[f"edge/{name}.yaml"] = None
        else:
            wanted[name] = f"{name} {rng.random()}"
            files[f"edge/{name}.yaml"] = page(name, wanted[name])
    repository.commit(files)


@pytest.mark.slow
def test_killed_at_random_moments_the_next_run_makes_target_and_inventory_equal_to_git(tmp_path):
    """15 kills or more within passes that have work to do, seeded; foreign files are in the same directories all the time."""
    rng = random.Random(SEED)
    repository, wanted, in_the_middle = GitRepository.create(tmp_path / "edge.git"), {}, 0
    foreign = {tmp_path / "srv" / "d1" / "e1" / "theirs": "kept", tmp_path / "srv" / "f0": "kept, too"}
    for path, text in foreign.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    churn(repository, rng, wanted)
    with serve_http(repository.path) as server:
        for kill in range(MOST_KILLS):
            if kill >= KILLS and in_the_middle:
                break
            process = start(tmp_path, server.url)
            assert process.stdout.readline().strip() in ("changed", "in-sync"), process.stderr.read()
            churn(repository, rng, wanted)
            time.sleep(rng.uniform(0.0, 0.25))
            process.kill()
            process.communicate()
            assert process.returncode == -signal.SIGKILL
            with SqliteStore(tmp_path / "state" / "state.sqlite3") as store:
                entries = store.inventory("example.org/tests/edge").entries.values()
            in_the_middle += any(entry.state is not EntryState.APPLIED for entry in entries)
        assert in_the_middle, "no kill hit a pass in the middle: change the times"
        app = application(tmp_path, server.url)
        with SqliteStore(tmp_path / "state" / "state.sqlite3") as store:
            result = reconcile(app, store=store)
            assert result.ok, result.text()
            assert reconcile(app, store=store).status == "in-sync"
            owned = {key.name for key in store.inventory(app.id).entries}
            assert not store.inventory(app.id).intents
    found = {path: path.read_text() for path in (tmp_path / "srv").rglob("*") if path.is_file()}
    ours = {str(path.relative_to(tmp_path / "srv")): text for path, text in found.items() if path not in foreign}
    assert ours == wanted
    assert owned == wanted.keys()
    assert {path: found[path] for path in foreign} == foreign
    assert [path for path in (tmp_path / "srv").rglob("*") if path.is_dir() and not any(path.iterdir())] == []


@pytest.fixture
def busy(tmp_path):
    """Return a served repository with two hundred files."""
    repository = GitRepository.create(tmp_path / "edge.git")
    repository.commit({f"edge/f{i}.yaml": page(f"f{i}", "x") for i in range(200)})
    with serve_http(repository.path) as server:
        yield server.url


def test_a_terminated_host_ends_its_pass_and_leaves_a_state_that_goes_on(tmp_path, busy):
    process = start(tmp_path, busy)
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    _text, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")
    with SqliteStore(tmp_path / "state" / "state.sqlite3") as store:
        assert reconcile(application(tmp_path, busy), store=store).ok


class Slow(DirectoryTarget):
    """Takes 30 ms for a file, and says when the first one is there."""

    begun: threading.Event

    def create(self, ctx, change):
        live = super().create(ctx, change)
        self.begun.set()
        time.sleep(0.03)
        return live


def test_a_stop_from_another_thread_ends_the_pass_within_a_tick_and_finishes_the_change_in_hand(tmp_path, busy):
    target, runtime = Slow(tmp_path / "srv"), Runtime()
    target.begun = threading.Event()
    app = application(tmp_path, busy, target)
    stopped_at: list[float] = []

    def stop() -> None:
        target.begun.wait(10)
        stopped_at.append(time.monotonic())
        runtime.cancel.set()

    stopper = threading.Thread(target=stop)
    stopper.start()
    with SqliteStore(tmp_path / "state.sqlite3") as store:
        result = reconcile(app, store=store, runtime=runtime)
        took = time.monotonic() - stopped_at[0]
        stopper.join()
        written = {path.name for path in (tmp_path / "srv").iterdir()}
        assert took < 2.0
        assert result.status == "pending"
        assert {o.status.value for o in result.outcomes} <= {"done", "pending", "skipped"}
        assert 0 < len(written) < 100
        assert {o.key.name for o in result.outcomes if o.status != "skipped"} == written
        assert {key.name for key in store.inventory(app.id).entries} == written
        assert reconcile(application(tmp_path, busy), store=store).ok
        assert len(store.inventory(app.id).entries) == 200


def test_a_keyboard_interrupt_leaves_no_temporary_file_and_the_next_pass_goes_on(tmp_path, busy):
    class Sink:
        def emit(self, event):
            if event.type == "change-finished":
                raise KeyboardInterrupt

    target = Slow(tmp_path / "srv")
    target.begun = threading.Event()
    with SqliteStore(tmp_path / "state.sqlite3") as store:
        with pytest.raises(KeyboardInterrupt):
            reconcile(application(tmp_path, busy, target), store=store, runtime=Runtime(sinks=[Sink()]))
        written = {path.name for path in (tmp_path / "srv").iterdir()}
        assert len(written) < 150
        assert not [name for name in written if name.startswith(".reconcile")]
        assert written <= {key.name for key in store.inventory("example.org/tests/edge").entries}
        assert reconcile(application(tmp_path, busy), store=store).ok
    assert len(list((tmp_path / "srv").iterdir())) == 200

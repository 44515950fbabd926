"""The whole job on real parts: many applications, saved plans, other processes, the default store, secrets."""

from __future__ import annotations

import logging
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from gitops_core import explain, reconcile
from gitops_core.engine.runtime import Runtime
from gitops_core.engine.sinks import ListSink, LoggingSink
from gitops_core.model.results import PassStatus
from gitops_core.renderers.manifests import ManifestsRenderer
from gitops_core.sources.git import GitSource
from gitops_core.targets.directory import DirectoryTarget

pytestmark = [
    pytest.mark.needs_git,
    pytest.mark.skipif(shutil.which("git") is None, reason="no git command, so no git http-backend"),
]

CHILD = Path(__file__).parent / "engine_child.py"


def child(what: str, edge, **environment: str) -> list[str]:
    """Run the engine in another process and return what it printed."""
    done = subprocess.run(
        [sys.executable, str(CHILD), what, str(edge.home), edge.server.url],
        check=False, capture_output=True, text=True, timeout=60, env={**os.environ, **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_ten_applications_of_one_repository_share_store_cache_and_one_fetch(edge, make_page):
    apps = [f"app{i}" for i in range(10)]
    edge.repository.commit({f"{app}/{name}.yaml": make_page(name, app) for app in apps for name in ("a", "b")})
    made = []
    for name in apps:
        source = GitSource(edge.server.url, ref="main", path=name, cache_dir=edge.home / "cache")
        made.append(attrs.evolve(edge.app, name=name, source=source, target=DirectoryTarget(edge.home / "apps" / name)))
    for app in made:
        assert reconcile(app, store=edge.store).status is PassStatus.CHANGED
    assert edge.server.count("fetch") == 1
    for app in made:
        assert (edge.home / "apps" / app.name / "www/a.html").read_text() == app.name
        assert reconcile(app, store=edge.store).status is PassStatus.IN_SYNC
    assert edge.server.count("fetch") == 1
    assert list(edge.store.applications()) == sorted(app.id for app in made)


def test_history_journal_and_explanation_tell_the_story(edge, make_page):
    first = edge.repository.head()
    assert edge.reconcile().ok
    second = edge.commit({"about.yaml": make_page("about", "new")}, author="Grace <grace@example.org>", message="Say more")
    assert edge.reconcile().ok
    for _ in range(3):
        assert edge.reconcile().status is PassStatus.IN_SYNC
    history = edge.store.history(edge.app.id)
    assert [(record.revision, record.status) for record in history] == [
        (second, "in-sync"), (second, "changed"), (first, "changed"),
    ]  # fmt: skip
    journal = edge.store.journal(edge.app.id, None, 10)
    assert [(record.key.name, record.action, record.revision) for record in journal] == [
        ("www/about.html", "update", second), ("www/index.html", "create", first), ("www/about.html", "create", first),
    ]  # fmt: skip
    told = explain(edge.app, "File//www/about.html", store=edge.store)
    assert (told.commit, told.author, told.commit_message) == (second, "Grace <grace@example.org>", "Say more")
    assert (told.declared.path, told.declared.line) == ("edge/about.yaml", 1)
    assert [record.action for record in told.records] == ["update", "create"]


def test_a_plan_that_was_saved_to_a_file_is_applied_by_another_process(edge, make_page):
    saved = edge.plan()
    (edge.home / "plan.json").write_text(saved.to_json())
    assert not edge.srv.exists()
    edge.commit({"late.yaml": make_page("late")})
    assert child("apply", edge) == ["changed"]
    assert edge.pages() == {"index": "hello", "about": "hello"}
    assert edge.reconcile().ok
    assert "late" in edge.pages()


def test_a_plan_that_no_longer_fits_is_stale_in_the_other_process(edge):
    assert edge.reconcile().ok
    (edge.srv / "www/about.html").write_text("drift")
    (edge.home / "plan.json").write_text(edge.plan().to_json())
    (edge.srv / "www/about.html").write_text("more drift")
    assert child("apply", edge)[0] == "stale"
    assert edge.pages()["about"] == "more drift"


def test_destroy_removes_what_is_ours_and_leaves_the_rest(edge):
    assert edge.reconcile().ok
    (edge.srv / "www/theirs.html").write_text("kept")
    assert edge.destroy().ok
    assert edge.files() == {"www/theirs.html": "kept"}
    assert edge.owned() == set()
    assert edge.destroy().status is PassStatus.IN_SYNC
    assert edge.reconcile().ok


def test_without_a_store_the_next_process_still_knows_what_to_prune(edge, tmp_path):
    user = {"HOME": str(tmp_path / "home"), "XDG_STATE_HOME": str(tmp_path / "xdg-state")}
    assert child("default", edge, **user) == ["changed"]
    edge.commit({"about.yaml": None})
    assert child("default", edge, **user) == ["changed"]
    assert edge.pages() == {"index": "hello"}
    assert child("default", edge, **user) == ["in-sync"]
    (state,) = (tmp_path / "xdg-state").rglob("*.sqlite3")
    assert stat.S_IMODE(state.stat().st_mode) == 0o600


def test_without_a_store_and_without_xdg_the_state_is_in_the_home_directory(edge, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    user = {"HOME": str(home), "XDG_STATE_HOME": "", "XDG_CACHE_HOME": ""}
    assert child("default", edge, **user) == ["changed"]
    assert [str(path.relative_to(home)) for path in home.rglob("*.sqlite3")] == [".local/state/gitops_core/state.sqlite3"]


def test_events_reach_the_log_with_their_fields(edge, caplog):
    with caplog.at_level(logging.INFO, "gitops_core"):
        edge.reconcile(sinks=[LoggingSink()])
    lines = [record.getMessage() for record in caplog.records]
    assert lines[0].startswith(f"{edge.app.id} pass-started")
    assert lines[-1].endswith("changed")
    assert sum("change-finished" in line for line in lines) == 2
    assert {record.gitops_pass for record in caplog.records} == {caplog.records[0].gitops_pass}


def test_an_application_that_was_renamed_is_refused_with_both_names_and_destroys_nothing(edge):
    assert edge.reconcile().ok
    edge.settings["name"] = "edge-two"
    result = edge.reconcile()
    assert result.status is PassStatus.REFUSED
    text = result.text() + result.plan.text()
    assert "example.org/tests/edge-two" in text
    assert "application example.org/tests/edge has it" in text
    assert edge.pages() == {"index": "hello", "about": "hello"}


CANARY = "canary-7f3a-correct-horse"
ENCODED = "Y2FuYXJ5LTdmM2EtY29ycmVjdC1ob3JzZQ=="


def secret(value: str, extra: str = "") -> str:
    return f"apiVersion: v1\nkind: Secret\nmetadata: {{name: db, namespace: shop}}\nstringData:\n  password: {value}\n{extra}"


def test_a_secret_is_in_the_target_and_in_git_and_nowhere_else(edge, caplog):
    """Created, drifted, updated, refused, broken, pruned: no text and no byte of the state holds the value."""
    sink, texts = ListSink(), []

    def run(step):
        result = edge.reconcile(sinks=[sink, LoggingSink()])
        texts.extend((step, repr(result), result.text(), repr(result.plan)))
        if result.plan is not None:
            texts.extend((result.plan.text(), result.plan.markdown(), result.plan.to_json()))
        return result

    with caplog.at_level(logging.DEBUG):
        edge.commit({"db.yaml": secret(CANARY)})
        texts.append(edge.plan().text())
        assert run("create").ok
        (written,) = (path for path in edge.srv.rglob("db.yaml"))
        assert CANARY in written.read_text()
        assert stat.S_IMODE(written.stat().st_mode) == 0o600
        written.write_text(written.read_text().replace(CANARY, f"{CANARY}-drifted"))
        assert run("drift").ok
        edge.commit({"db.yaml": secret(f"{CANARY}-two")})
        assert run("update").ok
        for broken in (f"  bad: [{CANARY}", f"  password: {CANARY}\n", f"  {CANARY}: *{CANARY}\n"):
            edge.commit({"db.yaml": secret(CANARY, broken)})
            assert not run(broken[:5]).ok
        edge.commit({"db.yaml": secret(CANARY)})
        (edge.srv / "shop/Secret/db.yaml").unlink()
        (edge.srv / "shop/Secret/db.yaml").mkdir()
        assert not run("in the way").ok
        (edge.srv / "shop/Secret/db.yaml").rmdir()
        edge.commit({"db.yaml": None})
        assert run("prune").ok
    texts += [repr(event) for event in sink.events] + [record.getMessage() + str(vars(record)) for record in caplog.records]
    texts.append(repr(edge.store.journal(edge.app.id)) + repr(edge.store.history(edge.app.id)))
    for text in texts:
        assert CANARY not in text
        assert ENCODED not in text
    kept = [path for path in (edge.home / "state").rglob("*") if path.is_file()]
    assert any(path.name.endswith("-wal") for path in kept)
    for path in kept:
        assert CANARY.encode() not in path.read_bytes(), path
        assert ENCODED.encode() not in path.read_bytes(), path


def test_a_runtime_without_anything_special_is_enough(edge):
    assert reconcile(edge.app, store=edge.store, runtime=Runtime()).ok
    assert isinstance(edge.app.renderer, ManifestsRenderer)

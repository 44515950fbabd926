"""
What bad input gets, on real parts: an error that names file, line, object, rule and cure; nothing of it written; the
independent rest goes on; the pass after the mend converges.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import tempfile
from pathlib import Path

import attrs
import pytest
from dulwich.objects import Blob, Commit, Tree

from gitops_core import Application
from gitops_core.interfaces import Policy, Renderer, Source
from gitops_core.model.applications import Options
from gitops_core.model.results import PassStatus, ReconcileResult
from gitops_core.model.verdicts import Violation
from gitops_core.renderers.manifests import ManifestsRenderer
from gitops_core.sources.git import GitSource, Transport
from gitops_core.state.database import Database
from gitops_core.state.sqlite import SqliteStore
from gitops_core.targets.directory import DirectoryTarget
from gitops_core.testing.executors import InlineExecutor
from gitops_core.testing.git_server import GitRepository

pytestmark = [
    pytest.mark.slow,
    pytest.mark.needs_git,
    pytest.mark.skipif(shutil.which("git") is None, reason="no git command, so no git http-backend"),
]


def only(result: ReconcileResult):
    """Return the one failure there is."""
    assert len(result.failures) == 1, result.text()
    return result.failures[0]


def refuses(edge, error: str, *words: str, disposition: str = "stall"):
    """Reconcile, and expect the whole revision to be refused with *error* and *words*, and nothing to move."""
    before, owned = edge.files() if edge.srv.exists() else {}, edge.owned()
    result = edge.reconcile()
    failure = only(result)
    assert (result.status, failure.error, failure.disposition) == (PassStatus.FAILED, error, disposition), result.text()
    for word in words:
        assert word in str(failure), f"{word!r} is missing in: {failure}"
    assert (edge.files() if edge.srv.exists() else {}, edge.owned()) == (before, owned)
    assert edge.store.history(edge.app.id)[0].status == "failed"
    return failure


def converges(edge, expected: dict[str, str]):
    """Expect the next pass to be clean, the one after it to find nothing to do, and the target to be *expected*."""
    result = edge.reconcile()
    assert result.ok, result.text()
    assert edge.reconcile().status is PassStatus.IN_SYNC
    assert edge.pages() == expected


HELLO = {"index": "hello", "about": "hello"}


# -- what is wrong in the repository --------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [True, False], ids=["first-pass", "later"])
def test_broken_yaml_is_refused_with_file_line_and_cure_and_nothing_is_written(edge, make_page, first):
    if not first:
        assert edge.reconcile().ok
    edge.commit({"about.yaml": "kind: File\nmetadata: {name: x\n", "index.yaml": make_page("index", "new")})
    failure = refuses(edge, "ManifestError", "edge/about.yaml:")
    assert failure.origin.line >= 2
    assert edge.check().failures[0].origin.path == "edge/about.yaml"
    edge.commit({"about.yaml": make_page("about")})
    converges(edge, {"index": "new", "about": "hello"})


def test_every_broken_file_is_named_at_once(edge):
    edge.commit(
        {"a.yaml": "kind: [", "b.yaml": "metadata: {name: x}\n", "c.yaml": "kind: File\nkind: File\nmetadata: {name: x}\n"}
    )
    result = edge.reconcile()
    assert [failure.origin.path for failure in result.failures] == ["edge/a.yaml", "edge/b.yaml", "edge/c.yaml"]
    assert all(failure.disposition == "stall" for failure in result.failures)
    assert not edge.srv.exists()


def test_with_partial_renders_allowed_the_good_files_are_applied_and_nothing_is_pruned(edge, make_page):
    edge.settings["options"] = attrs.evolve(edge.app.options, allow_partial_render=True)
    assert edge.reconcile().ok
    edge.commit({"about.yaml": None, "bad.yaml": "kind: [", "index.yaml": make_page("index", "new")})
    result = edge.reconcile()
    assert (result.status, result.failures[0].origin.path) == (PassStatus.DEGRADED, "edge/bad.yaml")
    assert "about" in edge.pages()


def test_two_objects_with_one_key_are_refused_with_both_places(edge, make_page):
    assert edge.reconcile().ok
    edge.commit({"z/again.yaml": "# a comment\n" + make_page("about", "other")})
    refuses(
        edge, "DuplicateResource", "edge/z/again.yaml:2", "edge/about.yaml:1", "File//www/about.html", "remove one of the two"
    )
    edge.commit({"z/again.yaml": None})
    converges(edge, HELLO)


def test_two_spellings_of_one_file_are_one_object(edge, make_page):
    edge.commit(
        {"z.yaml": "apiVersion: files/v1\nkind: File\nmetadata: {name: other}\nspec: {path: www/about.html, content: x}\n"}
    )
    refuses(edge, "DuplicateResource", "edge/z.yaml", "edge/about.yaml")


def test_a_cycle_is_refused_with_its_path_and_the_others_go_on(edge, make_page):
    edge.commit({
        "a.yaml": make_page("a", notes="example.org/depends-on: File//www/b.html"),
        "b.yaml": make_page("b", notes="example.org/depends-on: File//www/a.html"),
    })  # fmt: skip
    result = edge.reconcile()
    assert result.status is PassStatus.REFUSED
    reasons = [result["File//www/a.html"].reason, result["File//www/b.html"].reason]
    assert all("File//www/a.html" in reason and "File//www/b.html" in reason for reason in reasons), reasons
    assert edge.pages() == HELLO
    edge.commit({"b.yaml": make_page("b")})
    converges(edge, {**HELLO, "a": "hello", "b": "hello"})


def test_a_first_render_without_objects_is_in_sync_and_says_that_there_is_nothing(edge):
    edge.commit({"index.yaml": None, "about.yaml": None, "README.md": "later"})
    result = edge.reconcile()
    assert (result.status, result.plan.changes) == (PassStatus.IN_SYNC, ())


def test_a_later_render_without_objects_prunes_nothing_until_it_is_allowed_by_name(edge, make_page):
    assert edge.reconcile().ok
    edge.commit({"index.yaml": None, "about.yaml": None, "README.md": "gone"})
    result = edge.reconcile()
    assert result.status is PassStatus.REFUSED
    (refusal,) = result.plan.refusals
    assert refusal.rule == "empty"
    assert "all 2 of 2" in refusal.message
    assert "allow_empty=True" in refusal.override
    assert edge.pages() == HELLO
    edge.commit({"index.yaml": make_page("index"), "about.yaml": make_page("about")})
    converges(edge, HELLO)


def test_a_path_that_is_not_there_is_an_error_and_not_an_empty_render(edge):
    assert edge.reconcile().ok
    source = GitSource(edge.server.url, ref="main", path="egde", cache_dir=edge.home / "cache")
    result = attrs.evolve(edge, settings={"source": source}).reconcile()
    assert not result.ok
    assert "egde" in result.text()
    assert edge.pages() == HELLO


def test_a_bad_lfs_pointer_is_refused_with_its_file(edge, make_page):
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 12345\n"
    edge.commit({"big.yaml": pointer})
    refuses(edge, "UnsupportedContent", "edge/big.yaml", "LFS", "git lfs migrate export")
    edge.commit({"big.yaml": None})
    converges(edge, HELLO)


@pytest.mark.parametrize("name", [b"..", b".git", b".GIT", b"git~1", b"a\\..\\b", b".g\xe2\x80\x8cit"])
def test_a_tree_entry_that_could_reach_outside_is_refused(edge, name, make_page):
    assert edge.reconcile().ok
    evil = Tree()
    evil.add(name, 0o100644, edge.repository.add(Blob.from_string(make_page("evil").encode())).encode())
    commit_tree(edge.repository, evil)
    refuses(edge, "UnsafeTree")
    edge.repository.commit({"edge/index.yaml": make_page("index"), "edge/about.yaml": make_page("about")}, branch="again")
    edge.repository.branch("main", edge.repository.head("again"))
    converges(edge, HELLO)


def commit_tree(repository: GitRepository, inner: Tree) -> None:
    """Point main at a commit whose ``edge`` is *inner*."""
    edge_id = repository.add(inner).encode()
    root = Tree()
    root.add(b"edge", 0o040000, edge_id)
    commit = Commit()
    commit.tree = repository.add(root).encode()
    commit.author = commit.committer = b"Eve <eve@example.org>"
    commit.author_time = commit.commit_time = 1_800_000_000
    commit.author_timezone = commit.commit_timezone = 0
    commit.message = b"evil"
    repository.branch("main", repository.add(commit))


@pytest.mark.slow
def test_a_file_above_the_limit_is_refused_with_its_size_and_the_setting(edge, make_page):
    edge.commit({"huge.yaml": b"#" * (100 * 1024 * 1024)})
    refuses(edge, "LimitExceeded", "edge/huge.yaml", "104,857,600", "GitLimits.file_bytes")
    edge.commit({"huge.yaml": None})
    converges(edge, HELLO)


def test_a_file_that_is_not_utf_8_is_refused_with_its_name(edge):
    edge.commit({"latin.yaml": "kind: File\nmetadata: {name: x}\nspec: {content: caf\xe9}\n".encode("latin-1")})
    refuses(edge, "ManifestError", "edge/latin.yaml", "UTF-8")
    edge.commit({"latin.yaml": None})
    converges(edge, HELLO)


HOSTILE = ["../escape", "/etc/gitops-core-was-here", "a//b", "a/../../b", ".", "x/./y", "nul\0byte", "tab\tname", "a" * 300]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_refused_alone_and_nothing_is_written_outside(edge, name):
    outside = sorted(edge.home.iterdir())
    escaped = name.replace("\0", "\\0").replace("\t", "\\t")
    edge.commit({"evil.yaml": f'kind: File\nmetadata: {{name: "{escaped}"}}\nspec: {{content: x}}\n'})
    result = edge.reconcile()
    assert not result.ok
    assert "edge/evil.yaml" in result.text() or "edge/evil.yaml" in result.plan.text()
    assert sorted(path for path in edge.home.iterdir() if path.name not in ("srv", "cache", "state")) == [
        path for path in outside if path.name not in ("srv", "cache", "state")
    ]
    assert edge.pages() in ({}, HELLO)
    edge.commit({"evil.yaml": None})
    converges(edge, HELLO)


# -- what is wrong with the source ----------------------------------------------------------------------------------------


def test_a_revision_that_vanishes_between_resolve_and_fetch_may_be_retried_and_the_next_pass_goes_on(edge, make_page):
    """A force-push and a garbage collection on the server in the moment between the two calls."""

    @attrs.frozen
    class Unlucky(Source):
        real: Source
        name = property(lambda self: self.real.name)
        lucky: list = attrs.field(factory=list)

        def resolve(self, ctx):
            revision = self.real.resolve(ctx)
            if not self.lucky:
                self.lucky.append(True)
                edge.repository.commit({"edge/index.yaml": make_page("index", "forced")}, branch="other")
                edge.repository.branch("main", edge.repository.head("other"))
                edge.repository.delete("refs/heads/other")
                git = ["git", "-C", str(edge.repository.path), "-c", "gc.pruneExpire=now"]
                subprocess.run([*git, "reflog", "expire", "--expire=now", "--all"], check=True)
                subprocess.run([*git, "gc", "-q", "--prune=now"], check=True)
            return revision

        def fetch(self, ctx, revision):
            return self.real.fetch(ctx, revision)

    edge.settings["source"] = Unlucky(edge.app.source)
    refuses(edge, "RevisionVanished", "the next pass resolves anew", disposition="retry")
    converges(edge, {"index": "forced"})


def test_a_server_that_is_down_is_retried_and_named_and_the_target_is_left_alone(edge, make_page):
    assert edge.reconcile().ok
    edge.server.faults.status = 503
    failure = refuses(edge, "SourceUnavailable", edge.server.base_url.removeprefix("http://"), disposition="retry")
    assert failure.stage == "resolve"
    edge.server.faults.status = 0
    converges(edge, HELLO)


def test_a_server_that_is_not_there_at_all_is_named(edge):
    url = edge.server.url
    edge.server.close()
    edge.settings["source"] = GitSource(url, ref="main", cache_dir=edge.home / "cache", transport=Transport(connect_timeout=1))
    refuses(edge, "SourceUnavailable", "127.0.0.1", disposition="retry")


def test_refused_credentials_stall_without_a_retry(edge):
    edge.server.authorization = "Basic bm9ib2R5"
    failure = refuses(edge, "AuthenticationFailed")
    assert (edge.server.count("refs"), failure.stage) == (1, "resolve")
    edge.server.authorization = None
    converges(edge, HELLO)


def test_a_repository_without_a_commit_waits(edge, tmp_path):
    empty = GitRepository.create(tmp_path / "empty.git")
    edge.settings["source"] = GitSource(empty.path, cache_dir=edge.home / "cache")
    refuses(edge, "EmptyRepository", disposition="wait")


# -- what is wrong with the target ----------------------------------------------------------------------------------------


def test_a_directory_where_a_file_should_be_is_refused_and_the_others_go_on(edge):
    (edge.srv / "www" / "about.html").mkdir(parents=True)
    (edge.srv / "www" / "about.html" / "theirs").write_text("kept")
    result = edge.reconcile()
    assert result.status is PassStatus.DEGRADED
    assert "www/about.html" in result["File//www/about.html"].reason
    assert "remove it by hand or declare another path" in result["File//www/about.html"].reason
    assert edge.files() == {"www/index.html": "hello", "www/about.html/theirs": "kept"}
    shutil.rmtree(edge.srv / "www" / "about.html")
    converges(edge, HELLO)


def test_a_symbolic_link_out_of_the_root_is_not_followed(edge, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    edge.srv.mkdir()
    (edge.srv / "www").symlink_to(tmp_path / "elsewhere")
    assert not edge.reconcile().ok
    assert list((tmp_path / "elsewhere").iterdir()) == []


class Powerless(DirectoryTarget):
    """Does its work as a user whom file permissions bind."""

    def _as_nobody(self, run):
        if os.geteuid() != 0:
            return run()
        try:
            os.seteuid(65534)
        except OSError as error:
            pytest.skip(f"root cannot drop its privileges here: {error}")
        try:
            return run()
        finally:
            os.seteuid(0)

    def observe(self, ctx, query):
        return self._as_nobody(lambda: list(DirectoryTarget.observe(self, ctx, query)))

    def create(self, ctx, change):
        return self._as_nobody(lambda: DirectoryTarget.create(self, ctx, change))

    def update(self, ctx, change):
        return self._as_nobody(lambda: DirectoryTarget.update(self, ctx, change))

    def delete(self, ctx, change):
        return self._as_nobody(lambda: DirectoryTarget.delete(self, ctx, change))


@pytest.fixture
def shared_place():
    """Return a directory that every user can enter; those of pytest are for one user only."""
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        yield Path(place)


def give_away(root: Path) -> None:
    for path in (root, *root.rglob("*")):
        if os.geteuid() == 0:
            os.chown(path, 65534, 65534)


def test_an_unreadable_file_is_not_absent_and_a_read_only_directory_is_named(edge, make_page, shared_place):
    root = shared_place / "srv"
    edge.settings["target"] = Powerless(root)
    root.mkdir()
    give_away(root)
    assert edge.reconcile(executor=InlineExecutor).ok
    edge.commit({"more.yaml": make_page("more"), "about.yaml": make_page("about", "new")})
    give_away(root)
    (root / "www" / "about.html").chmod(0)
    (root / "www").chmod(0o500)
    try:
        result = edge.reconcile(executor=InlineExecutor)
    finally:
        (root / "www").chmod(0o755)
    assert result.status is PassStatus.DEGRADED
    assert result["File//www/about.html"].status == "deferred"
    assert "it could not be read: Denied" in result["File//www/about.html"].reason
    more = result["File//www/more.html"]
    assert (more.status, more.failure.error, more.failure.origin.path) == ("failed", "Denied", "edge/more.yaml")
    assert f"{root}/www/more.html: Permission denied; let this user write there" in more.reason
    assert {"www/index.html", "www/about.html"} <= edge.owned()
    (root / "www" / "about.html").chmod(0o644)
    assert edge.reconcile(executor=InlineExecutor).ok
    assert sorted(path.read_text() for path in (root / "www").iterdir()) == ["hello", "hello", "new"]


class Liar(DirectoryTarget):
    """Says yes, and does nothing for what is in ``lies``."""

    lies: frozenset[str] = frozenset()

    def create(self, ctx, change):
        return None if "create" in self.lies else super().create(ctx, change)

    def update(self, ctx, change):
        return None if "update" in self.lies else super().update(ctx, change)

    def delete(self, ctx, change):
        return None if "delete" in self.lies else super().delete(ctx, change)


@pytest.mark.parametrize(
    ("lie", "files", "words"),
    [
        ("create", {"more": "hello"}, "the target said yes and it is not there"),
        ("update", {"about": "new"}, "it differs from what was written"),
        ("delete", {"about": None}, "the target said yes and it is still there"),
    ],
)
def test_a_target_that_lies_is_found_out_and_the_object_stays_ours(edge, make_page, lie, files, words):
    target = Liar(edge.srv)
    edge.settings["target"] = target
    assert edge.reconcile().ok
    target.lies = frozenset({lie})
    ((name, text),) = files.items()
    edge.commit({f"{name}.yaml": text and make_page(name, text), "index.yaml": make_page("index", "other")})
    result = edge.reconcile()
    outcome = result[f"File//www/{name}.html"]
    assert (result.status, outcome.status.value) == (PassStatus.DEGRADED, "unverified")
    assert words in outcome.reason
    assert bool(outcome.diff) == (lie == "update")
    assert f"www/{name}.html" in edge.owned()
    target.lies = frozenset()
    expected = {**HELLO, "index": "hello" if lie == "update" else "other", name: text}
    if lie == "update":
        expected = {"index": "hello", "about": "new"}
        edge.commit({"index.yaml": make_page("index")})
    converges(edge, {key: value for key, value in expected.items() if value is not None})


# -- plug-ins that break the contract ---------------------------------------------------------------------------------------


def made(base: type, method: str, answer: object):
    """Return a subclass of *base* whose *method* returns *answer*."""
    return type(f"Wrong{base.__name__}", (base,), {method: lambda self, *_args: answer})


WRONG = [None, 42, [42]]


@pytest.mark.parametrize("answer", WRONG, ids=repr)
@pytest.mark.parametrize("method", ["resolve", "fetch"])
def test_a_source_of_the_wrong_type_is_named(edge, method, answer):
    real = edge.app.source

    class Plain(Source):
        name = "plain"

        def resolve(self, ctx):
            return real.resolve(ctx)

        def fetch(self, ctx, revision):
            return real.fetch(ctx, revision)

    edge.settings["source"] = made(Plain, method, answer)()
    refuses(edge, "PluginError", f"plain.{method} returned {type(answer).__name__}, not", disposition="retry")
    del edge.settings["source"]
    converges(edge, HELLO)


@pytest.mark.parametrize("answer", WRONG, ids=repr)
def test_a_renderer_of_the_wrong_type_is_named(edge, answer):
    edge.settings["renderer"] = made(ManifestsRenderer, "render", answer)()
    refuses(edge, "PluginError", ".render ", disposition="retry")
    del edge.settings["renderer"]
    converges(edge, HELLO)


def test_a_renderer_that_fails_half_way_changes_nothing(edge, make_page):
    assert edge.reconcile().ok

    class Tired(Renderer):
        def render(self, ctx, tree):
            yield next(iter(ManifestsRenderer().render(ctx, tree)))
            raise OSError("helper died")

    edge.commit({"about.yaml": make_page("about", "new")})
    edge.settings["renderer"] = Tired()
    refuses(edge, "PluginError", "Tired failed in render with OSError: helper died", disposition="retry")
    del edge.settings["renderer"]
    converges(edge, {"index": "hello", "about": "new"})


@pytest.mark.parametrize("answer", WRONG, ids=repr)
def test_a_policy_of_the_wrong_type_denies_everything(edge, answer):
    edge.settings["policies"] = (made(Policy, "review", answer)(),)
    result = edge.reconcile()
    assert result.status is PassStatus.REFUSED
    assert "denied because the policy itself failed" in result.text()
    assert not edge.srv.exists()
    edge.settings.clear()
    converges(edge, HELLO)


def test_a_renderer_that_finds_no_place_does_not_take_the_denial_away(edge):
    class No(Policy):
        def review(self, ctx, subject):
            yield Violation("File//www/about.html", "not today", "deny", "/spec/content")

    edge.settings = {"policies": (No(),), "renderer": made(ManifestsRenderer, "locate", 42)()}
    result = edge.reconcile()
    assert result["File//www/about.html"].status == "refused"
    assert [notice.code for notice in result.notices] == ["locate-failed"]
    assert edge.pages() == {"index": "hello"}


SAME = ("preview", "etag", "scope")  # what they return is not looked at, or any value will do


@pytest.mark.parametrize("answer", WRONG, ids=repr)
@pytest.mark.parametrize(
    "method", ["observe", "create", "update", "delete", "key", "normalize", "diff", "depends_on", "health", "member", *SAME]
)
def test_a_target_of_the_wrong_type_never_makes_a_pass_raise_and_the_mend_converges(edge, make_page, method, answer):
    assert edge.reconcile().ok
    edge.commit({"index.yaml": make_page("index", "new"), "about.yaml": None, "more.yaml": make_page("more")})
    edge.settings["options"] = attrs.evolve(edge.app.options, health_timeout=0.05)
    edge.settings["target"] = made(DirectoryTarget, method, answer)(edge.srv)
    result = edge.reconcile()
    fine = method in SAME or (answer is None and method in ("create", "update", "delete", "diff", "health"))
    if not fine:
        assert not result.ok
        assert not {"None", ""} & {failure.message for failure in result.failures}
    del edge.settings["target"]
    converges(edge, {"index": "new", "more": "hello"})


@pytest.mark.parametrize("member", ["name", "fingerprint"])
def test_a_property_that_raises_is_named_by_its_place_and_without_its_text(edge, member):
    def explode(_self):
        raise KeyError("canary-value")

    edge.settings["renderer"] = type("Odd", (ManifestsRenderer,), {member: property(explode)})()
    result = edge.reconcile()
    assert (result.status, only(result).error) == (PassStatus.FAILED, "PluginError")
    assert "KeyError at " in only(result).message
    assert "test_bad_input.py" in only(result).message
    assert "canary-value" not in result.text()
    edge.settings.clear()
    assert edge.reconcile().ok
    assert edge.pages() == HELLO


# -- what is wrong with the disk and the state ------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path):
    """Return a function that makes a file system of so many KiB, if this user may."""
    places: list[Path] = []

    def make(size: int) -> Path:
        place = tmp_path / f"disk{len(places)}"
        place.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(place)]
        if (
            os.geteuid() != 0
            or shutil.which("mount") is None
            or subprocess.run(command, check=False, capture_output=True).returncode
        ):
            pytest.skip("a small file system can only be mounted by root, with the mount command")
        places.append(place)
        return place

    yield make
    for place in places:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_at_the_target_fails_what_does_not_fit_and_names_the_cure(edge, make_page, small_disk):
    disk = small_disk(256)
    edge.settings["target"] = DirectoryTarget(disk)
    edge.commit({"big.yaml": make_page("big", "x" * 400_000)})
    result = edge.reconcile()
    assert (result.status, result["File//www/big.html"].status) == (PassStatus.DEGRADED, "failed")
    assert "free some space" in result.text()
    assert sorted(path.name for path in (disk / "www").iterdir()) == ["about.html", "index.html"]
    edge.commit({"big.yaml": None})
    assert edge.reconcile().ok
    assert edge.reconcile().status is PassStatus.IN_SYNC


def test_a_full_disk_under_the_state_writes_nothing_to_the_target(edge, small_disk, tmp_path):
    disk = small_disk(1024)
    with SqliteStore(disk / "state.sqlite3") as store:
        full = attrs.evolve(edge, store=store)
        full.plan()
        (disk / "ballast").write_bytes(b"")
        with contextlib.suppress(OSError), (disk / "ballast").open("wb", buffering=0) as ballast:
            while True:
                ballast.write(b"x" * 4096)
        result = full.reconcile()
        assert (result.status, only(result).error) == (PassStatus.FAILED, "StateUnavailable"), result.text()
        assert not edge.srv.exists()
        (disk / "ballast").unlink()
        converges(full, HELLO)


def test_a_state_file_that_is_full_writes_nothing_to_the_target(edge, make_page, monkeypatch):
    """SQLITE_FULL, without a file system of our own: the file may not grow by a page."""
    edge.plan()
    prepare = Database._prepare

    def without_room(self, *options):
        prepare(self, *options)
        self.connection.execute("PRAGMA max_page_count = 1")  # less than there is means: no more than there is

    monkeypatch.setattr(Database, "_prepare", without_room)
    edge.store.close()
    edge.commit({f"more{i}.yaml": make_page(f"more{i}") for i in range(60)})
    assert len(edge.plan().changes) == 62
    result = edge.reconcile()
    assert (result.status, only(result).error) == (PassStatus.FAILED, "StateUnavailable"), result.text()
    assert not edge.srv.exists()
    assert "full" in only(result).message
    monkeypatch.undo()
    edge.store.close()
    assert edge.reconcile().ok


def test_a_state_file_that_another_process_writes_to_makes_us_wait_and_then_say_so(edge, tmp_path):
    assert edge.reconcile().ok
    edge.commit({"about.yaml": None})
    with SqliteStore(edge.store.path, busy_timeout=0.05) as store, contextlib.closing(sqlite3.connect(edge.store.path)) as other:
        other.isolation_level = None
        other.execute("BEGIN IMMEDIATE")
        result = attrs.evolve(edge, store=store).reconcile()
        assert (result.status, only(result).error) == (PassStatus.FAILED, "StateUnavailable"), result.text()
        assert only(result).disposition == "retry"
        assert edge.pages() == HELLO
        other.execute("ROLLBACK")
    converges(edge, {"index": "hello"})


def test_a_corrupt_state_file_stalls_every_operation_in_its_result_and_is_left_as_it_is(edge, tmp_path):
    broken = tmp_path / "broken.sqlite3"
    broken.write_bytes(b"this is no database" * 500)
    with SqliteStore(broken) as store:
        bad = attrs.evolve(edge, store=store)
        saved = edge.plan()
        for result in (bad.reconcile(), bad.destroy(), bad.apply(saved)):
            assert (result.status, only(result).error, only(result).disposition) == (PassStatus.FAILED, "StateCorrupt", "stall")
            assert str(broken) in only(result).message
        assert bad.check().failures[0].error == "StateCorrupt"
    assert broken.read_bytes() == b"this is no database" * 500
    assert not edge.srv.exists()
    broken.unlink()
    with SqliteStore(broken) as store:
        converges(attrs.evolve(edge, store=store), HELLO)


def test_a_state_directory_that_cannot_be_written_is_named(edge, tmp_path):
    (tmp_path / "a-file").write_text("")
    with SqliteStore(tmp_path / "a-file" / "state.sqlite3") as store:
        result = attrs.evolve(edge, store=store).reconcile()
    assert (result.status, only(result).error) == (PassStatus.FAILED, "StateUnavailable"), result.text()
    assert str(tmp_path / "a-file") in only(result).message


def test_options_that_make_no_sense_are_refused_before_anything_runs(edge):
    with pytest.raises(ValueError, match="attempts"):
        Options(attempts=0)
    with pytest.raises(ValueError, match="name"):
        Application(**{**edge.defaults, "name": "../edge"})
    assert not edge.srv.exists()

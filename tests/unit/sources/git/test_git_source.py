"""Resolving and fetching, on repositories on disk."""

import gc
import subprocess
import sys
import threading

import attrs
import pytest

from gitops_core.errors import (
    Cancelled,
    ConfigError,
    CorruptObject,
    DeadlineExceeded,
    EmptyRepository,
    LimitExceeded,
    RepositoryNotFound,
    RevisionNotFound,
    RevisionVanished,
    SourceUnavailable,
)
from gitops_core.sources.git import Basic, Bearer, GitLimits, GitSource, Transport
from gitops_core.testing.contexts import make_context
from gitops_core.testing.git_server import GitRepository


def fetch(source, ctx):
    return source.fetch(ctx, source.resolve(ctx))


# -- resolve ----------------------------------------------------------------------------------------------------------
def test_every_kind_of_reference_resolves_to_its_commit(repo, source, ctx):
    one = repo.commit({"a": "1"})
    repo.tag("v1.0.0", one)
    two = repo.commit({"a": "2"})
    repo.tag("v1.1.0", two, message="annotated")
    repo.tag("v1.1.0-of-a-tag", repo.tag("inner", two, message="inner"), message="outer")
    repo.branch("feature/x", one)
    repo.set_ref("refs/pull/7/head", one)
    found = {
        ref: (source(ref).resolve(ctx).id, source(ref).resolve(ctx).ref)
        for ref in (
            "main",
            "HEAD",
            "branch=feature/x",
            "v1.0.0",
            "tag=v1.1.0",
            "v1.1.0-of-a-tag",
            "semver=^1",
            "refs/pull/7/head",
            one,
        )
    }
    assert found == {
        "main": (two, "refs/heads/main"),
        "HEAD": (two, "HEAD"),
        "branch=feature/x": (one, "refs/heads/feature/x"),
        "v1.0.0": (one, "refs/tags/v1.0.0"),
        "tag=v1.1.0": (two, "refs/tags/v1.1.0"),
        "v1.1.0-of-a-tag": (two, "refs/tags/v1.1.0-of-a-tag"),
        "semver=^1": (two, "refs/tags/v1.1.0"),
        "refs/pull/7/head": (one, "refs/pull/7/head"),
        one: (one, one),
    }


def test_a_branch_comes_before_a_tag_of_the_same_name(repo, source, ctx):
    one = repo.commit({"a": "1"})
    two = repo.commit({"a": "2"})
    repo.tag("both", one)
    repo.branch("both", two)
    assert source("both").resolve(ctx).id == two
    assert source("tag=both").resolve(ctx).id == one


def test_packed_refs_are_read(repo, source, ctx):
    one = repo.commit({"a": "1"})
    repo.tag("v1.0.0", one, message="m")
    with repo._open() as opened:
        opened.refs.pack_refs(all=True)
    assert source("v1.0.0").resolve(ctx).id == one


def test_a_work_tree_and_a_file_url_are_repositories_too(repo, source, ctx, tmp_path):
    one = repo.commit({"a": "1"})
    assert source(url=repo.url).resolve(ctx).id == one
    work = tmp_path / "work"
    (work / ".git").parent.mkdir()
    repo.path.rename(work / ".git")
    assert fetch(source(url=work), ctx).revision.id == one


def test_an_empty_repository_waits(source, ctx):
    with pytest.raises(EmptyRepository, match="no commit yet"):
        source().resolve(ctx)


def test_a_deleted_branch_is_not_found_and_a_misspelling_gets_a_hint(repo, source, ctx):
    repo.branch("old", repo.commit({"a": "1"}))
    source("old").resolve(ctx)
    repo.delete("refs/heads/old")
    with pytest.raises(RevisionNotFound, match="has no old"):
        source("old").resolve(ctx)
    with pytest.raises(RevisionNotFound, match="did you mean main"):
        source("mian").resolve(ctx)


def test_no_repository_at_all(source, ctx, tmp_path):
    with pytest.raises(RepositoryNotFound, match="check the address"):
        source(url=tmp_path / "nothing").resolve(ctx)


def test_a_repository_that_was_there_may_come_back(repo, source, ctx):
    repo.commit({"a": "1"})
    one = source()
    revision = one.fetch(ctx, one.resolve(ctx)).revision
    repo.remove()
    with pytest.raises(SourceUnavailable, match="was there before"):
        one.resolve(ctx)
    assert one.fetch(ctx, revision).files["a"]


# -- fetch ------------------------------------------------------------------------------------------------------------
def test_the_revision_learns_author_message_and_time(repo, source, ctx):
    repo.commit({"a": "1"}, "Subject\n\nBody", author="Bob <bob@example.org>")
    found = fetch(source(), ctx).revision
    assert (found.author, found.message, found.time) == ("Bob <bob@example.org>", "Subject", 1_700_000_060.0)
    assert (found.ref, found.source) == ("refs/heads/main", str(repo.path))


def test_fetch_is_pinned_to_the_revision(repo, source, ctx):
    one = source()
    repo.commit({"a": "1"})
    revision = one.resolve(ctx)
    repo.commit({"a": "2"})
    tree = one.fetch(ctx, revision)
    assert tree.read(tree.files["a"]) == b"1"


def test_what_is_here_needs_no_remote(repo, source, ctx, recorder):
    """Trap: asking dulwich for a commit that is here downloads it again."""
    repo.commit({"a": "1"})
    one = source()
    revision = one.resolve(ctx)
    one.fetch(ctx, revision)
    repo.remove()
    for _ in range(3):
        assert one.fetch(ctx, revision).files
    assert source(ref=revision.id).fetch(ctx, revision).files
    assert recorder.counts["fetches"] == 1


def test_a_commit_id_needs_no_listing(repo, source, ctx, recorder):
    one = repo.commit({"a": "1"})
    fetch(source(one), ctx)
    assert recorder.counts["resolves"] == 0


def test_an_incremental_fetch_brings_what_is_new(repo, source, ctx):
    repo.commit({f"f{i}": "x" * 1000 + str(i) for i in range(50)})
    one = source()
    fetch(one, ctx)
    repo.commit({"f7": "new"})
    tree = fetch(one, ctx)
    assert tree.read(tree.files["f7"]) == b"new"
    packs = sorted(p.stat().st_size for p in one._handle.repository.store.path.glob("objects/pack/*.pack"))
    assert len(packs) == 2
    assert packs[0] < packs[1]


def test_history_is_not_fetched(repo, source, ctx):
    first = repo.commit({"a": "1"})
    repo.commit({"a": "2"})
    one = source()
    fetch(one, ctx)
    assert not one._handle.repository.store.has(first)


def test_a_force_push_is_followed(repo, source, ctx):
    one = source()
    base = repo.commit({"a": "1"})
    repo.commit({"a": "2"})
    old = one.resolve(ctx)
    one.fetch(ctx, old)
    repo.branch("main", base)
    repo.commit({"a": "3"})
    tree = fetch(one, ctx)
    assert tree.read(tree.files["a"]) == b"3"
    assert one.fetch(ctx, old).read(one.fetch(ctx, old).files["a"]) == b"2"


def test_a_revision_that_disappears_between_resolve_and_fetch_is_resolved_anew(repo, source, ctx):
    one = source()
    repo.commit({"a": "1"})
    gone = attrs.evolve(one.resolve(ctx), id="1" * 40)
    with pytest.raises(RevisionVanished):
        one.fetch(ctx, gone)
    assert fetch(one, ctx).files


def test_a_commit_that_was_asked_for_and_is_not_there_is_not_found(repo, source, ctx):
    repo.commit({"a": "1"})
    with pytest.raises(RevisionNotFound, match="has no commit"):
        fetch(source("commit=" + "1" * 40), ctx)


def test_a_tag_that_names_no_commit_is_refused(repo, source, ctx):
    from dulwich.objects import Blob

    repo.commit({"a": "1"})
    repo.set_ref("refs/tags/blob", repo.add(Blob.from_string(b"x")))
    with pytest.raises(RevisionNotFound, match="no commit"):
        fetch(source("tag=blob"), ctx)


def test_a_corrupt_object_of_the_remote_is_refused_and_nothing_of_it_kept(repo, source, ctx):
    repo.commit({"a": "1", "b": "2"})
    with repo._open() as opened:
        blob = opened[opened[repo.head().encode()].tree][b"b"][1].decode()
    path = repo.path / "objects" / blob[:2] / blob[2:]
    held = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(b"junk")
    one = source()
    with pytest.raises(CorruptObject):
        fetch(one, ctx)
    path.write_bytes(held)
    assert len(fetch(one, ctx).files) == 2


def test_a_corrupt_cache_heals_by_the_next_fetch(repo, source, ctx, recorder):
    repo.commit({"a": "1"})
    one = source()
    tree = fetch(one, ctx)
    one.close()
    for pack in (one.cache_dir).glob("*/objects/pack/*.pack"):
        pack.chmod(0o600)
        pack.write_bytes(b"junk")
    with pytest.raises(CorruptObject, match="fetched again"):
        one._repository().store.read(tree.files["a"].digest)
    healed = fetch(one, ctx)
    assert healed.read(healed.files["a"]) == b"1"
    assert recorder.counts["fetches"] == 2


def test_a_pack_that_is_too_large_is_refused_and_the_cache_stays_usable(repo, source, ctx):
    repo.commit({"a": "small"})
    small = source(limits=GitLimits(pack_bytes=100_000))
    fetch(small, ctx)
    repo.commit({"b": "x" * 200_000})
    with pytest.raises(LimitExceeded, match=r"GitLimits\.pack_bytes"):
        fetch(small, ctx)
    assert fetch(source(limits=GitLimits(pack_bytes=1_000_000)), ctx).files["b"]


def test_a_cancel_stops_a_local_transfer(repo, source):
    repo.commit({f"f{i}": str(i) for i in range(100)})
    cancel = threading.Event()
    ctx = make_context(cancel=cancel)
    one = source()
    revision = one.resolve(ctx)
    seen = []

    def count(what, by):
        if what == "fetches":
            cancel.set()
        seen.append(what)

    with pytest.raises(Cancelled):
        one.fetch(attrs.evolve(ctx, count=count), revision)
    assert seen == ["fetches"]
    assert fetch(one, make_context()).files


def test_the_hosts_deadline_and_the_transports_own_are_told_apart(repo, source):
    repo.commit({"a": "1"})
    ctx = make_context()

    def slow(what, by):
        ctx.clock.advance(20)

    slowly = attrs.evolve(ctx, count=slow)
    revision = source().resolve(ctx)
    with pytest.raises(SourceUnavailable, match=r"10 s that Transport\.timeout allows"):
        source(transport=Transport(timeout=10)).fetch(slowly, revision)
    with pytest.raises(DeadlineExceeded):
        source().fetch(attrs.evolve(slowly, deadline=ctx.clock.monotonic() + 10), revision)


# -- sharing ----------------------------------------------------------------------------------------------------------
def test_a_thousand_applications_share_one_listing_an_interval_and_one_fetch(repo, source, ctx, recorder):
    repo.commit({f"app{i}/a": "x" for i in range(1000)})
    sources = [source("main", f"app{i}", max_age=30.0) for i in range(1000)]
    assert all(len(fetch(one, ctx).files) == 1 for one in sources)
    assert recorder.counts["resolves"] == 1
    assert recorder.counts["fetches"] == 1
    ctx.clock.advance(31)
    sources[0].resolve(ctx)
    sources[1].resolve(ctx)
    assert recorder.counts["resolves"] == 2


def test_without_a_max_age_every_pass_asks(repo, source, ctx, recorder):
    repo.commit({"a": "1"})
    one = source()
    one.resolve(ctx)
    one.resolve(ctx)
    assert recorder.counts["resolves"] == 2


def test_a_listing_that_failed_is_not_believed(repo, source, ctx):
    one = source(max_age=60.0)
    with pytest.raises(EmptyRepository):
        one.resolve(ctx)
    commit = repo.commit({"a": "1"})
    ctx.clock.advance(61)
    assert one.resolve(ctx).id == commit


def test_sources_of_one_site_share_a_repository_and_others_do_not(repo, source, ctx):
    repo.commit({"a": "1"})
    one, two, other = source(), source("HEAD", "a"), source(credentials=Basic("u", "p"))
    for each in (one, two, other):
        each.resolve(ctx)
    assert one._handle.repository is two._handle.repository
    assert one._handle.repository is not other._handle.repository


def test_the_last_one_out_closes_and_may_come_back(repo, source, ctx):
    repo.commit({"a": "1"})
    one, two = source(), source()
    tree = fetch(one, ctx)
    fetch(two, ctx)
    one.close()
    one.close()
    assert two._handle.repository.store._objects is not None
    two.close()
    assert fetch(one, ctx).digest == tree.digest


def test_a_source_that_nobody_closes_leaves_no_open_files_at_exit(repo, tmp_path):
    """Trap: a dulwich repository that nobody closes complains when the interpreter ends."""
    repo.commit({"a": "1"})
    program = f"""
from gitops_core.sources.git import GitSource
from gitops_core.testing.contexts import make_context
source = GitSource({str(repo.path)!r}, cache_dir={str(tmp_path / "c")!r})
tree = source.fetch(make_context(), source.resolve(make_context()))
print(tree.read(tree.files["a"]).decode())
"""
    done = subprocess.run([sys.executable, "-X", "dev", "-c", program], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_a_source_that_is_dropped_gives_its_repository_back(repo, tmp_path, ctx):
    from gitops_core.sources.git import repository

    repo.commit({"a": "1"})
    before = len(repository._open)
    one = GitSource(repo.path, cache_dir=tmp_path / "c")
    one.resolve(ctx)
    assert len(repository._open) == before + 1
    del one
    gc.collect()
    assert len(repository._open) == before


# -- what it is called ------------------------------------------------------------------------------------------------
def test_the_fingerprint_says_what_is_picked_and_the_name_where_from(repo, source):
    assert source().fingerprint == source().fingerprint
    different = [
        source("v1"),
        source(path="x"),
        source(ignore=()),
        source(limits=GitLimits(file_bytes=1)),
        source(url="/elsewhere"),
    ]
    assert len({one.fingerprint for one in [source(), *different]}) == 6
    assert source(credentials=Bearer("t")).fingerprint == source().fingerprint
    assert source().name == f"git {repo.path}"


def test_secrets_are_in_no_repr():
    one = GitSource(
        "https://example.org/a", credentials=Bearer("hunter2"), transport=Transport(proxy="http://me:hunter2@proxy:3128")
    )
    assert "hunter2" not in repr(one) + repr(one.transport) + one.name + one.fingerprint


def test_making_a_source_loads_no_client():
    program = "import sys, gitops_core.sources.git as g; g.GitSource('https://example.org/a'); print(any('dulwich' in m for m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_nothing_imports_dulwichs_porcelain():
    program = (
        "import sys, pkgutil, importlib, gitops_core.sources.git as g\n"
        "for m in pkgutil.iter_modules(g.__path__): importlib.import_module(g.__name__ + '.' + m.name)\n"
        "print('dulwich.porcelain' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


# -- refused when written ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"url": "https://u:p@example.org/a"}, "credentials"),
        ({"url": "https://example.org/a", "ref": "a b"}, "ref"),
        ({"url": "https://example.org/a", "path": "../x"}, r"\.\."),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(arguments, word):
    with pytest.raises(ConfigError, match=word):
        GitSource(**arguments)


@pytest.mark.parametrize(
    ("url", "credentials", "word"),
    [
        ("git://example.org/a", None, "neither encrypted nor authenticated"),
        ("http://example.org/a", Bearer("hunter2"), "can be read on the way"),
        ("http://example.org/a", lambda _origin: None, "can be read on the way"),
    ],
)
def test_insecure_transports_are_refused_before_anything_is_sent(source, ctx, url, credentials, word):
    with pytest.raises(ConfigError, match=word) as caught:
        source(url=url, credentials=credentials).resolve(ctx)
    assert "hunter2" not in str(caught.value)


def test_the_cache_is_in_the_users_cache_directory(monkeypatch, tmp_path, ctx):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    repo = GitRepository.create(tmp_path / "r.git")
    repo.commit({"a": "1"})
    with GitSource(repo.path) as one:
        fetch(one, ctx)
    (made,) = (tmp_path / "xdg" / "gitops-core" / "git").glob("*.git")
    assert made.name.startswith(str(tmp_path).replace("/", "-").strip("-")[-20:][:3]) or "r-git" in made.name
    assert made.stat().st_mode & 0o077 == 0
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    from gitops_core.sources.git.cache import default_cache_dir

    assert tmp_path / "home" in default_cache_dir().parents


def test_a_cache_directory_that_cannot_be_made_says_so(repo, tmp_path, ctx):
    repo.commit({"a": "1"})
    (tmp_path / "file").write_text("")
    with (
        GitSource(repo.path, cache_dir=tmp_path / "file" / "cache") as one,
        pytest.raises(SourceUnavailable, match="cannot be reached or read"),
    ):
        fetch(one, ctx)


def test_a_source_that_is_collected_while_another_one_begins_stops_nobody(repo, tmp_path, ctx):
    """A collector may run a finalizer in the very thread that holds the lock; it hung there for ever."""
    from gitops_core.sources.git import repository

    tip = repo.commit({"a": "1"})
    dropped = [GitSource(repo.path, cache_dir=tmp_path / "cache") for _ in range(2)]
    assert [source.resolve(ctx).id for source in dropped] == [tip, tip]
    held = dropped[0]._repository().store
    for lock in (repository._lock, held._lock):
        with lock:
            dropped.pop()
            gc.collect()
    with GitSource(repo.path, cache_dir=tmp_path / "cache") as source:
        assert source.resolve(ctx).id == tip
    assert not repository._open

"""What a fetched tree holds: selection, names, links, submodules, limits, digests."""

import pytest
from dulwich.objects import Blob, Tree

from gitops_core.errors import LimitExceeded, UnsafeTree, UnsupportedContent
from gitops_core.model.revisions import EXECUTABLE, REGULAR
from gitops_core.sources.git import GitLimits
from gitops_core.testing.contexts import make_context
from gitops_core.testing.git_server import Entry

LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 5\n"


def fetch(source, ctx):
    return source.fetch(ctx, source.resolve(ctx))


def contents(tree):
    return {path: tree.read(file).decode() for path, file in tree.files.items()}


def commit_raw(repo, *entries):
    """Commit a root tree whose entries no tool would write."""
    blob = repo.add(Blob.from_string(b"x"))
    tree = Tree()
    for name, mode, held in entries:
        tree.add(name, mode, (held or blob).encode())
    root = repo.add(tree)
    from dulwich.objects import Commit

    commit = Commit()
    commit.tree, commit.parents, commit.message = root.encode(), [], b"m"
    commit.author = commit.committer = b"a <a>"
    commit.author_time = commit.commit_time = commit.author_timezone = commit.commit_timezone = 0
    repo.branch("main", repo.add(commit))
    return root


def test_only_what_is_selected_is_there_by_its_path_from_the_root(repo, source, ctx):
    repo.commit(
        {"edge/a.yaml": "a", "edge/README.md": "r", "edge/sub/b.yaml": "b", "core/c.yaml": "c", "edge-2/d": "d", "top": "t"}
    )
    assert contents(fetch(source(path="edge"), ctx)) == {"edge/README.md": "r", "edge/a.yaml": "a", "edge/sub/b.yaml": "b"}
    assert contents(fetch(source(path=["core", "edge/sub"]), ctx)) == {"core/c.yaml": "c", "edge/sub/b.yaml": "b"}
    assert contents(fetch(source(path="edge", ignore=("*.md", "sub/")), ctx)) == {"edge/a.yaml": "a"}


def test_several_paths_are_listed_in_the_order_of_paths(repo, source, ctx):
    repo.commit({"edge/a": "a", "edge-2/a": "b", "edge.yaml": "c", "x": "x"})
    assert list(fetch(source(path=["edge", "edge-2", "edge.yaml"]), ctx).files) == ["edge-2/a", "edge.yaml", "edge/a"]


def test_the_default_ignores_are_visible_and_apply(repo, source, ctx):
    repo.commit({"a.yaml": "a", ".gitignore": "x", ".github/workflows/ci.yaml": "c"})
    assert list(fetch(source(), ctx).files) == ["a.yaml"]
    assert list(fetch(source(ignore=()), ctx).files) == [".github/workflows/ci.yaml", ".gitignore", "a.yaml"]


def test_modes_are_kept(repo, source, ctx):
    repo.commit({"run": Entry.executable("#!"), "plain": "p"})
    assert {path: file.mode for path, file in fetch(source(), ctx).files.items()} == {"run": EXECUTABLE, "plain": REGULAR}


def test_the_digest_follows_the_selected_files_and_nothing_else(repo, source, ctx):
    """A commit that touches only what is not selected, or ignored, renders nothing anew."""
    repo.commit({"edge/a": "a", "edge/b.md": "b", "core/c": "c"})
    picked = source(path="edge", ignore=("*.md",))
    first = fetch(picked, ctx).digest
    repo.commit({"core/c": "changed", "edge/b.md": "changed", "new": "n", "edge/empty/x.md": "x"})
    assert fetch(picked, ctx).digest == first
    for change in (
        {"edge/a": "changed"},
        {"edge/a": Entry.executable("changed")},
        {"edge/a": None, "edge/z": Entry.executable("changed")},
    ):
        repo.commit(change)
        second = fetch(picked, ctx).digest
        assert second != first
        first = second


def test_after_a_one_file_commit_only_the_changed_chain_is_read(repo, source, ctx):
    repo.commit({f"d{i}/e{j}/f": "x" for i in range(10) for j in range(10)})
    one = source()
    fetch(one, ctx)
    repo.commit({"d3/e4/f": "y"})
    store, read = one._handle.repository.store, []
    plain = store.read
    store.read = lambda object_id: read.append(object_id) or plain(object_id)
    fetch(one, ctx)
    assert len(read) == 4  # the commit, and three trees


def test_a_missing_path_is_empty(repo, source, ctx):
    repo.commit({"a": "a"})
    assert dict(fetch(source(path="gone"), ctx).files) == {}


# -- unsafe names -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", [b"..", b".git", b"GIT~1", b"a/b", b".g\xe2\x80\x8cit", b".git ", b"a\\b", b"\xff"])
def test_an_unsafe_name_is_refused_by_name(repo, source, ctx, name):
    """Trap: dulwich lists and looks up such entries happily."""
    commit_raw(repo, (name, 0o100644, None))
    with pytest.raises(UnsafeTree, match="the entry '"):
        fetch(source(), ctx)


def test_an_unsafe_name_matters_only_where_we_look(repo, source, ctx):
    repo.commit({"edge/a": "a"})
    with repo._open() as opened:
        edge = opened[opened[repo.head().encode()].tree][b"edge"][1].decode()
    evil = Tree()
    evil.add(b"..", 0o100644, Blob.from_string(b"x").id)
    bad = repo.add(evil)
    commit_raw(repo, (b"edge", 0o040000, edge), (b"other", 0o040000, bad))
    assert list(fetch(source(path="edge"), ctx).files) == ["edge/a"]
    with pytest.raises(UnsafeTree, match="'other'"):
        fetch(source(), ctx)


def test_a_name_that_stands_twice_is_refused(repo, source, ctx):
    from dulwich.objects import ShaFile

    blob = repo.add(Blob.from_string(b"x"))
    line = b"100644 a\0" + bytes.fromhex(blob)
    twice = ShaFile.from_raw_string(2, line + line)
    root = repo.add(twice)
    commit_raw(repo, (b"d", 0o040000, root))
    with pytest.raises(UnsafeTree, match="twice"):
        fetch(source(), ctx)


def test_an_unknown_mode_is_refused(repo, source, ctx):
    commit_raw(repo, (b"pipe", 0o010644, None))
    with pytest.raises(UnsafeTree, match="file mode 10644"):
        fetch(source(), ctx)


# -- links ------------------------------------------------------------------------------------------------------------
def test_links_to_files_and_directories_are_followed_inside_the_tree(repo, source, ctx):
    """Trap: dulwich hands a link out as a file that holds its target's name."""
    repo.commit({
        "edge/a": Entry.symlink("../shared/x"), "edge/d": Entry.symlink("../shared"), "edge/chain": Entry.symlink("./a"),
        "shared/x": "x", "shared/deep/y": Entry.executable("y"), "shared/z": Entry.symlink("x"), "through": Entry.symlink("edge/d/deep/y"),
    })  # fmt: skip
    tree = fetch(source(path="edge"), ctx)
    assert contents(tree) == {
        "edge/a": "x", "edge/chain": "x", "edge/d/deep/y": "y", "edge/d/x": "x", "edge/d/z": "x",
    }  # fmt: skip
    assert tree.files["edge/d/deep/y"].mode == EXECUTABLE
    assert contents(fetch(source(path="through"), ctx)) == {"through": "y"}


def test_a_selected_path_may_lead_through_a_link(repo, source, ctx):
    repo.commit({"current": Entry.symlink("v2"), "v1/edge/a": "1", "v2/edge/a": "2", "v2/core/b": "b"})
    assert contents(fetch(source(path="current/edge"), ctx)) == {"current/edge/a": "2"}


def test_what_a_link_leads_to_is_in_the_digest(repo, source, ctx):
    repo.commit({"edge/a": Entry.symlink("../x"), "x": "1"})
    first = fetch(source(path="edge"), ctx).digest
    repo.commit({"x": "2"})
    assert fetch(source(path="edge"), ctx).digest != first


def test_a_link_that_is_not_selected_is_not_followed(repo, source, ctx):
    repo.commit({"edge/a": "a", "bad": Entry.symlink("/etc/passwd"), "edge/bad.md": Entry.symlink("../../x")})
    assert list(fetch(source(path="edge", ignore=("*.md",)), ctx).files) == ["edge/a"]


def test_ignore_rules_apply_to_paths_as_they_are_seen(repo, source, ctx):
    repo.commit(
        {
            "edge": Entry.symlink("real"),
            "real/a.yaml": "a",
            "real/b.md": "b",
            "real/sub/c.yaml": "c",
            "real/l": Entry.symlink("a.yaml"),
        }
    )
    assert list(fetch(source(path="edge", ignore=("*.md", "sub/", "l")), ctx).files) == ["edge/a.yaml"]


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("/etc/passwd", "absolute"),
        ("C:\\x", "absolute"),
        ("..\\x", "absolute"),
        ("../x", "out of the repository"),
        ("d/../../x", "out of the repository"),
        ("missing", "does not exist"),
        ("file/below", "does not exist"),
        ("self", "circle"),
        ("ping", "circle"),
        ("d/up", "circle"),
        (".", "circle"),
        ("", "no target"),
        ("x" * 5000, "no target"),
        (b"\xff", "not UTF-8"),
    ],
)
def test_a_link_that_leads_astray_is_refused_by_name(repo, source, ctx, target, why):
    link = Entry(target if isinstance(target, bytes) else target.encode(), 0o120000)
    repo.commit(
        {
            "self": link,
            "file": "f",
            "d/x": "x",
            "d/up": Entry.symlink("../self"),
            "ping": Entry.symlink("pong"),
            "pong": Entry.symlink("ping"),
        }
    )
    with pytest.raises(UnsafeTree, match=why):
        fetch(source(path="self"), ctx)


def test_directories_that_link_to_each_other_are_a_circle(repo, source, ctx):
    repo.commit({"a/b": Entry.symlink("../b"), "b/a": Entry.symlink("../a"), "a/x": "x", "b/y": "y"})
    with pytest.raises(UnsafeTree, match="circle"):
        fetch(source(), ctx)


# -- what is not a file -----------------------------------------------------------------------------------------------
def test_submodules_are_reported_and_left_out(repo, source, ctx):
    repo.commit(
        {
            "edge/a": "a",
            "edge/sub": Entry.submodule(),
            "far/sub": Entry.submodule(),
            "edge/to": Entry.symlink("../far/sub"),
            "edge/d": Entry.symlink("../far"),
        }
    )
    tree = fetch(source(path="edge"), ctx)
    assert list(tree.files) == ["edge/a"]
    assert sorted((n.code, n.path) for n in tree.notices) == [
        ("submodule", "edge/d/sub"),
        ("submodule", "edge/sub"),
        ("submodule", "edge/to"),
    ]
    assert all("source of its own" in n.message for n in tree.notices)


def test_an_lfs_pointer_is_refused_on_reading_with_its_path_and_the_cure(repo, source, ctx):
    repo.commit({"a": "a", "big.bin": LFS})
    tree = fetch(source(), ctx)
    assert tree.read(tree.files["a"]) == b"a"
    with pytest.raises(UnsupportedContent, match=r"big\.bin is a Git LFS pointer.*migrate export"):
        tree.read(tree.files["big.bin"])


# -- limits -----------------------------------------------------------------------------------------------------------
def test_a_file_that_is_too_large_is_refused_on_reading(repo, source, ctx):
    repo.commit({"a": "x" * 101, "b": "x" * 100})
    tree = fetch(source(limits=GitLimits(file_bytes=100)), ctx)
    assert len(tree.read(tree.files["b"])) == 100
    with pytest.raises(LimitExceeded, match=r"a is 101 bytes, more than 100"):
        tree.read(tree.files["a"])


def test_too_many_files_are_refused_whatever_was_listed_before(repo, source, ctx):
    repo.commit({f"d/{i}": str(i) for i in range(50)})
    assert len(fetch(source(), ctx).files) == 50
    for _ in range(2):
        with pytest.raises(LimitExceeded, match=r"more than 20 files.*GitLimits\.files"):
            fetch(source(limits=GitLimits(files=20)), ctx)


def test_a_tree_bomb_is_refused_quickly(repo, source, ctx):
    """Ten directories that are all the same one, ten levels deep: ten thousand million files in a kilobyte."""
    tree, held = Tree(), repo.add(Blob.from_string(b"x"))
    mode = 0o100644
    for _ in range(10):
        tree = Tree()
        for name in b"abcdefghij":
            tree.add(bytes([name]), mode, held.encode())
        held, mode = repo.add(tree), 0o040000
    commit_raw(repo, (b"bomb", 0o040000, held))
    with pytest.raises(LimitExceeded, match="more than 5,000"):
        fetch(source(limits=GitLimits(files=5000)), ctx)


def test_a_bomb_of_directories_without_files_is_refused_too(repo, source, ctx):
    held = repo.add(Tree())
    for _ in range(10):
        tree = Tree()
        for name in b"abcdefghij":
            tree.add(bytes([name]), 0o040000, held.encode())
        held = repo.add(tree)
    commit_raw(repo, (b"bomb", 0o040000, held))
    with pytest.raises(LimitExceeded, match="more than 5,000"):
        fetch(source(limits=GitLimits(files=5000)), ctx)


def test_a_bomb_of_links_is_refused(repo, source, ctx):
    files = {f"d{i}/{name}": Entry.symlink(f"../d{i + 1}") for i in range(9) for name in "abcdefghij"}
    repo.commit({**files, "d9/x": "x"})
    with pytest.raises(LimitExceeded, match="more than 5,000"):
        fetch(source(path="d0", limits=GitLimits(files=5000)), ctx)


def test_directories_nested_too_deep_are_refused(repo, source, ctx):
    """Trap: dulwich walks three thousand levels; whatever comes after it may not."""
    repo.commit({"/".join(["d"] * 150) + "/x": "x"})
    with pytest.raises(LimitExceeded, match="nested deeper than 100"):
        fetch(source(), ctx)


def test_listing_can_be_stopped(repo, source, ctx):
    from gitops_core.errors import Cancelled

    repo.commit({f"d{i}/f": "x" for i in range(10)})
    one = source()
    revision = one.resolve(ctx)
    one.fetch(ctx, revision)
    one._handle.repository.forest.__init__()
    stopping = make_context()
    plain = one._handle.repository.store.read
    one._handle.repository.store.read = lambda object_id: (plain(object_id), stopping.cancel.set())[0]
    with pytest.raises(Cancelled):
        one.fetch(stopping, revision)

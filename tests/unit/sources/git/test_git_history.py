import pytest

from gitops_core.sources.git import GitLimits


def fetch(source, ctx):
    return source.fetch(ctx, source.resolve(ctx))


def test_it_is_the_last_commit_that_changed_the_path(repo, source, ctx):
    one = repo.commit({"edge/a": "1", "edge/b": "1"}, "One")
    two = repo.commit({"edge/b": "2"}, "Two", author="Bob <b@x>")
    repo.commit({"core/c": "3"}, "Three")
    tree = fetch(source(path="edge"), ctx)
    found = tree.history("edge/b")
    assert (found.id, found.author, found.message) == (two, "Bob <b@x>", "Two")
    assert tree.history("edge/a").id == one
    assert tree.history("edge").id == two


def test_a_path_that_is_not_there_has_no_history(repo, source, ctx):
    repo.commit({"a": "1"})
    tree = fetch(source(), ctx)
    assert tree.history("gone") is None
    assert tree.history("a/below-a-file") is None


def test_a_change_taken_back_counts_as_a_change(repo, source, ctx):
    repo.commit({"a": "1"})
    repo.commit({"a": "2"})
    three = repo.commit({"a": "1"})
    assert fetch(source(), ctx).history("a").id == three


def test_old_history_is_fetched_in_steps(repo, source, ctx, recorder):
    one = repo.commit({"a": "1"})
    for n in range(100):
        repo.commit({"b": str(n)})
    assert fetch(source(), ctx).history("a").id == one
    assert recorder.counts["fetches"] == 3
    assert fetch(source(), ctx).history("a").id == one
    assert recorder.counts["fetches"] == 3


def test_history_brings_no_file_contents(repo, source, ctx):
    repo.commit({"a": "1"})
    repo.commit({"b": "2"})
    one = source()
    tree = fetch(one, ctx)
    tree.history("a")
    assert not one._handle.repository.history.has(tree.files["a"].digest)


def test_of_a_merge_the_side_that_has_the_change_is_followed(repo, source, ctx):
    base = repo.commit({"a": "1", "b": "1"})
    repo.branch("side", base)
    side = repo.commit({"a": "2"}, branch="side")
    repo.commit({"b": "2"})
    from dulwich.objects import Commit

    with repo._open() as opened:
        merge = Commit()
        left = opened[repo.head().encode()]
        merge.parents = [left.id, side.encode()]
        merge.author = merge.committer = b"m <m>"
        merge.author_time = merge.commit_time = 1_700_009_000
        merge.author_timezone = merge.commit_timezone = 0
        merge.message = b"merge"
        from dulwich.object_store import commit_tree_changes

        blob = opened[opened[side.encode()].tree][b"a"][1]
        merge.tree = commit_tree_changes(opened.object_store, left.tree, [(b"a", 0o100644, blob)])
        opened.object_store.add_object(merge)
        opened.refs[b"refs/heads/main"] = merge.id
    assert fetch(source(), ctx).history("a").id == side


def test_when_history_cannot_be_had_it_is_none_and_a_notice_says_why(repo, source, ctx, recorder):
    repo.commit({"a": "1"})
    tree = fetch(source(), ctx)
    repo.remove()
    assert tree.history("a") is None
    (notice,) = recorder.notices
    assert (notice.code, notice.path) == ("history-unavailable", "a")
    assert "was there before" in notice.message


def test_history_that_is_too_large_is_none(repo, source, ctx, recorder):
    for n in range(30):
        repo.commit({f"{n:0200}{i}": "x" for i in range(10)})
    tree = fetch(source(limits=GitLimits(pack_bytes=200_000)), ctx)
    assert tree.history("a" if "a" in tree.files else next(iter(tree.files))) is None
    assert "pack_bytes" in recorder.notices[0].message


def test_it_may_be_asked_after_the_deadline_of_the_pass(repo, source):
    from gitops_core.testing.contexts import make_context

    one = repo.commit({"a": "1"})
    ctx = make_context(deadline=10.0)
    tree = fetch(source(), ctx)
    ctx.clock.advance(100)
    assert tree.history("a").id == one


@pytest.mark.parametrize("depth", [1, 3])
def test_a_repository_that_is_shallow_itself_has_as_much_history_as_it_has(repo, source, ctx, depth):
    for n in range(5):
        repo.commit({"a": str(n // 4), "b": str(n)})
    from dulwich.objects import Commit

    with repo._open() as opened:
        commit = opened[repo.head().encode()]
        for _ in range(depth - 1):
            commit = opened[commit.parents[0]]
        assert isinstance(commit, Commit)
        (repo.path / "objects" / commit.parents[0].decode()[:2] / commit.parents[0].decode()[2:]).unlink()
    found = fetch(source(), ctx).history("b")
    assert found is None if depth == 1 else found.id == repo.head()

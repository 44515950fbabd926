"""What is known of a repository's trees is used again, and does not grow with its commits."""

import pytest

from gitops_core.errors import UnsafeTree
from gitops_core.sources.git.listing import DIRECTORY, Forest, Walker
from gitops_core.sources.selection import Selection
from gitops_core.testing.builders.repositories import MemoryRepository
from gitops_core.testing.contexts import make_context


class Trees:
    """A repository whose trees are read, and counted."""

    def __init__(self, files):
        self.repository = MemoryRepository(files)
        self.forest = Forest()
        self.reads = []

    def read(self, object_id):
        self.reads.append(object_id)
        return self.repository.dulwich.object_store.get_raw(object_id.encode())[1]

    def walk(self, *paths):
        """Return the root node of the head, and how many trees were read for it."""
        self.reads.clear()
        commit = self.repository.dulwich[self.repository.head().encode()]
        walker = Walker(make_context(), self.read, Selection(paths or ("",), ()), 10_000, self.forest)
        return walker.node(commit.tree.decode()), len(self.reads)


def test_after_a_commit_only_the_directories_above_it_are_read():
    trees = Trees({f"{top}/{sub}/x.yaml": top + sub for top in "abc" for sub in "de"})
    assert trees.walk()[1] == 10
    assert trees.walk()[1] == 0
    trees.repository.commit({"a/d/x.yaml": "2"})
    root, reads = trees.walk()
    assert (reads, len(list(root.files()))) == (3, 6)


def test_what_nothing_is_selected_in_is_not_read_again():
    trees = Trees({"a/x.yaml": "1", "b/notes/readme": "1"})
    selection = Selection(("",), ("b/notes/readme",))
    walk = lambda: Walker(make_context(), trees.read, selection, 100, trees.forest).node(  # noqa: E731
        trees.repository.dulwich[trees.repository.head().encode()].tree.decode()
    )
    walk()
    trees.repository.commit({"a/x.yaml": "2"})
    trees.reads.clear()
    assert [file.path for file in walk().files()] == ["a/x.yaml"]
    assert len(trees.reads) == 2


def test_what_lies_deep_and_rests_is_known_after_a_thousand_commits_elsewhere():
    trees = Trees({"a/b/c/x.yaml": "1", "a/y.yaml": "1", "z.yaml": "0"})
    trees.walk()
    for n in range(300):
        trees.repository.commit({"z.yaml": str(n + 1)})
        assert trees.walk()[1] == 1
    trees.repository.commit({"a/y.yaml": "2"})
    assert trees.walk()[1] == 2


def test_what_is_kept_does_not_grow_with_the_commits():
    trees = Trees({f"app{n}/x.yaml": "0" for n in range(3)})
    for n in range(50):
        trees.repository.commit({f"app{n % 3}/x.yaml": str(n + 1)})
        for app in range(3):
            trees.walk(f"app{app}")
    assert sorted(len(walks) for walks in trees.forest._walks.values()) == [2, 2, 2]
    assert trees.forest._weight == sum(root.size for walks in trees.forest._walks.values() for root in walks)
    assert len(trees.forest._above) == 4


def test_the_tree_above_the_paths_is_read_once_for_all_applications():
    trees = Trees({f"apps/app{n}/x.yaml": "0" for n in range(20)})
    assert trees.walk("apps/app0")[1] == 3
    assert [trees.walk(f"apps/app{n}")[1] for n in range(1, 20)] == [1] * 19
    trees.repository.commit({"other.yaml": "1"})
    assert [trees.walk(f"apps/app{n}")[1] for n in range(20)] == [1, *[0] * 19]


def test_two_branches_side_by_side_do_not_push_each_other_out():
    trees = Trees({"a/x.yaml": "1", "b/x.yaml": "1"})
    one = trees.repository.head()
    two = trees.repository.commit({"a/x.yaml": "2"})
    for at in (one, two):
        trees.repository.branch("main", at)
        trees.walk()
    for at in (one, two, one, two):
        trees.repository.branch("main", at)
        assert trees.walk()[1] == 0


def test_the_walk_that_was_not_asked_for_longest_makes_room_and_the_last_one_stays():
    trees = Trees({f"app{n}/x.yaml": "0" for n in range(4)})
    trees.forest = Forest(most=7)
    for n in (0, 1, 0, 2):
        trees.walk(f"app{n}")
    assert trees.walk("app0")[1] == 0
    assert trees.walk("app1")[1] == 1
    trees.forest = Forest(most=1)
    trees.walk()
    assert trees.walk()[1] == 0


def test_a_walk_that_fails_is_not_kept():
    trees = Trees({"a/x.yaml": "1"})
    trees.read = lambda _id: b"40000 ..\0" + b"1" * 20
    with pytest.raises(UnsafeTree):
        trees.walk()
    assert trees.forest.walks(Selection(("",), ()).fingerprint) == ()
    assert DIRECTORY == 0o040000

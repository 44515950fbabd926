"""Trees are lazy, content-addressed values."""

from __future__ import annotations

from gitops_core.model.revisions import REGULAR, File, Revision, Tree

FILE = File("a.yaml", "d1")
REVISION = Revision("abc", author="Ada")


def test_a_tree_lists_reads_and_remembers_on_demand() -> None:
    tree = Tree("t", REVISION, lambda: {"a.yaml": FILE}, lambda file: file.digest.encode(), (), Revision)
    assert tree.files == {"a.yaml": FILE}
    assert tree.read(FILE) == b"d1"
    assert tree.history("a.yaml") == Revision("a.yaml")
    assert FILE.mode == REGULAR


def test_a_source_without_history_knows_no_commit_of_a_file() -> None:
    assert Tree("t", REVISION, dict, lambda _file: b"").history("a.yaml") is None


def test_equal_digests_are_equal_trees() -> None:
    assert Tree("t", REVISION, dict, lambda _file: b"1") == Tree("t", REVISION, dict, lambda _file: b"2")
    assert Tree("t", REVISION, dict, lambda _file: b"") != Tree("u", REVISION, dict, lambda _file: b"")

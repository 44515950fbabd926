"""A repository in memory: commits, history, forgetting."""

import pytest

from gitops_core.errors import ConfigError, EmptyRepository, RevisionNotFound, RevisionVanished
from gitops_core.model.revisions import File, Revision
from gitops_core.sources.memory import MemorySource
from gitops_core.testing.contexts import make_context

CTX = make_context()


def contents(source, revision=None):
    tree = source.fetch(CTX, revision or source.resolve(CTX))
    return {path: tree.read(file) for path, file in tree.files.items()}


def test_a_source_without_files_is_an_empty_repository():
    with pytest.raises(EmptyRepository):
        MemorySource().resolve(CTX)
    source = MemorySource()
    source.commit({"a": "1"})
    assert contents(source) == {"a": b"1"}


def test_a_source_of_no_files_is_an_empty_tree():
    assert contents(MemorySource({})) == {}


def test_a_commit_says_who_and_why_in_one_line():
    source = MemorySource({"a": "1"})
    revision = source.commit({"a": "2"}, author="Ada", message="Raise a\n\nBecause.", time=7.0)
    assert source.resolve(CTX) == revision
    assert (revision.author, revision.message, revision.time) == ("Ada", "Raise a", 7.0)


def test_old_revisions_stay():
    source = MemorySource({"a": "1", "b": "1"})
    first = source.resolve(CTX)
    source.commit({"a": "2", "b": None, "c/d": b"3"})
    assert contents(source, first) == {"a": b"1", "b": b"1"}
    assert contents(source) == {"a": b"2", "c/d": b"3"}


def test_history_names_the_last_commit_that_touched_a_path():
    source = MemorySource({"a": "1", "b": "1"})
    first = source.resolve(CTX)
    second = source.commit({"a": "2"})
    third = source.commit({"b": None})
    tree = source.fetch(CTX, third)
    assert [tree.history(path) for path in ("a", "b", "never")] == [second, third, None]
    assert source.fetch(CTX, second).history("b") == first


def test_a_forgotten_revision_vanished_and_the_one_before_is_the_newest():
    source = MemorySource({"a": "1"})
    first = source.resolve(CTX)
    second = source.commit({"a": "2"})
    source.forget(second.id)
    with pytest.raises(RevisionVanished, match="resolve again"):
        source.fetch(CTX, second)
    assert source.resolve(CTX) == first
    source.forget(first.id)
    with pytest.raises(EmptyRepository):
        source.resolve(CTX)


def test_a_forgotten_commit_can_be_made_again():
    source = MemorySource({"a": "1"})
    second = source.commit({"a": "2"})
    source.forget(second.id)
    assert source.commit({"a": "2"}) == second
    assert contents(source, second) == {"a": b"2"}


def test_forgetting_the_unknown_is_refused():
    with pytest.raises(ConfigError, match="no revision 'x'"):
        MemorySource({}).forget("x")


def test_a_revision_of_another_source_is_not_found():
    with pytest.raises(RevisionNotFound):
        MemorySource({"a": "1"}).fetch(CTX, Revision("0" * 40))


def test_a_file_of_another_revision_cannot_be_read():
    source = MemorySource({"a": "1"})
    tree = source.fetch(CTX, source.resolve(CTX))
    with pytest.raises(RevisionNotFound, match="is not in revision"):
        tree.read(File("a", "0" * 40))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"/a": ""}, "absolute"),
        ({"../a": ""}, "'..'"),
        ({"": ""}, "not the path of a file"),
        ({"missing": None}, "no such file"),
        ({"a/b": ""}, "'a' is a file, so 'a/b' cannot be below it"),
    ],
)
def test_a_commit_that_makes_no_sense_changes_nothing(changes, problem):
    source = MemorySource({"a": "1"})
    before = source.resolve(CTX)
    with pytest.raises(ConfigError, match=problem):
        source.commit({"good": "x", **changes})
    assert source.resolve(CTX) == before


def test_a_commit_may_change_nothing():
    source = MemorySource({"a": "1"})
    before = source.fetch(CTX, source.resolve(CTX))
    after = source.fetch(CTX, source.commit({}))
    assert before.digest == after.digest
    assert before.revision.id != after.revision.id


def test_a_digest_is_gits_blob_id():
    source = MemorySource({"a": "hello\n"})
    assert source.fetch(CTX, source.resolve(CTX)).files["a"].digest == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_two_sources_have_two_fingerprints():
    assert MemorySource({}).fingerprint != MemorySource({}).fingerprint


def test_bytes_that_the_caller_changes_later_stay_as_they_were():
    content = bytearray(b"1")
    source = MemorySource({"a": content})
    content[:] = b"2"
    assert contents(source) == {"a": b"1"}

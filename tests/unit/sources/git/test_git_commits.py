import pytest

from gitops_core.sources.git.commits import parse_commit

TREE, PARENT = "a" * 40, "b" * 40


def commit(*lines, message=b"First\n\nmore"):
    return b"\n".join([b"tree " + TREE.encode(), *lines]) + b"\n\n" + message


def test_a_commit_is_read():
    found = parse_commit(
        commit(
            b"parent " + PARENT.encode(),
            b"author Ada <a@x> 100 +0200",
            b"committer Bob <b@x> 200 -0700",
            message=b"\nFirst\nsecond",
        )
    )
    assert (found.tree, found.parents, found.author, found.time, found.message) == (TREE, (PARENT,), "Ada <a@x>", 200.0, "First")


def test_a_signature_does_not_disturb():
    assert parse_commit(commit(b"author A <a> 1 +0000", b"gpgsig -----BEGIN", b" x", b" -----END")).message == "First"


@pytest.mark.parametrize("line", [b"author Ada", b"author Ada <a@x> soon", b"x"])
def test_broken_lines_stop_nothing(line):
    assert parse_commit(commit(line)).time == 0.0


def test_the_commits_own_encoding_is_used_and_a_wrong_one_is_survived():
    assert parse_commit(commit(b"author J\xf6rg <j> 1 +0000", b"encoding ISO-8859-1")).author == "Jörg <j>"
    assert parse_commit(commit(b"author J\xf6rg <j> 1 +0000", b"encoding nonsense")).author == "J\ufffdrg <j>"
    assert parse_commit(commit(b"author J\xf6rg <j> 1 +0000")).author == "J\ufffdrg <j>"


def test_no_tree_is_no_commit():
    with pytest.raises(ValueError, match="without a tree"):
        parse_commit(b"author x\n\nm")

import pytest

from gitops_core.errors import UnsafeTree
from gitops_core.sources.git.names import checked_name


@pytest.mark.parametrize(
    "name", ["a", "site.yaml", ".gitignore", ".github", "git~2", "a.b.c", "ü", "a b", "..a", "a..b", "git", "...a"]
)
def test_ordinary_names_pass(name):
    assert checked_name(name.encode(), "") == name


@pytest.mark.parametrize(
    "name",
    [
        b"", b".", b"..", b"...", b".. ", b" ", b"..\xe2\x80\x8c", b"/", b"a/b", b"/etc", b"..\\x", b"a\\b", b"a\0b", b"C:", b"c:x",
        b".git", b".GIT", b".Git", b".git.", b".git ", b".git. .", b".git::$INDEX_ALLOCATION", b".git:x", b"git~1", b"GIT~1", b"git~1.",
        b".g\xe2\x80\x8cit", b"\xe2\x80\x8d.git", b".gi\xef\xbb\xbft", b"\xff",
    ],
)  # fmt: skip
def test_names_that_some_file_system_reads_as_something_else_are_refused_by_name(name):
    with pytest.raises(UnsafeTree, match=r"the entry '.*' in 'edge'"):
        checked_name(name, "edge")

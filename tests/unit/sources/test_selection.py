"""Which files are selected: paths, defaults, and the gitignore language by the letter of its manual page."""

import pytest

from gitops_core.errors import ConfigError, Disposition
from gitops_core.sources.selection import DEFAULT_IGNORE, Selection


def ignored(lines, path):
    return not Selection(ignore=lines).selects(path)


@pytest.mark.parametrize(
    ("lines", "path"),
    [
        ("*.txt", "a.txt"),
        ("*.txt", "deep/er/a.txt"),
        ("/a", "a"),
        ("doc/a", "doc/a"),
        ("build/", "build/x"),
        ("build/", "sub/build/deep/x"),
        ("**/foo", "foo"),
        ("**/foo", "a/b/foo"),
        ("**/foo/bar", "x/foo/bar"),
        ("abc/**", "abc/x/y"),
        ("a/**/b", "a/b"),
        ("a/**/b", "a/x/y/b"),
        ("a/**/m/**/b", "a/m/b"),
        ("a/**/m/**/b", "a/1/m/2/3/b"),
        ("**", "x"),
        ("/**", "x/y"),
        ("**/", "x/y"),
        ("a**b", "axxb"),
        ("x/**b", "x/ab"),
        ("x/a**b", "x/aab"),
        ("a\\*b", "a*b"),
        ("\\#c", "#c"),
        ("\\!c", "!c"),
        ("c\\ ", "c "),
        ("c   ", "c"),
        ("c\r", "c"),
        ("a?c", "abc"),
        ("[a-c]x", "bx"),
        ("[!a-c]x", "dx"),
        ("[^a-c]x", "dx"),
        ("[]x]", "]"),
        ("[a-]", "-"),
        ("[\\]]", "]"),
        ("[\\a-\\c]", "b"),
        ("[[:digit:]a]", "7"),
        ("[[:x]", "["),
        ("[[:x]", ":"),
        ("[[]", "["),
        ("**\\/b", "x/b"),
        ("é", "é"),
        ("??", "é"),  # two bytes, as in Git
        ("*\n!*.yaml", "a.txt"),
        ("d/\n!d/keep", "d/keep"),  # nothing below an ignored directory comes back
        ("!a\na", "a"),
    ],
)
def test_a_pattern_ignores_what_git_would(lines, path):
    assert ignored(lines, path)


@pytest.mark.parametrize(
    ("lines", "path"),
    [
        ("", "a"),
        ("#a", "a"),
        ("# comment", "# comment"),
        ("   ", "   x"),
        ("/", "a"),
        ("!", "!"),
        ("/a", "x/a"),
        ("doc/a", "x/doc/a"),
        ("build/", "build"),  # a file is not a directory
        ("a/*", "x/a/b"),
        ("/*.txt", "a/b.txt"),
        ("a/**/b", "a/xb"),
        ("abc/**", "abc"),
        ("x/a**b", "x/a/b"),
        ("x/**b", "x/a/b"),
        ("**\\/b", "b"),
        ("a?c", "a/c"),
        ("x/a[./]c", "x/a/c"),
        ("[/]", "/x"),
        ("a//b", "a/b"),
        ("A", "a"),
        ("?", "é"),
        ("[!a-c]x", "bx"),
        ("[[:alpha:]]", "é"),
        ("*\n!*.yaml", "a.yaml"),
        ("*.txt\n!a.txt", "a.txt"),
        ("d/*\n!d/keep", "d/keep"),
        ("a\\*b", "axb"),
        ("foo.", "foox"),
    ],
)
def test_a_pattern_leaves_alone_what_git_would(lines, path):
    assert not ignored(lines, path)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("a\\", "ends in a backslash"),
        ("a\\/", "ends in a backslash"),
        ("[a", "no ']'"),
        ("[", "no ']'"),
        ("[!", "no ']'"),
        ("[[:alpha", "no ']'"),
        ("[\\", "no ']'"),
        ("[a-\\", "no ']'"),
        ("[[:letters:]]", "no class [:letters:]"),
    ],
)
def test_a_pattern_that_can_never_match_is_refused_with_the_reason(line, problem):
    with pytest.raises(ConfigError) as caught:
        Selection(ignore=(line,))
    assert problem in str(caught.value)
    assert repr(line) in str(caught.value)


def test_every_default_ignores_something_and_manifests_survive():
    selection = Selection()
    leftovers = [
        ".git/config",
        "sub/.git",
        ".gitignore",
        "a/.gitattributes",
        ".github/workflows/ci.yaml",
        "x.swp",
        "x~",
        ".#x",
        "#x#",
    ]
    assert [p for p in [*leftovers, "a/.DS_Store", ".gitmodules"] if selection.selects(p)] == []
    assert all(map(selection.selects, ["a.yaml", "edge/b.json", ".hidden/c.yaml", "gitignore"]))


def test_a_default_can_be_taken_back():
    assert Selection(ignore=(*DEFAULT_IGNORE, "!.gitkeep")).selects("a/.gitkeep")


def test_an_ignore_list_may_be_the_text_of_a_file():
    assert Selection(ignore="a\n!b\n").ignore == ("a", "!b", "")
    assert Selection(ignore="*.tmp\n").selects("a.yaml")


def test_only_what_lies_below_a_path_is_selected():
    selection = Selection(paths=("edge", "apps/one.yaml"))
    assert selection.selects("edge/a.yaml")
    assert selection.selects("apps/one.yaml")
    assert not selection.selects("edges/a.yaml")
    assert not selection.selects("apps/two.yaml")


def test_a_walk_enters_ancestors_and_descendants_of_a_path_only():
    selection = Selection(paths=("a/b",), ignore=("tmp/",))
    assert [d for d in ("", "a", "a/b", "a/b/c", "b", "a/c", "a/b/tmp", "a/b/tmp/x") if selection.enters(d)] == [
        "",
        "a",
        "a/b",
        "a/b/c",
    ]


def test_patterns_are_relative_to_the_root_whatever_the_path():
    assert not Selection(paths=("edge",), ignore=("/edge/x",)).selects("edge/x")
    assert Selection(paths=("edge",), ignore=("/x",)).selects("edge/x")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("", ("",)),
        (".", ("",)),
        ("./edge/", ("edge",)),
        ("edge//x/./y", ("edge/x/y",)),
        (("b", "a", "b/"), ("a", "b")),
        (("edge", "", "x"), ("",)),
        (("edge/sub", "edge", "edge-2"), ("edge", "edge-2")),
    ],
)
def test_paths_get_one_spelling(given, kept):
    assert Selection(paths=given).paths == kept


@pytest.mark.parametrize("path", ["/etc", "../x", "a/../b", "a\0b"])
def test_a_path_that_leaves_the_source_is_refused(path):
    with pytest.raises(ConfigError) as caught:
        Selection(paths=(path,))
    assert repr(path) in str(caught.value)
    assert "relative to the root" in str(caught.value)
    assert caught.value.disposition is Disposition.STALL


def test_selecting_no_path_at_all_is_refused():
    with pytest.raises(ConfigError, match="no path is selected"):
        Selection(paths=())


def test_the_fingerprint_covers_paths_and_lines_and_not_the_spelling():
    assert Selection(paths="edge/").fingerprint == Selection(paths=("./edge",)).fingerprint
    different = [
        Selection(),
        Selection(paths="a"),
        Selection(ignore=()),
        Selection(ignore=("a", "b")),
        Selection(ignore=("b", "a")),
    ]
    assert len({s.fingerprint for s in different}) == len(different)


def test_equal_selections_are_equal_and_hashable():
    assert {Selection(paths="a"), Selection(paths="a/")} == {Selection(paths=("a",))}


def test_a_pattern_full_of_stars_does_not_blow_up():
    """Forty stars against forty letters: exponential when gaps are tried in every combination."""
    assert not ignored("*a" * 40 + "b", "a" * 200)
    assert not ignored("**/a/" * 20 + "b", "a/" * 60 + "c")

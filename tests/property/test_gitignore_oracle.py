"""The ignore language agrees with the git command itself, pattern by pattern and path by path."""

import os
import shutil
import subprocess

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from gitops_core.errors import ConfigError
from gitops_core.sources.selection import Selection

pytestmark = [
    pytest.mark.needs_git,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("git") is None, reason="needs the git command, which is the oracle here"),
]

NAMES = ["a", "b", "ab", "a.b", "ba", "é", "a b", "*", "[a]", "#a", "!b", "\\"]
DIRECTORIES = ["a", "ab", "a/b", "a/b/a", "b", "b/a", "é", "ab/a"]
FILES = sorted({f"{d}/{n}" for d in DIRECTORIES for n in NAMES} - set(DIRECTORIES)) + sorted(set(NAMES) - set(DIRECTORIES))

PIECES = [
    "a",
    "b",
    ".",
    "/",
    "/",
    "*",
    "*",
    "**",
    "**/",
    "/**",
    "?",
    "é",
    " ",
    "\\*",
    "\\ ",
    "\\#",
    "\\!",
    "\\/",
    "\\a",
    "\\\\",
    "#",
    "!",
    "-",
]
BRACKETS = [
    "[ab]",
    "[!a]",
    "[^b]",
    "[a-b]",
    "[]a]",
    "[!]a]",
    "[a-]",
    "[\\]a]",
    "[[:alpha:]]",
    "[![:punct:]]",
    "[*]",
    "[/]",
    "[[]",
    "[+-a]",
    "[",
]
LINES = st.tuples(st.sampled_from(["", "", "!", "/"]), st.lists(st.sampled_from(PIECES + BRACKETS), max_size=6)).map(
    lambda t: t[0] + "".join(t[1])
)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    root = tmp_path_factory.mktemp("oracle")
    subprocess.run(["git", "init", "-q", root], check=True, env=scrubbed(root))
    for path in FILES:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


def scrubbed(home):
    return {"PATH": os.environ["PATH"], "HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1"}


def ignored_by_git(checkout, lines):
    (checkout / ".gitignore").write_text("\n".join(lines) + "\n", encoding="utf-8")
    command = ["git", "check-ignore", "--no-index", "--stdin", "-z"]
    paths = "\0".join(FILES).encode()
    done = subprocess.run(command, cwd=checkout, env=scrubbed(checkout), input=paths, capture_output=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return {p for p in done.stdout.decode().split("\0") if p}


def hits_a_known_bug_of_git(line):
    """
    Git (2.39 does it) matches the literal beginning of a path pattern by itself, so that what follows looks like a beginning.

    ``a**/b`` then means ``a`` + ``**/b``, against gitignore(5): "Other consecutive asterisks are considered regular asterisks".
    """
    head, stars, _ = line.partition("**")
    return bool(stars and "/" in line and head.lstrip("!/") and not head.endswith("/") and not set(head) & set("*?[\\"))


def agree(checkout, lines):
    assume(not any(map(hits_a_known_bug_of_git, lines)))
    try:
        selection = Selection(ignore=tuple(lines))
    except ConfigError:  # can never match: Git must agree that it does not
        for line in lines:
            one_by_one(checkout, line)
        return
    assert {p for p in FILES if not selection.selects(p)} == ignored_by_git(checkout, lines)


def one_by_one(checkout, line):
    try:
        Selection(ignore=(line,))
    except ConfigError:
        assert ignored_by_git(checkout, [line]) == set(), line


@settings(max_examples=100, deadline=None)
@given(line=LINES)
def test_one_pattern_ignores_exactly_what_git_ignores(checkout, line):
    agree(checkout, [line])


@settings(max_examples=100, deadline=None)
@given(lines=st.lists(LINES, min_size=2, max_size=5))
@example(lines=["*", "!*/", "!*.b"])
@example(lines=["a/", "!a/b"])
@example(lines=["a/*", "!a/b", "a/b/a"])
def test_several_patterns_ignore_exactly_what_git_ignores(checkout, lines):
    agree(checkout, lines)

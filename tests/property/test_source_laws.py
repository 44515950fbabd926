"""Laws of ignore lists and of content addresses."""

import shutil
import string

from hypothesis import given, settings
from hypothesis import strategies as st

from gitops_core.sources.directory import DirectorySource
from gitops_core.sources.memory import MemorySource
from gitops_core.sources.selection import Selection
from gitops_core.testing.contexts import make_context

NAMES = st.sampled_from(["a", "b", "ab", "a.yaml", "é", "x y", "[a]"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
PATTERNS = st.lists(
    st.sampled_from(["a", "b", "*", "**", "/", "/", "?", ".yaml", "é", "[ab]", "[!a]"]), min_size=1, max_size=5
).map("".join)
LINES = st.lists(st.builds(str.__add__, st.sampled_from(["", "!"]), PATTERNS), max_size=5)
SETTINGS = settings(max_examples=100, deadline=None)


def parents(path):
    parts = path.split("/")
    return ["/".join(parts[:n]) for n in range(1, len(parts))]


# -- ignore lists ----------------------------------------------------------------------------------------------------------
@SETTINGS
@given(LINES, PATHS)
def test_a_selected_file_lies_in_directories_that_are_entered(lines, path):
    selection = Selection(ignore=tuple(lines))
    if selection.selects(path):
        assert all(selection.enters(parent) for parent in parents(path))


@SETTINGS
@given(LINES, PATHS, NAMES)
def test_nothing_below_a_directory_that_is_not_entered_is_selected(lines, directory, name):
    selection = Selection(ignore=tuple(lines))
    if not selection.enters(directory):
        assert not selection.selects(f"{directory}/{name}")
        assert not selection.enters(f"{directory}/{name}")


@SETTINGS
@given(LINES, PATHS)
def test_a_line_twice_says_no_more_than_once(lines, path):
    once, twice = Selection(ignore=tuple(lines)), Selection(ignore=(*lines, *lines[-1:]))
    assert once.selects(path) == twice.selects(path)


@SETTINGS
@given(LINES, PATHS)
def test_comments_and_blank_lines_say_nothing(lines, path):
    padded = [text for line in lines for text in ("# note", "", line, "  ")]
    assert Selection(ignore=tuple(lines)).selects(path) == Selection(ignore=tuple(padded)).selects(path)


@SETTINGS
@given(LINES, PATHS)
def test_what_the_last_line_ignores_is_ignored_whatever_the_lines_before_say(lines, path):
    assert not Selection(ignore=(*lines, "**")).selects(path)
    assert not Selection(ignore=(*lines, path.replace("[", "\\["))).selects(path)


@SETTINGS
@given(LINES, PATHS)
def test_without_negation_a_longer_list_ignores_no_less(lines, path):
    positive = [line.lstrip("!") for line in lines]
    assert all(
        Selection(ignore=tuple(positive[:n])).selects(path) or not Selection(ignore=tuple(positive)).selects(path)
        for n in range(len(positive))
    )


@SETTINGS
@given(PATHS, PATHS)
def test_a_path_selects_itself_and_what_lies_below(root, below):
    selection = Selection(paths=root, ignore=())
    assert selection.selects(root)
    assert selection.selects(f"{root}/{below}")
    assert selection.selects(below) == (below == root or below.startswith(f"{root}/"))
    assert all(map(selection.enters, parents(f"{root}/{below}")))


# -- content addresses -----------------------------------------------------------------------------------------------------
FILES = st.dictionaries(st.text(string.ascii_lowercase, min_size=1, max_size=2), st.binary(max_size=3), max_size=4)


def tree(source):
    return source.fetch(make_context(), source.resolve(make_context()))


@SETTINGS
@given(FILES, FILES)
def test_trees_have_equal_digests_exactly_when_their_files_are_equal(one, two):
    assert (tree(MemorySource(one)).digest == tree(MemorySource(two)).digest) == (one == two)


@SETTINGS
@given(st.lists(FILES, min_size=1, max_size=4))
def test_the_way_to_a_tree_leaves_no_trace_in_its_digest(steps):
    source = MemorySource({})
    for step in steps:
        held = dict.fromkeys(tree(source).files)
        source.commit({**held, **step})
    assert tree(source).digest == tree(MemorySource(steps[-1])).digest


@settings(max_examples=60, deadline=None)
@given(FILES)
def test_a_directory_and_a_memory_of_the_same_files_have_the_same_tree(tmp_path_factory, files):
    root = tmp_path_factory.mktemp("files")
    for path, content in files.items():
        (root / path).write_bytes(content)
    on_disk, in_memory = tree(DirectorySource(root)), tree(MemorySource(files))
    assert (on_disk.digest, on_disk.files) == (in_memory.digest, in_memory.files)
    assert {path: on_disk.read(file) for path, file in on_disk.files.items()} == files
    shutil.rmtree(root)

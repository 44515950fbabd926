"""A directory as a source: content addresses, the racy time stamp, and everything a hostile tree may hold."""

import os
import socket
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from gitops_core.errors import (
    ConfigError,
    Disposition,
    LimitExceeded,
    RepositoryNotFound,
    RevisionNotFound,
    RevisionVanished,
    SourceUnavailable,
    UnsafeTree,
    UnsupportedContent,
)
from gitops_core.model.revisions import EXECUTABLE, REGULAR, File, Revision
from gitops_core.sources import directory, walking
from gitops_core.sources.directory import DirectorySource
from gitops_core.testing.clock import VirtualClock
from gitops_core.testing.contexts import Recorder, make_context

AN_HOUR = 3600.0


def later(recorder=None):
    """A context whose clock is past every time stamp of the test's files, so that digests may be remembered."""
    return make_context(recorder, clock=VirtualClock(time.time() + AN_HOUR))


def write(root, files):
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content.encode())


def contents(source, ctx=None):
    ctx = ctx or make_context()
    tree = source.fetch(ctx, source.resolve(ctx))
    return {path: tree.read(file).decode() for path, file in tree.files.items()}


def test_a_digest_is_gits_blob_id(tmp_path):
    write(tmp_path, {"a": "hello\n", "b": ""})
    source = DirectorySource(tmp_path)
    files = source.fetch(make_context(), source.resolve(make_context())).files
    assert [f.digest for f in files.values()] == [
        "ce013625030ba8dba906f756967f9e9ca394464a",
        "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
    ]


def test_the_executable_bit_is_part_of_the_tree(tmp_path):
    write(tmp_path, {"run": "x"})
    source = DirectorySource(tmp_path)
    before = source.resolve(make_context())
    (tmp_path / "run").chmod(0o755)
    after = source.fetch(make_context(), source.resolve(make_context()))
    assert after.files["run"].mode == EXECUTABLE
    assert after.revision.id != before.id
    (tmp_path / "run").chmod(0o644)
    assert source.resolve(make_context()) == before
    assert source.fetch(make_context(), before).files["run"].mode == REGULAR


def test_path_and_ignore_select_files_by_their_path_from_the_root(tmp_path):
    write(tmp_path, {"edge/a": "1", "edge/b.tmp": "2", "other/c": "3", "edge/.git/config": "4", "edge/deep/er/d": "5"})
    assert contents(DirectorySource(tmp_path, path="edge", ignore="*.tmp")) == {"edge/a": "1", "edge/deep/er/d": "5"}


def test_the_git_directory_is_never_part_of_it(tmp_path):
    write(tmp_path, {".git/config": "token", "sub/.GIT/config": "token", "a": "1"})
    assert contents(DirectorySource(tmp_path, ignore=())) == {"a": "1"}


# -- cost ---------------------------------------------------------------------------------------------------------------
def test_an_unchanged_file_is_not_read_again(tmp_path):
    write(tmp_path, {f"f{i}": str(i) for i in range(20)})
    source, recorder = DirectorySource(tmp_path), Recorder()
    source.resolve(later(recorder))
    assert recorder.counts["files_hashed"] == 20
    source.resolve(later(recorder))
    assert recorder.counts["files_hashed"] == 20
    write(tmp_path, {"f7": "changed"})
    source.resolve(later(recorder))
    assert recorder.counts["files_hashed"] == 21


def test_a_file_written_just_now_is_read_again(tmp_path):
    write(tmp_path, {"a": "1"})
    source, recorder = DirectorySource(tmp_path), Recorder()
    soon = make_context(recorder, clock=VirtualClock((tmp_path / "a").stat().st_mtime + 1.0))
    source.resolve(soon)
    source.resolve(soon)
    assert recorder.counts["files_hashed"] == 2
    source.resolve(later(recorder))
    source.resolve(later(recorder))
    assert recorder.counts["files_hashed"] == 3


def test_a_second_write_with_the_same_size_and_time_stamps_is_seen(tmp_path, monkeypatch):
    """Git's racy problem: the file system's clock ticks too slowly to tell two writes apart."""
    write(tmp_path, {"a": "1"})
    written = (tmp_path / "a").stat()
    source = DirectorySource(tmp_path)
    soon = make_context(clock=VirtualClock(written.st_mtime + 0.01))
    before = source.resolve(soon).id
    write(tmp_path, {"a": "2"})
    freeze_stamps(monkeypatch, written)
    assert source.resolve(soon).id != before


def freeze_stamps(monkeypatch, status):
    """Make every file look as if it had been written when *status* was taken."""
    frozen = directory._Stamp.of(status)
    monkeypatch.setattr(directory._Stamp, "of", lambda _status: frozen)


def test_a_stamp_that_lied_is_not_believed_twice(tmp_path, monkeypatch):
    """Even when a slow clock hid a write: reading notices, and the next resolve looks again."""
    write(tmp_path, {"a": "1"})
    freeze_stamps(monkeypatch, (tmp_path / "a").stat())
    source = DirectorySource(tmp_path)
    source.resolve(later())
    write(tmp_path, {"a": "2"})
    tree = source.fetch(later(), source.resolve(later()))
    with pytest.raises(RevisionVanished):
        tree.read(tree.files["a"])
    assert contents(source, later()) == {"a": "2"}


def test_fetching_what_was_resolved_last_looks_at_no_file(tmp_path):
    write(tmp_path, {"a": "1"})
    source, recorder = DirectorySource(tmp_path), Recorder()
    revision = source.resolve(make_context(recorder))
    source.fetch(make_context(recorder), revision)
    assert recorder.counts["files_hashed"] == 1


# -- changes meanwhile ----------------------------------------------------------------------------------------------------
def test_fetching_an_earlier_state_says_that_it_vanished(tmp_path):
    write(tmp_path, {"a": "1"})
    source = DirectorySource(tmp_path)
    before = source.resolve(make_context())
    write(tmp_path, {"a": "2"})
    source.resolve(make_context())
    with pytest.raises(RevisionVanished, match="resolve again") as caught:
        source.fetch(make_context(), before)
    assert caught.value.revision == before.id
    assert caught.value.disposition is Disposition.RETRY


def test_an_earlier_state_that_came_back_can_be_fetched(tmp_path):
    write(tmp_path, {"a": "1"})
    source = DirectorySource(tmp_path)
    before = source.resolve(make_context())
    write(tmp_path, {"a": "2"})
    source.resolve(make_context())
    write(tmp_path, {"a": "1"})
    assert source.fetch(make_context(), before).revision == before


@pytest.mark.parametrize("change", ["rewrite", "remove"])
def test_reading_a_file_that_changed_says_that_the_revision_vanished(tmp_path, change):
    write(tmp_path, {"a": "1", "b": "2"})
    source = DirectorySource(tmp_path)
    tree = source.fetch(make_context(), source.resolve(make_context()))
    if change == "remove":
        (tmp_path / "a").unlink()
    else:
        write(tmp_path, {"a": "changed"})
    with pytest.raises(RevisionVanished, match="a has changed"):
        tree.read(tree.files["a"])
    assert tree.read(tree.files["b"]) == b"2"


def test_a_file_that_vanishes_while_we_look_is_no_removal(tmp_path, monkeypatch):
    write(tmp_path, {"a": "1", "b": "2"})
    source = DirectorySource(tmp_path)

    def vanish(place, path):
        Path(place).unlink()
        return walking.open_regular(place, path)

    monkeypatch.setattr("gitops_core.sources.directory.open_regular", vanish)
    with pytest.raises(SourceUnavailable, match="vanished while"):
        source.resolve(make_context())


def test_a_file_of_another_tree_cannot_be_read(tmp_path):
    write(tmp_path, {"a": "1"})
    source = DirectorySource(tmp_path)
    tree = source.fetch(make_context(), source.resolve(make_context()))
    with pytest.raises(RevisionNotFound, match="is not in revision"):
        tree.read(File("a", "0" * 40))


def test_a_root_that_is_pointed_elsewhere_is_followed(tmp_path):
    write(tmp_path, {"one/a": "1", "two/a": "2"})
    (tmp_path / "current").symlink_to("one")
    source = DirectorySource(tmp_path / "current")
    before = source.fetch(make_context(), source.resolve(make_context()))
    (tmp_path / "next").symlink_to("two")
    (tmp_path / "next").rename(tmp_path / "current")
    assert contents(source) == {"a": "2"}
    assert before.read(before.files["a"]) == b"1"


# -- symlinks and special files -------------------------------------------------------------------------------------------
def test_a_symlink_inside_gives_what_it_points_at(tmp_path):
    write(tmp_path, {"real/a": "1", "real/sub/b": "2"})
    (tmp_path / "file").symlink_to("real/a")
    (tmp_path / "dir").symlink_to("real")
    source = DirectorySource(tmp_path)
    assert contents(source) == {"real/a": "1", "real/sub/b": "2", "file": "1", "dir/a": "1", "dir/sub/b": "2"}


def test_a_symlink_is_ignored_by_what_it_points_at(tmp_path):
    write(tmp_path, {"real/a": "1"})
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "file").symlink_to("real/a")
    assert contents(DirectorySource(tmp_path, ignore=("link/", "file/"))) == {"real/a": "1", "file": "1"}


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("/etc/passwd", "out of the source"),
        ("../outside", "out of the source"),
        ("nowhere", "to nothing"),
        ("link", "to nothing"),
        (".", "a circle"),
        (".git/config", "into .git"),
    ],
)
def test_a_symlink_that_leads_astray_is_refused(tmp_path, target, problem):
    root = tmp_path / "root"
    write(root, {"a": "1", ".git/config": "token"})
    write(tmp_path, {"outside": "secret"})
    (root / "link").symlink_to(target)
    with pytest.raises(UnsafeTree, match=problem) as caught:
        DirectorySource(root).resolve(make_context())
    assert "link is a symlink" in str(caught.value)
    assert contents(DirectorySource(root, ignore=("link",))) == {"a": "1"}


def test_symlinks_that_multiply_directories_are_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(walking, "_MOST_DIRECTORIES", 100)
    for level in range(8):
        (tmp_path / f"{level}").mkdir()
        for name in "xy":
            (tmp_path / f"{level}" / name).symlink_to(f"../{level + 1}")
    (tmp_path / "8").mkdir()
    with pytest.raises(LimitExceeded, match="symlinks"):
        DirectorySource(tmp_path).resolve(make_context())


def test_a_pipe_and_a_socket_are_refused_by_name(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnsafeTree, match=r"^pipe is a pipe"):
        DirectorySource(tmp_path).resolve(make_context())
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        with pytest.raises(UnsafeTree, match=r"^socket is a pipe, socket or device"):
            DirectorySource(tmp_path, ignore=("pipe",)).resolve(make_context())
    assert contents(DirectorySource(tmp_path, ignore=("pipe", "socket"))) == {}


@pytest.mark.parametrize(
    "make", [os.mkfifo, lambda place: place.symlink_to("/etc/passwd"), os.mkdir], ids=["pipe", "symlink", "directory"]
)
def test_what_takes_a_files_place_before_it_is_read_is_not_read(tmp_path, make):
    write(tmp_path, {"a": "1"})
    source = DirectorySource(tmp_path)
    tree = source.fetch(make_context(), source.resolve(make_context()))
    (tmp_path / "a").unlink()
    make(tmp_path / "a")
    with pytest.raises(UnsafeTree):
        tree.read(tree.files["a"])


def test_a_socket_that_takes_a_files_place_is_not_read(tmp_path):
    write(tmp_path, {"a": "1"})
    source = DirectorySource(tmp_path)
    tree = source.fetch(make_context(), source.resolve(make_context()))
    (tmp_path / "a").unlink()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "a"))
        with pytest.raises(UnsafeTree):
            tree.read(tree.files["a"])


def test_a_name_that_is_not_utf8_is_refused(tmp_path):
    (tmp_path / os.fsdecode(b"\xff.yaml")).touch()
    with pytest.raises(UnsafeTree, match="not UTF-8"):
        DirectorySource(tmp_path).resolve(make_context())
    assert contents(DirectorySource(tmp_path, ignore=("*.yaml",))) == {}


def test_an_lfs_pointer_is_reported_when_it_is_read(tmp_path):
    write(tmp_path, {"a": "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"})
    with pytest.raises(UnsupportedContent, match="git lfs pull"):
        contents(DirectorySource(tmp_path))


# -- what is missing, too much, or not allowed -----------------------------------------------------------------------------
def test_a_missing_root_is_no_repository(tmp_path):
    write(tmp_path, {"file": "x"})
    for root in (tmp_path / "missing", tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(RepositoryNotFound) as caught:
            DirectorySource(root).resolve(make_context())
        assert str(root) in str(caught.value)


def test_a_missing_path_holds_no_files_and_is_noticed(tmp_path):
    source = DirectorySource(tmp_path, path=("edge", "there"))
    (tmp_path / "there").mkdir()
    tree = source.fetch(make_context(), source.resolve(make_context()))
    assert dict(tree.files) == {}
    assert [(n.code, n.path) for n in tree.notices] == [("missing-path", "edge")]
    write(tmp_path, {"edge/a": "1"})
    assert source.fetch(make_context(), source.resolve(make_context())).notices == ()


def test_a_large_file_is_refused_with_the_way_out(tmp_path):
    write(tmp_path, {"a": "12345"})
    assert contents(DirectorySource(tmp_path, max_file_bytes=5)) == {"a": "12345"}
    with pytest.raises(LimitExceeded, match="a has more than 4 bytes; ignore it, or raise max_file_bytes"):
        DirectorySource(tmp_path, max_file_bytes=4).resolve(make_context())


def test_too_many_files_are_refused_with_the_way_out(tmp_path):
    write(tmp_path, {"a": "1", "b": "2", "c.txt": "3"})
    assert len(contents(DirectorySource(tmp_path, max_files=2, ignore="*.txt"))) == 2
    with pytest.raises(LimitExceeded, match="more than 2 files"):
        DirectorySource(tmp_path, max_files=2).resolve(make_context())


def test_a_pattern_that_makes_no_sense_is_refused_at_once(tmp_path):
    with pytest.raises(ConfigError):
        DirectorySource(tmp_path, path="../x")


@pytest.mark.parametrize("call", ["scandir", "open"])
def test_what_cannot_be_read_is_named_with_the_reason(tmp_path, monkeypatch, call):
    write(tmp_path, {"sub/a": "1"})

    def refuse(place, *_args):
        if "sub" in str(place):
            raise PermissionError(13, "Permission denied", place)
        return real(place, *_args)

    real = getattr(os, call)
    monkeypatch.setattr(os, call, refuse)
    with pytest.raises(SourceUnavailable, match=r"sub.* cannot be read: Permission denied; check its permissions"):
        DirectorySource(tmp_path).resolve(make_context())


@pytest.mark.parametrize("at", ["root", "entry"])
def test_a_status_that_cannot_be_had_is_named_with_the_reason(tmp_path, monkeypatch, at):
    write(tmp_path, {"a": "1"})
    (tmp_path / "link").symlink_to("a")
    real = walking.Path.stat

    def refuse(self, **kwargs):
        if (at == "root") == (self == tmp_path):
            raise OSError(5, "Input/output error")
        return real(self, **kwargs)

    monkeypatch.setattr(walking.Path, "stat", refuse)
    with pytest.raises(SourceUnavailable, match="Input/output error"):
        DirectorySource(tmp_path).resolve(make_context())


def test_the_name_and_fingerprint_cover_root_and_options(tmp_path):
    sources = [
        DirectorySource(tmp_path),
        DirectorySource(tmp_path / "x"),
        DirectorySource(tmp_path, path="a"),
        DirectorySource(tmp_path, ignore=()),
        DirectorySource(tmp_path, max_files=1),
        DirectorySource(tmp_path, max_file_bytes=1),
    ]
    assert len({s.fingerprint for s in sources}) == len(sources)
    assert sources[0].name == f"directory {tmp_path}"
    assert sources[0].fingerprint == DirectorySource(str(tmp_path)).fingerprint


def test_an_unknown_revision_of_a_directory_vanished(tmp_path):
    with pytest.raises(RevisionVanished):
        DirectorySource(tmp_path).fetch(make_context(), Revision("0" * 40))


def test_a_file_that_does_not_know_its_size_is_read_to_its_end(tmp_path, monkeypatch):
    """Files that are being written, and those of some network and virtual file systems."""
    write(tmp_path, {"a": "12345"})
    real = os.fstat

    def sizeless(descriptor):
        status = real(descriptor)
        return SimpleNamespace(**{name: getattr(status, name) for name in dir(status) if name.startswith("st_")} | {"st_size": 0})

    monkeypatch.setattr(os, "fstat", sizeless)
    assert contents(DirectorySource(tmp_path, max_file_bytes=5)) == {"a": "12345"}
    with pytest.raises(LimitExceeded):
        DirectorySource(tmp_path, max_file_bytes=4).resolve(make_context())

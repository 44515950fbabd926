"""DirectoryTarget survives its own death between any two system calls, and every error a file system has."""

import contextlib
import errno
import os
import signal
import stat
import threading
from pathlib import Path

import pytest

from gitops_core.errors import Denied, TargetError, Transient
from gitops_core.interfaces import Query, TargetChange
from gitops_core.model.plans import Action
from gitops_core.model.resources import Unreadable
from gitops_core.model.values import freeze
from gitops_core.planning.diff import Comparison, compare
from gitops_core.targets.directory import DirectoryTarget
from gitops_core.testing.contexts import make_context

# why: from 3.12 on a fork next to threads warns; the child only makes system calls and dies
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

CALLS = ("open", "mkdir", "rename", "link", "unlink", "rmdir", "write", "fchmod", "fsync", "setxattr", "stat", "close", "scandir")
KILLED = 77
MOST = 400  # calls in the longest scenario; a bound, so that a test that never ends is a failure


@pytest.fixture(autouse=True)
def no_disk(monkeypatch):
    """Forcing bytes to a real disk takes seconds and proves nothing here: the calls are counted all the same."""
    monkeypatch.setattr(os, "fsync", lambda fd: None)


def file(name, content, mode="0644"):
    return {"kind": "File", "metadata": {"name": name}, "spec": {"content": content, "mode": mode}}


def secret(name, value):
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "shop"}, "stringData": {"k": value}}


# name: (declared before, declared now)
SCENARIOS = {
    "create in new directories": ([], [file("a/b/c.txt", "new")]),
    "create at the root": ([], [file("c.txt", "new", "0755")]),
    "create beside": ([file("a/old.txt", "old")], [file("a/old.txt", "old"), file("a/new.txt", "new")]),
    "update": ([file("a/b/c.txt", "old" * 500)], [file("a/b/c.txt", "new" * 700, "0600")]),
    "update a manifest": ([secret("s", "one")], [secret("s", "two")]),
    "delete the last one": ([file("a/b/c.txt", "old")], []),
    "delete beside": ([file("a/b/c.txt", "old"), file("a/d.txt", "old")], [file("a/d.txt", "old")]),
    "all at once": (
        [file("a/b/c.txt", "old"), file("u.txt", "old"), secret("s", "x")],
        [file("n/e/w.txt", "new"), file("u.txt", "new")],
    ),
}


def one_pass(root, before, now):
    """Make *now* true as the engine would, with the inventory written ahead: *before* and *now*."""
    target, ctx = DirectoryTarget(root), make_context()
    desired = {target.key(body): freeze(body) for body in now}
    owned = {target.key(body) for body in before} | desired.keys()
    live = {answer.key: answer for answer in target.observe(ctx, Query(frozenset(owned)))}
    for key, body in sorted(desired.items()):
        if key not in live:
            target.create(ctx, TargetChange(key, Action.CREATE, body))
        elif differs(target, body, live[key].body):
            target.update(ctx, TargetChange(key, Action.UPDATE, body, live[key]))
    for key in sorted(live.keys() - desired.keys()):
        target.delete(ctx, TargetChange(key, Action.DELETE, freeze({}), live[key]))


def differs(target, desired, live):
    wanted, there = freeze(target.normalize(desired)), freeze(target.normalize(live))
    own = target.diff(wanted, there)
    return bool(compare(wanted, there, Comparison()) if own is None else own)


def picture(home):
    """Return every path below *home* with its mode and content."""
    found = {}
    for path in sorted(home.rglob("*")):
        facts = path.lstat()
        found[str(path.relative_to(home))] = (stat.S_IMODE(facts.st_mode), path.read_bytes() if path.is_file() else None)
    return found


def world(home, before):
    """Lay out a root with *before* in it, a stranger's files inside, and something outside."""
    home.mkdir()
    (home / "outside").mkdir()
    (home / "outside" / "theirs.txt").write_text("not ours")
    root = home / "root"
    root.mkdir()
    (root / "stranger.txt").write_text("unknown")
    (root / "empty").mkdir()
    one_pass(root, [], before)
    return root


class Killer:
    """Counts the calls of ``os`` and dies before, after, or in the middle of one of them."""

    def __init__(self, number, moment):
        self.number, self.moment, self.count = number, moment, 0

    def arm(self):
        for name in CALLS:
            setattr(os, name, self.wrap(name, getattr(os, name)))

    def wrap(self, name, real):
        def call(*args, **kwargs):
            self.count += 1
            if self.count != self.number:
                return real(*args, **kwargs)
            if self.moment == "middle" and name == "write":
                real(args[0], bytes(args[1])[: len(args[1]) // 2])
            elif self.moment == "after":
                with contextlib.suppress(OSError):
                    real(*args, **kwargs)
            return os.kill(os.getpid(), signal.SIGKILL)

        return call


def dies(number, moment, root, before, now):
    """Run a pass in a child that is killed at its *number*-th call; return whether it lived to be killed."""
    child = os.fork()
    if child == 0:
        code = KILLED
        try:
            Killer(number, moment).arm()
            one_pass(root, before, now)
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the pass failed in the child"
    return os.WIFSIGNALED(status)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.parametrize("unnamed", [True, False], ids=["O_TMPFILE", "named"])
@pytest.mark.parametrize(
    ("scenario", "moment"),
    [(scenario, moment) for scenario in SCENARIOS for moment in ("before", "after")]
    + [("create in new directories", "middle"), ("update", "middle")],  # only writes have a middle
)
def test_a_killed_pass_is_repaired_by_the_next(scenario, moment, unnamed, tmp_path, monkeypatch):
    """Killed at every single call: no torn file, and after the next pass the tree is that of a run without a crash."""
    if not unnamed:
        monkeypatch.setattr(os, "O_TMPFILE", 0)
    before, now = SCENARIOS[scenario]
    goal = world(tmp_path / "goal", before)
    one_pass(goal, before, now)
    wanted = picture(goal.parent)
    old = picture(world(tmp_path / "old", before).parent)
    for number in range(1, MOST):
        home = tmp_path / f"{moment}-{number}"
        root = world(home, before)
        killed = dies(number, moment, root, before, now)
        for path, facts in picture(home).items():
            if ".reconcile-" not in path and facts[1] is not None:
                assert facts in (old.get(path), wanted.get(path)), f"{path} is torn after call {number}"
        one_pass(root, before, now)
        assert picture(home) == wanted, f"not repaired after a kill {moment} call {number}"
        if not killed:
            assert number > 5, "the calls are not counted"
            return
    raise AssertionError("the pass never ended")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.parametrize("number", range(1, 60, 3))
def test_what_was_begun_and_then_undeclared_leaves_nothing(number, tmp_path):
    """A create that was cut off and whose object then left Git is cleaned away."""
    now = [file("a/b/c.txt", "new")]
    root = world(tmp_path / "home", [])
    clean = picture(root.parent)
    dies(number, "after", root, [], now)
    one_pass(root, now, [])
    left = {path: facts for path, facts in picture(root.parent).items() if ".reconcile-" not in path}
    assert left == clean


@pytest.mark.parametrize("call", ["write", "fsync", "link", "rename", "mkdir", "fchmod"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES, errno.EDQUOT])
@pytest.mark.parametrize("scenario", ["create in new directories", "update"])
def test_a_failing_call_is_told_and_changes_nothing(scenario, code, call, tmp_path, monkeypatch):
    """A full, broken or read-only disk raises what it is, with the path and the cure; the next pass succeeds."""
    before, now = SCENARIOS[scenario]
    root = world(tmp_path / "home", before)
    whole = picture(root.parent)
    used = []

    def fails(*args, **kwargs):
        used.append(call)
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fails)
        try:
            one_pass(root, before, now)
        except TargetError as error:
            told = error
        else:
            assert not used, f"{call} failed and nobody was told"
            return
    assert isinstance(told, Denied if code in (errno.EROFS, errno.EACCES) else Transient)
    assert str(root) in str(told)
    assert os.strerror(code) in str(told)
    if call != "fsync":  # a failed fsync comes after the rename of a directory: it is there, empty and marked
        files = {path: facts for path, facts in picture(root.parent).items() if facts[1] is not None}
        assert files == {path: facts for path, facts in whole.items() if facts[1] is not None}
    one_pass(root, before, now)
    goal = world(tmp_path / "goal", before)
    one_pass(goal, before, now)
    assert picture(root.parent) == picture(goal.parent)


def test_an_unreadable_file_is_not_absent(tmp_path, monkeypatch):
    """An I/O error while reading makes one file unreadable; the others are observed."""
    bodies = [file("a.txt", "a"), file("b.txt", "b")]
    root = world(tmp_path / "home", bodies)
    target = DirectoryTarget(root)
    real = os.fdopen

    def fails(fd, *args, **kwargs):
        if Path(f"/proc/self/fd/{fd}").readlink().name == "a.txt":
            os.close(fd)
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(fd, *args, **kwargs)

    monkeypatch.setattr(os, "fdopen", fails)
    answers = {a.key.name: a for a in target.observe(make_context(), Query(frozenset(map(target.key, bodies))))}
    assert isinstance(answers["a.txt"], Unreadable)
    assert isinstance(answers["a.txt"].error, Transient)
    assert answers["b.txt"].body["spec"]["content"] == "b"


def test_a_short_write_is_completed(tmp_path, monkeypatch):
    """A write that takes only some of the bytes goes on with the rest."""
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, bytes(data)[:7]))
    root = tmp_path / "root"
    one_pass(root, [], [file("a.txt", "x" * 1000)])
    assert (root / "a.txt").read_text() == "x" * 1000


def test_a_living_writer_is_left_alone(tmp_path):
    """A temporary file that another process holds is not swept away; one of a dead process is."""
    root = world(tmp_path / "home", [])
    living, dead = root / f".reconcile-{'1' * 16}.tmp", root / f".reconcile-{'2' * 16}.tmp"
    dead.write_text("half")
    ready, done = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        import fcntl

        fd = os.open(living, os.O_WRONLY | os.O_CREAT)
        fcntl.flock(fd, fcntl.LOCK_EX)
        os.write(ready[1], b"x")
        os.read(done[0], 1)
        os._exit(0)
    os.read(ready[0], 1)
    one_pass(root, [], [file("a.txt", "a")])
    assert living.exists()
    assert not dead.exists()
    os.write(done[1], b"x")
    os.waitpid(child, 0)
    one_pass(root, [file("a.txt", "a")], [file("a.txt", "b")])
    assert not living.exists()
    for fd in (*ready, *done):
        os.close(fd)


def test_many_threads_in_new_directories(tmp_path):
    """Creates at the same time in directories that do not exist yet do not hinder each other."""
    root = tmp_path / "root"
    target, ctx = DirectoryTarget(root, durable=False), make_context()
    bodies = [file(f"d{i % 3}/e/f{i}.txt", str(i)) for i in range(60)]
    errors = []

    def work(part):
        for body in part:
            try:
                target.create(ctx, TargetChange(target.key(body), Action.CREATE, freeze(body)))
            except TargetError as error:
                errors.append(error)

    threads = [threading.Thread(target=work, args=(bodies[i::6],)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(list(root.rglob("*.txt"))) == 60
    assert list(root.rglob(".reconcile-*")) == []


def test_several_writes_that_were_cut_off_in_one_directory_are_all_completed_by_one_pass(tmp_path):
    """The first one that is completed makes the directory look used; the others were begun all the same."""
    now = [file("a/one.txt", "1"), file("a/two.txt", "2")]
    root = world(tmp_path / "home", [])
    target, ctx = DirectoryTarget(root), make_context()
    keys = [target.key(body) for body in now]
    target.create(ctx, TargetChange(keys[0], Action.CREATE, freeze(now[0])))
    (root / "a" / "one.txt").unlink()
    os.setxattr(root / "a", "user.reconciled", b"open")
    one_pass(root, [], now)
    assert [path.read_text() for path in sorted((root / "a").iterdir())] == ["1", "2"]

"""DirectoryTarget on a real file system: who may be in the way, what is seen, and what is never touched."""

import errno
import os
import time
from pathlib import Path

import pytest

from gitops_core.errors import AlreadyExists, Conflict, Denied, Invalid, NotFound, Transient
from gitops_core.interfaces import Query, TargetChange, capabilities
from gitops_core.model.health import HealthStatus
from gitops_core.model.plans import Action, DiffOp
from gitops_core.model.resources import Live, ResourceKey, Unreadable
from gitops_core.model.values import freeze, thaw
from gitops_core.targets.directory import DirectoryTarget
from gitops_core.targets.directory.bodies import encode, normalize
from gitops_core.targets.directory.files import MARK
from gitops_core.targets.directory.paths import folded, key_for, path_of
from gitops_core.targets.directory.target import _Rivals
from gitops_core.testing.contexts import make_context

DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"replicas": 2},
}
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"k": "v"}}


def file(name, content="hi\n", **spec):
    return {"kind": "File", "metadata": {"name": name}, "spec": {"content": content, **spec}}


@pytest.fixture
def ctx():
    return make_context()


@pytest.fixture
def root(tmp_path):
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


@pytest.fixture
def target(root):
    target = DirectoryTarget(root, durable=False)
    target._now = lambda: time.time_ns() + 10**12  # every file has been there for long
    return target


def change(target, body, action=Action.CREATE, live=None):
    return TargetChange(target.key(body), action, freeze(body), live)


def create(target, ctx, body):
    return target.create(ctx, change(target, body))


def look(target, ctx, *bodies, versions=None):
    keys = [body if isinstance(body, ResourceKey) else target.key(body) for body in bodies]
    return list(target.observe(ctx, Query(frozenset(keys), versions or {})))


def delete(target, ctx, live):
    target.delete(ctx, TargetChange(live.key, Action.DELETE, freeze({}), live))


# -- what is written ------------------------------------------------------------------------------------------------------


def test_a_file_is_written_as_it_is(target, ctx, root):
    create(target, ctx, file("conf.d/site.conf", "a\r\nb", mode="0750"))
    path = root / "conf.d/site.conf"
    assert path.read_bytes() == b"a\r\nb"
    assert path.stat().st_mode & 0o7777 == 0o750


def test_the_umask_does_not_matter(target, ctx, root):
    old = os.umask(0o077)
    try:
        create(target, ctx, file("a"))
    finally:
        os.umask(old)
    assert (root / "a").stat().st_mode & 0o777 == 0o644


def test_a_manifest_is_written_in_its_own_order(target, ctx, root):
    create(target, ctx, DEPLOYMENT)
    assert (root / "shop/Deployment.apps/web.yaml").read_text() == (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: shop\nspec:\n  replicas: 2\n"
    )


def test_a_secret_is_for_its_owner_only(target, ctx, root):
    create(target, ctx, SECRET)
    assert (root / "Secret/s.yaml").stat().st_mode & 0o777 == 0o600


def test_the_root_is_made_by_the_first_write_and_not_by_a_look(tmp_path, ctx):
    target = DirectoryTarget(tmp_path / "new" / "root")
    assert look(target, ctx, file("a")) == []
    assert target.preview(ctx, change(target, file("a")))["spec"]["mode"] == "0644"
    assert not (tmp_path / "new").exists()
    create(target, ctx, file("a"))
    assert (tmp_path / "new/root/a").read_text() == "hi\n"


def test_a_root_that_is_a_link_is_resolved_once(tmp_path, ctx, root):
    (tmp_path / "link").symlink_to(root)
    target = DirectoryTarget(tmp_path / "link")
    create(target, ctx, file("a"))
    assert (root / "a").exists()
    assert target.scope(target.key(file("a"))) == f"directory:{root}" == DirectoryTarget(root).scope(target.key(file("a")))


def test_a_root_that_is_a_file_is_told(tmp_path, ctx):
    (tmp_path / "f").write_text("")
    target = DirectoryTarget(tmp_path / "f")
    (answer,) = look(target, ctx, file("a"))
    assert isinstance(answer.error, Denied)
    with pytest.raises(Denied):
        create(target, ctx, file("a"))


# -- who is in the way ----------------------------------------------------------------------------------------------------

HOSTILE = [
    "../x",
    "/etc/x",
    "a/../../x",
    "a//b",
    "a/",
    "./a",
    ".",
    "..",
    "a\0b",
    "a\nb",
    "x" * 256,
    f".reconcile-{'0' * 16}.tmp",
    "\ud800",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_path_is_unreadable_and_never_written(target, ctx, tmp_path, name):
    before = sorted(tmp_path.rglob("*"))
    (answer,) = look(target, ctx, file(name))
    assert isinstance(answer, Unreadable)
    assert isinstance(answer.error, Invalid)
    assert "relative to the root" in str(answer.error)
    for call in (target.create, target.update, target.preview, target.delete):
        with pytest.raises(Invalid):
            call(ctx, change(target, file(name), live=Live(("File", name), {}, name)))
    assert sorted(tmp_path.rglob("*")) == before


def test_a_link_in_the_middle_is_not_followed(target, ctx, root, tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/f").write_text("theirs")
    (root / "a").symlink_to(tmp_path / "outside")
    (answer,) = look(target, ctx, file("a/f"))
    assert isinstance(answer.error, Denied)
    assert "symbolic link" in str(answer.error)
    for call, action in ((target.create, Action.CREATE), (target.update, Action.UPDATE), (target.preview, Action.CREATE)):
        with pytest.raises(Denied):
            call(ctx, change(target, file("a/f"), action))
    with pytest.raises(Denied):
        delete(target, ctx, Live(("File", "a/f"), {}, "a/f"))
    assert [p.name for p in (tmp_path / "outside").iterdir()] == ["f"]
    assert (tmp_path / "outside/f").read_text() == "theirs"


def test_a_link_at_the_end_is_not_followed_or_replaced(target, ctx, root, tmp_path):
    (tmp_path / "theirs").write_text("theirs")
    (root / "f").symlink_to(tmp_path / "theirs")
    (answer,) = look(target, ctx, file("f"))
    assert isinstance(answer.error, Denied)
    with pytest.raises(AlreadyExists):
        create(target, ctx, file("f"))
    for call in (
        lambda: target.update(ctx, change(target, file("f"), Action.UPDATE)),
        lambda: delete(target, ctx, Live(("File", "f"), {}, "f")),
    ):
        with pytest.raises(Denied):
            call()
    assert (root / "f").is_symlink()
    assert (tmp_path / "theirs").read_text() == "theirs"


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["directory", "fifo"])
def test_what_is_no_plain_file_is_left_alone(target, ctx, root, make):
    make(root / "f")
    (answer,) = look(target, ctx, file("f"))
    assert isinstance(answer.error, Denied)
    with pytest.raises(Denied):
        target.update(ctx, change(target, file("f"), Action.UPDATE))
    assert not (root / "f").is_file()


def test_a_file_where_a_directory_is_needed_is_told(target, ctx, root):
    (root / "a").write_text("theirs")
    with pytest.raises(Denied, match="symbolic link or no directory"):
        create(target, ctx, file("a/b"))
    assert (root / "a").read_text() == "theirs"


@pytest.mark.parametrize("unnamed", [True, False])
def test_an_unknown_file_is_a_candidate_and_not_overwritten(target, ctx, root, unnamed, monkeypatch):
    if not unnamed:
        monkeypatch.setattr(os, "O_TMPFILE", 0)
    (root / "f").write_text("theirs")
    (live,) = look(target, ctx, file("f"))
    assert live.body["spec"]["content"] == "theirs"
    with pytest.raises(AlreadyExists, match="adoption"):
        create(target, ctx, file("f"))
    assert (root / "f").read_text() == "theirs"
    assert [p.name for p in root.iterdir()] == ["f"]


def test_a_file_system_without_unnamed_files_gets_named_ones(target, ctx, root, monkeypatch):
    real = os.open

    def opened(path, flags, *args, **kwargs):
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, "no")
        return real(path, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", opened)
    create(target, ctx, file("a/f"))
    assert [p.name for p in (root / "a").iterdir()] == ["f"]


def test_unknown_files_and_directories_of_others_stay(target, ctx, root):
    (root / "theirs").mkdir()
    (root / "ours").mkdir()  # made by somebody else, whatever we put there
    live = create(target, ctx, file("ours/f"))
    delete(target, ctx, live)
    other = create(target, ctx, file("deep/er/f"))
    (root / "deep/stranger").write_text("x")
    delete(target, ctx, other)
    assert sorted(str(p.relative_to(root)) for p in root.rglob("*")) == ["deep", "deep/stranger", "ours", "theirs"]


def test_without_extended_attributes_directories_stay(target, ctx, root, monkeypatch):
    monkeypatch.delattr(os, "setxattr")
    monkeypatch.delattr(os, "getxattr")
    delete(target, ctx, create(target, ctx, file("a/f")))
    assert [p.name for p in root.rglob("*")] == ["a"]


@pytest.mark.parametrize("call", ["setxattr", "getxattr"])
def test_a_failing_mark_is_told(target, ctx, monkeypatch, call):
    def fails(*args):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, call, fails)
    with pytest.raises(Transient):
        create(target, ctx, file("a/f"))


# -- what is seen ---------------------------------------------------------------------------------------------------------


def test_a_known_version_saves_the_reading(target, ctx, monkeypatch):
    create(target, ctx, file("a"))
    (first,) = look(target, ctx, file("a"))
    assert first.version
    monkeypatch.setattr("gitops_core.targets.directory.files.Walk.read", lambda *args: pytest.fail("it was read"))
    (again,) = look(target, ctx, file("a"), versions={first.key: first.version})
    assert again.version == first.version
    monkeypatch.undo()
    assert again.body == first.body


def test_a_lazy_body_that_is_gone_is_told(target, ctx, root):
    create(target, ctx, file("d/a"))
    (first,) = look(target, ctx, file("d/a"))
    (lazy,) = look(target, ctx, file("d/a"), versions={first.key: first.version})
    (root / "d/a").unlink()
    with pytest.raises(NotFound):
        _ = lazy.body
    (root / "d").rmdir()
    with pytest.raises(NotFound):
        _ = lazy.body


def test_a_version_changes_with_content_mode_and_inode(target, ctx, root):
    create(target, ctx, file("a", "one"))
    seen = [look(target, ctx, file("a"))[0].version]
    (root / "a").write_text("two")
    seen.append(look(target, ctx, file("a"))[0].version)
    (root / "a").chmod(0o600)
    seen.append(look(target, ctx, file("a"))[0].version)
    assert len(set(seen)) == 3


def test_a_file_changed_a_moment_ago_has_no_version(target, ctx, root):
    """Two writes within one tick of the clock carry one time stamp: the second must not hide behind the first."""
    target._now = time.time_ns
    create(target, ctx, file("a", "one"))
    facts = (root / "a").stat()
    assert look(target, ctx, file("a"))[0].version == ""
    (root / "a").write_text("two")
    os.utime(root / "a", ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert look(target, ctx, file("a"))[0].body["spec"]["content"] == "two"


def test_a_clock_that_went_back_means_no_version(target, ctx):
    create(target, ctx, file("a"))
    target._now = lambda: time.time_ns() - 10**12
    assert look(target, ctx, file("a"))[0].version == ""


def test_a_forged_modification_time_does_not_hide_an_edit(target, ctx, root):
    create(target, ctx, file("a", "one"))
    (first,) = look(target, ctx, file("a"))
    facts = (root / "a").stat()
    with (root / "a").open("r+") as handle:
        handle.write("two")
    os.utime(root / "a", ns=(facts.st_atime_ns, facts.st_mtime_ns))
    (again,) = look(target, ctx, file("a"), versions={first.key: first.version})
    assert again.version != first.version


def test_a_huge_file_is_not_read(root, ctx):
    target = DirectoryTarget(root, max_bytes=10)
    (root / "a").write_text("x" * 11)
    (answer,) = look(target, ctx, file("a"))
    assert "max_bytes" in str(answer.error)


def test_answers_come_in_the_order_of_paths(target, ctx):
    bodies = [file(name) for name in ("c", "a/z", "a/b/c", "b")]
    for body in bodies:
        create(target, ctx, body)
    assert [live.id for live in look(target, ctx, *bodies)] == ["a/b/c", "a/z", "b", "c"]


def test_comments_and_layout_are_not_drift_but_a_field_is(target, ctx, root):
    create(target, ctx, DEPLOYMENT)
    path = root / "shop/Deployment.apps/web.yaml"
    path.write_text("# by hand\n" + path.read_text().replace("replicas: 2", "replicas:    2"))
    wanted = target.normalize(freeze(DEPLOYMENT))
    (live,) = look(target, ctx, DEPLOYMENT)
    assert live.body == wanted
    path.write_text(path.read_text() + "  paused: true\n")
    (live,) = look(target, ctx, DEPLOYMENT)
    (found,) = target.diff(wanted, target.normalize(live.body))
    assert (found.pointer, found.op, found.before) == ("/spec/paused", DiffOp.REMOVE, "true")


def test_the_mode_of_a_manifest_is_ours(target, ctx, root):
    create(target, ctx, SECRET)
    (root / "Secret/s.yaml").chmod(0o666)
    (live,) = look(target, ctx, SECRET)
    (found,) = target.diff(target.normalize(freeze(SECRET)), live.body)
    assert (found.op, found.before) == (DiffOp.REMOVE, '"0666"')
    target.update(ctx, change(target, SECRET, Action.UPDATE, live))
    assert (root / "Secret/s.yaml").stat().st_mode & 0o777 == 0o600


BROKEN = {
    "not YAML": b"a: [1",
    "two documents": b"a: 1\n---\nb: 2\n",
    "a list": b"- 1\n",
    "a bomb": b"a: &a [1, 1]\nb: *a\n",
    "no text": b"\xff\xfe\x00",
    "a number as key": b"1: 2\n",
    "not a number": b"a: .nan\n",
    "empty": b"",
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_a_spoiled_manifest_is_drift_and_mended(target, ctx, root, data):
    create(target, ctx, DEPLOYMENT)
    path = root / "shop/Deployment.apps/web.yaml"
    path.write_bytes(data)
    (live,) = look(target, ctx, DEPLOYMENT)
    wanted = target.normalize(freeze(DEPLOYMENT))
    assert list(target.diff(wanted, target.normalize(live.body)))
    target.update(ctx, change(target, DEPLOYMENT, Action.UPDATE, live))
    assert look(target, ctx, DEPLOYMENT)[0].body == wanted


def test_a_date_in_a_manifest_is_a_text(target, ctx, root):
    create(target, ctx, DEPLOYMENT)
    (root / "shop/Deployment.apps/web.yaml").write_text("kind: X\nwhen: 2020-01-01\n")
    assert look(target, ctx, DEPLOYMENT)[0].body["when"] == "2020-01-01"


def test_two_names_for_one_file_are_told():
    """On a file system that folds case, or when a File is declared where a manifest is kept."""
    rivals = _Rivals([("README",), ("readme",), ("other",)])
    facts, other = Path("/").stat(), Path("/proc").stat()
    assert rivals.clash(("README",), facts) is False
    assert rivals.clash(("readme",), facts) is True
    assert rivals.clash(("readme",), other) is False
    assert rivals.clash(("other",), facts) is False
    assert folded(("É",)) == folded(("e\u0301",))


def test_a_file_declared_where_a_manifest_is_kept_is_unreadable(target, ctx):
    create(target, ctx, SECRET)
    answers = look(target, ctx, SECRET, file("Secret/s.yaml"))
    assert sorted(type(a).__name__ for a in answers) == ["Live", "Unreadable"]
    assert "same file" in str(next(a for a in answers if isinstance(a, Unreadable)).error)


# -- changes of what moved ------------------------------------------------------------------------------------------------


def test_a_file_that_changed_since_the_look_is_not_deleted(target, ctx, root):
    create(target, ctx, file("a"))
    (live,) = look(target, ctx, file("a"))
    (root / "a").write_text("edited")
    with pytest.raises(Conflict):
        delete(target, ctx, live)
    target._now = time.time_ns
    (racy,) = look(target, ctx, file("a"))
    (root / "a").write_text("edited again")
    with pytest.raises(Conflict):
        delete(target, ctx, racy)
    assert (root / "a").exists()


def test_a_delete_must_name_what_it_deletes(target, ctx, root):
    create(target, ctx, file("a"))
    for live in (None, Live(("File", "a"), {}, "b")):
        with pytest.raises(Invalid, match=r"TargetChange\.live"):
            target.delete(ctx, change(target, file("a"), Action.DELETE, live))
    assert (root / "a").exists()


def test_an_update_of_what_is_gone_is_told(target, ctx, root):
    live = create(target, ctx, file("d/a"))
    (root / "d/a").unlink()
    with pytest.raises(NotFound):
        target.update(ctx, change(target, file("d/a"), Action.UPDATE, live))
    assert list((root / "d").iterdir()) == []
    delete(target, ctx, live)


def test_what_an_interrupted_delete_left_is_shown_and_cleaned(target, ctx, root):
    """An empty directory of ours, marked as open, stands for the object until it is gone."""
    live = create(target, ctx, file("d/e/a"))
    os.setxattr(root / "d/e", MARK, b"open")
    (root / "d/e/a").unlink()
    (rest,) = look(target, ctx, file("d/e/a"))
    assert rest.body == {"kind": "File", "metadata": {"name": "d/e/a"}}
    assert target.normalize(rest.body)["spec"] is None
    target.update(ctx, change(target, file("d/e/a"), Action.UPDATE, rest))
    assert (root / "d/e/a").exists()
    os.setxattr(root / "d/e", MARK, b"open")
    (root / "d/e/a").unlink()
    delete(target, ctx, live)
    assert list(root.iterdir()) == []


def test_what_an_interrupted_create_left_is_filled_or_cleaned(target, ctx, root):
    (root / "d").mkdir()
    os.setxattr(root / "d", MARK, b"open")
    (rest,) = look(target, ctx, file("d/e/a"))
    target.update(ctx, change(target, file("d/e/a"), Action.UPDATE, rest))
    assert (root / "d/e/a").exists()
    assert os.getxattr(root / "d", MARK) == b"made"


# -- pure -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "path"),
    [
        (("", "File", "", "a/b.txt"), "a/b.txt"),
        (("", "Namespace", "", "shop"), "Namespace/shop.yaml"),
        (("apps", "Deployment", "shop", "web"), "shop/Deployment.apps/web.yaml"),
        (("", "K", "a/b", ".."), "a%2Fb/K/%2E..yaml"),
        (("c", "a.b", "", "x"), "a%2Eb.c/x.yaml"),
        (("b.c", "a", "", "x"), "a.b.c/x.yaml"),
        (("", "K", "", "Ä%"), "K/%C3%84%25.yaml"),
        (("example.org", "File", "", "../x"), "File.example.org/%2E.%2Fx.yaml"),
    ],
)
def test_every_object_has_its_documented_place(key, path):
    assert "/".join(path_of(ResourceKey(*key))) == path


def test_a_long_name_is_cut_and_stays_unique():
    names = [path_of(ResourceKey("", "K", "", "x" * 253 + end))[-1] for end in "ab"]
    assert len(set(names)) == 2
    assert all(len(name) < 220 for name in names)


def test_both_spellings_of_a_file_have_one_key():
    bodies = [
        file("a/b"),
        {"apiVersion": "files/v1", **file("a/b")},
        {"kind": "File", "metadata": {"name": "x"}, "spec": {"path": "a/b", "content": ""}},
    ]
    assert {key_for(body) for body in bodies} == {ResourceKey("", "File", "", "a/b")}
    assert key_for({"apiVersion": "other.org/v1", **file("a")}).group == "other.org"


@pytest.mark.parametrize(
    ("spec", "pointer"),
    [
        (None, "/spec"),
        ({}, "/spec/base64"),
        ({"content": "a", "base64": "YQ=="}, "/spec"),
        ({"content": 5}, "/spec/content"),
        ({"base64": "###"}, "/spec/base64"),
        ({"content": "\ud800"}, "/spec/content"),
        ({"content": "", "mode": "4755"}, "/spec/mode"),
        ({"content": "", "mode": 644}, "/spec/mode"),
        ({"content": "", "mode": True}, "/spec/mode"),
        ({"content": "", "mode": "rw"}, "/spec/mode"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_with_the_field(target, ctx, root, spec, pointer):
    body = {"kind": "File", "metadata": {"name": "a"}, "spec": spec}
    for call in (target.preview, target.create):
        with pytest.raises(Invalid) as raised:
            call(ctx, change(target, body))
        assert raised.value.pointer == pointer
    assert normalize(freeze(body)) == normalize(normalize(freeze(body)))
    assert list(root.iterdir()) == []


def test_a_lone_surrogate_in_a_manifest_is_refused():
    with pytest.raises(Invalid, match="Unicode"):
        encode(ResourceKey("", "K", "", "x"), {"kind": "K", "metadata": {"name": "x"}, "t": "\ud800"})


def test_a_live_body_without_kind_is_left_as_it_is():
    assert normalize({"x": 1}) == {"x": 1}
    assert normalize({"kind": "File"}) == {"kind": "File"}


def test_one_object_used_twice_is_written_twice():
    shared = {"a": 1}
    text = encode(ResourceKey("", "K", "", "x"), {"kind": "K", "one": shared, "two": shared}).data
    assert b"&" not in text


def test_a_file_that_is_there_is_well_whatever_it_describes(target):
    health = target.health(Live(("apps", "Deployment", "shop", "web"), DEPLOYMENT))
    assert (health.settled, health.status) == (True, HealthStatus.HEALTHY)


def test_texts_name_the_root(target, root):
    assert repr(target) == target.name == f"DirectoryTarget({str(root)!r})"
    assert {"update", "preview", "key", "normalize", "diff", "health", "scope"} <= capabilities(target)


def test_an_unknown_error_passes(target, ctx, monkeypatch):
    def fails(*args, **kwargs):
        raise OSError("odd")

    monkeypatch.setattr(os, "link", fails)
    with pytest.raises(Transient, match="odd"):
        create(target, ctx, file("a"))


def test_a_live_body_may_be_thawed(target, ctx):
    live = create(target, ctx, DEPLOYMENT)
    assert thaw(live.body) == DEPLOYMENT

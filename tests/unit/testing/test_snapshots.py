"""Snapshots: what differs between runs is left out, what differs in meaning is shown."""

import datetime as dt
import uuid

import pytest

from gitops_core.model.results import CheckResult
from gitops_core.testing.builders.plans import change, plan_of
from gitops_core.testing.snapshots import Snapshot, check_snapshot, file_name, folder, normalized, stale, text_of

ONE, TWO = "a" * 40, "b" * 64


def test_ids_are_numbered_in_the_order_they_come():
    assert normalized(f"{TWO} {ONE} {TWO}") == "<id 1> <id 2> <id 1>\n"


def test_what_changes_from_run_to_run_is_left_out():
    now, name = dt.datetime.now(dt.UTC), uuid.uuid4()
    text = f"at {now.isoformat()} and 2024-01-31 10:00:00 pass {name} \n\n  password: (sensitive 0123456789) (sensitive abcdefabcd)\n\n"
    assert normalized(text) == "at <time> and <time> pass <uuid 1>\n\n  password: <sensitive 1> <sensitive 2>\n"


@pytest.mark.parametrize("text", ["abc1234", "1.2.3", "2024-01-31", "c" * 41, "replicas: 2 -> 3"])
def test_what_means_something_stays(text):
    assert normalized(text) == text + "\n"


def test_texts_of_ones_own_are_replaced_longest_first():
    assert normalized("/tmp/x/y /tmp/x", {"/tmp/x": "<tmp>", "/tmp/x/y": "<file>"}) == "<file> <tmp>\n"


def test_everything_that_prints_itself_can_be_a_snapshot():
    plan = plan_of("+ A/a")
    assert text_of(plan) == plan.text()
    assert text_of(CheckResult(None)) == "ok: 0 declared"
    assert text_of({"b": (1,), "a": "ü"}) == '{\n  "a": "ü",\n  "b": [\n    1\n  ]\n}'
    with pytest.raises(TypeError):
        text_of(object())


def test_a_snapshot_that_is_not_there_fails_and_shows_what_it_would_be(tmp_path):
    with pytest.raises(AssertionError, match=r"there is no snapshot .*one\.txt; .*--gitops-update-snapshots (.*\n)+  hello"):
        check_snapshot(tmp_path / "one.txt", "hello")
    assert not (tmp_path / "one.txt").exists()


def test_a_difference_is_shown_line_by_line(tmp_path):
    path = tmp_path / "plan.txt"
    assert check_snapshot(path, plan_of(change("~ A/a", {"/x": (1, 2)})), update=True)
    assert not check_snapshot(path, plan_of(change("~ A/a", {"/x": (1, 2)}), revision="2" * 40))
    with pytest.raises(AssertionError) as caught:
        check_snapshot(path, plan_of(change("~ A/a", {"/x": (1, 3)})))
    lines = str(caught.value).splitlines()
    assert lines[0].startswith(f"not as in the snapshot {path}")
    assert "  -      ~ x: 1 -> 2" in lines
    assert "  +      ~ x: 1 -> 3" in lines


def test_updating_writes_only_what_differs(tmp_path):
    path = tmp_path / "below" / "plan.txt"
    assert [check_snapshot(path, text, update=True) for text in ("1", "1", "2")] == [True, False, True]
    assert path.read_bytes() == b"2\n"


def test_a_test_may_have_several_snapshots(tmp_path):
    module = tmp_path / "test_shop.py"
    snapshot = Snapshot(module, "test_rollout", update=True)
    snapshot.check("1")
    snapshot.check("2", "after")
    snapshot.check("3")
    snapshot.check("4")
    names = ["test_rollout.txt", "test_rollout.after.txt", "test_rollout.2.txt", "test_rollout.3.txt"]
    assert [path.name for path in snapshot.used] == names
    assert snapshot.used == snapshot.written == [folder(module) / name for name in names]
    again = Snapshot(module, "test_rollout")
    again.check("1")
    assert (again.used, again.written) == ([folder(module) / names[0]], [])


def test_the_same_name_is_compared_with_the_same_file(tmp_path):
    snapshot = Snapshot(tmp_path / "test_shop.py", "test_x", update=True)
    snapshot.check("1", "plan")
    snapshot.check("1", "plan")
    assert snapshot.written == [snapshot.path("plan")]


@pytest.mark.parametrize("name", ["test_a[x/y]", "test_a[x y]", "test_a[ü:*]", "x" * 300, "test_a[..]"])
def test_every_name_becomes_the_name_of_a_file_of_its_own(name):
    made = file_name(name)
    assert made != file_name(name + "'")
    assert set("/:* []").isdisjoint(made)
    assert len(made) < 150
    assert not made.startswith(".")


def test_a_plain_name_stays_as_it_is():
    assert file_name("TestShop.test_rollout.2") == "TestShop.test_rollout.2"


def test_what_no_test_needs_is_stale(tmp_path):
    module, gone = tmp_path / "test_shop.py", tmp_path / "test_gone.py"
    module.touch()
    for owner in (module, gone):
        folder(owner).mkdir(parents=True)
        for name in ("a.txt", "b.txt", "notes.md"):
            (folder(owner) / name).touch()
    assert stale([module], [folder(module) / "a.txt"]) == [
        folder(gone) / "a.txt",
        folder(gone) / "b.txt",
        folder(module) / "b.txt",
    ]
    assert stale([], []) == []

"""The parts of the crash-point kit, each by itself."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path

import attrs
import pytest

from gitops_core.model.plans import Action
from gitops_core.model.resources import ResourceKey
from gitops_core.state.memory import MemoryStore
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.crash_points import (
    ALLOWED,
    Call,
    Cut,
    Difference,
    DiskError,
    Finding,
    Gate,
    Moment,
    Point,
    ProcessDeath,
    Recording,
    Report,
    Scenario,
    Seam,
    armed,
    cuts_of,
    distinct_cuts,
    explore,
    next_process,
    observed,
    record,
    table,
    what_is_there,
)
from gitops_core.testing.crash_points.disk_errors import hits
from gitops_core.testing.worlds import World, config

READ, WRITE = Call(Seam.TARGET, "observe"), Call(Seam.FILE, "write", "a.txt", changes=True)


def point(number, call, *moments):
    return Point(number, call, moments or (Moment.BEFORE, Moment.AFTER))


# -- gate ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("moment", "done"), [(Moment.BEFORE, []), (Moment.MIDDLE, ["half"]), (Moment.AFTER, ["whole"])])
def test_a_gate_closes_before_in_the_middle_of_or_after_a_call_and_for_ever(moment, done):
    gate, effects = Gate(Cut(2, moment)), []
    assert gate.through(READ, lambda: 7) == 7
    for _ in range(2):
        with pytest.raises(ProcessDeath):
            gate.through(WRITE, lambda: effects.append("whole"), lambda: effects.append("half"))
    assert effects == done
    assert gate.dead


def test_a_call_that_fails_is_over_and_can_be_cut_after():
    gate = Gate(Cut(1, Moment.AFTER))
    with pytest.raises(ProcessDeath):
        gate.through(READ, lambda: 1 / 0)


def test_calls_within_a_call_of_the_same_seam_and_calls_of_other_threads_are_not_counted():
    gate = Gate()
    gate.through(READ, lambda: gate.through(READ, lambda: gate.through(WRITE, int)))
    thread = threading.Thread(target=lambda: gate.through(READ, int))
    thread.start()
    thread.join()
    assert [p.call for p in gate.points] == [READ, WRITE]


def put(path, content, *, forced=False):
    """Write a file as careless programs do: it gets its name, whether or not its content is on the disk."""
    unfinished = path.with_suffix(".tmp")
    fd = os.open(unfinished, os.O_WRONLY | os.O_CREAT)
    try:
        os.write(fd, content)
        if forced:
            os.fsync(fd)
    finally:
        os.close(fd)
    unfinished.replace(path)


def files(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def put_two(directory):
    put(directory / "forced", b"content", forced=True)
    put(directory / "lost", b"content")


def test_a_power_cut_takes_what_was_not_forced_to_the_disk_and_leaves_the_rest(tmp_path):
    gate = Gate(Cut(7, Moment.POWER))
    with armed(gate, ()), pytest.raises(ProcessDeath):
        put_two(tmp_path)
    assert [str(p) for p in gate.points][-1] == "7 file replace lost.tmp"
    assert [p.number for p in gate.points if Moment.POWER in p.moments] == [3, 7]
    assert files(tmp_path) == {"forced": b"content", "lost": b""}


def test_a_write_is_cut_in_half(tmp_path):
    with armed(Gate(Cut(2, Moment.MIDDLE)), ()), pytest.raises(ProcessDeath):
        put(tmp_path / "a", b"12345678")
    assert files(tmp_path) == {"a.tmp": b"1234"}


@pytest.mark.parametrize("opens", [lambda path: os.open(path, os.O_RDONLY), os.fspath], ids=["open", "scandir"])
def test_what_was_opened_is_closed_again(opens, tmp_path):
    before = files_open()
    with armed(Gate(Cut(1, Moment.AFTER)), ()), pytest.raises(ProcessDeath):
        os.scandir(opens(tmp_path))
    assert files_open() == before


def files_open():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_half_of_the_rows_of_a_statement_go_with_its_transaction(tmp_path):
    gate = Gate(Cut(3, Moment.MIDDLE))
    with armed(gate, ()):
        connection = sqlite3.connect(tmp_path / "db", isolation_level=None)
        connection.execute("CREATE TABLE t (n)")
        connection.execute("BEGIN")
        with pytest.raises(ProcessDeath):
            connection.executemany("INSERT INTO t VALUES (?)", [(1,), (2,), (3,), (4,)])
        assert connection.total_changes == 2
        connection.execute("ROLLBACK")  # as the next one who opens the file does
        with pytest.raises(ProcessDeath):
            connection.execute("SELECT 1")
    connection.close()
    assert [str(p) for p in gate.points] == ["1 sql CREATE TABLE t (n)", "2 sql BEGIN", "3 sql INSERT INTO t VALUES (?)"]


def test_half_of_a_batch_can_be_done():
    class Batching(MemoryTarget):
        def apply_batch(self, ctx, changes):
            for change in changes:
                yield self.create(ctx, change) if change.action is Action.CREATE else self.update(ctx, change)

    def build():
        world = World(target=Batching())
        world.declare(*(config(f"c{n}") for n in range(40)))
        return world

    scenario = Scenario(name="batch", build=build)
    points = record(scenario).points
    halves = [cut for cut in cuts_of(points) if cut.moment is Moment.MIDDLE]
    assert {points[cut.number - 1].call.name for cut in halves} == {"apply_batch"}
    explore(scenario, cuts=halves).check()


def test_plugins_are_themselves_again_afterwards():
    world = World()
    before = dict(vars(MemoryTarget)), dict(vars(MemoryStore)), os.open
    with armed(Gate(), (world,)):
        assert vars(MemoryTarget)["create"] is not before[0]["create"]
    assert (dict(vars(MemoryTarget)), dict(vars(MemoryStore)), os.open) == before


# -- cuts and errors ------------------------------------------------------------------------------------------------------


def test_cuts_around_reads_leave_nothing_of_their_own():
    points = (point(1, READ), point(2, WRITE), point(3, READ), point(4, WRITE), point(5, READ))
    assert len(cuts_of(points)) == 10
    assert distinct_cuts(points) == (Cut(2, Moment.BEFORE), Cut(4, Moment.BEFORE), Cut(4, Moment.AFTER))
    assert distinct_cuts((point(1, READ),)) == ()
    assert str(Cut(4, Moment.AFTER)) == "after call 4"


def test_a_disk_fails_once_or_from_there_on_and_only_where_a_disk_can():
    once, lasting = DiskError(2, 5), DiskError(2, 28, lasting=True)
    assert (str(once), str(lasting)) == ("EIO at", "ENOSPC from here on at")
    assert [error(point(3, WRITE)) is None for error in (once, lasting)] == [True, False]
    assert isinstance(once(point(2, WRITE)), OSError)
    statement = once(point(2, Call(Seam.SQL, "INSERT", changes=True)))
    assert (type(statement), statement.sqlite_errorname) == (sqlite3.OperationalError, "SQLITE_IOERR_WRITE")
    assert not hits(READ, 5)
    assert [hits(Call(Seam.FILE, "unlink", changes=True), code) for code in (5, 28)] == [True, False]


# -- worlds ---------------------------------------------------------------------------------------------------------------


def test_the_next_process_has_other_objects_over_the_same_state_and_shares_what_was_shared():
    world = World()
    world.declare(config("site"))
    other = attrs.evolve(world, name="other")
    first, second = next_process((world, other))
    assert first.target is second.target is not world.target
    assert first.reconcile().ok
    assert world.target.objects
    assert (first.seed, first.sink.events is world.sink.events) == (1, False)


def test_without_a_memory_target_the_objects_of_the_inventory_are_observed():
    class Elsewhere(MemoryTarget):
        pass

    world = World()
    world.declare(config("site", color="blue"))
    world.reconcile()
    assert what_is_there(world) == observed(world, world.store.inventory(world.app.id).entries)
    assert observed(world, [ResourceKey("", "ConfigMap", "", "none")]) == {}


def test_a_scenario_of_an_operation_that_never_comes_is_told():
    scenario = Scenario(name="create", build=World)
    recording = record(scenario)
    assert isinstance(recording, Recording)
    last = len(recording.points)
    lying = attrs.evolve(scenario, run=lambda worlds: [])
    assert explore(lying, cuts=[]).findings == ()
    with pytest.raises(AssertionError, match="nothing was cut"):
        explore(scenario, cuts=[]).check()
    assert last > 3


# -- reports --------------------------------------------------------------------------------------------------------------


def test_a_table_counts_what_was_run_and_what_was_seen():
    points = (point(1, READ), point(2, WRITE))
    findings = (
        Finding("before", points[0]),
        Finding("after", points[0], (), frozenset({"untold"})),
        Finding("before", points[1], ("it is gone",)),
    )
    report = Report("story", points, 4, findings)
    assert table([report], ["untold"]).splitlines()[2:] == [
        "| story | 2 | 4 | 3 | 1 | 1 | 1 |",
        "| all | 2 | 4 | 3 | 1 | 1 | 1 |",
    ]
    with pytest.raises(AssertionError, match=r"1 of 3 cuts end otherwise:\n  - before 2 file write a.txt: it is gone"):
        report.check()
    assert str(findings[0]) == "before 1 target observe: as without the cut"


def test_a_difference_shows_the_fields_that_differ():
    difference = Difference("inventory app a", {"id": "1", "state": "applied"}, {"id": "2", "state": "applied"})
    assert str(difference) == "inventory app a: {'id': '2'}, and {'id': '1'} without the cut"


@pytest.mark.parametrize(
    ("uncut", "cut", "name"),
    [
        ((("create", "done", "d"),), None, "untold"),
        ((("create", "done", "d"), ("update", "done", "e")), (("create", "done", "d"),), "untold"),
        ((("adopt", "done", "d"),), (("update", "done", "d"),), "told otherwise"),
        ((("create", "done", "d"),), (("update", "deferred", "d"), ("create", "done", "d")), "put off"),
        ((("create", "done", "d"),), (("create", "done", "x"),), ""),
        ((("create", "done", "d"),), (("create", "failed", "d"),), ""),
        (None, (("delete", "done", "d"),), ""),
    ],
)
def test_a_journal_may_say_less_or_say_it_in_other_words_and_never_something_else(uncut, cut, name):
    difference = Difference("journal app ConfigMap/a", uncut, cut)
    assert next((allowed.name for allowed in ALLOWED if allowed.covers(difference)), "") == name
    assert not any(allowed.covers(attrs.evolve(difference, fact="world ConfigMap/a")) for allowed in ALLOWED)

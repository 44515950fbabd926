"""Maintenance windows hold changes back, and nothing else."""

import datetime as dt
import threading

import attrs
import pytest

from gitops_core.errors import Cancelled, ConfigError, Disposition
from gitops_core.interfaces import Limits, Subject
from gitops_core.model.applications import Options, Owner
from gitops_core.model.plans import Action, Change, ChangeState, DiffOp, FieldDiff, Plan
from gitops_core.model.resources import Origin, as_key
from gitops_core.model.results import PassStatus
from gitops_core.model.revisions import Revision
from gitops_core.model.verdicts import Severity, Violation
from gitops_core.operations import reconcile
from gitops_core.policies.budget import ChangeBudget
from gitops_core.policies.selectors import Selector
from gitops_core.policies.windows import Closing, MaintenanceWindows, Timetable, Window, until_closing
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.clock import VirtualClock
from gitops_core.testing.contexts import make_context
from gitops_core.testing.worlds import OPEN, World, bodies, config, statuses

ZONE = "Europe/Zurich"
HOUR, DAY = 3600, 86400
NIGHT = Window("0 2 * * *", 2 * HOUR, ZONE, reason="nightly")
WEEKEND = Window("0 17 * * fri", 63 * HOUR, ZONE, "deny", "weekend")
MADE = Change(as_key("ConfigMap/a"), Action.CREATE, origin=Origin(path="a.yaml", line=3))
GONE = Change(as_key(("apps/Deployment", "shop", "web")), Action.DELETE)
DIFFERENCE = (FieldDiff("/data/a", DiffOp.REPLACE, before="1", after="2"),)


def at(text):
    return dt.datetime.fromisoformat(text).timestamp()


MIDNIGHT, THREE, NOON = (at(f"2026-11-26T{hour:02}:00+01:00") for hour in (0, 3, 12))  # a Thursday


def review(policy, now, *changes, cancel=None):
    planned = Plan("example.org/tests/app", "r1", changes=changes)
    ctx = make_context(clock=VirtualClock(now), cancel=cancel or threading.Event())
    return list(policy.review(ctx, Subject("example.org/tests/app", Owner("example.org", "t"), Revision("r1"), (), planned)))


# -- what is held back -------------------------------------------------------------------------------------------------------
def test_outside_of_the_allow_windows_nothing_may_be_changed_and_the_next_is_named():
    (found,) = review(MaintenanceWindows(NIGHT), NOON, MADE, GONE)
    assert found == Violation(
        None,
        'no changes outside of the allow windows; the next is the allow window "0 2 * * *" for 2 h, Europe/Zurich (nightly); '
        "it opens at 2026-11-27T02:00:00+01:00 (Europe/Zurich): wait until then, or change the windows of MaintenanceWindows",
    )


def test_inside_of_an_allow_window_anything_may_be_changed():
    assert review(MaintenanceWindows(NIGHT), THREE, MADE, GONE) == []


def test_inside_of_a_deny_window_nothing_may_be_changed_and_its_end_is_named():
    (found,) = review(MaintenanceWindows([WEEKEND]), THREE + 2 * DAY, MADE)
    assert found.message == (
        'no changes in the deny window "0 17 * * fri" for 63 h, Europe/Zurich (weekend); '
        "it opens at 2026-11-30T08:00:00+01:00 (Europe/Zurich): wait until then, or change the windows of MaintenanceWindows"
    )


def test_outside_of_the_deny_windows_anything_may_be_changed():
    assert review(MaintenanceWindows([WEEKEND]), NOON, MADE) == []


def test_a_deny_window_wins_and_the_opening_is_where_both_agree():
    (found,) = review(MaintenanceWindows([NIGHT, WEEKEND]), THREE + 2 * DAY, MADE)
    assert 'in the deny window "0 17 * * fri"' in found.message
    assert "opens at 2026-12-01T02:00:00+01:00" in found.message


def test_of_several_deny_windows_the_one_that_lasts_longest_is_named():
    freeze = Window("0 0 20 12 *", 14 * DAY, ZONE, "deny", "freeze")
    (found,) = review(MaintenanceWindows([WEEKEND, freeze]), at("2026-12-25T20:00+01:00"), MADE)
    assert "(freeze); it opens at 2027-01-04T08:00:00+01:00" in found.message, "not at 2027-01-03T00:00, which is a Sunday"


def test_windows_that_never_agree_say_so():
    late = Window("0 1 * * *", 4 * HOUR, ZONE, "deny")
    (found,) = review(MaintenanceWindows([NIGHT, late]), NOON, MADE)
    assert found.message.endswith("it never opens: change the windows of MaintenanceWindows")


@pytest.mark.parametrize(
    "change",
    [
        attrs.evolve(MADE, state=ChangeState.REFUSED),
        attrs.evolve(MADE, action=Action.UNCHANGED),
        attrs.evolve(MADE, action=Action.ADOPT),
    ],
    ids=["refused already", "unchanged", "adopted as it is"],
)
def test_what_changes_nothing_in_the_target_is_not_held_back(change):
    assert review(MaintenanceWindows(NIGHT), NOON, change) == []
    assert review(MaintenanceWindows(NIGHT), NOON) == []


@pytest.mark.parametrize("action", [Action.CREATE, Action.UPDATE, Action.REPLACE, Action.DELETE, Action.ADOPT])
def test_every_kind_of_change_is_held_back(action):
    assert len(review(MaintenanceWindows(NIGHT), NOON, attrs.evolve(MADE, action=action, diff=DIFFERENCE))) == 1


def test_windows_may_be_about_some_objects_only():
    policy = MaintenanceWindows(NIGHT, where=Selector(kinds="ConfigMap", paths="*.yaml"), severity="warn")
    (found,) = review(policy, NOON, MADE, GONE)
    assert (found.key, found.origin, found.severity) == (MADE.key, MADE.origin, Severity.WARN)
    assert review(policy, NOON, GONE) == []


def test_a_cancelled_review_stops():
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        review(MaintenanceWindows(NIGHT), NOON, MADE, cancel=cancel)


# -- when --------------------------------------------------------------------------------------------------------------------
def test_a_host_learns_when_the_next_pass_makes_sense():
    policy = MaintenanceWindows([NIGHT, WEEKEND])
    assert (policy.is_open(NOON), policy.opens_at(NOON), policy.closes_at(NOON)) == (False, MIDNIGHT + DAY + 2 * HOUR, NOON)
    assert (policy.is_open(THREE), policy.opens_at(THREE), policy.closes_at(THREE)) == (True, THREE, THREE + HOUR)


def test_a_running_pass_stops_at_the_closing_where_that_is_wanted():
    stopping = MaintenanceWindows(NIGHT, running="stop")
    assert stopping.stops_at(THREE) == THREE + HOUR
    assert stopping.stops_at(NOON) is None, "it may look, and changes nothing"
    assert MaintenanceWindows(NIGHT).stops_at(THREE) is None
    assert MaintenanceWindows(Window("* * * * *", 60), running="stop").stops_at(THREE) is None


def test_windows_that_touch_are_one():
    halves = Timetable((Window("0 2 * * *", HOUR), Window("0 3 * * *", HOUR)))
    assert halves.closes_at(at("2026-11-26T02:30+00:00")) == at("2026-11-26T04:00+00:00")


def test_deny_windows_that_follow_each_other_are_waited_for_in_one_answer():
    halves = Timetable((Window("0 2 * * *", HOUR, kind="deny"), Window("0 3 * * *", HOUR, kind="deny")))
    assert halves.opens_at(at("2026-11-26T02:30+00:00")) == at("2026-11-26T04:00+00:00")


def test_a_deny_window_closes_an_allow_window_early():
    early = Timetable((NIGHT, Window("30 3 * * *", 60, ZONE, "deny")))
    assert early.closes_at(THREE) == THREE + HOUR / 2


def test_what_is_always_open_never_closes_and_the_other_way_round():
    always = Window("*/5 * * * *", 300)
    assert Timetable((always,)).closes_at(NOON) is None
    assert Timetable((attrs.evolve(always, kind="deny"),)).opens_at(NOON) is None
    assert Timetable((attrs.evolve(WEEKEND, schedule="* * * * *"),)).opens_at(NOON) is None


def test_allow_windows_in_turns_without_a_gap_never_close():
    days = Timetable((Window("0 0 * * *", DAY / 2), Window("0 12 * * *", DAY / 2)))
    assert days.closes_at(NOON) is None


def test_with_deny_windows_only_it_closes_when_the_next_begins():
    assert Timetable((WEEKEND,)).closes_at(NOON) == at("2026-11-27T17:00+01:00")


def test_at_the_end_of_the_calendar_nothing_opens_any_more():
    yearly = Window("0 0 1 1 *", 60)
    assert yearly.opens_at(at("9998-06-01T00:00+00:00")) is None
    assert Timetable((yearly,)).opens_at(at("9998-06-01T00:00+00:00")) is None


# -- how it is written -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("seconds", "text"), [(7200, "2 h"), (5400, "1 h 30 min"), (90, "1 min 30 s"), (0.5, "0.5 s"), (366 * DAY, "8784 h")]
)
def test_a_duration_is_shown_in_hours_minutes_and_seconds(seconds, text):
    assert str(Window(" 0  2 * * * ", seconds, kind="deny")) == f'deny window "0 2 * * *" for {text}, UTC'


@pytest.mark.parametrize("seconds", [0, -1, 366 * DAY + 1, float("inf"), float("nan")])
def test_a_duration_of_nonsense_is_refused(seconds):
    with pytest.raises(ConfigError, match=r"the duration of a window is .* more than 0 and at most 31622400 s \(366 days\)"):
        Window("0 2 * * *", seconds)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Window("0 2 * * *", 60, kind="forbid"), "no kind of window 'forbid'; it is one of allow, deny"),
        (lambda: MaintenanceWindows(NIGHT, running="abort"), "running is 'abort'; it is one of finish, stop"),
        (lambda: MaintenanceWindows([]), "MaintenanceWindows has no window; give at least one, or leave the policy out"),
        (lambda: Window("0 25 * * *", 60), 'the hour "25" of the schedule "0 25 * * *" is not allowed'),
    ],
)
def test_a_setting_of_nonsense_is_refused_where_it_is_written(make, message):
    with pytest.raises(ConfigError) as caught:
        make()
    assert message in caught.value.message
    assert caught.value.disposition is Disposition.STALL


def test_equal_windows_are_equal_and_can_be_changed():
    assert attrs.evolve(NIGHT, reason="nightly") == NIGHT
    assert attrs.evolve(NIGHT, zone="UTC") != NIGHT
    assert MaintenanceWindows(NIGHT) == MaintenanceWindows([NIGHT])
    assert len({NIGHT, attrs.evolve(NIGHT)}) == 1


# -- in a pass ---------------------------------------------------------------------------------------------------------------
NOTHING_MORE = {"reads": 0, "writes": 0, "documents_decoded": 0}


def world(now, policy, **parts):
    """Return a world at *now*, with one object declared."""
    made = World(clock=VirtualClock(now), policies=(policy,), options=Options(workers=1), guard=OPEN, **parts)
    made.declare(config("site", color="blue"))
    return made


def test_a_pass_waits_for_the_opening_and_then_changes():
    w = world(NOON, MaintenanceWindows(NIGHT))
    assert w.reconcile().status is PassStatus.REFUSED
    assert bodies(w) == {}
    w.clock.advance(15 * HOUR)
    assert w.reconcile().status is PassStatus.CHANGED
    assert bodies(w) == {"ConfigMap/site": config("site", color="blue")}


def test_a_quiet_application_is_in_sync_whether_open_or_closed_and_asks_for_nothing():
    """The fingerprint stays: what has nothing to do has nothing to do at any time."""
    w = world(THREE, MaintenanceWindows(NIGHT))
    assert [w.reconcile().status for _ in range(2)] == [PassStatus.CHANGED, PassStatus.IN_SYNC]
    w.clock.advance(HOUR / 2)
    for seconds in (HOUR / 4, HOUR / 2):  # open, then closed
        result = w.reconcile()
        assert (result.status, {name: getattr(result.cost, name) for name in NOTHING_MORE}) == (PassStatus.IN_SYNC, NOTHING_MORE)
        w.clock.advance(seconds)


def test_drift_in_a_closed_window_is_seen_and_repaired_at_the_opening():
    w = world(THREE, MaintenanceWindows(NIGHT))
    assert [w.reconcile().status for _ in range(2)] == [PassStatus.CHANGED, PassStatus.IN_SYNC]
    w.clock.advance(HOUR + 60)
    w.target.edit("ConfigMap/site", {"data": {"color": "red"}})
    for _ in range(2):
        result = w.reconcile()
        assert result.status is PassStatus.REFUSED
        assert [str(change.key) for change in result.plan.changes] == ["ConfigMap/site"]
    w.clock.advance(w.app.policies[0].opens_at(w.clock.now()) - w.clock.now())
    assert w.reconcile().status is PassStatus.CHANGED
    assert bodies(w)["ConfigMap/site"]["data"] == {"color": "blue"}


def test_pull_requests_are_checked_at_any_time():
    assert world(NOON, MaintenanceWindows(NIGHT)).check().ok


def test_a_plan_that_was_saved_is_applied_inside_of_the_windows_only():
    policy = MaintenanceWindows(NIGHT)
    w = world(NOON, attrs.evolve(policy, severity="warn"))
    saved = w.plan()
    w.policies = (policy,)
    assert w.apply(saved).status is PassStatus.REFUSED
    w.clock.advance(15 * HOUR)
    assert w.apply(saved).status is PassStatus.CHANGED


def test_what_is_about_some_objects_lets_the_others_through():
    w = world(NOON, MaintenanceWindows(NIGHT, where=Selector(kinds="Secret")))
    w.declare(config("key", kind="Secret"))
    assert statuses(w.reconcile()) == {"ConfigMap/site": "done", "Secret/key": "refused"}


# -- closing while a pass is at work -----------------------------------------------------------------------------------------
class Slow(MemoryTarget):
    """Each create takes 25 minutes."""

    def create(self, ctx, change):
        live = super().create(ctx, change)
        ctx.clock.wait(threading.Event(), 25 * 60.0)
        return live


def slow_world(running):
    limits = Limits(concurrency=1, timeout=DAY)
    w = world(THREE, MaintenanceWindows(NIGHT, running=running), target=Slow("slow", limits=limits))
    w.options = attrs.evolve(w.options, deadline=DAY)
    w.declare(*(config(f"c{n}") for n in range(4)))
    return w


def reconciled(w):
    """Run a pass of *w* as a host does that heeds the closing."""
    runtime = w.runtime
    runtime = attrs.evolve(runtime, cancel=until_closing(w.app.policies, runtime.cancel, runtime.clock))
    return reconcile(w.app, store=w.store, runtime=runtime)


def test_a_running_pass_that_has_to_stop_finishes_the_change_in_hand():
    w = slow_world("stop")
    result = reconciled(w)
    assert sorted(bodies(w)) == [f"ConfigMap/c{n}" for n in range(3)], "three begin before four o'clock"
    assert statuses(result) == {
        "ConfigMap/c0": "pending", "ConfigMap/c1": "pending", "ConfigMap/c2": "pending",
        "ConfigMap/c3": "skipped", "ConfigMap/site": "skipped",
    }  # fmt: skip
    assert result.status is PassStatus.PENDING
    assert reconciled(w).status is PassStatus.REFUSED
    w.clock.advance(w.app.policies[0].opens_at(w.clock.now()) - w.clock.now())
    assert reconciled(w).ok
    assert len(bodies(w)) == 5


def test_a_running_pass_that_may_finish_finishes():
    w = slow_world("finish")
    assert reconciled(w).status is PassStatus.CHANGED
    assert len(bodies(w)) == 5


def test_the_stop_signal_is_the_hosts_own_where_nothing_has_to_stop():
    signal, clock = threading.Event(), VirtualClock(THREE)
    assert until_closing([MaintenanceWindows(NIGHT), ChangeBudget()], signal, clock) is signal
    assert until_closing([MaintenanceWindows(NIGHT, running="stop")], signal, VirtualClock(NOON)) is signal


def test_of_several_closings_the_first_counts():
    early = Window("0 3 * * *", 600, ZONE)
    signal, clock = threading.Event(), VirtualClock(THREE)
    closing = until_closing([MaintenanceWindows(w, running="stop") for w in (NIGHT, early)], signal, clock)
    clock.advance(599)
    assert not closing.is_set()
    clock.advance(1)
    assert closing.is_set()
    assert not signal.is_set()


class Recorded(threading.Event):
    """Notes how long it is waited for, and does not wait."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def wait(self, timeout=None):
        self.asked.append(timeout)
        return self.is_set()


def test_a_wait_for_the_closing_ends_with_the_hosts_signal_the_closing_or_the_timeout():
    signal, clock = Recorded(), VirtualClock(THREE)
    closing = Closing(signal, clock, THREE + 60)
    assert [closing.wait(), closing.wait(5.0), closing.wait(90.0)] == [False] * 3
    clock.advance(61)
    assert closing.wait(5.0)
    assert signal.asked == [60.0, 5.0, 60.0, 0.0]
    clock.jump(-61)
    assert not closing.wait(0.0)
    closing.set()
    assert signal.is_set()
    assert closing.wait(5.0)

"""Assertions about results, objects, writes and secrets."""

import base64

import pytest

from gitops_core.errors import Denied, SourceUnavailable, Transient
from gitops_core.model.health import Health, HealthStatus
from gitops_core.model.plans import Action
from gitops_core.model.resources import Live, Pending, ResourceKey, Unreadable
from gitops_core.model.results import Outcome, OutcomeStatus, PassStatus, ReconcileResult
from gitops_core.sources.memory import MemorySource
from gitops_core.state.sqlite import SqliteStore
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.assertions import (
    assert_absent,
    assert_in_sync,
    assert_live,
    assert_no_secret,
    assert_nothing_written,
    assert_outcomes,
)
from gitops_core.testing.builders.resources import secret
from gitops_core.testing.worlds import World, config


class Picky(MemoryTarget):
    def create(self, ctx, change):
        if change.key.name == "forbidden":
            raise Denied("403: grant the permission to create it")
        return super().create(ctx, change)


@pytest.fixture
def degraded():
    world = World(target=Picky())
    world.declare(config("a"), config("forbidden"))
    return world.reconcile()


def failing(assertion, *args, **kwargs):
    with pytest.raises(AssertionError) as caught:
        assertion(*args, **kwargs)
    return str(caught.value)


# -- outcomes ----------------------------------------------------------------------------------------------------------------------


def test_outcomes_as_expected_pass(degraded):
    assert_outcomes(degraded, done=["ConfigMap/a"], failed=["ConfigMap/forbidden"])
    assert_outcomes(degraded, done=["ConfigMap/a"], failed={"ConfigMap/forbidden": "grant the permission"}, status="degraded")
    assert_outcomes(degraded, exact=False, done=["ConfigMap/a"], status=PassStatus.DEGRADED)


def test_the_message_shows_every_object_with_its_error(degraded):
    message = failing(assert_outcomes, degraded, done=["ConfigMap/forbidden", "ConfigMap/b"], status="changed")
    assert message == MESSAGE


MESSAGE = """\
not the expected outcomes of example.org/tests/app: the pass is degraded, expected changed
     expected                  it ended                    why
  != -                         ConfigMap/a done
  != ConfigMap/forbidden done  ConfigMap/forbidden failed  Denied: 403: grant the permission to create it
  != ConfigMap/b done          -                           it had no change"""


def test_a_reason_that_is_another_one_fails(degraded):
    message = failing(assert_outcomes, degraded, exact=False, failed={"ConfigMap/forbidden": "429"})
    assert "expected '429' in the reason" in message


def test_a_pass_that_failed_has_no_outcomes_to_be_right_about():
    class Down(MemorySource):
        def resolve(self, ctx):
            raise SourceUnavailable("the server is away")

    result = World(source=Down({})).reconcile()
    message = failing(assert_outcomes, result)
    assert "the pass is failed" in message
    assert "the server is away" in message
    assert_outcomes(result, status="failed")


def test_health_is_the_reason_of_what_has_not_settled():
    key = ResourceKey("", "Pod", "", "a")
    waiting = Outcome(key, Action.CREATE, OutcomeStatus.UNSETTLED, health=Health(False, HealthStatus.PROGRESSING, "Rolling"))
    result = ReconcileResult("app", PassStatus.PENDING, outcomes=(waiting,))
    assert_outcomes(result, unsettled={"Pod/a": "Rolling"})


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ({"gone": ["A/a"]}, "does not know 'gone'; it knows done, pending"),
        ({"done": "A/a"}, "give a list of keys"),
        ({"done": ["A/a"], "failed": ["A/a"]}, "A/a is expected twice"),
    ],
)
def test_a_slip_in_the_expectation_is_told(degraded, expected, message):
    with pytest.raises(TypeError, match=message):
        assert_outcomes(degraded, **expected)


# -- what is there -----------------------------------------------------------------------------------------------------------------

BODY = {"kind": "Pod", "metadata": {"name": "a"}, "spec": {"on": True, "n": 1, "list": [{"x": 1, "y": 2}, "z"]}}


@pytest.fixture
def target():
    return MemoryTarget(objects=[BODY])


def test_fields_that_are_there_are_found(target):
    assert_live(target, "Pod/a", {"spec": {"n": 1}})
    assert_live(target, "Pod/a", {"spec": {"list": [{"y": 2}, ...]}, "metadata": ...})
    assert_live(target, "Pod/a", BODY, exact=True)
    assert_live(World(target=target), ("Pod", "a"), {"kind": "Pod"})


def test_every_field_that_differs_has_a_line(target):
    wanted = {"spec": {"on": 1, "n": 2, "missing": "m", "list": [{"x": 3, "y": 2}, "z"]}, "metadata": {"name": "a"}}
    assert failing(assert_live, target, "Pod/a", wanted) == (
        "Pod/a is there, and not as expected:\n"
        "  /spec/on: expected 1, there is true\n"
        "  /spec/n: expected 2, there is 1\n"
        '  /spec/missing: expected "m", there is no such field\n'
        "  /spec/list/0/x: expected 3, there is 1"
    )


def test_fields_too_many_matter_when_it_is_exact(target):
    message = failing(assert_live, target, "Pod/a", {"kind": "Pod", "metadata": {"name": "a"}}, exact=True)
    assert message.splitlines()[1].startswith('  /spec: not expected, there is {"list":')


def test_a_list_of_another_length_is_another_list(target):
    assert "/spec/list: expected []" in failing(assert_live, target, "Pod/a", {"spec": {"list": []}})
    assert '/spec/list/1: expected ["z"], there is "z"' in failing(assert_live, target, "Pod/a", {"spec": {"list": [..., ["z"]]}})


def test_a_missing_object_is_told_with_its_neighbours(target):
    assert failing(assert_live, target, "Pod/b", {}) == "Pod/b is not there; there is Pod/a"
    assert failing(assert_live, MemoryTarget(), "Pod/b", {}) == "Pod/b is not there; nothing is"
    many = MemoryTarget(objects=[config(f"n{n}") for n in range(9)])
    assert failing(assert_live, many, "Pod/b", {}).endswith("ConfigMap/n4 ...")


def test_a_target_that_shows_nothing_is_asked_all_the_same():
    class Hidden(MemoryTarget):
        objects = None

    assert failing(assert_live, Hidden(), "Pod/b", {}) == "Pod/b is not there"


def test_absence(target):
    assert_absent(target, "Pod/b")
    assert failing(assert_absent, target, "Pod/a") == "Pod/a is there: id '1', version '1'"


def test_what_could_not_be_looked_at_is_neither_there_nor_absent():
    class Blind(MemoryTarget):
        def observe(self, ctx, query):
            yield Live("Pod/other", {})
            yield Unreadable(None, Transient("503"), kind=("", "Pod"))

    for assertion, more in ((assert_live, ({},)), (assert_absent, ())):
        assert failing(assertion, Blind(), "Pod/a", *more) == "Pod/a could not be looked at: 503"


# -- writes ------------------------------------------------------------------------------------------------------------------------


def test_looking_is_not_writing(tmp_path):
    with SqliteStore(tmp_path / "state.db") as store:
        world = World(store=store)
        world.declare(config("a"))
        with assert_nothing_written():
            world.plan()
            world.check()
        world.reconcile()
        with assert_nothing_written():
            assert_in_sync(world)
            world.reconcile()


def test_each_write_is_told():
    world = World(target=Picky("edge"))
    world.declare(config("a"), config("forbidden"))

    def reconcile():
        with assert_nothing_written():
            world.reconcile()

    message = failing(reconcile)
    assert message.splitlines() == [
        "nothing was to be written, and there was:",
        "  MemoryStore: update_inventory (4 times)",
        "  edge: create ConfigMap/a",
        "  edge: create ConfigMap/forbidden",
    ], "a call of super() is not a second write"


def test_nothing_is_left_behind():
    before = MemoryTarget.create
    with assert_nothing_written():
        assert MemoryTarget.create is not before
    assert MemoryTarget.create is before


def test_an_error_in_the_block_comes_out():
    with pytest.raises(ZeroDivisionError), assert_nothing_written():
        1 / 0  # noqa: B018  # why: it raises


# -- secrets -----------------------------------------------------------------------------------------------------------------------

CANARY = 'hunter2 "x"/ü'


def looped():
    value = ["fine"]
    value.append(value)
    return value


def caused():
    error = Denied("no")
    error.__cause__ = ValueError(CANARY)
    return error


def noted():
    error = ValueError("no")
    error.add_note(CANARY)
    return error


@pytest.mark.parametrize(
    ("subject", "place"),
    [
        (f"password: {CANARY}", r"in it: line 1: 'password: \*\*\*'"),
        (f"\n\nx={CANARY}&{CANARY}".encode(), "line 3"),
        ({"a": [{"b": CANARY}]}, r"it\['a'\]\[0\]\['b'\]"),
        ({CANARY: 1}, "a key of it"),
        (("x", {CANARY}), "it"),
        (base64.b64encode(CANARY.encode()).decode(), r"'\*\*\*'"),
        (base64.b64encode(CANARY.encode()).decode().rstrip("="), "it"),
        ("hunter2%20%22x%22%2F%C3%BC", "it"),
        (r'{"p": "hunter2 \"x\"/\u00fc"}', "it"),
        (repr(Pending(CANARY)), "it"),
        (Pending(CANARY), "repr of it"),
        (ValueError(CANARY), "str of it"),
        (caused(), "what is behind it"),
        (noted(), "what is behind it"),
        (ExceptionGroup("all", [ValueError(CANARY)]), "what is behind it"),
        ([*looped(), CANARY], "it"),
    ],
)
def test_a_secret_is_found_and_not_repeated(subject, place):
    with pytest.raises(AssertionError, match=place) as caught:
        assert_no_secret(subject, CANARY)
    assert CANARY not in str(caught.value)
    assert "secret 1 of 1 shows in" in str(caught.value)


def test_files_are_read(tmp_path):
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "state.db").write_bytes(b"\xff\x00" + CANARY.encode())
    assert "state.db" in failing(assert_no_secret, tmp_path, "other", CANARY)
    assert "secret 2 of 2" in failing(assert_no_secret, tmp_path / "below" / "state.db", "other", CANARY)
    assert_no_secret(tmp_path, "other")


def test_a_pass_over_a_secret_shows_it_nowhere(tmp_path):
    with SqliteStore(tmp_path / "state.db") as store:
        world = World(store=store)
        world.declare(secret("login", {"password": CANARY}))
        planned, result = world.plan(), world.reconcile()
        world.target.edit("Secret/login", {"data": {"password": "b3RoZXI="}})
        assert_no_secret([planned, result, world.plan(), world.sink.events, tmp_path], CANARY)
    assert_no_secret(tmp_path, CANARY)


@pytest.mark.parametrize("secrets", [(), ("abc",), ("long enough", "")])
def test_a_secret_must_be_long_enough_to_be_told_from_other_text(secrets):
    with pytest.raises(ValueError, match="at least 4 characters"):
        assert_no_secret("text", *secrets)

"""What the contract suites are made of: promises, taps, and a runner without pytest."""

import pytest

from gitops_core.errors import Transient
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.promises import Layer, check, promises_of, unexplained
from gitops_core.testing.suites import run_suite
from gitops_core.testing.target_contract import Example, TargetContract
from gitops_core.testing.target_taps import Crash, Taps


class Small:
    """A suite of three checks."""

    @check(Layer.FAULT, why="It matters a lot.", cure="Do it right.")
    def test_that_fails(self):
        """Nothing is broken."""
        assert self.tmp_path == 0, "it was found broken"

    @pytest.mark.parametrize("number", [1, 2])
    @check(Layer.PURE, why="It matters a bit.", cure="Do it anyway.")
    def test_that_passes(self, number):
        """Numbers are positive."""
        assert number > 0

    @check(Layer.PURE, why="It matters less.", cure="Write it some day.")
    def test_that_is_skipped(self):
        """There is a world."""
        pytest.skip("there is none")

    def test_that_says_nothing(self):
        pass


def test_a_failure_carries_the_paragraph_of_its_promise():
    suite = Small()
    suite.tmp_path = 1
    with pytest.raises(AssertionError, match="it was found broken") as caught:
        suite.test_that_fails()
    told = "Broken promise: Nothing is broken. Why it matters: It matters a lot. How to mend it: Do it right."
    assert caught.value.__notes__ == [told]


def test_a_check_that_calls_a_check_is_explained_once():
    class Larger(Small):
        @check(Layer.FAULT, why="It matters a lot.", cure="Do it right.")
        def test_that_fails(self):
            """Nothing is broken."""
            super().test_that_fails()

    suite = Larger()
    suite.tmp_path = 1
    with pytest.raises(AssertionError) as caught:
        suite.test_that_fails()
    assert len(caught.value.__notes__) == 1


def test_promises_come_by_layer_and_what_says_nothing_is_found():
    assert [(p.name, p.layer) for p in promises_of(Small)] == [
        ("test_that_passes", "pure"),
        ("test_that_is_skipped", "pure"),
        ("test_that_fails", "fault"),
    ]
    assert unexplained(Small) == ("test_that_says_nothing",)


def test_a_report_counts_and_tells_failures_in_full():
    report = run_suite(Small)
    assert not report.ok
    assert [str(result).splitlines()[0] for result in report.results] == [
        "test_that_passes: passed",
        "test_that_is_skipped: skipped (there is none)",
        "test_that_fails: failed",
    ]
    counts, _, found, paragraph = report.text().splitlines()
    assert counts == "1 passed, 1 failed, 1 skipped"
    assert found == "  AssertionError: it was found broken"
    assert paragraph.startswith("  Broken promise: Nothing is broken.")


class Slotted:
    __slots__ = ("value",)

    def set(self, value):
        self.value = value
        return "set"


@pytest.mark.parametrize("make", [Slotted, type("Plain", (Slotted,), {})])
def test_a_tap_counts_refuses_and_loses_replies(make):
    """Objects with slots are tapped, too."""
    api = make()
    taps = Taps([(api, "set")])
    taps.before[2], taps.after[3] = Transient("refused"), Crash()
    assert api.set(1) == "set"
    with pytest.raises(Transient):
        api.set(2)
    assert api.value == 1
    with pytest.raises(Crash):
        api.set(3)
    assert (api.value, taps.calls) == (3, ["set"] * 3)
    taps.clear()
    taps.down = Transient("down")
    with pytest.raises(Transient):
        api.set(4)
    assert (api.value, taps.calls) == (3, ["set"])


def test_a_tap_lets_somebody_else_go_first_once():
    api, seen = Slotted(), []
    taps = Taps([(api, "set")])
    taps.meanwhile = lambda: seen.append(taps.calls[:])
    api.set(1)
    api.set(2)
    assert seen == [["set"]]


def test_what_cannot_be_tapped_is_told():
    with pytest.raises(TypeError, match=r"list\.append cannot be replaced"):
        Taps([([], "append")])


class Bare(TargetContract):
    """As little as an author can write."""

    def make_target(self):
        return MemoryTarget()

    def examples(self):
        return [Example({"kind": "ConfigMap", "metadata": {"name": "site"}})]


def test_the_least_that_an_author_can_write_runs():
    """What is missing is skipped with the name of the method to write."""
    report = run_suite(Bare)
    assert report.ok, report.text()
    reasons = {result.found for result in report.results if result.status == "skipped"}
    for word in (
        "external_remove",
        "api_reads",
        "api_writes",
        "text_pointer",
        "undeclared",
        "edited",
        "reduced",
    ):
        assert any(word in reason for reason in reasons), word

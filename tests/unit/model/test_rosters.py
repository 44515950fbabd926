"""Who works on what."""

import math
import subprocess
import sys
import time

import pytest

from gitops_core.model.rosters import Member, Roster, agreed, next_generation, owner_of

NOW = 1_700_000_000.0


def roster(*members):
    return Roster(1, tuple(members), members[0].id if members else "")


def test_nobody_works_on_anything_when_nobody_takes_part():
    assert owner_of("a/b/c", Roster(1, ())) == ""


def test_a_lone_member_works_on_everything():
    assert {owner_of(str(n), roster(Member("one"))) for n in range(100)} == {"one"}


def test_owners_are_what_they_have_always_been():
    """Members of two releases share one list: a change of these is a change of everybody's share while both run."""
    three = roster(Member("a"), Member("b", 2.0), Member("ü", 0.5))
    assert [owner_of(name, three) for name in ("", "x", "example.org/team/shop", "Größe", "\ud800")] == ["ü", "a", "b", "a", "b"]


def test_another_process_comes_to_the_same_answer():
    """Not by ``hash``, which differs from process to process."""
    code = (
        "from gitops_core.model.rosters import *\n"
        "r = Roster(1, tuple(Member(n) for n in 'abcde'))\n"
        "print([owner_of(str(n), r) for n in range(50)])"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in "12"
    }
    here = Roster(1, tuple(Member(n) for n in "abcde"))
    assert told == {f"{[owner_of(str(n), here) for n in range(50)]}\n"}


def test_a_member_of_weight_0_works_on_nothing():
    assert {owner_of(str(n), roster(Member("a", 0.0), Member("b"))) for n in range(200)} == {"b"}


def test_where_all_have_weight_0_all_have_the_same_share():
    with_none = [owner_of(str(n), roster(Member("a", 0.0), Member("b", 0.0))) for n in range(200)]
    assert with_none == [owner_of(str(n), roster(Member("a"), Member("b"))) for n in range(200)]


@pytest.mark.parametrize("weight", [-1.0, math.nan, math.inf])
def test_a_weight_is_a_finite_number_that_is_not_negative(weight):
    with pytest.raises(ValueError, match="weight"):
        Member("a", weight)


def test_a_member_has_an_id():
    with pytest.raises(ValueError, match="id"):
        Member("")


def test_ten_thousand_applications_are_shared_out_in_less_than_a_second():
    """The brief bound of a controller that hears of a new generation; processor time, because the machine may be busy."""
    ten = roster(*(Member(f"engine-{n}") for n in range(10)))
    began = time.process_time()
    for n in range(10_000):
        owner_of(f"example.org/team/application-{n}", ten)
    assert time.process_time() - began < 1.0


def test_a_generation_is_the_time_of_day_in_milliseconds_or_one_more_than_the_last():
    assert next_generation(0, NOW) == 1_700_000_000_000
    assert next_generation(1_700_000_000_000, NOW) == 1_700_000_000_001
    assert next_generation(1_800_000_000_000, NOW) == 1_800_000_000_001


def test_a_look_that_finds_nothing_new_changes_nothing():
    before = agreed(Roster(), [Member("b"), Member("a")], "b", NOW)
    assert before == Roster(1_700_000_000_000, (Member("a"), Member("b")), "b")
    assert agreed(before, [Member("a"), Member("b")], "", NOW + 1) is before


@pytest.mark.parametrize(
    ("alive", "leader", "leads"),
    [
        (["a", "b", "c"], "", "b"),  # the present one stays
        (["a", "b", "c"], "c", "c"),  # unless another is wanted
        (["a", "b"], "c", "b"),  # who is there
        (["a", "c"], "", "a"),  # or the first follows
        ([], "b", ""),
    ],
)
def test_who_leads(alive, leader, leads):
    before = agreed(Roster(), [Member("b")], "b", NOW)
    after = agreed(before, map(Member, alive), leader, NOW)
    assert (after.leader, after.ids, after.generation) == (leads, tuple(alive), before.generation + 1)


def test_another_weight_is_another_generation():
    before = agreed(Roster(), [Member("a")], "", NOW)
    assert agreed(before, [Member("a", 2.0)], "", NOW).generation == before.generation + 1

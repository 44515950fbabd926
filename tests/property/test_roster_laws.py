"""Laws of the sharing out: nobody's place depends on who asks, and only the share of who comes or goes moves."""

from __future__ import annotations

import math

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from gitops_core.model.rosters import Member, Roster, agreed, next_generation, owner_of

ids = st.text(min_size=1, max_size=8)
weights = st.one_of(st.just(1.0), st.floats(0.0, 1e6))
members = st.lists(st.builds(Member, ids, weights), min_size=1, max_size=8, unique_by=lambda member: member.id)
APPLICATIONS = [f"example.org/team/application-{n}" for n in range(10_000)]


def roster(found):
    return Roster(1, tuple(sorted(found, key=lambda member: member.id)))


@given(st.text(), members, st.randoms())
def test_the_order_of_the_list_changes_nothing(application, found, random):
    shuffled = list(found)
    random.shuffle(shuffled)
    assert owner_of(application, Roster(1, tuple(shuffled))) == owner_of(application, roster(found))


@given(st.text(), members)
def test_an_owner_is_a_member_with_a_weight(application, found):
    owner = owner_of(application, roster(found))
    assert owner in {m.id for m in found if m.weight} or not any(m.weight for m in found)


@given(st.lists(st.text(), max_size=30), members, st.builds(Member, ids, st.floats(0.1, 10.0)))
def test_who_joins_takes_and_moves_nothing_else(applications, found, newcomer):
    found = [m for m in found if m.id != newcomer.id]
    if not any(m.weight for m in found):
        return
    before, after = roster(found), roster([*found, newcomer])
    for application in applications:
        assert owner_of(application, after) in (newcomer.id, owner_of(application, before))


@given(st.lists(st.text(), max_size=30), members, st.data())
def test_who_leaves_gives_and_moves_nothing_else(applications, found, data):
    leaver = data.draw(st.sampled_from(found))
    rest = [m for m in found if m is not leaver]
    if not any(m.weight for m in rest):
        return
    for application in applications:
        before = owner_of(application, roster(found))
        if before != leaver.id:
            assert owner_of(application, roster(rest)) == before


@given(st.text(), members, st.data())
def test_who_gains_weight_loses_nothing(application, found, data):
    chosen = data.draw(st.sampled_from(found))
    heavier = attrs.evolve(chosen, weight=chosen.weight * 2 + 1)
    if owner_of(application, roster(found)) == chosen.id:
        assert owner_of(application, roster([heavier if m is chosen else m for m in found])) == chosen.id


@settings(max_examples=5)
@given(st.lists(st.floats(0.5, 4.0), min_size=2, max_size=6), st.uuids())
def test_the_share_follows_the_weight_and_moves_with_its_member(given_weights, salt):
    """Over 10,000 applications within five standard deviations: a newcomer moves its own share, 1/n for equal weights, no more."""
    found = [Member(f"{salt}-{n}", weight) for n, weight in enumerate(given_weights)]
    before, after = roster(found[:-1]), roster(found)
    share = found[-1].weight / sum(given_weights)
    bound = 5 * math.sqrt(share * (1 - share) / len(APPLICATIONS))
    moved = sum(owner_of(a, before) != owner_of(a, after) for a in APPLICATIONS) / len(APPLICATIONS)
    held = sum(owner_of(a, after) == found[-1].id for a in APPLICATIONS) / len(APPLICATIONS)
    assert moved == held
    assert abs(moved - share) <= bound


@given(st.integers(0, 2**53), st.floats(0.0, 4e9))
def test_generations_rise_whatever_the_clock_says(last, now):
    assert next_generation(last, now) > last


@given(st.lists(st.tuples(members, ids, st.floats(0.0, 4e9)), max_size=10))
def test_one_generation_has_one_list_and_one_leader(looks):
    """Whatever is seen, in whatever order, and whatever the clock does."""
    current, history = Roster(), {}
    for alive, leader, now in looks:
        current = agreed(current, alive, leader, now)
        assert history.setdefault(current.generation, current) == current
        assert list(current.ids) == sorted(current.ids)
        assert current.leader in current.ids
    assert list(history) == sorted(history)

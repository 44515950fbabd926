"""Memos: bounded in size and age, cheap to miss, and never in each other's way."""

from __future__ import annotations

import os

import pytest

from gitops_core.errors import Invalid, NotFound, StateCorrupt, StateUnavailable
from gitops_core.state.kubernetes.memos import BUCKETS, MEMO_AGE


def memos_of(api):
    return [item for (_, name), item in api.objects.items() if "state-memos-" in name]


def stored(api):
    return sum(len(text) for item in memos_of(api) for text in item["binaryData"].values())


def test_a_miss_costs_nothing_until_the_copy_is_a_minute_old(store, make, clock, api):
    """Most keys are content addresses: they are there, or nobody has made them yet."""
    assert store.get_memo("s", "k", not_before=0.0) is None
    make().put_memo("s", "k", b"v", now=1.0)
    api.verbs()
    assert store.get_memo("s", "k", not_before=0.0) is None
    assert api.verbs() == []
    clock.advance(61.0)
    assert store.get_memo("s", "k", not_before=0.0) == b"v"
    assert api.verbs() == ["get"]


def test_a_write_is_one_request(store, api):
    store.put_memo("s", "k", b"v", now=1.0)
    assert api.verbs() == ["get", "patch", "post"]
    store.put_memo("s", "k", b"w", now=1.0)
    assert api.verbs() == ["patch"]


def test_memos_are_bounded_and_the_oldest_go(make, api):
    """Values that cannot be packed, four times as much as there is room for."""
    store = make(memo_limit=BUCKETS * 10_000)
    for number in range(400):
        store.put_memo("s", str(number), os.urandom(600), now=float(number))
    assert stored(api) <= BUCKETS * 10_000
    assert store.get_memo("s", "399", not_before=0.0) is not None
    assert store.get_memo("s", "0", not_before=0.0) is None
    assert make().get_memo("s", "399", not_before=0.0) is not None


def test_a_value_that_is_too_large_is_not_kept(make, api):
    """Nor is what stood in its place: it would be taken for the new one."""
    store = make(memo_limit=BUCKETS * 1_000)
    store.put_memo("s", "k", b"old", now=1.0)
    store.put_memo("s", "k", os.urandom(2_000), now=2.0)
    assert store.get_memo("s", "k", not_before=0.0) is None
    assert make().get_memo("s", "k", not_before=0.0) is None
    store.put_memo("s", "new", os.urandom(2_000), now=2.0)
    assert stored(api) == 0


def test_memos_go_when_they_are_a_month_old(store, api):
    """At the next write into the same object."""
    for number in range(100):
        store.put_memo("s", str(number), b"v", now=1.0)
    for number in range(100):
        store.put_memo("t", str(number), b"v", now=2.0 + MEMO_AGE)
    assert sum(len(item["binaryData"]) for item in memos_of(api)) == 100


def test_two_writers_do_not_undo_each_other(make):
    first, second = make(), make()
    for number in range(50):
        first.put_memo("a", str(number), b"1", now=1.0)
        second.put_memo("b", str(number), b"2", now=1.0)
    third = make()
    assert {third.get_memo("a", str(n), not_before=0.0) for n in range(50)} == {b"1"}
    assert {third.get_memo("b", str(n), not_before=0.0) for n in range(50)} == {b"2"}


def test_a_refused_write_makes_us_look_again(store, make, api):
    """Others may have filled the object since."""
    store.put_memo("s", "k", b"v", now=1.0)
    refused = []

    def refuse(request):
        if request.method == "PATCH" and not refused:
            refused.append(request)
            raise Invalid("too large")

    api.before = refuse
    with pytest.raises(StateUnavailable):
        store.put_memo("s", "k", b"w", now=2.0)
    api.verbs()
    assert store.get_memo("s", "k", not_before=0.0) == b"v"
    assert api.verbs() == ["get"]


def test_an_object_that_comes_and_goes_is_said(store, api):
    def vanish(request):
        if request.method == "PATCH":
            raise NotFound("gone")

    store.put_memo("s", "k", b"v", now=1.0)
    api.before = vanish
    with pytest.raises(StateUnavailable, match="comes and goes"):
        store.put_memo("s", "k", b"w", now=2.0)


@pytest.mark.parametrize("text", ["", "AAAA", "?" * 40])
def test_a_memo_that_does_not_decode_is_said(store, make, api, text):
    """The engine tells about it and does the work again."""
    store.put_memo("s", "k", b"v", now=1.0)
    ((name, _),) = memos_of(api)[0]["binaryData"].items()
    memos_of(api)[0]["binaryData"][name] = text
    with pytest.raises(StateCorrupt, match="state-memos-"):
        make().get_memo("s", "k", not_before=0.0)


def test_a_value_that_does_not_unpack_is_said(store, make, api):
    store.put_memo("s", "k", b"v", now=1.0)
    ((name, text),) = memos_of(api)[0]["binaryData"].items()
    memos_of(api)[0]["binaryData"][name] = text[:12] + "AAAA"
    with pytest.raises(StateCorrupt):
        make().get_memo("s", "k", not_before=0.0)

"""Checks of a store's locks, journal, history and memos."""
# ruff: noqa: S101, S106  # why: asserting is what a contract does; an expected number is its own name; a pass id is no password

from __future__ import annotations

import threading

import attrs
import pytest

from gitops_core.errors import StateLocked
from gitops_core.interfaces import StateStore
from gitops_core.model.history import JournalRecord, PassRecord
from gitops_core.testing.filled import filled
from gitops_core.testing.promises import Layer, check
from gitops_core.testing.store_examples import APP, OTHER, SITE, WEB, enter, in_thread, raised_by


class RecordChecks:
    """Who is at work, what happened, what was found out."""

    # -- exclusive ----------------------------------------------------------------------------------------------------

    @check(
        Layer.STATEFUL,
        why="Two passes at once would each create what the other is just creating; and a slow application must not stop the rest.",
        cure="Keep threads of one process apart, too, not only processes, by application.",
    )
    def test_a_second_thread_is_kept_out(self, store: StateStore) -> None:
        """While one thread holds an application, another gets StateLocked that names it; other applications are free."""
        with store.exclusive(APP, 1.0):
            refused = in_thread(lambda: enter(store, APP, 0.05))
            free = in_thread(lambda: enter(store, OTHER, 0.05))
        assert isinstance(refused, StateLocked), "Two threads worked on one application at the same time"
        assert APP in str(refused), "StateLocked must name the application: a host of a thousand of them cannot tell otherwise."
        assert free is None, f"One application's lock kept another one out ({free}); a slow application must not stop the rest."

    @check(
        Layer.STATEFUL,
        why="A host would stand still between two passes.",
        cure="Try until the time is up, and wake early.",
    )
    def test_a_waiter_gets_in_when_the_holder_leaves(self, store: StateStore) -> None:
        """Waiting ends as soon as the holder is gone, long before the timeout."""
        inside = threading.Event()
        waiter: list[object] = []

        def wait() -> None:
            inside.wait()
            waiter.append(raised_by(lambda: enter(store, APP, 30.0)))

        thread = threading.Thread(target=wait)
        thread.start()
        with store.exclusive(APP, 1.0):
            inside.set()
            threading.Event().wait(0.05)  # until the other one waits, too
        thread.join(20)
        assert waiter == [None], "A waiter did not get the lock that was free"

    @check(
        Layer.FAULT,
        why="A pass that raised would keep its application locked for ever.",
        cure="Release in a finally.",
    )
    def test_an_exception_releases_the_lock(self, store: StateStore) -> None:
        """The lock is free after a pass that failed."""
        with pytest.raises(ZeroDivisionError), store.exclusive(APP, 1.0):
            raise ZeroDivisionError
        assert in_thread(lambda: enter(store, APP, 0.05)) is None, "A pass that raised kept its application locked for ever"

    # -- journal and history ------------------------------------------------------------------------------------------

    @check(
        Layer.STATEFUL,
        why="Explanations are made of them.",
        cure="Store every field, and filter by key before you cut.",
    )
    def test_the_journal_tells_the_newest_first(self, store: StateStore) -> None:
        """Records come newest first, of one object or of all, at most limit, with every field."""
        records = [
            attrs.evolve(filled(JournalRecord), key=key, time=float(i)) for i, key in enumerate((SITE, WEB, SITE, WEB, SITE))
        ]
        store.append_journal(APP, records[:2])
        store.append_journal(APP, records[2:])
        store.append_journal(APP, [])
        newest = records[::-1]
        assert list(store.journal(APP)) == newest, "journal() must return every record, newest first, field by field as appended."
        assert list(store.journal(APP, SITE)) == newest[::2], (
            "journal(key=...) must return the records of that object only: explain() reads it."
        )
        assert list(store.journal(APP, limit=3)) == newest[:3], "journal(limit=3) must return the three newest records."
        assert list(store.journal(APP, WEB, limit=1)) == [newest[1]], (
            "journal(key, limit=1) must return that object's newest record."
        )
        assert not store.journal(APP, limit=0), "journal(limit=0) must return nothing."
        assert not store.journal(OTHER), "A journal must not show another application's records."

    @check(
        Layer.STATEFUL,
        why="A loop that is in sync passes every few minutes and would push everything of interest out.",
        cure="Use PassRecord.repeats_of on the newest; keep the first id and start, the last end.",
    )
    def test_a_repeated_pass_is_counted(self, store: StateStore) -> None:
        """A pass that ended as the one before raises its count and its end, and adds no record."""
        first = filled(PassRecord)
        again = attrs.evolve(first, pass_id="p2", started_at=50.0, finished_at=60.0, repeats=0)
        other = attrs.evolve(first, pass_id="p3", revision="r2", repeats=0)
        for record in (first, again, other, again):
            store.record_pass(APP, record, keep=10)
        counted = attrs.evolve(first, finished_at=60.0, repeats=first.repeats + 1)
        assert list(store.history(APP)) == [again, other, counted], (
            "The history must be newest first and count repetitions (PassRecord.repeats_of the newest): a loop that is in sync passes every few minutes and would push everything of interest out"
        )

    @check(
        Layer.STATEFUL,
        why="A history without bound fills the disk.",
        cure="Drop the oldest in the transaction that adds.",
    )
    def test_the_history_is_bounded(self, store: StateStore) -> None:
        """Only the last keep passes stay, and limit bounds what is returned."""
        records = [attrs.evolve(filled(PassRecord), revision=str(i)) for i in range(6)]
        for record in records:
            store.record_pass(APP, record, keep=4)
        assert list(store.history(APP)) == records[:1:-1], "record_pass(keep=4) must keep exactly the last four passes."
        assert list(store.history(APP, limit=2)) == records[:3:-1], "history(limit=2) must return the two newest passes."
        assert not store.history(OTHER), "A history must not show another application's passes."

    # -- memos --------------------------------------------------------------------------------------------------------

    @check(
        Layer.STATEFUL,
        why="Stale memos hide changes of webhooks and schemas.",
        cure="Store now with the value, and compare it with not_before.",
    )
    def test_memos_have_an_age(self, store: StateStore) -> None:
        """A memo is found from its own second on, and never when a younger one is asked for."""
        store.put_memo("render", "k", b"\x00value", now=100.0)
        found = [store.get_memo("render", "k", not_before=t) for t in (0.0, 100.0, 100.5)]
        assert found == [b"\x00value", b"\x00value", None], (
            "get_memo must return what was put at or after not_before, bytes unchanged, and None for what is older: stale memos "
            "hide changes of webhooks and schemas."
        )

    @check(
        Layer.STATEFUL,
        why="One memo would be taken for another.",
        cure="Replace by (space, key), and tell an empty value from a miss.",
    )
    def test_memos_are_replaced_and_kept_apart(self, store: StateStore) -> None:
        """The last value wins; spaces and keys do not mix; a miss is None; an empty value is a value."""
        for space, key, value in (("a", "k", b"1"), ("a", "k", b"2"), ("b", "k", b"3"), ("a", "k2", b"")):
            store.put_memo(space, key, value, now=1.0)
        found = [store.get_memo(*place, not_before=0.0) for place in (("a", "k"), ("b", "k"), ("a", "k2"), ("b", "k2"))]
        assert found == [b"2", b"3", b"", None], "put_memo must replace the value of the same (space, key) and touch no other."

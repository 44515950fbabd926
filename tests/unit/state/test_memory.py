"""What MemoryStore does beyond the contract."""

from __future__ import annotations

import attrs

from gitops_core.model.history import JournalRecord
from gitops_core.state.memory import MemoryStore
from gitops_core.testing.filled import filled


def test_a_given_salt_is_kept():
    assert MemoryStore(salt=b"fixed").salt() == b"fixed"


def test_two_stores_have_two_salts():
    assert MemoryStore().salt() != MemoryStore().salt()


def test_the_oldest_journal_records_go_first():
    store, records = MemoryStore(journal_limit=3), [attrs.evolve(filled(JournalRecord), time=float(i)) for i in range(5)]
    store.append_journal("a", records)
    assert list(store.journal("a")) == records[:1:-1]


def test_the_oldest_memos_go_first_and_a_too_large_one_is_not_kept():
    store = MemoryStore(memo_limit=10)
    for number in range(4):
        store.put_memo("s", str(number), b"four", now=float(number))
    store.put_memo("s", "large", b"x" * 11, now=9.0)
    assert [store.get_memo("s", str(n), not_before=0.0) for n in range(4)] == [None, None, b"four", b"four"]
    assert store.get_memo("s", "large", not_before=0.0) is None

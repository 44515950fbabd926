"""A watched store is the store that it watches, and tells of every call."""

import pytest

from gitops_core.errors import StateUnavailable
from gitops_core.interfaces import StateStore
from gitops_core.state.memory import MemoryStore
from gitops_core.testing.store_contract import StateStoreContract
from gitops_core.testing.watched_store import WatchedStore


class TestWatchedStore(StateStoreContract):
    def make_store(self):
        return WatchedStore(MemoryStore(), lambda _method: None)


def test_it_tells_the_name_of_each_method_before_it_is_called():
    seen = []
    store = WatchedStore(MemoryStore(), seen.append)
    store.salt()
    store.inventory("app")
    store.history("app")
    store.close()
    assert seen == ["salt", "inventory", "history"]
    assert store.name == "MemoryStore"


def test_what_the_watcher_raises_is_raised_and_nothing_is_called():
    def cut(method):
        raise StateUnavailable(f"{method}: the line is cut")

    inner = MemoryStore()
    with pytest.raises(StateUnavailable, match="put_memo: the line is cut"):
        WatchedStore(inner, cut).put_memo("space", "key", b"value", now=0.0)
    assert inner.get_memo("space", "key", not_before=0.0) is None


def test_no_method_of_a_store_is_forgotten():
    """One that was inherited would answer for no store at all."""
    assert StateStore.__abstractmethods__ <= vars(WatchedStore).keys()

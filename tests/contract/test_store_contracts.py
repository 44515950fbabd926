"""Both stores keep the promises of the store contract."""

from gitops_core.state.memory import MemoryStore
from gitops_core.state.sqlite import SqliteStore
from gitops_core.testing.store_contract import PersistentStoreContract, StateStoreContract


class TestMemoryStore(StateStoreContract):
    def make_store(self):
        return MemoryStore()


class TestSqliteStore(PersistentStoreContract):
    def make_store(self):
        return SqliteStore(self.directory / "state.sqlite3")

    def reopen(self, store):
        return SqliteStore(self.directory / "state.sqlite3")


class TestDurableSqliteStore(TestSqliteStore):
    def make_store(self):
        return SqliteStore(self.directory / "state.sqlite3", durable=True)

"""All stores keep the promises of the store contract."""

import importlib.util
from pathlib import Path

import pytest

from gitops_core.model.applications import Owner
from gitops_core.state.kubernetes import KubernetesStore
from gitops_core.state.memory import MemoryStore
from gitops_core.state.postgres import PostgresSettings, PostgresStore
from gitops_core.state.sqlite import SqliteStore
from gitops_core.testing.store_contract import PersistentStoreContract, StateStoreContract

_WHERE = Path(__file__).parents[1] / "unit" / "state" / "kubernetes" / "config_maps.py"
_SPEC = importlib.util.spec_from_file_location("config_maps", _WHERE)
config_maps = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(config_maps)


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


class TestKubernetesStore(PersistentStoreContract):
    """On an API in memory; on a fake cluster and on the real server it is in tests/integration/kubernetes."""

    def make_store(self):
        self.api = config_maps.ConfigMaps()
        return self.reopen(None)

    def reopen(self, store):
        return KubernetesStore(self.api, Owner("example.org", "engine"), "state")


@pytest.mark.needs_postgres
class TestPostgresStore(PersistentStoreContract):
    """Against a real server; each test has a schema of its own."""

    @pytest.fixture(autouse=True)
    def _place(self, postgres, postgres_schema):
        self.place = (postgres, PostgresSettings(postgres_schema))

    def make_store(self):
        return PostgresStore(*self.place)

    def reopen(self, store):
        return PostgresStore(*self.place)

    @pytest.mark.slow
    def test_ten_thousand_entries_are_stored(self, store, twin):
        super().test_ten_thousand_entries_are_stored(store, twin)

    @pytest.mark.slow
    def test_ten_thousand_entries(self, store):
        super().test_ten_thousand_entries(store)

"""Whatever is written, the SQLite store and the memory store answer alike, through every handle and after every restart."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from gitops_core.errors import StateConflict
from gitops_core.model.history import JournalRecord, PassRecord
from gitops_core.model.inventory import EntryState, Intent, Inventory, InventoryEntry, InventoryUpdate
from gitops_core.model.resources import Origin, ResourceKey
from gitops_core.state.codec import Codec
from gitops_core.state.memory import MemoryStore
from gitops_core.state.sqlite import SqliteStore

texts = st.text(st.characters(codec="utf-8"), max_size=8)
numbers = st.floats(allow_nan=False, allow_infinity=False)
any_keys = st.builds(ResourceKey, texts, texts, texts, texts)
few_keys = st.builds(ResourceKey, st.sampled_from(["", "apps"]), st.sampled_from("AB"), st.just(""), st.sampled_from("xyz"))


def entries(keys):
    return st.builds(
        InventoryEntry,
        key=keys,
        state=st.sampled_from(EntryState),
        id=texts,
        desired=texts,
        version=texts,
        declared=st.lists(texts, max_size=3).map(tuple),
        protected=st.booleans(),
        checked_at=numbers,
        adopted=st.booleans(),
        settled=st.booleans(),
        depends_on=st.lists(any_keys, max_size=2).map(tuple),
        scope=st.sampled_from(["", "w", "v"]),
        path=texts,
        revision=texts,
    )


def intents(keys):
    return st.builds(Intent, key=keys, idempotency_key=texts, token=texts, started_at=numbers)


def tuples(strategy):
    return st.lists(strategy, max_size=4).map(tuple)


updates = st.builds(InventoryUpdate, tuples(entries(few_keys)), tuples(few_keys), tuples(intents(few_keys)), tuples(few_keys))
records = st.builds(
    JournalRecord,
    time=numbers,
    pass_id=texts,
    revision=texts,
    key=few_keys,
    action=texts,
    status=texts,
    origin=st.builds(Origin, source=texts, path=texts, line=st.integers(0, 99)),
    policies=tuples(texts),
)
passes = st.builds(PassRecord, texts, numbers, numbers, st.sampled_from("rs"), st.sampled_from("ok"), repeats=st.integers(0, 2))
names = st.sampled_from(["a/b/c", "a/b/d", "ж"])


@pytest.mark.parametrize(
    ("cls", "values"),
    [(InventoryEntry, entries(any_keys)), (Intent, intents(any_keys)), (JournalRecord, records), (PassRecord, passes)],
)
def test_every_value_survives_the_codec(cls, values):
    codec = Codec(cls)

    @given(values)
    def survives(value):
        assert codec.load(codec.dump(value)) == value

    survives()


class StoresAgree(RuleBasedStateMachine):
    """A memory store as the model, and one SQLite file behind two handles that take turns, close and come back."""

    def __init__(self):
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.model = MemoryStore(journal_limit=6)
        self.handles = []
        self.handles.extend(self.open() for _ in range(2))
        self.turn = 0

    def open(self):
        return SqliteStore(self.directory / "state", journal_limit=6)

    @property
    def store(self):
        self.turn += 1
        return self.handles[self.turn % 2]

    @rule(name=names, update=updates, stale=st.sampled_from([0, 0, 0, -1, 1]))
    def write(self, name, update, stale):
        serial = self.model.inventory(name).serial + stale
        try:
            expected = self.model.update_inventory(name, update, serial=serial)
        except StateConflict:
            with pytest.raises(StateConflict):
                self.store.update_inventory(name, update, serial=serial)
        else:
            assert self.store.update_inventory(name, update, serial=serial) == expected

    @rule(name=names, batch=st.lists(records, max_size=4))
    def journal(self, name, batch):
        self.model.append_journal(name, batch)
        self.store.append_journal(name, batch)

    @rule(name=names, record=passes, keep=st.integers(0, 3))
    def record(self, name, record, keep):
        self.model.record_pass(name, record, keep=keep)
        self.store.record_pass(name, record, keep=keep)

    @rule(name=names)
    def forget(self, name):
        self.model.forget(name)
        self.store.forget(name)

    @rule()
    def restart(self):
        self.store.close()

    @rule(name=names, asked=st.lists(st.tuples(st.sampled_from(["", "w", "v"]), few_keys), max_size=5))
    def ask(self, name, asked):
        by_key = {key: (scope, key) for scope, key in asked}.values()
        assert dict(self.store.holders(name, by_key)) == dict(self.model.holders(name, by_key))

    @rule(name=names, key=st.none() | few_keys, limit=st.integers(0, 5))
    def look_back(self, name, key, limit):
        assert self.store.journal(name, key, limit) == self.model.journal(name, key, limit)
        assert self.store.history(name, limit) == self.model.history(name, limit)

    @invariant()
    def all_inventories_are_alike(self):
        assert self.store.applications() == self.model.applications()
        for name in ("a/b/c", "a/b/d", "ж"):
            expected: Inventory = self.model.inventory(name)
            assert [handle.inventory(name) for handle in self.handles] == [expected, expected]

    def teardown(self):
        for handle in self.handles:
            handle.close()
        shutil.rmtree(self.directory)


StoresAgree.TestCase.settings = settings(max_examples=40, stateful_step_count=25)
TestStoresAgree = pytest.mark.slow(StoresAgree.TestCase)


@pytest.mark.slow
@pytest.mark.needs_postgres
def test_the_postgres_store_and_the_memory_store_answer_alike(postgres, postgres_schema):
    """One schema behind two handles, on a real server (a Unix socket of this machine)."""
    from gitops_core.state.postgres import PostgresSettings, PostgresStore  # why here: psycopg is an extra

    class PostgresAgrees(StoresAgree):
        runs = 0

        def open(self):
            if not self.handles:
                PostgresAgrees.runs += 1
            return PostgresStore(postgres, PostgresSettings(f"{postgres_schema}_{self.runs}", journal_limit=6))

    run_state_machine_as_test(PostgresAgrees, settings=settings(max_examples=20, stateful_step_count=20))
    assert PostgresAgrees.runs >= 20

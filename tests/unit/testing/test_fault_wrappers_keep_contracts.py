"""A plan without faults leaves every contract whole: what it wraps passes the suite that it passed before."""

from __future__ import annotations

from gitops_core.interfaces import Limits
from gitops_core.sources.memory import MemorySource
from gitops_core.state.memory import MemoryStore
from gitops_core.state.sqlite import SqliteStore
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.faults import FaultPlan
from gitops_core.testing.source_contract import SourceContract
from gitops_core.testing.store_contract import PersistentStoreContract
from gitops_core.testing.target_contract import Example, TargetContract
from gitops_core.testing.worlds import config


class TestWrappedMemoryTarget(TargetContract):
    text_pointer = "/data/text"
    undeclared = ("/data/theirs", "x")

    def make_target(self):
        return FaultPlan().target(MemoryTarget(limits=Limits(concurrency=4)))

    def examples(self):
        body = config("web", color="blue", text="t")
        return [Example(body, config("web", color="red", text="u"), reduced=config("web", color="blue"))]

    def api_writes(self, target):
        return [(target, "create"), (target, "update"), (target, "delete")]

    def external_edit(self, target, key, body):
        target.put(body)

    def external_remove(self, target, key):
        target.remove(key)


class TestWrappedSource(SourceContract):
    def make_source(self, files):
        return FaultPlan().source(MemorySource(files))

    def change(self, source, files):
        source.commit(files)


class TestWrappedStore(PersistentStoreContract):
    def make_store(self):
        return FaultPlan().store(SqliteStore(self.directory / "state.sqlite3"))

    def reopen(self, store):
        return FaultPlan().store(SqliteStore(self.directory / "state.sqlite3"))


def test_a_wrapped_store_in_memory_is_told_from_one_that_is_not():
    assert isinstance(FaultPlan().store(MemoryStore()), MemoryStore)
    assert not isinstance(FaultPlan().store(MemoryStore()), SqliteStore)

"""MemorySource keeps the promises of a source."""

from gitops_core.sources.memory import MemorySource
from gitops_core.testing.source_contract import SourceContract


class TestMemorySource(SourceContract):
    def make_source(self, files):
        return MemorySource(files)

    def change(self, source, files):
        source.commit(files)

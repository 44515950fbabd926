"""DirectorySource keeps the promises of a source that only has its present state."""

import itertools

from gitops_core.sources.directory import DirectorySource
from gitops_core.testing.source_contract import SourceContract


class TestDirectorySource(SourceContract):
    keeps_old_revisions = False
    _numbers = itertools.count()

    def make_source(self, files):
        self.root = self.tmp_path / str(next(self._numbers))
        self.root.mkdir()
        source = DirectorySource(self.root)
        self.change(source, files)
        return source

    def change(self, source, files):
        for path, content in files.items():
            place = self.root / path
            if content is None:
                place.unlink()
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(content)

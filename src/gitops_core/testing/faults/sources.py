"""Sources with faults in what they resolve, fetch, list and read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import attrs

from gitops_core.interfaces import Context, Source
from gitops_core.model.revisions import File, Revision, Tree
from gitops_core.testing.faults.calls import Call, ContextTime
from gitops_core.testing.faults.dialects import SOURCE
from gitops_core.testing.faults.proxies import disguised

AnySource = TypeVar("AnySource", bound=Source)


def faulty(source: AnySource, label: str, through: Callable[[Call], Any]) -> AnySource:
    """Return *source* with *through* around its I/O, that of its trees included."""

    def call(ctx: Context, name: str, key: str, run: Callable[[], Any]) -> Any:
        return through(Call(operation=f"{label}.{name}", key=key, run=run, dialect=SOURCE, time=ContextTime(ctx)))

    def resolve(ctx: Context) -> Any:
        return call(ctx, "resolve", "", lambda: source.resolve(ctx))

    def fetch(ctx: Context, revision: Revision) -> Tree:
        tree: Tree = call(ctx, "fetch", revision.id, lambda: source.fetch(ctx, revision))

        def files() -> Any:
            return call(ctx, "list", revision.id, lambda: tree.files)

        def read(file: File) -> Any:
            return call(ctx, "read", file.path, lambda: tree.read(file))

        return attrs.evolve(tree, list_files=files, read_file=read)

    return disguised(Source, source, {"resolve": resolve, "fetch": fetch})

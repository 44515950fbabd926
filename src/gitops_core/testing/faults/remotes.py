"""Git remotes with faults: between every repository and the other side."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from gitops_core.testing.faults.calls import Call, ContextTime
from gitops_core.testing.faults.dialects import NETWORK
from gitops_core.testing.faults.proxies import disguised


@contextmanager
def faulty(label: str, through: Callable[[Call], Any]) -> Iterator[None]:
    """Put *through* between the repositories that are opened inside of the block and their remotes."""
    from gitops_core.sources.git import remotes  # why here: it loads what Git needs

    def open_remote(*args: Any) -> Any:
        return _wrapped(remotes.open_remote(*args), label, through)

    with mock.patch("gitops_core.sources.git.repository.open_remote", open_remote):
        yield


def _wrapped(remote: Any, label: str, through: Callable[[Call], Any]) -> Any:
    def call(name: str, key: str, ctx: Any, run: Callable[[], Any]) -> Any:
        return through(Call(operation=f"{label}.{name}", key=key, run=run, dialect=NETWORK, time=ContextTime(ctx)))

    def list_refs(asked: Any, prefixes: tuple[str, ...]) -> Any:
        return call("list_refs", "", asked.ctx, lambda: remote.list_refs(asked, prefixes))

    def send(asked: Any, order: Any, write: Callable[[bytes], object]) -> Any:
        return call("send", order.want, asked.ctx, lambda: remote.send(asked, order, write))

    return disguised(object, remote, {"list_refs": list_refs, "send": send})

import contextlib
import types

import pytest
from dulwich.errors import GitProtocolError

from gitops_core.errors import ConfigError
from gitops_core.sources.git.addresses import parse_address
from gitops_core.sources.git.call import Call
from gitops_core.sources.git.remotes import Order, open_remote
from gitops_core.sources.git.settings import Transport
from gitops_core.testing.contexts import make_context


class OldServer:
    """Answers like a server from before shallow clones, or before SHA-1 was the only kind of id."""

    object_format = "sha1"

    def __init__(self):
        self.depths = []

    def fetch_pack(self, _path, determine_wants, walker, write, depth, **_options):
        self.depths.append(depth)
        if depth is not None:
            raise GitProtocolError("server does not support shallow capability required for depth")
        assert walker.next() == b"b" * 40
        assert walker.next() is None
        assert not walker.shallow
        write(determine_wants({})[0])
        return types.SimpleNamespace(new_shallow=None, new_unshallow=None)

    def get_refs(self, _path, ref_prefix):
        assert ref_prefix == [b"refs/heads/main"]
        refs = {b"refs/heads/main": b"a" * 40, b"refs/heads/main-2": b"b" * 40, b"refs/tags/x": b"c" * 40, b"HEAD": None}
        return types.SimpleNamespace(refs=refs, object_format=self.object_format)


@pytest.fixture
def server():
    return OldServer()


@pytest.fixture
def remote(server, monkeypatch):
    made = open_remote(parse_address("https://example.org/a"), Transport(), None)
    monkeypatch.setattr(made, "_client", lambda _call: contextlib.nullcontext(server))
    return made


def call():
    return Call(make_context(), 1000, 1.0)


def order(depth):
    return Order(want="a" * 40, haves=("b" * 40,), shallow=frozenset({"b" * 40}), depth=depth, has=lambda _id: False)


def test_a_server_that_cannot_do_shallow_is_asked_for_everything(remote, server):
    got = []
    remote.send(call(), order(1), got.append)
    assert (server.depths, got) == ([1, None], [b"a" * 40])


def test_another_refusal_is_not_taken_for_that(remote, server, monkeypatch):
    def refuse(*_args, **_options):
        raise GitProtocolError("no")

    monkeypatch.setattr(server, "fetch_pack", refuse)
    with pytest.raises(GitProtocolError, match="no"):
        remote.send(call(), order(1), print)


def test_an_old_server_that_sends_all_refs_is_filtered(remote):
    assert remote.list_refs(call(), ("refs/heads/main",)) == {"refs/heads/main": "a" * 40, "refs/heads/main-2": "b" * 40}


def test_sha256_repositories_are_refused_by_name(remote, server):
    server.object_format = "sha256"
    with pytest.raises(ConfigError, match="uses sha256 object ids"):
        remote.list_refs(call(), ("refs/heads/main",))

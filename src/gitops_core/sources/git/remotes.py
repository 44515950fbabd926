"""The other side: something that lists refs and sends packs, whatever the transport."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from gitops_core.errors import ConfigError
from gitops_core.sources.git.addresses import Address
from gitops_core.sources.git.call import Call
from gitops_core.sources.git.credentials import Credentials, credentials_for
from gitops_core.sources.git.settings import Transport

if TYPE_CHECKING:
    from dulwich.client import GitClient


@attrs.frozen(kw_only=True)
class Order:
    """
    What we want sent.

    Attributes:
        want: The object, by id.
        haves: Commits that we have.
        shallow: Those of our commits whose parents we do not have.
        depth: How many commits of history; None for all.
        blobs: Whether file contents are wanted.
        has: Tells what we have, for a remote that can look itself.
    """

    want: str
    haves: tuple[str, ...] = ()
    shallow: frozenset[str] = frozenset()
    depth: int | None = 1
    blobs: bool = True
    has: Callable[[str], bool]


@attrs.frozen
class Boundary:
    """
    Where the history ends that was sent.

    Attributes:
        shallow: Commits whose parents did not come.
        deepened: Commits whose parents did come, now.
    """

    shallow: frozenset[str] = frozenset()
    deepened: frozenset[str] = frozenset()


class Remote(Protocol):
    """The other side."""

    def list_refs(self, call: Call, prefixes: tuple[str, ...]) -> dict[str, str]:
        """Return name -> id of the refs that begin with one of *prefixes*, peeled ones with ``^{}``."""

    def send(self, call: Call, order: Order, write: Callable[[bytes], object]) -> Boundary:
        """Hand a pack of what *order* lacks to *write*, in pieces."""


def open_remote(address: Address, transport: Transport, credentials: Credentials | None) -> Remote:
    """
    Return the other side of *address*. Nothing is sent yet.

    Raises:
        ConfigError: This transport is refused unless asked for. STALL.
    """
    if address.scheme == "file":
        from gitops_core.sources.git.local import LocalRemote

        return LocalRemote(address)
    if address.scheme == "git" and not transport.allow_insecure:
        raise ConfigError(
            f"{address.url}: git:// is neither encrypted nor authenticated; use https or ssh, or Transport(allow_insecure=True)"
        )
    if address.scheme == "http" and credentials is not None and not (address.is_loopback or transport.allow_insecure):
        raise ConfigError(
            f"{address.url}: credentials over http can be read on the way; use https, or Transport(allow_insecure=True)"
        )
    return _NetworkRemote(address, transport, credentials)


class _NetworkRemote:
    def __init__(self, address: Address, transport: Transport, credentials: Credentials | None) -> None:
        self._address = address
        self._transport = transport
        self._credentials = credentials
        self._tls = cache(self._make_tls)

    def _make_tls(self) -> ssl.SSLContext:
        from gitops_core.sources.git.sockets import tls_context

        return tls_context(None if self._transport.ca_file is None else str(self._transport.ca_file))

    def list_refs(self, call: Call, prefixes: tuple[str, ...]) -> dict[str, str]:
        with self._client(call) as client:
            answer = client.get_refs(self._address.path.encode(), ref_prefix=[prefix.encode() for prefix in prefixes])
        if answer.object_format not in (None, "sha1"):
            raise ConfigError(f"{self._address.url} uses {answer.object_format} object ids; only sha1 repositories can be read")
        names = {name.decode("utf-8", "surrogateescape"): held.decode() for name, held in answer.refs.items() if held}
        return {name: held for name, held in names.items() if name.startswith(prefixes)}

    def send(self, call: Call, order: Order, write: Callable[[bytes], object]) -> Boundary:
        from dulwich.errors import GitProtocolError

        try:
            return self._send(call, order, write)
        except GitProtocolError as error:
            # A server that cannot do shallow says so before it sends anything; then we take the whole history.
            if order.depth is None or "does not support shallow" not in str(error):
                raise
            return self._send(call, attrs.evolve(order, depth=None, shallow=frozenset()), write)

    def _send(self, call: Call, order: Order, write: Callable[[bytes], object]) -> Boundary:
        def determine_wants(_refs: object, depth: int | None = None) -> list[bytes]:
            del depth
            return [order.want.encode()]

        with self._client(call) as client:
            result = client.fetch_pack(
                self._address.path,
                determine_wants,  # type: ignore[arg-type]  # why: dulwich's types want its own NewType of bytes
                _Haves(order),
                write,  # type: ignore[arg-type]  # why: dulwich ignores what it returns
                depth=order.depth,
                ref_prefix=[b"HEAD"],
                filter_spec=None if order.blobs else b"blob:none",
            )
        return Boundary(_ids(result.new_shallow), _ids(result.new_unshallow))

    @contextlib.contextmanager
    def _client(self, call: Call) -> Iterator[GitClient]:
        match self._address.scheme:
            case "ssh":
                opened = self._ssh(call)
            case "git":
                opened = self._daemon(call)
            case _:
                opened = self._http(call)
        with opened as client:
            yield client

    @contextlib.contextmanager
    def _http(self, call: Call) -> Iterator[GitClient]:
        from gitops_core.sources.git.http import HttpClient, make_pool

        login = credentials_for(self._address.origin, self._credentials)
        call.secrets = () if login is None else login.secrets
        secure = "https" in (self._address.scheme, (self._transport.proxy or "").partition(":")[0])
        with make_pool(self._transport, call, self._tls() if secure else None) as pool:
            yield HttpClient(self._address, pool, login, call)

    @contextlib.contextmanager
    def _daemon(self, call: Call) -> Iterator[GitClient]:
        from gitops_core.sources.git.daemon import DaemonClient

        with contextlib.closing(DaemonClient(self._address, self._transport, call)) as client:
            yield client

    @contextlib.contextmanager
    def _ssh(self, call: Call) -> Iterator[GitClient]:
        from dulwich.errors import GitProtocolError

        from gitops_core.sources.git.ssh import SshClient

        client = SshClient(self._address, self._transport, call)
        try:
            yield client
        except (GitProtocolError, OSError, AssertionError) as error:
            said = client.finish(failed=False)
            if said is None:
                raise
            raise said from error
        finally:
            client.finish(failed=True)


class _Haves:
    """Tells the server which commits we have; dulwich's own walker reads them all from disk."""

    def __init__(self, order: Order) -> None:
        self.shallow = {commit.encode() for commit in order.shallow}
        self._left = [commit.encode() for commit in reversed(order.haves)]

    def __next__(self) -> Any:
        return self._left.pop() if self._left else None

    def next(self) -> Any:
        return next(self)

    def ack(self, sha: bytes, /) -> None:
        """Nothing to learn: every commit we name has its whole tree."""

    def nak(self) -> None:
        """Nothing in common; a whole tree comes."""


def _ids(found: Any) -> frozenset[str]:
    return frozenset(held.decode() for held in found or ())

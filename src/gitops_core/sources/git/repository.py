"""A repository as all its sources in this process share it: one listing, one transfer, one store."""

from __future__ import annotations

import atexit
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import attrs

from gitops_core.errors import (
    DeadlineExceeded,
    EmptyRepository,
    RepositoryNotFound,
    RevisionNotFound,
    RevisionVanished,
    SourceUnavailable,
)
from gitops_core.interfaces import Context
from gitops_core.sources.git.addresses import Address
from gitops_core.sources.git.cache import locked, place_of
from gitops_core.sources.git.call import Call
from gitops_core.sources.git.credentials import Credentials
from gitops_core.sources.git.flights import Flights
from gitops_core.sources.git.listing import Forest
from gitops_core.sources.git.references import Reference
from gitops_core.sources.git.remotes import Order, open_remote
from gitops_core.sources.git.settings import GitLimits, Transport
from gitops_core.sources.git.store import Store
from gitops_core.sources.git.translation import translating

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Site:
    """What makes two sources share a repository: everything but what they pick from it."""

    address: Address
    credentials: Credentials | None = attrs.field(repr=False)
    transport: Transport
    limits: GitLimits
    directory: Path


class Repository:
    """
    One site. Its methods may be called from any thread.

    Attributes:
        site: Where and how.
        store: Commits with their whole trees.
        history: Commits and trees without files, brought when somebody asks for history.
        forest: What is known of its trees.
    """

    def __init__(self, site: Site) -> None:
        self.site = site
        place = place_of(site.address)
        self.store = Store(site.directory / f"{place}.git")
        self.history = Store(site.directory / f"{place}.history.git")
        self.forest = Forest()
        self._remote = open_remote(site.address, site.transport, site.credentials)
        self._flights = Flights()
        self._listed: dict[tuple[str, ...], tuple[float, dict[str, str]]] = {}

    def resolve(self, ctx: Context, reference: Reference, max_age: float) -> tuple[str, str]:
        """
        Return (full ref name, id) of what *reference* names.

        Raises:
            RevisionNotFound: Nothing. STALL.
            EmptyRepository: There is no commit at all. WAIT.
        """
        found = reference.choose(self.refs(ctx, reference.prefixes, max_age) if reference.prefixes else {})
        if found is not None:
            return found
        everything = self.refs(ctx, ("refs/heads/", "refs/tags/"), max_age)
        if not everything:
            raise EmptyRepository(f"{self.site.address.url} has no commit yet; nothing is wrong with it")
        near = reference.nearest(everything)
        hint = f"did you mean {' or '.join(near)}?" if near else f"it has {len(everything)} other branches and tags"
        raise RevisionNotFound(f"{self.site.address.url} has no {reference}; {hint}")

    def refs(self, ctx: Context, prefixes: tuple[str, ...], max_age: float) -> dict[str, str]:
        """Return the refs that begin with one of *prefixes*, as they were at most *max_age* seconds ago; ask when not known."""
        known = self._listed.get(prefixes)
        if known is not None and max_age > 0 and ctx.clock.monotonic() - known[0] < max_age:
            return known[1]
        return self._flights.share(ctx, ("refs", prefixes), lambda: self._ask(ctx, prefixes))

    def _ask(self, ctx: Context, prefixes: tuple[str, ...]) -> dict[str, str]:
        ctx.check()
        ctx.count("resolves", 1)
        call = self._call(ctx)
        asked_at = ctx.clock.monotonic()
        refs = self._guarded(ctx, call, lambda: self._remote.list_refs(call, prefixes))
        self._listed[prefixes] = (asked_at, refs)
        return refs

    def ensure(self, ctx: Context, commit: str) -> None:
        """
        Have *commit* with its whole tree in the store. No network when it is there.

        Raises:
            RevisionVanished: The remote no longer has it. RETRY.
            SourceError: Each with its own class.
        """
        if not (self.store.is_sound and self.store.has(commit)):
            self._flights.share(ctx, ("fetch", commit), lambda: self._bring(ctx, self.store, commit, 1))

    def deepen(self, ctx: Context, commit: str, depth: int) -> None:
        """Have *depth* commits of history from *commit* on, with their trees, in the history store."""
        self._flights.share(ctx, ("history", commit, depth), lambda: self._bring(ctx, self.history, commit, depth))

    def _bring(self, ctx: Context, store: Store, commit: str, depth: int) -> None:
        call = self._call(ctx)

        def work() -> None:
            self.site.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            with locked(store.path.with_suffix(".lock"), call.ctx):
                store.prepare()
                if store is self.store and store.has(commit):
                    return  # another process was faster
                ctx.count("fetches", 1)
                self._transfer(call, store, commit, depth)
                store.compact()

        self._guarded(ctx, call, work)

    def _transfer(self, call: Call, store: Store, commit: str, depth: int) -> None:
        whole = store is self.store
        haves = store.haves()
        # In the main store every commit came alone: its parents are not here, whatever else is.
        shallow = frozenset(haves) if whole else store.shallow()
        order = Order(want=commit, haves=haves, shallow=shallow, depth=depth, blobs=whole, has=store.snapshot())
        with store.incoming() as file:
            boundary = self._remote.send(call, order, file.write)
            store.set_shallow((store.shallow() | boundary.shallow) - boundary.deepened)
            store.receive(file, self.site.limits.pack_bytes)
        if not store.has(commit):
            raise RevisionVanished(f"{self.site.address.url} no longer has {commit}; the next pass resolves anew")
        store.remember(commit)

    def _call(self, ctx: Context) -> Call:
        transport = self.site.transport
        return Call(ctx.within(transport.timeout), self.site.limits.pack_bytes, transport.read_timeout)

    def _guarded(self, ctx: Context, call: Call, work: Callable[[], T]) -> T:
        place = self.site.address.url
        try:
            with translating(place, lambda: call.secrets):
                return work()
        except DeadlineExceeded:
            if ctx.remaining() <= 0:
                raise
            allowed = self.site.transport.timeout
            raise SourceUnavailable(f"{place}: took longer than the {allowed:g} s that Transport.timeout allows") from None
        except RepositoryNotFound as error:
            if not self.store.haves():
                raise
            raise SourceUnavailable(f"{error.message}; it was there before, so it may come back") from error

    def close(self) -> None:
        """Let go of all files; the repository may be used again."""
        self.store.close()
        self.history.close()


_lock = threading.Lock()
_open: dict[Site, tuple[Repository, int]] = {}
_returned: queue.SimpleQueue[Repository] = queue.SimpleQueue()


def acquire(site: Site) -> Repository:
    """Return the one repository of *site* in this process; every call needs a :func:`release`."""
    settle()
    with _lock:
        found, holders = _open.get(site) or (Repository(site), 0)
        _open[site] = (found, holders + 1)
        return found


def release(repository: Repository) -> None:
    """
    Give *repository* back; the last one closes it, here or at the next :func:`settle`.

    Waits for no lock: the garbage collector calls it, in the middle of anything, in a thread that may hold every lock there is.
    """
    _returned.put(repository)
    if _returned.qsize() == 1 and not _lock.locked() and not repository.store.busy:
        settle()


@atexit.register
def settle() -> None:
    """Close the repositories that nobody holds any more."""
    while True:
        try:
            repository = _returned.get_nowait()
        except queue.Empty:
            return
        with _lock:
            found, holders = _open.pop(repository.site)
            if holders > 1:
                _open[repository.site] = (found, holders - 1)
        if holders == 1:
            found.close()

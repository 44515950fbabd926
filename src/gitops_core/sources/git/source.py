"""Desired state from a Git repository."""

from __future__ import annotations

import os
import weakref
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from gitops_core.errors import ConfigError, LimitExceeded, RevisionNotFound, RevisionVanished, SourceError, UnsupportedContent
from gitops_core.interfaces import Context, Source
from gitops_core.model.revisions import File, Notice, Revision, Tree
from gitops_core.model.values import digest
from gitops_core.sources.git.addresses import Address, parse_address
from gitops_core.sources.git.credentials import Credentials
from gitops_core.sources.git.references import Kind, Reference
from gitops_core.sources.git.settings import GitLimits, Transport
from gitops_core.sources.selection import DEFAULT_IGNORE, Selection

if TYPE_CHECKING:
    from gitops_core.sources.git.commits import Commit
    from gitops_core.sources.git.repository import Repository

_LFS: Final = b"version https://git-lfs.github.com/spec/"
_LFS_LARGEST: Final = 1024


class _Handle:
    """The repository, taken when first needed and given back when the source goes."""

    def __init__(self) -> None:
        self.repository: Repository | None = None

    def release(self) -> None:
        held, self.repository = self.repository, None
        if held is not None:
            from gitops_core.sources.git.repository import release

            release(held)


@attrs.frozen(eq=False)
class GitSource(Source):
    """
    A branch, tag, version range or commit of a repository, and some paths in it.

    Sources of one repository with equal credentials share its objects, its transfers and what they learn about its refs, in
    this process; all processes of one user share the objects on disk. Tenants that must not read each other's repositories
    need a *cache_dir* each: what was fetched with one tenant's credentials is there for whoever may read the directory.

    Attributes:
        url: ``https://``, ``ssh://``, ``user@host:path``, a local path or ``file://``. No credentials in it.
        ref: What to follow, by the rules of :mod:`gitops_core.sources.git.references`: ``main``, ``v1.2.3``,
            ``semver=^1.2``, ``refs/...``, a commit id; ``HEAD`` for the default branch.
        path: One path or several, relative to the root of the repository; ``""`` is all of it.
        ignore: What not to read below them, in the language of ``.gitignore``.
        credentials: ``Basic``, ``Bearer``, or a function from an origin to one of them. For http and https.
        transport: Timeouts, certificates, proxy, SSH.
        limits: How much the repository may be.
        max_age: Seconds for which a listing of refs is believed; 0 asks on every pass.
        cache_dir: Where bare repositories are kept; ``gitops-core/git`` in the user's cache directory unless given.

    Raises:
        ConfigError: A URL, reference, path or combination makes no sense. STALL.
    """

    url: str | os.PathLike[str] = attrs.field(repr=lambda url: repr(parse_address(url).url))
    ref: str = "HEAD"
    path: str | Iterable[str] = ""
    ignore: tuple[str, ...] = attrs.field(default=DEFAULT_IGNORE, repr=False, kw_only=True)
    credentials: Credentials | None = attrs.field(default=None, repr=False, kw_only=True)
    transport: Transport = attrs.field(default=Transport(), repr=False, kw_only=True)
    limits: GitLimits = attrs.field(default=GitLimits(), repr=False, kw_only=True)
    max_age: float = attrs.field(default=0.0, repr=False, kw_only=True, validator=attrs.validators.ge(0))
    cache_dir: Path | None = attrs.field(default=None, repr=False, kw_only=True, converter=attrs.converters.optional(Path))
    _address: Address = attrs.field(init=False, repr=False)
    _reference: Reference = attrs.field(init=False, repr=False)
    _selection: Selection = attrs.field(init=False, repr=False)
    _handle: _Handle = attrs.field(init=False, repr=False, factory=_Handle)

    def __attrs_post_init__(self) -> None:
        paths = (self.path,) if isinstance(self.path, str) else tuple(self.path)
        object.__setattr__(self, "_address", parse_address(self.url))
        object.__setattr__(self, "_reference", Reference.parse(self.ref))
        object.__setattr__(self, "_selection", Selection(paths, self.ignore))
        # A source that nobody closes must not leave open files to complain about at exit.
        weakref.finalize(self, self._handle.release)

    @property
    def name(self) -> str:
        """``git URL``."""
        return f"git {self._address.url}"

    @property
    def fingerprint(self) -> str:
        """Equal for sources that give equal trees for equal revisions."""
        return digest(["git/1", self._address.url, str(self._reference), self._selection.fingerprint, self.limits.file_bytes])

    @property
    def reference(self) -> str:
        """Repository and reference, and which credentials it is asked with; what these are cannot be told from it."""
        caller = f" as {hash(self.credentials):x}" if self.credentials is not None else ""
        return f"git {self._address.url} {self._reference}{caller}"

    def is_told_by(self, repository: str, ref: str) -> bool:
        """Tell whether *repository* is ours under another spelling (scheme, user, port and ``.git`` do not matter), and *ref* one we follow."""
        try:
            other = parse_address(repository)
        except ConfigError:
            return False  # what a payload calls a repository may be anything; nothing that we could fetch from
        return other.is_same_repository(self._address) and (not ref or self._reference.may_be(ref))

    def resolve(self, ctx: Context) -> Revision:
        """
        Return the commit that the reference names now: one listing of refs, or none for a commit id or within *max_age*.

        Raises:
            RevisionNotFound: STALL.
            EmptyRepository: WAIT.
            SourceError: The remote cannot be reached, or refuses; each with its own class.
        """
        ctx.check()
        ref, commit = self._repository().resolve(ctx, self._reference, self.max_age)
        return Revision(commit, ref, self._address.url)

    def fetch(self, ctx: Context, revision: Revision) -> Tree:
        """
        Return the tree of exactly *revision*; nothing is transferred when it is here already.

        Raises:
            RevisionVanished: The remote no longer has it. RETRY.
            UnsafeTree: STALL.
            LimitExceeded: STALL.
            SourceError: The remote cannot be reached, or refuses; each with its own class.
        """
        from gitops_core.sources.git.links import list_tree
        from gitops_core.sources.git.listing import Walker

        ctx.check()
        repository = self._repository()
        try:
            repository.ensure(ctx, revision.id)
        except RevisionVanished as error:
            if self._reference.kind is not Kind.COMMIT:
                raise
            raise RevisionNotFound(f"{self._address.url} has no commit {revision.id}, or does not hand it out") from error
        commit = _read_commit(repository, revision.id)
        walker = Walker(ctx, lambda i: repository.store.read(i)[1], self._selection, self.limits.files, repository.forest)
        listing = list_tree(walker, commit.tree)
        full = attrs.evolve(revision, author=commit.author, message=commit.message, time=commit.time)
        return Tree(
            digest=listing.digest,
            revision=full,
            list_files=listing.files,
            read_file=partial(_read_file, repository, self.limits.file_bytes),
            notices=(*listing.notices, *_missing(self._selection.paths, listing.files())),
            history_of=partial(_history, repository, ctx, full),
        )

    def close(self) -> None:
        """Give back the repository; trees that were fetched can no longer be read. The source may be used again."""
        self._handle.release()

    def _repository(self) -> Repository:
        if self._handle.repository is None:
            from gitops_core.sources.git.cache import default_cache_dir
            from gitops_core.sources.git.repository import Site, acquire

            site = Site(
                address=self._address,
                credentials=self.credentials,
                transport=self.transport,
                limits=self.limits,
                directory=self.cache_dir or default_cache_dir(),
            )
            self._handle.repository = acquire(site)
        return self._handle.repository


def _read_commit(repository: Repository, commit_id: str) -> Commit:
    from gitops_core.sources.git.commits import parse_commit
    from gitops_core.sources.git.packs import COMMIT, TAG

    kind, data = repository.store.read(commit_id)
    if kind != COMMIT:
        what = "an annotated tag" if kind == TAG else "no commit"
        raise RevisionNotFound(f"{commit_id} is {what}; only commits can be reconciled: tag a commit")
    return parse_commit(data)


def _read_file(repository: Repository, largest: int, file: File) -> bytes:
    data = repository.store.read(file.digest)[1]
    if len(data) > largest:
        raise LimitExceeded(
            f"{file.path} is {len(data):,} bytes, more than {largest:,}; ignore it, or raise GitLimits.file_bytes"
        )
    if len(data) < _LFS_LARGEST and data.startswith(_LFS):
        raise UnsupportedContent(
            f"{file.path} is a Git LFS pointer, not the file itself, which is not fetched; "
            "commit the file without LFS (git lfs migrate export), or ignore it"
        )
    return data


def _history(repository: Repository, ctx: Context, revision: Revision, path: str) -> Revision | None:
    from gitops_core.sources.git.history import last_change

    # Asked for after the pass, perhaps: the pass's deadline is over, the host's wish to stop is not.
    patient = attrs.evolve(ctx, deadline=float("inf")).within(repository.site.transport.timeout)
    try:
        found = last_change(patient, repository, revision.id, path)
    except SourceError as error:
        ctx.notify(Notice("history-unavailable", f"who changed {path} last is not known: {error}", path))
        return None
    if found is None:
        return None
    commit_id, commit = found
    return Revision(commit_id, revision.ref, revision.source, commit.author, commit.message, commit.time)


def _missing(paths: Iterable[str], files: Mapping[str, File]) -> list[Notice]:
    """Return a notice for every selected path under which the commit has nothing: most likely it is misspelt."""
    text = "nothing in this commit is selected by it, so nothing is declared there; create it, or mend the source's `path`"
    listed = list(files)

    def holds(path: str) -> bool:
        at = bisect_left(listed, f"{path}/")
        return path in files or (at < len(listed) and listed[at].startswith(f"{path}/"))

    return [Notice("missing-path", text, path) for path in paths if path and not holds(path)]

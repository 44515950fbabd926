"""What dulwich, urllib3 and the system throw, in our words: one table, the first row that fits."""

from __future__ import annotations

import contextlib
import errno
import re
import ssl
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Final

import attrs
from dulwich import errors as git
from dulwich.file import FileLocked
from dulwich.object_store import PackInputTooLarge
from dulwich.pack import PackFileDisappeared, UnresolvedDeltas
from urllib3 import exceptions as http

from gitops_core.errors import (
    AuthenticationFailed,
    ConfigError,
    CorruptObject,
    GitOpsError,
    LimitExceeded,
    RepositoryNotFound,
    RevisionVanished,
    SourceUnavailable,
)

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_FORBIDDEN: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_USERINFO: Final = re.compile(r"//[^/@\s]+@")
_LONGEST: Final = 200


@attrs.frozen
class Row:
    """
    One line of the table.

    Attributes:
        types: What it is about.
        error: What it becomes.
        text: What is wrong and what to do about it.
        fits: A closer look, where a type means several things.
        quote: Whether the other side's own words are worth showing.
    """

    types: tuple[type[BaseException], ...]
    error: type[GitOpsError]
    text: str
    fits: Callable[[BaseException], bool] = lambda _error: True
    quote: bool = False


def _says(*words: str) -> Callable[[BaseException], bool]:
    # Git's protocol has one kind of error, a text; there is no field to look at.
    return lambda error: any(word in str(error).lower() for word in words)


def _errno(codes: frozenset[int]) -> Callable[[BaseException], bool]:
    return lambda error: isinstance(error, OSError) and error.errno in codes


def _untrusted(error: BaseException) -> bool:
    return any(isinstance(part, ssl.SSLCertVerificationError) for part in (error, *error.args))


_DAMAGED: Final = "an object does not match its id or cannot be read; the cached copy is set aside and fetched again next time"
_BROKEN_OFF: Final = "the transfer broke off; nothing of it was kept"

TABLE: Final = (
    Row((git.NotGitRepository,), RepositoryNotFound, "there is no repository here; check the address"),
    Row((git.HangupException,), SourceUnavailable, "the remote hung up without a word; look at its own log"),
    Row((git.GitProtocolError,), RevisionVanished, "the remote no longer has what was resolved; the next pass resolves anew",
        _says("not our ref", "no such remote ref", "unadvertised object")),
    Row((git.GitProtocolError,), RepositoryNotFound, "there is no repository here, or we may not see it",
        _says("repository not found", "not found", "access denied or repository not exported", "not appear to be a git repository"),
        quote=True),
    Row((git.GitProtocolError,), SourceUnavailable, "the remote refused", quote=True),
    Row((git.ChecksumMismatch, git.FileFormatException, git.WrongObjectException, git.ObjectMissing, git.ApplyDeltaError,
         UnresolvedDeltas, PackFileDisappeared, zlib.error, KeyError, IndexError, struct.error), CorruptObject, _DAMAGED),
    Row((PackInputTooLarge,), LimitExceeded, "the pack is larger than allowed; raise GitLimits.pack_bytes if that is right"),
    Row((FileLocked,), SourceUnavailable, "another program holds a lock in the cache directory"),
    Row((http.SSLError, ssl.SSLError), AuthenticationFailed,
        "its certificate is not trusted; put the authority's certificate into Transport.ca_file", _untrusted),
    Row((http.SSLError, ssl.SSLError), SourceUnavailable, "TLS failed"),
    Row((http.LocationValueError, http.URLSchemeUnknown, http.ProxySchemeUnknown), ConfigError,
        "the URL, or Transport.proxy, cannot be used"),
    Row((http.NameResolutionError,), SourceUnavailable, "its name does not resolve"),
    Row((http.ProxyError,), SourceUnavailable, "the proxy does not let us through"),
    Row((http.NewConnectionError,), SourceUnavailable, "it does not take connections"),
    Row((http.ConnectTimeoutError,), SourceUnavailable, "it did not take the connection in time; Transport.connect_timeout bounds it"),
    Row((http.ReadTimeoutError,), SourceUnavailable, "it fell silent; Transport.read_timeout bounds it"),
    Row((http.ProtocolError, http.IncompleteRead, EOFError), SourceUnavailable, _BROKEN_OFF),
    Row((http.HTTPError,), SourceUnavailable, "HTTP failed"),
    Row((OSError,), SourceUnavailable, "no space is left for the cache directory", _errno(_FULL)),
    Row((OSError,), ConfigError, "the cache directory, or the repository, may not be used; change its mode or GitSource.cache_dir",
        _errno(_FORBIDDEN)),
    Row((TimeoutError,), SourceUnavailable, "it did not answer in time; Transport.connect_timeout and read_timeout bound it"),
    Row((OSError,), SourceUnavailable, "it cannot be reached or read", quote=True),
    # dulwich asserts, and lets ValueErrors through, when an answer makes no sense.
    Row((AssertionError, ValueError, TypeError), SourceUnavailable, "its answer makes no sense"),
)  # fmt: skip


def translate(error: BaseException, place: str, secrets: tuple[str, ...] = ()) -> GitOpsError:
    """
    Return *error* in our words.

    Args:
        error: Ours pass through.
        place: The repository, for the message.
        secrets: Texts to take out of what the other side said; a server may echo what it was sent.
    """
    if isinstance(error, GitOpsError):
        return error
    for row in TABLE:
        if isinstance(error, row.types) and row.fits(error):
            words = f" ({_quoted(error, secrets)})" if row.quote and str(error) else ""
            return row.error(f"{place}: {row.text}{words}")
    return SourceUnavailable(f"{place}: failed with an unexpected {type(error).__name__}")


def _quoted(error: BaseException, secrets: tuple[str, ...]) -> str:
    text = "".join(c if c.isprintable() else " " for c in str(error)).strip()
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
    return _USERINFO.sub("//", text)[:_LONGEST]


@contextlib.contextmanager
def translating(place: str, secrets: Callable[[], tuple[str, ...]] = tuple) -> Iterator[None]:
    """Let nothing but errors of ours out of the block; see :func:`translate`. *secrets* is asked when there is an error."""
    try:
        yield
    except GitOpsError:
        raise
    except Exception as error:  # noqa: BLE001  # why: the edge of the house; the table has a last row for what nobody foresaw
        hidden = secrets()
        # A traceback prints the cause, and the cause may be a server's echo of a password.
        echoed = any(secret and secret in str(error) for secret in hidden)
        raise translate(error, place, hidden) from (None if echoed else error)

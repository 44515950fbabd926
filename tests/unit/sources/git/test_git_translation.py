import errno
import ssl
import struct
import zlib

import pytest
import urllib3.exceptions as http
from dulwich import errors as git
from dulwich.file import FileLocked
from dulwich.object_store import PackInputTooLarge
from dulwich.pack import PackFileDisappeared, UnresolvedDeltas

from gitops_core.errors import (
    AuthenticationFailed,
    Cancelled,
    ConfigError,
    CorruptObject,
    LimitExceeded,
    RepositoryNotFound,
    RevisionVanished,
    SourceUnavailable,
)
from gitops_core.sources.git.translation import TABLE, translate, translating

CASES = [
    (git.NotGitRepository(), RepositoryNotFound, 0),
    (git.HangupException(), SourceUnavailable, 1),
    (git.GitProtocolError("upload-pack: not our ref 123"), RevisionVanished, 2),
    (git.GitProtocolError("Repository not found."), RepositoryNotFound, 3),
    (git.GitProtocolError("something new"), SourceUnavailable, 4),
    (git.ChecksumMismatch(b"a", b"b"), CorruptObject, 5),
    (git.ObjectFormatException("x"), CorruptObject, 5),
    (git.NotBlobError(b"a" * 40), CorruptObject, 5),
    (git.ObjectMissing(b"a" * 40), CorruptObject, 5),
    (git.ApplyDeltaError("x"), CorruptObject, 5),
    (UnresolvedDeltas([b"a" * 20]), CorruptObject, 5),
    (PackFileDisappeared(object()), CorruptObject, 5),
    (zlib.error("x"), CorruptObject, 5),
    (KeyError(b"a"), CorruptObject, 5),
    (IndexError(), CorruptObject, 5),
    (struct.error(), CorruptObject, 5),
    (PackInputTooLarge("x"), LimitExceeded, 6),
    (FileLocked("a", "a.lock"), SourceUnavailable, 7),
    (http.SSLError(ssl.SSLCertVerificationError(1, "self-signed")), AuthenticationFailed, 8),
    (ssl.SSLCertVerificationError(1, "self-signed"), AuthenticationFailed, 8),
    (http.SSLError(ssl.SSLError(1, "wrong version")), SourceUnavailable, 9),
    (http.LocationParseError("x"), ConfigError, 10),
    (http.URLSchemeUnknown("x"), ConfigError, 10),
    (http.NameResolutionError("host", None, OSError()), SourceUnavailable, 11),
    (http.ConnectTimeoutError(None, "x"), SourceUnavailable, 14),
    (http.ProxyError("x", OSError()), SourceUnavailable, 12),
    (http.NewConnectionError(None, "x"), SourceUnavailable, 13),
    (http.ReadTimeoutError(None, "/", "x"), SourceUnavailable, 15),
    (http.ProtocolError("x"), SourceUnavailable, 16),
    (http.IncompleteRead(1, 2), SourceUnavailable, 16),
    (EOFError(), SourceUnavailable, 16),
    (http.DecodeError(), SourceUnavailable, 17),
    (OSError(errno.ENOSPC, "full"), SourceUnavailable, 18),
    (PermissionError(errno.EACCES, "no"), ConfigError, 19),
    (OSError(errno.EROFS, "read-only"), ConfigError, 19),
    (TimeoutError(), SourceUnavailable, 20),
    (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), SourceUnavailable, 21),
    (AssertionError("Invalid sideband channel 5"), SourceUnavailable, 22),
    (ValueError("unknown Git protocol version 7"), SourceUnavailable, 22),
]


@pytest.mark.parametrize(
    ("foreign", "ours", "row"), CASES, ids=lambda value: type(value).__name__ if isinstance(value, Exception) else ""
)
def test_each_row_of_the_table(foreign, ours, row):
    found = translate(foreign, "https://example.org/a")
    assert type(found) is ours
    assert str(found).startswith(f"https://example.org/a: {TABLE[row].text}")


def test_every_row_has_a_case():
    assert {row for _, _, row in CASES} == set(range(len(TABLE)))


def test_what_nobody_foresaw_names_its_type_and_is_retried():
    found = translate(ZeroDivisionError("secret"), "x")
    assert type(found) is SourceUnavailable
    assert "ZeroDivisionError" in str(found)
    assert "secret" not in str(found)


def test_ours_pass_through():
    ours = Cancelled("stop")
    assert translate(ours, "x") is ours
    with pytest.raises(Cancelled) as caught, translating("x"):
        raise ours
    assert caught.value is ours


def test_a_server_that_echoes_our_password_does_not_get_it_into_our_logs():
    with pytest.raises(SourceUnavailable) as caught, translating("x", lambda: ("hunter2",)):
        raise git.GitProtocolError("no such user me with hunter2 at https://me:other@host/a\x1b[2J")
    assert "hunter2" not in str(caught.value)
    assert "me:other" not in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_otherwise_the_cause_is_kept():
    with pytest.raises(SourceUnavailable) as caught, translating("x", lambda: ("hunter2",)):
        raise OSError("no route")
    assert isinstance(caught.value.__cause__, OSError)
    assert "no route" in str(caught.value)

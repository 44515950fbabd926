"""Everything that can go wrong on the way becomes the right error of ours."""

from __future__ import annotations

import socket
import ssl
from typing import Any

import pytest
from urllib3 import HTTPConnectionPool, exceptions
from urllib3.connection import HTTPConnection

from gitops_core.errors import ConfigError, Denied, Disposition, GitOpsError, Transient
from gitops_core.kubernetes_api.failures import FAILURES, failure_of

POOL = HTTPConnectionPool("a.test")
CONNECTION = HTTPConnection("a.test")


def verification() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed")
    error.verify_message = "certificate has expired"
    return error


def tls(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, "words")
    error.reason = reason
    return error


def caused(outer: Exception, cause: Exception) -> Exception:
    outer.__cause__ = cause
    return outer


TABLE: list[tuple[Exception, type[GitOpsError], str]] = [
    (exceptions.NameResolutionError("a.test", CONNECTION, socket.gaierror()), Transient, "cannot be resolved"),
    (exceptions.NewConnectionError(CONNECTION, "refused"), Transient, "cannot be reached"),
    (exceptions.ConnectTimeoutError(POOL, "words"), Transient, "could not be reached in time"),
    (exceptions.ReadTimeoutError(POOL, "/", "words"), Transient, "no answer in time"),
    (exceptions.ProtocolError("aborted", ConnectionResetError(104, "reset")), Transient, "was cut"),
    (exceptions.IncompleteRead(3, 5), Transient, "ended too early"),
    (exceptions.ProxyError("words", OSError()), Transient, "the proxy"),
    (exceptions.DecodeError("words"), Transient, "could not be unpacked"),
    (exceptions.HTTPError("words"), Transient, "the connection failed"),
    (ConnectionResetError(104, "reset"), Transient, "the connection failed"),
    (TimeoutError(), Transient, "no answer in time"),
    (exceptions.SSLError(verification()), ConfigError, "is not who we expect: certificate has expired"),
    (exceptions.SSLError(tls("TLSV13_ALERT_CERTIFICATE_REQUIRED")), Denied, "does not accept our client certificate"),
    (caused(exceptions.ProtocolError("x"), tls("TLSV1_ALERT_UNKNOWN_CA")), Denied, "does not accept our client certificate"),
    (exceptions.ProxyError("x", exceptions.SSLError(verification())), ConfigError, "is not who we expect"),
    (exceptions.SSLError(tls("WRONG_VERSION_NUMBER")), Transient, "(WRONG_VERSION_NUMBER)"),
    (exceptions.SSLError(ssl.SSLEOFError()), Transient, "(SSLEOFError)"),
]


@pytest.mark.parametrize(("error", "kind", "words"), TABLE, ids=[f"{type(row[0]).__name__}-{row[2]}" for row in TABLE])
def test_each_failure_has_its_error(error: Exception, kind: type[GitOpsError], words: str) -> None:
    assert isinstance(error, FAILURES)
    found = failure_of(error, "https://a.test", "get pods web in shop")
    assert type(found) is kind
    assert words in found.message
    assert found.message.startswith("get pods web in shop: ")
    assert "https://a.test" in found.message


def test_a_server_that_is_not_the_one_we_expect_is_no_matter_of_time() -> None:
    assert failure_of(exceptions.SSLError(verification()), "https://a", "x").disposition is Disposition.STALL


def test_errors_that_point_at_each_other_end() -> None:
    one, other = exceptions.HTTPError("a"), exceptions.HTTPError("b")
    one.__cause__, other.__cause__ = other, one
    assert isinstance(failure_of(one, "https://a", "x"), Transient)


def _errors_of_urllib3() -> list[Any]:
    return [value for value in vars(exceptions).values() if isinstance(value, type) and issubclass(value, exceptions.HTTPError)]


@pytest.mark.parametrize("cls", _errors_of_urllib3())
def test_every_error_of_urllib3_is_translated(cls: type[Exception]) -> None:
    """Also those that come with its next version."""
    assert isinstance(failure_of(cls.__new__(cls), "https://a", "x"), GitOpsError)

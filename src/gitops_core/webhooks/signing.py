"""Proofs of who sent a delivery; every comparison takes the same time whatever is given."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from typing import Final

from gitops_core.errors import ConfigError, WebhookRefused
from gitops_core.webhooks.headers import Headers

PREFIX: Final = "whsec_"
"""Begins a signing token whose rest is a key in base64 (Standard Webhooks; GitLab's signing token)."""

Secret = str | bytes
Secrets = Secret | Iterable[Secret]


def secrets_of(given: Secrets) -> tuple[bytes, ...]:
    """
    Return *given* as bytes; several are for rotation.

    Raises:
        ConfigError: There is none, or one is empty: whoever guesses that could send anything. STALL.
    """
    several = (given,) if isinstance(given, str | bytes) else tuple(given)
    secrets = tuple(secret.encode() if isinstance(secret, str) else bytes(secret) for secret in several)
    if not secrets or not all(secrets):
        raise ConfigError("a webhook needs a secret that is not empty; make one with secrets.token_urlsafe(32)")
    return secrets


def matches(given: str, expected: Iterable[bytes]) -> bool:
    """Tell whether *given* is one of *expected*; all are compared, each in constant time."""
    raw = given.encode("utf-8", "backslashreplace")
    found = [hmac.compare_digest(raw, each) for each in expected]  # a list: a generator would stop at the first
    return any(found)


def check_hex(given: str, body: bytes, secrets: Iterable[bytes], prefix: str = "") -> None:
    """
    Do nothing if *given* is the HMAC-SHA-256 of *body* in lower-case hex, after *prefix*.

    Raises:
        WebhookRefused: It is not. STALL, 401.
    """
    if not matches(given, [f"{prefix}{hmac.new(key, body, hashlib.sha256).hexdigest()}".encode() for key in secrets]):
        raise WebhookRefused("the signature is not one of ours for this body; set the same secret on both sides", status=401)


def key_of(secret: bytes) -> bytes:
    """
    Return the key that *secret* stands for: what follows ``whsec_`` in base64, or the secret itself.

    Raises:
        ConfigError: What follows is not base64. STALL.
    """
    if not secret.startswith(PREFIX.encode()):
        return secret
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX.encode()), validate=True)
    except binascii.Error:
        key = b""
    if not key:
        raise ConfigError(f"a signing token that begins with {PREFIX} goes on with a key in base64; copy all of it")
    return key


def sign(delivery: str, timestamp: int, body: bytes, secret: Secret) -> dict[str, str]:
    """
    Return the headers that prove *body* to a receiver of kind ``generic`` (Standard Webhooks, version ``v1``).

    Args:
        delivery: Its id: unique, and the same when it is sent again.
        timestamp: Epoch seconds now.
        body: Exactly what is sent.
        secret: A signing token ``whsec_...``, or any text.

    Raises:
        ConfigError: The secret is empty or broken. STALL.
    """
    (raw,) = secrets_of(secret)
    signature = _v1(key_of(raw), f"{delivery}.{timestamp}.".encode() + body)
    return {"webhook-id": delivery, "webhook-timestamp": str(timestamp), "webhook-signature": signature.decode()}


def _v1(key: bytes, content: bytes) -> bytes:
    return b"v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest())


def check_standard(headers: Headers, body: bytes, secrets: Iterable[bytes], age: tuple[float, float]) -> str:
    """
    Return the delivery's id if it is signed as Standard Webhooks are.

    Args:
        headers: ``webhook-id``, ``webhook-timestamp``, ``webhook-signature`` (space-separated, any may match).
        body: What was received.
        secrets: Any may match.
        age: Epoch seconds now, and by how many the timestamp may be off.

    Raises:
        WebhookRefused: A header is missing, the signature is another one, or it is too old or too new. STALL, 401.
    """
    delivery, timestamp, signatures = (headers.get(f"webhook-{part}") for part in ("id", "timestamp", "signature"))
    if not (delivery and timestamp and signatures):
        raise WebhookRefused("not signed: webhook-id, webhook-timestamp and webhook-signature are needed; send them", status=401)
    content = f"{delivery}.{timestamp}.".encode("utf-8", "backslashreplace") + body
    expected = [_v1(key_of(secret), content) for secret in secrets]
    found = [matches(given, expected) for given in signatures.split(" ")]
    if not any(found):
        raise WebhookRefused("the signature is not one of ours for this body; set the same secret on both sides", status=401)
    now, tolerance = age
    if not (timestamp.isascii() and timestamp.isdigit()) or abs(now - float(timestamp)) > tolerance:
        raise WebhookRefused(f"the timestamp is more than {tolerance:g} s off; send it again, and check both clocks", status=401)
    return delivery

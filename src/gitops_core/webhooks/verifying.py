"""One delivery, from bytes to what it says."""

from __future__ import annotations

import hashlib
from typing import Final

import attrs

from gitops_core.context import Clock, SystemClock
from gitops_core.errors import ConfigError, WebhookRefused, WebhookReplayed
from gitops_core.webhooks.deliveries import Deliveries
from gitops_core.webhooks.documents import decode
from gitops_core.webhooks.headers import Given, Headers
from gitops_core.webhooks.payloads import READERS
from gitops_core.webhooks.pushes import Kind, Push
from gitops_core.webhooks.signing import PREFIX, Secrets, check_hex, check_standard, matches, secrets_of

LIMIT: Final = 4 * 2**20
"""A push of GitHub lists up to 2,048 commits, at about a kilobyte each and the names of their files: two megabytes and some."""

TOLERANCE: Final = 300.0
"""What the libraries of Standard Webhooks allow."""

_EVENTS: Final = ("x-github-event", "x-gitlab-event", "x-forgejo-event", "x-gitea-event", "x-event-key")
_IDS: Final = {
    Kind.GITHUB: ("x-github-delivery",),
    Kind.GITLAB: ("webhook-id", "idempotency-key", "x-gitlab-event-uuid"),
    Kind.GITEA: ("x-gitea-delivery", "x-forgejo-delivery"),
    Kind.FORGEJO: ("x-forgejo-delivery", "x-gitea-delivery"),
    Kind.BITBUCKET: ("x-request-uuid", "x-request-id"),
    Kind.GENERIC: ("webhook-id",),
}
_HEX: Final = {
    Kind.GITHUB: (("x-hub-signature-256",), "sha256="),
    Kind.GITEA: (("x-gitea-signature", "x-forgejo-signature"), ""),
    Kind.FORGEJO: (("x-forgejo-signature", "x-gitea-signature"), ""),
    Kind.BITBUCKET: (("x-hub-signature",), "sha256="),
}


@attrs.frozen
class Checks:
    """
    What every delivery has to pass, besides the proof of its sender.

    Attributes:
        limit: Bytes of a body.
        tolerance: Seconds that a signed timestamp may be off.
        deliveries: What was taken already; None takes replays.
        clock: All time.

    Raises:
        ConfigError: A number that is not above 0, or deliveries that forget while a timestamp is still good. STALL.
    """

    limit: int = LIMIT
    tolerance: float = TOLERANCE
    deliveries: Deliveries | None = None
    clock: Clock = attrs.field(factory=SystemClock, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.limit < 1 or not self.tolerance > 0:
            raise ConfigError(f"limit={self.limit} and tolerance={self.tolerance} take nothing; both are above 0")
        if self.deliveries is not None and self.deliveries.ttl < 2 * self.tolerance:
            raise ConfigError(
                f"deliveries are forgotten while their timestamp is good; let ttl be {2 * self.tolerance:g} s or more"
            )


def verify(kind: Kind | str, headers: Given, body: bytes, secret: Secrets, checks: Checks = Checks()) -> Push:
    """
    Return what a delivery says, once its sender is proved; nothing of it is read before.

    Args:
        kind: Who sends.
        headers: Of the request, in any case.
        body: Exactly what was received.
        secret: As it is set up at the sender; several while it is rotated. For GitLab a signing token (``whsec_...``), or a secret token.
        checks: Limits, the memory of deliveries, the clock.

    Raises:
        WebhookRefused: ``status`` is for the HTTP answer: 400, 401, 413 or 415. STALL.
        WebhookReplayed: It was taken already. WAIT, 200.
        ConfigError: No such kind, or no secret. STALL.

    Cost: one HMAC of the body for each secret, and one parse of it.
    """
    if kind not in list(Kind):
        raise ConfigError(f"there is no kind of webhook {kind!r}; it is one of {', '.join(Kind)}")
    kind, given = Kind(kind), Headers(headers)
    check_size(given, len(body), checks)
    key = _prove(kind, given, body, secrets_of(secret), checks)
    event = given.get(*_EVENTS)
    repositories, changes, complete = READERS[kind](event, decode(body, given.get("content-type")))
    push = Push(kind, event, given.get(*_IDS[kind]), repositories, changes, complete, f"{kind} {key}")
    seen = checks.deliveries
    if seen is not None and not push.is_ignored and not seen.remember(push.replay_key, checks.clock.monotonic()):
        raise WebhookReplayed("this delivery was taken already; nothing is left to do")
    return push


def check_size(headers: Headers, size: int, checks: Checks) -> None:
    """
    Do nothing if a body is small enough, by what was said and by what was read.

    Raises:
        WebhookRefused: It is too large (413), or compressed (415): what it would become is not known. STALL.
    """
    if max(headers.length() or 0, size) > checks.limit:
        raise WebhookRefused(
            f"the body is larger than {checks.limit} bytes; raise Checks.limit, or let polling find it", status=413
        )
    if headers.get("content-encoding") not in {"", "identity"}:
        raise WebhookRefused("the body is compressed; send it as it is", status=415)


def _prove(kind: Kind, headers: Headers, body: bytes, secrets: tuple[bytes, ...], checks: Checks) -> str:
    """Return under which key a replay is known: by what is signed, for an id that is not can be changed by whoever sends it again."""
    if kind is Kind.GENERIC:
        return _signed(headers, body, secrets, checks)
    if kind is Kind.GITLAB:
        return _gitlab(headers, body, secrets, checks)
    names, prefix = _HEX[kind]
    given = headers.get(*names)
    if not given:
        raise WebhookRefused(f"the header {names[0]} is missing; set a secret where the webhook is set up", status=401)
    check_hex(given, body, secrets, prefix)
    return _digest(body)


def _gitlab(headers: Headers, body: bytes, secrets: tuple[bytes, ...], checks: Checks) -> str:
    """A signature that is there has to be right, however right the token is."""
    signing = tuple(secret for secret in secrets if secret.startswith(PREFIX.encode()))
    tokens = tuple(secret for secret in secrets if secret not in signing)
    if signing and (headers.get("webhook-signature") or not tokens):
        return _signed(headers, body, signing, checks)
    if not matches(headers.get("x-gitlab-token"), tokens):
        raise WebhookRefused(
            "X-Gitlab-Token is not ours; set the same secret token on both sides, or a signing token", status=401
        )
    return headers.get("idempotency-key", "x-gitlab-event-uuid") or _digest(body)


def _signed(headers: Headers, body: bytes, secrets: tuple[bytes, ...], checks: Checks) -> str:
    return check_standard(headers, body, secrets, (checks.clock.now(), checks.tolerance))


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()

"""Serves paths: each with its kind and secrets; what a delivery says goes to a callback."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from gitops_core.errors import ConfigError, WebhookRefused, WebhookReplayed
from gitops_core.webhooks.headers import Given, Headers
from gitops_core.webhooks.pushes import Kind, Push
from gitops_core.webhooks.signing import Secrets, key_of, secrets_of
from gitops_core.webhooks.verifying import Checks, check_size, verify

_log: Final = logging.getLogger("gitops_core")


def _as_kind(value: Kind | str) -> Kind:
    try:
        return Kind(value)
    except ValueError:
        raise ConfigError(f"there is no kind of webhook {value!r}; it is one of {', '.join(Kind)}") from None


def _usable(secrets: Secrets) -> tuple[bytes, ...]:
    found = secrets_of(secrets)
    for secret in found:
        key_of(secret)
    return found


@attrs.frozen
class Hook:
    """
    Who may send to one path.

    Attributes:
        kind: Who sends.
        secret: As for :func:`~gitops_core.webhooks.verifying.verify`; several while it is rotated.

    Raises:
        ConfigError: No such kind, or no usable secret. STALL.
    """

    kind: Kind = attrs.field(converter=_as_kind)
    secret: tuple[bytes, ...] = attrs.field(converter=_usable, repr=False)


@attrs.frozen
class Answer:
    """
    An HTTP answer, in JSON.

    Attributes:
        status: HTTP status.
        said: The document.
        headers: Besides the content type and length.
    """

    status: int
    said: dict[str, Any]
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def body(self) -> bytes:
        """The document as bytes."""
        return json.dumps(self.said).encode()

    @property
    def all_headers(self) -> list[tuple[str, str]]:
        """Every header to send."""
        own = [("Content-Type", "application/json"), ("Content-Length", str(len(self.body)))]
        return [*own, *self.headers]


def refused(error: WebhookRefused) -> Answer:
    """Return the answer to what was refused: why, in words that hold no secret."""
    return Answer(error.status, {"status": "refused", "reason": error.message})


@attrs.frozen
class Receiver:
    """
    Checks deliveries and hands on what they say. Free of any framework; safe for threads when *notify* is.

    Args:
        hooks: By path, such as ``/hooks/github``. An unguessable path is no secret.
        notify: Called with each push that says something. It must be quick: queue, do not work. ``Controller.notify`` is.
        checks: Limits, the memory of deliveries, the clock.

    Raises:
        ConfigError: A path that does not begin with ``/``. STALL.
    """

    hooks: Mapping[str, Hook] = attrs.field(converter=dict)
    notify: Callable[[Push], object] = attrs.field(repr=False)
    checks: Checks = Checks()

    def __attrs_post_init__(self) -> None:
        wrong = [path for path in self.hooks if not path.startswith("/")]
        if wrong:
            raise ConfigError(f"the path {wrong[0]!r} does not begin with /; write /{wrong[0]}")

    def begin(self, method: str, path: str, headers: Given) -> Answer | None:
        """Return the answer to a request whose body need not be read; None to go on. Cost: constant."""
        if path not in self.hooks:
            return Answer(404, {"status": "refused", "reason": "no webhook is received here; check the path"})
        if method != "POST":
            return Answer(405, {"status": "refused", "reason": "deliveries are sent with POST"}, (("Allow", "POST"),))
        try:
            check_size(Headers(headers), 0, self.checks)
        except WebhookRefused as error:
            return refused(error)
        return None

    def receive(self, path: str, headers: Given, body: bytes) -> Answer:
        """
        Return the answer to a delivery, after *notify* was told: 202, or 200 when there was nothing to tell.

        An error of *notify* is 500 without a word of it; the delivery is taken when it is sent again.
        """
        hook = self.hooks[path]
        try:
            push = verify(hook.kind, headers, body, hook.secret, self.checks)
        except WebhookReplayed:
            return Answer(200, {"status": "duplicate"})
        except WebhookRefused as error:
            return refused(error)
        if push.is_ignored:
            return Answer(200, {"status": "ignored", "event": push.event})
        try:
            self.notify(push)
        except BaseException as error:
            if self.checks.deliveries is not None:
                self.checks.deliveries.forget(push.replay_key)
            if not isinstance(error, Exception):
                raise
            _log.error("a webhook on %s could not be handed on: notify raised %s", path, type(error).__name__)
            return Answer(500, {"status": "failed", "reason": "the delivery could not be handed on; send it again"})
        return Answer(202, {"status": "accepted", "refs": list(push.refs)})

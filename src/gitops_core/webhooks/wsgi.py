"""A receiver as a WSGI application (PEP 3333)."""

from __future__ import annotations

import http
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from gitops_core.errors import WebhookRefused
from gitops_core.webhooks.headers import Headers
from gitops_core.webhooks.receiver import Answer, Receiver, refused

Environ = dict[str, Any]
Start = Callable[..., Any]


def wsgi_app(receiver: Receiver) -> Callable[[Environ, Start], Iterable[bytes]]:
    """
    Return a WSGI application that serves *receiver*.

    It reads as many bytes as ``Content-Length`` says, at most the limit. Without it, it reads only where the server says that its input
    ends (``wsgi.input_terminated``), and answers 411 elsewhere: reading could last for ever.
    """

    def app(environ: Environ, start_response: Start) -> Iterable[bytes]:
        answer = _answer(receiver, environ)
        start_response(f"{answer.status} {http.HTTPStatus(answer.status).phrase}", answer.all_headers)
        return [answer.body]

    return app


def _answer(receiver: Receiver, environ: Environ) -> Answer:
    path, headers = environ.get("PATH_INFO", ""), list(_headers(environ))
    early = receiver.begin(environ["REQUEST_METHOD"], path, headers)
    if early is not None:
        return early
    try:
        body = _read(environ, Headers(headers).length(), receiver.checks.limit)
    except WebhookRefused as error:
        return refused(error)
    return receiver.receive(path, headers, body)


def _headers(environ: Environ) -> Iterator[tuple[str, str]]:
    for name, value in environ.items():
        if name.startswith("HTTP_") and name not in {"HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"}:
            yield name.removeprefix("HTTP_").replace("_", "-"), value
        elif name in {"CONTENT_TYPE", "CONTENT_LENGTH"}:
            yield name.replace("_", "-"), value


def _read(environ: Environ, length: int | None, limit: int) -> bytes:
    """Return the body; one byte more than *limit* is enough to see that it is too large."""
    if length is None and not environ.get("wsgi.input_terminated"):
        raise WebhookRefused("Content-Length is missing; send it, or let the server end the input", status=411)
    wanted = limit + 1 if length is None else length
    parts: list[bytes] = []
    while wanted:
        part = environ["wsgi.input"].read(wanted)
        if not part:
            break
        parts.append(part)
        wanted -= len(part)
    if wanted and length is not None:
        raise WebhookRefused("the body ended before its Content-Length; send all of it", status=400)
    return b"".join(parts)

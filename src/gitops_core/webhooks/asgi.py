"""A receiver as an ASGI application (ASGI 3: HTTP and lifespan)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from gitops_core.errors import ConfigError, WebhookRefused
from gitops_core.webhooks.headers import Headers
from gitops_core.webhooks.receiver import Answer, Receiver, refused
from gitops_core.webhooks.verifying import check_size

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


def asgi_app(receiver: Receiver) -> App:
    """
    Return an ASGI application that serves *receiver*; ``notify`` is called on the event loop.

    A body may come in any number of parts; no more than the limit of them is kept.
    """

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            answer = await _answer(receiver, scope, receive)
            if answer is not None:
                await _send(answer, send)
        else:
            raise ConfigError(f"webhooks come over http, not {scope['type']}; route only http here")

    return app


async def _live(receive: Receive, send: Send) -> None:
    while True:
        what = (await receive())["type"]
        await send({"type": f"{what}.complete"})
        if what == "lifespan.shutdown":
            return


async def _answer(receiver: Receiver, scope: Message, receive: Receive) -> Answer | None:
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    early = receiver.begin(scope["method"], path, headers)
    if early is not None:
        return early
    try:
        body = await _read(receiver, Headers(headers), receive)
    except WebhookRefused as error:
        return refused(error)
    return None if body is None else receiver.receive(path, headers, body)


async def _read(receiver: Receiver, headers: Headers, receive: Receive) -> bytes | None:
    """Return the body; None when the sender has gone."""
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        check_size(headers, len(body), receiver.checks)
        more = message.get("more_body", False)
    if len(body) != (headers.length() or len(body)):
        raise WebhookRefused("the body is not as long as its Content-Length; send all of it", status=400)
    return bytes(body)


async def _send(answer: Answer, send: Send) -> None:
    headers = [(name.lower().encode(), value.encode()) for name, value in answer.all_headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})

"""Receivers over WSGI and ASGI: every answer, and no byte more than allowed."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import io
import json
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from gitops_core.errors import ConfigError
from gitops_core.webhooks import Checks, Deliveries, Hook, Push, Receiver, asgi_app, sign, wsgi_app
from gitops_core.webhooks.verifying import LIMIT

URL = "https://forge.test/web.git"
BODY = json.dumps({"repository": URL, "refs": ["refs/heads/main"]}).encode()
SECRET = "correct horse"


class World:
    """A receiver, and what it was told."""

    def __init__(self, limit: int = LIMIT, error: BaseException | None = None) -> None:
        self.pushes: list[Push] = []
        self.error = error
        hooks = {"/hook": Hook("generic", SECRET), "/github": Hook("github", SECRET)}
        self.receiver = Receiver(hooks, self.notify, Checks(limit=limit, deliveries=Deliveries()))
        self.read = 0

    def notify(self, push: Push) -> None:
        if self.error is not None:
            raise self.error
        self.pushes.append(push)


def proof(body: bytes = BODY, delivery: str = "d1") -> dict[str, str]:
    return sign(delivery, int(Checks().clock.now()), body, SECRET) | {"Content-Type": "application/json"}


def by_wsgi(
    world: World, body: bytes = BODY, *, path: str = "/hook", method: str = "POST", headers: Any = None, **environ: Any
) -> Any:
    given: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "CONTENT_LENGTH": str(len(body)),
    }
    for name, value in (proof(body) if headers is None else headers).items():
        key = name.upper().replace("-", "_")
        given[key if key.startswith("CONTENT_T") else f"HTTP_{key}"] = value
    stream = io.BytesIO(body)
    given |= {"wsgi.input": stream} | environ
    given = {name: value for name, value in given.items() if value is not None}
    setup_testing_defaults(given)
    started: list[Any] = []
    result = validator(wsgi_app(world.receiver))(given, lambda *args: started.append(args) or (lambda _: None))
    answer = b"".join(result)
    result.close()
    world.read = stream.tell()
    status, sent = started[0]
    return int(status.split()[0]), json.loads(answer), dict(sent)


def by_asgi(world: World, *parts: bytes, path: str = "/hook", method: str = "POST", headers: Any = None, root: str = "") -> Any:
    parts = parts or (BODY,)
    given = proof(b"".join(parts)) if headers is None else headers
    scope = {
        "type": "http", "method": method, "path": root + path, "root_path": root,
        "headers": [(name.lower().encode(), value.encode()) for name, value in given.items()],
    }  # fmt: skip
    messages = [{"type": "http.request", "body": part, "more_body": i < len(parts) - 1} for i, part in enumerate(parts)]
    sent = driven(world, scope, messages)
    world.read = sum(len(part) for part in parts) - sum(len(message["body"]) for message in messages)
    start, body = sent
    return start["status"], json.loads(body["body"]), {k.decode().title(): v.decode() for k, v in start["headers"]}


def driven(world: World, scope: Any, messages: list[Any]) -> list[Any]:
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(asgi_app(world.receiver)(scope, receive, send))
    return sent


WAYS = pytest.mark.parametrize("request_by", [by_wsgi, by_asgi])


@WAYS
def test_a_push_is_handed_on_and_accepted(request_by: Any) -> None:
    world = World()
    status, said, headers = request_by(world)
    assert (status, said) == (202, {"status": "accepted", "refs": ["refs/heads/main"]})
    assert headers["Content-Type"] == "application/json"
    assert headers["Content-Length"] == str(len(json.dumps(said)))
    assert [push.repositories for push in world.pushes] == [(URL,)]


@WAYS
def test_a_replay_is_answered_and_not_handed_on(request_by: Any) -> None:
    world, headers = World(), proof()
    request_by(world, BODY, headers=headers)
    assert request_by(world, BODY, headers=headers)[:2] == (200, {"status": "duplicate"})
    assert len(world.pushes) == 1


@WAYS
def test_what_says_nothing_is_not_handed_on(request_by: Any) -> None:
    world = World()
    signature = "sha256=" + hmac.new(SECRET.encode(), b"{}", hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", "X-Hub-Signature-256": signature, "X-GitHub-Event": "ping"}
    assert request_by(world, b"{}", path="/github", headers=headers)[:2] == (200, {"status": "ignored", "event": "ping"})
    assert world.pushes == []


@WAYS
def test_an_unknown_path_and_a_wrong_method_are_refused_unread(request_by: Any) -> None:
    world = World()
    assert request_by(world, path="/else")[0] == 404
    assert world.read == 0
    status, _, headers = request_by(world, method="GET")
    assert (status, headers["Allow"], world.read) == (405, "POST", 0)


@WAYS
def test_a_forged_delivery_is_refused_without_secret_or_signature(request_by: Any) -> None:
    world = World()
    headers = proof(b"other")
    status, said, _ = request_by(world, BODY, headers=headers)
    assert (status, said["status"], world.pushes) == (401, "refused", [])
    assert SECRET not in str(said)
    assert headers["webhook-signature"] not in str(said)


@WAYS
def test_an_error_of_the_callback_says_nothing_and_the_delivery_is_taken_again(
    request_by: Any, caplog: pytest.LogCaptureFixture
) -> None:
    world, headers = World(error=ValueError("a password")), proof()
    status, said, _ = request_by(world, BODY, headers=headers)
    assert (status, said["status"]) == (500, "failed")
    assert "password" not in str(said) + caplog.text
    assert "notify raised ValueError" in caplog.text
    world.error = None
    assert request_by(world, BODY, headers=headers)[0] == 202


def test_without_a_memory_there_is_nothing_to_forget() -> None:
    def failing(push: Push) -> None:
        raise ValueError

    receiver = Receiver({"/hook": Hook("generic", SECRET)}, failing)
    assert receiver.receive("/hook", proof(), BODY).status == 500


def test_a_shutdown_in_the_callback_goes_through_and_the_delivery_is_taken_again() -> None:
    world = World(error=SystemExit())
    headers = proof()
    with pytest.raises(SystemExit):
        world.receiver.receive("/hook", headers, BODY)
    world.error = None
    assert world.receiver.receive("/hook", headers, BODY).status == 202


def test_wsgi_refuses_by_content_length_before_it_reads() -> None:
    world = World(limit=len(BODY) - 1)
    assert by_wsgi(world)[0] == 413
    assert world.read == 0


def test_wsgi_without_a_length_reads_only_where_the_input_ends() -> None:
    assert by_wsgi(World(), CONTENT_LENGTH=None)[0] == 411
    assert by_wsgi(World(), CONTENT_LENGTH=None, **{"wsgi.input_terminated": True})[0] == 202


def test_wsgi_reads_one_byte_more_than_the_limit_at_most() -> None:
    world = World(limit=20)
    assert by_wsgi(world, CONTENT_LENGTH=None, **{"wsgi.input_terminated": True})[0] == 413
    assert world.read == 21


def test_wsgi_refuses_a_body_that_is_cut_short() -> None:
    assert by_wsgi(World(), CONTENT_LENGTH=str(len(BODY) + 1))[0] == 400


def test_asgi_takes_a_body_in_parts_and_below_a_mount() -> None:
    assert by_asgi(World(), BODY[:7], b"", BODY[7:])[0] == 202
    assert by_asgi(World(), root="/mounted")[0] == 202


def test_asgi_stops_reading_at_the_limit() -> None:
    world = World(limit=10)
    assert by_asgi(world, b"x" * 8, b"y" * 8, b"z" * 8)[0] == 413
    assert world.read == 16


def test_asgi_refuses_by_content_length_before_it_reads() -> None:
    world = World(limit=10)
    assert by_asgi(world, headers=proof() | {"Content-Length": "11"})[0] == 413
    assert world.read == 0


def test_asgi_refuses_a_body_that_is_not_as_long_as_was_said() -> None:
    assert by_asgi(World(), headers=proof() | {"Content-Length": str(len(BODY) + 1)})[0] == 400
    assert by_asgi(World(), b"", headers=proof(b"") | {"Content-Length": "0"})[0] == 400


def test_asgi_answers_nobody_when_the_sender_has_gone() -> None:
    world = World()
    scope = {"type": "http", "method": "POST", "path": "/hook", "headers": []}
    assert driven(world, scope, [{"type": "http.request", "body": BODY, "more_body": True}, {"type": "http.disconnect"}]) == []
    assert world.pushes == []


def test_asgi_lives_and_takes_nothing_but_http() -> None:
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent = driven(World(), {"type": "lifespan"}, messages)
    assert [message["type"] for message in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    with pytest.raises(ConfigError, match="over http, not websocket"):
        driven(World(), {"type": "websocket"}, [])


@pytest.mark.parametrize(("kind", "secret"), [("svn", SECRET), ("github", ""), ("gitlab", "whsec_!")])
def test_a_hook_that_could_never_work_is_refused_when_it_is_made(kind: str, secret: str) -> None:
    with pytest.raises(ConfigError):
        Hook(kind, secret)


def test_a_path_begins_with_a_slash() -> None:
    with pytest.raises(ConfigError, match="write /hook"):
        Receiver({"hook": Hook("github", SECRET)}, print)


def test_no_secret_is_shown() -> None:
    assert SECRET not in repr(World().receiver)

"""A raw answer becomes a value of ours, or an error."""

from __future__ import annotations

import json
import time
from http import HTTPStatus
from typing import Any

import attrs
from urllib3 import BaseHTTPResponse

from gitops_core.errors import Invalid, Transient
from gitops_core.kubernetes_api.failures import FAILURES, failure_of
from gitops_core.kubernetes_api.places import permission_for
from gitops_core.kubernetes_api.requests import Request, Response
from gitops_core.kubernetes_api.statuses import error_of, read_refusal

_CHUNK = 256 * 1024
_SUCCESS = {*range(HTTPStatus.OK, HTTPStatus.MULTIPLE_CHOICES), HTTPStatus.NOT_MODIFIED}


@attrs.frozen
class Reading:
    """
    How an answer is read.

    Attributes:
        request: What it answers.
        server: Who answers.
        limit: Most bytes taken.
        until: When it must be complete, on ``time.monotonic()``.
        sent_bytes: Size of the request's body.
    """

    request: Request
    server: str
    limit: int
    until: float = float("inf")
    sent_bytes: int = 0

    @property
    def action(self) -> str:
        """Return what was tried, in words."""
        return str(permission_for(self.request))


def read_answer(answer: BaseHTTPResponse, reading: Reading) -> Response:
    """
    Return what *answer* holds.

    Raises:
        GitOpsError: The server refused or failed, by the table of ``statuses``.
        Invalid: The answer is larger than we take. STALL.
        Transient: It was cut, too slow, or is not JSON. RETRY.

    Cost: one copy of the body, then decoding.
    """
    try:
        content = _read(answer, reading)
    except FAILURES as error:
        answer.close()
        raise failure_of(error, reading.server, reading.action) from error
    except BaseException:
        answer.close()
        raise
    if answer.status in _SUCCESS:
        return Response(answer.status, answer.headers, _decode(content, answer, reading) if content else None, content)
    status = _decode_status(content)
    raise error_of(read_refusal(reading.request, answer.status, answer.headers, status, reading.sent_bytes))


def _read(answer: BaseHTTPResponse, reading: Reading) -> bytes:
    chunks, size = [], 0
    while chunk := answer.read1(_CHUNK):
        chunks.append(chunk)
        size += len(chunk)
        if size > reading.limit:
            raise Invalid(
                f"{reading.action}: the answer is larger than {reading.limit:,} bytes; ask in pages, or raise "
                "ConnectionSettings.max_response_bytes"
            )
        if time.monotonic() > reading.until:
            raise Transient(f"{reading.action}: the answer of {reading.server} did not end in time; ask in pages, or for longer")
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _decode(content: bytes, answer: BaseHTTPResponse, reading: Reading) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        kind = answer.headers.get("Content-Type", "no type")
    # Not chained: the words of a decoder quote what it read.
    raise Transient(
        f"{reading.action}: {reading.server} sent {len(content):,} bytes of {kind} that are not JSON; tried again; if it stays, "
        "look for a proxy that answers instead of the server"
    )


def _decode_status(content: bytes) -> Any:
    """Return the Status, or None: a proxy answers in HTML, and a path that is not there in plain text."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None

"""A plain HTTP client for the Kubernetes API: JSON in, JSON out, nothing hidden."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import urllib3

JSON = "application/json"
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"


class Answer(NamedTuple):
    """What the server answered; ``body`` is decoded if it is JSON, else text."""

    status: int
    headers: Mapping[str, str]
    body: Any

    def expect(self, *statuses: int) -> Answer:
        """Return this answer if it has one of these statuses, else fail with the body."""
        assert self.status in statuses, f"{self.status} instead of {statuses}: {json.dumps(self.body)[:2000]}"
        return self


class RawApi:
    """One user at one server."""

    def __init__(
        self, url: str, *, ca_file: Path | None = None, token: str | None = None, headers: Iterable[tuple[str, str]] = ()
    ) -> None:
        self.url = url
        self._headers = urllib3.HTTPHeaderDict(headers)
        if token:
            self._headers["authorization"] = f"Bearer {token}"
        self._pool = urllib3.PoolManager(
            ca_certs=str(ca_file) if ca_file else None, retries=False, timeout=urllib3.Timeout(connect=5, read=60)
        )

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, Any] | None = None,
        content_type: str = JSON,
        accept: str = JSON,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request and return the answer, whatever its status."""
        response = self._send(method, path, body, query, {"content-type": content_type, "accept": accept, **(headers or {})})
        text = response.data.decode()
        decoded = json.loads(text) if "json" in response.headers.get("content-type", "") else text
        return Answer(response.status, response.headers, decoded)

    def _send(
        self, method: str, path: str, body: Any, query: Mapping[str, Any] | None, headers: Mapping[str, str], **more: Any
    ) -> Any:
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        target = f"{self.url}{path}" + (f"?{urlencode(query, doseq=True)}" if query else "")
        sent = self._headers.copy()
        sent.update(headers)
        return self._pool.request(method, target, body=data, headers=sent, **more)

    def get(self, path: str, **options: Any) -> Answer:
        """GET."""
        return self.call("GET", path, **options)

    def text(self, path: str) -> str:
        """GET as text."""
        return str(self.call("GET", path, accept="*/*").expect(200).body)

    def post(self, path: str, body: Any, **options: Any) -> Answer:
        """POST."""
        return self.call("POST", path, body, **options)

    def put(self, path: str, body: Any, **options: Any) -> Answer:
        """PUT."""
        return self.call("PUT", path, body, **options)

    def patch(self, path: str, body: Any, content_type: str = MERGE, **options: Any) -> Answer:
        """PATCH; a merge patch unless the content type says otherwise."""
        return self.call("PATCH", path, body, content_type=content_type, **options)

    def apply(self, path: str, body: Any, manager: str = "tests", *, force: bool = False, **options: Any) -> Answer:
        """Server-side apply."""
        query = {"fieldManager": manager, **({"force": "true"} if force else {}), **options.pop("query", {})}
        return self.call("PATCH", path, body, content_type=APPLY, query=query, **options)

    def delete(self, path: str, body: Any = None, **options: Any) -> Answer:
        """DELETE, with DeleteOptions as body if given."""
        return self.call("DELETE", path, body, **options)

    def watch(self, path: str, timeout: int = 5, accept: str = JSON, **query: Any) -> Iterator[dict[str, Any]]:
        """Yield events until the server ends the watch, after *timeout* seconds at the latest; an HTTP error fails."""
        query = {"watch": "1", "timeoutSeconds": timeout, **query}
        return self._events(self._send("GET", path, None, query, {"accept": accept}, preload_content=False))

    def _events(self, response: Any) -> Iterator[dict[str, Any]]:
        try:
            assert response.status == 200, response.read()
            rest = b""
            for chunk in response.stream(amt=None):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from (json.loads(line) for line in lines if line.strip())
        finally:
            response.close()

"""Requests over a loopback: what goes out, what comes back, and whose it is."""

from __future__ import annotations

import json
from typing import Any

from gitops_core.kubernetes_api.requests import APPLY, Request

WEB = Request("GET", "/apis/apps/v1/namespaces/shop/deployments/web")


def test_an_apply_is_one_request_with_json_and_its_parameters(loopback: Any, reply: Any) -> None:
    body = {"kind": "Deployment", "metadata": {"name": "wéb"}}
    query = (("fieldManager", "a b"), ("force", "true"))
    response = loopback.connect().request(Request("PATCH", WEB.path, query, body, APPLY), 5)
    (seen,) = loopback.seen
    assert (seen.method, seen.path) == ("PATCH", WEB.path + "?fieldManager=a+b&force=true")
    assert json.loads(seen.body) == body
    assert seen.all("Content-Type") == ["application/apply-patch+yaml"]
    assert seen.all("Accept") == ["application/json"]
    assert seen.all("User-Agent") == ["gitops-core"]
    assert seen.all("Authorization") == []
    assert response.status == 200
    assert response.body == {"path": seen.path}


def test_sockets_are_kept_open(loopback: Any, reply: Any) -> None:
    ports = set()
    loopback.answer = lambda seen: reply(body={})
    original = loopback.server.process_request

    def counted(request: Any, address: Any) -> None:
        ports.add(address)
        original(request, address)

    loopback.server.process_request = counted
    connection = loopback.connect()
    for _ in range(5):
        connection.request(WEB, 5)
    assert len(ports) == 1

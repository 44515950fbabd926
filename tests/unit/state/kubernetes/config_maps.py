"""
As much of an API server as a state store sees: ConfigMaps and Secrets of one namespace, in memory, without a socket.

Loaded by path from the tests that need a connection which can be watched, cut or shared. What the real server does is proved in
``tests/integration/kubernetes/test_state_store.py``, on the same store.
"""

from __future__ import annotations

import copy
import threading
from urllib.parse import unquote

from gitops_core.errors import AlreadyExists, Conflict, Invalid, NotFound
from gitops_core.kubernetes_api.requests import Response

LARGEST = 1024 * 1024
"""Source: https://kubernetes.io/docs/concepts/configuration/configmap/, "cannot exceed 1 MiB"."""


class ConfigMaps:
    """A connection and the server behind it. ``before`` and ``after`` are called with each request; what they raise gets out."""

    server = "https://api.example.org"

    def __init__(self):
        self.objects = {}
        self.version = 0
        self.asked = []
        self.lock = threading.RLock()
        self.before = lambda request: None
        self.after = lambda request: None

    def request(self, request, timeout):
        assert timeout > 0
        self.before(request)
        with self.lock:
            self.asked.append(request)
            body = copy.deepcopy(self._answer(request))
        self.after(request)
        return Response(200, {}, body)

    def verbs(self):
        """What was asked for since the last time, as text."""
        asked, self.asked = [self._named(r) for r in self.asked], []
        return asked

    def size(self, name):
        return sum(len(text) for text in self.objects["configmaps", name].get("binaryData", {}).values()) * 3 // 4

    def _named(self, request):
        _, name = self._place(request.path)
        if request.method == "GET":
            return "get" if name else "list"
        return request.method.lower() if name or request.method == "POST" else "deletecollection"

    def _place(self, path):
        prefix, _, rest = path.partition("/namespaces/state/")
        assert prefix == "/api/v1"
        resource, _, name = rest.partition("/")
        return resource, unquote(name)

    def _answer(self, request):
        place = self._place(request.path)
        if request.method == "GET" and not place[1]:
            return self._list(place[0], dict(request.query))
        if request.method == "POST":
            return self._create(place[0], request.body)
        if request.method == "DELETE" and not place[1]:
            for name in [item["metadata"]["name"] for item in self._list(place[0], dict(request.query))["items"] or ()]:
                del self.objects[place[0], name]
            return {"kind": "Status"}
        if place not in self.objects:
            raise NotFound(f"{place[1]} not found")
        found = self.objects[place]
        if request.method == "PATCH":
            return self._patch(place, found, request.body)
        if request.method == "DELETE":
            self._check(found, request.body.get("preconditions", {}))
            del self.objects[place]
            return {"kind": "Status"}
        return {"metadata": found["metadata"]} if "PartialObject" in request.accept else found

    def _list(self, resource, query):
        wanted = [part.split("=") for part in query["labelSelector"].split(",")]
        found = [
            item
            for (kind, _), item in sorted(self.objects.items())
            if kind == resource and all(item["metadata"]["labels"].get(key) == value for key, value in wanted)
        ]
        start, limit = int(query.get("continue", 0)), int(query.get("limit", len(found)))
        more = {"continue": str(start + limit)} if start + limit < len(found) else {}
        return {"items": found[start : start + limit] or None, "metadata": more}

    def _create(self, resource, body):
        place = (resource, body["metadata"]["name"])
        if place in self.objects:
            raise AlreadyExists(f"{place[1]} already exists")
        return self._put(place, copy.deepcopy(body))

    def _patch(self, place, found, body):
        self._check(found, body.get("metadata", {}))
        return self._put(place, _merged(found, {**body, "metadata": {**body.get("metadata", {}), "resourceVersion": None}}))

    def _check(self, found, wanted):
        if wanted.get("resourceVersion", found["metadata"]["resourceVersion"]) != found["metadata"]["resourceVersion"]:
            raise Conflict("the object has been modified")

    def _put(self, place, body):
        if sum(len(text) for text in body.get("binaryData", {}).values()) * 3 // 4 > LARGEST:
            raise Invalid("must have at most 1048576 bytes")
        self.version += 1
        body["metadata"]["resourceVersion"] = str(self.version)
        self.objects[place] = body
        return body


def _merged(old, patch):
    """RFC 7386."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    kept = {key: value for key, value in (old if isinstance(old, dict) else {}).items() if key not in patch}
    changed = {key: _merged((old or {}).get(key), value) for key, value in patch.items() if value is not None}
    return {**kept, **changed}

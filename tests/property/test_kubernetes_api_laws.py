"""Laws of the way to a Kubernetes API server."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from gitops_core.errors import GitOpsError
from gitops_core.kubernetes_api.answers import Reading
from gitops_core.kubernetes_api.channels import encode_body
from gitops_core.kubernetes_api.kinds import KindInfo
from gitops_core.kubernetes_api.places import permission_for
from gitops_core.kubernetes_api.requests import Request
from gitops_core.kubernetes_api.statuses import error_of, pointer_of, read_refusal
from gitops_core.kubernetes_api.streams import Stream
from gitops_core.model.pointers import split

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1, max_size=12).filter(
    lambda n: n not in {".", ".."}
)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4),
    max_leaves=12,
)


class Pieces:
    """A raw answer that gives its bytes in pieces; it is its own connection and socket."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = iter(pieces)
        self.connection = self.sock = self.socket = self

    def read1(self, size: int) -> bytes:
        return next(self.pieces, b"")


class Open(Stream):
    """Without a socket there is nothing to close."""

    def close(self) -> None:
        pass


@given(st.lists(JSON, max_size=8), st.data())
def test_a_watch_is_the_same_however_it_is_cut_into_pieces(objects: list[Any], data: st.DataObject) -> None:
    events = [{"type": "ADDED", "object": value} for value in objects]
    whole = b"".join(json.dumps(event).encode() + b"\n" for event in events)
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(whole) - 1)), max_size=12)))
    pieces = [piece for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True) if (piece := whole[start:end])]
    assert list(Open(Pieces(pieces), Reading(Request("GET", "/"), "https://a", 10**9))) == events


@given(NAMES, NAMES)
def test_what_a_path_says_is_what_it_was_made_of(namespace: str, name: str) -> None:
    kind = KindInfo("apps", "v1", "Deployment", "deployments", True)
    path = kind.path(namespace, name)
    assert urlsplit("https://a" + path).path == path
    found = permission_for(Request("GET", path))
    assert (found.group, found.resource, found.namespace, found.name) == ("apps", "deployments", namespace, name)
    assert unquote(path.rpartition("/")[2]) == name


@given(JSON)
def test_a_body_arrives_as_it_was(body: Any) -> None:
    encoded = encode_body(body)
    assert (json.loads(encoded) if encoded is not None else None) == body


@given(
    st.integers(300, 599),
    JSON | st.fixed_dictionaries({"kind": st.just("Status")}, optional={"reason": JSON, "message": JSON, "details": JSON}),
)
def test_whatever_a_server_answers_is_an_error_of_ours(code: int, body: Any) -> None:
    assert isinstance(error_of(read_refusal(Request("GET", "/api/v1/pods"), code, {}, body)), GitOpsError)


@given(st.text(max_size=30))
def test_every_field_becomes_a_pointer(field: str) -> None:
    pointer = pointer_of(field)
    assert pointer == "" or all(split(pointer))

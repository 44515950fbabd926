"""Laws of webhooks: no byte can be changed, and nothing that a stranger sends is an accident."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_core.errors import WebhookRefused
from gitops_core.webhooks import Kind, RefChange, sign, verify
from gitops_core.webhooks.payloads import READERS, Document

SECRET = "correct horse"
BODY = json.dumps({"repository": "https://forge.test/web.git", "refs": ["refs/heads/main"]}).encode()
JSON = {"Content-Type": "application/json"}


def headers_of(kind: Kind, body: bytes) -> dict[str, str]:
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return JSON | {
        Kind.GITHUB: {"x-hub-signature-256": f"sha256={digest}"},
        Kind.GITEA: {"x-gitea-signature": digest},
        Kind.FORGEJO: {"x-forgejo-signature": digest},
        Kind.BITBUCKET: {"x-hub-signature": f"sha256={digest}"},
    }.get(kind, sign("d1", 1000, body, SECRET))


SIGNED = st.sampled_from([kind for kind in Kind if kind is not Kind.GITLAB])


@given(SIGNED, st.integers(0, len(BODY) - 1), st.integers(1, 255))
def test_a_body_with_any_byte_flipped_is_refused(kind: Kind, place: int, mask: int) -> None:
    body = bytearray(BODY)
    body[place] ^= mask
    with pytest.raises(WebhookRefused) as caught:
        verify(kind, headers_of(kind, BODY), bytes(body), SECRET)
    assert caught.value.status == 401


@given(SIGNED, st.data())
def test_a_proof_with_any_byte_flipped_is_refused(kind: Kind, data: st.DataObject) -> None:
    headers = headers_of(kind, BODY)
    name = data.draw(st.sampled_from(sorted(headers.keys() - {"Content-Type"})))
    raw = bytearray(headers[name].encode())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(WebhookRefused) as caught:
        verify(kind, headers | {name: raw.decode("latin-1")}, BODY, SECRET)
    assert caught.value.status == 401


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["refs/heads/main", "0" * 40, "https://u:p@h/x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["ref", "before", "after", "repository", "project", "clone_url", "object_kind", "push", "changes", "old", "new", "type", "name", "target", "hash", "links", "clone", "html", "href", "refs"]
    ), inner, max_size=5),
)  # fmt: skip
OBJECTS = st.dictionaries(
    st.sampled_from(["ref", "before", "after", "repository", "object_kind", "push", "changes", "refs"]), VALUES
)


@given(st.sampled_from(Kind), st.sampled_from(["push", "repo:push", "repo:refs_changed"]), OBJECTS)
def test_whatever_a_document_holds_it_is_read_or_refused(kind: Kind, event: str, document: dict[str, object]) -> None:
    refusals: list[int] = []
    urls: tuple[str, ...] = ()
    changes: tuple[RefChange, ...] = ()
    try:
        urls, changes, _ = READERS[kind](event, Document(document))
    except WebhookRefused as error:
        refusals.append(error.status)
    assert refusals in ([], [400])
    assert all(change.ref.startswith("refs/") for change in changes)
    assert not any("u:p@" in url for url in urls)

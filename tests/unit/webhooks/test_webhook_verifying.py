"""One delivery of each forge, proved and read; everything else is refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from gitops_core.errors import ConfigError, Disposition, WebhookRefused, WebhookReplayed
from gitops_core.testing.clock import VirtualClock
from gitops_core.webhooks import Checks, Deliveries, Kind, Push, RefChange, sign, signing, verify
from gitops_core.webhooks.signing import key_of

SECRET = "correct horse"
TOKEN = "whsec_" + base64.b64encode(b"k" * 32).decode()
A, B, ZERO = "a" * 40, "b" * 40, "0" * 40
URLS = ("https://forge.test/shop/web.git", "git@forge.test:shop/web.git", "https://forge.test/shop/web")
REPOSITORY = {"clone_url": URLS[0], "ssh_url": URLS[1], "html_url": URLS[2]}
PUSH = {"ref": "refs/heads/main", "before": A, "after": B, "repository": REPOSITORY}
GITLAB_PUSH = {
    "object_kind": "push",
    "ref": "refs/heads/main",
    "before": A,
    "after": B,
    "project": {"git_http_url": URLS[0], "git_ssh_url": URLS[1], "web_url": URLS[2]},
}
CLOUD = {
    "repository": {"links": {"html": {"href": URLS[2]}, "self": {"href": "https://api.forge.test/shop/web"}}},
    "push": {
        "changes": [
            {"old": None, "new": {"type": "branch", "name": "new", "target": {"hash": B}}},
            {"old": {"type": "tag", "name": "v1", "target": {"hash": A}}, "new": None},
            {
                "old": {"type": "branch", "name": "main", "target": {"hash": A}},
                "new": {"type": "branch", "name": "main", "target": {"hash": B}},
            },
        ]
    },
}
CENTER = {
    "eventKey": "repo:refs_changed",
    "repository": {
        "links": {
            "clone": [{"name": "ssh", "href": "ssh://git@forge.test:7999/shop/web.git"}, {"name": "http", "href": "https://joe:pw@forge.test/scm/shop/web.git"}],
            "self": [{"href": "https://forge.test/projects/SHOP/repos/web/browse"}],
        }
    },
    "changes": [
        {"ref": {"id": "refs/heads/main"}, "fromHash": A, "toHash": B},
        {"ref": {"id": "refs/heads/old"}, "fromHash": A, "toHash": ZERO},
    ],
}  # fmt: skip


def encoded(document: Any) -> bytes:
    return json.dumps(document).encode()


def hexed(body: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def headers_of(kind: str, body: bytes, event: str = "", **more: str) -> dict[str, str]:
    found = {
        "github": {"X-GitHub-Event": event or "push", "X-Hub-Signature-256": f"sha256={hexed(body)}", "X-GitHub-Delivery": "d1"},
        "gitea": {"X-Gitea-Event": event or "push", "X-Gitea-Signature": hexed(body), "X-Gitea-Delivery": "d1"},
        "forgejo": {"X-Forgejo-Event": event or "push", "X-Forgejo-Signature": hexed(body), "X-Forgejo-Delivery": "d1"},
        "gitlab": {"X-Gitlab-Event": event or "Push Hook", "X-Gitlab-Token": SECRET, "Idempotency-Key": "d1"},
        "bitbucket": {"X-Event-Key": event or "repo:push", "X-Hub-Signature": f"sha256={hexed(body)}", "X-Request-UUID": "d1"},
        "generic": sign("d1", 1000, body, SECRET),
    }[kind]
    return {"Content-Type": "application/json; charset=utf-8", **found, **{k.replace("_", "-"): v for k, v in more.items()}}


def checks(**settings: Any) -> Checks:
    clock = VirtualClock()
    clock.now = lambda: 1000.0  # type: ignore[method-assign]  # why: a timestamp of the sender
    return Checks(clock=clock, **settings)


def verified(kind: str, document: Any, event: str = "", **settings: Any) -> Push:
    body = encoded(document)
    return verify(kind, headers_of(kind, body, event), body, SECRET, checks(**settings))


def refusal(kind: str, headers: Any, body: bytes, secret: Any = SECRET, **settings: Any) -> WebhookRefused:
    with pytest.raises(WebhookRefused) as caught:
        verify(kind, headers, body, secret, checks(**settings))
    text = f"{caught.value!r} {caught.value}"
    assert SECRET not in text
    assert hexed(body) not in text
    assert caught.value.disposition is Disposition.STALL
    return caught.value


MAIN = (RefChange("refs/heads/main", A, B),)


@pytest.mark.parametrize(
    ("kind", "document", "event", "urls", "changes"),
    [
        ("github", PUSH, "", URLS, MAIN),
        ("github", PUSH | {"before": ZERO}, "", URLS, (RefChange("refs/heads/main", "", B, created=True),)),
        ("github", PUSH | {"ref": "refs/tags/v1", "after": ZERO}, "", URLS, (RefChange("refs/tags/v1", A, "", deleted=True),)),
        ("github", PUSH | {"before": "0" * 64, "after": "c" * 64}, "", URLS, (RefChange("refs/heads/main", "", "c" * 64, created=True),)),
        ("gitea", PUSH, "", URLS, MAIN),
        ("forgejo", PUSH, "", URLS, MAIN),
        ("gitlab", GITLAB_PUSH, "", URLS, MAIN),
        ("gitlab", GITLAB_PUSH | {"object_kind": "tag_push", "ref": "refs/tags/v1"}, "Tag Push Hook", URLS, (RefChange("refs/tags/v1", A, B),)),
        ("gitlab", {"event_name": "repository_update", "changes": [PUSH], "project": GITLAB_PUSH["project"]}, "System Hook", URLS, MAIN),
        ("bitbucket", CLOUD, "", URLS[2:], (RefChange("refs/heads/new", "", B, created=True), RefChange("refs/tags/v1", A, "", deleted=True), *MAIN)),
        ("bitbucket", CENTER, "repo:refs_changed", ("ssh://git@forge.test:7999/shop/web.git", "https://forge.test/scm/shop/web.git",
            "https://forge.test/projects/SHOP/repos/web/browse"), (*MAIN, RefChange("refs/heads/old", A, "", deleted=True))),
        ("generic", {"repository": URLS[0], "refs": ["refs/heads/main"]}, "", URLS[:1], (RefChange("refs/heads/main"),)),
        ("generic", {"repository": list(URLS), "refs": [{"ref": "refs/heads/main", "before": A, "after": B}]}, "", URLS, MAIN),
    ],
)  # fmt: skip
def test_a_push_says_which_repository_and_which_refs(kind: str, document: Any, event: str, urls: Any, changes: Any) -> None:
    push = verified(kind, document, event)
    assert (push.kind, push.repositories, push.changes) == (kind, urls, changes)
    assert push.refs == tuple(change.ref for change in changes)
    assert push.delivery == "d1"
    assert [change.is_tag for change in push.changes] == [change.ref.startswith("refs/tags/") for change in changes]
    assert not push.is_ignored


@pytest.mark.parametrize(
    ("kind", "event", "document"),
    [
        ("github", "ping", {"zen": "x"}),
        ("github", "pull_request", {"action": "opened"}),
        ("gitea", "issues", {}),
        ("gitlab", "Issue Hook", {"object_kind": "issue"}),
        ("bitbucket", "diagnostics:ping", {"test": True}),
    ],
)
def test_a_ping_and_other_events_say_nothing_and_are_no_error(kind: str, event: str, document: Any) -> None:
    push = verified(kind, document, event, deliveries=Deliveries())
    assert push.is_ignored
    assert (push.event, push.refs, push.repositories) == (event, (), ())


def test_a_sender_that_leaves_refs_out_says_something() -> None:
    assert verified("bitbucket", CENTER | {"refLimitExceeded": True}, "mirror:repo_synchronized").refs == ("",)
    assert verified("generic", {"repository": URLS[0]}).refs == ("",)


def test_a_form_of_github_is_read_as_its_json() -> None:
    body = urlencode({"payload": json.dumps(PUSH)}).encode()
    headers = headers_of("github", body) | {"Content-Type": "application/x-www-form-urlencoded"}
    assert verify("github", headers, body, SECRET, checks()).changes == MAIN


@pytest.mark.parametrize("change", [str.upper, str.lower, str.title])
def test_names_of_headers_may_have_any_case(change: Any) -> None:
    body = encoded(PUSH)
    headers = [(change(name), value) for name, value in headers_of("github", body).items()]
    assert verify(Kind.GITHUB, headers, body, SECRET).changes == MAIN


@pytest.mark.parametrize("kind", list(Kind))
def test_any_of_several_secrets_is_good_while_they_are_rotated(kind: str) -> None:
    body = encoded(
        {"github": PUSH, "gitlab": GITLAB_PUSH, "bitbucket": CLOUD, "generic": {"repository": URLS[0]}}.get(kind, PUSH)
    )
    headers = headers_of(kind, body)
    for secrets in (["old", SECRET], [SECRET.encode(), "new"]):
        assert verify(kind, headers, body, secrets, checks()).repositories
    assert refusal(kind, headers, body, ["old", "new"]).status == 401


@pytest.mark.parametrize("kind", list(Kind))
def test_a_delivery_without_a_proof_is_refused(kind: str) -> None:
    body = encoded(PUSH)
    headers = {k: v for k, v in headers_of(kind, body).items() if "ignature" not in k and "Token" not in k}
    assert refusal(kind, headers, body).status == 401
    assert refusal(kind, headers | {"X-Hub-Signature": "sha1=" + "0" * 40}, body).status == 401


def test_gitlab_may_sign() -> None:
    body = encoded(GITLAB_PUSH)
    headers = headers_of("gitlab", body) | sign("d2", 1000, body, TOKEN)
    push = verify("gitlab", headers, body, TOKEN, checks())
    assert (push.changes, push.delivery) == (MAIN, "d2")


def test_a_wrong_signature_of_gitlab_is_not_rescued_by_a_right_token() -> None:
    body = encoded(GITLAB_PUSH)
    headers = headers_of("gitlab", body) | sign("d2", 1000, b"other", TOKEN)
    assert refusal("gitlab", headers, body, [SECRET, TOKEN]).status == 401


def test_gitlab_without_a_signature_is_refused_where_only_a_signing_token_is_set() -> None:
    body = encoded(GITLAB_PUSH)
    assert refusal("gitlab", headers_of("gitlab", body), body, TOKEN).status == 401
    assert verify("gitlab", headers_of("gitlab", body), body, [TOKEN, SECRET], checks()).changes == MAIN


def test_one_of_several_signatures_is_enough() -> None:
    body = encoded({"repository": URLS[0]})
    headers = sign("d", 1000, body, TOKEN) | {"Content-Type": "application/json"}
    headers["webhook-signature"] = "v1a,AAAA " + headers["webhook-signature"]
    assert verify("generic", headers, body, TOKEN, checks()).delivery == "d"


@pytest.mark.parametrize(("timestamp", "good"), [(700, True), (1300, True), (699, False), (1301, False)])
def test_a_signed_timestamp_may_be_off_by_the_tolerance(timestamp: int, good: bool) -> None:
    body = encoded({"repository": URLS[0]})
    headers = sign("d", timestamp, body, SECRET) | {"Content-Type": "application/json"}
    if good:
        assert verify("generic", headers, body, SECRET, checks()).delivery == "d"
    else:
        error = refusal("generic", headers, body)
        assert (error.status, "300 s off" in error.message) == (401, True)


def test_a_signed_timestamp_has_to_be_a_number() -> None:
    body = encoded({"repository": URLS[0]})
    headers = sign("d", "soon", body, SECRET) | {"Content-Type": "application/json"}  # type: ignore[arg-type]  # why: on purpose
    assert refusal("generic", headers, body).status == 401


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\xff\xfe", b"{", b"NaN", b'{"a": Infinity}', b"[" * 100_000, b'{"a":' * 100_000, b"[]", b"null", b'"x"', b"1" * 5000,
        encoded({}), encoded(PUSH | {"ref": 1}), encoded(PUSH | {"ref": None}), encoded(PUSH | {"ref": "main"}), encoded(PUSH | {"ref": "refs/heads/\n"}),
        encoded(PUSH | {"ref": "refs/heads/" + "x" * 5000}), encoded(PUSH | {"ref": "refs/heads/\ud800"}), encoded(PUSH | {"before": ""}),
        encoded(PUSH | {"after": [B]}), encoded(PUSH | {"repository": []}), encoded(PUSH | {"repository": {}}),
        encoded(PUSH | {"repository": {"clone_url": {}}}), encoded(PUSH | {"repository": {"clone_url": "http://[x/a@b"}}),
    ],
)  # fmt: skip
def test_what_is_no_document_of_a_push_is_refused(body: bytes) -> None:
    assert refusal("github", headers_of("github", body), body).status == 400


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        ("bitbucket", CLOUD | {"push": {"changes": [{"old": None, "new": None}]}}),
        ("bitbucket", CLOUD | {"push": {"changes": [1]}}),
        ("bitbucket", CLOUD | {"push": {"changes": {}}}),
        ("generic", {}),
        ("generic", {"repository": URLS[0], "refs": [1]}),
        ("generic", {"repository": URLS[0], "refs": [{}]}),
    ],
)
def test_other_documents_are_read_as_carefully(kind: str, document: Any) -> None:
    body = encoded(document)
    assert refusal(kind, headers_of(kind, body), body).status == 400


def test_a_flag_is_a_boolean() -> None:
    body = encoded(CENTER | {"refLimitExceeded": "no"})
    assert refusal("bitbucket", headers_of("bitbucket", body, "mirror:repo_synchronized"), body).status == 400


@pytest.mark.parametrize("form", ["x=1", "payload=1&payload=2", "&".join("a=1" for _ in range(9)), "payload=%ff"])
def test_a_form_needs_one_payload(form: str) -> None:
    headers = headers_of("github", form.encode()) | {"Content-Type": "application/x-www-form-urlencoded"}
    assert refusal("github", headers, form.encode()).status == 400


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Encoding": "gzip"}, 415),
        ({"Content_Length": "9999999999"}, 413),
        ({"Content_Length": "-1"}, 400),
        ({"Content_Length": "9" * 5000}, 400),
    ],
)
def test_a_request_that_cannot_be_read_is_refused(more: dict[str, str], status: int) -> None:
    body = encoded(PUSH)
    assert refusal("github", headers_of("github", body, **more), body).status == status


def test_a_body_is_refused_by_what_was_read() -> None:
    body = encoded(PUSH)
    assert refusal("github", headers_of("github", body, Content_Length="1"), body, limit=len(body) - 1).status == 413
    assert verified("github", PUSH, limit=len(body)).changes == MAIN


def test_a_header_that_is_there_twice_is_refused() -> None:
    body = encoded(PUSH)
    headers = [*headers_of("github", body).items(), ("x-hub-signature-256", "sha256=0")]
    assert refusal("github", headers, body).status == 400


@pytest.mark.parametrize("kind", list(Kind))
def test_a_delivery_is_taken_once(kind: str) -> None:
    seen = Deliveries()
    document = {"gitlab": GITLAB_PUSH, "bitbucket": CLOUD, "generic": {"repository": URLS[0]}}.get(kind, PUSH)
    first = verified(kind, document, deliveries=seen)
    with pytest.raises(WebhookReplayed) as caught:
        verified(kind, document, deliveries=seen)
    assert (caught.value.status, caught.value.disposition) == (200, Disposition.WAIT)
    seen.forget(first.replay_key)
    assert verified(kind, document, deliveries=seen) == first


def test_a_replay_under_another_id_is_still_one() -> None:
    """The id of GitHub's is not signed: whoever sends a captured delivery again can change it."""
    seen, body = Deliveries(), encoded(PUSH)
    verify("github", headers_of("github", body), body, SECRET, checks(deliveries=seen))
    with pytest.raises(WebhookReplayed):
        verify("github", headers_of("github", body) | {"X-GitHub-Delivery": "d2"}, body, SECRET, checks(deliveries=seen))


def test_a_forged_delivery_is_not_remembered() -> None:
    seen, body = Deliveries(), encoded(PUSH)
    refusal("github", headers_of("github", body), body, "other", deliveries=seen)
    assert len(seen) == 0


def test_deliveries_are_bounded_in_number_and_time() -> None:
    seen = Deliveries(capacity=2, ttl=10)
    assert [seen.remember(key, 0) for key in "abcb"] == [True, True, True, False]
    assert len(seen) == 2
    assert seen.remember("a", 1)
    assert seen.remember("b", 10)
    assert not seen.remember("a", 10.9)
    assert seen.remember("a", 11)


@pytest.mark.parametrize("wrong", [{"capacity": 0}, {"ttl": 0}])
def test_deliveries_that_remember_nothing_are_refused(wrong: Any) -> None:
    with pytest.raises(ConfigError):
        Deliveries(**wrong)


@pytest.mark.parametrize("wrong", [{"limit": 0}, {"tolerance": 0}, {"deliveries": Deliveries(ttl=599)}])
def test_checks_that_check_nothing_are_refused(wrong: Any) -> None:
    with pytest.raises(ConfigError):
        Checks(**wrong)


@pytest.mark.parametrize("secret", ["", b"", [], ["good", ""]])
def test_there_is_no_webhook_without_a_secret(secret: Any) -> None:
    with pytest.raises(ConfigError, match="not empty"):
        verify("github", {}, b"", secret)


@pytest.mark.parametrize("token", ["whsec_", "whsec_!!", "whsec_YQ"])
def test_a_broken_signing_token_is_refused_without_being_shown(token: str) -> None:
    with pytest.raises(ConfigError, match="copy all of it") as caught:
        key_of(token.encode())
    assert token not in str(caught.value).replace("begins with whsec_", "") or token == "whsec_"


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ConfigError, match="github, gitlab"):
        verify("svn", {}, b"", SECRET)


@pytest.mark.parametrize("kind", list(Kind))
def test_proofs_are_compared_in_constant_time_with_every_secret(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but ``hmac.compare_digest`` decides, and it is asked for each secret even when the first is right."""
    asked: list[bool] = []

    def spy(a: bytes, b: bytes) -> bool:
        asked.append(hmac.compare_digest(a, b))
        return asked[-1]

    fake = type("fake", (), {"compare_digest": staticmethod(spy), "new": staticmethod(hmac.new)})
    monkeypatch.setattr(signing, "hmac", fake)
    document = {"gitlab": GITLAB_PUSH, "bitbucket": CLOUD, "generic": {"repository": URLS[0]}}.get(kind, PUSH)
    body = encoded(document)
    verify(kind, headers_of(kind, body), body, [SECRET, "second"], checks())
    assert asked == [True, False]

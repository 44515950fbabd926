"""Reads of the Kubernetes target at their edges: odd servers, stops in the middle, versions that are served no more."""

from __future__ import annotations

import copy

import pytest

from gitops_core.errors import Cancelled, DeadlineExceeded, Denied, NotFound, TargetError, Transient, UnknownKind
from gitops_core.interfaces import Query, TargetChange
from gitops_core.kubernetes_api.kinds import KindInfo
from gitops_core.kubernetes_api.requests import Response
from gitops_core.model.plans import Action, DiffOp, FieldDiff
from gitops_core.model.resources import Live, Unreadable, as_key
from gitops_core.targets.kubernetes.access import as_object
from gitops_core.targets.kubernetes.bodies import Answers
from gitops_core.targets.kubernetes.live import Sight
from gitops_core.targets.kubernetes.marks import Marks
from gitops_core.targets.kubernetes.settings import KubernetesSettings
from gitops_core.targets.kubernetes.target import KubernetesTarget
from gitops_core.testing.contexts import make_context

A, B = as_key("ConfigMap/shop/a"), as_key("ConfigMap/shop/b")
CTX = make_context()
MARKS = Marks(CTX.owner, CTX.application)


class Server:
    """A connection to whatever a test answers."""

    server, identity = "https://a", "me"

    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    def kept(self, name, make):
        return make()

    def request(self, request, timeout):
        if request.path == "/openapi/v3":
            return Response(200, {}, {})  # no hashes: nothing of a schema in any version
        self.asked.append(request)
        return Response(200, {}, self.answer(request))


class Kinds:
    """Discovery of what a test names; other versions than v1 are not served."""

    def kind(self, group, kind, version="", *, timeout):
        if version not in {"", "v1"}:
            raise UnknownKind(f"no {version}", (group, kind))
        return KindInfo(group, "v1", kind, f"{kind.lower()}s", True)


def target_of(answer, **settings):
    return KubernetesTarget(Server(answer), KubernetesSettings(namespace="shop", **settings), discovery=Kinds())


def raising(error):
    def answer(request):
        raise error

    return answer


def stored(name="a", version="v1"):
    labels, annotations = MARKS.on(as_key(f"ConfigMap/shop/{name}"))
    entry = {"manager": MARKS.manager, "operation": "Apply", "apiVersion": version, "fieldsV1": {"f:data": {}}}
    return {
        "apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1"},
        "metadata": {
            "name": name, "namespace": "shop", "uid": name, "resourceVersion": "5", "labels": labels, "annotations": annotations,
            "managedFields": [entry],
        },
    }  # fmt: skip


@pytest.mark.parametrize("body", [[], "text", None, 7])
def test_an_answer_that_is_no_object_is_an_error_of_whoever_answers(body):
    with pytest.raises(TargetError, match="is this a Kubernetes API server"):
        as_object(body, "GET")
    [answer] = target_of(lambda request: body).observe(CTX, Query(frozenset({A})))
    assert isinstance(answer, Unreadable)
    assert answer.covers(A)


@pytest.mark.parametrize("error", [Cancelled("stop"), DeadlineExceeded("late")])
@pytest.mark.parametrize("lookups", [4, 0], ids=["looked up", "listed"])
def test_a_stop_ends_the_look_and_is_not_taken_for_an_object_that_cannot_be_read(error, lookups):
    with pytest.raises(type(error)):
        list(target_of(raising(error), lookups=lookups).observe(CTX, Query(frozenset({A, B}))))


@pytest.mark.parametrize("error", [Transient("down"), Denied("no")])
def test_of_objects_that_are_looked_up_each_that_cannot_be_read_is_said(error):
    answers = list(target_of(raising(error)).observe(CTX, Query(frozenset({A, B}))))
    assert [(a.key, a.error) for a in answers] == [(A, error), (B, error)]


def test_of_objects_that_are_listed_all_are_unreadable_when_the_list_fails():
    [answer] = target_of(raising(Transient("down")), lookups=0).observe(CTX, Query(frozenset({A, B})))
    assert (answer.key, answer.kind) == (None, ("", "ConfigMap"))


def test_what_is_not_there_is_not_yielded():
    assert list(target_of(raising(NotFound("gone"))).observe(CTX, Query(frozenset({A})))) == []


def test_one_kind_that_cannot_be_listed_leaves_the_others():
    def answer(request):
        if "secrets" in request.path:
            raise Denied("no")
        return stored()

    secret = as_key("Secret/shop/a")
    found = list(target_of(answer).observe(CTX, Query(frozenset({A, secret}))))
    assert [type(a) for a in found] == [Live, Unreadable]
    assert (found[0].key, found[0].owner, found[1].key) == (A, CTX.application, secret)


def test_an_object_that_we_applied_in_a_version_that_is_served_no_more_is_read_in_the_preferred_one():
    target = target_of(lambda request: stored(version="v1beta1"))
    [live] = target.observe(CTX, Query(frozenset({A})))
    assert live.body["data"] == {"a": "1"}
    assert [request.path for request in target._access.connection.asked] == ["/api/v1/namespaces/shop/configmaps/a"] * 2


def test_a_body_is_asked_for_once_and_its_deadline_is_its_own():
    target = target_of(lambda request: stored())
    [live] = target.observe(make_context(deadline=1.0), Query(frozenset({A})))
    assert live.body is live.body
    assert len(target._access.connection.asked) == 2


def test_requests_for_secrets_are_marked_as_such():
    target = target_of(lambda request: stored() | {"items": []}, lookups=0)
    list(target.observe(CTX, Query(frozenset({as_key("Secret/shop/a")}))))
    assert [request.sensitive for request in target._access.connection.asked] == [True]


def test_nothing_is_asked_once_the_host_says_stop():
    ctx = make_context()
    ctx.cancel.set()
    target = target_of(lambda request: stored())
    with pytest.raises(Cancelled):
        list(target.observe(ctx, Query(frozenset({A}))))
    assert target._access.connection.asked == []


# -- what a write has answered ---------------------------------------------------------------------------------------------------


def test_what_a_write_answered_is_known_again_by_object_revision_and_application():
    answers, sight = Answers(), Sight("u1", "v", "7", owner="me")
    answers.keep(A, sight, b"{}")
    metadata = {"uid": "u1", "resourceVersion": "7"}
    assert answers.sight(A, metadata, "me") is sight
    assert answers.sight(A, metadata, "another") is None
    assert answers.sight(A, metadata | {"resourceVersion": "8"}, "me") is None
    assert answers.sight(A, metadata | {"uid": "u2"}, "me") is None
    assert answers.sight(B, metadata, "me") is None


# -- previews of what is taken over ------------------------------------------------------------------------------------------------


def previewed(create):
    """Return what becomes of ``size``, which ``helm`` has set, when *create* answers the dry run of the declaration alone."""
    there = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "shop"}, "data": {"size": "1"}}

    def answer(request):
        return create(request) if request.method == "POST" else copy.deepcopy(there)

    change = TargetChange(
        key=A,
        action=Action.UPDATE,
        desired={"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}},
        live=Live(A, there, id="u1", owner=""),
        diff=(FieldDiff("/data/size", DiffOp.REMOVE, "size"),),
    )
    return target_of(answer, take_over=("helm",)).preview(CTX, change)["data"]


def test_what_the_server_fills_in_again_does_not_go():
    assert previewed(lambda request: {**request.body, "data": {"size": "1"}}) == {"size": "1"}


def test_a_declaration_that_may_not_be_tried_under_another_name_is_shown_without_its_defaults():
    assert previewed(raising(Denied("no"))) == {}


def test_a_stop_ends_a_preview():
    with pytest.raises(Cancelled):
        previewed(raising(Cancelled("stopped")))

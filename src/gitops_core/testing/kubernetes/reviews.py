"""Reviews: who am I, and may I? Answered, and kept nowhere. Source: authentication and authorization API references."""

from __future__ import annotations

from typing import Any

from gitops_core.testing.kubernetes.calls import Call
from gitops_core.testing.kubernetes.rbac import Wish
from gitops_core.testing.kubernetes.statuses import not_supported
from gitops_core.testing.kubernetes.users import User, known

Object = dict[str, Any]


def reviewed(call: Call) -> Object:
    """
    Return the answer to a review.

    Raises:
        ApiStatus: 501 for reviews that the fake does not do.
    """
    body = call.json()[0] or {}
    head = {"kind": call.kind.kind, "apiVersion": call.kind.api_version}
    if call.kind.plural == "selfsubjectreviews":
        info = {"username": call.user.name, "groups": list(call.user.groups)}
        return {**head, "metadata": {"creationTimestamp": call.world.stamp()}, "status": {"userInfo": info}}
    spec = body.get("spec") or {}
    if call.kind.plural == "selfsubjectrulesreviews":
        return {**head, "metadata": {}, "spec": {}, "status": _rules(call, spec.get("namespace", ""))}
    user = _subject(call, spec)
    return {**head, "metadata": {}, "spec": spec, "status": {"allowed": _is_allowed(call, user, spec)}}


def _subject(call: Call, spec: Object) -> User:
    if call.kind.plural == "selfsubjectaccessreviews":
        return call.user
    if call.kind.plural in {"subjectaccessreviews", "localsubjectaccessreviews"}:
        user = known(spec.get("user", ""), call.world.settings.users)
        return User(user.name, tuple(dict.fromkeys((*(spec.get("groups") or ()), *user.groups))))
    raise not_supported(f"creating {call.kind.resource}")


def _is_allowed(call: Call, user: User, spec: Object) -> bool:
    if not call.world.settings.rbac:
        return True
    asked, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes") or {}
    if asked is None:
        return call.world.roles.allow(user, Wish(path.get("verb", ""), path=path.get("path", "")))
    names = ("verb", "group", "resource", "subresource", "namespace", "name")
    return call.world.roles.allow(user, Wish(*(asked.get(name, "") for name in names)))


def _rules(call: Call, namespace: str) -> Object:
    found = [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]
    if call.world.settings.rbac:
        found = list(call.world.roles.rules(call.user, namespace))
    resources = [rule for rule in found if rule.get("resources")]
    return {
        "resourceRules": resources,
        "nonResourceRules": [rule for rule in found if rule.get("nonResourceURLs")],
        "incomplete": False,
    }

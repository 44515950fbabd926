"""May the caller do it? Impersonation, every request, creation by apply, and the granting of permissions."""

from __future__ import annotations

from typing import Any, Final

from gitops_core.testing.kubernetes import rbac
from gitops_core.testing.kubernetes.calls import Call
from gitops_core.testing.kubernetes.rbac import Wish
from gitops_core.testing.kubernetes.statuses import ApiStatus, forbidden
from gitops_core.testing.kubernetes.users import AUTHENTICATED, MASTERS, User
from gitops_core.testing.kubernetes.world import World

Object = dict[str, Any]
_ACCOUNT: Final = "system:serviceaccount:"


def authorize(world: World, user: User, wish: Wish) -> None:
    """
    Let the request pass, or not.

    Raises:
        ApiStatus: 403, as the server words it.
    """
    if not world.settings.rbac:
        return
    if user.by is not None:
        _authorize_impersonation(world, user)
    if not world.roles.allow(user, wish):
        raise denied(user, wish)


def denied(user: User, wish: Wish) -> ApiStatus:
    """Return the answer to somebody who may not do what *wish* says."""
    why = rbac.told(user, wish)
    if wish.path:
        return ApiStatus(403, "Forbidden", f"forbidden: {why}", {})
    details = {"name": wish.name} if wish.name else {}
    details |= {"group": wish.group} if wish.group else {}
    resource = f"{wish.resource}.{wish.group}" if wish.group else wish.resource
    subject = f'{resource} "{wish.name}"' if wish.name else resource
    return ApiStatus(403, "Forbidden", f"{subject} is forbidden: {why}", {**details, "kind": wish.resource})


def _authorize_impersonation(world: World, user: User) -> None:
    by = user.by
    if by is None:
        return
    given = [group for group in user.groups if group != AUTHENTICATED and not group.startswith("system:serviceaccounts")]
    wishes = [_identity(user.name), *(Wish("impersonate", resource="groups", name=group) for group in given)]
    refused = next((each for each in wishes if not world.roles.allow(by, each)), None)
    if refused is not None:
        raise denied(by, refused)


def _identity(name: str) -> Wish:
    if name.startswith(_ACCOUNT):
        namespace, _, account = name.removeprefix(_ACCOUNT).partition(":")
        return Wish("impersonate", resource="serviceaccounts", namespace=namespace, name=account)
    return Wish("impersonate", resource="users", name=name)


def authorize_create(call: Call) -> None:
    """Raise ApiStatus when the caller, who may patch, may not create what an apply would create."""
    kind, route = call.kind, call.route
    authorize(call.world, call.user, Wish("create", kind.group, kind.plural, "", route.namespace, route.name))


def check_grant(call: Call, value: Object) -> None:
    """Raise ApiStatus when *value*, a role or a binding, grants what the caller does not hold."""
    kind, world = call.kind, call.world
    if not world.settings.rbac or kind.group != rbac.GROUP or MASTERS in call.user.groups:
        return
    namespace, name = call.route.namespace, value["metadata"].get("name", "")
    is_role = kind.plural in {"roles", "clusterroles"}
    rules = value.get("rules") or [] if is_role else world.roles.role_rules(namespace, value["roleRef"])
    right = Wish("escalate" if is_role else "bind", rbac.GROUP, kind.plural, "", namespace, name)
    if not is_role:
        right = Wish(
            "bind",
            rbac.GROUP,
            "clusterroles" if value["roleRef"]["kind"] == "ClusterRole" else "roles",
            "",
            namespace,
            value["roleRef"]["name"],
        )
    lacking = rbac.missing(world.roles, call.user, namespace, rules)
    if lacking and not world.roles.allow(call.user, right):
        groups = " ".join(f'"{group}"' for group in call.user.groups)
        listed = "\n".join(rbac.shown_rule(rule) for rule in lacking)
        why = f'user "{call.user.name}" (groups=[{groups}]) is attempting to grant RBAC permissions not currently held:\n{listed}'
        raise forbidden(kind, name, why)

"""
Role-based access control: roles and bindings in the cluster decide who may do what.

Source: Kubernetes documentation, "Using RBAC Authorization".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import attrs

from gitops_core.testing.kubernetes.selectors import matches_labels
from gitops_core.testing.kubernetes.store import Event, Store
from gitops_core.testing.kubernetes.users import AUTHENTICATED, MASTERS, User

Object = dict[str, Any]
GROUP: Final = "rbac.authorization.k8s.io"
_PUBLIC: Final = ("/healthz", "/livez", "/readyz", "/version", "/version/")
_DISCOVERY: Final = ("/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*", *_PUBLIC)
_OWN_REVIEWS: Final = {
    "authorization.k8s.io": ("selfsubjectaccessreviews", "selfsubjectrulesreviews"),
    "authentication.k8s.io": ("selfsubjectreviews",),
}


@attrs.frozen
class Wish:
    """
    What somebody wants to do with a resource, or with a path.

    Attributes:
        verb: As in RBAC.
        group: API group.
        resource: Plural.
        subresource: Subresource; empty for none.
        namespace: Namespace; empty for the cluster scope.
        name: Name; empty for a collection.
        path: For what is no resource; else empty.
    """

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""


class Roles:
    """The roles and bindings of a store, as they are now."""

    def __init__(self, store: Store) -> None:
        """Follow *store*."""
        self._store = store
        self._cache: dict[User, list[tuple[str, Object]]] = {}
        store.listeners.append(self._notice)

    def allow(self, user: User, wish: Wish) -> bool:
        """Tell whether *user* may do what *wish* says. Cost: O(rules of the user)."""
        if MASTERS in user.groups:
            return True
        return any(_covers(rule, wish) for rule in self.rules(user, wish.namespace))

    def rules(self, user: User, namespace: str) -> Iterator[Object]:
        """Yield the rules that hold for *user* in *namespace*, those of the whole cluster first."""
        found = self._cache.get(user)
        if found is None:
            found = self._cache[user] = list(self._granted(user))
        return (rule for where, rule in found if where in {"", namespace})

    def role_rules(self, namespace: str, ref: Object) -> list[Object]:
        """Return the rules of the role that a binding in *namespace* refers to; none when it does not exist."""
        found = self._role(namespace, ref)
        return [] if found is None else list(found.get("rules") or ())

    def _granted(self, user: User) -> Iterator[tuple[str, Object]]:
        yield from _always(user)
        for binding in self._store.all((GROUP, "clusterrolebindings")):
            if _names(binding.object, user, ""):
                yield from (("", rule) for rule in self.role_rules("", binding.object["roleRef"]))
        for binding in self._store.all((GROUP, "rolebindings")):
            if _names(binding.object, user, binding.namespace):
                yield from ((binding.namespace, rule) for rule in self.role_rules(binding.namespace, binding.object["roleRef"]))

    def _role(self, namespace: str, ref: Object) -> Object | None:
        key = "clusterroles" if ref["kind"] == "ClusterRole" else "roles"
        found = self._store.get((GROUP, key), "" if ref["kind"] == "ClusterRole" else namespace, ref["name"])
        return None if found is None else self._aggregated(found.object)

    def _aggregated(self, role: Object) -> Object:
        """A ClusterRole with an aggregation rule has the rules of all that its selectors find."""
        selectors = (role.get("aggregationRule") or {}).get("clusterRoleSelectors")
        if not selectors:
            return role
        others = [each.object for each in self._store.all((GROUP, "clusterroles")) if each.name != role["metadata"]["name"]]
        chosen = [each for each in others if any(matches_labels(s, each["metadata"].get("labels") or {}) for s in selectors)]
        return {**role, "rules": [rule for each in chosen for rule in each.get("rules") or ()]}

    def _notice(self, key: tuple[str, str], _event: Event) -> None:
        if key[0] == GROUP:
            self._cache.clear()


def told(user: User, wish: Wish) -> str:
    """Return how the server says that *user* may not do what *wish* says."""
    if wish.path:
        return f'User "{user.name}" cannot {wish.verb} path "{wish.path}"'
    resource = f"{wish.resource}/{wish.subresource}" if wish.subresource else wish.resource
    where = f'in the namespace "{wish.namespace}"' if wish.namespace else "at the cluster scope"
    return f'User "{user.name}" cannot {wish.verb} resource "{resource}" in API group "{wish.group}" {where}'


def missing(roles: Roles, user: User, namespace: str, rules: Iterable[Object]) -> list[Object]:
    """Return the parts of *rules* that *user* does not hold in *namespace*, one resource or path each, sorted."""
    parts = [part for rule in rules for part in _parts(rule)]
    lacking = [part for part in parts if not all(roles.allow(user, wish) for wish in _wishes(part, namespace))]
    return sorted(
        lacking, key=lambda part: (part.get("apiGroups") or [], part.get("resources") or [], part.get("nonResourceURLs") or [])
    )


def shown_rule(rule: Object) -> str:
    """Return a rule as the server writes it in messages."""
    names = {
        "apiGroups": "APIGroups",
        "resources": "Resources",
        "resourceNames": "ResourceNames",
        "nonResourceURLs": "NonResourceURLs",
        "verbs": "Verbs",
    }
    fields = [
        f"{told}:[{' '.join(chr(34) + each + chr(34) for each in rule[name])}]" for name, told in names.items() if rule.get(name)
    ]
    return "{" + ", ".join(fields) + "}"


def _always(user: User) -> Iterator[tuple[str, Object]]:
    authenticated = AUTHENTICATED in user.groups
    yield "", {"verbs": ["get"], "nonResourceURLs": list(_DISCOVERY if authenticated else _PUBLIC)}
    if authenticated:
        for group, resources in _OWN_REVIEWS.items():
            yield "", {"verbs": ["create"], "apiGroups": [group], "resources": list(resources)}


def _names(binding: Object, user: User, namespace: str) -> bool:
    return any(_is_subject(subject, user, namespace) for subject in binding.get("subjects") or ())


def _is_subject(subject: Object, user: User, namespace: str) -> bool:
    if subject["kind"] == "User":
        return bool(subject["name"] == user.name)
    if subject["kind"] == "Group":
        return subject["name"] in user.groups
    return user.name == f"system:serviceaccount:{subject.get('namespace') or namespace}:{subject['name']}"


def _covers(rule: Object, wish: Wish) -> bool:
    if wish.verb not in rule["verbs"] and "*" not in rule["verbs"]:
        return False
    if wish.path:
        return any(_is_path(pattern, wish.path) for pattern in rule.get("nonResourceURLs") or ())
    groups, names = rule.get("apiGroups") or (), rule.get("resourceNames")
    if wish.group not in groups and "*" not in groups:
        return False
    return _has_resource(rule.get("resources") or (), wish) and (not names or wish.name in names)


def _has_resource(resources: Iterable[str], wish: Wish) -> bool:
    wanted = f"{wish.resource}/{wish.subresource}" if wish.subresource else wish.resource
    return any(each in {"*", wanted} or (wish.subresource and each == f"*/{wish.subresource}") for each in resources)


def _is_path(pattern: str, path: str) -> bool:
    return pattern in {"*", path} or (pattern.endswith("*") and path.startswith(pattern[:-1]))


def _parts(rule: Object) -> Iterator[Object]:
    names = {"resourceNames": rule["resourceNames"]} if rule.get("resourceNames") else {}
    for group in dict.fromkeys(rule.get("apiGroups") or ()):
        for resource in dict.fromkeys(rule.get("resources") or ()):
            yield {"apiGroups": [group], "resources": [resource], **names, "verbs": rule["verbs"]}
    for url in rule.get("nonResourceURLs") or ():
        yield {"nonResourceURLs": [url], "verbs": rule["verbs"]}


def _wishes(part: Object, namespace: str) -> Iterator[Wish]:
    for verb in part["verbs"]:
        for url in part.get("nonResourceURLs") or ():
            yield Wish(verb, path=url)
        for resource in part.get("resources") or ():
            plural, _, subresource = resource.partition("/")
            for name in part.get("resourceNames") or ("",):
                yield Wish(verb, part["apiGroups"][0], plural, subresource, namespace, name)

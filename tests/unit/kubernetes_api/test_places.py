"""What a request is about is read from its method and path."""

from __future__ import annotations

import pytest

from gitops_core.errors import Permission
from gitops_core.kubernetes_api.places import is_sensitive, permission_for
from gitops_core.kubernetes_api.requests import Request


@pytest.mark.parametrize(
    ("method", "path", "query", "permission"),
    [
        ("GET", "/api/v1/namespaces/a/pods/b", (), Permission("get", "", "pods", "a", "b")),
        ("GET", "/api/v1/namespaces/a/pods", (), Permission("list", "", "pods", "a")),
        ("GET", "/api/v1/pods", (("watch", "1"),), Permission("watch", "", "pods")),
        ("GET", "/api/v1/pods", (("watch", "false"),), Permission("list", "", "pods")),
        ("POST", "/api/v1/namespaces", (), Permission("create", "", "namespaces")),
        ("GET", "/api/v1/namespaces/a", (), Permission("get", "", "namespaces", "", "a")),
        ("PUT", "/api/v1/namespaces/a/finalize", (), Permission("update", "", "namespaces/finalize", "", "a")),
        ("PATCH", "/api/v1/namespaces/a/status", (), Permission("patch", "", "namespaces/status", "", "a")),
        ("DELETE", "/apis/apps/v1/namespaces/a/deployments/b", (), Permission("delete", "apps", "deployments", "a", "b")),
        ("DELETE", "/apis/apps/v1/namespaces/a/deployments", (), Permission("deletecollection", "apps", "deployments", "a")),
        ("PATCH", "/apis/apps/v1/namespaces/a/deployments/b/scale", (), Permission("patch", "apps", "deployments/scale", "a", "b")),
        ("PATCH", "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Ax", (), Permission("patch", "rbac.authorization.k8s.io", "clusterroles", "", "system:x")),
        ("GET", "/version", (), Permission("get", "", "/version")),
        ("GET", "/api/v1", (), Permission("get", "", "/api/v1")),
        ("GET", "/apis", (), Permission("get", "", "/apis")),
        ("GET", "/apis/apps/v1", (), Permission("get", "", "/apis/apps/v1")),
        ("OPTIONS", "/api/v1/pods", (), Permission("options", "", "pods")),
    ],
)  # fmt: skip
def test_each_request_needs_its_permission(
    method: str, path: str, query: tuple[tuple[str, str], ...], permission: Permission
) -> None:
    assert permission_for(Request(method, path, query)) == permission


def test_a_permission_reads_as_a_sentence() -> None:
    assert str(Permission("patch", "apps", "deployments/scale", "shop", "web")) == "patch deployments/scale.apps web in shop"
    assert str(Permission("list", "", "nodes")) == "list nodes"


@pytest.mark.parametrize(
    ("path", "sensitive"),
    [
        ("/api/v1/namespaces/a/secrets/b", True),
        ("/api/v1/secrets", True),
        ("/api/v1/namespaces/a/secrets/b/status", True),
        ("/api/v1/namespaces/secrets/pods/b", False),
        ("/apis/example.org/v1/secrets/b", False),
    ],
)
def test_secrets_are_sensitive_by_themselves(path: str, *, sensitive: bool) -> None:
    assert is_sensitive(Request("GET", path)) is sensitive


def test_a_caller_can_say_that_something_else_is_sensitive() -> None:
    assert is_sensitive(Request("GET", "/apis/example.org/v1/vaults/b", sensitive=True))

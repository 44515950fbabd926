from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any, Final

import pytest

from gitops_core.model.resources import Resource
from gitops_core.model.scopes import CLUSTER_SCOPED
from gitops_core.renderers.scopes import cluster_scoped_kind, is_definition

API: Final = Path(*importlib.util.find_spec("kubernetes").submodule_search_locations, "client", "api")
CREATE: Final = re.compile(
    r"    def create_(namespaced_)?\w+\(\s+self,\s+(?:name[^\n]*\s+)?(?:namespace[^\n]*\s+)?body: (?:V\d+(?:alpha\d+|beta\d+)?|Core)(\w+)"
)
GROUP: Final = re.compile(r"'/apis/([a-z0-9.]+)/")


def client_kinds() -> dict[bool, set[tuple[str, str]]]:
    """The Python client has ``create_cluster_role(body: V1ClusterRole)``, but ``create_namespaced_role``."""
    found: dict[bool, set[tuple[str, str]]] = {True: set(), False: set()}
    for path in API.glob("*_v[0-9]*_api.py"):
        source = path.read_text()
        group = GROUP.search(source)
        for namespaced, kind in CREATE.findall(source):
            found[bool(namespaced)].add((group[1] if group else "", kind))
    return found


def test_every_cluster_scoped_kind_of_kubernetes_is_known_and_no_namespaced_one_is() -> None:
    kinds = client_kinds()
    assert not kinds[False] - CLUSTER_SCOPED, "a new Kubernetes has new cluster-scoped kinds: add them to scopes.py"
    assert not kinds[True] & CLUSTER_SCOPED
    assert {("", "Namespace"), ("rbac.authorization.k8s.io", "ClusterRole")} <= kinds[False]
    assert {("apps", "Deployment"), ("rbac.authorization.k8s.io", "Role")} <= kinds[True]


def definition(spec: Any) -> Resource:
    return Resource.of(
        {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "x"}, "spec": spec}
    )


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"scope": "Cluster", "group": "example.org", "names": {"kind": "Realm"}}, ("example.org", "Realm")),
        ({"scope": "Namespaced", "group": "example.org", "names": {"kind": "Realm"}}, None),
        (None, None),
    ],
)
def test_a_definition_says_whether_its_kind_is_cluster_scoped(spec: Any, expected: tuple[str, str] | None) -> None:
    assert cluster_scoped_kind(definition(spec)) == expected


def test_only_a_custom_resource_definition_is_one() -> None:
    assert is_definition(definition({}))
    assert not is_definition(
        Resource.of({"apiVersion": "example.org/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "x"}})
    )

"""Roles are only for what goes to Kubernetes."""

from __future__ import annotations

import pytest
import yaml

from gitops_core.errors import ConfigError
from gitops_core.rbac import Rbac, rbac_for
from gitops_core.testing.worlds import World, config

ROLE = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "shop", "namespace": "a"}, "rules": []}


def test_an_application_of_which_nothing_goes_to_kubernetes_needs_no_roles_and_is_told_so():
    world = World()
    world.declare(config("a"), config("b"))
    with pytest.raises(ConfigError, match="none of its objects goes to a KubernetesTarget"):
        rbac_for(world.app, store=world.store, runtime=world.runtime)


def test_an_application_that_declares_and_owns_nothing_needs_no_roles():
    world = World()
    with pytest.raises(ConfigError):
        rbac_for(world.app, store=world.store)


def test_every_role_is_bound_to_the_subject():
    other = {**ROLE, "kind": "ClusterRole", "metadata": {"name": "shop"}}
    subject = {"kind": "ServiceAccount", "name": "gitops", "namespace": "ops"}
    bindings = Rbac((ROLE, other)).bound_to(subject)
    assert [(b["kind"], b["metadata"]) for b in bindings] == [
        ("RoleBinding", {"name": "shop", "namespace": "a"}),
        ("ClusterRoleBinding", {"name": "shop"}),
    ]
    assert all(b["subjects"] == [subject] for b in bindings)


def test_the_roles_as_text_are_the_roles():
    assert list(yaml.safe_load_all(Rbac((ROLE, ROLE)).text())) == [ROLE, ROLE]

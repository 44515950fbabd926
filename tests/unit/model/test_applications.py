"""Owners, options, applications."""

from __future__ import annotations

from typing import Any

import pytest

from gitops_core.model.applications import Application, IgnoreRule, Options, Owner
from gitops_core.model.guards import Guard
from gitops_core.model.pointers import Patterns
from gitops_core.model.resources import ResourceKey
from gitops_core.policies.access import Deny
from gitops_core.renderers.manifests import ManifestsRenderer
from gitops_core.sources.memory import MemorySource
from gitops_core.targets.memory import MemoryTarget

OWNER = Owner("example.org", "demo")
PARTS: dict[str, Any] = {"source": MemorySource(), "renderer": ManifestsRenderer(), "target": MemoryTarget()}


def test_an_owner_prefixes_every_key() -> None:
    assert OWNER.key("protect") == "example.org/protect"


@pytest.mark.parametrize("domain", ["", "Example.org", "-a.org", "a..org", "a.org/", "a b"])
def test_a_domain_is_a_dns_name(domain: str) -> None:
    with pytest.raises(ValueError, match="domain"):
        Owner(domain, "demo")


@pytest.mark.parametrize("name", ["", "-a", "a-", "a/b", "a b", "x" * 64])
def test_a_name_fits_into_a_label(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        Owner("example.org", name)
    with pytest.raises(ValueError, match="name"):
        Application(name=name, owner=OWNER, **PARTS)


def test_the_id_of_an_application_is_unique_per_owner() -> None:
    assert Application(name="edge", owner=OWNER, **PARTS).id == "example.org/demo/edge"


def test_an_application_has_safe_defaults_and_takes_any_iterable() -> None:
    deny = Deny(kinds="Secret")
    application = Application(name="edge", owner=OWNER, policies=[deny], approvals=[], **PARTS)
    assert (application.policies, application.approvals) == ((deny,), ())
    assert (application.guard, application.options) == (Guard(), Options())
    assert Options(ignore=[IgnoreRule(["/a"])]).ignore == (IgnoreRule(Patterns({"/a"})),)


@pytest.mark.parametrize(
    ("rule", "applies"),
    [
        (IgnoreRule(["/a"]), True),
        (IgnoreRule(["/a"], kinds=["Deployment"]), True),
        (IgnoreRule(["/a"], kinds=["Service"]), False),
        (IgnoreRule(["/a"], keys=["apps/Deployment/shop/web"]), True),
        (IgnoreRule(["/a"], keys=["apps/Deployment/shop/api"]), False),
        (IgnoreRule(["/a"], kinds=["Service"], keys=["apps/Deployment/shop/web"]), False),
    ],
)
def test_an_ignore_rule_is_about_kinds_and_keys(rule: IgnoreRule, applies: bool) -> None:
    assert rule.applies_to(ResourceKey("apps", "Deployment", "shop", "web")) is applies


@pytest.mark.parametrize(
    "numbers",
    [
        {"attempts": 0}, {"workers": 0}, {"history": 0}, {"deadline": 0.0}, {"health_interval": 0.0}, {"backoff": -1.0},
        {"verify_timeout": float("nan")}, {"lock_timeout": -1.0}, {"memo_age": -1.0},
    ],
)  # fmt: skip
def test_options_that_make_no_sense_are_refused_by_name(numbers):
    with pytest.raises(ValueError, match=next(iter(numbers))):
        Options(**numbers)

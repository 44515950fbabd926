"""A definition, a conversion webhook or an API service that is broken takes nothing with it but its own kinds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from shops import Shop, config, new_namespace

from gitops_core import Options

pytestmark = [pytest.mark.slow, pytest.mark.needs_kube_apiserver]
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
GROUP, DOWN = "broken.example.org", "down.example.org"


@pytest.fixture
def shop(real_server: Any) -> Iterator[Shop]:
    yield Shop(cluster=real_server, namespace=new_namespace(real_server), options=Options(health_timeout=20.0, handover=0.0))
    real_server.api().call("DELETE", f"{CRDS}/things.{GROUP}")
    real_server.api().call("DELETE", f"{SERVICES}/v1.{DOWN}")


def outcomes(result: Any) -> dict[str, tuple[str, str]]:
    return {o.key.kind: (str(o.status), o.reason) for o in result.outcomes}


def version(name: str, *, stored: bool) -> dict[str, Any]:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {"name": name, "served": True, "storage": stored, "schema": {"openAPIV3Schema": schema}}


def definition() -> dict[str, Any]:
    names = {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": f"things.{GROUP}"},
        "spec": {"group": GROUP, "names": names, "scope": "Namespaced", "versions": [version("v1", stored=True)]},
    }  # fmt: skip


def thing(shop: Shop, group: str = GROUP) -> dict[str, Any]:
    metadata = {"name": "first", "namespace": shop.namespace}
    return {"apiVersion": f"{group}/v1", "kind": "Thing", "metadata": metadata, "spec": {"a": 1}}


def test_a_conversion_webhook_that_is_down_makes_its_kind_unknown_and_unprunable_and_the_rest_goes_on(shop: Shop) -> None:
    shop.cluster.api().post(CRDS, definition()).expect(201)
    deadline = time.monotonic() + 30
    shop.declare(thing(shop), config("settings"))
    while not shop.reconcile().ok:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    api = shop.cluster.api()
    found = api.get(f"{CRDS}/things.{GROUP}").expect(200).body
    found["spec"]["versions"] = [version("v1", stored=True), version("v2", stored=False)]
    found["spec"]["conversion"] = {
        "strategy": "Webhook",
        "webhook": {"conversionReviewVersions": ["v1"], "clientConfig": {"service": {"namespace": "nowhere", "name": "nobody"}}},
    }
    api.put(f"{CRDS}/things.{GROUP}", found).expect(200)
    deadline = time.monotonic() + 30
    while (
        answer := api.get(f"/apis/{GROUP}/v2/namespaces/{shop.namespace}/things")
    ).status < 429:  # 429 or 500, by where it fails
        assert time.monotonic() < deadline, answer
        time.sleep(0.2)
    ours = shop.another("shop")  # with no idea of the kinds from before
    ours.options = Options(wait=False, handover=0.0, attempts=1)
    ours.declare(config("settings", colour="blue"))  # and the thing is not declared any more
    result = ours.reconcile()
    assert outcomes(result)["ConfigMap"] == ("done", "")
    assert outcomes(result)["Thing"][0] == "deferred"
    assert "could not be read" in outcomes(result)["Thing"][1]
    assert api.get(f"/apis/{GROUP}/v1/namespaces/{shop.namespace}/things/first").status == 200
    assert shop.get("configmaps", "settings")["data"] == {"colour": "blue"}


def test_an_api_service_that_is_down_makes_its_kinds_unknown_and_the_rest_goes_on(shop: Shop) -> None:
    service = {
        "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": f"v1.{DOWN}"},
        "spec": {
            "group": DOWN, "version": "v1", "groupPriorityMinimum": 1000, "versionPriority": 10, "insecureSkipTLSVerify": True,
            "service": {"namespace": shop.namespace, "name": "nobody"},
        },
    }  # fmt: skip
    shop.cluster.api().post(SERVICES, service).expect(201)
    time.sleep(2)  # until the server's own list of groups has it
    shop.options = Options(wait=False, attempts=1)
    shop.declare(thing(shop, DOWN), config("settings"))
    result = shop.reconcile()
    assert outcomes(result)["ConfigMap"] == ("done", "")
    assert outcomes(result)["Thing"][0] == "deferred"
    assert shop.get("configmaps", "settings") is not None

"""The table of immutable fields says what the API server says: each row is asked for, by changes it refuses and changes it takes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from immutable_cases import CASES, Case, Json
from raw_api import MERGE, RawApi
from real_server import RealServer

from gitops_core.model.plans import FieldDiff
from gitops_core.model.resources import ResourceKey, key_of
from gitops_core.targets.kubernetes.comparing import compare_with_managers
from gitops_core.targets.kubernetes.immutable import fixed_by_rules, immutable_causes, immutable_pointers
from gitops_core.targets.kubernetes.immutable_table import ROWS
from gitops_core.targets.kubernetes.spelling import spell

pytestmark = [pytest.mark.slow, pytest.mark.needs_kube_apiserver]


@pytest.fixture(params=sorted(CASES))
def there(request: pytest.FixtureRequest, real_server: RealServer) -> Iterator[tuple[Case, Json]]:
    """The case, and its object as it is live."""
    case, api = CASES[request.param], real_server.api()
    path = f"{case.path}/{case.body['metadata']['name']}"
    live = api.apply(path, case.body, "us").expect(201).body
    if live["kind"] == "CustomResourceDefinition":
        live = established(api, path)
    yield case, live
    gone(api, path)


def gone(api: RawApi, path: str) -> None:
    """Delete the object, and wait until a definition has cleaned up after itself."""
    api.delete(path, query={"gracePeriodSeconds": 0})
    if "customresourcedefinitions" not in path:
        api.patch(path, {"metadata": {"finalizers": None}})
    deadline = time.monotonic() + 20
    while api.get(path).status != 404:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def established(api: RawApi, path: str) -> Json:
    """Return the definition once it is served: until then its scope may still change."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        live: Json = api.get(path).expect(200).body
        if any(c["type"] == "Established" and c["status"] == "True" for c in live["status"]["conditions"] or ()):
            return live
        time.sleep(0.05)
    raise AssertionError(f"{path} was never established")


def merged(body: Any, patch: Any) -> Any:
    """RFC 7386, on a declaration."""
    if not isinstance(patch, dict):
        return patch
    start = body if isinstance(body, dict) else {}
    changed = {name: merged(start.get(name), value) for name, value in patch.items() if value is not None}
    return {name: value for name, value in {**start, **changed}.items() if name not in patch or patch[name] is not None}


def compared(case: Case, patch: Json, live: Json) -> list[FieldDiff]:
    mine = [{**entry, "ours": entry["manager"] == "us"} for entry in live["metadata"]["managedFields"]]
    there = {**live, "metadata": {**live["metadata"], "managedFields": mine}}
    return compare_with_managers(spell(merged(case.body, patch)), spell(there))


def judged(case: Case, patch: Json, live: Json) -> tuple[str, ...]:
    diffs = compared(case, patch, live)
    assert diffs
    return immutable_pointers(key(live), diffs, spell(merged(case.body, patch)), live)


def key(body: Json) -> ResourceKey:
    return key_of(body)


def test_what_the_api_refuses_cannot_be_made_in_place_and_the_refusal_says_so(there: tuple[Case, Json], real_server: RealServer):
    case, live = there
    path = f"{case.path}/{live['metadata']['name']}"
    for patch in case.fixed:
        refusal = real_server.api().patch(path, patch, MERGE, query={"dryRun": "All"}).expect(422).body
        causes = [(cause.get("reason", ""), cause.get("field", "")) for cause in refusal["details"]["causes"]]
        changed = judged(case, patch, live)
        assert changed, patch
        assert immutable_causes(key(live), causes, changed) == changed, (patch, causes)


def test_what_the_api_takes_can_be_made_in_place(there: tuple[Case, Json], real_server: RealServer):
    case, live = there
    path = f"{case.path}/{live['metadata']['name']}"
    for patch in case.free:
        real_server.api().patch(path, patch, MERGE, query={"dryRun": "All"}).expect(200)
        assert judged(case, patch, live) == (), patch


def test_every_kind_of_the_table_is_asked_about():
    asked = {(k.group, k.kind) for k in (key_of(case.body) for case in CASES.values())}
    assert asked == set(ROWS)


INVALID = {
    "Deployment": {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": ""}]}}}},
    "StatefulSet": {"spec": {"template": {"spec": {"containers": [{"name": "C", "image": "i"}]}}}},
    "Service": {"spec": {"ports": [{"port": 0}]}},
    "PersistentVolumeClaim": {"metadata": {"labels": {"a": "-"}}},
    "CustomResourceDefinition": {"spec": {"names": {"shortNames": ["_"]}}},
}


@pytest.mark.parametrize("there", sorted(INVALID), indirect=True)
def test_what_is_only_invalid_is_never_taken_for_immutable(there: tuple[Case, Json], real_server: RealServer):
    case, live = there
    path = f"{case.path}/{live['metadata']['name']}"
    refusal = real_server.api().patch(path, INVALID[live["kind"]], MERGE, query={"dryRun": "All"}).expect(422).body
    causes = [(cause.get("reason", ""), cause.get("field", "")) for cause in refusal["details"]["causes"]]
    assert causes
    changed = [d.pointer for d in compared(case, INVALID[live["kind"]], live)]
    assert immutable_causes(key(live), causes, changed) == ()


def test_a_rule_of_a_schema_that_forbids_a_change_is_seen_in_the_refusal(real_server: RealServer):
    api = real_server.api()
    schema: Json = {"type": "object", "properties": {"spec": {"type": "object", "properties": {
        "size": {"type": "string", "x-kubernetes-validations": [{"rule": "self == oldSelf"}]},
        "name": {"type": "string", "pattern": "^[a-z]*$"},
    }}}}  # fmt: skip
    names = {"plural": "discs", "singular": "disc", "kind": "Disc", "listKind": "DiscList"}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "discs.rules.example.com"},
        "spec": {"group": "rules.example.com", "scope": "Cluster", "names": names, "versions": [version]},
    }  # fmt: skip
    definitions, discs = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", "/apis/rules.example.com/v1/discs"
    api.post(definitions, definition).expect(201)
    try:
        established(api, f"{definitions}/discs.rules.example.com")
        body = {
            "apiVersion": "rules.example.com/v1",
            "kind": "Disc",
            "metadata": {"name": "a"},
            "spec": {"size": "1", "name": "x"},
        }
        served(api, discs, body)
        rules, place = fixed_by_rules(schema), ResourceKey("rules.example.com", "Disc", "", "a")
        assert refused(api, f"{discs}/a", {"spec": {"size": "2"}}, place, rules) == ("/spec/size",)
        assert refused(api, f"{discs}/a", {"spec": {"name": "X"}}, place, rules) == ()
        assert refused(api, f"{discs}/a", {"spec": {"size": "2", "name": "X"}}, place, rules) == ()
    finally:
        gone(api, f"{definitions}/discs.rules.example.com")


def served(api: RawApi, path: str, body: Json) -> None:
    deadline = time.monotonic() + 20
    while api.post(path, body).status != 201:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def refused(api: RawApi, path: str, patch: Json, place: ResourceKey, rules: Any) -> tuple[str, ...]:
    causes = api.patch(path, patch).expect(422).body["details"]["causes"]
    changed = [f"/spec/{name}" for name in patch["spec"]]
    return immutable_causes(place, [(cause.get("reason", ""), cause.get("field", "")) for cause in causes], changed, rules)

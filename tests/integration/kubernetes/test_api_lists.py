"""Lists: selectors, pages, versions of the past, and what comes instead of whole objects."""

from __future__ import annotations

import base64
import json

import pytest
from objects import configmap, configmaps, deployment, deployments, namespaces, secret, secrets
from raw_api import RawApi

from servers import Cluster

PARTIAL_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
PARTIAL = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"


@pytest.fixture
def five(api: RawApi, ns: str) -> str:
    """The path of five ConfigMaps with labels."""
    for number in range(5):
        labels = {"n": str(number), "odd": "yes"} if number % 2 else {"n": str(number)}
        api.post(configmaps(ns), configmap(f"c{number}", labels=labels)).expect(201)
    return configmaps(ns)


@pytest.fixture
def events(api: RawApi, ns: str) -> str:
    """
    The path of five Events, of which no server keeps a cache.

    Of other kinds one that is young answers for versions that etcd has forgotten, from snapshots of its watch cache.
    """
    path = f"/api/v1/namespaces/{ns}/events"
    for number in range(5):
        about = {"involvedObject": {"kind": "ConfigMap", "namespace": ns, "name": "x"}, "reason": "Told", "type": "Normal"}
        body = {"kind": "Event", "apiVersion": "v1", "metadata": {"name": f"c{number}"}, **about}
        api.post(path, body).expect(201)
    return path


def names(body: dict) -> list[str]:
    return [item["metadata"]["name"] for item in body["items"]]


def test_a_list_has_a_kind_and_a_version(api: RawApi, five: str) -> None:
    found = api.get(five).expect(200).body
    assert (found["kind"], found["apiVersion"]) == ("ConfigMapList", "v1")
    assert int(found["metadata"]["resourceVersion"]) > 0
    assert names(found) == ["c0", "c1", "c2", "c3", "c4"]


def test_items_of_a_list_have_no_kind(api: RawApi, five: str) -> None:
    item = api.get(five).expect(200).body["items"][0]
    assert "kind" not in item
    assert "apiVersion" not in item


def test_all_namespaces_are_listed_at_once(api: RawApi, five: str, ns: str) -> None:
    found = api.get("/api/v1/configmaps", query={"labelSelector": "odd"}).expect(200).body
    assert [item["metadata"]["name"] for item in found["items"] if item["metadata"]["namespace"] == ns] == ["c1", "c3"]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("odd", ["c1", "c3"]),
        ("!odd", ["c0", "c2", "c4"]),
        ("odd=yes", ["c1", "c3"]),
        ("odd==yes", ["c1", "c3"]),
        ("odd!=yes", ["c0", "c2", "c4"]),
        ("n in (1,2)", ["c1", "c2"]),
        ("n notin (1, 2)", ["c0", "c3", "c4"]),
        ("odd,n in (1,2)", ["c1"]),
        ("n>2", ["c3", "c4"]),
        ("n<1", ["c0"]),
        ("", ["c0", "c1", "c2", "c3", "c4"]),
        ("none=", []),
    ],
)
def test_labels_select(api: RawApi, five: str, selector: str, expected: list[str]) -> None:
    assert names(api.get(five, query={"labelSelector": selector}).expect(200).body) == expected


@pytest.mark.parametrize("selector", ["a=(b", "in (x)", "n in 1", "a=b,,", "-x=y"])
def test_a_bad_selector_is_a_bad_request(api: RawApi, five: str, selector: str) -> None:
    assert api.get(five, query={"labelSelector": selector}).expect(400).body["reason"] == "BadRequest"


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("metadata.name=c1", ["c1"]),
        ("metadata.name!=c1", ["c0", "c2", "c3", "c4"]),
        ("metadata.name=none", []),
    ],
)
def test_fields_select(api: RawApi, five: str, selector: str, expected: list[str]) -> None:
    assert names(api.get(five, query={"fieldSelector": selector}).expect(200).body) == expected


def test_the_namespace_is_a_field_that_selects(api: RawApi, five: str, ns: str) -> None:
    found = api.get("/api/v1/configmaps", query={"fieldSelector": f"metadata.namespace={ns},metadata.name=c1"}).expect(200).body
    assert names(found) == ["c1"]


def test_an_unknown_field_does_not_select(api: RawApi, five: str) -> None:
    answer = api.get(five, query={"fieldSelector": "data.key=value"}).expect(400)
    assert answer.body["reason"] == "BadRequest"
    assert "data.key" in answer.body["message"]


def test_the_type_of_a_secret_is_a_field_that_selects(api: RawApi, ns: str) -> None:
    api.post(secrets(ns), secret("plain")).expect(201)
    api.post(secrets(ns), secret("mine", type="example.org/mine")).expect(201)
    assert names(api.get(secrets(ns), query={"fieldSelector": "type=example.org/mine"}).expect(200).body) == ["mine"]


def test_the_phase_of_a_namespace_is_a_field_that_selects(api: RawApi, ns: str) -> None:
    assert ns in names(api.get(namespaces(), query={"fieldSelector": "status.phase=Active"}).expect(200).body)


# -- pages ---------------------------------------------------------------------------------------------------------------


def test_a_long_list_comes_in_pages(api: RawApi, five: str) -> None:
    first = api.get(five, query={"limit": 2}).expect(200).body
    assert names(first) == ["c0", "c1"]
    assert first["metadata"]["remainingItemCount"] == 3
    second = api.get(five, query={"limit": 2, "continue": first["metadata"]["continue"]}).expect(200).body
    assert names(second) == ["c2", "c3"]
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    last = api.get(five, query={"limit": 2, "continue": second["metadata"]["continue"]}).expect(200).body
    assert names(last) == ["c4"]
    assert "continue" not in last["metadata"]
    assert "remainingItemCount" not in last["metadata"]


def test_pages_show_one_moment(api: RawApi, five: str, ns: str) -> None:
    first = api.get(five, query={"limit": 2}).expect(200).body
    api.post(configmaps(ns), configmap("c9")).expect(201)
    api.delete(configmaps(ns, "c3")).expect(200)
    rest = api.get(five, query={"continue": first["metadata"]["continue"]}).expect(200).body
    assert names(rest) == ["c2", "c3", "c4"]


def test_the_rest_is_not_counted_behind_a_selector(api: RawApi, five: str) -> None:
    found = api.get(five, query={"limit": 1, "labelSelector": "odd"}).expect(200).body
    assert names(found) == ["c1"]
    assert "remainingItemCount" not in found["metadata"]
    assert found["metadata"]["continue"]


def test_a_page_as_long_as_the_list_is_the_last(api: RawApi, five: str) -> None:
    assert "continue" not in api.get(five, query={"limit": 5}).expect(200).body["metadata"]


def test_a_broken_continue_token_is_a_bad_request(api: RawApi, five: str) -> None:
    answer = api.get(five, query={"limit": 2, "continue": "nonsense!"}).expect(400)
    assert answer.body["reason"] == "BadRequest"


def test_a_continue_token_of_a_forgotten_version_has_expired(cluster: Cluster, api: RawApi, events: str) -> None:
    first = api.get(events, query={"limit": 2}).expect(200).body
    token = json.loads(base64.urlsafe_b64decode(first["metadata"]["continue"] + "=="))
    token["rv"] = 2
    old = base64.urlsafe_b64encode(json.dumps(token).encode()).decode().rstrip("=")
    cluster.compact()
    answer = api.get(events, query={"limit": 2, "continue": old}).expect(410)
    assert answer.body["reason"] == "Expired"
    assert answer.body["metadata"]["continue"]  # it goes on, from now


def test_an_expired_list_can_go_on_with_what_is_there_now(cluster: Cluster, api: RawApi, events: str) -> None:
    first = api.get(events, query={"limit": 2}).expect(200).body
    token = json.loads(base64.urlsafe_b64decode(first["metadata"]["continue"] + "=="))
    token["rv"] = 2
    old = base64.urlsafe_b64encode(json.dumps(token).encode()).decode().rstrip("=")
    api.delete(f"{events}/c3").expect(200)
    cluster.compact()
    fresh = api.get(events, query={"continue": old}).expect(410).body["metadata"]["continue"]
    assert names(api.get(events, query={"continue": fresh}).expect(200).body) == ["c2", "c4"]


# -- versions ------------------------------------------------------------------------------------------------------------


def test_any_version_will_do(api: RawApi, five: str) -> None:
    assert names(api.get(five, query={"resourceVersion": "0"}).expect(200).body) == ["c0", "c1", "c2", "c3", "c4"]


def test_a_version_not_older_than(api: RawApi, five: str) -> None:
    version = api.get(five).body["metadata"]["resourceVersion"]
    query = {"resourceVersion": version, "resourceVersionMatch": "NotOlderThan"}
    assert int(api.get(five, query=query).expect(200).body["metadata"]["resourceVersion"]) >= int(version)


def test_exactly_a_version_of_the_past(api: RawApi, five: str, ns: str) -> None:
    version = api.get(five).body["metadata"]["resourceVersion"]
    api.delete(configmaps(ns, "c3")).expect(200)
    query = {"resourceVersion": version, "resourceVersionMatch": "Exact"}
    found = api.get(five, query=query).expect(200).body
    assert names(found) == ["c0", "c1", "c2", "c3", "c4"]
    assert found["metadata"]["resourceVersion"] == version


def test_a_match_needs_a_version(api: RawApi, five: str) -> None:
    answer = api.get(five, query={"resourceVersionMatch": "Exact"})
    assert (answer.status, answer.body["reason"]) == (422, "Invalid")


def test_a_version_of_the_future_times_out(api: RawApi, five: str) -> None:
    version = int(api.get(five).body["metadata"]["resourceVersion"]) + 1_000_000
    answer = api.get(five, query={"resourceVersion": str(version), "resourceVersionMatch": "NotOlderThan"})
    assert (answer.status, answer.body["reason"]) == (504, "Timeout")
    assert answer.body["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"


# -- instead of whole objects --------------------------------------------------------------------------------------------


def test_metadata_alone_can_be_listed(api: RawApi, five: str) -> None:
    found = api.get(five, accept=PARTIAL_LIST).expect(200).body
    assert (found["kind"], found["apiVersion"]) == ("PartialObjectMetadataList", "meta.k8s.io/v1")
    item = found["items"][0]
    assert (item["kind"], item["apiVersion"]) == ("PartialObjectMetadata", "meta.k8s.io/v1")
    assert "data" not in item
    assert item["metadata"]["managedFields"]


def test_metadata_comes_in_pages_too(api: RawApi, five: str) -> None:
    first = api.get(five, accept=PARTIAL_LIST, query={"limit": 3}).expect(200).body
    assert len(first["items"]) == 3
    rest = api.get(five, accept=PARTIAL_LIST, query={"limit": 3, "continue": first["metadata"]["continue"]}).expect(200).body
    assert names(rest) == ["c3", "c4"]


def test_metadata_of_one_object(api: RawApi, ns: str) -> None:
    created = api.post(deployments(ns), deployment("web")).expect(201).body
    found = api.get(deployments(ns, "web"), accept=PARTIAL).expect(200).body
    assert found == {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": created["metadata"]}


def test_the_first_acceptable_form_is_taken(api: RawApi, five: str) -> None:
    answer = api.get(five, accept=f"{PARTIAL_LIST},application/json").expect(200)
    assert answer.body["kind"] == "PartialObjectMetadataList"
    assert api.get(five, accept="application/json;as=Unknown;g=meta.k8s.io;v=v1,application/json").body["kind"] == "ConfigMapList"


def test_a_form_that_does_not_exist_is_406(api: RawApi, five: str) -> None:
    assert api.get(five, accept="application/json;as=Unknown;g=meta.k8s.io;v=v1").expect(406).body["reason"] == "NotAcceptable"


def test_a_table_has_columns_and_rows(api: RawApi, five: str) -> None:
    found = api.get(five, accept=TABLE).expect(200).body
    assert (found["kind"], found["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    assert [column["name"] for column in found["columnDefinitions"]] == ["Name", "Data", "Age"]
    assert [row["cells"][:2] for row in found["rows"]] == [["c0", 1], ["c1", 1], ["c2", 1], ["c3", 1], ["c4", 1]]
    assert found["rows"][0]["object"]["kind"] == "PartialObjectMetadata"


def test_a_table_of_deployments(api: RawApi, ns: str) -> None:
    api.post(deployments(ns), deployment("web", replicas=2)).expect(201)
    found = api.get(deployments(ns), accept=TABLE).expect(200).body
    columns = [column["name"] for column in found["columnDefinitions"] if column["priority"] == 0]
    assert columns == ["Name", "Ready", "Up-to-date", "Available", "Age"]
    assert found["rows"][0]["cells"][:4] == ["web", "0/2", 0, 0]

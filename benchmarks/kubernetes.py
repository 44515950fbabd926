"""One and the same set of objects on one real API server: this library beside ``kubectl``, wall time, processor time, requests."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import attrs

from benchmarks.measuring import ROOT, Report, Scale, Spent, fraction, measure
from gitops_core import Application, Options, Owner, ReconcileResult, plan, reconcile
from gitops_core.engine.following import Following
from gitops_core.kubernetes_api.connections import Connection
from gitops_core.renderers.manifests import ManifestsRenderer
from gitops_core.sources.directory import DirectorySource
from gitops_core.state.memory import MemoryStore
from gitops_core.targets.kubernetes.settings import KubernetesSettings
from gitops_core.targets.kubernetes.target import KubernetesTarget
from gitops_core.testing.worlds import OPEN

SERVERS: Final = Path(__file__).resolve().parents[1] / "tests" / "integration" / "kubernetes"
KINDS: Final = 5
_MOST_MEGABYTES: Final = 250


def run(scale: Scale) -> Report:
    """Apply a tenth of ``scale.documents`` objects with both, again with nothing changed, with drift, and while watching."""
    report = Report(f"{scale.documents // 10:,} mixed objects on a real kube-apiserver, beside kubectl")
    with _server() as server, tempfile.TemporaryDirectory() as home:
        found = _Bench(server, Path(home), scale.documents // 10).run()
        _tell(report, found)
        report.counts |= found.counts
        server.api().post("/api/v1/namespaces", {"metadata": {"name": "many"}}).expect(201)
        _memory(report, server.kubeconfig(Path(home)), scale.documents)
        report.notes.append(
            f"kube-apiserver {server.version} and both clients on one machine of {os.cpu_count()} processors; requests as the server "
            "counts them. `kubectl apply` and `diff` are server-side. Wall time, since waiting for the server is what is compared."
        )
    return report


@contextmanager
def _server() -> Iterator[Any]:
    sys.path.insert(0, str(SERVERS))
    try:
        import real_server  # why here: a module of the tests, which know how to get a server

        with real_server.start() as server:
            yield server
    finally:
        sys.path.remove(str(SERVERS))


@attrs.define
class _Found:
    spent: dict[str, Spent] = attrs.field(factory=dict)
    counts: dict[str, int] = attrs.field(factory=dict)


class _Bench:
    def __init__(self, server: Any, home: Path, objects: int) -> None:
        self._server = server
        self._objects = objects
        self._kubeconfig = server.kubeconfig(home)
        self._home = home
        self._found = _Found()
        self._store = MemoryStore()
        settings = KubernetesSettings(namespace="ours")
        self._target = KubernetesTarget(Connection.from_kubeconfig(self._kubeconfig), settings)
        self._app = Application(
            name="bench", owner=Owner("example.org", "bench"), source=DirectorySource(home / "objects"),
            renderer=ManifestsRenderer(), target=self._target, options=Options(wait=False), guard=OPEN,
        )  # fmt: skip

    def run(self) -> _Found:
        for namespace in ("ours", "theirs"):
            self._server.api().post("/api/v1/namespaces", {"metadata": {"name": namespace}}).expect(201)
        (self._home / "objects").mkdir()
        (self._home / "objects" / "all.yaml").write_text(_yaml(self._objects))
        self._kubectl("kubectl: first apply", "apply")
        self._kubectl("kubectl: nothing changed", "apply")
        self._kubectl("kubectl: diff", "diff")
        plan(self._app, store=self._store)  # decoded, and kinds known: kubectl's process has that in its time; see the notes
        self._ours("ours: first apply", self._pass)
        self._ours("ours: nothing changed", self._pass)
        self._ours("ours: plan, nothing changed", lambda: plan(self._app, store=self._store))
        self._edit()
        self._ours("ours: one object drifted", self._pass)
        self._watching()
        self._crowd()
        self._ours("ours: nothing changed, unmanaged objects doubled", self._pass)
        return self._found

    def _pass(self) -> ReconcileResult:
        result = reconcile(self._app, store=self._store)
        if not result.ok:
            raise RuntimeError(result.text())
        return result

    def _ours(self, name: str, work: Callable[[], Any]) -> None:
        before = self._requests()
        self._found.spent[name], _ = measure(work)
        self._found.counts[f"requests {name}"] = self._requests() - before

    def _kubectl(self, name: str, verb: str) -> None:
        command = ["kubectl", "--kubeconfig", str(self._kubeconfig), "-n", "theirs", verb, "--server-side"]
        before, usage = self._requests(), resource.getrusage(resource.RUSAGE_CHILDREN)
        begun = time.perf_counter()
        run = subprocess.run(
            [*command, "-f", str(self._home / "objects" / "all.yaml")], capture_output=True, text=True, check=False
        )
        wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
        if run.returncode:
            raise RuntimeError(run.stderr[:2000])
        cpu = after.ru_utime + after.ru_stime - usage.ru_utime - usage.ru_stime
        self._found.spent[name] = Spent(cpu, wall)
        self._found.counts[f"requests {name}"] = self._requests() - before

    def _requests(self) -> int:
        counts: Mapping[Any, int] = self._server.request_counts()
        wanted = {"configmaps", "services", "deployments", "serviceaccounts", "secrets"}
        return sum(count for request, count in counts.items() if request.resource in wanted and request.verb != "WATCH")

    def _edit(self) -> None:
        self._server.api().call(
            "PATCH", "/api/v1/namespaces/ours/configmaps/object-00000", {"data": {"key-0": "by hand"}},
            content_type="application/merge-patch+json",
        ).expect(200)  # fmt: skip

    def _watching(self) -> None:
        with Following(self._app, store=self._store):
            deadline = time.monotonic() + 30
            while True:
                before = self._requests()
                self._pass()
                if self._requests() == before or time.monotonic() > deadline:
                    break
                time.sleep(0.1)
            self._ours("ours: nothing changed, watching", self._pass)

    def _crowd(self) -> None:
        """As many objects again that nobody manages, in our own namespace."""
        api = self._server.api()
        for number in range(self._objects):
            body = {"metadata": {"name": f"crowd-{number}"}, "data": {"a": "b"}}
            api.post("/api/v1/namespaces/ours/configmaps", body).expect(201)


def _memory(report: Report, kubeconfig: Path, objects: int) -> None:
    """Apply many objects in a process of its own, look at them again, and see how large it became."""
    code = f"from benchmarks.kubernetes import many; many({str(kubeconfig)!r}, {objects})"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    if run.returncode:
        raise RuntimeError(run.stderr[-2000:])
    megabytes = int(run.stdout) / 1024
    what = f"largest resident memory of a process that applies {objects:,} objects and looks at them again"
    report.add(what, f"{megabytes:.0f} MB", "<= 250 MB", is_met=megabytes <= _MOST_MEGABYTES)


def many(kubeconfig: str, objects: int) -> None:
    """Apply *objects* in the namespace ``many`` twice, and print this process's largest resident memory in KB."""
    with tempfile.TemporaryDirectory() as home:
        Path(home, "all.yaml").write_text(_yaml(objects))
        target = KubernetesTarget(Connection.from_kubeconfig(kubeconfig), KubernetesSettings(namespace="many"))
        app = Application(
            name="many", owner=Owner("example.org", "bench"), source=DirectorySource(home), renderer=ManifestsRenderer(),
            target=target, options=Options(wait=False, deadline=1800.0), guard=OPEN,
        )  # fmt: skip
        store = MemoryStore()
        for _ in range(2):
            result = reconcile(app, store=store)
            if not result.ok:
                raise RuntimeError(result.text())
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def _tell(report: Report, found: _Found) -> None:
    spent, counts = found.spent, found.counts
    objects = counts["requests kubectl: first apply"] or 1

    def ratio(ours: str, theirs: str) -> float:
        return spent[f"ours: {ours}"].wall / spent[f"kubectl: {theirs}"].wall

    def row(what: str, ours: str, theirs: str, most: float) -> None:
        value = ratio(ours, theirs)
        asked = f"{counts[f'requests ours: {ours}']:,} requests for {counts[f'requests kubectl: {theirs}']:,}"
        report.add(what, f"{fraction(value)} of kubectl's time, {asked}", f"<= {fraction(most)}", is_met=value <= most)

    row("first apply", "first apply", "first apply", 0.5)
    row("nothing changed, polling", "nothing changed", "nothing changed", 1 / 30)
    row("plan with nothing changed, beside `kubectl diff`", "plan, nothing changed", "diff", 1 / 30)
    polled = counts["requests ours: nothing changed"]
    report.add("requests of a pass with nothing changed, polling", f"{polled} for {KINDS} kinds", f"<= {KINDS + 2}", is_met=polled <= KINDS + 2)  # fmt: skip
    watched = counts["requests ours: nothing changed, watching"]
    report.add("requests of a pass with nothing changed, watching", f"{watched}", "0", is_met=not watched)
    repair = counts["requests ours: one object drifted"] - 2 * KINDS
    report.add("requests of one repair beyond the looks before and after", f"{max(repair, 0)}", "<= 2", is_met=repair <= 2)  # fmt: skip
    crowded = spent["ours: nothing changed, unmanaged objects doubled"].wall / spent["ours: nothing changed"].wall
    report.add("nothing changed, with twice the objects that nobody manages", f"{crowded:.2f}x the time", "1x", is_met=crowded < 1.3)  # fmt: skip
    cpu = spent["ours: first apply"].cpu / objects * 1000
    report.add("processor time of the client for an object created", f"{cpu:.2f} ms (kubectl {spent['kubectl: first apply'].cpu / objects * 1000:.2f} ms)", "<= 1 ms", is_met=cpu <= 1.0)  # fmt: skip


# -- objects -------------------------------------------------------------------------------------------------------------------


def manifest(number: int) -> dict[str, Any]:
    """Return one of five kinds of objects, about as large as the common ones."""
    name = f"object-{number:05d}"
    metadata = {"name": name, "labels": {"app": name, "tier": "web"}}
    kind = number % KINDS
    if kind == 0:
        data = {f"key-{i}": f"value {i} of {name}" for i in range(10)}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
    if kind == 1:
        spec = {"selector": {"app": name}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
        return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}
    if kind == 2:
        return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": _deployment(name)}
    if kind == 3:
        return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"password": f"hunter-{number}"}}


def _deployment(name: str) -> dict[str, Any]:
    container = {
        "name": "web", "image": "nginx:1.27", "ports": [{"containerPort": 8080}],
        "resources": {"requests": {"cpu": "1000m", "memory": "1024Mi"}},
        "env": [{"name": "LEVEL", "value": "info"}, {"name": "NAME", "value": name}],
    }  # fmt: skip
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    return {"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": template}


def _yaml(objects: int) -> str:
    return "\n---\n".join(json.dumps(manifest(number)) for number in range(objects))

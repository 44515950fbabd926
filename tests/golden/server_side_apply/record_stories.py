"""
Tell the stories of ``stories/*.yaml`` to a real API server and write down what it answers, in ``answers/*.json``.

A program: ``python tests/golden/server_side_apply/record_stories.py https://127.0.0.1:6443 TOKEN [TOPIC ...]``.
All stories go on together, one step a round, with more than a second between rounds, so that times of managers tell steps apart.
Times become the second of their step (``2026-01-01T00:00:02Z`` for step 2), uids and resource versions are counted.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import urllib3
import yaml

HERE = Path(__file__).parent
CONTENT = {
    "create": ("POST", "application/json"),
    "replace": ("PUT", "application/json"),
    "apply": ("PATCH", "application/apply-patch+yaml"),
    "merge": ("PATCH", "application/merge-patch+json"),
    "json": ("PATCH", "application/json-patch+json"),
    "strategic": ("PATCH", "application/strategic-merge-patch+json"),
}
TIME = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ")
UID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Server:
    """A real API server."""

    def __init__(self, url: str, token: str) -> None:
        urllib3.disable_warnings()
        self.url = url
        self.pool = urllib3.PoolManager(cert_reqs="CERT_NONE", headers={"Authorization": f"Bearer {token}"})
        self.plurals: dict[str, tuple[str, bool]] = {}

    def ask(self, method: str, path: str, body: Any = None, *, content: str = "application/json", **fields: str) -> Any:
        """Return status and decoded body."""
        query = "?" + "&".join(f"{name}={value}" for name, value in fields.items()) if fields else ""
        data = None if body is None else json.dumps(body).encode()
        headers = {**self.pool.headers, "Content-Type": content, "User-Agent": "stories"}
        answer = self.pool.request(method, self.url + path + query, body=data, headers=headers, retries=False)
        return answer.status, answer.json()

    def path(self, api_version: str, kind: str, namespace: str) -> str:
        """Return the collection of a kind."""
        base = f"/api/{api_version}" if "/" not in api_version else f"/apis/{api_version}"
        if f"{api_version}/{kind}" not in self.plurals:
            for one in self.ask("GET", base)[1]["resources"]:
                if "/" not in one["name"]:
                    self.plurals[f"{api_version}/{one['kind']}"] = (one["name"], one["namespaced"])
        plural, namespaced = self.plurals[f"{api_version}/{kind}"]
        return f"{base}/namespaces/{namespace}/{plural}" if namespaced else f"{base}/{plural}"

    def define(self, number: int, schema: Mapping[str, Any]) -> str:
        """Create a custom resource definition with two versions of one schema, wait until it is served, and return the kind."""
        kind = f"Story{number}"
        plural = f"{kind.lower()}s"
        version = {
            "served": True,
            "schema": {"openAPIV3Schema": schema},
            "subresources": {
                "status": {},
                "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"},
            },
        }
        definition = {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{plural}.example.com"},
            "spec": {
                "group": "example.com",
                "scope": "Namespaced",
                "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
                "versions": [{**version, "name": "v1", "storage": True}, {**version, "name": "v2", "storage": False}],
            },
        }
        base = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        self.ask("DELETE", f"{base}/{plural}.example.com")
        for _ in range(100):
            status, answer = self.ask("POST", base, definition)
            if status == 201:
                return kind
            if status != 409:
                raise SystemExit(f"{kind}: {answer}")
            time.sleep(0.2)
        raise SystemExit(f"{kind} could not be defined")


class Telling:
    """One story under way."""

    def __init__(self, server: Server, number: int, story: Mapping[str, Any]) -> None:
        self.server, self.story = server, story
        self.place = f"story-{number}-{time.time_ns() % 10**8}"
        self.schema = story.get("schema")
        self.api_version, _, self.kind = story.get("kind", "example.com/v1/").rpartition("/")
        if self.schema is not None:
            self.kind = server.define(number, self.schema)
        server.ask("POST", "/api/v1/namespaces", {"metadata": {"name": self.place}})
        self.names = {self.place: "stories", self.kind: self.kind if self.schema is None else "Story"}
        self.seen: dict[str, dict[str, str]] = {"time": {}, "uid": {}, "version": {}}
        self.steps: list[dict[str, Any]] = []
        self.stored: Any = None

    def clear(self) -> None:
        """Take away what an earlier telling has left, if the story names its object."""
        path = f"{self.server.path(self.api_version, self.kind, self.place)}/{self.name}"
        while "name" in self.story and self.server.ask("DELETE", path)[0] != 404:
            time.sleep(0.2)

    def ready(self) -> bool:
        """Tell whether the server serves the kind."""
        if self.schema is None:
            return True
        resources = self.server.ask("GET", f"/apis/{self.api_version}")[1].get("resources", ())
        return any(one["kind"] == self.kind for one in resources)

    def step(self, index: int) -> None:
        """Ask what step *index* asks, and keep the answer."""
        step = self.story["steps"][index]
        verb = next(verb for verb in CONTENT if verb in step)
        method, content = CONTENT[verb]
        api_version = step.get("version", self.api_version)
        path = self.server.path(api_version, self.kind, self.place)
        if verb != "create":
            path += f"/{self.name}" + (f"/{step['subresource']}" if "subresource" in step else "")
        body = step[verb] if verb == "json" else self.body(step, verb, api_version)
        fields = {"fieldManager": step["as"]}
        fields |= {"force": "true"} if step.get("force") else {}
        fields |= {"dryRun": "All"} if step.get("dry") else {}
        before = self.server.ask("GET", f"{self.server.path(api_version, self.kind, self.place)}/{self.name}")[1]
        status, answer = self.server.ask(method, path, body, content=content, **fields)
        if step.get("subresource") == "scale" and status < 300:
            answer = self.server.ask("GET", path.removesuffix("/scale"))[1]
        request = {name: value for name, value in step.items() if name not in CONTENT} | {"verb": verb, "body": body}
        told = {"request": request, "status": status, "answer": answer}
        if self.stored is not None and self.stored != before and "version" not in step:
            told["before"] = before  # somebody else has written in the meantime
        self.stored = answer if status < 300 and not step.get("dry") else self.stored
        self.steps.append(self.normal(told, index))

    @property
    def name(self) -> str:
        """The name of the story's object."""
        return str(self.story.get("name", f"it-{self.place}"))

    def body(self, step: Mapping[str, Any], verb: str, api_version: str) -> Any:
        """Return the step's object with what identifies it."""
        sent = {**step[verb]}
        if verb in {"merge", "strategic"}:
            return sent
        kind = {"apiVersion": api_version, "kind": self.kind}
        metadata = {"name": self.name, **sent.pop("metadata", {})}
        if verb == "replace":
            stored = self.server.ask("GET", f"{self.server.path(api_version, self.kind, self.place)}/{self.name}")[1]
            metadata.setdefault("resourceVersion", stored["metadata"].get("resourceVersion", ""))
        return {**kind, "metadata": metadata, **sent}

    def normal(self, told: Any, index: int) -> Any:
        """Return *told* without what differs from one telling to the next."""
        text = json.dumps(told)
        for real, normal in self.names.items():
            text = text.replace(real, normal).replace(real.lower(), normal.lower())
        times, uids = self.seen["time"], self.seen["uid"]
        for found in sorted(set(TIME.findall(text))):
            times.setdefault(found, f"2026-01-01T00:00:{index:02}Z")
        text = TIME.sub(lambda match: times[match.group()], text)
        text = UID.sub(lambda match: uids.setdefault(match.group(), f"uid-{len(uids) + 1}"), text)
        versions = self.seen["version"]
        count = lambda match: match.group(1) + versions.setdefault(match.group(2), str(len(versions) + 1))  # noqa: E731
        return json.loads(re.sub(r'("resourceVersion": ")(\d+)', count, text))


def main(url: str, token: str, *topics: str) -> None:
    """Record the topics, or all."""
    server = Server(url, token)
    tellings: dict[str, list[Telling]] = {}
    number = 0
    for path in sorted((HERE / "stories").glob("*.yaml")):
        if not topics or path.stem in topics:
            stories = yaml.safe_load(path.read_text(encoding="utf-8"))
            tellings[path.stem] = [Telling(server, number := number + 1, story) for story in stories]
    everyone = [one for some in tellings.values() for one in some]
    while not all(one.ready() for one in everyone):
        time.sleep(0.2)
    for one in everyone:
        one.clear()
    for index in range(max(len(one.story["steps"]) for one in everyone)):
        for one in everyone:
            if index < len(one.story["steps"]):
                one.step(index)
        time.sleep(1.1)
    for topic, some in tellings.items():
        write(HERE / "answers" / f"{topic}.json", some)


def write(path: Path, tellings: list[Telling]) -> None:
    """Write one topic: a line for each step, so that a change reads as a diff."""
    path.parent.mkdir(exist_ok=True)
    chunks = []
    for one in tellings:
        facts = {"story": one.story["story"], "apiVersion": one.api_version, "kind": one.names[one.kind], "schema": one.schema}
        facts["allocated"] = one.story.get("allocated", [])
        head = json.dumps(facts)[:-1]
        steps = ",\n".join(json.dumps(step, separators=(",", ":")) for step in one.steps)
        chunks.append(f'{head}, "steps": [\n{steps}]}}')
    path.write_text("[\n" + ",\n".join(chunks) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])

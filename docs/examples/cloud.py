"""
A target of your own: a cloud API that invents ids and takes its time, in under forty lines.

Run it: ``python docs/examples/cloud.py``. The API below the target is a fake one.
"""

import itertools
import threading

from gitops_core import Application, Fields, Health, Identity, Limits, Live, Owner, Target, plan, reconcile
from gitops_core.errors import Invalid, NotFound
from gitops_core.model.health import HealthStatus
from gitops_core.model.resources import Pending
from gitops_core.renderers.manifests import ManifestsRenderer
from gitops_core.sources.memory import MemorySource
from gitops_core.state.memory import MemoryStore
from gitops_core.targets.merging import overlay


class CloudTarget(Target):
    identity = Identity.ASSIGNED
    fields = Fields(immutable=["/zone"], computed=["/id", "/state"])
    limits = Limits(concurrency=2, rate=200.0, timeout=10.0)

    def __init__(self, api):
        self.api = api

    def observe(self, ctx, query):
        for machine in self.api.machines():
            going = machine["state"] == "terminating"
            yield Live(("Machine", machine["name"]), machine, id=machine["id"], deleting=going)

    def create(self, ctx, change):
        return self._accepted(self.api.create(overlay({}, change.desired), client_token=change.idempotency_key))

    def update(self, ctx, change):
        machine = overlay(change.live.body, change.desired, change.previous)
        return self._accepted(self.api.resize(change.live.id, machine))

    def delete(self, ctx, change):
        return self._accepted(self.api.terminate(change.live.id))

    def poll(self, ctx, pending):
        operation = self.api.operation(pending.token)
        if operation["state"] == "failed":
            raise Invalid(operation["error"])
        return Pending(pending.token, 0.01, "the cloud is at it") if operation["state"] == "running" else None

    def health(self, live):
        ready = live.body.get("state") == "running"
        return Health(settled=ready, status=HealthStatus.HEALTHY if ready else HealthStatus.PROGRESSING)

    def _accepted(self, operation):
        return Pending(operation, 0.01, "accepted")


# -- the rest of this file is what a vendor gives you ---------------------------------------------------------------------


class CloudApi:
    """
    A cloud's client. Names are labels and not unique; a client token makes a repeated create harmless. Every operation needs
    three looks to finish.
    """

    LOOKS = 3

    def __init__(self):
        self._machines = {}
        self._operations = {}
        self._tokens = {}
        self._ids = itertools.count(1)
        self._lock = threading.Lock()
        self.writes = 0

    def machines(self):
        with self._lock:
            return [dict(machine) for machine in self._machines.values()]

    def create(self, machine, client_token):
        with self._lock:
            if client_token in self._tokens:
                return self._tokens[client_token]
            number = f"i-{next(self._ids):08x}"
            self._machines[number] = {**machine, "id": number, "state": "starting"}
            self._tokens[client_token] = self._begin(number, "running")
            return self._tokens[client_token]

    def resize(self, number, machine):
        with self._lock:
            self._known(number)
            self._machines[number] = {**machine, "id": number, "state": "resizing"}
            return self._begin(number, "running")

    def terminate(self, number):
        with self._lock:
            self._known(number)["state"] = "terminating"
            return self._begin(number, "terminated")

    def operation(self, token):
        with self._lock:
            operation = self._operations[token]
            operation["looks"] += 1
            if operation["looks"] >= self.LOOKS and operation["state"] == "running":
                operation["state"] = "done"
                self._finish(operation)
            return dict(operation)

    def _known(self, number):
        if number not in self._machines:
            raise NotFound("404: no such machine")
        return self._machines[number]

    def _begin(self, number, goal):
        self.writes += 1
        token = f"op-{next(self._ids)}"
        self._operations[token] = {"machine": number, "goal": goal, "state": "running", "looks": 0, "error": ""}
        return token

    def _finish(self, operation):
        if operation["goal"] == "terminated":
            self._machines.pop(operation["machine"], None)
        elif operation["machine"] in self._machines:
            self._machines[operation["machine"]]["state"] = operation["goal"]


MACHINES = """
{kind: Machine, name: web-1, zone: eu-1, size: small}
---
{kind: Machine, name: web-2, zone: eu-2, size: small}
"""


def main():
    api, store, source = CloudApi(), MemoryStore(), MemorySource({"machines.yaml": MACHINES})
    app = Application(
        name="cloud",
        owner=Owner("example.org", "demo"),
        source=source,
        renderer=ManifestsRenderer(),
        target=CloudTarget(api),
    )
    print(reconcile(app, store=store).text())
    before = {machine["name"]: machine["id"] for machine in api.machines()}

    source.commit({"machines.yaml": MACHINES.replace("small", "large").replace("eu-2", "eu-3")})
    print("\nLarger machines, and one of them in another zone:")
    print(plan(app, store=store).text())
    print(reconcile(app, store=store).text())
    after = {machine["name"]: machine["id"] for machine in api.machines()}
    assert before["web-1"] == after["web-1"], "resized in place"
    assert before["web-2"] != after["web-2"], "a zone cannot be changed: replaced"
    assert plan(app, store=store).is_empty


if __name__ == "__main__":
    main()

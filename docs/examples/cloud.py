"""
A target of your own: a cloud API that invents ids and takes its time, in under forty lines.

Run it: ``python docs/examples/cloud.py``. The API below the target is a fake one.
"""

import contextlib

from gitops_core import Application, Fields, Health, Identity, Limits, Live, Owner, Target, plan, reconcile
from gitops_core.errors import Conflict, Invalid, NotFound, Throttled, Transient
from gitops_core.model.health import HealthStatus
from gitops_core.model.resources import Pending
from gitops_core.renderers.manifests import ManifestsRenderer
from gitops_core.sources.memory import MemorySource
from gitops_core.state.memory import MemoryStore
from gitops_core.targets.merging import overlay
from gitops_core.testing.fake_api import (
    ApiError,
    ApiSettings,
    ConflictError,
    FakeApi,
    InvalidError,
    NotFoundError,
    States,
    Takes,
    ThrottledError,
)


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
        if operation.state == "failed":
            raise Invalid(operation.error)
        return Pending(pending.token, 0.01, "the cloud is at it") if operation.state == "running" else None

    def health(self, live):
        ready = live.body.get("state") == "running"
        return Health(settled=ready, status=HealthStatus.HEALTHY if ready else HealthStatus.PROGRESSING)

    def _accepted(self, operation):
        return Pending(operation.id, 0.01, "accepted")


# -- the vendor's errors in our words: translate them where they enter ------------------------------------------------------


@contextlib.contextmanager
def translated():
    try:
        yield
    except ThrottledError as error:
        raise Throttled(str(error), retry_after=error.retry_after) from error
    except ApiError as error:
        ours = {NotFoundError: NotFound, ConflictError: Conflict, InvalidError: Invalid}
        raise ours.get(type(error), Transient)(str(error)) from error


class CloudApi:
    """
    What the target needs of the cloud's client. Names are labels and not unique; a client token makes a repeated create harmless.
    Every operation is finished three requests later.
    """

    def __init__(self):
        takes = dict.fromkeys(("create", "update", "delete"), Takes(requests=3))
        states = States(create="starting", update="resizing", delete="terminating", ready="running")
        self.cloud = FakeApi(ApiSettings(id_prefix="i-", takes=takes, states=states))

    def machines(self):
        with translated():
            yield from self.cloud.every()

    @translated()
    def create(self, machine, client_token):
        return self.cloud.create(machine, idempotency_key=client_token)

    @translated()
    def resize(self, number, machine):
        return self.cloud.update(number, machine)

    @translated()
    def terminate(self, number):
        return self.cloud.delete(number)

    @translated()
    def operation(self, number):
        return self.cloud.operation(number)

    @property
    def writes(self):
        return self.cloud.writes


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

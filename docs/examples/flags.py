"""
A target of your own: feature flags, in under fifteen lines.

Run it: ``python docs/examples/flags.py``. The API below the target is a fake one.
"""

import contextlib

from gitops_core import Application, Fields, Live, Owner, Target, plan, reconcile
from gitops_core.errors import AlreadyExists, NotFound, Transient
from gitops_core.renderers.memory import MemoryRenderer
from gitops_core.sources.memory import MemorySource
from gitops_core.state.memory import MemoryStore
from gitops_core.targets.merging import overlay
from gitops_core.testing.fake_api import ApiError, ApiSettings, ExistsError, FakeApi, NotFoundError


class FlagTarget(Target):
    fields = Fields(computed=["/revision"])

    def __init__(self, api):
        self.api = api

    def observe(self, ctx, query):
        for flag in self.api.list():
            yield Live(("Flag", flag["name"]), flag, id=flag["name"], version=flag["revision"])

    def create(self, ctx, change):
        self.api.create(overlay({}, change.desired))

    def update(self, ctx, change):
        self.api.replace(change.key.name, overlay(change.live.body, change.desired, change.previous))

    def delete(self, ctx, change):
        self.api.delete(change.live.id)


# -- the vendor's errors in our words: translate them where they enter ------------------------------------------------------

OURS = {ExistsError: AlreadyExists, NotFoundError: NotFound}


@contextlib.contextmanager
def translated():
    try:
        yield
    except ApiError as error:
        raise OURS.get(type(error), Transient)(str(error)) from error


class FlagApi:
    """What the target needs of the vendor's client. A flag's name is its id, and every write gives it another revision."""

    def __init__(self):
        self.flags = FakeApi(ApiSettings(assigns_ids=False, id_field="name", version_field="revision"))

    def list(self):
        with translated():
            yield from self.flags.every()

    @translated()
    def create(self, flag):
        self.flags.create(flag)

    @translated()
    def replace(self, name, flag):
        self.flags.update(name, flag)

    @translated()
    def delete(self, name):
        self.flags.delete(name)

    @property
    def writes(self):
        return self.flags.writes


FLAGS = [
    {"kind": "Flag", "name": "new-checkout", "on": True, "percent": 25},
    {"kind": "Flag", "name": "dark-mode", "on": True, "audience": ["staff", "beta"]},
]


def main():
    api, store = FlagApi(), MemoryStore()
    app = Application(
        name="flags",
        owner=Owner("example.org", "demo"),
        source=MemorySource({}),
        renderer=MemoryRenderer(FLAGS),
        target=FlagTarget(api),
    )
    print(reconcile(app, store=store).text())

    api.flags.foreign("ada").edit("dark-mode", {"on": False, "note": "switched off at night, Ada"})
    print("\nSomebody switched dark-mode off by hand:")
    print(plan(app, store=store).text())
    print(reconcile(app, store=store).text())
    flag = api.flags.find(name="dark-mode")
    assert flag["on"]
    assert flag["note"], "what Git does not declare stays as it is"
    assert plan(app, store=store).is_empty


if __name__ == "__main__":
    main()

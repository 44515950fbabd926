"""
A target of your own: feature flags, in under fifteen lines.

Run it: ``python docs/examples/flags.py``. The API below the target is a fake one.
"""

import threading

from gitops_core import Application, Live, Owner, Target, plan, reconcile
from gitops_core.errors import AlreadyExists, NotFound
from gitops_core.renderers.memory import MemoryRenderer
from gitops_core.sources.memory import MemorySource
from gitops_core.state.memory import MemoryStore
from gitops_core.targets.merging import overlay


class FlagTarget(Target):
    def __init__(self, api):
        self.api = api

    def observe(self, ctx, query):
        for flag, revision in self.api.list():
            yield Live(("Flag", flag["name"]), flag, id=flag["name"], version=str(revision))

    def create(self, ctx, change):
        self.api.create(change.key.name, overlay({}, change.desired))

    def update(self, ctx, change):
        self.api.replace(change.key.name, overlay(change.live.body, change.desired, change.previous))

    def delete(self, ctx, change):
        self.api.delete(change.live.id)


# -- the rest of this file is what a vendor gives you ---------------------------------------------------------------------


class FlagApi:
    """A feature flag service's client; it translates 404 and 409 where they enter."""

    def __init__(self):
        self._flags = {}
        self._lock = threading.Lock()
        self.writes = 0

    def list(self):
        with self._lock:
            return list(self._flags.values())

    def create(self, name, flag):
        with self._lock:
            if name in self._flags:
                raise AlreadyExists("409: this flag exists")
            self._put(name, flag)

    def replace(self, name, flag):
        with self._lock:
            if name not in self._flags:
                raise NotFound("404: no such flag")
            self._put(name, flag)

    def delete(self, name):
        with self._lock:
            if self._flags.pop(name, None) is None:
                raise NotFound("404: no such flag")
            self.writes += 1

    def _put(self, name, flag):
        self.writes += 1
        self._flags[name] = (flag, self.writes)


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

    api.replace("dark-mode", {**FLAGS[1], "on": False, "note": "switched off at night, Ada"})
    print("\nSomebody switched dark-mode off by hand:")
    print(plan(app, store=store).text())
    print(reconcile(app, store=store).text())
    flag = next(flag for flag, _ in api.list() if flag["name"] == "dark-mode")
    assert flag["on"]
    assert flag["note"], "what Git does not declare stays as it is"
    assert plan(app, store=store).is_empty


if __name__ == "__main__":
    main()

"""
The controllers of the cluster itself, run between requests: definitions are established, namespaces emptied, garbage collected.

Nothing runs in the background: ``settle`` does what is due, before every request and whenever a watch looks for news, so that equal
histories give equal clusters.
"""

from __future__ import annotations

import heapq
from typing import Any, Final

from gitops_core.testing.kubernetes import definitions
from gitops_core.testing.kubernetes.garbage import Garbage
from gitops_core.testing.kubernetes.scripts import Script, Scripts
from gitops_core.testing.kubernetes.store import Event, Stored
from gitops_core.testing.kubernetes.world import World

Object = dict[str, Any]
Key = tuple[str, str]
_NAMESPACES: Final = ("", "namespaces")
_ROUNDS: Final = 1_000


class Controllers:
    """All controllers of one cluster. Hold the store's lock."""

    def __init__(self, world: World) -> None:
        """Watch the store of *world*."""
        self._world = world
        self._garbage = Garbage(world) if world.settings.garbage_collection else None
        self._scripts = Scripts(world)
        self._terminating: set[str] = set()
        self._definitions: list[tuple[float, str]] = []
        self._dying: set[str] = set()
        self._busy = False
        world.store.listeners.append(self._notice)
        world.settle = self.settle

    def script(self, script: Script) -> None:
        """Let *script* look after the objects of its kinds from now on."""
        self._scripts.add(script)

    def settle(self) -> None:
        """Do what is due."""
        if self._busy or not self._is_due():
            return
        with self._world.store.lock:
            self._busy = True
            try:
                self._run()
            finally:
                self._busy = False

    def _is_due(self) -> bool:
        now = self._world.settings.clock.monotonic()
        early = self._definitions and self._definitions[0][0] <= now
        return bool(
            early or self._terminating or self._dying or (self._garbage and self._garbage.is_due) or self._scripts.is_due(now)
        )

    def _run(self) -> None:
        for _ in range(_ROUNDS):
            version = self._world.store.version
            self._establish()
            if self._garbage:
                self._garbage.collect()
            self._bury()
            if self._world.settings.namespace_controller:
                self._empty_namespaces()
            self._scripts.run()
            if self._world.store.version == version:
                return
        raise RuntimeError("the controllers of the fake cluster do not come to rest; do two scripts undo each other's writes?")

    # -- what happened ----------------------------------------------------------------------------------------------------
    def _notice(self, key: Key, event: Event) -> None:
        if key == definitions.KEY:
            self._notice_definition(event)
        elif key == _NAMESPACES and event.after.object["metadata"].get("deletionTimestamp"):
            (self._terminating.discard if event.deleted else self._terminating.add)(event.after.name)
        if self._garbage:
            self._garbage.notice(key, event)
        self._scripts.notice(key, event)

    def _notice_definition(self, event: Event) -> None:
        value, name = event.after.object, event.after.name
        if event.deleted:
            self._dying.discard(name)
            self._world.kinds.remove(value["spec"]["group"], value["spec"]["names"]["plural"])
        elif value["metadata"].get("deletionTimestamp"):
            self._dying.add(name)
        elif event.before is None or event.before.object["spec"] != value["spec"]:
            wait = self._world.settings.establish_after if event.before is None else 0.0
            heapq.heappush(self._definitions, (self._world.settings.clock.monotonic() + wait, name))

    # -- definitions ------------------------------------------------------------------------------------------------------
    def _establish(self) -> None:
        now = self._world.settings.clock.monotonic()
        while self._definitions and self._definitions[0][0] <= now:
            found = self._world.store.get(definitions.KEY, "", heapq.heappop(self._definitions)[1])
            if found is not None and not found.object["metadata"].get("deletionTimestamp"):
                self._serve(found)

    def _serve(self, found: Stored) -> None:
        spec, stamp = found.object["spec"], self._world.stamp()
        taken = self._world.kinds.named(spec["group"], spec["names"]["kind"])
        if taken is not None and taken.plural != spec["names"]["plural"]:
            self._world.write(definitions.KEY, found, definitions.refused(found.object, spec["names"]["kind"], stamp))
            return
        self._world.kinds.remove(spec["group"], spec["names"]["plural"])
        self._world.kinds.add(definitions.kinds_of(found.object))
        self._world.write(definitions.KEY, found, definitions.established(found.object, stamp))

    def _bury(self) -> None:
        """Delete the objects of definitions that are being deleted, then these."""
        for name in sorted(self._dying):
            found = self._world.store.get(definitions.KEY, "", name)
            if found is None:
                continue
            key = (found.object["spec"]["group"], found.object["spec"]["names"]["plural"])
            if not self._emptied(key):
                self._world.release(definitions.KEY, found, definitions.FINALIZER)

    # -- namespaces -------------------------------------------------------------------------------------------------------
    def _empty_namespaces(self) -> None:
        for name in sorted(self._terminating):
            left = sum(self._emptied(kind.key, name) for kind in self._namespaced())
            found = self._world.store.get(_NAMESPACES, "", name)
            if left or found is None:
                continue
            spec = {key: item for key, item in (found.object.get("spec") or {}).items() if key != "finalizers"}
            self._world.write(_NAMESPACES, found, {**found.object, "spec": spec})

    def _namespaced(self) -> list[Any]:
        return [kind for kind in self._world.kinds.stored() if kind.namespaced and self._world.store.holds(kind.key)]

    def _emptied(self, key: Key, namespace: str = "") -> int:
        """Delete the objects of a resource, of all namespaces or one, and return how many are left, waiting for their finalizers."""
        return sum(self._world.delete(key, each) is not None for each in self._world.store.all(key, namespace))

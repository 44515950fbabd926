"""Garbage collection: dependents follow their owners. Source: Kubernetes documentation, Garbage Collection."""

from __future__ import annotations

from typing import Any

from gitops_core.testing.kubernetes.leaving import FOREGROUND, ORPHAN
from gitops_core.testing.kubernetes.store import Event, Stored
from gitops_core.testing.kubernetes.world import World

Object = dict[str, Any]
Key = tuple[str, str]
Place = tuple[Key, str, str]


class Garbage:
    """Who owns whom, and what is to be done about it. Hold the store's lock."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._alive: dict[str, Place] = {}
        self._dependents: dict[str, set[Place]] = {}
        self._look: dict[Place, None] = {}
        self._leaving: dict[Place, None] = {}

    @property
    def is_due(self) -> bool:
        """Whether there is something to do."""
        return bool(self._look or self._leaving)

    def notice(self, key: Key, event: Event) -> None:
        """Take a change into account. Cost: O(owners)."""
        after, metadata = event.after, event.after.object["metadata"]
        place = (key, after.namespace, after.name)
        uid = metadata.get("uid", "")
        owners = metadata.get("ownerReferences")
        if event.deleted:
            self._alive.pop(uid, None)
            self._leaving.pop(place, None)
            self._look.update(dict.fromkeys(sorted(self._dependents.get(uid, ()))))
        else:
            self._alive[uid] = place
            if metadata.get("deletionTimestamp") and {FOREGROUND, ORPHAN} & set(metadata.get("finalizers") or ()):
                self._leaving[place] = None
        if owners or (event.before is not None and event.before.object["metadata"].get("ownerReferences")):
            self._relate(place, event)

    def _relate(self, place: Place, event: Event) -> None:
        for owner in (event.before.object["metadata"].get("ownerReferences") or ()) if event.before else ():
            self._dependents.get(owner["uid"], set()).discard(place)
            self._look.update({self._alive[owner["uid"]]: None} if owner["uid"] in self._alive else {})
        if not event.deleted:
            for owner in event.after.object["metadata"].get("ownerReferences") or ():
                self._dependents.setdefault(owner["uid"], set()).add(place)
            self._look[place] = None

    def collect(self) -> None:
        """Delete what lost its owners, and finish what leaves in the foreground or leaves orphans."""
        look, self._look = self._look, {}
        for place in look:
            found = self._world.store.get(*place)
            if found is not None:
                self._examine(place[0], found)
        for place in list(self._leaving):
            found = self._world.store.get(*place)
            if found is None or not self._finish(place[0], found):
                self._leaving.pop(place, None)

    def _examine(self, key: Key, found: Stored) -> None:
        owners = found.object["metadata"].get("ownerReferences") or []
        living = [owner for owner in owners if owner["uid"] in self._alive]
        if not owners or len(living) == len(owners):
            return
        if living:
            self._world.write(key, found, _owned_by(found.object, living))
        elif not found.object["metadata"].get("deletionTimestamp"):
            self._world.delete(key, found)

    def _finish(self, key: Key, found: Stored) -> bool:
        """Do the next step for an object that leaves; True while it has to wait."""
        finalizers = found.object["metadata"].get("finalizers") or ()
        if ORPHAN in finalizers:
            self._release_dependents(found)
            self._world.release(key, found, ORPHAN)
        elif FOREGROUND in finalizers:
            if self._waits_for_dependents(found):
                return True
            self._world.release(key, found, FOREGROUND)
        return False

    def _release_dependents(self, owner: Stored) -> None:
        uid = owner.object["metadata"]["uid"]
        for place in sorted(self._dependents.get(uid, ())):
            found = self._world.store.get(*place)
            if found is not None:
                others = [each for each in found.object["metadata"]["ownerReferences"] if each["uid"] != uid]
                self._world.write(place[0], found, _owned_by(found.object, others))

    def _waits_for_dependents(self, owner: Stored) -> bool:
        uid, blocked = owner.object["metadata"]["uid"], False
        for place in sorted(self._dependents.get(uid, ())):
            found = self._world.store.get(*place)
            if found is None:
                continue
            if not found.object["metadata"].get("deletionTimestamp"):
                self._world.delete(place[0], found, "Foreground")
            still = self._world.store.get(*place)
            if still is not None:
                blocked |= any(
                    each["uid"] == uid and each.get("blockOwnerDeletion")
                    for each in still.object["metadata"].get("ownerReferences") or ()
                )
        return blocked


def _owned_by(value: Object, owners: list[Object]) -> Object:
    metadata = {name: item for name, item in value["metadata"].items() if name != "ownerReferences"}
    return {**value, "metadata": {**metadata, "ownerReferences": owners} if owners else metadata}

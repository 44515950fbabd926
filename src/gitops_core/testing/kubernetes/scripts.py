"""
Scripted controllers: what would happen to objects if somebody looked after them, on the clock of the cluster.

``Rollout`` makes workloads progress step by step, or get stuck; ``JobRun`` completes jobs, or lets them fail; ``FunctionScript`` is yours.
"""

from __future__ import annotations

import abc
import heapq
import itertools
from collections.abc import Callable
from typing import Any, Final

import attrs

from gitops_core.testing.kubernetes.metadata import timestamp
from gitops_core.testing.kubernetes.store import Event
from gitops_core.testing.kubernetes.world import World

Object = dict[str, Any]
Key = tuple[str, str]
Place = tuple[Key, str, str]


@attrs.frozen
class Look:
    """
    What a script makes of an object.

    Attributes:
        value: The object as it shall be; None to leave it.
        again: Seconds until it wants to look again; None for when somebody changes the object.
    """

    value: Object | None = attrs.field(default=None, repr=False)
    again: float | None = None


class Script(abc.ABC):
    """
    Looks after the objects of some kinds.

    Attributes:
        kinds: Kinds by name.
    """

    kinds: frozenset[str] = frozenset()

    @abc.abstractmethod
    def look(self, value: Object, age: float, now: float) -> Look:
        """
        Say what becomes of *value*.

        Args:
            value: The object; do not change it.
            age: Seconds since its generation was first seen.
            now: Seconds since the epoch.
        """


@attrs.frozen
class FunctionScript(Script):
    """A script made of a function that takes the object and the age of its generation."""

    kinds: frozenset[str] = attrs.field(converter=frozenset)
    function: Callable[[Object, float], Look]

    def look(self, value: Object, age: float, now: float) -> Look:
        """See :class:`Script`."""
        del now
        return self.function(value, age)


@attrs.frozen
class Rollout(Script):
    """
    Makes Deployments, StatefulSets, DaemonSets and ReplicaSets progress.

    Attributes:
        seconds: How long a rollout takes.
        steps: In how many steps replicas become ready.
        stuck: Never get ready: after ``progressDeadlineSeconds`` a Deployment says ``ProgressDeadlineExceeded``.
    """

    seconds: float = 0.0
    steps: int = 1
    stuck: bool = False
    kinds: frozenset[str] = attrs.field(
        default=frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"}), converter=frozenset
    )

    def look(self, value: Object, age: float, now: float) -> Look:
        """See :class:`Script`."""
        wanted = 1 if value["kind"] == "DaemonSet" else value["spec"].get("replicas", 1)
        step = self.steps if age >= self.seconds else int(age * self.steps / self.seconds)
        ready = 0 if self.stuck else wanted * step // self.steps
        deadline = float(value["spec"].get("progressDeadlineSeconds", 600))
        status = _WORKLOADS[value["kind"]](value, wanted, ready)
        if value["kind"] == "Deployment":
            status["conditions"] = _deployment_conditions(
                wanted == ready and not self.stuck, self.stuck and age >= deadline, now, value
            )
        return Look({**value, "status": status}, self._again(age, step, deadline))

    def _again(self, age: float, step: int, deadline: float) -> float | None:
        if self.stuck:
            return deadline - age if age < deadline else None
        return None if step >= self.steps else max(0.001, (step + 1) * self.seconds / self.steps - age)


@attrs.frozen
class JobRun(Script):
    """
    Runs jobs.

    Attributes:
        seconds: How long a job takes.
        fails: Whether it fails in the end.
    """

    seconds: float = 0.0
    fails: bool = False
    kinds: frozenset[str] = attrs.field(default=frozenset({"Job"}), converter=frozenset)

    def look(self, value: Object, age: float, now: float) -> Look:
        """See :class:`Script`."""
        before = value.get("status") or {}
        if any(each["type"] in {"Complete", "Failed"} and each["status"] == "True" for each in before.get("conditions") or ()):
            return Look()
        started = before.get("startTime") or timestamp(now)
        if value["spec"].get("suspend"):
            return Look({**value, "status": {"conditions": [_condition("Suspended", "JobSuspended", "Job suspended", now)]}})
        if age < self.seconds:
            return Look({**value, "status": {"startTime": started, "active": 1, "ready": 1}}, self.seconds - age)
        return Look({**value, "status": self._ended(started, now)})

    def _ended(self, started: str, now: float) -> Object:
        if self.fails:
            condition = _condition("Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit", now)
            return {"startTime": started, "failed": 1, "conditions": [condition]}
        condition = _condition("Complete", "CompletionsReached", "Reached expected number of succeeded pods", now)
        return {"startTime": started, "completionTime": timestamp(now), "succeeded": 1, "conditions": [condition]}


class Scripts:
    """The scripts of one cluster, and when they look next. Hold the store's lock."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._scripts: list[Script] = []
        self._queue: list[tuple[float, int, Place]] = []
        self._due: dict[Place, float] = {}
        self._seen: dict[Place, tuple[Any, float]] = {}
        self._numbers = itertools.count()

    def add(self, script: Script) -> None:
        """Let *script* look after its objects, those that are there already first."""
        self._scripts.append(script)
        for kind in self._world.kinds.stored():
            if kind.kind in script.kinds:
                for found in self._world.store.all(kind.key):
                    self._plan((kind.key, found.namespace, found.name), 0.0)

    def is_due(self, now: float) -> bool:
        """Tell whether a script wants to look."""
        return bool(self._queue) and self._queue[0][0] <= now

    def notice(self, key: Key, event: Event) -> None:
        """Look at what changed."""
        if not self._scripts or not any(event.after.object["kind"] in script.kinds for script in self._scripts):
            return
        place = (key, event.after.namespace, event.after.name)
        if event.deleted:
            self._seen.pop(place, None)
            self._due.pop(place, None)
        else:
            self._plan(place, 0.0)

    def run(self) -> None:
        """Let scripts look once at what is due."""
        now, places = self._world.settings.clock.monotonic(), []
        while self.is_due(now):
            due, _, place = heapq.heappop(self._queue)
            if self._due.get(place) == due:
                del self._due[place]
                places.append(place)
        for place in places:
            self._look(place, now)

    def _look(self, place: Place, now: float) -> None:
        found = self._world.store.get(*place)
        script = next((each for each in self._scripts if found is not None and found.object["kind"] in each.kinds), None)
        if found is None or script is None:
            return
        mark = (found.object["metadata"].get("uid"), found.object["metadata"].get("generation"))
        seen = self._seen.get(place)
        since = seen[1] if seen is not None and seen[0] == mark else now
        self._seen[place] = (mark, since)
        made = script.look(found.object, now - since, self._world.now())
        if made.value is not None:
            self._world.write(place[0], found, made.value)
        if made.again is not None:
            self._due.pop(place, None)
            self._plan(place, made.again)

    def _plan(self, place: Place, wait: float) -> None:
        due = self._world.settings.clock.monotonic() + wait
        if self._due.get(place, due + 1) > due:
            self._due[place] = due
            heapq.heappush(self._queue, (due, next(self._numbers), place))


def _deployment(value: Object, wanted: int, ready: int) -> Object:
    status = {"observedGeneration": value["metadata"].get("generation", 1), "replicas": wanted, "updatedReplicas": wanted}
    ready_too = {"readyReplicas": ready, "availableReplicas": ready} if ready else {}
    return {**status, **ready_too, **({"unavailableReplicas": wanted - ready} if wanted - ready else {})}


def _stateful_set(value: Object, wanted: int, ready: int) -> Object:
    generation = value["metadata"].get("generation", 1)
    revision = f"{value['metadata']['name']}-{generation}"
    current = revision if ready == wanted else (value.get("status") or {}).get("currentRevision", revision)
    counts = {
        "replicas": wanted,
        "readyReplicas": ready,
        "currentReplicas": ready,
        "updatedReplicas": ready,
        "availableReplicas": ready,
    }
    return {"observedGeneration": generation, **counts, "currentRevision": current, "updateRevision": revision}


def _daemon_set(value: Object, wanted: int, ready: int) -> Object:
    counts = {"currentNumberScheduled": wanted, "desiredNumberScheduled": wanted, "updatedNumberScheduled": wanted}
    return {
        **counts,
        "numberMisscheduled": 0,
        "numberReady": ready,
        "numberAvailable": ready,
        "observedGeneration": value["metadata"].get("generation", 1),
    }


def _replica_set(value: Object, wanted: int, ready: int) -> Object:
    generation = value["metadata"].get("generation", 1)
    return {
        "observedGeneration": generation,
        "replicas": wanted,
        "fullyLabeledReplicas": wanted,
        "readyReplicas": ready,
        "availableReplicas": ready,
    }


def _deployment_conditions(done: bool, exceeded: bool, now: float, value: Object) -> list[Object]:
    name = value["metadata"]["name"]
    available = _condition("Available", "MinimumReplicasAvailable", "Deployment has minimum availability.", now)
    if not done:
        available |= {
            "status": "False",
            "reason": "MinimumReplicasUnavailable",
            "message": "Deployment does not have minimum availability.",
        }
    if exceeded:
        progressing = {
            **_condition("Progressing", "ProgressDeadlineExceeded", f'ReplicaSet "{name}-1" has timed out progressing.', now),
            "status": "False",
        }
    elif done:
        progressing = _condition(
            "Progressing", "NewReplicaSetAvailable", f'ReplicaSet "{name}-1" has successfully progressed.', now
        )
    else:
        progressing = _condition("Progressing", "ReplicaSetUpdated", f'ReplicaSet "{name}-1" is progressing.', now)
    before = {each["type"]: each for each in (value.get("status") or {}).get("conditions") or ()}
    return [_kept(before.get(each["type"]), each) for each in (available, progressing)]


def _kept(before: Object | None, after: Object) -> Object:
    """A condition that did not change keeps its times."""
    if before is None or any(before.get(name) != after[name] for name in ("status", "reason", "message")):
        return after
    return before


def _condition(name: str, reason: str, message: str, now: float) -> Object:
    stamp = timestamp(now)
    return {"type": name, "status": "True", "reason": reason, "message": message, "lastTransitionTime": stamp}


_WORKLOADS: Final[dict[str, Callable[[Object, int, int], Object]]] = {
    "Deployment": _deployment,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "ReplicaSet": _replica_set,
}

"""Leases as values and back: what is in a member's, what is in the one with the list. No I/O."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import attrs

from gitops_core.coordination.kubernetes.names import GROUP, Names
from gitops_core.errors import StateCorrupt
from gitops_core.model.rosters import Member, Roster

Object = dict[str, Any]
_API: Final = f"{GROUP}/v1"


@attrs.frozen
class Sign:
    """
    A member's sign of life.

    Attributes:
        member: Whose.
        token: Which start of it: two engines of one id are told apart.
        beats: In how many beats it has read the list; a sign that stays the same is none.
        duration: Seconds of silence after which it wants to be counted out.
        generation: The highest it has seen.
        epoch: Rises when it was silent for longer than a standing lasts: from then on it counts only if the list names this epoch.
    """

    member: Member
    token: str
    beats: int
    duration: float
    generation: int
    epoch: int = 0

    @property
    def mark(self) -> tuple[str, int]:
        """What changes with every sign of life."""
        return self.life, self.beats

    @property
    def life(self) -> str:
        """Token and epoch: what the leader confirms."""
        return f"{self.token}.{self.epoch}"


@attrs.frozen
class Record:
    """
    The list of members as it is stored.

    Attributes:
        roster: The list.
        renewals: Counts the leader's writes; one that stays the same for *duration* has lost its leader.
        duration: Seconds.
        transitions: Counts leaders.
        lives: (id, life) of the signs that the leader had seen when it wrote the list, sorted.
    """

    roster: Roster
    renewals: int
    duration: float
    transitions: int = 0
    lives: tuple[tuple[str, str], ...] = ()

    @property
    def mark(self) -> tuple[int, int]:
        """What changes with every write of the leader's."""
        return self.roster.generation, self.renewals


def sign_body(names: Names, sign: Sign, now: float) -> Object:
    """Return the Lease that says *sign*; *now* is for people: nobody reads it back."""
    facts = {"id": sign.member.id, "weight": sign.member.weight, "token": sign.token, "beats": sign.beats,
        "duration": sign.duration, "generation": sign.generation, "epoch": sign.epoch}  # fmt: skip
    spec = {"holderIdentity": sign.member.id, "leaseDurationSeconds": math.ceil(sign.duration), "renewTime": _spelled(now)}
    return _lease(names, (names.member(sign.member.id), "member"), facts, spec)


def record_body(names: Names, record: Record, now: float) -> Object:
    """Return the Lease that says *record*; *now* is for people."""
    lives = dict(record.lives)
    members = [{"id": one.id, "weight": one.weight, "life": lives.get(one.id, "")} for one in record.roster.members]
    facts = {"generation": record.roster.generation, "members": members, "leader": record.roster.leader,
        "renewals": record.renewals, "duration": record.duration}  # fmt: skip
    spec = {
        "holderIdentity": record.roster.leader,
        "leaseDurationSeconds": math.ceil(record.duration),
        "leaseTransitions": record.transitions,
        "renewTime": _spelled(now),
    }
    return _lease(names, (names.roster, "roster"), facts, {key: value for key, value in spec.items() if value != ""})


def _lease(names: Names, what: tuple[str, str], facts: Mapping[str, Any], spec: Mapping[str, Any]) -> Object:
    name, part = what
    annotations = {names.facts: json.dumps(facts, separators=(",", ":"))}
    metadata = {"name": name, "namespace": names.namespace, "labels": names.labels(part), "annotations": annotations}
    return {"apiVersion": _API, "kind": "Lease", "metadata": metadata, "spec": dict(spec)}


def _spelled(now: float) -> str:
    """Source: MicroTime of the Kubernetes API reference."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def replacing(body: Object, before: Object) -> Object:
    """Return *body* as what replaces *before* and nothing later: a compare-and-swap."""
    found = before["metadata"]
    metadata = {**body["metadata"], "resourceVersion": found["resourceVersion"], "uid": found["uid"]}
    return {**body, "metadata": metadata}


def sign_of(names: Names, lease: Object) -> Sign:
    """Return what :func:`sign_body` wrote; raises StateCorrupt otherwise."""
    with _reading(names, lease):
        facts = _facts(names, lease)
        member = Member(str(facts["id"]), float(facts["weight"]))
        return Sign(
            member,
            str(facts["token"]),
            int(facts["beats"]),
            float(facts["duration"]),
            int(facts["generation"]),
            int(facts["epoch"]),
        )


def record_of(names: Names, lease: Object) -> Record:
    """Return what :func:`record_body` wrote; raises StateCorrupt otherwise."""
    with _reading(names, lease):
        facts = _facts(names, lease)
        members = tuple(Member(str(one["id"]), float(one["weight"])) for one in facts["members"])
        roster = Roster(int(facts["generation"]), members, str(facts["leader"]))
        transitions = int(lease["spec"].get("leaseTransitions", 0))
        lives = tuple(sorted((str(one["id"]), str(one["life"])) for one in facts["members"]))
        return Record(roster, int(facts["renewals"]), float(facts["duration"]), transitions, lives)


def _facts(names: Names, lease: Object) -> Any:
    return json.loads(lease["metadata"]["annotations"][names.facts])


@contextmanager
def _reading(names: Names, lease: Object) -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        name = lease.get("metadata", {}).get("name", "?")
        raise StateCorrupt(
            f"leases.{GROUP} {names.namespace}/{name}: it does not decode ({type(error).__name__}); delete it: the next beat makes a "
            "new one, of a later generation"
        ) from error

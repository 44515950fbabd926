"""The API behind the target as it really is: its objects, other people's marks and edits, and the faults that it has now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gitops_core.errors import Denied, Invalid, Throttled, Transient
from gitops_core.interfaces import Query, Target, capabilities
from gitops_core.model.resources import Live, Resource, ResourceKey
from gitops_core.model.values import thaw
from gitops_core.testing.clock import VirtualClock
from gitops_core.testing.contexts import make_context
from gitops_core.testing.machine.facts import Seen
from gitops_core.testing.machine.objects import BAD, body_for, fields_of
from gitops_core.testing.target_bench import Bench


class Api:
    """
    What every engine, and everybody else, talks to.

    Attributes:
        target: The real one.
        clock: All time.
        marks: Who says that an object is theirs, by key.
        denied: Names that the API refuses to write.
        forbidden: Names that a policy denies; it ends with the trouble of the API.
        flaky: Names whose next writes fail, and how many of them.
        deaf: Names whose writes are answered with yes and forgotten.
        blind: Keys that cannot be looked at; None in it stands for all of them.
        no_look: The whole list call is refused.
        throttle: Seconds for which the next write is put off by the API; 0 for none.
        slow: Seconds that every call takes.
    """

    def __init__(self, target: Target, clock: VirtualClock) -> None:
        self.target = target
        self.clock = clock
        self.bench = Bench(target, make_context(clock=clock))
        self.marks: dict[ResourceKey, str] = {}
        self._versions: dict[tuple[ResourceKey, str], str] = {}
        self._etags: dict[str | None, str | None] = {}
        self.heal()

    def heal(self) -> None:
        """Be a good API again."""
        self.denied: set[str] = set()
        self.forbidden: set[str] = set()
        self.flaky: dict[str, int] = {}
        self.deaf: set[str] = set()
        self.blind: set[ResourceKey | None] = set()
        self.no_look = False
        self.throttle = 0.0
        self.slow = 0.0

    @property
    def faulty(self) -> frozenset[str]:
        """Names for which it fails on purpose now."""
        return frozenset({*self.denied, *self.forbidden, *self.flaky, *self.deaf})

    # -- looking ----------------------------------------------------------------------------------------------------------
    def see(self, keys: Iterable[ResourceKey]) -> dict[ResourceKey, Seen]:
        """Return what is really there of *keys*."""
        query = Query(frozenset(keys))
        found = [live for live in self.target.observe(self.bench.ctx, query) if isinstance(live, Live) and live.key in query.keys]
        return {live.key: Seen(live.id, fields_of(live.body), self.marks.get(live.key, "")) for live in found if live.body}

    def see_one(self, key: ResourceKey) -> Seen | None:
        """Return what is really there under *key*."""
        return self.see([key]).get(key)

    def shown(self, live: Live) -> Live:
        """Return *live* as a client gets it: with its mark, and with an old version after an edit that nobody may notice."""
        version = self._versions.get((live.key, live.version), live.version)
        return Live(live.key, lambda: live.body, live.id, version, self.marks.get(live.key, live.owner))

    def shown_etag(self, etag: str | None) -> str | None:
        """Return the state token as a client gets it."""
        return self._etags.get(etag, etag)

    # -- somebody else ----------------------------------------------------------------------------------------------------
    def edit(self, name: str, changes: Mapping[str, Any], *, unseen: bool = False) -> None:
        """Change fields by hand; with *unseen* neither version nor state token tell."""
        live = self.bench.get(body_for(name, {}))
        etag = self._etag()
        body = thaw(live.body)
        place = "stringData" if body["kind"] == "Secret" else "data"
        body[place] = {**body.get(place, {}), **changes}
        after = self.bench.update(body)
        if unseen:
            self._versions[live.key, after.version] = self._versions.get((live.key, live.version), live.version)
            self._etags[self._etag()] = self.shown_etag(etag)

    def remove(self, name: str) -> None:
        """Delete an object by hand."""
        body = body_for(name, {})
        self.bench.delete(self.bench.get(body), body)
        self.marks.pop(self.bench.key(body), None)

    def put(self, name: str, spec: Mapping[str, Any], *, mark: str = "") -> None:
        """Make an object by hand; with *mark* it says whose it is."""
        body = body_for(name, spec)
        self.bench.create(body)
        if mark:
            self.marks[self.bench.key(body)] = mark

    def _etag(self) -> str | None:
        return self.target.etag(self.bench.ctx) if "etag" in capabilities(self.target) else None

    # -- faults -----------------------------------------------------------------------------------------------------------
    def refuse(self, op: str, key: ResourceKey, body: Mapping[str, Any]) -> None:
        """Raise what the API has against a write of *key*, if anything; like many an API it repeats what it was sent."""
        if self.throttle:
            seconds, self.throttle = self.throttle, 0.0
            raise Throttled("429 too many requests", retry_after=seconds)
        if key.name in self.denied:
            raise Denied(f"403 for {thaw(body)}")
        if self.flaky.get(key.name, 0) > 0:
            self.flaky[key.name] -= 1
            raise Transient(f"503 for {thaw(body)}")
        if op != "delete":
            self.judge(body)

    def forbids(self, resource: Resource) -> str | None:
        """Be the policy."""
        return "forbidden for now" if resource.key.name in self.forbidden else None

    @staticmethod
    def judge(body: Mapping[str, Any]) -> None:
        """Raise Invalid for a body that the API never takes."""
        if fields_of(body).get("zone") == BAD:
            raise Invalid("422: there is no such zone", "/data/zone")

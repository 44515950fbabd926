"""One correct target over a small DNS API, in three forms, and the contract suite filled in for it: what every mutant is made of."""

import itertools
import threading

from gitops_core.errors import AlreadyExists, Conflict, Immutable, NotFound
from gitops_core.interfaces import Fields, Target
from gitops_core.model.resources import Live, Pending
from gitops_core.model.values import thaw
from gitops_core.targets.merging import overlay
from gitops_core.testing.target_contract import Example, TargetContract

PAGE = 4


class Zone:
    """A DNS API: record sets with ids and revisions of its own, in pages, its own spelling of names, and a key it never returns."""

    def __init__(self, clock):
        self.clock = clock
        self.records = {}
        self.reserved = set()
        self.coming = {}
        self.writes = 0
        self._lock = threading.Lock()
        self._ids = itertools.count(1)

    def page(self, start=0):
        with self._lock:
            self._tick()
            found = [dict(record) for record in self.records.values()]
        return found[start : start + PAGE], start + PAGE if start + PAGE < len(found) else None

    def post(self, record, *, unique=True, delay=0.0):
        with self._lock:
            self._tick()
            record = self._spelled(record)
            taken = itertools.chain(self.records.values(), (coming for _, coming in self.coming.values()))
            if unique and any(same_name(other, record) for other in taken):
                raise AlreadyExists("HTTP 409")
            self.writes += 1
            number = f"rr-{next(self._ids)}"
            record = {**record, "id": number, "revision": self.writes}
            if delay:
                self.coming[number] = (self.clock.monotonic() + delay, record)
            else:
                self.records[number] = record
            return number

    def put(self, number, record, revision=""):
        with self._lock:
            self._tick()
            there = self.records.get(number)
            if there is None:
                raise NotFound("HTTP 404")
            if revision not in {"", str(there["revision"])}:
                raise Conflict("HTTP 412")
            if record.get("view") != there.get("view"):
                raise Immutable("HTTP 422", ["/view"])
            self.writes += 1
            self.records[number] = {**self._spelled(record), "id": number, "revision": self.writes}

    def remove(self, number):
        with self._lock:
            self._tick()
            if self.records.pop(number, None) is None:
                raise NotFound("HTTP 404")
            self.writes += 1

    def reserve(self, name):
        if name in self.reserved:
            raise AlreadyExists("HTTP 409")
        self.reserved.add(name)

    def release(self, name):
        self.reserved.discard(name)

    def _tick(self):
        for number, (due, record) in list(self.coming.items()):
            if due <= self.clock.monotonic():
                self.records[number] = record
                del self.coming[number]

    @staticmethod
    def _spelled(record):
        kept = {name: value for name, value in record.items() if name != "key"}
        return {**kept, "name": record["name"].lower().rstrip("."), "values": sorted(record["values"])}


def same_name(one, other):
    return (one["name"], one["kind"]) == (other["name"], other["kind"])


class Correct(Target):
    fields = Fields(
        unordered=["/values"], computed=["/id", "/revision"], immutable=["/view"], write_only=["/key"], sensitive=["/note"]
    )

    def __init__(self, zone):
        self.zone = zone

    def key(self, body):
        return (body["kind"], body["name"].lower().rstrip("."))

    def normalize(self, body):
        return {"ttl": 300, **body, "name": body["name"].lower().rstrip(".")}

    def observe(self, ctx, query):
        start = 0
        while start is not None:
            records, start = self.zone.page(start)
            for record in records:
                yield Live(self.key(record), record, id=record["id"], version=str(record["revision"]))

    def create(self, ctx, change):
        self.zone.post(self.wanted(change))

    def update(self, ctx, change):
        self.zone.put(change.live.id, self.overlaid(change), change.live.version)

    def delete(self, ctx, change):
        self.zone.remove(change.live.id)

    def preview(self, ctx, change):
        return self.overlaid(change) if change.live else self.wanted(change)

    def wanted(self, change):
        return self.normalize(thaw(change.desired))

    def overlaid(self, change):
        return overlay(change.live.body, self.normalize(change.desired), change.previous)


class Batching(Correct):
    """The correct target with an ``apply_batch``."""

    def apply_batch(self, ctx, changes):
        for change in changes:
            try:
                yield getattr(self, change.action)(ctx, change)
            except Exception as error:  # noqa: BLE001  # why: each answer is that change's own
                yield error


class Slow(Correct):
    """The correct target over an API whose creates take three seconds."""

    def create(self, ctx, change):
        return Pending(self.zone.post(self.wanted(change), delay=3.0), 1.0, "accepted")

    def poll(self, ctx, pending):
        self.zone.page()
        return pending if pending.token in self.zone.coming else None


class CorrectContract(TargetContract):
    variant = Correct
    name_pointer = "/name"
    text_pointer = "/comment"
    undeclared = ("/geo", "eu")
    page_size = PAGE
    thousand = 60
    many = 13

    def make_target(self):
        return self.variant(Zone(self.clock))

    def examples(self):
        def record(**fields):
            return {
                "kind": "A", "name": "www.example.org", "values": ["192.0.2.1", "192.0.2.2"], "comment": "c",
                "view": "public", "key": "k-1", "note": "n", **fields,
            }  # fmt: skip

        spellings = [record(name="WWW.Example.org."), record(values=["192.0.2.2", "192.0.2.1"]), record(ttl=300)]
        text = {"kind": "TXT", "name": "www.example.org", "values": ["v=spf1"], "ttl": 60}
        return [
            Example(
                record(),
                record(ttl=60, values=["192.0.2.9"], comment="d"),
                spellings,
                {k: v for k, v in record().items() if k != "comment"},
                record(view="internal"),
            ),
            Example(text, {**text, "values": ["v=spf1 -all"], "ttl": 61}),
            Example({**text, "name": "api.example.org"}),
        ]

    def external_edit(self, target, key, body):
        number = self.number(target, key)
        target.zone.writes += 1
        target.zone.records[number] = {**body, "id": number, "revision": target.zone.writes}

    def external_remove(self, target, key):
        del target.zone.records[self.number(target, key)]

    def number(self, target, key):
        return next(i for i, r in target.zone.records.items() if (r["kind"], r["name"]) == (key.kind, key.name))

    def api_reads(self, target):
        return [(target.zone, "page")]

    def api_writes(self, target):
        return [(target.zone, name) for name in ("post", "put", "remove", "reserve", "release")]

    def writes(self, target):
        return target.zone.writes

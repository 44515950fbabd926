"""
A target of your own: the record sets of a DNS zone, in under twenty lines.

Run it: ``python docs/examples/dns.py``. The API below the target is a fake one, with pages, ids and a spelling of its own.
"""

import itertools
import threading

from gitops_core import Application, Fields, Live, Owner, Target, plan, reconcile
from gitops_core.errors import AlreadyExists, NotFound
from gitops_core.model.values import thaw
from gitops_core.renderers.manifests import ManifestsRenderer
from gitops_core.sources.memory import MemorySource
from gitops_core.state.memory import MemoryStore
from gitops_core.targets.merging import overlay


class DnsTarget(Target):
    fields = Fields(unordered=["/values"], computed=["/id"])

    def __init__(self, api, zone):
        self.api, self.zone = api, zone

    def key(self, body):
        return (body["kind"], body["name"].lower().rstrip("."))

    def normalize(self, body):
        return {"ttl": 300, **body, "name": self.key(body)[1]}

    def observe(self, ctx, query):
        for rrset in self.api.list(self.zone):
            yield Live(self.key(rrset), rrset, id=rrset["id"])

    def create(self, ctx, change):
        self.api.create(self.zone, thaw(change.desired))

    def update(self, ctx, change):
        self.api.update(self.zone, change.live.id, overlay(change.live.body, self.normalize(change.desired), change.previous))

    def delete(self, ctx, change):
        self.api.delete(self.zone, change.live.id)


# -- the rest of this file is what a vendor gives you ---------------------------------------------------------------------


class DnsApi:
    """A DNS provider's client. It says 404 and 409 in the words of ``gitops_core.errors``: translate errors where they enter."""

    def __init__(self, page_size=10):
        self._zones = {}
        self._ids = itertools.count(1)
        self._lock = threading.Lock()
        self._page_size = page_size
        self.writes = 0

    def list(self, zone):
        start = 0
        while start is not None:
            page, start = self._page(zone, start)
            yield from page

    def _page(self, zone, start):
        with self._lock:
            rrsets = [dict(rrset) for rrset in self._zones.get(zone, {}).values()]
        end = start + self._page_size
        return rrsets[start:end], end if end < len(rrsets) else None

    def create(self, zone, rrset):
        rrset = self._spelled(rrset)
        with self._lock:
            there = self._zones.setdefault(zone, {})
            if any((r["kind"], r["name"]) == (rrset["kind"], rrset["name"]) for r in there.values()):
                raise AlreadyExists("409: this record set exists")
            number = f"rr-{next(self._ids)}"
            there[number] = {**rrset, "id": number}
            self.writes += 1

    def update(self, zone, number, rrset):
        with self._lock:
            if number not in self._zones.get(zone, {}):
                raise NotFound("404: no such record set")
            self._zones[zone][number] = {**self._spelled(rrset), "id": number}
            self.writes += 1

    def delete(self, zone, number):
        with self._lock:
            if self._zones.get(zone, {}).pop(number, None) is None:
                raise NotFound("404: no such record set")
            self.writes += 1

    @staticmethod
    def _spelled(rrset):
        return {"ttl": 300, **rrset, "name": rrset["name"].lower().rstrip("."), "values": sorted(rrset["values"])}


RECORDS = """
{kind: A, name: WWW.example.org., values: [192.0.2.2, 192.0.2.1]}
---
{kind: TXT, name: www.example.org, values: ["v=spf1 -all"], ttl: 60}
---
{kind: CNAME, name: blog.example.org, values: [www.example.org.]}
"""


def main():
    api, store, source = DnsApi(), MemoryStore(), MemorySource({"zone.yaml": RECORDS})
    app = Application(
        name="dns",
        owner=Owner("example.org", "demo"),
        source=source,
        renderer=ManifestsRenderer(),
        target=DnsTarget(api, "example.org"),
    )
    print(plan(app, store=store).text())
    print(reconcile(app, store=store).text())

    stranger = next(r for r in api.list("example.org") if r["kind"] == "A")
    api.update("example.org", stranger["id"], {**stranger, "values": ["203.0.113.66"]})
    print("\nSomebody changed www by hand:")
    print(plan(app, store=store).text())
    print(reconcile(app, store=store).text())

    source.commit({"zone.yaml": RECORDS.rpartition("---")[0]})
    print("\nThe blog was taken out of Git:")
    print(reconcile(app, store=store).text())
    assert sorted((r["kind"], *r["values"]) for r in api.list("example.org")) == [
        ("A", "192.0.2.1", "192.0.2.2"),
        ("TXT", "v=spf1 -all"),
    ]
    assert plan(app, store=store).is_empty


if __name__ == "__main__":
    main()

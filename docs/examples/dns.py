"""
A target of your own: the record sets of a DNS zone, in under twenty lines.

Run it: ``python docs/examples/dns.py``. The API below the target is a fake one, with pages, ids and a spelling of its own.
"""

import contextlib

from gitops_core import Application, Fields, Live, Owner, Target, plan, reconcile
from gitops_core.errors import AlreadyExists, Invalid, NotFound, Throttled, Transient
from gitops_core.model.values import thaw
from gitops_core.renderers.manifests import ManifestsRenderer
from gitops_core.sources.memory import MemorySource
from gitops_core.state.memory import MemoryStore
from gitops_core.targets.merging import overlay
from gitops_core.testing import fake_api


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


# -- the vendor's errors in our words: translate them where they enter ------------------------------------------------------


@contextlib.contextmanager
def translated():
    try:
        yield
    except fake_api.NotFoundError as error:
        raise NotFound(str(error)) from error
    except fake_api.ExistsError as error:
        raise AlreadyExists(str(error)) from error
    except fake_api.InvalidError as error:
        raise Invalid(str(error)) from error
    except fake_api.ThrottledError as error:
        raise Throttled(str(error), retry_after=error.retry_after) from error
    except fake_api.ApiError as error:
        raise Transient(str(error)) from error


class DnsApi:
    """What the target needs of the vendor's client, zone by zone."""

    def __init__(self, page_size=10):
        self._settings = zone_settings(page_size)
        self.zones = {}

    def zone(self, name):
        return self.zones.setdefault(name, fake_api.FakeApi(self._settings))

    def list(self, zone):
        with translated():
            yield from self.zone(zone).every()

    @translated()
    def create(self, zone, rrset):
        self.zone(zone).create(rrset)

    @translated()
    def update(self, zone, number, rrset):
        self.zone(zone).update(number, rrset)

    @translated()
    def delete(self, zone, number):
        self.zone(zone).delete(number)

    @property
    def writes(self):
        return sum(zone.writes for zone in self.zones.values())


# -- the rest of this file is what a vendor gives you ---------------------------------------------------------------------


def zone_settings(page_size):
    return fake_api.ApiSettings(
        id_prefix="rr-",
        unique=lambda rrset: (rrset["kind"], rrset["name"]),
        defaults={"ttl": 300},
        normalize=spelled,
        paging=fake_api.Paging(size=page_size),
    )


def spelled(rrset):
    return {**rrset, "name": rrset["name"].lower().rstrip("."), "values": sorted(rrset["values"])}


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

    zone = api.zone("example.org")
    zone.foreign("mallory").edit(zone.find(kind="A")["id"], {"values": ["203.0.113.66"]})
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

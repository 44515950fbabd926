"""The target contract is measured: one correct target passes it, and it kills every broken variant listed here."""

import inspect
import itertools
import random
import threading

import pytest

from gitops_core.errors import AlreadyExists, NotFound, Transient
from gitops_core.interfaces import Fields, Target
from gitops_core.model.health import Health, HealthStatus
from gitops_core.model.resources import Live
from gitops_core.model.values import thaw
from gitops_core.targets.merging import overlay
from gitops_core.testing.contexts import make_context
from gitops_core.testing.target_contract import Bench, Example, TargetContract

PAGE = 4


class Zone:
    """A DNS API: record sets with ids of its own, in pages, and its own spelling of names."""

    def __init__(self):
        self.records = {}
        self.writes = 0
        self.broken_reads = self.broken_writes = self.deaf = False
        self._lock = threading.Lock()
        self._ids = itertools.count(1)

    def page(self, start=0):
        if self.broken_reads:
            raise Transient("HTTP 503")
        found = list(self.records.values())
        return [dict(r) for r in found[start : start + PAGE]], start + PAGE if start + PAGE < len(found) else None

    def _write(self):
        if self.broken_writes:
            raise Transient("HTTP 503")
        self.writes += 1

    def post(self, record, *, unique=True):
        with self._lock:
            self._write()
            record = self._spelled(record)
            if unique and any((r["name"], r["type"]) == (record["name"], record["type"]) for r in self.records.values()):
                raise AlreadyExists("HTTP 409")
            number = f"rr-{next(self._ids)}"
            self.records[number] = {**record, "id": number}
        if self.deaf:
            self.deaf = False
            raise Transient("no reply")

    def put(self, number, record):
        with self._lock:
            self._write()
            if number not in self.records:
                raise NotFound("HTTP 404")
            self.records[number] = {**self._spelled(record), "id": number}

    def remove(self, number):
        with self._lock:
            self._write()
            if self.records.pop(number, None) is None:
                raise NotFound("HTTP 404")

    @staticmethod
    def _spelled(record):
        return {**record, "name": record["name"].lower().rstrip("."), "values": sorted(record["values"])}


class Correct(Target):
    fields = Fields(unordered=["/values"], computed=["/id"])

    def __init__(self, zone):
        self.zone = zone

    def key(self, body):
        return (body["type"], body["name"].lower().rstrip("."))

    def normalize(self, body):
        return {"ttl": 300, **body, "name": body["name"].lower().rstrip(".")}

    def observe(self, ctx, query):
        start = 0
        while start is not None:
            records, start = self.zone.page(start)
            for record in records:
                yield Live(self.key(record), record, id=record["id"])

    def create(self, ctx, change):
        self.zone.post(self.normalize(thaw(change.desired)))

    def update(self, ctx, change):
        self.zone.put(change.live.id, overlay(change.live.body, self.normalize(change.desired), change.previous))

    def delete(self, ctx, change):
        self.zone.remove(change.live.id)


class CorrectContract(TargetContract):
    variant = Correct
    name_pointer = "/name"
    text_pointer = "/comment"
    undeclared = ("/geo", "eu")

    def make_target(self):
        return self.variant(Zone())

    def examples(self):
        def record(**fields):
            return {"type": "A", "name": "www.example.org", "values": ["192.0.2.1", "192.0.2.2"], "comment": "c", **fields}

        plain = record(name="api.example.org")
        spellings = [record(name="WWW.Example.org."), record(values=["192.0.2.2", "192.0.2.1"]), record(ttl=300)]
        text = {"type": "TXT", "name": "www.example.org", "values": ["v=spf1"], "ttl": 60}
        return [
            Example(
                record(),
                record(ttl=60, values=["192.0.2.9"], comment="d"),
                spellings,
                {k: v for k, v in record().items() if k != "comment"},
            ),
            Example(text, {**text, "values": ["v=spf1 -all"], "ttl": 61}),
            Example(plain),
        ]

    def external_edit(self, target, key, body):
        zone = target.zone
        number = next(r["id"] for r in zone.records.values() if target.key(r) == tuple(key[1::2]))
        zone.records[number] = {**body, "id": number}

    def external_remove(self, target, key):
        zone = target.zone
        del zone.records[next(r["id"] for r in zone.records.values() if target.key(r) == tuple(key[1::2]))]

    def break_reads(self, target):
        target.zone.broken_reads = True

    def break_writes(self, target):
        target.zone.broken_writes = True

    def lose_next_reply(self, target):
        target.zone.deaf = True

    def writes(self, target):
        return target.zone.writes


class TestTheCorrectTarget(CorrectContract):
    """It passes, so that what kills a mutant is the mutation."""


def only(target, change):
    return next(i for i, r in target.zone.records.items() if r["name"] == change.key.name)


# -- the nineteen ---------------------------------------------------------------------------------------------------------


class FirstPageOnly(Correct):
    def observe(self, ctx, query):
        for record in self.zone.page()[0]:
            yield Live(self.key(record), record, id=record["id"])


class KeyIgnoresType(Correct):
    def key(self, body):
        return ("Record", body["name"].lower().rstrip("."))


class DeletesByName(Correct):
    def delete(self, ctx, change):
        for number in [i for i, r in self.zone.records.items() if r["name"] == change.key.name]:
            self.zone.remove(number)


class SwallowsReadErrors(Correct):
    def observe(self, ctx, query):
        try:
            yield from super().observe(ctx, query)
        except Transient:
            return


class SwallowsWriteErrors(Correct):
    def create(self, ctx, change):
        try:
            super().create(ctx, change)
        except Transient:
            return

    def delete(self, ctx, change):
        try:
            super().delete(ctx, change)
        except Transient:
            return


class CaseSensitiveKey(Correct):
    def key(self, body):
        return (body["type"], body["name"])


class CachedObserve(Correct):
    def observe(self, ctx, query):
        self.seen = getattr(self, "seen", None) or {}
        for live in super().observe(ctx, query):
            yield self.seen.setdefault(live.id, live)


class OrderSignificant(Correct):
    fields = Fields(computed=["/id"])


class NondeterministicNormalize(Correct):
    def normalize(self, body):
        return {**super().normalize(body), "values": random.sample(list(body["values"]), len(body["values"]))}


class PostsTwice(Correct):
    def create(self, ctx, change):
        self.zone.post(self.normalize(thaw(change.desired)), unique=False)


class UpdateDoesNothing(Correct):
    def update(self, ctx, change):
        return None


class DeleteDoesNothing(Correct):
    def delete(self, ctx, change):
        return None


class UpdatesOneField(Correct):
    def update(self, ctx, change):
        desired, live = self.normalize(change.desired), thaw(change.live.body)
        first = next((f for f in sorted(desired) if desired[f] != live.get(f)), None)
        self.zone.put(change.live.id, live if first is None else {**live, first: desired[first]})


class ClobbersForeignFields(Correct):
    def update(self, ctx, change):
        self.zone.put(change.live.id, self.normalize(change.desired))


class RaisesForTheMissing(Correct):
    def delete(self, ctx, change):
        try:
            super().delete(ctx, change)
        except NotFound:
            raise RuntimeError("HTTP 404") from None


class MutatesItsInput(Correct):
    def normalize(self, body):
        if type(body) is dict:
            body.setdefault("ttl", 300)
        return super().normalize(body)


class WritesInObserve(Correct):
    def observe(self, ctx, query):
        self.zone.writes += 1
        yield from super().observe(ctx, query)


class TellsSecrets(Correct):
    def create(self, ctx, change):
        try:
            super().create(ctx, change)
        except AlreadyExists:
            raise AlreadyExists(f"cannot create {dict(change.desired)}") from None


class KeepsDroppedFields(Correct):
    def update(self, ctx, change):
        self.zone.put(change.live.id, overlay(change.live.body, self.normalize(change.desired)))


# -- and some more --------------------------------------------------------------------------------------------------------


class CreateOverwrites(Correct):
    def create(self, ctx, change):
        for number, record in list(self.zone.records.items()):
            if self.key(record) == self.key(change.desired):
                return self.zone.put(number, thaw(change.desired))
        return super().create(ctx, change)


class UpdateMakesANewObject(Correct):
    def update(self, ctx, change):
        body = overlay(change.live.body, self.normalize(change.desired), change.previous)
        self.zone.remove(change.live.id)
        self.zone.post(body)


class DeletesWhateverIsThere(Correct):
    def delete(self, ctx, change):
        for number, record in list(self.zone.records.items()):
            if self.key(record) == (change.key.kind, change.key.name):
                self.zone.remove(number)


class NormalizeForgetsTheValues(Correct):
    def normalize(self, body):
        return {name: value for name, value in super().normalize(body).items() if name in ("type", "name")}


class NormalizeGrows(Correct):
    def normalize(self, body):
        return {**body, "ttl": body.get("ttl", 0) + 1}


class YieldsGhosts(Correct):
    def observe(self, ctx, query):
        found = {live.key: live for live in super().observe(ctx, query)}
        return [found.get(key) or Live(key, {"type": key.kind, "name": key.name, "values": []}) for key in query.keys]


class YieldsTwice(Correct):
    def observe(self, ctx, query):
        for live in super().observe(ctx, query):
            yield from (live, live)


class VersionNeverChanges(Correct):
    def observe(self, ctx, query):
        return (Live(live.key, live.body, live.id, "1") for live in super().observe(ctx, query))


class EtagNeverChanges(Correct):
    def etag(self, ctx):
        return "1"


class UpdateOfTheMissingIsSilent(Correct):
    def update(self, ctx, change):
        try:
            super().update(ctx, change)
        except NotFound:
            return


class NotThreadSafe(Correct):
    def create(self, ctx, change):
        before = dict(self.zone.records)
        super().create(ctx, change)
        threading.Event().wait(0.002)  # so that the threads do meet
        number = next(i for i in self.zone.records if i not in before)
        self.zone.records = {**before, number: self.zone.records[number]}


class BodyIsNotJson(Correct):
    def observe(self, ctx, query):
        return (Live(live.key, {**live.body, "seen": object()}, live.id) for live in super().observe(ctx, query))


class HealthKnowsOneShape(Correct):
    def health(self, live):
        return Health(settled=bool(live.body["values"]), status=HealthStatus.HEALTHY)


class DependsOnItself(Correct):
    def depends_on(self, body):
        yield self.key(body)


EXPECTED = {
    FirstPageOnly: "test_observe_is_complete",
    KeyIgnoresType: "test_keys_tell_objects_apart",
    DeletesByName: "test_delete_spares_everything_else",
    SwallowsReadErrors: "test_failing_reads_are_told",
    SwallowsWriteErrors: "test_failing_writes_are_told",
    CaseSensitiveKey: "test_key_is_stable",
    CachedObserve: "test_an_edit_by_others_is_seen",
    OrderSignificant: "test_no_difference_between_spellings",
    NondeterministicNormalize: "test_normalize_is_deterministic",
    PostsTwice: "test_a_lost_reply_makes_no_second_object",
    UpdateDoesNothing: "test_update_makes_equal",
    DeleteDoesNothing: "test_delete_removes",
    UpdatesOneField: "test_update_makes_equal",
    ClobbersForeignFields: "test_fields_of_others",
    RaisesForTheMissing: "test_delete_twice_is_fine",
    MutatesItsInput: "test_pure_functions_leave_their_input_alone",
    WritesInObserve: "test_looking_writes_nothing",
    TellsSecrets: "test_no_secret_gets_out",
    KeepsDroppedFields: "test_a_dropped_field_goes",
    CreateOverwrites: "test_create_never_overwrites",
    UpdateMakesANewObject: "test_update_keeps_the_object",
    DeletesWhateverIsThere: "test_delete_names_the_very_object",
    NormalizeForgetsTheValues: "test_an_edit_is_a_difference",
    NormalizeGrows: "test_normalize_is_idempotent",
    YieldsGhosts: "test_an_empty_world_is_empty",
    YieldsTwice: "test_observe_is_complete",
    VersionNeverChanges: "test_an_edit_by_others_is_seen",
    EtagNeverChanges: "test_etag_follows_the_world",
    UpdateOfTheMissingIsSilent: "test_update_of_the_missing_is_told",
    NotThreadSafe: "test_as_many_threads_as_limits_say",
    BodyIsNotJson: "test_live_is_json",
    HealthKnowsOneShape: "test_health_is_total",
    DependsOnItself: "test_depends_on_names_keys",
}


def killers(variant, tmp_path):
    """Run the whole suite on *variant* and return the names of the checks that fail."""
    contract = type("Contract", (CorrectContract,), {"variant": variant})
    found = set()
    for name, check in inspect.getmembers(contract, inspect.isfunction):
        if name.startswith("test_"):
            suite = contract()
            suite.tmp_path = tmp_path
            wanted = inspect.signature(check).parameters
            offered = {"bench": Bench(suite.make_target(), make_context()), "example": suite.examples()[0], "seed": 1}
            try:
                check(suite, **{word: value for word, value in offered.items() if word in wanted})
            except pytest.skip.Exception:
                continue
            except Exception:  # noqa: BLE001  # why: a check may fail in any way
                found.add(name)
    return found


def test_the_correct_target_survives(tmp_path):
    assert killers(Correct, tmp_path) == set()


@pytest.mark.parametrize("variant", EXPECTED, ids=lambda v: v.__name__)
def test_a_broken_target_is_killed(variant, tmp_path):
    assert EXPECTED[variant] in killers(variant, tmp_path)


def test_the_catalogue_has_the_first_nineteen():
    assert len(EXPECTED) >= 19

"""The nineteen broken targets of the experiment that this suite began with: what people get wrong most often."""

import itertools

from killing import Catalogue
from zone import Correct, CorrectContract

from gitops_core.errors import AlreadyExists, NotFound, Transient
from gitops_core.interfaces import Fields
from gitops_core.model.resources import Live
from gitops_core.model.values import thaw
from gitops_core.targets.merging import overlay

FIRST = Catalogue(lambda cls: type(f"Test{cls.__name__}", (CorrectContract,), {"variant": cls}))


@FIRST.mutant("paging", "test_observe_is_complete")
class FirstPageOnly(Correct):
    """It reads the first page of a listing."""

    def observe(self, ctx, query):
        for record in self.zone.page()[0]:
            yield Live(self.key(record), record, id=record["id"], version=str(record["revision"]))


@FIRST.mutant("identity", "test_keys_tell_objects_apart")
class KeyIgnoresType(Correct):
    """Its key leaves out what tells two objects apart."""

    def key(self, body):
        return ("Record", body["name"].lower().rstrip("."))


@FIRST.mutant("identity", "test_delete_spares_everything_else")
class DeletesByName(Correct):
    """It deletes whatever has the name."""

    def delete(self, ctx, change):
        for number in [i for i, r in self.zone.records.items() if r["name"] == change.key.name]:
            self.zone.remove(number)


@FIRST.mutant("swallowed errors", "test_failing_reads_are_told", "test_unreadable_is_not_absent")
class SwallowsReadErrors(Correct):
    """A listing that fails is an empty one."""

    def observe(self, ctx, query):
        try:
            yield from super().observe(ctx, query)
        except Transient:
            return


@FIRST.mutant("swallowed errors", "test_failing_writes_are_told")
class SwallowsWriteErrors(Correct):
    """A write that fails is reported as done."""

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


@FIRST.mutant("identity", "test_key_is_stable")
class CaseSensitiveKey(Correct):
    """Its key has the declaration's spelling, the API has another one."""

    def key(self, body):
        return (body["kind"], body["name"])


@FIRST.mutant("reads", "test_an_edit_by_others_is_seen")
class CachedObserve(Correct):
    """It yields what it saw first."""

    def observe(self, ctx, query):
        self.seen = getattr(self, "seen", None) or {}
        for live in super().observe(ctx, query):
            yield self.seen.setdefault(live.id, live)


@FIRST.mutant("fields", "test_no_difference_between_spellings")
class OrderSignificant(Correct):
    """It forgot to say that the order of a list means nothing."""

    fields = Fields(computed=["/id", "/revision"], immutable=["/view"], write_only=["/key"], sensitive=["/note"])


@FIRST.mutant("purity", "test_normalize_is_deterministic")
class NondeterministicNormalize(Correct):
    """Its normal form comes out in another order each time."""

    turns = itertools.count()

    def normalize(self, body):
        values = list(body["values"])
        return {**super().normalize(body), "values": values[::-1] if next(self.turns) % 2 else values}


@FIRST.mutant("partial failure", "test_a_lost_reply_makes_no_second_object")
class PostsTwice(Correct):
    """Its create makes a second object when it is repeated."""

    def create(self, ctx, change):
        self.zone.post(self.wanted(change), unique=False)


@FIRST.mutant("writes", "test_update_makes_equal", "test_the_second_plan_is_empty")
class UpdateDoesNothing(Correct):
    """Its update returns and writes nothing."""

    def update(self, ctx, change):
        return None


@FIRST.mutant("writes", "test_delete_removes")
class DeleteDoesNothing(Correct):
    """Its delete returns and removes nothing."""

    def delete(self, ctx, change):
        return None


@FIRST.mutant("writes", "test_update_makes_equal")
class UpdatesOneField(Correct):
    """Its update writes the first field that differs."""

    def update(self, ctx, change):
        desired, live = self.normalize(change.desired), thaw(change.live.body)
        first = next((f for f in sorted(desired) if f != "key" and desired[f] != live.get(f)), None)
        self.zone.put(change.live.id, live if first is None else {**live, first: desired[first]}, change.live.version)


@FIRST.mutant("fields", "test_fields_of_others")
class ClobbersForeignFields(Correct):
    """Its update writes the declaration over everything else."""

    def update(self, ctx, change):
        self.zone.put(change.live.id, self.wanted(change), change.live.version)


@FIRST.mutant("writes", "test_delete_twice_is_fine")
class RaisesForTheMissing(Correct):
    """A delete of what is gone is an error that nobody can place."""

    def delete(self, ctx, change):
        try:
            super().delete(ctx, change)
        except NotFound:
            raise RuntimeError("HTTP 404") from None


@FIRST.mutant("purity", "test_pure_functions_leave_their_input_alone")
class MutatesItsInput(Correct):
    """Its normalize fills a default into the caller's body."""

    def normalize(self, body):
        if type(body) is dict:
            body.setdefault("ttl", 300)
        return super().normalize(body)


@FIRST.mutant("purity", "test_looking_writes_nothing", "test_planning_writes_nothing")
class WritesInObserve(Correct):
    """Its observe writes to the API."""

    def observe(self, ctx, query):
        self.zone.writes += 1
        yield from super().observe(ctx, query)


@FIRST.mutant("secrets", "test_no_secret_gets_out")
class TellsSecrets(Correct):
    """Its error quotes the declaration."""

    def create(self, ctx, change):
        try:
            super().create(ctx, change)
        except AlreadyExists:
            raise AlreadyExists(f"cannot create {dict(change.desired)}") from None


@FIRST.mutant("fields", "test_a_dropped_field_goes", "test_an_undeclared_field_is_noticed")
class KeepsDroppedFields(Correct):
    """Its update leaves what is no longer declared."""

    def update(self, ctx, change):
        self.zone.put(change.live.id, overlay(change.live.body, self.normalize(change.desired)), change.live.version)

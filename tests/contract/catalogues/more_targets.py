"""More broken targets: paging, reads, writes, identity, fields, purity and secrets."""

import itertools
import logging

from killing import Catalogue
from zone import PAGE, Correct, CorrectContract

from gitops_core.errors import AlreadyExists, NotFound, Transient
from gitops_core.interfaces import Fields
from gitops_core.model.health import Health, HealthStatus
from gitops_core.model.plans import DiffOp, FieldDiff
from gitops_core.model.resources import Live, Unreadable
from gitops_core.model.values import thaw

MORE = Catalogue(lambda cls: type(f"Test{cls.__name__}", (CorrectContract,), {"variant": cls}))
ALL = {
    "unordered": ["/values"],
    "computed": ["/id", "/revision"],
    "immutable": ["/view"],
    "write_only": ["/key"],
    "sensitive": ["/note"],
}
"""What the correct target says about fields."""


# -- paging and reads -----------------------------------------------------------------------------------------------------


@MORE.mutant("paging", "test_observe_is_complete")
class DropsAFullLastPage(Correct):
    """It takes a last page that is full for one that was read already."""

    def observe(self, ctx, query):
        lives = list(super().observe(ctx, query))
        return lives[:-PAGE] if lives and len(lives) % PAGE == 0 else lives


@MORE.mutant("paging", "test_observe_is_complete")
class LastPageTwice(Correct):
    """It yields the last page a second time."""

    def observe(self, ctx, query):
        lives = list(super().observe(ctx, query))
        return lives + lives[len(lives) - len(lives) % PAGE :]


@MORE.mutant("paging", "test_reads_may_overlap")
class CursorOnTheTarget(Correct):
    """It keeps its place in the listing on itself, where two looks share it."""

    def observe(self, ctx, query):
        self.start = 0
        while self.start is not None:
            records, self.start = self.zone.page(self.start)
            for record in records:
                yield Live(self.key(record), record, id=record["id"], version=str(record["revision"]))


@MORE.mutant("paging", "test_a_thousand_objects_cost_pages_and_changes")
class ListsOncePerKey(Correct):
    """It goes through the whole listing for every key."""

    def observe(self, ctx, query):
        for key in sorted(query.keys):
            yield from (live for live in super().observe(ctx, query) if live.key == key)


@MORE.mutant("paging", "test_a_read_that_fails_midway_is_told")
class SwallowsLaterPages(Correct):
    """It makes do with the pages that it got."""

    def observe(self, ctx, query):
        lives = []
        try:
            lives.extend(super().observe(ctx, query))
        except Transient:
            if not lives:
                raise
        return lives


@MORE.mutant("reads", "test_looking_keeps_nothing")
class KeepsEveryAnswer(Correct):
    """It remembers everything that it ever yielded."""

    def observe(self, ctx, query):
        self.seen = [*getattr(self, "seen", ()), *super().observe(ctx, query)]
        yield from super().observe(ctx, query)


@MORE.mutant("reads", "test_observe_honours_its_keys")
class ForgetsTheLastKey(Correct):
    """Asked for several keys, it leaves out the last one."""

    def observe(self, ctx, query):
        asked = sorted(query.keys)[:-1] or query.keys
        return (live for live in super().observe(ctx, query) if live.key in asked)


@MORE.mutant("reads", "test_an_empty_world_is_empty")
class YieldsGhosts(Correct):
    """It yields every key that it is asked for."""

    def observe(self, ctx, query):
        found = {live.key: live for live in super().observe(ctx, query)}
        return [found.get(key) or Live(key, {"kind": key.kind, "name": key.name, "values": []}) for key in sorted(query.keys)]


@MORE.mutant("reads", "test_observe_is_complete")
class YieldsTwice(Correct):
    """It yields every object twice."""

    def observe(self, ctx, query):
        for live in super().observe(ctx, query):
            yield from (live, live)


@MORE.mutant("reads", "test_known_versions_are_only_a_hint")
class SkipsWhatIsKnown(Correct):
    """It leaves out what still has the known version."""

    def observe(self, ctx, query):
        return (live for live in super().observe(ctx, query) if query.versions.get(live.key) != live.version)


@MORE.mutant("reads", "test_a_known_version_does_not_hide_an_edit")
class BelievesTheKnownVersion(Correct):
    """It hands the known version back."""

    def observe(self, ctx, query):
        for live in super().observe(ctx, query):
            yield Live(live.key, live.body, live.id, query.versions.get(live.key) or live.version)


@MORE.mutant("reads", "test_an_edit_by_others_is_seen")
class VersionNeverChanges(Correct):
    """All its objects have version 1."""

    def observe(self, ctx, query):
        return (Live(live.key, live.body, live.id, "1") for live in super().observe(ctx, query))


@MORE.mutant("reads", "test_a_removal_by_others_is_seen")
class BelievesItsOwnWrites(Correct):
    """It yields what it has created and not deleted, whatever the API says."""

    def observe(self, ctx, query):
        lives = {live.id: live for live in super().observe(ctx, query)}
        self.made = {**getattr(self, "made", {}), **lives}
        return list(self.made.values())

    def delete(self, ctx, change):
        super().delete(ctx, change)
        self.made.pop(change.live.id, None)


@MORE.mutant("reads", "test_live_is_json")
class BodyIsNotJson(Correct):
    """Its bodies hold an object of Python's."""

    def observe(self, ctx, query):
        return (Live(live.key, {**live.body, "seen": object()}, live.id) for live in super().observe(ctx, query))


@MORE.mutant("reads", "test_observe_yields_live_or_unreadable")
class YieldsRecords(Correct):
    """It yields the API's own records, too."""

    def observe(self, ctx, query):
        for live in super().observe(ctx, query):
            yield live
            yield Record(live)


class Record:
    """What a vendor's client returns."""

    def __init__(self, live):
        self.key, self.body = (), live.body


@MORE.mutant("reads", "test_failing_reads_are_told")
class BlamesAnother(Correct):
    """A failure is reported about a key that nobody asked for."""

    def observe(self, ctx, query):
        try:
            yield from super().observe(ctx, query)
        except Transient as error:
            yield Unreadable(("A", "elsewhere.example.org"), error)


@MORE.mutant("reads", "test_etag_follows_the_world")
class EtagNeverChanges(Correct):
    """Its ETag is the same for ever."""

    def etag(self, ctx):
        return "1"


@MORE.mutant("reads", "test_preview_shows_what_would_be")
class PreviewIsAPatch(Correct):
    """Its preview shows the computed fields only."""

    def preview(self, ctx, change):
        return {"kind": change.key.kind, "name": change.key.name, "values": []}


@MORE.mutant("purity", "test_looking_writes_nothing")
class PreviewWrites(Correct):
    """Its preview of an update is an update."""

    def preview(self, ctx, change):
        if change.live:
            self.update(ctx, change)
        return super().preview(ctx, change)


# -- writes and identity --------------------------------------------------------------------------------------------------


@MORE.mutant("writes", "test_create_never_overwrites")
class CreateOverwrites(Correct):
    """Its create is a put."""

    def create(self, ctx, change):
        for number, record in list(self.zone.records.items()):
            if self.key(record) == self.key(change.desired):
                return self.zone.put(number, thaw(change.desired))
        return super().create(ctx, change)


@MORE.mutant("writes", "test_created_is_as_declared")
class CreateForgetsTheDefaults(Correct):
    """Its create writes the name, the kind and the values."""

    def create(self, ctx, change):
        self.zone.post({name: value for name, value in self.wanted(change).items() if name in ("kind", "name", "values", "view")})


@MORE.mutant("writes", "test_update_of_the_missing_is_told")
class UpdateOfTheMissingIsSilent(Correct):
    """Its update of what is gone succeeds."""

    def update(self, ctx, change):
        try:
            super().update(ctx, change)
        except NotFound:
            return


@MORE.mutant("writes", "test_update_spares_everything_else")
class UpdatesItsNamesakes(Correct):
    """Its update touches everything with that name, whatever its type."""

    def update(self, ctx, change):
        super().update(ctx, change)
        for record in self.zone.records.values():
            if record["name"] == change.key.name and record["id"] != change.live.id:
                record["ttl"] = record.get("ttl", 0) + 1


@MORE.mutant("identity", "test_update_keeps_the_object")
class UpdateMakesANewObject(Correct):
    """Its update is a delete and a create."""

    def update(self, ctx, change):
        self.zone.remove(change.live.id)
        self.zone.post(self.overlaid(change))


@MORE.mutant("identity", "test_delete_names_the_very_object")
class DeletesWhateverIsThere(Correct):
    """It deletes by key and not by id."""

    def delete(self, ctx, change):
        for number, record in list(self.zone.records.items()):
            if self.key(record) == (change.key.kind, change.key.name):
                self.zone.remove(number)


@MORE.mutant("identity", "test_every_answer_names_the_object")
class AnswersWithItsName(Correct):
    """Its create answers with the name for an id."""

    def create(self, ctx, change):
        super().create(ctx, change)
        return Live(change.key, self.wanted(change), id=change.key.name)


@MORE.mutant("identity", "test_every_answer_names_the_object")
class AnswersWithTheOldObject(Correct):
    """Its update answers with what was there before."""

    def update(self, ctx, change):
        super().update(ctx, change)
        return change.live


@MORE.mutant("identity", "test_created_is_as_declared")
class YieldsAnotherSpelling(Correct):
    """Its observe spells keys otherwise than its key."""

    def observe(self, ctx, query):
        return (Live((live.key.kind, live.key.name + "."), live.body, live.id) for live in super().observe(ctx, query))


@MORE.mutant("identity", "test_scope_is_stable_text")
class ScopeOfTheMoment(Correct):
    """Its scope is another one each time."""

    moments = itertools.count()

    def scope(self, key):
        return f"zone-{next(self.moments)}"


@MORE.mutant("identity", "test_two_engines_make_one_object")
class TwoEnginesTwoObjects(Correct):
    """Its create looks first and then posts, whatever was made in between."""

    def create(self, ctx, change):
        if any(self.key(record) == self.key(change.desired) for record in self.zone.records.values()):
            raise AlreadyExists("it is there")
        self.zone.post(self.wanted(change), unique=False)


# -- fields ---------------------------------------------------------------------------------------------------------------


@MORE.mutant("fields", "test_an_edit_is_a_difference")
class NormalizeForgetsTheValues(Correct):
    """Its normalize drops declared fields."""

    def normalize(self, body):
        return {name: value for name, value in super().normalize(body).items() if name in ("kind", "name")}


@MORE.mutant("fields", "test_normalize_is_idempotent")
class NormalizeGrows(Correct):
    """Its normal form has another normal form."""

    def normalize(self, body):
        return {**body, "ttl": body.get("ttl", 0) + 1}


@MORE.mutant("fields", "test_an_equal_object_is_adopted_without_a_write")
class NormalizeStampsTheDeclaration(Correct):
    """Its normalize adds to a declaration what the API does not have."""

    def normalize(self, body):
        return super().normalize(body) if "id" in body else {"managed": True, **super().normalize(body)}

    def wanted(self, change):
        return {name: value for name, value in super().wanted(change).items() if name != "managed"}


@MORE.mutant("fields", "test_computed_fields_are_not_compared")
class ComparesComputed(Correct):
    """Its own diff compares what the API computes."""

    def diff(self, desired, live):
        return [FieldDiff(f"/{n}", DiffOp.REMOVE) for n in sorted(live) if n not in desired and n not in ("geo", "comment")]


@MORE.mutant("fields", "test_an_ignored_field_keeps_its_value")
class LeavesOutWhatIsIgnored(Correct):
    """Its update does not send ignored fields, to an API that takes the whole object."""

    def overlaid(self, change):
        return {name: value for name, value in super().overlaid(change).items() if not change.ignored.covers(f"/{name}")}


@MORE.mutant("fields", "test_an_undeclared_field_is_noticed")
class DiffsDeclaredFieldsOnly(Correct):
    """Its own diff cannot see that a field is not declared any more."""

    def diff(self, desired, live):
        pairs = (
            (name, value, live.get(name)) for name, value in sorted(desired.items()) if name not in ("key", "id", "revision")
        )
        return [FieldDiff(f"/{name}", DiffOp.REPLACE) for name, value, there in pairs if _sorted(value) != _sorted(there)]


def _sorted(value):
    return sorted(value) if isinstance(value, list | tuple) else value


@MORE.mutant("fields", "test_an_immutable_change_plans_a_replace")
class ForgetsWhatIsImmutable(Correct):
    """It forgot to say which field cannot be changed."""

    fields = Fields(**{**ALL, "immutable": []})


@MORE.mutant("fields", "test_the_second_plan_is_empty")
class ForgetsWhatIsWriteOnly(Correct):
    """It forgot to say which field never comes back."""

    fields = Fields(**{**ALL, "write_only": [], "sensitive": ["/note", "/key"]})


@MORE.mutant("fields", "test_a_rotated_secret_is_noticed")
class NormalizeDropsTheKey(Correct):
    """Its normalize drops the field that never comes back."""

    def normalize(self, body):
        return {name: value for name, value in super().normalize(body).items() if name != "key"}


# -- purity and secrets ---------------------------------------------------------------------------------------------------


@MORE.mutant("purity", "test_health_is_total")
class HealthKnowsOneShape(Correct):
    """Its health fails for an object without values."""

    def health(self, live):
        return Health(settled=bool(live.body["values"]), status=HealthStatus.HEALTHY)


@MORE.mutant("purity", "test_depends_on_names_keys")
class DependsOnItself(Correct):
    """Its objects need themselves."""

    def depends_on(self, body):
        yield self.key(body)


@MORE.mutant("purity", "test_equal_worlds_give_equal_plans")
class PlansDiffer(Correct):
    """Its own diff shows something else each time."""

    turns = itertools.count()

    def diff(self, desired, live):
        if desired.get("ttl") == live.get("ttl"):
            return None
        return [FieldDiff("/ttl", DiffOp.REPLACE, str(next(self.turns)), "")]


@MORE.mutant("secrets", "test_write_only_values_are_not_read_back")
class ReadsTheKeyBack(Correct):
    """It yields the field that never comes back."""

    def create(self, ctx, change):
        number = self.zone.post(self.wanted(change))
        self.keys = {**getattr(self, "keys", {}), number: change.desired.get("key")}

    def observe(self, ctx, query):
        for live in super().observe(ctx, query):
            key = getattr(self, "keys", {}).get(live.id)
            yield Live(live.key, {**live.body, "key": key} if key else live.body, live.id, live.version)


@MORE.mutant("secrets", "test_no_secret_is_shown")
class LogsBodies(Correct):
    """It logs what it writes."""

    def create(self, ctx, change):
        logging.getLogger("zone").debug("creating %s", dict(change.desired))
        super().create(ctx, change)


@MORE.mutant("secrets", "test_no_secret_is_shown")
class PrintsBodies(Correct):
    """It prints what it writes."""

    def update(self, ctx, change):
        print("updating", thaw(change.desired))  # noqa: T201  # why: it is the fault
        super().update(ctx, change)


@MORE.mutant("secrets", "test_no_secret_gets_out")
class SecretInTheCause(Correct):
    """The cause of its error quotes the declaration."""

    def create(self, ctx, change):
        try:
            super().create(ctx, change)
        except Exception as error:
            raise error from ValueError(f"in {thaw(change.desired)}")

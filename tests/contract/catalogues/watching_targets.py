"""Broken watches, and the correct one that they are made of."""

import time

from killing import Catalogue
from zone import Correct, CorrectContract

from gitops_core.errors import Expired
from gitops_core.model.resources import Live, as_key

PATIENCE = 2.0  # seconds; in a fiftieth of it a correct watch has told everything
WATCHES = Catalogue(lambda cls: type(f"Test{cls.__name__}", (CorrectContract,), {"variant": cls, "patience": PATIENCE}))


class Watching(Correct):
    """It looks at the zone again and again, and tells of each key how it is when that has changed."""

    def watch(self, ctx, query):
        known = self.first(query)
        while self.goes_on(ctx):
            for key in sorted(query.keys | known.keys()):
                live = self.now(query).get(key)
                if known.get(key, self) != (live and live.version):
                    known[key] = live and live.version
                    yield from self.told(key, live)
            ctx.clock.wait(ctx.cancel, 0.01)

    def first(self, query):
        return {}

    def goes_on(self, ctx):
        return not ctx.cancel.is_set() and ctx.remaining() > 0

    def now(self, query):
        records = [dict(record) for record in list(self.zone.records.values())]
        lives = (Live(self.key(record), record, id=record["id"], version=str(record["revision"])) for record in records)
        return {key: live for live in lives if (key := as_key(live.key)) in query.keys}

    def told(self, key, live):
        yield live or key

    def versions(self, query):
        now = self.now(query)
        return {key: now[key].version if key in now else None for key in query.keys}


@WATCHES.mutant("watch", "test_a_watch_begins_with_how_everything_is")
class TellsNoBeginning(Watching):
    """It tells what moves from now on, and not how things are."""

    def first(self, query):
        return self.versions(query)


@WATCHES.mutant("watch", "test_a_watch_loses_nothing_while_it_begins")
class ListsThenListens(Watching):
    """It lists everything, tells it, and only then begins to listen."""

    def watch(self, ctx, query):
        now = self.now(query)
        yield from (now.get(key, key) for key in sorted(query.keys))
        self.first = self.versions
        yield from super().watch(ctx, query)


@WATCHES.mutant("watch", "test_a_watch_tells_ends")
class NeverTellsEnds(Watching):
    """It tells of what is there only."""

    def told(self, key, live):
        if live:
            yield live


@WATCHES.mutant("watch", "test_a_watch_tells_ends")
class HoldsOnToWhatIsGone(Watching):
    """It remembers everything that it has seen, and tells it again with every change."""

    def watch(self, ctx, query):
        self.seen = {}
        yield from super().watch(ctx, query)

    def told(self, key, live):
        if not live:
            yield key
            return
        self.seen[key] = live
        yield from self.seen.values()


@WATCHES.mutant("watch", "test_a_watch_tells_changes")
class TellsTheOldState(Watching):
    """It tells that something has changed, with what was there before."""

    def watch(self, ctx, query):
        self.seen = {}
        yield from super().watch(ctx, query)

    def told(self, key, live):
        yield (live and self.seen.setdefault(key, live)) or key


@WATCHES.mutant("watch", "test_a_watch_tells_changes")
class IgnoresNewcomers(Watching):
    """It watches what was there when it began."""

    def first(self, query):
        self.there = self.now(query).keys()
        return {}

    def told(self, key, live):
        if key in self.there or not live:
            yield live or key


@WATCHES.mutant("watch", "test_a_watch_tells_of_its_keys_only")
class TellsOfEverything(Watching):
    """It tells of every record of the zone, whoever asked for it."""

    def now(self, query):
        records = [dict(record) for record in list(self.zone.records.values())]
        return {as_key(self.key(r)): Live(self.key(r), r, id=r["id"], version=str(r["revision"])) for r in records}

    def watch(self, ctx, query):
        for item in super().watch(ctx, query):
            yield from self.now(query).values()
            yield item


@WATCHES.mutant("watch", "test_a_watch_bears_a_slow_reader")
class BreaksOnSlowReaders(Watching):
    """It holds sixteen changes, and gives up when there are more."""

    def watch(self, ctx, query):
        for item in super().watch(ctx, query):
            before = self.zone.writes
            yield item
            if self.zone.writes > before + 16:
                raise Expired("too many changes since you read last")


@WATCHES.mutant("watch", "test_a_watch_ends_with_its_cancel")
class IgnoresItsCancel(Watching):
    """It goes on, whoever wants it to stop."""

    def watch(self, ctx, query):
        self.until = time.monotonic() + 2 * PATIENCE  # a test of it must end, all the same
        yield from super().watch(ctx, query)

    def goes_on(self, ctx):
        if ctx.cancel.is_set():
            time.sleep(0.05)
        return time.monotonic() < self.until

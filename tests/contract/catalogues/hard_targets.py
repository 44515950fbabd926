"""More broken targets: concurrency, partial failure, time and encoding."""

import itertools
import threading
import time
import unicodedata

from killing import Catalogue
from zone import Batching, Correct, CorrectContract, Slow

from gitops_core.errors import Throttled, Transient
from gitops_core.model.resources import Live, Pending

HARD = Catalogue(lambda cls: type(f"Test{cls.__name__}", (CorrectContract,), {"variant": cls}))


# -- concurrency ----------------------------------------------------------------------------------------------------------


def meet():
    """Let threads meet here; the main thread is alone and does not wait."""
    if threading.current_thread() is not threading.main_thread():
        threading.Event().wait(0.002)


@HARD.mutant("concurrency", "test_as_many_threads_as_limits_say")
class RewritesTheListing(Correct):
    """Its create reads the whole listing and writes it back."""

    def create(self, ctx, change):
        before = dict(self.zone.records)
        super().create(ctx, change)
        meet()
        number = next(i for i in self.zone.records if i not in before)
        self.zone.records = {**before, number: self.zone.records[number]}


@HARD.mutant("concurrency", "test_as_many_threads_as_limits_say")
class ChangeOnTheTarget(Correct):
    """Its update keeps the change on itself, where threads share it."""

    def update(self, ctx, change):
        self.change = change
        meet()
        super().update(ctx, self.change)


@HARD.mutant("concurrency", "test_a_stale_update_loses_nothing")
class IgnoresVersions(Correct):
    """Its update puts the old object back over what others wrote since."""

    def update(self, ctx, change):
        self.zone.put(change.live.id, self.overlaid(change))


# -- partial failure ------------------------------------------------------------------------------------------------------


@HARD.mutant("partial failure", "test_a_crash_anywhere_converges")
class ReservesFirst(Correct):
    """Its create reserves the name first; after a crash in between the name is taken, and the object is not there."""

    def create(self, ctx, change):
        self.zone.reserve(change.key)
        super().create(ctx, change)

    def delete(self, ctx, change):
        super().delete(ctx, change)
        self.zone.release(change.key)


@HARD.mutant("partial failure", "test_an_error_anywhere_converges")
class CreatesTwiceOnError(Correct):
    """Its create does not ask for a unique name."""

    def create(self, ctx, change):
        self.zone.post(self.wanted(change), unique=False)


@HARD.mutant("partial failure", "test_a_cancelled_call_is_clean")
class StopsHalfWay(Correct):
    """Its create makes an empty object, looks whether it should stop, and then fills it."""

    def create(self, ctx, change):
        number = self.zone.post({**self.wanted(change), "values": [], "comment": ""})
        ctx.check()
        self.zone.put(number, self.wanted(change))


@HARD.mutant("partial failure", "test_a_batch_survives_one_failure")
class BatchStopsAtTheFirst(Batching):
    """Its batch ends with the first change that fails."""

    def apply_batch(self, ctx, changes):
        for answer in super().apply_batch(ctx, changes):
            yield answer
            if isinstance(answer, Exception):
                return


@HARD.mutant("partial failure", "test_a_batch_survives_one_failure")
class BatchSwallowsFailures(Batching):
    """Its batch answers every change with success."""

    def apply_batch(self, ctx, changes):
        return (None if isinstance(answer, Exception) else answer for answer in super().apply_batch(ctx, changes))


@HARD.mutant("partial failure", "test_a_batch_answers_one_by_one")
class BatchForgetsAnAnswer(Batching):
    """Its batch does everything and answers all but the last."""

    def apply_batch(self, ctx, changes):
        return list(super().apply_batch(ctx, changes))[:-1]


@HARD.mutant("partial failure", "test_a_batch_answers_one_by_one")
class BatchAnswersBackwards(Batching):
    """Its batch answers in another order than it was asked."""

    def create(self, ctx, change):
        number = self.zone.post(self.wanted(change))
        record = self.zone.records[number]
        return Live(change.key, record, id=number, version=str(record["revision"]))

    def apply_batch(self, ctx, changes):
        return list(super().apply_batch(ctx, changes))[::-1]


@HARD.mutant("partial failure", "test_random_histories")
class DropsTheOldest(Correct):
    """It drops the oldest object when there are more than six."""

    def create(self, ctx, change):
        super().create(ctx, change)
        if len(self.zone.records) > 6:
            del self.zone.records[next(iter(self.zone.records))]


# -- time -----------------------------------------------------------------------------------------------------------------


@HARD.mutant("time", "test_calls_do_not_wait")
class SleepsItself(Correct):
    """It sleeps before every create, to be nice to the API."""

    def create(self, ctx, change):
        time.sleep(0.0001)
        super().create(ctx, change)


@HARD.mutant("time", "test_calls_do_not_wait")
class WaitsForItsOperation(Slow):
    """Its create waits until the operation is done."""

    def create(self, ctx, change):
        pending = super().create(ctx, change)
        while self.poll(ctx, pending):
            ctx.sleep(1.0)


@HARD.mutant("time", "test_a_failing_call_is_made_once")
class RetriesItself(Correct):
    """It repeats what fails, at once."""

    def create(self, ctx, change):
        for _ in range(3):
            try:
                return super().create(ctx, change)
            except Transient as error:
                last = error
        raise last


@HARD.mutant("time", "test_throttling_is_passed_on")
class IgnoresRetryAfter(Correct):
    """A pause that the API asks for becomes any failure."""

    def create(self, ctx, change):
        try:
            super().create(ctx, change)
        except Throttled as error:
            raise Transient("HTTP 429") from error


@HARD.mutant("time", "test_versions_are_stable")
class VersionOfTheMoment(Correct):
    """Its versions change with every look."""

    moments = itertools.count()

    def observe(self, ctx, query):
        return (Live(live.key, live.body, live.id, str(next(self.moments))) for live in super().observe(ctx, query))

    def update(self, ctx, change):
        self.zone.put(change.live.id, self.overlaid(change))


@HARD.mutant("time", "test_normalize_is_deterministic")
class StampsTheTime(Correct):
    """Its normalize writes down when it was called."""

    moments = itertools.count()

    def normalize(self, body):
        return {**super().normalize(body), "seen": next(self.moments)}


@HARD.mutant("time", "test_pending_ends")
class PendingForEver(Slow):
    """Its operations never end."""

    def poll(self, ctx, pending):
        return pending


@HARD.mutant("time", "test_pending_ends")
class PendingWithoutAToken(Slow):
    """Its operations cannot be found again."""

    def create(self, ctx, change):
        super().create(ctx, change)
        return Pending("", 1.0)

    def poll(self, ctx, pending):
        return pending if self.zone.page()[0] == [] and self.zone.coming else None


@HARD.mutant("time", "test_a_stop_while_pending_is_clean")
class ForgetsWhenStopped(Slow):
    """Its poll takes an operation back when it is stopped."""

    def poll(self, ctx, pending):
        if ctx.cancel.is_set():
            self.zone.coming.pop(pending.token, None)
        return super().poll(ctx, pending)

    def create(self, ctx, change):
        pending = super().create(ctx, change)
        self.mine = pending.token
        return pending


# -- encoding -------------------------------------------------------------------------------------------------------------


class Encoding(Correct):
    """Does something to every comment on its way out; correct as it stands."""

    def wanted(self, change):
        return self.encoded(super().wanted(change))

    def overlaid(self, change):
        return self.encoded(super().overlaid(change))

    def encoded(self, record):
        return {**record, "comment": self.text(record["comment"])} if "comment" in record else record

    def text(self, comment):
        return comment


@HARD.mutant("encoding", "test_odd_values_survive")
class Latin1(Encoding):
    """It sends text in Latin-1."""

    def text(self, comment):
        return comment.encode("latin-1", "replace").decode("latin-1")


@HARD.mutant("encoding", "test_odd_values_survive")
class StripsText(Encoding):
    """It trims white space."""

    def text(self, comment):
        return comment.strip()


@HARD.mutant("encoding", "test_odd_values_survive")
class CutsText(Encoding):
    """It cuts text after 255 characters."""

    def text(self, comment):
        return comment[:255]


@HARD.mutant("encoding", "test_odd_values_survive")
class ComposesText(Encoding):
    """It composes accents (Unicode NFC)."""

    def text(self, comment):
        return unicodedata.normalize("NFC", comment)


@HARD.mutant("encoding", "test_odd_values_survive")
class GuessesTypes(Encoding):
    """It takes the text "on" for a truth value, as YAML 1.1 does."""

    def text(self, comment):
        return True if comment == "on" else comment


@HARD.mutant("encoding", "test_odd_values_survive")
class EmptyIsNothing(Encoding):
    """It leaves out an empty text."""

    def encoded(self, record):
        return {name: value for name, value in record.items() if value != ""}


@HARD.mutant("encoding", "test_odd_values_survive")
class TranslatesLineEnds(Encoding):
    """It sends line ends as Windows has them."""

    def text(self, comment):
        return comment.replace("\n", "\r\n")

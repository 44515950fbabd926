"""The service itself: verbs over records, one request at a time."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import attrs

from gitops_core.interfaces import Clock
from gitops_core.model.values import Body, digest, freeze, thaw
from gitops_core.testing.clock import VirtualClock
from gitops_core.testing.fake_api.admission import admitted, has, mark, own_id
from gitops_core.testing.fake_api.errors import ApiError, ConflictError, ExistsError, InvalidError, NotFoundError
from gitops_core.testing.fake_api.foreign import Foreign
from gitops_core.testing.fake_api.operations import Desk, Effect, Operation, Running
from gitops_core.testing.fake_api.pages import Bookmarks, Page
from gitops_core.testing.fake_api.records import Shelf, Stored
from gitops_core.testing.fake_api.requests import Book, Request
from gitops_core.testing.fake_api.settings import ApiSettings, Record, Verb

_WRITES = (Verb.CREATE, Verb.UPDATE, Verb.DELETE)


@attrs.frozen
class _Answered:
    """What an idempotency key stands for."""

    at: float
    request: str
    answer: Record | Operation


class FakeApi:
    """
    Records behind create, get, list, update and delete, as a vendor's client shows them. Safe between threads.

    Nothing sleeps and nothing is random: ids, versions and tokens come from counters, time from the clock, so equal histories
    give equal answers.

    Example::

        clock = VirtualClock()
        api = FakeApi(ApiSettings(unique=lambda r: r["name"], lag=2.0), clock)
        api.create({"name": "www", "values": ["192.0.2.1"]})
        assert list(api.every()) == []                         # not seen yet
        clock.advance(2.0)
        assert [r["id"] for r in api.every()] == ["r-1"]
        api.foreign("ada").edit("r-1", {"values": []})        # behind the engine's back

    Attributes:
        settings: How it behaves from now on; may be replaced at any time (``api.settings = attrs.evolve(api.settings, lag=5.0)``).
        clock: All time.

    Args:
        settings: What the API is like.
        clock: The clock of the test; one of its own when left out.
        records: What is there at the beginning.
    """

    def __init__(self, settings: ApiSettings = ApiSettings(), clock: Clock | None = None, records: Iterable[Body] = ()) -> None:
        self.settings = settings
        self.clock = clock or VirtualClock()
        self._lock = threading.RLock()
        self._shelf = Shelf()
        self._desk = Desk()
        self._bookmarks = Bookmarks()
        self._book = Book(settings.log_size)
        self._answered: dict[str, _Answered] = {}
        self._ids = itertools.count(1)
        for record in records:
            self.foreign("beginning").create(record)

    def __repr__(self) -> str:
        with self._lock:
            return f"FakeApi({len(self.records)} records, {sum(self._book.calls.values())} requests)"

    # -- the vendor's client ----------------------------------------------------------------------------------------------
    def create(self, record: Body, *, idempotency_key: str = "") -> Record | Operation:
        """
        Make a record and return it as it is stored, or the operation that will make it.

        A create that is repeated with the same *idempotency_key* makes nothing and is answered like the first one.

        Raises:
            ExistsError: Its id or its unique value is taken.
            InvalidError: It is not accepted, or the key was used for another record.
        """
        with self._request(Verb.CREATE):
            known = self._remembered(idempotency_key, record)
            if known is None:
                known = self._write(self._creation(record))
                self._answered[idempotency_key] = _Answered(self._now(), _digest(record), known)
            return thaw(known) if isinstance(known, dict) else self._desk.find(known.id) or known

    def get(self, record_id: str) -> Record:
        """
        Return one record, as it was ``settings.lag`` seconds ago.

        Raises:
            NotFoundError: It was not there.
        """
        with self._request(Verb.GET, record_id):
            stored = self._shelf.seen(record_id, self._now() - self.settings.lag)
            if stored is None:
                raise NotFoundError(f"there is no {record_id}")
            return self._shown(stored)

    def list(self, *, token: str = "", where: Mapping[str, Any] | None = None) -> Page:
        """
        Return one page of the records as they were ``settings.lag`` seconds ago, in order of creation.

        Args:
            token: ``Page.token`` of the page before; empty for the first one.
            where: Fields that must have these values; the same for every page.

        Raises:
            ExpiredError: The token is too old.
        """
        with self._request(Verb.LIST):
            now = self._now()
            place = self._bookmarks.place(token, now)
            found = list(place.rest) if place and place.rest is not None else self._seen(now, where or {})
            left = [stored for stored in found if place is None or stored.number > place.after]
            page, following = self._bookmarks.cut(left, self.settings.paging, now)
            return Page(tuple(map(self._shown, page)), following)

    def every(self, where: Mapping[str, Any] | None = None) -> Iterator[Record]:
        """Yield the records of all pages; each page is a request of its own, made when it is needed."""
        page = self.list(where=where)
        yield from page.items
        while page.token:
            page = self.list(token=page.token, where=where)
            yield from page.items

    def update(self, record_id: str, record: Body, *, version: str = "") -> Record | Operation:
        """
        Replace a record as a whole and return it as it is stored, or the operation that will do it.

        Args:
            record_id: Which.
            record: What it shall be; fields that only the API writes are ignored.
            version: Compare and swap: the version it must have now; empty for any.

        Raises:
            NotFoundError: It is not there.
            ConflictError: It has another version, or an operation on it is under way.
            InvalidError: It is not accepted.
        """
        with self._request(Verb.UPDATE, record_id):
            before = self._present(record_id, version)
            return self._write(self._replacement(before, record))

    def delete(self, record_id: str, *, version: str = "") -> Operation | None:
        """
        Delete a record; return the operation that will do it, if it takes time.

        Raises:
            NotFoundError: It is not there.
            ConflictError: It has another version, or an operation on it is under way.
        """
        with self._request(Verb.DELETE, record_id):
            before = self._present(record_id, version)
            answer = self._write(Effect(Verb.DELETE, record_id, before.body, None))
            return answer if isinstance(answer, Operation) else None

    def operation(self, operation_id: str) -> Operation:
        """
        Return how far an operation is.

        Raises:
            NotFoundError: There never was such an operation.
        """
        with self._request(Verb.OPERATION, operation_id):
            found = self._desk.find(operation_id)
            if found is None:
                raise NotFoundError(f"there is no operation {operation_id}")
            return found

    # -- what a test sees and does ------------------------------------------------------------------------------------------
    def foreign(self, name: str = "somebody") -> Foreign:
        """Return another user of the API: unlimited, uncounted, and done at once."""
        return Foreign(name, self._foreign_write, self.find)

    @property
    def records(self) -> dict[str, Record]:
        """The truth: every record by id, whatever readers see by now. Not a request."""
        with self._lock:
            self._advance()
            return {stored.id: self._shown(stored) for stored in self._shelf.everything(self._now())}

    def find(self, **fields: Any) -> Record:
        """
        Return the one record with *fields*, as it truly is. Not a request.

        Raises:
            LookupError: There is none, or more than one.
        """
        found = [record for record in self.records.values() if has(record, fields)]
        if len(found) != 1:
            raise LookupError(f"{len(found)} records have {fields}")
        return found[0]

    @property
    def calls(self) -> Counter[str]:
        """How often each verb was asked for by the client, refused requests included; a copy."""
        with self._lock:
            return Counter(self._book.calls)

    @property
    def writes(self) -> int:
        """How many writes the client asked for, refused ones included."""
        return sum(self.calls[verb.value] for verb in _WRITES)

    @property
    def requests(self) -> tuple[Request, ...]:
        """The log: the newest ``settings.log_size`` requests, foreign writers' included."""
        with self._lock:
            return tuple(self._book.log)

    # -- with the lock held -------------------------------------------------------------------------------------------------
    @contextmanager
    def _request(self, verb: Verb, record: str = "", who: str = "") -> Iterator[None]:
        """Let a request in, bring the world up to now, and log how it ended."""
        with self._lock:
            now, opened, status = self._now(), len(self._desk), 500
            try:
                if not who:
                    self._book.admit(self.settings.rate_limit, now)
                    self._desk.tick()
                self._advance()
                yield
                status = 202 if len(self._desk) > opened else 200
            except ApiError as error:
                status = error.status
                raise
            finally:
                self._book.note(Request(0, now, verb, record, status, who))

    def _now(self) -> float:
        return self.clock.monotonic()

    def _advance(self) -> None:
        """Finish every operation whose time is over."""
        for running in self._desk.finished(self._now()):
            effect = running.effect
            body = effect.failed(self.settings.states) if running.fails else effect.done(self.settings.states)
            lost = self._lost(effect) or (self._taken(effect.record, body) if body is not None else "")
            if lost:
                self._desk.fail(running.operation, lost)
            else:
                self._put(effect, body, gone=body is None and not running.fails)

    def _lost(self, effect: Effect) -> str:
        """Return that somebody deleted meanwhile what *effect* is about; empty when nobody did."""
        expected = effect.verb is not Verb.CREATE or self.settings.states is not None
        return f"there is no {effect.record}" if expected and self._shelf.current(effect.record) is None else ""

    def _write(self, effect: Effect) -> Record | Operation:
        takes = self.settings.takes.get(effect.verb.value)
        if takes is None or effect.writer:
            body = effect.done(self.settings.states)
            self._put(effect, body, gone=body is None)
            stored = self._shelf.current(effect.record)
            return self._shown(stored) if stored else {}
        self._put(effect, effect.accepted(self.settings.states))
        operation = Operation(f"op-{len(self._desk) + 1}", effect.verb, effect.record)
        why = takes.fails(thaw(effect.body))
        return self._desk.open(Running(operation, effect, self._now() + takes.seconds, takes.requests, why))

    def _put(self, effect: Effect, body: Body | None, *, gone: bool = False) -> None:
        now = self._now()
        if gone:
            self._shelf.remove(effect.record, now)
        elif body is not None:
            frozen = freeze(body)
            self._shelf.put(Stored(effect.record, frozen, writer=effect.writer, mark=mark(self.settings, frozen)), now)
        self._shelf.forget(effect.record, now - self.settings.lag)

    def _creation(self, record: Body, writer: str = "") -> Effect:
        body = admitted(self.settings, record, None)
        record_id = "" if self.settings.assigns_ids else own_id(self.settings, body)
        if record_id and (self._shelf.current(record_id) or self._desk.is_busy(record_id)):
            raise ExistsError(f"there is {record_id}")
        self._refuse_taken(record_id, body)
        return Effect(Verb.CREATE, record_id or f"{self.settings.id_prefix}{next(self._ids)}", None, body, writer)

    def _replacement(self, before: Stored, record: Body, writer: str = "") -> Effect:
        body = admitted(self.settings, record, before.body)
        if not self.settings.assigns_ids and own_id(self.settings, body) != before.id:
            raise InvalidError(f"the {self.settings.id_field} of {before.id} cannot be changed")
        self._refuse_taken(before.id, body)
        return Effect(Verb.UPDATE, before.id, before.body, body, writer)

    def _refuse_taken(self, record_id: str, body: Body) -> None:
        taken = self._taken(record_id, body)
        if taken:
            raise ExistsError(taken)

    def _taken(self, record_id: str, body: Body) -> str:
        """Return why *body* cannot be there next to the others; empty when it can."""
        holder = self._shelf.holder(mark(self.settings, body))
        return f"{holder} has the same unique value" if holder not in {"", record_id} else ""

    def _present(self, record_id: str, version: str = "", *, writer: str = "") -> Stored:
        stored = self._shelf.current(record_id)
        if stored is None:
            raise NotFoundError(f"there is no {record_id}")
        if not writer and self._desk.is_busy(record_id):
            raise ConflictError(f"an operation on {record_id} is under way")
        if version and version != str(stored.version):
            raise ConflictError(f"{record_id} is at version {stored.version}, not {version}")
        return stored

    def _seen(self, now: float, where: Mapping[str, Any]) -> Sequence[Stored]:
        found = self._shelf.everything(now - self.settings.lag)
        return [stored for stored in found if has(self._shown(stored), where)] if where else found

    def _shown(self, stored: Stored) -> Record:
        settings = self.settings
        facts = {settings.id_field: stored.id, settings.version_field: str(stored.version), settings.writer_field: stored.writer}
        return {**thaw(stored.body), **{name: value for name, value in facts.items() if name}}

    def _remembered(self, key: str, record: Body) -> Record | Operation | None:
        known = self._answered.get(key)
        if not key or known is None or self._now() - known.at >= self.settings.idempotency_life:
            return None
        if known.request != _digest(record):
            raise InvalidError("this idempotency key was used for another record")
        return known.answer

    def _foreign_write(self, name: str, verb: Verb, record_id: str, change: Any) -> Record:
        with self._request(verb, record_id, name):
            if verb is Verb.CREATE:
                effect = self._creation(change, name)
            else:
                before = self._present(record_id, writer=name)
                effect = Effect(verb, record_id, before.body, None, name)
                if verb is Verb.UPDATE:
                    effect = self._replacement(before, change(thaw(before.body)), name)
            answer = self._write(effect)
            return answer if isinstance(answer, dict) else {}


def _digest(record: Body) -> str:
    return digest(freeze(record))

"""How a fake API behaves, as frozen values: take what your vendor does, leave out the rest."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import attrs
from attrs.validators import ge, gt

from gitops_core.model.values import freeze

Record = dict[str, Any]
"""What goes in and out: a plain dict that is the caller's own."""


class Verb(enum.StrEnum):
    """What can be asked of the API."""

    CREATE = "create"
    GET = "get"
    LIST = "list"
    UPDATE = "update"
    DELETE = "delete"
    OPERATION = "operation"


@attrs.frozen(kw_only=True)
class Paging:
    """
    How a listing is cut.

    Attributes:
        size: Records a page.
        token_life: Seconds until a continue token expires.
        snapshot: All pages show the moment of the first one. Otherwise each page is of its own moment, in order of creation, so a
            record that is created or deleted meanwhile may be missing or there.
    """

    size: int = attrs.field(default=100, validator=ge(1))
    token_life: float = attrs.field(default=math.inf, validator=gt(0.0))
    snapshot: bool = False


@attrs.frozen(kw_only=True)
class RateLimit:
    """
    At most so many requests in any span of so many seconds; one more is refused, and not counted.

    Attributes:
        requests: How many.
        seconds: Length of the span.
    """

    requests: int = attrs.field(validator=ge(1))
    seconds: float = attrs.field(default=1.0, validator=gt(0.0))


def _succeeds(_record: Record) -> str:
    return ""


@attrs.frozen(kw_only=True)
class Takes:
    """
    A verb that answers with an :class:`~gitops_core.testing.fake_api.operations.Operation` and takes its time.

    Attributes:
        seconds: Until it is finished, on the API's clock.
        requests: How many requests of the client must follow, too, until it is finished: time for those who have no virtual clock.
        fails: Told the record, returns why the operation fails; empty when it does not.
    """

    seconds: float = attrs.field(default=0.0, validator=ge(0.0))
    requests: int = attrs.field(default=0, validator=ge(0))
    fails: Callable[[Record], str] = _succeeds


@attrs.frozen(kw_only=True)
class States:
    """
    The field in which a record says what is being done to it. Without it nothing is seen of an operation until it is finished.

    Attributes:
        field: Name of the field; the API's own, so what a client writes there is ignored.
        create, update, delete: Its value while such an operation is under way.
        ready: Its value otherwise.
        failed: Its value after a create that failed.
    """

    field: str = "state"
    create: str = "creating"
    update: str = "updating"
    delete: str = "deleting"
    ready: str = "ready"
    failed: str = "failed"

    def during(self, verb: Verb) -> str:
        """Return the value while *verb* is under way."""
        return {Verb.CREATE: self.create, Verb.UPDATE: self.update, Verb.DELETE: self.delete}[verb]


def _as_it_is(record: Record) -> Record:
    return record


def _accept(_new: Record, _old: Record | None) -> None:
    """Accept everything."""


@attrs.frozen(kw_only=True)
class ApiSettings:
    """
    What the API is like.

    Attributes:
        id_field: Where a record has its id.
        assigns_ids: The API invents ids (``r-1``, ``r-2``); otherwise the client writes them into ``id_field``.
        id_prefix: Begins every invented id.
        version_field: Where a record shows its version; empty to show none.
        writer_field: Where a record shows who wrote it last; empty to show nobody.
        unique: Names what two records must not share: ``lambda record: (record["kind"], record["name"])``.
        defaults: Fields that the API adds when they are missing.
        normalize: The API's spelling of a record; handed a copy with the defaults in it.
        check: Raises :class:`InvalidError` for a record it does not accept; told the old one, too, when there is one.
        paging: How a listing is cut.
        rate_limit: How many requests it bears; None for any number.
        lag: Seconds until a write is seen by ``get`` and ``list``. Writes themselves always act on the truth.
        takes: Which of ``create``, ``update`` and ``delete`` take time.
        states: How a record shows that; None when it does not.
        idempotency_life: Seconds for which an idempotency key is remembered.
        log_size: Requests that are kept in the log, the newest ones.
    """

    id_field: str = "id"
    assigns_ids: bool = True
    id_prefix: str = "r-"
    version_field: str = ""
    writer_field: str = ""
    unique: Callable[[Record], Hashable] | None = None
    defaults: Mapping[str, Any] = attrs.field(factory=dict, converter=freeze)
    normalize: Callable[[Record], Record] = _as_it_is
    check: Callable[[Record, Record | None], None] = _accept
    paging: Paging = Paging()
    rate_limit: RateLimit | None = None
    lag: float = attrs.field(default=0.0, validator=ge(0.0))
    takes: Mapping[str, Takes] = attrs.field(factory=dict)
    states: States | None = None
    idempotency_life: float = attrs.field(default=math.inf, validator=gt(0.0))
    log_size: int = attrs.field(default=10_000, validator=ge(0))

    @takes.validator
    def _only_writes(self, _attribute: object, takes: Mapping[str, Takes]) -> None:
        strange = sorted(takes.keys() - {Verb.CREATE.value, Verb.UPDATE.value, Verb.DELETE.value})
        if strange:
            raise ValueError(f"only create, update and delete can take time, not {', '.join(strange)}")

    @property
    def server_fields(self) -> frozenset[str]:
        """The fields that only the API writes."""
        own = {self.version_field, self.writer_field, self.states.field if self.states else ""}
        return frozenset(own | ({self.id_field} if self.assigns_ids else set())) - {""}

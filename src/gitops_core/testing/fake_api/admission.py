"""What the API makes of a record that comes in. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from gitops_core.model.values import Body, thaw
from gitops_core.testing.fake_api.errors import InvalidError
from gitops_core.testing.fake_api.settings import ApiSettings, Record


def admitted(settings: ApiSettings, record: Body, before: Body | None) -> Record:
    """
    Return *record* as the API stores it: without the fields that are the API's own, with defaults, in its spelling.

    Raises:
        InvalidError: ``settings.check`` says so.
    """
    own = settings.server_fields
    written = {name: value for name, value in thaw(record).items() if name not in own}
    body = settings.normalize({**thaw(settings.defaults), **written})
    settings.check(thaw(body), None if before is None else thaw(before))
    return body


def own_id(settings: ApiSettings, record: Body) -> str:
    """
    Return the id that the client chose.

    Raises:
        InvalidError: There is none.
    """
    record_id = record.get(settings.id_field)
    if not isinstance(record_id, str) or not record_id:
        raise InvalidError(f"a record needs a text in {settings.id_field}")
    return record_id


def mark(settings: ApiSettings, body: Body) -> Hashable:
    """Return what no other record may share; None when there is no such thing."""
    return None if settings.unique is None else settings.unique(thaw(body))


def has(record: Record, fields: Mapping[str, Any]) -> bool:
    """Tell whether *record* has all of *fields*."""
    return all(name in record and record[name] == value for name, value in fields.items())

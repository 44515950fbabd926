"""Somebody else: changes the world behind the engine's back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from gitops_core.model.values import Body
from gitops_core.targets.merging import merge_patch
from gitops_core.testing.fake_api.settings import Record, Verb


@attrs.frozen
class Foreign:
    """
    Another user of a fake API. Not limited, not counted, never waiting for an operation; what it does is in the log under its name.

    Attributes:
        name: Who; the record's ``writer_field`` says so.
    """

    name: str
    _write: Callable[[str, Verb, str, Any], Record] = attrs.field(repr=False)
    _find: Callable[..., Record] = attrs.field(repr=False)

    def create(self, record: Body) -> Record:
        """Make a record and return it; errors as for the client."""
        return self._write(self.name, Verb.CREATE, "", record)

    def edit(self, record_id: str, patch: Mapping[str, Any]) -> Record:
        """Change a record by a JSON Merge Patch (None removes a field) and return it; NotFoundError when it is not there."""
        return self._write(self.name, Verb.UPDATE, record_id, lambda body: merge_patch(body, patch))

    def replace(self, record_id: str, record: Body) -> Record:
        """Write a record as a whole and return it; NotFoundError when it is not there."""
        return self._write(self.name, Verb.UPDATE, record_id, lambda _body: record)

    def delete(self, record_id: str) -> None:
        """Delete a record; NotFoundError when it is not there."""
        self._write(self.name, Verb.DELETE, record_id, None)

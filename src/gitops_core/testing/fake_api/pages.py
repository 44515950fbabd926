"""Listings in pages, with continue tokens that mean nothing to a client."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence

import attrs

from gitops_core.testing.fake_api.errors import ExpiredError, InvalidError
from gitops_core.testing.fake_api.records import Stored
from gitops_core.testing.fake_api.settings import Paging, Record


@attrs.frozen
class Page:
    """
    A part of a listing.

    Attributes:
        items: Records, in order of creation.
        token: Hand it to ``list`` for the next part; empty at the end.
    """

    items: tuple[Record, ...] = attrs.field(repr=lambda items: f"<{len(items)}>")
    token: str = ""


@attrs.frozen
class Place:
    """Where a listing goes on: after which record, until when, and with what if it shows the moment of its first page."""

    after: int
    expires: float
    rest: tuple[Stored, ...] | None = attrs.field(default=None, repr=False)


class Bookmarks:
    """The places behind the tokens. Not safe between threads: the service holds its lock."""

    def __init__(self) -> None:
        self._places: dict[str, Place] = {}
        self._numbers = itertools.count(1)

    def place(self, token: str, now: float) -> Place | None:
        """
        Return where *token* goes on; None for the empty token.

        Raises:
            ExpiredError: It is too old.
            InvalidError: It is none of ours.
        """
        if not token:
            return None
        place = self._places.get(token)
        if place is None:
            raise InvalidError("this continue token was never given out")
        if now >= place.expires:
            raise ExpiredError("this continue token has expired; list again from the beginning")
        return place

    def cut(self, found: Sequence[Stored], paging: Paging, now: float) -> tuple[Sequence[Stored], str]:
        """Return the first page of *found*, and the token for the rest."""
        page, rest = found[: paging.size], found[paging.size :]
        if not rest:
            return page, ""
        token = hashlib.sha256(f"token {next(self._numbers)}".encode()).hexdigest()[:16]
        self._places[token] = Place(page[-1].number, now + paging.token_life, tuple(rest) if paging.snapshot else None)
        return page, token

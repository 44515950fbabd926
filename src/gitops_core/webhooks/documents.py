"""The document of a delivery: JSON from strangers, read field by field."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import attrs

from gitops_core.errors import WebhookRefused

_LONGEST: Final = 4096  # Git hosts refuse longer names and URLs


def decode(body: bytes, content_type: str) -> Document:
    """
    Return the document in *body*.

    Args:
        body: JSON in UTF-8, or a form whose field ``payload`` is that: GitHub, Gitea and Forgejo send either.
        content_type: The header.

    Raises:
        WebhookRefused: Anything else. STALL, 400, or 415 for the content type.
    """
    media = content_type.partition(";")[0].strip().lower()
    if media not in {"application/json", "application/x-www-form-urlencoded"}:
        raise WebhookRefused("the content type is not application/json; choose JSON where the webhook is set up", status=415)
    try:
        text = body.decode("utf-8")
        if media != "application/json":
            text = _payload(text)
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        what = "nested too deeply" if isinstance(error, RecursionError) else "no JSON in UTF-8"
        raise WebhookRefused(f"the body is {what}; send what the forge sends, unchanged", status=400) from None
    return Document(_as(value, dict, "the document"))


def _payload(form: str) -> str:
    found = parse_qs(form, errors="strict", max_num_fields=8).get("payload", [])
    if len(found) != 1:
        raise WebhookRefused(f"the form has {len(found)} fields payload; it needs one", status=400)
    return found[0]


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _as(value: Any, kind: type, name: str) -> Any:
    if not isinstance(value, kind):
        raise WebhookRefused(f"{name} is a {type(value).__name__}, not a {kind.__name__}; is this the right kind?", status=400)
    return value


@attrs.frozen
class Document:
    """
    An object of the document; every reader refuses what is of another type, with STALL and 400.

    Attributes:
        fields: As they came.
        place: Where it stands, for messages.
    """

    fields: dict[str, Any] = attrs.field(repr=False)
    place: str = ""

    def text(self, name: str) -> str:
        """Return a text; empty when it is missing or null."""
        value = self.fields.get(name)
        return "" if value is None else as_text(value, self.place + name)

    def required(self, name: str) -> str:
        """Return a text that has to be there."""
        value = self.text(name)
        if not value:
            raise WebhookRefused(f"{self.place}{name} is missing; is this the right kind of webhook?", status=400)
        return value

    def flag(self, name: str) -> bool:
        """Return a boolean; False when it is missing or null."""
        value = self.fields.get(name)
        return value is not None and bool(_as(value, bool, self.place + name))

    def inner(self, name: str) -> Document:
        """Return an object; an empty one when it is missing or null."""
        value = self.fields.get(name)
        return Document({} if value is None else _as(value, dict, self.place + name), f"{self.place}{name}.")

    def items(self, name: str) -> list[Any]:
        """Return a list; empty when it is missing or null."""
        value = self.fields.get(name)
        return [] if value is None else list(_as(value, list, self.place + name))

    def each(self, name: str) -> Iterator[Document]:
        """Yield the objects of a list."""
        for index, value in enumerate(self.items(name)):
            place = f"{self.place}{name}[{index}]"
            yield Document(_as(value, dict, place), f"{place}.")


def as_text(value: Any, name: str) -> str:
    """Return *value* if it is a text that can stand in a log: printable, short, and no half of a character."""
    text: str = _as(value, str, name)
    if len(text) > _LONGEST or not text.isprintable():
        raise WebhookRefused(f"{name} is longer than {_LONGEST} characters or not printable; is this the right kind?", status=400)
    return text


def without_credentials(url: str) -> str:
    """
    Return *url* without user and password; the user of an SSH URL stays, it is part of the address.

    Raises:
        WebhookRefused: It is no URL. STALL, 400.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise WebhookRefused("a URL of the repository is malformed; is this the right kind of webhook?", status=400) from None
    user, at, host = parts.netloc.rpartition("@")
    kept = f"{user.partition(':')[0]}@" if at and "ssh" in parts.scheme else ""
    return parts._replace(netloc=kept + host).geturl() if at else url

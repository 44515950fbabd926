"""Names of objects of ours: legal whatever they are made of, and another one for everything else."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Any, Final

import attrs

from gitops_core.errors import ConfigError

_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def digest(parts: Iterable[str], digits: int) -> str:
    """Return so many hexadecimal digits that differ for every other sequence of *parts*, whatever characters they hold."""
    spelled = b"".join(b"%d:%b" % (len(raw), raw) for raw in (part.encode(errors="surrogatepass") for part in parts))
    return hashlib.sha256(spelled).hexdigest()[:digits]


def readable(text: str, characters: int) -> str:
    """Return what of *text* a DNS name can show, in at most so many *characters*."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower())[-characters:].strip("-") or "x"


def is_namespace(_owner: Any, _attribute: attrs.Attribute[str], value: str) -> None:
    """
    Check an attribute that names a namespace: a DNS label.

    Raises:
        ConfigError: It can name none. STALL.

    Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
    """
    if not _LABEL.fullmatch(value):
        raise ConfigError(f"namespace {value!r} is no namespace's name; use at most 63 of a-z, 0-9 and '-'")

"""The key of a store's secret digests, in a Secret of its own."""

from __future__ import annotations

import base64
import secrets
from typing import Final

from gitops_core.errors import StateCorrupt, StateUnavailable
from gitops_core.state.kubernetes.failures import decoding
from gitops_core.state.kubernetes.objects import Object, Objects

SALT_BYTES: Final = 32
_SECRETS: Final = "secrets"
_DATA: Final = "salt"


def read_salt(objects: Objects) -> bytes:
    """
    Return the salt; made by whoever comes first.

    Raises:
        StateCorrupt: The Secret does not hold 32 bytes. STALL.

    Cost: 1 request, 2 for the first of all.
    """
    name = objects.names.salt()
    found = objects.get(name, resource=_SECRETS)
    if found is None:
        text = base64.b64encode(secrets.token_bytes(SALT_BYTES)).decode()
        meta = {"name": name, "labels": objects.names.labels("salt")}
        created = objects.create({"metadata": meta, "immutable": True, "data": {_DATA: text}}, resource=_SECRETS)
        if created is not None:
            return base64.b64decode(text)
        found = objects.get(name, resource=_SECRETS)  # somebody else was first
    return _parse(objects, name, found)


def _parse(objects: Objects, name: str, found: Object | None) -> bytes:
    place = objects.place(name, _SECRETS)
    if found is None:
        raise StateUnavailable(f"state in {place}: it comes and goes; look who deletes it")
    with decoding(place):
        salt = base64.b64decode(found["data"][_DATA], validate=True)
    if len(salt) != SALT_BYTES:
        raise StateCorrupt(f"state in {place}: the salt does not have {SALT_BYTES} bytes; put the right one back from a copy")
    return salt

"""Sets of declared pointers, which thousands of objects share: each is kept once, under its content address."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence


def shape_row(pointers: Sequence[str]) -> tuple[bytes, str]:
    """Return the row of a set of declared pointers: its content address, and its text."""
    text = json.dumps(list(pointers))
    return hashlib.sha256(text.encode()).digest()[:16], text


def shape_id(pointers: Sequence[str]) -> bytes:
    """Return the content address of a set of declared pointers."""
    return shape_row(pointers)[0]

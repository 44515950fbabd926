"""The list of differences names cases that exist."""

from __future__ import annotations

import re
from pathlib import Path

from differences import DIFFERENCES


def test_every_difference_names_a_case() -> None:
    text = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    cases = set(re.findall(r"^def (test_\w+)\(", text, re.MULTILINE))
    assert sorted({name.partition("[")[0] for name in DIFFERENCES} - cases) == []


def test_every_difference_is_explained() -> None:
    assert [name for name, difference in DIFFERENCES.items() if not all(difference[:3])] == []

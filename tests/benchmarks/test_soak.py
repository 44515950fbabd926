"""A short soak converges and leaves nothing; and what the long one looks at can be told to grow."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at /proc")


@pytest.fixture
def soak(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT))
    return importlib.import_module("benchmarks.soak")


def samples(soak: Any, resident: Any) -> list[Any]:
    return [soak.Sample(at=5.0 * i, resident=resident(i), traced=1_000_000, threads=9, files=20, packs=8) for i in range(30)]


def verdicts(soak: Any, found: list[Any], problems: list[str]) -> dict[str, bool]:
    return {row.what: row.is_met for row in soak.report(soak.Soaked(found, {}, problems), 150.0).rows}


def test_what_grows_is_told_and_the_warm_up_does_not_count(soak: Any) -> None:
    warm = verdicts(soak, samples(soak, lambda i: 1_000_000 * min(10, 1 + i)), [])
    assert all(warm.values())
    grows = verdicts(soak, samples(soak, lambda i: 1_000_000 * (10 + i)), ["left"])
    assert [what for what, is_met in grows.items() if not is_met] == ["resident memory", "not as declared at the end, or left"]


def test_the_slope_is_by_the_hour(soak: Any) -> None:
    assert soak.flatness(samples(soak, lambda i: 5 * i), "resident").slope == pytest.approx(3600.0)


@pytest.mark.deep
def test_a_short_soak_converges_and_leaves_no_thread(soak: Any, tmp_path: Path) -> None:
    found = soak.soak(tmp_path, 15.0, every=0.2, sampled=1.0)
    assert found.problems == []
    assert len(found.samples) >= 5
    assert min(found.counts[what] for what in ("commit", "drift", "member joined", "member left")) > 0

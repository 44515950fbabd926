"""How many changes a worker is handed at once."""

from __future__ import annotations

import pytest

from gitops_core.engine.applying import next_chunk


@pytest.mark.parametrize(
    ("size", "written", "seconds", "then"),
    [
        (32, 32, 0.01, 64),
        (512, 512, 0.0, 512),
        (32, 5, 0.01, 32),
        (32, 32, 0.1, 32),
        (32, 32, 1.0, 16),
        (1, 1, 30.0, 1),
    ],
)
def test_chunks_grow_while_they_are_full_and_fast_and_shrink_when_they_are_slow(size, written, seconds, then):
    assert next_chunk(size, written, seconds) == then

"""Checks of what a target costs when there is much of everything."""
# ruff: noqa: S101  # why: a contract suite is made of assertions, and pytest runs it

from __future__ import annotations

import gc
import math
import tracemalloc
from typing import Final

from gitops_core.model.plans import Action
from gitops_core.testing.promises import Layer, check
from gitops_core.testing.target_bench import Bench, Example
from gitops_core.testing.target_checks import Checks

_PER_OBJECT: Final = 16_384  # bytes that one object may take while a listing is read
_KEPT: Final = 65_536  # bytes that all of the listings may leave behind
_LOOKS: Final = 3


class ScaleChecks(Checks):
    """Calls follow pages and changes; memory follows the page."""

    @check(
        Layer.SCALE,
        why="An API that is asked once per object is slow, and throttles; a pass over a thousand objects must cost its pages.",
        cure="List, and follow the pages, instead of a get per key; write each change in one call; set page_size to what the API "
        "gives, or to 1 when it has no listing.",
    )
    def test_a_thousand_objects_cost_pages_and_changes(self, bench: Bench, example: Example) -> None:
        """A look at many objects costs one read a page, and a change costs one write."""
        reads, writes = self.read_taps(bench.target), self.api_taps(bench.target)
        bodies = self.crowd(example, self.thousand)
        for body in bodies:
            bench.settle(bench.holder(body).create(bench.ctx, bench.change(Action.CREATE, body)), body)
        made = len(writes.calls)
        assert made <= len(bodies), f"{len(bodies)} creates made {made} writes"
        reads.clear()
        found = sum(1 for _ in bench.answers(map(bench.key, bodies)))
        pages = math.ceil(len(bodies) / self.page_size) + 1 if self.page_size else 1
        assert found >= len(bodies), f"observe yielded {found} of {len(bodies)} objects"
        assert len(reads.calls) <= pages, f"a look at {len(bodies)} objects made {len(reads.calls)} reads, {pages} are enough"

    @check(
        Layer.SCALE,
        why="A controller looks every few minutes for months; what each look leaves behind fills the memory.",
        cure="Yield objects as they come, and keep none of them on the target.",
    )
    def test_looking_keeps_nothing(self, bench: Bench, example: Example) -> None:
        """A look takes memory for what it reads, and gives it back."""
        bodies = self.crowd(example, self.many)
        for body in bodies:
            bench.create(body)
        keys = [bench.key(body) for body in bodies]
        bench.look(keys)
        tracemalloc.start()
        try:
            begin, _ = tracemalloc.get_traced_memory()
            for _ in range(_LOOKS * 10):
                for _ in bench.answers(keys):
                    pass
            gc.collect()
            left, peak = (size - begin for size in tracemalloc.get_traced_memory())
        finally:
            tracemalloc.stop()
        assert left <= _KEPT, f"{_LOOKS * 10} looks at {len(bodies)} objects left {left} bytes behind"
        assert peak <= _KEPT + len(bodies) * _PER_OBJECT, f"a look at {len(bodies)} objects took {peak} bytes"

"""
What every :class:`~gitops_core.interfaces.Target` promises, as tests to subclass::

    class TestMyTarget(TargetContract):
        def make_target(self):
            return MyTarget(FakeApi())                  # an empty world of its own; self.tmp_path is a directory

        def examples(self):
            return [Example(body={...}, edited={...}, spellings=[{...}], reduced={...})]

That runs the pure and the stateful checks. Name the calls by which the target reads and writes its API (``api_reads`` and
``api_writes``), and the fault and the scale layer run, too: the suite stands in between. The more of the optional methods below you
write, the more is checked; what is left out is skipped with a message that names the method.
"""
# ruff: noqa: ARG002  # why: the defaults of the author's methods use nothing

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from gitops_core.errors import Transient
from gitops_core.interfaces import Target
from gitops_core.model.resources import ResourceKey
from gitops_core.model.values import Body
from gitops_core.testing.contexts import make_context
from gitops_core.testing.target_bench import Bench, Example, with_value
from gitops_core.testing.target_crash_checks import CrashChecks
from gitops_core.testing.target_engine_checks import EngineChecks
from gitops_core.testing.target_fault_checks import FaultChecks
from gitops_core.testing.target_pure_checks import PureChecks
from gitops_core.testing.target_read_checks import ReadChecks
from gitops_core.testing.target_scale_checks import ScaleChecks
from gitops_core.testing.target_taps import Place, Taps
from gitops_core.testing.target_watch_checks import WatchChecks
from gitops_core.testing.target_world_checks import WorldChecks
from gitops_core.testing.target_write_checks import WriteChecks

__all__ = ["Bench", "Example", "TargetContract"]


class TargetContract(
    ScaleChecks, CrashChecks, FaultChecks, EngineChecks, WorldChecks, WatchChecks, WriteChecks, ReadChecks, PureChecks
):
    """
    The suite. Each check is one promise; its message says which one broke, why it matters and how to mend it.

    Attributes:
        name_pointer: Where a declaration has its name, so that the suite can make more of them.
        text_pointer: A field that takes any text, for odd values and the canary secret; empty when there is none.
        undeclared: (pointer, value) of a field that somebody else may set and no example declares.
        owns_whole_object: A field that somebody adds is drift (and not somebody else's business).
        many: How many objects the checks of paging and completeness make: more than two pages.
        thousand: How many objects the check of the cost makes.
        page_size: How many objects one read of a listing gives; 0 when it gives all of them.
        conditional_writes: The API can refuse a write that was made for an old version of the object.
        patience: Real seconds in which a watch must tell what has happened.
        clock: All time of the test; give it to a fake whose operations take time.
        tmp_path: A directory of the running test's own.
    """

    name_pointer: ClassVar[str] = "/metadata/name"
    text_pointer: ClassVar[str] = ""
    undeclared: ClassVar[tuple[str, object] | None] = None
    owns_whole_object: ClassVar[bool] = False
    many: ClassVar[int] = 30
    thousand: ClassVar[int] = 1000
    page_size: ClassVar[int] = 0
    conditional_writes: ClassVar[bool] = True
    patience: ClassVar[float] = 10.0
    tmp_path: Path

    # -- what the author writes -------------------------------------------------------------------------------------------
    def make_target(self) -> Target:
        """Return a target over an empty world of its own. Some checks call it more than once."""
        raise NotImplementedError

    def examples(self) -> Sequence[Example]:
        """Return at least one example; two whose keys differ only in kind or namespace find more."""
        raise NotImplementedError

    def named(self, body: Body, name: str) -> Body:
        """Return *body* under another name."""
        return with_value(body, self.name_pointer, name)

    # -- what somebody else does; optional --------------------------------------------------------------------------------
    def external_edit(self, target: Target, key: ResourceKey, body: Body) -> None:
        """Make the object of *key* look like *body*, not through *target* but as another user of the API would."""
        pytest.skip("external_edit is not written: edits by others are not checked")

    def external_remove(self, target: Target, key: ResourceKey) -> None:
        """Remove the object of *key* as another user of the API would."""
        pytest.skip("external_remove is not written: removals by others are not checked")

    # -- the calls that leave the process; optional -----------------------------------------------------------------------
    def api_reads(self, target: Target) -> Sequence[Place]:
        """
        Return (object, name of its method) of each call that reads the API once: a page, a get.

        The suite counts these calls and lets them fail. They must be looked up on the object at each call.
        """
        return ()

    def api_writes(self, target: Target) -> Sequence[Place]:
        """Return (object, name of its method) of each call that writes to the API once; see :meth:`api_reads`."""
        return ()

    def break_reads(self, target: Target) -> None:
        """Let every read of the API fail from now on."""
        _down(self.api_reads(target), "neither api_reads nor break_reads is written: failing reads are not checked")

    def break_writes(self, target: Target) -> None:
        """Let every write of the API fail from now on, before it does anything."""
        _down(self.api_writes(target), "neither api_writes nor break_writes is written: failing writes are not checked")

    def lose_next_reply(self, target: Target) -> None:
        """Let the next write be done and its reply be lost: the caller gets an error."""
        places = self.api_writes(target)
        if not places:
            pytest.skip("neither api_writes nor lose_next_reply is written: lost replies are not checked")
        Taps(places).after[1] = Transient("no reply")

    def writes(self, target: Target) -> object:
        """Return something that changes with every write the API receives: a counter, a listing. None: observe is used."""
        return None

    # -- fixtures ---------------------------------------------------------------------------------------------------------
    @pytest.fixture(autouse=True)
    def _own_directory(self, tmp_path: Path) -> None:
        self.tmp_path = tmp_path

    @pytest.fixture
    def bench(self) -> Iterator[Bench]:
        """A fresh target and the drive for it."""
        with self.make_target() as target:
            yield Bench(target, make_context(clock=self.clock))

    @pytest.fixture
    def example(self) -> Example:
        """The first example."""
        return self.examples()[0]


def _down(places: Sequence[Place], otherwise: str) -> None:
    if not places:
        pytest.skip(otherwise)
    Taps(places).down = Transient("the API is down")

"""
What every :class:`~gitops_core.interfaces.Target` promises, as tests to subclass::

    class TestMyTarget(TargetContract):
        def make_target(self):
            return MyTarget(FakeApi())                  # an empty world of its own; self.tmp_path is a directory

        def examples(self):
            return [Example(body={...}, edited={...}, spellings=[{...}], reduced={...})]

That runs the pure and the stateful checks. The more of the optional methods below you write, the more is checked; what is left
out is skipped with a message that names the method.
"""
# ruff: noqa: ARG002  # why: the defaults of the author's methods use nothing

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from gitops_core.interfaces import Target
from gitops_core.model.resources import ResourceKey
from gitops_core.model.values import Body
from gitops_core.testing.contexts import make_context
from gitops_core.testing.target_bench import Bench, Example, with_value
from gitops_core.testing.target_fault_checks import FaultChecks
from gitops_core.testing.target_pure_checks import PureChecks
from gitops_core.testing.target_state_checks import StateChecks
from gitops_core.testing.target_world_checks import WorldChecks

__all__ = ["Bench", "Example", "TargetContract"]


class TargetContract(PureChecks, StateChecks, WorldChecks, FaultChecks):
    """
    The suite. Each check is one promise; its message says which one broke, why it matters and how to mend it.

    Attributes:
        name_pointer: Where a declaration has its name, so that the suite can make more of them.
        text_pointer: A field that takes any text, for odd values and the canary secret; empty when there is none.
        undeclared: (pointer, value) of a field that somebody else may set and no example declares.
        owns_whole_object: A field that somebody adds is drift (and not somebody else's business).
        many: How many objects the checks of paging and completeness make.
        tmp_path: A directory of the running test's own.
    """

    name_pointer: ClassVar[str] = "/metadata/name"
    text_pointer: ClassVar[str] = ""
    undeclared: ClassVar[tuple[str, object] | None] = None
    owns_whole_object: ClassVar[bool] = False
    many: ClassVar[int] = 30
    tmp_path: Path

    # -- what the author writes -------------------------------------------------------------------------------------------
    def make_target(self) -> Target:
        """Return a target over an empty world of its own. Called once a test."""
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

    def break_reads(self, target: Target) -> None:
        """Let every read of the API fail from now on."""
        pytest.skip("break_reads is not written: failing reads are not checked")

    def break_writes(self, target: Target) -> None:
        """Let every write of the API fail from now on, before it does anything."""
        pytest.skip("break_writes is not written: failing writes are not checked")

    def lose_next_reply(self, target: Target) -> None:
        """Let the next write be done and its reply be lost: the caller gets an error."""
        pytest.skip("lose_next_reply is not written: lost replies are not checked")

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
            yield Bench(target, make_context())

    @pytest.fixture
    def example(self) -> Example:
        """The first example."""
        return self.examples()[0]

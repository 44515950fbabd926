"""What the checks of the target contract are written on: the author's methods, as far as the checks call them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NoReturn

from gitops_core.interfaces import Target
from gitops_core.model.resources import ResourceKey
from gitops_core.model.values import Body
from gitops_core.testing.target_bench import Bench, Example


def broken(promise: str, why: str, cure: str, found: object = "") -> NoReturn:
    """
    Fail a check.

    Args:
        promise: What a target promises, and this one did not keep.
        why: What goes wrong for the user because of it.
        cure: How the author mends it.
        found: What was observed.
    """
    raise AssertionError(f"{promise} {why} {cure}" + (f"\nFound: {found}" if found != "" else ""))


class Checks:
    """Types of the author's methods; the documentation is in :class:`~gitops_core.testing.target_contract.TargetContract`."""

    text_pointer: ClassVar[str]
    undeclared: ClassVar[tuple[str, object] | None]
    owns_whole_object: ClassVar[bool]
    many: ClassVar[int]

    def make_target(self) -> Target:
        """See ``TargetContract``."""
        raise NotImplementedError

    def examples(self) -> Sequence[Example]:
        """See ``TargetContract``."""
        raise NotImplementedError

    def named(self, body: Body, name: str) -> Body:
        """See ``TargetContract``."""
        raise NotImplementedError

    def external_edit(self, target: Target, key: ResourceKey, body: Body) -> None:
        """See ``TargetContract``."""
        raise NotImplementedError

    def external_remove(self, target: Target, key: ResourceKey) -> None:
        """See ``TargetContract``."""
        raise NotImplementedError

    def break_reads(self, target: Target) -> None:
        """See ``TargetContract``."""
        raise NotImplementedError

    def break_writes(self, target: Target) -> None:
        """See ``TargetContract``."""
        raise NotImplementedError

    def lose_next_reply(self, target: Target) -> None:
        """See ``TargetContract``."""
        raise NotImplementedError

    def writes(self, target: Target) -> object:
        """See ``TargetContract``."""
        raise NotImplementedError

    def crowd(self, example: Example, count: int) -> list[Body]:
        """Return *count* objects like *example*, of different names."""
        return [self.named(example.body, f"crowd-{number:04}") for number in range(count)]

    def world(self, bench: Bench, bodies: Sequence[Body]) -> object:
        """Return what must stay equal when nothing is written: what is there, and the count of writes."""
        return bench.picture(bodies), self.writes(bench.target)

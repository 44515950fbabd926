"""A plan: what would change and why, as data that can be printed, saved, compared and applied."""

from __future__ import annotations

import enum
import functools
import hashlib
from collections import Counter
from typing import Any

import attrs

from gitops_core.model.resources import Origin, ResourceKey
from gitops_core.model.verdicts import Verdict


class Action(enum.StrEnum):
    """What is to happen to one object."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    ADOPT = "adopt"
    UNCHANGED = "unchanged"


class ChangeState(enum.StrEnum):
    """READY will be applied; REFUSED by a rule; DEFERRED until something else is there; SKIPPED because of another object."""

    READY = "ready"
    REFUSED = "refused"
    DEFERRED = "deferred"
    SKIPPED = "skipped"


class DiffOp(enum.StrEnum):
    """What happens to one field."""

    ADD = "add"
    REPLACE = "replace"
    REMOVE = "remove"


@attrs.frozen
class FieldDiff:
    """
    One field that differs.

    Attributes:
        pointer: JSON Pointer in the desired object; in the live one for REMOVE.
        label: The same place for people, list items by their key: ``spec.containers[name=web].image``.
        before: The live value in JSON, masked when sensitive; empty for ADD.
        after: The desired value in JSON, masked when sensitive; empty for REMOVE.
        sensitive: Both values are masked; equal stand-ins mean equal values.
        forces_replacement: The field cannot be changed in place.
        note: Why it is here, when it is not plain: ``no longer declared``, ``managed by kubectl``.
        manager: Who else wrote the live value, when the API knows; empty when nobody else did.
        ours: The live value is what the API made of our own last write. Planning uses it up; no plan has it.
    """

    pointer: str
    op: DiffOp
    label: str = ""
    before: str = ""
    after: str = ""
    sensitive: bool = False
    forces_replacement: bool = False
    note: str = ""
    manager: str = ""
    ours: bool = False


@attrs.frozen
class Change:
    """
    What is to happen to one object, and why.

    Attributes:
        key: The object.
        action: What is to happen.
        state: Whether it will.
        reason: Why, as a clause: ``not in the target``, ``2 fields differ``, ``no longer declared``.
        diff: The fields, sorted by pointer.
        rule: For REFUSED, DEFERRED and SKIPPED: the rule that says so (``delete_limit``, ``foreign_owner``, ``policy`` ...).
        override: For REFUSED: the exact words that would allow it.
        desired: Digest of the declaration; empty for DELETE.
        live_id: Id of the live object the decision was made for; empty when absent.
        precondition: Digest of the normalised live object it was made for; empty when absent. Another one makes it STALE.
        depends_on: Changed objects that must succeed first.
        origin: Where it is declared, or was.
        approval: Name of the approval that let it through a guard.
        wait: It will be waited for until it has settled.
        adopts: The object is there and not yet ours.
    """

    key: ResourceKey
    action: Action
    state: ChangeState = ChangeState.READY
    reason: str = ""
    diff: tuple[FieldDiff, ...] = ()
    rule: str = ""
    override: str = ""
    desired: str = ""
    live_id: str = ""
    precondition: str = ""
    depends_on: tuple[ResourceKey, ...] = ()
    origin: Origin = Origin()
    approval: str = ""
    wait: bool = True
    adopts: bool = False

    @property
    def is_ready(self) -> bool:
        """It will be applied."""
        return self.state is ChangeState.READY


@attrs.frozen
class Refusal:
    """A refusal of the plan as a whole, or a note on what is unknown: the rule, the numbers, and the words that lift it."""

    rule: str
    message: str
    override: str = ""


@attrs.frozen
class Plan:
    """
    Everything one pass would do.

    Frozen and sorted: equal inputs give byte-equal plans. Nothing secret is in it.

    Attributes:
        application: ``Application.id``.
        revision: The revision it was made from.
        desired_digest: Digest over every declaration (key and digest).
        changes: All that is not UNCHANGED, sorted in the order of execution: prerequisites first, deletes last.
        unchanged: Keys of the objects that need nothing, sorted.
        refusals: Plan-wide refusals and limits that struck.
        verdict: What the policies said.
        unreadable: What could not be observed and is therefore left alone, as text, sorted.
        complete: The render and the observation were complete; without it nothing is pruned.
        inventory_serial: The inventory it was made for.
        guard: One line with the limits and how near the plan came, shown in every footer.
    """

    application: str
    revision: str
    desired_digest: str = ""
    changes: tuple[Change, ...] = ()
    unchanged: tuple[ResourceKey, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    verdict: Verdict = Verdict()
    unreadable: tuple[str, ...] = ()
    complete: bool = True
    inventory_serial: int = 0
    guard: str = ""

    @functools.cached_property
    def id(self) -> str:
        """SHA-256 of the canonical JSON: equal plans have equal ids."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    @property
    def ready(self) -> tuple[Change, ...]:
        """The changes that will be applied, in order."""
        return tuple(c for c in self.changes if c.is_ready)

    @property
    def is_empty(self) -> bool:
        """There is nothing to do and nothing was refused."""
        return not self.changes

    def counts(self) -> dict[Action, int]:
        """Return how many READY changes there are per action; a replace counts once, under REPLACE."""
        return dict(Counter(c.action for c in self.changes if c.is_ready))

    def to_json(self) -> str:
        """Return the plan as canonical JSON with a format version; :meth:`from_json` reads it back equal."""
        from gitops_core.model.plan_json import plan_to_json  # why here: the codec needs this class

        return plan_to_json(self)

    @classmethod
    def from_json(cls, text: str | bytes) -> Plan:
        """
        Read a saved plan.

        Raises:
            ValueError: Not a plan, or a format version this library does not know; the message names the place.
        """
        from gitops_core.model.plan_json import plan_from_json  # why here: the codec needs this class

        return plan_from_json(text)

    @property
    def summary(self) -> str:
        """One line with every count: ``Plan: 1 to create, 2 to update, ... ; 1 refused, 0 deferred, 0 skipped; 42 unchanged.``"""
        from gitops_core.model.plan_text import summary  # why here: the printer needs this class

        return summary(self)

    def text(self) -> str:
        """Return the plan for a terminal: Terraform's marks, a reason per change, the summary and the guard line."""
        from gitops_core.model.plan_text import plan_text  # why here: the printer needs this class

        return plan_text(self)

    def markdown(self) -> str:
        """Return the plan for a pull request."""
        from gitops_core.model.plan_markdown import plan_markdown  # why here: the printer needs this class

        return plan_markdown(self)

    def __str__(self) -> str:
        return self.text()

    def __getitem__(self, key: Any) -> Change:
        """Return the change of *key* (a ``ResourceKey`` or ``"kind/name"``); KeyError when it has none."""
        from gitops_core.model.resources import as_key

        wanted = as_key(key)
        for change in self.changes:
            if change.key == wanted:
                return change
        raise KeyError(str(wanted))

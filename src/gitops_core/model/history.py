"""What the state store remembers about passes: journal records and pass summaries."""

from __future__ import annotations

import attrs

from gitops_core.model.resources import Origin, ResourceKey


@attrs.frozen
class JournalRecord:
    """
    One decision and its outcome, for ``explain`` and audits.

    Attributes:
        time: Epoch seconds.
        pass_id: The pass.
        revision: Commit id.
        author: Who made that commit, as far as known.
        key: The object.
        action: Of the plan.
        status: Of the outcome.
        reason: Why.
        desired: Digest of the declaration.
        origin: Where it is declared.
        renderer: Fingerprint of the renderer.
        policies: Names of the policies that looked at it, sorted.
        error: Redacted text of the failure, or empty.
    """

    time: float
    pass_id: str
    revision: str
    key: ResourceKey
    action: str
    status: str
    author: str = ""
    reason: str = ""
    desired: str = ""
    origin: Origin = Origin()
    renderer: str = ""
    policies: tuple[str, ...] = ()
    error: str = ""


@attrs.frozen
class PassRecord:
    """
    One pass in the history. A pass that repeats the one before (same revision, status, plan) only raises *repeats*.

    Attributes:
        pass_id: The first such pass.
        started_at: Epoch seconds of the first.
        finished_at: Epoch seconds of the last.
        revision: Commit id.
        status: ``PassStatus``.
        plan_id: Content address of the saved plan that was applied; empty for a pass that made its own.
        summary: The plan's summary line, or the failure.
        repeats: How often it repeated, 0 for once.
    """

    pass_id: str
    started_at: float
    finished_at: float
    revision: str
    status: str
    plan_id: str = ""
    summary: str = ""
    repeats: int = 0

    def repeats_of(self, other: PassRecord) -> bool:
        """Tell whether this pass ended exactly as *other* did."""
        return (self.revision, self.status, self.plan_id, self.summary) == (
            other.revision, other.status, other.plan_id, other.summary,
        )  # fmt: skip


@attrs.frozen
class Explanation:
    """
    What made an object what it is.

    Attributes:
        key: The object.
        declared: Where it is declared at the revision that was rendered, or None.
        commit: The last commit that touched that file (id, author, time, message), or None when unknown.
        renderer: Fingerprint of the renderer that produced it.
        policies: Names of the policies that review it.
        violations: What they say, as text.
        owned: Whether the inventory has it.
        protected: Whether the inventory protects it.
        pending: What the next pass would do with it, as one line; empty when nothing.
        records: Its journal, newest first.
        depends_on: What it depends on.
    """

    key: ResourceKey
    declared: Origin | None = None
    commit: str = ""
    author: str = ""
    commit_time: float = 0.0
    commit_message: str = ""
    renderer: str = ""
    policies: tuple[str, ...] = ()
    violations: tuple[str, ...] = ()
    owned: bool = False
    protected: bool = False
    pending: str = ""
    records: tuple[JournalRecord, ...] = ()
    depends_on: tuple[ResourceKey, ...] = ()

    def text(self) -> str:
        """Return the explanation for a terminal, one fact a line; what is unknown is left out."""
        last = self.records[0] if self.records else None
        facts = {
            "declared": f"{self.declared}" if self.declared else "nowhere",
            "commit": f"{self.commit[:12]} by {self.author}: {self.commit_message}" if self.commit else "",
            "renderer": self.renderer,
            "policies": ", ".join(self.policies),
            "violations": "; ".join(self.violations),
            "inventory": ("owned" + (", protected" if self.protected else "")) if self.owned else "not owned",
            "depends on": ", ".join(map(str, self.depends_on)),
            "last": f"{last.action} {last.status} at {last.revision[:12]}{': ' + last.error if last.error else ''}"
            if last
            else "",
            "next": self.pending,
        }
        return "\n".join([str(self.key), *(f"  {name}: {fact}" for name, fact in facts.items() if fact)])

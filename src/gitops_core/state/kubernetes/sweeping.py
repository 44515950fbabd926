"""What is removed: an application that goes, and what a crash has left behind."""

from __future__ import annotations

from gitops_core.state.kubernetes.blocks import Blocks
from gitops_core.state.kubernetes.heads import INVENTORY, JOURNAL, PARTS, Change, Facts, Head, Heads


def forget(heads: Heads, blocks: Blocks, application: str) -> None:
    """
    Remove everything about *application*. Whoever works on it goes on having its lease.

    The head is emptied first, in one write, and begins a new life; what lies beside it belongs to the old one from then on.

    Cost: 3 requests; 2 when it is unknown.
    """
    lives: list[str] = []

    def decide(head: Head) -> Change | None:
        lives.clear()
        if not head.facts.kept:
            return None
        lives.append(head.facts.life)
        return Change(Facts(application), blocks.lease_for(application, head), dict.fromkeys(PARTS, ""))

    head = heads.change(application, decide)
    blocks.wrote(application, head)
    block = blocks.of(application)
    if block is not None:
        block.passes.clear()
        block.journal = None
    if head.version and head.lock is None and not head.facts.kept:
        heads.remove(application, head)  # if somebody has begun anew in between, it stays
    for life in lives:
        heads.objects.delete_all(heads.names.selector(life=life))


def sweep(heads: Heads) -> int:
    """
    Remove what no head can name any more: segments of lives that are over, and heads in which nothing is kept and nobody is at work.

    Return how many objects that were. Segments come before heads: a head is there before its first segment is, so whatever was
    seen of a living one has its head in the second list.

    Cost: 3 requests for each 1000 objects, and 1 for each that goes.
    """
    parts = [heads.names.selector(part) for part in (INVENTORY, JOURNAL)]
    found = [item["metadata"] for selector in parts for item in heads.objects.list_metadata(selector)]
    living = heads.list_facts()
    lives = {head.facts.life for head in living}
    orphans = [meta["name"] for meta in found if heads.names.life(meta.get("labels", {})) not in lives]
    for name in orphans:
        heads.objects.delete(name)
    empty = [head for head in living if head.lock is None and not head.facts.kept]
    return len(orphans) + sum(heads.remove(head.facts.application, head) for head in empty)

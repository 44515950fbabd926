"""What is removed: an application that goes, and what a crash has left behind."""

from __future__ import annotations

from gitops_core.state.kubernetes.blocks import Blocks
from gitops_core.state.kubernetes.heads import INVENTORY, JOURNAL, PARTS, Change, Facts, Head, Heads
from gitops_core.state.kubernetes.payloads import segments_of, unpack


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
    Remove what no head names: segments that a crash has left beside one, segments of lives that are over, and heads in which nothing
    is kept and nobody is at work.

    Return how many objects that were. Segments are listed before heads: a head is there before its first segment is, so whatever
    was seen of a living one has its head in the second list.

    Cost: 3 requests for each 1000 objects, 1 for each application that has segments, and 1 for each object that goes.
    """
    selectors = [heads.names.selector(part) for part in (INVENTORY, JOURNAL)]
    found: dict[str, set[str]] = {}
    for item in (item for selector in selectors for item in heads.objects.list_metadata(selector)):
        meta = item["metadata"]
        found.setdefault(heads.names.life(meta.get("labels") or {}), set()).add(meta["name"])
    living = heads.list_facts()
    swept = sum(_sweep_beside(heads, head, found.pop(head.facts.life)) for head in living if head.facts.life in found)
    orphans = [name for names in found.values() for name in sorted(names)]
    for name in orphans:
        heads.objects.delete(name)
    empty = [head for head in living if head.lock is None and not head.facts.kept]
    return swept + len(orphans) + sum(heads.remove(head.facts.application, head) for head in empty)


def _sweep_beside(heads: Heads, listed: Head, names: set[str]) -> int:
    """Remove those of *names* that the head does not name, after a write of it: see ``SegmentStore.unused``."""
    strange: list[str] = []

    def decide(head: Head) -> Change | None:
        strange[:] = sorted(names - _named(heads, head)) if head.facts.life == listed.facts.life else []
        return Change(head.facts, head.lock, obsolete=tuple(strange)) if strange else None

    application = listed.facts.application
    head = heads.read(application, INVENTORY, JOURNAL)
    if decide(head) is not None:
        heads.change(application, decide, INVENTORY, JOURNAL)
    return len(strange)


def _named(heads: Heads, head: Head) -> set[str]:
    place = heads.place(head)
    return {segment.name for part in (INVENTORY, JOURNAL) for segment in segments_of(place, unpack(place, head.parts[part]))}

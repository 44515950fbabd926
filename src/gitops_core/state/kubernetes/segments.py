"""Segments: objects that are written once, read by name, and removed when no head names them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from gitops_core.errors import StateCorrupt
from gitops_core.state.kubernetes.failures import decoding
from gitops_core.state.kubernetes.heads import Head, Heads, Unborn
from gitops_core.state.kubernetes.layers import Piece
from gitops_core.state.kubernetes.objects import Object
from gitops_core.state.kubernetes.payloads import Segment, Segments

_DATA: Final = "records"
_ONE_BY_ONE: Final = 4
_SCANNED_FROM: Final = 16


class SegmentStore:
    """
    The segments of one store.

    Args:
        heads: Whose they are.
    """

    def __init__(self, heads: Heads) -> None:
        self._heads = heads
        self._objects = heads.objects

    def post(self, head: Head, part: str, piece: Piece) -> Segment:
        """Write a segment; nobody sees it before a head names it. Cost: 1 request."""
        name = self._heads.names.segment(head.name)
        meta = {"name": name, "labels": self._heads.names.labels(part, head.facts.life)}
        self._objects.create({"metadata": meta, "immutable": True, "binaryData": {_DATA: piece.text}})
        return Segment(name, piece.records)

    def read(self, head: Head, part: str, names: Sequence[str]) -> Iterator[tuple[str, str]]:
        """
        Yield (name, packed text) of each of *names*, in their order.

        Raises:
            StateCorrupt: One is not there. It may be that the head that named it is outdated. STALL.

        Cost: 1 request each up to 4, and 1 for each 20 beyond.
        """
        found = self._listed(head, part, names) if len(names) > _ONE_BY_ONE else {}
        for name in names:
            text = found.get(name) or self._text(name, self._objects.get(name))
            if text is None:
                raise StateCorrupt(
                    f"state in {self._heads.place(head)}: its segment {name} is gone; somebody has deleted it. Stop every engine that "
                    "uses this state and delete the object: the next pass adopts what it finds"
                )
            yield name, text

    def unused(self, head: Head, part: str, kept: Segments) -> tuple[str, ...]:
        """
        Return the segments of *head* that are there and not among *kept*: to be removed after the next write of the head.

        That write is what makes it safe. A segment that another writer has put there, and has not named yet, belongs to a change
        of the head as it was; once the head is another, that change is refused, and a new one has segments of new names.

        Raises:
            Unborn: There is no head yet, so that a sweep would take what is written beside it for orphans.

        Cost: 1 request.
        """
        if not head.version:
            raise Unborn
        names = {segment.name for segment in kept}
        selector = self._heads.names.selector(part, head.facts.life)
        found = (item["metadata"]["name"] for item in self._objects.list_metadata(selector))
        return tuple(name for name in found if name not in names)

    def scan(self, part: str, names: Sequence[str]) -> Iterator[tuple[str, str]]:
        """
        Yield (name, packed text) of those of *names* that are there, of any application, in any order.

        Cost: 1 request each up to 16, else 1 for each 20 segments of the owner.
        """
        wanted = set(names)
        many = len(names) > _SCANNED_FROM
        found = self._objects.list(self._heads.names.selector(part)) if many else map(self._objects.get, names)
        for item in found:
            if item is not None and (name := str(item["metadata"]["name"])) in wanted:
                yield name, self._text(name, item) or ""

    def _listed(self, head: Head, part: str, names: Sequence[str]) -> dict[str, str]:
        wanted = set(names)
        texts: dict[str, str] = {}
        for item in self._objects.list(self._heads.names.selector(part, head.facts.life)):
            name = item["metadata"]["name"]
            if name in wanted:
                texts[name] = self._text(name, item) or ""
        return texts

    def _text(self, name: str, found: Object | None) -> str | None:
        if found is None:
            return None
        with decoding(self._objects.place(name)):
            return str(found["binaryData"][_DATA])

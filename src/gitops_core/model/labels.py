"""How people write the place of a field: ``spec.containers[name=web].image``."""

from __future__ import annotations

from collections.abc import Iterable


def label_of(segments: Iterable[str]) -> str:
    """Return *segments* of an address as people write them: ``spec.containers[name=web].image``."""
    label = ""
    for segment in segments:
        label = extend(label, segment)
    return label


def extend(label: str, segment: str) -> str:
    """Return *label* one *segment* further down; a segment that could be misread is quoted."""
    if segment.startswith("[") and segment.endswith("]"):
        return f"{label}{segment}"
    if not segment or not all(c.isalnum() or c in "-_$" for c in segment):
        return f'{label}["{segment}"]'
    return f"{label}.{segment}" if label else segment

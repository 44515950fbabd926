"""The documents of a file to the objects in them: lists expanded, kind and name demanded."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import attrs

from gitops_core.errors import ManifestError, RenderError
from gitops_core.model.resources import Origin, Resource
from gitops_core.model.values import FrozenDict, FrozenList
from gitops_core.renderers.manifests.documents import load, positions
from gitops_core.renderers.manifests.loader import Ambiguity, Document
from gitops_core.renderers.manifests.positions import Positions, nearest
from gitops_core.renderers.manifests.problems import Problem

_LIST = "List"


@attrs.frozen
class Decoded:
    """
    What one file holds.

    Attributes:
        resources: With their bodies, in the order of the file.
        errors: Everything that is wrong with it; then the resources are not all of them.
        ambiguities: Scalars to warn about.
    """

    resources: tuple[Resource, ...] = ()
    errors: tuple[RenderError, ...] = ()
    ambiguities: tuple[Ambiguity, ...] = ()


def decode_file(data: bytes, origin: Origin, salt: bytes) -> Decoded:
    """
    Return every resource in a manifest file, or every error; raises neither for broken content.

    Args:
        data: The file.
        origin: Source and path; document, line and column are filled in.
        salt: Keys the digests of secrets.
    """
    as_json = is_json(origin.path)
    try:
        loaded = load(data, is_json=as_json)
    except Problem as problem:
        return Decoded(errors=(_error(problem, origin),))
    resources: list[Resource] = []
    errors: list[RenderError] = []
    places = functools.cache(lambda: positions(data, is_json=as_json))  # for the items of lists: rare enough for a second parse
    for document in loaded.documents:
        for body, pointer in _expand(document.value, ""):
            place = _place(document, pointer, places, origin)
            try:
                resources.append(_resource(body, place, salt))
            except ValueError as error:
                errors.append(ManifestError(_missing(str(error)), origin=place))
    return Decoded(tuple(resources), tuple(errors), loaded.ambiguities)


def is_json(path: str) -> bool:
    """Tell whether the file at *path* must be JSON."""
    return path.endswith(".json")


def _error(problem: Problem, origin: Origin) -> ManifestError:
    return ManifestError(problem.message, origin=attrs.evolve(origin, line=problem.line, column=problem.column))


def _missing(what: str) -> str:
    return f"{what}: every document needs a kind and a metadata.name, both text; add it, or leave the file out with skip="


def _resource(body: Any, origin: Origin, salt: bytes) -> Resource:
    if not isinstance(body, FrozenDict):
        raise ValueError("not an object")  # noqa: TRY004  # why: it is the file that is wrong, not the program
    return Resource.of(body, origin, salt=salt)


def _expand(value: Any, pointer: str) -> Iterator[tuple[Any, str]]:
    """Yield (object, its pointer in the document): none for an empty document, the items of a ``List`` or ``*List``."""
    if value is None and not pointer:
        return
    items = _items(value)
    if items is None:
        yield value, pointer
        return
    for index, item in enumerate(items):
        yield from _expand(_typed(item, value), f"{pointer}/items/{index}")


def _items(value: Any) -> FrozenList | None:
    """Return the items if *value* is a list of objects: ``kind: List`` or ``*List``, ``items``, and no name of its own."""
    if not isinstance(value, FrozenDict) or "items" not in value or not str(value.get("kind")).endswith(_LIST):
        return None
    metadata = value.get("metadata")
    if isinstance(metadata, FrozenDict) and "name" in metadata:
        return None
    items = value["items"]
    return FrozenList() if items is None else items if isinstance(items, FrozenList) else None


def _typed(item: Any, parent: FrozenDict) -> Any:
    """Return *item* with the kind that a typed list (``ConfigMapList``) implies, as Go's decoder fills it in."""
    kind = parent["kind"].removesuffix(_LIST)
    if not kind or not isinstance(item, FrozenDict) or "kind" in item:
        return item
    return FrozenDict({"apiVersion": parent.get("apiVersion"), "kind": kind, **item})


def _place(document: Document, pointer: str, places: Callable[[], list[Positions]], origin: Origin) -> Origin:
    line, column = nearest(places()[document.position], pointer) if pointer else (document.line, document.column)
    return Origin(origin.source, origin.revision, origin.path, document.position, line, column)


def find_field(places: Positions, origin: Origin, pointer: str) -> tuple[int, int]:
    """
    Return line and column of *pointer* in the object that begins at *origin*: the object's own when nothing closer is known.

    Args:
        places: Of the document that holds the object.
        origin: Of the object: its line and column tell which item of a list it is.
        pointer: From the root of the object.
    """
    start = (origin.line, origin.column)
    if places.get("") == start:
        return nearest(places, pointer)
    item = next((place for place, where in places.items() if where == start and _is_item(place)), None)
    return start if item is None else nearest(places, item + pointer)


def _is_item(pointer: str) -> bool:
    parts = pointer.split("/")[1:]
    return (
        bool(parts)
        and len(parts) % 2 == 0
        and all(name == "items" and index.isdigit() for name, index in zip(parts[::2], parts[1::2], strict=True))
    )

"""What is wanted and what is there: keys, resources with their origin, live objects."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import attrs
from attrs.validators import ge, instance_of

from gitops_core.model.outlines import Outline, outline
from gitops_core.model.pointers import Patterns
from gitops_core.model.secrets import KUBERNETES_SECRET, wrap
from gitops_core.model.values import FrozenDict, digest


class ResourceKey(NamedTuple):
    """
    The identity of an object within one target: group, kind, namespace, name.

    ``str(key)`` leaves out what is empty in front (``ConfigMap/site``, ``Service/shop/web``, ``apps/Deployment/shop/web``)
    and :meth:`parse` reads it back. A name with slashes follows a double one: ``File//www/index.html``. A tuple underneath: sorting and hashing run at C speed.
    """

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        if "/" in self.name and not (self.group or self.namespace):
            return f"{_escape(self.kind)}//{self.name.replace('%', '%25')}"
        parts = [self.kind, self.name]
        if self.group or self.namespace:
            parts.insert(1, self.namespace)
        if self.group:
            parts.insert(0, self.group)
        return "/".join(map(_escape, parts))

    @classmethod
    def parse(cls, text: str) -> ResourceKey:
        """
        Read what ``str(key)`` wrote.

        Raises:
            ValueError: Not two, three or four parts, or no kind or name.
        """
        if "/" not in text:
            raise ValueError(f"{text!r} is no key; write Kind/name, Kind/namespace/name or group/Kind/namespace/name")
        kind, double, name = text.partition("//")
        parts = [kind, name] if double and "/" not in kind else text.split("/")
        return as_key(tuple(part.replace("%2F", "/").replace("%25", "%") for part in parts))


def _escape(part: str) -> str:
    return part.replace("%", "%25").replace("/", "%2F")


def as_key(value: ResourceKey | tuple[str, ...] | str) -> ResourceKey:
    """
    Return a :class:`ResourceKey` for what a plug-in may write: ``"kind/name"``, (kind, name), (kind, namespace, name) or all four.

    Raises:
        ValueError: Another shape, or an empty kind or name.
    """
    if isinstance(value, ResourceKey):
        return value
    if isinstance(value, str):
        return ResourceKey.parse(value)
    match value:
        case (str(kind), str(name)):
            key = ResourceKey("", kind, "", name)
        case (str(kind), str(namespace), str(name)):
            key = ResourceKey("", kind, namespace, name)
        case (str(), str(), str(), str()):
            key = ResourceKey(*value)
        case _:
            raise ValueError(f"a key is (kind, name), (kind, namespace, name) or (group, kind, namespace, name), not {value!r}")
    if not key.kind or not key.name:
        raise ValueError(f"a key needs a kind and a name: {value!r}")
    return key


def key_set(values: Iterable[ResourceKey | tuple[str, ...] | str]) -> frozenset[ResourceKey]:
    """Return the keys of *values* as a frozen set (an attrs converter); one alone is a set of one."""
    return frozenset(map(as_key, (values,) if isinstance(values, str | ResourceKey) else values))


def key_of(body: Mapping[str, Any]) -> ResourceKey:
    """
    Return the key of a manifest: group from ``apiVersion``, ``kind``, ``metadata.namespace``, ``metadata.name`` (or a plain ``name``).

    Raises:
        ValueError: No kind, no name, or one of them is not text; the message says which.
    """
    metadata = body.get("metadata")
    metadata = metadata if isinstance(metadata, Mapping) else {}
    kind, name = body.get("kind"), metadata.get("name", body.get("name"))
    for field, value in (("kind", kind), ("metadata.name", name)):
        if not isinstance(value, str) or not value:
            raise ValueError(f"no {field}" if value is None or value == "" else f"{field} is not text but {type(value).__name__}")
    group = str(body.get("apiVersion") or "").rpartition("/")[0]
    namespace = str(metadata.get("namespace") or body.get("namespace") or "")
    # Thousands of objects have the same ones: kept once, and compared by identity.
    return ResourceKey(sys.intern(group), sys.intern(str(kind)), sys.intern(namespace), str(name))


@attrs.frozen
class Origin:
    """
    Where a declaration stands.

    Attributes:
        source: Which source, without credentials (``https://host/repo``).
        revision: The commit; filled in when an object takes part in a plan, violation, error or event.
        path: The file, relative to the root of the source.
        document: Position in the file, from 0.
        line: Line where the document begins, from 1; 0 when unknown.
        column: Column, from 1; 0 when unknown.
    """

    source: str = ""
    revision: str = ""
    path: str = ""
    document: int = 0
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.path}:{self.line}" if self.line else self.path


@attrs.frozen
class Resource:
    """
    One declared object: key, digest, origin, and a body that is read when asked for.

    Between passes only key, digest and origin stay in memory; a resource from a memo decodes its document again when
    :attr:`body` is touched. Two resources are equal when key, digest and origin are.

    Attributes:
        key: Identity in the target.
        digest: SHA-256 of the canonical body; secret leaves enter it salted.
        origin: Where it was declared.
        known_outline: Of the body, if it was worked out when the body was at hand.
    """

    key: ResourceKey
    digest: str
    origin: Origin
    _load: Callable[[], FrozenDict] = attrs.field(repr=False, eq=False)
    known_outline: Outline | None = attrs.field(default=None, repr=False, eq=False)

    @classmethod
    def of(
        cls, body: Mapping[str, Any], origin: Origin = Origin(), *, key: ResourceKey | None = None, salt: bytes = b""
    ) -> Resource:
        """
        Freeze *body* once, wrap the values of a ``Secret``, and take its key and digest.

        Raises:
            ValueError: *key* is not given and the body has no kind or name.
            TypeError: A value that JSON does not have.
        """
        named = key if key is not None else key_of(body)
        frozen = wrap(body, KUBERNETES_SECRET if named.kind == "Secret" and not named.group else _NOTHING)
        return cls(named, digest(frozen, salt), origin, lambda: frozen, outline(frozen))

    @property
    def body(self) -> FrozenDict:
        """The object, deep-frozen, with secrets wrapped. May decode a document; keep the result if you need it twice."""
        return self._load()

    def with_loader(self, load: Callable[[], FrozenDict]) -> Resource:
        """Return this resource with another way to come by the same body (a memo's lean twin)."""
        return Resource(self.key, self.digest, self.origin, load, self.known_outline)


_NOTHING = Patterns()


def _loader(body: Mapping[str, Any] | Callable[[], Mapping[str, Any]]) -> Callable[[], Mapping[str, Any]]:
    return body if callable(body) else _AtHand(body)


class _AtHand:
    """A body that came along: nothing has to be read for it."""

    __slots__ = ("_body",)

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._body = body

    def __call__(self) -> Mapping[str, Any]:
        return self._body


def _texts(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(values)


def _text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


@attrs.frozen
class Live:
    """
    One object as the target has it.

    Attributes:
        key: Its identity; a tuple or ``"kind/name"`` is accepted.
        body: What it looks like, or a function that reads it when needed. Shape: a JSON object.
        id: What the API calls this very object (a uid, a record id): a deleted and re-created object has another one. A number
            becomes text, as it is in the state store; None is empty.
        version: Changes whenever the object changes (resourceVersion, ETag); empty when the API has none. Numbers as for *id*.
        owner: Who the object itself says it belongs to: None when the target cannot tell, empty for nobody, else an application id.
        manager: Who last wrote it, if the API knows: named in CONTESTED reports.
        deleting: The API has accepted its deletion already.
        finalizers: What must let go of it before a deletion can finish, as the API names it.
    """

    key: ResourceKey = attrs.field(converter=as_key)
    _load: Callable[[], Mapping[str, Any]] = attrs.field(alias="body", converter=_loader, repr=False, eq=False)
    id: str = attrs.field(default="", converter=_text)
    version: str = attrs.field(default="", converter=_text)
    owner: str | None = None
    manager: str = ""
    deleting: bool = False
    finalizers: tuple[str, ...] = attrs.field(default=(), converter=_texts)

    @property
    def body(self) -> Mapping[str, Any]:
        """The object's fields. May call the target when it was listed without its body."""
        return self._load()

    @property
    def is_at_hand(self) -> bool:
        """The body came along: :attr:`body` calls nobody."""
        return isinstance(self._load, _AtHand)


@attrs.frozen
class Unreadable:
    """
    "I could not look", which is not "it is not there": nothing is created over it and nothing of it is pruned.

    The one exception is an ``UnknownKind``: where the API has no such kind, nothing of it can be there. Such a kind is not
    created before what defines it is there.

    Attributes:
        key: The object, or None when a whole kind (or everything) could not be read.
        error: Why; shown in the plan.
        kind: (group, kind) when *key* is None; ``("*", "*")`` for everything.
    """

    key: ResourceKey | None = attrs.field(converter=attrs.converters.optional(as_key))
    error: Exception | str = attrs.field(eq=str)
    kind: tuple[str, str] = ("*", "*")

    def covers(self, key: ResourceKey) -> bool:
        """Tell whether nothing is known about *key*."""
        if self.key is not None:
            return self.key == key
        return self.kind in (("*", "*"), (key.group, key.kind))


@attrs.frozen
class Pending:
    """
    An operation that the target has accepted and not finished.

    Attributes:
        token: What ``poll`` needs to ask again; JSON text, stored with the intent, so no secrets.
        retry_after: Seconds until asking again makes sense.
        message: What is being waited for, for people.
    """

    token: str = attrs.field(validator=instance_of(str))
    retry_after: float = attrs.field(default=1.0, converter=float, validator=ge(0.0))
    message: str = ""

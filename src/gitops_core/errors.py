"""
Every error of this library, and what to do about each.

::

    GitOpsError
    ├── ConfigError             STALL  an argument of the embedder's makes no sense
    ├── SourceError
    │   ├── SourceUnavailable   RETRY  network, timeout, 5xx, the repository vanished for now
    │   ├── AuthenticationFailed STALL credentials refused, host key unknown
    │   ├── RepositoryNotFound  STALL  no repository at this address
    │   ├── EmptyRepository     WAIT   no commit yet
    │   ├── RevisionNotFound    STALL  no such branch, tag, version or commit
    │   ├── RevisionVanished    RETRY  resolved a moment ago, gone at fetch (force-push, deleted branch)
    │   ├── CorruptObject       RETRY  an object does not match its id; fetched again next time
    │   ├── UnsafeTree          STALL  an entry that could escape: "..", ".git", separators, symlink out
    │   ├── UnsupportedContent  STALL  a submodule or an LFS pointer where a file was needed
    │   └── LimitExceeded       STALL  pack, file size, file count
    ├── RenderError             STALL  the renderer could not render all of it
    │   ├── ManifestError       STALL  one document is wrong: file, line, column
    │   └── DuplicateResource   STALL  two declarations of one object
    ├── PlanError
    │   ├── DependencyCycle     STALL  depends_on closes a circle; its path is in the message
    │   └── PlanMismatch        STALL  a saved plan of another application, or an unknown format
    ├── TargetError
    │   ├── NotFound            RETRY  (a delete that gets it has succeeded)
    │   ├── AlreadyExists       RETRY  (a create that gets it becomes an adoption decision)
    │   ├── Immutable           STALL  a field cannot be changed in place; the plan says replace
    │   ├── UnknownKind         WAIT   the API has no such kind, for now
    │   ├── Conflict            RETRY  somebody else wrote in between
    │   │   └── FieldConflict   STALL  fields belong to other managers; who and which is on it
    │   ├── Throttled           RETRY  pauses the whole target for retry_after
    │   ├── Transient           RETRY  network, timeout, 5xx
    │   │   └── Expired         RETRY  a continue token or a watch position is too old; begin anew
    │   ├── Denied              STALL  not allowed to
    │   ├── Invalid             STALL  the API refuses the object until it changes
    │   ├── NotStabilized       WAIT   accepted, not there yet
    │   ├── Partial             RETRY  created in part; carries what is there
    │   └── Unobservable        RETRY  the target's answer cannot be trusted as a whole
    ├── StateError
    │   ├── StateLocked         RETRY  another process works on this application
    │   ├── StateConflict       RETRY  somebody else wrote the inventory since we read it
    │   ├── StaleTerm           WAIT   another engine has taken the application over
    │   ├── StateUnavailable    RETRY  disk full, read-only, server gone
    │   └── StateCorrupt        STALL  the store cannot be read; nothing was written
    ├── WebhookRefused          STALL  a delivery that is not what it should be; its HTTP status is on it
    │   └── WebhookReplayed     WAIT   a delivery that was taken already
    ├── PluginError             RETRY  a plug-in broke its contract or threw something foreign; bounded
    ├── MissingExtra            STALL  an optional dependency is not installed
    ├── DeadlineExceeded        RETRY  a pass or call ran out of time
    └── Cancelled               WAIT   the host asked us to stop

RETRY: again soon, with back-off. WAIT: again later, nothing is wrong. STALL: only a change (a commit, a setting, a permission) helps.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Any, ClassVar, NamedTuple

from gitops_core.model.resources import Live, Origin, Resource, ResourceKey


class Disposition(enum.StrEnum):
    """What to do about an error."""

    RETRY = "retry"
    WAIT = "wait"
    STALL = "stall"


class GitOpsError(Exception):
    """
    Base of every error here.

    Args:
        message: What is wrong, then what to do about it. Never holds a secret or a URL with credentials.
        stage: The step of the pass: ``resolve``, ``fetch``, ``render`` ...; the engine fills it in.
        key: The object it is about.
        revision: The revision it is about.
        retry_after: Seconds the other side asked us to wait.
        origin: File and line it is about.
        disposition: Overrides the class's.
    """

    default: ClassVar[Disposition] = Disposition.RETRY

    def __init__(
        self,
        message: str,
        *,
        stage: str = "",
        key: ResourceKey | None = None,
        revision: str = "",
        retry_after: float | None = None,
        origin: Origin = Origin(),
        disposition: Disposition | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.stage = stage
        self.key = key
        self.revision = revision
        self.retry_after = retry_after
        self.origin = origin
        self.disposition = disposition or self.default

    def __str__(self) -> str:
        place = ":".join(str(p) for p in (self.origin.path, self.origin.line, self.origin.column) if p)
        return ": ".join(part for part in (place, str(self.key) if self.key else "", self.message) if part)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.message, self.__dict__))


def _rebuild(cls: type[GitOpsError], message: str, state: dict[str, Any]) -> GitOpsError:
    error = cls.__new__(cls, message)
    error.args = (message,)
    error.__dict__.update(state)
    return error


class ConfigError(GitOpsError):
    """An argument of the embedder's makes no sense."""

    default = Disposition.STALL


class SourceError(GitOpsError):
    """Desired state could not be read."""


class SourceUnavailable(SourceError):
    """The source cannot be reached for now."""


class AuthenticationFailed(SourceError):
    """Credentials were refused, or the host is not the one we know."""

    default = Disposition.STALL


class RepositoryNotFound(SourceError):
    """There is no repository at this address."""

    default = Disposition.STALL


class EmptyRepository(SourceError):
    """The repository has no commit yet."""

    default = Disposition.WAIT


class RevisionNotFound(SourceError):
    """There is no such branch, tag, version or commit."""

    default = Disposition.STALL


class RevisionVanished(SourceError):
    """What was resolved a moment ago is gone; the next pass resolves anew."""


class CorruptObject(SourceError):
    """An object's bytes do not match its id."""


class UnsafeTree(SourceError):
    """The tree holds an entry that could reach outside of it."""

    default = Disposition.STALL


class UnsupportedContent(SourceError):
    """A submodule or an LFS pointer stands where a file was needed."""

    default = Disposition.STALL


class LimitExceeded(SourceError):
    """A pack, a file or a count is larger than allowed."""

    default = Disposition.STALL


class RenderError(GitOpsError):
    """
    The renderer could not render all of it.

    Attributes:
        problems: Every single one when there are several.
        rendered: What could be rendered all the same; used only with ``Options.allow_partial_render``.
    """

    default = Disposition.STALL
    problems: tuple[GitOpsError, ...] = ()
    rendered: tuple[Resource, ...] = ()


class ManifestError(RenderError):
    """One document is wrong; ``origin`` says where."""


class DuplicateResource(RenderError):
    """Two declarations of one object; ``origin`` is the second, the message names the first."""


class PlanError(GitOpsError):
    """No plan can be made, or this one cannot be applied."""

    default = Disposition.STALL


class DependencyCycle(PlanError):
    """``depends_on`` closes a circle; ``path`` names it, first and last alike."""

    def __init__(self, path: Iterable[ResourceKey], **facts: Any) -> None:
        self.path = tuple(path)
        super().__init__(f"depends_on closes a circle: {' -> '.join(map(str, self.path))}; remove one of these", **facts)


class PlanMismatch(PlanError):
    """A saved plan does not belong to this application."""


class TargetError(GitOpsError):
    """The target refused or failed."""


class NotFound(TargetError):
    """The object is not there."""


class AlreadyExists(TargetError):
    """An object with this identity is there already."""


class Immutable(TargetError):
    """Fields cannot be changed in place; ``pointers`` names them."""

    default = Disposition.STALL

    def __init__(self, message: str, pointers: Iterable[str] = (), **facts: Any) -> None:
        super().__init__(message, **facts)
        self.pointers = tuple(pointers)


class UnknownKind(TargetError):
    """The API does not have such a kind: what defines it may be on its way. Nothing of it can be there; ``kind`` names it."""

    default = Disposition.WAIT

    def __init__(self, message: str, kind: tuple[str, str] = ("", ""), **facts: Any) -> None:
        super().__init__(message, **facts)
        self.kind = kind


class Conflict(TargetError):
    """Somebody else wrote in between, or owns the field."""


class FieldConflict(Conflict):
    """
    Fields that we declare belong to somebody else, and nobody told us to take them.

    Attributes:
        conflicts: (manager, field) pairs, sorted; a manager that the API does not name is empty.
    """

    default = Disposition.STALL

    def __init__(self, message: str, conflicts: Iterable[tuple[str, str]] = (), **facts: Any) -> None:
        super().__init__(message, **facts)
        self.conflicts = tuple(sorted(conflicts))


class Throttled(TargetError):
    """The API wants us to slow down; ``retry_after`` says for how long."""


class Transient(TargetError):
    """It may work the next time."""


class Expired(Transient):
    """A place in a list or a stream of changes is too old to go on from; begin anew."""


class Permission(NamedTuple):
    """
    What one would have to be allowed.

    Attributes:
        verb: ``create``, ``patch``, ``list`` ...
        group: API group; empty for the core one.
        resource: Plural, with the subresource: ``deployments/scale``.
        namespace: Empty for what lives in none.
        name: Empty when it is about all of them.
    """

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""

    def __str__(self) -> str:
        kind = f"{self.resource}.{self.group}" if self.group else self.resource
        return " ".join(filter(None, (self.verb, kind, self.name, f"in {self.namespace}" if self.namespace else "")))


class Denied(TargetError):
    """We are not allowed to; ``permission`` says what was tried, where that is known."""

    default = Disposition.STALL

    def __init__(self, message: str, permission: Permission | None = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.permission = permission


class Invalid(TargetError):
    """
    The API refuses the object until it changes.

    Attributes:
        pointer: The field, as a JSON Pointer; empty when it is about the whole or nobody knows.
        causes: Every single cause that the API gave: (its word for the reason, the field as it spells it).
    """

    default = Disposition.STALL

    def __init__(self, message: str, pointer: str = "", causes: Iterable[tuple[str, str]] = (), **facts: Any) -> None:
        super().__init__(message, **facts)
        self.pointer = pointer
        self.causes = tuple(causes)


class NotStabilized(TargetError):
    """Accepted, not there yet."""

    default = Disposition.WAIT


class Partial(TargetError):
    """Created in part; ``live`` is what is there, so that the next pass repairs it and never creates a second one."""

    def __init__(self, message: str, live: Live, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.live = live


class Unobservable(TargetError):
    """The target's answer cannot be trusted as a whole: nothing is created and nothing pruned."""


class StateError(GitOpsError):
    """The state store failed."""


class StateLocked(StateError):
    """Another process works on this application."""


class StateConflict(StateError):
    """Somebody else wrote the inventory since we read it."""


class StaleTerm(StateError):
    """Another engine has taken the application over, under a later term; nothing was written."""

    default = Disposition.WAIT


class StateUnavailable(StateError):
    """The store cannot be written or reached for now."""


class StateCorrupt(StateError):
    """The store cannot be read; nothing was written to it."""

    default = Disposition.STALL


class WebhookRefused(GitOpsError):
    """A delivery of a webhook is forged, too large or not what it should be; ``status`` is the HTTP status to answer with."""

    default = Disposition.STALL

    def __init__(self, message: str, *, status: int = 400, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.status = status


class WebhookReplayed(WebhookRefused):
    """A delivery was taken already. The answer is 200: the sender may stop trying."""

    default = Disposition.WAIT

    def __init__(self, message: str, *, status: int = 200, **facts: Any) -> None:
        super().__init__(message, status=status, **facts)


class PluginError(GitOpsError):
    """A plug-in broke its contract or threw something of its own; ``plugin`` names it."""

    def __init__(self, message: str, plugin: str = "", **facts: Any) -> None:
        super().__init__(message, **facts)
        self.plugin = plugin


class MissingExtra(GitOpsError):
    """An optional dependency is not installed."""

    default = Disposition.STALL


class DeadlineExceeded(GitOpsError):
    """A pass or a call ran out of time."""


class Cancelled(GitOpsError):
    """The host asked us to stop."""

    default = Disposition.WAIT

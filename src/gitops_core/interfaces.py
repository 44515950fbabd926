"""
The whole contract for people who extend the library, on one page.

A pass asks a :class:`Source` for a revision and its files, a :class:`Renderer` for resources, each :class:`Policy` for
objections, and a :class:`Target` for what is live; then the engine decides, and calls the target's mutators.

Rules for every plug-in: methods are called from any thread, but never two for one application at once, save the target's
I/O methods, up to ``limits.concurrency``. Raise the classes of :mod:`gitops_core.errors`; anything else becomes a
``PluginError`` and is retried a few times. Do not retry, sleep, log secrets or start threads: the engine does. Poll ``ctx.check()``
in long loops. Values handed in are frozen; values handed out are frozen by the engine.
"""

from __future__ import annotations

import abc
import functools
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import ClassVar, Final, Self

import attrs
from attrs.validators import ge, gt, optional

from gitops_core.context import Clock as Clock
from gitops_core.context import Context as Context
from gitops_core.context import Memo as Memo
from gitops_core.context import Signal as Signal
from gitops_core.context import Sink as Sink
from gitops_core.model.applications import Owner
from gitops_core.model.arguments import is_number
from gitops_core.model.fields import Fields as Fields
from gitops_core.model.fields import Identity as Identity
from gitops_core.model.health import Health
from gitops_core.model.history import JournalRecord, PassRecord
from gitops_core.model.inventory import Holder, Inventory, InventoryUpdate
from gitops_core.model.plans import Action, FieldDiff, Plan
from gitops_core.model.pointers import Patterns
from gitops_core.model.resources import Live, Origin, Pending, Resource, ResourceKey, Unreadable, key_of
from gitops_core.model.revisions import Revision, Tree
from gitops_core.model.rosters import Member, Standing
from gitops_core.model.values import Body
from gitops_core.model.verdicts import Violation

# ---------------------------------------------------------------------------------------------------------------------
# The four interfaces


class Plugin(abc.ABC):  # noqa: B024  # why: each kind of plug-in adds its own abstract methods
    """What the four interfaces share."""

    @property
    def name(self) -> str:
        """How messages call this plug-in."""
        return type(self).__name__

    @property
    def fingerprint(self) -> str:
        """
        Identity, version and options as one text: equal fingerprints and equal inputs give equal outputs.

        It is part of every memo key. Empty means "cannot tell": the plug-in is asked on every pass.
        """
        return ""

    def close(self) -> None:  # noqa: B027  # why: most plug-ins hold nothing
        """Release what was acquired; may be called twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


class Source(Plugin):
    """Where desired state comes from."""

    @abc.abstractmethod
    def resolve(self, ctx: Context) -> Revision:
        """Return what the reference names now. Cheap: no content is transferred."""

    @abc.abstractmethod
    def fetch(self, ctx: Context, revision: Revision) -> Tree:
        """Return exactly *revision*, whatever the reference names by now. A no-op when it is here already."""

    @property
    def reference(self) -> str:
        """
        What :meth:`resolve` asks, as text: repository, reference, and on whose behalf. Equal texts, equal answers.

        A controller asks once for all applications with the same one. Empty: each is asked.
        """
        return ""

    def is_told_by(self, repository: str, ref: str) -> bool:
        """
        Tell whether a push may change what :meth:`resolve` returns.

        Args:
            repository: Any URL of the repository that was pushed to.
            ref: The full name of what was pushed, such as ``refs/heads/main``; empty for "something".
        """
        return False


class Renderer(Plugin):
    """How files become resources."""

    @abc.abstractmethod
    def render(self, ctx: Context, tree: Tree) -> Iterable[Resource]:
        """
        Yield every resource that *tree* declares, with its origin.

        An exception at any point makes the render incomplete: nothing is applied and nothing pruned (with
        ``Options.allow_partial_render`` what was yielded before it is applied, and nothing pruned). To report several
        problems at once raise an ``ExceptionGroup`` of ``RenderError``.
        """

    def locate(self, tree: Tree, resource: Resource, pointer: str) -> Origin:
        """Return file, line and column of the field *pointer* of *resource*; of the whole object when that is all you know."""
        return resource.origin


@attrs.frozen
class Subject:
    """
    What a policy looks at.

    Attributes:
        application: ``Application.id``.
        owner: For its annotation keys.
        revision: What was rendered.
        resources: All of it, sorted by key. Bodies are decoded when touched.
        plan: What would change; None in :func:`gitops_core.check`, before anything was observed.
    """

    application: str
    owner: Owner
    revision: Revision
    resources: tuple[Resource, ...]
    plan: Plan | None = None


class Policy(Plugin):
    """
    What may object.

    Called without a plan first, and a second time with the plan when :attr:`needs_plan` is set. One that raises denies.
    """

    needs_plan: ClassVar[bool] = False

    @abc.abstractmethod
    def review(self, ctx: Context, subject: Subject) -> Iterable[Violation]:
        """Yield every objection."""


@attrs.frozen
class Limits:
    """
    What the API bears.

    Attributes:
        concurrency: Calls at once.
        rate: Calls per second, or None for no limit.
        timeout: Seconds one call may take; ``ctx.deadline`` says the same.
    """

    concurrency: int = attrs.field(default=4, validator=is_number(ge(1)))
    rate: float | None = attrs.field(default=None, validator=optional(is_number(gt(0.0))))
    timeout: float = attrs.field(default=30.0, validator=is_number(gt(0.0)))


@attrs.frozen
class Query:
    """
    What the engine wants to know.

    Attributes:
        keys: Desired and inventory keys. A target may yield more; it must yield every one of these that exists.
        versions: ``Live.version`` as last seen, by key: a body need not be read for an object that still has it.
    """

    keys: frozenset[ResourceKey]
    versions: Mapping[ResourceKey, str] = attrs.field(factory=dict)

    @property
    def kinds(self) -> frozenset[tuple[str, str]]:
        """The (group, kind) pairs of the keys."""
        return frozenset((key.group, key.kind) for key in self.keys)


@attrs.frozen
class TargetChange:
    """
    What a target is asked to do to one object.

    Attributes:
        key: The object.
        action: CREATE, UPDATE or DELETE (a REPLACE arrives as a DELETE, then a CREATE).
        desired: The declaration in clear, frozen, as it was declared; empty for DELETE. ``thaw(change.desired)`` may be changed.
            It is not normalised: where ``normalize`` fills in defaults that the API does not, write ``self.normalize(...)`` of it.
        live: What is there, in clear; None for CREATE. ``live.id`` is what a DELETE must name.
        diff: What differs, masked.
        idempotency_key: The same on every retry and after a crash; another object or declaration has another one.
        previous: Pointers the last applied declaration set and this one does not.
        ignored: Fields that belong to others. In *desired* they have the live values already; where the API knows who wrote
            a field, it is better not to send those that somebody else writes.
        strategy: ``apply``, or ``replace`` where the declaration wants the whole object overwritten.
        conflicts: ``refuse``, ``take`` or ``leave`` fields that other managers have written since; those in *diff* may be taken.
    """

    key: ResourceKey
    action: Action
    desired: Body = attrs.field(repr=False)
    live: Live | None = None
    diff: tuple[FieldDiff, ...] = ()
    idempotency_key: str = ""
    previous: tuple[str, ...] = ()
    ignored: Patterns = Patterns()
    strategy: str = "apply"
    conflicts: str = "refuse"


class Target(Plugin):
    """
    Where resources live. Three methods are required; the engine does the rest: diff, order, dry-run, retries, rate
    limits, deadlines, inventory, guards, redaction, verification.

    With :attr:`previews_updates` each update in a plan for people (:func:`gitops_core.plan`) is shown to the API by
    :meth:`preview` first: what it would not change is left out, what it would not accept is refused.
    """

    fields: Fields = Fields()
    identity: Identity = Identity.DECLARED
    limits: Limits = Limits()
    previews_updates: bool = False

    # -- required I/O -------------------------------------------------------------------------------------------------
    @abc.abstractmethod
    def observe(self, ctx: Context, query: Query) -> Iterable[Live | Unreadable]:
        """
        Yield every object of ``query.keys`` that exists; you may yield others of the same scope, too.

        Yield an :class:`Unreadable` for what could not be looked at. An exception means that nothing is known.
        """

    @abc.abstractmethod
    def create(self, ctx: Context, change: TargetChange) -> Live | Pending | None:
        """
        Create ``change.desired``. Return what is there now if the API says so, :class:`Pending` if it takes time, else None.

        Raises:
            AlreadyExists: Something with this identity is there.
        """

    @abc.abstractmethod
    def delete(self, ctx: Context, change: TargetChange) -> Pending | None:
        """Delete exactly ``change.live.id``. NotFound counts as success."""

    # -- optional I/O: override what the API can do; what is missing shows in the plan ------------------------------------
    def update(self, ctx: Context, change: TargetChange) -> Live | Pending | None:
        """Make ``change.live`` equal to ``change.desired``, leaving un-declared fields alone. Not overridden: REPLACE."""
        raise NotImplementedError

    def poll(self, ctx: Context, pending: Pending) -> Live | Pending | None:
        """Ask about an accepted operation; None when it is done. Not overridden: the engine observes instead."""
        raise NotImplementedError

    def preview(self, ctx: Context, change: TargetChange) -> Body:
        """Let the API check ``change`` without doing it (a server-side dry run); return the object as it would be."""
        raise NotImplementedError

    def apply_batch(self, ctx: Context, changes: Sequence[TargetChange]) -> Iterable[Live | Pending | Exception | None]:
        """Do several independent changes in one call; yield one answer each, in order."""
        raise NotImplementedError

    def watch(self, ctx: Context, query: Query) -> Iterable[Live | Unreadable | ResourceKey]:
        """
        Yield objects as they change, keys as they vanish, until cancelled or out of time; for an object whose kind cannot be watched
        for now an :class:`Unreadable`.

        Begin with how each of ``query.keys`` is: what moved between the last look and the watch is not told again. Several changes
        of one object may be told as one, the last; wait in slices, and end within 0.25 s of a cancel.

        A controller calls it once for this target, on behalf of all applications that use it: ``ctx.application`` is empty then, and
        ``query.keys`` what all of them own. It is called anew when keys come that the query did not have.
        """
        raise NotImplementedError

    def etag(self, ctx: Context) -> str | None:
        """Return a token that changes whenever anything in this target's scope changes, or None. Makes a quiet pass free."""
        return None

    def member(self, key: ResourceKey) -> Target:
        """Return the target that really holds *key*: itself, unless this target only sends objects on to others."""
        return self

    def scope(self, key: ResourceKey) -> str:
        """
        Name the world that *key* lives in (``directory:/srv/edge``), or return "" when it has no name.

        Two applications whose objects have equal scope and key mean the same object: one of them is refused.
        """
        return ""

    # -- optional pure functions ------------------------------------------------------------------------------------------
    def key(self, body: Body) -> ResourceKey | tuple[str, ...]:
        """
        Return the identity of *body*: equal for every spelling of the same object. ValueError when it has none.

        A body gets here with a ``kind`` and a name (``metadata.name`` or ``name``): renderers refuse one without.
        """
        return key_of(body)

    def normalize(self, body: Body) -> Body:
        """Return *body* in the API's spelling. Applied to both sides before they are compared; idempotent."""
        return body

    def diff(self, desired: Body, live: Body) -> Iterable[FieldDiff] | None:
        """Return the differences of two normalised bodies, or None to let the engine compare the declared fields."""
        return None

    def depends_on(self, body: Body) -> Iterable[ResourceKey | tuple[str, ...]]:
        """Return the keys that must be there before *body*."""
        return ()

    def health(self, live: Live) -> Health | None:
        """Return how well *live* is, or None to let the engine's rules for its kind decide."""
        return None


_OPTIONAL: Final = ("update", "poll", "preview", "apply_batch", "watch", "etag", "member", "scope",
    "key", "normalize", "diff", "depends_on", "health")  # fmt: skip


def capabilities(target: Target) -> frozenset[str]:
    """Return the names of the optional methods that *target*'s class overrides."""
    return _overridden(type(target))


@functools.lru_cache(maxsize=1024)
def _overridden(cls: type[Target]) -> frozenset[str]:
    return frozenset(name for name in _OPTIONAL if getattr(cls, name) is not getattr(Target, name))


# ---------------------------------------------------------------------------------------------------------------------
# Where state is kept


class StateStore(Plugin):
    """
    Remembers, between processes, what we own. Digests only: never a body, never a secret.

    Every method is atomic and safe between threads and, for stores that outlive a process, between processes.

    Raises (every method):
        StateUnavailable: Disk full, read-only, server gone. RETRY.
        StateCorrupt: Not readable. STALL; nothing was written.
    """

    @abc.abstractmethod
    def salt(self) -> bytes:
        """Return the random key of this store's secret digests: 32 bytes, made once."""

    @abc.abstractmethod
    def exclusive(self, application: str, timeout: float) -> AbstractContextManager[None]:
        """
        Keep every other holder of *application* out, in this and other processes; released when the process dies.

        Raises:
            StateLocked: Still held by another after *timeout* seconds. RETRY.
        """

    @abc.abstractmethod
    def inventory(self, application: str) -> Inventory:
        """Return what *application* owns; empty with serial 0 when it is new. Cheap when nothing changed since the last call."""

    @abc.abstractmethod
    def update_inventory(self, application: str, update: InventoryUpdate, *, serial: int) -> Inventory:
        """
        Apply *update* durably before returning, and return the inventory after it.

        Raises:
            StateConflict: The inventory is no longer at *serial*. RETRY.
        """

    @abc.abstractmethod
    def holders(self, application: str, objects: Collection[tuple[str, ResourceKey]]) -> Mapping[ResourceKey, Holder]:
        """Return which other application's inventory has each of *objects*, (scope, key) pairs; pairs with an empty scope have none."""

    @abc.abstractmethod
    def neighbours(self, application: str, scopes: Collection[str]) -> Sequence[str]:
        """Return the other applications that have an object in one of *scopes*, sorted; the empty scope has none."""

    @abc.abstractmethod
    def append_journal(self, application: str, records: Sequence[JournalRecord]) -> None:
        """Add *records*; the store may drop the oldest beyond a bound of its own."""

    @abc.abstractmethod
    def journal(self, application: str, key: ResourceKey | None = None, limit: int = 100) -> Sequence[JournalRecord]:
        """Return the newest records first, of *key* or of all."""

    @abc.abstractmethod
    def record_pass(self, application: str, record: PassRecord, *, keep: int) -> None:
        """Add a pass to the history, or count a repetition of the newest; keep the last *keep*."""

    @abc.abstractmethod
    def history(self, application: str, limit: int = 20) -> Sequence[PassRecord]:
        """Return the newest passes first."""

    @abc.abstractmethod
    def get_memo(self, space: str, key: str, *, not_before: float) -> bytes | None:
        """Return what was put under (*space*, *key*) at or after *not_before* (epoch seconds), or None."""

    @abc.abstractmethod
    def put_memo(self, space: str, key: str, value: bytes, *, now: float) -> None:
        """Remember *value*; old memos may be dropped at any time."""

    @abc.abstractmethod
    def applications(self) -> Sequence[str]:
        """Return every application with an inventory, a journal or a history, sorted."""

    @abc.abstractmethod
    def forget(self, application: str) -> None:
        """Remove everything about *application*; a no-op when unknown."""


# ---------------------------------------------------------------------------------------------------------------------
# Who works on what, where several engines share the work


class Coordinator(Plugin):
    """
    Agrees with other engines on who takes part, and lets each know until when it may write.

    For one generation there is one list of members, whoever is asked. A member that does not beat for a while is counted out, not
    before its own standing has ended. Methods are called by one thread of each member.

    Raises (every method):
        StateUnavailable: What the members agree through cannot be reached. RETRY; the standing ends by itself. Or it does not let
            us, where it is a database: STALL.
        Denied: Not allowed to, where it is an API. STALL.
    """

    interval: float = 5.0
    """Seconds between two beats."""

    @abc.abstractmethod
    def beat(self, ctx: Context, member: Member) -> Standing:
        """Say that *member* is alive, joining when it is new, and return who takes part. Cheap: a request or two."""

    @abc.abstractmethod
    def leave(self, ctx: Context, member: Member) -> None:
        """Take *member* out at once; a no-op when it is not in."""

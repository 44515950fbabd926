"""One target made of several: which object goes where is decided by its key."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Iterator, Mapping

import attrs

from gitops_core.errors import Cancelled, ConfigError, GitOpsError, Invalid, PluginError
from gitops_core.interfaces import Context, Limits, Query, Target, TargetChange
from gitops_core.model.health import Health
from gitops_core.model.plans import FieldDiff
from gitops_core.model.resources import Live, Pending, ResourceKey, Unreadable, as_key, key_of
from gitops_core.model.values import Body, text_set


@attrs.frozen
class Route:
    """
    Which objects a target holds: those that meet every condition that is given.

    All conditions are about the key, because the key is all that is left of an object when it is to be pruned. For the same
    reason there is no condition on labels: an object that loses its label would be looked for, and deleted, elsewhere.

    Attributes:
        target: Where they live.
        kinds: Kinds, with or without their group: ``{"File", "apps/Deployment"}``. ``*`` and ``?`` as in file names.
        groups: API groups, ``*.example.org``; the core group is ``""``.
        namespaces: Namespaces; objects without one have ``""``.
        names: Names.
        where: A condition of your own on the key. It must give the same answer every time.
    """

    target: Target
    kinds: frozenset[str] = attrs.field(default=frozenset(), converter=text_set)
    groups: frozenset[str] = attrs.field(default=frozenset(), converter=text_set)
    namespaces: frozenset[str] = attrs.field(default=frozenset(), converter=text_set)
    names: frozenset[str] = attrs.field(default=frozenset(), converter=text_set)
    where: Callable[[ResourceKey], bool] | None = None

    def matches(self, key: ResourceKey) -> bool:
        """Tell whether the object of *key* goes here."""
        return (
            (_any(self.kinds, key.kind) or _any(self.kinds, f"{key.group}/{key.kind}"))
            and _any(self.groups, key.group)
            and _any(self.namespaces, key.namespace)
            and _any(self.names, key.name)
            and (self.where is None or self.where(key))
        )

    def __str__(self) -> str:
        sets = {"kinds": self.kinds, "groups": self.groups, "namespaces": self.namespaces, "names": self.names}
        conditions = [f"{word} {', '.join(sorted(repr(v) for v in values))}" for word, values in sets.items() if values]
        if self.where is not None:
            conditions.append("a condition of its own")
        return f"{self.target.name}: {' and '.join(conditions) or 'everything'}"


def _any(patterns: frozenset[str], text: str) -> bool:
    return not patterns or text in patterns or any(fnmatch.fnmatchcase(text, pattern) for pattern in patterns)


class RouterTarget(Target):
    """
    Sends each object to the first route that matches its key, so that one repository can hold objects of several worlds.

    ::

        RouterTarget([Route(DnsTarget(api), kinds={"Record"}), Route(DirectoryTarget("/srv/edge"))])

    What an object may and may not do is the business of the target that holds it: ask ``router.member(key)`` for its
    ``fields``, ``identity``, ``limits`` and capabilities. The router's own ``fields`` are empty, and its ``limits`` only bound
    its ``observe``, which asks one member after the other, each for its own keys. A member that cannot be observed makes
    its own keys unreadable; the others go on. An object that no route matches is unreadable with an error that
    names the routes, and is neither written nor pruned.

    A route must not be changed while it holds objects: what moves to another target is left behind in the old one.

    Args:
        routes: In order of precedence; ``(target, kinds...)`` is written ``Route(target, kinds={...})``.
        name: For messages.

    Raises:
        ConfigError: No route. STALL.
    """

    def __init__(self, routes: Iterable[Route], name: str = "router") -> None:
        self._routes = tuple(routes)
        self._name = name
        if not self._routes:
            raise ConfigError("a RouterTarget needs a route: RouterTarget([Route(target, kinds={'File'}), ...])")
        self._members: tuple[Target, ...] = tuple({id(route.target): route.target for route in self._routes}.values())

    @property
    def name(self) -> str:
        return self._name

    @property
    def limits(self) -> Limits:  # type: ignore[override]  # why: derived from the members'
        parts = [member.limits for member in self._members]
        return Limits(concurrency=sum(p.concurrency for p in parts), timeout=sum(p.timeout for p in parts))

    def __repr__(self) -> str:
        return f"RouterTarget({self._name!r}, {len(self._routes)} routes)"

    def member(self, key: ResourceKey) -> Target:
        """
        Return the target that holds *key*, through routers within routers; itself when no route matches.

        So an object that belongs nowhere reaches :meth:`create` here, which says so.
        """
        route = self._route(key)
        return route.target.member(key) if route else self

    # -- I/O --------------------------------------------------------------------------------------------------------------
    def observe(self, ctx: Context, query: Query) -> Iterator[Live | Unreadable]:
        """Ask every member for its own keys; what one yields that belongs to another is dropped."""
        asked: dict[int, set[ResourceKey]] = {}
        for key in query.keys:
            route = self._route(key)
            if route is None:
                yield Unreadable(key, self._homeless(key))
            else:
                asked.setdefault(id(route.target), set()).add(key)
        for member in self._members:
            keys = asked.get(id(member))
            if keys:
                yield from self._observe(ctx, member, frozenset(keys), query.versions)

    def _observe(
        self, ctx: Context, member: Target, keys: frozenset[ResourceKey], versions: Mapping[ResourceKey, str]
    ) -> Iterator[Live | Unreadable]:
        known = {key: versions[key] for key in keys if key in versions}
        try:
            # All of it before any of it: an exception half way means that nothing of it may be believed.
            found = list(member.observe(ctx.within(member.limits.timeout), Query(keys, known)))
        except Cancelled:
            raise
        except Exception as error:  # noqa: BLE001  # why: a plug-in may throw anything, and the other members must go on
            ctx.check()
            cause = error if isinstance(error, GitOpsError) else _foreign(member, error)
            yield from (Unreadable(key, cause) for key in sorted(keys))
            return
        for answer in found:
            if isinstance(answer, Unreadable) and answer.key is None:
                yield from (Unreadable(key, answer.error) for key in sorted(keys) if answer.covers(key))
            elif answer.key in keys or (answer.key is not None and self._target(answer.key) is member):
                yield answer

    def create(self, ctx: Context, change: TargetChange) -> Live | Pending | None:
        return self._holder(change.key).create(ctx, change)

    def update(self, ctx: Context, change: TargetChange) -> Live | Pending | None:
        return self._holder(change.key).update(ctx, change)

    def delete(self, ctx: Context, change: TargetChange) -> Pending | None:
        return self._holder(change.key).delete(ctx, change)

    def preview(self, ctx: Context, change: TargetChange) -> Body:
        return self._holder(change.key).preview(ctx, change)

    def etag(self, ctx: Context) -> str | None:
        """Return the ETags of all members; None when one of them has none."""
        tags = [member.etag(ctx) for member in self._members]
        return None if None in tags else "|".join(f"{len(tag)}:{tag}" for tag in tags if tag is not None)

    def close(self) -> None:
        """Close every member, also when closing one of them fails."""
        errors = []
        for member in self._members:
            try:
                member.close()
            except Exception as error:  # noqa: BLE001  # why: the others must be closed, too; raised below
                errors.append(error)
        if errors:
            raise ExceptionGroup(f"{self._name}: members could not be closed", errors)

    # -- pure -------------------------------------------------------------------------------------------------------------
    def scope(self, key: ResourceKey) -> str:
        holder = self._target(key)
        return holder.scope(key) if holder else ""

    def key(self, body: Body) -> ResourceKey:
        """
        Return the key that the target of *body* gives it.

        Raises:
            ValueError: It has no identity, or its target gives it a key that leads to another route.
        """
        return self._place(body)[1]

    def normalize(self, body: Body) -> Body:
        holder = self._by_body(body)
        return holder.normalize(body) if holder else body

    def diff(self, desired: Body, live: Body) -> Iterable[FieldDiff] | None:
        holder = self._by_body(desired)
        return holder.diff(desired, live) if holder else None

    def depends_on(self, body: Body) -> Iterable[ResourceKey | tuple[str, ...]]:
        holder = self._by_body(body)
        return holder.depends_on(body) if holder else ()

    def health(self, live: Live) -> Health | None:
        holder = self._target(live.key)
        return holder.health(live) if holder else None

    # -- routing ----------------------------------------------------------------------------------------------------------
    def _route(self, key: ResourceKey) -> Route | None:
        return next((route for route in self._routes if route.matches(key)), None)

    def _target(self, key: ResourceKey) -> Target | None:
        route = self._route(key)
        return route.target if route else None

    def _holder(self, key: ResourceKey) -> Target:
        target = self._target(key)
        if target is None:
            raise self._homeless(key)
        return target

    def _place(self, body: Body) -> tuple[Target | None, ResourceKey]:
        """Return who holds *body* and its key there: by its plain key if it has one, else by asking every target in turn."""
        try:
            plain: ResourceKey | None = key_of(body)
        except ValueError as error:
            plain, problem = None, error
        route = self._route(plain) if plain else None
        if route:
            return route.target, self._checked(route, as_key(route.target.key(body)))
        for route in self._routes:
            key = _key_or_none(route.target, body)
            if key is not None and self._route(key) is route:
                return route.target, key
        if plain is None:
            raise problem
        return None, plain

    def _checked(self, route: Route, key: ResourceKey) -> ResourceKey:
        if self._route(key) is not route:
            raise ValueError(
                f"{route.target.name} calls it {key}, a key that its own route does not match; widen that route ({route})"
            )
        return key

    def _by_body(self, body: Body) -> Target | None:
        try:
            return self._place(body)[0]
        except ValueError:
            return None  # a live object without kind or name: nobody's spelling applies

    def _homeless(self, key: ResourceKey) -> Invalid:
        routes = "; ".join(map(str, self._routes))
        return Invalid(f"no route of {self._name!r} matches it; add one, or remove the object. The routes are: {routes}", key=key)


def _key_or_none(target: Target, body: Body) -> ResourceKey | None:
    try:
        return as_key(target.key(body))
    except (ValueError, TypeError, LookupError, AttributeError):
        return None  # why these: this target may never have seen such an object


def _foreign(member: Target, error: Exception) -> PluginError:
    """Name the class only: the text of a foreign error may hold anything."""
    return PluginError(f"{member.name}.observe failed with {type(error).__name__}", member.name, stage="observe")

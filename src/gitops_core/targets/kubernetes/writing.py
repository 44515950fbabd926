"""Write to the cluster: server-side apply under the application's own field manager, deletes that name the object's uid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from gitops_core.errors import (
    AlreadyExists,
    Cancelled,
    Conflict,
    DeadlineExceeded,
    FieldConflict,
    GitOpsError,
    Invalid,
    NotFound,
    Transient,
    UnknownKind,
)
from gitops_core.interfaces import Context, TargetChange
from gitops_core.kubernetes_api.kinds import KindInfo
from gitops_core.kubernetes_api.requests import APPLY, JSON_PATCH, Request, Response
from gitops_core.model.plans import Action, DiffOp
from gitops_core.model.resources import Live
from gitops_core.model.revisions import Notice
from gitops_core.targets.kubernetes.access import Access, as_object, is_sensitive
from gitops_core.targets.kubernetes.bodies import Bodies
from gitops_core.targets.kubernetes.live import prepared, sight_of
from gitops_core.targets.kubernetes.marks import Marks
from gitops_core.targets.kubernetes.previews import take_away
from gitops_core.targets.kubernetes.schemas import Schemas
from gitops_core.targets.kubernetes.spelling import to_apply
from gitops_core.targets.kubernetes.taking_over import taken_over
from gitops_core.targets.kubernetes.yielding import without_others_fields

_UID: Final = "/metadata/uid"
"""What the API calls invalid when the object that is there is not the one that is named. Seen on 1.36: 422, not 409."""
_NO_VERSION: Final = "1"
"""etcd begins to count at 1, with nothing in it: no object has this version."""
_UNUSED_NAME: Final = "preview-of-defaults-f2c8d1"
"""Under which a declaration is tried as if there were nothing yet. Nothing is stored under it."""


@attrs.frozen
class _How:
    """How to apply: as whom, whether to take fields from other managers, whether it is only a trial, and whether only to create."""

    marks: Marks
    force: bool
    dry_run: bool = False
    only_create: bool = False


@attrs.frozen
class _Since:
    """As whom to overwrite an object, and the version that our own writes have given it since it was observed; else empty."""

    marks: Marks
    version: str


@attrs.frozen
class Writer:
    """Carries out changes. One request each, save for what an adoption takes over."""

    access: Access
    bodies: Bodies
    schemas: Schemas

    def create(self, ctx: Context, change: TargetChange, marks: Marks) -> Live:
        """
        Create the object by server-side apply: it is ours from the first request on, as a POST would not make it.

        Apply would merge into what is there. It is told a version that no object can have: then whatever is there is a conflict,
        and what is not there is created.
        """
        info = self._new_kind(ctx, change)
        try:
            answer = self._apply(ctx, info, change, _How(marks, force=False, only_create=True))
        except Conflict as error:
            raise AlreadyExists(
                "something of this name is there; observe it and decide about adoption", key=change.key
            ) from error
        return self._live(ctx, info, change, answer, marks)

    def update(self, ctx: Context, change: TargetChange, marks: Marks) -> Live:
        """Make the object as declared; fields that we declared before and do not declare now go away."""
        info = self._info(ctx, change)
        moved_to = ""
        if change.live is not None and change.live.owner != marks.application:
            moved_to = self._take_over(ctx, info, change, marks)
        if change.strategy == "replace":
            return self._live(ctx, info, change, self._replace(ctx, info, change, _Since(marks, moved_to)), marks)
        return self._live(ctx, info, change, self._apply(ctx, info, change, _How(marks, force=_forces(change))), marks)

    def delete(self, ctx: Context, change: TargetChange, marks: Marks) -> None:
        """
        Delete the very object that was observed.

        Source: Kubernetes API, ``DeleteOptions.preconditions``: another uid is answered by 409, and then ours is gone.
        """
        if change.live is None or not change.live.id:
            raise Invalid("a delete must name the object's uid: set TargetChange.live", key=change.key)
        info = self.access.kind(ctx, change.key)
        word = _propagation(change.live, marks) or self.access.settings.propagation
        options = {
            "apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": change.live.id},
            "propagationPolicy": word.capitalize(),
        }  # fmt: skip
        self.bodies.answers.forget(change.key)
        try:
            self.access.send(ctx, Request("DELETE", self.access.path(info, change.key), body=options))
        except Conflict:
            ctx.check()  # another object has the name by now, or this one is on its way out; the look that follows tells

    def preview(self, ctx: Context, change: TargetChange, marks: Marks) -> Mapping[str, Any]:
        """
        Return what the server would make of *change*: a dry run, admission and defaults included.

        What an update takes over first cannot be tried: fields of those managers are forced, and what goes with them is left out,
        save what the server would fill in again.
        """
        info = self._info(ctx, change)
        if change.action is Action.CREATE:
            return prepared(self._made_anew(ctx, info, change, marks), change.key, marks)
        body = as_object(self._tried(ctx, info, change, marks).body, "PATCH")
        goes = any(diff.op is DiffOp.REMOVE for diff in change.diff)
        if goes and change.live is not None and marks.taken_over(change.live.owner or "", self.access.settings.take_over):
            take_away(body, change.diff, self._defaults(ctx, info, change, marks))
        return prepared(body, change.key, marks)

    def _made_anew(self, ctx: Context, info: KindInfo, change: TargetChange, marks: Marks, name: str = "") -> dict[str, Any]:
        """Return what the server would make of the declaration if there were nothing yet under its name, or under *name*."""
        body = self._payload(info, attrs.evolve(change, live=None), marks)
        body["metadata"]["name"] = name or change.key.name
        query = (("dryRun", "All"), ("fieldManager", marks.manager))
        path = info.path(self.access.namespace(info, change.key))
        answer = self.access.send(ctx, Request("POST", path, query, body, sensitive=is_sensitive(change.key)))
        return as_object(answer.body, "POST")

    def _defaults(self, ctx: Context, info: KindInfo, change: TargetChange, marks: Marks) -> dict[str, Any]:
        """
        Return the declaration with what the server fills in; empty where it would not create it, as for kinds whose names are fixed,
        or for us. Then all that goes is shown as going.
        """
        try:
            return self._made_anew(ctx, info, change, marks, _UNUSED_NAME)
        except (Cancelled, DeadlineExceeded):
            raise
        except GitOpsError:
            return {}

    def _tried(self, ctx: Context, info: KindInfo, change: TargetChange, marks: Marks) -> Response:
        how = _How(marks, force=_forces(change), dry_run=True)
        owner = change.live.owner or "" if change.live is not None else marks.application
        try:
            return self._apply(ctx, info, change, how)
        except FieldConflict as error:
            theirs = marks.taken_over(owner, self.access.settings.take_over)
            if not {manager for manager, _ in error.conflicts} <= set(theirs):
                raise
            return self._apply(ctx, info, change, attrs.evolve(how, force=True))

    # -- requests -----------------------------------------------------------------------------------------------------------
    def _info(self, ctx: Context, change: TargetChange) -> KindInfo:
        return self.access.kind(ctx, change.key, str(change.desired.get("apiVersion") or ""))

    def _new_kind(self, ctx: Context, change: TargetChange) -> KindInfo:
        """
        Return what is known about the kind of an object to create: one that was defined a moment ago may take the server a second
        to serve, so that it is worth another try.
        """
        try:
            return self._info(ctx, change)
        except UnknownKind:
            self.access.discovery.refresh(timeout=self.access.settings.limits.timeout)
        try:
            return self._info(ctx, change)
        except UnknownKind as error:
            raise Transient(error.message, key=change.key) from error

    def _apply(self, ctx: Context, info: KindInfo, change: TargetChange, how: _How) -> Response:
        query = [("fieldManager", how.marks.manager), ("force", "true" if how.force else "false")]
        query += [("dryRun", "All")] if how.dry_run else []
        body = self._payload(info, change, how.marks)
        if change.live is not None:
            body["metadata"]["uid"] = change.live.id  # another object under this name is refused by the server
        if how.only_create:
            body["metadata"]["resourceVersion"] = _NO_VERSION
        request = Request(
            "PATCH",
            self.access.path(info, change.key),
            tuple(query),
            body,
            content_type=APPLY,
            sensitive=is_sensitive(change.key),
        )
        try:
            return self.access.send(ctx, request)
        except FieldConflict:
            raise
        except Conflict:
            if change.live is not None:
                self.access.get(ctx, info, change.key, metadata=True)  # raises NotFound where the object is gone: 409, too
            raise
        except Invalid as error:
            if error.pointer != _UID:
                raise
            raise Conflict("another object has this name now; observe again and plan anew", key=change.key) from error

    def _replace(self, ctx: Context, info: KindInfo, change: TargetChange, since: _Since) -> Response:
        """Overwrite the whole object, if nobody but us has written to it since it was observed."""
        live = change.live
        if live is None:
            raise NotFound("there is nothing to replace", key=change.key)
        body = self._payload(info, change, since.marks)
        version = since.version or live.body["metadata"]["resourceVersion"]
        body["metadata"] |= {"uid": live.id, "resourceVersion": version}
        query = (("fieldManager", since.marks.manager),)
        request = Request("PUT", self.access.path(info, change.key), query, body, sensitive=is_sensitive(change.key))
        return self.access.send(ctx, request)

    def _take_over(self, ctx: Context, info: KindInfo, change: TargetChange, marks: Marks) -> str:
        """
        Make fields of other managers ours: of those the embedder names, of the application that hands it over; report it.

        Returns:
            str: The resourceVersion that the object has since; empty when there was nothing to take over.
        """
        others = marks.taken_over(change.live.owner or "", self.access.settings.take_over) if change.live is not None else ()
        if not others or change.live is None:
            return ""
        raw = self.access.get(ctx, info, change.key)
        found = taken_over(raw, marks.manager, others, str(change.desired.get("apiVersion") or ""))
        if found is None:
            return ""
        entries, managers = found
        patch = [
            {"op": "test", "path": "/metadata/uid", "value": change.live.id},
            {"op": "replace", "path": "/metadata/managedFields", "value": entries},
            {"op": "replace", "path": "/metadata/resourceVersion", "value": raw["metadata"]["resourceVersion"]},
        ]
        path, query = self.access.path(info, change.key), (("fieldManager", marks.manager),)
        request = Request("PATCH", path, query, patch, content_type=JSON_PATCH, sensitive=is_sensitive(change.key))
        answer = as_object(self.access.send(ctx, request).body, "PATCH")
        ctx.notify(Notice("taken-over", f"{change.key}: the fields of {', '.join(managers)} are ours now"))
        return str(answer["metadata"]["resourceVersion"])

    def _payload(self, info: KindInfo, change: TargetChange, marks: Marks) -> dict[str, Any]:
        """Return the declaration with our marks, and without the fields that others are to keep."""
        body = to_apply(change.desired)
        if change.live is not None:
            body = without_others_fields(body, change)
        metadata = {name: value for name, value in (body.get("metadata") or {}).items() if name != "namespace"}
        namespace = self.access.namespace(info, change.key)
        if namespace:
            metadata["namespace"] = namespace
        for place, marked in zip(("labels", "annotations"), marks.on(change.key), strict=True):
            metadata[place] = {**(metadata.get(place) or {}), **marked}
        return {**body, "metadata": metadata}

    def _live(self, ctx: Context, info: KindInfo, change: TargetChange, answer: Response, marks: Marks) -> Live:
        key = change.key
        sight = sight_of(as_object(answer.body, "PATCH")["metadata"], (key.group, key.kind), marks)
        self.bodies.answers.keep(key, sight, answer.content)
        version = sight.under(self.schemas.token(ctx, info))
        return sight.as_live(key, self.bodies.reader(ctx, key, sight, marks), version)


def _forces(change: TargetChange) -> bool:
    """Differences at fields of other managers are in a change only where they are to be taken."""
    return change.conflicts == "take" or any(d.manager for d in change.diff)


def _propagation(live: Live, marks: Marks) -> str:
    annotations = (live.body.get("metadata") or {}).get("annotations") or {}
    return str(annotations.get(marks.owner.key("propagation")) or "")

"""The API: a request in, an answer or a stream out. No socket, no thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import attrs

from gitops_core.testing.kubernetes import bodies, deleting, managed, patches, presenting, reading, scale, writing
from gitops_core.testing.kubernetes.authorizing import authorize, authorize_create
from gitops_core.testing.kubernetes.calls import MOST_BYTES, Call
from gitops_core.testing.kubernetes.documents import document
from gitops_core.testing.kubernetes.encoding import encoded
from gitops_core.testing.kubernetes.http import HttpRequest, HttpResponse, HttpStream
from gitops_core.testing.kubernetes.rbac import Wish
from gitops_core.testing.kubernetes.reviews import reviewed
from gitops_core.testing.kubernetes.routing import route, target
from gitops_core.testing.kubernetes.statuses import ApiStatus, bad_request, conflict, not_supported, too_large
from gitops_core.testing.kubernetes.store import Stored
from gitops_core.testing.kubernetes.users import authenticated, by_path, token
from gitops_core.testing.kubernetes.watching import WatchStream
from gitops_core.testing.kubernetes.world import World

Object = dict[str, Any]
Answer = HttpResponse | HttpStream
NOT_FOUND: Final = HttpResponse(404, b"404 page not found\n", content_type="text/plain; charset=utf-8")


@attrs.frozen
class Asked:
    """Who asked for what, for the log; known before the answer."""

    user: str = ""
    wish: Wish = Wish("get")


def answer(world: World, request: HttpRequest, learned: Callable[[Asked], None]) -> Answer:
    """Answer *request*; *learned* is told what it is about as soon as that is known. Never raises ApiStatus."""
    try:
        path, name = by_path(request.path)
        if name:
            request = attrs.evolve(request, path=path, headers={**request.headers, "authorization": f"Bearer {token(name)}"})
        user = authenticated(request.headers, world.settings.users)
        learned(Asked(user.name))
        if len(request.body) > MOST_BYTES:
            raise too_large()
        if not _is_resource(request.path):
            authorize(world, user, Wish(request.method.lower(), path=request.path))
            return document(world, request) or NOT_FOUND
        found = target(request)
        learned(Asked(user.name, found.wish))
        authorize(world, user, found.wish)
        if not _is_served(world, request.path):
            return NOT_FOUND
        return _answered(Call(world, request, route(world.kinds, found), user))
    except ApiStatus as status:
        return status.response()


def _is_resource(path: str) -> bool:
    parts = path.strip("/").split("/")
    return len(parts) > {"api": 2, "apis": 3}.get(parts[0], len(parts))


def _is_served(world: World, path: str) -> bool:
    parts = path.strip("/").split("/")
    return world.kinds.serves(*(("", parts[1]) if parts[0] == "api" else (parts[1], parts[2])))


def _answered(call: Call) -> Answer:
    run = _VERBS[call.route.verb]
    made = run(call)
    if not isinstance(made, HttpResponse) or not call.warnings:
        return made
    warnings = tuple(("Warning", f'299 - "{text.replace(chr(34), chr(92) + chr(34))}"') for text in call.warnings)
    return attrs.evolve(made, headers=made.headers + warnings)


def _form(call: Call) -> presenting.Form:
    accept = call.request.headers.get("accept", "")
    return presenting.form_of(accept, call.request.parameter("includeObject"), call.world.now())


def _show(call: Call, stored: Stored, status: int = 200) -> HttpResponse:
    if call.route.subresource == "scale":
        return HttpResponse(status, encoded(scale.scale_of(call.kind, stored.object)))
    return HttpResponse(status, presenting.shown(call.kind, stored, _form(call)))


def _get(call: Call) -> Answer:
    _form(call)
    return _show(call, reading.get(call))


def _list(call: Call) -> Answer:
    form = _form(call)
    page = reading.page(call)
    return HttpResponse(200, presenting.listed(call.kind, page.items, page.metadata, form))


def _watch(call: Call) -> Answer:
    return WatchStream(call, _form(call))


def _create(call: Call) -> Answer:
    if call.kind.group in {"authorization.k8s.io", "authentication.k8s.io"}:
        return HttpResponse(201, encoded(reviewed(call)))
    if "list" not in call.kind.verbs:
        raise not_supported(f"creating {call.kind.resource}")
    call.check_options()
    return _show(call, writing.create(call), 201)


def _update(call: Call) -> Answer:
    call.check_options()
    if call.route.subresource == "scale":
        wanted = call.json()[0]
        return _show(call, writing.update(call, lambda value: scale.with_scale(call.kind, value, wanted)))
    made = bodies.object_of(call)
    return _show(call, writing.update(call, lambda _value: made))


def _patch(call: Call) -> Answer:
    call.check_options()
    applies = call.media_type == patches.APPLY_PATCH
    call.check_patch_options(applies)
    if applies:
        return _apply(call)
    if call.media_type not in {patches.JSON_PATCH, patches.MERGE_PATCH, patches.STRATEGIC_MERGE_PATCH}:
        raise patches.unsupported_media_type()
    patch = call.patch_body()
    if call.route.subresource == "scale":
        return _show(call, writing.update(call, lambda value: _scaled(call, value, patch)))
    return _show(
        call,
        writing.update(call, lambda value: bodies.normalized(call, patches.patched(call.kind, call.media_type, value, patch))),
    )


def _scaled(call: Call, value: Object, patch: Any) -> Object:
    before = scale.scale_of(call.kind, value)
    return scale.with_scale(call.kind, value, patches.patched(call.kind, call.media_type, before, patch))


def _apply(call: Call) -> Answer:
    wanted = _applied_object(call)
    with call.world.store.lock:
        live = call.world.find(call.kind, call.route.namespace, call.route.name)
        if live is None and not call.route.subresource:
            authorize_create(call)
            made = managed.applied(call, None, _creatable(call, wanted))
            return _show(call, writing.create_object(call, bodies.normalized(call, made), track=False), 201)
        if live is not None and _changes_nothing(call, live, wanted):
            return _show(call, live)
        return _show(
            call, writing.update(call, lambda value: bodies.normalized(call, managed.applied(call, value, wanted)), track=False)
        )


def _changes_nothing(call: Call, live: Stored, wanted: Object) -> bool:
    """A short way for what is most often asked: an apply of what is there already."""
    if call.world.admissions or {"uid", "resourceVersion"} & set(wanted["metadata"]):
        return False
    return managed.applied(call, live.object, wanted) == live.object


def _creatable(call: Call, wanted: Object) -> Object:
    """What names an object that must be there is not created; a version alone does not name one."""
    meta = wanted["metadata"]
    if meta.get("uid"):
        why = f"uid mismatch: the provided object specified uid {meta['uid']}, and no existing object was found"
        raise conflict(call.kind, call.route.name, why)
    return {**wanted, "metadata": {name: item for name, item in meta.items() if name != "resourceVersion"}}


def _applied_object(call: Call) -> Object:
    wanted = call.patch_body()
    kind = call.kind
    given = (wanted.get("apiVersion", ""), wanted.get("kind", "")) if isinstance(wanted, dict) else ("", "")
    if given != (kind.api_version, kind.kind):
        raise bad_request(f"invalid object type: {given[0] or '/'}, Kind={given[1]}")
    meta = wanted.get("metadata") or {}
    if meta.get("managedFields"):
        raise bad_request("metadata.managedFields must be nil")
    if meta.get("name", call.route.name) != call.route.name:
        raise bad_request(f"the name of the object ({meta['name']}) does not match the name on the URL ({call.route.name})")
    return {**wanted, "metadata": meta}


def _delete(call: Call) -> Answer:
    call.check_options()
    gone = deleting.delete(call)
    return _show(call, gone) if isinstance(gone, Stored) else HttpResponse(200, encoded(gone))


def _delete_collection(call: Call) -> Answer:
    call.check_options()
    page = deleting.delete_collection(call)
    return HttpResponse(200, presenting.listed(call.kind, page.items, page.metadata, _form(call)))


_VERBS: Final[dict[str, Callable[[Call], Answer]]] = {
    "get": _get,
    "list": _list,
    "watch": _watch,
    "create": _create,
    "update": _update,
    "patch": _patch,
    "delete": _delete,
    "deletecollection": _delete_collection,
}

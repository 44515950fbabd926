"""Get and list: selectors, pages, and moments of the past."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from typing import Any, Final

import attrs

from gitops_core.testing.kubernetes.calls import Call
from gitops_core.testing.kubernetes.encoding import encoded
from gitops_core.testing.kubernetes.selectors import field_selector, label_selector
from gitops_core.testing.kubernetes.statuses import ApiStatus, bad_request, expired, not_found
from gitops_core.testing.kubernetes.store import Stored

Object = dict[str, Any]
_NOW: Final = -1  # the version in a token that goes on with what is there now
_EXPIRED: Final = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue "
    "parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token "
    "results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and "
    "now may show up in the list."
)
Test = Callable[[Stored], bool]


@attrs.frozen
class Page:
    """A list, or a part of one, and the metadata that goes with it."""

    items: list[Stored]
    metadata: Object


def get(call: Call) -> Stored:
    """Return the object of the call; ApiStatus 404 when there is none."""
    found = call.world.find(call.kind, call.route.namespace, call.route.name)
    if found is None:
        raise not_found(call.kind, call.route.name)
    return found


def selection(call: Call) -> Test:
    """
    Return the test that the selectors of the call ask for, with its namespace and name.

    Raises:
        ApiStatus: 400.
    """
    labels = label_selector(call.request.parameter("labelSelector"))
    fields = field_selector(call.kind, call.request.parameter("fieldSelector"))
    namespace, name = call.route.namespace, call.route.name

    def selects(stored: Stored) -> bool:
        if (namespace and stored.namespace != namespace) or (name and stored.name != name):
            return False
        return labels(stored.object["metadata"].get("labels") or {}) and fields(stored.object)

    return selects


def page(call: Call) -> Page:
    """
    Return the objects that the call asks for.

    Raises:
        ApiStatus: 400 for parameters that make no sense, 410 for a moment or a token that is too old, 504 for one in the future.
    """
    limit, token = number(call, "limit"), call.request.parameter("continue")
    selects = selection(call)
    with call.world.store.lock:
        version, found = _continued(call, token) if token else _present(call)
    chosen = [each for each in found if selects(each)]
    if not limit or len(chosen) <= limit:
        return Page(chosen, {"resourceVersion": str(version)})
    rest = {"remainingItemCount": len(chosen) - limit} if not _selects_by_parameter(call) else {}
    continued = _token(call, version, chosen[limit - 1])
    return Page(chosen[:limit], {"resourceVersion": str(version), "continue": continued, **rest})


def number(call: Call, name: str) -> int:
    """Return a parameter that is a whole number, 0 when it is not given; ApiStatus 400 when it is none."""
    text = call.request.parameter(name)
    try:
        return int(text or 0)
    except ValueError:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None


def version_of(call: Call) -> int:
    """Return the resource version that the call names, 0 for none; ApiStatus 400 when it is none."""
    text = call.request.parameter("resourceVersion")
    if text and not text.isdigit():
        why = f'Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        raise bad_request(f"invalid resource version: resourceVersion: {why}")
    return int(text or 0)


def too_new(asked: int, current: int) -> ApiStatus:
    """The named resource version lies in the future."""
    causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
    message = f"Timeout: Too large resource version: {asked}, current: {current}"
    return ApiStatus(504, "Timeout", message, {"causes": causes, "retryAfterSeconds": 1}, (("Retry-After", "1"),))


def _present(call: Call) -> tuple[int, list[Stored]]:
    store, asked, match = call.world.store, version_of(call), call.request.parameter("resourceVersionMatch")
    if match and not call.request.parameter("resourceVersion"):
        raise _match_problem("resourceVersionMatch is forbidden unless resourceVersion is provided")
    if match not in {"", "Exact", "NotOlderThan"}:
        raise _match_problem(f'Unsupported value: "{match}"')
    if asked > store.version:
        raise too_new(asked, store.version)
    if match == "Exact":
        return asked, _past(call, asked)
    return store.version, store.all(call.kind.key, call.route.namespace)


def _match_problem(why: str) -> ApiStatus:
    return ApiStatus(
        422,
        "Invalid",
        f'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: {why}',
        {"group": "meta.k8s.io", "kind": "ListOptions"},
    )


def _past(call: Call, version: int, after: tuple[str, str] | None = None) -> list[Stored]:
    found = call.world.store.at(call.kind.key, version)
    if found is not None:
        return found
    if after is None:
        raise expired("The resourceVersion for the provided list is too old.")
    raise _token_expired(after)


def _token_expired(after: tuple[str, str]) -> ApiStatus:
    """The answer says how to go on with what is there now, at the price of consistency."""
    return attrs.evolve(expired(_EXPIRED), metadata={"continue": _spelled(_NOW, after)})


def _selects_by_parameter(call: Call) -> bool:
    return bool(call.request.parameter("labelSelector") or call.request.parameter("fieldSelector"))


def _token(call: Call, version: int, last: Stored) -> str:
    call.world.tokens.setdefault(version, call.world.now())
    return _spelled(version, (last.namespace, last.name))


def _spelled(version: int, after: tuple[str, str]) -> str:
    content = {"v": "meta.k8s.io/v1", "rv": version, "start": "/".join(after) + "\0"}
    return base64.urlsafe_b64encode(encoded(content)).decode().rstrip("=")


def _continued(call: Call, token: str) -> tuple[int, list[Stored]]:
    version, after = _opened(token)
    store = call.world.store
    if version == _NOW:
        version, found = store.version, store.all(call.kind.key, call.route.namespace)
    else:
        made = call.world.tokens.get(version, call.world.now())
        if call.world.now() - made > call.world.settings.continue_life:
            raise _token_expired(after)
        found = _past(call, version, after)
    return version, [each for each in found if (each.namespace, each.name) > after]


def _opened(token: str) -> tuple[int, tuple[str, str]]:
    try:
        content = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        namespace, _, name = content["start"].rstrip("\0").rpartition("/")
        return int(content["rv"]), (namespace, name)
    except (binascii.Error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise bad_request(f"invalid continue token: continue key is not valid: {error}") from None

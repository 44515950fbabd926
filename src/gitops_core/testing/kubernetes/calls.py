"""One API call: who asks what of which object, with which options, and the body it came with."""

from __future__ import annotations

from typing import Any, Final

import attrs

from gitops_core.testing.kubernetes import protobuf
from gitops_core.testing.kubernetes.encoding import decoded
from gitops_core.testing.kubernetes.http import HttpRequest
from gitops_core.testing.kubernetes.kinds import Kind
from gitops_core.testing.kubernetes.routing import Route
from gitops_core.testing.kubernetes.statuses import ApiStatus, Cause, bad_request, forbidden_field, required
from gitops_core.testing.kubernetes.types import type_of
from gitops_core.testing.kubernetes.users import User
from gitops_core.testing.kubernetes.world import World

Object = dict[str, Any]
MOST_BYTES: Final = 3 * 1024 * 1024
_LONGEST_MANAGER: Final = 128
_MEDIA_TYPES: Final = frozenset({"application/json", "application/yaml", "", protobuf.MEDIA_TYPE})


@attrs.frozen
class Call:
    """
    One call, while it is answered.

    Attributes:
        world: The cluster.
        request: As it came.
        route: What it is about.
        user: Who asks.
        warnings: What to tell the client beside the answer; added to.
        problems: What is wrong with the object in the body, found while it was read; added to.
    """

    world: World = attrs.field(repr=False)
    request: HttpRequest
    route: Route
    user: User
    warnings: list[str] = attrs.field(factory=list)
    problems: list[Cause] = attrs.field(factory=list)

    @property
    def kind(self) -> Kind:
        """The kind of the object or collection."""
        return self.route.kind

    @property
    def media_type(self) -> str:
        """The media type of the body, without parameters."""
        return self.request.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def manager(self) -> str:
        """The field manager: the parameter, else the beginning of the user agent."""
        given = self.request.parameter("fieldManager")
        return given or self.request.headers.get("user-agent", "unknown").partition("/")[0] or "unknown"

    @property
    def dry_run(self) -> bool:
        """Whether nothing is to be stored."""
        return bool(self.request.parameter("dryRun"))

    @property
    def field_validation(self) -> str:
        """What to do about unknown and duplicate fields: ``Strict``, ``Warn`` or ``Ignore``."""
        return self.request.parameter("fieldValidation") or "Warn"

    def check_options(self) -> None:
        """Raise ApiStatus for parameters that a write cannot have."""
        causes = [*self._dry_run_problems(), *self._validation_problems()]
        if len(self.request.parameter("fieldManager")) > _LONGEST_MANAGER:
            causes.append(Cause("FieldValueTooLong", f"Too long: may not be more than {_LONGEST_MANAGER} bytes", "fieldManager"))
        if causes:
            options = {"create": "CreateOptions", "update": "UpdateOptions", "patch": "PatchOptions"}.get(
                self.route.verb, "DeleteOptions"
            )
            raise invalid_options(options, causes)

    def _dry_run_problems(self) -> list[Cause]:
        given = [value for name, value in self.request.query if name == "dryRun" and value]
        if all(value == "All" for value in given):
            return []
        listed = "[" + ",".join(f'"{value}"' for value in given) + "]"
        return [Cause("FieldValueNotSupported", f'Unsupported value: {listed}: supported values: "All"', "dryRun")]

    def _validation_problems(self) -> list[Cause]:
        if self.field_validation in {"Strict", "Warn", "Ignore"}:
            return []
        message = f'Unsupported value: "{self.field_validation}": supported values: "", "Ignore", "Strict", "Warn"'
        return [Cause("FieldValueNotSupported", message, "fieldValidation")]

    def check_patch_options(self, applies: bool) -> None:
        """Raise ApiStatus when a parameter does not go with this kind of patch."""
        if applies and not self.request.parameter("fieldManager"):
            raise invalid_options("PatchOptions", [required("fieldManager", "is required for apply patch")])
        if not applies and self.request.flag("force"):
            raise invalid_options("PatchOptions", [forbidden_field("force", "may not be specified for non-apply patch")])

    def json(self) -> tuple[Any, list[str]]:
        """
        Return the body as a JSON value, and the paths of its duplicates.

        Raises:
            ApiStatus: 413, 415 or 400.
        """
        if self.media_type not in _MEDIA_TYPES:
            accepted = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
            message = f"the body of the request was in an unknown format - accepted media types include: {accepted}"
            raise ApiStatus(415, "UnsupportedMediaType", message)
        try:
            if self.media_type == protobuf.MEDIA_TYPE:
                return self._message(), []
            return decoded(self.request.body)
        except ValueError as error:
            message = f"the object provided is unrecognized (must be of type {self.kind.kind}): couldn't get version/kind; json parse error: {error}"
            raise bad_request(message) from None

    def _message(self) -> Object:
        version, kind, content = protobuf.enveloped(self.request.body)
        name = (
            "meta.v1.DeleteOptions"
            if kind == "DeleteOptions"
            else "autoscaling.v1.Scale"
            if kind == "Scale"
            else type_of(self.kind)
        )
        if name is None:
            raise ValueError(f"no protocol buffers for {kind}")
        return {"apiVersion": version, "kind": kind, **protobuf.message(name, content)}

    def patch_body(self) -> Any:
        """Return the body of a patch, or raise ApiStatus: 400."""
        try:
            return decoded(self.request.body)[0]
        except ValueError as error:
            raise bad_request(f"error decoding patch: {error}") from None


def invalid_options(options: str, causes: list[Cause]) -> ApiStatus:
    """The parameters of the request are not valid."""
    text = [f"{cause.field}: {cause.message}" for cause in causes]
    message = f'{options}.meta.k8s.io "" is invalid: {text[0] if len(text) == 1 else "[" + ", ".join(text) + "]"}'
    details = {"group": "meta.k8s.io", "kind": options, "causes": [cause.document() for cause in causes]}
    return ApiStatus(422, "Invalid", message, details)

"""Label selectors, set-based ones too, and field selectors. Pure. Source: Kubernetes documentation, Labels and Selectors; Field Selectors."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from gitops_core.testing.kubernetes.kinds import Kind
from gitops_core.testing.kubernetes.statuses import bad_request

Object = dict[str, Any]
_TOKEN: Final = re.compile(r"\s*(==|=|!=|!|\(|\)|,|>|<|[^\s=!(),<>]+)")
_KEY: Final = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_FIELDS: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("", "pods"): (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ),
    ("", "events"): (
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    ("", "secrets"): ("type",),
    ("", "namespaces"): ("status.phase",),
    ("", "nodes"): ("spec.unschedulable",),
    ("", "services"): ("spec.clusterIP", "spec.type"),
    ("", "replicationcontrollers"): ("status.replicas",),
    ("apps", "replicasets"): ("status.replicas",),
    ("batch", "jobs"): ("status.successful",),
    ("certificates.k8s.io", "certificatesigningrequests"): ("spec.signerName",),
}


@attrs.frozen
class Requirement:
    """One condition on a label: ``in`` or ``notin`` values, or ``exists`` or not (``!``)."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Tell whether *labels* meet it."""
        value = labels.get(self.key)
        if self.operator == "exists":
            return value is not None
        if self.operator == "!":
            return value is None
        if self.operator in "<>":
            return value is not None and _is_greater(value, self.values[0], self.operator)
        return (value in self.values) == (self.operator == "in")


def label_selector(text: str) -> Callable[[Mapping[str, str]], bool]:
    """
    Return the test that *text* asks for, ``app=web,tier in (a, b),!canary``.

    Raises:
        ApiStatus: 400, it is no selector.
    """
    if not text.strip():
        return lambda _labels: True
    requirements = tuple(_requirements(text))
    return lambda labels: all(requirement.holds(labels) for requirement in requirements)


def matches_labels(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Tell whether *labels* meet the ``LabelSelector`` of an object; the empty one selects everything."""
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    operators = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}
    return all(
        Requirement(each["key"], operators[each["operator"]], tuple(each.get("values") or ())).holds(labels)
        for each in selector.get("matchExpressions") or ()
    )


def field_selector(kind: Kind, text: str) -> Callable[[Object], bool]:
    """
    Return the test that *text* asks for, ``metadata.name=web,status.phase!=Running``.

    Raises:
        ApiStatus: 400, it is no selector, or the kind has no such selectable field.
    """
    terms = [_term(part) for part in text.split(",") if part.strip()]
    known = _selectable(kind)
    for field, _is, _value in terms:
        if field not in known:
            listed = ", ".join(f'"{name}"' for name in sorted(known))
            raise bad_request(f'"{field}" is not a known field selector: only {listed}')
    return lambda value: all((_at(value, field) == wanted) == equal for field, equal, wanted in terms)


def _selectable(kind: Kind) -> tuple[str, ...]:
    more = (
        _FIELDS.get(kind.key, ())
        if kind.custom is None
        else tuple(each["jsonPath"].lstrip(".") for each in kind.custom.get("selectableFields") or ())
    )
    return ("metadata.name", "metadata.namespace", *more)


def _term(part: str) -> tuple[str, bool, str]:
    for operator, equal in (("!=", False), ("==", True), ("=", True)):
        if operator in part:
            field, _, value = part.partition(operator)
            return field.strip(), equal, value.strip()
    raise bad_request(f"invalid selector: '{part}'; can't understand '{part}'")


def _at(value: Any, path: str) -> str:
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _is_greater(value: str, bound: str, operator: str) -> bool:
    try:
        return int(value) > int(bound) if operator == ">" else int(value) < int(bound)
    except ValueError:
        return False


def _requirements(text: str) -> list[Requirement]:
    tokens = _TOKEN.findall(text)
    found: list[Requirement] = []
    while tokens:
        found.append(_requirement(tokens))
        if tokens:
            _take(tokens, ",", "',' or 'end of string'")
            if not tokens:
                raise bad_request("unable to parse requirement: found '', expected: identifier after ','")
    return found


def _requirement(tokens: list[str]) -> Requirement:
    if tokens[0] == "!":
        tokens.pop(0)
        return Requirement(_key(tokens), "!")
    key = _key(tokens)
    operator = tokens[0] if tokens else ","
    if operator == ",":
        return Requirement(key, "exists")
    tokens.pop(0)
    if operator in {"in", "notin"}:
        return Requirement(key, operator, _values(tokens))
    value = "" if not tokens or tokens[0] == "," else _identifier(tokens)
    if operator in {"=", "==", "!="}:
        return Requirement(key, "notin" if operator == "!=" else "in", (value,))
    if operator in {">", "<"}:
        return Requirement(key, operator, (value,))
    raise bad_request(f"unable to parse requirement: found '{operator}', expected: in, notin, =, ==, !=, gt, lt")


def _values(tokens: list[str]) -> tuple[str, ...]:
    _take(tokens, "(", "'('")
    values = [""] if tokens[:1] == [")"] else [_identifier(tokens)]
    while tokens[:1] == [","]:
        tokens.pop(0)
        values.append(_identifier(tokens))
    _take(tokens, ")", "',', or ')'")
    return tuple(values)


def _key(tokens: list[str]) -> str:
    key = _identifier(tokens)
    if not _KEY.fullmatch(key):
        why = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
        raise bad_request(f'unable to parse requirement: <nil>: Invalid value: "{key}": {why}')
    return key


def _identifier(tokens: list[str]) -> str:
    token = tokens.pop(0) if tokens else ""
    if not token or token in {"=", "==", "!=", "!", "(", ")", ",", ">", "<"}:
        raise bad_request(f"unable to parse requirement: found '{token}', expected: identifier")
    return token


def _take(tokens: list[str], wanted: str, told: str) -> None:
    token = tokens.pop(0) if tokens else ""
    if token != wanted:
        raise bad_request(f"unable to parse requirement: found '{token}', expected: {told}")

"""The small world that the machine plays in: what the objects look like, and how they are written in a test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gitops_core.model.resources import ResourceKey
from gitops_core.testing.worlds import config

CANARY: Final = "c4nary-pa55w0rd"
"""Part of every secret value; it must never be said."""
BAD: Final = "bad"
"""A ``zone`` that the API refuses to create."""
OWNER: Final = "example.org"
STRANGER: Final = "stranger.org/theirs/app"
"""The application that takes objects over from us."""

Spec = Mapping[str, Any]
"""What is declared of one object: ``color``, ``zone``, ``note``, ``needs``, ``protect``; all of them optional but ``color``."""


def key_for(name: str) -> ResourceKey:
    """Return the key of *name*: ``ns-...`` is a Namespace, ``pw-...`` a Secret, everything else a ConfigMap."""
    kind = {"ns": "Namespace", "pw": "Secret"}.get(name.partition("-")[0], "ConfigMap")
    return ResourceKey("", kind, "", name)


def body_for(name: str, spec: Spec) -> dict[str, Any]:
    """Return the manifest of *name* as *spec* declares it."""
    notes = {}
    if spec.get("needs"):
        notes[f"{OWNER}/depends-on"] = str(key_for(spec["needs"]))
    if spec.get("protect"):
        notes[f"{OWNER}/protect"] = "true"
    body = config(name, kind=key_for(name).kind, notes=notes or None, **data_for(spec))
    if body["kind"] == "Secret":
        body["stringData"] = {"password": f"{CANARY}-{body.pop('data').get('color', 'red')}"}
        body["apiVersion"] = "v1"
    return body


def data_for(spec: Spec) -> dict[str, str]:
    """Return the fields that *spec* declares."""
    return {field: str(spec[field]) for field in ("color", "zone", "note") if spec.get(field)}


def fields_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a live object, whatever its kind."""
    return {**dict(body.get("data") or {}), **dict(body.get("stringData") or {})}


def declared_fields(name: str, spec: Spec) -> dict[str, Any]:
    """Return the fields that a live object of *spec* must have."""
    return fields_of(body_for(name, spec))

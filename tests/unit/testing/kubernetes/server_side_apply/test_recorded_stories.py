"""
Stories recorded from a real kube-apiserver, told again to the functions: the same owners, the same conflicts, the same objects.

``tests/golden/server_side_apply/record_stories.py`` records them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gitops_core.testing.kubernetes.server_side_apply import (
    ApplyConflicts,
    InvalidApply,
    Schema,
    Writer,
    apply_patch,
    schema_of,
    settle,
    track_update,
)

ANSWERS = Path(__file__).parents[4] / "golden" / "server_side_apply" / "answers"
Json = Any


def stories() -> Iterator[Any]:
    for path in sorted(ANSWERS.glob("*.json")):
        for story in json.loads(path.read_text(encoding="utf-8")):
            yield pytest.param(story, id=f"{path.stem}: {story['story']}")


@pytest.mark.parametrize("story", list(stories()))
def test_a_recorded_story_ends_as_on_a_real_server(story: Mapping[str, Any]) -> None:
    """Managed fields byte by byte; custom resources and removals as a whole, built-in kinds but for their defaults."""
    stored: Json = None
    for index, step in enumerate(story["steps"]):
        request, answer, stored = step["request"], step["answer"], step.get("before", stored)
        schema = schema_for(story, request)
        writer = Writer(
            request["as"],
            request.get("version", story["apiVersion"]),
            f"2026-01-01T00:00:{index:02}Z",
            request.get("subresource", ""),
        )
        where = f"step {index}: {request['verb']} as {request['as']}"
        if request["verb"] == "apply":
            check_apply(where, (stored, step, story), writer, schema)
        elif step["status"] < 300:
            check_update(where, (stored, step, story), writer, schema)
        if step["status"] < 300 and not request.get("dry"):
            stored = answer


def schema_for(story: Mapping[str, Any], request: Mapping[str, Any]) -> Schema:
    version = request.get("version", story["apiVersion"])
    group, _, short = version.rpartition("/")
    return schema_of(group, story["kind"], story["schema"], version=short)


def check_apply(where: str, told: tuple[Json, Json, Json], writer: Writer, schema: Schema) -> None:
    stored, step, story = told
    answer = step["answer"]
    sent = taken(step["request"], schema)
    force = step["request"].get("force", False)
    if step["status"] == 409 and answer["reason"] == "Conflict":
        with pytest.raises(ApplyConflicts) as refused:
            apply_patch(stored, sent, writer=writer, schema=schema, force=force)
        assert answer["message"] == str(refused.value), where
        causes = sorted((cause["field"], cause["message"]) for cause in answer["details"]["causes"])
        assert causes == sorted((one.field, one.message) for one in refused.value.conflicts), where
    elif step["status"] == 500 or answer.get("reason") == "BadRequest":
        with pytest.raises(InvalidApply) as invalid:
            apply_patch(stored, sent, writer=writer, schema=schema, force=force)
        real = answer["message"].split("): ", 1)[1]
        assert sorted(real.splitlines()) == sorted(str(invalid.value).splitlines()), where
    elif answer.get("reason") in {"Invalid", "Forbidden"}:  # refused by what comes after, so not here
        assert apply_patch(stored, sent, writer=writer, schema=schema, force=force)
    else:
        assert step["status"] < 300, f"{where}: {answer}"
        result = apply_patch(stored, sent, writer=writer, schema=schema, force=force)
        for path in story["allocated"]:
            forget(result, stored or {}, path)
        whole = defaulted(result, story["schema"]) if schema.custom else with_defaults(result, answer)
        for path in story["allocated"]:
            forget(whole, answer, path)
        facts = {name: value for name, value in answer["metadata"].items() if name in SERVER_FACTS}
        settled = settle(stored, {**whole, "metadata": {**facts, **whole["metadata"]}})
        assert managed(answer) == managed(settled), where
        assert without_server_facts(answer) == without_server_facts(settled), where
        if not schema.custom and stored is not None:
            nothing_comes_back(stored, result, answer, where)


def defaulted(value: Json, structural: Json) -> Json:
    """*value* with the defaults of a structural schema."""
    if isinstance(value, dict):
        known = structural.get("properties", {})
        defaults = {name: child["default"] for name, child in known.items() if "default" in child and name not in value}
        more = structural.get("additionalProperties", {})
        return {name: defaulted(child, known.get(name, more)) for name, child in value.items()} | defaults
    return [defaulted(item, structural.get("items", {})) for item in value] if isinstance(value, list) else value


def taken(request: Mapping[str, Any], schema: Schema) -> Json:
    """What the server takes of the body: status at the subresource only, and there nothing else."""
    body = dict(request["body"])
    if request.get("subresource") == "status":
        return {name: body[name] for name in ("apiVersion", "kind", "metadata", "status") if name in body}
    body.pop("status", None)
    return body


def check_update(where: str, told: tuple[Json, Json, Json], writer: Writer, schema: Schema) -> None:
    stored, step, story = told
    answer = step["answer"]
    after = {**answer, "metadata": {name: value for name, value in answer["metadata"].items() if name != "managedFields"}}
    for path in story["allocated"]:
        forget(after, stored or {}, path)
    sent = sent_managed(stored, step["request"])
    if sent is not None:
        after["metadata"]["managedFields"] = sent
    result = track_update(stored, after, writer=writer, schema=schema)
    if writer.subresource == "scale":  # the server writes the sets of others in another order then
        assert answer["metadata"]["managedFields"] == result["metadata"]["managedFields"], where
    else:
        assert managed(answer) == managed(result), where


def sent_managed(stored: Json, request: Mapping[str, Any]) -> Json:
    """The managed fields that a patch or a body leaves in the object that the server compares."""
    body = request["body"]
    if request["verb"] == "json":
        import jsonpatch

        return jsonpatch.apply_patch(stored, body)["metadata"].get("managedFields")
    sent = body.get("metadata", {}).get("managedFields")
    if sent is None and request["verb"] in {"merge", "strategic"}:
        return stored["metadata"].get("managedFields")
    return sent


def forget(after: Json, before: Json, path: str) -> None:
    """Take back what the server allocates after it has looked at who owns what."""
    *parents, last = path.split(".")
    for name in parents:
        if name not in after:
            return
        after[name] = dict(after[name] or {})
        after, before = after[name], before.get(name) or {}
    after.pop(last, None)
    if last in before:
        after[last] = before[last]


def managed(answer: Json) -> str:
    return json.dumps(answer["metadata"].get("managedFields", []), indent=1)


SERVER_FACTS = {"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "namespace"}


def without_server_facts(answer: Json) -> Json:
    metadata = {name: value for name, value in answer["metadata"].items() if name not in SERVER_FACTS}
    return {**answer, "metadata": metadata}


def with_defaults(mine: Json, real: Json) -> Json:
    """*mine* with what only the server knows: fields that are missing in it; an item missing in a list stays missing."""
    if isinstance(mine, dict) and isinstance(real, dict):
        written = {name: with_defaults(value, real.get(name)) for name, value in mine.items() if kept(value, real.get(name))}
        return {**real, **written}
    if isinstance(mine, list) and isinstance(real, list) and len(mine) == len(real):
        return [with_defaults(one, other) for one, other in zip(mine, real, strict=True)]
    return real if isinstance(real, str) and quantity(mine) == quantity(real) is not None else mine


def quantity(value: Json) -> float | None:
    """A quantity is stored as text in the shortest spelling."""
    found = re.fullmatch(r"(\d+)(m|Mi|Gi|)", str(value))
    return int(found[1]) * {"m": 0.001, "": 1, "Mi": 2.0**20, "Gi": 2.0**30}[found[2]] if found else None


def kept(mine: Json, real: Json) -> bool:
    """The server writes no null and no empty value where its types have none."""
    return bool(mine) or mine is False or real is not None


DEFAULTS = {"replicas": 1, "apiVersion": "v1", "targetPort": 80, "resources": {}}


def nothing_comes_back(stored: Json, mine: Json, real: Json, where: str) -> None:
    """What the functions take away is gone on the server, or there again with a default."""
    if isinstance(stored, list) and isinstance(mine, list) and isinstance(real, list):
        named = [
            {item["name"]: item for item in some if isinstance(item, dict) and "name" in item} for some in (stored, mine, real)
        ]
        for name in named[0].keys() & named[1].keys():
            nothing_comes_back(*(some[name] for some in named), where)
    elif isinstance(stored, dict) and isinstance(mine, dict) and isinstance(real, dict):
        for name in stored.keys() - {"status"}:
            assert name in mine or real.get(name) == DEFAULTS.get(name), f"{where}: {name}"
            nothing_comes_back(stored[name], mine.get(name), real.get(name), where)

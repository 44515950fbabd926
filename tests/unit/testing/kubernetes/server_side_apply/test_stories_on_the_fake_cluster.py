"""The recorded stories of server-side apply, told to a FakeCluster without a socket: the same owners as on a real server."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitops_core.testing.clock import VirtualClock
from gitops_core.testing.kubernetes import ClusterSettings, FakeCluster

FOLDER = Path(__file__).parents[4] / "golden" / "server_side_apply"
NOT_YET = {
    "roles and bindings": "the real server keeps the empty list of rules as null",
    "a claim": "the real server has a plug-in that refuses to resize it",
    "a definition of a custom resource": "the real server keeps an owner of what its own controllers write",
    "nulls in a custom resource": "a null is another type in the validation of the real server",
    "maps that lose their last entry": "a null is another type in the validation of the real server",
    "a list with keys": "a null is another type in the validation of the real server",
    "an object without a known schema": "a null is another type in the validation of the real server",
    "items that are there twice or have no key": "a null is another type in the validation of the real server",
    "labels, annotations, finalizers and owners have owners": "the real server collects no garbage without its controllers",
}


def recorder() -> Any:
    spec = importlib.util.spec_from_file_location("record_stories", FOLDER / "record_stories.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


STORIES = [
    pytest.param(story, recorded, id=f"{path.stem}: {story['story']}")
    for path in sorted((FOLDER / "stories").glob("*.yaml"))
    for story, recorded in zip(
        yaml.safe_load(path.read_text(encoding="utf-8")),
        json.loads((FOLDER / "answers" / f"{path.stem}.json").read_text(encoding="utf-8")),
        strict=True,
    )
    if story["story"] not in NOT_YET
]


@pytest.mark.parametrize(("story", "recorded"), STORIES)
def test_a_recorded_story_has_the_same_owners_on_the_fake_cluster(story: Any, recorded: Any) -> None:
    """Statuses, conflicts and managed fields of every step."""
    program = recorder()
    clock = VirtualClock()
    cluster = FakeCluster(ClusterSettings(clock=clock))

    class Server(program.Server):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            self.plurals: dict[str, Any] = {}

        def ask(self, method: str, path: str, body: Any = None, *, content: str = "application/json", **fields: str) -> Any:
            query = "?" + "&".join(f"{name}={value}" for name, value in fields.items()) if fields else ""
            return cluster.request(method, path + query, body, headers={"content-type": content, "user-agent": "stories"})

    telling = program.Telling(Server(), 1, story)
    clock.advance(10)
    assert telling.ready()
    for index in range(len(story["steps"])):
        clock.advance(2)
        telling.step(index)
    for told, real in zip(telling.steps, recorded["steps"], strict=True):
        assert (told["request"], outcome(told)) == (told["request"], outcome(real))


def outcome(step: Any) -> Any:
    answer = step["answer"]
    if step["status"] >= 300:
        conflicts = answer["message"] if answer.get("reason") == "Conflict" else ""
        return step["status"], answer.get("reason"), conflicts
    return step["status"], answer["metadata"].get("managedFields", [])

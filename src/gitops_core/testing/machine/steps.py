"""How the steps of a story are written down, as lines of a plain test."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any, Protocol, TypeVar, cast

from gitops_core.testing.machine.objects import Spec

M = TypeVar("M", bound=Callable[..., None])


class Story(Protocol):
    """What keeps the lines: how deep it is inside of a step, and the steps so far."""

    inside: int
    lines: list[str]


def _literal(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else repr(value).replace("'", '"')


def step(method: M) -> M:
    """Mark a method of :class:`Scenario` as a step: it is written down as the line of a test that repeats it."""

    @functools.wraps(method)
    def written_down(self: Story, *args: Any, **kwargs: Any) -> None:
        if not self.inside:
            words = [*map(_literal, args), *(f"{name}={_literal(value)}" for name, value in kwargs.items())]
            self.lines.append(f"s.{method.__name__}({', '.join(words)})")
        self.inside += 1
        try:
            method(self, *args, **kwargs)
        finally:
            self.inside -= 1

    return cast("M", written_down)


def app_id(app: str) -> str:
    """Return the id of the application that a scenario calls *app*."""
    return f"example.org/tests/{app}"


def file_of(name: str) -> str:
    """Return the file that declares *name*."""
    return f"{name}.json"


def json_of(body: Spec) -> str:
    """Return *body* as the content of a file."""
    return json.dumps(body)

"""
Print random stories about a custom resource with lists and maps of every type: ``random_stories.py SEED COUNT > stories/random.yaml``.

Values come from few, so that managers meet. Every third story has nulls.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from typing import Any

import yaml

TEXT = {"type": "string", "nullable": True}
NUMBER = {"type": "integer", "nullable": True}
TEXTS = {"type": "object", "nullable": True, "additionalProperties": TEXT}
SET = {"type": "array", "nullable": True, "x-kubernetes-list-type": "set", "items": {"type": "string"}}
INNER = {"type": "object", "nullable": True, "properties": {"a": TEXT, "b": NUMBER, "m": TEXTS}}


def keyed(keys: list[str], **properties: Any) -> dict[str, Any]:
    """Return the schema of a list with keys."""
    facts = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": keys}
    return {
        "type": "array",
        "nullable": True,
        **facts,
        "items": {"type": "object", "required": keys[:1], "properties": properties},
    }


SPEC = {
    "a": TEXT,
    "n": NUMBER,
    "m": TEXTS,
    "mm": {"type": "object", "nullable": True, "additionalProperties": INNER},
    "inner": INNER,
    "keyed": keyed(["name"], name={"type": "string"}, size=NUMBER, more=INNER, set=SET),
    "two": keyed(["port", "protocol"], port={"type": "integer"}, protocol={"type": "string", "default": "TCP"}, name=TEXT),
    "set": SET,
    "list": {"type": "array", "nullable": True, "items": {"type": "string"}},
    "atom": {"type": "object", "nullable": True, "x-kubernetes-map-type": "atomic", "properties": {"a": TEXT, "b": TEXT}},
    "free": {"type": "object", "nullable": True, "x-kubernetes-preserve-unknown-fields": True},
}
SCHEMA = {"type": "object", "properties": {"spec": {"type": "object", "nullable": True, "properties": SPEC}}}


class Author:
    """Invents one story."""

    def __init__(self, seed: int, *, nulls: bool) -> None:
        self.random = random.Random(seed)
        self.nulls = nulls

    def happens(self, chance: float) -> bool:
        return self.random.random() < chance

    def some(self, names: Any, most: int, fewest: int = 0) -> list[Any]:
        return self.random.sample(list(names), self.random.randint(fewest, most))

    def or_null(self, make: Callable[[], Any]) -> Any:
        return None if self.nulls and self.happens(0.06) else make()

    def leaf(self) -> str:
        return self.random.choice(["1", "2"])

    def number(self) -> int:
        return self.random.randint(1, 2)

    def texts(self) -> dict[str, Any]:
        return {name: self.leaf() for name in self.some("xyz", 2)}

    def set(self) -> list[str]:
        return self.some("abcd", 3)

    def inner(self) -> dict[str, Any]:
        makers = {"a": self.leaf, "b": self.number, "m": self.texts}
        return {name: self.or_null(make) for name, make in makers.items() if self.happens(0.5)}

    def items(self) -> list[Any]:
        makers = {"size": self.number, "more": self.inner, "set": self.set}
        return [
            {"name": name, **{field: self.or_null(make) for field, make in makers.items() if self.happens(0.35)}}
            for name in self.some("abcd", 4)
        ]

    def ports(self) -> list[Any]:
        known = [{"port": 80}, {"port": 9}, {"port": 80, "protocol": "UDP"}, {"port": 100, "protocol": "TCP"}]
        return [{**port, **({"name": self.leaf()} if self.happens(0.4) else {})} for port in self.some(known, 3)]

    def anything(self, depth: int = 0) -> Any:
        if depth > 2 or self.happens(0.4):
            return self.leaf()
        if self.happens(0.7):
            return {name: self.anything(depth + 1) for name in self.some("pqr", 2)}
        return [self.anything(depth + 1) for _ in range(self.random.randint(0, 2))]

    def spec(self) -> dict[str, Any]:
        makers: dict[str, Callable[[], Any]] = {
            "a": self.leaf,
            "n": self.number,
            "m": self.texts,
            "mm": lambda: {name: self.inner() for name in self.some("uvw", 2)},
            "inner": self.inner,
            "keyed": self.items,
            "two": self.ports,
            "set": self.set,
            "list": lambda: [self.leaf() for _ in range(self.number() - 1)],
            "atom": lambda: {name: self.leaf() for name in self.some("ab", 2)},
            "free": lambda: {name: self.anything() for name in self.some("pqr", 2)},
        }
        return {name: self.or_null(makers[name]) for name in self.some(makers, 6, 1)}

    def step(self, *, first: bool) -> dict[str, Any]:
        if first and self.happens(0.4):
            return {"as": "poster", "create": {"spec": self.spec()}}
        if self.happens(0.72):
            applied = {"spec": self.spec()} if self.happens(0.95) else {}
            step = {"as": self.random.choice(["alice", "bob", "carol"]), "apply": applied}
            return {**step, "force": True} if self.happens(0.6) else step
        if self.happens(0.65):
            return {"as": self.random.choice(["editor", "alice"]), "merge": {"spec": self.spec()}}
        return {"as": "putter", "replace": {"spec": self.spec()}}


class Plain(yaml.SafeDumper):
    """Writes the schema once and everything else in full."""

    def ignore_aliases(self, data: Any) -> bool:
        return data is not SCHEMA


def main(seed: int, count: int) -> None:
    """Print *count* stories."""
    stories = []
    for number in range(count):
        author = Author(seed * 10_000 + number, nulls=number % 3 == 0)
        steps = [author.step(first=index == 0) for index in range(7)]
        stories.append({"story": f"at random, number {number}", "schema": SCHEMA, "steps": steps})
    print(yaml.dump(stories, Dumper=Plain, sort_keys=False, width=10**6, default_flow_style=None), end="")  # noqa: T201 - a program: it prints


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))

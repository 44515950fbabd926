"""The test class with which the tutorial ends passes."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

from sybil.document import Document
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.markdown import CodeBlockParser

from gitops_core.errors import Transient

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial" / "write-a-target.md"


def names() -> dict[str, Any]:
    """Return what the tutorial defines; whether it prints what it shows is the business of another test."""
    page = Document.parse(str(TUTORIAL), CodeBlockParser("python", PythonEvaluator()))
    page.namespace["__name__"] = "page"
    with contextlib.redirect_stdout(io.StringIO()):
        for example in page:
            example.evaluate()
    return page.namespace


class TestTutorialTarget(names()["TestMyTarget"]):
    """With the methods that the tutorial leaves out, so that everything is checked."""

    def external_edit(self, target, key, body):
        target.api.replace(self.number(target, key), dict(body))

    def external_remove(self, target, key):
        target.api.delete(self.number(target, key))

    def lose_next_reply(self, target):
        create = target.api.create

        def lost(fields):
            target.api.create = create
            create(fields)
            raise Transient("no reply")

        target.api.create = lost

    def number(self, target, key):
        return next(number for number, item in target.api.lists.items() if item["name"] == key.name)


def test_the_tutorial_names_what_the_suite_skips() -> None:
    """A reader who runs it sees what the page says."""
    text = TUTORIAL.read_text(encoding="utf-8")
    optional = ("external_edit", "external_remove", "lose_next_reply")
    written = vars(TestTutorialTarget.__bases__[0])
    assert [name for name in optional if name in written or f"`{name}`" not in text] == []

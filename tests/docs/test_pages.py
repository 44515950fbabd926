"""
Every Python block of the documentation runs, and prints what the page says it prints.

The blocks of a page run in order, in one namespace and in an empty directory. A ``text`` block directly below a Python block is
what that block prints. After a wanted change run ``DOCS_UPDATE=1 pytest tests/docs`` and review the difference of ``docs``.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_socket
from sybil import Example
from sybil.document import Document
from sybil.evaluators.python import PythonEvaluator
from sybil.example import SybilFailure
from sybil.parsers.markdown import CodeBlockParser

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
UPDATE = bool(os.environ.get("DOCS_UPDATE"))


class Page:
    """One page, and what its last block printed."""

    def __init__(self, path: Path, *, update: bool = False) -> None:
        parsers = CodeBlockParser("python", self._run), CodeBlockParser("text", self._compare)
        self._document = Document.parse(str(path), *parsers)
        self._document.namespace["__name__"] = "page"
        self._printed, self._end = "", -1
        self._update = update
        self._corrections: list[tuple[slice, str]] = []

    def run(self) -> dict[str, Any]:
        """Run everything; return the names that the page has defined."""
        for example in self._document:
            example.evaluate()
        if self._corrections:
            self._correct()
        return self._document.namespace

    def _run(self, example: Example) -> None:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            PythonEvaluator()(example)
        self._printed, self._end = printed.getvalue().rstrip("\n"), example.region.end

    def _compare(self, example: Example) -> str | None:
        text = self._document.text
        if self._end < 0 or text[self._end : example.region.start].strip():
            return None  # a text of its own
        shown = str(example.parsed).rstrip("\n")
        if shown != self._printed and self._update:
            begin = text.index("\n", example.region.start) + 1
            self._corrections.append((slice(begin, begin + len(str(example.parsed))), self._printed + "\n"))
        elif shown != self._printed:
            return f"the block above prints:\n\n{self._printed}\n\nand the page shows:\n\n{shown}\n"
        return None

    def _correct(self) -> None:
        text = self._document.text
        for place, printed in reversed(self._corrections):
            text = text[: place.start] + printed + text[place.stop :]
        Path(self._document.path).write_text(text, encoding="utf-8")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_block_of_a_page_runs_and_prints_what_it_says(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KUBECONFIG", "")
    monkeypatch.delenv("KUBECONFIG")  # what a page sets is taken back
    with loopback() if "FakeCluster" in path.read_text(encoding="utf-8") else contextlib.nullcontext():
        Page(path, update=UPDATE).run()


@contextlib.contextmanager
def loopback() -> Iterator[None]:
    """Let a page that starts a fake cluster talk to it, and to nobody else."""
    pytest_socket.enable_socket()
    pytest_socket.socket_allow_hosts(["127.0.0.1"], allow_unix_socket=True)
    try:
        yield
    finally:
        pytest_socket._remove_restrictions()
        pytest_socket.disable_socket(allow_unix_socket=True)


def test_a_wrong_text_below_a_block_is_found_out(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```python\nprint(1)\n```\n\n```text\n2\n```\n")
    with pytest.raises(SybilFailure, match="the page shows:\n\n2"):
        Page(page).run()


def test_a_text_that_does_not_stand_directly_below_a_block_is_only_a_text(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```python\nx = 1\n```\n\nSo:\n\n```text\n2\n```\n")
    assert Page(page).run()["x"] == 1

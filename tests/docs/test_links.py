"""Links between pages lead somewhere, and every page can be reached from the map."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


def tokens(path: Path) -> list[Token]:
    blocks = MarkdownIt("commonmark").enable("table").parse(path.read_text(encoding="utf-8"))
    return [token for block in blocks for token in (block, *(block.children or ()))]


def links(path: Path) -> list[str]:
    found = [str(token.attrs["href"]) for token in tokens(path) if token.type == "link_open"]
    return [link for link in found if not link.startswith(("https://", "http://", "mailto:"))]


def anchors(path: Path) -> set[str]:
    """Return the anchors that forges make of the headings of *path*."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def place(path: Path, link: str) -> Path:
    name = link.partition("#")[0]
    return (path.parent / name).resolve() if name else path


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_to_a_file_and_a_heading(path: Path) -> None:
    broken = [link for link in links(path) if not place(path, link).exists()]
    assert broken == []
    lost = [link for link in links(path) if "#" in link and link.partition("#")[2] not in anchors(place(path, link))]
    assert lost == []


def test_every_page_can_be_reached_from_the_map() -> None:
    index = DOCS / "index.md"
    listed = {place(index, link) for link in links(index)}
    assert [page for page in PAGES[1:] if page.resolve() not in {*listed, index.resolve()}] == []

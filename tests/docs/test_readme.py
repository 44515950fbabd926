"""What the first page promises to somebody who has a minute."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(heading: str) -> list[str]:
    """Return the lines of the first shell block below *heading*."""
    found = re.search(rf"^## {heading}\n.*?^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert found is not None, f"README.md: no shell block below {heading}"
    return found[1].splitlines()


def test_the_readme_ends_its_first_program_by_line_30() -> None:
    assert "```" in README.split("```python", 1)[1]
    assert README.split("```python", 1)[0].count("\n") + README.split("```python", 1)[1].split("```")[0].count("\n") < 30


@pytest.mark.parametrize("heading", ["Try it", "Test it"])
def test_one_command_is_enough(heading: str) -> None:
    assert len(block(heading)) == 1


def test_the_commands_name_files_that_are_there() -> None:
    named = re.findall(r"(?:docs|\.ci)/[\w/.]+\.py", " ".join(block("Try it") + block("Test it")))
    assert len(named) == 2
    assert [name for name in named if not (ROOT / name).is_file()] == []


@pytest.mark.needs_git
@pytest.mark.skipif(shutil.which("git") is None, reason="needs the git command: its http-backend serves the repository")
def test_the_program_of_try_it_runs_and_tells_its_story() -> None:
    program = ROOT / "docs" / "examples" / "try_it.py"
    done = subprocess.run([sys.executable, "-W", "error", program], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line[3:5] for line in done.stdout.splitlines() if line.startswith("== ")] == [
        "1.",
        "2.",
        "3.",
        "4.",
        "5.",
        "6.",
        "7.",
    ]
    assert done.stdout.rstrip().endswith("pack downloads.")

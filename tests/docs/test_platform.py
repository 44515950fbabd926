"""The platform of the tutorial runs, shows itself around, and ends on a signal."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "docs" / "examples" / "platform"
PAGE = ROOT / "docs" / "tutorial" / "platform.md"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.needs_git,
    pytest.mark.skipif(shutil.which("git") is None, reason="needs the git command: its http-backend serves the repositories"),
]


def test_the_tour_of_the_platform_is_what_the_tutorial_shows(tmp_path: Path) -> None:
    shown = PAGE.read_text(encoding="utf-8").split("```text\n")[1].split("```")[0].splitlines()
    command = [sys.executable, "-W", "error", str(PROGRAM), str(tmp_path), "--demo"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line for line in done.stdout.splitlines() if line.startswith(("ok", "What"))] == shown


def test_a_signal_ends_the_platform_and_it_goes_on_where_it_was(tmp_path: Path) -> None:
    page = tmp_path / "srv" / "shop" / "index.html"
    for _ in range(2):
        page.unlink(missing_ok=True)
        command = [sys.executable, "-W", "error", str(PROGRAM), str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
            for _ in range(600):
                if page.exists():
                    break
                time.sleep(0.05)
            program.terminate()
            printed, complained = program.communicate(timeout=30)
        assert (program.returncode, complained) == (0, "")
        assert printed.endswith("What was in hand is finished.\n")
        assert page.read_text(encoding="utf-8") == "Welcome"

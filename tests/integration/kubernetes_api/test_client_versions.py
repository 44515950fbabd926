"""The oldest and the newest client that we support, and boto3 beside it, carry the same requests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import gitops_core

PROGRAM = Path(__file__).with_name("compat_program.py")
SOURCE = Path(gitops_core.__file__).parents[1]
OURS = ["attrs>=23.2", "pyyaml>=6.0.1"]

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("wanted", "versions"),
    [
        (["kubernetes==31.0.0", "urllib3==2.2.2"], {"kubernetes": "31.0.0", "urllib3": "2.2.2"}),
        (["kubernetes>=31,!=36.0.0,!=36.0.1"], {}),
        (
            ["kubernetes>=31,<37,!=36.0.0,!=36.0.1", "boto3"],
            {},
        ),  # with 37, pip tries every boto3 there was: their date libraries differ
    ],
    ids=["oldest", "newest", "beside-boto3"],
)
def test_a_client_carries_our_requests(tmp_path: Path, wanted: list[str], versions: dict[str, str]) -> None:
    """Without the packages of this interpreter: what is tested is what pip has put together."""
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-compile",
        "--disable-pip-version-check",
        "--target",
        str(tmp_path),
    ]
    try:
        installed = subprocess.run([*pip, *wanted, *OURS], capture_output=True, text=True, check=False, timeout=180)
    except subprocess.TimeoutExpired:
        pytest.skip(f"NOT TESTED: {' '.join(wanted)} could not be installed within three minutes")
    if installed.returncode != 0:
        pytest.skip(f"NOT TESTED: {' '.join(wanted)} cannot be installed here: {installed.stderr.strip()[-300:]}")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(SOURCE)])}
    run = subprocess.run(
        [sys.executable, "-S", str(PROGRAM)], env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert found == {**found, **versions}

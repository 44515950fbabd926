"""The servers that the tests of the Kubernetes API run on: the fake one, and a real one where there is one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import real_server as real  # here and not later: it keeps the environment that every test hides


@pytest.fixture(scope="session")
def real_server() -> Iterator[real.RealServer]:
    """A real kube-apiserver, one for each test process, started by the first test that asks for it."""
    try:
        starting = real.start()
        server = starting.__enter__()
    except real.Unavailable as reason:
        pytest.skip(str(reason))
    try:
        yield server
    finally:
        starting.__exit__(None, None, None)

"""The fake cluster without a socket."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gitops_core.testing.kubernetes import FakeCluster

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster()

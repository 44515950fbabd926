"""The tutorial tells the truth about a real API server, too; what it prints on the fake one is compared in tests/docs."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

import servers

TESTS = Path(__file__).parents[2]


def pages() -> ModuleType:
    """Return the module that runs pages; the tests are no package."""
    spec = importlib.util.spec_from_file_location("pages_of_the_documentation", TESTS / "docs" / "test_pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tutorial_prints_the_same_on_both_servers(
    cluster: servers.Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig(tmp_path)))
    monkeypatch.chdir(tmp_path)
    names = pages().Page(TESTS.parent / "docs" / "tutorial" / "kubernetes.md").run()
    assert "cluster" not in names  # it has used ours

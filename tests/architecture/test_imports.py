"""Imports go one way, and the front door loads no client."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CLIENTS = ("dulwich", "kubernetes")
HEAVY = (*CLIENTS, "tenacity", "yaml", "jsonpatch", "sqlite3", "ssl", "asyncio")


def loaded_after(statement: str) -> set[str]:
    """Return the modules that *statement* loads in a fresh interpreter."""
    code = f"import sys; before = set(sys.modules); {statement}; print(*sorted(set(sys.modules) - before))"
    run = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert run.returncode == 0, run.stderr
    return set(run.stdout.split())


def packages(modules: set[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules}


def test_the_import_contracts_of_pyproject_hold() -> None:
    """Layers, purity of decisions, one home for each client: see [tool.importlinter]."""
    # In a process of its own: the linter configures logging for the whole process, which silences other tests' loggers.
    code = "import sys; from importlinter import cli; sys.exit(cli.lint_imports(no_cache=True, no_logo=True))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr


def test_importing_the_package_loads_nothing_but_itself() -> None:
    """Platform tools import us everywhere: it must cost next to nothing."""
    modules = loaded_after("import gitops_core")
    assert {module for module in modules if module.startswith("gitops_core")} == {"gitops_core"}
    assert packages(modules) & {*HEAVY, "attr", "attrs"} == set()


def test_declaring_an_application_loads_values_only() -> None:
    modules = loaded_after("from gitops_core import Application, Options, Owner, Plan, ReconcileResult, Target")
    assert packages(modules) & set(HEAVY) == set()
    assert {module for module in modules if module.startswith("gitops_core.")} == {
        "gitops_core.context",
        "gitops_core.errors",
        "gitops_core.interfaces",
        "gitops_core.model",
        *(f"gitops_core.model.{path.stem}" for path in _eager_model()),
    }


def _eager_model() -> list[Path]:
    """The model without what is loaded when bodies are compared, manifests are transformed, or a plan or result is printed or saved."""
    late = {"__init__", "labels", "scopes", "plan_json", "plan_text", "plan_markdown", "result_text"}
    return [path for path in (ROOT / "src/gitops_core/model").glob("*.py") if path.stem not in late]


def test_the_engine_loads_no_client() -> None:
    """Whoever reconciles with a target and a source of their own pays for neither Git nor Kubernetes."""
    modules = loaded_after("from gitops_core import Application, plan, reconcile")
    assert packages(modules) & set(CLIENTS) == set()
    assert len(modules) < 400

"""The reference of the Kubernetes target shows the settings and the errors of the code."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import attrs
import pytest

from gitops_core.errors import GitOpsError
from gitops_core.kubernetes_api import statuses
from gitops_core.kubernetes_api.discovery import DiscoverySettings
from gitops_core.kubernetes_api.requests import Request
from gitops_core.kubernetes_api.settings import ConnectionSettings
from gitops_core.targets.kubernetes.settings import KubernetesSettings

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "kubernetes.md"
REQUEST = Request("PATCH", "/apis/apps/v1/namespaces/shop/deployments/web")


def section(heading: str) -> str:
    found = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert found is not None, f"no section {heading}"
    return found[1]


def rows(text: str) -> list[list[str]]:
    """Return the cells of every row whose first cell is code."""
    return [[cell.strip().strip("`") for cell in line[1:-1].split("|")] for line in text.splitlines() if line.startswith("| `")]


def default_of(field: attrs.Attribute[Any]) -> str:
    default = field.default
    if attrs.has(type(default)):
        return f"{type(default).__name__}()"
    if callable(default):
        return str(default.__name__)
    return repr(default).replace("'", '"')


@pytest.mark.parametrize("cls", [KubernetesSettings, ConnectionSettings, DiscoverySettings])
def test_every_setting_is_listed_with_its_default(cls: Any) -> None:
    shown = [(name, default) for name, default, *_ in rows(section(cls.__name__))]
    assert shown == [(field.name, default_of(field)) for field in attrs.fields(cls)]


def test_the_limits_are_said_in_words() -> None:
    limits = KubernetesSettings().limits
    assert (limits.concurrency, limits.rate, limits.timeout) == (8, None, 30.0)
    assert "calls at once (8), calls a second (no limit), seconds a call may take (30)" in section("KubernetesSettings")


def error(code: int, reason: str = "") -> GitOpsError:
    """Return the error for an answer; one that is about an object names it."""
    return statuses.error_of(statuses.Refusal(REQUEST, code, reason, details={"name": "web", "kind": "deployments"}))


def expected() -> str:
    lines = [f"| `{reason}` | {_row(error(0, reason))} |" for reason in statuses._BY_REASON]
    codes = [f"| `{code}` | {_row(error(code))} |" for code in statuses._BY_CODE]
    others = [f"| other {name} | {_row(error(code))} |" for name, code in (("3xx", 302), ("4xx", 418), ("5xx", 599))]
    head = "| {} | error | disposition |\n|---|---|---|\n"
    parts = [
        head.format("reason"),
        "\n".join(lines),
        "\n\nElse by the HTTP code:\n\n",
        head.format("code"),
        "\n".join([*codes, *others]),
    ]
    return "".join(parts)


def _row(found: GitOpsError) -> str:
    return f"`{type(found).__name__}` | {found.disposition.name}"


def test_every_answer_of_the_api_is_listed_with_its_error() -> None:
    """After a change run ``DOCS_UPDATE=1 pytest tests/docs/test_kubernetes_reference.py``."""
    text = PAGE.read_text(encoding="utf-8")
    begin, end = "<!-- errors: begin -->\n\n", "\n\n<!-- errors: end -->"
    before, rest = text.split(begin)
    shown, after = rest.split(end)
    if os.environ.get("DOCS_UPDATE"):
        PAGE.write_text(f"{before}{begin}{expected()}{end}{after}", encoding="utf-8")
        shown = expected()
    assert shown == expected()

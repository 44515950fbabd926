"""The tables of the fake API and of the faults say what the code says."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import attrs
import pytest

from gitops_core.interfaces import StateStore
from gitops_core.testing import fake_api
from gitops_core.testing.fake_api import ApiError, ApiSettings, FakeApi, Paging, RateLimit, States, Takes, Verb
from gitops_core.testing.faults import Fault, FaultPlan
from gitops_core.testing.faults.kinds import Crash
from gitops_core.testing.faults.targets import _Wrapper

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def rows(page: str, heading: str) -> list[list[str]]:
    """Return the cells of the table below *heading*, without back-ticks around them."""
    text = (REFERENCE / page).read_text(encoding="utf-8")
    (found,) = re.findall(rf"^##+ {re.escape(heading)}\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL)
    lines = [line for line in found.splitlines() if line.startswith("| `")]
    return [[re.sub(r"^`([^`]*)`$", r"\1", cell.strip()) for cell in line[1:-1].split(" | ")] for line in lines]


def default_of(field: attrs.Attribute[Any]) -> str:
    default = field.default
    if default is attrs.NOTHING:
        return "required"
    if isinstance(default, attrs.Factory):
        return "{}"
    if attrs.has(type(default)):
        return f"{type(default).__name__}()"
    return "inf" if default == math.inf else repr(default).replace("'", '"')


FUNCTIONS = {"normalize": "as it is", "check": "accepts all", "fails": "never"}


@pytest.mark.parametrize("cls", [ApiSettings, Paging, RateLimit, Takes, States])
def test_every_setting_of_the_fake_api_is_listed_with_its_default_in_order(cls: Any) -> None:
    shown = [(name, default) for name, default, *_ in rows("fake-api.md", cls.__name__)]
    assert shown == [(field.name, FUNCTIONS.get(field.name) or default_of(field)) for field in attrs.fields(cls)]


def test_every_public_name_of_the_fake_api_is_listed_once() -> None:
    listed = [re.match(r"\w+", row[0])[0] for part in ("The client", "The test's side") for row in rows("fake-api.md", part)]  # type: ignore[index]  # why: each begins with a name
    real = {name for name in dir(FakeApi) if not name.startswith("_")} | {"settings", "clock"}
    assert sorted(listed) == sorted(real)
    assert {verb.value for verb in Verb} <= set(listed)


def test_every_error_of_the_fake_api_is_listed_with_its_status() -> None:
    shown = {name: int(status) for name, status, *_ in rows("fake-api.md", "Errors")}
    assert shown == {cls.__name__: cls.status for cls in ApiError.__subclasses__()}
    assert shown.keys() <= set(fake_api.__all__)


def test_every_kind_of_fault_is_listed_with_its_own_fields() -> None:
    common = {field.name for field in attrs.fields(Fault)}
    own = {cls.__name__: [f.name for f in attrs.fields(cls) if f.name not in common] for cls in Fault.__subclasses__()}
    shown = {row[0]: re.findall(r"`(\w+)`: ", row[2]) or re.findall(r"^(\w+)$", row[2]) for row in rows("faults.md", "Kinds")}
    assert shown == own
    assert Crash.__name__ in shown


def test_every_field_that_says_where_a_fault_strikes_is_listed_with_its_default() -> None:
    shown = [(name, default) for name, default, *_ in rows("faults.md", "Where a fault strikes")]
    assert shown == [(field.name, default_of(field)) for field in attrs.fields(Fault)]


def test_every_wrapper_is_listed_with_its_operations() -> None:
    shown = {re.match(r"\w+", row[0])[0]: set(re.findall(r"`(\w+)`", row[1])) for row in rows("faults.md", "What can be wrapped")}  # type: ignore[index]  # why: each begins with a name
    assert shown["target"] == {name for name in vars(_Wrapper) if not name.startswith("_")} - {"member"}
    assert shown["api"] == {verb.value for verb in Verb}
    assert shown["store"] == {StateStore.__name__}
    plan = {name for name in dir(FaultPlan) if not name.startswith("_")}
    listed = {re.match(r"\w+", name)[0] for row in rows("faults.md", "The plan") for name in row[0].replace("`", "").split(", ")}  # type: ignore[index]  # why: each begins with a name
    assert plan == (listed - {"str"}) | shown.keys() | {"through"}

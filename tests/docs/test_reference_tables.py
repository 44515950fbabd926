"""The tables of the reference say what the code says."""

from __future__ import annotations

import inspect
import re
import tomllib
from pathlib import Path
from typing import Any

import attrs
import pytest

from gitops_core import Application, Approval, Controller, ControllerLimits, Guard, IgnoreRule, Options, errors, interfaces
from gitops_core.controller.status import ApplicationStatus, ControllerStatus, Phase, Stuck
from gitops_core.errors import GitOpsError
from gitops_core.model import guards
from gitops_core.model.events import Event, EventType
from gitops_core.model.plans import ChangeState
from gitops_core.model.results import OutcomeStatus, PassStatus
from gitops_core.planning.annotations import WORDS
from gitops_core.renderers.manifests import TOOL_FILES
from gitops_core.sources.git import GitLimits, GitSource, Ssh, Transport
from gitops_core.sources.selection import DEFAULT_IGNORE

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"


def section(page: str, heading: str = "") -> str:
    """Return what stands below *heading* (all of it when empty), up to the next heading of the same or a higher level."""
    text = (REFERENCE / page).read_text(encoding="utf-8")
    if not heading:
        return text
    found = re.search(rf"^(##+) {re.escape(heading)}\n(.*?)(?=^##? |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, f"{page} has no section {heading!r}"
    return found[2]


def rows(text: str) -> list[list[str]]:
    """Return the cells of every row whose first cell is code, without the back-ticks around a cell."""
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    return [[re.sub(r"^`([^`]*)`$", r"\1", cell.strip()) for cell in line[1:-1].split("|")] for line in lines]


def block_below(page: str, mark: str) -> tuple[str, ...]:
    text = (REFERENCE / page).read_text(encoding="utf-8").split(f"<!-- {mark} -->")[1]
    return tuple(text.split("```gitignore\n")[1].split("\n```")[0].splitlines())


# -- errors --------------------------------------------------------------------------------------------------------------------

CLASSES = {name: cls for name, cls in vars(errors).items() if inspect.isclass(cls) and issubclass(cls, GitOpsError)}
GROUPS = {"GitOpsError", "SourceError", "TargetError", "StateError"}
"""Never raised themselves: each of their children says what to do."""


def test_every_error_stands_below_its_parent_with_its_disposition() -> None:
    shown = {name: (below, disposition) for name, below, disposition, *_ in rows(section("errors.md"))}
    real = {
        name: (
            cls.__bases__[0].__name__ if cls is not GitOpsError else "",
            "" if name in GROUPS else cls.default.name,
        )
        for name, cls in CLASSES.items()
    }
    assert shown == real


def test_every_error_that_is_raised_has_a_cause_and_a_cure() -> None:
    told = {name: (cause, cure) for name, _, _, cause, cure in rows(section("errors.md"))}
    lacking = [name for name, (cause, cure) in told.items() if not cause or not cure]
    assert lacking == ["GitOpsError", "SourceError", "PlanError", "TargetError", "StateError", "Cancelled"]


# -- options -------------------------------------------------------------------------------------------------------------------


def default_of(field: attrs.Attribute[Any]) -> str:
    if field.default is attrs.NOTHING:
        return "required"
    if isinstance(field.default, frozenset) and field.default:
        return f"frozenset({{{', '.join(map(repr, sorted(field.default)))}}})"
    if attrs.has(type(field.default)):
        return f"{type(field.default).__name__}()"
    return repr(field.default).replace("'", '"') if isinstance(field.default, str) else repr(field.default)


@pytest.mark.parametrize("cls", [Application, Options, IgnoreRule, Guard, Approval])
def test_every_option_is_listed_with_its_default_in_the_order_of_the_class(cls: Any) -> None:
    shown = [(name, default) for name, default, *_ in rows(section("options.md", cls.__name__))]
    assert shown == [(field.name, default_of(field)) for field in attrs.fields(cls)]


def test_every_rule_that_an_approval_may_lift_is_listed() -> None:
    (row,) = [row for row in rows(section("options.md", "Approval")) if row[0] == "rules"]
    listed = re.findall(r"`(\w+)`", row[-1])
    assert sorted(listed) == sorted(guards._RULES)
    assert Approval("all of them", 0.0, listed, kinds={"Namespace"}).rules == guards._RULES


def test_every_time_of_the_options_has_a_unit() -> None:
    """What is a float in the options is seconds."""
    units = {name: unit for name, _, unit, _ in rows(section("options.md", "Options"))}
    floats = [field.name for field in attrs.fields(Options) if isinstance(field.default, float)]
    assert {name: units[name] for name in floats} == dict.fromkeys(floats, "s")


# -- the controller ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", [ApplicationStatus, ControllerStatus, Stuck])
def test_every_attribute_of_a_status_is_listed(cls: Any) -> None:
    assert [row[0] for row in rows(section("controller.md", cls.__name__))] == [field.name for field in attrs.fields(cls)]


def test_every_phase_is_listed() -> None:
    assert [row[0] for row in rows(section("controller.md", "Phase"))] == [phase.value for phase in Phase]


def test_every_limit_of_a_controller_is_listed_with_its_default() -> None:
    shown = [(name, default) for name, default, *_ in rows(section("controller.md", "ControllerLimits"))]
    assert shown == [(field.name, default_of(field)) for field in attrs.fields(ControllerLimits)]


def test_every_method_of_a_controller_is_listed() -> None:
    methods = [name for name, value in vars(Controller).items() if inspect.isfunction(value) and not name.startswith("_")]
    assert [row[0] for row in rows(section("controller.md", "Methods"))] == methods


# -- git -----------------------------------------------------------------------------------------------------------------------


def test_the_default_ignore_list_is_shown_in_full() -> None:
    assert block_below("git.md", "DEFAULT_IGNORE") == DEFAULT_IGNORE


def test_every_attribute_of_a_git_source_is_listed_with_its_default() -> None:
    shown = {name: default for name, default, *_ in rows(section("git.md").split("## References")[0])}
    fields = [field for field in attrs.fields(GitSource) if field.init]
    real = {field.name: default_of(field) for field in fields}
    assert shown == {**real, "ignore": "DEFAULT_IGNORE"}


def test_every_limit_and_every_setting_of_the_transport_is_listed() -> None:
    assert [row[0] for row in rows(section("git.md", "Limits")) if row[0] != "GitLimits"] == [
        field.name for field in attrs.fields(GitLimits)
    ]
    listed = rows(section("git.md", "Transports"))
    settings = [field.name for field in attrs.fields(Transport)]
    assert [row[0] for row in listed if row[0] in settings] == settings
    (ssh,) = [row for row in listed if row[0] == "ssh"]
    assert [field.name for field in attrs.fields(Ssh) if f"`{field.name}`" not in ssh[-1]] == []


def test_the_limits_are_the_ones_of_the_code() -> None:
    mebi = 2**20
    numbers = {name: value for name, value, *_ in rows(section("git.md", "Limits"))}
    limits = GitLimits()
    assert numbers["pack_bytes"] == f"{limits.pack_bytes // mebi} MiB"
    assert numbers["file_bytes"] == f"{limits.file_bytes // mebi} MiB"
    assert numbers["files"] == f"{limits.files:,}"


# -- the others ----------------------------------------------------------------------------------------------------------------


def test_the_default_skip_list_is_shown_in_full() -> None:
    assert block_below("manifests.md", "TOOL_FILES") == TOOL_FILES


def test_every_notice_is_listed() -> None:
    codes: set[str] = set()
    for path in (ROOT / "src").rglob("*.py"):
        codes.update(re.findall(r"""Notice\(\s*"([a-z-]+)",""", path.read_text(encoding="utf-8")))
    assert {row[0] for row in rows(section("manifests.md", "Notices"))} == codes


def test_every_annotation_is_listed_with_its_values() -> None:
    shown = {word: values for word, values, *_ in rows(section("annotations.md"))}
    assert shown.keys() == WORDS.keys()
    assert {word for word, values in WORDS.items() if '"true"' in values} == {w for w, v in shown.items() if '"true"' in v}


def test_every_event_and_every_attribute_of_one_is_listed() -> None:
    listed = [row[0] for row in rows(section("events.md"))]
    assert listed == [field.name for field in attrs.fields(Event)] + [type_.value for type_ in EventType]


def test_every_state_and_status_is_listed() -> None:
    text = section("outcomes.md")
    for enumeration in (ChangeState, OutcomeStatus, PassStatus):
        (table,) = re.findall(rf"^## {enumeration.__name__}.*?(?=^## )", text, re.MULTILINE | re.DOTALL)
        assert [row[0] for row in rows(table)] == [member.value for member in enumeration]


def test_every_optional_method_of_a_target_is_listed_with_what_its_absence_means() -> None:
    listed = rows(section("interfaces.md", "Target: optional I/O")) + rows(
        section("interfaces.md", "Target: optional pure functions")
    )
    names = [row[0].partition("(")[0] for row in listed]
    assert sorted(names) == sorted(interfaces._OPTIONAL)
    assert [name for name, absence in ((row[0], row[1]) for row in listed) if not absence] == []


def test_every_dependency_is_listed_with_its_range() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    real = {re.match(r"[\w-]+", text)[0]: re.sub(r"^[\w-]+", "", text) for text in project["dependencies"]}  # type: ignore[index]  # why: each begins with a name
    assert {name: range_ for name, range_, *_ in rows(section("compatibility.md", "Dependencies"))} == real

"""The reference of the simulation names what the code has, no more and no less."""

import re
from pathlib import Path

import attrs

from gitops_core.testing import simulation
from gitops_core.testing.scheduling import Scheduler
from gitops_core.testing.simulation import Chaos, Happening, Report, SimulatedApplication, Simulation

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "simulation.md").read_text(encoding="utf-8")


def rows(heading):
    """Return the cells of the first table below *heading*, as sets of the names in backticks."""
    lines = iter(PAGE[PAGE.index(f"\n{heading}\n") :].splitlines())
    table = [line for line in lines if line.startswith("|")]
    end = next((i for i, line in enumerate(table) if i > 1 and line.startswith("|---")), len(table) + 1)
    return [[re.findall(r"`(\w+)", cell) for cell in row.strip("|").split("|")] for row in table[2 : end - 1]]


def fields(cls):
    return {field.name for field in attrs.fields(cls) if field.init and not field.name.startswith("_")}


def first_cells(heading):
    return {name for row in rows(heading) for name in row[0]}


def test_every_setting_of_a_simulation_is_there():
    assert first_cells("## The simulation") == fields(Simulation)
    assert set(re.search(r"`SimulatedApplication\((.*?)\)`", PAGE)[1].split(", ")) == fields(SimulatedApplication)


def test_every_happening_is_there_with_its_fields():
    known = {cls.__name__: fields(cls) - fields(Happening) for cls in vars(simulation).values() if is_happening(cls)}
    assert {row[0][0]: set(row[1]) for row in rows("## What can happen")} == known


def is_happening(value):
    return isinstance(value, type) and issubclass(value, Happening) and value is not Happening


def test_every_rate_of_chaos_is_there():
    assert first_cells("## What can be drawn") == fields(Chaos)


def test_every_part_of_a_report_is_there():
    assert first_cells("## What is reported") == fields(Report)
    for row in rows("## What is reported"):
        if len(row[1]) > 1:
            assert set(row[1][1:]) == fields(getattr(simulation, row[1][0]))


def test_every_public_name_of_the_scheduler_is_there():
    public = {name for name in dir(Scheduler(0)) if not name.startswith("_")} - {"is_task", "seed"}
    assert first_cells("## The scheduler") - {"Scheduler"} == public


def test_the_package_exports_what_it_lists():
    assert sorted(simulation.__all__) == simulation.__all__
    assert all(hasattr(simulation, name) for name in simulation.__all__)

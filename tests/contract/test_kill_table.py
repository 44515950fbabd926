"""
The kit is measured: which checks kill which broken plug-in, printed and kept in ``docs/reference/contract-suites.md``.

``pytest -s --deep tests/contract/test_kill_table.py`` prints it. After a wanted change run ``DOCS_UPDATE=1 pytest --deep
tests/contract/test_kill_table.py`` and review the difference of the page.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from broken_coordinators import COORDINATORS
from broken_policies import POLICIES
from broken_renderers import RENDERERS
from broken_sources import SOURCES
from broken_stores import STORES
from first_targets import FIRST
from hard_targets import HARD
from killing import as_rows, printed
from more_targets import MORE
from watching_targets import WATCHES

from gitops_core.testing.coordinator_contract import CoordinatorContract
from gitops_core.testing.policy_contract import PolicyContract
from gitops_core.testing.promises import promises_of, unexplained
from gitops_core.testing.renderer_contract import RendererContract
from gitops_core.testing.source_contract import SourceContract
from gitops_core.testing.store_contract import PersistentStoreContract
from gitops_core.testing.target_contract import TargetContract

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "contract-suites.md"
UPDATE = bool(os.environ.get("DOCS_UPDATE"))
SUITES = (TargetContract, SourceContract, RendererContract, PolicyContract, PersistentStoreContract, CoordinatorContract)
TABLES = {
    "The first nineteen targets": FIRST,
    "Reads, writes, identity, fields, secrets": MORE,
    "Concurrency, partial failure, time, encoding": HARD,
    "Watches": WATCHES,
    "Sources": SOURCES,
    "Renderers": RENDERERS,
    "Policies": POLICIES,
    "Stores": STORES,
    "Coordinators": COORDINATORS,
}


def keep(mark, lines):
    """Hold the part of the page between the marks *mark* equal to *lines*, or put them there."""
    begin, end = f"<!-- {mark}: begin -->\n", f"<!-- {mark}: end -->"
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(begin)
    shown, _, after = rest.partition(end)
    wanted = "\n" + "\n".join(lines) + "\n\n"
    if UPDATE and shown != wanted:
        PAGE.write_text(f"{before}{begin}{wanted}{end}{after}", encoding="utf-8")
    else:
        assert shown == wanted, f"the part {mark!r} of {PAGE.name} is not what the code says; see the docstring of this file"


@pytest.mark.parametrize("suite", SUITES)
def test_every_check_says_its_promise_why_and_how_to_mend_it(suite):
    assert unexplained(suite) == ()


@pytest.mark.parametrize("suite", SUITES)
def test_every_check_is_listed_with_its_layer_and_its_promise(suite):
    rows = [f"| `{p.name.removeprefix('test_')}` | {p.layer} | {p.sentence} |" for p in promises_of(suite)]
    keep(suite.__name__, ["| check | layer | promise |", "|---|---|---|", *rows])


def test_the_counts_are_those_of_the_code():
    targets = [table.mutants for table in (FIRST, MORE, HARD, WATCHES)]
    counts = (
        len(promises_of(TargetContract)),
        sum(map(len, targets)),
        *(len(t.mutants) for t in (SOURCES, RENDERERS, POLICIES, STORES, COORDINATORS)),
    )
    told = "{} checks of a target kill {} broken targets; the others kill {} broken sources, {} renderers, {} policies, {} stores and {} coordinators."
    keep("counts", [told.format(*counts)])


@pytest.mark.deep
@pytest.mark.parametrize("title", TABLES)
def test_the_kill_table_is_the_one_of_the_page(title):
    """Every check runs on every mutant; ``pytest -s`` shows the table."""
    table = TABLES[title].table()
    print(f"\n{printed(title, table)}")  # noqa: T201  # why: this is the command that prints it
    keep(title, ["| mutant | what is wrong | category | killed by |", "|---|---|---|---|", *as_rows(table)])


@pytest.mark.parametrize("title", TABLES)
def test_every_mutant_is_on_the_page_with_the_checks_that_are_there_for_it(title):
    shown = PAGE.read_text(encoding="utf-8").partition(f"<!-- {title}: begin -->")[2].partition("<!-- ")[0]
    found = re.finditer(r"^\| `(\w+)` \|.*\| (.*) \|$", shown, re.MULTILINE)
    rows = {row[1]: set(re.findall(r"`([a-z_0-9]+)`", row[2])) for row in found}
    for cls, (_, killers) in TABLES[title].mutants.items():
        assert {name.removeprefix("test_") for name in killers} <= rows.get(cls.__name__, set()), cls.__name__

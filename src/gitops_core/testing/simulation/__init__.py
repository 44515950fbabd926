"""
Game day: applications, targets and engines on one virtual clock, and everything that can go wrong in a week.

::

    simulation    Simulation: the world, its engines, a run
    happenings    what happens: commits, drift, storms, partitions, clock jumps ...
    chaos         the same, drawn by a seed
    places        targets, sources and stores that can be in trouble
    scoring       keeps the score while it runs
    report        what came out of it: values and a table
    invariants    what must hold at the end
"""

from gitops_core.testing.simulation.chaos import Chaos
from gitops_core.testing.simulation.happenings import (
    BadCommit,
    ClockJump,
    Commit,
    Edit,
    Fight,
    ForcePush,
    Happening,
    Partition,
    Put,
    Remove,
    Slow,
    Storm,
    Unlistable,
)
from gitops_core.testing.simulation.places import SimulatedSource, SimulatedTarget
from gitops_core.testing.simulation.report import Convergence, Failed, Refused, Repair, Report
from gitops_core.testing.simulation.simulation import SimulatedApplication, Simulation

__all__ = [
    "BadCommit",
    "Chaos",
    "ClockJump",
    "Commit",
    "Convergence",
    "Edit",
    "Failed",
    "Fight",
    "ForcePush",
    "Happening",
    "Partition",
    "Put",
    "Refused",
    "Remove",
    "Repair",
    "Report",
    "SimulatedApplication",
    "SimulatedSource",
    "SimulatedTarget",
    "Simulation",
    "Slow",
    "Storm",
    "Unlistable",
]

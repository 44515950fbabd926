"""
A machine that plays with two applications, one target and one store, and knows what must be true.

:class:`Scenario` is a story told step by step, in a plain test; :class:`ReconcilerMachine` lets Hypothesis invent such stories.
"""

from gitops_core.testing.machine.facts import PromiseBroken
from gitops_core.testing.machine.scenario import Scenario

__all__ = ["PromiseBroken", "Scenario"]

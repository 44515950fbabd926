"""
gitops_core: keep running systems equal to what Git says.

The house, in the order in which data flows through it::

    interfaces   Source, Renderer, Policy, Target, StateStore: the whole contract for plug-ins
    model        frozen values: resources, revisions, verdicts, inventory, plans, results, events
    sources      git, directory, memory                    -> a Revision and its Tree of files
    renderers    manifests, memory, function, transforms   -> Resources with their Origin
    policies     allow, deny, labels, budget, windows, ... -> Violations
    planning     pure decisions: match, diff, order, prune, guards -> a Plan
    engine       effects: one pass, retries, limits, waiting, following
    health       pure: a live object -> settled? healthy?
    targets      kubernetes, memory, directory, router
    kubernetes_api  the way to a Kubernetes API server: connection, errors, kinds, watches
    postgres_api the way to a PostgreSQL server: driver, sessions, errors
    state        memory, sqlite, kubernetes, postgres: what we own, written ahead
    operations   plan, apply, reconcile, check, destroy, explain
    coordination local, kubernetes, postgres: who takes part, where several engines share the work
    controller   many applications, kept reconciled for months
    webhooks     what forges tell about pushes: verified, read, received
    context      what every plug-in call gets: clock, deadline, the way out
    rbac         the Kubernetes roles that an application needs
    errors       one tree; every error says RETRY, WAIT or STALL
    collecting   Python's garbage collector, kept from walking the same documents again and again
    testing      contract suites, fakes, faults, virtual time, simulation: for tests only

Names are loaded when first used: importing this package loads no client.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gitops_core.controller.controller import Controller as Controller
    from gitops_core.controller.limits import ControllerLimits as ControllerLimits
    from gitops_core.errors import Disposition as Disposition
    from gitops_core.errors import GitOpsError as GitOpsError
    from gitops_core.interfaces import Context as Context
    from gitops_core.interfaces import Fields as Fields
    from gitops_core.interfaces import Identity as Identity
    from gitops_core.interfaces import Limits as Limits
    from gitops_core.interfaces import Policy as Policy
    from gitops_core.interfaces import Query as Query
    from gitops_core.interfaces import Renderer as Renderer
    from gitops_core.interfaces import Sink as Sink
    from gitops_core.interfaces import Source as Source
    from gitops_core.interfaces import StateStore as StateStore
    from gitops_core.interfaces import Subject as Subject
    from gitops_core.interfaces import Target as Target
    from gitops_core.interfaces import TargetChange as TargetChange
    from gitops_core.model.applications import Application as Application
    from gitops_core.model.applications import Dependency as Dependency
    from gitops_core.model.applications import IgnoreRule as IgnoreRule
    from gitops_core.model.applications import Options as Options
    from gitops_core.model.applications import Owner as Owner
    from gitops_core.model.events import Event as Event
    from gitops_core.model.guards import Approval as Approval
    from gitops_core.model.guards import Guard as Guard
    from gitops_core.model.health import Health as Health
    from gitops_core.model.plans import Action as Action
    from gitops_core.model.plans import Change as Change
    from gitops_core.model.plans import Plan as Plan
    from gitops_core.model.resources import Live as Live
    from gitops_core.model.resources import Pending as Pending
    from gitops_core.model.resources import Resource as Resource
    from gitops_core.model.resources import ResourceKey as ResourceKey
    from gitops_core.model.resources import Unreadable as Unreadable
    from gitops_core.model.results import CheckResult as CheckResult
    from gitops_core.model.results import OutcomeStatus as OutcomeStatus
    from gitops_core.model.results import PassStatus as PassStatus
    from gitops_core.model.results import ReconcileResult as ReconcileResult
    from gitops_core.model.verdicts import Severity as Severity
    from gitops_core.model.verdicts import Violation as Violation
    from gitops_core.operations import apply as apply
    from gitops_core.operations import check as check
    from gitops_core.operations import destroy as destroy
    from gitops_core.operations import explain as explain
    from gitops_core.operations import plan as plan
    from gitops_core.operations import reconcile as reconcile

_HOMES = {
    "controller.controller": "Controller",
    "controller.limits": "ControllerLimits",
    "errors": "Disposition GitOpsError",
    "interfaces": "Context Fields Identity Limits Policy Query Renderer Sink Source StateStore Subject Target TargetChange",
    "model.applications": "Application Dependency IgnoreRule Options Owner",
    "model.events": "Event",
    "model.guards": "Approval Guard",
    "model.health": "Health",
    "model.plans": "Action Change Plan",
    "model.resources": "Live Pending Resource ResourceKey Unreadable",
    "model.results": "CheckResult OutcomeStatus PassStatus ReconcileResult",
    "model.verdicts": "Severity Violation",
    "operations": "apply check destroy explain plan reconcile",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = sorted(_HOME_OF)  # noqa: PLE0605  # why: the list is derived, so it cannot disagree with what is loaded


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


__version__ = "0.1.0"

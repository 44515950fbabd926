"""
Things that go wrong, declared beforehand, drawn from a seed, and recorded.

``plan`` is what you import; ``kinds`` are the faults; ``dialects`` says how each side words an error. ``targets``, ``sources``,
``stores``, ``clients`` and ``remotes`` are the wrappers; ``calls``, ``record`` and ``proxies`` are what they are made of.
"""

from gitops_core.testing.faults.clients import Wrapping
from gitops_core.testing.faults.dialects import API, NETWORK, SOURCE, STORE, TARGET, Dialect
from gitops_core.testing.faults.kinds import Corrupt, Crash, Crashed, Delay, DropReply, Fail, Fault, Throttle, TimeOut
from gitops_core.testing.faults.plan import FaultPlan
from gitops_core.testing.faults.record import Injected

__all__ = [
    "API",
    "NETWORK",
    "SOURCE",
    "STORE",
    "TARGET",
    "Corrupt",
    "Crash",
    "Crashed",
    "Delay",
    "Dialect",
    "DropReply",
    "Fail",
    "Fault",
    "FaultPlan",
    "Injected",
    "Throttle",
    "TimeOut",
    "Wrapping",
]

"""
When changes may be made.

``maintenance`` is the policy; ``window`` is one recurring span of time; ``timetable`` joins several; ``cron`` reads schedules;
``zones`` finds the instants at which a clock on the wall shows a time; ``closing`` stops a pass that is at work.
"""

from gitops_core.policies.windows.closing import Closing, until_closing
from gitops_core.policies.windows.maintenance import MaintenanceWindows, Running
from gitops_core.policies.windows.timetable import Timetable
from gitops_core.policies.windows.window import Window, WindowKind

__all__ = ["Closing", "MaintenanceWindows", "Running", "Timetable", "Window", "WindowKind", "until_closing"]

"""
Cut a run at every call that leaves the process, start anew, and compare: nothing may be lost, doubled or torn.

``docs/how-to/test-crashes-of-your-target.md`` shows how; ``docs/explanation/crash-points.md`` tells what was found here.

- ``scenarios``: what is run; ``explore`` cuts it and returns a ``Report``.
- ``points``: the calls, and when each can be cut. ``allowed``: which differences mean nothing, and why.
- ``in_process`` ends a run by an exception, ``in_child`` a real process by SIGKILL; ``break_disk`` lets writes fail.
- ``STORIES``: one for each kind of change, told ``in_memory`` or ``on_disk``.
"""

from gitops_core.testing.crash_points.allowed import ALLOWED as ALLOWED
from gitops_core.testing.crash_points.children import in_child as in_child
from gitops_core.testing.crash_points.disk_errors import DiskError as DiskError
from gitops_core.testing.crash_points.disk_errors import break_disk as break_disk
from gitops_core.testing.crash_points.disk_errors import errors_of as errors_of
from gitops_core.testing.crash_points.disk_worlds import on_disk as on_disk
from gitops_core.testing.crash_points.exploring import Recording as Recording
from gitops_core.testing.crash_points.exploring import armed as armed
from gitops_core.testing.crash_points.exploring import explore as explore
from gitops_core.testing.crash_points.exploring import in_process as in_process
from gitops_core.testing.crash_points.exploring import record as record
from gitops_core.testing.crash_points.gate import Gate as Gate
from gitops_core.testing.crash_points.gate import ProcessDeath as ProcessDeath
from gitops_core.testing.crash_points.memory_worlds import in_memory as in_memory
from gitops_core.testing.crash_points.pictures import NOT_COMPARED as NOT_COMPARED
from gitops_core.testing.crash_points.pictures import Allowed as Allowed
from gitops_core.testing.crash_points.pictures import Difference as Difference
from gitops_core.testing.crash_points.points import Call as Call
from gitops_core.testing.crash_points.points import Cut as Cut
from gitops_core.testing.crash_points.points import Moment as Moment
from gitops_core.testing.crash_points.points import Point as Point
from gitops_core.testing.crash_points.points import Seam as Seam
from gitops_core.testing.crash_points.points import cuts_of as cuts_of
from gitops_core.testing.crash_points.points import distinct_cuts as distinct_cuts
from gitops_core.testing.crash_points.reports import Finding as Finding
from gitops_core.testing.crash_points.reports import Report as Report
from gitops_core.testing.crash_points.reports import table as table
from gitops_core.testing.crash_points.scenarios import Scenario as Scenario
from gitops_core.testing.crash_points.scenarios import next_process as next_process
from gitops_core.testing.crash_points.scenarios import observed as observed
from gitops_core.testing.crash_points.scenarios import what_is_there as what_is_there
from gitops_core.testing.crash_points.stories import STORIES as STORIES
from gitops_core.testing.crash_points.stories import Story as Story

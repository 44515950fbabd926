"""What ``import gitops_core`` costs whoever imports it."""

from __future__ import annotations

import json
import statistics
from typing import Final

from benchmarks.measuring import Report, Scale, fraction, measure_child

STATEMENTS: Final = {
    "package": "import gitops_core",
    "engine": "from gitops_core import Application, plan, reconcile",
    "yaml": "import yaml",
    "dulwich": "import dulwich.client, dulwich.repo",
    "kubernetes": "import kubernetes.client",
}
LIMIT_MS: Final = 80
LIMIT_MB: Final = 15

_CHILD: Final = """
import sys, time
import resource
def resident():
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
modules, memory, cpu, wall = set(sys.modules), resident(), time.process_time(), time.perf_counter()
exec(sys.argv[1])
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
loaded = set(sys.modules) - modules
print('{"cpu": %f, "wall": %f, "bytes": %d, "modules": %d, "clients": %d}' % (
    cpu, wall, resident() - memory, len(loaded), len(loaded & {"dulwich", "kubernetes"})))
"""


def run(scale: Scale) -> Report:
    """Import in new interpreters, in turns; the cost is what the statement itself adds to a bare one."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in STATEMENTS}
    bare: list[float] = []
    for turn in range(1 + 3 * scale.repetitions):
        seconds = measure_child("pass")[0].cpu
        answers = {name: json.loads(measure_child(_CHILD, statement)[1]) for name, statement in STATEMENTS.items()}
        if turn:  # the first one writes and loads bytecode
            bare.append(seconds)
            for name, answer in answers.items():
                found[name].append(answer)
    report = Report("Import")
    for name, statement in STATEMENTS.items():
        _add(report, statement, found[name], statistics.median(bare), ours=name in ("package", "engine"))
        report.counts[f"modules {name}"] = int(found[name][0]["modules"])
    report.counts["clients loaded"] = int(sum(found[name][0]["clients"] for name in ("package", "engine")))
    report.notes.append("Processor time and resident memory that the statement adds, in new interpreters, bytecode written.")
    return report


def _add(report: Report, statement: str, answers: list[dict[str, float]], bare: float, *, ours: bool) -> None:
    ms = statistics.median(a["cpu"] for a in answers) * 1e3
    megabytes = statistics.median(a["bytes"] for a in answers) / 1e6
    share = fraction(ms / 1e3 / bare)
    result = f"{ms:.1f} ms ({share} of a bare interpreter's start), {megabytes:.1f} MB, {answers[0]['modules']:.0f} modules"
    target = f"<= {LIMIT_MS} ms, <= {LIMIT_MB} MB" if ours else ""
    report.add(f"`{statement}`", result, target, is_met=ms <= LIMIT_MS and megabytes <= LIMIT_MB)

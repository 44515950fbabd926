"""``python -m benchmarks [NAME ...] [--quick]``: run all benchmarks or the named ones, and print Markdown."""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

if not __package__:  # run as a directory: python benchmarks
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.measuring import QUICK, Scale

NAMES = (
    "imports",
    "decode",
    "planning",
    "passes",
    "warm",
    "memory",
    "git_fetch",
    "diffs",
    "kubernetes",
    "state_in_cluster",
    "controller",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all without one")
    parser.add_argument("--quick", action="store_true", help="1,000 documents and 100 applications instead of 10,000 and 1,000")
    parser.add_argument("--repetitions", type=int, default=3, help="of each comparison")
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    base = QUICK if options.quick else Scale()
    scale = Scale(base.documents, options.repetitions, base.applications)
    print(machine(), flush=True)
    for name in options.names or NAMES:
        print(f"\n{importlib.import_module(f'benchmarks.{name}').run(scale).text()}", flush=True)


def machine() -> str:
    """Return where this runs."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("attrs", "dulwich", "jsonpatch", "PyYAML"))
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{platform.python_implementation()} {platform.python_version()}, {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} processors, load {load}; {versions}."
    )


if __name__ == "__main__":
    main()

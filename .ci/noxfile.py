"""
Every check, on every CPython of this machine: ``nox -f .ci/noxfile.py``.

``lint``        ruff, mypy (strict), the import contracts
``apiserver``   builds the kube-apiserver that the tests of Kubernetes run on, once per machine (minutes); without Go they are skipped
``tests``       the whole suite on the Python that runs nox, with the coverage gates
``deep``        the tests marked ``deep``: more examples, more seeds
``mutation``    changes model, planning and health one place at a time (an hour; only when asked for: ``-s mutation -- planning diff``)
``tests-3.x``   the fast suite (all but the tests marked ``slow``) on every other CPython that works here

The last lines name what was skipped and why, and count the tests.
"""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import nox

ROOT = Path(__file__).resolve().parent.parent
REPORTS = ROOT / ".nox" / "reports"
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
OLDEST = (3, 11)
EXPECTED = ((3, 11), (3, 12), (3, 13), (3, 14))
FULLY_COVERED = ("model/*", "planning/*", "health/*", "errors.py", "interfaces.py", "context.py")
BAD = ("failure", "error", "skipped")
STARTED = time.monotonic()


# ---------------------------------------------------------------------------------------------------------------------
# Which Pythons there are


def candidates() -> Iterator[Path]:
    """Yield what may be a Python: on PATH, and behind the shims of a version manager, newest version first."""
    places = [Path(place) for place in os.environ.get("PATH", "").split(os.pathsep) if place]
    for place in places:
        yield from sorted(place.glob("python3.[0-9]*"))
    for shims in (place for place in places if place.name == "shims"):
        homes = (shims.parent / "versions").glob("*/bin")
        for home in sorted(homes, key=lambda path: [int(n) for n in re.findall(r"\d+", path.parent.name)], reverse=True):
            yield from sorted(home.glob("python3.[0-9]*"))


def version_of(python: Path) -> tuple[int, int] | None:
    """Return the version of a CPython that really runs and has what a virtual environment needs, else None."""
    code = "import ensurepip, sys, venv; print(sys.implementation.name, *sys.version_info[:2])"
    try:
        found = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    words = found.stdout.split()
    return (int(words[1]), int(words[2])) if found.returncode == 0 and words[:1] == ["cpython"] else None


def interpreters() -> dict[tuple[int, int], Path]:
    """Return the first working CPython of every version that we support, but for the one that runs nox."""
    found: dict[tuple[int, int], Path] = {}
    for python in candidates():
        named = re.fullmatch(r"python3\.(\d+)", python.name)
        version = (3, int(named[1])) if named else OLDEST
        if named is None or version < OLDEST or version in found or version == sys.version_info[:2]:
            continue
        if version_of(python) == version:
            found[version] = python
    return dict(sorted(found.items()))


# ---------------------------------------------------------------------------------------------------------------------
# What is said at the end


@dataclasses.dataclass
class Closing:
    """What every session leaves for the last lines."""

    lines: list[str] = dataclasses.field(default_factory=list)
    skipped: list[str] = dataclasses.field(default_factory=list)
    failed: list[str] = dataclasses.field(default_factory=list)
    totals: Counter[str] = dataclasses.field(default_factory=Counter)

    @contextlib.contextmanager
    def session(self, name: str) -> Iterator[None]:
        """Note how a session, or a part of one, ends."""
        self.failed.append(name)
        yield
        self.failed.remove(name)
        self.lines.append(f"{name}: ok")

    def read(self, name: str, report: Path) -> None:
        """Add one session's JUnit report."""
        if not report.exists():
            return
        cases = list(ET.parse(report).getroot().iter("testcase"))
        counts = Counter(next((tag for tag in BAD if case.find(tag) is not None), "passed") for case in cases)
        self.totals += counts
        self.lines.append(f"{name}: {phrase(counts)}")
        reasons = Counter(node.get("message", "") for case in cases for node in case.iter("skipped"))
        self.skipped += [f"{name}: {count} test{'s' * (count > 1)}: {why}" for why, count in sorted(reasons.items())]

    def print(self) -> None:
        """Print the last lines of the run."""
        if self.lines or self.failed:
            print("", *self.lines, sep="\n")
            print(*(f"skipped: {text}" for text in self.skipped or ["nothing"]), sep="\n")
            print(*(f"FAILED: {name}\n" for name in self.failed), sep="", end="")
            print(f"===== {phrase(self.totals)} in {time.monotonic() - STARTED:.2f}s =====", flush=True)


def phrase(counts: Counter[str]) -> str:
    """Return counts as pytest writes them."""
    words = {"failure": "failed", "passed": "passed", "skipped": "skipped", "error": "errors"}
    return ", ".join(f"{counts[tag]} {word}" for tag, word in words.items() if counts[tag]) or "no tests ran"


closing = Closing()
atexit.register(closing.print)


# ---------------------------------------------------------------------------------------------------------------------
# Sessions


def prepare(session: nox.Session, *groups: str) -> None:
    """Install the project and dependency groups; work in the root of the checkout."""
    session.chdir(ROOT)
    session.install("-q", "-e", ".", *nox.project.dependency_groups(PROJECT, *groups))


def run_pytest(session: nox.Session, *arguments: str) -> None:
    """Run pytest on two processes, and keep its counts for the last lines whether it passes or not."""
    REPORTS.mkdir(parents=True, exist_ok=True)
    report = REPORTS / f"{session.name}.xml"
    report.unlink(missing_ok=True)
    version = session.run("python", "-c", "import platform; print(platform.python_version())", silent=True)
    try:
        session.run("pytest", "-n", "2", f"--junit-xml={report}", *arguments, *session.posargs)
    finally:
        closing.read(f"{session.name} (CPython {str(version).strip()})", report)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, types and import contracts."""
    with closing.session("lint"):
        prepare(session, "lint")
        session.run("ruff", "check", ".")
        session.run("ruff", "format", "--check", ".")
        session.run("mypy")
        session.run("lint-imports", "--no-cache")


@nox.session(venv_backend="none")
def apiserver(session: nox.Session) -> None:
    """Build a real kube-apiserver into the user's cache, before anything waits for it; what it took is said at the end."""
    sys.path.insert(0, str(ROOT / "tests/integration/kubernetes"))
    import apiserver_build

    started = time.monotonic()
    try:
        session.log(f"kube-apiserver: {apiserver_build.binary()}")
    except apiserver_build.Unavailable as reason:
        session.warn(str(reason))
        closing.skipped.append(f"apiserver: {reason}")
    else:
        closing.lines.append(f"apiserver: {apiserver_build.kubernetes_version()}, ready after {time.monotonic() - started:.0f} s")


@nox.session
def tests(session: nox.Session) -> None:
    """Run everything, and hold the coverage gates."""
    with closing.session("tests"):
        prepare(session, "test")
        session.run("coverage", "erase")
        run_pytest(session, "--cov", "--cov-report=")
    full = ",".join(f"*/gitops_core/{part}" for part in FULLY_COVERED)
    with closing.session("branch coverage of 95 %, and of 100 % for model, planning, health, errors and interfaces"):
        session.run("coverage", "report", "--skip-covered", "--fail-under=95")
        session.run("coverage", "report", "--skip-covered", "--show-missing", f"--include={full}", "--fail-under=100")


@nox.session
def deep(session: nox.Session) -> None:
    """Run the deep tests: more examples, more seeds, longer histories."""
    with closing.session("deep"):
        prepare(session, "test")
        run_pytest(session, "--deep", "-m", "deep")


@nox.session
def mutation(session: nox.Session) -> None:
    """Change one place of the code at a time and see whether a test notices; a package, and modules of it, may be named."""
    prepare(session, "test")
    for chosen in [session.posargs] if session.posargs else [["planning"], ["health"], ["model"]]:
        session.run("python", "tests/mutation/run.py", *chosen, "--report", str(REPORTS / f"mutants-{chosen[0]}.jsonl"))


def fast_tests(session: nox.Session) -> None:
    """Run the fast suite on another Python."""
    with closing.session(session.name):
        prepare(session, "test")
        closing.skipped.append(f"{session.name}: the tests marked slow; session tests runs them")
        run_pytest(session, "-m", "not slow")


nox.options.envdir = str(ROOT / ".nox")
nox.options.sessions = ["lint", "apiserver", "tests", "deep"]
others = interpreters()
for (major, minor), python in others.items():
    nox.session(fast_tests, python=str(python), name=f"tests-{major}.{minor}")
    nox.options.sessions.append(f"tests-{major}.{minor}")
for version in EXPECTED:
    if version not in others and version != sys.version_info[:2]:
        closing.skipped.append(f"CPython {version[0]}.{version[1]}: no working interpreter on this machine")

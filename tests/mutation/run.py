"""
Mutation testing: change one place of the code at a time, and see whether a test notices.

::

    python tests/mutation/run.py planning               # every mutant of a package: some minutes
    python tests/mutation/run.py planning diff guards   # two of its modules

The tests are collected and run once, which tells the functions that each one reaches. Then every mutant gets a forked process in
which the code of one live function is replaced, and only the tests that reach it run, until one fails. A mutant of code that runs
at import, and one that lives on, gets an interpreter of its own. One process at a time; nothing is written but the report, one
JSON object a line.
"""

from __future__ import annotations

import argparse
import functools
import gc
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time
import types
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from _pytest.runner import runtestprotocol
from mutants import Mutant, mutants

ROOT: Final = Path(__file__).resolve().parents[2]
SOURCE: Final = ROOT / "src" / "gitops_core"
PAGE: Final = ROOT / "docs" / "explanation" / "mutation-testing.md"
"""Says of each mutant that no test notices why that is right."""

TESTS: Final = {
    "planning": ("tests/unit/planning", "tests/unit/operations"),
    "health": ("tests/unit/health", "tests/unit/planning", "tests/unit/operations"),
    "model": (
        "tests/unit/model",
        "tests/golden",
        "tests/unit/planning",
        "tests/unit/operations",
        "tests/unit/state",
        "tests/unit/test_interfaces.py",
    ),
}
"""What may kill a mutant, the package's own tests first."""

CHOSEN: Final = "GITOPS_MUTANT"  # "path:number": the mutant that an interpreter of its own shall import
SECONDS: Final = 8.0  # after which a mutant that hangs counts as noticed
KILLED, SURVIVED, TIMEOUT, UNREACHED = "killed", "survived", "timeout", "unreached"
Memories = list[tuple[dict[Any, Any], dict[Any, Any]]]
Place = tuple[str, str]  # file and qualified name of an outermost function


class Reach:
    """Which tests call which functions of the modules, seen by a profiler during one run."""

    def __init__(self, files: set[str]) -> None:
        self._files = files
        self.tests: dict[Place, list[tuple[bool, str, float, int]]] = defaultdict(list)

    def measure(self, items: Sequence[pytest.Item], own: Path) -> None:
        """Run every item once; a test that fails now would kill every mutant, so it is an error."""
        for index, item in enumerate(items):
            called: set[Place] = set()
            begun = time.perf_counter()
            sys.setprofile(functools.partial(self._note, called))
            following = items[index + 1] if index + 1 < len(items) else None
            reports = runtestprotocol(item, nextitem=following, log=False)
            sys.setprofile(None)
            if any(report.failed for report in reports):
                raise SystemExit(f"{item.nodeid} fails without a mutant: {next(str(r.longrepr) for r in reports if r.failed)}")
            cost = (own not in item.path.parents, item.path.stem, time.perf_counter() - begun, index)
            for place in called:
                self.tests[place].append(cost)

    def _note(self, called: set[Place], frame: types.FrameType, event: str, _argument: object) -> None:
        if event == "call" and frame.f_code.co_filename in self._files:
            called.add((frame.f_code.co_filename, outermost(frame.f_code)))

    def of(self, place: Place) -> list[int]:
        """Return the tests that reach *place*, the most promising first: the module's, the package's, then the quick ones."""

        def promise(cost: tuple[bool, str, float, int]) -> tuple[bool, bool, float]:
            foreign, file, seconds, _ = cost
            return foreign, not is_near(file, Path(place[0]).stem), seconds

        return [cost[3] for cost in sorted(self.tests.get(place, []), key=promise)]


def is_near(test: str, module: str) -> bool:
    """Tell whether the file *test* is about *module*, or about details of everything."""
    return module in test or test.endswith(("_details", "_words", "_golden"))


def outermost(code: types.CodeType) -> str:
    """Return the qualified name of the function that *code* is a part of."""
    return code.co_qualname.partition(".<locals>")[0]


class Runner:
    """A pytest plug-in: instead of running the tests once it runs them for every mutant."""

    def __init__(self, package: str, modules: Sequence[str], report: Path, again: frozenset[str] | None) -> None:
        self.own = ROOT / TESTS[package][0]
        self.files = [path for path in sorted((SOURCE / package).glob("*.py")) if not modules or path.stem in modules]
        self.report = report
        self.package = package
        self.again = again
        self.begun: Memories = []

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Measure once, then try every mutant."""
        self.begun = memories()
        reach = Reach({str(path) for path in self.files})
        reach.measure(session.items, self.own)
        print(f"\n{len(session.items)} tests measured", flush=True)
        with self.report.open("w", encoding="utf-8") as out:
            for at_import in (False, True):  # what takes seconds each comes last
                for path in self.files:
                    self._module(session, reach, path, out, at_import=at_import)
        return True

    def _module(self, session: pytest.Session, reach: Reach, path: Path, out: Any, *, at_import: bool) -> None:
        source, counts = path.read_text(encoding="utf-8"), Counter[str]()
        for mutant in mutants(source):
            known = self.again is not None and f"{self.package}/{path.stem}:{mutant}" not in self.again
            if known or mutant.scope.endswith("()") is at_import:
                continue
            status = self._status(session, reach, path, mutant)
            counts[status] += 1
            fact = {"module": f"{self.package}/{path.stem}", "status": status, "scope": mutant.scope, "mutant": str(mutant)}
            print(json.dumps(fact, ensure_ascii=False), file=out, flush=True)
        if counts:
            print(f"{self.package}/{path.stem}{' at import' * at_import}: {dict(counts)}", flush=True)

    def _status(self, session: pytest.Session, reach: Reach, path: Path, mutant: Mutant) -> str:
        tests = TESTS[self.package]
        if not mutant.scope.endswith("()"):
            return in_an_interpreter(path, mutant, tests)
        items = [session.items[index] for index in reach.of((str(path), mutant.scope.removesuffix("()")))]
        status = in_a_fork(path, mutant, items, self.begun) if items else UNREACHED
        # What the function made at import, or what a memory kept, is still the old: only a fresh start tells.
        return in_an_interpreter(path, mutant, tests[:1]) if status in (SURVIVED, UNREACHED) else status


def in_a_fork(path: Path, mutant: Mutant, items: Sequence[pytest.Item], begun: Memories) -> str:
    """Replace the code of one function in a forked process and run *items* there until one fails."""
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(int(SECONDS))
        try:
            install(path, mutant)
            forget(begun)
            noticed = any(report.failed for item in items for report in runtestprotocol(item, nextitem=None, log=False))
        except BaseException:  # noqa: BLE001  # a mutant that cannot even be installed, or ends the process, is noticed
            noticed = True
        os._exit(1 if noticed else 0)
    _, ended = os.waitpid(child, 0)
    if os.WIFSIGNALED(ended):
        return TIMEOUT if os.WTERMSIG(ended) == signal.SIGALRM else KILLED
    return KILLED if os.WEXITSTATUS(ended) else SURVIVED


def install(path: Path, mutant: Mutant) -> None:
    """Give the live function, and what is nested in it, the code of *mutant*, wherever they are referred to."""
    name = mutant.scope.removesuffix("()")
    made = compile(mutant.applied(path.read_text(encoding="utf-8")), str(path), "exec")
    codes = {(code.co_qualname, code.co_firstlineno): code for code in _codes(made) if outermost(code) == name}
    for found in gc.get_objects():
        if isinstance(found, types.FunctionType) and found.__code__.co_filename == str(path):
            old = found.__code__
            new = codes.get((old.co_qualname, old.co_firstlineno))
            if new is not None and len(new.co_freevars) == len(old.co_freevars):
                found.__code__ = new


def memories() -> Memories:
    """Return every dictionary at the top of our modules, with what is in it now."""
    modules = [module for name, module in sys.modules.items() if name.startswith("gitops_core.")]
    return [(value, dict(value)) for module in modules for value in vars(module).values() if type(value) is dict]


def forget(begun: Memories) -> None:
    """Empty the caches, and put back what modules remembered before the first test."""
    for value, before in begun:
        if len(value) != len(before):
            value.clear()
            value.update(before)
    for found in gc.get_objects():
        if isinstance(found, functools._lru_cache_wrapper):
            found.cache_clear()


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield constant
            yield from _codes(constant)


def in_an_interpreter(path: Path, mutant: Mutant, tests: Sequence[str]) -> str:
    """Run the tests in a fresh interpreter that imports the mutant: those of the module first, then those of the package."""
    places = os.pathsep.join([str(SOURCE.parent), str(Path(__file__).parent)])
    environment = {**os.environ, CHOSEN: f"{path}:{mutant.number}", "PYTHONPATH": places}
    own = sorted((ROOT / tests[0]).rglob("test_*.py"), key=lambda test: (not is_near(test.stem, path.stem), test))
    for part in (list(map(str, own)), *([test] for test in tests[1:])):
        command = [sys.executable, "-m", "pytest", "-qx", "-p", "no:cacheprovider", "-p", "run", *part]
        try:
            ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=20 * SECONDS, check=False)
        except subprocess.TimeoutExpired:
            return TIMEOUT
        if ended.returncode:
            return KILLED
    return SURVIVED


class _Importer(importlib.abc.MetaPathFinder, importlib.machinery.SourceFileLoader):
    """Imports one module with one mutant in it."""

    def __init__(self, path: Path, number: int) -> None:
        parts = path.relative_to(SOURCE.parent).with_suffix("").parts
        super().__init__(".".join(parts), str(path))
        self._number = number

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        return importlib.util.spec_from_loader(fullname, self, origin=self.path) if fullname == self.name else None

    def get_code(self, fullname: str) -> types.CodeType:
        source = Path(self.path).read_text(encoding="utf-8")
        chosen = next(mutant for mutant in mutants(source) if mutant.number == self._number)
        return compile(chosen.applied(source), self.path, "exec")


def chosen_mutant() -> None:
    """In an interpreter of its own: import the mutant that the environment names."""
    place, _, number = os.environ.get(CHOSEN, "").rpartition(":")
    if place:
        sys.meta_path.insert(0, _Importer(Path(place), int(number)))


def read(report: Path) -> list[dict[str, str]]:
    """Return what a report says, a mapping for each mutant."""
    return [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines()]


def unnoticed(facts: list[dict[str, str]]) -> list[str]:
    """Return the mutants that no test noticed, as ``package/module:line: before  =>  after``."""
    return [f"{fact['module']}:{fact['mutant']}" for fact in facts if fact["status"] in (SURVIVED, UNREACHED)]


def justified(page: Path = PAGE) -> dict[tuple[str, str], str]:
    """Return why a mutant may live, by its module and what it changes; the line it is in does not matter."""
    rows = re.findall(r"^\| `(\w+/\w+)` \| `(.*?)` \| (.+) \|$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {(module, mutant.replace("\\|", "|")): why for module, mutant, why in rows}


def summary(report: Path) -> Iterator[str]:
    """Yield a line a module and one for all, and every mutant that nobody noticed and nobody has justified."""
    facts, known = read(report), justified()
    for module in [*dict.fromkeys(fact["module"] for fact in facts), ""]:
        counts = Counter(fact["status"] for fact in facts if module in ("", fact["module"]))
        noticed, total = counts[KILLED] + counts[TIMEOUT], sum(counts.values())
        if total:
            yield f"{module or 'all':<28} {noticed:>5} of {total:<5} {noticed / total:6.1%}"
    left = [text for text in unnoticed(facts) if nameless(text) not in known]
    yield f"{len(unnoticed(facts))} survived, {len(left)} of them without a reason in {PAGE.relative_to(ROOT)}"
    yield from left


def nameless(text: str) -> tuple[str, str]:
    """Return the module and the change of what :func:`unnoticed` returned, without its line."""
    module, _, rest = text.partition(":")
    return module, rest.partition(": ")[2]


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[1])
    parser.add_argument("package", choices=sorted(TESTS))
    parser.add_argument("modules", nargs="*", help="only these modules of it")
    parser.add_argument("--report", type=Path, help="where to write one JSON object a mutant (default: mutants-PACKAGE.jsonl)")
    parser.add_argument("--again", type=Path, help="an earlier report: try only what survived then")
    given = parser.parse_args()
    os.chdir(ROOT)
    os.nice(19 - os.nice(0))
    report = (given.report or Path(f"mutants-{given.package}.jsonl")).absolute()
    report.parent.mkdir(parents=True, exist_ok=True)
    again = frozenset(unnoticed(read(given.again))) if given.again else None
    runner = Runner(given.package, given.modules, report, again)
    ended = pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:xdist", *TESTS[given.package]], plugins=[runner])
    print(*summary(report), sep="\n")
    return int(ended)


if __name__ == "__main__":
    sys.exit(main())
chosen_mutant()

"""Runs a contract suite without pytest's collection: in a script, a notebook, or to measure the suite itself."""

from __future__ import annotations

import contextlib
import inspect
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import attrs
import pytest

from gitops_core.testing.contexts import make_context
from gitops_core.testing.promises import Promise, promises_of
from gitops_core.testing.target_bench import Bench


@attrs.frozen
class CheckResult:
    """
    How one check ended.

    Attributes:
        promise: What was checked.
        status: ``passed``, ``failed`` or ``skipped``.
        found: What the check saw: the error's text, or the reason of the skip.
    """

    promise: Promise
    status: str
    found: str = ""

    def __str__(self) -> str:
        told = f"\n  {self.found}\n  {self.promise.paragraph}" if self.status == "failed" else ""
        return f"{self.promise.name}: {self.status}{f' ({self.found})' if self.status == 'skipped' else ''}{told}"


@attrs.frozen
class SuiteReport:
    """How every check of a suite ended, by layer."""

    results: tuple[CheckResult, ...]

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        """The checks that failed."""
        return tuple(result for result in self.results if result.status == "failed")

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not self.failed

    def text(self) -> str:
        """Return a line of counts, and every failure in full."""
        counts = {status: sum(r.status == status for r in self.results) for status in ("passed", "failed", "skipped")}
        return "\n".join([", ".join(f"{count} {status}" for status, count in counts.items()), *map(str, self.failed)])


def run_suite(suite: type[Any], only: Callable[[Promise], bool] = lambda _: True) -> SuiteReport:
    """
    Run the checks of *suite*, each on an instance of its own, in a new empty directory.

    pytest does more (fixtures of your own, parameters, plug-ins); use it for your tests. This is for what has no test runner.

    Args:
        suite: A subclass of a contract suite, with the author's methods.
        only: Which checks to run.

    Example::

        report = run_suite(TestMyTarget)
        assert report.ok, report.text()
    """
    with tempfile.TemporaryDirectory() as directory:
        run = (_run(suite, promise, Path(directory) / promise.name) for promise in promises_of(suite) if only(promise))
        return SuiteReport(tuple(run))


def _run(suite: type[Any], promise: Promise, directory: Path) -> CheckResult:
    directory.mkdir()
    for number, case in enumerate(_cases(getattr(suite, promise.name))):
        try:
            (directory / str(number)).mkdir()
            _run_case(suite, promise.name, case, directory / str(number))
        except pytest.skip.Exception as reason:
            return CheckResult(promise, "skipped", str(reason))
        except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001  # why: a check may fail in any way
            told = str(error).partition("\nassert ")[0]  # without what pytest adds where it rewrites assertions
            return CheckResult(promise, "failed", f"{type(error).__name__}: {told}")
    return CheckResult(promise, "passed")


def _cases(function: Any) -> list[dict[str, Any]]:
    """Return the arguments of every case of a parametrised check; one case without arguments for any other."""
    marks = [mark for mark in getattr(function, "pytestmark", ()) if mark.name == "parametrize"]
    return [{mark.args[0]: value} for mark in marks for value in mark.args[1]] or [{}]


def _run_case(suite: type[Any], name: str, case: dict[str, Any], directory: Path) -> None:
    instance = suite()
    instance.tmp_path = instance.directory = directory
    wanted = [word for word in inspect.signature(getattr(suite, name)).parameters if word not in {"self", *case}]
    with contextlib.ExitStack() as stack:
        given: dict[str, Any] = {}
        for word in wanted:
            given[word] = stack.enter_context(_MAKERS[word](instance, given))
        getattr(instance, name)(**case, **given)


@contextlib.contextmanager
def _bench(suite: Any, _: dict[str, Any]) -> Iterator[Bench]:
    with suite.make_target() as target:
        yield Bench(target, make_context(clock=suite.clock))


_MAKERS: Final[dict[str, Callable[[Any, dict[str, Any]], Any]]] = {
    "bench": _bench,
    "example": lambda suite, _: contextlib.nullcontext(suite.examples()[0]),
    "renderer": lambda suite, _: suite.make_renderer(),
    "store": lambda suite, _: suite.make_store(),
    "twin": lambda suite, given: suite.reopen(given["store"]),
}
"""The fixtures of the suites, by name."""

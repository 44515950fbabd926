"""
Fixtures for pytest, there as soon as the library is installed, and silent until one is used.

================== ==========================================================================================
fixture            what it is
================== ==========================================================================================
gitops_world       a :class:`~gitops_core.testing.worlds.World`: an application and everything around it, in memory
gitops_target      its target: a ``MemoryTarget``; define a fixture of this name to test a target of your own
gitops_clock       its :class:`~gitops_core.testing.clock.VirtualClock`
gitops_repository  an empty :class:`~gitops_core.testing.builders.repositories.MemoryRepository`
gitops_git_server  smart HTTP over an empty repository on disk; needs the ``git`` command
gitops_ssh_key     a key that signs commits, one for the whole run; needs ``ssh-keygen``
gitops_recorder    what plug-ins report through ``gitops_context``
gitops_context     what every plug-in method gets first
gitops_snapshot    plans compared with files beside the test
================== ==========================================================================================

``--gitops-update-snapshots`` writes snapshots; ``-p no:gitops_core`` switches the plug-in off. Every import is in the fixture that
needs it: what is loaded before the tests begin costs every run of every project, and hides from its coverage.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from gitops_core.interfaces import Context, Target
    from gitops_core.testing.builders.repositories import MemoryRepository
    from gitops_core.testing.builders.signing import SshKey
    from gitops_core.testing.clock import VirtualClock
    from gitops_core.testing.contexts import Recorder
    from gitops_core.testing.git_server import GitHttpServer
    from gitops_core.testing.snapshots import Snapshot
    from gitops_core.testing.worlds import World


# -- fixtures ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def gitops_clock() -> VirtualClock:
    """A clock that only moves when told to, or waited on."""
    from gitops_core.testing.clock import VirtualClock

    return VirtualClock()


@pytest.fixture
def gitops_target() -> Target:
    """The target of ``gitops_world``; define a fixture of this name to put your own in its place."""
    from gitops_core.targets.memory import MemoryTarget

    return MemoryTarget()


@pytest.fixture
def gitops_world(gitops_clock: VirtualClock, gitops_target: Target) -> World:
    """An application and everything around it, in memory and on ``gitops_clock``."""
    from gitops_core.testing.worlds import World

    return World(target=gitops_target, clock=gitops_clock)


@pytest.fixture
def gitops_repository() -> MemoryRepository:
    """An empty Git repository in memory; ``gitops_repository.source()`` is the source of an application."""
    from gitops_core.testing.builders.repositories import MemoryRepository

    return MemoryRepository()


@pytest.fixture
def gitops_git_server(tmp_path: Path) -> Iterator[GitHttpServer]:
    """An HTTP server of an empty repository on disk; ``gitops_git_server.repository.commit(...)`` fills it."""
    from gitops_core.testing.git_server import GitRepository, serve_http

    with serve_http(GitRepository.create(tmp_path / "gitops.git").path) as server:
        yield server


@pytest.fixture(scope="session")
def gitops_ssh_key(tmp_path_factory: pytest.TempPathFactory) -> SshKey:
    """A key that signs commits and tags, the same for all tests of a run."""
    from gitops_core.testing.builders.signing import SshKey

    return SshKey.make(tmp_path_factory.mktemp("gitops_ssh_key") / "key")


@pytest.fixture
def gitops_recorder() -> Recorder:
    """Takes what plug-ins report through ``gitops_context``."""
    from gitops_core.testing.contexts import Recorder

    return Recorder()


@pytest.fixture
def gitops_context(gitops_recorder: Recorder, gitops_clock: VirtualClock) -> Context:
    """What every plug-in method gets first, on ``gitops_clock``."""
    from gitops_core.testing.contexts import make_context

    return make_context(gitops_recorder, clock=gitops_clock)


@pytest.fixture
def gitops_snapshot(request: pytest.FixtureRequest) -> Iterator[Snapshot]:
    """The snapshots of this test: ``gitops_snapshot.check(plan)``."""
    from gitops_core.testing.snapshots import Snapshot

    owner = f"{request.cls.__name__}." if request.cls else ""
    snapshot = Snapshot(request.path, owner + request.node.name, _updates(request.config))
    yield snapshot
    _tracker(request.config).add(map(str, snapshot.used), map(str, snapshot.written))


# -- snapshots: what was used, and what is stale -----------------------------------------------------------------------


class _Tracker:
    """What the tests of a run did with snapshots; with xdist each worker has one, and sends it to the controller."""

    def __init__(self) -> None:
        self.used: set[str] = set()
        self.written: set[str] = set()
        self.tests: dict[str, set[str]] = {}  # node ids by module, of the modules that use snapshots
        self.passed: set[str] = set()
        self.partly: set[str] = set()  # modules of which some tests were left out

    def add(self, used: Any, written: Any) -> None:
        self.used.update(used)
        self.written.update(written)

    def facts(self) -> dict[str, Any]:
        """Return everything in types that xdist can send."""
        tests = {module: sorted(ids) for module, ids in self.tests.items()}
        return {name: sorted(getattr(self, name)) for name in ("used", "written", "passed", "partly")} | {"tests": tests}

    def merge(self, facts: dict[str, Any]) -> None:
        """Add what another process saw."""
        for name in ("used", "written", "passed", "partly"):
            getattr(self, name).update(facts[name])
        for module, ids in facts["tests"].items():
            self.tests.setdefault(module, set()).update(ids)

    def whole(self) -> list[Path]:
        """Return the modules all of whose tests ran and passed: only they can tell that a snapshot is not needed."""
        return [Path(m) for m, ids in sorted(self.tests.items()) if m not in self.partly and ids <= self.passed]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            self.passed.add(report.nodeid)


_TRACKER = pytest.StashKey[_Tracker]()
_LEFT_OUT = pytest.StashKey[set[str]]()


def _tracker(config: pytest.Config) -> _Tracker:
    return config.stash.setdefault(_TRACKER, _Tracker())


def _updates(config: pytest.Config) -> bool:
    return bool(config.getoption("gitops_update_snapshots")) or os.environ.get("GITOPS_UPDATE_SNAPSHOTS", "0") not in ("", "0")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that writes snapshots."""
    group = parser.getgroup("gitops_core")
    group.addoption(
        "--gitops-update-snapshots", action="store_true", help="write the snapshots that are new or differ, remove stale ones"
    )


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Remember which modules run in part only."""
    for item in items:
        item.config.stash.setdefault(_LEFT_OUT, set()).add(str(item.path))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin to watch, when a test uses snapshots."""
    modules = {str(item.path) for item in session.items if "gitops_snapshot" in getattr(item, "fixturenames", ())}
    if not modules:
        return
    tracker = _tracker(session.config)
    for item in session.items:
        if str(item.path) in modules:
            tracker.tests.setdefault(str(item.path), set()).add(item.nodeid)
    chosen = (Path(session.config.invocation_params.dir, arg.partition("::")[0]) for arg in session.config.args if "::" in arg)
    tracker.partly |= session.config.stash.get(_LEFT_OUT, set()) | {str(path) for path in chosen}
    session.config.pluginmanager.register(tracker, "gitops_snapshots")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In a worker of xdist: hand over what was seen."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None and _TRACKER in session.config.stash:
        output["gitops_snapshots"] = session.config.stash[_TRACKER].facts()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """In the controller of xdist: take over what a worker saw."""
    facts = getattr(node, "workeroutput", {}).get("gitops_snapshots")
    if facts is not None:
        _tracker(node.config).merge(facts)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say which snapshots were written and which are stale; nothing, when there is nothing to say."""
    if _TRACKER not in config.stash:
        return
    from gitops_core.testing.snapshots import stale

    tracker, updates = config.stash[_TRACKER], _updates(config)
    unneeded = stale(tracker.whole(), {Path(path) for path in tracker.used})
    if updates:
        for path in unneeded:
            path.unlink()
    word = "removed" if updates else "stale (no test needs it; --gitops-update-snapshots removes it)"
    known = [("written", Path(path)) for path in sorted(tracker.written)] + [(word, path) for path in unneeded]
    lines = [f"{what}: {os.path.relpath(path, config.rootpath)}" for what, path in known]
    if lines:
        terminalreporter.section("gitops snapshots")
        for line in lines:
            terminalreporter.line(line)

"""What holds for every test: a clean environment, no network in unit and property tests, reproducible Hypothesis runs."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import pytest_socket

hypothesis.settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
hypothesis.settings.register_profile("explore", max_examples=2_000, deadline=None, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--deep``: run the tests marked ``deep`` too."""
    parser.addoption("--deep", action="store_true", help="run the tests marked deep too: more examples, more seeds")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip deep tests unless they were asked for, and say so."""
    if not config.getoption("--deep"):
        for item in items:
            if item.get_closest_marker("deep"):
                item.add_marker(pytest.mark.skip(reason="a deep test: pytest --deep runs it"))


HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "servers"))  # the programs that tests talk to are modules of their own
_OFFLINE = (HERE / "unit", HERE / "property", HERE / "docs")
_FOREIGN = ("GIT_", "SSH_", "XDG_", "PG", "KUBE", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_XDG = ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR")
_numbers = itertools.count()


@pytest.fixture(scope="session")
def _scrubbed_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Hide the developer's own environment: Git and SSH settings, proxies, clusters, databases, home."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.upper().startswith(_FOREIGN)]:
            patch.delenv(name)
        patch.setenv("HOME", str(home))
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        yield home


@pytest.fixture(autouse=True)
def _own_user_directories(_scrubbed_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test user directories of its own, so that no test finds another one's state; they are not created."""
    place = _scrubbed_home / "users" / str(next(_numbers))
    for name in _XDG:
        monkeypatch.setenv(name, str(place / name.removeprefix("XDG_").lower()))


@pytest.fixture(autouse=True)
def _no_network(request: pytest.FixtureRequest) -> Iterator[None]:
    """Refuse every socket but a local one in unit, property and documentation tests."""
    if not any(offline in request.path.parents for offline in _OFFLINE):
        yield
        return
    pytest_socket.disable_socket(allow_unix_socket=True)
    yield
    pytest_socket.enable_socket()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[object]:
    """One PostgreSQL server for all tests of a process; who kills it starts it again."""
    from throwaway_postgres import PostgresServer, program  # why here: few tests need it

    for name in ("initdb", "postgres", "psql"):
        if not program(name):
            pytest.skip(f"PostgreSQL's {name} is not here")
    server = PostgresServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def postgres(postgres_server: object) -> str:
    """Where the shared server is, as libpq has it."""
    return postgres_server.dsn


@pytest.fixture
def postgres_schema() -> str:
    """A schema name of this test's own."""
    return f"test_{next(_numbers)}"

"""The real parts, put together: Git over smart HTTP, manifests, a directory, a state file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import attrs
import pytest

from gitops_core import Application, Owner, apply, check, destroy, plan, reconcile
from gitops_core.engine.runtime import Runtime
from gitops_core.model.applications import Options
from gitops_core.renderers.manifests import ManifestsRenderer
from gitops_core.sources.git import GitSource
from gitops_core.state.sqlite import SqliteStore
from gitops_core.targets.directory import DirectoryTarget
from gitops_core.testing.git_server import GitHttpServer, GitRepository, serve_http

OPTIONS = Options(backoff=0.01, backoff_cap=0.05, health_interval=0.02, verify_timeout=0.1, health_timeout=1.0, deadline=30.0)


def page(name: str, text: str = "hello", notes: str = "") -> str:
    """Return the manifest of ``www/NAME.html``."""
    annotations = f", annotations: {{{notes}}}" if notes else ""
    return f"kind: File\nmetadata: {{name: www/{name}.html{annotations}}}\nspec:\n  content: {text!r}\n"


@attrs.define(kw_only=True)
class Edge:
    """One application on real parts."""

    home: Path
    repository: GitRepository
    server: GitHttpServer
    store: SqliteStore
    settings: dict = attrs.field(factory=dict)

    @property
    def app(self) -> Application:
        return Application(**{**self.defaults, **self.settings})

    @property
    def defaults(self) -> dict:
        source = GitSource(self.server.url, ref="main", path="edge", cache_dir=self.home / "cache")
        return {
            "name": "edge", "owner": Owner("example.org", "tests"), "source": source, "renderer": ManifestsRenderer(),
            "target": DirectoryTarget(self.srv), "options": OPTIONS,
        }  # fmt: skip

    @property
    def srv(self) -> Path:
        return self.home / "srv"

    def commit(self, files: Mapping[str, object], **facts: str) -> str:
        """Commit *files*, given relative to ``edge/``."""
        return self.repository.commit({f"edge/{path}": content for path, content in files.items()}, **facts)

    def files(self) -> dict[str, str]:
        """Return every file below the target's root."""
        found = sorted(path for path in self.srv.rglob("*") if path.is_file())
        return {str(path.relative_to(self.srv)): path.read_text() for path in found}

    def pages(self) -> dict[str, str]:
        return {Path(name).stem: text for name, text in self.files().items()}

    def reconcile(self, **runtime: object):
        return reconcile(self.app, store=self.store, runtime=Runtime(**runtime))

    def plan(self):
        return plan(self.app, store=self.store)

    def check(self):
        return check(self.app, store=self.store)

    def destroy(self):
        return destroy(self.app, store=self.store)

    def apply(self, saved):
        return apply(saved, self.app, store=self.store)

    def owned(self) -> set[str]:
        return {key.name for key in self.store.inventory(self.app.id).entries}


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[Edge]:
    """Return an application with two pages, not yet reconciled."""
    repository = GitRepository.create(tmp_path / "edge.git")
    with serve_http(repository.path) as server, SqliteStore(tmp_path / "state" / "state.sqlite3") as store:
        made = Edge(home=tmp_path, repository=repository, server=server, store=store)
        made.commit({"index.yaml": page("index"), "about.yaml": page("about")})
        yield made


@pytest.fixture
def make_page():
    return page


@pytest.fixture
def stopped():
    """Stops a client of PostgreSQL in the midst of a transaction, for a while; when it goes on it finds that its session was ended."""
    from gitops_core.errors import StateUnavailable
    from gitops_core.postgres_api.sessions import transaction

    @contextmanager
    def stop(sessions, application=""):
        with ExitStack() as way:
            connection = way.enter_context(sessions.lend(application))
            way.enter_context(transaction(connection))
            yield connection
            with pytest.raises(StateUnavailable):
                way.close()

    return stop

"""What crosses the wire: a thousand applications of one repository, and one commit more, beside the git command."""

from __future__ import annotations

import os
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from benchmarks import workloads
from benchmarks.measuring import Report, Samples, Scale, Spent, measure, times
from gitops_core import ReconcileResult, reconcile
from gitops_core.sources.git import GitSource
from gitops_core.state.memory import MemoryStore
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.contexts import make_context
from gitops_core.testing.git_server import GitHttpServer, GitRepository, serve_http

_THREADS: Final = 8
_MEMORABLE: Final = 60.0  # seconds for which a listing of refs is believed


def run(scale: Scale) -> Report:
    """Serve one repository over smart HTTP and count what it is asked."""
    report = Report("Git on the wire")
    for name, max_age in (("asked on every pass", 0.0), (f"listings believed for {_MEMORABLE:.0f} s", _MEMORABLE)):
        _share(report, scale, name, max_age)
    _beside_git(report, scale)
    report.notes.append(
        "Requests and bytes as the server saw them, bodies only. An ls-remote is a request for refs and, with protocol version 2, a "
        "second one for the branch; a pack is one request. `git` is the command, with `--depth 1`, since the whole history is not "
        "what a pass needs. Wall time, the server's included: it is the same for both."
    )
    return report


def _share(report: Report, scale: Scale, name: str, max_age: float) -> None:
    """Reconcile one application per directory, all from one repository, eight at a time."""
    with tempfile.TemporaryDirectory() as home:
        git = GitRepository.create(Path(home, "shop.git"))
        git.commit({f"apps/a{i}/site.yaml": text for i, text in enumerate(workloads.repository(scale.applications).values())})
        with serve_http(git.path) as server:
            results = _reconcile_all(server.url, Path(home), scale.applications, max_age)
            listings, packs, requests = server.count("refs"), server.count("fetch"), len(server.requests)
    what = f"{scale.applications:,} applications of one repository, {name}"
    report.add(
        what, f"{packs} pack, {listings:,} ls-remotes, {requests:,} requests, {server.sent:,} bytes", "1 fetch", is_met=packs == 1
    )
    report.counts |= {f"{name}: packs": packs, f"{name}: objects": sum(result.cost.writes for result in results)}
    if max_age:  # otherwise it depends on how many ask at the same time
        report.counts[f"{name}: resolves"] = sum(result.cost.resolves for result in results)


def _reconcile_all(url: str, home: Path, applications: int, max_age: float) -> list[ReconcileResult]:
    store, target = MemoryStore(), MemoryTarget()
    sources = [
        GitSource(url, ref="main", path=f"apps/a{i}", max_age=max_age, cache_dir=home / "cache") for i in range(applications)
    ]
    apps = [workloads.application(source, target, f"a{i}") for i, source in enumerate(sources)]
    with ThreadPoolExecutor(_THREADS) as pool:
        results = list(pool.map(lambda app: reconcile(app, store=store), apps))
    for source in sources:
        source.close()
    if not all(result.ok for result in results):
        raise RuntimeError(next(result.text() for result in results if not result.ok))
    return results


def _beside_git(report: Report, scale: Scale) -> None:
    """Fetch everything, then one commit with one changed file, with each of the two from a server of its own count."""
    samples, bytes_, requests = Samples(), dict[str, int](), dict[str, int]()
    for turn in range(scale.repetitions):
        with tempfile.TemporaryDirectory() as home:
            git = GitRepository.create(Path(home, "shop.git"))
            git.commit(workloads.repository(scale.documents))
            with serve_http(git.path) as server:
                spent, bytes_, requests = _both(git, server, Path(home), scale.documents, ours_first=turn % 2 == 1)
            samples.add(spent)
    for what in ("everything", "one file", "nothing new"):
        ratio = times([samples.ratio(f"ours: {what}", f"git: {what}", "wall")])
        ours, theirs = (f"{requests[f'{who}: {what}']} requests, {bytes_[f'{who}: {what}']:,} bytes" for who in ("ours", "git"))
        report.add(f"{scale.documents:,} files, {what}, against `git fetch`", f"{ratio} its time; {ours} against {theirs}")
        report.counts |= {f"{who}: {what}: requests": requests[f"{who}: {what}"] for who in ("ours", "git")}


def _both(
    git: GitRepository, server: GitHttpServer, home: Path, documents: int, *, ours_first: bool
) -> tuple[dict[str, Spent], dict[str, int], dict[str, int]]:
    spent: dict[str, Spent] = {}
    bytes_: dict[str, int] = {}
    requests: dict[str, int] = {}
    context, mirror = make_context(), home / "mirror.git"
    _git("init", "--quiet", "--bare", str(mirror))
    fetch = ("-C", str(mirror), "fetch", "--quiet", "--depth=1", server.url, "+main:main")
    with GitSource(server.url, ref="main", cache_dir=home / "cache") as source:
        works = {"git": lambda: _git(*fetch), "ours": lambda: source.fetch(context, source.resolve(context)).files}
        for what in ("everything", "one file", "nothing new"):
            if what == "one file":
                git.commit(workloads.one_change(documents))
            for who in ("ours", "git") if ours_first else ("git", "ours"):
                seen, sent = len(server.requests), server.sent
                spent[f"{who}: {what}"] = measure(works[who])[0]
                requests[f"{who}: {what}"] = len(server.requests) - seen
                bytes_[f"{who}: {what}"] = server.sent - sent
    return spent, bytes_, requests


def _git(*arguments: str) -> None:
    environment = {**os.environ, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}
    subprocess.run(["git", *arguments], check=True, capture_output=True, env=environment)

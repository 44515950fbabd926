"""
One controller of several: what test_members.py starts, kills and stops.

Usage: ``controller_process.py FACTS``: a JSON object. ``engine`` is ``kubernetes`` or ``postgres``, where members agree and state is kept;
objects are always in the cluster, in ``namespace``. ``kubeconfig`` leads to it; ``coordinator`` and ``store`` are kubeconfigs, too, where
these are reached by another way. Applications are the folders of ``root``, or of the repository ``git``. Says a line of JSON whenever
what it works on has changed, or what is wrong with it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from gitops_core import Application, Owner
from gitops_core.controller.controller import Controller
from gitops_core.controller.limits import ControllerLimits
from gitops_core.controller.status import ControllerStatus, Phase
from gitops_core.coordination.pace import Pace
from gitops_core.interfaces import Source
from gitops_core.kubernetes_api.connections import Connection
from gitops_core.model.applications import Options
from gitops_core.model.rosters import Member
from gitops_core.renderers.manifests import ManifestsRenderer
from gitops_core.sources.directory import DirectorySource
from gitops_core.targets.kubernetes.settings import KubernetesSettings
from gitops_core.targets.kubernetes.target import KubernetesTarget
from gitops_core.testing.worlds import OPEN

PACE = Pace(interval=0.5, validity=2.0, duration=3.0)
LEASE = 3.0  # seconds that the store keeps an application for a pass that died
OWNER = Owner("example.org", "engine")
OPTIONS = Options(interval=4.0, lock_timeout=0.5, backoff=0.05, backoff_cap=0.5)


def shared(facts: dict):
    """Return the coordinator and the store."""
    if facts["engine"] == "postgres":
        dsn, schema = facts["dsn"], facts["schema"]
        from gitops_core.coordination.postgres import PostgresCoordinator
        from gitops_core.state.postgres import PostgresSettings, PostgresStore

        settings = PostgresSettings(schema, timeout=LEASE, abandoned_after=LEASE)
        return PostgresCoordinator(dsn, OWNER, schema=f"{schema}_c", pace=PACE), PostgresStore(dsn, settings)
    from gitops_core.coordination.kubernetes import KubernetesLeases
    from gitops_core.state.kubernetes.store import KubernetesStore, StoreSettings

    ways = {part: Connection.from_kubeconfig(facts.get(part, facts["kubeconfig"])) for part in ("coordinator", "store")}
    store = KubernetesStore(ways["store"], OWNER, facts["namespace"], settings=StoreSettings(lease=LEASE, timeout=1.0))
    return KubernetesLeases(ways["coordinator"], OWNER, facts["namespace"], pace=PACE), store


def source_of(facts: dict, folder: Path) -> Source:
    """Return where the files of an application are."""
    if "git" not in facts:
        return DirectorySource(folder)
    from gitops_core.sources.git import GitSource
    from gitops_core.sources.git.settings import Transport

    quick = Transport(connect_timeout=1.0, read_timeout=1.0, timeout=2.0)
    return GitSource(facts["git"], ref="main", path=folder.name, cache_dir=Path(facts["cache"]), transport=quick)


def main() -> None:
    """Work until stopped."""
    facts = json.loads(sys.argv[1])
    name, connection = facts["id"], Connection.from_kubeconfig(facts["kubeconfig"])
    coordinator, store = shared(facts)
    target = KubernetesTarget(connection, KubernetesSettings(namespace=facts["namespace"]))
    apps = [
        Application(
            name=folder.name,
            owner=OWNER,
            source=source_of(facts, folder),
            renderer=ManifestsRenderer(),
            target=target,
            guard=OPEN,
            options=OPTIONS,
        )
        for folder in sorted(Path(facts["root"]).iterdir())
    ]
    said = None

    def say(status: ControllerStatus) -> bool:
        nonlocal said
        ours = [s for s in status.applications.values() if s.phase is not Phase.ELSEWHERE]
        held = {s.application: s.phase.value for s in ours}
        errors = sorted({f"{s.last_error.error}: {s.last_error.message}" for s in ours if s.last_error is not None})
        if (held, errors, status.error) != said:
            said = (held, errors, status.error)
            word = {"id": name, "at": time.monotonic(), "held": held, "errors": errors, "error": status.error}
            os.write(1, json.dumps(word).encode() + b"\n")
        return False

    limits = ControllerLimits(poll=1.0, backoff=0.2, backoff_cap=1.0)
    Controller(apps, store=store, limits=limits, coordinator=coordinator, member=Member(name)).run(until=say)


if __name__ == "__main__":
    main()

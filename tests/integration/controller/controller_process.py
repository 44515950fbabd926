"""
One controller of several: what test_members.py starts, kills and stops.

Usage: ``controller_process.py ENGINE KUBECONFIG DSN SCHEMA ID ROOT``: ENGINE is ``kubernetes`` or ``postgres``, where members agree and state
is kept; objects are always in the cluster. Applications are the folders of ROOT. Says a line of JSON whenever what it works on has changed.
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


def shared(engine: str, connection: Connection, dsn: str, schema: str):
    """Return the coordinator and the store."""
    if engine == "postgres":
        from gitops_core.coordination.postgres import PostgresCoordinator
        from gitops_core.state.postgres import PostgresSettings, PostgresStore

        return PostgresCoordinator(dsn, OWNER, schema=f"{schema}_c", pace=PACE), PostgresStore(dsn, PostgresSettings(schema))
    from gitops_core.coordination.kubernetes import KubernetesLeases
    from gitops_core.state.kubernetes.store import KubernetesStore, StoreSettings

    store = KubernetesStore(connection, OWNER, "default", settings=StoreSettings(lease=LEASE))
    return KubernetesLeases(connection, OWNER, "default", pace=PACE), store


def main() -> None:
    """Work until stopped."""
    engine, kubeconfig, dsn, schema, name, root = sys.argv[1:]
    connection = Connection.from_kubeconfig(kubeconfig)
    coordinator, store = shared(engine, connection, dsn, schema)
    target = KubernetesTarget(connection, KubernetesSettings(namespace="default"))
    apps = [
        Application(
            name=folder.name,
            owner=OWNER,
            source=DirectorySource(folder),
            renderer=ManifestsRenderer(),
            target=target,
            guard=OPEN,
            options=OPTIONS,
        )
        for folder in sorted(Path(root).iterdir())
    ]
    said = None

    def say(status: ControllerStatus) -> bool:
        nonlocal said
        held = {s.application: s.phase.value for s in status.applications.values() if s.phase is not Phase.ELSEWHERE}
        if held != said:
            said = held
            os.write(1, json.dumps({"id": name, "at": time.monotonic(), "held": held}).encode() + b"\n")
        return False

    limits = ControllerLimits(poll=1.0, backoff=0.2, backoff_cap=1.0)
    Controller(apps, store=store, limits=limits, coordinator=coordinator, member=Member(name)).run(until=say)


if __name__ == "__main__":
    main()

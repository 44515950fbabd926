"""A throw-away PostgreSQL server on a socket of its own, run as a user that is not root, because PostgreSQL refuses root."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """Start a server and yield its connection string; skips where there is none."""
    for program in ("initdb", "postgres", "psql"):
        if not shutil.which(program):
            pytest.skip(f"PostgreSQL's {program} is not here")
    home = Path(tempfile.mkdtemp(prefix="pg-"))
    who = {"user": "nobody"} if os.geteuid() == 0 else {}
    if who:
        shutil.chown(home, "nobody")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **who}
    subprocess.run(["initdb", "-D", home / "data", "-A", "trust", "-U", "postgres", "--no-sync"], check=True, **quiet)
    options = ["-c", "listen_addresses=", "-c", "fsync=off", "-c", f"unix_socket_directories={home}"]
    server = subprocess.Popen(["postgres", "-D", home / "data", *options], **quiet)
    dsn = f"host={home} user=postgres dbname=postgres"
    try:
        for _ in range(200):
            if subprocess.run(["psql", "-d", dsn, "-c", "SELECT 1"], capture_output=True, check=False).returncode == 0:
                break
            time.sleep(0.05)
        yield dsn
    finally:
        server.terminate()
        server.wait(20)
        shutil.rmtree(home, ignore_errors=True)

"""A throw-away PostgreSQL server for tests: on a Unix socket, in a directory of its own, killed and restarted at will."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

_PLACES = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)  # where Debian keeps them


def program(name: str) -> str | None:
    """Return the path of one of PostgreSQL's programs, None where there is none."""
    return shutil.which(name) or shutil.which(name, path=os.pathsep.join(_PLACES))


class PostgresServer:
    """Run as a user that is not root, because PostgreSQL refuses root."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="pg-"))
        self._who = {}
        if os.geteuid() == 0:
            self._who = {"user": "nobody"}
            shutil.chown(self.home, "nobody")
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **self._who}
        subprocess.run(
            [program("initdb"), "-D", self.home / "data", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync"],
            check=True,
            **quiet,
        )
        self.dsn = f"host={self.home} user=postgres dbname=postgres"
        self.options = ["-c", "listen_addresses=", "-c", "fsync=off", "-c", f"unix_socket_directories={self.home}"]
        self.start()

    @property
    def log(self) -> Path:
        return self.home / "log"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [program("postgres"), "-D", self.home / "data", *self.options], stdout=log, stderr=log, **self._who
            )
        for _ in range(400):
            if (
                subprocess.run([program("psql"), "-d", self.dsn, "-c", "SELECT 1"], capture_output=True, check=False).returncode
                == 0
            ):
                return
            time.sleep(0.05)
        raise AssertionError(self.log.read_text(errors="replace")[-2000:])

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """SIGQUIT is "immediate": sessions are cut, nothing is flushed, the next start recovers."""
        self.process.send_signal(how)
        self.process.wait(30)

    def close(self) -> None:
        if self.process.poll() is None:
            self.stop()
        shutil.rmtree(self.home, ignore_errors=True)

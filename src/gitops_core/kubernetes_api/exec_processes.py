"""Run a program that prints a little: bounded in time and size, without a terminal, and none of its words kept."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping
from typing import IO, Protocol, cast

from gitops_core.errors import ConfigError, Transient

_CHUNK = 64 * 1024


class Program(Protocol):
    """What is run, and whose it is."""

    @property
    def command(self) -> str: ...
    @property
    def arguments(self) -> tuple[str, ...]: ...
    @property
    def environment(self) -> Mapping[str, str]: ...
    @property
    def user(self) -> str: ...


def run_bounded(program: Program, timeout: float, limit: int) -> bytes:
    """
    Return what *program* prints. Its input is empty; what it writes to its error output is dropped, because it may name secrets.

    Args:
        program: What to run. It gets a process group of its own, which is killed at the end of the time.
        timeout: Seconds.
        limit: Most bytes.

    Raises:
        ConfigError: It cannot be started, or prints too much. STALL.
        Transient: It fails, or takes too long. RETRY.
    """
    try:
        process = subprocess.Popen(
            [program.command, *program.arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(program.environment),
            start_new_session=True,
        )
    except OSError as error:
        cure = "check that it can be executed"
        raise ConfigError(f"credential plug-in of {program.user}: {program.command}: {error.strerror}; {cure}") from None
    try:
        return _finish(process, program, time.monotonic() + timeout, limit)
    finally:
        _end(process)


def _finish(process: subprocess.Popen[bytes], program: Program, until: float, limit: int) -> bytes:
    output = bytearray()
    pipe = cast("IO[bytes]", process.stdout)
    while chunk := _next(pipe, program, until):
        output += chunk
        if len(output) > limit:
            raise ConfigError(
                f"credential plug-in of {program.user}: printed more than {limit:,} bytes; run {program.command} by hand to see, or "
                "raise ConnectionSettings.exec_output_bytes"
            )
    try:
        code = process.wait(max(0.0, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise _too_slow(program) from None
    if code != 0:
        raise Transient(
            f"credential plug-in of {program.user}: failed with code {code}; run {program.command} by hand to see why"
        )
    return bytes(output)


def _next(pipe: IO[bytes], program: Program, until: float) -> bytes:
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        if not selector.select(max(0.0, until - time.monotonic())):
            raise _too_slow(program)
    return os.read(pipe.fileno(), _CHUNK)


def _too_slow(program: Program) -> Transient:
    cure = "it may wait for a login: run it by hand, or raise ConnectionSettings.exec_timeout"
    return Transient(f"credential plug-in of {program.user}: {program.command} did not end in time; {cure}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing behind that did not end in time: neither the program, nor what it started, nor the pipe."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.stdout is not None:
        process.stdout.close()

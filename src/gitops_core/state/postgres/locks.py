"""Who works on an application: an advisory lock of a session, which the server takes back when the session ends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from gitops_core.errors import StateLocked, StateUnavailable
from gitops_core.postgres_api.forks import follow_forks
from gitops_core.postgres_api.sessions import Session, Sessions
from gitops_core.state.locks import ThreadLocks
from gitops_core.state.postgres.schema import lock_number

_FIRST_POLL: Final = 0.002
_LONGEST_POLL: Final = 0.05
_HOLDER: Final = """
    SELECT l.pid, coalesce(a.application_name, ''), coalesce(host(a.client_addr), ''),
           CASE WHEN a.wait_event_type = 'Client' AND a.state_change < clock_timestamp() - make_interval(secs => %s)
                THEN pg_terminate_backend(l.pid) ELSE false END
    FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.pid <> pg_backend_pid()
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND (l.classid::bigint << 32 | l.objid::bigint) = %s"""


class SessionLocks:
    """
    One lock for each application, for every thread of every process that uses the same schema.

    Args:
        sessions: What holds them.
        silence: Seconds without a word after which a session that holds one may be ended by who waits.
    """

    def __init__(self, sessions: Sessions, silence: float) -> None:
        self._sessions, self._silence = sessions, silence
        self._threads = ThreadLocks()
        follow_forks(self)

    @contextmanager
    def hold(self, application: str, timeout: float) -> Iterator[None]:
        """
        Keep everybody else out of *application* while the block runs. Not reentrant.

        Raises:
            StateLocked: Still held after *timeout* seconds; names the session that holds it. RETRY.
            StateUnavailable: The server cannot be reached. RETRY.

        Cost: one round trip to take it, one to let go.
        """
        deadline = time.monotonic() + timeout
        with self._threads.hold(application, timeout):
            session = self._acquire(application, deadline)
            if session is None:
                raise StateLocked(f"{application}: {self._holder(application)} works on it; waited {timeout:g} s")
            try:
                yield
            finally:
                self._release(application, session)

    def after_fork(self) -> None:
        """Start anew in a forked child: the threads that hold these locks are not in it."""
        self._threads = ThreadLocks()

    def _number(self, application: str) -> int:
        return lock_number(self._sessions.address.schema, application)

    def _acquire(self, application: str, deadline: float) -> Session | None:
        pause = _FIRST_POLL
        while (session := self._try(application)) is None:
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            time.sleep(min(pause, left))
            pause = min(2 * pause, _LONGEST_POLL)
        return session

    def _try(self, application: str) -> Session | None:
        with self._sessions.session() as session:
            found = session.connection.execute("SELECT pg_try_advisory_lock(%s)", (self._number(application),)).fetchone()
            if not (found and found[0]):
                return None
            self._sessions.bind(application, session)
            return session

    def _release(self, application: str, session: Session) -> None:
        if not self._sessions.holds(application, session):  # the session has ended, or this is a child that was forked inside
            self._sessions.unbind(application, session)
            return
        try:
            with self._sessions.lend(application) as connection:
                connection.execute("SELECT pg_advisory_unlock(%s)", (self._number(application),))
        except StateUnavailable:
            session.lost = True  # it cannot be told to let go, so it ends, which lets go as well
            session.connection.close()
        finally:
            self._sessions.unbind(application, session)

    def _holder(self, application: str) -> str:
        """Return who has it, for the message; ends a session that has been silent for too long, for whoever tries next."""
        with self._sessions.lend() as connection:
            found = connection.execute(_HOLDER, (self._silence, self._number(application))).fetchone()
        if found is None:
            return "another session"
        pid, program, host, ended = found
        who = f"session {pid} ({program or 'unnamed'}{f' from {host}' if host else ''})"
        return f"{who}, silent for {self._silence:g} s and therefore ended now," if ended else who

"""
A bounded number of connections, each lent to one thread at a time.

An application that is held belongs to the session that has its lock, and everything about it goes through that very session: when
the session has ended, and the lock with it, nothing of the old holder can be written any more.
"""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import attrs

from gitops_core.errors import StateUnavailable
from gitops_core.postgres_api.addresses import Address, Connection
from gitops_core.postgres_api.driver import psycopg
from gitops_core.postgres_api.failures import ends_session, translated
from gitops_core.postgres_api.forks import follow_forks


@attrs.define(eq=False)
class Session:
    """
    One connection.

    Attributes:
        connection: Open, outside of a transaction, while nobody uses it.
        busy: Lent to a thread.
        holds: How many applications it has the lock of.
        lost: The server ended it, or it broke: its locks are gone.
    """

    connection: Connection
    busy: bool = True
    holds: int = 0
    lost: bool = False

    def is_alive(self) -> bool:
        """Tell whether an idle connection can still be used. Cost: a system call, no round trip."""
        poll = select.poll()
        poll.register(self.connection.fileno(), select.POLLIN)
        try:
            while poll.poll(0):  # the server says something, unasked: that it stops, or a notice
                self.connection.pgconn.consume_input()
                if self.connection.closed:
                    return False
        except psycopg.Error:
            return False
        return True


class Sessions:
    """
    The connections to one database. Safe between threads; no lock is held while the server works.

    Args:
        address: What to open.
        prepare: Called with the first connection before anything else, and again after every failure.
        limit: Connections opened at most; each is opened when needed.

    Cost: nothing to make; no round trip for a session that is open.
    """

    def __init__(self, address: Address, prepare: Callable[[Connection, Address], None], limit: int = 1) -> None:
        self.address = address
        self._prepare, self._limit = prepare, limit
        self._prepared = False
        self._changed = threading.Condition()
        self._sessions: list[Session] = []
        self._opening = 0
        self._held: dict[str, Session] = {}
        follow_forks(self)

    @contextmanager
    def lend(self, application: str = "") -> Iterator[Connection]:
        """
        Lend the session that holds *application*, or any.

        Raises:
            StateUnavailable: No session became free within ``timeout`` seconds, or the one that held *application* is gone. RETRY.
        """
        with self.session(application) as session:
            yield session.connection

    @contextmanager
    def session(self, application: str = "") -> Iterator[Session]:
        """Lend a session as a whole; like :meth:`lend`."""
        session = self._take(application)
        failed = True
        try:
            with translated(self.address.place):
                try:
                    if not self._prepared:
                        self._prepare(session.connection, self.address)
                        self._prepared = True
                    yield session
                    failed = False
                except BaseException as error:  # an interrupt may have come after a lock was taken and before that was noted
                    session.lost = session.lost or ends_session(error) or not isinstance(error, Exception)
                    raise
        finally:
            self._give_back(session, failed=failed)

    def bind(self, application: str, session: Session) -> None:
        """Note that *session*, which is lent to the caller, has the lock of *application*."""
        with self._changed:
            self._held[application] = session
            session.holds += 1

    def unbind(self, application: str, session: Session) -> None:
        """Note that *session* does not have the lock of *application* any more; a no-op when it had not."""
        with self._changed:
            if self._held.get(application) is session:
                del self._held[application]
                session.holds -= 1

    def holds(self, application: str, session: Session) -> bool:
        """Tell whether *session* has the lock of *application*."""
        with self._changed:
            return self._held.get(application) is session and not session.lost

    def close(self) -> None:
        """End all sessions, and with them all locks; the next call opens new ones."""
        with self._changed:
            ended, self._sessions, self._prepared = self._sessions, [], False
            for session in ended:
                session.lost = True
        for session in ended:
            session.connection.close()

    def after_fork(self) -> None:
        """Start anew in a forked child: connections and locks are its parent's, and not even ended from here."""
        _ABANDONED.extend(self._sessions)
        self._changed = threading.Condition()  # perhaps held, by a thread that is not here
        self._sessions, self._opening, self._held = [], 0, {}

    def _take(self, application: str) -> Session:
        deadline = time.monotonic() + self.address.timeout
        dead: list[Session] = []
        try:
            with self._changed:
                while (session := self._free(application, dead)) is None:
                    if self._may_open(application):
                        self._opening += 1
                        break
                    left = deadline - time.monotonic()
                    if left <= 0 or not self._changed.wait(left):
                        raise StateUnavailable(
                            f"{self.address.place}: all {len(self._sessions)} sessions were busy for "
                            f"{self.address.timeout:g} s; allow more of them, or look what they do"
                        )
        finally:
            for broken in dead:
                broken.connection.close()
        return session or self._open()

    def _free(self, application: str, dead: list[Session]) -> Session | None:
        """Return a session that may be used, marked as busy. The caller has the lock, and closes the *dead* ones without it."""
        bound = self._held.get(application)
        for session in [bound] if bound else sorted(self._sessions, key=_load):
            if not session.busy and not session.lost and not session.is_alive():
                session.lost = True
                self._sessions.remove(session)
                dead.append(session)
            elif not session.busy and not session.lost:
                session.busy = True
                return session
        if bound and bound.lost:
            raise StateUnavailable(
                f"{application}: the session that held it has ended, and the lock with it; nothing was written. "
                "The next pass takes the lock anew"
            )
        return None

    def _may_open(self, application: str) -> bool:
        return application not in self._held and len(self._sessions) + self._opening < self._limit

    def _open(self) -> Session:
        session = None
        try:
            session = Session(self.address.open())
        finally:
            with self._changed:
                self._opening -= 1
                if session is not None:
                    self._sessions.append(session)
                self._changed.notify_all()
        return session

    def _give_back(self, session: Session, *, failed: bool) -> None:
        if failed and not session.lost:
            session.lost = session.connection.closed or session.connection.info.transaction_status != _IDLE
        if session.lost:
            session.connection.close()
        with self._changed:
            session.busy = False
            if failed:
                self._prepared = False  # whatever it was, who comes next looks at the tables again
            if session.lost and session in self._sessions:
                self._sessions.remove(session)
            self._changed.notify_all()


@contextmanager
def transaction(connection: Connection, begin: str = "BEGIN", *, together: bool = True) -> Iterator[Connection]:
    """
    Do several statements that all happen, or none.

    Args:
        connection: Outside of a transaction.
        begin: The statement that begins it.
        together: Send the statements on without waiting for each answer; the first answer that is asked for waits for all before.

    When a statement takes too long, because a row stays locked, sessions that have had a transaction open in this schema for as long, with
    nothing heard from their client, are ended. The server does that by itself only while it waits for the next statement, not where a client
    was stopped with several of them on the way: such a one would keep its locks for ever.
    Source: PostgreSQL, "Client Connection Defaults", ``idle_in_transaction_session_timeout``.
    """
    try:
        if together:
            with connection.pipeline():
                yield from _statements(connection, begin)
        else:
            yield from _statements(connection, begin)
    except BaseException as error:
        if not connection.closed and connection.info.transaction_status != _IDLE:
            connection.execute("ROLLBACK")
        if isinstance(error, _TOO_LONG) and not connection.closed:
            connection.execute(_END_SILENT)
        raise


def _statements(connection: Connection, begin: str) -> Iterator[Connection]:
    connection.execute(begin)
    yield connection
    connection.execute("COMMIT")


def _load(session: Session) -> int:
    return session.holds


_TOO_LONG: Final = (psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled)  # both clocks may run out on a locked row
_END_SILENT: Final = """
    SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a
    WHERE a.pid <> pg_backend_pid() AND a.usename = current_user AND a.xact_start IS NOT NULL AND a.wait_event_type = 'Client'
      AND a.state_change < clock_timestamp() - current_setting('lock_timeout')::interval
      AND EXISTS (SELECT FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
                  WHERE l.pid = a.pid AND c.relnamespace = current_schema()::regnamespace
                    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()))"""
_IDLE: Final = psycopg.pq.TransactionStatus.IDLE
_ABANDONED: Final[list[Session]] = []

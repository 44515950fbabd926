"""On a real server the store survives what servers, networks and processes do."""

from __future__ import annotations

import os
import signal
import threading
import time
from functools import partial

import psycopg
import pytest

from gitops_core.errors import ConfigError, Disposition, StaleTerm, StateConflict, StateCorrupt, StateLocked, StateUnavailable
from gitops_core.model.history import JournalRecord, PassRecord
from gitops_core.model.inventory import EntryState, Intent, Inventory, InventoryEntry, InventoryUpdate
from gitops_core.model.resources import ResourceKey
from gitops_core.postgres_api.sessions import transaction
from gitops_core.state.postgres import PostgresSettings, PostgresStore
from gitops_core.testing.filled import filled

pytestmark = pytest.mark.needs_postgres
APP = "example.org/demo/edge"


def update(serial):
    """The update that is based on *serial*: a pure function, so that everybody knows what must be there."""
    keys = [ResourceKey("", "ConfigMap", "", f"c{(serial * 3 + i) % 10}") for i in range(4)]
    put = tuple(
        InventoryEntry(key, EntryState.APPLIED, version=str(serial), declared=(f"/{serial % 3}",), scope="w") for key in keys[:3]
    )
    return InventoryUpdate(put, (keys[3],), (Intent(keys[0], f"k{serial}"),), (keys[1],))


def inventory_at(serial):
    inventory = Inventory(APP)
    for number in range(serial):
        inventory = update(number).apply_to(inventory)
    return inventory


def write(store, serial):
    return store.update_inventory(APP, update(serial), serial=serial)


def end_sessions(dsn, schema):
    with psycopg.connect(dsn, autocommit=True) as c:
        c.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", (schema,))


@pytest.fixture
def make(postgres, postgres_schema):
    made = []

    def build(**settings):
        made.append(
            PostgresStore(f"{postgres} application_name={postgres_schema}", PostgresSettings(postgres_schema, **settings))
        )
        return made[-1]

    yield build
    for store in made:
        store.close()


def test_a_holder_whose_session_has_ended_writes_nothing_more(make, postgres, postgres_schema):
    old, new = make(), make()
    with old.exclusive(APP, 1.0):
        write(old, 0)
        end_sessions(postgres, postgres_schema)
        with new.exclusive(APP, 5.0):
            with pytest.raises(StateUnavailable, match="lock with it"):
                write(old, 1)
            assert write(new, 1) == inventory_at(2)
        with pytest.raises(StateUnavailable, match="lock with it"):
            write(old, 2)
    with old.exclusive(APP, 1.0):
        assert write(old, 2) == inventory_at(3)


def test_ended_sessions_are_noticed_before_they_are_used(make, postgres, postgres_schema):
    store = make()
    write(store, 0)
    end_sessions(postgres, postgres_schema)
    time.sleep(0.1)
    assert write(store, 1) == inventory_at(2)


def test_who_holds_an_application_is_named(make, postgres_schema):
    with make().exclusive(APP, 1.0), pytest.raises(StateLocked, match=postgres_schema), make().exclusive(APP, 0.0):
        pass


def test_a_silent_holder_is_ended_by_who_waits(make):
    old, new = make(), make(abandoned_after=0.2)
    with old.exclusive(APP, 1.0):
        time.sleep(0.3)
        with pytest.raises(StateLocked, match="therefore ended"), new.exclusive(APP, 0.0):
            pass
        with new.exclusive(APP, 5.0), pytest.raises(StateUnavailable):
            write(old, 0)


def test_a_holder_that_was_stopped_in_a_transaction_is_ended_by_who_waits(make, stopped):
    """The server calls it active, because the statements that it sent together have not come to their end."""
    old, new = make(), make(abandoned_after=0.2)
    with old.exclusive(APP, 1.0):
        with stopped(old._sessions, APP) as connection:
            connection.execute("SELECT 1").fetchone()
            time.sleep(0.3)
            with pytest.raises(StateLocked, match="therefore ended"), new.exclusive(APP, 0.0):
                pass
            with new.exclusive(APP, 5.0):
                assert write(new, 0) == inventory_at(1)
        with pytest.raises(StateUnavailable, match="lock with it"):
            write(old, 1)


def test_a_client_that_was_stopped_with_a_row_locked_keeps_it_for_the_time_of_one_statement(make, stopped):
    old, new = make(), make(timeout=0.5)
    write(new, 0)
    with stopped(old._sessions) as connection:
        connection.execute("SELECT memo_bytes FROM meta FOR UPDATE").fetchone()
        with pytest.raises(StateUnavailable):
            new.put_memo("space", "key", b"value", now=1.0)
        new.put_memo("space", "key", b"value", now=1.0)
        assert new.get_memo("space", "key", not_before=0.0) == b"value"


def test_a_client_that_works_is_not_ended_by_one_that_waits_for_its_row(make):
    """A statement that takes a second is no silence."""
    old, new = make(), make(timeout=0.3)
    write(new, 0)
    with old._sessions.lend() as connection, transaction(connection, together=False):
        connection.execute("SELECT memo_bytes FROM meta FOR UPDATE").fetchone()
        waiting = threading.Thread(target=connection.execute, args=("SELECT pg_sleep(1.2)",))
        waiting.start()
        with pytest.raises(StateUnavailable):
            new.put_memo("space", "key", b"value", now=1.0)
        waiting.join(10)
        assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.slow
def test_a_restarted_server_is_reconnected_to_and_nothing_is_lost(make, postgres_server):
    store = make()
    stop, acknowledged, errors = threading.Event(), [0], []

    def work():
        serial = 0
        while not stop.is_set():
            try:
                serial = write(store, store.inventory(APP).serial).serial
                acknowledged.append(serial)
            except (StateUnavailable, StateConflict) as error:
                errors.append(error)
                time.sleep(0.02)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for _ in range(2):
            time.sleep(0.3)
            before = acknowledged[-1]
            postgres_server.stop(signal.SIGQUIT)
            time.sleep(0.1)
            postgres_server.start()
            deadline = time.monotonic() + 20
            while acknowledged[-1] <= before + 1 and time.monotonic() < deadline:
                time.sleep(0.02)
            assert acknowledged[-1] > before + 1
    finally:
        stop.set()
        thread.join(30)
    assert errors
    found = make().inventory(APP)
    assert found.serial in (acknowledged[-1], acknowledged[-1] + 1)
    assert found == inventory_at(found.serial)


@pytest.mark.slow
def test_killed_at_any_time_nothing_acknowledged_is_lost(make):
    """Twelve kills of writers in the middle of a write; the lock is free at once."""
    make().inventory(APP)
    reached = 0
    for number in range(12):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                store = make()
                with store.exclusive(APP, 5.0):
                    serial = store.inventory(APP).serial
                    while True:
                        serial = write(store, serial).serial
                        os.write(writer, f"{serial}\n".encode())
            finally:
                os._exit(1)
        os.close(writer)
        os.read(reader, 8)
        time.sleep(0.01 + 0.003 * number)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with os.fdopen(reader) as lines:
            rest = [int(line) for line in lines if line.strip().isdecimal()]
        with make() as store, store.exclusive(APP, 5.0):
            found = store.inventory(APP)
            assert found == inventory_at(found.serial)
            if rest:
                assert found.serial in (rest[-1], rest[-1] + 1)
            assert found.serial > reached
            reached = write(store, found.serial).serial
    assert reached > 24


def test_a_forked_child_has_connections_and_locks_of_its_own(make):
    store = make()
    with store.exclusive(APP, 1.0):
        write(store, 0)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                try:
                    with store.exclusive(APP, 0.0):
                        status = 2
                except StateLocked:
                    status = 0 if store.inventory(APP).serial == 1 else 3
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert write(store, 1) == inventory_at(2)


def test_a_read_only_database_is_an_error_with_its_cure(make, postgres, postgres_schema):
    make().inventory(APP)
    store = PostgresStore(f"{postgres} options='-c default_transaction_read_only=on'", PostgresSettings(postgres_schema))
    with store, pytest.raises(StateUnavailable, match="target_session_attrs"):
        write(store, 0)


def test_a_newer_schema_and_another_programs_tables_are_refused(make, postgres, postgres_schema):
    make().inventory(APP)
    with psycopg.connect(postgres, autocommit=True) as c:
        c.execute(f"UPDATE {postgres_schema}.meta SET version = 99")
        with pytest.raises(StateCorrupt, match="upgrade gitops-core"):
            make().inventory(APP)
        c.execute(f"DELETE FROM {postgres_schema}.meta")
        with pytest.raises(StateCorrupt, match="0 rows"):
            make().inventory(APP)
        c.execute(f"DROP TABLE {postgres_schema}.meta")
        with pytest.raises(ConfigError, match="another program"):
            make().inventory(APP)


def test_tables_that_vanish_and_a_salt_that_is_gone_are_corrupt(make, postgres, postgres_schema):
    store = make()
    store.salt()
    with psycopg.connect(postgres, autocommit=True) as c:
        c.execute(f"UPDATE {postgres_schema}.meta SET salt = ''")
        with pytest.raises(StateCorrupt, match="salt"):
            store.salt()
        c.execute(f"DROP TABLE {postgres_schema}.intents")
    with pytest.raises(StateCorrupt, match="not those of its version"):
        write(store, 0)
    assert store.applications() == ()  # nothing of that write was kept


def test_first_callers_at_once_make_one_schema(make):
    salts, threads = [], []
    for _ in range(6):
        threads.append(threading.Thread(target=lambda: salts.append(make().salt())))
        threads[-1].start()
    for thread in threads:
        thread.join(30)
    assert len(salts) == 6
    assert len(set(salts)) == 1


def test_sessions_are_bounded_and_waited_for(make, postgres, postgres_schema):
    store = make(connections=2)
    threads = [threading.Thread(target=partial(store.inventory, f"a/b/{n}")) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    with psycopg.connect(postgres) as c:
        sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s"
        assert c.execute(sql, (postgres_schema,)).fetchone()[0] in (1, 2)
    busy = make(connections=1, timeout=0.2)
    with busy._sessions.lend(), pytest.raises(StateUnavailable, match="busy"):
        busy.inventory(APP)


def test_a_server_that_is_not_there_is_unavailable(tmp_path):
    with PostgresStore(f"host={tmp_path} password=hunter2") as store, pytest.raises(StateUnavailable) as raised:
        store.inventory(APP)
    assert "hunter2" not in f"{raised.value}{raised.value.__cause__}"


def test_a_nul_in_a_key_is_refused(make):
    with pytest.raises(ConfigError, match="NUL"):
        make().update_inventory(APP, InventoryUpdate(put=(InventoryEntry(ResourceKey("", "K", "", "a\0b")),)), serial=0)


def test_a_forgotten_application_that_began_anew_is_another_one(make):
    store, twin = make(), make()
    write(store, 0), write(store, 1)
    twin.forget(APP)
    write(twin, 0), write(twin, 1)
    with pytest.raises(StateConflict, match="forgotten"):
        write(store, 2)
    assert write(store, 2) == inventory_at(3)


def test_memos_and_journal_keep_their_bounds(make, postgres, postgres_schema):
    store = make(memo_limit=100, journal_limit=3)
    for n in range(9):
        store.put_memo("s", str(n), b"x" * 30, now=float(n))
        store.append_journal(APP, [filled(JournalRecord)])
    store.put_memo("s", "large", b"x" * 101, now=99.0)
    kept = [n for n in range(9) if store.get_memo("s", str(n), not_before=0.0)]
    assert (kept, len(store.journal(APP))) == ([6, 7, 8], 3)
    with psycopg.connect(postgres) as c:
        assert c.execute(f"SELECT memo_bytes FROM {postgres_schema}.meta").fetchone() == (90,)


def test_shapes_that_no_entry_has_are_swept(make, postgres, postgres_schema):
    store, key = make(), ResourceKey("", "K", "", "a")
    for serial in range(256):
        put = (InventoryEntry(key, declared=(f"/{serial}",)),)
        store.update_inventory(APP, InventoryUpdate(put=put), serial=serial)
    with psycopg.connect(postgres) as c:
        assert c.execute(f"SELECT count(*) FROM {postgres_schema}.shapes").fetchone() == (1,)
    assert make().inventory(APP) == store.inventory(APP)


@pytest.mark.slow
def test_ten_thousand_entries_take_two_round_trips_and_a_quiet_pass_few_statements(make, monkeypatch):
    store, sent = make(), []
    store.inventory(APP)
    execute = psycopg.Connection.execute
    monkeypatch.setattr(psycopg.Connection, "execute", lambda c, sql, *a, **k: sent.append(sql) or execute(c, sql, *a, **k))
    put = tuple(
        InventoryEntry(ResourceKey("", "K", "n", str(i)), declared=tuple(f"/{j}" for j in range(25)), scope="w")
        for i in range(10_000)
    )
    store.update_inventory(APP, InventoryUpdate(put=put), serial=0)
    assert len(sent) <= 5
    assert len(make().inventory(APP).entries) == 10_000
    sent.clear()
    with store.exclusive(APP, 1.0):
        store.inventory(APP)
        store.record_pass(APP, filled(PassRecord), keep=5)
    assert len(sent) <= 9


def test_who_is_alone_is_asked_about_no_object(make):
    store = make()
    asked = [("w", ResourceKey("", "ConfigMap", "", f"c{n}")) for n in range(200)]
    write(store, 0)
    assert store.holders(APP, asked) == {}
    store.update_inventory("a/b/c", update(0), serial=0)
    assert {holder.application for holder in store.holders(APP, asked).values()} == {"a/b/c"}
    assert set(store.holders(APP, asked)) == set(update(0).apply_to(Inventory("a/b/c")).entries)
    assert store.neighbours(APP, ["", "w"]) == ["a/b/c"]
    assert store.neighbours(APP, [""]) == []


def test_another_encoding_is_refused(postgres):
    with psycopg.connect(postgres, autocommit=True) as c:
        c.execute("CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    with PostgresStore(f"{postgres} dbname=latin") as store, pytest.raises(ConfigError, match="ENCODING 'UTF8'"):
        store.salt()


def test_a_right_that_is_missing_and_a_database_that_is_not_there_have_their_cures(make, postgres, postgres_schema):
    with psycopg.connect(postgres, autocommit=True) as c:
        c.execute(f"CREATE ROLE {postgres_schema} LOGIN")
        c.execute("REVOKE CREATE ON DATABASE postgres FROM PUBLIC")
    with PostgresStore(f"{postgres} user={postgres_schema}", PostgresSettings(postgres_schema)) as store:
        with pytest.raises(StateUnavailable, match="GRANT CREATE ON DATABASE") as raised:
            store.salt()
        assert raised.value.disposition is Disposition.STALL
    with PostgresStore(f"{postgres} dbname=nowhere") as store, pytest.raises(StateUnavailable, match="cannot be made"):
        store.salt()


def test_an_engine_of_an_earlier_term_is_refused(make):
    new, old = make(), make()
    new.update_inventory(APP, InventoryUpdate(term=7), serial=0)
    with pytest.raises(StaleTerm):
        old.update_inventory(APP, InventoryUpdate(term=6), serial=1)
    assert make().inventory(APP).term == 7


def test_no_secret_is_stored_or_shown(make, postgres, postgres_schema):
    """A canary in the connection string comes out nowhere: not in the tables, not in the server's list of sessions."""
    with PostgresStore(f"{postgres} password=hunter2-canary", PostgresSettings(postgres_schema)) as store:
        write(store, 0)
        with psycopg.connect(postgres) as c:
            names = ("meta", "applications", "entries", "shapes", "intents", "journal", "passes", "memos")
            rows = [row for name in names for row in c.execute(f"SELECT t::text FROM {postgres_schema}.{name} t")]
            rows += c.execute("SELECT a::text FROM pg_stat_activity a").fetchall()
    assert len(rows) > 5
    assert "hunter2-canary" not in str(rows)


def test_an_interrupt_leaves_no_lock_behind(make, monkeypatch):
    store = make()
    monkeypatch.setattr(store._sessions, "bind", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt), store.exclusive(APP, 1.0):
        pass
    with make().exclusive(APP, 2.0):
        pass


def test_who_cannot_let_go_in_words_ends_its_session(make):
    store = make(timeout=0.2)
    with store.exclusive(APP, 1.0):
        session = store._sessions._held[APP]
        session.busy = True  # lent to a thread that never comes back
    with make().exclusive(APP, 2.0):
        assert session.connection.closed

"""
A target of your own: the roles of a database, in under thirty lines.

Run it on tables in SQLite: ``python docs/examples/sql_roles.py``, or on a real PostgreSQL:
``python docs/examples/sql_roles.py "host=/run/postgresql user=postgres"`` (it makes and drops roles whose names begin with ``demo_``).
"""

import contextlib
import csv
import io
import sqlite3
import subprocess
import sys
import threading
from typing import ClassVar

from gitops_core import Application, Fields, Live, Owner, Target, destroy, plan, reconcile
from gitops_core.errors import AlreadyExists, Conflict, Denied, NotFound, Transient
from gitops_core.renderers.memory import MemoryRenderer
from gitops_core.sources.memory import MemorySource
from gitops_core.state.memory import MemoryStore


class RoleTarget(Target):
    fields = Fields(write_only=["/password"])

    def __init__(self, db):
        self.db = db

    def scope(self, key):
        return self.db.name

    def normalize(self, body):
        return {"login": False, "connections": -1, **body}

    def observe(self, ctx, query):
        for name, login, connections in self.db.roles():
            body = {"kind": "Role", "name": name, "login": login, "connections": connections}
            yield Live(("Role", name), body, id=name)

    def create(self, ctx, change):
        self.db.create(change.key.name, self.normalize(change.desired))

    def update(self, ctx, change):
        role = self.normalize(change.desired)
        self.db.alter(change.key.name, {"password": None, **role} if "/password" in change.previous else role)

    def delete(self, ctx, change):
        self.db.drop(change.live.id)


# -- the rest of this file is the SQL -------------------------------------------------------------------------------------


class SqliteRoles:
    """Roles in a table, for programs that keep their own users."""

    name = "sqlite:roles"

    def __init__(self, connection):
        self._connection = connection
        self._lock = threading.Lock()
        connection.execute("CREATE TABLE IF NOT EXISTS roles (name TEXT PRIMARY KEY, login INT, connections INT, password TEXT)")

    def roles(self):
        with self._lock:
            rows = self._connection.execute("SELECT name, login, connections FROM roles ORDER BY name").fetchall()
        return [(name, bool(login), connections) for name, login, connections in rows]

    def create(self, name, role):
        try:
            self._run("INSERT INTO roles VALUES (?, ?, ?, ?)", name, role["login"], role["connections"], role.get("password"))
        except sqlite3.IntegrityError:
            raise AlreadyExists("there is a role of this name") from None

    def alter(self, name, role):
        fields = [field for field in ("login", "connections", "password") if field in role]
        assignments = ", ".join(f"{field} = ?" for field in fields)
        self._run(f"UPDATE roles SET {assignments} WHERE name = ?", *(role[field] for field in fields), name)  # noqa: S608  # why: our own column names

    def drop(self, name):
        self._run("DELETE FROM roles WHERE name = ?", name)

    def _run(self, sql, *values):
        with self._lock, self._connection:
            if self._connection.execute(sql, values).rowcount == 0:
                raise NotFound("there is no role of this name")


class PostgresRoles:
    """Roles of a PostgreSQL server, through its own ``psql``: statements go in by a pipe, so no password is on a command line."""

    ERRORS: ClassVar = {
        "42710": AlreadyExists,
        "42704": NotFound,
        "42501": Denied,
        "2BP01": Conflict,
        "55006": Conflict,
        "XX000": Conflict,
    }

    def __init__(self, dsn, prefix="demo_"):
        self._dsn = dsn
        self._prefix = prefix
        ((number,),) = self._psql("SELECT system_identifier FROM pg_control_system()")
        self.name = f"postgres:{number}"

    def roles(self):
        pattern = self._literal(self._prefix.replace("_", r"\_") + "%")
        rows = self._psql(f"SELECT rolname, rolcanlogin, rolconnlimit FROM pg_roles WHERE rolname LIKE {pattern} ORDER BY 1")  # noqa: S608  # why: quoted by _literal
        return [(name, login == "t", int(connections)) for name, login, connections in rows]

    def create(self, name, role):
        self._psql(f"CREATE ROLE {self._identifier(name)} {self._options(role)}")

    def alter(self, name, role):
        self._psql(f"ALTER ROLE {self._identifier(name)} {self._options(role)}")

    def drop(self, name):
        self._psql(f"DROP ROLE {self._identifier(name)}")

    def _options(self, role):
        parts = ["LOGIN" if role["login"] else "NOLOGIN", f"CONNECTION LIMIT {int(role['connections'])}"]
        if "password" in role:
            parts.append(f"PASSWORD {self._literal(role['password']) if role['password'] is not None else 'NULL'}")
        return " ".join(parts)

    def _psql(self, sql):
        command = ["psql", "-X", "-q", "-t", "--csv", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=sqlstate", "-d", self._dsn]
        done = subprocess.run(command, input=sql, capture_output=True, text=True, check=False)  # noqa: S603  # why: a fixed program, SQL by a pipe
        if done.returncode:
            state = done.stderr.split()[-1] if done.stderr else ""
            raise self.ERRORS.get(state, Transient)(f"psql failed with SQLSTATE {state}")
        return list(csv.reader(io.StringIO(done.stdout)))

    @staticmethod
    def _identifier(text):
        return '"' + text.replace('"', '""') + '"'

    @staticmethod
    def _literal(text):
        return "'" + text.replace("'", "''") + "'"


ROLES = [
    {"kind": "Role", "name": "demo_reader", "login": True, "connections": 5, "password": "correct horse battery staple"},
    {"kind": "Role", "name": "demo_batch"},
]


def main(dsn=""):
    with contextlib.closing(sqlite3.connect(":memory:", check_same_thread=False)) as connection:
        tell(PostgresRoles(dsn) if dsn else SqliteRoles(connection))


def tell(db):
    store = MemoryStore()
    app = Application(
        name="roles",
        owner=Owner("example.org", "demo"),
        source=MemorySource({}),
        renderer=MemoryRenderer(ROLES),
        target=RoleTarget(db),
    )
    print(plan(app, store=store).text())
    print(reconcile(app, store=store).text())

    db.alter("demo_reader", {"login": True, "connections": 500})
    print("\nSomebody raised a limit by hand:")
    print(plan(app, store=store).text())
    print(reconcile(app, store=store).text())
    assert db.roles() == [("demo_batch", False, -1), ("demo_reader", True, 5)]
    assert plan(app, store=store).is_empty

    print("\nAll of it goes:")
    print(destroy(app, store=store).text())
    assert db.roles() == []


if __name__ == "__main__":
    main(*sys.argv[1:])

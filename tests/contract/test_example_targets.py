"""The targets of the documentation keep the contract, fit their budgets of lines, and their programs run."""

import ast
import importlib.util
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from gitops_core.model.values import thaw
from gitops_core.testing.target_contract import Example, TargetContract
from gitops_core.testing.target_write_checks import WriteChecks

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
BUDGETS = {"dns": ("DnsTarget", 20), "flags": ("FlagTarget", 15), "sql_roles": ("RoleTarget", 30), "cloud": ("CloudTarget", 40)}


def example(name):
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


dns, flags, sql_roles, cloud = (example(name) for name in BUDGETS)


def lines_of(source, name):
    found = next(n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.ClassDef) and n.name == name)
    lines = source.splitlines()[found.lineno - 1 : found.end_lineno]
    return sum(1 for line in lines if line.strip())


@pytest.mark.parametrize("name", BUDGETS)
def test_a_target_fits_its_budget(name):
    cls, budget = BUDGETS[name]
    assert lines_of((EXAMPLES / f"{name}.py").read_text(), cls) <= budget


@pytest.mark.parametrize("name", BUDGETS)
def test_a_program_runs(name, capsys):
    """It asserts its own story: created, drift repaired, and nothing left to do."""
    example(name).main()
    assert "Plan: " in capsys.readouterr().out


class ApiContract(TargetContract):
    """What the fakes have in common: methods that can be made to fail, and a count of writes."""

    reads = writers = ()

    def api(self, target):
        return target.api

    def api_reads(self, target):
        return [(self.api(target), name) for name in self.reads]

    def api_writes(self, target):
        return [(self.api(target), name) for name in self.writers]

    def writes(self, target):
        return self.api(target).writes


class TestDns(ApiContract):
    name_pointer = "/name"
    text_pointer = "/comment"
    undeclared = ("/geo", "eu")
    reads = ("list",)
    writers = ("create", "update", "delete")

    def make_target(self):
        return dns.DnsTarget(dns.DnsApi(), "example.org")

    def examples(self):
        def record(**fields):
            return {"kind": "A", "name": "www.example.org", "values": ["192.0.2.1", "192.0.2.2"], "comment": "c", **fields}

        spellings = [record(name="WWW.example.org."), record(values=["192.0.2.2", "192.0.2.1"]), record(ttl=300)]
        reduced = {k: v for k, v in record().items() if k != "comment"}
        text = {"kind": "TXT", "name": "www.example.org", "values": ["a"], "ttl": 60}
        return [
            Example(record(), record(values=["192.0.2.9"], ttl=60), spellings, reduced),
            Example(text, {**text, "ttl": 61, "values": ["b"]}),
        ]

    def _number(self, target, key):
        return next(r["id"] for r in target.api.list("example.org") if target.key(r) == (key.kind, key.name))

    def external_edit(self, target, key, body):
        target.api.update("example.org", self._number(target, key), thaw(body))

    def external_remove(self, target, key):
        target.api.delete("example.org", self._number(target, key))


class TestFlags(ApiContract):
    name_pointer = "/name"
    text_pointer = "/note"
    undeclared = ("/theirs", "x")
    reads = ("list",)
    writers = ("create", "replace", "delete")
    conditional_writes = False  # its replace takes no revision

    def make_target(self):
        return flags.FlagTarget(flags.FlagApi())

    def examples(self):
        flag = {"kind": "Flag", "name": "dark", "on": True, "percent": 5, "note": "n"}
        return [
            Example(flag, {**flag, "on": False, "percent": 6}, reduced={"kind": "Flag", "name": "dark", "on": True, "percent": 5})
        ]

    def external_edit(self, target, key, body):
        target.api.replace(key.name, thaw(body))

    def external_remove(self, target, key):
        target.api.delete(key.name)


class TestCloud(ApiContract):
    name_pointer = "/name"
    text_pointer = "/note"
    undeclared = ("/theirs", "x")
    reads = ("machines",)
    writers = ("create", "resize", "terminate")

    def make_target(self):
        return cloud.CloudTarget(cloud.CloudApi())

    def examples(self):
        machine = {"kind": "Machine", "name": "web", "zone": "eu-1", "size": "small", "note": "n"}
        reduced = {k: v for k, v in machine.items() if k != "note"}
        return [
            Example(machine, {**machine, "size": "large", "note": "m"}, reduced=reduced, replaced={**machine, "zone": "eu-2"})
        ]

    def _number(self, target, key):
        return next(m["id"] for m in target.api.machines() if m["name"] == key.name)

    def external_edit(self, target, key, body):
        target.api.cloud.foreign().replace(self._number(target, key), thaw(body))

    def external_remove(self, target, key):
        target.api.cloud.foreign().delete(self._number(target, key))


class RolesContract(ApiContract):
    name_pointer = "/name"
    text_pointer = "/password"
    reads = ("roles",)
    writers = ("create", "alter", "drop")

    def api(self, target):
        return target.db

    def writes(self, target):
        return target.db.roles()

    def examples(self):
        role = {"kind": "Role", "name": "demo_reader", "login": True, "connections": 5}
        spellings = [{**role, "connections": 5}]
        plain = {"kind": "Role", "name": "demo_batch"}
        return [
            Example(role, {**role, "login": False, "connections": 6}, spellings, {"kind": "Role", "name": "demo_reader"}),
            Example(plain, spellings=[{**plain, "login": False}]),
        ]

    def named(self, body, name):
        return super().named(body, f"demo_{name}")

    def external_edit(self, target, key, body):
        target.db.alter(key.name, target.normalize(body))

    def external_remove(self, target, key):
        target.db.drop(key.name)


class TestSqliteRoles(RolesContract):
    @pytest.fixture(autouse=True)
    def connections(self):
        self.open = []
        yield
        for connection in self.open:
            connection.close()

    def make_target(self):
        self.open.append(sqlite3.connect(":memory:", check_same_thread=False))
        return sql_roles.RoleTarget(sql_roles.SqliteRoles(self.open[-1]))


@pytest.mark.slow
@pytest.mark.needs_postgres
class TestPostgresRoles(RolesContract):
    many = 26
    thousand = 100  # each statement starts a psql

    @pytest.fixture(autouse=True)
    def cluster(self, postgres):
        self.dsn = postgres
        yield
        db = sql_roles.PostgresRoles(self.dsn)
        for name, *_ in db.roles():
            db.drop(name)

    def test_random_histories(self, bench):  # one of them
        WriteChecks.test_random_histories(self, bench, 0)

    def make_target(self):
        db = sql_roles.PostgresRoles(self.dsn)
        for name, *_ in db.roles():
            db.drop(name)
        return sql_roles.RoleTarget(db)


@pytest.mark.slow
@pytest.mark.needs_postgres
def test_the_roles_program_runs_on_postgres(postgres):
    done = subprocess.run([sys.executable, EXAMPLES / "sql_roles.py", postgres], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "correct horse" not in done.stdout

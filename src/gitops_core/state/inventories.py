"""Inventories in SQLite: a row for each entry, shared shapes of declared pointers, and what is known of both in memory."""

# ruff: noqa: S608  # why: only constants are pasted into SQL; every value is bound

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain
from sqlite3 import Connection, DatabaseError
from typing import Any, Final

import attrs

from gitops_core.model.inventory import EntryState, Holder, Intent, Inventory, InventoryEntry, InventoryUpdate
from gitops_core.model.orders import Orders
from gitops_core.model.resources import ResourceKey
from gitops_core.state.codec import Codec, load_all
from gitops_core.state.database import Database
from gitops_core.state.failures import decoding
from gitops_core.state.rules import changed as changed_keys
from gitops_core.state.rules import check_serial, check_term
from gitops_core.state.shapes import shape_row

_ENTRIES: Final = Codec(InventoryEntry, apart=("key", "scope", "state", "declared", "id"))
_INTENTS: Final = Codec(Intent, apart=("key",))
_ORDERS: Final = Codec(Orders)
_STATES: Final = {str(state): state for state in EntryState}

_KEY: Final = "api_group, kind, namespace, name"
_OF_KEY: Final = "application = ? AND api_group = ? AND kind = ? AND namespace = ? AND name = ?"
_SWEEP_EVERY: Final = 1024
_ASKED_AT_ONCE: Final = 1000
_SHAPES_IN_MEMORY: Final = 65_536

Declared = tuple[str, ...]
_Row = tuple[Any, ...]
_Changes = Mapping[ResourceKey, InventoryEntry | None]


@attrs.frozen
class _Cached:
    """An inventory as of its serial, and the row of its application: a forgotten and new one has another row."""

    row: int
    inventory: Inventory


class Inventories:
    """
    The inventories of one open file.

    An inventory that nobody changed costs one SELECT; our own changes are carried over into the copy in memory.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cache: dict[str, _Cached] = {}
        self._shapes: dict[bytes, Declared] = {}
        self._shape_ids: dict[Declared, bytes] = {}
        self._shape_texts: dict[bytes, str] = {}  # of the update under way

    def read(self, application: str) -> Inventory:
        """Return the stored inventory."""
        found = self._find(application)
        if found is None:
            return Inventory(application)
        cached = self._cache.get(application)
        if cached is None or (cached.row, cached.inventory.serial) != found:
            with self._database.reading():
                cached = self._load(application)
            self._cache[application] = cached
        return cached.inventory

    def update(self, application: str, update: InventoryUpdate, serial: int) -> Inventory:
        """Apply *update* in one transaction, writing the rows that differ."""
        if len(self._shapes) > _SHAPES_IN_MEMORY:  # most belong to declarations long gone; those in use come back
            self._shapes.clear()
            self._shape_ids.clear()
        with self._database.writing() as connection:
            row, stored = self._find(application) or (0, 0)
            check_serial(application, based_on=serial, stored=stored)
            row = row or application_row(connection, application)
            before = self._current(application, row, stored)
            check_term(before, update)
            after = self._shared(update).apply_to(before)
            changed = changed_keys([*(e.key for e in update.put), *update.drop], before.entries, after.entries)
            self._write_entries(connection, row, changed, before.entries)
            opened = (intent.key for intent in update.open_intents)
            _write_intents(connection, row, changed_keys([*opened, *update.close_intents], before.intents, after.intents))
            standing = (after.serial, after.term, _ORDERS.dump(after.orders), row)
            connection.execute("UPDATE applications SET serial = ?, term = ?, orders = ? WHERE id = ?", standing)
            if after.serial % _SWEEP_EVERY == 0:
                sweep_shapes(connection)
        self._cache[application] = _Cached(row, after)
        return after

    def holders(self, application: str, objects: Collection[tuple[str, ResourceKey]]) -> dict[ResourceKey, Holder]:
        """Return who else has each of *objects*; owners win over claimants, then the first by name."""
        connection = self._database.connection
        row, _ = self._find(application) or (0, 0)
        others = "SELECT 1 FROM entries WHERE application {} ? LIMIT 1"
        if not any(connection.execute(others.format(side), (row,)).fetchone() for side in "<>"):
            return {}
        asked = [(scope, *key) for scope, key in objects if scope]
        found: dict[ResourceKey, Holder] = {}
        for start in range(0, len(asked), _ASKED_AT_ONCE):
            for *key, name, state in _ask_holders(connection, row, asked[start : start + _ASKED_AT_ONCE]):
                with decoding(self._database.path, "entries"):
                    found[ResourceKey(*key)] = Holder(name, _STATES[state])  # the best one comes last
        return found

    def neighbours(self, application: str, scopes: Collection[str]) -> list[str]:
        """Return the other applications that have an object in one of *scopes*, sorted."""
        sql = """SELECT DISTINCT a.name FROM entries e JOIN applications a ON a.id = e.application
                 WHERE e.scope = ? AND e.scope != '' AND a.name != ?"""
        found = {name for scope in scopes for (name,) in self._database.connection.execute(sql, (scope, application))}
        return sorted(found)

    def forget(self, application: str) -> None:
        """Drop what is known in memory."""
        self._cache.pop(application, None)

    def _find(self, application: str) -> tuple[int, int] | None:
        found = self._database.connection.execute("SELECT id, serial FROM applications WHERE name = ?", (application,)).fetchone()
        return (found[0], found[1]) if found else None

    def _current(self, application: str, row: int, serial: int) -> Inventory:
        cached = self._cache.get(application)
        if cached is not None and (cached.row, cached.inventory.serial) == (row, serial):
            return cached.inventory
        return self._load(application).inventory

    def _load(self, application: str) -> _Cached:
        """Read an inventory within a transaction. Cost: about 13 us an entry."""
        connection = self._database.connection
        row, serial = self._find(application) or (0, 0)
        with decoding(self._database.path, "shapes"):
            self._load_shapes(connection, row)
        with decoding(self._database.path, "entries"):
            entries = self._load_entries(connection, row)
        with decoding(self._database.path, "intents"):
            found = connection.execute(f"SELECT {_KEY}, facts FROM intents WHERE application = ?", (row,))
            intents = {key: _INTENTS.load(facts, key=key) for key, facts in ((ResourceKey(*k), facts) for *k, facts in found)}
        with decoding(self._database.path, "applications"):
            sql = "SELECT term, orders FROM applications WHERE id = ?"
            term, orders = connection.execute(sql, (row,)).fetchone() or (0, "{}")
            return _Cached(row, Inventory(application, entries, intents, serial, term, _ORDERS.load(orders)))

    def _load_entries(self, connection: Connection, row: int) -> dict[ResourceKey, InventoryEntry]:
        rows = connection.execute(
            f"SELECT facts, {_KEY}, scope, state, declared, id FROM entries WHERE application = ?", (row,)
        ).fetchall()
        shared, entries = sys.intern, {}
        for facts, (_, group, kind, namespace, name, scope, state, declared, known_id) in zip(
            load_all(r[0] for r in rows), rows, strict=True
        ):
            key = ResourceKey(shared(group), shared(kind), shared(namespace), name)
            shape = self._shapes[declared] if declared else ()
            entries[key] = _ENTRIES.from_json(
                facts, key=key, scope=shared(scope), state=_STATES[state], declared=shape, id=known_id
            )
        return entries

    def _load_shapes(self, connection: Connection, row: int) -> None:
        wanted = "SELECT id, pointers FROM shapes WHERE id IN (SELECT declared FROM entries WHERE application = ?)"
        for shape, pointers in connection.execute(wanted, (row,)):
            if shape not in self._shapes:
                self._remember(shape, tuple(json.loads(pointers)))

    def _shared(self, update: InventoryUpdate) -> InventoryUpdate:
        """Return *update* with one tuple in memory for equal shapes, however many objects have them."""
        put = tuple(e if e.declared is (one := self._intern(e.declared)) else attrs.evolve(e, declared=one) for e in update.put)
        return attrs.evolve(update, put=put)

    def _intern(self, declared: Declared) -> Declared:
        known = self._shape_ids.get(declared)
        if known is not None:
            return self._shapes[known]
        if not declared:
            return ()
        shape, text = shape_row(declared)
        self._shape_texts[shape] = text
        return self._remember(shape, declared)

    def _remember(self, shape: bytes, declared: Declared) -> Declared:
        self._shapes[shape] = declared
        self._shape_ids[declared] = shape
        return declared

    def _write_entries(
        self, connection: Connection, row: int, changed: _Changes, before: Mapping[ResourceKey, InventoryEntry]
    ) -> None:
        put = [entry for entry in changed.values() if entry is not None]
        self._write_shapes(connection, [e.declared for e in put if e.key not in before or before[e.key].declared != e.declared])
        renamed = [e for e in put if (known := before.get(e.key)) is not None and known.is_but_for_id(e)]
        if renamed:
            same = {entry.key for entry in renamed}
            put = [entry for entry in put if entry.key not in same]
        new: list[_Row] = []
        other: list[_Row] = []
        for entry, text in zip(put, _ENTRIES.dump_all(put), strict=True):
            known, place = before.get(entry.key), (row, *entry.key)
            facts = (str(entry.state), entry.id, self._shape_ids.get(entry.declared), text)
            if known is not None and known.scope == entry.scope:
                other.append((*facts, *place))
            else:
                new.append((*place, entry.scope, *facts))
        connection.executemany(
            f"INSERT OR REPLACE INTO entries (application, {_KEY}, scope, state, id, declared, facts) VALUES (?,?,?,?,?,?,?,?,?,?)",
            new,
        )
        _update(connection, f"UPDATE entries SET id = ? WHERE {_OF_KEY}", [(entry.id, row, *entry.key) for entry in renamed])
        _update(connection, f"UPDATE entries SET state = ?, id = ?, declared = ?, facts = ? WHERE {_OF_KEY}", other)
        _delete(connection, "entries", row, changed)

    def _write_shapes(self, connection: Connection, shapes: Iterable[Declared]) -> None:
        """Write *shapes*, known or not: another process may have swept one that we knew to be there."""
        rows = {self._shape_ids[declared]: declared for declared in shapes if declared}
        texts = self._shape_texts
        connection.executemany(  # in order, so that neighbours are in one page
            "INSERT OR IGNORE INTO shapes VALUES (?, ?)",
            [(shape, texts.get(shape) or shape_row(declared)[1]) for shape, declared in sorted(rows.items())],
        )
        texts.clear()


def _update(connection: Connection, statement: str, rows: Sequence[_Row]) -> None:
    """Change rows that are there: they are what the inventory in memory was read from, or written as."""
    if connection.executemany(statement, rows).rowcount not in (len(rows), -1):
        raise DatabaseError("entries are gone that were there when the serial was the same")


def _write_intents(connection: Connection, row: int, changed: Mapping[ResourceKey, Intent | None]) -> None:
    connection.executemany(
        f"INSERT OR REPLACE INTO intents (application, {_KEY}, facts) VALUES (?,?,?,?,?,?)",
        [(row, *intent.key, _INTENTS.dump(intent)) for intent in changed.values() if intent is not None],
    )
    _delete(connection, "intents", row, changed)


def _delete(connection: Connection, table: str, row: int, changed: Mapping[ResourceKey, object]) -> None:
    gone = [(row, *key) for key, value in changed.items() if value is None]
    connection.executemany(f"DELETE FROM {table} WHERE {_OF_KEY}", gone)


def _ask_holders(connection: Connection, row: int, asked: Sequence[_Row]) -> list[_Row]:
    """Look up to 1000 objects up by index; CROSS JOIN keeps SQLite from reading all entries instead."""
    values = ",".join(["(?,?,?,?,?)"] * len(asked))
    return connection.execute(
        f"WITH asked (scope, {_KEY}) AS (VALUES {values})"
        " SELECT e.api_group, e.kind, e.namespace, e.name, a.name, e.state FROM asked CROSS JOIN entries e"
        f" USING (scope, {_KEY}) JOIN applications a ON a.id = e.application WHERE e.scope != '' AND e.application != ?"
        " ORDER BY CASE e.state WHEN ? THEN 2 WHEN ? THEN 1 ELSE 0 END DESC, a.name DESC",
        [*chain.from_iterable(asked), row, str(EntryState.RELEASED), str(EntryState.CLAIMED)],
    ).fetchall()


def application_row(connection: Connection, application: str) -> int:
    """Return the row of *application*, made when it is new. Within a write transaction."""
    connection.execute("INSERT OR IGNORE INTO applications (name, serial) VALUES (?, 0)", (application,))
    row: int = connection.execute("SELECT id FROM applications WHERE name = ?", (application,)).fetchone()[0]
    return row


def sweep_shapes(connection: Connection) -> None:
    """Remove the shapes that no entry has any more. Within a write transaction."""
    connection.execute("DELETE FROM shapes WHERE id NOT IN (SELECT declared FROM entries WHERE declared IS NOT NULL)")

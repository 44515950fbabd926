"""Inventories in PostgreSQL: a row for each entry, shared shapes of declared pointers, and what is known of both in memory."""

# ruff: noqa: S608  # why: only constants are pasted into SQL; every value is bound

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import attrs

from gitops_core.errors import StateConflict
from gitops_core.model.inventory import EntryState, Holder, Intent, Inventory, InventoryEntry, InventoryUpdate
from gitops_core.model.orders import Orders
from gitops_core.model.resources import ResourceKey
from gitops_core.postgres_api.addresses import Connection
from gitops_core.postgres_api.failures import decoding
from gitops_core.postgres_api.sessions import Sessions, transaction
from gitops_core.state.codec import Codec, load_all
from gitops_core.state.postgres.schema import digest
from gitops_core.state.rules import HOLDER_RANK, changed, check_serial, check_term
from gitops_core.state.shapes import shape_row

_ENTRIES: Final = Codec(InventoryEntry, apart=("key", "scope", "state", "declared"))
_INTENTS: Final = Codec(Intent, apart=("key",))
_ORDERS: Final = Codec(Orders)
_STATES: Final = {str(state): state for state in EntryState}

_SNAPSHOT: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_SWEEP_EVERY: Final = 256
_SHAPES_IN_MEMORY: Final = 65_536
_FEW: Final = 100
_KEY: Final = "api_group, kind, namespace, name"
_FIND: Final = "SELECT id, serial FROM applications WHERE name = %s"
_HEAD: Final = "SELECT id, serial, term, orders FROM applications WHERE name = %s"
_OF_NAME: Final = "(SELECT id FROM applications WHERE name = %s)"
_FIRST: Final = """
    INSERT INTO applications AS a (name, serial, term, orders) VALUES (%(name)s, 1, %(term)s, %(orders)s)
    ON CONFLICT (name) DO UPDATE SET serial = 1, term = excluded.term, orders = excluded.orders WHERE a.serial = 0 RETURNING id"""
_NEXT: Final = """
    UPDATE applications SET serial = %(serial)s + 1, term = %(term)s, orders = %(orders)s
    WHERE id = %(row)s AND serial = %(serial)s RETURNING id"""
_PUT_ENTRIES: Final = f"""
    INSERT INTO entries (application, object, world, {_KEY}, scope, state, shape, facts)
    SELECT %s, new.* FROM unnest(%s::bytea[], %s::bytea[], %s::text[], %s::text[], %s::text[], %s::text[],
                                 %s::text[], %s::text[], %s::bytea[], %s::text[]) AS new
    ON CONFLICT (application, object) DO UPDATE SET
        world = excluded.world, scope = excluded.scope, state = excluded.state, shape = excluded.shape, facts = excluded.facts"""
_PUT_SHAPES: Final = """
    INSERT INTO shapes (application, id, pointers) SELECT %s, new.* FROM unnest(%s::bytea[], %s::text[]) AS new
    ON CONFLICT DO NOTHING"""
_PUT_INTENTS: Final = f"""
    INSERT INTO intents (application, object, {_KEY}, facts)
    SELECT %s, new.* FROM unnest(%s::bytea[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[]) AS new
    ON CONFLICT (application, object) DO UPDATE SET facts = excluded.facts"""
_SWEEP: Final = """
    DELETE FROM shapes s WHERE application = %s
    AND NOT EXISTS (SELECT FROM entries e WHERE e.application = s.application AND e.shape = s.id)"""
_ASK: Final = """
    SELECT e.object, a.name, e.state FROM unnest(%s::bytea[], %s::bytea[]) AS asked (world, object)
    JOIN entries e USING (world, object) JOIN applications a ON a.id = e.application WHERE a.name <> %s"""

Declared = tuple[str, ...]
_Row = tuple[Any, ...]


@attrs.frozen
class _Cached:
    """An inventory as of its serial, and the row of its application: a forgotten and new one has another row."""

    row: int
    inventory: Inventory


class Inventories:
    """
    The inventories of one database.

    An inventory that nobody changed costs one SELECT; our own changes are carried over into the copy in memory.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._place = sessions.address.place
        self._cache: dict[str, _Cached] = {}
        self._shapes: dict[bytes, Declared] = {}

    def read(self, application: str) -> Inventory:
        """Return the stored inventory."""
        return self._read(application).inventory

    def update(self, application: str, update: InventoryUpdate, serial: int) -> Inventory:
        """Apply *update* in one transaction of two round trips, writing the rows that differ."""
        known = self._cache.get(application) if serial else _Cached(0, Inventory(application))
        if known is None or known.inventory.serial != serial:
            known = self._read(application)
        before = known.inventory
        check_serial(application, based_on=serial, stored=before.serial)
        check_term(before, update)
        after = self._shared(update).apply_to(before)
        with self._sessions.lend(application) as connection, transaction(connection):
            row = _claim(connection, known.row, after)
            if row is not None:
                self._write(connection, row, update, (before, after))
        if row is None:
            self._refuse(application, serial)
        self._cache[application] = _Cached(row or 0, after)
        return after

    def holders(self, application: str, objects: Collection[tuple[str, ResourceKey]]) -> dict[ResourceKey, Holder]:
        """Return who else has each of *objects*; owners win over claimants, then the first by name."""
        asked = {digest(*key): (digest(scope), key) for scope, key in objects if scope}
        if not asked:
            return {}
        with self._sessions.lend(application) as connection:
            if len(asked) > _FEW and not _others(connection, application):
                return {}
            found = connection.execute(_ASK, ([world for world, _ in asked.values()], list(asked), application)).fetchall()
        with decoding(self._place, "entries"):
            holders = [(asked[bytes(place)][1], Holder(name, _STATES[state])) for place, name, state in found]
        best = sorted(holders, key=lambda of: (HOLDER_RANK.get(of[1].state, 0), of[1].application), reverse=True)
        return dict(best)  # the best one comes last

    def neighbours(self, application: str, scopes: Collection[str]) -> list[str]:
        """Return the other applications that have an object in one of *scopes*, sorted."""
        worlds = [digest(scope) for scope in scopes if scope]
        sql = (
            """SELECT name FROM applications WHERE name <> %s AND id IN (SELECT application FROM entries WHERE world = ANY(%s))"""
        )
        if not worlds:
            return []
        with self._sessions.lend(application) as connection:
            return sorted(name for (name,) in connection.execute(sql, (application, worlds)))

    def forget(self, application: str) -> None:
        """Drop what is known in memory."""
        self._cache.pop(application, None)

    def _read(self, application: str) -> _Cached:
        with self._sessions.lend(application) as connection:
            found = connection.execute(_FIND, (application,)).fetchone()
            if found is None:
                return _Cached(0, Inventory(application))
            cached = self._cache.get(application)
            if cached is None or (cached.row, cached.inventory.serial) != found:
                cached = self._cache[application] = self._load(connection, application)
        return cached

    def _refuse(self, application: str, serial: int) -> None:
        """Say why a write found another state than the one in memory; never returns."""
        self._cache.pop(application, None)
        check_serial(application, based_on=serial, stored=self._read(application).inventory.serial)
        raise StateConflict(f"{application}: it was forgotten and begun anew in between; read the inventory again and plan anew")

    def _load(self, connection: Connection, application: str) -> _Cached:
        """Read an inventory in one round trip. Cost: about 10 us an entry."""
        with transaction(connection, _SNAPSHOT):
            head, shapes, entries, intents = (
                connection.execute(sql, (application,))
                for sql in (
                    _HEAD,
                    f"SELECT id, pointers FROM shapes WHERE application = {_OF_NAME}",
                    f"SELECT facts, {_KEY}, scope, state, shape FROM entries WHERE application = {_OF_NAME}",
                    f"SELECT {_KEY}, facts FROM intents WHERE application = {_OF_NAME}",
                )
            )
        with decoding(self._place, "shapes"):
            known = dict(self._decoded_shapes(shapes))
        with decoding(self._place, "entries"):
            owned = dict(_decoded_entries(entries.fetchall(), known))
        with decoding(self._place, "intents"):
            opened = {key: _INTENTS.load(facts, key=key) for key, facts in ((ResourceKey(*k), facts) for *k, facts in intents)}
        with decoding(self._place, "applications"):
            row, serial, term, orders = head.fetchone() or (0, 0, 0, "{}")
            return _Cached(row, Inventory(application, owned, opened, serial, term, _ORDERS.load(orders)))

    def _decoded_shapes(self, rows: Iterable[_Row]) -> Iterator[tuple[bytes, Declared]]:
        for shape, pointers in rows:
            yield bytes(shape), self._shared_shape(bytes(shape), tuple(load_all([pointers])[0]))

    def _shared(self, update: InventoryUpdate) -> InventoryUpdate:
        """Return *update* with one tuple in memory for equal shapes, however many objects have them."""
        if len(self._shapes) > _SHAPES_IN_MEMORY:  # most belong to declarations long gone; those in use come back
            self._shapes.clear()
        put = tuple(
            e
            if e.declared is (one := self._shared_shape(shape_row(e.declared)[0], e.declared))
            else attrs.evolve(e, declared=one)
            for e in update.put
        )
        return attrs.evolve(update, put=put)

    def _shared_shape(self, shape: bytes, declared: Declared) -> Declared:
        return self._shapes.setdefault(shape, declared)

    def _write(self, connection: Connection, row: int, update: InventoryUpdate, states: tuple[Inventory, Inventory]) -> None:
        """Send the rows that differ; the answers come at the end of the transaction."""
        before, after = states
        entries = changed([*(e.key for e in update.put), *update.drop], before.entries, after.entries)
        put = [entry for entry in entries.values() if entry is not None]
        shapes = dict(
            shape_row(e.declared)
            for e in put
            if e.declared and (e.key not in before.entries or before.entries[e.key].declared != e.declared)
        )
        _send(connection, _PUT_SHAPES, row, sorted(shapes.items()))
        _send(connection, _PUT_ENTRIES, row, [_entry_row(entry) for entry in put])
        _delete(connection, "entries", row, entries)
        opened = (intent.key for intent in update.open_intents)
        intents = changed([*opened, *update.close_intents], before.intents, after.intents)
        rows = [(digest(*i.key), *i.key, _INTENTS.dump(i)) for i in intents.values() if i is not None]
        _send(connection, _PUT_INTENTS, row, rows)
        _delete(connection, "intents", row, intents)
        if after.serial % _SWEEP_EVERY == 0:
            connection.execute(_SWEEP, (row,))


def _claim(connection: Connection, row: int, after: Inventory) -> int | None:
    """Write the head of *after* if the stored one is its predecessor; return its row, None when it is not."""
    facts = {
        "name": after.application,
        "row": row,
        "serial": after.serial - 1,
        "term": after.term,
        "orders": _ORDERS.dump(after.orders),
    }
    found = connection.execute(_NEXT if after.serial > 1 else _FIRST, facts).fetchone()
    return int(found[0]) if found else None


def _entry_row(entry: InventoryEntry) -> _Row:
    world = digest(entry.scope) if entry.scope else None
    shape = shape_row(entry.declared)[0] if entry.declared else None
    return (digest(*entry.key), world, *entry.key, entry.scope, str(entry.state), shape, _ENTRIES.dump(entry))


def _decoded_entries(rows: Sequence[_Row], shapes: Mapping[bytes, Declared]) -> Iterator[tuple[ResourceKey, InventoryEntry]]:
    shared = sys.intern
    texts = load_all(row[0] for row in rows)
    for facts, (_, group, kind, namespace, name, scope, state, shape) in zip(texts, rows, strict=True):
        key = ResourceKey(shared(group), shared(kind), shared(namespace), name)
        declared = shapes[bytes(shape)] if shape else ()
        yield key, _ENTRIES.from_json(facts, key=key, scope=shared(scope), state=_STATES[state], declared=declared)


def _send(connection: Connection, statement: str, row: int, rows: Sequence[_Row]) -> None:
    """Write *rows* in one statement, however many: a column is one array."""
    if rows:
        connection.execute(statement, (row, *map(list, zip(*rows, strict=True))))


def _delete(connection: Connection, table: str, row: int, values: Mapping[ResourceKey, object]) -> None:
    gone = [digest(*key) for key, value in values.items() if value is None]
    if gone:
        sql = f"DELETE FROM {table} WHERE application = %s AND object = ANY(%s)"
        connection.execute(sql, (row, gone))


def _others(connection: Connection, application: str) -> bool:
    """Tell whether any other application has an object at all. Cost: one short statement."""
    sql = f"SELECT FROM entries WHERE application {{}} coalesce({_OF_NAME}, 0) LIMIT 1"  # why: constants only
    sides = [connection.execute(sql.format(side), (application,)).fetchone() for side in "<>"]
    return any(found is not None for found in sides)

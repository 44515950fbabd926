"""An inventory in pieces, by example; the laws are in tests/property."""

from __future__ import annotations

import attrs

from gitops_core.model.inventory import Intent, Inventory, InventoryUpdate
from gitops_core.state.kubernetes import layers
from gitops_core.testing.store_examples import SITE, WEB, many, owned, put


def test_later_pieces_count():
    """What a piece drops or closes is gone, whatever the ones before it said."""
    first = InventoryUpdate(put=(owned(SITE), owned(WEB)), open_intents=(Intent(SITE, "k"), Intent(WEB, "k")))
    second = InventoryUpdate(put=(owned(SITE, "moon"),), drop=(WEB,), close_intents=(WEB,))
    made = layers.replay(Inventory("a", serial=7), [first, second])
    assert made == Inventory("a", {SITE: owned(SITE, "moon")}, {SITE: Intent(SITE, "k")}, 7)


def test_what_is_on_top_says_what_has_gone_from_below():
    below = Inventory("a", {SITE: owned(SITE), WEB: owned(WEB)}, {WEB: Intent(WEB, "k")})
    above = Inventory("a", {SITE: owned(SITE)}, {})
    assert layers.difference(below, above, {SITE, WEB}) == InventoryUpdate(drop=(WEB,), close_intents=(WEB,))
    assert layers.difference(above, below, {SITE, WEB}) == InventoryUpdate(put=(owned(WEB),), open_intents=(Intent(WEB, "k"),))


def test_a_piece_that_is_too_long_is_halved():
    limit = len(layers.cut(put(*many(64)))[0].text) // 2
    pieces = layers.cut(put(*many(64)), limit)
    assert len(pieces) > 2
    assert all(len(piece.text) <= limit for piece in pieces)
    assert sum(piece.records for piece in pieces) == 64


def test_a_single_record_is_a_piece_however_long_it_is():
    entry = attrs.evolve(owned(SITE), declared=tuple(f"/data/{number}" for number in range(1_000)))
    (piece,) = layers.cut(put(entry), 100)
    assert (piece.records, len(piece.text) > 100) == (1, True)


def test_segments_are_worn_when_less_than_half_is_true():
    inventory = Inventory("a", {entry.key: entry for entry in many(2_000)})
    assert not layers.is_worn(6_000, inventory)
    assert layers.is_worn(6_001, inventory)

"""However an inventory is cut into pieces, the pieces make it again; and the store in the cluster answers as the memory store does."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from gitops_core.model.applications import Owner
from gitops_core.model.inventory import Inventory, InventoryUpdate
from gitops_core.state.kubernetes import KubernetesStore, StoreSettings, inventories, layers, records
from gitops_core.state.kubernetes.names import Names
from gitops_core.state.kubernetes.payloads import pack, unpack, update_of, update_to_json
from gitops_core.state.memory import MemoryStore

pytestmark = pytest.mark.slow


def _load(*path):
    where = Path(__file__).parents[1].joinpath(*path)
    spec = importlib.util.spec_from_file_location(where.stem, where)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


config_maps = _load("unit", "state", "kubernetes", "config_maps.py")
laws = _load("property", "test_store_laws.py")
histories = st.lists(laws.updates, max_size=6)


def after(updates):
    inventory = Inventory("a")
    for update in updates:
        inventory = update.apply_to(inventory)
    return inventory


@given(histories, histories)
def test_what_is_on_top_makes_the_new_of_the_old(older, newer):
    """The difference to what lies below, on the keys that were touched since, is all that has to be kept on top."""
    below, above = after(older), after([*older, *newer])
    touched = set().union(*map(layers.keys_of, newer))
    top = layers.difference(below, above, touched)
    whole = layers.replay(below, [top])
    assert (whole.entries, whole.intents) == (above.entries, above.intents)
    assert all(below.entries.get(entry.key) != entry for entry in top.put)
    assert layers.difference(above, above, touched) == InventoryUpdate()


@given(histories)
def test_pieces_in_inventory_out(updates):
    """Each state's difference to the one before is a piece; the pieces in their order make the last state."""
    states = [after(updates[:count]) for count in range(len(updates) + 1)]
    pieces = [
        layers.difference(old, new, layers.keys_of(update)) for old, new, update in zip(states, states[1:], updates, strict=False)
    ]
    made = layers.replay(Inventory("a"), pieces)
    assert (made.entries, made.intents) == (states[-1].entries, states[-1].intents)
    assert layers.replay(Inventory("a"), [layers.whole(made)]) == made


@given(laws.updates, st.integers(1, 400))
def test_pieces_make_the_whole_and_none_is_too_long(update, limit):
    """Every piece is within the limit or a single record, and all together they are what was cut."""
    pieces = layers.cut(update, limit)
    assert all(len(piece.text) <= limit or piece.records == 1 for piece in pieces)
    assert sum(piece.records for piece in pieces) == layers.size(update)
    found = [update_of("here", unpack("here", piece.text)) for piece in pieces]
    assert InventoryUpdate(*(tuple(item for part in found for item in parts(part)) for parts in _PARTS)) == update


_PARTS = (
    lambda update: update.put,
    lambda update: update.drop,
    lambda update: update.open_intents,
    lambda update: update.close_intents,
)


@given(laws.updates)
def test_an_update_survives_its_text(update):
    assert update_of("here", unpack("here", pack(update_to_json(update)))) == update


@given(st.lists(st.text(max_size=80), min_size=2, max_size=20, unique=True))
def test_names_are_valid_and_never_the_same(applications):
    """Whatever applications are called, their heads have names that Kubernetes takes, and different ones."""
    names = Names(Owner("example.org", "Some_Engine.1"), "state")
    heads = [names.head(application) for application in applications]
    assert len(set(heads)) == len(heads)
    for head in heads:
        segment = names.segment(head)
        assert len(segment) <= 253
        assert all(part[0].isalnum() and part[-1].isalnum() and part.isascii() for part in segment.split("-"))
        assert segment == segment.lower()


class KubernetesAgrees(laws.StoresAgree):
    """A memory store as the model, and one namespace behind two handles; segments after a few records."""

    def __init__(self):
        super().__init__()
        self._patch = pytest.MonkeyPatch()
        self._patch.setattr(inventories, "TOP_CHARACTERS", 700)
        self._patch.setattr(records, "TOP_CHARACTERS", 500)
        self._patch.setattr(layers, "TOP_RECORDS", 6)
        self.api = config_maps.ConfigMaps()
        bounds = StoreSettings(journal_limit=6)
        self.model = MemoryStore(journal_limit=6)
        self.handles = [KubernetesStore(self.api, Owner("example.org", "e"), "state", settings=bounds) for _ in range(2)]

    def teardown(self):
        super().teardown()
        self._patch.undo()


KubernetesAgrees.TestCase.settings = settings(max_examples=40, stateful_step_count=25)
TestKubernetesAgrees = KubernetesAgrees.TestCase

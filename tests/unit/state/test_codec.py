"""Model values survive JSON, today's and tomorrow's."""

from __future__ import annotations

import attrs
import pytest

from gitops_core.model.history import JournalRecord, PassRecord
from gitops_core.model.inventory import Intent, InventoryEntry
from gitops_core.model.resources import Origin, ResourceKey
from gitops_core.state.codec import Codec, load_all
from gitops_core.testing.filled import filled


@pytest.mark.parametrize("cls", [InventoryEntry, Intent, JournalRecord, PassRecord])
def test_every_field_of_a_stored_class_round_trips(cls):
    value = filled(cls)
    assert Codec(cls).load(Codec(cls).dump(value)) == value


@pytest.mark.parametrize("cls", [InventoryEntry, Intent, JournalRecord, PassRecord])
def test_filled_leaves_no_field_at_its_default(cls):
    """Else the round trip above would prove nothing for that field."""
    value = filled(cls)
    assert [f.name for f in attrs.fields(cls) if getattr(value, f.name) == f.default] == []


def test_fields_at_their_default_take_no_room():
    assert Codec(InventoryEntry, apart=("key",)).dump(InventoryEntry(ResourceKey("", "A", "", "b"))) == "{}"


@attrs.frozen
class _Later:
    name: str
    added: str = "unset"
    several: tuple[str, ...] = attrs.field(factory=tuple)
    where: Origin | None = None


@attrs.frozen
class _Before:
    name: str


def test_a_value_of_an_older_version_gets_the_defaults_of_new_fields():
    assert Codec(_Later).load(Codec(_Before).dump(_Before("x"))) == _Later("x")


def test_a_value_of_a_newer_version_loses_only_what_is_not_known_here():
    value = _Later("x", "new", ("a",), Origin(path="p"))
    assert Codec(_Before).load(Codec(_Later).dump(value)) == _Before("x")
    assert Codec(_Later).load(Codec(_Later).dump(value)) == value


def test_fields_kept_apart_are_handed_back():
    codec = Codec(_Later, apart=("name",))
    assert codec.dump(_Later("x", "y")) == '{"added":"y"}'
    assert codec.load('{"added":"y"}', name="x") == _Later("x", "y")


def test_a_value_without_a_required_field_does_not_load():
    with pytest.raises(KeyError):
        Codec(_Before).load("{}")


@attrs.frozen
class _Unstorable:
    blob: bytes


def test_a_field_that_has_no_json_form_is_refused_by_name():
    with pytest.raises(TypeError, match=r"_Unstorable\.blob: .*bytes"):
        Codec(_Unstorable)
    with pytest.raises(TypeError, match="bytes"):
        filled(_Unstorable)


def test_many_texts_are_read_at_once_in_order():
    assert load_all(['{"a":1}', "[]", '"x"']) == [{"a": 1}, [], "x"]
    assert load_all([]) == []

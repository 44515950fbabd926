"""Things kept per living object."""

from __future__ import annotations

import gc

from gitops_core.engine import keeping
from gitops_core.engine.keeping import kept


class Thing:
    __hash__ = None  # like most attrs classes


def test_the_same_object_gets_the_same_thing():
    thing = Thing()
    assert kept(thing, "memo", dict) is kept(thing, "memo", dict)
    assert kept(thing, "memo", dict) is not kept(thing, "other", dict)


def test_another_object_gets_another_thing():
    assert kept(Thing(), "memo", list) is not kept(Thing(), "memo", list)


def test_what_was_kept_goes_with_its_object():
    thing = Thing()
    kept(thing, "memo", dict)
    number = id(thing)
    assert number in keeping._kept
    del thing
    gc.collect()
    assert number not in keeping._kept

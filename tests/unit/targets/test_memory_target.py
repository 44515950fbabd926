"""MemoryTarget beyond the contract: somebody else's hands, counters, snapshots."""

import pytest

from gitops_core.errors import AlreadyExists, Conflict, Invalid, NotFound
from gitops_core.interfaces import Query, TargetChange, capabilities
from gitops_core.model.plans import Action
from gitops_core.model.resources import Live, ResourceKey
from gitops_core.model.values import FrozenDict, freeze
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.contexts import make_context

SITE = ResourceKey("", "ConfigMap", "", "site")
BODY = {"kind": "ConfigMap", "metadata": {"name": "site"}, "data": {"a": "1", "b": "2"}}


def body(name):
    return {"kind": "ConfigMap", "metadata": {"name": name}}


def change(action, desired=BODY, live=None, previous=(), key=SITE):
    return TargetChange(key, action, freeze(desired), live, previous=previous)


@pytest.fixture
def target():
    return MemoryTarget(objects=[BODY])


@pytest.fixture
def ctx():
    return make_context()


def look(target, ctx, *keys):
    return list(target.observe(ctx, Query(frozenset(keys or target.objects))))


def test_an_edit_merges_and_none_removes(target):
    target.edit("ConfigMap/site", {"data": {"a": None, "c": "3"}})
    assert target.objects[SITE]["data"] == {"b": "2", "c": "3"}


def test_an_edit_keeps_the_id_and_changes_the_version(target, ctx):
    before = look(target, ctx)[0]
    target.edit(SITE, {"data": {"a": "9"}})
    after = look(target, ctx)[0]
    assert after.id == before.id
    assert after.version != before.version


def test_what_is_removed_and_put_back_has_another_id(target, ctx):
    before = look(target, ctx)[0]
    target.remove(("ConfigMap", "site"))
    target.put(BODY)
    assert look(target, ctx)[0].id != before.id


def test_a_put_replaces_the_whole_object_and_keeps_its_id(target, ctx):
    before = look(target, ctx)[0]
    assert target.put({**BODY, "data": {"z": "1"}}) == SITE
    after = look(target, ctx)[0]
    assert (after.id, after.body["data"]) == (before.id, {"z": "1"})


def test_what_is_not_there_cannot_be_edited_or_removed(target):
    with pytest.raises(KeyError):
        target.edit("ConfigMap/none", {})
    with pytest.raises(KeyError):
        target.remove("ConfigMap/none")


def test_equal_histories_give_equal_ids_and_versions(ctx):
    def history():
        target = MemoryTarget()
        target.create(ctx, change(Action.CREATE))
        target.edit(SITE, {"data": {"a": "5"}})
        return [(live.id, live.version) for live in look(target, ctx)]

    assert history() == history()


def test_two_worlds_never_have_one_etag(ctx):
    assert MemoryTarget(objects=[BODY]).etag(ctx) != MemoryTarget(objects=[BODY]).etag(ctx)


def test_bodies_are_stored_frozen_and_not_copied(ctx):
    target, desired = MemoryTarget(), freeze(BODY)
    target.create(ctx, TargetChange(SITE, Action.CREATE, desired))
    assert target.objects[SITE] is desired
    assert isinstance(look(target, ctx)[0].body, FrozenDict)


def test_calls_are_counted(target, ctx):
    look(target, ctx)
    with pytest.raises(AlreadyExists):
        target.create(ctx, change(Action.CREATE))
    target.etag(ctx)
    assert target.calls == {"observe": 1, "create": 1, "etag": 1}


def test_a_snapshot_is_not_touched_by_what_comes_after(target, ctx):
    kept = target.snapshot()
    target.remove(SITE)
    back = MemoryTarget.from_snapshot(kept)
    assert back.objects == {SITE: BODY}
    assert look(back, ctx)[0].id == "1"
    assert back.etag(ctx) != target.etag(ctx)


def test_few_keys_are_looked_up_and_many_are_walked_with_one_answer(ctx):
    target = MemoryTarget(objects=[body(f"n{i}") for i in range(1100)])
    some = [ResourceKey("", "ConfigMap", "", name) for name in ("n7", "n3", "none")]
    assert [live.key.name for live in look(target, ctx, *some)] == ["n3", "n7"]
    assert len(look(target, ctx)) == 1100


def test_a_stop_ends_a_long_look(ctx):
    from gitops_core.errors import Cancelled

    target = MemoryTarget(objects=[body(f"n{i}") for i in range(2000)])
    seen = []
    with pytest.raises(Cancelled):  # noqa: PT012  # why: the stop comes in the middle
        for live in target.observe(ctx, Query(frozenset(target.objects))):
            seen.append(live)
            ctx.cancel.set()
    assert len(seen) < 600


def test_a_preview_shows_what_would_be_there(target, ctx):
    live = look(target, ctx)[0]
    smaller = {**BODY, "data": {"a": "1"}}
    assert target.preview(ctx, change(Action.UPDATE, smaller, live, ("/data/b",)))["data"] == {"a": "1"}
    assert target.preview(ctx, change(Action.DELETE, {}, live)) == {}
    assert target.preview(ctx, change(Action.CREATE, body("new"), key=ResourceKey("", "ConfigMap", "", "new"))) == body("new")
    with pytest.raises(AlreadyExists):
        target.preview(ctx, change(Action.CREATE))
    assert target.objects[SITE]["data"] == BODY["data"]


def test_an_update_of_another_object_of_this_name_is_a_conflict(target, ctx):
    with pytest.raises(Conflict):
        target.update(ctx, change(Action.UPDATE, live=Live(SITE, BODY, "other")))
    target.remove(SITE)
    with pytest.raises(NotFound):
        target.update(ctx, change(Action.UPDATE))


def test_a_delete_must_name_what_it_deletes(target, ctx):
    with pytest.raises(Invalid, match=r"TargetChange\.live"):
        target.delete(ctx, change(Action.DELETE, {}))
    target.delete(ctx, change(Action.DELETE, {}, Live(SITE, BODY, "other")))
    assert SITE in target.objects


def test_texts_name_the_world_and_hold_no_body(target):
    assert repr(target) == "MemoryTarget('memory', 1 objects)"
    assert target.name == "memory"
    assert target.scope(SITE) == "memory:memory"
    assert "update" in capabilities(target)

"""Verbs that take time: accepted, polled, finished or failed; and what is seen of them meanwhile."""

from __future__ import annotations

import pytest

from gitops_core.testing.clock import VirtualClock
from gitops_core.testing.fake_api import (
    ApiSettings,
    ConflictError,
    ExistsError,
    FakeApi,
    NotFoundError,
    Operation,
    OperationState,
    States,
    Takes,
)

SLOW = {"create": Takes(seconds=10.0), "update": Takes(seconds=10.0), "delete": Takes(seconds=10.0)}


def make(clock=None, **settings) -> FakeApi:
    return FakeApi(ApiSettings(**{"takes": SLOW, **settings}), clock)


def state(api, operation) -> str:
    return api.operation(operation.id).state.value


def test_without_a_state_nothing_is_seen_until_an_operation_is_finished():
    api = make(clock := VirtualClock())
    operation = api.create({"size": 1})
    assert operation == Operation("op-1", "create", "r-1", OperationState.RUNNING)
    clock.advance(9.0)
    assert (state(api, operation), api.records) == ("running", {})
    clock.advance(1.0)
    assert (state(api, operation), api.get("r-1")) == ("done", {"size": 1, "id": "r-1"})
    update = api.update("r-1", {"size": 2})
    assert api.get("r-1")["size"] == 1
    clock.advance(10.0)
    assert (api.get("r-1")["size"], state(api, update)) == (2, "done")
    gone = api.delete("r-1")
    assert api.get("r-1")
    clock.advance(10.0)
    with pytest.raises(NotFoundError):
        api.get("r-1")
    assert state(api, gone) == "done"
    assert [request.status for request in api.requests if request.verb in {"create", "update", "delete"}] == [202, 202, 202]


def test_with_a_state_the_record_says_what_is_being_done_to_it():
    api = make(clock := VirtualClock(), states=States(create="starting", ready="up"))
    seen = []
    for write in (
        lambda: api.create({"size": 1, "state": "mine"}),
        lambda: api.update("r-1", {"size": 2, "state": "mine"}),
        lambda: api.delete("r-1"),
    ):
        write()
        seen.append(api.find()["state"])
        clock.advance(10.0)
        seen += [record["state"] for record in api.records.values()]
    assert seen == ["starting", "up", "updating", "up", "deleting"]


def test_without_slow_verbs_the_state_is_ready():
    assert make(takes={}, states=States()).create({})["state"] == "ready"


def test_an_operation_can_fail_and_says_why():
    fails = Takes(seconds=1.0, fails=lambda record: "no capacity" if record["size"] > 1 else "")
    api = make(clock := VirtualClock(), takes=dict.fromkeys(SLOW, fails), states=States())
    bad = api.create({"size": 2})
    good = api.create({"size": 1})
    clock.advance(1.0)
    assert [(o.state.value, o.error) for o in map(api.operation, (bad.id, good.id))] == [("failed", "no capacity"), ("done", "")]
    assert [record["state"] for record in api.records.values()] == ["failed", "ready"]
    api.update("r-2", {"size": 3})
    clock.advance(1.0)
    assert api.get("r-2") == {"size": 1, "state": "ready", "id": "r-2"}, "a failed update leaves what was there"
    api.delete("r-1")
    clock.advance(1.0)
    assert "r-1" in api.records, "a failed delete, too"


def test_a_failed_operation_without_a_state_leaves_no_trace():
    api = make(clock := VirtualClock(), takes={"create": Takes(seconds=1.0, fails=lambda _: "no")})
    api.create({})
    clock.advance(1.0)
    assert api.records == {}


def test_an_operation_may_need_requests_instead_of_time():
    api = make(takes={"create": Takes(requests=3)})
    operation = api.create({})
    assert [state(api, operation) for _ in range(4)] == ["running", "running", "done", "done"]
    api.create({})
    assert [len(list(api.every())) for _ in range(4)] == [1, 1, 2, 2], "it goes on when nobody polls it, too"
    api.create({})
    for _ in range(5):
        api.foreign().edit("r-1", {})
    assert len(api.records) == 2, "what others do is no request of the client's"


def test_a_record_in_the_hands_of_an_operation_is_not_to_be_written():
    api = make(clock := VirtualClock(), states=States(), unique=lambda r: r["name"])
    api.create({"name": "a"})
    for write in (lambda: api.update("r-1", {"name": "a"}), lambda: api.delete("r-1")):
        with pytest.raises(ConflictError, match="under way"):
            write()
    clock.advance(10.0)
    api.delete("r-1")


def test_a_repeated_create_is_answered_with_the_same_operation_as_it_stands():
    api = make(clock := VirtualClock())
    first = api.create({"name": "a"}, idempotency_key="k")
    clock.advance(10.0)
    again = api.create({"name": "a"}, idempotency_key="k")
    assert (again.id, again.state, len(api.records)) == (first.id, "done", 1)


def test_an_id_that_the_client_chose_is_taken_while_its_create_runs():
    api = make(clock := VirtualClock(), assigns_ids=False, id_field="name")
    operation = api.create({"name": "a"})
    for create in (api.create, api.foreign().create):
        with pytest.raises(ExistsError, match="there is a"):
            create({"name": "a"})
    clock.advance(10.0)
    assert (state(api, operation), api.records) == ("done", {"a": {"name": "a"}})


def test_an_operation_on_a_record_that_somebody_deleted_fails():
    api = make(clock := VirtualClock(), states=States())
    creation = api.create({"name": "a"})
    api.foreign().delete("r-1")
    clock.advance(10.0)
    found = api.operation(creation.id)
    assert (found.state, found.error, api.records) == ("failed", "there is no r-1", {})


def test_a_unique_value_that_was_taken_while_a_create_ran_fails_it():
    api = make(clock := VirtualClock(), unique=lambda r: r["name"])
    operation = api.create({"name": "a"})
    api.foreign().create({"name": "a"})
    clock.advance(10.0)
    assert api.operation(operation.id).error == "r-2 has the same unique value"


def test_what_an_operation_did_is_seen_after_the_lag():
    api = make(clock := VirtualClock(), lag=5.0)
    api.create({"name": "a"})
    clock.advance(10.0)
    assert len(api.records) == 1
    assert list(api.every()) == []
    clock.advance(5.0)
    assert len(list(api.every())) == 1


def test_only_writes_can_take_time():
    with pytest.raises(ValueError, match="not list"):
        ApiSettings(takes={"list": Takes(seconds=1.0)})

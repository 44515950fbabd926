"""The fake API does what its settings say, and equal histories give equal answers."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import attrs
import pytest

from gitops_core.testing.clock import VirtualClock
from gitops_core.testing.fake_api import (
    ApiError,
    ApiSettings,
    ConflictError,
    ExistsError,
    ExpiredError,
    FakeApi,
    InvalidError,
    NotFoundError,
    Paging,
    RateLimit,
    ThrottledError,
)


def make(clock=None, **settings) -> FakeApi:
    return FakeApi(ApiSettings(**settings), clock)


def names(records) -> list[str]:
    return [record["name"] for record in records]


# -- records and ids -----------------------------------------------------------------------------------------------------------


def test_the_server_invents_ids_and_ignores_those_of_the_client():
    api = make()
    assert api.create({"name": "a", "id": "mine"}) == {"name": "a", "id": "r-1"}
    assert api.create({"name": "a"})["id"] == "r-2"
    assert api.update("r-1", {"name": "b", "id": "other"}) == {"name": "b", "id": "r-1"}
    assert api.get("r-1") == {"name": "b", "id": "r-1"}


def test_the_client_may_choose_ids_and_must_then():
    api = make(assigns_ids=False, id_field="name")
    assert api.create({"name": "a"}) == {"name": "a"}
    with pytest.raises(ExistsError, match="409: there is a"):
        api.create({"name": "a"})
    with pytest.raises(InvalidError, match="400: a record needs a text in name"):
        api.create({"title": "a"})
    with pytest.raises(InvalidError, match="cannot be changed"):
        api.update("a", {"name": "b"})


def test_what_is_not_there_cannot_be_had_changed_or_deleted():
    api = make()
    for call in (lambda: api.get("x"), lambda: api.update("x", {}), lambda: api.delete("x"), lambda: api.operation("x")):
        with pytest.raises(NotFoundError, match="404"):
            call()


def test_records_are_the_callers_own():
    api = make()
    mine = {"values": [1]}
    answer = api.create(mine)
    mine["values"].append(2)
    answer["values"].append(3)
    api.get("r-1")["values"].append(4)
    api.records["r-1"]["values"].append(5)
    assert api.get("r-1")["values"] == [1]


def test_a_deleted_record_leaves_its_name_and_its_unique_value():
    api = make(assigns_ids=False, id_field="name", unique=lambda r: r["port"])
    api.create({"name": "a", "port": 1})
    with pytest.raises(ExistsError, match="a has the same unique value"):
        api.create({"name": "b", "port": 1})
    assert api.delete("a") is None
    api.create({"name": "a", "port": 1})
    api.update("a", {"name": "a", "port": 2})
    api.create({"name": "b", "port": 1})
    with pytest.raises(ExistsError):
        api.update("b", {"name": "b", "port": 2})


def test_records_of_the_beginning_are_there_and_nobody_asked_for_them():
    api = FakeApi(ApiSettings(writer_field="by"), records=[{"name": "a"}])
    assert api.find(name="a") == {"name": "a", "id": "r-1", "by": "beginning"}
    assert (api.calls, api.writes) == ({}, 0)


def test_find_wants_exactly_one():
    api = FakeApi(records=[{"name": "a"}, {"name": "b", "x": 1}, {"name": "b"}])
    assert api.find(name="b", x=1)["id"] == "r-2"
    with pytest.raises(LookupError, match="2 records"):
        api.find(name="b")
    with pytest.raises(LookupError, match="0 records"):
        api.find(missing=None)


# -- what the server makes of a record -----------------------------------------------------------------------------------------


def test_defaults_and_spelling_are_the_servers():
    api = make(defaults={"ttl": 300}, normalize=lambda r: {**r, "name": r["name"].lower()}, unique=lambda r: r["name"])
    assert api.create({"name": "WWW"}) == {"ttl": 300, "name": "www", "id": "r-1"}
    assert api.update("r-1", {"name": "Www", "ttl": 60})["ttl"] == 60
    with pytest.raises(ExistsError):
        api.create({"name": "wWw"})


def test_the_server_refuses_what_its_check_refuses():
    def check(new, old):
        if old and old["zone"] != new["zone"]:
            raise InvalidError("zone cannot be changed")

    api = make(check=check)
    api.create({"zone": "a", "size": 1})
    api.update("r-1", {"zone": "a", "size": 2})
    with pytest.raises(InvalidError, match="zone cannot be changed"):
        api.update("r-1", {"zone": "b"})
    assert api.get("r-1")["zone"] == "a"


def test_versions_rise_and_compare_and_swap_lets_one_of_two_win():
    api = make(version_field="version")
    first = api.create({"n": 0})
    assert api.update("r-1", {**first, "n": 1}, version=first["version"])["n"] == 1
    with pytest.raises(ConflictError, match="412: r-1 is at version 2, not 1"):
        api.update("r-1", {**first, "n": 2}, version=first["version"])
    with pytest.raises(ConflictError):
        api.delete("r-1", version=first["version"])
    api.delete("r-1", version="2")


# -- idempotency ---------------------------------------------------------------------------------------------------------------


def test_a_repeated_create_with_the_same_key_makes_nothing_and_is_answered_alike():
    api = make(unique=lambda r: r["name"])
    first = api.create({"name": "a"}, idempotency_key="k")
    assert api.create({"name": "a"}, idempotency_key="k") == first
    assert len(api.records) == 1
    api.foreign().delete("r-1")
    assert api.create({"name": "a"}, idempotency_key="k") == first, "the answer is replayed, whatever became of the record"
    with pytest.raises(InvalidError, match="used for another record"):
        api.create({"name": "b"}, idempotency_key="k")


def test_an_idempotency_key_is_forgotten_in_time_and_a_refused_create_never_used_it():
    api = make(clock := VirtualClock(), idempotency_life=60.0, unique=lambda r: r.get("name"))
    api.create({"name": "a"}, idempotency_key="k")
    clock.advance(60.0)
    with pytest.raises(ExistsError):
        api.create({"name": "a"}, idempotency_key="k")
    with pytest.raises(ExistsError):
        api.create({"name": "a"}, idempotency_key="other")
    api.foreign().delete("r-1")
    assert api.create({"name": "a"}, idempotency_key="other")["id"] == "r-2"


# -- listings ------------------------------------------------------------------------------------------------------------------


def test_a_listing_comes_in_pages_in_the_order_of_creation():
    api = make(paging=Paging(size=2))
    for name in "abcde":
        api.create({"name": name})
    assert names(api.every()) == list("abcde")
    assert api.calls["list"] == 3
    page = api.list()
    assert names(page.items) == ["a", "b"]
    assert names(api.list(token=page.token).items) == ["c", "d"]
    assert names(api.list(token=page.token).items) == ["c", "d"], "a token may be used again"
    assert "a" not in page.token


def test_the_last_page_has_no_token_when_it_is_full():
    api = FakeApi(ApiSettings(paging=Paging(size=2)), records=[{"name": "a"}, {"name": "b"}])
    assert api.list().token == ""


def test_a_listing_can_be_filtered():
    api = FakeApi(ApiSettings(paging=Paging(size=1)), records=[{"name": n, "zone": n in "ac"} for n in "abc"])
    assert names(api.every({"zone": True})) == ["a", "c"]
    assert names(api.every({"zone": None})) == []


def test_continue_tokens_expire_and_cannot_be_made_up():
    api = FakeApi(ApiSettings(paging=Paging(size=1, token_life=30.0)), clock := VirtualClock(), [{"name": n} for n in "ab"])
    token = api.list().token
    clock.advance(29.0)
    assert names(api.list(token=token).items) == ["b"]
    clock.advance(1.0)
    with pytest.raises(ExpiredError, match="410"):
        api.list(token=token)
    with pytest.raises(InvalidError, match="never given out"):
        api.list(token="2")


@pytest.mark.parametrize(("snapshot", "expected"), [(True, ["b", "c"]), (False, ["c", "d"])])
def test_later_pages_show_the_first_pages_moment_or_their_own(snapshot, expected):
    api = FakeApi(ApiSettings(paging=Paging(size=1, snapshot=snapshot)), records=[{"name": n} for n in "abc"])
    token = api.list().token
    api.foreign().delete("r-2")
    api.foreign().create({"name": "d"})
    api.settings = attrs.evolve(api.settings, paging=Paging(size=9))
    assert names(api.list(token=token).items) == expected


# -- eventual consistency ------------------------------------------------------------------------------------------------------


def test_readers_see_every_write_after_the_lag_and_not_before():
    api = make(clock := VirtualClock(), lag=5.0)
    api.create({"name": "a"})
    with pytest.raises(NotFoundError):
        api.get("r-1")
    clock.advance(4.9)
    assert list(api.every()) == []
    clock.advance(0.1)
    assert names(api.every()) == ["a"]
    api.update("r-1", {"name": "b"})
    assert api.get("r-1")["name"] == "a"
    clock.advance(3.0)
    api.update("r-1", {"name": "c"})
    clock.advance(2.0)
    assert api.get("r-1")["name"] == "b", "each write has a lag of its own"
    api.delete("r-1")
    clock.advance(4.0)
    assert names(api.every()) == ["c"]
    assert api.records == {}, "the truth is not late"
    clock.advance(1.0)
    assert list(api.every()) == []


def test_writes_act_on_the_truth_whatever_readers_see():
    api = make(lag=60.0, version_field="v")
    api.create({"name": "a"})
    assert api.update("r-1", {"name": "b"}, version="1")["name"] == "b"
    with pytest.raises(ConflictError):
        api.update("r-1", {"name": "c"}, version="1")


def test_the_lag_can_be_set_at_any_time():
    api = make(VirtualClock(), lag=60.0)
    api.create({"name": "a"})
    assert list(api.every()) == []
    api.settings = attrs.evolve(api.settings, lag=0.0)
    assert names(api.every()) == ["a"]


def test_the_past_is_forgotten_once_nobody_can_see_it():
    api = make(clock := VirtualClock(), lag=1.0)
    api.create({"n": 0})
    for number in range(100):
        clock.advance(1.0)
        api.update("r-1", {"n": number})
    assert len(api._shelf._past["r-1"]) <= 3


# -- limits, log, others -------------------------------------------------------------------------------------------------------


def test_too_many_requests_are_refused_until_exactly_the_time_that_the_api_says():
    api = make(clock := VirtualClock(), rate_limit=RateLimit(requests=2, seconds=10.0))
    api.list()
    clock.advance(4.0)
    api.list()
    with pytest.raises(ThrottledError, match="429") as caught:
        api.create({"name": "a"})
    assert (caught.value.retry_after, api.records) == (6.0, {})
    clock.advance(5.9)
    with pytest.raises(ThrottledError):
        api.list()
    clock.advance(0.1)
    api.create({"name": "a"})
    with pytest.raises(ThrottledError) as caught:
        api.list()
    assert caught.value.retry_after == pytest.approx(4.0)


def test_requests_are_counted_by_verb_and_logged_with_their_status():
    api = make(clock := VirtualClock(), rate_limit=RateLimit(requests=3), log_size=3)
    api.create({"name": "a"})
    with pytest.raises(NotFoundError):
        api.get("r-9")
    api.delete("r-1")
    clock.advance(0.5)
    with pytest.raises(ThrottledError):
        api.list()
    assert api.calls == {"create": 1, "get": 1, "delete": 1, "list": 1}
    assert (api.writes, api.calls["update"]) == (2, 0)
    assert [str(request) for request in api.requests] == ["0.0 get r-9 404", "0.0 delete r-1 200", "0.5 list 429"]
    assert api.requests[-1].number == 4
    assert repr(api) == "FakeApi(0 records, 4 requests)"


def test_somebody_else_is_neither_limited_nor_counted_but_logged_and_named():
    api = make(rate_limit=RateLimit(requests=1), version_field="v", writer_field="by", defaults={"ttl": 300})
    api.create({"name": "a", "note": "n"})
    ada = api.foreign("ada")
    assert ada.edit("r-1", {"name": "b", "note": None}) == {"name": "b", "ttl": 300, "id": "r-1", "v": "2", "by": "ada"}
    assert ada.replace("r-1", {"name": "c"})["name"] == "c"
    assert ada.create({"name": "d"})["id"] == "r-2"
    ada.delete("r-2")
    with pytest.raises(NotFoundError):
        ada.delete("r-2")
    assert api.calls == {"create": 1}
    assert [(r.who, r.verb, r.status) for r in api.requests][-1] == ("ada", "delete", 404)
    assert api.find(by="ada")["id"] == "r-1"


def test_threads_never_share_an_id_or_lose_a_write():
    api = make(version_field="v", paging=Paging(size=7))
    start = threading.Barrier(8)

    def work(worker):
        start.wait()
        for number in range(50):
            record = api.create({"name": f"{worker}-{number}"})
            api.update(record["id"], {**record, "done": True}, version=record["v"])
            list(api.list().items)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    records = list(api.every())
    assert len(records) == len({r["id"] for r in records}) == len({r["name"] for r in records}) == 400
    assert all(r["done"] for r in records)


def test_every_error_of_the_api_is_an_api_error_with_a_status_of_its_own():
    classes = ApiError.__subclasses__()
    assert len({cls.status for cls in classes}) == len(classes) == 7
    assert str(classes[0]("why")).startswith(f"{classes[0].status}: ")


def test_nothing_of_a_record_is_in_an_error_or_a_repr():
    api = make(unique=lambda r: r["name"])
    api.create({"name": "canary"}, idempotency_key="k")
    told = [repr(api), repr(api.list()), *map(repr, api.requests), repr(api._shelf.current("r-1"))]
    for call in (
        lambda: api.create({"name": "canary"}),
        lambda: api.create({"name": "x", "secret": "canary"}, idempotency_key="k"),
    ):
        with pytest.raises(ApiError) as caught:
            call()
        told.append(str(caught.value))
    assert [text for text in told if "canary" in text] == []

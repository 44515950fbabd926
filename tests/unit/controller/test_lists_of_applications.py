"""Applications come, change and go while the controller runs; what makes no sense never shrinks the set."""

from __future__ import annotations

import attrs
import pytest

from gitops_core.controller.controller import Controller
from gitops_core.controller.status import Phase
from gitops_core.errors import ConfigError, SourceUnavailable
from gitops_core.model.applications import Options
from gitops_core.state.memory import MemoryStore
from gitops_core.testing.platforms import Platform
from gitops_core.testing.worlds import config


def test_an_application_that_is_added_is_reconciled_at_once() -> None:
    platform = Platform()
    platform.app("one", config("a"))
    platform.run()
    later = platform.app("two", config("b"))
    platform.controller.notify(["monorepo"])
    platform.run()
    assert platform.status(later).phase is Phase.SYNCED


def test_an_application_that_is_removed_is_looked_at_no_more_and_keeps_what_it_owns() -> None:
    platform = Platform()
    app = platform.app("one", config("a"))
    platform.run()
    platform.controller.remove(app)
    platform.run()
    calls = dict(app.target.calls)
    platform.run(seconds=1000)
    assert dict(app.target.calls) == calls
    assert len(app.target.objects) == 1
    with pytest.raises(KeyError):
        platform.status(app)
    assert platform.repository.calls["resolve"] <= 2


def test_an_application_that_changes_gets_a_pass_with_what_it_is_now() -> None:
    platform = Platform()
    app = platform.app("one", config("a"))
    platform.run()
    other = platform.made("one", target=type(app.target)("other"))
    platform.controller.add(other)
    platform.run()
    assert len(other.target.objects) == 1


def listed(apps, **fields):
    given = {"apps": apps, "calls": 0}

    def supplier():
        given["calls"] += 1
        if isinstance(given["apps"], Exception):
            raise given["apps"]
        return given["apps"]

    return Platform(supplier=supplier, **fields), given


def test_a_function_is_asked_again_in_intervals() -> None:
    platform, given = listed([])
    given["apps"] = [platform.made("one", config("a"))]
    platform.run()
    given["apps"] = [*given["apps"], platform.made("two", config("b"))]
    platform.run(seconds=130)
    assert {status.phase for status in platform.controller.status().applications.values()} == {Phase.SYNCED}
    assert len(platform.controller.status().applications) == 2
    assert 2 <= given["calls"] <= 4
    given["apps"] = given["apps"][1:]
    platform.run(seconds=70)
    assert list(platform.controller.status().applications) == [given["apps"][0].id]


@pytest.mark.parametrize(
    ("nonsense", "why"),
    [
        (RuntimeError("boom"), "RuntimeError in"),
        (SourceUnavailable("the inventory service is down"), "the inventory service is down"),
        (None, "TypeError in"),
        ([1, 2], "returned int, not only applications"),
        ("twice", "two applications are called example.org/tests/one"),
        ("circle", "one -> example.org/tests/two -> example.org/tests/one"),
    ],
)
def test_what_makes_no_sense_never_shrinks_the_set_and_the_status_says_why(nonsense, why) -> None:
    platform, given = listed([])
    one, two = platform.made("one", config("a")), platform.made("two", config("b"))
    given["apps"] = [one, two]
    platform.run()
    known = platform.controller.status().applications
    if nonsense == "twice":
        nonsense = [one, platform.made("one")]
    if nonsense == "circle":
        nonsense = [platform.made("one", depends_on=["two"]), platform.made("two", depends_on=["one"])]
    given["apps"] = nonsense
    platform.run(seconds=70)
    assert platform.controller.status().applications.keys() == known.keys()
    assert why in platform.controller.status().error
    assert platform.told("applications-failed")
    one.target.remove("ConfigMap/a")
    platform.run(seconds=200)
    assert len(one.target.objects) == 1
    given["apps"] = [one]
    platform.run(seconds=70)
    assert platform.controller.status().error == ""
    assert list(platform.controller.status().applications) == [one.id]


def test_the_text_of_a_foreign_error_is_not_told_for_it_may_hold_a_secret() -> None:
    platform, _ = listed(RuntimeError("token=hunter2"))
    platform.run()
    assert "hunter2" not in platform.controller.status().error + repr(platform.sink.events)


def test_equal_applications_that_are_made_anew_each_time_cost_no_pass() -> None:
    platform, given = listed([])
    one = platform.made("one", config("a"), options=Options(interval=100_000.0))
    given["apps"] = [one]
    platform.run()
    given["apps"] = [attrs.evolve(one)]
    looks = one.target.calls["etag"]
    platform.run(seconds=600)
    assert given["calls"] > 5
    assert one.target.calls["etag"] == looks


def test_applications_of_a_function_are_changed_there_and_not_by_hand() -> None:
    platform, _ = listed([])
    with pytest.raises(ConfigError, match="the applications come from"):
        platform.controller.add(platform.made("one"))
    with pytest.raises(ConfigError, match="the applications come from"):
        platform.controller.remove("one")


def test_a_list_that_makes_no_sense_is_refused_when_the_controller_is_made() -> None:
    platform = Platform()
    with pytest.raises(ConfigError, match="two applications are called"):
        Controller([platform.made("one"), platform.made("one")], store=MemoryStore())
    circle = [platform.made("a", depends_on=["b"]), platform.made("b", depends_on=["c"]), platform.made("c", depends_on=["a"])]
    with pytest.raises(ConfigError, match=r"a -> \S+/b -> \S+/c -> \S+/a"):
        Controller(circle, store=MemoryStore())


def test_a_source_that_cannot_say_what_it_follows_is_asked_by_itself() -> None:
    platform = Platform()
    app = platform.made("one", config("a"))

    class Odd(type(app.source)):
        @property
        def reference(self):
            raise RuntimeError("odd")

        def is_told_by(self, repository, ref):
            raise RuntimeError("odder")

    odd = attrs.evolve(app, source=Odd(platform.repository, "one"))
    platform.controller.add(odd)
    platform.run()
    assert platform.status(odd).phase is Phase.SYNCED
    before = platform.repository.calls["resolve"]
    platform.controller.notify(["somewhere"])
    platform.run()
    assert platform.repository.calls["resolve"] == before + 1

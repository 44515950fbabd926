"""The tree of errors is the one drawn at the top of its file."""

from __future__ import annotations

import inspect
import pickle
import re
from collections.abc import Iterator

import pytest

from gitops_core import errors
from gitops_core.errors import (
    DependencyCycle,
    Disposition,
    GitOpsError,
    Immutable,
    Invalid,
    Partial,
    Permission,
    PluginError,
    RenderError,
    Throttled,
)
from gitops_core.model.resources import Live, Origin, ResourceKey

WEB = ResourceKey("apps", "Deployment", "shop", "web")
BASES_ONLY = {"GitOpsError", "SourceError", "PlanError", "TargetError", "StateError"}
CLASSES = sorted(
    (cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, GitOpsError)), key=lambda cls: cls.__name__
)
FACTS = {
    "stage": "apply",
    "key": WEB,
    "revision": "abc",
    "retry_after": 2.5,
    "origin": Origin(path="web.yaml", line=3, column=5),
    "disposition": Disposition.WAIT,
}


def read_body() -> dict[str, int]:
    return {"a": 1}


LIVE = Live(WEB, read_body, id="7")


def make(cls: type[GitOpsError], **facts: object) -> GitOpsError:
    if cls is DependencyCycle:
        return cls([WEB, WEB], **facts)
    if cls is Partial:
        return cls("wrong; do this", LIVE, **facts)
    return cls("wrong; do this", **facts)


def drawn() -> Iterator[tuple[str, str, str]]:
    """Yield (class, parent, disposition or empty) as the module's docstring draws them."""
    path = ["GitOpsError"]
    yield "GitOpsError", "Exception", ""
    for bars, name, disposition in re.findall(
        r"^    ((?:│   )*)[├└]── (\w+) *(RETRY|WAIT|STALL|)", errors.__doc__ or "", re.MULTILINE
    ):
        path[1 + len(bars) // 4 :] = [name]
        yield name, path[-2], disposition.lower()


def test_the_drawing_shows_every_class_below_its_parent() -> None:
    assert {(name, parent) for name, parent, _ in drawn()} == {(cls.__name__, cls.__bases__[0].__name__) for cls in CLASSES}


def test_the_drawing_shows_the_disposition_of_every_class_that_is_raised() -> None:
    shown = {name: disposition for name, _, disposition in drawn()}
    real = {cls.__name__: "" if cls.__name__ in BASES_ONLY else cls.default.value for cls in CLASSES}
    assert shown == real


@pytest.mark.parametrize("cls", CLASSES)
def test_every_error_carries_its_facts(cls: type[GitOpsError]) -> None:
    error = make(cls, **FACTS)
    assert {name: getattr(error, name) for name in FACTS} == FACTS
    assert str(error).startswith("web.yaml:3:5: apps/Deployment/shop/web: ")
    assert str(error).endswith(error.message)
    assert make(cls).disposition is cls.default
    assert str(make(cls)) == make(cls).message


@pytest.mark.parametrize("cls", CLASSES)
def test_every_error_survives_pickling(cls: type[GitOpsError]) -> None:
    """Workers in other processes report as threads do."""
    error = make(cls, **FACTS)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is cls
    assert (str(again), again.args) == (str(error), error.args)
    live = again.__dict__.pop("live", None), error.__dict__.pop("live", None)
    assert again.__dict__ == error.__dict__
    assert live == ((LIVE, LIVE) if cls is Partial else (None, None))


@pytest.mark.parametrize("cls", CLASSES)
def test_every_error_says_what_it_means(cls: type[GitOpsError]) -> None:
    assert (cls.__doc__ or "").strip()


def test_some_errors_carry_facts_of_their_own() -> None:
    assert Immutable("no", ["/spec/selector"]).pointers == ("/spec/selector",)
    assert Invalid("no", "/spec/replicas").pointer == "/spec/replicas"
    assert PluginError("no", "MyTarget").plugin == "MyTarget"
    assert Partial("half", LIVE).live is LIVE
    assert Throttled("slow down", retry_after=3.0).retry_after == 3.0
    assert RenderError("no").problems == ()


def test_a_cycle_is_told_as_a_path() -> None:
    error = DependencyCycle([WEB, ResourceKey("", "File", "", "motd"), WEB])
    assert str(error) == (
        "depends_on closes a circle: apps/Deployment/shop/web -> File/motd -> apps/Deployment/shop/web; remove one of these"
    )
    assert error.path[0] == error.path[-1] == WEB


def test_a_permission_reads_as_a_request_with_what_is_known_of_it() -> None:
    assert str(Permission("list", "", "configmaps")) == "list configmaps"
    assert str(Permission("patch", "apps", "deployments", "shop", "web")) == "patch deployments.apps web in shop"

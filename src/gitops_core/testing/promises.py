"""What the checks of the contract suites are made of: a promise each, told in full when it is broken."""

from __future__ import annotations

import enum
import functools
import inspect
from collections.abc import Callable
from typing import Any, Final, ParamSpec

import attrs
import pytest

P = ParamSpec("P")

_MARK: Final = "__promise__"


class Layer(enum.StrEnum):
    """What a check needs: nothing, a world that works, a world that fails, or a large one."""

    PURE = "pure"
    STATEFUL = "stateful"
    FAULT = "fault"
    SCALE = "scale"


@attrs.frozen
class Promise:
    """
    What one check is about.

    Attributes:
        name: Of the check: ``test_delete_removes``.
        layer: What it needs.
        sentence: What is promised.
        why: What goes wrong for the user when it does not hold.
        cure: How the author mends it.
    """

    name: str
    layer: Layer
    sentence: str
    why: str
    cure: str

    @property
    def paragraph(self) -> str:
        """What a failure of the check says."""
        return f"Broken promise: {self.sentence} Why it matters: {self.why} How to mend it: {self.cure}"


def check(layer: Layer, *, why: str, cure: str) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """
    Make a method a check of a contract suite: whatever it raises carries the paragraph of its promise as a note.

    The docstring of the method is the promise.

    Args:
        layer: What the check needs.
        why: What goes wrong for the user when the promise is broken.
        cure: How the author of the plug-in mends it.

    Example::

        class HelloContract:
            @check(Layer.PURE, why="Nobody feels welcome.", cure="Return a greeting.")
            def test_it_greets(self) -> None:
                "A greeting is not empty."
                assert self.make_greeting(), "it is empty"
    """

    def decorate(function: Callable[P, None]) -> Callable[P, None]:
        promise = Promise(function.__name__, layer, " ".join((function.__doc__ or "").split()), why, cure)

        @functools.wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> None:
            __tracebackhide__ = True
            if not __debug__:
                pytest.fail("python -O strips the assert statements that the contract suites are made of: run without it")
            try:
                function(*args, **kwargs)
            except (Exception, pytest.fail.Exception) as error:
                if promise.paragraph not in getattr(error, "__notes__", ()):
                    error.add_note(promise.paragraph)
                raise

        setattr(checked, _MARK, promise)
        return checked

    return decorate


def promises_of(suite: type[Any]) -> tuple[Promise, ...]:
    """Return the promises that *suite* checks, by layer and in the order they are written in."""
    found: dict[str, Promise] = {}
    for cls in reversed(suite.__mro__):
        found |= {name: getattr(member, _MARK) for name, member in vars(cls).items() if hasattr(member, _MARK)}
    return tuple(sorted(found.values(), key=lambda promise: list(Layer).index(promise.layer)))


def unexplained(suite: type[Any]) -> tuple[str, ...]:
    """Return the names of the tests of *suite* that say no promise, no reason or no cure: none, in a suite of this package."""
    told = {p.name for p in promises_of(suite) if all(_is_sentence(text) for text in (p.sentence, p.why, p.cure))}
    tests = {name for name, _ in inspect.getmembers(suite, callable) if name.startswith("test_")}
    return tuple(sorted(tests - told))


def _is_sentence(text: str) -> bool:
    return " " in text and text.rstrip("'\")").endswith(".")

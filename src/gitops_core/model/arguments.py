"""What an embedder has handed over, held against what was asked for: a mistake is told where it is made, not where it is used."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

import attrs

T = TypeVar("T")
Validator = Callable[[Any, "attrs.Attribute[Any]", Any], None]


def require(name: str, value: T, kind: type) -> T:
    """
    Return *value*, which was handed over as *name*.

    Raises:
        TypeError: It is no *kind*. The message has its type, never the value: that may be a URL with a password.
    """
    if isinstance(value, kind):
        return value
    raise TypeError(f"{name}: {_article(kind.__name__)} is wanted, not {_described(value)}")


def is_a(kind: type) -> Validator:
    """Return an attrs validator: the value is a *kind*."""

    def check(_owner: object, attribute: attrs.Attribute[Any], value: object) -> None:
        require(attribute.name, value, kind)

    return check


def is_plug_in(interface: str, method: str, cure: str = "") -> Validator:
    """
    Return an attrs validator: the value is an object with *method*.

    A plug-in is told by one method, because the interfaces are built on this package.

    Args:
        interface: Its name, for the message.
        method: One that this interface alone has.
        cure: What to do with what people hand over instead.
    """

    def check(_owner: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if isinstance(value, type) or not callable(getattr(value, method, None)):
            said = f"{attribute.name}: {_article(interface)} is wanted, not {_described(value)}"
            raise TypeError(f"{said}; {cure}" if cure and callable(value) and not isinstance(value, type) else said)

    return check


def is_number(check: Validator) -> Validator:
    """Return *check*, an attrs validator that compares numbers, with a clear word for what is no number."""

    def checked(owner: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if not isinstance(value, int | float):
            raise TypeError(f"{attribute.name}: a number is wanted, not {_described(value)}")
        check(owner, attribute, value)

    return checked


def several(values: Iterable[T]) -> tuple[T, ...]:
    """Return *values* as a tuple (an attrs converter); one alone is a tuple of one, and a text does not fall apart into its letters."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        return (cast("T", values),)
    return tuple(values)


def _described(value: object) -> str:
    if isinstance(value, type):
        return f"the class {value.__name__}; call it"
    return "None" if value is None else _article(type(value).__name__)


def _article(word: str) -> str:
    return f"{'an' if word[0] in 'AEIOUaeiou' else 'a'} {word}"

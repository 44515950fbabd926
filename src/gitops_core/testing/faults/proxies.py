"""Something that looks like another thing in every way but for some of its methods."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

T = TypeVar("T")
_PROTOCOLS: Final = (
    "__len__",
    "__iter__",
    "__next__",
    "__contains__",
    "__getitem__",
    "__bool__",
    "__call__",
    "__enter__",
    "__exit__",
)


def disguised(base: type, inner: T, methods: Mapping[str, Callable[..., Any]]) -> T:
    """
    Return a *base* that does *methods* itself and is *inner* in everything else.

    What *inner*'s class has not overridden stays as it is in *base*, so that whoever looks for overridden methods finds the same
    ones. ``isinstance`` takes the disguise for an *inner*, too; what is set on it is set on *inner*, but for *methods*. What *inner*
    calls on itself does not pass through here.

    Args:
        base: The abstract class it must really be one of; ``object`` for none.
        inner: What is disguised.
        methods: By name; those that *inner* has not overridden are left out.
    """
    public = {name for name in dir(base) if not name.startswith("_")}
    plain = {
        name for name in public if inspect.isfunction(getattr(base, name)) and getattr(type(inner), name) is getattr(base, name)
    }
    known = public - plain
    special = {name for name in _PROTOCOLS if base is object and hasattr(type(inner), name)}
    namespace: dict[str, Any] = {
        "__module__": __name__,
        "__doc__": type(inner).__doc__,
        "__class__": property(lambda _self: inner.__class__),
        "__getattr__": lambda _self, name: getattr(inner, name),
        "__setattr__": lambda self, name, value: (
            object.__setattr__(self, name, value) if name in methods else setattr(inner, name, value)
        ),
        "__delattr__": lambda self, name: object.__delattr__(self, name) if name in methods else delattr(inner, name),
        "__repr__": lambda _self: f"faulty {inner!r}",
        **{name: property(_fetch(inner, name)) for name in known},
        **{name: _special(inner, name) for name in special},
        **{name: _method(does) for name, does in methods.items() if name not in plain},
    }
    cls = types.new_class(f"Faulty{type(inner).__name__}", (base,), exec_body=lambda body: body.update(namespace))
    proxy: T = cls()
    return proxy


def _fetch(inner: object, name: str) -> Callable[[Any], Any]:
    return lambda _self: getattr(inner, name)


def _method(does: Callable[..., Any]) -> Callable[..., Any]:
    return lambda _self, *args, **kwargs: does(*args, **kwargs)


def _special(inner: object, name: str) -> Callable[..., Any]:
    def method(self: Any, *args: Any) -> Any:
        answer = getattr(inner, name)(*args)
        return self if answer is inner else answer  # "with api as api" stays disguised

    return method

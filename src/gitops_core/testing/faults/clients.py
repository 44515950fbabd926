"""Any client object or callable with faults in its methods: the transports."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

import attrs

from gitops_core.interfaces import Clock
from gitops_core.testing.fake_api.service import FakeApi
from gitops_core.testing.fake_api.settings import Verb
from gitops_core.testing.faults.calls import Call, ClockTime
from gitops_core.testing.faults.dialects import API, NETWORK, Dialect
from gitops_core.testing.faults.proxies import disguised

T = TypeVar("T")


def first_text(_operation: str, args: tuple[Any, ...], _kwargs: Mapping[str, Any]) -> str:
    """Return the first argument, if it is text: what most calls are about."""
    return args[0] if args and isinstance(args[0], str) else ""


def _methods(value: str | Iterable[str] | None) -> tuple[str, ...] | None:
    return value if value is None else (value,) if isinstance(value, str) else tuple(value)


@attrs.frozen(kw_only=True)
class Wrapping:
    """
    How a client is wrapped.

    Attributes:
        label: Begins the name of every operation: ``client.get``. A function's operation is ``client.<its name>``.
        methods: Which methods; every public one when left out.
        key_of: Says what a call is about, from method, positional and keyword arguments.
        dialect: What it raises when something goes wrong.
    """

    label: str = "client"
    methods: tuple[str, ...] | None = attrs.field(default=None, converter=_methods)
    key_of: Callable[[str, tuple[Any, ...], Mapping[str, Any]], str] = first_text
    dialect: Dialect = NETWORK


def faulty(client: T, wrapping: Wrapping, clock: Clock | None, through: Callable[[Call], Any]) -> T:
    """Return *client* with *through* around its methods, or around itself when it is a function."""
    sent = _Sender(wrapping, ClockTime(clock), through)
    if callable(client) and hasattr(client, "__name__"):
        return cast(T, functools.wraps(client)(sent.by(client.__name__, lambda: client)))
    names = wrapping.methods or [name for name in dir(client) if _is_method(client, name)]
    return disguised(object, client, {name: sent.by(name, functools.partial(getattr, client, name)) for name in names})


def faulty_api(api: FakeApi, label: str, through: Callable[[Call], Any]) -> FakeApi:
    """Return *api* with *through* around its verbs; the pages of ``every`` are requests of their own, as ever."""

    def key_of(verb: str, args: tuple[Any, ...], _kwargs: Mapping[str, Any]) -> str:
        if verb == Verb.CREATE.value:
            return str(args[0].get(api.settings.id_field) or args[0].get("name", ""))
        return first_text(verb, args, {})

    def every(*args: Any, **kwargs: Any) -> Any:
        return FakeApi.every(disguise, *args, **kwargs)

    sent = _Sender(Wrapping(label=label, key_of=key_of, dialect=API), ClockTime(api.clock), through)
    methods = {verb.value: sent.by(verb.value, functools.partial(getattr, api, verb.value)) for verb in Verb}
    disguise = disguised(object, api, {**methods, "every": every})
    return disguise


@attrs.frozen
class _Sender:
    """Sends the calls of one client through a plan."""

    wrapping: Wrapping
    time: ClockTime
    through: Callable[[Call], Any]

    def by(self, name: str, find: Callable[[], Callable[..., Any]]) -> Callable[..., Any]:
        """Return the method *name*: what *find* finds at the time of the call, through the plan."""

        def method(*args: Any, **kwargs: Any) -> Any:
            key = self.wrapping.key_of(name, args, kwargs)
            run = functools.partial(find(), *args, **kwargs)
            operation = f"{self.wrapping.label}.{name}"
            return self.through(Call(operation=operation, key=key, run=run, dialect=self.wrapping.dialect, time=self.time))

        return method


def _is_method(client: object, name: str) -> bool:
    value = inspect.getattr_static(client, name)  # not getattr: a property may do anything
    return (name == "__call__" or not name.startswith("_")) and (callable(value) or isinstance(value, classmethod))

"""A function as a renderer."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from gitops_core.errors import ConfigError, RenderError
from gitops_core.interfaces import Context, Renderer
from gitops_core.model.resources import Origin, Resource
from gitops_core.model.revisions import Tree
from gitops_core.renderers.yielded import Keys, as_resource

_POSITIONAL: Final = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class FunctionRenderer(Renderer):
    """
    Lets a function do the rendering.

    What it yields is a body, a (body, :class:`Origin`) pair, or a :class:`Resource`. A body without an origin is said to
    come from item 0, 1, 2 ... of the function's name.

    Args:
        fn: Called with (tree), or with (ctx, tree) when it has two parameters without a default. A generator, or it returns
            an iterable.
        name: How messages call it; the function's own name otherwise.
        version: Change it whenever *fn* changes what it yields for the same tree: then renders may be remembered.
            Empty: the function is asked on every pass.

    Raises:
        ConfigError: *fn* cannot be called with one or two arguments. STALL.
    """

    def __init__(self, fn: Callable[..., Iterable[Any]], *, name: str = "", version: str = "") -> None:
        self._wants_context = _required(fn) == 2  # noqa: PLR2004  # why: ctx and tree
        self._fn = fn
        self._name = name or getattr(fn, "__qualname__", type(fn).__name__)
        self._version = version

    @property
    def name(self) -> str:
        """How messages call it."""
        return self._name

    @property
    def fingerprint(self) -> str:
        """``function:name:version``, or empty without a version."""
        return f"function:{self._name}:{self._version}" if self._version else ""

    def render(self, ctx: Context, tree: Tree) -> Iterator[Resource]:
        """
        Yield what the function yields.

        Raises:
            RenderError: The function yields, or returns, something else. STALL.
            DuplicateResource: It yields two objects with one key. STALL.
        """
        items: object = self._fn(ctx, tree) if self._wants_context else self._fn(tree)
        if not isinstance(items, Iterable) or isinstance(items, str | bytes | Mapping):
            raise RenderError(f"{self._name} returned {type(items).__name__}; it must yield, or return an iterable of, bodies")
        keys = Keys()
        for number, item in enumerate(items):
            ctx.check()
            resource = as_resource(ctx, item, Origin(tree.revision.source, path=self._name, document=number))
            keys.add(resource)
            yield resource


def _required(fn: Callable[..., Any]) -> int:
    if not callable(fn):
        raise ConfigError(f"FunctionRenderer takes a function, not {type(fn).__name__}")
    parameters = inspect.signature(fn).parameters.values()
    required = sum(p.kind in _POSITIONAL and p.default is inspect.Parameter.empty for p in parameters)
    if required not in (1, 2):
        raise ConfigError(f"{fn!r} must take (tree) or (ctx, tree); it has {required} required positional parameters")
    return required

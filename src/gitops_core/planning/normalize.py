"""Bring both sides of a comparison into one spelling, keep secrets wrapped, and contain what a plug-in may throw."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import attrs

from gitops_core.errors import Cancelled, DeadlineExceeded, PluginError
from gitops_core.model.fields import Fields
from gitops_core.model.pointers import Patterns, join, split
from gitops_core.model.resources import ResourceKey
from gitops_core.model.secrets import (
    KUBERNETES_SECRET,
    Redactor,
    clear_texts,
    reveal,
    secret_texts,
    sensitive_pointers,
    wrap,
)
from gitops_core.model.values import Body, FrozenDict, Sensitive, digest, freeze
from gitops_core.planning.request import Read, TargetRules

T = TypeVar("T")

_NONE = Patterns()
_SHORTEST = 3  # as in model.secrets: a shorter text cannot be removed without destroying what is around it


@attrs.frozen
class Secrecy:
    """
    What is secret in one object, on both sides of a comparison.

    Attributes:
        patterns: Fields whose values are wrapped.
        redactor: Removes the declaration's secrets from texts that were made from other fields or by plug-ins.
        extra: Pointers that are secret only because the renderer wrapped them, sorted.
    """

    patterns: Patterns
    redactor: Redactor = Redactor()
    extra: tuple[str, ...] = ()

    @classmethod
    def of(cls, key: ResourceKey, rules: TargetRules, body: Body, recorded: tuple[str, ...] = ()) -> Secrecy:
        """
        Return what is secret in *body* (a declaration, wrapped) and in what is live under *key*.

        Args:
            key: The object.
            rules: Of its target.
            body: Its declaration; empty when there is none.
            recorded: ``InventoryEntry.sensitive``: what was secret when it was applied last.
        """
        known = always_secret(key, rules.fields)
        extra = tuple([p for p in sensitive_pointers(body) if not known.covers(p)])
        if not (known or recorded or extra):
            return cls(known)  # as for most objects
        patterns = Patterns(known.patterns | set(extra) | set(map(_any_item, recorded))) if extra or recorded else known
        return cls(patterns, hidden_in(wrap(body, patterns)) if patterns else Redactor(), extra)

    def between(self, declared: Body, live: Body, *spelled: Body) -> Secrecy:
        """
        Return this with a redactor for the secrets of both sides, before and after they were *spelled*.

        The old secret is in the live object only, and a target's spelling may copy it to a field that nobody calls secret.

        Raises:
            PluginError: *live* is not a JSON object.
        """
        if not self.patterns:
            return self
        there = ask("observe", lambda: wrap(_object(live), self.patterns))
        return attrs.evolve(self, redactor=hidden_in(wrap(declared, self.patterns), there, *spelled))


_OPEN = Secrecy(_NONE)


def hidden_in(declared: Body, *others: Body) -> Redactor:
    """Return a redactor for every wrapped value of all of these, save what *declared* also has in clear: that is no secret."""
    clear = set(clear_texts(declared))
    texts = {t for body in (declared, *others) for t in secret_texts(body) if len(t) >= _SHORTEST and t not in clear}
    return Redactor(tuple(sorted(texts, key=lambda t: (-len(t), t))))


def always_secret(key: ResourceKey, fields: Fields) -> Patterns:
    """Return what is secret in every object like *key*, in a target with these *fields*; empty for most."""
    if not (fields.sensitive or fields.write_only) and key.kind != "Secret":
        return _NONE
    kubernetes = KUBERNETES_SECRET if key.kind == "Secret" and not key.group else _NONE
    parts = [p for p in (fields.sensitive, fields.write_only, kubernetes) if p]
    return parts[0] if len(parts) == 1 else Patterns(frozenset().union(*(p.patterns for p in parts)))


def _any_item(pointer: str) -> str:
    """Return *pointer* with ``*`` for list items: what was item 1 may be item 2 by now."""
    return join("*" if part.isdecimal() or part.startswith("[") else part for part in split(pointer))


def normalized(body: Body, rules: TargetRules, secrecy: Secrecy) -> FrozenDict:
    """
    Return *body* in the target's spelling, frozen, with secrets wrapped.

    Raises:
        PluginError: The target's ``normalize`` raised or returned something that is not a JSON object, or *body* is not one.
    """
    if rules.normalize is None:
        return ask("observe", lambda: wrap(_object(body), secrecy.patterns), secrecy.redactor)
    if not secrecy.patterns:  # nothing is wrapped, on either side
        return _respelled(rules.normalize, ask("observe", lambda: _object(body)), secrecy.redactor)
    return wrap(spelled(body, rules, secrecy.redactor), secrecy.patterns)


def secrecy_of(read: Read, rules: TargetRules) -> Secrecy:
    """Return what is secret in the declaration *read*, whatever was secret before; worked out once a request."""
    if read.secrecy is None:
        is_plain = not read.outline.is_wrapped and not always_secret(read.key, rules.fields)
        read.secrecy = _OPEN if is_plain else Secrecy.of(read.key, rules, read.body)
    return read.secrecy


def declared_in_spelling(read: Read, rules: TargetRules, secrecy: Secrecy) -> FrozenDict:
    """Return the declaration *read* as :func:`normalized` does; worked out once a request for its own secrecy."""
    if secrecy.patterns and secrecy is not read.secrecy:
        return normalized(read.body, rules, secrecy)
    if read.spelled is None:
        read.spelled = normalized(read.body, rules, secrecy)
    return read.spelled


def spelled(body: Body, rules: TargetRules, redactor: Redactor = Redactor()) -> FrozenDict:
    """Return *body* in the target's spelling, frozen, in clear; raises like :func:`normalized`."""
    respell = rules.normalize
    clear: FrozenDict = ask("observe", lambda: reveal(_object(body)), redactor)
    return clear if respell is None else _respelled(respell, clear, redactor)


def _respelled(respell: Callable[[Body], Body], clear: FrozenDict, redactor: Redactor) -> FrozenDict:
    return ask("normalize", lambda: _object(respell(clear)), redactor)


def _object(value: Any) -> FrozenDict:
    if not isinstance(value, Mapping):
        raise TypeError(f"a JSON object was expected, not {type(value).__name__}")
    frozen: FrozenDict = freeze(value)
    return frozen


def live_digest(body: Body, rules: TargetRules, salt: bytes) -> str:
    """
    Return the digest that stands for a live object whose API has no version; raises like :func:`normalized`.

    All of it is keyed with *salt*: it is stored, and nobody knows which fields of somebody else's object are secret.
    """
    return digest(Sensitive(spelled(body, rules)), salt)


def ask(function: str, call: Callable[[], T], redactor: Redactor = Redactor()) -> T:
    """
    Return what *call*, a pure function of a plug-in, returns.

    Raises:
        PluginError: It raised; the message names *function* and the class of the error, and holds no secret that *redactor* knows.
        Cancelled, DeadlineExceeded: The host wants us to stop.
    """
    try:
        return call()
    except (Cancelled, DeadlineExceeded):
        raise
    except Exception as error:  # a plug-in may throw anything
        text = redactor.redact(str(error))
        raise PluginError(f"{function} raised {type(error).__name__}: {text}", plugin=function) from error

"""
The saved form of a plan: canonical JSON with a format version, read back strictly.

One table per class says how each field is written *and* read, so the two cannot disagree. The schema for other programs is
``docs/reference/plan.schema.json``.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, Final, NoReturn

import attrs

from gitops_core.model.plans import Action, Change, ChangeState, DiffOp, FieldDiff, Plan, Refusal
from gitops_core.model.pointers import escape
from gitops_core.model.resources import Origin, ResourceKey
from gitops_core.model.verdicts import Severity, Verdict, Violation

FORMAT: Final = 1
"""Version of the format; it is raised when an older reader would misunderstand a plan."""

ACTIONS: Final[Mapping[Action, tuple[str, ...]]] = {
    Action.CREATE: ("create",),
    Action.UPDATE: ("update",),
    Action.REPLACE: ("delete", "create"),
    Action.DELETE: ("delete",),
    Action.ADOPT: ("adopt",),
    Action.UNCHANGED: ("unchanged",),
}
"""How an action is written: a replace as what it does, so that a search for deletes finds it."""


def plan_to_json(plan: Plan) -> str:
    """
    Return *plan* as canonical JSON: compact, keys sorted, every field present. Equal plans give equal texts.

    Cost: O(changes + unchanged).
    """
    document = {"format": FORMAT, **_PLAN.write(plan)}
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def plan_from_json(text: str | bytes) -> Plan:
    """
    Read what :func:`plan_to_json` wrote.

    Raises:
        ValueError: Not JSON, another format version, or a field that is missing, unknown or of the wrong type; the message
            names the JSON Pointer of the place.
    """
    try:
        document = json.loads(text, object_pairs_hook=_unique, parse_constant=_not_json)
    except RecursionError:
        raise ValueError("not a plan: nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"not a plan: {error}") from None
    if not isinstance(document, dict):
        _fail("", "a plan is a JSON object", document)
    version = document.pop("format", None)
    if type(version) is not int or version != FORMAT:
        _fail("/format", f"this library reads format {FORMAT}; make the plan anew or use the version that saved it", version)
    plan: Plan = _PLAN.read(document, "")
    return plan


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError(f"a field is given twice among {', '.join(sorted(found))}")
    return found


def _not_json(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def _fail(place: str, rule: str, value: object) -> NoReturn:
    shown = repr(value)
    raise ValueError(f"{place or '/'}: {rule}, not {shown[:60]}{'…' if len(shown) > 60 else ''}")  # noqa: PLR2004  # why: said once


# ---------------------------------------------------------------------------------------------------------------------
# Codecs: how one value is written, and how it is read from a place


@attrs.frozen
class _Codec:
    write: Callable[[Any], Any]
    read: Callable[[Any, str], Any]


def _plain(kind: type, name: str) -> _Codec:
    def read(value: Any, place: str) -> Any:
        return value if type(value) is kind else _fail(place, f"{name} is needed", value)

    return _Codec(_as_it_is, read)


def _as_it_is(value: Any) -> Any:
    return value


def _word(words: type[enum.StrEnum]) -> _Codec:
    known = {word.value: word for word in words}

    def read(value: Any, place: str) -> enum.StrEnum:
        found = known.get(value) if isinstance(value, str) else None
        return found if found is not None else _fail(place, f"one of {', '.join(known)} is needed", value)

    return _Codec(lambda value: value.value, read)


def _many(item: _Codec) -> _Codec:
    def read(value: Any, place: str) -> tuple[Any, ...]:
        if not isinstance(value, list):
            _fail(place, "an array is needed", value)
        return tuple(item.read(each, f"{place}/{i}") for i, each in enumerate(value))

    return _Codec(lambda values: list(map(item.write, values)), read)


def _optional(item: _Codec) -> _Codec:
    return _Codec(
        lambda value: None if value is None else item.write(value),
        lambda value, place: None if value is None else item.read(value, place),
    )


def _record(cls: type, **fields: tuple[str, _Codec] | _Codec) -> _Codec:
    """Return the codec of an attrs class: attribute -> codec, or (name in JSON, codec) where the two names differ."""
    table = {name: spec if isinstance(spec, tuple) else (name, spec) for name, spec in fields.items()}
    names = [written for written, _ in table.values()]
    values_of = attrgetter(*table) if len(table) > 1 else lambda value: (getattr(value, *table),)
    shaped = [(written, codec.write) for written, codec in table.values() if codec.write is not _as_it_is]

    def write(value: Any) -> dict[str, Any]:
        document = dict(zip(names, values_of(value), strict=True))
        for name, write_one in shaped:
            document[name] = write_one(document[name])
        return document

    def read(value: Any, place: str) -> Any:
        if not isinstance(value, dict):
            _fail(place, "an object is needed", value)
        for name in sorted(set(names) ^ value.keys()):
            raise ValueError(f"{place}/{escape(name)}: {'this field is missing' if name in names else 'no such field is known'}")
        return cls(**{name: codec.read(value[written], f"{place}/{written}") for name, (written, codec) in table.items()})

    return _Codec(write, read)


def _read_key(value: Any, place: str) -> ResourceKey:
    try:
        return ResourceKey.parse(_TEXT.read(value, place))
    except ValueError:
        _fail(place, "a key like ConfigMap/site or apps/Deployment/shop/web is needed", value)


def _read_action(value: Any, place: str) -> Action:
    for action, written in ACTIONS.items():
        if value == list(written):
            return action
    _fail(place, f"one of {', '.join(json.dumps(words) for words in ACTIONS.values())} is needed", value)


_TEXT: Final = _plain(str, "text")
_INTEGER: Final = _plain(int, "an integer")
_FLAG: Final = _plain(bool, "true or false")
_KEY: Final = _Codec(str, _read_key)
_ACTION: Final = _Codec(lambda action: list(ACTIONS[action]), _read_action)

_ORIGIN: Final = _record(
    Origin, source=_TEXT, revision=_TEXT, path=_TEXT, document=_INTEGER, line=_INTEGER, column=_INTEGER
)  # fmt: skip

_DIFF: Final = _record(
    FieldDiff,
    pointer=_TEXT,
    op=_word(DiffOp),
    label=_TEXT,
    before=_TEXT,
    after=_TEXT,
    sensitive=_FLAG,
    forces_replacement=_FLAG,
    note=_TEXT,
    manager=_TEXT,
)

_CHANGE: Final = _record(
    Change,
    key=_KEY,
    action=("actions", _ACTION),
    state=_word(ChangeState),
    reason=_TEXT,
    diff=_many(_DIFF),
    rule=_TEXT,
    override=_TEXT,
    desired=_TEXT,
    live_id=_TEXT,
    precondition=_TEXT,
    depends_on=_many(_KEY),
    origin=_ORIGIN,
    approval=_TEXT,
    wait=_FLAG,
    adopts=_FLAG,
)

_VIOLATION: Final = _record(
    Violation,
    key=_optional(_KEY),
    message=_TEXT,
    severity=_word(Severity),
    pointer=_TEXT,
    policy=_TEXT,
    origin=_ORIGIN,
)

_PLAN: Final = _record(
    Plan,
    application=_TEXT,
    revision=_TEXT,
    desired_digest=_TEXT,
    changes=_many(_CHANGE),
    unchanged=_many(_KEY),
    refusals=_many(_record(Refusal, rule=_TEXT, message=_TEXT, override=_TEXT)),
    verdict=_record(Verdict, violations=_many(_VIOLATION)),
    unreadable=_many(_TEXT),
    complete=_FLAG,
    inventory_serial=_INTEGER,
    guard=_TEXT,
)

"""The one way in which the engine calls a plug-in: every foreign error becomes one of ours, with stage, key and blame."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import attrs

from gitops_core.errors import GitOpsError, PluginError, RenderError
from gitops_core.model.resources import Origin, ResourceKey
from gitops_core.model.results import Failure
from gitops_core.model.secrets import Redactor


@attrs.frozen
class Call:
    """
    What is being called, for messages and retries.

    Attributes:
        plugin: Name of the plug-in.
        stage: Step of the pass.
        key: The object, if it is about one.
        origin: Its declaration.
        redactor: Knows the secrets that the plug-in was handed.
    """

    plugin: str
    stage: str
    key: ResourceKey | None = None
    origin: Origin = Origin()
    redactor: Redactor = attrs.field(default=Redactor(), repr=False)


@contextmanager
def translated(call: Call) -> Iterator[None]:
    """
    Run the body; whatever it throws leaves as a :class:`GitOpsError` that knows stage, key and origin.

    Raises:
        GitOpsError: Ours, completed and redacted.
        PluginError: Anything else; it names the plug-in and the foreign error. RETRY, bounded.
    """
    try:
        yield
    except GitOpsError as error:
        raise completed(error, call) from error.__cause__
    except ExceptionGroup as group:
        raise _collected(group, call) from None
    except Exception as error:  # noqa: BLE001  # why: a plug-in may throw anything; it leaves as a PluginError
        text = call.redactor.redact(f"{type(error).__name__}: {error}")
        message = f"{call.plugin} failed in {call.stage} with {text}; a plug-in raises the classes of gitops_core.errors"
        # Not chained: the original's repr could show what was just removed from its text.
        raise PluginError(message, call.plugin, stage=call.stage, key=call.key, origin=call.origin) from None


@contextmanager
def foreseen() -> Iterator[None]:
    """
    Run the body; an exception that no step expected (of a plug-in's property, of a body read late) leaves as one of ours.

    Raises:
        GitOpsError: As it is.
        PluginError: Anything else: its class and where it came from. Its text is left out: nobody knows which secrets it holds.
    """
    try:
        yield
    except GitOpsError:
        raise
    except Exception as error:  # noqa: BLE001  # why: a pass never raises for what a plug-in does
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{frame.filename}:{frame.lineno} ({frame.name})"
        message = f"{type(error).__name__} at {place}; a plug-in raises the classes of gitops_core.errors"
        raise PluginError(message, place) from None


def completed(error: GitOpsError, call: Call) -> GitOpsError:
    """Fill in what the plug-in left out of *error*, and take out every secret it was handed."""
    error.stage = error.stage or call.stage
    error.key = error.key or call.key
    error.origin = error.origin if error.origin.path else call.origin
    error.message = call.redactor.redact(error.message)
    error.args = (error.message,)
    return error


def _collected(group: ExceptionGroup[Exception], call: Call) -> GitOpsError:
    """Return one error for a group of them: all of ours together, or a PluginError when it holds a foreign one."""
    problems = tuple(_flat(group))
    foreign = [p for p in problems if not isinstance(p, GitOpsError)]
    if foreign:
        text = call.redactor.redact(f"{type(foreign[0]).__name__}: {foreign[0]}")
        return PluginError(f"{call.plugin} failed in {call.stage} with {text}", call.plugin, stage=call.stage)
    ours = tuple(completed(p, call) for p in problems if isinstance(p, GitOpsError))
    lines = "".join(f"\n  - {problem}" for problem in ours)
    error = RenderError(f"{len(ours)} problems:{lines}", stage=call.stage)
    error.problems = ours
    error.rendered = next((p.rendered for p in ours if isinstance(p, RenderError) and p.rendered), ())
    return error


def _flat(group: ExceptionGroup[Exception]) -> Iterator[Exception]:
    for error in group.exceptions:
        if isinstance(error, ExceptionGroup):
            yield from _flat(error)
        else:
            yield error


def failures_of(error: GitOpsError) -> tuple[Failure, ...]:
    """Return *error* as data: one failure, or one for each of its problems."""
    problems = getattr(error, "problems", ()) or (error,)
    return tuple(failure_of(problem) for problem in problems)


def failure_of(error: GitOpsError) -> Failure:
    """Return *error* as data."""
    return Failure(
        error=type(error).__name__,
        message=error.message,
        disposition=error.disposition.value,
        stage=error.stage,
        key=error.key,
        origin=error.origin,
        retry_after=error.retry_after,
    )

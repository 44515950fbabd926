"""Labels that every object must carry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import attrs

from gitops_core.errors import ConfigError
from gitops_core.model import pointers
from gitops_core.model.resources import Resource
from gitops_core.model.verdicts import Violation
from gitops_core.policies.declared import ResourcePolicy
from gitops_core.policies.selectors import Globs, Selector, as_globs

_LABELS: Final = "/metadata/labels"
_ANY: Final = "**"

Wanted = tuple[tuple[str, Globs], ...]
"""Label and the values it may have, sorted by label."""


def _wanted(value: Wanted | str | Iterable[str] | Mapping[str, str | Iterable[str]]) -> Wanted:
    if isinstance(value, Mapping):
        return tuple((label, as_globs(value[label])) for label in sorted(value))
    labels: Iterable[Any] = (value,) if isinstance(value, str) else value
    pairs = [(label, _ANY) if isinstance(label, str) else label for label in labels]  # a pair is what attrs.evolve hands in
    return _wanted(dict(pairs))


@attrs.frozen
class RequiredLabels(ResourcePolicy):
    """
    Every object must carry these labels, in ``metadata.labels``.

    Example::

        RequiredLabels(("team", "tier"))
        RequiredLabels({"tier": ("front", "back"), "team": "team-*"}, where=Selector(kinds="apps/*"))

    Attributes:
        labels: Names; or patterns for the value by name.
        where: Only these objects; all when left out. Bodies of others are not decoded.
    """

    labels: Wanted = attrs.field(converter=_wanted)
    where: Selector = attrs.field(default=Selector(), kw_only=True)

    def __attrs_post_init__(self) -> None:
        if not self.labels:
            raise ConfigError(f"{self.name} requires no label; name at least one")

    def objections(self, resource: Resource) -> Iterator[Violation]:
        """Yield a violation for each label that is missing or has another value."""
        if not self.where.selects(resource.key, resource.origin.path):
            return
        body = resource.body
        for label, values in self.labels:
            place = _LABELS + pointers.join([label])
            found = pointers.get(body, place)
            if found is None:
                message = f'the label "{label}" is missing: add it to metadata.labels{_with(values)}'
                yield Violation(resource.key, message, self.severity, _deepest(body))
            elif not isinstance(found, str):
                yield Violation(
                    resource.key, f'the label "{label}" is {found!r}, which is no text: quote it', self.severity, place
                )
            elif not values.fits(found):
                yield Violation(
                    resource.key, f'the label "{label}" is "{found}": change it to fit {values}', self.severity, place
                )


def _with(values: Globs) -> str:
    return "" if values.patterns == (_ANY,) else f", with a value that fits {values}"


def _deepest(body: Mapping[str, Any]) -> str:
    """Return the pointer of the place nearest to where the label should be."""
    return next((p for p in (_LABELS, "/metadata") if pointers.get(body, p) is not None), "")

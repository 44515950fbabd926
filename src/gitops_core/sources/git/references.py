"""
What a reference means, decided from a server's list of refs. Pure.

``ref`` is read in this order, and the first that fits is taken:

1. ``branch=NAME``, ``tag=NAME``, ``semver=RANGE``, ``commit=ID`` say it outright;
2. ``HEAD``: the server's default branch;
3. ``refs/...``: a full ref name;
4. 40 hexadecimal digits: a commit;
5. ``^``, ``~``, ``<``, ``>``, ``=`` or ``*`` in front: a range of versions over the tags, the highest wins;
6. anything else: the branch of that name, and if there is none, the tag.

Annotated tags are followed to the commit they name.
"""

from __future__ import annotations

import difflib
import enum
import re
from collections.abc import Mapping
from typing import Final

import attrs

from gitops_core.errors import ConfigError
from gitops_core.sources.git.semver import Range

PEELED: Final = "^{}"
_ID: Final = re.compile(r"[0-9a-f]{40}")
_BAD_NAME: Final = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/$|^/|^-|\.lock(/|$)|\.$|(^|/)\.")


class Kind(enum.Enum):
    """The kinds of references; the values are the words in front of ``=``."""

    BRANCH = "branch"
    TAG = "tag"
    SEMVER = "semver"
    COMMIT = "commit"
    FULL = "ref"
    NAME = "name"


@attrs.frozen
class Reference:
    """
    What is asked for.

    Attributes:
        kind: How to look for it.
        value: A name, a range or an id.
    """

    kind: Kind
    value: str

    @classmethod
    def parse(cls, text: str) -> Reference:
        """
        Read *text* by the rules of this module.

        Raises:
            ConfigError: It can name nothing: an impossible name, range or id. STALL.
        """
        return _checked(_read(text))

    def __str__(self) -> str:
        return self.value if self.kind in (Kind.NAME, Kind.FULL) else f"{self.kind.value} {self.value}"

    @property
    def prefixes(self) -> tuple[str, ...]:
        """What to ask the server for; empty when there is nothing to ask."""
        match self.kind:
            case Kind.BRANCH:
                return (f"refs/heads/{self.value}",)
            case Kind.TAG:
                return (f"refs/tags/{self.value}",)
            case Kind.SEMVER:
                return ("refs/tags/",)
            case Kind.COMMIT:
                return ()
            case Kind.FULL:
                return (self.value,)
            case Kind.NAME:
                return (f"refs/heads/{self.value}", f"refs/tags/{self.value}")

    def may_be(self, ref: str) -> bool:
        """Tell whether a change of *ref*, a full name, may change what this names."""
        if self.kind is Kind.FULL and self.value == "HEAD":
            return ref.startswith("refs/heads/")  # which of them it is, only the server knows
        return any(ref == prefix or (prefix.endswith("/") and ref.startswith(prefix)) for prefix in self.prefixes)

    def choose(self, refs: Mapping[str, str]) -> tuple[str, str] | None:
        """Return (full ref name, id) of what this names in *refs* (names to ids, peeled ones with ``^{}``), or None."""
        if self.kind is Kind.COMMIT:
            return self.value, self.value
        name = self._name(refs)
        return None if name is None else (name, refs.get(name + PEELED, refs[name]))

    def _name(self, refs: Mapping[str, str]) -> str | None:
        if self.kind is Kind.SEMVER:
            tags = (name.removeprefix("refs/tags/") for name in refs if name.startswith("refs/tags/"))
            best = Range.parse(self.value).best(tags)
            return None if best is None else f"refs/tags/{best}"
        return next((name for name in self.prefixes if name in refs), None)

    def nearest(self, refs: Mapping[str, str]) -> list[str]:
        """Return up to three names in *refs* that look like a misspelling's right form."""
        names = {name.split("/", 2)[-1]: None for name in refs if not name.endswith(PEELED) and name.startswith("refs/")}
        return difflib.get_close_matches(self.value.removeprefix("refs/heads/").removeprefix("refs/tags/"), names, 3)


def _read(text: str) -> Reference:
    word, equals, value = text.partition("=")
    if equals and word in ("branch", "tag", "semver", "commit", "ref"):
        return Reference(Kind(word), value.strip())
    if text == "HEAD" or text.startswith("refs/"):
        return Reference(Kind.FULL, text)
    if _ID.fullmatch(text):
        return Reference(Kind.COMMIT, text)
    if text.startswith(("^", "~", "<", ">", "=", "*")):
        return Reference(Kind.SEMVER, text)
    return Reference(Kind.NAME, text)


def _checked(reference: Reference) -> Reference:
    kind, value = reference.kind, reference.value
    if kind is Kind.SEMVER:
        Range.parse(value)
    elif kind is Kind.COMMIT:
        if not _ID.fullmatch(value):
            raise ConfigError(f"GitSource.ref: {value!r} is no commit id; give all 40 hexadecimal digits, in lower case")
    elif not value or _BAD_NAME.search(value):
        raise ConfigError(f"GitSource.ref: {value!r} can be no ref's name; give a branch, a tag, semver=RANGE or commit=ID")
    return reference

"""Which file an object is kept in. Pure; keys come from a repository and are not to be trusted."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import Final

from gitops_core.errors import Invalid
from gitops_core.model.resources import ResourceKey, key_of
from gitops_core.model.values import Body

Parts = tuple[str, ...]
"""A path relative to the root, one text a level; never empty, never ``.`` or ``..``."""

TEMPORARY: Final = re.compile(r"\.reconcile-[0-9a-f]{16}\.tmp")
"""What unfinished files and directories are called until they get their name."""

_LONGEST: Final = 255  # bytes in one name: NAME_MAX of every common file system
_STEM: Final = 180  # of an object's name before a digest stands for the rest, ".yaml" and a suffix of other tools fit
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]|^\.")


def is_file(key: ResourceKey) -> bool:
    """Tell whether *key* names a plain file and not a manifest."""
    return key.kind == "File" and not key.group


def key_for(body: Body) -> ResourceKey:
    """
    Return the key of *body*; the two spellings of a file (``files/v1`` or no version, ``spec.path`` or name) have one key.

    Raises:
        ValueError: It has no kind or name.
    """
    if body.get("kind") != "File" or body.get("apiVersion") not in (None, "", "files/v1"):
        return key_of(body)
    spec = body.get("spec")
    path = spec.get("path") if isinstance(spec, dict) else None
    return ResourceKey("", "File", "", path if isinstance(path, str) and path else key_of(body).name)


def path_of(key: ResourceKey) -> Parts:
    """
    Return where the object of *key* is kept: what a ``File`` says, else ``[namespace/]Kind[.group]/name.yaml``.

    Distinct manifests have distinct paths: other characters than ``A-Za-z0-9._-`` are percent-encoded, and a digest
    stands for the end of a name that is too long for a file system.

    Raises:
        Invalid: A ``File`` names a path that is not plainly inside the root. STALL.
    """
    if is_file(key):
        return _checked(key)
    kind = _encoded(key.kind).replace(".", "%2E")  # so that the first dot begins the group
    group = f".{_encoded(key.group)}" if key.group else ""
    name = _shortened(_encoded(key.name))
    above = (_shortened(_encoded(key.namespace)),) if key.namespace else ()
    return (*above, _shortened(kind + group), f"{name}.yaml")


def folded(parts: Parts) -> Parts:
    """Return *parts* as a file system sees them that does not tell upper from lower case."""
    return tuple(unicodedata.normalize("NFC", part).casefold() for part in parts)


def _checked(key: ResourceKey) -> Parts:
    parts = tuple(key.name.split("/"))
    for part in parts:
        problem = _problem(part)
        if problem:
            raise Invalid(
                f"{key.name!r} is not a path that can be kept: {problem}; write it relative to the root, like 'conf.d/site.conf'",
                "/metadata/name",
                key=key,
            )
    return parts


def _problem(part: str) -> str:
    if part in ("", ".", ".."):
        return f"it has {part!r} for a name (absolute, doubled or trailing '/', '.' and '..' are refused)"
    if any(ord(character) < ord(" ") or ord(character) == 0x7F for character in part):  # noqa: PLR2004  # why: DEL
        return "it has a control character"
    if TEMPORARY.fullmatch(part):
        return "names like this are kept for unfinished files"
    try:
        size = len(part.encode())
    except UnicodeEncodeError:
        return "it is not valid Unicode"
    return f"a name in it has {size} bytes, more than {_LONGEST}" if size > _LONGEST else ""


def _encoded(text: str) -> str:
    return _UNSAFE.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode(errors="surrogatepass")), text)


def _shortened(text: str) -> str:
    if len(text) <= _STEM:
        return text
    return f"{text[:_STEM]}~{hashlib.sha256(text.encode()).hexdigest()[:16]}"

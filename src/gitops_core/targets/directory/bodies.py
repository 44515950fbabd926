"""Objects to bytes and back. Pure."""

from __future__ import annotations

import base64
import binascii
import functools
import re
from collections.abc import Mapping
from typing import Any, Final

import attrs

from gitops_core.errors import Invalid
from gitops_core.model.resources import ResourceKey
from gitops_core.model.values import Body, freeze
from gitops_core.targets.directory.paths import is_file, key_for

_PLAIN: Final = 0o644
_PRIVATE: Final = 0o600
_MODE: Final = re.compile(r"0?[0-7]{3}")
_SAFE_WORD: Final = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./-]+)*")
_TRUTHY: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


@attrs.frozen
class Content:
    """What is in a file, and its permission bits."""

    data: bytes = attrs.field(repr=False)
    mode: int = _PLAIN


def encode(key: ResourceKey, body: Body) -> Content:
    """
    Return the file that *body* asks for.

    Raises:
        Invalid: The content or mode of a ``File`` makes no sense, or a text cannot be written; names the pointer. STALL.
    """
    if not is_file(key):
        return Content(_to_yaml(key, body), _manifest_mode(key))
    spec = body.get("spec")
    if not isinstance(spec, Mapping):
        raise Invalid("a File needs spec.content (text) or spec.base64 (bytes)", "/spec", key=key)
    return Content(_data(key, spec), _mode(key, spec.get("mode", _PLAIN)))


def decode(key: ResourceKey, content: Content) -> Body:
    """
    Return what the file of *key* declares, in the spelling of :func:`normalize`.

    A manifest that cannot be read, or has other permissions than it should, gets a field that says so: it differs.
    """
    if is_file(key):
        return _file(key.name, content)
    try:
        body: Body = freeze(_from_yaml(content.data))
    except (ValueError, TypeError, RecursionError) as error:
        return _frozen({"kind": key.kind, "metadata": {"name": key.name}, "(unreadable)": str(error)})
    if content.mode != _manifest_mode(key):
        return _frozen({**body, "(file mode)": f"{content.mode:04o}"})
    return body


def residue(key: ResourceKey) -> Body:
    """Return what stands for an object whose last write was cut off, leaving only empty directories."""
    return _frozen({"kind": key.kind, "metadata": {"name": key.name}})


def normalize(body: Body) -> Body:
    """Return a ``File`` with nothing but name, content and mode, in one spelling; a manifest as it is."""
    try:
        key = key_for(body)
    except ValueError:
        return body  # somebody took kind or name out of a live manifest
    if not is_file(key):
        return body
    try:
        return _file(key.name, encode(key, body))
    except Invalid:
        return _frozen({"kind": "File", "metadata": {"name": key.name}, "spec": body.get("spec")})


def _file(name: str, content: Content) -> Body:
    try:
        spec = {"content": content.data.decode()}
    except UnicodeDecodeError:
        spec = {"base64": base64.b64encode(content.data).decode()}
    return _frozen({"kind": "File", "metadata": {"name": name}, "spec": {**spec, "mode": f"{content.mode:04o}"}})


def _frozen(body: Mapping[str, Any]) -> Body:
    frozen: Body = freeze(body)
    return frozen


def _manifest_mode(key: ResourceKey) -> int:
    return _PRIVATE if key.kind == "Secret" and not key.group else _PLAIN


def _data(key: ResourceKey, spec: Mapping[str, Any]) -> bytes:
    if "content" in spec and "base64" in spec:
        raise Invalid("a File has spec.content or spec.base64, not both", "/spec", key=key)
    field = "content" if "content" in spec else "base64"
    text = spec.get(field)
    if not isinstance(text, str):
        raise Invalid("a File needs spec.content or spec.base64, and it is text", f"/spec/{field}", key=key)
    try:
        return text.encode() if field == "content" else base64.b64decode(text, validate=True)
    except UnicodeEncodeError:
        raise Invalid("the text is not valid Unicode; use spec.base64 for bytes", "/spec/content", key=key) from None
    except binascii.Error:
        raise Invalid("the text is not base64; 'base64 -w0 FILE' writes it", "/spec/base64", key=key) from None


def _mode(key: ResourceKey, value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 0o777:  # noqa: PLR2004  # why: permission bits
        return value
    if isinstance(value, str) and _MODE.fullmatch(value):
        return int(value, 8)
    raise Invalid('the mode is not one like "0644" (in quotes; no set-uid, set-gid or sticky bit)', "/spec/mode", key=key)


# -- YAML -------------------------------------------------------------------------------------------------------------


def _to_yaml(key: ResourceKey, body: Body) -> bytes:
    import yaml

    try:
        text = yaml.dump(_plain(body), Dumper=_dumper(), sort_keys=False, allow_unicode=True, width=1 << 30)
        return str(text).encode()
    except (UnicodeEncodeError, yaml.YAMLError):
        raise Invalid("a text in it is not valid Unicode (a lone surrogate); YAML cannot hold it", key=key) from None


def _plain(value: Any) -> Any:
    """Return fresh containers, so that one object used twice is written twice and not as an alias."""
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


@functools.cache
def _dumper() -> Any:
    import yaml

    class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]  # why: the C one is optional
        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  # why: PyYAML's hook
            return True

    Dumper.add_representer(str, _represent)
    return Dumper


def _represent(dumper: Any, text: str) -> Any:
    """Write only harmless words without quotes: YAML 1.1 and 1.2 readers must agree on what ``1e3`` or ``on`` is."""
    if _SAFE_WORD.fullmatch(text) and text.lower() not in _TRUTHY:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text)
    style = "|" if "\n" in text and text.strip("\n") else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _from_yaml(data: bytes) -> Mapping[str, Any]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        if b"*" in data and any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(data, Loader=loader)):
            raise ValueError("it has aliases, which this library does not write")
        body = yaml.load(data, Loader=_loader())  # noqa: S506  # why: derived from the safe loader
    except yaml.YAMLError as error:
        raise ValueError(f"it is not one YAML document ({type(error).__name__})") from None
    if not isinstance(body, Mapping):
        raise ValueError("it is not a mapping")  # noqa: TRY004  # why: one class for all that is wrong with a file
    return body


@functools.cache
def _loader() -> Any:
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # why: the C one is optional
        pass

    unwanted = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value")  # JSON has neither
    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in unwanted]
        for first, resolvers in Loader.yaml_implicit_resolvers.items()
    }
    return Loader

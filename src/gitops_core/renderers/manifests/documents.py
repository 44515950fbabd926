"""The bytes of one manifest file to its documents, whatever encoding and notation they are in."""

from __future__ import annotations

import codecs
import re
from typing import Final

from gitops_core.renderers.manifests.events import Parser, default_parser, position
from gitops_core.renderers.manifests.json_documents import NotJson, json_positions, load_json
from gitops_core.renderers.manifests.loader import Loaded, load_yaml
from gitops_core.renderers.manifests.positions import Positions, yaml_positions
from gitops_core.renderers.manifests.problems import Problem

_UTF16: Final = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_BOM: Final = "\ufeff"
_BOM_INSIDE: Final = re.compile(f"^{_BOM}", re.MULTILINE)


def load(data: bytes, *, is_json: bool = False, parser: Parser = default_parser) -> Loaded:
    """
    Read a file: YAML, or JSON when *is_json* or when it begins with ``{`` and is valid JSON.

    Raises:
        Problem: The first thing that is wrong, with line and column.
    """
    text = decode(data)
    if is_json:
        return load_json(text)
    if text.lstrip()[:1] == "{":
        try:
            return load_json(text)
        except NotJson:
            pass  # a flow mapping; YAML's error message is the one that helps if it is not even that
    return load_yaml(text, parser)


def positions(data: bytes, *, is_json: bool = False, parser: Parser = default_parser) -> list[Positions]:
    """
    Return the line and column of every field of every document of a file that :func:`load` accepts.

    Cost: a second parse.
    """
    text = decode(data)
    if is_json:
        return json_positions(text)
    if text.lstrip()[:1] == "{":
        try:
            load_json(text)
        except NotJson:
            return yaml_positions(text, parser)
        return json_positions(text)
    return yaml_positions(text, parser)


def decode(data: bytes) -> str:
    """
    Return the text of *data*: UTF-8, or UTF-16 with a byte order mark, which is taken off.

    Raises:
        Problem: Not valid in its encoding, or a second byte order mark; line and column of it.
    """
    encoding = _UTF16.get(data[:2], "utf-8")
    try:
        text = data.decode(encoding).removeprefix(_BOM)
    except UnicodeDecodeError as error:
        before, bad = data[: error.start].decode(encoding).removeprefix(_BOM), data[error.start]
    else:
        if _BOM in text and (inside := _BOM_INSIDE.search(text)):
            raise Problem(
                "a byte order mark inside of the file: were two files joined? remove it", *position(text, inside.start())
            )
        return text
    raise Problem(f"byte 0x{bad:02X} is not {encoding.upper()}; save the file as UTF-8", *position(before, len(before)))

"""
Whole trees and what they render to, byte for byte: resources, notices, error texts.

After a wanted change: ``REFRESH_GOLDEN=1 pytest tests/golden/test_golden_renders.py``, and read the difference before you commit it.
"""

import json
import os
from pathlib import Path

import pytest

from gitops_core.errors import RenderError
from gitops_core.model.values import canonical_json
from gitops_core.renderers.manifests import ManifestsRenderer
from gitops_core.renderers.manifests.events import HAS_LIBYAML
from gitops_core.testing.contexts import Recorder, make_context
from gitops_core.testing.renderer_contract import make_tree

RENDERS = Path(__file__).parent / "render"


def tree(name):
    root = RENDERS / name
    return make_tree({path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()})


def check(name, text):
    golden = RENDERS / name
    if os.environ.get("REFRESH_GOLDEN"):
        golden.write_text(text, encoding="utf-8")
    assert golden.read_text(encoding="utf-8") == text


def test_a_tree_renders_to_these_resources_and_notices():
    recorder = Recorder()
    found = ManifestsRenderer().render(make_context(recorder, salt=b"golden"), tree("shop"))
    resources = [
        {
            "key": str(resource.key),
            "origin": [resource.origin.path, resource.origin.document, resource.origin.line, resource.origin.column],
            "digest": resource.digest,
            "body": json.loads(canonical_json(resource.body, b"golden")),
        }
        for resource in found
    ]
    notices = [[notice.code, notice.path, notice.line, notice.message] for notice in recorder.notices]
    check("shop.json", json.dumps({"resources": resources, "notices": notices}, indent=1, ensure_ascii=False) + "\n")


@pytest.mark.skipif(not HAS_LIBYAML, reason="needs PyYAML with libyaml: the words of its own parser differ")
def test_a_broken_tree_gives_these_error_texts():
    with pytest.raises(ExceptionGroup) as caught:
        ManifestsRenderer().render(make_context(), tree("broken"))
    assert caught.value.subgroup(RenderError) is not None
    check("broken.txt", "".join(f"{error}\n" for error in caught.value.exceptions))

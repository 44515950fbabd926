"""Whatever the text, libyaml and the pure parser give the same; whatever the value, it comes back from YAML and JSON."""

import json
import string

import hypothesis.strategies as st
import yaml
from hypothesis import given

from gitops_core.model.pointers import children, escape
from gitops_core.renderers.manifests.documents import load, positions
from gitops_core.renderers.manifests.events import c_parser, pure_parser
from gitops_core.renderers.manifests.problems import Problem

PIECES = st.sampled_from(
    [*"ab:-?[]{},#&*|>'\" \n\t\\0129.<=~yn", ": ", "- ", "\n  ", "\n- ", "\n---\n", "\n...\n", "&a ", "*a ", "<<: ", "!!int ", "! ", "\\u00e9", "\\ud83d",
     "\r\n", "\x85", "\u2028", "é", "😀", "'x'", '"y"', "|\n", ">-\n", "|2\n", "# c\n", "a: b\n", "k: {x: [1, yes]}\n", "%YAML 1.1\n", "\x07", "{{ x }}"]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=25).map("".join)
KEYS = st.text(string.ascii_letters + "/~. -0é", min_size=1, max_size=6)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(-1e15, 1e15).filter(lambda f: not f.is_integer()) | st.text(st.characters(codec="utf-8", exclude_characters="\x85\u2028\u2029\ufeff", exclude_categories=["Cc", "Cs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)  # fmt: skip
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=4)


def outcome(text, parser):
    try:
        return load(text.encode(), parser=parser)
    except Problem as problem:
        return ("refused", problem.line if "broken YAML" not in problem.message else "somewhere")


@given(TEXTS)
def test_both_parsers_agree_on_any_text(text):
    if "!" not in text.replace("!!int ", "").replace("! ", ""):  # tags of odd characters are the one known difference
        assert outcome(text, c_parser) == outcome(text, pure_parser)


@given(TEXTS)
def test_both_parsers_agree_on_positions(text):
    if isinstance(outcome(text, c_parser), tuple) and outcome(text, c_parser)[0] == "refused":
        return
    assert positions(text.encode(), parser=c_parser) == positions(text.encode(), parser=pure_parser)


@given(OBJECTS, st.booleans(), st.sampled_from(["|", '"', "'"]))
def test_what_yaml_writes_is_read_back(value, flow, style):
    text = yaml.safe_dump(value, default_flow_style=flow, default_style=style, allow_unicode=True)
    assert load(text.encode()).documents[0].value == (value or {})


@given(OBJECTS, st.sampled_from([None, 1]))
def test_what_json_writes_is_read_back(value, indent):
    data = json.dumps(value, indent=indent).encode()
    assert load(data, is_json=True).documents[0].value == value == load(data).documents[0].value


def pointers(value, pointer=""):
    yield pointer
    for segment, item in children(value):
        yield from pointers(item, f"{pointer}/{escape(segment)}")


@given(OBJECTS)
def test_every_field_has_a_position_in_both_notations(value):
    expected = set(pointers(value))
    assert set(positions(json.dumps(value).encode(), is_json=True)[0]) == expected
    assert set(positions(yaml.safe_dump(value, allow_unicode=True, default_style='"').encode())[0]) == expected

"""The YAML loader: frozen values, keys, merges, bounds, and errors with line and column, from both parsers alike."""

import pytest

from gitops_core.model.values import FrozenDict, FrozenList
from gitops_core.renderers.manifests import loader
from gitops_core.renderers.manifests.events import c_parser, default_parser, pure_parser, with_hint
from gitops_core.renderers.manifests.loader import MAX_ALIASED, MAX_DEPTH, load_yaml
from gitops_core.renderers.manifests.problems import Problem


@pytest.fixture(params=[c_parser, pure_parser], ids=["libyaml", "pure"])
def parser(request):
    return request.param


def values(text, parser=default_parser):
    return [document.value for document in load_yaml(text, parser).documents]


def refused(text, parser=default_parser):
    with pytest.raises(Problem) as caught:
        load_yaml(text, parser)
    assert caught.value.__cause__ is None
    return caught.value


def test_everything_is_frozen(parser):
    (value,) = values("a: {b: [1, {c: 2}]}\nd: []\ne: {}\n", parser)
    assert [type(value), type(value["a"]), type(value["a"]["b"]), type(value["a"]["b"][1])] == [
        FrozenDict,
        FrozenDict,
        FrozenList,
        FrozenDict,
    ]
    assert value == {"a": {"b": [1, {"c": 2}]}, "d": [], "e": {}}


def test_documents_carry_their_position_line_and_column(parser):
    found = load_yaml("# top\na: 1\n---\n\n  b: 2\n--- # note\n---\nc: 3\n...\n", parser).documents
    assert found == ((({"a": 1}), 0, 2, 1), ({"b": 2}, 1, 5, 3), (None, 2, 6, 1), ({"c": 3}, 3, 8, 1))


def test_empty_text_has_no_documents(parser):
    assert values("", parser) == values("# only a comment\n", parser) == []


def test_scalars_of_any_kind_can_be_documents(parser):
    assert values("just text\n--- \n- 1\n- [2]\n", parser) == ["just text", [1, [2]]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 'yes'", {"a": "yes"}), ('a: "0644"', {"a": "0644"}), ("a: |\n  1\n  2\n", {"a": "1\n2\n"}), ("a: >-\n  x\n  y\n", {"a": "x y"}),
        ("a:", {"a": None}), ("- \n- ''", [None, ""]), ("y: 1\n'y': 2", {"true": 1, "y": 2}), ("? a\n: b", {"a": "b"}), ("1: a\n2.50: b", {"1": "a", "2.5": "b"}),
        ("{a: 1, b: [x, z]}", {"a": 1, "b": ["x", "z"]}), ("a: it's", {"a": "it's"}), ("a: 'it''s'", {"a": "it's"}), ('a: "\\u00e9\\n"', {"a": "é\n"}),
        ("a: 1\r\nb: 2\r\n", {"a": 1, "b": 2}), ("a: b\t# tab before a comment\n", {"a": "b"}), ("a:\tb\n", {"a": "b"}), ("a: b\t\n", {"a": "b"}),
        ("a: x\ty\n", {"a": "x\ty"}), ("a: |\t\n  x\n", {"a": "x\n"}), ("a: 😀\nb: 2", {"a": "😀", "b": 2}), ("a: &x 1\nb: *x", {"a": 1, "b": 1}),
        ("&k key: 1\nb: *k", {"key": 1, "b": "key"}), ("a: &n 7\n*n : b", {"a": 7, "7": "b"}), ("!!str 7: a", {"7": "a"}), ("a: &x {b: 1}\nc: *x", {"a": {"b": 1}, "c": {"b": 1}}),
        ("- &x 1\n- &x 2\n- *x", [1, 2, 2]), ("a: &x [1]\nb: [*x, *x]", {"a": [1], "b": [[1], [1]]}), ("- {a: &q 'y'}\n- {*q : 1}", [{"a": "y"}, {"y": 1}]),
        ("a: |2+ # note\n    x\n\nb: 1", {"a": "  x\n\n", "b": 1}), ("a: |#x\n  y\n", {"a": "y\n"}), ("a: x\n\n  y\n  z\nb: 1", {"a": "x\ny z", "b": 1}),
        ("[a: 1, 'b':2]", [{"a": 1}, {"b": 2}]), ("a: x\n  \ty\n", {"a": "x y"}), ("a: x\u2028  y\n", {"a": "x\u2028y"}), ("{a: x\n # note\n}", {"a": "x"}),
        ("a: http://x:80/b?c=d#e", {"a": "http://x:80/b?c=d#e"}), ("a: --- b", {"a": "--- b"}), ("a: <<", {"a": "<<"}), ("- <<", ["<<"]),
    ],
)  # fmt: skip
def test_notation_is_read_right(text, expected, parser):
    assert values(text, parser) == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<<: *m\nx: 9", {"x": 9, "y": 2}),
        ("x: 9\n<<: *m", {"x": 1, "y": 2}),
        ("<<: [*m, *n]", {"x": 1, "y": 2, "z": 3}),
        ("<<: [*n, *m]", {"x": 5, "y": 2, "z": 3}),
        ("<<: *m\n<<: *n", {"x": 5, "y": 2, "z": 3}),
        ("<<: {x: 7}\nz: 1", {"x": 7, "z": 1}),
        ("!!merge <<: *m", {"x": 1, "y": 2}),
        ("'<<': 1", {"<<": 1}),
        ("<<: [{x: {b: 1}}, {x: {a: 1}}]", {"x": {"b": 1}}),
    ],
)
def test_merge_is_read_as_go_reads_it(text, expected, parser):
    anchors = "m: &m {x: 1, 'y': 2}\nn: &n {x: 5, z: 3}\nr:\n  "
    assert values(anchors + text.replace("\n", "\n  "), parser)[0]["r"] == expected


def test_own_key_may_override_a_merged_one_but_once(parser):
    assert "line 3" in refused("- &m {x: 1}\n- <<: *m\n  x: 2\n  x: 3\n", parser).message


def test_alias_shares_the_frozen_value():
    (value,) = values("a: &x {b: 1}\nc: *x")
    assert value["a"] is value["c"]


ERRORS = [
    ("a: 1\nb: 2\na: 3\n", 3, 1, "the key 'a' stands on line 1 already"),
    ("a:\n  b: {c: 1,\n   c: 2}\n", 3, 4, "the key 'c' stands on line 2 already"),
    ("x: {a: 1}\ny: {a: 1, 'a': 2}", 2, 11, "the key 'a' stands on line 2 already"),
    ("'yes': 1\nyes: 2\n'true': 3\n", 3, 1, "the key 'true' stands on line 2 already"),
    ("a: 1\n---\na: 1\na: 2\n", 4, 1, "the key 'a' stands on line 3 already"),
    ("- {a: 1}\n- a: 1\n  b:\n    a: 1\n  a: 2\n", 5, 3, "the key 'a' stands on line 2 already"),
    ("a: *nobody\n", 1, 4, "no anchor stands before"),
    ("a: &x 1\n---\nb: *x\n", 3, 4, "no anchor stands before"),
    ("a: &x\n  b: *x\n", 2, 6, "contains itself"),
    ("- &x [*x]\n", 1, 7, "contains itself"),
    ("a: 1\n<<: 2\n", 2, 5, "'<<' merges a mapping"),
    ("- &l [{a: 1}]\n- <<: *l\n", 2, 7, "'<<' merges a mapping"),
    ("<<: [{a: 1}, 2]\n", 1, 5, "'<<' merges a mapping"),
    ("? {a: 1}\n: b\n", 1, 3, "cannot be a key"),
    ("? [a]\n: b\n", 1, 3, "cannot be a key"),
    ("- &x {a: 1}\n- *x : b\n", 2, 3, "cannot be a key"),
    ("a: 1\n~: 2\n", 2, 1, "an empty or null scalar is not a key"),
    ("18446744073709551615: 2\n", 1, 1, "64-bit number is not a key"),
    (".inf: 2\n", 1, 1, "infinity or NaN is not a key"),
    ("!!int x: 2\n", 1, 1, "not a !!int"),
    ("a: .inf\n", 1, 4, "not JSON"),
    ("a:\n- 1\n- .NaN\n", 3, 3, "not JSON"),
    ("a: &x .nan\n", 1, 4, "not JSON"),
    ("%YAML 1.1\n---\na: 1\n", 1, 1, "% directive"),
    ("%TAG ! tag:example.org,2000:\n---\na: 1\n", 1, 1, "% directive"),
    ("--- {a: 1}\n", 1, 5, "content on the line of '---'"),
    ("a: 1\n--- text\n", 2, 5, "content on the line of '---'"),
    ("a: b: c\n", 1, 5, "broken YAML"),
    ("a: [1, 2\n", 2, 1, "broken YAML"),
    ("a: 'x\n", 2, 1, "broken YAML"),
    ("a:\n\tb: 1\n", 2, 1, "tab"),
    ("-\t- a\n", 1, 2, "tab"),
    ("a: |\n \tx\n  y\n", 2, 2, ""),
    ("[a:{b: 1}]\n", 1, 3, "unexpected ':'"),
    ("[a:?b]\n", 1, 0, "broken YAML"),
    ("a: x\n\ty\n", 2, 1, "tab"),
    ("a: |x\n  y\n", 1, 5, "block scalar"),
    ("a: |2\n\tx\n", 2, 1, "tab"),
    ("a: x\n--- y\n", 2, 5, "content on the line"),
    ("a: @x\n", 1, 4, "broken YAML"),
    ("a: `x`\n", 1, 4, "broken YAML"),
    ("a: 1\n b: 2\n", 2, 3, "broken YAML"),
    ('a: "\\q"\n', 1, 0, "broken YAML"),
    ('a: "\\ud83d\\ude00"\n', 1, 0, "broken YAML"),
    ('a: "\\UFFFFFFFF"\n', 1, 0, "broken YAML"),
    ("a: {{ .Values.x }}\n", 1, 0, "looks like a template"),
    ("{{- if x }}\na: 1\n", 1, 0, "looks like a template"),
    ("a: 1\n...\nb: 2\n", 3, 1, "broken YAML"),
    ("a: x\x00y\n", 1, 5, "U+0000"),
    ("a: 1\nb: '\x07'\n", 2, 5, "U+0007"),
]


@pytest.mark.parametrize(("text", "line", "column", "message"), ERRORS, ids=[repr(row[0])[:40] for row in ERRORS])
def test_broken_text_is_refused_with_line_and_column(text, line, column, message, parser):
    if text.startswith("a: |\n \t") and parser is pure_parser:
        message = "tab"
    problem = refused(text, parser)
    assert (problem.line, message in problem.message) == (line, True), problem.message
    assert column in (0, problem.column), problem.column


def test_text_after_the_end_of_a_document_is_an_error(parser):
    assert refused("a: 1\n... b: 2\n", parser).line == 2


def test_depth_is_bounded(parser):
    assert values("[" * MAX_DEPTH + "]" * MAX_DEPTH, parser)
    assert "nested deeper" in refused("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), parser).message
    assert "nested deeper" in refused("{a: " * 5000 + "}" * 5000, parser).message


def test_aliases_cannot_nest_deeper_either(parser):
    text = "- &a0 [x]\n" + "".join(f"- &a{i} [*a{i - 1}]\n" for i in range(1, MAX_DEPTH + 5))
    assert "aliases nest deeper" in refused(text, parser).message


def test_billion_laughs_is_refused_with_the_line_that_goes_too_far(parser):
    text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 10)
    )
    problem = refused(text, parser)
    assert (problem.line, f"more than {MAX_ALIASED} nodes" in problem.message) == (5, True)


def test_merges_count_as_expansion_too():
    text = f"a: &a {{{', '.join(f'k{i}: 1' for i in range(1000))}}}\n" + "".join(f"m{i}:\n  <<: *a\n" for i in range(60))
    assert "aliases expand" in refused(text).message


def test_ambiguous_scalars_and_keys_are_reported_with_their_lines(parser):
    found = load_yaml("a: yes\nb: 'yes'\nc:\n- 0644\n- 1.5\ny: on\nd: &x 12:30\n", parser).ambiguities
    assert [(a.line, a.meaning.split(":")[0].split(" ")[0]) for a in found] == [
        (1, "one"),
        (4, "a"),
        (6, "a"),
        (6, "one"),
        (7, "digits"),
    ]


def test_quoting_is_not_lost_by_remembering_what_unquoted_text_meant(parser):
    for _ in range(2):
        assert values("port: 8080\nother: '8080'\n'8080': 1\n", parser) == [{"port": 8080, "other": "8080", "8080": 1}]
        assert values("8080: 1\n", parser) == [{"8080": 1}]


def test_what_is_remembered_is_bounded_and_never_text(monkeypatch):
    monkeypatch.setattr(loader, "_CACHED", 0)
    loader._PLAIN.pop("4711", None)  # another test may have used it
    assert values("brand-new-key-1: 4711\n") == [{"brand-new-key-1": 4711}]
    assert ("brand-new-key-1" in loader._KEYS, "4711" in loader._PLAIN) == (False, False)
    assert not [value for value in loader._PLAIN.values() if isinstance(value, str)]


def test_hint_is_only_given_where_the_line_is_known():
    assert with_hint(Problem("x"), "a\n").message == "x"
    assert with_hint(Problem("x", 9, 1), "a\n").message == "x"


@pytest.mark.parametrize("tail", ["*hunter2", "!!int hunter2", "@hunter2", "'hunter2", "[hunter2", "hunter2: x: y"])
def test_no_part_of_a_value_is_in_the_error_about_it(tail, parser):
    """A password that nobody quoted may look like YAML."""
    assert "hunter2" not in str(refused(f"password: {tail}\n", parser))

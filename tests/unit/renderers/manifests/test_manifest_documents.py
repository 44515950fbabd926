"""Encodings, JSON, and where fields stand."""

import pytest

from gitops_core.model.values import FrozenDict, FrozenList
from gitops_core.renderers.manifests.documents import decode, load, positions
from gitops_core.renderers.manifests.loader import MAX_DEPTH
from gitops_core.renderers.manifests.positions import nearest
from gitops_core.renderers.manifests.problems import Problem


def values(data, **options):
    return [document.value for document in load(data, **options).documents]


def refused(data, **options):
    with pytest.raises(Problem) as caught:
        load(data, **options)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_utf8_and_utf16_with_a_byte_order_mark_are_read(encoding):
    assert values("a: é😀\n".encode(encoding)) == [{"a": "é😀"}]


def test_positions_do_not_count_the_byte_order_mark():
    assert positions("a: 1\n".encode("utf-8-sig"))[0]["/a"] == (1, 1)


@pytest.mark.parametrize(
    ("data", "line", "column", "message"),
    [
        (b"a: 1\nb: caf\xe9\n", 2, 7, "byte 0xE9 is not UTF-8; save the file as UTF-8"),
        ("é\n".encode() + b"\xff", 2, 1, "byte 0xFF"),
        (b"\xff\xfea\x00\x00", 1, 2, "UTF-16"),
        ("a: 1\n\ufeffb: 2\n".encode(), 2, 1, "byte order mark inside"),
    ],
)
def test_wrong_encoding_is_refused_with_the_place_of_the_byte(data, line, column, message):
    problem = refused(data)
    assert (problem.line, problem.column, message in problem.message) == (line, column, True)


def test_zero_width_no_break_space_inside_of_a_line_is_text():
    assert decode("a: x\ufeffy".encode()) == "a: x\ufeffy"


@pytest.mark.parametrize("options", [{}, {"is_json": True}])
def test_json_documents_in_a_row_are_read_and_frozen(options):
    found = load(b'\n{"a": [1, {"b": [[]]}]}\n {"c": "\\ud83d\\ude00\\/"}{}', **options).documents
    assert found == (({"a": [1, {"b": [[]]}]}, 0, 2, 1), ({"c": "😀/"}, 1, 3, 2), ({}, 2, 3, 25))
    assert [type(found[0].value), type(found[0].value["a"]), type(found[0].value["a"][1]["b"][0])] == [
        FrozenDict,
        FrozenList,
        FrozenList,
    ]


def test_json_files_may_hold_a_list():
    assert values(b"[1, [2]]", is_json=True) == [[1, [2]]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1.0", 1), ("1.5", 1.5), ("1e3", 1000), ("-0", 0), ("9223372036854775808", 2.0**63), ("9223372036854775807", 2**63 - 1), ("1" + "0" * 30, 1e30),
     ("18446744073709551616", 2.0**64), ("123456789012345678", 123456789012345678), ("1e400", None), ("1" * 400, None), ("NaN", None), ("-Infinity", None)],
)  # fmt: skip
def test_json_numbers_are_what_go_makes_of_them(text, expected):
    data = b'{"x": 1,\n "a": %s, "b": "NaN"}' % text.encode()
    if expected is None:
        problem = refused(data, is_json=True)
        assert (problem.line, problem.column, "not finite" in problem.message) == (2, 7, True)
    else:
        (value,) = values(data, is_json=True)
        assert (value["a"], type(value["a"])) == (expected, type(expected))


@pytest.mark.parametrize(
    ("data", "line", "column", "message"),
    [
        (b'{"a": 1,\n "b": }', 2, 7, "broken JSON: expecting value"),
        (b'{"a": 1} x', 1, 10, "broken JSON"),
        (b'{"a": 1,\n "a": 2}', 2, 2, "the key 'a' stands on line 1 already"),
        (b'{"x": {"a": 1}}\n{"y": [{"b/~": 1,\n"b/~": 2}]}', 3, 1, "the key 'b/~' stands on line 2 already"),
        (b'{"a":\n "\\ud83d"}', 2, 2, "half of a surrogate pair"),
        (b'["x", 1e9, -Infinity]', 1, 12, "not finite"),
        (b'{"a": "\\ud83d\\ude00",\n "b": "\\ude00"}', 2, 7, "half of a surrogate pair"),
        (b'{"a": "1e999", "b": 1e400x}', 1, 21, "not finite"),
        (b"{'a': 1}", 1, 2, "broken JSON"),
        (b'{"a": 1, // no\n "b": 2}', 1, 10, "broken JSON"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), 1, MAX_DEPTH + 1, "nested deeper"),
        (b'{"a":' * 5000, 1, 501, "nested deeper"),
        (b"a: 1\n", 1, 1, "broken JSON"),
    ],
)
def test_broken_json_is_refused_with_line_and_column(data, line, column, message):
    problem = refused(data, is_json=True)
    assert (problem.line, problem.column, message in problem.message) == (line, column, True), problem.message


def test_many_brackets_that_do_not_nest_are_fine():
    assert len(values(b"[" + b",".join([b"[]"] * 500) + b"]", is_json=True)[0]) == 500


def test_flow_mapping_that_is_no_json_is_read_as_yaml():
    assert values(b"{a: 1}\n---\nb: 2\n") == [{"a": 1}, {"b": 2}]
    assert positions(b"{a: 1,\n b: 2}\n")[0]["/b"] == (2, 2)


def test_what_is_wrong_with_json_in_a_yaml_file_is_said_as_of_yaml():
    assert "broken YAML" in refused(b'{"a": }}').message


YAML = b"""\
# comment
kind: X
spec:
  list:
  - name: a
    deep: [1, {x: 2}]
  - b
  "quo/ted~": 1
  yes: 2
base: &base
  one: 1
copy: *base
merged:
  <<: *base
  two: 2
---
other: 1
"""


def test_every_yaml_key_and_item_has_a_line_and_a_column():
    first, second = positions(YAML)
    assert first == {
        "": (2, 1), "/kind": (2, 1), "/spec": (3, 1), "/spec/list": (4, 3), "/spec/list/0": (5, 5), "/spec/list/0/name": (5, 5),
        "/spec/list/0/deep": (6, 5), "/spec/list/0/deep/0": (6, 12), "/spec/list/0/deep/1": (6, 15), "/spec/list/0/deep/1/x": (6, 16),
        "/spec/list/1": (7, 5), "/spec/quo~1ted~0": (8, 3), "/spec/true": (9, 3), "/base": (10, 1), "/base/one": (11, 3), "/copy": (12, 1),
        "/merged": (13, 1), "/merged/two": (15, 3),
    }  # fmt: skip
    assert second == {"": (17, 1), "/other": (17, 1)}


def test_every_json_key_and_item_has_a_line_and_a_column():
    first, second = positions(b'{"a": {"b/": [1,\n {"c": ":,"}]},\n "d": null}\n[true]', is_json=True)
    assert first == {
        "": (1, 1),
        "/a": (1, 2),
        "/a/b~1": (1, 8),
        "/a/b~1/0": (1, 15),
        "/a/b~1/1": (2, 2),
        "/a/b~1/1/c": (2, 3),
        "/d": (3, 2),
    }
    assert second == {"": (4, 1), "/0": (4, 2)}


def test_json_in_a_yaml_file_has_positions_too():
    assert positions(b'{"a": "\\/"}')[0] == {"": (1, 1), "/a": (1, 2)}


def test_anchored_keys_have_positions():
    assert positions(b"&k key: &v val\nother: {*k : 1, *v : 2}")[0] == {
        "": (1, 1), "/key": (1, 1), "/other": (2, 1), "/other/key": (2, 9), "/other/val": (2, 17)}  # fmt: skip


@pytest.mark.parametrize(
    ("pointer", "expected"),
    [("/spec/list/0/name", (5, 5)), ("/spec/list/0/name/x/y", (5, 5)), ("/copy/one", (12, 1)), ("/gone", (2, 1)), ("", (2, 1))],
)
def test_missing_field_stands_where_its_nearest_parent_does(pointer, expected):
    assert nearest(positions(YAML)[0], pointer) == expected


def test_nothing_is_known_about_no_document():
    assert nearest({}, "/a/b") == (0, 0)

"""Plain scalars mean what Kubernetes' Go parser makes of them; the integration tests check this table against kubectl."""

import math
import re

import pytest
import yaml

from gitops_core.renderers.manifests.loader import load_yaml
from gitops_core.renderers.manifests.problems import Problem
from gitops_core.renderers.manifests.scalars import AMBIGUOUS, ambiguity, as_json, as_key, resolve_raw, resolve_tagged

VALUES = [
    # words
    ("", None), ("~", None), ("null", None), ("Null", None), ("NULL", None), ("nULL", "nULL"),
    ("true", True), ("True", True), ("TRUE", True), ("tRUE", "tRUE"), ("false", False), ("False", False), ("FALSE", False),
    ("y", True), ("Y", True), ("yes", True), ("Yes", True), ("YES", True), ("yES", "yES"),
    ("n", False), ("N", False), ("no", False), ("No", False), ("NO", False), ("nO", "nO"),
    ("on", True), ("On", True), ("ON", True), ("oN", "oN"), ("off", False), ("Off", False), ("OFF", False),
    ("t", "t"), ("f", "f"), ("none", "none"), ("None", "None"), ("nginx", "nginx"), ("=", "="), ("<<", "<<"),
    # integers
    ("0", 0), ("7", 7), ("-7", -7), ("+12", 12), ("00", 0), ("000", 0), ("0644", 420), ("0777", 511), ("-0644", -420),
    ("08", 8), ("09", 9), ("-08", -8), ("0_7", 7), ("1_000", 1000), ("1__0", 10), ("1_", 1), ("-_1", -1), ("+_", "+_"),
    ("_1", "_1"), ("0o644", 420), ("0O17", 15), ("-0o7", -7), ("0o8", "0o8"), ("0x1F", 31), ("0X1f", 31), ("-0x1f", -31),
    ("+0x1F", 31), ("0x_1F", 31), ("0x", "0x"), ("0xg", "0xg"), ("0b101", 5), ("0B101", 5), ("-0b101", -5), ("0b", "0b"),
    ("0b2", "0b2"), ("0b-101", -5), ("0b+1", 1), ("-0b-1", "-0b-1"), ("-", "-"), ("+", "+"), ("--1", "--1"), ("1-", "1-"),
    # 64 bits
    ("9223372036854775807", 2**63 - 1), ("-9223372036854775808", -(2**63)), ("9223372036854775808", 2.0**63),
    ("-9223372036854775809", -(2.0**63)), ("123456789012345678.0", 123456789012345680), ("18446744073709551615", 2.0**64), ("18446744073709551616", 2.0**64),
    ("0xFFFFFFFFFFFFFFFF", 2.0**64), ("+0xFFFFFFFFFFFFFFFF", "+0xFFFFFFFFFFFFFFFF"), ("0xFFFFFFFFFFFFFFFFF", "0xFFFFFFFFFFFFFFFFF"),
    ("07777777777777777777777777", 7.777777777777778e24), ("1" * 5000, "1" * 5000), ("0x" + "0" * 100 + "1", "0x" + "0" * 100 + "1"),
    # floats
    ("1.0", 1), ("1.", 1), ("1.5", 1.5), ("-1.5", -1.5), (".5", 0.5), ("+.5", 0.5), ("-.5", -0.5), (".5_0", 0.5), (".5e3", 500),
    ("1e3", 1000), ("1E3", 1000), ("1e+3", 1000), ("1.5e3", 1500), ("3.14e+2", 314), ("1e-7", 1e-7), ("6.02e23", 6.02e23),
    ("12e03", 12000), ("0.1e1", 1), ("1.e3", 1000), ("1e20", 1e20), ("1e21", 1e21), ("1e400", "1e400"), ("-1e400", "-1e400"),
    ("1e-400", 0), ("-0", 0), ("-0.0", 0), ("0.0", 0), ("08.5", 8.5), ("1_000.5", 1000.5), ("0.30000000000000004", 0.30000000000000004),
    ("5e-324", 5e-324), ("1.7976931348623157e308", 1.7976931348623157e308), (".", "."), ("..5", "..5"), (".e5", ".e5"), ("1e", "1e"),
    ("1.2.3", "1.2.3"), ("0x1p-2", "0x1p-2"), ("inf", "inf"), ("nan", "nan"),
    # what YAML 1.1 takes for something else
    ("12:30:45", "12:30:45"), ("190:20:30", "190:20:30"), ("12:30", "12:30"), ("2020-01-01", "2020-01-01"),
    ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z"), ("10.0.0.1", "10.0.0.1"), ("1Gi", "1Gi"), ("100m", "100m"), ("٣", "٣"), ("1٣", "1٣"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), VALUES, ids=[text[:24] or "empty" for text, _ in VALUES])
def test_plain_scalar_has_the_value_and_type_that_go_gives_it(text, expected):
    value = as_json(resolve_raw(text))
    assert (value, type(value)) == (expected, type(expected) if not isinstance(expected, float) else float)


@pytest.mark.parametrize("text", [".inf", ".Inf", ".INF", "+.inf", "-.inf", "-.INF", ".nan", ".NaN", ".NAN"])
def test_infinity_and_nan_are_refused_because_json_has_none(text):
    with pytest.raises(ValueError, match="not JSON"):
        as_json(resolve_raw(text))


@pytest.mark.parametrize(
    ("text", "key"),
    [("yes", "true"), ("y", "true"), ("on", "true"), ("n", "false"), ("off", "false"), ("0644", "420"), ("1e3", "1000"), ("1.10", "1.1"),
     ("0x10", "16"), ("-0b1", "-1"), ("1e6", "1e+06"), ("123456.0", "123456"), ("1234567.0", "1.234567e+06"), ("1e-4", "0.0001"),
     ("1e-5", "1e-05"), ("0.0", "0"), ("12345678.9", "1.2345679e+07"), ("-1.5", "-1.5"), ("name", "name"), ("12:30", "12:30")],
)  # fmt: skip
def test_key_is_spelled_as_sigs_yaml_spells_it(text, key):
    assert as_key(resolve_raw(text)) == key


@pytest.mark.parametrize("text", ["~", "null", "", "18446744073709551615", ".inf", ".nan", "1e300"])
def test_null_huge_and_infinite_keys_are_refused(text):
    with pytest.raises(ValueError, match="key"):
        as_key(resolve_raw(text))


TAGGED = [
    ("! 12", "12"), ("! '12'", "12"), ("!!int '12'", 12), ("!!str 12", "12"), ("!!str", ""), ("!!float 1", 1), ("!!float 1.5", 1.5),
    ("!!bool 'yes'", True), ("!!null ''", None), ("!!binary aGk=", "hi"), ("!!binary |\n  aG\n  k=", "hi"), ("!!timestamp 2020-01-01", "2020-01-01"),
    ("!foo bar", "bar"), ("!!set {a, b}", {"a": None, "b": None}), ("!!omap [a: 1]", [{"a": 1}]), ("!<tag:yaml.org,2002:int> '5'", 5),
    ("!!python/none x", "x"), ("!!str {a: 1}", {"a": 1}), ("!!int [1]", [1]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), TAGGED, ids=[text for text, _ in TAGGED])
def test_explicit_tag_is_read_as_go_reads_it(text, expected):
    assert load_yaml(f"a: {text}\n").documents[0].value == {"a": expected}


@pytest.mark.parametrize(
    "text", ["!!int 1.5", "!!int true", "!!bool foo", "!!null foo", "!!float x", "!!timestamp 12", "!!binary _", "!!binary /w=="]
)
def test_value_that_does_not_fit_its_tag_is_refused_without_showing_it(text):
    with pytest.raises(Problem, match="!!") as caught:
        load_yaml(f"a: {text}\n")
    assert (caught.value.line, text.split()[1] in caught.value.message) == (1, False)


def test_unknown_tag_leaves_the_text_alone():
    assert resolve_tagged("!vault", "0644") == "0644"


CLEAR = [
    "",
    "a",
    "true",
    "null",
    "~",
    "1",
    "-1",
    "0",
    "12345",
    "1.5",
    "0.5",
    "-0.5",
    "1.0",
    "1.5e+3",
    "0x1f",
    "name",
    "nginx:1.25",
    "1.2.3",
    "8080:80",
]
UNCLEAR = [
    "y", "N", "yes", "off", "0644", "08", "-01", "0o17", "0b1", "+0x1", "0x_1", "12:30", "1:30:00.5", "2020-01-01", "2020-01-01 10:00:00",
    "2020-01-01T10:00:00Z", "1e3", "1E+3", "1.5e3", "+.5", "-.5", ".5e3", "1_000", "1_0.5", "1.5_0", "18446744073709551616", "=", "<<",
]  # fmt: skip


@pytest.mark.parametrize("text", UNCLEAR)
def test_scalar_that_yaml_versions_read_differently_is_ambiguous(text):
    assert ambiguity(text)


@pytest.mark.parametrize("text", CLEAR)
def test_scalar_that_all_read_alike_is_not(text):
    assert not ambiguity(text)


_CORE = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_CORE_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


def core_schema(text):
    """Return what the core schema of YAML 1.2 makes of *text*."""
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text.lower() in ("true", "false") and text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text.lower() == "true"
    if _CORE.fullmatch(text):
        return int(text, 8 if text.startswith("0o") else 16 if text.startswith("0x") else 10)
    return float(text) if _CORE_FLOAT.fullmatch(text) and math.isfinite(float(text)) else text


@pytest.mark.parametrize("text", [text for text, _ in VALUES if len(text) < 40])
def test_every_scalar_on_which_the_parsers_disagree_is_called_ambiguous(text):
    try:
        old = yaml.safe_load(f"- {text}")[0]
    except (yaml.YAMLError, ValueError):
        old = "unreadable"
    readings = [as_json(resolve_raw(text)), core_schema(text), old]
    alike = all(reading == readings[0] and isinstance(reading, bool) == isinstance(readings[0], bool) for reading in readings)
    assert alike or ambiguity(text) or text in KNOWN_EXCEPTIONS, readings


KNOWN_EXCEPTIONS = {"1e400", "-1e400"} | {"--1", "1-", "-", "٣", "1٣"} | {"0xg", "_1", "1e-400"}


def test_no_family_shows_the_scalar():
    assert all("%" not in family.meaning and "{" not in family.meaning for family in AMBIGUOUS)

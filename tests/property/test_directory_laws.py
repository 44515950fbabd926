"""Laws of the directory target's pure half: no two objects share a file, nothing leaves the root, what is written is read back."""

import base64

from hypothesis import given
from hypothesis import strategies as st

from gitops_core.errors import Invalid
from gitops_core.model.resources import ResourceKey
from gitops_core.model.values import freeze, same
from gitops_core.renderers.manifests.documents import load
from gitops_core.targets.directory.bodies import Content, decode, encode, normalize
from gitops_core.targets.directory.diffs import whole_diff
from gitops_core.targets.directory.paths import TEMPORARY, is_file, path_of

NASTY = st.sampled_from(
    ["..", ".", "/", "a/b", "../..", "\0", "a\0b", "%2F", "a%", "~", "CON", "x" * 300, "é" * 200, ".hidden", "A", "a", "-"]
)
NAMES = st.one_of(st.text(min_size=1, max_size=20), NASTY)
KEYS = st.builds(ResourceKey, st.one_of(st.just(""), NAMES), NAMES, st.one_of(st.just(""), NAMES), NAMES)
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.sampled_from(["on", "No", "1e3", "0x1F", "0o17", "1_000", "null", "~", "", "2020-01-01", "a: b", "#", "- x", "<<", "=", "\n", "a\n\n", " a", "é\x85\u2028"]),
)  # fmt: skip
VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False, width=32), TEXTS
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)


@given(KEYS)
def test_no_path_leaves_the_root(key):
    try:
        parts = path_of(key)
    except Invalid:
        assert is_file(key)
        return
    for part in parts:
        assert part not in ("", ".", "..")
        assert "/" not in part
        assert "\0" not in part
        assert len(part.encode()) <= 255
        assert not TEMPORARY.fullmatch(part)


@given(KEYS, KEYS)
def test_distinct_manifests_have_distinct_files(left, right):
    if left != right and "File" not in (left.kind, right.kind):
        assert path_of(left) != path_of(right)


@given(st.dictionaries(TEXTS, VALUES, max_size=6))
def test_a_manifest_is_read_back_as_it_was_written(extra):
    body = freeze({"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "x"}, "spec": extra})
    key = ResourceKey("", "Thing", "", "x")
    written = encode(key, body)
    assert same(decode(key, written), body)
    assert encode(key, decode(key, written)) == written
    assert list(decode(key, written)["spec"]) == list(extra)


@given(st.dictionaries(TEXTS, TEXTS, max_size=6))
def test_the_texts_of_a_manifest_mean_the_same_to_kubernetes(data):
    """Our manifest loader reads scalars as Kubernetes' Go parser does; it must see texts where we wrote texts."""
    body = freeze({"kind": "ConfigMap", "metadata": {"name": "x"}, "data": data})
    content = encode(ResourceKey("", "ConfigMap", "", "x"), body)
    loaded = load(content.data)
    assert loaded.ambiguities == ()
    (document,) = loaded.documents
    assert same(document.value, body)


@given(st.binary(max_size=200), st.integers(0, 0o777))
def test_a_file_is_read_back_byte_by_byte(data, mode):
    key = ResourceKey("", "File", "", "a/b")
    body = decode(key, Content(data, mode))
    assert encode(key, body) == Content(data, mode)
    assert normalize(body) == body
    raw = {
        "kind": "File",
        "metadata": {"name": "a/b"},
        "spec": {"base64": base64.b64encode(data).decode(), "mode": f"{mode:04o}"},
    }
    assert normalize(raw) == body


@given(st.dictionaries(TEXTS, VALUES, max_size=4), st.dictionaries(TEXTS, VALUES, max_size=4))
def test_the_whole_diff_is_empty_only_for_equal_manifests(desired, live):
    left, right = freeze({"kind": "X", "spec": desired}), freeze({"kind": "X", "spec": live})
    found = whole_diff(left, right)
    if same(left, right):
        assert found is None
    elif found is not None:
        assert found
        assert [d.pointer for d in found] == sorted(d.pointer for d in found)


@given(st.binary(max_size=80))
def test_any_bytes_can_be_observed(data):
    """What somebody else put into a manifest file is a body, never an exception."""
    key = ResourceKey("", "Thing", "", "x")
    body = decode(key, Content(data))
    assert isinstance(body, dict)
    normalize(body)

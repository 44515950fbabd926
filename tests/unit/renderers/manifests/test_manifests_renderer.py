"""ManifestsRenderer: objects, errors, notices, fingerprint, and where fields stand."""

import json
import threading

import attrs
import pytest

from gitops_core.errors import Cancelled, Disposition, DuplicateResource, ManifestError, SourceUnavailable
from gitops_core.model.resources import Origin, ResourceKey
from gitops_core.model.values import Sensitive
from gitops_core.renderers.manifests import MAX_ERRORS, MAX_NOTICES, TOOL_FILES, ManifestsRenderer, locate
from gitops_core.testing.contexts import MemoryMemo, Recorder, make_context
from gitops_core.testing.renderer_contract import make_tree


def config_map(name, **data):
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata: {json.dumps(data)}\n".encode()


SECRET = b"apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: hunter2hunter2}\n"


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def memo():
    return MemoryMemo()


@pytest.fixture
def ctx(recorder, memo):
    return make_context(recorder, memo=memo)


def render(files, renderer=None, ctx=None):
    return (renderer or ManifestsRenderer()).render(ctx or make_context(), make_tree(files))


def refused(files, renderer=None):
    with pytest.raises((ManifestError, DuplicateResource, ExceptionGroup)) as caught:
        render(files, renderer)
    error = caught.value
    return list(error.exceptions) if isinstance(error, ExceptionGroup) else [error]


def decoded(recorder):
    return recorder.counts["documents_decoded"]


# -- objects -----------------------------------------------------------------------------------------------------------------


def test_every_document_is_a_resource_with_its_origin():
    files = {
        "b.yaml": b"# note\n" + config_map("one") + b"---\n" + config_map("two"),
        "a.json": b'\n {"kind": "X", "name": "plain"}',
    }
    assert [(str(r.key), r.origin) for r in render(files)] == [
        ("X/plain", Origin("memory", "", "a.json", 0, 2, 2)),
        ("ConfigMap/one", Origin("memory", "", "b.yaml", 0, 2, 1)),
        ("ConfigMap/two", Origin("memory", "", "b.yaml", 1, 8, 1)),
    ]


def test_secret_values_are_wrapped_and_their_digest_is_salted():
    (one,) = render({"s.yaml": SECRET})
    (other,) = render({"s.yaml": SECRET}, ctx=make_context(salt=b"other"))
    assert (one.body["stringData"]["password"], one.digest != other.digest) == (Sensitive("hunter2hunter2"), True)


def test_lists_are_expanded_with_the_line_of_each_item():
    text = b"apiVersion: v1\nkind: List\nitems:\n- kind: ConfigMap\n  metadata: {name: a}\n- kind: List\n  items:\n  - {kind: X, metadata: {name: b}}\n"
    assert [(str(r.key), r.origin.line, r.origin.column) for r in render({"l.yaml": text})] == [
        ("ConfigMap/a", 4, 3),
        ("X/b", 8, 5),
    ]


def test_typed_lists_give_their_items_kind_and_version():
    text = b'{"apiVersion": "apps/v1", "kind": "DeploymentList", "metadata": {},\n "items": [{"metadata": {"name": "a"}},\n {"kind": "X", "metadata": {"name": "b"}}]}'
    found = render({"l.json": text})
    assert [(str(r.key), r.origin.line, r.origin.column) for r in found] == [("apps/Deployment//a", 2, 12), ("X/b", 3, 2)]
    assert found[0].body["apiVersion"] == "apps/v1"


@pytest.mark.parametrize(
    "text", [b"kind: List\nitems: []\n", b"kind: ConfigMapList\nitems:\n", b"", b"# nothing\n", b"---\n---\n", b"null\n"]
)
def test_files_without_objects_give_none(text):
    assert render({"a.yaml": text}) == ()


def test_named_object_of_a_kind_that_ends_in_list_is_an_object():
    assert [str(r.key) for r in render({"a.yaml": b"kind: AllowList\nmetadata: {name: x}\nitems: [1]\n"})] == ["AllowList/x"]


def test_unknown_extensions_are_ignored_and_tool_files_reported(ctx, recorder):
    files = {"README.md": b"{", "kustomization.yaml": b"{", "a/values.yaml": b"x: [", "Makefile": b":", "a.yaml": config_map("a")}
    assert len(render(files, ctx=ctx)) == 1
    assert [(n.code, n.path) for n in recorder.notices] == [
        ("skipped-file", "a/values.yaml"),
        ("skipped-file", "kustomization.yaml"),
    ]


def test_skip_and_extensions_are_options():
    renderer = ManifestsRenderer(skip=(*TOOL_FILES, "old"), extensions=[".manifest"])
    assert [str(r.key) for r in render({"a.manifest": config_map("a"), "old/b.manifest": b"{", "c.yaml": b"{"}, renderer)] == [
        "ConfigMap/a"
    ]


# -- errors ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            b"kind: X\n",
            "bad.yaml:1:1: no metadata.name: every document needs a kind and a metadata.name, both text; add it, or leave the file out with skip=",
        ),
        (b"a: 1\n---\nmetadata: {name: x}\n", "bad.yaml:3:1: no kind: every"),
        (b"kind: X\nmetadata: {name: 12}\n", "bad.yaml:1:1: metadata.name is not text but int: every"),
        (b"kind: X\nmetadata: {generateName: a-}\n", "bad.yaml:1:1: no metadata.name"),
        (b"- 1\n", "bad.yaml:1:1: not an object: every"),
        (b"text\n", "bad.yaml:1:1: not an object: every"),
        (b"kind: List\nitems:\n- {kind: X}\n", "bad.yaml:3:3: no metadata.name"),
        (b"kind: List\nitems:\n- null\n", "bad.yaml:3:3: not an object"),
        (b"kind: List\nitems: 3\n", "bad.yaml:1:1: no metadata.name"),
        (
            b"kind: X\nmetadata:\n  name: x\n  name: y\n",
            "bad.yaml:4:3: the key 'name' stands on line 3 already; remove one of the two",
        ),
        (b"kind: X\nmetadata: {name: 'x\n", "bad.yaml:3:1: broken YAML"),
        (b"kind: X\nmetadata: {name: caf\xe9}\n", "bad.yaml:2:21: byte 0xE9 is not UTF-8; save the file as UTF-8"),
    ],
)
def test_broken_file_is_named_with_line_and_column_and_cure(text, expected):
    errors = refused({"bad.yaml": text, "good.yaml": config_map("a")})
    assert expected in [str(error)[: len(expected)] for error in errors]
    assert {(type(e), e.disposition, e.origin.path, e.origin.source) for e in errors} == {
        (ManifestError, Disposition.STALL, "bad.yaml", "memory")
    }


def test_error_names_the_revision():
    tree = make_tree({"bad.yaml": b"["})
    with pytest.raises(ManifestError) as caught:
        ManifestsRenderer().render(make_context(), tree)
    assert caught.value.origin.revision == tree.revision.id


def test_all_problems_are_reported_at_once():
    one = config_map("same")
    errors = refused({"a.yaml": b"kind: X\n---\nname: y\n", "b.yaml": b"[", "c.yaml": one, "d.yaml": one + b"---\n" + one})
    assert [str(e).split(": ")[0] for e in errors] == ["a.yaml:1:1", "a.yaml:3:1", "b.yaml:2:1", "d.yaml:1:1", "d.yaml:7:1"]


def test_duplicate_names_both_places_and_the_cure():
    (error,) = refused({"a.yaml": config_map("x"), "b.yaml": b"\n" + config_map("x")})
    assert (type(error), error.key) == (DuplicateResource, ResourceKey("", "ConfigMap", "", "x"))
    assert (
        str(error)
        == "b.yaml:2:1: ConfigMap/x: declared in a.yaml:1 already; remove one of the two, or give one another name or namespace"
    )


def test_number_of_reported_errors_is_bounded():
    with pytest.raises(ExceptionGroup, match=f"the first {MAX_ERRORS} problems") as caught:
        render({f"{i:03}.yaml": b"kind: X\n---\nkind: Y\n" for i in range(2 * MAX_ERRORS)} | {"z.yaml": b"[\n"})
    assert len(caught.value.exceptions) == MAX_ERRORS


def test_exactly_as_many_errors_as_are_reported_are_all_of_them():
    with pytest.raises(ExceptionGroup, match=f"^{MAX_ERRORS} problems"):
        render({f"{i:03}.yaml": b"kind: X\n" for i in range(MAX_ERRORS)})


def test_errors_of_the_source_pass_through():
    tree = make_tree({"a.yaml": config_map("a")})

    def gone(_file):
        raise SourceUnavailable("gone")

    with pytest.raises(SourceUnavailable):
        ManifestsRenderer().render(make_context(), attrs.evolve(tree, read_file=gone))


def test_cancel_stops_between_two_files():
    files = {f"{i}.yaml": config_map(f"c{i}") for i in range(5)}
    tree, cancel, seen = make_tree(files), threading.Event(), []

    def read(file):
        seen.append(file.path)
        if file.path == "2.yaml":
            cancel.set()
        return files[file.path]

    with pytest.raises(Cancelled):
        ManifestsRenderer().render(make_context(cancel=cancel), attrs.evolve(tree, read_file=read))
    assert seen == ["0.yaml", "1.yaml", "2.yaml"]


def test_few_bytes_are_held_before_they_are_decoded():
    """Small files are read together, large ones one by one: a repository never has to fit into memory twice."""
    large = config_map("large") + b"# " + b"x" * 200_000 + b"\n"
    files = {"0.yaml": config_map("a"), "1.yaml": large, "2.yaml": large.replace(b"large", b"larger"), "3.yaml": config_map("b")}
    tree, events, recorder = make_tree(files), [], Recorder()

    def read(file):
        events.append((file.path, decoded(recorder)))
        return files[file.path]

    ManifestsRenderer().render(make_context(recorder), attrs.evolve(tree, read_file=read))
    assert events == [("0.yaml", 0), ("1.yaml", 0), ("2.yaml", 2), ("3.yaml", 3)]


# -- notices -----------------------------------------------------------------------------------------------------------------


def test_ambiguous_scalar_is_reported_with_file_and_line_and_without_its_text(ctx, recorder):
    render({"a.yaml": b"kind: Secret\nmetadata: {name: s}\nstringData:\n  pin: 0451\n"}, ctx=ctx)
    (notice,) = recorder.notices
    assert (notice.code, notice.path, notice.line, "0451" in notice.message) == ("ambiguous-scalar", "a.yaml", 4, False)
    assert "leading zero" in notice.message
    assert "quote it" in notice.message


def test_notices_are_the_same_from_every_memo(ctx, recorder):
    files = {"a.yaml": config_map("a") + b"x: yes\n", "values.yaml": b""}
    renderer = ManifestsRenderer()
    for one in (renderer, renderer, ManifestsRenderer()):
        render(files, one, ctx)
    notices = recorder.notices
    assert (len(notices), notices[:2], notices[2:4], decoded(recorder)) == (6, notices[2:4], notices[4:], 1)


def test_number_of_notices_is_bounded(ctx, recorder):
    many = b"".join(b"k%d: yes\n" % i for i in range(50))
    render({f"{i:03}.yaml": config_map(f"c{i}") + many for i in range(15)}, ctx=ctx)
    notices = recorder.notices
    assert (len(notices), notices[-1].code) == (MAX_NOTICES + 1, "more-notices")
    assert next(n.message for n in notices if "more ambiguous" in n.message) == "40 more ambiguous scalars"
    assert notices[-1].message.startswith("65 more notices")


# -- fingerprint and locate --------------------------------------------------------------------------------------------------


def test_fingerprint_knows_the_options_and_not_their_order():
    prints = {ManifestsRenderer(skip=skip).fingerprint for skip in (("a", "b"), ("b", "a"), ("a", "b", "a"))}
    assert (
        len(prints),
        ManifestsRenderer().fingerprint in prints,
        ManifestsRenderer(extensions=[".y"]).fingerprint in prints,
    ) == (1, False, False)


DEPLOYMENT = b"""\
kind: ConfigMap
metadata: {name: first}
---
kind: Deployment
metadata:
  name: web
spec:
  containers:
  - name: main
    image: x:1
"""


def test_field_is_located_by_line_and_column():
    tree, renderer = make_tree({"a.yaml": DEPLOYMENT}), ManifestsRenderer()
    web = renderer.render(make_context(), tree)[1]
    expected = Origin("memory", tree.revision.id, "a.yaml", 1, 10, 5)
    assert renderer.locate(tree, web, "/spec/containers/0/image") == locate(tree, web, "/spec/containers/0/image") == expected
    assert [locate(tree, web, p).line for p in ("", "/spec/containers/0", "/spec/containers/0/resources/limits", "/status")] == [
        4,
        9,
        9,
        4,
    ]


def test_field_of_a_list_item_is_located():
    tree = make_tree(
        {
            "a.yaml": b"kind: List\nitems:\n- kind: A\n  metadata: {name: a}\n- kind: List\n  items:\n  - kind: B\n    metadata:\n      name: b\n"
        }
    )
    first, second = ManifestsRenderer().render(make_context(), tree)
    assert [
        locate(tree, first, "/metadata/name").line,
        locate(tree, second, "/metadata/name").line,
        locate(tree, second).line,
    ] == [4, 9, 7]


def test_object_that_is_no_longer_where_it_was_is_located_where_it_began():
    tree = make_tree({"a.yaml": DEPLOYMENT})
    web = ManifestsRenderer().render(make_context(), tree)[1]
    expected = attrs.evolve(web.origin, revision="x")
    for files in ({}, {"a.yaml": b"["}, {"a.yaml": b"kind: A\n"}, {"a.yaml": DEPLOYMENT.replace(b"---", b"a: 1\n---")}):
        assert attrs.evolve(locate(make_tree(files), web, "/spec"), revision="x") == expected


def test_positions_of_a_few_files_are_remembered():
    files = {f"{i}.yaml": config_map(f"c{i}") for i in range(12)}
    reads = []
    tree = attrs.evolve(make_tree(files), read_file=lambda file: reads.append(file.path) or files[file.path])
    renderer = ManifestsRenderer()
    found = renderer.render(make_context(), tree)
    reads.clear()
    for resource in found:
        for pointer in ("/data", "/kind"):
            assert renderer.locate(tree, resource, pointer).line in (2, 5)
    renderer.locate(tree, found[0], "/data")
    assert len(reads) == 13

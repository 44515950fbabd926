"""What ManifestsRenderer remembers between passes and processes, and the counting that proves it."""

import gc
import json
import threading
import zlib

import attrs
import pytest

from gitops_core.errors import CorruptObject, DuplicateResource, ManifestError
from gitops_core.model.values import Sensitive
from gitops_core.renderers.manifests import ManifestsRenderer
from gitops_core.renderers.manifests import memo as memo_module
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


def decoded(recorder):
    return recorder.counts["documents_decoded"]


FILES = {f"apps/{i:03}.yaml": config_map(f"c{i}", value=str(i)) for i in range(40)} | {"s.yaml": SECRET, "values.yaml": b"x"}


def test_unchanged_tree_decodes_nothing(ctx, recorder):
    renderer = ManifestsRenderer()
    first, again = render(FILES, renderer, ctx), render(FILES, renderer, ctx)
    assert (first == again, decoded(recorder)) == (True, 41)


def test_one_changed_file_decodes_one_file(ctx, recorder):
    renderer = ManifestsRenderer()
    before = {r.key: r.digest for r in render(FILES, renderer, ctx)}
    after = {r.key: r.digest for r in render(FILES | {"apps/007.yaml": config_map("c7", value="new")}, renderer, ctx)}
    assert ([str(k) for k in before if before[k] != after[k]], decoded(recorder)) == (["ConfigMap/c7"], 42)


def test_added_renamed_and_removed_files_are_seen(ctx, recorder):
    renderer = ManifestsRenderer()
    render(FILES, renderer, ctx)
    files = {p: d for p, d in FILES.items() if p != "apps/000.yaml"} | {
        "new.yaml": FILES["apps/000.yaml"],
        "more.yaml": config_map("more"),
    }
    assert (render(files, renderer, ctx) == render(files), decoded(recorder)) == (True, 43)


def test_new_process_with_a_warm_store_decodes_nothing(ctx, recorder):
    first = render(FILES, ManifestsRenderer(), ctx)
    again = render(FILES, ManifestsRenderer(), ctx)
    assert (first == again, decoded(recorder)) == (True, 41)


def test_new_process_decodes_only_what_changed_since_the_last_render(ctx, recorder):
    render(FILES, ManifestsRenderer(), ctx)
    changed = FILES | {"apps/007.yaml": config_map("c7", value="new"), "new.yaml": config_map("new")}
    del changed["apps/001.yaml"]
    assert (render(changed, ManifestsRenderer(), ctx) == render(changed), decoded(recorder)) == (True, 43)


def test_small_changes_are_stored_as_differences(ctx, memo, recorder):
    renderer = ManifestsRenderer()
    render(FILES, renderer, ctx)
    full = max(map(len, memo.values.values()))
    files = dict(FILES)
    for i in range(5):
        files = files | {"apps/007.yaml": config_map("c7", value=f"new{i}")}
        files.pop(f"apps/01{i}.yaml")
        render(files, renderer, ctx)
    sizes = sorted(map(len, memo.values.values()))
    assert (render(files, ManifestsRenderer(), ctx) == render(files), decoded(recorder), full // 2 > sizes[-2]) == (
        True,
        46,
        True,
    )


def test_many_changes_are_stored_in_full_again(ctx, memo, monkeypatch, recorder):
    monkeypatch.setattr(memo_module, "_FULL_AFTER", 3)
    renderer = ManifestsRenderer()
    render(FILES, renderer, ctx)
    files = FILES | {f"apps/00{i}.yaml": config_map(f"c{i}", value="new") for i in range(5)}
    render(files, renderer, ctx)
    indexes = [json.loads(zlib.decompress(v)) for v in memo.values.values() if v[:1] == b"\x78"]
    assert [index["base"] for index in indexes] == ["", ""]


def test_lost_base_costs_a_decode_and_nothing_else(ctx, memo, recorder):
    renderer = ManifestsRenderer()
    render(FILES, renderer, ctx)
    base = set(memo.values)
    changed = FILES | {"apps/007.yaml": config_map("c7", value="new")}
    render(changed, renderer, ctx)
    for key in base:
        if memo.values[key][:1] == b"\x78":
            del memo.values[key]
    assert render(changed, ManifestsRenderer(), ctx) == render(changed)


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"garbage",
        zlib.compress(b"{}"),
        zlib.compress(b"[1]"),
        zlib.compress(b'{"base": "", "files": [["a", "b"]]}'),
        b"\xff\xfe",
    ],
)
def test_garbage_in_the_store_is_a_miss(ctx, memo, garbage):
    first = render(FILES, ManifestsRenderer(), ctx)
    for key in memo.values:
        memo.values[key] = garbage
    assert render(FILES, ManifestsRenderer(), ctx) == first


def test_store_holds_no_body_and_no_secret(ctx, memo):
    render(FILES, ManifestsRenderer(), ctx)
    texts = [zlib.decompress(v) if v[:1] == b"\x78" else v for v in memo.values.values()]
    assert not [text for text in texts if b"hunter2" in text or b'"value"' in text or b"stringData" in text]


def test_other_options_salts_and_sources_share_nothing(memo):
    tree = make_tree(FILES)
    for options, salt, source in [({}, b"1", "a"), ({"skip": ()}, b"1", "a"), ({}, b"2", "a"), ({}, b"1", "b")]:
        recorder = Recorder()
        files = {p: d for p, d in FILES.items() if p != "values.yaml"}
        tree = make_tree(files, source=source)
        ManifestsRenderer(**options).render(make_context(recorder, memo=memo, salt=salt), tree)
        assert decoded(recorder) == 41


def test_one_renderer_serves_several_applications(memo):
    renderer, recorder = ManifestsRenderer(), Recorder()
    for _ in range(2):
        for number in range(3):
            ctx = make_context(recorder, memo=memo, application=f"example.org/tests/app{number}")
            assert len(render({"a.yaml": config_map(f"app{number}")}, renderer, ctx)) == 1
    assert decoded(recorder) == 3


def test_failed_render_keeps_what_was_good(ctx, recorder):
    renderer = ManifestsRenderer()
    with pytest.raises(ManifestError):
        render(FILES | {"bad.yaml": b"["}, renderer, ctx)
    assert (render(FILES, renderer, ctx) == render(FILES), decoded(recorder)) == (True, 42)


def test_failed_render_fails_again(ctx):
    renderer = ManifestsRenderer()
    for _ in range(2):
        with pytest.raises(ManifestError):
            render(FILES | {"bad.yaml": b"["}, renderer, ctx)


def test_duplicate_is_found_after_an_edit_within_one_file(ctx):
    renderer = ManifestsRenderer()
    render(FILES, renderer, ctx)
    with pytest.raises(DuplicateResource):
        render(FILES | {"apps/001.yaml": FILES["apps/001.yaml"] + b"---\n" + FILES["apps/001.yaml"]}, renderer, ctx)
    with pytest.raises(DuplicateResource):
        render(FILES | {"apps/001.yaml": FILES["apps/002.yaml"]}, renderer, ctx)
    with pytest.raises(DuplicateResource):
        render(FILES | {"apps/001.yaml": FILES["apps/002.yaml"]}, ManifestsRenderer(), ctx)


def test_number_of_remembered_files_is_bounded():
    renders = memo_module.Renders(files=10)
    for number in range(9):
        renders.put(("s",), f"app{number}", memo_module.Render(f"t{number}", {f"{i}": None for i in range(4)}, is_complete=True))
    assert [renders.get(("s",), f"t{n}") is not None for n in range(9)] == [False] * 7 + [True] * 2
    assert (renders.latest(("s",), "app8").digest, renders.latest(("s",), "app0"), len(renders._last) < 9) == ("t8", None, True)
    renders.put(("s",), "big", memo_module.Render("big", {f"{i}": None for i in range(40)}, is_complete=True))
    assert (renders.get(("s",), "big").digest, renders.get(("s",), "t8")) == ("big", None)


def test_an_application_keeps_its_last_two_renders_however_many_commits_it_sees():
    renders = memo_module.Renders()
    for number in range(100):
        renders.put(("s",), "app", memo_module.Render(f"t{number}", {"a": None}, is_complete=True))
    assert [n for n in range(100) if renders.get(("s",), f"t{n}")] == [98, 99]
    assert renders.latest(("s",), "app").digest == "t99"
    renders.put(("s",), "app", memo_module.Render("t98", {"a": None}, is_complete=True))
    renders.put(("s",), "app", memo_module.Render("t100", {"a": None}, is_complete=True))
    assert [n for n in range(101) if renders.get(("s",), f"t{n}")] == [98, 100]
    assert (len(renders._renders), len(renders._holders), renders._total) == (2, 2, 2)


def test_a_render_stays_while_one_application_of_several_had_it_among_its_last():
    renders = memo_module.Renders()
    for who in ("one", "other"):
        renders.put(("s",), who, memo_module.Render("shared", {}, is_complete=True))
    for number in range(3):
        renders.put(("s",), "one", memo_module.Render(f"t{number}", {}, is_complete=True))
    assert renders.latest(("s",), "other") is renders.get(("s",), "shared") is not None
    for number in range(2):
        renders.put(("s",), "other", memo_module.Render(f"o{number}", {}, is_complete=True))
    assert renders.get(("s",), "shared") is None


def test_renders_without_files_are_bounded_too():
    renders = memo_module.Renders(files=10)
    for number in range(50):
        renders.put(("s",), f"app{number}", memo_module.Render(f"t{number}", {}, is_complete=True))
    assert (len(renders._renders), renders._total, len(renders._last) <= 21) == (10, 10, True)


# -- bodies ------------------------------------------------------------------------------------------------------------------


def test_bodies_of_the_pass_that_decoded_them_cost_nothing_and_later_ones_one_decode_a_file(ctx, recorder):
    renderer = ManifestsRenderer()
    files = {"a.yaml": config_map("a") + b"---\n" + config_map("b"), "s.yaml": SECRET}
    bodies = [r.body for r in render(files, renderer, ctx)]
    assert decoded(recorder) == 2
    lean = render(files, renderer, ctx)
    assert decoded(recorder) == 2
    assert ([r.body for r in lean], decoded(recorder)) == (bodies, 4)
    assert ([r.body for r in lean], decoded(recorder)) == (bodies, 4)
    assert isinstance(lean[2].body["stringData"]["password"], Sensitive)


def test_lazy_bodies_are_read_from_the_newest_tree_and_counted_there():
    renderer, first, second = ManifestsRenderer(), Recorder(), Recorder()
    renderer.render(make_context(first), make_tree(FILES))
    old = renderer.render(make_context(first), make_tree(FILES))
    renderer.render(make_context(second), make_tree(FILES))
    assert old[0].body["metadata"]["name"] == "c0"
    assert (decoded(first), decoded(second)) == (41, 1)


def test_only_a_few_decoded_files_are_kept(ctx, recorder):
    renderer = ManifestsRenderer()
    render(FILES, renderer, ctx)
    lean = render(FILES, renderer, ctx)
    for resource in (*lean, *lean[-8:], lean[0]):
        assert resource.body["kind"] in ("ConfigMap", "Secret")
    assert decoded(recorder) == 2 * 41 + 1


def test_lean_resources_keep_no_body_alive(ctx):
    renderer = ManifestsRenderer()
    marker = "a-value-that-is-only-in-this-test"
    render({"a.yaml": config_map("a", value=marker)}, renderer, ctx)
    lean = render({"a.yaml": config_map("a", value=marker)}, renderer, ctx)
    gc.collect()
    alive = [o for o in gc.get_objects() if isinstance(o, dict) and o.get("value") == marker and type(o).__name__ == "FrozenDict"]
    assert (len(lean), alive) == (1, [])


def test_other_bytes_under_one_digest_are_reported():
    renderer, tree = ManifestsRenderer(), make_tree({"a.yaml": config_map("a")})
    renderer.render(make_context(), tree)
    (lean,) = renderer.render(make_context(), attrs.evolve(tree, read_file=lambda _file: b"["))
    with pytest.raises(CorruptObject, match=r"a\.yaml"):
        _ = lean.body


def test_renders_and_bodies_are_safe_between_threads(memo):
    renderer, recorder = ManifestsRenderer(), Recorder()
    expected = {r.key: r.digest for r in render(FILES)}
    failures = []

    def work(number):
        for i in range(10):
            files = FILES | {f"extra-{number}.yaml": config_map(f"extra-{number}", value=str(i % 3))}
            found = renderer.render(make_context(recorder, memo=memo, application=f"app{number % 2}"), make_tree(files))
            if {r.key: r.digest for r in found if "extra" not in r.key.name} != expected or found[i].body["metadata"][
                "name"
            ] != found[i].key.name:
                failures.append(number)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []

"""The collector is paused while documents are decoded, and never left that way."""

from __future__ import annotations

import gc
import threading

import pytest

from gitops_core.collecting import heap_set_aside, paused_collector
from gitops_core.renderers.manifests import ManifestsRenderer, documents, renderer
from gitops_core.sources.memory import MemorySource
from gitops_core.testing.contexts import make_context


@pytest.fixture(autouse=True)
def _restored():
    enabled = gc.isenabled()
    yield
    (gc.enable if enabled else gc.disable)()


def test_it_runs_again_afterwards_whatever_happened():
    gc.enable()
    seen = []

    def fail() -> None:
        with paused_collector():
            seen.append(gc.isenabled())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (seen, gc.isenabled()) == ([False], True)


def test_a_collector_that_the_host_has_switched_off_stays_off():
    gc.disable()
    with paused_collector():
        pass
    assert not gc.isenabled()


def test_pauses_may_overlap_in_threads_and_the_last_one_ends_it():
    gc.enable()
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with paused_collector():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    with paused_collector():
        thread.start()
        assert inside.wait(10)
    assert not gc.isenabled()
    leave.set()
    thread.join(10)
    assert gc.isenabled()


def test_a_render_decodes_during_a_pause_and_ends_it(monkeypatch):
    gc.enable()
    seen = []
    decode = renderer._decoded

    def noting(*arguments):
        seen.append(gc.isenabled())
        return decode(*arguments)

    monkeypatch.setattr(renderer, "_decoded", noting)
    source, ctx = MemorySource({"a.yaml": "kind: A\nname: a\n", "b.yaml": "kind: [\n"}), make_context()
    with pytest.raises(Exception, match="broken YAML"):
        ManifestsRenderer().render(ctx, source.fetch(ctx, source.resolve(ctx)))
    assert seen == [False, False]
    assert gc.isenabled()


def test_what_decoding_drops_is_freed_without_the_collector():
    """Were there cycles, a pause would let memory grow."""
    gc.collect()
    with paused_collector():
        for number in range(50):
            documents.load(f"a: &x {{b: [1, {{c: {number}}}]}}\nd: *x\ne: {{<<: *x}}\n".encode())
        assert gc.collect() == 0


def test_what_was_made_in_a_pause_is_old_at_once():
    gc.enable()
    gc.collect()
    with paused_collector():
        kept = [[] for _ in range(5000)]
    assert gc.get_freeze_count() == 0
    young = {id(thing) for generation in (0, 1) for thing in gc.get_objects(generation)}
    assert not young & {id(thing) for thing in kept}


def test_what_exists_is_set_aside_and_comes_back_whatever_happens():
    gc.enable()

    def fail() -> None:
        with heap_set_aside():
            assert gc.isenabled()
            assert gc.get_freeze_count() > 0
            with heap_set_aside():
                pass
            assert gc.get_freeze_count() > 0
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert gc.get_freeze_count() == 0


@pytest.fixture
def thresholds():
    found = gc.get_threshold()
    yield
    gc.set_threshold(*found)


@pytest.mark.usefixtures("thresholds")
def test_new_objects_are_looked_at_less_often_while_the_heap_is_set_aside():
    gc.set_threshold(700, 12, 13)
    with heap_set_aside():
        assert gc.get_threshold()[0] > 700
        assert gc.get_threshold()[1:] == (12, 13)
    assert gc.get_threshold() == (700, 12, 13)


@pytest.mark.usefixtures("thresholds")
@pytest.mark.parametrize("young", [0, 50_000], ids=["never", "less often still"])
def test_a_host_that_has_the_collector_run_less_often_keeps_that(young):
    gc.set_threshold(young, 12, 13)
    with heap_set_aside():
        assert gc.get_threshold() == (young, 12, 13)
    assert gc.get_threshold() == (young, 12, 13)


@pytest.mark.usefixtures("thresholds")
def test_what_the_host_sets_meanwhile_stays():
    gc.set_threshold(700, 12, 13)
    with heap_set_aside():
        gc.set_threshold(800, 14, 15)
    assert gc.get_threshold() == (800, 14, 15)


def test_what_the_host_has_frozen_stays_frozen():
    gc.enable()
    gc.freeze()
    try:
        frozen = gc.get_freeze_count()
        with heap_set_aside(), paused_collector():
            pass
        assert gc.get_freeze_count() == frozen
    finally:
        gc.unfreeze()


def test_a_pause_while_the_heap_is_set_aside_does_not_walk_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counting what is frozen walks all of it: with many passes at once that took more time than everything else."""
    with heap_set_aside():
        counted: list[int] = []
        monkeypatch.setattr(gc, "get_freeze_count", lambda: counted.append(1) or 0)
        with paused_collector():
            pass
    assert counted == []
    assert gc.isenabled()

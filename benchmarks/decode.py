"""Bytes to frozen documents, beside what everybody uses for it."""

from __future__ import annotations

import functools
import gc
import json
from collections.abc import Callable, Iterable
from typing import Any, Final

import yaml

from benchmarks import workloads
from benchmarks.measuring import Report, Scale, in_turns, times
from gitops_core.collecting import paused_collector
from gitops_core.model.resources import Origin
from gitops_core.renderers.manifests.documents import load
from gitops_core.renderers.manifests.objects import decode_file

FASTER: Final = 1.8


def run(scale: Scale) -> Report:
    """Decode one repository with each decoder in turns, keeping every document, with the collector on and then off."""
    files = [text.encode() for text in workloads.repository(scale.documents).values()]
    # Nothing else is kept meanwhile: every full collection walks all that is alive, whoever's turn it is.
    as_json = [json.dumps(_libyaml(data)[0]).encode() for data in files]
    cases: dict[str, Callable[[], Any]] = {
        "ours": functools.partial(_each, load, files),
        "ours, as a render does": functools.partial(_render, files),
        "resources": functools.partial(_each, _resources, files),
        "CSafeLoader": functools.partial(_each, _libyaml, files),
        "ours, json": functools.partial(_each, functools.partial(load, is_json=True), as_json),
        "json": functools.partial(_each, json.loads, as_json),
    }
    report = Report(f"Decode {scale.documents:,} documents of {sum(map(len, files)) / len(files) / 1000:.2f} KB")
    for collector in (True, False):
        _compare(report, cases, scale.repetitions, collector=collector)
    report.counts = {"documents": len(cases["ours"]()), "equal to CSafeLoader": _equal(files)}
    report.notes.append(
        "`ours` is documents with frozen containers, line numbers and warnings about ambiguous scalars; `resources` are those with "
        "key, origin and digest, as a render makes them. `as a render does it`: a render pauses the collector while it decodes."
    )
    return report


def _compare(report: Report, cases: dict[str, Callable[[], Any]], repetitions: int, *, collector: bool) -> None:
    if not collector:
        gc.disable()
    try:
        samples = in_turns(cases, repetitions)
    finally:
        gc.enable()
    how = f"collector {'on' if collector else 'off'}"
    gain = samples.ratio("CSafeLoader", "ours")
    report.add(f"ours, against `yaml.CSafeLoader`, {how}", f"{gain:.2f}x faster", f">= {FASTER}x", is_met=gain >= FASTER)
    rendered = samples.ratio("CSafeLoader", "ours, as a render does")
    how_rendered = f"{rendered:.2f}x faster"
    report.add(
        f"ours as a render does it, against `yaml.CSafeLoader`, {how}", how_rendered, f">= {FASTER}x", is_met=rendered >= FASTER
    )
    report.add(f"resources, against `yaml.CSafeLoader`, {how}", f"{samples.ratio('CSafeLoader', 'resources'):.2f}x faster")
    slower = times([samples.ratio("ours, json", "json"), samples.ratio("ours", "json")])
    report.add(f"ours for JSON and for YAML, against `json.loads`, {how}", f"{slower} its time")


def _render(files: Iterable[bytes]) -> list[Any]:
    with paused_collector():
        return _each(load, files)


def _each(decode: Callable[[bytes], Any], files: Iterable[bytes]) -> list[Any]:
    return [decode(data) for data in files]


def _resources(data: bytes) -> Any:
    return decode_file(data, Origin(path="site.yaml"), b"salt")


def _libyaml(data: bytes) -> list[Any]:
    return list(yaml.load_all(data, Loader=yaml.CSafeLoader))


def _equal(files: list[bytes]) -> int:
    return sum([d.value for d in load(data).documents] == _libyaml(data) for data in files)

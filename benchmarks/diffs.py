"""What differs between two objects, beside jsonpatch."""

from __future__ import annotations

import functools
from typing import Any, Final

import jsonpatch

from benchmarks import workloads
from benchmarks.measuring import Report, Scale, in_turns, times
from gitops_core.model.values import freeze, thaw
from gitops_core.planning.diff import Comparison, compare, json_patch

_HOW: Final = Comparison()
_MOST: Final = 1_000  # pairs: jsonpatch takes a millisecond for one


def run(scale: Scale) -> Report:
    """Compare pairs of Deployments that are equal, that differ in one field, and that differ in twelve."""
    count = min(scale.documents, _MOST)
    pairs = {
        "equal": [(workloads.body(i), workloads.body(i)) for i in range(count)],
        "one field differs": [(workloads.body(i), _scaled(i)) for i in range(count)],
        "twelve fields differ": [(workloads.body(i), workloads.body(i, "green")) for i in range(count)],
    }
    report = Report(f"Differences of {count:,} pairs of Deployments, against jsonpatch.make_patch")
    for name, bodies in pairs.items():
        frozen = [(freeze(before), freeze(after)) for before, after in bodies]
        cases = {
            "ours": functools.partial(_each, lambda before, after: compare(after, before, _HOW), frozen),
            "our patch": functools.partial(_each, json_patch, frozen),
            "jsonpatch": functools.partial(_each, lambda b, a: jsonpatch.make_patch(b, a).patch, bodies),
        }
        samples = in_turns(cases, scale.repetitions)
        found = {case: cases[case]() for case in cases}
        if any(bool(ours) != bool(theirs) for ours, theirs in zip(found["ours"], found["jsonpatch"], strict=True)):
            raise RuntimeError("we and jsonpatch do not agree on what is equal")
        gain = times([samples.ratio("jsonpatch", "ours")])
        patch = times([samples.ratio("our patch", "jsonpatch")])
        report.add(name, f"{gain} faster; the JSON Patch for machines takes {patch} the time of jsonpatch's")
        for case in ("ours", "jsonpatch"):
            report.counts[f"{name}: {case}"] = sum(map(len, found[case]))
    report.notes.append(
        "Ours gives masked text, JSON pointers and names for list items, for the declared fields only; jsonpatch gives operations "
        "on everything."
    )
    return report


def _each(work: Any, pairs: list[tuple[Any, Any]]) -> list[Any]:
    return [work(before, after) for before, after in pairs]


def _scaled(number: int) -> Any:
    body = thaw(workloads.body(number))
    body["spec"]["replicas"] = 3
    return body

"""Controllers converge whatever happens to them, and a simulation finds the bugs that are planted in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gitops_core.controller.desk import Desk
from gitops_core.controller.signals import PassSignal
from gitops_core.controller.workqueue import WorkQueue
from gitops_core.testing.simulation.__main__ import main
from gitops_core.testing.simulation.controllers import ControllerSimulation

Patch = pytest.MonkeyPatch


def _no_standing(patch: Patch) -> None:
    patch.setattr(PassSignal, "is_set", lambda self: self._event.is_set())


def _no_term(patch: Patch) -> None:
    patch.setattr("gitops_core.state.memory.check_term", lambda *_: None)


def _lost_wake_up(patch: Patch) -> None:
    patch.setattr(Desk, "roster_changed", lambda *_: None)


def _no_dedupe(patch: Patch) -> None:
    add = WorkQueue.add

    def careless(self: WorkQueue, key: str, *args: Any) -> None:
        self._in_hand.discard(key)
        add(self, key, *args)

    patch.setattr(WorkQueue, "add", careless)


def _backoff(wait: Callable[[int], float]) -> Callable[[Patch], None]:
    def plant(patch: Patch) -> None:
        for module in ("outlook", "references"):
            patch.setattr(f"gitops_core.controller.{module}.backoff", lambda failures, *_: wait(failures))

    return plant


BUGS: dict[str, tuple[Callable[[Patch], None], str]] = {
    "writes after its standing": (_no_standing, "standing is over"),
    "writes in an old generation": (_no_term, "after somebody of generation"),
    "does not hear of another roster": (_lost_wake_up, "has not converged"),
    "works twice at once": (_no_dedupe, "two workers of"),
    "gives up after two failures": (_backoff(lambda failures: 1.0 if failures < 3 else 1e9), "has not converged"),
    "tries again without a pause": (_backoff(lambda _failures: 0.02), "times within a minute"),
}


@pytest.mark.parametrize("seed", range(16))
def test_promises_7_9_and_11_hold_whatever_happens_to_controllers(seed: int) -> None:
    ControllerSimulation(seed).run()


@pytest.mark.deep
@pytest.mark.parametrize("first", range(1000, 1200, 20))
def test_promises_7_9_and_11_hold_for_two_hundred_seeds(first: int) -> None:
    for seed in range(first, first + 20):
        ControllerSimulation(seed).run()


@pytest.mark.slow
@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_found_by_one_of_two_hundred_seeds(name: str, monkeypatch: Patch) -> None:
    plant, sentence = BUGS[name]
    plant(monkeypatch)
    assert any(sentence in _told(seed) for seed in range(200))


def _told(seed: int) -> str:
    try:
        ControllerSimulation(seed).run()
    except AssertionError as error:
        return str(error)
    return ""


def test_a_seed_replays_exactly() -> None:
    runs = [ControllerSimulation(5), ControllerSimulation(5), ControllerSimulation(6)]
    for run in runs:
        run.run()
    once, again, other = (list(run.scheduler.steps) for run in runs)
    assert once == again
    assert once != other


def test_a_failing_seed_says_what_happened_and_how_to_see_it_again(monkeypatch: Patch, capsys: Any) -> None:
    assert main(["--seed", "2", "--seeds", "2"]) == 0
    assert capsys.readouterr().out == "2 seeds from 2: 0 failed\n"
    _lost_wake_up(monkeypatch)
    assert main(["--seed", "2"]) == 1
    told = capsys.readouterr().out
    assert "member0 joins" in told
    assert "python -m gitops_core.testing.simulation --seed 2" in told


def test_an_application_may_depend_on_one_that_another_member_works_on() -> None:
    ControllerSimulation(14, strict=True).run()

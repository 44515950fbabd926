"""Real threads: a plug-in that does not come back is reported, replaced and let in again; stopping waits for what is in hand."""

from __future__ import annotations

import threading

import pytest

from gitops_core.controller.controller import Controller
from gitops_core.controller.limits import ControllerLimits
from gitops_core.controller.status import Phase
from gitops_core.engine.runtime import Runtime
from gitops_core.errors import ConfigError
from gitops_core.model.applications import Options
from gitops_core.state.memory import MemoryStore
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.clock import VirtualClock
from gitops_core.testing.platforms import Platform
from gitops_core.testing.worlds import config

PATIENCE = 20.0  # seconds; only a broken controller needs them


class Stuck(MemoryTarget):
    """Does not come back from a look before it is let go."""

    def __init__(self, name="stuck"):
        super().__init__(name)
        self.entered, self.let_go = threading.Event(), threading.Event()

    def etag(self, ctx):
        self.entered.set()
        assert self.let_go.wait(PATIENCE)
        return super().etag(ctx)


class Patient(VirtualClock):
    """Virtual time that goes by while somebody really waits a moment for the others."""

    def wait(self, signal, seconds):
        signal.wait(0.002)
        return super().wait(signal, min(seconds, 5.0))


@pytest.mark.slow
def test_a_worker_that_does_not_come_back_is_reported_and_replaced_and_its_application_let_in_again() -> None:
    platform, clock = Platform(), Patient()
    short = Options(deadline=10.0, interval=5.0)
    stuck = platform.made("stuck", config("s"), target=Stuck(), options=short)
    well = platform.made("well", config("w"), options=short)
    limits = ControllerLimits(workers=1, replacements=1, grace=5.0, jitter=0.0)
    controller = Controller([stuck, well], store=MemoryStore(), runtime=Runtime(clock=clock), limits=limits)
    ended = threading.Event()
    seen = []

    def until(status):
        apps = status.applications
        if apps[stuck.id].phase is Phase.QUARANTINED and apps[well.id].phase is Phase.SYNCED and not seen:
            seen.append(status)
            stuck.target.let_go.set()
        return bool(seen) and apps[stuck.id].phase is Phase.SYNCED

    runner = threading.Thread(target=lambda: (controller.run(until=until), ended.set()), daemon=True)
    runner.start()
    assert ended.wait(PATIENCE)
    [worker] = seen[0].stuck
    assert worker.work == stuck.id
    assert worker.seconds > 15.0
    assert controller.status().stuck == ()


def test_a_controller_that_was_not_started_has_ended() -> None:
    platform = Platform()
    assert Controller([platform.made("a", config("a"))], store=MemoryStore()).stop() is True


def test_stop_from_another_thread_waits_for_run_to_end() -> None:
    platform = Platform()
    app = platform.made("a", config("a"))
    controller = Controller([app], store=MemoryStore())
    synced = threading.Event()

    def until(status):
        if status.applications[app.id].phase is Phase.SYNCED:
            synced.set()
        return False

    runner = threading.Thread(target=lambda: controller.run(until=until), daemon=True)
    runner.start()
    assert synced.wait(PATIENCE)
    assert controller.stop(PATIENCE) is True
    assert controller.status().running is False


def test_started_it_works_in_a_thread_of_its_own_and_cannot_run_in_another_one() -> None:
    platform = Platform()
    app = platform.made("a", config("a"))
    controller = Controller([app], store=MemoryStore())
    with controller.start():
        assert controller.start() is controller
        with pytest.raises(ConfigError, match="runs already"):
            controller.run()
    assert controller.status().running is False

"""A newer revision that comes while a pass is under way: it ends the pass when the files differ, and only then."""

from __future__ import annotations

import pytest

from gitops_core.controller.controller import Controller
from gitops_core.controller.limits import ControllerLimits
from gitops_core.controller.status import ApplicationStatus
from gitops_core.engine.sinks import ListSink
from gitops_core.model.applications import Options
from gitops_core.state.memory import MemoryStore
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.platforms import Platform
from gitops_core.testing.scheduling import Scheduler
from gitops_core.testing.worlds import config


class Pausing(MemoryTarget):
    """Lets somebody push during its first create, and gives everybody five seconds for what follows from it."""

    def __init__(self, push):
        super().__init__("pausing")
        self.push = push
        self.was_stopped = False

    def create(self, ctx, change):
        live = super().create(ctx, change)
        if self.calls["create"] == 1:
            self.push()
            self.was_stopped = ctx.clock.wait(ctx.cancel, 5.0)
        return live


class Pushed:
    """One application under a controller on a scheduler, and a push to one folder while its first pass is under way."""

    def __init__(self, seed: int, folder: str) -> None:
        scheduler, platform, self.sink = Scheduler(seed), Platform(), ListSink()
        app = platform.made(
            "shop", config("a", version="1"), config("b", version="1"), options=Options(interval=100_000.0, workers=1),
            target=Pausing(lambda: self._push(platform, folder)),
        )  # fmt: skip
        self.target, self.newest = app.target, ""
        self.controller = Controller(
            [app], store=MemoryStore(), runtime=scheduler.runtime(sinks=(self.sink,)), executor=scheduler.executor,
            limits=ControllerLimits(workers=2, poll=1000.0, jitter=0.0),
        )  # fmt: skip
        ended = scheduler.spawn("controller", self._work, app)
        scheduler.run()
        self.status: ApplicationStatus = ended.result()

    def _push(self, platform, folder):
        self.newest = platform.repository.declare(folder, config("a", version="2"), config("b", version="2")).id
        self.controller.notify(["monorepo"])

    def _work(self, app):
        def until(status):
            if status.applications[app.id].converged == self.newest != "":
                self.controller.stop()
            return False

        self.controller.run(until=until)
        return self.controller.application(app)

    @property
    def passes(self):
        return [event.data["status"] for event in self.sink.events if event.type == "pass-finished"]

    @property
    def versions(self):
        return {key.name: body["data"]["version"] for key, body in self.target.objects.items()}


@pytest.mark.parametrize("seed", range(5))
def test_a_newer_revision_with_other_files_ends_the_pass_after_the_change_in_hand(seed: int) -> None:
    world = Pushed(seed, "shop")
    assert world.target.was_stopped
    assert world.versions == {"a": "2", "b": "2"}
    assert world.target.calls["create"] == 2
    assert world.target.calls["update"] == 1  # the second object was never written as the old revision has it
    assert len(world.passes) == 2
    assert (world.status.phase, world.status.failures, world.status.last_error) == ("synced", 0, None)


@pytest.mark.parametrize("seed", range(5))
def test_a_newer_revision_with_the_same_files_lets_the_pass_come_to_its_end(seed: int) -> None:
    world = Pushed(seed, "another")
    assert not world.target.was_stopped
    assert world.versions == {"a": "1", "b": "1"}
    assert (world.target.calls["create"], world.target.calls["update"]) == (2, 0)
    assert world.passes == ["changed"]
    assert (world.status.phase, world.status.failures, world.status.is_current) == ("synced", 0, True)

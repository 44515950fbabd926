"""
The machine: Hypothesis invents stories, and :class:`~gitops_core.testing.machine.scenario.Scenario` judges them.

Needs Hypothesis: ``pip install hypothesis``.
"""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gitops_core.interfaces import StateStore, Target
from gitops_core.model.applications import Options
from gitops_core.testing.machine.objects import BAD
from gitops_core.testing.machine.scenario import OPTIONS, Scenario

NAMES: Final = ("a", "b", "c", "d", "pw-x", "ns-n")
PLAIN: Final = NAMES[:4]
APPS: Final = st.sampled_from(["one", "two"])
COLORS: Final = st.sampled_from(["red", "green", "blue"])
DISTURBANCES: Final = ("crash before", "crash after", "lose reply", "second engine", "stop", "push")
_MANY: Final = 12


class ReconcilerMachine(RuleBasedStateMachine):
    """
    Stories about any target and any store; the twelve promises hold after every step, and everything converges in the end.

    A failure is shrunk, and its notes hold a plain test that repeats it without Hypothesis. Subclass it to try a target or a
    store of your own, then take its ``TestCase``::

        class MyMachine(ReconcilerMachine):
            def make_target(self):
                return MyTarget(FakeApi())

        TestMyTarget = MyMachine.TestCase

    The target must take ConfigMaps, Namespaces and Secrets with text fields (see
    :class:`~gitops_core.testing.machine.scenario.Scenario`), and be empty when it is made.

    Cost: some 50 ms a story of 30 steps with everything in memory.
    """

    options: Options = OPTIONS
    """How the applications are reconciled."""

    def __init__(self) -> None:
        super().__init__()
        self.scenario = Scenario(self.make_target(), self.make_store(), self.options)

    def make_target(self) -> Target | None:
        """Return the target to try, without objects; None for a :class:`MemoryTarget`."""
        return None

    def make_store(self) -> StateStore | None:
        """Return the store to try, empty; None for a :class:`MemoryStore`."""
        return None

    @invariant()
    def every_promise_is_kept(self) -> None:
        """See :meth:`Scenario.check`."""
        self.scenario.check()

    def teardown(self) -> None:
        """Let the story come to its end, if it has not failed already."""
        if not self.scenario.is_broken:
            self.scenario.settle()
            self.scenario.check()

    # -- Git ----------------------------------------------------------------------------------------------------------------
    @rule(name=st.sampled_from(NAMES), app=APPS, color=COLORS, extra=st.sampled_from(["", "note", "protect", "zone 1", "zone 2", "zone bad"]))
    def declare(self, name: str, app: str, color: str, extra: str) -> None:
        """Declare something, or another form of it."""
        self.scenario.declare(name, **_app(app), color=color, **_extra(extra))

    @rule(name=st.sampled_from(PLAIN[1:]), of=st.sampled_from(PLAIN), color=COLORS)
    def declare_dependent(self, name: str, of: str, color: str) -> None:
        """Declare something that needs another thing, which is declared, too."""
        if of < name:
            if not self.scenario.declares(of):
                self.scenario.declare(of, color=color)
            self.scenario.declare(name, color=color, needs=of)

    @rule()
    def declare_many(self) -> None:
        """Declare a dozen at once."""
        self.scenario.declare_many(_MANY)

    @rule(names=st.lists(st.sampled_from([*NAMES, "m0", "m1", "m2", "m3"]), min_size=1, max_size=5, unique=True), app=APPS)
    def undeclare(self, names: list[str], app: str) -> None:
        """Declare some of it no longer."""
        names = [name for name in names if self.scenario.declares(name, app)]
        if names:
            self.scenario.undeclare(*names, **_app(app))

    @rule(name=st.sampled_from(NAMES), app=APPS)
    def move(self, name: str, app: str) -> None:
        """Move a declaration to the other application."""
        to = "one" if app == "two" else "two"
        if self.scenario.declares(name, app) and not self.scenario.declares(name, to):
            self.scenario.move(name, app, to)

    @rule(name=st.sampled_from(PLAIN), to=st.sampled_from(PLAIN))
    def rename(self, name: str, to: str) -> None:
        """Give an object another name."""
        s = self.scenario
        if s.declares(name) and not s.declares(to) and not s.spec(name).get("needs"):
            s.rename(name, to)

    @rule(name=st.sampled_from(PLAIN))
    def half(self, name: str) -> None:
        """Break the file of one declaration."""
        if self.scenario.declares(name):
            self.scenario.half(name)

    # -- somebody else ------------------------------------------------------------------------------------------------------
    @rule(name=st.sampled_from(NAMES[:5]), color=COLORS, unseen=st.booleans())
    def edit(self, name: str, color: str, *, unseen: bool) -> None:
        """Edit a live object by hand."""
        if self.scenario.is_live(name):
            field = "password" if name.startswith("pw") else "color"
            self.scenario.edit(name, **({"unseen": True} if unseen else {}), **{field: color})

    @rule(name=st.sampled_from(NAMES))
    def remove(self, name: str) -> None:
        """Delete a live object by hand."""
        if self.scenario.is_live(name):
            self.scenario.remove(name)

    @rule(name=st.sampled_from(PLAIN), color=COLORS)
    def put(self, name: str, color: str) -> None:
        """Make an object by hand."""
        if not self.scenario.is_live(name):
            self.scenario.put(name, color=color)

    @rule(name=st.sampled_from(PLAIN))
    def recreate(self, name: str) -> None:
        """Delete an object by hand and make another one of the same name."""
        if self.scenario.is_live(name):
            self.scenario.remove(name)
            self.scenario.put(name)

    @rule(name=st.sampled_from(PLAIN))
    def take_over(self, name: str) -> None:
        """Let somebody else take an object over."""
        self.scenario.take_over(name)

    # -- faults -------------------------------------------------------------------------------------------------------------
    @rule(name=st.sampled_from(NAMES[:5]), what=st.sampled_from(["deny", "ignore", "blind"]))
    def trouble(self, name: str, what: str) -> None:
        """Let the API refuse, forget or hide an object."""
        getattr(self.scenario, what)(name)

    @rule(name=st.sampled_from(NAMES[:5]), times=st.integers(1, 6))
    def fail(self, name: str, times: int) -> None:
        """Let writes fail for some time."""
        self.scenario.fail(name, times)

    @rule(what=st.sampled_from(["blind", "refuse_lists", "throttle", "slow"]))
    def outage(self, what: str) -> None:
        """Let the whole API be in trouble."""
        arguments: dict[str, tuple[float, ...]] = {"throttle": (40.0,), "slow": (20.0,)}
        getattr(self.scenario, what)(*arguments.get(what, ()))

    @rule()
    def heal(self) -> None:
        """End every fault."""
        self.scenario.heal()

    # -- the host -----------------------------------------------------------------------------------------------------------
    @rule(rules=st.sampled_from(["delete_limit", "touched_limit", "empty", "replace", "protected", "kind"]))
    def approve(self, rules: str) -> None:
        """Permit something for five minutes."""
        self.scenario.approve(rules)

    @rule(seconds=st.sampled_from([61.0, 301.0, 601.0]))
    def let_pass(self, seconds: float) -> None:
        """Let time go by: a hand-over, an approval or a memo runs out."""
        self.scenario.let_pass(seconds)

    @rule()
    def restart(self) -> None:
        """Start the engine anew."""
        self.scenario.restart()

    @rule(app=APPS)
    def plan(self, app: str) -> None:
        """Make a plan."""
        self.scenario.plan(**_app(app))

    @rule()
    def reconcile(self) -> None:
        """Run a pass of the first application."""
        self.scenario.reconcile()

    @rule()
    def reconcile_the_other(self) -> None:
        """Run a pass of the second one."""
        self.scenario.reconcile("two")

    @rule(app=APPS, at=st.integers(1, 12), what=st.sampled_from(DISTURBANCES))
    def reconcile_disturbed(self, app: str, at: int, what: str) -> None:
        """Run a pass that is cut, stopped, overtaken, or not alone."""
        self.scenario.reconcile(app, at=at, what=what)

    @precondition(lambda self: self.scenario.lines and not self.scenario.lines[-1].startswith("s.settle"))
    @rule()
    def settle(self) -> None:
        """Let everything come to rest."""
        self.scenario.settle()


def _app(app: str) -> dict[str, Any]:
    return {} if app == "one" else {"app": app}


def _extra(extra: str) -> dict[str, Any]:
    what, _, value = extra.partition(" ")
    if what == "zone":
        return {"zone": BAD if value == "bad" else value}
    return {what: True if what == "protect" else "x"} if what else {}

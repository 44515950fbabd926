"""
The machine: Hypothesis invents stories, and :class:`~gitops_core.testing.machine.scenario.Scenario` judges them.

Needs Hypothesis: ``pip install hypothesis``.
"""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gitops_core.interfaces import StateStore, Target
from gitops_core.model.applications import Options
from gitops_core.testing.machine.objects import BAD
from gitops_core.testing.machine.openings import OPENINGS, Opening
from gitops_core.testing.machine.scenario import OPTIONS, Scenario

NAMES: Final = ("a", "b", "c", "pw-x", "ns-n")
PLAIN: Final = NAMES[:3]
THEN: Final = st.sampled_from(["", "", "reconcile"])
APPS: Final = st.sampled_from(["one", "one", "two"])
COLORS: Final = st.sampled_from(["red", "green"])
EXTRAS: Final = ("", "", "note", "protect", "zone 1", "zone 2", "zone bad")
REORGANISE: Final = ("move", "move back", "rename", "half", "needs", "many")
MEDDLE: Final = ("edit", "edit unseen", "remove", "make anew", "put", "take over", "edit many")
FAULTS: Final = ("deny", "forbid", "ignore", "blind", "fail 1", "fail 4", "fail 6", "refuse_lists", "throttle 40", "slow 20")
HOST: Final = (
    "approve delete_limit", "approve touched_limit", "approve empty", "approve replace", "approve protected", "approve kind",
    "wait 61", "wait 301", "wait 601", "restart", "plan",
)  # fmt: skip
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
    openings: tuple[Opening, ...] = tuple(OPENINGS.values())
    """What a story may begin with; fewer of them find faults of one kind sooner."""

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

    @initialize(start=st.integers(0, 255))
    def begin(self, start: int) -> None:
        """Begin with nothing, or with a situation in which engines go wrong."""
        which = start % (len(self.openings) + 1)
        if which:
            self.openings[which - 1](self.scenario)

    # -- Git ----------------------------------------------------------------------------------------------------------------
    @rule(name=st.sampled_from(NAMES), app=APPS, color=COLORS, extra=st.sampled_from(EXTRAS), then=THEN)
    def declare(self, name: str, app: str, color: str, extra: str, then: str) -> None:
        """Declare something, or another form of it."""
        self.scenario.declare(name, **_app(app), color=color, **_extra(extra))
        self._then(then, app)

    @rule(count=st.integers(1, 6), first=st.integers(0, 9), app=APPS, then=THEN)
    def undeclare(self, count: int, first: int, app: str, then: str) -> None:
        """Declare some of it no longer."""
        names = self.scenario.names(app)
        chosen = (names[first % len(names) :] + names)[: min(count, len(names))] if names else []
        if chosen:
            self.scenario.undeclare(*chosen, **_app(app))
            self._then(then, app)

    def _then(self, then: str, app: str) -> None:
        if then:
            self.reconcile(app)

    @rule(what=st.sampled_from(REORGANISE), name=st.sampled_from(PLAIN), to=st.sampled_from(PLAIN), color=COLORS)
    def reorganise(self, what: str, name: str, to: str, color: str) -> None:
        """Move, rename, break, make dependent, or declare a dozen at once."""
        s = self.scenario
        if what == "many":
            s.declare_many(_MANY)
        elif what == "needs" and to < name:
            s.declare(to, color=color)
            s.declare(name, color=color, needs=to)
        elif what == "half" and s.declares(name):
            s.half(name)
        elif what == "move" and s.declares(name) and not s.declares(name, "two"):
            s.move(name)
        elif what == "move back" and s.declares(name, "two") and not s.declares(name):
            s.move(name, "two", "one")
        elif what == "rename" and s.declares(name) and not s.declares(to) and not s.spec(name).get("needs"):
            s.rename(name, to)

    # -- somebody else ------------------------------------------------------------------------------------------------------
    @rule(what=st.sampled_from(MEDDLE), name=st.sampled_from(NAMES), color=COLORS)
    def meddle(self, what: str, name: str, color: str) -> None:
        """Edit, delete, make, make anew or take over a live object by hand."""
        s = self.scenario
        if what == "take over":
            s.take_over(name)
        elif what == "edit many" and s.is_live("m0"):
            for i in range(_MANY - 3):
                if s.is_live(f"m{i}"):
                    s.edit(f"m{i}", color=color)
        elif what == "put" and not s.is_live(name):
            s.put(name, color=color)
        elif s.is_live(name):
            self._meddle_with(name, what, {"password" if name.startswith("pw") else "color": color})

    def _meddle_with(self, name: str, what: str, fields: dict[str, Any]) -> None:
        if what == "edit":
            self.scenario.edit(name, **fields)
        elif what == "edit unseen":
            self.scenario.edit(name, unseen=True, **fields)
        elif what in ("remove", "make anew"):
            self.scenario.remove(name)
            if what == "make anew":
                self.scenario.put(name)

    # -- the host -----------------------------------------------------------------------------------------------------------
    @rule(what=st.sampled_from(HOST), app=APPS)
    def host(self, what: str, app: str) -> None:
        """Approve something, let time go by, start the engine anew, or make a plan."""
        word, _, value = what.partition(" ")
        match word:
            case "approve":
                self.scenario.approve(value)
            case "wait":
                self.scenario.let_pass(float(value))
            case "restart":
                self.scenario.restart()
            case _:
                self.scenario.plan(**_app(app))

    # -- passes -------------------------------------------------------------------------------------------------------------
    @rule(app=APPS)
    def reconcile(self, app: str) -> None:
        """Run a pass."""
        self.scenario.reconcile(*([] if app == "one" else [app]))

    @rule(app=APPS, at=st.integers(1, 9), what=st.sampled_from(DISTURBANCES))
    def reconcile_disturbed(self, app: str, at: int, what: str) -> None:
        """Run a pass that is cut, stopped, overtaken, or not alone."""
        self.scenario.reconcile(*([] if app == "one" else [app]), at=at, what=what)

    @rule(faults=st.lists(st.tuples(st.sampled_from(FAULTS), st.integers(0, 5)), min_size=1, max_size=3), app=APPS)
    def reconcile_in_trouble(self, faults: list[tuple[str, int]], app: str) -> None:
        """Run a pass while the API is in trouble, most of all with what is about to change."""
        names = self.scenario.unsettled(app) or NAMES
        for what, which in faults:
            self._trouble(what, names[which % len(names)])
        self.reconcile(app)
        self.scenario.heal()

    def _trouble(self, what: str, name: str) -> None:
        word, _, number = what.partition(" ")
        if word in ("deny", "ignore", "blind"):
            getattr(self.scenario, word)(name)
        elif word == "forbid":
            self.scenario.deny(name, by="policy")
        elif word == "fail":
            self.scenario.fail(name, int(number))
        elif number:
            getattr(self.scenario, word)(float(number))
        else:
            self.scenario.refuse_lists()


def _app(app: str) -> dict[str, Any]:
    return {} if app == "one" else {"app": app}


def _extra(extra: str) -> dict[str, Any]:
    what, _, value = extra.partition(" ")
    if what == "zone":
        return {"zone": BAD if value == "bad" else value}
    return {what: True if what == "protect" else "x"} if what else {}

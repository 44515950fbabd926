"""A story about two applications that share one target: every step is a line of a plain test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from gitops_core.errors import GitOpsError
from gitops_core.interfaces import StateStore, Target, capabilities
from gitops_core.model.applications import Options
from gitops_core.model.fields import Fields
from gitops_core.model.guards import Approval
from gitops_core.model.inventory import EntryState
from gitops_core.model.plans import Action
from gitops_core.model.resources import ResourceKey
from gitops_core.policies.function import FunctionPolicy
from gitops_core.sources.memory import MemorySource
from gitops_core.state.memory import MemoryStore
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.machine.api import Api
from gitops_core.testing.machine.engines import HALF, MOMENT, Engine, PatientClock, SpottyRenderer
from gitops_core.testing.machine.facts import PassFacts, PromiseBroken
from gitops_core.testing.machine.objects import BAD, CANARY, STRANGER, body_for, key_for
from gitops_core.testing.machine.promises import PROMISES, backoffs, waits_have_jitter
from gitops_core.testing.machine.steps import app_id, file_of, json_of, step
from gitops_core.testing.machine.truth import Truth, lacks
from gitops_core.testing.machine.wires import Crash, Line, WiredStore, wired
from gitops_core.testing.worlds import World

OPTIONS: Final = Options(allow_partial_render=True, memo_age=600.0, lock_timeout=0.0, deadline=120.0)
"""How the applications of a scenario are reconciled unless told otherwise."""
_ROUNDS: Final = 10
_FOR_EVER: Final = 1e9


class Scenario:
    """
    Two applications, ``one`` and ``two``, of one target and one store, and everybody who can get in their way.

    What is asserted is in :meth:`check`: the promises of the library, judged by an onlooker who keeps his own books.
    Nothing sleeps; equal steps give equal stories.

    Example::

        s = Scenario()
        s.declare("a", color="red")
        s.reconcile()
        s.undeclare("a")
        s.reconcile(at=4, what="crash before")
        s.reconcile()
        s.check()

    Objects are called by name; ``ns-...`` is a Namespace, ``pw-...`` a Secret, all others are ConfigMaps. A declaration has
    ``color``, and may have ``zone`` (``"bad"`` is refused by the API; a MemoryTarget made here cannot change it in place), ``note``,
    ``needs`` (another name) and ``protect``.

    Args:
        target: What is reconciled to; a :class:`MemoryTarget` with an immutable ``/data/zone`` by default.
        store: Where state is kept; a :class:`MemoryStore` by default.
        options: Of both applications.

    Attributes:
        lines: The steps so far, as Python.
        inside: How many steps are under way, one inside of another.
    """

    def __init__(self, target: Target | None = None, store: StateStore | None = None, options: Options = OPTIONS) -> None:
        self.lines: list[str] = []
        self._options = options
        self._clock = PatientClock()
        self._api = Api(target or MemoryTarget("world", fields=Fields(immutable={"/data/zone"})), self._clock)
        self._store = store or MemoryStore(salt=b"a scenario's salt")
        self._sources = {app_id(app): MemorySource({}) for app in ("one", "two")}
        self._truth = Truth(tuple(self._sources))
        self._unrendered: dict[str, set[ResourceKey]] = {app: set() for app in self._sources}
        self._approvals: list[Approval] = []
        self._names: dict[str, None] = {}
        self._waits: list[tuple[float, float]] = []
        self._broken: list[PromiseBroken] = []
        self.inside = 0
        self._engines = 0
        self._engine = self._new_engine()

    # -- what people do in Git ----------------------------------------------------------------------------------------------
    @step
    def declare(self, name: str, app: str = "one", **spec: Any) -> None:
        """Declare *name* in *app*, or another thing of it: ``declare("a", color="red", note="x")``."""
        self._names[name] = None
        key, body = key_for(name), body_for(name, {"color": "red", **spec})
        self._unrendered[app_id(app)].discard(key)
        self._truth.declare(app_id(app), key, {"color": "red", **spec})
        self._sources[app_id(app)].commit({file_of(name): json_of(body)}, author="Ada", message=f"Declare {name}")

    @step
    def declare_many(self, count: int, app: str = "one") -> None:
        """Declare ``m0``, ``m1`` ... in one commit."""
        for i in range(count):
            self._names[f"m{i}"] = None
            self._truth.declare(app_id(app), key_for(f"m{i}"), {"color": "red"})
            self._unrendered[app_id(app)].discard(key_for(f"m{i}"))
        self._sources[app_id(app)].commit({file_of(f"m{i}"): json_of(body_for(f"m{i}", {"color": "red"})) for i in range(count)})

    @step
    def undeclare(self, *names: str, app: str = "one") -> None:
        """Declare *names* no longer; what is not declared is passed over."""
        there = [name for name in names if self.declares(name, app)]
        for name in there:
            self._truth.undeclare(app_id(app), key_for(name))
            self._unrendered[app_id(app)].discard(key_for(name))
        if there:
            self._sources[app_id(app)].commit({file_of(name): None for name in there}, author="Ben", message="Undeclare")

    @step
    def move(self, name: str, app: str = "one", to: str = "two") -> None:
        """Move the declaration of *name* from *app* to another application."""
        spec = self.spec(name, app)
        self.undeclare(name, app=app)
        self.declare(name, app=to, **{k: v for k, v in spec.items() if k != "needs"})

    @step
    def rename(self, name: str, to: str, app: str = "one") -> None:
        """Give the object that is declared as *name* another name, in one commit."""
        spec = self.spec(name, app)
        self.declare(to, app=app, **spec)
        self.undeclare(name, app=app)

    @step
    def half(self, name: str, app: str = "one") -> None:
        """Leave half a document in the file of *name*, so that the render is not complete; declaring it again mends that."""
        self._unrendered[app_id(app)].add(key_for(name))
        self._sources[app_id(app)].commit({file_of(name): HALF})

    def declares(self, name: str, app: str = "one") -> bool:
        """Tell whether *app* declares *name* now."""
        return key_for(name) in self._truth.declared[app_id(app)]

    def names(self, app: str = "one") -> list[str]:
        """Return the names that *app* declares now, sorted."""
        return sorted(key.name for key in self._truth.declared[app_id(app)])

    def unsettled(self, app: str = "one") -> list[str]:
        """Return the names, sorted, whose object is not as *app* declares it, and of what nobody declares."""
        there = self._api.see(map(key_for, self._names))
        declared = self._truth.declared[app_id(app)]
        different = {key.name for key, spec in declared.items() if lacks(there.get(key), key.name, spec)}
        return sorted(different | {key.name for key in there if key not in declared})

    def spec(self, name: str, app: str = "one") -> dict[str, Any]:
        """Return what *app* declares of *name*."""
        return dict(self._truth.declared[app_id(app)][key_for(name)])

    # -- what somebody else does at the target --------------------------------------------------------------------------------
    @step
    def edit(self, name: str, *, unseen: bool = False, **fields: Any) -> None:
        """Change fields of a live object by hand; with *unseen* neither its version nor the target's state token tell."""
        self._api.edit(name, fields, unseen=unseen)
        if unseen:
            self._truth.hidden.setdefault(key_for(name), self._clock.monotonic())

    @step
    def remove(self, name: str) -> None:
        """Delete a live object by hand."""
        self._api.remove(name)
        self._truth.forget(key_for(name))

    @step
    def put(self, name: str, **spec: Any) -> None:
        """Create an object by hand that nobody owns."""
        self._names[name] = None
        self._truth.forget(key_for(name))
        self._api.put(name, {"color": "grey", **spec})
        for key, seen in self._api.see([key_for(name)]).items():
            self._truth.put(key, seen.id)

    @step
    def take_over(self, name: str) -> None:
        """Let somebody else have *name*: what is there is deleted, and made anew with his mark on it."""
        if self.is_live(name):
            self._api.remove(name)
        self._names[name] = None
        self._truth.forget(key_for(name))
        self._api.put(name, {"color": "theirs"}, mark=STRANGER)

    def is_live(self, name: str) -> bool:
        """Tell whether the object is there."""
        return self._api.see_one(key_for(name)) is not None

    # -- faults ---------------------------------------------------------------------------------------------------------------
    @step
    def deny(self, name: str, *, by: str = "api") -> None:
        """Let the API, or a ``policy``, refuse every write of *name*."""
        (self._api.denied if by == "api" else self._api.forbidden).add(name)

    @step
    def fail(self, name: str, times: int) -> None:
        """Let the next *times* writes of *name* fail with an error that may pass."""
        self._api.flaky[name] = times

    @step
    def ignore(self, name: str) -> None:
        """Let the API say yes to every write of *name* and do nothing."""
        self._api.deaf.add(name)

    @step
    def blind(self, name: str = "") -> None:
        """Let nobody look at *name*, or at anything at all."""
        self._api.blind.add(key_for(name) if name else None)

    @step
    def refuse_lists(self) -> None:
        """Let the API refuse to list at all."""
        self._api.no_look = True

    @step
    def throttle(self, seconds: float) -> None:
        """Let the API answer the next write with "too many requests, come back in *seconds*"."""
        self._api.throttle = seconds

    @step
    def slow(self, seconds: float) -> None:
        """Let every call take *seconds*."""
        self._api.slow = seconds

    @step
    def heal(self) -> None:
        """End every fault of the API."""
        self._api.heal()

    # -- what the host does ---------------------------------------------------------------------------------------------------
    @step
    def approve(self, *rules: str, seconds: float = 300.0) -> None:
        """Permit *rules*, for everything and for *seconds*; rule ``kind`` is about Namespaces."""
        until = self._clock.now() + seconds
        for rule in rules:
            kinds = {"Namespace"} if rule == "kind" else set()
            self._approvals.append(Approval(f"approval-{len(self._approvals)}", until, {rule}, kinds))

    @step
    def let_pass(self, seconds: float) -> None:
        """Let time go by."""
        self._clock.advance(seconds)

    @step
    def restart(self) -> None:
        """Start the engine anew: what it kept in memory is gone."""
        self._engine = self._new_engine()

    @step
    def reconcile(self, app: str = "one", *, at: int = 0, what: str = "") -> None:
        """
        Run a pass of *app*.

        Args:
            app: ``one`` or ``two``.
            at: Which of its calls (to the target or of a write to the store, from 1) is disturbed; 0 for none.
            what: ``crash before`` or ``crash after`` the call; ``lose reply`` of it; ``second engine``: another one runs a whole
                pass of the same application inside of it, as if a lease had run out; ``stop``: the host wants to stop; ``push``: a
                new revision arrives.
        """
        facts = self._pass(app_id(app), self._engine, at, what)
        if facts.died:
            self._engine = self._new_engine()

    @step
    def plan(self, app: str = "one") -> None:
        """Make a plan twice, with the target listing in opposite orders: nothing is written, and both are the same, byte by byte."""
        self._check_plan(app_id(app))

    # -- what must be true ------------------------------------------------------------------------------------------------------
    @property
    def is_broken(self) -> bool:
        """Tell whether a promise was broken already."""
        return bool(self._broken)

    def check(self) -> None:
        """
        Do nothing if every promise was kept so far.

        Raises:
            PromiseBroken: The first that was not; its notes hold a plain test that repeats the story.
        """
        if self._broken:
            error = self._broken[0]
            if not getattr(error, "__notes__", ()):
                error.add_note(self.as_test())
            raise error

    def as_test(self) -> str:
        """Return the story so far as the text of a test module."""
        number = self._broken[0].number if self._broken else 0
        name = f"promise_{number:02}" if number else "scenario"
        lines = [f"def test_{name}():", "    s = Scenario()", *(f"    {line}" for line in self.lines), "    s.check()"]
        return "\n".join(["from gitops_core.testing.machine import Scenario", "", "", *lines, ""])

    @step
    def settle(self) -> None:
        """
        End every fault, permit everything but the loss of what is protected, and reconcile until nothing happens any more.

        Then promise 3 holds: everything declared is as declared, nothing that we made and no longer declare is left, and
        there is nothing left to plan.
        """
        self._heal_everything()
        for _ in range(_ROUNDS):
            if sum(self._round(app) for app in self._sources) == 0:
                break
        else:
            self._break(3, "it does not come to rest: every round writes something")
        for app in self._sources:
            self._check_settled(app)
            self._check_plan(app, empty=True)

    def _heal_everything(self) -> None:
        self._api.heal()
        for app, keys in self._unrendered.items():
            for key in sorted(keys):
                self.declare(key.name, app=app.rpartition("/")[2], **self._truth.declared[app][key])
        self.approve("delete_limit", "touched_limit", "empty", "replace", "kind", seconds=_FOR_EVER)
        self._round(*self._sources)
        self._clock.advance(self._options.memo_age + self._options.handover)
        self.restart()

    def _round(self, *apps: str) -> bool:
        """Run a pass of each of *apps*; return whether one of them changed something."""
        passes = [self._pass(app, self._engine) for app in apps]
        return any(c.writes and c.before != c.after for facts in passes for c in facts.calls)

    def _check_settled(self, app: str) -> None:
        there = self._api.see(map(key_for, self._names))
        declared = self._truth.declared[app]
        for key, spec in sorted(declared.items()):
            if not self._cannot_be(app, key) and (missing := lacks(there.get(key), key.name, spec)):
                self._break(3, f"all faults are over, and {key} is {there.get(key)}; it lacks {dict(missing)}")
        for (key, id_), maker in self._truth.made.items():
            needed = any(spec.get("needs") == key.name for spec in declared.values())
            wanted = needed or key in declared or self._truth.others_declaring(app, key) or self._is_held_up(key)
            if maker == app and key in there and there[key].id == id_ and not (wanted or self._is_kept(key) or there[key].mark):
                self._break(3, f"all faults are over, and {key}, which {app} made and nobody declares, is still there")

    def _cannot_be(self, app: str, key: ResourceKey) -> bool:
        """Tell whether there is a reason why *key* cannot be as declared: the API refuses it, others have it, or what it needs is so."""
        spec = self._truth.declared[app].get(key)
        seen = self._api.see_one(key)
        if spec is None:
            return seen is None
        foreign = seen is not None and bool(seen.mark)
        if spec.get("zone") == BAD or foreign or self._truth.others_declaring(app, key):
            return True
        if self._is_kept(key) and seen is not None:
            return True  # what is protected is not replaced either
        return bool(spec.get("needs")) and self._cannot_be(app, key_for(spec["needs"]))

    def _is_held_up(self, key: ResourceKey) -> bool:
        """Tell whether the delete of *key* waits, because something that may be a replacement cannot be."""
        having = [app for app in self._sources if key in self._store.inventory(app).entries]
        return any(self._cannot_be(app, other) for app in having for other in self._truth.declared[app])

    def _is_kept(self, key: ResourceKey) -> bool:
        return any(self._truth.shielded.get((app, key), False) is not False for app in self._sources)

    # -- passes -----------------------------------------------------------------------------------------------------------------
    def _new_engine(self) -> Engine:
        self._engines += 1
        line = Line(self._api, self._truth)
        target, store = wired(self._api.target, line), WiredStore(self._store, line)
        worlds = {
            app: World(
                target=target, store=store, source=source, renderer=SpottyRenderer(), options=self._options,
                name=app.rpartition("/")[2], clock=self._clock, seed=self._engines,
            )
            for app, source in self._sources.items()
        }  # fmt: skip
        return Engine(line, worlds)

    def _pass(self, app: str, engine: Engine, at: int = 0, what: str = "") -> PassFacts:
        self._clock.advance(MOMENT)  # no two passes begin in one instant: the engine orders them by time
        facts = self._facts(app, what)
        self._truth.begin(facts)
        outer, engine.line.facts = engine.line.facts, facts
        world = engine.worlds[app]
        world.approvals = tuple(self._approvals)
        world.policies = (FunctionPolicy(self._api.forbids),) if self._api.forbidden else ()  # a function is asked in every pass
        told = len(world.sink.events)
        if at:
            engine.line.arm(at, self._cut(app, what, facts, world))
        try:
            facts.result = world.reconcile()
        except Crash:
            facts.died = True
        engine.line.disarm()
        engine.line.facts = outer
        world.cancel.clear()
        facts.finished = self._clock.monotonic()
        facts.after = self._api.see(map(key_for, self._names))
        facts.inventories = {name: self._store.inventory(name) for name in self._sources}
        facts.said = self._said(facts, world, told)
        self._judge(facts)
        self._truth.end(facts)
        if facts.ok and not facts.faulty and outer is None and engine is self._engine:
            self._check_plan(app, empty=True)
        return facts

    def _facts(self, app: str, what: str) -> PassFacts:
        unrendered = self._unrendered[app]
        before = self._api.see(map(key_for, self._names))
        entries = self._store.inventory(app).entries.values()
        certain = {thing for known in (self._truth.made, self._truth.holder) for thing, who in known.items() if who == app}
        return PassFacts(
            app=app,
            declared={k: v for k, v in self._truth.declared[app].items() if k not in unrendered},
            head=self._sources[app].resolve(self._api.bench.ctx).id,
            partial=bool(unrendered),
            disturbed=what,
            started=self._clock.monotonic(),
            epoch=self._clock.now(),
            before=before,
            faulty=self._api.faulty,
            slow=self._api.slow,
            previews="preview" in capabilities(self._api.target),
            owned=sum(entry.state is not EntryState.CLAIMED for entry in entries),
            ours=frozenset(certain),
            neighbours=frozenset(name for name in self._sources if name != app and self._store.inventory(name).entries),
            approvals=tuple(self._approvals),
        )

    def _cut(self, app: str, what: str, facts: PassFacts, world: World) -> Callable[[Callable[[], Any], type[Exception]], Any]:
        def cut(run: Callable[[], Any], lost: type[Exception]) -> Any:
            match what:
                case "crash before":
                    raise Crash
                case "crash after":
                    run()
                    raise Crash
                case "lose reply":
                    run()
                    raise lost("the connection broke before the answer came")
                case "second engine":
                    second = self._new_engine()
                    second.line.lapsed = True
                    self._pass(app, second)
                case "stop":
                    facts.cancelled_at = self._clock.monotonic()
                    world.cancel.set()
                case "push":
                    self.declare("pushed", app=app.rpartition("/")[2], color="green")
                case _:
                    raise ValueError(f"a call cannot be disturbed by {what!r}")
            return run()

        return cut

    def _said(self, facts: PassFacts, world: World, told: int) -> str:
        if not any(name.startswith("pw") for name in self._names):
            return ""
        result = facts.result
        said: list[object] = [repr(event) for event in world.sink.events[told:]]
        said += [facts.inventories, self._store.journal(facts.app, limit=20), self._store.history(facts.app, limit=2)]
        if result is not None:
            said += [repr(result), result.text()]
        if result is not None and result.plan is not None:
            said += [result.plan.text(), result.plan.to_json()]
        return "\n".join(map(str, said))

    def _judge(self, facts: PassFacts) -> None:
        for number, promise in PROMISES.items():
            for text in promise(facts, self._truth, self._options):
                self._break(number, text)
        if not facts.disturbed:
            self._waits += backoffs(facts, self._options)
        for text in waits_have_jitter(self._waits):
            self._break(11, text)

    def _break(self, number: int, text: str) -> None:
        self._broken.append(PromiseBroken(number, text))

    def _check_plan(self, app: str, *, empty: bool = False) -> None:
        """Check promises 4 and 12 on a plan that is made now."""
        world = self._engine.worlds[app]
        world.approvals = tuple(self._approvals)
        before = self._api.see(map(key_for, self._names)), {name: self._store.inventory(name) for name in self._sources}
        try:
            first = world.plan()
            self._engine.line.backwards = True
            second = world.plan()
        except GitOpsError as error:  # a source that cannot be rendered: that is the pass's to report
            self._engine.line.backwards = False
            if CANARY in str(error):
                self._break(10, f"a secret value is said: {type(error).__name__}")
            return
        self._engine.line.backwards = False
        if before != (self._api.see(map(key_for, self._names)), {name: self._store.inventory(name) for name in self._sources}):
            self._break(4, "making a plan changed the target or the inventory")
        if first.to_json() != second.to_json():
            self._break(12, "two plans of the same situation differ in the order of the target's list")
        left = [c for c in first.ready if c.key.name not in self._api.faulty and not self._cannot_be(app, c.key)]
        left = [c for c in left if c.action is not Action.DELETE or not self._is_held_up(c.key)]
        if empty and left:
            self._break(4, f"the pass ended well, and the next plan is to {left[0].action.value} {left[0].key}: {left[0].reason}")

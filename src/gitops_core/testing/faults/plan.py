"""The plan: faults and a seed, the wrappers that carry it out, and the record of what it did."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import attrs
from attrs.validators import deep_iterable, ge, instance_of, optional

from gitops_core.interfaces import Clock, Source, StateStore, Target
from gitops_core.testing.fake_api.service import FakeApi
from gitops_core.testing.faults import clients, remotes, sources, stores, targets
from gitops_core.testing.faults.calls import Call
from gitops_core.testing.faults.clients import Wrapping
from gitops_core.testing.faults.kinds import Crashed, Fault
from gitops_core.testing.faults.record import Injected, Record, table

AnyTarget = TypeVar("AnyTarget", bound=Target)
AnySource = TypeVar("AnySource", bound=Source)
AnyStore = TypeVar("AnyStore", bound=StateStore)
T = TypeVar("T")


def _faults(values: Iterable[Fault]) -> tuple[Fault, ...]:
    return tuple(values)


@attrs.frozen(repr=False, str=False)
class FaultPlan:
    """
    What shall go wrong, and when. Equal plans do equal things to equal runs: nothing is drawn but from the seed.

    What a plan wraps stays what it was: the same fields, limits, identity and capabilities, and ``isinstance`` still holds. One
    plan may wrap several things; ``on`` tells them apart by their labels. Safe between threads; with several of them
    ``probability`` and faults with a ``key`` replay exactly, ``at`` and ``times`` count calls in the order in which they come.

    Several faults may strike one call: they act in their order, up to the first that ends it (all but :class:`Delay` do).

    Example::

        plan = FaultPlan([DropReply("create", at=2), Throttle("target.*", probability=0.1, times=5)], seed=7)
        world = World(target=plan.target(MemoryTarget()))
        ...
        print(plan)                                        # a table of what happened

    Attributes:
        faults: In order.
        seed: Of every probability and every corruption.
        limit: Faults injected at most, all together; None for any number.
        clock: The time of what is not handed a context: stores, clients.
    """

    faults: tuple[Fault, ...] = attrs.field(default=(), converter=_faults, validator=deep_iterable(instance_of(Fault)))
    seed: int = attrs.field(default=0, kw_only=True)
    limit: int | None = attrs.field(default=None, validator=optional(ge(0)), kw_only=True)
    clock: Clock | None = attrs.field(default=None, eq=False, kw_only=True)
    _record: Record = attrs.field(init=False, factory=Record, eq=False)

    # -- what can be wrapped ----------------------------------------------------------------------------------------------
    def target(self, target: AnyTarget, label: str = "target") -> AnyTarget:
        """
        Return *target* with the faults in its I/O: ``observe``, ``create``, ``update``, ``delete``, ``poll``, ``preview``,
        ``apply_batch``, ``watch``, ``etag``.

        A fault with a ``key`` makes that object unreadable in ``observe``, and the others are told; in ``apply_batch`` it
        strikes that change only.
        """
        return targets.faulty(target, label, self.through)

    def source(self, source: AnySource, label: str = "source") -> AnySource:
        """Return *source* with the faults in ``resolve``, ``fetch`` and, of the trees it returns, ``list`` and ``read`` (its key is the path)."""
        return sources.faulty(source, label, self.through)

    def store(self, store: AnyStore, label: str = "store") -> AnyStore:
        """Return *store* with the faults in all of its methods; their key is the application, of a memo ``space/key``."""
        return stores.faulty(store, label, self.clock, self.through)

    def api(self, api: FakeApi, label: str = "api") -> FakeApi:
        """Return *api* with the faults in its verbs; their key is the id, of a create the record's name. Somebody else's writes are spared."""
        return clients.faulty_api(api, label, self.through)

    def wrap(self, client: T, wrapping: Wrapping = Wrapping()) -> T:
        """
        Return any object, or function, with the faults in its methods: an HTTP client, a Git remote, a callable.

        Args:
            client: What is wrapped. What it calls on itself is not.
            wrapping: Label, methods, keys, and the errors it raises.
        """
        return clients.faulty(client, wrapping, self.clock, self.through)

    @contextmanager
    def git(self, label: str = "git") -> Iterator[None]:
        """
        Put the faults between Git sources and their remotes: ``list_refs`` and ``send`` (its key is the commit), for every repository
        that is opened inside of the block.
        """
        with remotes.faulty(label, self.through):
            yield

    def through(self, call: Call) -> Any:
        """
        Do *call* with whatever strikes it: what every wrapper is made of.

        Raises:
            Crashed: The process dies, or is dead.
        """
        call, struck = self._record.enter(self.faults, self.seed, call)
        run = call.run
        for fault in reversed(struck):
            run = functools.partial(self._act, fault, call.instead(run))
        return run()

    def _act(self, fault: Fault, call: Call) -> Any:
        if not self._record.inject(fault, call, self.limit):
            return call.run()
        try:
            if call.share is None or fault.strikes_all_of(call):
                return fault.act(call)
            return call.share(fault, call)
        except Crashed:
            self._record.die(call)
            raise

    # -- what happened ----------------------------------------------------------------------------------------------------
    @property
    def injected(self) -> tuple[Injected, ...]:
        """Every fault that was injected, in order."""
        return self._record.injected

    @property
    def calls(self) -> Counter[str]:
        """How many calls of each operation went through: what ``at`` may be."""
        return self._record.calls

    def stop(self) -> None:
        """Inject nothing more; the wrappers only pass on."""
        self._record.stop()

    def restart(self) -> None:
        """Begin the next process after a :class:`Crash`."""
        self._record.restart()

    def again(self, clock: Clock | None = None) -> FaultPlan:
        """
        Return the same plan before it did anything: the way to replay a run.

        Args:
            clock: A fresh one, for a run that depends on the plan's clock.
        """
        return attrs.evolve(self, clock=clock or self.clock)

    def __repr__(self) -> str:
        facts = [f"{list(self.faults)}", f"seed={self.seed}"] + ([] if self.limit is None else [f"limit={self.limit}"])
        return f"FaultPlan({', '.join(facts)})"

    def __str__(self) -> str:
        """Return a table of what happened so far."""
        return table(self.injected) if self.injected else f"{self!r}: nothing was injected"

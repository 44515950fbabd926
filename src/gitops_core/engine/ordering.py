"""Change what is ordered about an application, while nobody works on it."""

from __future__ import annotations

from collections.abc import Callable

from gitops_core.engine.excluding import alone
from gitops_core.engine.passes import begin
from gitops_core.engine.runtime import Runtime
from gitops_core.interfaces import StateStore
from gitops_core.model.applications import Application
from gitops_core.model.inventory import InventoryUpdate
from gitops_core.model.orders import Orders


def give_orders(app: Application, change: Callable[[Orders], Orders], *, store: StateStore, runtime: Runtime) -> Orders:
    """
    Return the orders about *app* after *change*, durable. Cost: one read, and one write when they differ.

    Args:
        app: The application.
        change: From the orders there are to those that shall be. Pure.
        store: Where they are kept.
        runtime: Clock, stop signal, term.

    Raises:
        StateLocked: A pass is still under way after ``options.lock_timeout``. RETRY.
        StaleTerm: Another engine has taken over. WAIT.
        StateError: The store failed.
    """
    with alone(begin(app, store, runtime)):
        inventory = store.inventory(app.id)
        orders = change(inventory.orders)
        if orders != inventory.orders:
            update = InventoryUpdate(orders=orders, term=runtime.term)
            store.update_inventory(app.id, update, serial=inventory.serial)
        return orders

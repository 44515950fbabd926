"""The inventory during a pass: written ahead of every effect, and again after it."""

from __future__ import annotations

from gitops_core.interfaces import StateStore
from gitops_core.model.inventory import Inventory, InventoryUpdate


class Ledger:
    """
    The one writer of an application's inventory during a pass; used by the pass's own thread only.

    Every write names the serial of the one before, so a second engine is found out before it can do harm.
    """

    def __init__(self, store: StateStore, inventory: Inventory) -> None:
        self._store = store
        self.inventory = inventory

    def write(self, update: InventoryUpdate) -> None:
        """
        Make *update* durable.

        Raises:
            StateConflict: Another engine wrote in between. RETRY, in the next pass.
            StateUnavailable: The store cannot be written. RETRY.
        """
        if update:
            name = self.inventory.application
            self.inventory = self._store.update_inventory(name, update, serial=self.inventory.serial)

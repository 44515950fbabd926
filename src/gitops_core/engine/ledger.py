"""The inventory during a pass: written ahead of every effect, and again after it."""

from __future__ import annotations

import attrs

from gitops_core.interfaces import StateStore
from gitops_core.model.inventory import Inventory, InventoryUpdate


class Ledger:
    """
    The one writer of an application's inventory during a pass; used by the pass's own thread only.

    Every write names the serial of the one before, so a second engine is found out before it can do harm.
    """

    def __init__(self, store: StateStore, inventory: Inventory, term: int = 0) -> None:
        self._store = store
        self._term = term
        self.inventory = inventory

    def claim(self) -> None:
        """
        Shut out everybody who works under an earlier term, before anything else is done. Cost: one write for each new term.

        Raises:
            StaleTerm: Our own term is over. WAIT.
            StateError: As for :meth:`write`.
        """
        if self._term and self._term != self.inventory.term:
            self._send(InventoryUpdate(term=self._term))

    def write(self, update: InventoryUpdate) -> None:
        """
        Make *update* durable.

        Raises:
            StateConflict: Another engine wrote in between. RETRY, in the next pass.
            StaleTerm: Another engine has taken over. WAIT.
            StateUnavailable: The store cannot be written. RETRY.
        """
        if update:
            self._send(attrs.evolve(update, term=self._term) if self._term else update)

    def _send(self, update: InventoryUpdate) -> None:
        name = self.inventory.application
        self.inventory = self._store.update_inventory(name, update, serial=self.inventory.serial)

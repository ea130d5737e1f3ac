"""Every way in which an inventory, or what is to be done with one, is not accepted."""

from dataclasses import dataclass

from services.ledger.domain.reconciliation import State


@dataclass
class InventoryUnreadable(Exception):
    """The text cannot be read. ``line``: where, 0 for nowhere in particular."""

    line: int
    reason: str

    def __str__(self) -> str:
        where = f"Line {self.line} {self.reason}" if self.line else self.reason[:1].upper() + self.reason[1:]
        return f"{where}. Nothing was kept of the inventory; correct it and send it again."


@dataclass
class InventoryAbandoned(Exception):
    """So long nothing came of it that another inventory was let in."""

    reconciliation_id: str

    def __str__(self) -> str:
        return "The inventory came so slowly that another one of the cluster was begun. Nothing was kept of it; send it again."


@dataclass
class ReconciliationUnderWay(Exception):
    """A cluster is reconciled with one inventory after the other."""

    reconciliation_id: str
    state: State

    def __str__(self) -> str:
        return f"Reconciliation {self.reconciliation_id} of the cluster is {self.state}. Try again when that is done."


@dataclass
class ReconciliationConflict(Exception):
    """In this state of it that cannot be done."""

    reconciliation_id: str
    state: State
    asked: str

    def __str__(self) -> str:
        needs = "compared" if self.asked == "apply" else "applied"
        return f"The reconciliation is {self.state}; to {self.asked} one it must be {needs}."


@dataclass
class TooManyDifferences(Exception):
    """That is no inventory of this cluster."""

    most: int

    def __str__(self) -> str:
        return f"The ledger differs from the inventory in more than {self.most} devices. Is it the whole inventory of this cluster?"

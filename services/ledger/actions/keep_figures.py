"""The figures that would take long to count when somebody asks: kept by the clock, each with the moment that it is of."""

from services.ledger.store import demand, history
from shared.kit.transaction import Transaction


async def keep_history(tx: Transaction) -> None:
    """The daily balances, from what the journals have that was not read yet."""
    await history.keep(tx)


async def measure_returnable(tx: Transaction, ghost_days: int) -> None:
    """What devices that nobody sees, or that are priced too high, would give back."""
    await demand.measure_returnable(tx, ghost_days)


async def end_demand(tx: Transaction) -> None:
    """What was refused and is held by now is unmet no longer; what is long over is forgotten."""
    await demand.end_demand(tx)

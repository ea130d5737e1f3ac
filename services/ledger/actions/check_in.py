"""A device gives its units back."""

from services.ledger.actions.tell_pool import tell_change
from services.ledger.domain.devices import CheckIn, Outcome, apply
from services.ledger.domain.transitions import Limits, advance
from services.ledger.store import devices
from shared.kit.transaction import Transaction


async def check_in(tx: Transaction, limits: Limits, cluster: str, command: CheckIn) -> Outcome:
    """Nothing happens where there is no such device. Raises NotFound for an unknown cluster, PrimaryOfAdjunct."""
    before = await devices.lock_pool(tx, cluster)
    desk = await devices.load_desk(tx, cluster, before.pool, [command.device], [])
    left, outcome = apply(desk, command)
    if outcome == "gone":
        return outcome
    after, transitions = advance(before, left.pool, limits)
    await devices.remove(tx, cluster, after, [command.device])
    if after != before:
        tell_change(tx, cluster, after, transitions)
    return outcome

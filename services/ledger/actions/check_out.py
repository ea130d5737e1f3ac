"""A device takes the units of its type, or is re-priced when its type, its primary or its price changed."""

from services.ledger.actions.tell_pool import tell_change, tell_refusal
from services.ledger.domain.devices import CheckOut, Holding, Outcome, apply
from services.ledger.domain.refusals import Refusal
from services.ledger.domain.transitions import Limits, PoolState, advance
from services.ledger.store import devices
from shared.kit.transaction import Transaction


async def check_out(tx: Transaction, limits: Limits, cluster: str, command: CheckOut) -> tuple[Holding, PoolState, Outcome]:
    """What the device holds now, the pool left behind, and what happened. Raises NotFound, CatalogueMissing and the refusals."""
    before = await devices.lock_pool(tx, cluster)
    names = [command.device] if command.adjunct_of is None else [command.device, command.adjunct_of]
    desk = await devices.load_desk(tx, cluster, before.pool, names, [command.device_type])
    try:
        left, outcome = apply(desk, command)
    except Refusal as refusal:
        tell_refusal(tx, cluster, before, command.device, refusal)
        raise
    holding = left.holdings[command.device]
    if outcome == "unchanged":
        return holding, before, outcome
    after, transitions = advance(before, left.pool, limits)
    await devices.write(tx, cluster, after, [holding])
    if after != before:
        tell_change(tx, cluster, after, transitions)
    return holding, after, outcome

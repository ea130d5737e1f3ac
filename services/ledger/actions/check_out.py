"""A device takes the units of its type, or is re-priced when its type, its primary or its price changed."""

from services.ledger.actions.settle_batch import Desks, Several
from services.ledger.domain.devices import CheckOut, Holding, Outcome
from services.ledger.domain.transitions import PoolState


async def check_out(desks: Desks, cluster: str, command: CheckOut) -> tuple[Holding, PoolState, Outcome]:
    """What the device holds now, the pool left behind, and what happened. Raises NotFound, Busy and NotDone."""
    settled = await desks.ask(cluster, Several((command,)))
    (done,) = settled.outcomes
    if isinstance(done, Exception):
        raise done
    assert done.after is not None
    return done.after, settled.state, done.outcome

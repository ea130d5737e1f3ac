"""An overdraft lasts: the pool reaches the next stage of its ladder, which is journalled and told."""

from services.ledger.actions.record_change import origin_of
from services.ledger.actions.tell_pool import stage_of
from services.ledger.domain.changes import write_stage
from services.ledger.domain.pool import PHONE_UNIT
from services.ledger.domain.transitions import climb
from services.ledger.store import clusters, journal, ladders
from shared.kit.trace import current_trace
from shared.kit.transaction import Transaction

_MOST_AT_ONCE = 100
"""Clusters that one run locks together; the others wait for the next."""


async def climb_ladders(tx: Transaction) -> None:
    """Every pool that has reached a stage, by the database's clock."""
    names = await ladders.due(tx, _MOST_AT_ONCE)
    for name, cluster in (await clusters.lock_all(tx, names)).items():
        direct = await tx.direct()
        pen = await journal.pen_for(direct, name)
        state, transitions = climb(cluster.pools[PHONE_UNIT], pen.at)
        if not transitions:
            continue  # its overdraft ended before it was locked
        await clusters.save_pool(tx, name, state)
        write_stage(pen, state, origin_of(current_trace()))
        await journal.append(direct, pen)
        tx.publish(stage_of(name, state, pen.at))
